//! Quality results of withdrawn dates leave the public with all files that have them: the newest file of `rule_results` is made without
//! them, and older ones are withdrawn.
//!
//! A file of this table has rows of other datasets, too, and these stay. So what is withdrawn of its date are older releases alone
//! ([`Tombstone::is_of_older`]): the versions that name them are not presented as readable any more, and the newest one is.

use std::collections::{BTreeMap, BTreeSet};

use super::{ActBy, ActContext, ActError, act, tables};
use crate::ledger::{ActFile, ActRecord, ActTable, Kind, Program};
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::publication;
use crate::publication::{DATASET, RULE_RESULTS, stored_results};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{
    self, ActKind, Amended, Amendment, FirstFile, Lifted, TableIndex, Tombstone, amend, until_committed,
};
use crate::publish::view_writer::ViewWriter;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Who withdrew, and why.
type ActReason = (String, String);

/// Takes the results of dates of a dataset out of the index and the catalogue. What fails here is public still, and an error.
pub(super) fn withdraw_results(
    context: &ActContext<'_>,
    dataset: &str,
    dates: &BTreeSet<ServiceDate>,
) -> Result<(), ActError> {
    let ActContext { workspace, bucket, .. } = *context;
    take_out(workspace, bucket, dataset, Some(dates))?;
    Ok(context.publish_publication()?)
}

/// Makes the newest file of `rule_results` without the results of withdrawn dates of a dataset, of these dates alone or of all, and
/// withdraws the older ones that have some.
pub(in crate::pipeline::run) fn take_out(
    workspace: &Workspace,
    bucket: &Bucket,
    dataset: &str,
    only: Option<&BTreeSet<ServiceDate>>,
) -> Result<(), RunError> {
    let mut withdrawn = withdrawn(bucket, dataset)?;
    withdrawn.retain(|date, _| only.is_none_or(|only| only.contains(date)));
    if withdrawn.is_empty() {
        return Ok(());
    }
    // A run or an act that wrote the tables may have failed in it with a warning.
    publication::remove_results(workspace, bucket, dataset, &withdrawn.keys().copied().collect())?;
    let mut by_reason: BTreeMap<ActReason, BTreeSet<ServiceDate>> = BTreeMap::new();
    withdrawn.into_iter().for_each(|(date, why)| _ = by_reason.entry(why).or_default().insert(date));
    for ((by, reason), dates) in by_reason {
        let who = ActBy { by, reason };
        until_committed((DATASET, RULE_RESULTS), || hide(workspace, bucket, dataset, (&dates, &who)))?;
    }
    Ok(())
}

/// The dates of a dataset that are withdrawn, with who withdrew them and why.
fn withdrawn(bucket: &Bucket, dataset: &str) -> Result<BTreeMap<ServiceDate, ActReason>, PublishError> {
    let mut found = BTreeMap::new();
    for table in tables(bucket, dataset)? {
        let Some(index) = index::current(bucket, dataset, &table)? else { continue };
        for (date, of) in index.withdrawn.into_iter().filter(|(_, of)| of.holds()) {
            found.entry(date).or_insert((of.by, of.reason));
        }
    }
    Ok(found)
}

/// The objects that have results of withdrawn dates of a dataset, which a rebuild would delete.
pub(in crate::pipeline::run) fn left_of_results(
    bucket: &Bucket,
    dataset: &str,
) -> Result<BTreeSet<String>, PublishError> {
    results_of(bucket, dataset, &withdrawn(bucket, dataset)?.into_keys().collect())
}

/// The objects that have results of dates of a dataset.
pub(super) fn results_of(
    bucket: &Bucket,
    dataset: &str,
    dates: &BTreeSet<ServiceDate>,
) -> Result<BTreeSet<String>, PublishError> {
    let stored = stored_results(bucket, dataset, dates)?;
    Ok(stored.into_values().flat_map(|of| of.names()).collect())
}

