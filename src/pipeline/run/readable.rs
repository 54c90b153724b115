//! Which captures can be read: the newest readable timetable of a source, and how many of a date's captures were messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::capture::CaptureError;
use crate::capture::evidence::{Damage, Entry, Kind, Store};
use crate::capture::payload::{self, Wanted};
use crate::check::{Outcome, RuleResult};
use crate::contract::{Dimension, OnFail, RuleId, Severity};
use crate::decode::Note;
use crate::decode::captures::{CaptureRules, Contents, Read};
use crate::ledger::{Finding, RunRecord};
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::text::german_number;

/// The name that readable messages have among the kinds of captures in a record.
const READABLE: &str = "readable";
/// Messages that were read up to a place. They do not count as readable: what is missing would look like no buses.
const CUT_OFF: &str = "cut_off";

/// A readable timetable, and the captures that are none.
#[derive(Default)]
pub(super) struct Found {
    pub entry: Option<Entry>,
    pub passed_over: Option<PassedOver>,
}

/// Captures of a timetable's source that are no timetable.
#[derive(Clone, Debug)]
pub(super) struct PassedOver {
    source: String,
    count: u64,
    oldest: Timestamp,
    newest: Timestamp,
    /// What the newest of them is.
    said: String,
}

impl Found {
    fn pass_over(&mut self, source: &str, entry: &Entry, said: String) {
        let at = entry.captured_at;
        match &mut self.passed_over {
            None => {
                let (source, oldest, newest) = (source.to_owned(), at, at);
                self.passed_over = Some(PassedOver { source, count: 1, oldest, newest, said });
            }
            Some(passed_over) => {
                passed_over.count += 1;
                passed_over.oldest = passed_over.oldest.min(at);
                if at > passed_over.newest {
                    (passed_over.newest, passed_over.said) = (at, said);
                }
            }
        }
    }
}

impl PassedOver {
    /// For people: `the capture of 'x' of 2026-11-24T10:00:00Z is an HTML page, not a GTFS archive (...)`.
    pub(super) fn said(&self) -> String {
        let Self { source, oldest, newest, said, .. } = self;
        match self.count {
            1 => format!("the capture of '{source}' of {newest} {said}"),
            count => format!(
                "none of the {count} captures of '{source}' from {oldest} until {newest} can be read; the newest {said}"
            ),
        }
    }

    /// That these were passed over, and which timetable was used.
    pub(super) fn note(&self, used: &Entry) -> Note {
        let message = format!("{}; used was the one of {}", self.said(), used.captured_at);
        tracing::warn!("{message}");
        Note { rule: "timetable.unreadable", severity: Severity::Warning, message }
    }
}

/// What is wrong with a capture that should be a timetable; nothing if it is one. Its content is the decoder's affair.
fn unreadable(store: &Store, source: &str, entry: &Entry) -> Result<Option<String>, CaptureError> {
    // It was looked at when it was kept, and is read again when it is decoded.
    if store.was_readable(source, entry) {
        return Ok(None);
    }
    let identified = payload::identify(&store.open(entry)?);
    Ok((!Wanted::Timetable.is(identified.payload)).then(|| identified.said(Wanted::Timetable)))
}

