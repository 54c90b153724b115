//! A run: one pipeline over one partition, through all rooms, and again from the journal where an earlier run was killed.

mod commit;
mod error;
mod evidence;
mod fleets;
mod heads;
mod inputs;
pub mod known;
mod lock;
mod prepare;
mod published;
pub(super) mod readable;
mod views;

pub use error::RunError;
pub use evidence::evidence_store;
pub use evidence::{capture, collector};
pub use lock::Lock;
pub(super) use prepare::archive;

use std::fs;

use jiff::Timestamp;

use crate::capture::CaptureError;
use crate::contract::Severity;
use crate::decode::Note;
use crate::ledger::{NoteEntry, RunRecord, Status, TableEntry};
use crate::pipeline::Pipeline;
use crate::pipeline::beside::Beside;
use crate::pipeline::journal;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, ONE_PAGE};
use crate::publish::index;
use crate::quarantine;
use crate::time::{self, ServiceDate, ServiceDay};
use crate::workspace::{self, Workspace};
use commit::{has_lists, publish};
use evidence::{DefaultDate, Partition, default_date, newest_capture, partition};
use heads::Look;
use inputs::{Begun, begin, decisions};
use known::{Changes, Comparison, last_record};
use prepare::{prepare, staging};
use published::Published;
use views::publish_views;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    pub record: RunRecord,
    /// Where the record is in the bucket.
    pub record_key: String,
    /// Releases made; 0 if everything was published before.
    pub commits: usize,
    /// Files put into the bucket, also damaged ones that were put again.
    pub puts: usize,
    /// An earlier run had the same inputs: nothing was looked at but what is in the bucket.
    pub is_repeated: bool,
    /// Something that an earlier run had begun was finished.
    pub finished_earlier: bool,
    /// Whether the date was over; a release made before is provisional.
    pub is_complete: bool,
    pub seconds: f64,
}

/// What became of a run.
#[derive(Debug)]
pub enum Outcome {
    Done(Box<Report>),
    /// There was nothing to do: the date is not over, and there is no older one, or it has no reports yet; or all evidence of it is
    /// gone, and that was accepted.
    NotDue {
        date: ServiceDate,
        reason: String,
    },
}

/// A run and what has to be said of the way to it: sources that did not answer, evidence of the future, dates passed over.
#[derive(Debug)]
pub struct Run {
    pub outcome: Outcome,
    pub warnings: Vec<String>,
}

/// Dates that a run without a date tries, from the newest on, while no report belongs to them: a night's end, a holiday.
const TRIED_DATES: usize = 7;

impl Report {
    /// Whether the bucket had every row already.
    pub fn is_nothing_new(&self) -> bool {
        let is_nothing = self.commits == 0 && self.puts == 0;
        is_nothing && self.record.status == Status::Published && !self.finished_earlier
    }
}

/// A sign of life: what a run is doing, and how many rows it has seen.
pub type Watch<'a> = &'a dyn Fn(&str, u64);

/// Opens the workspace's bucket and makes sure that it can be committed to.
pub fn open_bucket(workspace: &Workspace, lock: &mut Lock) -> Result<Bucket, RunError> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
    // A link or a mount may have come after the workspace was read.
    if bucket.folder().is_some_and(|folder| workspace::lie_in_each_other(folder, &workspace.private)) {
        return Err(RunError::Publish(PublishError::Configuration {
            bucket: workspace.bucket.clone(),
            problem: "it and the private store lie in each other".to_owned(),
            remedy: "Give each a folder of its own.".to_owned(),
        }));
    }
    lock.share(|| bucket.sweep())?;
    bucket.probe()?;
    heads::tell_versions(workspace, &bucket)?;
    Ok(bucket)
}

