//! Decode: captured bytes become typed chunks of rows.
//!
//! Takes captures and the contracts of the format's tables; makes [`Decoded`], one stream of [`Step`]s over all tables
//! of the feed. Holds a bounded number of chunks at a time, never a whole table: it works chunk by chunk. One
//! folder or file per format; formats of messages make their rows with a [`rows::RowBuilder`], and [`captures`] has what is told
//! of them whatever the format. Beside them, [`timetable`] reads a GTFS feed as columns and holds it whole, for the rules that look at all of it.

mod archive;
pub mod captures;
pub(crate) mod csv;
pub mod format;
pub mod formats;
mod geojson;
pub mod gtfs;
mod gtfs_format;
pub mod gtfs_realtime;
pub(crate) mod gtfs_realtime_format;
mod mapped;
mod partition;
pub mod rows;
pub mod snapshot;
pub mod timetable;

use std::sync::Arc;

pub use self::formats::FORMATS;
pub(crate) use self::gtfs_format::archive as archive_of;
use crate::contract::Contract;
use crate::table::{BudgetExceeded, Chunk, Origin};

/// A feed as it comes out of its format's decoder.
pub struct Decoded {
    /// The tables that this feed has, in the order in which they begin in `steps`: a table comes after the tables that
    /// its foreign keys name.
    pub tables: Vec<Head>,
    /// What is wrong with the feed as a whole and not with a row: an unknown file or column, an archive cut off.
    pub notes: Vec<Note>,
    pub steps: Steps,
    /// The archive of a timetable, for rules that look at all of it.
    pub archive: Option<bytes::Bytes>,
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
    Strays { table: usize, strays: captures::Strays },
    /// `tables[table]` has no more rows. Every table ends once.
    End { table: usize },
    /// Something noticed on the way, about the feed or a file.
    Note(Note),
    /// A capture was looked into, the one at this place among the origins; of formats with many captures.
    /// With it the message as a whole, if it was read.
    Read { origin: u32, read: captures::Read, snapshot: Option<snapshot::Snapshot> },
}

/// A remark on a feed or file, with the rule's id that a finding will carry: `gtfs.unknown_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub rule: &'static str,
    pub severity: crate::contract::Severity,
    /// Names the file, and the row or field where there is one. No personal data.
    pub message: String,
}

/// A feed that cannot be decoded. The message names the file, the row where there is one, and the remedy.
///
/// All of these are final (exit code 42): the same bytes fail again.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("{name}: {problem}. {remedy}")]
    Feed { name: String, problem: String, remedy: String },
    #[error("{name}, row {row}: {problem}. {remedy}")]
    Row { name: String, row: u64, problem: String, remedy: String },
    /// Reading the evidence failed; this one may succeed if tried again.
    #[error("{name} could not be read: {source}")]
    Io { name: String, source: std::io::Error },
    /// The capture itself could not be had.
    #[error(transparent)]
    Capture(#[from] crate::capture::CaptureError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

impl DecodeError {
    pub(crate) fn feed(name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Feed { name: name.to_owned(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn row(name: &str, row: u64, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Row { name: name.to_owned(), row, problem: problem.into(), remedy: remedy.into() }
    }
}

/// What hostile input may cost at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file after inflating.
    pub file_bytes: u64,
    /// Bytes of all files of an archive after inflating.
    pub archive_bytes: u64,
    /// How many times its packed size a file may inflate to, once it is larger than 4 MiB. Timetables reach 30.
    pub ratio: u64,
    /// Bytes of one CSV record.
    pub record_bytes: usize,
    /// Rows of one file that do not have as many fields as its header; one with more is no CSV of that header.
    pub torn_rows: usize,
    /// Columns of one file.
    pub columns: usize,
    /// Files of an archive.
    pub files: usize,
    /// Rows of one file, where a whole file is held.
    pub rows: usize,
    /// Bytes of all columns of a feed and of what rules lay beside them, where all of them are held. A country's timetable takes one
    /// or two gigabytes.
    pub held_bytes: usize,
    /// Bytes of one GTFS-Realtime message.
    pub message_bytes: usize,
    /// Entities of one GTFS-Realtime message. A country's have some 100,000.
    pub message_entities: usize,
    /// Rows that one GTFS-Realtime message may give. A country's predictions are some 2,000,000.
    pub message_rows: u64,
    /// Bytes that the rows of one GTFS-Realtime entity may take together: an alert with a thousand periods and a thousand
    /// stops is some kilobytes and a million rows.
    pub entity_bytes: usize,
}

impl Limits {
    /// The limits where a run may hold so many bytes: a message and the rows of an entity may take a part of them.
    pub fn within(memory: usize) -> Self {
        let limits = Self::default();
        Self {
            message_bytes: limits.message_bytes.min(memory / 4),
            entity_bytes: limits.entity_bytes.min(memory / 16),
            ..limits
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 30,
            archive_bytes: 9 << 30,
            ratio: 100,
            record_bytes: 8 << 20,
            torn_rows: 100_000,
            columns: 1_000,
            files: 1_000,
            rows: 1_000_000_000,
            held_bytes: 8 << 30,
            message_bytes: 256 << 20,
            message_entities: 1_000_000,
            message_rows: 5_000_000,
            entity_bytes: 32 << 20,
        }
    }
}