/// The newest readable timetable of a source that was captured before `until`. That the source had it still is no capture: it makes
/// no partition of its date. What was captured after it and is none is
/// passed over, hour by hour, so that an archive is read twice at the most.
///
/// # Errors
/// A capture that is damaged in the store: an older timetable must not come in its place without a word.
pub(super) fn latest_timetable(store: &Store, source: &str, mut until: Timestamp) -> Result<Found, CaptureError> {
    let mut found = Found::default();
    while let Some(newest) = store.latest_body(source, until)? {
        // What is damaged behind it is an error already.
        if store.was_readable(source, &newest) {
            return Ok(Found { entry: Some(newest), ..found });
        }
        let at = newest.captured_at;
        let hour = Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(3600)).unwrap_or(at);
        let after = at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(at);
        let listing = store.list(source, hour, after)?;
        let mut entries: Vec<Entry> = listing.entries.into_iter().filter(|entry| !entry.is_revisit).collect();
        // What is damaged between a timetable and what was passed over may have been a newer one.
        let lost = |entry: &Entry| {
            let behind = |damage: &&Damage| *damage.file == *entry.file && damage.offset > entry.offset;
            listing.damage.iter().filter(|damage| damage.kind != Kind::Torn).find(behind)
        };
        if !entries.contains(&newest) {
            entries = vec![newest];
        }
        for entry in entries.iter().rev() {
            match unreadable(store, source, entry)? {
                None => {
                    return match lost(entry) {
                        None => Ok(Found { entry: Some(entry.clone()), ..found }),
                        Some(damage) => Err(damage.clone().error()),
                    };
                }
                Some(said) => found.pass_over(source, entry, said),
            }
        }
        until = entries.first().map_or(hour, |entry| entry.captured_at);
    }
    Ok(found)
}

/// The first readable timetable of a source from `from` on.
///
/// # Errors
/// As [`latest_timetable`].
pub(super) fn first_timetable(store: &Store, source: &str, mut from: Timestamp) -> Result<Found, CaptureError> {
    let mut found = Found::default();
    while let Some(entry) = store.first_body_from(source, from)? {
        let Some(said) = unreadable(store, source, &entry)? else { return Ok(Found { entry: Some(entry), ..found }) };
        found.pass_over(source, &entry, said);
        from = entry.captured_at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
    }
    Ok(found)
}

/// What the captures of a date gave, by source and kind.
#[derive(Default)]
pub(super) struct Captures {
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Of each kind that is no message: the first capture, and what it is.
    first: BTreeMap<(String, &'static str), String>,
    /// Of each source what is to be told of its messages.
    told: BTreeMap<String, Told>,
}

/// What is to be told of the messages of a source.
#[derive(Default)]
struct Told {
    /// Captures that are packed with gzip, and no header says so.
    bare_gzip: u64,
    /// Captures that tell only what has changed.
    differential: u64,
    /// Entities that are told as deleted.
    deleted: u64,
    /// Times that are 0.
    zero_times: u64,
}

impl Told {
    fn add(&mut self, contents: Contents) {
        self.bare_gzip += u64::from(contents.is_bare_gzip);
        self.differential += u64::from(contents.is_differential);
        self.deleted += contents.deleted;
        self.zero_times += contents.zero_times;
    }

    fn notes(&self, source: &str, rules: &CaptureRules) -> Vec<Note> {
        let note = |count: u64, rule: &'static str, severity: Severity, message: String| {
            (count > 0).then_some(Note { rule, severity, message })
        };
        let Self { bare_gzip, differential, deleted, zero_times } = *self;
        let notes = [
            note(
                bare_gzip,
                rules.bare_gzip,
                Severity::Info,
                format!("{bare_gzip} captures of '{source}' are gzip without a Content-Encoding and were unpacked"),
            ),
            note(
                differential,
                rules.differential,
                Severity::Warning,
                format!(
                    "{differential} captures of '{source}' are DIFFERENTIAL: they tell only what has changed, so a vehicle or \
                     trip that one of them does not name is not gone"
                ),
            ),
            note(
                deleted,
                rules.deleted,
                Severity::Info,
                format!("{deleted} entities of '{source}' are marked as deleted and give no row"),
            ),
            note(
                zero_times,
                rules.zero_time,
                Severity::Info,
                format!("{zero_times} times of '{source}' are 0, which stands for none: they are null"),
            ),
        ];
        notes.into_iter().flatten().collect()
    }
}

impl Captures {
    /// `sources` has one entry for each origin, as evidence that gave no capture at all counts for nothing.
    pub(super) fn add(&mut self, source: &Arc<str>, origin: &str, read: Read) {
        let kind = match read {
            Read::Message(contents) => {
                self.told.entry(source.to_string()).or_default().add(contents);
                READABLE
            }
            Read::InPart(contents) => {
                self.told.entry(source.to_string()).or_default().add(contents);
                CUT_OFF
            }
            Read::Nothing { kind, said } => {
                self.first.entry((source.to_string(), kind)).or_insert_with(|| format!("'{origin}' {said}"));
                kind
            }
        };
        *self.counts.entry(source.to_string()).or_default().entry(kind.to_owned()).or_default() += 1;
    }

