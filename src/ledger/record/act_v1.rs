//! `fahrtenbuch-rollback/1`, `fahrtenbuch-withdrawal/1`, `fahrtenbuch-lift/1`, `fahrtenbuch-gc/1` and
//! `fahrtenbuch-compaction/1`: the records of what is done to releases,
//! exactly as they are written.
//!
//! One form for all: which tables, which dates, which files by digest, who and why. It has no row and no value. As of
//! [`super::v1`], the structs are the form itself: a field may be added if it is left out where it says nothing.
//!
//! A record is written before the commit that names it, or before the first file is deleted. One that no index names is of an
//! attempt that was given up.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::named::named_bytes;
use super::v1::Program;
use crate::digest::Digest;
use crate::time::ServiceDate;

/// What was done to releases of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActRecord {
    pub format: String,
    pub dataset: String,
    pub at: Timestamp,
    pub program: Program,
    /// A name or role of `people` in the workspace's configuration; not there where a rule decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The rule by which it is done: `retention.superseded: 12 months`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub tables: Vec<ActTable>,
}

/// What was done to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActTable {
    pub table: String,
    /// The newest version before.
    pub version: u64,
    /// Of a rollback: the version whose files are current again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dates: BTreeSet<ServiceDate>,
    /// Of a rollback: those that are current again; else those that are deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ActFile>,
    /// Of a compaction: the months that are in one file now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<ActMonth>,
}

/// A month in one file. Its data inputs are the digests of its parts: it is replayed from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActMonth {
    pub month: String,
    pub file: ActFile,
    pub parts: Vec<ActPart>,
}

/// A day of a month: the digest of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActPart {
    pub partition_date: ServiceDate,
    pub sha256: Digest,
}

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ActFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
}

impl ActRecord {
    /// The record's bytes, and the name that they have in the bucket.
    pub(crate) fn to_bytes(&self) -> (String, Bytes) {
        named_bytes(self, "writing the record of an act")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::Kind;
    use crate::ledger::record_key;

    #[test]
    fn what_says_nothing_is_left_out_and_the_name_is_the_digest() {
        let record = ActRecord {
            format: Kind::Gc.format(1),
            dataset: "bus".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            program: Program::this(),
            by: None,
            reason: None,
            rule: Some("retention.superseded: 12 months".to_owned()),
            tables: vec![ActTable {
                table: "t".to_owned(),
                version: 3,
                to: None,
                dates: BTreeSet::new(),
                files: vec![ActFile { path: "revised/x".to_owned(), bytes: 1, sha256: Digest::of(b"") }],
                months: Vec::new(),
            }],
        };
        let (key, bytes) = record.to_bytes();
        assert_eq!(key, record_key(&Digest::of(&bytes)));
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!(value["tables"][0].as_object().unwrap().len(), 3);
        assert_eq!(serde_json::from_slice::<ActRecord>(&bytes).unwrap(), record);
        assert_eq!(Kind::of_format(&record.format), Some((Kind::Gc, 1)));
    }
}
