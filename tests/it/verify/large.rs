//! What verifying a bucket of a thousand releases costs: 100 dates of ten tables, made of the record and the results of a real run.

use std::collections::BTreeMap;
use std::path::Path;

use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use super::{TIMETABLE, kept, ordered, pretty};
use crate::measure::{self, MOST_TIME, OVERHEAD};
use crate::world::{World, copy};

const DAYS: usize = 100;
const TABLES: usize = 10;

/// A table while it is made.
struct Table {
    name: String,
    files: Vec<Value>,
    first: BTreeMap<String, Value>,
    previous: Value,
}

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Releases a date of all tables; the entries of the log, and what the page of the month says of them.
fn release(root: &Path, tables: &mut [Table], record: &Value, day: usize, size: usize) -> Vec<(String, Value)> {
    let date = (jiff::civil::date(2025, 1, 1) + jiff::Span::new().days(day as i64)).to_string();
    let mut record = record.clone();
    record["date"] = date.clone().into();
    for of in record["tables"].as_array_mut().unwrap() {
        of["files"] = json!([]);
        let Some(table) = tables.iter_mut().find(|table| of["table"] == *table.name) else { continue };
        let content = format!("{} {date} ", table.name).repeat(100).into_bytes();
        let sha256 = Digest::of(&content);
        let path = format!("data/{TIMETABLE}/{}/partition_date={date}/part-{}.parquet", table.name, sha256.short());
        put(root, &path, &content);
        let (bytes, sha256) = (content.len(), sha256.to_string());
        of["files"] = json!([{"path": path, "rows": 1, "bytes": bytes, "sha256": sha256}]);
        table.first.insert(date.clone(), json!({"path": path, "bytes": bytes, "sha256": sha256}));
        table.files.push(
            json!({"path": path, "partition_date": date, "rows": 1, "bytes": bytes, "sha256": sha256, "record": "",
            "provisional": false}),
        );
    }
    let text = pretty(&record);
    let of_record = Digest::of(&text).to_string();
    let key = format!("ledger/records/{of_record}.json");
    put(root, &key, &text);
    let at = format!("{date}T12:00:00Z");
    let mut entries = Vec::new();
    for (place, table) in tables.iter_mut().enumerate() {
        table.files.last_mut().unwrap()["record"] = key.clone().into();
        let (name, version) = (&table.name, day + 1);
        // In another order than the program writes, so that the list is compared by what it says.
        let view = json!({"version": version, "table": name, "dataset": TIMETABLE, "contract": {"id": name, "version": "1"},
            "files": table.files});
        let mut index = view.clone();
        index["first"] = json!(table.first);
        index["release"] = json!({"date": date, "at": at});
        index["previous"] = table.previous.clone();
        let text = pretty(&index);
        let digest = Digest::of(&text).to_string();
        table.previous = digest.clone().into();
        put(root, &format!("meta/{TIMETABLE}/{name}/index/v{version:010}.json"), &text);
        let row = json!({"log_index": size + place, "dataset": TIMETABLE, "table": name, "version": version, "date": date, "at": at,
            "act": "release", "index_sha256": digest, "record_sha256": of_record});
        entries.push((format!("release {TIMETABLE}/{name} {version} {digest} {of_record}"), row));
        if version == DAYS {
            put(root, &format!("meta/{TIMETABLE}/{name}/files.json"), &pretty(&view));
            let line =
                |file: &Value| format!("{},{}\n", file["path"].as_str().unwrap(), file["sha256"].as_str().unwrap());
            let lines: String = table.files.iter().map(line).collect();
            put(root, &format!("meta/{TIMETABLE}/{name}/index.csv"), format!("path,sha256\n{lines}").as_bytes());
        }
    }
    entries
}

