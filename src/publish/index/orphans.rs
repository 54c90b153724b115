//! Files in the bucket that no version of an index names.

use std::collections::BTreeSet;

use super::paths::{TablePartition, index_key};
use super::table_index::TableIndex;
use super::versions::current;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Removes from `names` the files of a table that any version of its index names. Reads the versions from the newest one down
/// until nothing is left of them.
pub fn retain_unnamed(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    names: &mut BTreeSet<String>,
) -> Result<(), PublishError> {
    let newest = if names.is_empty() { None } else { current(bucket, dataset, table)? };
    for version in (1..=newest.map_or(0, |index| index.version)).rev() {
        if names.is_empty() {
            break;
        }
        let bytes = bucket.get(&index_key(dataset, table, version))?;
        // One that cannot be read names nothing.
        let index = bytes.and_then(|bytes| serde_json::from_slice::<TableIndex>(&bytes).ok());
        if let Some(index) = index {
            index.files.iter().for_each(|file| _ = names.remove(&file.path));
            index.first.values().for_each(|first| _ = names.remove(&first.path));
            index.months.iter().for_each(|month| _ = names.remove(&month.path));
        }
    }
    Ok(())
}

/// Removes the files of `abandoned` from a partition that no index names: a run that was killed between its put and its commit may
/// have left one. `keep` is about to be committed. Returns what was removed.
pub fn remove_orphans(
    bucket: &Bucket,
    partition: TablePartition<'_>,
    keep: Option<&str>,
    abandoned: &[String],
) -> Result<Vec<String>, PublishError> {
    let mut names = unnamed(bucket, partition)?;
    names.retain(|name| abandoned.contains(name));
    // What was released once stays below `revised/`.
    let folder = format!("{}/", partition.folder("revised"));
    let mut revised: BTreeSet<String> = abandoned.iter().filter(|name| name.starts_with(&folder)).cloned().collect();
    if !revised.is_empty() {
        let there = bucket.list(folder.trim_end_matches('/'))?;
        revised.retain(|name| there.contains(name));
    }
    retain_unnamed(bucket, partition.dataset, partition.table, &mut revised)?;
    names.extend(revised);
    names.retain(|name| Some(name.as_str()) != keep);
    for name in &names {
        bucket.remove(name)?;
    }
    Ok(names)
}

/// The error of a file that no version of an index names.
pub fn stranger(key: String) -> PublishError {
    let problem = "no index names it, and who opens its folder reads its rows. Move it out of the bucket; if the folder 'meta' was \
                   lost, bring that back from a backup instead";
    PublishError::Damaged { key, problem: problem.to_owned() }
}

/// The files of a partition below `data/` that the newest index does not name as first published.
fn unnamed(bucket: &Bucket, partition: TablePartition<'_>) -> Result<Vec<String>, PublishError> {
    let mut names = bucket.list(&partition.folder("data"))?;
    if !names.is_empty() {
        // Read after the listing, so that what another run commits meanwhile is known.
        let index = current(bucket, partition.dataset, partition.table)?;
        let named = index.as_ref().and_then(|index| index.first.get(&partition.date));
        names.retain(|name| named.is_none_or(|first| *name != first.path));
    }
    Ok(names)
}
