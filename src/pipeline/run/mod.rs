//! A run: one pipeline over one partition, through all rooms, and again from the journal where an earlier run was killed.

mod commit;
mod error;
mod evidence;
mod inputs;
mod lock;
mod prepare;
mod published;
pub(super) mod readable;

pub use error::RunError;
pub(super) use evidence::evidence_store;
pub use evidence::{capture, collector};
pub use lock::Lock;
pub(super) use prepare::archive;

use std::fs;

use jiff::Timestamp;

use crate::ledger::{RunRecord, Status};
use crate::pipeline::Pipeline;
use crate::pipeline::beside::Beside;
use crate::pipeline::journal;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::quarantine;
use crate::time::ServiceDate;
use crate::workspace::{self, Workspace};
use commit::{publish, publish_views};
use evidence::partition;
use inputs::{begin, decisions};
use prepare::{prepare, staging};
use published::Published;

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
    pub seconds: f64,
}

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
    let mut partition = partition(workspace, pipeline, date)?;
    let _mine = lock.partition(&pipeline.name, partition.date)?;
    let journal_path = journal::path(&workspace.private, &pipeline.name, partition.date);
    partition.beside = Beside::find(workspace, pipeline, partition.date, bucket)?;
    let decided = decisions(workspace, pipeline, partition.date)?;
    let (record, key) = begin(workspace, pipeline, &partition, &decided, started_at)?;
    let earlier = journal::read(&journal_path).map_err(|error| RunError::private(&journal_path, "read", &error))?;
    let earlier = earlier.filter(|entry| entry.record.inputs == record.inputs && entry.bucket == bucket.location());
    let is_complete = partition.is_complete(&pipeline.format, &workspace.zone, started_at);
    let published = Published::look(bucket, pipeline, partition.date, is_complete)?;
    let (entry, finished_earlier) = match earlier {
        Some(entry) if entry.published && published.has_all_of(&entry) && has_record(bucket, &entry)? => {
            publish_views(workspace, pipeline, bucket, &entry.record)?;
            let (record_key, _) = entry.record.to_bytes();
            let seconds = clock.elapsed().as_secs_f64();
            let (commits, puts, finished_earlier, is_repeated) = (0, 0, false, true);
            let record = entry.record;
            return Ok(Report { record, record_key, commits, puts, is_repeated, finished_earlier, seconds });
        }
        Some(entry) if !entry.published && entry.is_staged() && published.has_room_for(&entry) => (entry, true),
        _ => (prepare(workspace, pipeline, partition, record, key, &decided, &published, bucket, watch)?, false),
    };
    if !finished_earlier {
        stage("journal", &pipeline.name, watch);
        journal::write(&journal_path, &entry).map_err(|error| RunError::private(&journal_path, "written", &error))?;
    }
    let done = publish(workspace, pipeline, bucket, &entry, watch)?;
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
    Ok(Report {
        record: entry.record,
        record_key,
        commits: done.commits,
        puts: done.puts,
        is_repeated: false,
        finished_earlier,
        seconds: clock.elapsed().as_secs_f64(),
    })
}

/// Whether the bucket has the record of an entry.
fn has_record(bucket: &Bucket, entry: &journal::Entry) -> Result<bool, RunError> {
    let (key, _) = entry.record.to_bytes();
    Ok(bucket.get(&key)?.is_some())
}

fn stage(name: &str, pipeline: &str, watch: Watch<'_>) {
    tracing::info!(stage = name, pipeline, "stage");
    watch(name, 0);
}

/// Whole seconds: the record says when, not how exactly the clock was read.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
