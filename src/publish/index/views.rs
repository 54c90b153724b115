//! The views of an index for readers.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::acts::Tombstone;
use super::columns::IndexColumn;
use super::months::MonthFile;
use super::paths::meta_folder;
use super::table_index::{ContractRef, IndexFile, TableIndex, UsedTimetable, json};
use crate::digest::Digest;
use crate::table::csv::CsvWriter;
use crate::time::ServiceDate;

/// What `files.json` says: the newest index without its link to the one before.
#[derive(Serialize)]
struct Files<'a> {
    version: u64,
    dataset: &'a str,
    table: &'a str,
    contract: &'a ContractRef,
    /// What the files of all dates have, and what it was called before.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    columns: &'a [IndexColumn],
    files: &'a [IndexFile],
    /// Past months whose days, which are among `files`, are in one file, too: for readers of many days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    months: Vec<&'a MonthFile>,
    /// Dates that have left the public and may not be released again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    withdrawn: BTreeMap<ServiceDate, Withdrawn<'a>>,
}

/// What readers are told of a date that has left the public.
#[derive(Serialize)]
struct Withdrawn<'a> {
    at: Timestamp,
    reason: &'a str,
    record: &'a str,
    /// Of all files of the date that were ever published: whoever has one of them is asked to delete it.
    sha256: Vec<Digest>,
}

/// `files.json` and `index.csv` of a table: their names in the bucket, and their bytes.
pub fn views(index: &TableIndex) -> [(String, Bytes); 2] {
    let folder = meta_folder(&index.dataset, &index.table);
    let TableIndex { version, dataset, table, contract, columns, files, .. } = index;
    let withdrawn = index.withdrawn.iter().filter(|(_, tombstone)| tombstone.holds());
    let withdrawn = withdrawn.map(|(date, Tombstone { at, reason, record, files, .. })| {
        (*date, Withdrawn { at: *at, reason, record, sha256: files.iter().map(|file| file.sha256).collect() })
    });
    let months = index.parted().0;
    let withdrawn = withdrawn.collect();
    let view = Files { version: *version, dataset, table, contract, columns, files, months, withdrawn };
    [(format!("{folder}/files.json"), json(&view)), (format!("{folder}/index.csv"), csv(files).into())]
}

fn csv(files: &[IndexFile]) -> Vec<u8> {
    let mut csv = CsvWriter::new(Vec::new());
    let header = [
        "path",
        "partition_date",
        "rows",
        "bytes",
        "sha256",
        "record",
        "provisional",
        "timetable_dataset",
        "timetable_partition_date",
        "timetable_sha256",
    ]
    .map(str::to_owned);
    let rows = files.iter().map(|file| {
        let IndexFile { path, partition_date, rows, bytes, sha256, record, provisional, timetable } = file;
        // No field where there was none, and where it is not known: the list in JSON tells these apart.
        let timetable = timetable.as_ref().and_then(Option::as_ref);
        let of_timetable = |value: fn(&UsedTimetable) -> String| timetable.map(value).unwrap_or_default();
        let [rows, bytes] = [*rows, *bytes].map(|number| number.to_string());
        [
            path.clone(),
            partition_date.to_string(),
            rows,
            bytes,
            sha256.to_string(),
            record.clone(),
            provisional.to_string(),
            of_timetable(|timetable| timetable.dataset.clone()),
            of_timetable(|timetable| timetable.partition_date.to_string()),
            of_timetable(|timetable| timetable.sha256.to_string()),
        ]
    });
    for row in std::iter::once(header).chain(rows) {
        // Writing to memory cannot fail.
        let _ = csv.row(row);
    }
    csv.into_inner()
}
