//! Files of `rule_results` in a bucket that have rows of a dataset's dates: what a withdrawal of these dates is to take along.
//!
//! A file of this table has the rows of several datasets. So what a file is about is read from it, and not from its name.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use bytes::Bytes;

use super::{DATASET, RULE_RESULTS};
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, FirstFile, Month, TablePartition};
use crate::publish::parquet;
use crate::time::ServiceDate;

/// The column that files of months have, and those of days have in their names.
const MONTH_DATE: &str = "partition_date";

/// The files that have rows of a dataset's date.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredResults {
    /// Which the newest version names no more.
    pub superseded: BTreeSet<FirstFile>,
    /// Which it names: a day's and perhaps a month's.
    pub current: BTreeSet<String>,
}

impl StoredResults {
    /// All names.
    pub(crate) fn names(self) -> impl Iterator<Item = String> {
        self.superseded.into_iter().map(|file| file.path).chain(self.current)
    }
}

/// The files that are there with rows of dates of a dataset, by date; of whole months, too.
pub(crate) fn stored_results(
    bucket: &Bucket,
    dataset: &str,
    dates: &BTreeSet<ServiceDate>,
) -> Result<BTreeMap<ServiceDate, StoredResults>, PublishError> {
    let mut found: BTreeMap<ServiceDate, StoredResults> = BTreeMap::new();
    let newest = if dates.is_empty() { None } else { index::current(bucket, DATASET, RULE_RESULTS)? };
    let Some(newest) = newest else { return Ok(found) };
    let current = newest.files.iter().map(|file| &file.path).chain(newest.months.iter().map(|month| &month.path));
    let current: BTreeSet<&String> = current.collect();
    let mut names: Vec<(String, BTreeSet<ServiceDate>)> = Vec::new();
    for date in dates {
        let partition = TablePartition { dataset: DATASET, table: RULE_RESULTS, date: *date };
        let of_date = index::objects_of(bucket, partition)?;
        names.extend(of_date.into_iter().map(|name| (name, BTreeSet::from([*date]))));
    }
    let months: BTreeSet<Month> = dates.iter().map(|date| Month::of(*date)).collect();
    for month in months {
        let of_month: BTreeSet<ServiceDate> = dates.iter().filter(|date| Month::of(**date) == month).copied().collect();
        let there = bucket.list(&index::month_folder(DATASET, RULE_RESULTS, month))?;
        names.extend(there.into_iter().map(|name| (name, of_month.clone())));
    }
    for (name, wanted) in names {
        let Some(bytes) = bucket.get(&name)? else { continue };
        let is_month = index::month_of(&name).is_some();
        let (length, sha256) = (bytes.len() as u64, Digest::of(&bytes));
        for date in dates_with_rows(bytes, dataset, is_month, wanted) {
            let of = found.entry(date).or_default();
            match current.contains(&name) {
                true => _ = of.current.insert(name.clone()),
                false => _ = of.superseded.insert(FirstFile { path: name.clone(), bytes: length, sha256 }),
            }
        }
    }
    Ok(found)
}

/// Those of the dates of which a file has rows of the dataset; all of one that cannot be read, as nobody can tell that it has none.
fn dates_with_rows(
    bytes: Bytes,
    dataset: &str,
    is_month: bool,
    mut dates: BTreeSet<ServiceDate>,
) -> BTreeSet<ServiceDate> {
    let days = |rows: &RecordBatch| -> Option<BTreeSet<Option<i32>>> {
        let datasets = rows.column_by_name("dataset")?.as_string_opt::<i32>()?;
        let is_of = (0..rows.num_rows()).filter(|row| datasets.value(*row) == dataset);
        if !is_month {
            return Some(is_of.map(|_| None).collect());
        }
        let of_rows = rows.column_by_name(MONTH_DATE)?.as_primitive_opt::<Date32Type>()?;
        Some(is_of.map(|row| Some(of_rows.value(row))).collect())
    };
    if let Some(days) = parquet::rows(bytes).ok().as_ref().and_then(days) {
        dates.retain(|date| days.contains(&is_month.then(|| date.days_since_epoch())));
    }
    dates
}
