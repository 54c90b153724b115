//! What is signed besides the checkpoint: the list of keys, proofs, time stamps; and collections, which the log names.

use super::*;
use crate::ledger::keys::{KEYS, KeyState, PublicKey, PublicKeys};
use crate::ledger::{ActFile, ActRecord, ActTable, KeyAct, KeyRecord, Kind, Program, record_key};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Adds versions of one entry each to the log, and takes its views away: they are not what is looked at here.
fn log_also(bucket: &mut Memory, more: Vec<Entry>) {
    let versions: Vec<Vec<Entry>> =
        entries(bucket).into_iter().chain(more.into_iter().map(|entry| vec![entry])).collect();
    write_log(&mut bucket.0, versions.into_iter());
}

fn put_record(bucket: &mut Memory, (key, bytes): (String, Bytes), kind: RecordKind) -> Entry {
    let record = Digest::of(&bytes);
    assert_eq!(key, record_key(&record));
    bucket.0.insert(key, bytes.to_vec());
    Entry::Record { kind, record }
}

/// Faults but those of views.
fn of_signed(bucket: &Memory, known: &Known) -> Vec<(FaultKind, String)> {
    told(bucket, known).into_iter().filter(|(_, path)| !path.starts_with("ledger/index")).collect()
}

fn public(name: &str, key: &SigningKey, second: i64) -> PublicKey {
    let (name, key, state) = (name.to_owned(), key.public().to_string(), KeyState::Active);
    PublicKey { name, key, since: at(second), until: None, state, reason: None }
}

/// A log with a key that was made, and another one in its place.
fn rotated() -> (Memory, [SigningKey; 2], PublicKeys) {
    let (mut bucket, one, two) = (published(4), key(), key());
    let new = KeyRecord::new(KeyAct::New, ("one", &one.public().to_string()), at(1));
    let rotate = KeyRecord::new(KeyAct::Rotate, ("two", &two.public().to_string()), at(2));
    let reason = Some("every two years".to_owned());
    let rotate = KeyRecord { replaces: Some(one.public().to_string()), reason: reason.clone(), ..rotate };
    let new = put_record(&mut bucket, new.to_bytes(), RecordKind::Key);
    let rotate = put_record(&mut bucket, rotate.to_bytes(), RecordKind::Key);
    log_also(&mut bucket, vec![new, rotate]);
    let old = PublicKey { until: Some(at(2)), state: KeyState::Rotated, reason, ..public("one", &one, 1) };
    let list = PublicKeys::new(vec![old, public("two", &two, 2)]);
    bucket.0.insert(KEYS.to_owned(), list.to_bytes().to_vec());
    (bucket, [one, two], list)
}

