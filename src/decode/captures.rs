//! Captures: what is told of a feed that comes as many captures, in whatever format, and the one partition that is made of them.

use jiff::tz::TimeZone;

use crate::time::ServiceDate;

/// The column that says which source of the pipeline gave a row. Two sources may say something in the same second, and what they
/// call by the same id need not be the same.
pub const SOURCE: &str = "source";

/// The one partition whose rows a decoder makes; of other dates it makes no row.
#[derive(Clone)]
pub struct Only {
    pub date: ServiceDate,
    pub zone: TimeZone,
}

/// Rows of a table that no partition can have, because they came too early or too late for that of their date; counted in
/// the partition of the date on which they were received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    pub rows: u64,
    /// Where some of them stand, the origin and the place in it, and the date that they are of.
    pub samples: Vec<(u32, u64, ServiceDate)>,
}

/// What a capture gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A whole message, be it without entities.
    Message(Contents),
    /// A message whose header was read, and the entities before a place where it is cut off or damaged, or of whose entities
    /// none was whole. A note says where.
    InPart(Contents),
    /// No message: the name of what it is instead, and that for people.
    Nothing { kind: &'static str, said: String },
}

/// What is to be told of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// It was packed with gzip of which no header speaks.
    pub is_bare_gzip: bool,
    /// It tells only what has changed.
    pub is_differential: bool,
    /// Entities that are told as deleted. They give no rows.
    pub deleted: u64,
    /// Entities that were left out because they are damaged.
    pub damaged: u64,
    /// Entities that were left out because their rows would take more than they may.
    pub oversized: u64,
    /// Times that are 0, which stands for none.
    pub zero_times: u64,
}

/// The rules under which it is told what the captures of a feed are and have. They begin with the name of the format, as
/// `gtfs_realtime.no_message`; what each means stands in [`program_findings`](crate::check::program_findings).
#[derive(Debug)]
pub struct CaptureRules {
    /// Captures that are something else.
    pub unreadable: &'static str,
    /// Captures that are gzip of which no header speaks.
    pub bare_gzip: &'static str,
    /// Captures that tell only what has changed.
    pub differential: &'static str,
    /// Entities that are told as deleted.
    pub deleted: &'static str,
    /// Times that are 0, which stands for none.
    pub zero_time: &'static str,
    /// Rows that are of a later date than the one on which they were received, and of an earlier one that was over.
    pub early_rows: &'static str,
    pub late_rows: &'static str,
}

impl CaptureRules {
    /// One rule for everything, of formats that tell nothing but that a capture is something else.
    pub const fn all(rule: &'static str) -> Self {
        Self {
            unreadable: rule,
            bare_gzip: rule,
            differential: rule,
            deleted: rule,
            zero_time: rule,
            early_rows: rule,
            late_rows: rule,
        }
    }
}
