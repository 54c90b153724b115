//! A bucket in memory, and what is found when a part of it is another one.

mod signed;

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::digest::Digest;
use crate::ledger::log::note::SigningKey;
use crate::ledger::log::proof::{Proof, proof_key};
use crate::ledger::log::tiles::{Tile, Tiled, grow};
use crate::ledger::{FileEntry, RunRecord, Status, object_key};
use crate::publish::index::{FirstFile, IndexFile, Release, TableIndex, index_key, views};
use crate::publish::log::{Entry, LogVersion, RecordKind, key as log_key};
use crate::time::ServiceDate;

/// Objects by key, and whether names can be listed.
#[derive(Clone)]
struct Memory(BTreeMap<String, Vec<u8>>, bool);

impl Reader for Memory {
    fn get(&self, key: &str, limit: usize) -> Result<Option<Bytes>, ReadError> {
        match self.0.get(key) {
            Some(bytes) if bytes.len() > limit => Err(ReadError::Permanent("it is too long".to_owned())),
            found => Ok(found.map(|bytes| bytes.clone().into())),
        }
    }

    fn digest(&self, key: &str, _: u64) -> Result<Option<(u64, Digest)>, ReadError> {
        Ok(self.0.get(key).map(|bytes| (bytes.len() as u64, Digest::of(bytes))))
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<String>>, ReadError> {
        let folder = format!("{folder}/");
        Ok(self.1.then(|| self.0.keys().filter(|key| key.starts_with(&folder)).cloned().collect()))
    }
}

fn compare(record: &[u8], results: &[u8]) -> Option<Text> {
    let inputs = serde_json::from_slice::<RunRecord>(record).unwrap().inputs.sha256;
    (results != quality(inputs)).then(|| Text::new("other results", "andere Ergebnisse"))
}

fn quality(inputs: Digest) -> Vec<u8> {
    json!({"inputs": inputs, "score": 100}).to_string().into_bytes()
}

fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    (serde_json::to_string_pretty(value).unwrap() + "\n").into_bytes()
}

fn date(number: u64) -> ServiceDate {
    format!("2026-11-{number:02}").parse().unwrap()
}

/// A table of so many releases of one date each, the first two in one version of the log.
fn published(releases: u64) -> Memory {
    let mut all: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut index = crate::publish::index::testing::first_version("bus", "t", Vec::new());
    let (mut entries, mut rows, mut previous) = (Vec::new(), Vec::new(), None);
    for number in 1..=releases {
        let (content, date) = (format!("rows of {number}").into_bytes(), date(number));
        let sha256 = Digest::of(&content);
        let path = format!("data/bus/t/partition_date={date}/part-{}.parquet", sha256.short());
        let mut record = crate::ledger::tests::record();
        (record.dataset, record.date, record.status) = ("bus".to_owned(), date, Status::Published);
        record.pipeline_file = Digest::of(b"pipeline");
        let bytes = content.len() as u64;
        record.tables[0].files = vec![FileEntry { path: path.clone(), rows: 1, bytes, sha256 }];
        let (key, text) = record.to_bytes();
        let of_record = Digest::of(&text);
        all.insert(key.clone(), text.to_vec());
        all.insert(format!("reports/bus/date={date}/quality.json"), quality(record.inputs.sha256));
        all.insert(path.clone(), content);
        index.files.push(IndexFile {
            path: path.clone(),
            partition_date: date,
            rows: 1,
            bytes,
            sha256,
            record: key,
            provisional: false,
            timetable: None,
        });
        index.first.insert(date, FirstFile { path, bytes, sha256 });
        let at: Timestamp = format!("2026-11-{number:02}T12:00:00Z").parse().unwrap();
        index = TableIndex {
            version: number,
            release: Some(Release { date, at, complete_before: None, act: None }),
            previous,
            ..index
        };
        let text = pretty(&index);
        let digest = Digest::of(&text);
        previous = Some(digest);
        all.insert(index_key("bus", "t", number), text);
        entries.push(Entry::Release {
            dataset: "bus".to_owned(),
            table: "t".to_owned(),
            version: number,
            index: digest,
            record: Some(of_record),
        });
        rows.push(
            json!({"log_index": number - 1, "dataset": "bus", "table": "t", "version": number, "date": date, "at": at,
            "act": "release", "index_sha256": digest, "record_sha256": of_record}),
        );
    }
    all.insert(object_key(&Digest::of(b"pipeline")), b"pipeline".to_vec());
    all.extend(views(&index).map(|(name, bytes)| (name, bytes.to_vec())));
    let first = entries.len().min(2);
    let rest = entries.split_off(first);
    let versions = [entries].into_iter().chain(rest.into_iter().map(|entry| vec![entry]));
    write_log(&mut all, versions);
    let version = releases.saturating_sub(1).max(1);
    let head = json!({"dataset": "bus", "table": "t", "version": releases, "index_sha256": previous});
    let months = json!([{"month": "2026-11", "path": "ledger/index/2026-11.json", "releases": releases, "records": 0}]);
    let log = json!({"version": version, "size": releases});
    let of_log = json!({"format": "fahrtenbuch-log-index/1", "log": log, "tables": [head], "months": months});
    all.insert("ledger/index.json".to_owned(), pretty(&of_log));
    let page = json!({"format": "fahrtenbuch-log-month/1", "month": "2026-11", "releases": rows, "records": []});
    all.insert("ledger/index/2026-11.json".to_owned(), pretty(&page));
    let files = "meta/bus/t/files.json";
    let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
    let bytes: u64 = index.files.iter().map(|file| file.bytes).sum();
    let resource = json!({"dataset": "bus", "table": "t", "files": files, "path": paths, "total_bytes": bytes, "total_rows": releases});
    all.insert("datapackage.json".to_owned(), pretty(&json!({"resources": [resource]})));
    let turtle =
        format!("<data/bus/t> a dcat:Distribution ;\n  dcat:accessURL <{files}> ;\n  dcat:byteSize \"{bytes}\" .\n");
    all.insert("catalog.ttl".to_owned(), turtle.into_bytes());
    let node = json!({"dcat:accessURL": [{"@id": files}], "dcat:byteSize": [{"@value": bytes.to_string()}]});
    all.insert("catalog.jsonld".to_owned(), pretty(&json!({"@context": {}, "@graph": [node]})));
    Memory(all, true)
}

