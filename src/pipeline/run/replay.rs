//! Makes the files of a run again from what its record names, and publishes nothing.
//!
//! The phases are those of a run: it begins as one, with the evidence, key, timetable, decisions and beats that the record names in
//! the place of those that would be found today, and [`prepare`] does all that decides bytes. Whatever is not what the record says of
//! it is told before a row is read, so that what is made is made of the same.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::capture::evidence::{Entry, Folder, Store};
use crate::decision;
use crate::decode::format::Partitioning;
use crate::digest::Digest;
use crate::ledger::{
    Captured, EvidenceEntry, Input, NOTHING_CAPTURED, PROVISIONAL, RunRecord, capture_lines, object_key, parse_captures,
};
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::replay::{Reason, ReplayError};
use crate::pipeline::run::beats::{Beats, reads_run};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::day_key::{day_keys, key_digest};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{Partition, calendar_day, evidence_store};
use crate::pipeline::run::inputs::{Decided, begin};
use crate::pipeline::run::lock::Lock;
use crate::pipeline::run::prepare::prepare;
use crate::pipeline::run::published::Published;
use crate::pipeline::run::run_inputs::{RecordedTimetable, RunInputs};
use crate::pipeline::run::selected::Selected;
use crate::pipeline::{Feed, FeedOrigin, Pipeline, journal};
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, IndexFile};
use crate::publish::parquet::Staged;
use crate::quarantine::decisions::{self, Decisions};
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// Older versions of an index in which the file of a date before is looked for.
const LOOKED_BACK: u64 = 400;
/// Times at which decisions are tried that a record names by their digest alone.
const TRIED_TIMES: usize = 200;
/// Kinds of inputs without which nothing is made again. Of the others another version of the program may have more or fewer.
const DECISIVE: &[&str] = &["evidence", "timetable", "key", "mapping", "decisions", "zones", "area", "beats"];

/// A run of then.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct PastRun<'a> {
    /// Where evidence, keys and decisions are.
    pub now: &'a Workspace,
    /// As it was: its private store is an empty folder.
    pub then: &'a Workspace,
    /// As it was.
    pub pipeline: &'a Pipeline,
    /// That of the timetable that the pipeline names, as it is now.
    pub timetable: Option<&'a Pipeline>,
    /// Is only read.
    pub bucket: &'a Bucket,
    pub record: &'a RunRecord,
}

/// What a run made again.
pub(in crate::pipeline) struct Remade {
    /// By table, in the staging folder of the workspace of then.
    pub files: BTreeMap<String, Staged>,
    /// The record of this run.
    pub record: RunRecord,
    /// What differs of the inputs.
    pub inputs: Vec<OtherInput>,
    /// What could not be looked at, and decides no row.
    pub limits: Vec<Reason>,
}

/// An input that is another one than the record says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OtherInput {
    pub kind: String,
    pub name: String,
    pub recorded: Option<Digest>,
    pub now: Option<Digest>,
}

/// Makes the files of a run again, in the private store of the workspace of then.
///
/// # Errors
/// What it was made of is gone or is something else, or cannot be read.
pub(in crate::pipeline) fn replay(of: PastRun<'_>) -> Result<Remade, ReplayError> {
    let PastRun { now, then, pipeline, bucket, record, .. } = of;
    of.refuse_purged()?;
    let key = of.key()?;
    let partition = of.partition()?;
    let (timetable, previous) = (of.recorded_timetable()?, of.previous()?);
    let mut limits = of.without_previous(&previous);
    let inputs = RunInputs::of_record(then, pipeline, record, timetable, previous);
    let decided = Decided::of_rows(of.decisions()?);
    let beats = of.beats(&partition)?;
    let lock = Lock::take(then)?;
    let run = RunContext { workspace: then, pipeline, bucket, lock: &lock, progress: &|_, _| {} };
    let begun = begin(&run, &partition, (&inputs, &beats), &decided, key, record.started_at)?;
    let inputs_differ = differences(record, &begun.record);
    if let Some(other) = inputs_differ.iter().find(|other| DECISIVE.contains(&other.kind.as_str())) {
        return Err(other_input(now, other).into());
    }
    limits.extend(of.evidence_of_tables_gone(&partition));
    let is_complete = partition.is_complete;
    let selected = Selected {
        captures: partition.captures(&then.zone),
        may_be_gap: record.notes.iter().any(|note| note.rule == NOTHING_CAPTURED),
        partition,
        inputs,
        decided,
        beats,
        begun,
        last: None,
        is_complete,
    };
    let nothing = Published::nothing(&pipeline.dataset, record.date, is_complete);
    let entry = prepare(&run, selected, &nothing)?;
    let mut files = BTreeMap::new();
    for file in entry.files {
        let Some(path) = file.staged else {
            return Err(RunError::internal("a run into an empty bucket made a file that is there already").into());
        };
        let (digest, bytes, rows) = (file.file.sha256, file.file.bytes, file.file.rows);
        files.insert(file.table, Staged { path, digest, bytes, rows });
    }
    Ok(Remade { files, record: entry.record, inputs: inputs_differ, limits })
}

