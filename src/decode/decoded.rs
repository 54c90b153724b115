//! What a decoder makes: the tables of a feed as one stream of steps.

use std::sync::Arc;

use crate::contract::{Contract, Severity};
use crate::decode::captures::{Read, Strays};
use crate::decode::error::DecodeError;
use crate::decode::gtfs::TimetableReading;
use crate::decode::snapshot::Snapshot;
use crate::table::{Chunk, Origin};

/// A feed as it comes out of its format's decoder.
pub struct Decoded {
    /// The tables that this feed has, in the order in which they begin in `steps`: a table comes after the tables that
    /// its foreign keys name.
    pub tables: Vec<Head>,
    /// What is wrong with the feed as a whole and not with a row: an unknown file or column, an archive cut off.
    pub notes: Vec<Note>,
    pub steps: Steps,
    /// The timetable whose rows these are, for the rules that look at a whole feed; of GTFS, where it is wanted.
    pub timetable: Option<TimetableReading>,
}

/// The stream of a feed's rows. After an error it ends.
pub type Steps = Box<dyn Iterator<Item = Result<Step, DecodeError>> + Send>;

/// What is known of a table before its rows come.
#[derive(Clone, Debug)]
pub struct Head {
    pub contract: Arc<Contract>,
    pub origins: Arc<[Origin]>,
}

pub enum Step {
    /// Some rows of `tables[table]`.
    Rows { table: usize, chunk: Chunk },
    /// Rows of `tables[table]` that no partition can have and this one counts; once, before the table ends.
    Strays { table: usize, strays: Strays },
    /// `tables[table]` has no more rows. Every table ends once.
    End { table: usize },
    /// Something noticed on the way, about the feed or a file.
    Note(Note),
    /// A capture was looked into, the one at this place among the origins; of formats with many captures.
    /// With it the message as a whole, if it was read.
    Read { origin: u32, read: Read, snapshot: Option<Snapshot> },
}

/// A remark on a feed or file, with the rule's id that a finding will carry: `gtfs.unknown_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub rule: &'static str,
    pub severity: Severity,
    /// Names the file, and the row or field where there is one. No personal data.
    pub message: String,
}