/// Runs a pipeline over one date, provisionally if that is not over. Without a date it asks the pipeline's sources first and
/// takes the newest date that is over and has evidence; a source that does not answer is told and ends nothing as long as
/// there is evidence.
pub fn run(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: Option<ServiceDate>,
    bucket: &Bucket,
    lock: &Lock,
    watch: Watch<'_>,
) -> Result<Run, RunError> {
    let begin = now();
    if let Some(date) = date {
        let partition = match find(workspace, pipeline, date, begin, bucket) {
            Err(error @ RunError::Forgone { .. }) => {
                let outcome = Outcome::NotDue { date, reason: error.to_string() };
                return Ok(Run { outcome, warnings: Vec::new() });
            }
            found => found?,
        };
        let warnings = future_warning(&partition.notes);
        let outcome = run_partition(workspace, pipeline, partition, bucket, lock, watch)?;
        return Ok(Run { outcome, warnings });
    }
    stage("capture", &pipeline.name, watch);
    let failures = ask_sources(workspace, pipeline)?;
    let mut warnings: Vec<String> = failures.iter().map(|error| format!("{error} ({})", duration(error))).collect();
    let begin = now();
    let future = newest_capture(workspace, pipeline, Timestamp::MAX)?.filter(|newest| *newest >= time::future(begin));
    warnings.extend(future.map(|newest| {
        format!(
            "there is evidence of {newest}, which is in the future: a clock was wrong then or is now; it does not count"
        )
    }));
    refuse_lost_dates(workspace, pipeline, begin, bucket)?;
    let mut passed_over: Option<RunError> = None;
    let mut before = None;
    for _ in 0..TRIED_DATES {
        let date = match default_date(workspace, pipeline, begin, before)? {
            DefaultDate::Newest(date) => date,
            DefaultDate::NotOver(day) if passed_over.is_none() => {
                let reason = format!(
                    "the newest date with evidence, {}, is not over before {}: nothing to do; run it now, provisionally, with \
                     'fahrtenbuch run {} --date {}'",
                    day.date,
                    day.local_end(&workspace.zone),
                    pipeline.name,
                    day.date
                );
                return Ok(Run { outcome: Outcome::NotDue { date: day.date, reason }, warnings });
            }
            DefaultDate::NotOver(_) | DefaultDate::None => break,
        };
        let attempt = find(workspace, pipeline, date, begin, bucket).and_then(|mut partition| {
            partition.notes.extend(failures.iter().map(capture_note));
            run_partition(workspace, pipeline, partition, bucket, lock, watch)
        });
        match attempt {
            Err(error) if error.is_absent() => {
                warnings.push(error.to_string());
                passed_over.get_or_insert(error);
                before = Some(date);
            }
            Err(error) => {
                log_warnings(pipeline, &warnings);
                return Err(error);
            }
            Ok(outcome) => return Ok(Run { outcome, warnings }),
        }
    }
    log_warnings(pipeline, &warnings);
    // The failure of the source says more than that there is nothing of it.
    if let Some(error) = passed_over.or(failures.into_iter().next().map(RunError::Capture)) {
        return Err(error);
    }
    Err(RunError::NoEvidence {
        what: pipeline.name.clone(),
        remedy: match future {
            Some(newest) => format!(
                "What there is was captured in the future, until {newest}: correct this machine's clock if it is wrong, or \
                 capture again with 'fahrtenbuch capture {}'.",
                pipeline.name
            ),
            None => match evidence::explain(workspace, pipeline)? {
                Some(explanation) => explanation,
                None => format!("Capture some with 'fahrtenbuch capture {}'.", pipeline.name),
            },
        },
    })
}

/// What had to be said of a run that then failed.
fn log_warnings(pipeline: &Pipeline, warnings: &[String]) {
    warnings.iter().for_each(|warning| tracing::warn!(pipeline = pipeline.name, "{warning}"));
}

/// Asks the sources of a pipeline; gives the failures of those that did not answer. Where evidence cannot be kept or read, the
/// run itself has failed.
fn ask_sources(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<CaptureError>, RunError> {
    match capture(workspace, pipeline) {
        Ok(_) => Ok(Vec::new()),
        Err(RunError::Capture(error @ (CaptureError::Passing { .. } | CaptureError::Final { .. }))) => Ok(vec![error]),
        Err(error) => Err(error),
    }
}

/// Whether a failed request may succeed if it is made again.
fn duration(error: &CaptureError) -> &'static str {
    if matches!(error, CaptureError::Final { .. }) { "permanent" } else { "transient" }
}

