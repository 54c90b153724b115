//! A run's requests, counted where they arrive: as many for a bucket with two hundred published days as for one with two thousand. At
//! ten they are a few less: names that are fewer than a page are listed at once; the catalogue keeps sixty releases, so that from the next one on each deletes the two files of the oldest in
//! each table, and the trend on the pages reads the results of fourteen dates.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::{Span, civil::Date};
use serde_json::{Value, json};

use super::checker::sha256;
use super::plan::DATASET;
use super::proxy::Weather;
use super::stored::{Objects, Place};
use super::{Chaos, TIMEOUT, name_of};

/// So many more at most: two deletions for each of the six tables whose catalogue is full, a listing more for each of five tables whose
/// names are more than a page, and a result for each date of the trend.
const MORE: u64 = 2 * 6 + 5 + 14;

/// The objects of a first release, once more for each of many days before it: files, results and versions of the indexes, which
/// name each other as those of that many runs do.
fn many_days(first: &Objects, date: &str, earlier: u64) -> Objects {
    let mut made = Objects::new();
    let begin: Date = date.parse().unwrap();
    let dates: Vec<String> =
        (1..=earlier).rev().map(|days| (begin - Span::new().days(days as i64)).to_string()).collect();
    // What is of the date is of each of them.
    for (key, bytes) in first.iter().filter(|(key, _)| key.contains(date) && !key.starts_with("meta/")) {
        for other in &dates {
            let text = std::str::from_utf8(bytes).map(|text| Bytes::from(text.replace(date, other)));
            made.insert(key.replace(date, other), text.unwrap_or_else(|_| bytes.clone()));
        }
    }
    for (key, bytes) in first.iter().filter(|(key, _)| key.contains("/index/v0000000001.json")) {
        let index: Value = serde_json::from_slice(bytes).unwrap();
        if index["files"].as_array().unwrap().is_empty() {
            // It has begun and tells of nothing yet, whatever is published.
            continue;
        }
        let folder = key.trim_end_matches("v0000000001.json");
        let mut files: Vec<Value> = Vec::new();
        let mut firsts = serde_json::Map::new();
        let mut previous = sha256(bytes);
        let file = serde_json::to_string(&index["files"][0]).unwrap();
        let record = index["files"][0]["record"].as_str().unwrap();
        let of_record = std::str::from_utf8(&first[record]).unwrap();
        for (place, other) in dates.iter().enumerate() {
            // A record of its own: a run looks at that of the newest release.
            let mut own = of_record.replace(date, other);
            // What tells of releases says up to which versions it does.
            if let Ok(mut record) = serde_json::from_str::<Value>(&own)
                && let Some(made_of) = record.get_mut("made_of").and_then(Value::as_object_mut)
            {
                made_of.values_mut().for_each(|version| *version = json!(place as u64 + 2));
                own = serde_json::to_string_pretty(&record).unwrap();
            }
            let key = format!("ledger/records/{}.json", sha256(own.as_bytes()));
            let text = file.replace(date, other).replace(record, &key);
            made.insert(key, own.into());
            files.push(serde_json::from_str(&text).unwrap());
            let first = &index["first"][date];
            if !first.is_null() {
                firsts.insert(other.clone(), serde_json::from_str(&first.to_string().replace(date, other)).unwrap());
            }
            let version = place as u64 + 2;
            let mut next = index.clone();
            let is_looked_at = version + 70 > earlier;
            // Of versions that long ago only the names are looked at.
            let named: &[Value] = if is_looked_at { &files } else { &[] };
            next["version"] = json!(version);
            next["files"] = named.iter().cloned().chain(index["files"].as_array().unwrap().iter().cloned()).collect();
            let own = index["first"].as_object().unwrap().clone();
            next["first"] =
                Value::Object(firsts.iter().map(|(key, value)| (key.clone(), value.clone())).chain(own).collect());
            if !is_looked_at {
                next["first"] = index["first"].clone();
            }
            next["release"]["date"] = json!(other);
            next["release"]["complete_before"] = json!(version - 1);
            next["previous"] = json!(previous);
            let text = serde_json::to_vec(&next).unwrap();
            previous = sha256(&text);
            made.insert(format!("{folder}v{version:010}.json"), text.into());
        }
    }
    made
}

fn put_all(place: &Place, objects: Objects) {
    let Place::S3 { store, runtime, .. } = place else { panic!() };
    let puts = objects.into_iter().map(|(name, bytes)| async move {
        let path = object_store::path::Path::from(format!("offen/{name}"));
        let digest = sha256(&bytes);
        let mut attributes = object_store::Attributes::new();
        attributes.insert(object_store::Attribute::Metadata("sha256".into()), digest.into());
        let options = object_store::PutOptions { attributes, ..Default::default() };
        object_store::ObjectStore::put_opts(store, &path, bytes.into(), options).await.map(|_| ())
    });
    runtime.block_on(futures::stream::iter(puts).buffer_unordered(16).try_collect::<()>()).unwrap();
}

/// The requests of a run of a new date, by their kind, too, after ten real days and `earlier` before them.
fn requests(earlier: u64) -> (u64, BTreeMap<String, u64>) {
    let mut chaos = Chaos::on_s3(1);
    // Nothing stalls here: a slow machine has all the time it needs.
    chaos.world.replace("fahrtenbuch.yaml", &format!("timeout: '{TIMEOUT}'"), "timeout: '60 s'");
    let run = |chaos: &mut Chaos, date: usize| {
        (0..2).for_each(|_| chaos.capture(date));
        let output = chaos.world.program(&["run", DATASET, "--date", &name_of(date)]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&mut chaos, 0);
    if earlier > 0 {
        let first = chaos.place.read();
        put_all(&chaos.place, many_days(&first, &name_of(0), earlier));
    }
    (1..10).for_each(|date| run(&mut chaos, date));
    let proxy = chaos.proxy.clone().unwrap();
    proxy.set(Weather::default());
    run(&mut chaos, 10);
    let published =
        chaos.place.read().keys().filter(|key| key.starts_with("data/") && key.contains("vehicle_locations")).count();
    assert_eq!(published as u64, 11 + earlier);
    (proxy.requests(), proxy.kinds())
}

/// The kinds of requests of which one bucket gets more than another one.
fn differ(one: &BTreeMap<String, u64>, other: &BTreeMap<String, u64>) -> Vec<String> {
    let kinds: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let kinds = kinds.into_iter().filter(|kind| one.get(*kind) != other.get(*kind));
    kinds.map(|kind| format!("{kind}: {:?}, then {:?}", one.get(kind), other.get(kind))).collect()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_run_makes_the_same_requests_at_200_and_at_2000_published_days_and_few_less_at_10() {
    let [(least, of_ten), (few, of_few)] = [0, 190].map(requests);
    println!("{least} requests at 10 days, {few} at 200: {:#?}", differ(&of_ten, &of_few));
    assert!(least <= few && few <= least + MORE, "{:#?}", differ(&of_ten, &of_few));
    // All of the days take minutes to make, which `./test --long` has.
    if std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some() {
        let (many, of_many) = requests(1_990);
        println!("{many} requests at 2000 days");
        assert_eq!(few, many, "{:#?}", differ(&of_few, &of_many));
    }
}
