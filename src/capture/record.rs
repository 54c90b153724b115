//! The records that asking a source leaves in the evidence: the body, that it is the same, or why there is none.
//!
//! A body is a `response` or `resource` record, that it is the same a `revisit` (WARC 1.1, 6.7), everything else a `metadata` record of
//! `application/warc-fields`. The header field `Fahrtenbuch-Beat` says which beat a record belongs to; what was asked for by hand, by
//! a run, or was imported has none.

use std::fmt::Write;

use jiff::Timestamp;

use crate::capture::beat::Beat;
use crate::capture::payload::Payload;
use crate::capture::{Capture, FailureKind};
use crate::digest::Digest;

/// The header fields that are ours.
pub(super) const BEAT_FIELD: &str = "Fahrtenbuch-Beat";
pub(super) const FEED_TIME_FIELD: &str = "Fahrtenbuch-Feed-Time";
pub(super) const UNREADABLE_FIELD: &str = "Fahrtenbuch-Unreadable";
/// The profiles of revisits.
pub(super) const NOT_MODIFIED: &str = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";
pub(super) const SAME_PAYLOAD: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";

/// A record as it is appended.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Its WARC-Date; of a body when it was captured.
    pub at: Timestamp,
    pub url: String,
    pub beat: Option<Beat>,
    /// The header time of a GTFS-Realtime message that reports vehicles or trips: the one that came, or the one that is the same.
    pub feed_time: Option<Timestamp>,
    /// The name of what the body is, where that is not what the source is to give.
    pub unreadable: Option<&'static str>,
    /// What the body was found to be, together with its feed time; where it was not looked at, it is when it is kept.
    pub payload: Option<Payload>,
    pub content: NewContent,
}

impl NewRecord {
    /// Of a capture that no beat asked for.
    pub fn of(capture: Capture) -> Self {
        let (at, url) = (capture.captured_at, capture.url.clone());
        let content = NewContent::Body(capture);
        Self { at, url, beat: None, feed_time: None, unreadable: None, payload: None, content }
    }
}

#[derive(Clone, Debug)]
pub enum NewContent {
    Body(Capture),
    Unchanged(Unchanged),
    Note(Note),
}

/// That a source has what it gave before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchanged {
    /// Of the body that it gave before, and when that was captured.
    pub digest: Digest,
    pub captured_at: Timestamp,
    /// It answered 304; else with the same bytes.
    pub is_not_modified: bool,
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

/// What came of a beat that gave nothing, or of the collector itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// For people; without secrets.
    Failed {
        kind: FailureKind,
        problem: String,
    },
    /// So many beats, from that of the record on, at which the source was not asked.
    Skipped {
        beats: u64,
        reason: SkipReason,
    },
    /// Of a source that sends by itself: there was a connection, and nothing came.
    Silent,
    Started {
        reason: Lifecycle,
    },
    Stopped {
        reason: Lifecycle,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The answer to an earlier beat was still under way, or the machine slept.
    Late,
    /// The source asked to be left alone (`Retry-After`).
    LeftAlone,
    /// The disk took no record of them.
    NotKept,
    /// The collector ended while the answer was under way.
    Ended,
}

/// Why a collector begins or ends with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The program was started or ended.
    Program,
    /// The configuration changed.
    Configuration,
}

/// A record as it is read, of whatever kind a beat leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeatRecord {
    pub at: Timestamp,
    pub url: String,
    pub beat: Option<Beat>,
    pub feed_time: Option<Timestamp>,
    /// The name of what the body is, where that is not what the source is to give.
    pub unreadable: Option<String>,
    pub outcome: BeatOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeatOutcome {
    /// Of this digest.
    Body(Digest),
    Unchanged {
        digest: Option<Digest>,
        is_not_modified: bool,
    },
    Note(Note),
}

impl SkipReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::LeftAlone => "left_alone",
            Self::NotKept => "not_kept",
            Self::Ended => "ended",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Late, Self::LeftAlone, Self::NotKept, Self::Ended].into_iter().find(|reason| reason.name() == name)
    }
}

impl Lifecycle {
    fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Configuration => "configuration",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Program, Self::Configuration].into_iter().find(|reason| reason.name() == name)
    }
}

impl Note {
    /// The block of its record: `application/warc-fields`.
    pub(super) fn fields(&self) -> String {
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            // Writing into a text cannot fail.
            let _ = write!(text, "{name}: {}\r\n", value.replace(['\r', '\n'], " "));
        };
        match self {
            Self::Failed { kind, problem } => {
                field("outcome", "failed");
                field("kind", kind.name());
                if let FailureKind::Status(status) = kind {
                    field("status", &status.to_string());
                }
                field("problem", problem);
            }
            Self::Skipped { beats, reason } => {
                field("outcome", "skipped");
                field("beats", &beats.to_string());
                field("reason", reason.name());
            }
            Self::Silent => field("outcome", "silent"),
            Self::Started { reason } => {
                field("outcome", "started");
                field("reason", reason.name());
            }
            Self::Stopped { reason } => {
                field("outcome", "stopped");
                field("reason", reason.name());
            }
        }
        text
    }

    /// `None` if it is no note of ours.
    pub(super) fn parse(fields: &[(String, String)]) -> Option<Self> {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        Some(match field("outcome")? {
            "failed" => {
                let status = field("status").and_then(|status| status.parse().ok());
                let kind = FailureKind::parse(field("kind")?, status)?;
                Self::Failed { kind, problem: field("problem").unwrap_or_default().to_owned() }
            }
            "skipped" => Self::Skipped {
                beats: field("beats")?.parse().ok().filter(|beats| *beats > 0)?,
                reason: SkipReason::parse(field("reason")?)?,
            },
            "silent" => Self::Silent,
            "started" => Self::Started { reason: Lifecycle::parse(field("reason")?)? },
            "stopped" => Self::Stopped { reason: Lifecycle::parse(field("reason")?)? },
            _ => return None,
        })
    }
}
