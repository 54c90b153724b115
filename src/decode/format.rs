//! What a format is: which tables its feeds have, how its evidence makes a partition, which feed rules look at it, and how its
//! captures become rows.
//!
//! A format is one folder beside this file, which implements [`Format`] and [`Decoder`], and one line of
//! [`FORMATS`](crate::decode::FORMATS). Nothing else of the program asks which format a pipeline has.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::capture::payload::Wanted;
use crate::capture::{Capture, CaptureError};
use crate::contract::library::Library;
use crate::decode::captures::{CaptureRules, Only};
use crate::decode::unread::Unread;
use crate::decode::{DecodeError, Decoded, Limits};
use crate::table::{Budget, Origin};
use crate::text::Text;
use crate::yaml::{Node, Problems};

/// A format that pipelines can name.
pub trait Format: Sync {
    /// The word behind `format:` in a pipeline's file.
    fn name(&self) -> &'static str;

    /// How captures make partitions.
    fn partitioning(&self) -> Partitioning;

    /// The standard of its feeds, by what mobilityDCAT-AP calls it
    /// (`https://w3id.org/mobilitydcat-ap/mobility-data-standard/`).
    fn standard(&self) -> &'static str {
        "other"
    }

    /// What a body is to be, by a pipeline's file whose other sections may be wrong.
    fn wanted(&self, node: &Node) -> Wanted;

    /// The keys of the pipeline's file that only this format reads.
    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads what the pipeline's file says for this format. `None` where that is wrong, which is added to `problems`.
    fn decoder(&self, section: &Section<'_>, problems: &mut Problems) -> Option<Arc<dyn Decoder>>;
}

/// What a format may look at of a pipeline's file.
pub struct Section<'a> {
    /// The whole file; [`Format::keys`] are the format's own.
    pub node: &'a Node,
    /// Paths are relative to the workspace.
    pub root: &'a Path,
    /// Of the feed's tables.
    pub contracts: &'a Library,
}

/// How captures make the partition of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// The newest capture of the calendar day is the partition, whole. A pipeline has one source, and a partition is complete
    /// once it is there.
    CapturedDay,
    /// Every row belongs to a service date, and the captures of all sources until the date is over may have some of it.
    ServiceDay,
}

/// The rules of a standard that look at a feed of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleBook {
    /// Those of GTFS, over the feed as a whole.
    Gtfs,
    /// Those of GTFS-Realtime, over each snapshot.
    GtfsRealtime,
}

/// A column that rows of a feed can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceColumn<'a> {
    pub name: &'a str,
    /// Whether its numbers have 32 bits.
    pub is_single: bool,
}

/// The evidence of a partition, and what reading it may cost.
pub struct DecodeInput<'a> {
    /// In the order in which `captures` yields them.
    pub origins: Vec<Origin>,
    pub captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    pub contracts: &'a Library,
    pub limits: Limits,
    pub budget: Budget,
    /// The partition whose rows are wanted, of formats that are partitioned by service day.
    pub only: Only,
}

/// Columns by tables.
pub type NeededColumns = BTreeMap<String, HashSet<String>>;

/// How the timetable of a pipeline is read for the rules of others, which look into a few of its columns.
pub trait TimetableDecoder {
    /// What a capture holds, without what it was packed with for the way.
    ///
    /// # Errors
    /// It cannot be unpacked.
    fn unpacked(&self, source: &str, capture: &Capture) -> Result<Bytes, DecodeError>;

    /// Begins to decode what was unpacked of a capture of `origin`, with no rows of tables that are not needed, and without the
    /// cells of columns that are not.
    ///
    /// # Errors
    /// It is no timetable, or lacks what each must have. Other errors come with the steps.
    fn decode_needed(
        &self,
        body: Bytes,
        origin: &Origin,
        contracts: &Library,
        needs: &NeededColumns,
    ) -> Result<Decoded, DecodeError>;
}

/// A format as a pipeline's file configures it.
pub trait Decoder: Debug + Send + Sync {
    fn format(&self) -> &'static dyn Format;

    /// What a capture has to be.
    fn wanted(&self) -> Wanted;

    /// The rules under which it is told what captures are and have.
    fn capture_rules(&self) -> &'static CaptureRules;

    /// The feed rules that look at what was captured.
    fn rule_book(&self) -> Option<RuleBook>;

    /// The columns that a row of a table can have; `None` where feeds of this format have no such table.
    fn columns(&self, table: &str) -> Option<Vec<SourceColumn<'_>>>;

    /// What of the format's own section decides rows, by name: inputs of the run.
    fn settings(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What becomes of a source's values on the way into a column of a table, for people; `None` where they stay as they are.
    fn conversion(&self, _table: &str, _column: &str) -> Option<Text> {
        None
    }

    /// What to do about a column of a table that nothing fills, where the pipeline's file may fill it.
    fn how_to_fill(&self) -> Option<&'static str> {
        None
    }

    /// Where a row of a table stands in its origin, for people: `row` is its [`ORIGIN_ROW`](crate::table::ORIGIN_ROW), `origin` the
    /// name of the origin.
    fn place(&self, origin: &str, row: u64) -> Text;

    /// Whether a capture tells where a vehicle is.
    fn has_positions(&self, _capture: &Capture, _limits: Limits) -> bool {
        false
    }

    /// What a capture has and no column is made of: it is private. Nothing of what cannot be read.
    fn unread(&self, _capture: &Capture, _contracts: &Library, _limits: Limits) -> Unread {
        Unread::default()
    }

    /// How others read a timetable of this format; `None` where its feeds are none.
    fn timetables(&self) -> Option<&dyn TimetableDecoder> {
        None
    }

    /// Begins to decode. Errors of a capture that end the run come in the stream.
    fn decode(&self, input: DecodeInput<'_>) -> Result<Decoded, DecodeError>;
}
