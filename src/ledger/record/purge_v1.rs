//! `fahrtenbuch-purge/1`: the record of a destruction, exactly as it is written.
//!
//! What was destroyed of a date, by which rule or by whom and why. It has counts and digests and nothing else of what was
//! destroyed. As of [`super::v1`], the structs are the form itself: a field may be added if it is left out where it says nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::named::named_bytes;
use super::v1::Program;
use crate::digest::Digest;
use crate::time::ServiceDate;

/// What the record's form is called; changes when a reader must change.
pub(crate) const FORMAT: &str = "fahrtenbuch-purge/1";

/// One date of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeRecord {
    pub format: String,
    /// Not there for what no pipeline of the workspace names any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    pub date: ServiceDate,
    /// When the purge began: from then on nothing of the date was read.
    pub purged_at: Timestamp,
    pub program: Program,
    /// The rule that it was due by: `retention.evidence: 13 months`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Who had it destroyed earlier than a rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<PurgeDecision>,
    pub evidence: Vec<PurgedEvidence>,
    /// Sources whose evidence somebody else keeps: it was not touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_by_others: Vec<String>,
    /// Names the key of the date's pseudonyms without telling it; not there if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym_key: Option<Digest>,
    /// Rows in quarantine; 0 says that there was none.
    #[serde(default)]
    pub quarantined: u64,
    /// They, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantine: BTreeMap<String, u64>,
    /// Where the record of the date's last run is in the bucket: it says what went in and what came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A name or role of `people` in the workspace's configuration, and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeDecision {
    pub by: String,
    pub reason: String,
}

/// What there was of a source that the date could read: of a service date all from midnight of the day before until noon of the
/// day after. What a kept date reads, too, waits, and is destroyed with that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedEvidence {
    pub source: String,
    /// How many were destroyed by this purge.
    pub captures: u64,
    /// How many stayed on the disk for the next date.
    #[serde(default, skip_serializing_if = "super::v1::is_zero")]
    pub waiting: u64,
    /// When the first and the last that were destroyed were captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Of the list of all, those that wait included: as in the record of the run that read them.
    pub sha256: Digest,
    /// Stretches of archives that no capture could be read from.
    #[serde(default, skip_serializing_if = "super::v1::is_zero")]
    pub damaged: u64,
}

impl PurgeRecord {
    /// The record's bytes, and the name that they have in the bucket.
    pub fn to_bytes(&self) -> (String, Bytes) {
        named_bytes(self, "writing the record of a purge")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::Kind;
    use crate::ledger::record_key;

    #[test]
    fn what_says_nothing_is_left_out_and_the_name_is_the_digest() {
        let evidence = PurgedEvidence {
            source: "bus".to_owned(),
            captures: 2,
            waiting: 0,
            first: Some(Timestamp::UNIX_EPOCH),
            last: Some(Timestamp::UNIX_EPOCH),
            sha256: Digest::of(b"list"),
            damaged: 0,
        };
        let record = PurgeRecord {
            format: FORMAT.to_owned(),
            pipeline: Some("bus".to_owned()),
            date: "2026-11-24".parse().unwrap(),
            purged_at: Timestamp::UNIX_EPOCH,
            program: Program::this(),
            rule: Some("retention.evidence: 13 months".to_owned()),
            decided: None,
            evidence: vec![evidence],
            kept_by_others: Vec::new(),
            pseudonym_key: None,
            quarantined: 0,
            quarantine: BTreeMap::new(),
            run: None,
        };
        let (key, bytes) = record.to_bytes();
        assert_eq!(key, record_key(&Digest::of(&bytes)));
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["format", "pipeline", "date", "purged_at", "program", "rule", "evidence", "quarantined"];
        assert!(keys.len() == expected.len() && expected.iter().all(|key| keys.contains(key)), "{keys:?}");
        assert_eq!(value["evidence"][0].as_object().unwrap().len(), 5);
        assert_eq!(serde_json::from_slice::<PurgeRecord>(&bytes).unwrap(), record);
        assert_eq!(Kind::of_format(&record.format), Some((Kind::Purge, 1)));
    }
}
