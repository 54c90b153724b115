//! What is left in a bucket of dates that were withdrawn, and what has gone with them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use super::months::{Month, month_folder, month_of};
use super::paths::{TablePartition, date_of};
use super::table_index::TableIndex;
use super::versions::current;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

/// The files of a partition that are there, whether an index names them or not.
pub fn objects_of(bucket: &Bucket, partition: TablePartition<'_>) -> Result<Vec<String>, PublishError> {
    let mut names = bucket.list(&partition.folder("data"))?;
    names.extend(bucket.list(&partition.folder("revised"))?);
    Ok(names)
}

/// The files of dates that were withdrawn and may not be released again, and older ones of dates of which only these were withdrawn: a
/// withdrawal that was killed has left them.
pub fn left_of_withdrawn(bucket: &Bucket, index: &TableIndex) -> Result<Vec<String>, PublishError> {
    let mut names = Vec::new();
    for (date, tombstone) in index.withdrawn.iter().filter(|(_, tombstone)| tombstone.holds()) {
        let partition = TablePartition { dataset: &index.dataset, table: &index.table, date: *date };
        names.extend(objects_of(bucket, partition)?);
        let of_months = tombstone.files.iter().filter(|file| month_of(&file.path).is_some());
        let mut of_months: BTreeSet<&str> = of_months.map(|file| file.path.as_str()).collect();
        if !of_months.is_empty() {
            let there = bucket.list(&month_folder(&index.dataset, &index.table, Month::of(*date)))?;
            of_months.retain(|path| there.iter().any(|name| name == path) && index.is_deleted_month(path));
        }
        names.extend(of_months.into_iter().map(str::to_owned));
    }
    for (date, tombstone) in index.withdrawn.iter().filter(|(_, tombstone)| tombstone.is_of_older()) {
        let partition = TablePartition { dataset: &index.dataset, table: &index.table, date: *date };
        let mut there = objects_of(bucket, partition)?;
        if tombstone.files.iter().any(|file| month_of(&file.path).is_some()) {
            there.extend(bucket.list(&month_folder(&index.dataset, &index.table, Month::of(*date)))?);
        }
        let is_deleted = |path: &String| match month_of(path) {
            Some(_) => index.is_deleted_month(path),
            None => index.is_deleted(*date, path),
        };
        there.retain(is_deleted);
        names.extend(there);
    }
    // Two dates of a month may have been in the same file.
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// Opens a file that the index named when it was read, as [`Bucket::open_file`].
///
/// # Errors
/// [`PublishError::Vanished`] if it is damaged or gone, and the newest index names it no more; else those of the bucket.
pub fn open_named(bucket: &Bucket, path: &str, copy: &Path) -> Result<File, PublishError> {
    let opened = bucket.open_file(path, copy);
    if let Err(PublishError::Damaged { .. }) = &opened {
        is_still_named(bucket, path)?;
    }
    opened
}

/// Tells damage from a race: whether a file that is gone is still one that its index names. For who has read the index before, and found
/// that a file of it is not what it says.
///
/// # Errors
/// [`PublishError::Vanished`] if the newest index names it no more: it was withdrawn, or superseded and deleted, in between. The index
/// cannot be read.
pub fn is_still_named(bucket: &Bucket, path: &str) -> Result<(), PublishError> {
    let mut parts = path.split('/').skip(1);
    let (Some(dataset), Some(table)) = (parts.next(), parts.next()) else { return Ok(()) };
    let Some(index) = current(bucket, dataset, table)? else { return Ok(()) };
    let date = date_of(Path::new(path));
    let is_first = |date: ServiceDate| {
        index.first.get(&date).is_some_and(|first| first.path == path && !index.is_deleted(date, path))
    };
    let is_named = index.files.iter().any(|file| file.path == path)
        || index.months.iter().any(|month| month.path == path)
        || date.is_some_and(is_first);
    if is_named { Ok(()) } else { Err(PublishError::Vanished { key: path.to_owned() }) }
}
