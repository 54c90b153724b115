use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::metadata::Version;
use super::paths::table_address;
use super::*;
use crate::contract::{Contract, odcs};
use crate::digest::Digest;
use crate::publish::bucket::Bucket;
use crate::publish::bucket::headers::is_immutable;
use crate::publish::index::{
    Act, ActKind, Amended, Amendment, Change, IndexFile, TableIndex, Tombstone, amend, commit, current,
};
use crate::publish::view_writer::ViewWriter;
use crate::time::ServiceDate;

const BASE: &str = "https://data.example.de";
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn contract(columns: &[&str]) -> Contract {
    let columns: String = columns
        .iter()
        .map(|name| format!("      - {{name: {name}, logicalType: string, classification: public}}\n"))
        .collect();
    let removed: String = NAMES
        .iter()
        .filter(|name| !columns.contains(&format!("name: {name},")))
        .map(|name| format!("          - {{name: {name}, until: 2100-01-01}}\n"))
        .collect();
    let removed = match removed.as_str() {
        "" => String::new(),
        list => format!("    customProperties:\n      - property: removedColumns\n        value:\n{list}"),
    };
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n{removed}    \
         properties:\n{columns}"
    );
    odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap()
}

/// A release of a day, whose number is the content; a negative one is a day that is withdrawn.
#[derive(Clone, Copy, Debug)]
struct Step {
    day: i32,
    content: u64,
    is_provisional: bool,
    is_withdrawn: bool,
    columns: usize,
}

fn release(bucket: &Bucket, step: Step) {
    let contract = contract(&NAMES[..step.columns]);
    let first: ServiceDate = "2026-01-01".parse().unwrap();
    let date = first.plus_days(step.day);
    let file = IndexFile {
        path: format!("revised/bus/t/partition_date={date}/part-{}.parquet", step.content),
        partition_date: date,
        rows: step.content,
        bytes: 10,
        sha256: Digest::of(&step.content.to_be_bytes()),
        record: "ledger/records/0.json".to_owned(),
        provisional: step.is_provisional,
        timetable: None,
    };
    let file = (!step.is_withdrawn).then_some(&file);
    let at = jiff::Timestamp::from_second(1_767_000_000 + step.content as i64).unwrap();
    commit(bucket, Change { dataset: "bus", contract: &contract, date, file, at }).unwrap();
}

fn publish(bucket: &Bucket, base: &str, is_anew: bool) -> (usize, u64) {
    let before = bucket.requests();
    let mut writer = ViewWriter::new(bucket);
    if let Some(index) = current(bucket, "bus", "t").unwrap() {
        publish_table(&mut writer, &index, base, is_anew).unwrap();
    }
    let changes = writer.finish();
    (changes.written.len() + changes.removed.len(), bucket.requests() - before)
}

fn files(bucket: &Bucket) -> BTreeMap<String, bytes::Bytes> {
    let names = bucket.list("iceberg").unwrap();
    names.into_iter().map(|name| (name.clone(), bucket.get(&name).unwrap().unwrap())).collect()
}

fn table(bucket: &Bucket) -> Value {
    serde_json::from_slice(&bucket.get(&table_address("bus", "t")).unwrap().unwrap()).unwrap()
}

fn snapshots(bucket: &Bucket) -> Vec<u64> {
    let table = table(bucket);
    let ids = table["metadata"]["snapshots"].as_array().unwrap().iter().map(|of| of["snapshot-id"].as_u64().unwrap());
    ids.collect()
}

fn complete(day: i32, content: u64) -> Step {
    Step { day, content, is_provisional: false, is_withdrawn: false, columns: 2 }
}

