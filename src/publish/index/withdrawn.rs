//! What is left in a bucket of dates that were withdrawn.

use std::collections::BTreeSet;

use super::months::{Month, month_folder, month_of};
use super::paths::TablePartition;
use super::table_index::TableIndex;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// The files of a partition that are there, whether an index names them or not.
pub fn objects_of(bucket: &Bucket, partition: TablePartition<'_>) -> Result<Vec<String>, PublishError> {
    let mut names = bucket.list(&partition.folder("data"))?;
    names.extend(bucket.list(&partition.folder("revised"))?);
    Ok(names)
}

/// The files of dates that were withdrawn and may not be released again: a withdrawal that was killed has left them.
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
    // Two dates of a month may have been in the same file.
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}