/// A failed request as the record tells it. The record is public: it does not tell addresses.
fn capture_note(error: &CaptureError) -> Note {
    Note {
        rule: "capture.failed",
        severity: Severity::Warning,
        message: format!(
            "a source did not give its feed when the run asked ({}); the run used the evidence that was there",
            duration(error)
        ),
    }
}

fn future_warning(notes: &[Note]) -> Vec<String> {
    notes.iter().filter(|note| note.rule == "evidence.future").map(|note| note.message.clone()).collect()
}

fn remove_staging(workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> Result<(), RunError> {
    let staging = staging(workspace, pipeline, date);
    match fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RunError::private(&staging, "removed", &error))
        }
        _ => Ok(()),
    }
}

/// Runs a pipeline over a partition of which the evidence is found.
fn run_partition(
    workspace: &Workspace,
    pipeline: &Pipeline,
    mut partition: Partition,
    bucket: &Bucket,
    lock: &Lock,
    watch: Watch<'_>,
) -> Result<Outcome, RunError> {
    let clock = std::time::Instant::now();
    let started_at = now();
    let is_complete = partition.is_complete;
    let captures = partition.captures(&workspace.zone);
    let today = ServiceDate::local_date_of(started_at, &workspace.zone);
    let accepted = known::accepted(workspace, today)?;
    let _mine = lock.partition(&pipeline.name, partition.date)?;
    let journal_path = journal::path(&workspace.private, &pipeline.name, partition.date);
    partition.beside = Beside::find(workspace, pipeline, partition.date, bucket)?;
    let last = last_record(bucket, workspace, pipeline, partition.date)?;
    let has_quarantine =
        last.as_ref().is_none_or(|last| last.quarantine_gone(workspace, pipeline, partition.date).is_empty());
    if let Some(last) = &last {
        let (changes, notes) =
            Comparison { workspace, pipeline, bucket, partition: &partition, last }.changes(&accepted)?;
        if !changes.is_empty() {
            return Err(RunError::Changed(Box::new(changes)));
        }
        partition.notes.extend(notes);
    }
    let decided = decisions(workspace, pipeline, partition.date, &accepted, today)?;
    let Begun { record, key, lists } = begin(workspace, pipeline, &partition, &decided, started_at)?;
    let earlier = journal::read(&journal_path).map_err(|error| RunError::private(&journal_path, "read", &error))?;
    let abandoned = earlier.as_ref().map(journal::Entry::unfinished).unwrap_or_default();
    let earlier = earlier.filter(|entry| entry.bucket == bucket.location());
    if let Some(entry) = earlier.as_ref().filter(|entry| entry.published) {
        put_record_again(bucket, entry)?;
    }
    let earlier = earlier.filter(|entry| entry.record.inputs.sha256 == record.inputs.sha256);
    let look = Look { workspace, pipeline, bucket, lock, date: partition.date, unfinished: &abandoned, page: ONE_PAGE };
    let published = Published::look(bucket, pipeline, partition.date, is_complete, look.tables()?)?;
    let mut put_back = published.put_back();
    if let Some(last) = &last {
        let (puts, notes) = known::put_lists_again(workspace, pipeline, bucket, &partition, last, &lists)?;
        put_back += puts;
        partition.notes.extend(notes);
    }
    let (mut entry, finished_earlier) = match earlier {
        Some(entry)
            if entry.published
                && has_quarantine
                && published.has_all_of(&entry)
                && has_lists(workspace, &entry.record) =>
        {
            publish_views(workspace, pipeline, bucket, &entry.record)?;
            // A run that was killed after its last word may have left it.
            remove_staging(workspace, pipeline, entry.record.date)?;
            let (record_key, _) = entry.record.to_bytes();
            return Ok(Outcome::Done(Box::new(Report {
                record: entry.record,
                record_key,
                commits: 0,
                puts: put_back,
                is_repeated: true,
                finished_earlier: false,
                is_complete,
                seconds: clock.elapsed().as_secs_f64(),
            })));
        }
        Some(entry)
            if !entry.published
                && entry.is_staged()
                && has_lists(workspace, &entry.record)
                && published.has_room_for(&entry) =>
        {
            (entry, true)
        }
        _ => (prepare(workspace, pipeline, partition, record, key, &decided.rows, &published, bucket, watch)?, false),
    };
    if !finished_earlier {
        entry.abandoned = abandoned;
        if let Some(outcome) = without_rows(workspace, pipeline, bucket, &mut entry, captures, is_complete)? {
            return Ok(outcome);
        }
        stage("journal", &pipeline.name, watch);
        for (digest, lines) in &lists {
            let kept =
                journal::keep_list(&workspace.private, &pipeline.name, entry.record.date, digest, lines.as_str());
            kept.map_err(|error| RunError::private(&journal_path, "written", &error))?;
        }
        journal::write(&journal_path, &entry).map_err(|error| RunError::private(&journal_path, "written", &error))?;
    }
    let done = publish(workspace, pipeline, bucket, &entry, watch)?;
    heads::remember(workspace, pipeline, bucket, &done.commits)?;
    stage("quarantine", &pipeline.name, watch);
    // Only now, so that a run that is done again until here finds in quarantine what the first one found.
    for held in &entry.quarantine {
        held.settle().map_err(|error| RunError::private(&held.file, "written", &error))?;
    }
    let _ = fs::remove_dir(quarantine::partition(&workspace.private, &pipeline.dataset, entry.record.date));
    let entry = journal::Entry { published: true, abandoned: Vec::new(), ..entry };
    journal::write(&journal_path, &entry).map_err(|error| RunError::private(&journal_path, "written", &error))?;
    let swept = journal::sweep_lists(&workspace.private, &entry.record);
    swept.map_err(|error| RunError::private(&journal_path, "written", &error))?;
    remove_staging(workspace, pipeline, entry.record.date)?;
    tracing::info!(requests = bucket.requests(), pipeline = pipeline.name, "requests to the bucket so far");
    stage("done", &pipeline.name, watch);
    let (record_key, _) = entry.record.to_bytes();
    Ok(Outcome::Done(Box::new(Report {
        record: entry.record,
        record_key,
        commits: done.commits.len(),
        puts: done.puts + put_back,
        is_repeated: false,
        finished_earlier,
        is_complete,
        seconds: clock.elapsed().as_secs_f64(),
    })))
}

