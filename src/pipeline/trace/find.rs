//! Where rows of a key are published: the current files of a table are read in the columns of the key alone.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::pipeline::run::RunError;
use crate::pipeline::trace::key::Key;
use crate::pipeline::trace::watch::{Values, values};
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, IndexFile, TableIndex};
use crate::time::ServiceDate;

/// The current files that have rows of a key, the newest date first, and how many.
pub(super) fn published<'i>(
    bucket: &Bucket,
    index: &'i TableIndex,
    date: Option<ServiceDate>,
    (key, scratch): (&Key, &Path),
) -> Result<Vec<(&'i IndexFile, u64)>, RunError> {
    let mut found = Vec::new();
    for file in index.files.iter().rev().filter(|file| date.is_none_or(|date| date == file.partition_date)) {
        let rows = rows_in(open(bucket, file, scratch)?, key).map_err(|error| unreadable(file, &error))?;
        if rows > 0 {
            found.push((file, rows));
        }
    }
    Ok(found)
}

/// The version of a table since which all name a file.
pub(super) fn named_since(bucket: &Bucket, index: &TableIndex, file: &IndexFile) -> Result<u64, RunError> {
    let (mut without, mut with) = (0, index.version);
    while without + 1 < with {
        let middle = without + (with - without) / 2;
        let (older, _) = index::read_version(bucket, &index.dataset, &index.table, middle)?;
        let names = older.files.iter().any(|other| (&other.path, other.sha256) == (&file.path, file.sha256));
        *(if names { &mut with } else { &mut without }) = middle;
    }
    Ok(with)
}

/// How many rows of a file have the key.
fn rows_in(file: File, key: &Key) -> Result<u64, parquet::errors::ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), key.columns());
    let mut rows = 0;
    for batch in builder.with_projection(mask).build()? {
        rows += key.matches(&batch?).len() as u64;
    }
    Ok(rows)
}

/// Takes out of `wanted` what [`fingerprint`] says of the rows of a file that have the key.
pub(super) fn take_found(
    bucket: &Bucket,
    file: &IndexFile,
    (key, scratch): (&Key, &Path),
    wanted: &mut HashSet<String>,
) -> Result<(), RunError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(open(bucket, file, scratch)?);
    let reader = reader.and_then(ParquetRecordBatchReaderBuilder::build).map_err(|error| unreadable(file, &error))?;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(file, &error))?;
        for row in key.matches(&batch) {
            wanted.remove(&fingerprint(&values(&batch, row)));
        }
    }
    Ok(())
}

/// What a row says, to tell it from others: all values but numbers that files may have with fewer digits.
pub(super) fn fingerprint(values: &Values) -> String {
    let told = values.iter().filter(|(_, value)| !value.is_null() && !value.is_f64());
    told.map(|(column, value)| format!("{column}={value}\n")).collect()
}

/// What a trace says of a published row it says of these bytes, so that they are looked at whole.
fn open(bucket: &Bucket, file: &IndexFile, scratch: &Path) -> Result<File, RunError> {
    Ok(bucket.open_whole(&file.path, (file.bytes, &file.sha256), &scratch.join("published.parquet"))?)
}

fn unreadable(file: &IndexFile, error: &dyn std::fmt::Display) -> RunError {
    RunError::Unreadable {
        what: format!("the published file {} cannot be read", file.path),
        found: error.to_string(),
        remedy: "Run the date again: it puts back what is missing or damaged",
    }
}
