//! `fahrtenbuch-key/1`: the record of a change of the keys that sign the log, exactly as it is written.
//!
//! It has public keys only. As of [`super::v1`], the structs are the form itself: a field may be added if it is left out where it
//! says nothing.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::named::named_bytes;
use super::v1::Program;
use crate::ledger::record::Kind;

/// What was done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyAct {
    New,
    /// It took the place of another one.
    Rotate,
    /// What it signs from then on counts for nothing.
    Revoke,
}

/// What was done to a key when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub format: String,
    pub act: KeyAct,
    /// As `ledger/keys.json` has it.
    pub name: String,
    /// The public key as a `vkey`: `origin+8 hex digits+base64`.
    pub key: String,
    pub changed_at: Timestamp,
    pub program: Program,
    /// The public key whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl KeyRecord {
    /// The record of a change of a key that took no other's place.
    pub(crate) fn new(act: KeyAct, (name, key): (&str, &str), changed_at: Timestamp) -> Self {
        Self {
            format: Kind::KeyChange.format(1),
            act,
            name: name.to_owned(),
            key: key.to_owned(),
            changed_at,
            program: Program::this(),
            replaces: None,
            reason: None,
        }
    }

    /// The record's bytes, and the name that they have in the bucket.
    pub(crate) fn to_bytes(&self) -> (String, Bytes) {
        named_bytes(self, "writing the record of a key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_left_out_and_the_record_reads_back() {
        let record = KeyRecord::new(KeyAct::New, ("2026-11-27", "stadt.example+1+A"), Timestamp::UNIX_EPOCH);
        assert_eq!(Kind::of_format(&record.format), Some((Kind::KeyChange, 1)));
        let (_, bytes) = record.to_bytes();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((value.as_object().unwrap().len(), &value["act"]), (6, &"new".into()));
        assert_eq!(serde_json::from_slice::<KeyRecord>(&bytes).unwrap(), record);
    }
}
