//! Deleting files below `revised/` that are superseded for longer than `retention: superseded`.
//!
//! What the newest version names stays, and so does what any version names that the catalogue still tells of: the newest sixty
//! complete releases of a table. All other files are kept through the day on which they are superseded for as long as the
//! rule says, a day at least, so that who is in the middle of a download gets to its end. Below `data/` nothing is deleted.
//!
//! Before anything is deleted the catalogue and the lists of files are those of the newest version, so that they name none of it. The
//! record of what is deleted and its entry in the log come before the first deletion, and `releases` of the publication says before it
//! that the files are deleted, so that it names none that is gone. Whatever is killed leaves whole files and no name of a gone one that
//! a reader is led to; the next time goes on, with a record of what it deletes itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ActContext, ActError, tables};
use crate::ledger::{ActFile, ActRecord, ActTable, Kind, Program};
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::log;
use crate::pipeline::run::views;
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::iceberg;
use crate::publish::index::{self, FirstFile};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What may be deleted, and what may not yet.
#[derive(Debug, Default)]
pub struct Garbage {
    /// By dataset and table.
    pub due: BTreeMap<(String, String), Vec<Superseded>>,
    /// Superseded files that stay: for the catalogue's snapshots, or since the rule's time is not over.
    pub kept: usize,
    pub kept_bytes: u64,
    /// What was left, and why.
    pub problems: Vec<String>,
}

/// A file that no current version names.
#[derive(Clone, Debug)]
pub struct Superseded {
    pub file: FirstFile,
    /// None of a month.
    pub date: Option<ServiceDate>,
    /// The last version that named it.
    pub version: u64,
    /// When the one after it was released.
    pub at: Timestamp,
}

/// What was deleted.
#[derive(Debug, Default)]
pub struct Collected {
    pub deleted: Vec<Superseded>,
    /// The records of it.
    pub records: Vec<String>,
}