/// Puts the record of a published run back if it is gone or was changed: the journal has it, and its name is its digest.
fn put_record_again(bucket: &Bucket, entry: &journal::Entry) -> Result<(), RunError> {
    let (key, bytes) = entry.record.to_bytes();
    let there = bucket.get(&key)?;
    if there.as_ref() != Some(&bytes) {
        let was = if there.is_some() { "changed" } else { "gone" };
        tracing::warn!("the record '{key}' was {was} and is put again from the journal");
        bucket.put(&key, bytes)?;
    }
    Ok(())
}

/// Leaves unpublished what has no rows because it is early, and a date to which nothing belongs: an empty table says that
/// there were no buses. An empty release of such a date that was made before is taken back by going on without files.
fn without_rows(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    entry: &mut journal::Entry,
    captures: usize,
    is_complete: bool,
) -> Result<Option<Outcome>, RunError> {
    let date = entry.record.date;
    let (key, _) = entry.record.to_bytes();
    let note =
        |rule: &str, message: String| NoteEntry { rule: rule.to_owned(), severity: "warning".to_owned(), message };
    let has_rows = |table: &TableEntry| table.published + table.quarantined + table.held_back > 0;
    if entry.record.tables.iter().any(has_rows) {
        if !is_complete {
            for table in entry.record.tables.iter_mut().filter(|table| !has_rows(table)) {
                entry.files.retain(|file| file.table != table.table);
                table.files.clear();
                let message = format!("{} has no row yet and is not published: {date} is not over", table.table);
                entry.record.notes.push(note("run.table_too_early", message));
            }
            entry.record.notes.sort();
            entry.rename_record(&key);
        }
        return Ok(None);
    }
    let mut released = Vec::new();
    for contract in pipeline.released() {
        let index = index::current(bucket, &pipeline.dataset, &contract.table)?;
        released.extend(index.into_iter().flat_map(|index| index.files).filter(|file| file.partition_date == date));
    }
    if !released.is_empty() && released.iter().all(|file| file.rows == 0) {
        entry.files.clear();
        entry.record.tables.iter_mut().for_each(|table| table.files.clear());
        entry.record.status = Status::Published;
        let message = format!("no report belongs to {date}: its release without rows was taken back");
        entry.record.notes.push(note("run.empty_release_taken_back", message));
        entry.record.notes.sort();
        return Ok(None);
    }
    remove_staging(workspace, pipeline, date)?;
    if captures == 0 && released.is_empty() {
        return Err(evidence::nothing_received(workspace, pipeline, date, now())?);
    }
    let rows = entry.record.tables.iter().map(|table| table.rows_in).sum();
    let stays = if released.is_empty() { "Nothing was published" } else { "What was published before stays" };
    let absent = RunError::NoReports { pipeline: pipeline.name.clone(), date, captures, rows, stays };
    match is_complete {
        true => Err(absent),
        false => {
            Ok(Some(Outcome::NotDue { date, reason: format!("{absent} The date is not over: run it again later") }))
        }
    }
}

