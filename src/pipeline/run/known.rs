//! What the last record of a partition says went in, compared with what is there now.
//!
//! A release that could be made from other evidence than the one before, without anybody being told, would prove nothing. So
//! captures that the last record names and that are gone, captures that came in between them, and another key of the date
//! stop a run, until a person accepts them with a reason. New captures at the end are normal, and so are those that an import
//! names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;

use crate::capture::evidence::{Entry, Store};
use crate::capture::imports::{self, ImportEntry};
use crate::contract::Severity;
use crate::decision::{self, About, DecisionEntry, DecisionId, Line};
use crate::decode::Note;
use crate::decode::format::Partitioning;
use crate::derive::privacy::DayKeys;
use crate::digest::Digest;
use crate::ledger::{Captured, EvidenceEntry, ImportRef, capture_lines, object_key, parse_captures, record_key};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{Partition, evidence_store};
use crate::pipeline::{FeedOrigin, Pipeline, journal};
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::quarantine::{self, Stage};
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What is read of a record, whichever version of the program wrote it.
#[derive(Clone, Debug, Deserialize)]
pub struct LastRecord {
    pub prepared_at: Timestamp,
    #[serde(default)]
    pub evidence: Vec<EvidenceEntry>,
    #[serde(default)]
    pub pseudonym_key: Option<Digest>,
    #[serde(default)]
    decided: Vec<DecisionEntry>,
    #[serde(default)]
    tables: Vec<TableRows>,
    /// Whether the quarantine is what the record says: not before a run is published.
    #[serde(skip)]
    is_settled: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct TableRows {
    table: String,
    #[serde(default)]
    quarantined: u64,
}

/// The record of a file of the journal.
fn in_journal(bytes: &[u8]) -> Option<LastRecord> {
    #[derive(Deserialize)]
    struct InJournal {
        published: bool,
        record: LastRecord,
    }
    let of: InJournal = serde_json::from_slice(bytes).ok()?;
    Some(LastRecord { is_settled: of.published, ..of.record })
}

/// The records of a pipeline that the journal has, by date.
pub fn last_records(workspace: &Workspace, pipeline: &Pipeline) -> Vec<(ServiceDate, LastRecord)> {
    let dates = journal::dates(&workspace.private, &pipeline.name);
    let read = |date: ServiceDate| {
        let bytes = fs::read(journal::path(&workspace.private, &pipeline.name, date)).ok()?;
        Some((date, in_journal(&bytes)?))
    };
    dates.into_iter().filter_map(read).collect()
}

/// The last record of a partition: that of the journal, or the one that the bucket's indexes name where the journal is lost
/// or older.
pub fn last_record(
    bucket: &Bucket,
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<Option<LastRecord>, RunError> {
    let path = journal::path(&workspace.private, &pipeline.name, date);
    let bytes = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(RunError::private(&path, "read", &error)),
    };
    let in_journal = bytes.as_ref().and_then(|bytes| in_journal(bytes));
    let key = bytes.as_ref().and_then(|bytes| serde_json::from_slice::<journal::Entry>(bytes).ok());
    let key = key.map(|entry| entry.record.to_bytes().0);
    let in_bucket = of_bucket(bucket, pipeline, date, in_journal.is_some(), key.as_deref())?;
    Ok(match (in_journal, in_bucket) {
        (Some(journal), Some(bucket)) if bucket.prepared_at < journal.prepared_at => Some(journal),
        (journal, None) => journal,
        (_, bucket) => bucket,
    })
}

/// The newest record of a partition that the indexes of its tables name, unless it is the one that is known; where the
/// journal has one, one table is enough.
fn of_bucket(
    bucket: &Bucket,
    pipeline: &Pipeline,
    date: ServiceDate,
    is_in_journal: bool,
    known: Option<&str>,
) -> Result<Option<LastRecord>, RunError> {
    let mut newest: Option<LastRecord> = None;
    for contract in pipeline.released() {
        let Some(index) = index::current(bucket, &pipeline.dataset, &contract.table)? else { continue };
        let Some(key) = record_of(&serde_json::to_value(&index).unwrap_or_default(), date) else { continue };
        if known == Some(key.as_str()) {
            return Ok(None);
        }
        let bytes = bucket.get(&key)?;
        // A record is named by its digest: another one of its name is none.
        let bytes = bytes.filter(|bytes| key == record_key(&Digest::of(bytes)));
        let record = bytes.and_then(|bytes| serde_json::from_slice::<LastRecord>(&bytes).ok());
        match record {
            Some(record) if newest.as_ref().is_none_or(|newest| newest.prepared_at < record.prepared_at) => {
                newest = Some(LastRecord { is_settled: true, ..record });
            }
            Some(_) => {}
            None if is_in_journal => tracing::warn!(record = key, "the record that the index names is gone or damaged"),
            // Nothing else says what went in.
            None => {
                let problem =
                    "the index names it, and it is gone or has another digest than its name; without it nobody can \
                               say what went into the date before. Bring it back from a backup"
                        .to_owned();
                return Err(crate::publish::PublishError::Damaged { key, problem }.into());
            }
        }
        if is_in_journal {
            break;
        }
    }
    Ok(newest)
}

/// The record that an index names for the file of a date.
fn record_of(index: &serde_json::Value, date: ServiceDate) -> Option<String> {
    let date = date.to_string();
    let is_it = |file: &&serde_json::Value| ["date", "partition_date"].iter().any(|key| file[*key] == *date);
    let file = index["files"].as_array()?.iter().find(is_it)?;
    file["record"].as_str().map(str::to_owned)
}

/// Names a key without telling it.
pub fn key_digest(key: &[u8; 32]) -> Digest {
    Digest::of(&[b"fahrtenbuch pseudonym key ", &key[..]].concat())
}

pub fn day_keys(workspace: &Workspace) -> DayKeys {
    DayKeys::new(workspace.private.join("keys"))
}

/// What is not as the last record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub pipeline: String,
    pub date: ServiceDate,
    prepared_at: Timestamp,
    pub evidence: Vec<SourceChange>,
    pub key: Option<KeyChange>,
    /// Decisions that the record names and no file has.
    pub decisions: Vec<DecisionEntry>,
    /// Whether there is evidence of the date.
    pub is_evidence_left: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceChange {
    pub source: String,
    /// What the record says of it.
    pub known: EvidenceEntry,
    pub missing: Vec<Captured>,
    pub extra: Vec<Captured>,
    /// Whether the list of captures is there, so that it is known which ones are meant.
    is_listed: bool,
    /// What there is until the last capture that the record knows.
    found: usize,
    /// All that there is now.
    pub now: Vec<Captured>,
}

impl SourceChange {
    /// What is accepted by whoever accepts this.
    pub fn accepted(&self) -> (Digest, String) {
        let lines = capture_lines(&self.now);
        (Digest::of(lines.as_bytes()), lines)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    pub known: Digest,
    /// None if there is no key.
    pub now: Option<Digest>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.evidence.is_empty() && self.key.is_none() && self.decisions.is_empty()
    }

