//! Indexes for tests, of which each says only what it is about.

use std::collections::BTreeMap;

use super::table_index::{ContractRef, IndexFile, TableIndex};
use crate::digest::Digest;

/// The file of a date, with one row and this content.
pub(crate) fn file(dataset: &str, table: &str, date: &str, content: &str) -> IndexFile {
    IndexFile {
        path: format!("data/{dataset}/{table}/partition_date={date}/part-0.parquet"),
        partition_date: date.parse().unwrap(),
        rows: 1,
        bytes: content.len() as u64,
        sha256: Digest::of(content.as_bytes()),
        record: "ledger/records/0.json".to_owned(),
        provisional: false,
        timetable: None,
    }
}

/// The first version of a table.
pub(crate) fn first_version(dataset: &str, table: &str, files: Vec<IndexFile>) -> TableIndex {
    TableIndex {
        version: 1,
        dataset: dataset.to_owned(),
        table: table.to_owned(),
        contract: ContractRef { id: table.to_owned(), version: "1".to_owned() },
        files,
        months: Vec::new(),
        first: BTreeMap::new(),
        columns: Vec::new(),
        geometries: Vec::new(),
        rolled_back: BTreeMap::new(),
        withdrawn: BTreeMap::new(),
        release: None,
        previous: None,
    }
}