#[test]
fn the_list_of_keys_says_what_the_log_says_and_a_key_signs_nothing_after_its_end() {
    let (mut bucket, [one, two], list) = rotated();
    sign(&mut bucket, &two, 6);
    let known = Known { keys: vec![two.public()], ..Known::default() };
    let both = Known { keys: vec![one.public(), two.public()], ..Known::default() };
    for known in [&known, &both, &Known::default()] {
        assert_eq!(of_signed(&bucket, known), []);
    }
    let changed = [(FaultKind::Changed, KEYS.to_owned())];
    type Change = fn(&mut PublicKeys);
    let changes: [Change; 6] = [
        |list| list.keys[0].state = KeyState::Active,
        |list| list.keys[0].until = None,
        |list| list.keys[1].since = at(1),
        |list| list.keys[1].name = "2026".to_owned(),
        |list| _ = list.keys.pop(),
        |list| list.keys.push(PublicKey { key: key().public().to_string(), ..list.keys[1].clone() }),
    ];
    for change in changes {
        let (mut other, mut list) = (bucket.clone(), list.clone());
        change(&mut list);
        other.0.insert(KEYS.to_owned(), list.to_bytes().to_vec());
        assert_eq!(of_signed(&other, &known), changed, "{list:?}");
    }
    let mut other = bucket.clone();
    other.0.remove(KEYS);
    assert_eq!(of_signed(&other, &known), [(FaultKind::Missing, KEYS.to_owned())]);
    // The old key signs the log that has its end.
    sign(&mut bucket, &one, 6);
    let found = of_signed(&bucket, &both);
    assert_eq!(found[0], (FaultKind::Changed, "ledger/checkpoint".to_owned()));
    assert_eq!(found.iter().filter(|(_, path)| path.ends_with(".tlog-proof")).count(), 4, "{found:?}");
    // What it signed before that holds, and the new key is known by the log to who has the old one alone.
    sign(&mut bucket, &one, 5);
    let checkpoint = bucket.0["ledger/checkpoint"].clone();
    let old = [(FaultKind::NotInLog, "ledger/checkpoint".to_owned())];
    assert_eq!(of_signed(&bucket, &both), old);
    sign(&mut bucket, &two, 6);
    bucket.0.insert("ledger/checkpoint".to_owned(), checkpoint);
    assert_eq!(of_signed(&bucket, &Known { keys: vec![one.public()], ..Known::default() }), old);
    // A key that the log does not name.
    let third = key();
    sign(&mut bucket, &third, 6);
    let known = Known { keys: vec![third.public()], ..Known::default() };
    assert_eq!(of_signed(&bucket, &known), [(FaultKind::Changed, "ledger/checkpoint".to_owned())]);
}

#[test]
fn a_proof_of_another_entry_another_log_or_another_key_is_named() {
    let (mut bucket, key) = (published(4), key());
    sign(&mut bucket, &key, 4);
    let known = Known { keys: vec![key.public()], ..Known::default() };
    assert_eq!((look(&bucket, &known).counts.proofs, told(&bucket, &known)), (4, Vec::new()));
    let path = proof_key("bus", "t", 2);
    let said = |bytes: Vec<u8>, known: &Known| {
        let mut other = bucket.clone();
        other.0.insert(path.clone(), bytes);
        let faults = look(&other, known).faults;
        assert!(faults.len() == 1 && faults[0].path == path && faults[0].kind == FaultKind::Changed, "{faults:?}");
        faults[0].said.clone()
    };
    let of_another = bucket.0[&proof_key("bus", "t", 3)].clone();
    assert!(said(of_another, &known).contains("entry 2, and the version is entry 1"));
    let text = String::from_utf8(bucket.0[&path].clone()).unwrap();
    assert!(said(text.replace("\nindex", "\nextra AAAA\nindex").into_bytes(), &known).contains("extra data"));
    // Of another history of the same length, signed by the same key, and of the same by another one.
    let mut forked = bucket.clone();
    let mut versions = entries(&bucket);
    versions[0].swap(0, 1);
    write_log(&mut forked.0, versions.into_iter());
    sign(&mut forked, &key, 4);
    let forked = forked.0[&proof_key("bus", "t", 1)].clone();
    assert!(said(forked, &known).contains("never had this root"));
    let mut by_another = bucket.clone();
    sign(&mut by_another, &super::key(), 4);
    assert!(said(by_another.0[&path].clone(), &known).contains("signed by no key"));
    let mut other = bucket.clone();
    other.0.insert(proof_key("bus", "t", 9), text.into_bytes());
    assert_eq!(told(&other, &known), [(FaultKind::NotInLog, proof_key("bus", "t", 9))]);
    // Those after the checkpoint have none yet.
    sign(&mut bucket, &key, 3);
    bucket.0.remove(&proof_key("bus", "t", 4));
    assert_eq!(told(&bucket, &known), [(FaultKind::NotInLog, "ledger/checkpoint".to_owned())]);
}

