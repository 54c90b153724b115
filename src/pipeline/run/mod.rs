//! A run: one pipeline over one partition, through all rooms, and again from the journal where an earlier run was killed.

mod commit;
mod error;
mod evidence;
mod inputs;
pub mod known;
mod lock;
mod prepare;

pub use error::RunError;
pub use evidence::capture;
pub(super) use evidence::evidence_store;
pub use lock::Lock;

use std::fs;

use jiff::Timestamp;

use crate::ledger::{RunRecord, Status};
use crate::pipeline::beside::Beside;
use crate::pipeline::journal;
use crate::pipeline::{Format, Pipeline};
use crate::publish::bucket::Bucket;
use crate::quarantine;
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use commit::{has_lists, is_out, publish, publish_views};
use evidence::{Partition, partition};
use inputs::{Begun, begin, decisions};
use known::{Changes, Comparison, last_record};
use prepare::{prepare, staging};

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

/// Opens the workspace's bucket and makes sure that it can be committed to.
pub fn open_bucket(workspace: &Workspace, lock: &mut Lock) -> Result<Bucket, RunError> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
    lock.share(|| bucket.sweep())?;
    bucket.probe()?;
    Ok(bucket)
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
    let today = ServiceDate::local_date_of(started_at, &workspace.zone);
    let accepted = known::accepted(workspace, today)?;
    let mut partition = find(workspace, pipeline, date, bucket)?;
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
    let earlier =
        earlier.filter(|entry| entry.record.inputs.sha256 == record.inputs.sha256 && entry.bucket == bucket.location());
    let (entry, finished_earlier) = match earlier {
        Some(entry) if entry.published && has_quarantine && is_out(bucket, pipeline, &entry)? => {
            publish_views(workspace, pipeline, bucket, &entry.record)?;
            let (record_key, _) = entry.record.to_bytes();
            let seconds = clock.elapsed().as_secs_f64();
            return Ok(Report { record: entry.record, record_key, commits: 0, finished_earlier: false, seconds });
        }
        Some(entry) if !entry.published && entry.is_staged() && has_lists(workspace, &entry.record) => (entry, true),
        _ => (prepare(workspace, pipeline, partition, record, key, &decided.rows, bucket, watch)?, false),
    };
    if !finished_earlier {
        stage("journal", &pipeline.name, watch);
        for (digest, lines) in &lists {
            let kept =
                journal::keep_list(&workspace.private, &pipeline.name, entry.record.date, digest, lines.as_str());
            kept.map_err(|error| RunError::private(&journal_path, "written", &error))?;
        }
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
    let swept = journal::sweep_lists(&workspace.private, &entry.record);
    swept.map_err(|error| RunError::private(&journal_path, "written", &error))?;
    let staging = staging(workspace, pipeline, entry.record.date);
    fs::remove_dir_all(&staging).map_err(|error| RunError::private(&staging, "removed", &error))?;
    stage("done", &pipeline.name, watch);
    let (record_key, _) = entry.record.to_bytes();
    Ok(Report { record: entry.record, record_key, commits, finished_earlier, seconds: clock.elapsed().as_secs_f64() })
}

/// The evidence of a date, or of the newest one. A date whose last record names evidence of which nothing is left is not one
/// without evidence.
fn find(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: Option<ServiceDate>,
    bucket: &Bucket,
) -> Result<Partition, RunError> {
    let found = partition(workspace, pipeline, date);
    let newest_run = || journal::dates(&workspace.private, &pipeline.name).pop();
    let wanted = match (&found, date, &pipeline.format) {
        (Err(RunError::NoEvidence { .. }), date, _) => date.or_else(newest_run),
        // A timetable has the date of its newest capture, which is another one if that capture is gone.
        (Ok(found), date, Format::Gtfs) => {
            let wanted = date.or_else(newest_run);
            wanted.filter(|wanted| *wanted > found.date)
        }
        _ => None,
    };
    let Some(wanted) = wanted else { return found };
    let gone = Partition {
        date: wanted,
        evidence: pipeline
            .feeds
            .iter()
            .map(|feed| (feed.name.clone(), evidence_store(workspace, &feed.from), Vec::new()))
            .collect(),
        notes: Vec::new(),
        beside: Beside::default(),
    };
    let Some(mut last) = last_record(bucket, workspace, pipeline, wanted)? else { return found };
    // The timetable beside the evidence is not looked for where there is no run.
    last.evidence.retain(|entry| pipeline.feeds.iter().any(|feed| feed.name == entry.source));
    last.pseudonym_key = None;
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    let accepted = known::accepted(workspace, today)?;
    let comparison = Comparison { workspace, pipeline, bucket, partition: &gone, last: &last };
    let (changes, _) = comparison.changes(&accepted)?;
    if changes.is_empty() { found } else { Err(RunError::Changed(Box::new(changes))) }
}

/// What differs from the last record of a date and was not accepted; none if the date was never run.
pub fn changes(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    bucket: &Bucket,
) -> Result<Option<Changes>, RunError> {
    let mut partition = match find(workspace, pipeline, Some(date), bucket) {
        Ok(partition) if partition.date == date => partition,
        Ok(_) => return Ok(None),
        Err(RunError::Changed(changes)) => return Ok(Some(*changes)),
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
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
