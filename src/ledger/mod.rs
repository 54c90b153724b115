//! Ledger: the facts of a run as one record, which an outsider can check and replay.
//!
//! Takes what a run did; makes `ledger/records/<sha256>.json`, named by its own digest. The record says what went in (the
//! digests of evidence, contracts, pipeline and program), what every rule found, where every row went, and which files
//! came out. It holds no row's content beyond samples of public columns, and no personal data. Signatures and the log come
//! to stand around these bytes, not in them.

mod captures;
mod inputs;
pub(crate) mod keys;
pub(crate) mod lineage;
pub(crate) mod log;
mod objects;
pub(crate) mod record;
pub(crate) mod verify;

use crate::digest::Digest;

pub(crate) use captures::{Captured, capture_lines, parse_captures};
pub(crate) use inputs::PROVISIONAL;
pub(crate) use objects::objects_of;
pub(crate) use record::act_v1::{ActFile, ActMonth, ActPart, ActRecord, ActTable};
pub(crate) use record::key_v1::{KeyAct, KeyRecord};
pub(crate) use record::publication_v1::{PublicationRecord, PublicationTable};
pub(crate) use record::purge_v1::{FORMAT as PURGE_FORMAT, PurgeDecision, PurgeRecord, PurgedEvidence};
pub(crate) use record::v1::is_zero;
pub(crate) use record::v1::{
    CheckoutEntry, ContractEntry, Counted, EvidenceEntry, FileEntry, Finding, ImportRef, Input, InputRows, Inputs,
    LeftQuarantine, NoteEntry, NoticeCount, Program, RunRecord, Standard, Status, TableEntry,
};
pub(crate) use record::{Kind, NOTHING_CAPTURED, RunTarget};

/// Where a record is in the bucket, which is named by the digest of its bytes.
pub(crate) fn record_key(digest: &Digest) -> String {
    format!("ledger/records/{digest}.json")
}

/// Where an object of the ledger is in the bucket, which is named by the digest of its bytes.
pub(crate) fn object_key(digest: &Digest) -> String {
    format!("ledger/objects/{digest}")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::contract::RuleId;

    /// A record that says nothing yet.
    pub(crate) fn record() -> RunRecord {
        let digest = Digest::of(b"");
        let inputs = Inputs { sha256: digest, ..Inputs::of(Vec::new(), Vec::new()) };
        let of = RunTarget { pipeline: "bus", dataset: "bus", date: "2026-11-24".parse().unwrap() };
        RunRecord {
            status: Status::HeldBack,
            tables: vec![TableEntry {
                table: "t".to_owned(),
                from: "t".to_owned(),
                rows_in: 20,
                published: 0,
                quarantined: 1,
                held_back: 18,
                dropped: BTreeMap::from([(RuleId("t.same".to_owned()), 1)]),
                released: BTreeMap::new(),
                mapped: BTreeMap::new(),
                left_quarantine: LeftQuarantine::default(),
                entered_quarantine: 0,
                inputs: Vec::new(),
                files: Vec::new(),
            }],
            ..RunRecord::begun(of, Timestamp::UNIX_EPOCH, inputs, digest)
        }
    }

    #[test]
    fn the_digests_of_the_inputs_follow_from_the_lists() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let data = vec![
            Input::of_value("setting", "time_zone", "Europe/Berlin".to_owned()),
            Input::new("evidence", "bus\nx", digest("a")),
        ];
        let inputs = Inputs::of(data, vec![Input::new("contract", "b", digest("b"))]);
        let lines = format!("evidence bus x {}\nsetting time_zone {}\n", digest("a"), digest("Europe/Berlin"));
        assert_eq!(inputs.data_sha256, digest(&lines));
        assert_eq!(inputs.rules_sha256, digest(&format!("contract b {}\n", digest("b"))));
        let both = format!("data {}\nrules {}\n", inputs.data_sha256, inputs.rules_sha256);
        assert_eq!(inputs.sha256, digest(&both));
    }

    #[test]
    fn a_list_of_captures_reads_back_and_its_name_is_its_digest() {
        let captures = [(Timestamp::UNIX_EPOCH, Digest::of(b"a")), (Timestamp::UNIX_EPOCH, Digest::of(b"b"))];
        let entry = EvidenceEntry::of("bus", &captures);
        assert_eq!(parse_captures(&capture_lines(&captures)).unwrap(), captures);
        assert_eq!((entry.list_digest(), entry.captures), (Some(entry.sha256), 2));
        assert_eq!(parse_captures("gestern"), None);
    }
}
