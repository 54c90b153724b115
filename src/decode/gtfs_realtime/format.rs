//! GTFS-Realtime as a format of pipelines.

use std::sync::Arc;

use crate::capture::Capture;
use crate::capture::payload::Wanted;
use crate::contract::library::Library;
use crate::decode::captures::CaptureRules;
use crate::decode::format::{DecodeInput, Decoder, Format, Partitioning, RuleBook, Section, SourceColumn};
use crate::decode::gtfs_realtime::rules::CAPTURE_RULES;
use crate::decode::unread::Unread;
use crate::decode::{DecodeError, Decoded, Limits, gtfs_realtime};
use crate::text::Text;
use crate::yaml::{Node, Problems};

/// Snapshots, whose entities are rows of three tables.
#[derive(Debug)]
pub(crate) struct GtfsRealtime;

impl Format for GtfsRealtime {
    fn name(&self) -> &'static str {
        "gtfs-realtime"
    }

    fn partitioning(&self) -> Partitioning {
        Partitioning::ServiceDay
    }

    fn standard(&self) -> &'static str {
        "gtfs-rt"
    }

    fn wanted(&self, _: &Node) -> Wanted {
        Wanted::Message
    }

    fn decoder(&self, _: &Section<'_>, _: &mut Problems) -> Option<Arc<dyn Decoder>> {
        Some(Arc::new(Self))
    }
}

impl Decoder for GtfsRealtime {
    fn format(&self) -> &'static dyn Format {
        &Self
    }

    fn wanted(&self) -> Wanted {
        Wanted::Message
    }

    fn capture_rules(&self) -> &'static CaptureRules {
        &CAPTURE_RULES
    }

    fn rule_book(&self) -> Option<RuleBook> {
        Some(RuleBook::GtfsRealtime)
    }

    fn columns(&self, table: &str) -> Option<Vec<SourceColumn<'_>>> {
        let column = |name: &'static str| SourceColumn { name, is_single: gtfs_realtime::is_single(name) };
        Some(gtfs_realtime::columns(table)?.into_iter().map(column).collect())
    }

    fn has_positions(&self, capture: &Capture, limits: Limits) -> bool {
        gtfs_realtime::has_positions(capture, limits)
    }

    fn unread(&self, capture: &Capture, _: &Library, limits: Limits) -> Unread {
        super::unread::unread(capture, limits)
    }

    fn place(&self, _: &str, row: u64) -> Text {
        Text::new(
            format!("entity {row} of the FeedMessage, counted from 0"),
            format!("entity {row} der FeedMessage, ab 0 gezählt"),
        )
    }

    fn decode(&self, input: DecodeInput<'_>) -> Result<Decoded, DecodeError> {
        gtfs_realtime::decode_only(input)
    }
}