/// The evidence of a date. A date whose last record names evidence of which nothing is left is not one without evidence.
fn find(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
    bucket: &Bucket,
) -> Result<Partition, RunError> {
    let found = partition(workspace, pipeline, date, now);
    if !matches!(found, Err(RunError::NoEvidence { .. } | RunError::NoNewTimetable { .. })) {
        return found;
    }
    let gone = Partition {
        date,
        is_complete: true,
        evidence: pipeline
            .feeds
            .iter()
            .map(|feed| (feed.name.clone(), evidence_store(workspace, &feed.from), Vec::new()))
            .collect(),
        received: ServiceDay::new(date, &workspace.zone).reports,
        notes: Vec::new(),
        beside: Beside::default(),
    };
    let Some(mut last) = last_record(bucket, workspace, pipeline, date)? else { return found };
    // The timetable beside the evidence is not looked for where there is no run.
    last.evidence.retain(|entry| pipeline.feeds.iter().any(|feed| feed.name == entry.source));
    last.pseudonym_key = None;
    let accepted = known::accepted(workspace, ServiceDate::local_date_of(now, &workspace.zone))?;
    let comparison = Comparison { workspace, pipeline, bucket, partition: &gone, last: &last };
    let (changes, _) = comparison.changes(&accepted)?;
    if !changes.is_empty() {
        return Err(RunError::Changed(Box::new(changes)));
    }
    match last.evidence.is_empty() {
        true => found,
        false => Err(RunError::Forgone { pipeline: pipeline.name.clone(), date }),
    }
}

/// Refuses to take an older date for the newest one because the evidence of a later run is gone.
fn refuse_lost_dates(
    workspace: &Workspace,
    pipeline: &Pipeline,
    now: Timestamp,
    bucket: &Bucket,
) -> Result<(), RunError> {
    let Some(newest) = journal::dates(&workspace.private, &pipeline.name).pop() else { return Ok(()) };
    match find(workspace, pipeline, newest, now, bucket) {
        Err(error @ RunError::Changed(_)) => Err(error),
        _ => Ok(()),
    }
}

/// What differs from the last record of a date and was not accepted; none if the date was never run.
pub fn changes(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    bucket: &Bucket,
) -> Result<Option<Changes>, RunError> {
    let mut partition = match find(workspace, pipeline, date, now(), bucket) {
        Ok(partition) => partition,
        Err(RunError::Changed(changes)) => return Ok(Some(*changes)),
        Err(RunError::Forgone { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(last) = last_record(bucket, workspace, pipeline, date)? else { return Ok(None) };
    partition.beside = Beside::find(workspace, pipeline, date, bucket)?;
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    let accepted = known::accepted(workspace, today)?;
    let comparison = Comparison { workspace, pipeline, bucket, partition: &partition, last: &last };
    Ok(Some(comparison.changes(&accepted)?.0))
}

fn stage(name: &str, pipeline: &str, watch: Watch<'_>) {
    tracing::info!(stage = name, pipeline, "stage");
    watch(name, 0);
}

/// Whole seconds: the record says when, not how exactly the clock was read.
fn now() -> Timestamp {
    Timestamp::from_second(time::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