/// The files that are due to be deleted now.
///
/// # Errors
/// The bucket cannot be read. A table whose versions cannot be read is a problem of it, and keeps its files.
pub fn garbage(workspace: &Workspace, bucket: &Bucket) -> Result<Garbage, ActError> {
    let mut garbage = Garbage::default();
    let unfinished = super::compact::unfinished(workspace, bucket)?;
    let datasets = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str());
    let datasets: BTreeSet<&str> = datasets.chain([DATASET]).collect();
    for dataset in datasets {
        for table in tables(bucket, dataset)? {
            match of_table(workspace, bucket, (dataset, &table), &unfinished, &mut garbage) {
                Ok(due) if due.is_empty() => {}
                Ok(due) => _ = garbage.due.insert((dataset.to_owned(), table), due),
                Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. })) => {
                    garbage.problems.push(format!("{dataset}/{table} keeps all of its files: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(garbage)
}

fn of_table(
    workspace: &Workspace,
    bucket: &Bucket,
    (dataset, table): (&str, &str),
    unfinished: &BTreeSet<String>,
    garbage: &mut Garbage,
) -> Result<Vec<Superseded>, PublishError> {
    // The names first: what is put after the look at them is none of them.
    let mut left = bucket.sizes(&format!("revised/{dataset}/{table}"))?;
    let Some(newest) = index::current(bucket, dataset, table)? else { return Ok(Vec::new()) };
    newest.files.iter().for_each(|file| _ = left.remove(&file.path));
    newest.months.iter().for_each(|month| _ = left.remove(&month.path));
    // What a compaction was about to put when it was killed is for the next one.
    unfinished.iter().for_each(|name| _ = left.remove(name));
    // Withdrawn bytes go by 'withdraw', and 'publish --rebuild' deletes what that has left.
    left.retain(|name, _| {
        let date = index::date_of(std::path::Path::new(name));
        date.is_none_or(|date| !newest.is_deleted(date, name)) && !newest.is_deleted_month(name)
    });
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    let mut due = Vec::new();
    let mut after = newest.clone();
    let mut complete = usize::from(!newest.is_provisional());
    for version in (1..newest.version).rev() {
        if left.is_empty() {
            break;
        }
        let index = index::read_version(bucket, dataset, table, version)?.0;
        let is_in_catalogue = iceberg::keeps(newest.version, version, complete);
        // In the place of releases that were withdrawn the catalogue has older ones.
        complete += usize::from(!index.is_provisional() && !newest.hides(version));
        let days = index.files.iter().map(|file| (Some(file.partition_date), FirstFile::from(file)));
        let months = index.months.iter().map(|month| (None, FirstFile::from(month)));
        for (date, file) in days.chain(months) {
            let Some(bytes) = left.remove(&file.path) else { continue };
            let at = after.release.as_ref().map(|release| release.at);
            let is_over = at.is_some_and(|at| {
                workspace.retention.superseded.after(ServiceDate::local_date_of(at, &workspace.zone)) < today
            });
            match at.filter(|_| is_over && !is_in_catalogue) {
                Some(at) => due.push(Superseded { file, date, version, at }),
                None => {
                    garbage.kept += 1;
                    garbage.kept_bytes += bytes;
                }
            }
        }
        after = index;
    }
    let strangers = left.into_keys().map(|name| format!("'{name}' is named by no version, and was left"));
    garbage.problems.extend(strangers);
    due.sort_by(|one, other| one.file.path.cmp(&other.file.path));
    Ok(due)
}

/// Deletes what is due.
///
/// # Errors
/// The bucket cannot be read or written. Dates that a run is at work on are left for the next time.
pub fn collect(context: &ActContext<'_>) -> Result<(Garbage, Collected), ActError> {
    let ActContext { workspace, bucket, .. } = *context;
    let _alone = context.lock.acting()?;
    let mut garbage = garbage(workspace, bucket)?;
    let mut collected = Collected::default();
    let mut by_dataset: BTreeMap<String, BTreeMap<String, Vec<Superseded>>> = BTreeMap::new();
    for ((dataset, table), due) in std::mem::take(&mut garbage.due) {
        by_dataset.entry(dataset).or_default().insert(table, due);
    }
    for (dataset, mut due) in by_dataset {
        let dates: BTreeSet<ServiceDate> = due.values().flatten().filter_map(|of| of.date).collect();
        let mut quiet = Vec::new();
        for date in dates {
            match context.keep_runs_away(&dataset, &BTreeSet::from([date])) {
                Ok(held) => quiet.extend(held),
                Err(error @ RunError::Busy { .. }) => {
                    garbage.problems.push(error.to_string());
                    due.values_mut().for_each(|of| of.retain(|of| of.date != Some(date)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        // A run may have released one of them again before it was kept away.
        let mut tables: Vec<ActTable> = Vec::new();
        for (table, due) in &mut due {
            let Some(index) = index::current(bucket, &dataset, table)? else { continue };
            due.retain(|of| {
                let path = &of.file.path;
                !index.files.iter().any(|file| file.path == *path) && !index.months.iter().any(|of| of.path == *path)
            });
            tables.extend(of_record(table, index.version, due));
        }
        if tables.is_empty() {
            continue;
        }
        // A run that was killed may have left the catalogue and the lists of files as they were many versions ago: what they name is
        // not deleted before they tell of the newest one, by which it is due.
        match dataset == DATASET {
            true => context.publish_publication()?,
            false => context.publish_views(&dataset)?,
        }
        ActContext::stage("gc", "record");
        let record = record(workspace, &dataset, tables);
        let (key, bytes) = record.to_bytes();
        bucket.put_named_by_digest(&key, bytes)?;
        collected.records.push(key);
        // Whoever looks at the log from outside finds by it that a file went by a rule, and was not removed.
        ActContext::stage("gc", "log");
        log::complete_collected(workspace, bucket, &record)?;
        ActContext::stage("gc", "tell");
        views::refresh_deleted(workspace, bucket, &record)?;
        ActContext::stage("gc", "delete");
        for of in due.into_values().flatten() {
            bucket.remove(&of.file.path)?;
            collected.deleted.push(of);
        }
    }
    ActContext::stage("gc", "done");
    Ok((garbage, collected))
}

fn of_record(table: &str, version: u64, due: &[Superseded]) -> Option<ActTable> {
    let files: Vec<ActFile> = due
        .iter()
        .map(|of| ActFile { path: of.file.path.clone(), bytes: of.file.bytes, sha256: of.file.sha256 })
        .collect();
    let dates = due.iter().filter_map(|of| of.date).collect();
    (!files.is_empty()).then(|| ActTable {
        table: table.to_owned(),
        version,
        to: None,
        dates,
        files,
        months: Vec::new(),
    })
}

fn record(workspace: &Workspace, dataset: &str, tables: Vec<ActTable>) -> ActRecord {
    ActRecord {
        format: Kind::Gc.format(1),
        dataset: dataset.to_owned(),
        at: now(),
        program: Program::this(),
        by: None,
        reason: None,
        rule: Some(workspace.retention.superseded_rule()),
        tables,
    }
}