#[test]
fn the_newest_sixty_complete_releases_are_kept_and_a_step_costs_the_same_however_many_there_are() {
    let bucket = Bucket::in_memory();
    let mut costs = Vec::new();
    for day in 1..=70 {
        release(&bucket, complete(day, day as u64));
        costs.push(publish(&bucket, BASE, false));
    }
    assert_eq!(snapshots(&bucket), (11..=70).collect::<Vec<u64>>());
    // The address, a list and a manifest for each snapshot.
    let there = files(&bucket);
    assert_eq!(there.len(), 1 + 2 * 60);
    assert!(there.keys().all(|name| is_immutable(name) == name.ends_with(".avro")));
    // A look at the index; the address twice, and once more to write it; two files; a listing; two that are removed.
    assert_eq!((costs[9], costs[69]), ((3, 9), (5, 11)));
    assert_eq!(publish(&bucket, BASE, false), (0, 2));
    let times = table(&bucket)["metadata"]["snapshots"].as_array().unwrap().clone();
    assert!(times.windows(2).all(|two| two[0]["timestamp-ms"].as_i64() < two[1]["timestamp-ms"].as_i64()));
}

#[test]
fn what_is_missing_damaged_or_of_another_address_is_made_again() {
    let bucket = Bucket::in_memory();
    for day in 1..=5 {
        release(&bucket, complete(day, day as u64));
        publish(&bucket, BASE, false);
    }
    let whole = files(&bucket);
    let key = table_address("bus", "t");
    let text = String::from_utf8(whole[&key].to_vec()).unwrap();
    for damaged in ["", "{}", &text[..text.len() / 2], &text.replace("\"5\"", "\"6\""), &text.replace("data.", "old.")]
    {
        assert_ne!(damaged, text);
        bucket.put(&key, damaged.to_owned().into()).unwrap();
        publish(&bucket, BASE, false);
        assert_eq!(files(&bucket), whole);
    }
    bucket.remove(&key).unwrap();
    publish(&bucket, BASE, false);
    assert_eq!(files(&bucket), whole);
    // Only who writes all anew looks at every file.
    let manifest = whole.keys().find(|name| name.contains("-0-")).unwrap();
    bucket.remove(manifest).unwrap();
    assert_eq!(publish(&bucket, BASE, true).0, 1);
    assert_eq!(files(&bucket), whole);
    publish(&bucket, "https://moved.example.de", false);
    let moved = files(&bucket);
    assert_eq!(moved.len(), whole.len());
    assert!(moved.keys().filter(|name| name.ends_with(".avro")).all(|name| !whole.contains_key(name)));
    assert!(!String::from_utf8_lossy(&moved[&key]).contains("data.example.de"));
}

#[test]
fn a_run_that_was_killed_before_it_wrote_the_catalogue_is_made_up_for_by_the_next() {
    let (killed, whole) = (Bucket::in_memory(), Bucket::in_memory());
    for day in 1..=70 {
        release(&killed, complete(day, day as u64));
        release(&whole, complete(day, day as u64));
        publish(&whole, BASE, false);
        if day < 4 || day == 70 {
            publish(&killed, BASE, false);
        }
    }
    assert_eq!(files(&killed), files(&whole));
}

