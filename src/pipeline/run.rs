//! A run: one pipeline over one partition, through all rooms, and again from the journal where an earlier run was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::capture::CaptureError;
use crate::capture::evidence::{Entry, Store};
use crate::capture::source::Fetched;
use crate::check::{self, CheckError, gtfs};
use crate::contract::Contract;
use crate::contract::library::Library;
use crate::decode::timetable::{self, Package};
use crate::decode::{self, DecodeError, Decoded, Limits, Note, Step};
use crate::derive::DeriveError;
use crate::derive::privacy::{DayKeys, Pseudonyms};
use crate::derive::telemetry::{self, Settings};
use crate::digest::{Digest, Digester};
use crate::ledger::quality::report;
use crate::ledger::quality::{self, Quality};
use crate::ledger::{self, ContractEntry, EvidenceEntry, FileEntry, Program, RunRecord, Standard, Status, TableEntry};
use crate::pipeline::beside::Beside;
use crate::pipeline::journal::{self, HeldFile, StagedFile};
use crate::pipeline::lane::{self, Arrived, Holding, Lane, Plan};
use crate::pipeline::mapping::Dictionary;
use crate::pipeline::{Format, From, Pipeline};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Commit, IndexFile};
use crate::publish::pages::{self, PageScore, PageTable};
use crate::quarantine::decisions::{self, Decisions};
use crate::quarantine::{self, QuarantineError, Stage};
use crate::table::keys::Keys;
use crate::table::{Budget, Origin};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// A service date's reports come in until 30 hours after its beginning (TIDES, GTFS: times beyond 24:00:00).
const SERVICE_HOURS: i64 = 30;
/// A night's reports belong to the day before until this hour.
const NIGHT_ENDS: i64 = 3;

/// Why a run did not do what it should. The exit codes are those of the command line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Derive(#[from] DeriveError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    #[error("there is no evidence of {what}. {remedy}")]
    NoEvidence { what: String, remedy: String },
    #[error("another run is at work on {pipeline} {date}. Wait until it is done, and try again.")]
    Busy { pipeline: String, date: ServiceDate },
    #[error("{path} could not be {verb}: {problem}. Check the disk and the permissions.", path = path.display())]
    Private { path: PathBuf, verb: &'static str, problem: String },
    #[error("{0}. This is a fault of the program: please report it.")]
    Internal(String),
}

impl RunError {
    pub fn internal(problem: impl Into<String>) -> Self {
        Self::Internal(problem.into())
    }

    pub fn private(path: &Path, verb: &'static str, problem: &dyn std::fmt::Display) -> Self {
        Self::Private { path: path.to_owned(), verb, problem: problem.to_string() }
    }

    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Capture(error) => !matches!(error, CaptureError::Final { .. }),
            Self::Decode(error) => matches!(error, DecodeError::Io { .. }),
            Self::Publish(error) => error.is_passing(),
            Self::Busy { .. } | Self::Private { .. } => true,
            Self::Quarantine(error) => matches!(error, QuarantineError::File { .. }),
            Self::Check(_) | Self::Derive(_) | Self::NoEvidence { .. } | Self::Internal(_) => false,
        }
    }

    /// Whether it is the configuration that is wrong.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Publish(PublishError::Configuration { .. }) | Self::Quarantine(QuarantineError::Decision { .. })
        )
    }
}

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub record: RunRecord,
    /// Where the record is in the bucket.
    pub record_key: String,
    /// Releases made; 0 if everything was published before.
    pub commits: usize,
    /// Something that an earlier run had begun was finished.
    pub finished_earlier: bool,
    pub seconds: f64,
}

impl Report {
    /// Whether the bucket had everything already.
    pub fn is_nothing_new(&self) -> bool {
        self.commits == 0 && self.record.status == Status::Published && !self.finished_earlier
    }
}

/// A sign of life: what a run is doing, and how many rows it has seen.
pub type Watch<'a> = &'a dyn Fn(&str, u64);

/// What keeps runs of one private store out of each other's way: many runs share the store, each partition is worked on by
/// one of them.
pub struct Lock {
    folder: PathBuf,
    /// Locked as long as it is open: for this run alone at first if it came first, then shared by all runs.
    runs: File,
    alone: bool,
}

