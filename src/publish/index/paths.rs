//! The names of a table's files, of its index and of its views in the bucket.

use super::table_index::{IndexFile, TableIndex};
use crate::digest::Digest;
use crate::time::ServiceDate;

/// Where a table's index and its views are.
pub fn meta_folder(dataset: &str, table: &str) -> String {
    format!("meta/{dataset}/{table}")
}

/// The folder of a partition of a table below `data` or `revised`.
pub fn partition_folder(root: &str, dataset: &str, table: &str, date: ServiceDate) -> String {
    format!("{root}/{dataset}/{table}/partition_date={date}")
}

/// A partition of a table of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablePartition<'a> {
    pub dataset: &'a str,
    pub table: &'a str,
    pub date: ServiceDate,
}

impl TablePartition<'_> {
    /// Its folder below `data` or `revised`.
    pub(super) fn folder(&self, root: &str) -> String {
        partition_folder(root, self.dataset, self.table, self.date)
    }
}

/// The name of a new file of a partition: below `data/` if it is the first complete one, else below `revised/`.
pub fn path_of_release(
    index: Option<&TableIndex>,
    partition: TablePartition<'_>,
    provisional: bool,
    digest: &Digest,
) -> String {
    let is_first = !provisional && index.is_none_or(|index| !index.first.contains_key(&partition.date));
    let root = if is_first { "data" } else { "revised" };
    format!("{}/part-{}.parquet", partition.folder(root), digest.short())
}

/// Whether a file is where first complete publications are.
pub(super) fn is_first_release(file: &IndexFile) -> bool {
    file.path.starts_with("data/")
}

/// The date that a file's path names: `…/partition_date=2026-11-24/part-….parquet`.
pub fn date_of(path: &std::path::Path) -> Option<ServiceDate> {
    path.iter().rev().find_map(|part| part.to_str()?.strip_prefix("partition_date=")?.parse().ok())
}

/// Where the versions of a table's index are.
pub(super) fn versions_folder(dataset: &str, table: &str) -> String {
    format!("{}/index", meta_folder(dataset, table))
}

/// The number of a version of an index in `folder`, by the object's name.
pub(super) fn version_of(folder: &str, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(folder)?.strip_prefix("/v")?.strip_suffix(".json")?;
    digits.parse().ok().filter(|version| name == format!("{folder}/v{version:010}.json"))
}

pub fn index_key(dataset: &str, table: &str, version: u64) -> String {
    format!("{}/index/v{version:010}.json", meta_folder(dataset, table))
}
