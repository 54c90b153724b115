//! The commit of a release: a new version of the index, which is written only if there is none of its number.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::acts::FirstFile;
use super::columns::{columns, geometries};
use super::evolution::evolution;
use super::paths::{index_key, is_first_release, meta_folder, partition_folder, versions_folder};
use super::table_index::{IndexFile, Release, TableIndex, json};
use super::versions::{last_verified, newest};
use crate::contract::Contract;
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Version};
use crate::time::{self, ServiceDate};

/// What a commit is to change: the current file of a date.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub dataset: &'a str,
    /// Of the table.
    pub contract: &'a Contract,
    pub date: ServiceDate,
    /// `None` if the date is to have no file any more.
    pub file: Option<&'a IndexFile>,
    /// When the run prepared it.
    pub at: Timestamp,
}

/// What a commit did.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// A new version is out.
    New(TableIndex),
    /// The current version says the same already.
    Nothing(TableIndex),
}

impl Commit {
    pub fn index(&self) -> &TableIndex {
        match self {
            Self::New(index) | Self::Nothing(index) => index,
        }
    }
}

/// How often a commit is tried while others commit to the same table.
pub(super) const ROUNDS: u64 = 100;

/// Makes a file the current one of a partition. The data and the record must be in the bucket already. A table that was
/// never released and has no file is `None`.
///
/// A file that is current already makes no new version, whatever the contract says now. Another run may commit another
/// partition in between; the write then fails and is tried on top of the other's index. If it was the same partition, and
/// both would be its first release, the one that comes later fails and may be run again.
pub fn commit(bucket: &Bucket, change: Change<'_>) -> Result<Option<Commit>, PublishError> {
    let Change { dataset, contract, .. } = change;
    for round in 0..ROUNDS {
        // Whoever comes too late looks again, a little later each time.
        std::thread::sleep(std::time::Duration::from_millis(5 * round));
        let commit = following(newest(bucket, dataset, &contract.table)?, change)?;
        let Some(Commit::New(index)) = commit else { return Ok(commit) };
        if put_version(bucket, &index)? {
            return Ok(Some(Commit::New(index)));
        }
    }
    Err(PublishError::Contended { key: meta_folder(dataset, &contract.table) })
}

/// As [`commit`], on top of `version` and no other, which is 0 where there is none: for a file whose rows were made of what that
/// version names. `Ok(None)` if another run has committed since, and the rows are to be made again.
///
/// # Errors
/// The bucket cannot be read or written.
pub fn commit_after(bucket: &Bucket, change: Change<'_>, version: u64) -> Result<Option<Commit>, PublishError> {
    let (dataset, table) = (change.dataset, &change.contract.table);
    // Whether somebody has committed since, the create-only write finds: who has read the version needs another look only where nothing
    // is to be written.
    let is_followed = |index: &TableIndex| index.version == version && index.file_of(change.date) != change.file;
    let known = last_verified(bucket, dataset, table)?.filter(|(index, _)| is_followed(index));
    let before = match known {
        Some(known) => Some(known),
        None => newest(bucket, dataset, table)?,
    };
    if before.as_ref().map_or(0, |(index, _)| index.version) != version {
        return Ok(None);
    }
    match following(before, change)? {
        Some(Commit::New(index)) => Ok(put_version(bucket, &index)?.then_some(Commit::New(index))),
        commit => Ok(commit),
    }
}

/// Writes the first version of a table that has no rows yet, so that queries find it with its columns. A table that has a version
/// stays as it is. Gives the version that is there now.
///
/// # Errors
/// The bucket cannot be read or written.
pub fn commit_empty(bucket: &Bucket, change: Change<'_>) -> Result<TableIndex, PublishError> {
    let Change { dataset, contract, date, at, .. } = change;
    for _ in 0..ROUNDS {
        if let Some((index, _)) = newest(bucket, dataset, &contract.table)? {
            return Ok(index);
        }
        let index = first_version(dataset, contract, (date, at), None);
        if put_version(bucket, &index)? {
            return Ok(index);
        }
    }
    Err(PublishError::Contended { key: meta_folder(dataset, &contract.table) })
}

