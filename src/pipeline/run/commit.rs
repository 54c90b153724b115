//! Publishing what is prepared: every step of it may be repeated.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::ledger::{RunRecord, Status, object_key};
use crate::pipeline::Pipeline;
use crate::pipeline::journal::{self, StagedFile};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::{Watch, stage};
use crate::portal::home::{self, PageScore, PageTable};
use crate::portal::{quality_page, write_results};
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Commit};
use crate::report::quality::Quality;
use crate::report::{results, trend};
use crate::workspace::Workspace;

/// What publishing did.
pub(super) struct Done {
    /// New versions of table indexes.
    pub commits: usize,
    /// Files that were put, new ones and damaged ones again.
    pub puts: usize,
}

/// Puts the staged files and the record, commits, and writes the views and the pages. Every step may be repeated. The record
/// comes before the commit, because the index names it.
pub(super) fn publish(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    entry: &journal::Entry,
    watch: Watch<'_>,
) -> Result<Done, RunError> {
    let mut done = Done { commits: 0, puts: 0 };
    // A run that is held back changes nothing; one that is published also withdraws the tables that its feed has lost.
    let released = if entry.record.status == Status::Published { pipeline.released() } else { Vec::new() };
    let is_released = |file: &StagedFile| released.iter().any(|contract| contract.table == file.table);
    if entry.record.status == Status::Published
        && let Some(file) = entry.files.iter().find(|file| !is_released(file))
    {
        return Err(RunError::internal(format!("{} has lost its contract", file.table)));
    }
    let file_of = |table: &str| entry.files.iter().find(|file| file.table == table);
    stage("put", &pipeline.name, watch);
    for contract in pipeline.released() {
        let keep = file_of(&contract.table).map(|file| file.file.path.as_str());
        let removed = index::remove_orphans(
            bucket,
            &pipeline.dataset,
            &contract.table,
            entry.record.date,
            keep,
            &entry.abandoned,
        )?;
        removed.iter().for_each(|key| tracing::warn!("removed '{key}', which was never released"));
    }
    for file in &entry.files {
        if let Some(staged) = &file.staged {
            done.puts += usize::from(bucket.put_file(&file.file.path, staged, &file.file.sha256)?);
        }
    }
    stage("record", &pipeline.name, watch);
    for (digest, lines) in lists_of(workspace, &entry.record)? {
        bucket.put(&object_key(&digest), lines.into())?;
    }
    // What is there under such a name and has other bytes is damaged.
    let (key, bytes) = entry.record.to_bytes();
    bucket.put(&key, bytes)?;
    stage("commit", &pipeline.name, watch);
    for contract in &released {
        let file = file_of(&contract.table).map(|file| &file.file);
        let commit = index::commit(bucket, &pipeline.dataset, contract, entry.record.date, file)?;
        done.commits += usize::from(matches!(commit, Some(Commit::New(_))));
    }
    stage("views", &pipeline.name, watch);
    publish_views(workspace, pipeline, bucket, &entry.record)?;
    Ok(done)
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

/// Writes what people read: the results of the run and their trend, and the pages of all tables of the workspace that have
/// been released.
///
/// Another run may commit meanwhile and write its views before ours, which are then old: so this looks again afterwards,
/// until nothing has changed.
pub(super) fn publish_views(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    record: &RunRecord,
) -> Result<(), RunError> {
    write_results(bucket, &workspace.site, &Quality::of(record, &pipeline.asked()))?;
    let mut views = Views::read(workspace, pipeline, bucket)?;
    loop {
        for table in &views.tables {
            index::write_views(bucket, &table.index)?;
        }
        let trend = trend::Report::of(&pipeline.dataset, &views.trend);
        let page = quality_page::write(&workspace.site.title, &[trend]);
        bucket.put(&results::page_path(&pipeline.dataset), page.into())?;
        home::write(bucket, &workspace.site, &views.tables, &views.scores)?;
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
        let trend = results::newest(bucket, &pipeline.dataset, results::SHOWN)?;
        for other in &workspace.pipelines {
            let newest = match other.dataset == pipeline.dataset {
                true => trend.last().cloned(),
                false => results::newest(bucket, &other.dataset, 1)?.pop(),
            };
            if let Some(newest) = newest {
                let score = PageScore {
                    date: newest.date,
                    score: newest.score.dataset,
                    held_back: newest.status == Status::HeldBack,
                    page: results::page_path(&other.dataset),
                    results: results::path(&other.dataset, newest.date, results::Form::Json),
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