/// Withdraws the older files of `rule_results` that have rows of withdrawn dates of a dataset. Their bytes are deleted afterwards, as
/// those of all that was withdrawn. Nothing if somebody has committed meanwhile.
fn hide(
    workspace: &Workspace,
    bucket: &Bucket,
    dataset: &str,
    (dates, who): (&BTreeSet<ServiceDate>, &ActBy),
) -> Result<Option<()>, RunError> {
    // The version before the look: what is superseded after it is for the next one.
    let Some(newest) = index::current(bucket, DATASET, RULE_RESULTS)? else { return Ok(Some(())) };
    let mut files: BTreeMap<ServiceDate, BTreeSet<FirstFile>> = BTreeMap::new();
    for (date, stored) in stored_results(bucket, dataset, dates)? {
        let known = newest.withdrawn.get(&date).map(|of| &of.files);
        let is_new = |file: &FirstFile| known.is_none_or(|known| !known.contains(file));
        if stored.superseded.iter().any(is_new) {
            files.insert(date, stored.superseded);
        }
    }
    if files.is_empty() {
        return Ok(Some(()));
    }
    let from = first_versions(bucket, &newest, &files)?;
    let (key, bytes) = record(&newest, &files, who).to_bytes();
    bucket.put(&key, bytes)?;
    let at = now();
    let tombstone = |date: &ServiceDate, files: &BTreeSet<FirstFile>| {
        let before = newest.withdrawn.get(date);
        let from = from.get(date).copied().unwrap_or(newest.version);
        Tombstone {
            at,
            by: who.by.clone(),
            reason: who.reason.clone(),
            record: key.clone(),
            from: before.map_or(from, |before| before.from.min(from)),
            // The newest version names none of them: it stays readable.
            version: newest.version,
            files: files.iter().chain(before.into_iter().flat_map(|before| &before.files)).cloned().collect(),
            lifted: Some(Lifted { at, by: who.by.clone(), reason: who.reason.clone(), record: key.clone() }),
        }
    };
    let amendment = Amendment {
        at,
        act: act(ActKind::Withdrawal, files.keys().copied().collect(), who, None, &key),
        files: BTreeMap::new(),
        rolled_back: BTreeMap::new(),
        withdrawn: files.iter().map(|(date, files)| (*date, tombstone(date, files))).collect(),
        months: Vec::new(),
    };
    match amend(bucket, (DATASET, RULE_RESULTS), newest.version, &amendment)? {
        Amended::Overtaken => Ok(None),
        Amended::New(index) => {
            heads::remember_publication(workspace, bucket, &[index])?;
            Ok(Some(()))
        }
    }
}

/// The first version that names one of the files, by date.
fn first_versions(
    bucket: &Bucket,
    newest: &TableIndex,
    files: &BTreeMap<ServiceDate, BTreeSet<FirstFile>>,
) -> Result<BTreeMap<ServiceDate, u64>, PublishError> {
    let mut first = BTreeMap::new();
    for version in 1..newest.version {
        if first.len() == files.len() {
            break;
        }
        let index = index::read_version(bucket, DATASET, RULE_RESULTS, version)?.0;
        let days = index.files.iter().map(|file| &file.path);
        let named: BTreeSet<&String> = days.chain(index.months.iter().map(|month| &month.path)).collect();
        for (date, files) in files {
            if files.iter().any(|file| named.contains(&file.path)) {
                first.entry(*date).or_insert(version);
            }
        }
    }
    Ok(first)
}

fn record(newest: &TableIndex, files: &BTreeMap<ServiceDate, BTreeSet<FirstFile>>, who: &ActBy) -> ActRecord {
    let all: BTreeSet<&FirstFile> = files.values().flatten().collect();
    let file = |file: &FirstFile| ActFile { path: file.path.clone(), bytes: file.bytes, sha256: file.sha256 };
    let table = ActTable {
        table: RULE_RESULTS.to_owned(),
        version: newest.version,
        to: None,
        dates: files.keys().copied().collect(),
        files: all.into_iter().map(file).collect(),
        months: Vec::new(),
    };
    ActRecord {
        format: Kind::Withdrawal.format(1),
        dataset: DATASET.to_owned(),
        at: now(),
        program: Program::this(),
        by: Some(who.by.clone()),
        reason: Some(who.reason.clone()),
        rule: None,
        tables: vec![table],
    }
}

/// The objects with results that were withdrawn and are still there.
pub(in crate::pipeline::run) fn left_results(bucket: &Bucket) -> Result<Vec<String>, PublishError> {
    let index = index::current(bucket, DATASET, RULE_RESULTS)?;
    index.map_or_else(|| Ok(Vec::new()), |index| index::left_of_withdrawn(bucket, &index))
}

/// Deletes the bytes of results that were withdrawn.
pub(in crate::pipeline::run) fn delete_results(writer: &mut ViewWriter<'_>) -> Result<(), PublishError> {
    left_results(writer.bucket)?.into_iter().try_for_each(|name| writer.remove(&name))
}