    /// Tells what was no message, and keeps the counts in the record. A source of which less than `least` percent were
    /// readable messages gives a finding that holds the run back.
    ///
    /// # Errors
    /// Not one capture of all sources is a message.
    pub(super) fn account(
        self,
        pipeline: &Pipeline,
        record: &mut RunRecord,
        notes: &mut Vec<Note>,
    ) -> Result<(), RunError> {
        let rules = pipeline.decoder.capture_rules();
        for ((source, kind), said) in &self.first {
            let message = match self.count(source, kind) {
                1 => said.clone(),
                2 => format!("{said}; another capture of this source is of this kind"),
                count => format!("{said}; {} other captures of this source are of this kind", count - 1),
            };
            notes.push(Note { rule: rules.unreadable, severity: Severity::Error, message });
        }
        notes.extend(self.told.iter().flat_map(|(source, told)| told.notes(source, rules)));
        let sources: Vec<String> = self.counts.keys().map(|source| self.said(source)).collect();
        let has_message = |source: &String| self.count(source, READABLE) + self.count(source, CUT_OFF) > 0;
        if !self.counts.is_empty() && !self.counts.keys().any(has_message) {
            let first: Vec<&str> = self.first.values().map(String::as_str).collect();
            let found = format!("{}: {}", sources.join(", "), first.join("; "));
            let wanted = pipeline.decoder.wanted();
            let what = format!("no capture of {} for {} is {}", pipeline.name, record.date, wanted.words());
            return Err(RunError::Unreadable { what, found, remedy: wanted.remedy() });
        }
        let least = pipeline.minimum_readable;
        let is_poor =
            |source: &&String| (self.count(source, READABLE) as f64) * 100.0 < least * self.all(source) as f64;
        let poor: Vec<&String> = self.counts.keys().filter(is_poor).collect();
        if !poor.is_empty() {
            let said: Vec<String> = poor.iter().map(|source| self.said(source)).collect();
            let german: Vec<String> = poor
                .iter()
                .map(|source| format!("'{source}' {} von {}", self.count(source, READABLE), self.all(source)))
                .collect();
            let checked: u64 = poor.iter().map(|source| self.all(source)).sum();
            let readable: u64 = poor.iter().map(|source| self.count(source, READABLE)).sum();
            let outcome = Outcome {
                rule: RuleId(format!("{}.readable_captures", pipeline.name)),
                table: pipeline.name.clone(),
                dimension: Dimension::Completeness,
                severity: Severity::Error,
                on_fail: OnFail::Block,
                result: RuleResult::Failed,
                rows: checked - readable,
                checked,
                value: None,
                message: format!(
                    "at least {least} % of the captures of a source are readable messages: {}",
                    said.join(", ")
                ),
                found_de: Some(format!(
                    "mindestens {} % der Abrufe einer Quelle sind lesbare Nachrichten: {}",
                    german_number(&least.to_string()),
                    german.join(", ")
                )),
                samples: Vec::new(),
            };
            record.findings.push(Finding::of(&pipeline.name, outcome));
        }
        record.captures = self.counts;
        Ok(())
    }

    fn count(&self, source: &str, kind: &str) -> u64 {
        self.counts.get(source).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0)
    }

    fn all(&self, source: &str) -> u64 {
        self.counts.get(source).map_or(0, |kinds| kinds.values().sum())
    }

    /// `'x' 12 of 100 readable (3 cut_off, 85 html)`.
    fn said(&self, source: &str) -> String {
        let others = self.counts.get(source).into_iter().flatten().filter(|(kind, _)| *kind != READABLE);
        let others: Vec<String> = others.map(|(kind, count)| format!("{count} {kind}")).collect();
        let (readable, all) = (self.count(source, READABLE), self.all(source));
        format!("'{source}' {readable} of {all} readable ({})", others.join(", "))
    }
}
