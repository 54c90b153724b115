//! What is left in a bucket of dates that were withdrawn.

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
    for (date, _) in index.withdrawn.iter().filter(|(_, tombstone)| tombstone.holds()) {
        let partition = TablePartition { dataset: &index.dataset, table: &index.table, date: *date };
        names.extend(objects_of(bucket, partition)?);
    }
    Ok(names)
}