    /// What differs, one line each.
    pub fn lines(&self) -> Vec<String> {
        let count = |captures: &[Captured], what: &str| {
            let first = captures.first().map_or_else(String::new, |(at, _)| format!(", the first of {at}"));
            let noun = if captures.len() == 1 { "capture" } else { "captures" };
            (!captures.is_empty()).then(|| format!("{} {noun} {what}{first}", captures.len()))
        };
        let mut lines = Vec::new();
        for change in &self.evidence {
            let known = &change.known;
            let told = if change.is_listed {
                let parts = [
                    count(&change.missing, "that the record names missing"),
                    count(&change.extra, "came in between that the record does not name"),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
            } else {
                let last = known.last.map_or_else(String::new, |last| format!(" until {last}"));
                let (named, found) = (known.captures, change.found);
                format!("the record counts {named} captures{last}, and {found} are there, not all of them the same")
            };
            lines.push(format!("{}: {told}", change.source));
        }
        match &self.key {
            Some(KeyChange { now: None, .. }) => lines.push(format!("the key of {} is gone", self.date)),
            Some(_) => lines.push(format!("the key of {} was replaced: all pseudonyms would be others", self.date)),
            None => {}
        }
        if let Some(first) = self.decisions.first() {
            let ids: Vec<&str> = self.decisions.iter().map(|entry| entry.id.0.as_str()).collect();
            let (what, is) = if ids.len() == 1 { ("decision", "is") } else { ("decisions", "are") };
            lines.push(format!(
                "{} {what} that the record names {is} gone from the private store, or changed: {} ({} by {}, of {})",
                ids.len(),
                ids.join(", "),
                first.kind,
                first.by,
                first.at
            ));
        }
        lines
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pipeline, date, prepared_at, .. } = self;
        writeln!(f, "what is there of {date} is not what its last record, of {prepared_at}, says went in:")?;
        for line in self.lines() {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "Nothing was published. Bring back what is missing, from a backup; or accept what there is, on purpose:\n  \
             fahrtenbuch evidence accept {pipeline} --date {date} --by NAME --reason TEXT"
        )
    }
}

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
    pub fn changes(&self, decisions: &[Line]) -> Result<(Changes, Vec<Note>), RunError> {
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
        if has(store, &known.source, &capture)? {
            return Ok(None);
        }
        let now: Vec<Captured> = now.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
        let (source, known) = (known.source.clone(), known.clone());
        let found = now.len();
        Ok(Some(SourceChange { source, known, missing: vec![capture], extra: Vec::new(), is_listed: true, found, now }))
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

/// Puts the lists of captures that the last record of a partition names into the bucket again, where they are gone or have
/// other bytes than their name says: from the journal, or from the evidence, which has the list as its beginning. Gives a note
/// for each that was put again, and for each that cannot be.
pub(super) fn put_lists_again(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    partition: &Partition,
    last: &LastRecord,
    lists: &BTreeMap<Digest, String>,
) -> Result<(usize, Vec<Note>), RunError> {
    let (mut puts, mut notes) = (0, Vec::new());
    for known in last.evidence.iter().filter(|_| last.is_settled) {
        let Some(digest) = known.list_digest() else { continue };
        let key = object_key(&digest);
        let there = bucket.get(&key)?;
        if there.as_ref().is_some_and(|bytes| Digest::of(bytes) == digest) {
            continue;
        }
        let was = if there.is_some() { "changed" } else { "gone" };
        let kept = journal::read_list(&workspace.private, &pipeline.name, partition.date, &digest);
        let made = || lists.get(&digest).map(|lines| lines.clone().into_bytes());
        let beginning = || {
            let (.., entries) = partition.evidence.iter().find(|(source, ..)| *source == known.source)?;
            let first = entries.get(..usize::try_from(known.captures).ok()?)?;
            let first: Vec<Captured> = first.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
            Some(capture_lines(&first).into_bytes()).filter(|lines| Digest::of(lines) == digest)
        };
        let (severity, outcome) = match kept.or_else(made).or_else(beginning) {
            Some(lines) => {
                bucket.put(&key, lines.into())?;
                puts += 1;
                (Severity::Warning, "it was put again")
            }
            None => {
                (Severity::Error, "nothing that is there has its digest. Bring it back from a backup of the bucket")
            }
        };
        let message = format!("the list of captures of '{}', '{key}', was {was}: {outcome}", known.source);
        tracing::warn!("{message}");
        notes.push(Note { rule: "record.list_damaged", severity, message });
    }
    Ok((puts, notes))
}

impl LastRecord {
    /// Tables with rows in quarantine, and how many, whose files are gone.
    pub fn quarantine_gone(&self, workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> Vec<(String, u64)> {
        let folder = quarantine::partition(&workspace.private, &pipeline.dataset, date);
        let is_gone = |table: &&TableRows| {
            table.quarantined > 0 && !Stage::BOTH.iter().any(|stage| folder.join(stage.file(&table.table)).exists())
        };
        let tables = self.tables.iter().filter(|_| self.is_settled).filter(is_gone);
        tables.map(|table| (table.table.clone(), table.quarantined)).collect()
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

/// The folder in which the evidence of a feed is.
pub fn evidence_folder(workspace: &Workspace, from: &FeedOrigin) -> PathBuf {
    match from {
        FeedOrigin::Source(_) => workspace.private.join("evidence"),
        FeedOrigin::Evidence(folder) => folder.path.clone(),
    }
}

/// The imports of a source of a pipeline.
pub fn imports_of(workspace: &Workspace, pipeline: &Pipeline, source: &str) -> Result<Vec<ImportEntry>, RunError> {
    let Some(feed) = pipeline.feeds.iter().find(|feed| feed.name == source) else { return Ok(Vec::new()) };
    let folder = evidence_folder(workspace, &feed.from);
    imports::read(&folder, source).map_err(|error| RunError::private(&imports::path(&folder, source), "read", &error))
}

/// The captures that imports brought, and which import brought each.
fn imported(imports: &[ImportEntry]) -> HashMap<Captured, usize> {
    let of = |(place, import): (usize, &ImportEntry)| {
        import.captures.iter().map(move |capture| ((capture.captured_at, capture.sha256), place)).collect::<Vec<_>>()
    };
    imports.iter().enumerate().flat_map(of).collect()
}

/// The imports that brought some of these captures, as a record names them.
pub fn import_refs(imports: &[ImportEntry], captures: &[Captured]) -> Vec<ImportRef> {
    let imported = imported(imports);
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    let places = captures.iter().filter_map(|capture| imported.get(capture));
    places.for_each(|place| *counts.entry(*place).or_default() += 1);
    let of = |(place, captures): (usize, u64)| {
        let import = &imports[place];
        ImportRef { by: import.by.clone(), at: import.at, from: import.from.clone(), captures }
    };
    counts.into_iter().map(of).collect()
}

/// The decisions that are not about rows and hold today.
pub fn accepted(workspace: &Workspace, today: ServiceDate) -> Result<Vec<Line>, RunError> {
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

    #[test]
    fn the_record_of_a_date_is_found_in_an_index() {
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let index = serde_json::json!({"files": [
            {"date": "2026-11-23", "record": "a"}, {"date": "2026-11-24", "record": "ledger/records/b.json"},
        ]});
        assert_eq!(record_of(&index, date).as_deref(), Some("ledger/records/b.json"));
        assert_eq!(record_of(&serde_json::json!({"files": [{"date": "2026-11-24"}]}), date), None);
    }
}
