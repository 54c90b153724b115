//! The records of what is to be destroyed, made while all of it is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;

use super::reads::hour_of;
use super::subjects::{Subject, own_store};
use crate::ledger::{Captured, EvidenceEntry, PURGE_FORMAT, Program, PurgeDecision, PurgeRecord, PurgedEvidence};
use crate::pipeline::journal;
use crate::pipeline::purged::Purged;
use crate::pipeline::run::context::now;
use crate::pipeline::run::day_key::{day_keys, key_digest};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::quarantine;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What records are made of.
pub(super) struct Records<'a> {
    pub workspace: &'a Workspace,
    pub bucket: &'a Bucket,
    /// Dates before it go …
    pub first_kept: ServiceDate,
    /// … and those from here on because somebody decided so.
    pub first_not_due: ServiceDate,
    pub decided: Option<&'a PurgeDecision>,
    /// Whether an hour of a source goes now.
    pub is_destroyed: &'a dyn Fn(&str, &Range<Timestamp>) -> bool,
}

/// Captures of a purge, each counted once though two dates read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub destroyed: u64,
    /// Those that stay, since a date reads them, too, that is kept.
    pub waiting: u64,
}

/// The records of a subject.
#[derive(Default)]
pub(super) struct Made {
    pub records: Vec<PurgeRecord>,
    pub counts: Counts,
    /// By source, until when captures were counted.
    until: BTreeMap<String, Timestamp>,
}