/// Of these what leads to data is looked at, and not each word.
fn is_harvested(name: &str) -> bool {
    name.starts_with("catalog.")
}

fn write_log(all: &mut BTreeMap<String, Vec<u8>>, versions: impl Iterator<Item = Vec<Entry>>) {
    let mut before = None;
    for entries in versions {
        let version = LogVersion::following(before.as_ref(), entries);
        let text = version.to_bytes();
        all.insert(log_key(version.version), text.to_vec());
        before = Some((version, Digest::of(&text)));
    }
}

fn entries(bucket: &Memory) -> Vec<Vec<Entry>> {
    let logs = bucket.0.iter().filter(|(key, _)| key.starts_with("ledger/log/"));
    logs.map(|(_, bytes)| serde_json::from_slice::<LogVersion>(bytes).unwrap().entries).collect()
}

/// Signs the log up to so many entries, and writes its tiles and proofs.
fn sign(bucket: &mut Memory, key: &SigningKey, size: usize) {
    let all = entries(bucket).concat();
    let lines: Vec<String> = all.iter().take(size).map(ToString::to_string).collect();
    let growth = grow(0, &lines, &mut BTreeMap::<Tile, Vec<u8>>::new()).unwrap();
    let note = Checkpoint::new(key.name(), growth.size, growth.root).sign(key).unwrap();
    bucket.0.insert("ledger/checkpoint".to_owned(), note.to_string().into_bytes());
    let files: BTreeMap<Tile, Vec<u8>> = growth.files.into_iter().collect();
    bucket.0.extend(files.iter().map(|(tile, bytes)| (tile.key(), bytes.clone())));
    let mut tiled = Tiled::new(growth.size, files);
    for (entry, index) in all.iter().take(size).zip(0..) {
        let Entry::Release { dataset, table, version, .. } = entry else { continue };
        let proof = Proof::new(index, tiled.inclusion(index).unwrap(), note.clone());
        bucket.0.insert(proof_key(dataset, table, *version), proof.to_string().into_bytes());
    }
}

fn checkpoint(bucket: &Memory) -> Checkpoint {
    crate::ledger::log::note::Note::parse(&bucket.0["ledger/checkpoint"]).unwrap().text().parse().unwrap()
}

fn look(bucket: &Memory, known: &Known) -> Verified {
    verify(bucket, known, compare).unwrap()
}

fn told(bucket: &Memory, known: &Known) -> Vec<(FaultKind, String)> {
    look(bucket, known).faults.into_iter().map(|fault| (fault.kind, fault.path)).collect()
}

fn key() -> SigningKey {
    SigningKey::generate("stadt.example/fahrtenbuch").unwrap()
}

