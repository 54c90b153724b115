//! What the last record of a partition says went in, compared with what is there now.
//!
//! A release that could be made from other evidence than the one before, without anybody being told, would prove nothing. So
//! captures that the last record names and that are gone, captures that came in between them, and another key of the date
//! stop a run, until a person accepts them with a reason. New captures at the end are normal, and so are those that an import
//! names.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::capture::evidence::{Entry, Store};
use crate::contract::Severity;
use crate::decision::{self, About, DecisionEntry, DecisionId, Line};
use crate::decode::Note;
use crate::decode::format::Partitioning;
use crate::digest::Digest;
use crate::ledger::{Captured, EvidenceEntry, capture_lines, object_key, parse_captures};
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::changes::{Changes, KeyChange, SourceChange};
use crate::pipeline::run::day_key::{day_keys, key_digest};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{Partition, date_of, evidence_store};
use crate::pipeline::run::imports::{imported, imports_of};
use crate::pipeline::run::last_record::LastRecord;
use crate::pipeline::{Pipeline, journal};
use crate::publish::bucket::Bucket;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What a comparison stands on.
pub(super) struct Comparison<'a> {
    pub workspace: &'a Workspace,
    pub pipeline: &'a Pipeline,
    pub bucket: &'a Bucket,
    pub partition: &'a Partition,
    /// That the run would look into.
    pub timetable: Option<&'a Entry>,
    pub last: &'a LastRecord,
}

/// How a source's evidence is compared.
enum Role<'a> {
    /// All captures of the date.
    Stream(&'a Store, &'a [Entry]),
    /// One capture, which must still be there; and the one that is used now.
    Single(Store, Option<&'a Entry>),
    /// The pipeline does not have it any more.
    Lost,
}

impl<'a> Comparison<'a> {
    /// What differs and was not accepted, and what is to be told.
    pub(super) fn changes(&self, decisions: &[Line]) -> Result<(Changes, Vec<Note>), RunError> {
        let mut notes = Vec::new();
        let mut changes = Changes {
            pipeline: self.pipeline.name.clone(),
            date: self.partition.date,
            prepared_at: self.last.prepared_at,
            evidence: Vec::new(),
            key: None,
            decisions: self.decisions_gone(decisions)?,
            is_evidence_left: self.partition.evidence.iter().any(|(.., entries)| !entries.is_empty()),
        };
        for known in &self.last.evidence {
            let change = match self.role(&known.source) {
                Role::Stream(store, entries) => self.stream(known, store, entries)?,
                Role::Single(store, now) => self.single(known, &store, now)?,
                Role::Lost => {
                    notes.push(Note {
                        rule: "evidence.source_lost",
                        severity: Severity::Warning,
                        message: format!(
                            "the last record has {} captures of '{}', which the pipeline does not name any more",
                            known.captures, known.source
                        ),
                    });
                    None
                }
            };
            if let Some(change) = change
                && !self.is_accepted(&change, decisions)?
            {
                changes.evidence.push(change);
            }
        }
        changes.key = self.key_change(decisions)?;
        notes.extend(self.quarantine_gone());
        Ok((changes, notes))
    }

