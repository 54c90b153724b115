//! Where rows of a key are published: the current files of a table are read in the columns of the key alone.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::pipeline::run::RunError;
use crate::pipeline::trace::key::Key;
use crate::publish::bucket::Bucket;
use crate::publish::index::{IndexFile, TableIndex};
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
        let copy = scratch.join("published.parquet");
        let opened = bucket.open_file(&file.path, &copy)?;
        let rows = rows_in(opened, key).map_err(|error| RunError::Unreadable {
            what: format!("the published file {} cannot be read", file.path),
            found: error.to_string(),
            remedy: "Run the date again: it puts back what is missing or damaged",
        })?;
        if rows > 0 {
            found.push((file, rows));
        }
    }
    Ok(found)
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
