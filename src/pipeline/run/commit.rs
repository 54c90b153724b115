//! Publishing what is prepared: every step of it may be repeated.

use crate::digest::Digest;
use crate::ledger::{RunRecord, Status, object_key};
use crate::pipeline::journal::{self, StagedFile};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::objects;
use crate::pipeline::run::views::publish_views;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Commit, TablePartition};
use crate::workspace::Workspace;

/// What publishing did.
pub(super) struct Done {
    /// New versions of table indexes.
    pub commits: Vec<Commit>,
    /// Files that were put, new ones and damaged ones again.
    pub puts: usize,
}

/// Puts the staged files and the record, commits, and writes the views and the pages. Every step may be repeated. The record
/// comes before the commit, because the index names it.
pub(super) fn publish(run: &RunContext<'_>, entry: &journal::Entry) -> Result<Done, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let mut done = Done { commits: Vec::new(), puts: 0 };
    // A run that is held back changes nothing; one that is published also withdraws the tables that its feed has lost.
    let released = if entry.record.status == Status::Published { pipeline.released() } else { Vec::new() };
    let is_released = |file: &StagedFile| released.iter().any(|contract| contract.table == file.table);
    if entry.record.status == Status::Published
        && let Some(file) = entry.files.iter().find(|file| !is_released(file))
    {
        return Err(RunError::internal(format!("{} has lost its contract", file.table)));
    }
    let file_of = |table: &str| entry.files.iter().find(|file| file.table == table);
    run.stage("put");
    for contract in pipeline.released() {
        let keep = file_of(&contract.table).map(|file| file.file.path.as_str());
        let partition = TablePartition { dataset: &pipeline.dataset, table: &contract.table, date: entry.record.date };
        let removed = index::remove_orphans(bucket, partition, keep, &entry.abandoned)?;
        removed.iter().for_each(|key| tracing::warn!("removed '{key}', which was never released"));
    }
    for file in &entry.files {
        if let Some(staged) = &file.staged {
            done.puts += usize::from(bucket.put_file(&file.file.path, staged, &file.file.sha256)?);
        }
    }
    run.stage("record");
    for (digest, lines) in lists_of(workspace, &entry.record)? {
        bucket.put_named_by_digest(&object_key(&digest), lines.into())?;
    }
    objects::put(run, &entry.record)?;
    // What is there under such a name and has other bytes is damaged.
    let (key, bytes) = entry.record.to_bytes();
    bucket.put_named_by_digest(&key, bytes)?;
    run.stage("commit");
    let (date, at) = (entry.record.date, entry.record.prepared_at);
    for contract in &released {
        let file = file_of(&contract.table).map(|file| &file.file);
        let commit = index::commit(bucket, index::Change { dataset: &pipeline.dataset, contract, date, file, at });
        if let (Err(PublishError::Withdrawn { .. }), Some(file)) = (&commit, file) {
            // It was withdrawn from another machine while this run was at work: what was put must not stay.
            bucket.remove(&file.path)?;
        }
        let commit = commit?;
        done.commits.extend(commit.filter(|commit| matches!(commit, Commit::New(_))));
    }
    run.stage("views");
    publish_views(run, &entry.record)?;
    Ok(done)
}

/// Puts the record of a published run back if it is gone or was changed: the journal has it, and its name is its digest.
pub(super) fn put_record_again(bucket: &Bucket, entry: &journal::Entry) -> Result<(), RunError> {
    let (key, bytes) = entry.record.to_bytes();
    let there = bucket.get(&key)?;
    if there.as_ref() != Some(&bytes) {
        let was = if there.is_some() { "changed" } else { "gone" };
        tracing::warn!("the record '{key}' was {was} and is put again from the journal");
        bucket.put_named_by_digest(&key, bytes)?;
    }
    Ok(())
}

/// The lists of captures that a record names, which were kept before its journal was written.
fn lists_of(workspace: &Workspace, record: &RunRecord) -> Result<Vec<(Digest, Vec<u8>)>, RunError> {
    let digests = record.evidence.iter().filter_map(|entry| entry.list_digest());
    let lists = digests.map(|digest| {
        let lines = journal::read_list(&workspace.private, &record.pipeline, record.date, &digest);
        lines.map(|lines| (digest, lines)).ok_or_else(|| {
            RunError::internal(format!("the list of captures {} of {} is gone", digest.short(), record.pipeline))
        })
    });
    lists.collect()
}

/// Whether the lists of captures that a record names were kept.
pub(super) fn has_lists(workspace: &Workspace, record: &RunRecord) -> bool {
    lists_of(workspace, record).is_ok()
}