/// Makes the bucket.
fn make(world: &World, root: &Path) {
    let bucket = world.path("data/bucket");
    copy(&bucket.join("ledger/objects"), &root.join("ledger/objects"));
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(bucket.join(name)).unwrap()).unwrap() };
    let file = world.files_json("stadtbus-fahrplan/stops")["files"][0].clone();
    let text = |field: &str| file[field].as_str().unwrap().to_owned();
    let record = read(&text("record"));
    let quality = read(&format!("reports/{TIMETABLE}/date={}/quality.json", text("partition_date")));
    let names = record["tables"].as_array().unwrap().iter().map(|of| of["table"].as_str().unwrap().to_owned());
    let table = |name| Table { name, files: Vec::new(), first: BTreeMap::new(), previous: Value::Null };
    let mut tables: Vec<Table> = names.take(TABLES).map(table).collect();
    assert_eq!(tables.len(), TABLES);
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let (mut previous, mut size) = (Value::Null, 0);
    let mut months: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut heads = Value::Null;
    for day in 0..DAYS {
        let entries = release(root, &mut tables, &record, day, size);
        let date = tables[0].files.last().unwrap()["partition_date"].as_str().unwrap().to_owned();
        let mut report = quality.clone();
        report["date"] = date.clone().into();
        put(root, &format!("reports/{TIMETABLE}/date={date}/quality.json"), &pretty(&report));
        let of_table = |table: &Table| {
            let head = json!({"version": day + 1, "sha256": table.previous});
            (format!("{TIMETABLE}/{}", table.name), head)
        };
        heads = tables.iter().map(of_table).collect::<serde_json::Map<String, Value>>().into();
        let lines: Vec<&String> = entries.iter().map(|(line, _)| line).collect();
        let version = json!({"format": "fahrtenbuch-log/1", "version": day + 1, "previous": previous, "size": size,
            "entries": lines, "heads": heads});
        let text = ordered(&version);
        previous = Digest::of(&text).to_string().into();
        put(root, &format!("ledger/log/v{:010}.json", day + 1), &text);
        size += entries.len();
        months.entry(date[..7].to_owned()).or_default().extend(entries.into_iter().map(|(_, row)| row));
    }
    let of_month = |(month, rows): (&String, &Vec<Value>)| {
        let path = format!("ledger/index/{month}.json");
        let page = json!({"format": "fahrtenbuch-log-month/1", "month": month, "releases": rows, "records": []});
        put(root, &path, &pretty(&page));
        json!({"month": month, "path": path, "releases": rows.len(), "records": 0})
    };
    let months: Vec<Value> = months.iter().map(of_month).collect();
    let of_head = |table: &Table| json!({"dataset": TIMETABLE, "table": table.name, "version": DAYS, "index_sha256": table.previous});
    let index = json!({"format": "fahrtenbuch-log-index/1", "log": {"version": DAYS, "size": size},
        "tables": tables.iter().map(of_head).collect::<Value>(), "months": months});
    assert_eq!(heads.as_object().unwrap().len(), TABLES);
    put(root, "ledger/index.json", &pretty(&index));
}

#[test]
fn a_thousand_releases_take_a_second_and_little_memory() {
    let world = World::new();
    world.run();
    let root = world.path("large");
    make(&world, &root);
    let verify = |more: &[&str]| {
        let mut command = world.command();
        command.arg("verify").arg(&root).arg("--json").args(more);
        measure::cost(&mut command)
    };
    let cost = verify(&[]);
    assert_eq!(cost.code, Some(0), "{}", cost.said());
    let found: Value = serde_json::from_slice(&cost.stdout).unwrap();
    let looked_at = &found["looked_at"];
    let releases = DAYS * TABLES;
    assert_eq!((&looked_at["index_versions"], &looked_at["entries"]), (&releases.into(), &releases.into()));
    assert_eq!((&looked_at["files"], &looked_at["reports"]), (&releases.into(), &DAYS.into()));
    println!("{releases} releases: {:?} of processor time with the reading, {} MiB", cost.time, cost.peak);
    // Without optimisation its own code takes more, and its work ten times as long.
    assert!(cost.peak <= OVERHEAD / 2, "{} MiB", cost.peak);
    assert!(cost.time < MOST_TIME / 4, "{:?}", cost.time);
    let since = kept(&world, &found);
    assert_eq!(verify(&["--since", &since]).code, Some(0));
}