fn first_version(
    dataset: &str,
    contract: &Contract,
    (date, at): (ServiceDate, Timestamp),
    file: Option<&IndexFile>,
) -> TableIndex {
    TableIndex {
        version: 1,
        dataset: dataset.to_owned(),
        table: contract.table.clone(),
        contract: contract.into(),
        files: file.into_iter().cloned().collect(),
        months: Vec::new(),
        first: file.and_then(first_of).into_iter().collect(),
        columns: columns(&[], true, contract),
        geometries: geometries(&[], contract),
        rolled_back: BTreeMap::new(),
        withdrawn: BTreeMap::new(),
        release: Some(Release { date, at, complete_before: None, act: None }),
        previous: None,
    }
}

/// The version that a change makes of the newest one, which is not written yet.
fn following(before: Option<(TableIndex, Digest)>, change: Change<'_>) -> Result<Option<Commit>, PublishError> {
    let Change { dataset, contract, date, file, at } = change;
    let Some((before, digest)) = before else {
        let Some(file) = file else { return Ok(None) };
        return Ok(Some(Commit::New(first_version(dataset, contract, (date, at), Some(file)))));
    };
    if before.file_of(date) == file {
        return Ok(Some(Commit::Nothing(before)));
    }
    if file.is_some() && before.tombstone(date).is_some() {
        return Err(PublishError::Withdrawn { key: partition_folder("revised", dataset, &contract.table, date) });
    }
    // The run has looked before; another one may have committed since.
    if let Some(problem) = evolution(&before, contract).refused.into_iter().next() {
        return Err(PublishError::Columns { problem });
    }
    let mut index = TableIndex {
        version: before.version + 1,
        contract: contract.into(),
        columns: columns(&before.columns, false, contract),
        geometries: geometries(&before.geometries, contract),
        release: Some(release_after(&before, date, at)),
        previous: Some(digest),
        ..before
    };
    if let Some((date, file)) = file.and_then(first_of) {
        let first = index.first.entry(date).or_insert_with(|| file.clone());
        if *first != file {
            return Err(PublishError::Overtaken { key: file.path, first: first.path.clone() });
        }
    }
    // What a run releases is no older release any more.
    index.rolled_back.remove(&date);
    index.files.retain(|other| other.partition_date != date);
    index.files.extend(file.cloned());
    index.files.sort_by_key(|file| file.partition_date);
    // A late revision: readers read the days of its month until it is compacted again.
    index.drop_stale_months();
    Ok(Some(Commit::New(index)))
}

/// What follows a version. Times of releases never go back, whichever run is finished first: SQL engines read the newest release by
/// its time that is not later than their clock. So a time is no further ahead than it must be, a millisecond after the one before it, and
/// that of a clock which was wrong is not gone on from: until it has come, what is released after it would be found by nobody.
pub(super) fn release_after(before: &TableIndex, date: ServiceDate, at: Timestamp) -> Release {
    let Some(last) = &before.release else { return Release { date, at, complete_before: None, act: None } };
    let later = last.at.checked_add(SignedDuration::from_millis(1)).unwrap_or(last.at);
    let is_of_future = last.at > time::future(time::now());
    let complete_before = if before.is_provisional() { last.complete_before } else { Some(before.version) };
    Release { date, at: if is_of_future { at } else { at.max(later) }, complete_before, act: None }
}

/// Writes a version; `false` if another run was faster.
pub(super) fn put_version(bucket: &Bucket, index: &TableIndex) -> Result<bool, PublishError> {
    let TableIndex { dataset, table, version, .. } = index;
    let (key, bytes) = (index_key(dataset, table, *version), json(index));
    let is_new = bucket.put_once(&key, &bytes)?;
    if is_new {
        let folder = versions_folder(dataset, table);
        let known = bucket.known_version(&folder).filter(|known| known.number + 1 == *version);
        let before = known.and_then(|known| known.bytes);
        bucket.keep_version(&folder, Version { number: *version, bytes: Some(bytes), before });
    }
    Ok(is_new)
}

fn first_of(file: &IndexFile) -> Option<(ServiceDate, FirstFile)> {
    is_first_release(file).then(|| (file.partition_date, file.into()))
}