#[test]
fn snapshots_that_name_withdrawn_files_are_dropped_and_older_ones_come_in_their_place() {
    let [stepped, whole] = [(); 2].map(|()| Bucket::in_memory());
    for day in 1..=70 {
        for bucket in [&stepped, &whole] {
            release(bucket, complete(day, day as u64));
        }
        publish(&stepped, BASE, false);
    }
    for bucket in [&stepped, &whole] {
        let before = current(bucket, "bus", "t").unwrap().unwrap();
        let date = before.files[64].partition_date;
        let act = Act {
            kind: ActKind::Withdrawal,
            dates: [date].into(),
            by: "D".to_owned(),
            reason: "r".to_owned(),
            to: None,
            record: "ledger/records/1.json".to_owned(),
        };
        let tombstone = Tombstone {
            at: jiff::Timestamp::UNIX_EPOCH,
            by: act.by.clone(),
            reason: act.reason.clone(),
            record: act.record.clone(),
            from: 65,
            version: 71,
            files: Default::default(),
            lifted: None,
        };
        let amendment = Amendment {
            at: jiff::Timestamp::UNIX_EPOCH,
            act,
            files: [(date, None)].into(),
            rolled_back: BTreeMap::new(),
            withdrawn: [(date, tombstone)].into(),
            months: Vec::new(),
        };
        assert!(matches!(amend(bucket, ("bus", "t"), 69, &amendment).unwrap(), Amended::Overtaken));
        let Amended::New(index) = amend(bucket, ("bus", "t"), 70, &amendment).unwrap() else { panic!() };
        assert!(index.hides(65) && index.hides(70) && !index.hides(64) && !index.hides(71));
    }
    publish(&stepped, BASE, false);
    publish(&whole, BASE, true);
    let expected: Vec<u64> = (6..=64).chain([71]).collect();
    assert_eq!(snapshots(&stepped), expected);
    assert_eq!(files(&stepped), files(&whole));
    for bucket in [&stepped, &whole] {
        release(bucket, complete(90, 90));
    }
    publish(&stepped, BASE, false);
    publish(&whole, BASE, true);
    assert_eq!(files(&stepped), files(&whole));
}

#[test]
fn a_version_that_says_no_columns_is_in_no_catalogue() {
    let bucket = Bucket::in_memory();
    release(&bucket, complete(1, 1));
    let index = current(&bucket, "bus", "t").unwrap().unwrap();
    let older = TableIndex { columns: Vec::new(), release: None, ..index };
    assert!(!has(&older));
    publish_table(&mut ViewWriter::new(&bucket), &older, BASE, false).unwrap();
    assert!(files(&bucket).is_empty());
}

#[test]
fn very_many_files_stand_in_a_manifest_for_each_year() {
    let bucket = Bucket::in_memory();
    release(&bucket, complete(1, 1));
    let mut index = current(&bucket, "bus", "t").unwrap().unwrap();
    let file = index.files[0].clone();
    let first: ServiceDate = "2020-01-01".parse().unwrap();
    let manifests = |days: i32, index: &mut TableIndex| {
        let dates = (0..days).map(|day| first.plus_days(day));
        index.files = dates.map(|date| IndexFile { partition_date: date, ..file.clone() }).collect();
        Version::of(index, BASE).unwrap().files.len() - 1
    };
    assert_eq!([4_000, 4_001, 0].map(|days| manifests(days, &mut index)), [1, 11, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn releases_make_the_same_catalogue_step_by_step_with_gaps_and_at_once(
        steps in proptest::collection::vec((0..6, any::<bool>(), 0..8, 1..5_usize, any::<bool>()), 1..90),
    ) {
        let [stepped, gaps, whole] = [(); 3].map(|()| Bucket::in_memory());
        for (place, (day, is_provisional, withdrawn, columns, is_killed)) in steps.iter().enumerate() {
            let content = place as u64 + 1;
            let step = Step {
                day: *day,
                content,
                is_provisional: *is_provisional,
                is_withdrawn: *withdrawn == 0,
                columns: *columns,
            };
            [&stepped, &gaps, &whole].into_iter().for_each(|bucket| release(bucket, step));
            publish(&stepped, BASE, false);
            if !is_killed || place + 1 == steps.len() {
                publish(&gaps, BASE, false);
            }
        }
        publish(&whole, BASE, true);
        prop_assert_eq!(&files(&stepped), &files(&gaps));
        prop_assert_eq!(&files(&stepped), &files(&whole));
        if let Some(index) = current(&whole, "bus", "t").unwrap() {
            let kept = snapshots(&whole);
            prop_assert_eq!(kept.last(), Some(&index.version));
            // Every list that is named is there, and every file is of one.
            let lists = table(&whole)["metadata"]["snapshots"].as_array().unwrap().len();
            let files = files(&whole);
            let names = files.keys().filter(|name| name.ends_with(".avro") && !name.contains("-0-"));
            prop_assert_eq!(names.count(), lists);
        }
    }
}
