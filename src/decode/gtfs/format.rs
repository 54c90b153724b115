//! GTFS Schedule as a format of pipelines.

use std::sync::Arc;

use bytes::Bytes;

use super::publish::{decode_needed, decode_whole};
use crate::capture::Capture;
use crate::capture::payload::{self, Wanted};
use crate::contract::library::Library;
use crate::decode::captures::CaptureRules;
use crate::decode::format::{
    DecodeInput, Decoder, Format, NeededColumns, Partitioning, RuleBook, Section, SourceColumn, TimetableDecoder,
};
use crate::decode::unread::Unread;
use crate::decode::{DecodeError, Decoded, Limits};
use crate::table::Origin;
use crate::text::Text;
use crate::yaml::{Node, Problems};

/// The most that an archive may take after a Content-Encoding was taken off.
const ARCHIVE_BYTES: usize = 2 << 30;

/// Each file of the feed is a table.
#[derive(Debug)]
pub(crate) struct Gtfs;

impl Format for Gtfs {
    fn name(&self) -> &'static str {
        "gtfs"
    }

    fn partitioning(&self) -> Partitioning {
        Partitioning::CapturedDay
    }

    fn standard(&self) -> &'static str {
        "gtfs"
    }

    fn wanted(&self, _: &Node) -> Wanted {
        Wanted::Timetable
    }

    fn decoder(&self, _: &Section<'_>, _: &mut Problems) -> Option<Arc<dyn Decoder>> {
        Some(Arc::new(Self))
    }
}

/// A partition is one capture, of which only this is told.
const CAPTURE_RULES: CaptureRules = CaptureRules::all("timetable.unreadable");

impl Decoder for Gtfs {
    fn format(&self) -> &'static dyn Format {
        &Self
    }

    fn wanted(&self) -> Wanted {
        Wanted::Timetable
    }

    fn capture_rules(&self) -> &'static CaptureRules {
        &CAPTURE_RULES
    }

    fn rule_book(&self) -> Option<RuleBook> {
        Some(RuleBook::Gtfs)
    }

    /// Those of the contract: a feed may have any of the reference.
    fn columns(&self, _: &str) -> Option<Vec<SourceColumn<'_>>> {
        None
    }

    fn timetables(&self) -> Option<&dyn TimetableDecoder> {
        Some(self)
    }

    fn unread(&self, capture: &Capture, contracts: &Library, _: Limits) -> Unread {
        let name = "the timetable";
        archive(name, capture).map(|body| super::unread::unread(name, body, contracts)).unwrap_or_default()
    }

    fn place(&self, origin: &str, row: u64) -> Text {
        Text::new(format!("line {row} of {origin}"), format!("Zeile {row} von {origin}"))
    }

    fn decode(&self, input: DecodeInput<'_>) -> Result<Decoded, DecodeError> {
        let DecodeInput { origins, mut captures, contracts, budget, .. } = input;
        let (Some(origin), Some(capture)) = (origins.first(), captures.next()) else {
            return Err(DecodeError::feed("the timetable", "there is no capture of it", "Capture it again."));
        };
        let name = origin.source();
        let body = archive(name, &capture?)?;
        budget.take("the archive of the timetable", body.len())?;
        let reserved = budget.reserve("standard rules", for_standard_rules(budget.left()))?;
        decode_whole(name, body, origin, contracts, (Limits::default(), reserved))
    }
}

impl TimetableDecoder for Gtfs {
    fn unpacked(&self, source: &str, capture: &Capture) -> Result<Bytes, DecodeError> {
        archive(source, capture)
    }

    fn decode_needed(
        &self,
        body: Bytes,
        origin: &Origin,
        contracts: &Library,
        needs: &NeededColumns,
    ) -> Result<Decoded, DecodeError> {
        decode_needed(&origin.name, body, origin, (contracts, needs), Limits::default())
    }
}

/// What of the memory of a run the columns of the feed may take, and the standard rules that look at them, of what is left beside
/// the archive; the rest of the run needs more than they. What they need of it is booked for the whole run, and what they do not
/// need is for the others, who wait until it is known: so neither depends on which is faster.
fn for_standard_rules(left: usize) -> usize {
    left / 2
}

/// The archive of a timetable without what it was packed with for the way.
fn archive(name: &str, capture: &Capture) -> Result<Bytes, DecodeError> {
    let unpacked = payload::unpacked(capture, ARCHIVE_BYTES);
    let problem = |problem| DecodeError::feed(name, problem, "Check what the source gives.");
    unpacked.map(|unpacked| unpacked.body).map_err(problem)
}