impl PastRun<'_> {
    fn refuse_purged(&self) -> Result<(), ReplayError> {
        let Self { now, record, .. } = *self;
        let private = &now.private;
        let read = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
        let Some(purged) = read.of(&record.pipeline, record.date) else { return Ok(()) };
        let day = ServiceDate::local_date_of(purged.at, &now.zone);
        let purged = purged.clone().told_by(self.bucket);
        let (what, why) = (purged.what(), purged.why_de());
        let (gone, kept) = (what.destroyed(), what.kept());
        Err(Reason::new(
            "purged",
            format!(
                "{} of {} {} were destroyed on {day} {}{}; the record {} says what was destroyed",
                gone.en,
                record.pipeline,
                record.date,
                purged.why(),
                kept.en,
                purged.record
            ),
            format!(
                "{} von {} {} wurden am {day} vernichtet, {why}{}; der Beleg {} sagt, was vernichtet wurde",
                gone.de, record.pipeline, record.date, kept.de, purged.record
            ),
        )
        .into())
    }

    /// The key of the date's pseudonyms, if it is the one that the record names.
    fn key(&self) -> Result<Option<[u8; 32]>, ReplayError> {
        let Self { now, record, .. } = *self;
        let Some(known) = record.pseudonym_key else { return Ok(None) };
        let found = day_keys(now).existing(record.date).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => RunError::Key { problem: error.to_string() },
            _ => RunError::private(&now.private.join("keys"), "read", &error),
        })?;
        match found {
            Some(key) if key_digest(&key) == known => Ok(Some(key)),
            found => {
                let is = if found.is_some() { ("another one", "ein anderer") } else { ("gone", "nicht mehr da") };
                Err(Reason::new(
                    "key",
                    format!("the key of the pseudonyms of {} is {}: bring it back from a backup", record.date, is.0),
                    format!(
                        "Der Schlüssel der Pseudonyme von {} ist {}: aus einer Sicherung zurückholen",
                        record.date, is.1
                    ),
                )
                .into())
            }
        }
    }

    /// Where the evidence of a source of the pipeline is. Folders in the workspace of then are those in the workspace of now.
    fn store(&self, feed: &Feed) -> Store {
        let Self { now, then, .. } = *self;
        if let FeedOrigin::Evidence(folder) = &feed.from
            && let Ok(below) = folder.path.strip_prefix(&then.root)
        {
            let folder = Folder { path: now.root.join(below), ..folder.clone() };
            return Store::of_folder(&folder).with_remote(now.evidence.clone());
        }
        evidence_store(now, &feed.from)
    }

    fn partition(&self) -> Result<Partition, ReplayError> {
        let Self { then, pipeline, record, .. } = *self;
        let is_provisional = |input: &Input| input.kind == "setting" && input.name == PROVISIONAL;
        let received = match pipeline.partitioning() {
            Partitioning::CapturedDay => calendar_day(record.date, &then.zone),
            Partitioning::ServiceDay => ServiceDay::new(record.date, &then.zone).reports,
        };
        let mut evidence = Vec::new();
        for feed in &pipeline.feeds {
            let store = self.store(feed);
            let entries = match record.evidence.iter().find(|entry| entry.source == feed.name) {
                Some(entry) => self.captures(&store, entry)?,
                None => Vec::new(),
            };
            evidence.push((feed.name.clone(), store, entries));
        }
        let is_complete = !record.inputs.data.iter().any(is_provisional);
        Ok(Partition { date: record.date, is_complete, evidence, received, notes: Vec::new() })
    }

    /// The list of captures that a record names, from the journal or the bucket; `None` if it is gone.
    fn list(&self, entry: &EvidenceEntry) -> Result<Option<Vec<Captured>>, ReplayError> {
        let Self { now, bucket, record, .. } = *self;
        let Some(digest) = entry.list_digest() else { return Ok(None) };
        let bytes = match journal::read_list(&now.private, &record.pipeline, record.date, &digest) {
            Some(bytes) => Some(bytes),
            None => bucket.get(&object_key(&digest))?.map(|bytes| bytes.to_vec()),
        };
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        Ok(bytes.and_then(|bytes| parse_captures(std::str::from_utf8(&bytes).ok()?)))
    }

    /// The captures that a record names, in the order of its list, where they are in the evidence.
    fn captures(&self, store: &Store, of: &EvidenceEntry) -> Result<Vec<Entry>, ReplayError> {
        if of.captures == 0 {
            return Ok(Vec::new());
        }
        let known = self.list(of)?;
        let times = known.iter().flatten().map(|(at, _)| *at);
        let first = times.clone().min().or(of.first).unwrap_or(Timestamp::MIN);
        let last = times.max().or(of.last).unwrap_or(Timestamp::MAX);
        let until = last.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        let there = store.list(&of.source, first, until).map_err(RunError::from)?.entries;
        let Some(known) = known else { return without_list(of, there) };
        let mut by_capture: HashMap<Captured, VecDeque<Entry>> = HashMap::new();
        for entry in there {
            by_capture.entry((entry.captured_at, entry.digest)).or_default().push_back(entry);
        }
        let mut take = |capture: &Captured| by_capture.get_mut(capture).and_then(VecDeque::pop_front);
        let found: Vec<Entry> = known.iter().filter_map(&mut take).collect();
        match known.len() - found.len() {
            0 => Ok(found),
            missing => Err(self.missing(of, missing, known.len()).into()),
        }
    }

    /// Says that captures are gone, and whether dates beside this one were destroyed.
    fn missing(&self, of: &EvidenceEntry, missing: usize, all: usize) -> Reason {
        let Self { now, record, .. } = *self;
        let purged = Purged::read(&now.private).unwrap_or_default();
        let beside = [-1, 1].map(|days| purged.of(&record.pipeline, record.date.plus_days(days)));
        let beside: Vec<String> = beside.iter().flatten().map(|of| format!("{} ({})", of.date, of.why())).collect();
        let (en, de) = match beside.is_empty() {
            true => (
                "look with 'fahrtenbuch evidence verify', and bring them back from a backup".to_owned(),
                "mit 'fahrtenbuch evidence verify' nachsehen und aus einer Sicherung zurückholen".to_owned(),
            ),
            false => {
                let dates = beside.join(", ");
                (
                    format!("destroyed were the dates beside it: {dates}"),
                    format!("vernichtet wurden die Tage daneben: {dates}"),
                )
            }
        };
        Reason::new(
            "evidence",
            format!(
                "{missing} of {all} captures of '{}' that the record names are not in the evidence: {en}",
                of.source
            ),
            format!("{missing} von {all} Aufzeichnungen von '{}', die der Beleg nennt, sind nicht da: {de}", of.source),
        )
    }

    /// The timetable that the record names, if it names one.
    fn recorded_timetable(&self) -> Result<Option<RecordedTimetable<'_>>, ReplayError> {
        let Self { record, timetable, .. } = *self;
        let Some(input) = record.inputs.data.iter().find(|input| input.kind == "timetable") else { return Ok(None) };
        let of = record.evidence.iter().find(|entry| entry.source == input.name && entry.sha256 == input.sha256);
        let gone = || {
            Reason::new(
                "timetable",
                format!(
                    "the timetable of '{}' that the record names cannot be found: no pipeline has that source",
                    input.name
                ),
                format!(
                    "Der Fahrplan von '{}', den der Beleg nennt, ist nicht zu finden: Keine Pipeline hat diese Quelle",
                    input.name
                ),
            )
        };
        let (Some(of), Some(pipeline)) = (of, timetable) else { return Err(gone().into()) };
        let Some(feed) = pipeline.feeds.first() else { return Err(gone().into()) };
        let store = evidence_store(self.now, &feed.from);
        let entry = self.captures(&store, of)?.into_iter().next();
        let Some(entry) = entry.filter(|entry| entry.digest == input.sha256) else { return Err(gone().into()) };
        Ok(Some(RecordedTimetable { pipeline, source: input.name.clone(), store, entry }))
    }

    /// The files of partitions before that rules looked into, as far as an index names them.
    fn previous(&self) -> Result<BTreeMap<String, IndexFile>, ReplayError> {
        let Self { pipeline, bucket, record, .. } = *self;
        let mut found = BTreeMap::new();
        for input in record.inputs.rules.iter().filter(|input| input.kind == "previous") {
            let Some(newest) = index::current(bucket, &pipeline.dataset, &input.name)? else { continue };
            let oldest = newest.version.saturating_sub(LOOKED_BACK).max(1);
            let is_it = |file: &&IndexFile| file.sha256 == input.sha256;
            let mut file = newest.files.iter().find(is_it).cloned();
            for version in (oldest..newest.version).rev() {
                if file.is_some() {
                    break;
                }
                let (index, _) = index::read_version(bucket, &pipeline.dataset, &input.name, version)?;
                file = index.files.iter().find(is_it).cloned();
            }
            let is_whole = |file: &IndexFile| bucket.damage_of(&file.path, file.bytes, &file.sha256);
            if let Some(file) = file
                && is_whole(&file)?.is_none()
            {
                found.insert(input.name.clone(), file);
            }
        }
        Ok(found)
    }

    /// Says of which tables the file of the date before is gone.
    fn without_previous(&self, there: &BTreeMap<String, IndexFile>) -> Vec<Reason> {
        let named = self.record.inputs.rules.iter().filter(|input| input.kind == "previous");
        let gone = named.filter(|input| !there.contains_key(&input.name)).map(|input| {
            Reason::new(
                "previous",
                format!("the file of the date before of {} is gone: rules that compare with it were skipped, which changes no row", input.name),
                format!(
                    "Die Datei des Tages davor von {} ist nicht mehr da: Regeln, die damit vergleichen, wurden übergangen, was keine Zeile ändert",
                    input.name
                ),
            )
        });
        gone.collect()
    }

    /// Says which sources of the record the pipeline of then does not have.
    fn evidence_of_tables_gone(&self, partition: &Partition) -> Vec<Reason> {
        let is_used = |source: &str| {
            partition.evidence.iter().any(|(name, ..)| name == source)
                || self.record.inputs.data.iter().any(|input| input.kind == "timetable" && input.name == source)
        };
        let unused = self.record.evidence.iter().filter(|entry| !is_used(&entry.source));
        let said = unused.map(|entry| {
            Reason::new(
                "source",
                format!("the record names evidence of '{}', which is no source of the pipeline", entry.source),
                format!("Der Beleg nennt Aufzeichnungen von '{}', das keine Quelle der Pipeline ist", entry.source),
            )
        });
        said.collect()
    }

    /// What was decided of rows when the run was made: those decisions whose digest the record names.
    fn decisions(&self) -> Result<BTreeMap<String, Arc<Decisions>>, ReplayError> {
        let Self { now, then, pipeline, record, .. } = *self;
        let tables = pipeline.tables();
        let Some(known) = record.decisions else {
            return Ok(tables.into_iter().map(|table| (table, Arc::default())).collect());
        };
        let path = |table: &str| decision::path_of_rows(&now.private, &pipeline.dataset, table);
        let mut times = Vec::new();
        for table in &tables {
            times.extend(decision::read(&path(table)).map_err(RunError::from)?.iter().map(|line| line.decision.at));
        }
        // The run began in this second, and read them a moment later.
        let begun = record.started_at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(record.started_at);
        times.push(begun);
        times.sort_by_key(|at| at.duration_since(begun).abs());
        times.dedup();
        let today = ServiceDate::local_date_of(record.started_at, &then.zone);
        for at in times.into_iter().take(TRIED_TIMES) {
            let mut rows = BTreeMap::new();
            for table in &tables {
                let lines = decision::read_as_of(&path(table), at).map_err(RunError::from)?;
                rows.insert(table.clone(), Arc::new(Decisions::of(&lines, record.date, today)));
            }
            if decisions::digest(&rows) == Some(known) {
                return Ok(rows);
            }
        }
        Err(Reason::new(
            "decisions",
            format!("the private store has not the decisions of rows that the record names by {}: bring them back from a backup", known.short()),
            format!(
                "Der private Speicher hat nicht die Entscheidungen über Zeilen, die der Beleg mit {} nennt: aus einer Sicherung zurückholen",
                known.short()
            ),
        )
        .into())
    }

    /// What came of the sources hour by hour: as the record says it, or else as the evidence does.
    fn beats(&self, partition: &Partition) -> Result<Beats, ReplayError> {
        let Self { now, pipeline, record, .. } = *self;
        if !reads_run(pipeline) {
            return Ok(Beats::default());
        }
        let names = partition.evidence.iter().map(|(name, ..)| name.as_str());
        match Beats::of_inputs(names, &record.inputs.data) {
            Some(beats) => Ok(beats),
            None => Ok(Beats::of(now, pipeline, partition)?),
        }
    }
}

