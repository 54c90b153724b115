//! The answer of a trace: rows with their places in the evidence, and what is to be said of a date.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::contract::RuleId;
use crate::digest::Digest;
use crate::pipeline::Pipeline;
use crate::pipeline::run::follow::Followed;
use crate::pipeline::trace::watch::{Values, Watched};
use crate::quarantine::RowId;
use crate::text::Text;
use crate::time::ServiceDate;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Trace {
    pub dataset: String,
    pub table: String,
    /// As it was given.
    pub key: String,
    /// The partition that was looked into; `None` where the key tells none.
    pub date: Option<ServiceDate>,
    /// Other dates on which rows of the key are published.
    pub other_dates: Vec<ServiceDate>,
    pub rows: Vec<TracedRow>,
    /// Rows that have the key beside these.
    pub more: u64,
    /// What is to be said of the date as a whole: why a row of it is not there.
    pub reasons: Vec<Reason>,
}

/// A row that has the key.
#[derive(Debug, Serialize)]
pub struct TracedRow {
    pub fate: Fate,
    /// The rules by which it is held or was dropped.
    pub rules: Vec<RuleId>,
    /// Since when it is held, as the quarantine has it.
    pub since: Option<Timestamp>,
    /// Of a row that is held: by which 'quarantine' knows it.
    pub quarantine_id: Option<RowId>,
    /// The public values of a row that is published.
    pub values: Option<Values>,
    pub file: Option<PublishedFile>,
    pub evidence: Evidence,
    pub changes: Vec<Change>,
    /// Who discarded it, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discarded: Option<Discarded>,
    /// The rules from which the data manager released it.
    pub released: Vec<RuleId>,
    /// The rules that looked at it, by contract.
    pub checked_by: Vec<CheckedBy>,
    /// Of a row that is made of several.
    pub made_of: Vec<MadeOf>,
}

/// A decision by which rows are dropped for good.
#[derive(Clone, Debug, Serialize)]
pub struct Discarded {
    pub id: String,
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Published,
    /// It would be published, and is not: a reason of the date says why.
    NotPublished,
    Held,
    Dropped,
    Discarded,
}

#[derive(Debug, Serialize)]
pub struct PublishedFile {
    /// The newest version, which names it.
    pub version: u64,
    /// The version since which all do.
    pub since_version: u64,
    pub path: String,
    pub sha256: Digest,
    pub record: String,
    pub provisional: bool,
}

/// Where a row stands in the evidence.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// `None` for a row that is made of the timetable alone.
    pub source: Option<String>,
    pub captured_at: Option<Timestamp>,
    pub archive: Option<PathBuf>,
    pub offset: Option<u64>,
    pub length: Option<u64>,
    /// Bytes of the inflated frame before the record.
    pub skip: Option<u64>,
    /// Of the body.
    pub sha256: Option<Digest>,
    /// The source answered that it had nothing new: the body is that of an earlier answer.
    pub is_revisit: bool,
    /// The place of the row in its origin, as the run counts it.
    pub row: u64,
    pub place: Text,
}

/// What changed a cell of the row.
#[derive(Debug, Serialize)]
pub struct Change {
    pub column: String,
    pub what: What,
    /// By one of these rules.
    pub rules: Vec<RuleId>,
    /// What a mapping replaced, where the column is public.
    pub from: Option<serde_json::Value>,
    pub to: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Mapped,
    /// Its text is no value of the column's type.
    Unreadable,
    Invalidated,
    /// Not published, as 'privacy' of the release wants it.
    Blanked,
}

#[derive(Debug, Serialize)]
pub struct CheckedBy {
    pub contract: String,
    pub rules: Vec<RuleId>,
}

/// Rows of a table that a derived row is made of.
#[derive(Debug, Serialize)]
pub struct MadeOf {
    pub table: String,
    /// By which values they were found.
    pub key: String,
    pub rows: u64,
    /// The first of them.
    pub first: Vec<Evidence>,
}

/// Something that holds for a date as a whole.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// `purged`, `no_evidence`, `withdrawn`, `held_back`, `not_run`, `other_inputs`, `never_received`, `no_date`.
    pub kind: &'static str,
    pub said: Text,
}

impl Reason {
    pub(super) fn new(kind: &'static str, en: impl Into<String>, de: impl Into<String>) -> Self {
        Self { kind, said: Text::new(en, de) }
    }
}

impl Trace {
    /// Whether a row was found or it is told why there is none.
    pub fn is_explained(&self) -> bool {
        let explains = |reason: &Reason| !["never_received", "no_date"].contains(&reason.kind);
        !self.rows.is_empty() || self.reasons.iter().any(explains)
    }
}

/// Where a row stands.
pub(super) fn evidence(pipeline: &Pipeline, followed: &Followed, watched: &Watched) -> Evidence {
    let (origin, row) = (watched.place.0 as usize, watched.place.1);
    let name = followed.watch.origins.get(origin).map_or("", |origin| &origin.name);
    // A timetable is one capture, of which each file is an origin.
    let capture = if pipeline.is_timetable() { followed.captures.first() } else { followed.captures.get(origin) };
    let place = match capture {
        Some(_) => pipeline.decoder.place(name, row),
        None => {
            let used = followed.timetable.as_ref();
            let of = used.map_or_else(String::new, |of| format!("{} {}", of.dataset, of.partition_date));
            Text::new(format!("made of the timetable {of}"), format!("aus dem Fahrplan {of} gebildet"))
        }
    };
    let timetable = followed.timetable.as_ref().filter(|_| capture.is_none());
    Evidence {
        source: capture.map(|(source, _)| source.to_string()),
        captured_at: capture.map(|(_, entry)| entry.captured_at),
        archive: capture.map(|(_, entry)| entry.file.to_path_buf()),
        offset: capture.map(|(_, entry)| entry.offset),
        length: capture.map(|(_, entry)| entry.length),
        skip: capture.map(|(_, entry)| entry.skip),
        sha256: capture.map(|(_, entry)| entry.digest).or(timetable.map(|of| of.sha256)),
        is_revisit: capture.is_some_and(|(_, entry)| entry.is_revisit),
        row,
        place,
    }
}