    fn role(&self, source: &str) -> Role<'a> {
        let pipeline = self.pipeline;
        let partition = self.partition;
        let own = partition.evidence.iter().find(|(name, ..)| name == source);
        match (pipeline.partitioning(), own) {
            (Partitioning::ServiceDay, Some((_, store, entries))) => Role::Stream(store, entries),
            (Partitioning::CapturedDay, Some((_, _, entries))) => match pipeline.feeds.first() {
                Some(feed) => Role::Single(evidence_store(self.workspace, &feed.from), entries.first()),
                None => Role::Lost,
            },
            (_, None) => {
                let timetable = pipeline.timetable.as_ref().and_then(|(name, _)| {
                    let other = self.workspace.pipelines.iter().find(|other| other.name == *name)?;
                    other.feeds.first().filter(|feed| feed.name == source)
                });
                match timetable {
                    Some(feed) => Role::Single(evidence_store(self.workspace, &feed.from), self.timetable),
                    None => Role::Lost,
                }
            }
        }
    }

    fn stream(
        &self,
        known: &EvidenceEntry,
        store: &Store,
        entries: &[Entry],
    ) -> Result<Option<SourceChange>, RunError> {
        let mut now: Vec<Captured> = entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
        // Records of earlier programs name no capture from before the date began.
        let begin = ServiceDay::new(self.partition.date, &self.workspace.zone).window.start;
        if known.first.is_some_and(|first| first >= begin) {
            now.retain(|(at, _)| *at >= begin);
        }
        if begins_with(&now, known) {
            return Ok(None);
        }
        let imported = imported(&imports_of(self.workspace, self.pipeline, &known.source)?);
        let own: Vec<Captured> = now.iter().filter(|capture| !imported.contains_key(*capture)).copied().collect();
        if begins_with(&own, known) {
            return Ok(None);
        }
        let found = now.iter().filter(|(at, _)| known.last.is_some_and(|last| *at <= last)).count();
        let Some(list) = self.list(known.list_digest())? else {
            let (source, known) = (known.source.clone(), known.clone());
            let (missing, extra) = (Vec::new(), Vec::new());
            return Ok(Some(SourceChange { source, known, missing, extra, is_listed: false, found, now }));
        };
        let (mut missing, mut extra) = difference(&list, &now, known.last);
        extra.retain(|capture| !imported.contains_key(capture));
        // What the store has at another time of day than a partition reaches to, after the zone was changed, is not lost.
        if let (Some((first, _)), Some((last, _))) = (missing.first(), missing.last()) {
            let until = last.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
            let there = store.list(&known.source, *first, until)?.entries;
            let mut there = counted(there.iter().map(|entry| (entry.captured_at, entry.digest)));
            now.iter().for_each(|capture| _ = take(&mut there, capture));
            missing.retain(|capture| !take(&mut there, capture));
        }
        let is_same = missing.is_empty() && extra.is_empty();
        let (source, known) = (known.source.clone(), known.clone());
        Ok((!is_same).then_some(SourceChange { source, known, missing, extra, is_listed: true, found, now }))
    }

    fn single(
        &self,
        known: &EvidenceEntry,
        store: &Store,
        now: Option<&Entry>,
    ) -> Result<Option<SourceChange>, RunError> {
        let Some(first) = known.first else { return Ok(None) };
        let capture = (first, known.sha256);
        // A timetable that a later one had replaced is destroyed with its date, which is no loss.
        if has(store, &known.source, &capture)? || self.was_purged(&known.source, first)? {
            return Ok(None);
        }
        let now: Vec<Captured> = now.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
        let (source, known) = (known.source.clone(), known.clone());
        let found = now.len();
        Ok(Some(SourceChange { source, known, missing: vec![capture], extra: Vec::new(), is_listed: true, found, now }))
    }

    /// Whether the date of a capture was destroyed, for a pipeline that has its source.
    fn was_purged(&self, source: &str, at: Timestamp) -> Result<bool, RunError> {
        let private = &self.workspace.private;
        let purged =
            Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
        let mut pipelines =
            self.workspace.pipelines.iter().filter(|other| other.feeds.iter().any(|feed| feed.name == source));
        Ok(pipelines.any(|other| purged.of(&other.name, date_of(self.workspace, other, at)).is_some()))
    }

    /// Whether somebody accepted what there is, or what there was before captures came after it.
    fn is_accepted(&self, change: &SourceChange, decisions: &[Line]) -> Result<bool, RunError> {
        for line in decisions {
            let About::AcceptEvidence(target) = &line.decision.about else { continue };
            let is_it = target.pipeline == self.pipeline.name
                && target.date == self.partition.date
                && target.source == change.source
                && target.known == change.known.sha256;
            if !is_it {
                continue;
            }
            if change.accepted().0 == target.accepted {
                return Ok(true);
            }
            let Some(list) = self.list(Some(target.accepted))? else { continue };
            let until = change.known.last.max(list.last().map(|(at, _)| *at));
            let is_covered = match self.role(&change.source) {
                Role::Stream(..) => {
                    let imported = imported(&imports_of(self.workspace, self.pipeline, &change.source)?);
                    let (missing, mut extra) = difference(&list, &change.now, until);
                    extra.retain(|capture| !imported.contains_key(capture));
                    missing.is_empty() && extra.is_empty()
                }
                Role::Single(store, _) => {
                    let mut all = true;
                    for capture in &list {
                        all &= has(&store, &change.source, capture)?;
                    }
                    all
                }
                Role::Lost => true,
            };
            if is_covered {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn key_change(&self, decisions: &[Line]) -> Result<Option<KeyChange>, RunError> {
        let Some(known) = self.last.pseudonym_key else { return Ok(None) };
        if self.pipeline.release.is_none() {
            return Ok(None);
        }
        let folder = self.workspace.private.join("keys");
        let key = day_keys(self.workspace).existing(self.partition.date);
        let now = key.map_err(|error| RunError::private(&folder, "read", &error))?.map(|key| key_digest(&key));
        if now == Some(known) {
            return Ok(None);
        }
        let is_accepted = decisions.iter().any(|line| match &line.decision.about {
            About::AcceptKey(target) => {
                target.pipeline == self.pipeline.name
                    && target.date == self.partition.date
                    && target.known == known
                    && Some(target.accepted) == now
            }
            _ => false,
        });
        Ok((!is_accepted).then_some(KeyChange { known, now }))
    }

    /// Decisions that the record names, of which no file has a line, also not one that is over or undone.
    fn decisions_gone(&self, accepted: &[Line]) -> Result<Vec<DecisionEntry>, RunError> {
        if self.last.decided.is_empty() {
            return Ok(Vec::new());
        }
        let mut there: BTreeSet<DecisionId> = BTreeSet::new();
        for file in decision::files(&self.workspace.private) {
            there.extend(decision::read(&file)?.into_iter().map(|line| line.id));
        }
        for line in accepted {
            if let About::AcceptDecisions(of) = &line.decision.about
                && (&of.pipeline, of.date) == (&self.pipeline.name, self.partition.date)
            {
                there.extend(of.missing.iter().cloned());
            }
        }
        Ok(self.last.decided.iter().filter(|entry| !there.contains(&entry.id)).cloned().collect())
    }

    /// Rows that the record says are in quarantine, of which there is no file.
    fn quarantine_gone(&self) -> Option<Note> {
        let gone = self.last.quarantine_gone(self.workspace, self.pipeline, self.partition.date);
        let told: Vec<String> = gone.iter().map(|(table, rows)| format!("{rows} of {table}")).collect();
        (!told.is_empty()).then(|| Note {
            rule: "quarantine.gone",
            severity: Severity::Warning,
            message: format!(
                "the last record says that rows are in quarantine, and their files were gone: {}",
                told.join(", ")
            ),
        })
    }

    /// A list of captures by its digest, from the journal or the bucket.
    fn list(&self, digest: Option<Digest>) -> Result<Option<Vec<Captured>>, RunError> {
        let Some(digest) = digest else { return Ok(None) };
        let kept = journal::read_list(&self.workspace.private, &self.pipeline.name, self.partition.date, &digest);
        let bytes = match kept {
            Some(bytes) => Some(bytes),
            None => self.bucket.get(&object_key(&digest))?.map(|bytes| bytes.to_vec()),
        };
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        Ok(bytes.and_then(|bytes| parse_captures(std::str::from_utf8(&bytes).ok()?)))
    }
}

/// Whether the first captures are those that a record knows, by number and digest.
fn begins_with(now: &[Captured], known: &EvidenceEntry) -> bool {
    let captures = usize::try_from(known.captures).unwrap_or(usize::MAX);
    now.get(..captures).is_some_and(|first| Digest::of(capture_lines(first).as_bytes()) == known.sha256)
}

fn counted(captures: impl Iterator<Item = Captured>) -> HashMap<Captured, usize> {
    let mut counts = HashMap::new();
    captures.for_each(|capture| *counts.entry(capture).or_default() += 1);
    counts
}

fn take(counts: &mut HashMap<Captured, usize>, capture: &Captured) -> bool {
    match counts.get_mut(capture) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// Captures that are known and missing, and those that stand before the last one that is known and are none of them. Lists
/// are in the order of their time.
fn difference(known: &[Captured], now: &[Captured], until: Option<Timestamp>) -> (Vec<Captured>, Vec<Captured>) {
    let mut left = counted(known.iter().copied());
    let is_known: Vec<bool> = now.iter().map(|capture| take(&mut left, capture)).collect();
    let end = is_known.iter().rposition(|is_known| *is_known).unwrap_or(0);
    let is_extra =
        |place: usize, at: Timestamp| !is_known[place] && (place < end || until.is_some_and(|until| at < until));
    let extra = now.iter().enumerate().filter(|(place, (at, _))| is_extra(*place, *at)).map(|(_, capture)| *capture);
    let extra = extra.collect();
    let mut there = counted(now.iter().copied());
    let missing = known.iter().filter(|capture| !take(&mut there, capture)).copied().collect();
    (missing, extra)
}

fn has(store: &Store, source: &str, capture: &Captured) -> Result<bool, RunError> {
    let until = capture.0.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let there = store.list(source, capture.0, until)?.entries;
    Ok(there.iter().any(|entry| (entry.captured_at, entry.digest) == *capture))
}

/// The decisions that are not about rows and hold today.
pub(super) fn accepted(workspace: &Workspace, today: ServiceDate) -> Result<Vec<Line>, RunError> {
    let lines = decision::read_of(&decision::path(&workspace.private), &workspace.people)?;
    Ok(lines.into_iter().filter(|line| line.holds(today)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(of: &[(i64, &str)]) -> Vec<Captured> {
        let capture =
            |(second, body): &(i64, &str)| (Timestamp::from_second(*second).unwrap(), Digest::of(body.as_bytes()));
        of.iter().map(capture).collect()
    }

    fn of(known: &[(i64, &str)], now: &[(i64, &str)]) -> (Vec<Captured>, Vec<Captured>) {
        let known = captures(known);
        difference(&known, &captures(now), known.last().map(|(at, _)| *at))
    }

    #[test]
    fn what_came_after_is_normal_and_what_is_missing_or_came_in_between_is_not() {
        let known = [(10, "a"), (20, "b"), (20, "b"), (30, "c")];
        assert_eq!(of(&known, &[(10, "a"), (20, "b"), (20, "b"), (30, "c"), (30, "d"), (40, "e")]), (vec![], vec![]));
        assert_eq!(of(&known, &[(10, "a"), (20, "b"), (30, "c")]), (captures(&[(20, "b")]), vec![]));
        assert_eq!(of(&known, &[(5, "x"), (10, "a"), (20, "b"), (20, "b"), (25, "y"), (30, "c")]).1.len(), 2);
        // Exchanged: one is gone, and another one stands in its place.
        let (missing, extra) = of(&known, &[(10, "a"), (20, "b"), (20, "z"), (30, "c")]);
        assert_eq!((missing, extra), (captures(&[(20, "b")]), captures(&[(20, "z")])));
        // All of it is gone.
        assert_eq!(of(&known, &[(40, "e")]), (captures(&known), vec![]));
        assert_eq!(of(&known, &[(29, "e")]).1, captures(&[(29, "e")]));
    }
}