/// The captures of a record whose list is gone, if those that are there are just these.
fn without_list(of: &EvidenceEntry, mut there: Vec<Entry>) -> Result<Vec<Entry>, ReplayError> {
    // Of a timetable the digest is that of the body.
    if of.captures == 1 && there.iter().any(|entry| entry.digest == of.sha256) {
        there.retain(|entry| entry.digest == of.sha256);
        there.truncate(1);
        return Ok(there);
    }
    let captures: Vec<Captured> = there.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
    if Digest::of(capture_lines(&captures).as_bytes()) == of.sha256 {
        return Ok(there);
    }
    Err(Reason::new(
        "list",
        format!(
            "the list of captures of '{}' is gone, and the evidence of that time is not what the record names",
            of.source
        ),
        format!(
            "Die Liste der Aufzeichnungen von '{}' fehlt, und die Aufzeichnungen jener Zeit sind nicht die, die der Beleg nennt",
            of.source
        ),
    )
    .into())
}

/// The data inputs that are others than those of a record.
fn differences(recorded: &RunRecord, made: &RunRecord) -> Vec<OtherInput> {
    let named = |record: &RunRecord| -> BTreeMap<(String, String), Digest> {
        let of = record.inputs.data.iter();
        of.map(|input| ((input.kind.clone(), input.name.clone()), input.sha256)).collect()
    };
    let (recorded, now) = (named(recorded), named(made));
    let mut keys: Vec<&(String, String)> = recorded.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    let differ = keys.into_iter().filter(|key| recorded.get(key) != now.get(key));
    let other = |key: &(String, String)| OtherInput {
        kind: key.0.clone(),
        name: key.1.clone(),
        recorded: recorded.get(key).copied(),
        now: now.get(key).copied(),
    };
    differ.map(other).collect()
}

/// Says that an input that decides rows is not what it was.
fn other_input(now: &Workspace, other: &OtherInput) -> Reason {
    let OtherInput { kind, name, recorded, .. } = other;
    let digest = recorded.map_or_else(|| "-".to_owned(), |digest| digest.short());
    let (en, de) = match kind.as_str() {
        "mapping" | "zones" => (
            format!(
                "the file is private, and the one in {} is another: bring back the one of then, as from git",
                now.root.display()
            ),
            format!(
                "Die Datei ist privat, und die in {} ist eine andere: die von damals zurückholen, etwa aus git",
                now.root.display()
            ),
        ),
        _ => (
            "bring back what it was from a backup".to_owned(),
            "aus einer Sicherung zurückholen, was es war".to_owned(),
        ),
    };
    Reason::new(
        "input",
        format!("the input {kind} '{name}' is not the one that the record names ({digest}): {en}"),
        format!("Die Eingabe {kind} '{name}' ist nicht die, die der Beleg nennt ({digest}). {de}"),
    )
}