#[test]
fn an_untouched_bucket_has_no_fault_whether_it_is_signed_and_listed_or_not() {
    let mut bucket = published(4);
    let key = key();
    for is_signed in [false, true] {
        for can_list in [true, false] {
            bucket.1 = can_list;
            let known =
                Known { keys: is_signed.then(|| key.public()).into_iter().collect(), since: None, ..Known::default() };
            let verified = look(&bucket, &known);
            assert_eq!(verified.faults, []);
            let counts = verified.counts;
            assert_eq!((counts.log_versions, counts.entries, counts.index_versions, counts.records), (3, 4, 4, 4));
            assert_eq!((counts.files, counts.objects, counts.reports, counts.views), (4, 1, 4, 4));
            // What was not looked at is said: signatures, and what nothing names.
            assert_eq!(verified.notes.len(), usize::from(!is_signed) + usize::from(!can_list));
            assert_eq!(verified.checkpoint.is_some(), is_signed);
        }
        sign(&mut bucket, &key, 4);
    }
    let since = Some(checkpoint(&bucket));
    assert_eq!(told(&bucket, &Known { keys: vec![key.public()], since, ..Known::default() }), []);
}

#[test]
fn a_flipped_bit_of_any_byte_is_found_where_it_is() {
    let (mut bucket, key) = (published(4), key());
    sign(&mut bucket, &key, 4);
    let known = Known { keys: vec![key.public()], since: Some(checkpoint(&bucket)), ..Known::default() };
    let is_long = std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some();
    for is_signed in [true, false] {
        let known = if is_signed { known.clone() } else { Known::default() };
        if !is_signed {
            let of_log = |name: &str| name.starts_with("ledger/tile/") || name.ends_with(".tlog-proof");
            bucket.0.retain(|name, _| !of_log(name) && name != "ledger/checkpoint");
        }
        for name in bucket.0.keys().filter(|name| !is_harvested(name)) {
            // What is named by its digest is all the same to it. `./test --long` flips more.
            let is_named = ["records/", "objects/", "data/", "/index/v"].iter().any(|part| name.contains(part));
            let step = if is_long || !is_named { 5 } else { 61 } * if is_long { 1 } else { 3 };
            for place in (usize::from(is_signed)..bucket.0[name].len()).step_by(step) {
                let mut changed = bucket.clone();
                changed.0.get_mut(name).unwrap()[place] ^= 1 << (place % 8);
                let found = told(&changed, &known);
                let paths: Vec<&String> = found.iter().map(|(_, path)| path).collect();
                assert_eq!(paths, [name], "byte {place} of {name}, signed: {is_signed}: {found:?}");
            }
        }
    }
}

#[test]
fn each_object_that_is_removed_is_missed_by_what_it_is() {
    let (mut bucket, key) = (published(4), key());
    sign(&mut bucket, &key, 4);
    let known = Known { keys: vec![key.public()], since: None, ..Known::default() };
    for name in bucket.0.keys() {
        let mut changed = bucket.clone();
        changed.0.remove(name);
        let expected = match name.as_str() {
            name if name == log_key(3) || name == index_key("bus", "t", 4) => FaultKind::RolledBack,
            name if name.starts_with("ledger/log/") || name.contains("/index/v") => FaultKind::Gap,
            _ => FaultKind::Missing,
        };
        assert_eq!(told(&changed, &known), [(expected, name.clone())]);
    }
}

#[test]
fn a_log_that_was_written_anew_is_found_by_what_is_signed_or_was_kept() {
    let (mut bucket, key) = (published(5), key());
    sign(&mut bucket, &key, 5);
    let known = Known { keys: vec![key.public()], since: None, ..Known::default() };
    let since = Known { keys: Vec::new(), since: Some(checkpoint(&bucket)), ..Known::default() };
    let mut forked = bucket.clone();
    let mut versions = entries(&bucket);
    versions[0].swap(0, 1);
    write_log(&mut forked.0, versions.into_iter());
    assert_eq!(told(&forked, &known), [(FaultKind::Forked, log_key(1))]);
    // Whoever has the key signs it anew: only who has kept a checkpoint sees it.
    sign(&mut forked, &key, 5);
    assert_eq!(told(&forked, &since), [(FaultKind::Forked, log_key(4))]);
    assert!(!told(&forked, &known).iter().any(|(_, path)| path.starts_with("ledger/log/")));
    // One that is shorter, with all that readers are shown of it.
    let mut short = published(3);
    sign(&mut short, &key, 3);
    assert_eq!(told(&short, &known), []);
    assert_eq!(told(&short, &since), [(FaultKind::RolledBack, log_key(3))]);
    // An older checkpoint, while proofs have a later one of this log, or while somebody kept that.
    let mut long = bucket.clone();
    sign(&mut long, &key, 3);
    let of_checkpoint = |kind| [(kind, "ledger/checkpoint".to_owned())];
    assert_eq!(told(&long, &known), of_checkpoint(FaultKind::RolledBack));
    // One that is longer than what was signed is none of this: a run that was killed before it signed leaves it.
    let is_of_end =
        |name: &str| ["4", "5"].iter().any(|of| name.ends_with(&format!("proofs/v000000000{of}.tlog-proof")));
    long.0.retain(|name, _| !is_of_end(name));
    assert_eq!(told(&long, &known), of_checkpoint(FaultKind::NotInLog));
    assert_eq!(told(&long, &since), of_checkpoint(FaultKind::RolledBack));
}