#[test]
fn a_log_that_was_forged_is_not_said_to_be_signed() {
    let (mut bucket, key) = (published(4), key());
    let known = Known { keys: vec![key.public()], ..Known::default() };
    assert!(!look(&bucket, &known).is_signed);
    sign(&mut bucket, &key, 4);
    assert!(look(&bucket, &known).is_signed && !look(&bucket, &Known::default()).is_signed);
    let mut forked = bucket.clone();
    let mut versions = entries(&bucket);
    versions[0].swap(0, 1);
    write_log(&mut forked.0, versions.into_iter());
    assert!(!look(&forked, &known).is_signed);
    let mut cut = bucket.clone();
    cut.0.remove(&log_key(3));
    assert!(!look(&cut, &known).is_signed);
    let since = Checkpoint { root: Hash([7; 32]), ..checkpoint(&bucket) };
    assert!(!look(&bucket, &Known { since: Some(since), ..known }).is_signed);
}

#[test]
fn a_file_that_a_collection_in_the_log_names_is_told_and_one_that_is_gone_besides_is_missing() {
    let sha256 = Digest::of(b"old rows");
    let path = "revised/bus/t/partition_date=2026-11-01/part-1.parquet".to_owned();
    let record = |sha256: Digest| ActRecord {
        format: Kind::Gc.format(1),
        dataset: "bus".to_owned(),
        at: at(1_795_000_000),
        program: Program::this(),
        by: None,
        reason: None,
        rule: Some("retention.superseded: 12 months".to_owned()),
        tables: vec![ActTable {
            table: "t".to_owned(),
            version: 2,
            to: None,
            dates: [date(1)].into(),
            files: vec![ActFile { path: path.clone(), bytes: 8, sha256 }],
            months: Vec::new(),
        }],
    };
    let base = superseding(&path, sha256);
    let gone = [(FaultKind::Missing, path.clone())];
    for can_list in [true, false] {
        let mut bucket = base.clone();
        bucket.1 = can_list;
        assert_eq!(of_signed(&bucket, &Known::default()), gone);
        // A record that the log does not name is anybody's.
        let entry = put_record(&mut bucket, record(sha256).to_bytes(), RecordKind::Gc);
        assert_eq!(of_signed(&bucket, &Known::default()), gone);
        log_also(&mut bucket, vec![entry]);
        let verified = look(&bucket, &Known::default());
        let notes: Vec<&str> = verified.notes.iter().map(|note| note.en.as_str()).collect();
        assert_eq!(of_signed(&bucket, &Known::default()), [], "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("'retention.superseded: 12 months' on 2026-11-18")), "{notes:?}");
        assert_eq!(verified.counts.collected, 1);
        // One of another file of this name explains nothing, and neither does an entry of another kind.
        for (kind, sha256) in [(RecordKind::Gc, Digest::of(b"x")), (RecordKind::Purge, sha256)] {
            let mut bucket = base.clone();
            let entry = put_record(&mut bucket, record(sha256).to_bytes(), kind);
            log_also(&mut bucket, vec![entry]);
            assert_eq!(of_signed(&bucket, &Known::default()), gone);
        }
    }
}

/// A bucket whose second version of the table named a file below `revised/` that the third has another one for.
fn superseding(path: &str, sha256: Digest) -> Memory {
    let mut bucket = published(3);
    let versions: Vec<TableIndex> =
        (1..=3).map(|number| serde_json::from_slice(&bucket.0[&index_key("bus", "t", number)]).unwrap()).collect();
    let (mut previous, mut logged) = (None, Vec::new());
    for (mut index, entry) in versions.into_iter().zip(entries(&bucket).concat()) {
        let Entry::Release { dataset, table, version, record, .. } = entry else { panic!() };
        index.previous = previous;
        if version == 2 {
            let of = &mut index.files[0];
            (of.path, of.sha256, of.bytes) = (path.to_owned(), sha256, 8);
        }
        let text = pretty(&index);
        let digest = Digest::of(&text);
        previous = Some(digest);
        bucket.0.insert(index_key("bus", "t", version), text);
        logged.push(vec![Entry::Release { dataset, table, version, index: digest, record }]);
        if version == 3 {
            bucket.0.extend(views(&index).map(|(name, bytes)| (name, bytes.to_vec())));
        }
    }
    write_log(&mut bucket.0, logged.into_iter());
    bucket
}
