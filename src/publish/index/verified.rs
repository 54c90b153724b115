//! Whether a version follows from the one before it: it names its digest and changes the entries of one date.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::ActKind;
use super::months::{MonthFile, month_of};
use super::paths::{date_of, index_key};
use super::table_index::{IndexFile, TableIndex};
use super::versions::newest_verified;
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

/// The newest index of a table as a run verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub index: TableIndex,
    /// Of its bytes.
    pub sha256: Digest,
    /// The dates whose entries it changed: one of a run's release, none if it changed the contract alone.
    pub changed: BTreeSet<ServiceDate>,
}

/// The newest index of a table, which must name the digest of the one before it and have its entries, apart from those of one
/// date. For the tables that a run commits to.
pub fn verified(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<Verified>, PublishError> {
    let Some((index, sha256)) = newest_verified(bucket, dataset, table)? else { return Ok(None) };
    let key = index_key(dataset, table, index.version);
    let damaged = |problem: String| PublishError::Damaged { key: key.clone(), problem };
    let before = match (&index.previous, index.version) {
        (None, 1) => None,
        (None, _) | (Some(_), 1) => return Err(damaged("it does not name the version before it".to_owned())),
        (Some(previous), version) => {
            let before = index_key(dataset, table, version - 1);
            let bytes = bucket.get(&before)?;
            let bytes = bytes.ok_or_else(|| damaged(format!("the version before it, '{before}', is gone")))?;
            if Digest::of(&bytes) != *previous {
                return Err(damaged(format!(
                    "it names the digest {previous} of the version before it, but '{before}' has {}",
                    Digest::of(&bytes)
                )));
            }
            let parsed: TableIndex = serde_json::from_slice(&bytes)
                .map_err(|error| PublishError::Damaged { key: before, problem: error.to_string() })?;
            Some(parsed)
        }
    };
    let changed = changed(before.as_ref(), &index).map_err(damaged)?;
    Ok(Some(Verified { index, sha256, changed }))
}

/// The dates whose entries a version changed. A release is of one date: the entries of all others are carried over, and a
/// first publication stays for ever, as a tombstone does. Only the act of a person is about several.
fn changed(before: Option<&TableIndex>, index: &TableIndex) -> Result<BTreeSet<ServiceDate>, String> {
    fn by_date(of: &TableIndex) -> Result<BTreeMap<ServiceDate, &IndexFile>, String> {
        let mut files = BTreeMap::new();
        for file in &of.files {
            if date_of(std::path::Path::new(&file.path)) != Some(file.partition_date) {
                return Err(format!("it names '{}' as the file of {}", file.path, file.partition_date));
            }
            if files.insert(file.partition_date, file).is_some() {
                return Err(format!("it names two files of {}", file.partition_date));
            }
        }
        Ok(files)
    }
    let (old, new) = (before.map(by_date).transpose()?.unwrap_or_default(), by_date(index)?);
    let mut dates: BTreeSet<ServiceDate> = old.keys().chain(new.keys()).copied().collect();
    dates.retain(|date| old.get(date) != new.get(date));
    let no_first = BTreeMap::new();
    let firsts = before.map_or(&no_first, |before| &before.first);
    if let Some((date, first)) = firsts.iter().find(|(date, first)| index.first.get(date) != Some(first)) {
        return Err(format!(
            "it says something else of the first publication of {date}, '{}', than before",
            first.path
        ));
    }
    for (date, first) in index.first.iter().filter(|(date, _)| !firsts.contains_key(date)) {
        let is_its =
            |file: &&&IndexFile| (&file.path, file.bytes, file.sha256) == (&first.path, first.bytes, first.sha256);
        if new.get(date).filter(is_its).is_none() {
            return Err(format!(
                "it names '{}' as the first publication of {date}, which it does not release",
                first.path
            ));
        }
        dates.insert(*date);
    }
    let act = index.release.as_ref().and_then(|release| release.act.as_ref());
    let mut tombs = before.into_iter().flat_map(|before| before.withdrawn.keys());
    if let Some(date) = tombs.find(|date| !index.withdrawn.contains_key(*date)) {
        return Err(format!("it has lost that {date} was withdrawn"));
    }
    if let Some(file) = index.files.iter().find(|file| index.tombstone(file.partition_date).is_some()) {
        return Err(format!("it names '{}', and {} was withdrawn", file.path, file.partition_date));
    }
    let is_compacted = |month: &MonthFile| {
        let act = act.filter(|act| act.kind == ActKind::Compaction);
        act.is_some_and(|act| month.parts.iter().all(|part| act.dates.contains(&part.partition_date)))
    };
    for month in &index.months {
        let is_its = month_of(&month.path) == Some(month.month);
        let is_known = before.is_some_and(|before| before.months.contains(month)) || is_compacted(month);
        if !is_its || !is_known || !month.stands_for(&index.files) {
            return Err(format!(
                "it names '{}' as the file of {}, which is not made of its days",
                month.path, month.month
            ));
        }
    }
    match (dates.len(), act) {
        (_, Some(act)) if dates.is_subset(&act.dates) => Ok(dates),
        (0 | 1, None) => Ok(dates),
        (_, Some(act)) => {
            let date = dates.difference(&act.dates).next().map(ToString::to_string).unwrap_or_default();
            Err(format!("it changes {date}, which is none of the dates of its {}", act.kind.word()))
        }
        _ => {
            let dates: Vec<String> = dates.iter().map(ToString::to_string).collect();
            let before = if before.is_some() { "the version before it" } else { "a first version" };
            Err(format!("it differs from {before} in {} at once, and a release is of one date", dates.join(", ")))
        }
    }
}