impl Lock {
    pub fn take(workspace: &Workspace) -> Result<Self, RunError> {
        let folder = workspace.private.join("locks");
        let failed = |error: &dyn std::fmt::Display| RunError::private(&folder, "locked", error);
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let runs = File::create(folder.join("runs")).map_err(|error| failed(&error))?;
        let alone = runs.try_lock().is_ok();
        if !alone {
            runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(Self { folder, runs, alone })
    }

    /// Does what may be done only while no other run is at work, if none is, and lets the others in.
    fn share(&mut self, alone: impl FnOnce()) -> Result<(), RunError> {
        if std::mem::take(&mut self.alone) {
            alone();
            let failed = |error: &dyn std::fmt::Display| RunError::private(&self.folder, "locked", error);
            self.runs.unlock().map_err(|error| failed(&error))?;
            self.runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The lock of a partition, held as long as the file is open.
    pub fn partition(&self, pipeline: &str, date: ServiceDate) -> Result<File, RunError> {
        let path = self.folder.join(format!("{pipeline}@{date}"));
        let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "locked", error);
        let file = File::create(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy { pipeline: pipeline.to_owned(), date }),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

/// Opens the workspace's bucket and makes sure that it can be committed to.
pub fn open_bucket(workspace: &Workspace, lock: &mut Lock) -> Result<Bucket, RunError> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
    lock.share(|| bucket.sweep())?;
    bucket.probe()?;
    Ok(bucket)
}

/// What a run works on: the partition, and the evidence of it by source.
struct Partition {
    date: ServiceDate,
    evidence: Vec<(String, Store, Vec<Entry>)>,
    notes: Vec<Note>,
    /// What the rules look at beside it.
    beside: Beside,
}

/// Runs a pipeline over one date; without a date over the newest one that there is evidence of, after asking its sources.
pub fn run(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: Option<ServiceDate>,
    bucket: &Bucket,
    lock: &Lock,
    watch: Watch<'_>,
) -> Result<Report, RunError> {
    let clock = std::time::Instant::now();
    let started_at = now();
    stage("capture", &pipeline.name, watch);
    if date.is_none() {
        capture(workspace, pipeline)?;
    }
    let mut partition = partition(workspace, pipeline, date)?;
    let _mine = lock.partition(&pipeline.name, partition.date)?;
    let journal_path = journal::path(&workspace.private, &pipeline.name, partition.date);
    partition.beside = Beside::find(workspace, pipeline, partition.date, bucket)?;
    let decided = decisions(workspace, pipeline, partition.date)?;
    let (record, key) = begin(workspace, pipeline, &partition, &decided, started_at)?;
    let earlier = journal::read(&journal_path).map_err(|error| RunError::private(&journal_path, "read", &error))?;
    let earlier = earlier.filter(|entry| entry.record.inputs == record.inputs && entry.bucket == bucket.location());
    let (entry, finished_earlier) = match earlier {
        Some(entry) if entry.published && is_out(bucket, pipeline, &entry)? => {
            publish_views(workspace, pipeline, bucket, &entry.record)?;
            let (record_key, _) = entry.record.to_bytes();
            let seconds = clock.elapsed().as_secs_f64();
            return Ok(Report { record: entry.record, record_key, commits: 0, finished_earlier: false, seconds });
        }
        Some(entry) if !entry.published && entry.is_staged() => (entry, true),
        _ => (prepare(workspace, pipeline, partition, record, key, &decided, bucket, watch)?, false),
    };
    if !finished_earlier {
        stage("journal", &pipeline.name, watch);
        journal::write(&journal_path, &entry).map_err(|error| RunError::private(&journal_path, "written", &error))?;
    }
    let commits = publish(workspace, pipeline, bucket, &entry, watch)?;
    stage("quarantine", &pipeline.name, watch);
    // Only now, so that a run that is done again until here finds in quarantine what the first one found.
    for held in &entry.quarantine {
        held.settle().map_err(|error| RunError::private(&held.file, "written", &error))?;
    }
    let _ = fs::remove_dir(quarantine::partition(&workspace.private, &pipeline.dataset, entry.record.date));
    let entry = journal::Entry { published: true, ..entry };
    journal::write(&journal_path, &entry).map_err(|error| RunError::private(&journal_path, "written", &error))?;
    let staging = staging(workspace, pipeline, entry.record.date);
    fs::remove_dir_all(&staging).map_err(|error| RunError::private(&staging, "removed", &error))?;
    stage("done", &pipeline.name, watch);
    let (record_key, _) = entry.record.to_bytes();
    Ok(Report { record: entry.record, record_key, commits, finished_earlier, seconds: clock.elapsed().as_secs_f64() })
}

fn stage(name: &str, pipeline: &str, watch: Watch<'_>) {
    tracing::info!(stage = name, pipeline, "stage");
    watch(name, 0);
}

/// Whole seconds: the record says when, not how exactly the clock was read.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn evidence_store(workspace: &Workspace, from: &From) -> Store {
    match from {
        From::Source(_) => Store::new(workspace.private.join("evidence")),
        From::Evidence(folder) => Store::new(folder),
    }
}

/// Asks each source of a pipeline once and keeps what is new; tells for each whether it was.
pub fn capture(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<(String, bool)>, RunError> {
    let mut done = Vec::new();
    for feed in &pipeline.feeds {
        let From::Source(source) = &feed.from else { continue };
        let store = evidence_store(workspace, &feed.from);
        let known = store.validators(&feed.name)?;
        match source.fetch(&known)? {
            Fetched::New(capture) => {
                tracing::info!(source = feed.name, bytes = capture.body.len(), sha256 = %capture.digest, "captured");
                store.append(&feed.name, &capture)?;
                done.push((feed.name.clone(), true));
            }
            Fetched::NotModified => {
                tracing::info!(source = feed.name, "nothing new at the source");
                done.push((feed.name.clone(), false));
            }
        }
    }
    Ok(done)
}

/// Finds the evidence of a date, or of the newest date that there is any of.
fn partition(workspace: &Workspace, pipeline: &Pipeline, date: Option<ServiceDate>) -> Result<Partition, RunError> {
    let no_evidence = |what: String| RunError::NoEvidence {
        what,
        remedy: "Capture some with 'fahrtenbuch capture', or choose another date.".to_owned(),
    };
    let end = |date: ServiceDate| date.plus_days(1).zero(&workspace.zone);
    match &pipeline.format {
        Format::Gtfs => {
            let Some(feed) = pipeline.feeds.first() else { return Err(no_evidence(pipeline.name.clone())) };
            let store = evidence_store(workspace, &feed.from);
            let newest = store.latest(&feed.name, date.map_or(Timestamp::MAX, end))?;
            let entry = newest.ok_or_else(|| {
                no_evidence(date.map_or(feed.name.clone(), |date| format!("{} until {date}", feed.name)))
            })?;
            let date = ServiceDate::local_date_of(entry.captured_at, &workspace.zone);
            Ok(Partition {
                date,
                evidence: vec![(feed.name.clone(), store, vec![entry])],
                notes: Vec::new(),
                beside: Beside::default(),
            })
        }
        Format::GtfsRealtime { .. } => {
            let date = match date {
                Some(date) => date,
                None => {
                    let mut newest = None;
                    for feed in &pipeline.feeds {
                        let entry = evidence_store(workspace, &feed.from).latest(&feed.name, Timestamp::MAX)?;
                        newest = newest.max(entry.map(|entry| entry.captured_at));
                    }
                    let newest = newest.ok_or_else(|| no_evidence(pipeline.name.clone()))?;
                    let evening = newest.saturating_add(SignedDuration::from_hours(-NIGHT_ENDS)).unwrap_or(newest);
                    ServiceDate::local_date_of(evening, &workspace.zone)
                }
            };
            let from = date.zero(&workspace.zone);
            let until = from.saturating_add(SignedDuration::from_hours(SERVICE_HOURS)).unwrap_or(Timestamp::MAX);
            let mut partition = Partition { date, evidence: Vec::new(), notes: Vec::new(), beside: Beside::default() };
            for feed in &pipeline.feeds {
                let store = evidence_store(workspace, &feed.from);
                let listing = store.list(&feed.name, from, until)?;
                partition.notes.extend(listing.cut.into_iter().map(|cut| Note {
                    rule: "evidence.cut_off",
                    severity: crate::contract::Severity::Error,
                    message: cut.message,
                }));
                partition.evidence.push((feed.name.clone(), store, listing.entries));
            }
            // What comes in the night after is not enough: a date without reports would look like one without buses.
            let midnight = end(date);
            if !partition.evidence.iter().any(|(.., entries)| entries.iter().any(|entry| entry.captured_at < midnight))
            {
                return Err(no_evidence(format!("{} for {date}", pipeline.name)));
            }
            Ok(partition)
        }
    }
}

/// What the data manager decided of rows of a date, by table.
fn decisions(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<BTreeMap<String, Arc<Decisions>>, RunError> {
    let mut tables = BTreeMap::new();
    for table in pipeline.tables() {
        let lines = decisions::read(&decisions::path(&workspace.private, &pipeline.dataset, &table))?;
        tables.insert(table, Arc::new(Decisions::of(&lines, date)));
    }
    Ok(tables)
}

/// The beginning of a run's record: everything that is known before a row is read. And the key of the date's pseudonyms.
fn begin(
    workspace: &Workspace,
    pipeline: &Pipeline,
    partition: &Partition,
    decided: &BTreeMap<String, Arc<Decisions>>,
    started_at: Timestamp,
) -> Result<(RunRecord, Option<[u8; 32]>), RunError> {
    let mut contracts: Vec<ContractEntry> =
        pipeline.contracts.contracts.values().map(|contract| contract.as_ref().into()).collect();
    let mut key = None;
    if let Format::GtfsRealtime { release, .. } = &pipeline.format {
        contracts.extend(release.contracts.values().map(|contract| ContractEntry::from(contract.as_ref())));
        let folder = workspace.private.join("keys");
        let made = DayKeys::new(&folder).key(partition.date);
        key = Some(made.map_err(|error| RunError::private(&folder, "read", &error))?);
    }
    let mut evidence: Vec<EvidenceEntry> = partition
        .evidence
        .iter()
        .map(|(source, _, entries)| {
            let captures: Vec<_> = entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect();
            // What a timetable says does not depend on when it was captured, apart from the partition's date.
            match pipeline.format {
                Format::Gtfs => EvidenceEntry { sha256: entries[0].digest, ..EvidenceEntry::of(source, &captures) },
                Format::GtfsRealtime { .. } => EvidenceEntry::of(source, &captures),
            }
        })
        .collect();
    evidence.extend(partition.beside.evidence());
    let pseudonym_key = key.map(|key| Digest::of(&[b"fahrtenbuch pseudonym key ", &key[..]].concat()));
    let program = Program::this();
    let mut digester = Digester::default();
    let mut line = |text: String| digester.update(format!("{text}\n").as_bytes());
    line(format!("{} {} {}", ledger::FORMAT, program.name, program.version));
    line(format!("pipeline {} {}", pipeline.name, pipeline.digest));
    line(format!("date {} zone {:?}", partition.date, workspace.zone.iana_name()));
    contracts.iter().for_each(|contract| line(format!("contract {} {}", contract.id, contract.sha256)));
    partition.beside.inputs(workspace).into_iter().for_each(&mut line);
    if let Some(digest) = pipeline.contracts.changes_digest {
        line(format!("notices {digest}"));
    }
    let mappings: BTreeMap<String, Digest> =
        pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.digest)).collect();
    mappings.iter().for_each(|(column, digest)| line(format!("mapping {column} {digest}")));
    let decisions = decisions::digest(decided);
    if let Some(digest) = decisions {
        line(format!("decisions {digest}"));
    }
    evidence.iter().for_each(|entry| line(format!("evidence {} {}", entry.source, entry.sha256)));
    line(format!("key {pseudonym_key:?}"));
    let record = RunRecord {
        format: ledger::FORMAT.to_owned(),
        pipeline: pipeline.name.clone(),
        dataset: pipeline.dataset.clone(),
        date: partition.date,
        status: Status::Published,
        started_at,
        prepared_at: started_at,
        program,
        inputs: digester.finish(),
        pipeline_file: pipeline.digest,
        contracts,
        mappings,
        decisions,
        evidence,
        pseudonym_key,
        tables: Vec::new(),
        findings: Vec::new(),
        passed: BTreeMap::new(),
        checked: BTreeMap::new(),
        tolerated: BTreeMap::new(),
        values: BTreeMap::new(),
        skipped: BTreeMap::new(),
        absent: Vec::new(),
        notes: Vec::new(),
        standard: None,
    };
    Ok((record, key))
}

fn staging(workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> PathBuf {
    workspace.private.join("staging").join(&pipeline.name).join(date.to_string())
}

/// Decodes, checks, derives and writes everything into the staging folder.
#[expect(clippy::too_many_arguments, reason = "a run is all of these")]
fn prepare(
    workspace: &Workspace,
    pipeline: &Pipeline,
    mut partition: Partition,
    mut record: RunRecord,
    key: Option<[u8; 32]>,
    decided: &BTreeMap<String, Arc<Decisions>>,
    bucket: &Bucket,
    watch: Watch<'_>,
) -> Result<journal::Entry, RunError> {
    stage("decode", &pipeline.name, watch);
    let staging = staging(workspace, pipeline, partition.date);
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(|error| RunError::private(&staging, "removed", &error))?;
    }
    fs::create_dir_all(&staging).map_err(|error| RunError::private(&staging, "made", &error))?;
    let holding = Holding {
        staging: staging.join("quarantine"),
        folder: quarantine::partition(&workspace.private, &pipeline.dataset, partition.date),
        run: record.inputs.short(),
        held_at: record.started_at,
    };
    let budget = Budget::new(workspace.memory);
    let mut notes = std::mem::take(&mut partition.notes);
    let beside = std::mem::take(&mut partition.beside);
    notes.extend(beside.notes());
    let date = partition.date;
    let entries = || partition.evidence.iter().flat_map(|(.., entries)| entries);
    let until = entries().map(|entry| entry.captured_at).max();
    let (decoded, standard) = decode(pipeline, partition, workspace.memory)?;
    notes.extend(decoded.notes);
    let settings = key.map(|key| Settings {
        service_date: date,
        zone: workspace.zone.clone(),
        pseudonyms: Arc::new(Pseudonyms::new(key)),
        occupancy_source: match &pipeline.format {
            Format::GtfsRealtime { occupancy_source, .. } => occupancy_source.clone(),
            Format::Gtfs => String::new(),
        },
    });
    stage("check", &pipeline.name, watch);
    let mappings: BTreeMap<String, Dictionary> =
        pipeline.mappings.iter().map(|(column, mapping)| (column.clone(), mapping.on(date))).collect();
    let mappings = Arc::new(mappings);
    let referenced = check::referenced(pipeline.contracts.contracts.values());
    let around = beside.surroundings(workspace, pipeline, date, &staging, until, bucket)?;
    let mut waiting: Vec<Option<decode::Head>> = decoded.tables.iter().cloned().map(Some).collect();
    let mut lanes: Vec<Option<Lane>> = decoded.tables.iter().map(|_| None).collect();
    let mut open = |table: usize, lanes: &mut Vec<Option<Lane>>| -> Result<(), RunError> {
        let Some(head) = waiting.get_mut(table).and_then(Option::take) else { return Ok(()) };
        let referenced = referenced.get(&head.contract.table).cloned().unwrap_or_default();
        let transform = match (&pipeline.format, &settings) {
            (Format::GtfsRealtime { tables, .. }, Some(settings)) => {
                let release = tables.iter().find(|(_, from)| *from == head.contract.table).map(|(release, _)| release);
                let transform = release.map(|release| {
                    telemetry::transform(head.contract.clone(), release.clone(), settings.clone(), budget.clone())
                });
                transform.transpose()?
            }
            _ => None,
        };
        let released = transform.is_some() || matches!(pipeline.format, Format::Gtfs);
        let contract = transform.as_ref().map_or(&head.contract, |transform| transform.contract());
        let metadata = metadata(&record, contract);
        let decisions = decided.get(&contract.table).cloned().unwrap_or_default();
        let (around, mappings) = (around.clone(), mappings.clone());
        let plan = Plan { referenced, around, transform, released, metadata, decisions, mappings, head };
        lanes[table] = Some(Lane::new(plan, &staging, &holding, &budget)?);
        Ok(())
    };
    let tables: Vec<String> = decoded.tables.iter().map(|head| head.contract.table.clone()).collect();
    let mut keys = Keys::default();
    let mut arrived: Vec<Arrived> = Vec::new();
    let mut rows = 0;
    for step in decoded.steps {
        match step? {
            Step::Rows { table, chunk } => {
                rows += chunk.rows.num_rows() as u64;
                watch("check", rows);
                open(table, &mut lanes)?;
                if let Some(Some(lane)) = lanes.get_mut(table) {
                    lane.push(chunk, &keys)?;
                }
            }
            Step::End { table } => {
                open(table, &mut lanes)?;
                if let Some(Some(lane)) = lanes.get_mut(table) {
                    lane.has_ended = true;
                }
                land(&mut lanes, &tables, &mut keys, &mut arrived)?;
            }
            Step::Note(note) => notes.push(note),
        }
    }
    arrived.sort_by_key(|table| tables.iter().position(|name| *name == table.source.table));
    if let Some(lane) = lanes.iter().flatten().next() {
        return Err(RunError::internal(format!("the rules of {} wait for ever", lane.tables().0)));
    }
    if let Some(head) = waiting.iter().flatten().next() {
        return Err(RunError::internal(format!("the table {} never came to its end", head.contract.table)));
    }
    stage("stage", &pipeline.name, watch);
    let mut quarantine: Vec<HeldFile> = Vec::new();
    for table in &mut arrived {
        quarantine.append(&mut table.held);
        notes.append(&mut table.notes);
    }
    for table in pipeline.tables().iter().filter(|name| !arrived.iter().any(|table| table.release.table == **name)) {
        let decisions = decided.get(table).map_or(0, |decisions| decisions.rows().count());
        notes.extend(lane::spare_decisions(table, decisions));
        quarantine
            .extend(Stage::BOTH.map(|stage| HeldFile { staged: None, file: holding.folder.join(stage.file(table)) }));
    }
    quarantine.extend(forgotten(workspace, pipeline, &holding.folder));
    let files = settle(pipeline, &mut record, arrived)?;
    record.notes = notes.into_iter().map(Into::into).collect();
    record.notes.sort();
    record.notes.dedup();
    if let Some(standard) = standard {
        record.standard = Some(standard.result()?);
    }
    record.prepared_at = now();
    Ok(journal::Entry { published: false, bucket: bucket.location().to_owned(), files, quarantine, record })
}

/// Carries on with the lanes that have all of their rows, as far as those go that their rules ask about.
fn land(
    lanes: &mut [Option<Lane>],
    tables: &[String],
    keys: &mut Keys,
    arrived: &mut Vec<Arrived>,
) -> Result<(), RunError> {
    // A table that the feed does not have keeps nobody waiting.
    let are_there = |wanted: BTreeSet<String>, missing: &BTreeSet<String>| wanted.is_disjoint(missing);
    let mut to_come: BTreeSet<String> = tables.iter().cloned().collect();
    for lane in lanes.iter().flatten().filter(|lane| lane.has_ended) {
        to_come.remove(lane.tables().0);
    }
    arrived.iter().for_each(|table| _ = to_come.remove(&table.source.table));
    for lane in lanes.iter_mut().flatten().filter(|lane| lane.has_ended && !lane.is_derived) {
        if are_there(lane.feed_waits_for(), &to_come) {
            lane.derive_all(keys)?;
        }
    }
    let mut to_derive: BTreeSet<String> = lanes.iter().flatten().map(|lane| lane.tables().1.to_owned()).collect();
    // A lane that has not begun is one of the feed; a timetable is released under the names of the feed.
    to_derive.extend(to_come);
    for lane in lanes.iter().flatten().filter(|lane| lane.is_derived) {
        to_derive.remove(lane.tables().1);
    }
    for place in lanes.iter_mut() {
        let is_ready = |lane: &Lane| lane.is_derived && are_there(lane.release_waits_for(), &to_derive);
        if let Some(lane) = place.take_if(|lane| is_ready(lane)) {
            arrived.push(lane.finish(keys)?);
        }
    }
    Ok(())
}

/// Files in a partition's quarantine of tables that no pipeline of the dataset makes any more.
fn forgotten(workspace: &Workspace, pipeline: &Pipeline, folder: &Path) -> Vec<HeldFile> {
    let of_dataset = workspace.pipelines.iter().filter(|other| other.dataset == pipeline.dataset);
    let known: Vec<String> = of_dataset.flat_map(Pipeline::tables).collect();
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_forgotten = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Stage::of_file(&name).is_some_and(|(table, _)| !known.iter().any(|other| other == table))
    };
    files.filter(is_forgotten).map(|file| HeldFile { staged: None, file }).collect()
}

/// What stands in the footer of every file. Nothing of it may change from run to run of the same inputs.
fn metadata(record: &RunRecord, contract: &Contract) -> Vec<(String, String)> {
    [
        ("fahrtenbuch.dataset", record.dataset.clone()),
        ("fahrtenbuch.table", contract.table.clone()),
        ("fahrtenbuch.date", record.date.to_string()),
        ("fahrtenbuch.contract", format!("{} {}", contract.id, contract.version)),
        ("fahrtenbuch.contract.sha256", contract.digest.to_string()),
        ("fahrtenbuch.inputs.sha256", record.inputs.to_string()),
        ("fahrtenbuch.program", format!("{} {}", record.program.name, record.program.version)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// The standard rules at work on a timetable, beside the run. They hold the feed as columns, at most as many bytes as
/// rooms may hold, and tell if that is not enough.
struct StandardCheck(std::thread::JoinHandle<Result<Standard, DecodeError>>);

impl StandardCheck {
    fn begin(name: &str, archive: bytes::Bytes, pipeline: &Pipeline, date: ServiceDate, memory: usize) -> Self {
        let name = name.to_owned();
        let limits = Limits { held_bytes: memory, ..Limits::default() };
        let contracts = Library::gtfs().overlaid(pipeline.contracts.clone());
        Self(std::thread::spawn(move || {
            let timetable = timetable::read(&name, Package::Archive(archive), &contracts, limits)?;
            let options = gtfs::Options { date, country: None, changes: contracts.changes };
            Ok(Standard::from(&gtfs::validate(timetable, &options)))
        }))
    }

    fn result(self) -> Result<Standard, RunError> {
        let result = self.0.join().map_err(|_| RunError::internal("the standard rules stopped without a result"))?;
        Ok(result?)
    }
}

/// Begins to decode the evidence, and to look at a timetable with the standard rules, which may hold so many bytes.
fn decode(
    pipeline: &Pipeline,
    partition: Partition,
    memory: usize,
) -> Result<(Decoded, Option<StandardCheck>), RunError> {
    let date = partition.date;
    match &pipeline.format {
        Format::Gtfs => {
            let (name, store, entries) = partition
                .evidence
                .into_iter()
                .next()
                .ok_or_else(|| RunError::internal("a timetable without evidence was planned"))?;
            let entry =
                entries.first().ok_or_else(|| RunError::internal("a timetable without evidence was planned"))?;
            let capture = store.open(entry)?;
            let origin = Origin { name: name.clone(), captured_at: capture.captured_at };
            let body = capture.body;
            let decoded = decode::gtfs::decode(&name, body.clone(), &origin, &pipeline.contracts, Limits::default())?;
            Ok((decoded, Some(StandardCheck::begin(&name, body, pipeline, date, memory))))
        }
        Format::GtfsRealtime { .. } => {
            // All sources as one stream in the order of time; sources of one instant in the order of the pipeline.
            let mut all: Vec<(String, Entry)> = Vec::new();
            for (name, _, entries) in partition.evidence {
                all.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
            }
            all.sort_by_key(|(_, entry)| entry.captured_at);
            let origins = all
                .iter()
                .map(|(name, entry)| Origin {
                    name: format!("{name} {}", entry.captured_at),
                    captured_at: entry.captured_at,
                })
                .collect();
            let entries = all.into_iter().map(|(_, entry)| entry).collect();
            let captures = Box::new(Store::new("").read(entries));
            let decoded = decode::gtfs_realtime::decode(origins, captures, &pipeline.contracts, Limits::default())?;
            Ok((decoded, None))
        }
    }
}

/// Does the sums, files the findings and names the files that are to be published.
fn settle(pipeline: &Pipeline, record: &mut RunRecord, arrived: Vec<Arrived>) -> Result<Vec<StagedFile>, RunError> {
    let mut files = Vec::new();
    let mut blocked = false;
    for table in &arrived {
        for (contract, outcomes) in &table.outcomes {
            blocked |= outcomes.iter().any(check::Outcome::blocks);
            record.file(contract, outcomes.clone());
        }
    }
    let absent = pipeline.contracts.contracts.keys().filter(|name| !arrived.iter().any(|t| t.source.table == **name));
    record.absent = absent.cloned().collect();
    record.status = if blocked { Status::HeldBack } else { Status::Published };
    for table in arrived {
        let mut entry = TableEntry {
            table: table.release.table.clone(),
            from: table.source.table.clone(),
            rows_in: table.rows_in,
            published: table.published,
            quarantined: table.quarantined,
            held_back: 0,
            dropped: table.dropped,
            released: table.released,
            mapped: table.mapped,
            left_quarantine: table.left_quarantine,
            entered_quarantine: table.entered_quarantine,
            files: Vec::new(),
        };
        if !entry.adds_up() {
            return Err(RunError::internal(format!("the rows of {} do not add up: {entry:?}", entry.table)));
        }
        if let Some(staged) = table.staged.filter(|_| !blocked) {
            if staged.rows != entry.published {
                let problem = format!("{} has {} rows in its file, not {}", entry.table, staged.rows, entry.published);
                return Err(RunError::internal(problem));
            }
            let path = index::data_path(&record.dataset, &entry.table, record.date, &staged.digest);
            entry.files.push(FileEntry {
                path: path.clone(),
                rows: staged.rows,
                bytes: staged.bytes,
                sha256: staged.digest,
            });
            files.push(StagedFile {
                table: entry.table.clone(),
                staged: staged.path,
                file: IndexFile {
                    path,
                    date: record.date,
                    rows: staged.rows,
                    bytes: staged.bytes,
                    sha256: staged.digest,
                    inputs: record.inputs,
                },
            });
        }
        if blocked {
            entry.held_back = std::mem::take(&mut entry.published);
            entry.left_quarantine.held_back = std::mem::take(&mut entry.left_quarantine.published);
        }
        record.tables.push(entry);
    }
    Ok(files)
}

/// Whether the bucket has everything that an entry says.
fn is_out(bucket: &Bucket, pipeline: &Pipeline, entry: &journal::Entry) -> Result<bool, RunError> {
    for file in &entry.files {
        let index = index::current(bucket, &pipeline.dataset, &file.table)?;
        if !index.is_some_and(|index| index.files.contains(&file.file)) {
            return Ok(false);
        }
    }
    let (key, _) = entry.record.to_bytes();
    Ok(bucket.get(&key)?.is_some())
}

/// Puts the staged files, commits, and writes the views, the pages and the record. Every step may be repeated.
fn publish(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    entry: &journal::Entry,
    watch: Watch<'_>,
) -> Result<usize, RunError> {
    stage("put", &pipeline.name, watch);
    for file in &entry.files {
        bucket.put_file(&file.file.path, &file.staged, &file.file.sha256)?;
    }
    stage("commit", &pipeline.name, watch);
    let mut commits = 0;
    // A run that is held back changes nothing; one that is published also withdraws the tables that its feed has lost.
    let released = if entry.record.status == Status::Published { pipeline.released() } else { Vec::new() };
    for contract in &released {
        let file = entry.files.iter().find(|file| file.table == contract.table).map(|file| &file.file);
        let commit = index::commit(bucket, &pipeline.dataset, contract, entry.record.date, file)?;
        commits += usize::from(matches!(commit, Some(Commit::New(_))));
    }
    if let Some(file) = entry.files.iter().find(|file| !released.iter().any(|contract| contract.table == file.table)) {
        return Err(RunError::internal(format!("{} has lost its contract", file.table)));
    }
    stage("views", &pipeline.name, watch);
    publish_views(workspace, pipeline, bucket, &entry.record)?;
    stage("record", &pipeline.name, watch);
    let (key, bytes) = entry.record.to_bytes();
    bucket.put_new(&key, bytes)?;
    Ok(commits)
}

/// Writes what people read: the results of the run and their trend, and the pages of all tables of the workspace that have
/// been released.
///
/// Another run may commit meanwhile and write its views before ours, which are then old: so this looks again afterwards,
/// until nothing has changed.
fn publish_views(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    record: &RunRecord,
) -> Result<(), RunError> {
    quality::write(bucket, &workspace.site, &Quality::of(record, &pipeline.asked()))?;
    let mut views = Views::read(workspace, pipeline, bucket)?;
    loop {
        for table in &views.tables {
            index::write_views(bucket, &table.index)?;
        }
        let trend = report::Report::of(&pipeline.dataset, &views.trend);
        let page = quality::html::write(&workspace.site.title, &[trend]);
        bucket.put(&quality::page_path(&pipeline.dataset), page.into())?;
        pages::write(bucket, &workspace.site, &views.tables, &views.scores)?;
        let now = Views::read(workspace, pipeline, bucket)?;
        if now.says_the_same(&views) {
            return Ok(());
        }
        views = now;
    }
}

/// What the views are made from.
struct Views {
    tables: Vec<PageTable>,
    /// By dataset.
    scores: BTreeMap<String, PageScore>,
    /// The newest results of the run's own dataset.
    trend: Vec<Quality>,
}

impl Views {
    fn read(workspace: &Workspace, pipeline: &Pipeline, bucket: &Bucket) -> Result<Self, RunError> {
        let mut scores = BTreeMap::new();
        let trend = quality::newest(bucket, &pipeline.dataset, quality::SHOWN)?;
        for other in &workspace.pipelines {
            let newest = match other.dataset == pipeline.dataset {
                true => trend.last().cloned(),
                false => quality::newest(bucket, &other.dataset, 1)?.pop(),
            };
            if let Some(newest) = newest {
                let score = PageScore {
                    date: newest.date,
                    score: newest.score.dataset,
                    held_back: newest.status == Status::HeldBack,
                    page: quality::page_path(&other.dataset),
                    results: quality::path(&other.dataset, newest.date, quality::Form::Json),
                };
                scores.insert(other.dataset.clone(), score);
            }
        }
        Ok(Self { tables: released_tables(workspace, bucket)?, scores, trend })
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let tables = self.tables.iter().map(|table| &table.index).eq(other.tables.iter().map(|table| &table.index));
        tables && self.scores == other.scores && self.trend == other.trend
    }
}

fn released_tables(workspace: &Workspace, bucket: &Bucket) -> Result<Vec<PageTable>, RunError> {
    let mut tables = Vec::new();
    for pipeline in &workspace.pipelines {
        for contract in pipeline.released() {
            if let Some(index) = index::current(bucket, &pipeline.dataset, &contract.table)? {
                tables.push(PageTable { dataset: pipeline.dataset.clone(), contract, index });
            }
        }
    }
    Ok(tables)
}