impl Records<'_> {
    /// A record for each date of a subject that was not destroyed before and of which there is anything, and for each that was and
    /// of which something is destroyed again.
    pub(super) fn of(
        &self,
        subject: &Subject<'_>,
        known: &Purged,
        more: &BTreeSet<ServiceDate>,
    ) -> Result<Made, RunError> {
        let all = subject.dates(self.workspace, self.first_kept)?;
        let mut dates = all.clone();
        dates.extend(more);
        dates.retain(|date| match subject.pipeline {
            Some(pipeline) => known.of(&pipeline.name, *date).is_none() || self.is_back(subject, *date),
            None => known.of_none(*date).is_none() || self.is_back(subject, *date) || more.contains(date),
        });
        let again = self.again(subject, &dates)?;
        dates.extend(again.intersection(&all));
        let mut made = Made::default();
        if dates.is_empty() {
            return Ok(made);
        }
        let released = self.released(subject)?;
        let purged_at = now();
        for date in dates {
            let mut record = self.record(subject, (date, released.get(&date)), purged_at, &mut made)?;
            // A key that a pipeline used is told with that one.
            record.pseudonym_key = record.pseudonym_key.filter(|_| subject.pipeline.is_some() || more.contains(&date));
            if !is_empty(&record) || self.is_back(subject, date) || more.contains(&date) {
                made.records.push(record);
            }
        }
        Ok(made)
    }

    /// The dates of hours that are destroyed and that none of `dates` reads, so that no record would tell of them.
    fn again(&self, subject: &Subject<'_>, dates: &BTreeSet<ServiceDate>) -> Result<BTreeSet<ServiceDate>, RunError> {
        let mut again = BTreeSet::new();
        for source in &subject.sources {
            for at in own_store(self.workspace).hours(source)? {
                let hour = hour_of(at);
                if !(self.is_destroyed)(source, &hour) {
                    continue;
                }
                let date = subject.date_of(self.workspace, at);
                let is_read = |date: &ServiceDate| {
                    let window = subject.window(self.workspace, *date);
                    window.start <= hour.start && hour.end <= window.end
                };
                // What a date reads begins on the day before it and ends on the day after.
                let near = [-1, 0, 1].map(|days| date.plus_days(days));
                if !near.iter().any(|date| dates.contains(date) && is_read(date)) {
                    again.insert(date);
                }
            }
        }
        Ok(again)
    }

    /// Whether a date that was destroyed has something again that only a run, a decision or a backup can have brought.
    fn is_back(&self, subject: &Subject<'_>, date: ServiceDate) -> bool {
        let private = &self.workspace.private;
        subject.journals.iter().any(|name| journal::path(private, name, date).exists())
            || subject.datasets.iter().any(|dataset| quarantine::partition(private, dataset, date).exists())
    }

    fn record(
        &self,
        subject: &Subject<'_>,
        (date, released): (ServiceDate, Option<&String>),
        purged_at: Timestamp,
        made: &mut Made,
    ) -> Result<PurgeRecord, RunError> {
        let private = &self.workspace.private;
        let mut evidence = Vec::new();
        for source in &subject.sources {
            evidence.extend(self.evidence(subject, source, date, made)?);
        }
        let mut quarantined = BTreeMap::new();
        for dataset in &subject.datasets {
            for (table, rows) in quarantine::destroy::held(private, dataset, date)? {
                *quarantined.entry(table).or_default() += rows;
            }
        }
        // A timetable has no vehicles. A key that cannot be read is destroyed like the others and has no name.
        let has_key = subject.pipeline.is_none_or(|pipeline| !pipeline.is_timetable());
        let key = day_keys(self.workspace).existing(date).ok().flatten().filter(|_| has_key);
        let mut run = None;
        for name in &subject.journals {
            let path = journal::path(private, name, date);
            let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
            run = run.or(entry.filter(|entry| entry.published).map(|entry| entry.record.to_bytes().0));
        }
        let is_due = date < self.first_not_due;
        Ok(PurgeRecord {
            format: PURGE_FORMAT.to_owned(),
            pipeline: subject.pipeline.map(|pipeline| pipeline.name.clone()),
            date,
            purged_at,
            program: Program::this(),
            rule: is_due.then(|| self.workspace.retention.evidence_rule()),
            decided: self.decided.filter(|_| !is_due).cloned(),
            evidence,
            kept_by_others: subject.others.clone(),
            pseudonym_key: key.map(|key| key_digest(&key)),
            quarantined: quarantined.values().sum(),
            quarantine: quarantined,
            run: run.or_else(|| released.cloned()),
        })
    }

    fn evidence(
        &self,
        subject: &Subject<'_>,
        source: &str,
        date: ServiceDate,
        made: &mut Made,
    ) -> Result<Option<PurgedEvidence>, RunError> {
        let window = subject.window(self.workspace, date);
        let listing = own_store(self.workspace).list(source, window.start, window.end)?;
        if listing.entries.is_empty() && listing.damage.is_empty() {
            return Ok(None);
        }
        let all: Vec<Captured> = listing.entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
        let is_destroyed = |captured: &Captured| (self.is_destroyed)(source, &hour_of(captured.0));
        let (gone, waiting): (Vec<Captured>, Vec<Captured>) = all.iter().partition(|captured| is_destroyed(captured));
        let counted = made.until.insert(source.to_owned(), window.end).unwrap_or(Timestamp::MIN);
        let new = |of: &[Captured]| of.iter().filter(|(at, _)| *at >= counted).count() as u64;
        made.counts.destroyed += new(&gone);
        made.counts.waiting += new(&waiting);
        Ok(Some(PurgedEvidence {
            source: source.to_owned(),
            captures: gone.len() as u64,
            waiting: waiting.len() as u64,
            first: gone.first().map(|(at, _)| *at),
            last: gone.last().map(|(at, _)| *at),
            sha256: EvidenceEntry::of(source, &all).sha256,
            damaged: listing.damage.len() as u64,
        }))
    }

    /// The records of the last runs that the indexes of a pipeline's tables name, by date.
    fn released(&self, subject: &Subject<'_>) -> Result<BTreeMap<ServiceDate, String>, RunError> {
        let mut records = BTreeMap::new();
        let Some(pipeline) = subject.pipeline else { return Ok(records) };
        for table in heads::published(self.workspace, pipeline, self.bucket)? {
            let index = index::current(self.bucket, &pipeline.dataset, &table)?;
            for file in index.into_iter().flat_map(|index| index.files) {
                records.entry(file.partition_date).or_insert(file.record);
            }
        }
        Ok(records)
    }
}

/// Whether there was nothing of a date but beats that gave nothing.
fn is_empty(record: &PurgeRecord) -> bool {
    let has_private = record.pseudonym_key.is_some() || !record.quarantine.is_empty();
    record.evidence.is_empty() && !has_private && record.run.is_none()
}