#[test]
fn a_checkpoint_is_checked_by_the_key_and_tiles_by_the_checkpoint() {
    let (mut bucket, key) = (published(4), key());
    let known = Known { keys: vec![key.public()], since: None, ..Known::default() };
    let of_checkpoint = |kind| [(kind, "ledger/checkpoint".to_owned())];
    assert_eq!(told(&bucket, &known), of_checkpoint(FaultKind::Missing));
    sign(&mut bucket, &SigningKey::generate(key.name()).unwrap(), 4);
    assert_eq!(told(&bucket, &known), of_checkpoint(FaultKind::Changed));
    assert_eq!(told(&bucket, &Known::default()), []);
    sign(&mut bucket, &key, 4);
    // A gap in the log does not keep it from being compared with what was kept: the tiles have it, too.
    let since = checkpoint(&bucket);
    bucket.0.remove(&log_key(2));
    let gap = (FaultKind::Gap, log_key(2));
    assert_eq!(told(&bucket, &Known { since: Some(since.clone()), ..known.clone() }), std::slice::from_ref(&gap));
    let other = Checkpoint { root: Hash([7; 32]), ..since.clone() };
    let forked = (FaultKind::Forked, log_key(3));
    assert_eq!(told(&bucket, &Known { since: Some(other), ..known.clone() }), [gap.clone(), forked]);
    let other = Checkpoint { origin: "b.example".to_owned(), ..since };
    let forked = (FaultKind::Forked, "ledger/checkpoint".to_owned());
    assert_eq!(told(&bucket, &Known { since: Some(other), ..known }), [gap, forked]);
}

#[test]
fn what_no_entry_names_is_told() {
    let mut bucket = published(3);
    let last = log_key(2);
    let mut cut = bucket.clone();
    cut.0.remove(&last);
    let of_log =
        json!({"format": "fahrtenbuch-log-index/1", "log": {"version": 1, "size": 2}, "tables": [], "months": []});
    cut.0.insert("ledger/index.json".to_owned(), pretty(&of_log));
    let expected =
        [(FaultKind::NotInLog, index_key("bus", "t", 3)), (FaultKind::Changed, "ledger/index.json".to_owned())];
    assert_eq!(told(&cut, &Known::default()), expected);
    bucket.0.insert(index_key("bus", "other", 1), b"{}".to_vec());
    bucket.0.insert("data/bus/t/partition_date=2026-11-01/part-0.parquet".to_owned(), b"rows".to_vec());
    let expected = [
        (FaultKind::NotInLog, index_key("bus", "other", 1)),
        (FaultKind::NotInLog, "data/bus/t/partition_date=2026-11-01/part-0.parquet".to_owned()),
    ];
    assert_eq!(told(&bucket, &Known::default()), expected);
}

#[test]
fn a_bucket_that_lies_of_sizes_and_names_is_read_within_bounds() {
    let release = |dataset: &str, version| Entry::Release {
        dataset: dataset.to_owned(),
        table: "t".to_owned(),
        version,
        index: Digest::of(b"x"),
        record: None,
    };
    let mut all = BTreeMap::new();
    let record = Entry::Record { kind: RecordKind::Purge, record: Digest::of(b"none") };
    write_log(&mut all, [vec![release("bus", u64::MAX - 1), release("../x", 1), record]].into_iter());
    let view = json!({"log": {"version": u64::MAX, "size": u64::MAX}});
    all.insert("ledger/index.json".to_owned(), view.to_string().into_bytes());
    let found = told(&Memory(all, false), &Known::default());
    assert!(found.contains(&(FaultKind::Changed, log_key(1))), "{found:?}");
    assert!(found.contains(&(FaultKind::RolledBack, log_key(2))), "{found:?}");
    let down = |error: ReadError| {
        struct Down(ReadError);
        impl Reader for Down {
            fn get(&self, _: &str, _: usize) -> Result<Option<Bytes>, ReadError> {
                Err(self.0.clone())
            }

            fn digest(&self, _: &str, _: u64) -> Result<Option<(u64, Digest)>, ReadError> {
                Err(self.0.clone())
            }

            fn list(&self, _: &str) -> Result<Option<Vec<String>>, ReadError> {
                Ok(None)
            }
        }
        verify(&Down(error), &Known::default(), compare)
    };
    assert!(down(ReadError::Transient("down".to_owned())).is_err());
}
