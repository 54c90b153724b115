//! `fahrtenbuch-publication/1`: the record of the files of the tables `releases`, `rule_results` and `decisions`, exactly as it is written.
//!
//! It has no time and no program: who makes these files of the same versions makes the same record. What was released when is what
//! the tables themselves say.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::named::named_bytes;
use super::v1::FileEntry;
use crate::time::ServiceDate;

/// What the tables of a date were made of, and their files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicationRecord {
    pub format: String,
    pub dataset: String,
    pub date: ServiceDate,
    /// By dataset and table, `stadtbus-fahrplan/stops`: the newest version of which all rows are in `releases`. The next run goes on
    /// after it.
    pub made_of: BTreeMap<String, u64>,
    pub tables: Vec<PublicationTable>,
}

/// The files of a table, as a run record names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicationTable {
    pub table: String,
    pub files: Vec<FileEntry>,
}

impl PublicationRecord {
    /// The record's bytes, and the name that they have in the bucket.
    pub(crate) fn to_bytes(&self) -> (String, Bytes) {
        named_bytes(self, "writing the record of a publication")
    }
}
