//! What a beat came to.

use crate::capture::FailureKind;
use crate::capture::record::SkipReason;

/// What became of a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Explanation {
    /// A body was kept.
    Body,
    /// The source had what it gave before: 304, or the same bytes.
    Unchanged,
    /// A source that sends by itself (MQTT) was connected, and nothing came.
    Silent,
    /// The source answered, but the header time of its feed has stood still for more than two beats and a minute.
    Frozen,
    /// A body was kept, or is the same, that is not what the source is to give.
    Unreadable,
    Failed(FailureKind),
    Skipped(SkipReason),
    /// No collector was at work on the source.
    Off(OffReason),
    /// The collector is at work and the answer is still awaited.
    UnderWay,
    /// A collector was at work and left no record: a fault of the collector, or a record that is damaged.
    Unexplained,
}

/// Why no collector was at work on a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OffReason {
    /// It was ended cleanly.
    Stopped,
    /// The configuration did not have the source.
    NotConfigured,
    /// It ended without a word: it was killed, or the machine went down.
    Killed,
}

/// Explanations that a picture shows alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Body,
    Unchanged,
    Silent,
    Frozen,
    Unreadable,
    Failed,
    Skipped,
    Off,
    UnderWay,
    Unexplained,
}

impl Class {
    pub const ALL: [Self; 10] = [
        Self::Body,
        Self::Unchanged,
        Self::Silent,
        Self::Frozen,
        Self::Unreadable,
        Self::Failed,
        Self::Skipped,
        Self::Off,
        Self::UnderWay,
        Self::Unexplained,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Unchanged => "unchanged",
            Self::Silent => "silent",
            Self::Frozen => "frozen",
            Self::Unreadable => "unreadable",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Off => "off",
            Self::UnderWay => "under_way",
            Self::Unexplained => "unexplained",
        }
    }
}

impl Explanation {
    pub fn class(self) -> Class {
        match self {
            Self::Body => Class::Body,
            Self::Unchanged => Class::Unchanged,
            Self::Silent => Class::Silent,
            Self::Frozen => Class::Frozen,
            Self::Unreadable => Class::Unreadable,
            Self::Failed(_) => Class::Failed,
            Self::Skipped(_) => Class::Skipped,
            Self::Off(_) => Class::Off,
            Self::UnderWay => Class::UnderWay,
            Self::Unexplained => Class::Unexplained,
        }
    }

    /// Whether the source gave what it is to give.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Body | Self::Unchanged)
    }

    /// What it is within its class: `refused`, `status 503`, `late`, `stopped`; nothing where the class says all.
    pub fn reason(self) -> Option<String> {
        Some(match self {
            Self::Failed(FailureKind::Status(status)) => format!("status {status}"),
            Self::Failed(kind) => kind.name().to_owned(),
            Self::Skipped(reason) => reason.name().to_owned(),
            Self::Off(reason) => reason.name().to_owned(),
            _ => return None,
        })
    }
}

impl OffReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::NotConfigured => "not_configured",
            Self::Killed => "killed",
        }
    }
}
