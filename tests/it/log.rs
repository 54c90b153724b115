//! The log in the bucket: whatever was published is in it once, whoever was killed, and whoever wrote at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::published::add_a_row_to_stops;
use crate::purge::{DATES, DUE, PIPELINE, collected, copy_of, purge, told};
use crate::releases::{rollback, withdraw};
use crate::world::{World, copy, files, whole_files};

const TIMETABLE: &str = "stadtbus-fahrplan";
const TELEMETRY: &str = "stadtbus-telemetrie";
const STOPS: &str = "stadtbus-fahrplan/stops";

/// The lines of the log, after all that must hold of it and of its views was looked at.
pub(crate) fn log(world: &World) -> Vec<String> {
    let bucket = whole_files(&world.path("data/bucket"));
    let json = |name: &str| -> Value { serde_json::from_slice(&bucket[name]).unwrap() };
    let versions: Vec<&String> = bucket.keys().filter(|name| name.starts_with("ledger/log/")).collect();
    let (mut lines, mut previous, mut heads) = (Vec::<String>::new(), Value::Null, Value::Null);
    for (place, name) in versions.iter().enumerate() {
        assert_eq!(**name, format!("ledger/log/v{:010}.json", place + 1));
        let version = json(name);
        assert_eq!(version["format"], "fahrtenbuch-log/1");
        assert_eq!((&version["version"], &version["size"]), (&(place + 1).into(), &lines.len().into()), "{name}");
        assert_eq!(version["previous"], previous, "{name}");
        previous = Digest::of(&bucket[*name]).to_string().into();
        let entries = version["entries"].as_array().unwrap();
        assert!(!entries.is_empty(), "{name}");
        lines.extend(entries.iter().map(|entry| entry.as_str().unwrap().to_owned()));
        heads = version["heads"].clone();
    }
    // Every version of every table has one entry, no other has one, and its record is there.
    let is_version = |name: &&String| name.starts_with("meta/") && name.contains("/index/v");
    let mut expected = BTreeSet::new();
    let mut newest: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for name in bucket.keys().filter(is_version) {
        let (index, digest) = (json(name), Digest::of(&bucket[name]).to_string());
        let table = format!("{}/{}", index["dataset"].as_str().unwrap(), index["table"].as_str().unwrap());
        let release = &index["release"];
        let of_date = index["files"].as_array().unwrap().iter().find(|file| file["partition_date"] == release["date"]);
        let record = release["act"]["record"].as_str().or_else(|| of_date?["record"].as_str());
        let record = record.map_or("-", |key| key.trim_start_matches("ledger/records/").trim_end_matches(".json"));
        let version = index["version"].as_u64().unwrap();
        expected.insert(format!("release {table} {version} {digest} {record}"));
        newest.insert(table, (version, digest));
    }
    let released: Vec<&String> = lines.iter().filter(|line| line.starts_with("release ")).collect();
    assert_eq!(released.iter().map(|line| (*line).clone()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(released.len(), expected.len(), "an entry is there twice");
    for line in &lines {
        let record = line.rsplit(' ').next().unwrap();
        assert!(record == "-" || bucket.contains_key(&format!("ledger/records/{record}.json")), "{line}");
    }
    let of_heads: BTreeMap<String, (u64, String)> = heads
        .as_object()
        .unwrap()
        .iter()
        .map(|(table, head)| {
            (table.clone(), (head["version"].as_u64().unwrap(), head["sha256"].as_str().unwrap().to_owned()))
        })
        .collect();
    assert_eq!(of_heads, newest);

    // The views say the same.
    let index = json("ledger/index.json");
    assert_eq!(index["log"], serde_json::json!({"version": versions.len(), "size": lines.len()}));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_index: BTreeMap<String, (u64, String)> = index["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| {
            let table = format!("{}/{}", text(&of["dataset"]), text(&of["table"]));
            (table, (of["version"].as_u64().unwrap(), text(&of["index_sha256"])))
        })
        .collect();
    assert_eq!(of_index, newest);
    let mut of_pages: BTreeMap<u64, String> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for month in index["months"].as_array().unwrap() {
        let path = text(&month["path"]);
        let page = json(&path);
        let [releases, records] = ["releases", "records"].map(|kind| page[kind].as_array().unwrap().clone());
        assert_eq!((&month["releases"], &month["records"]), (&releases.len().into(), &records.len().into()));
        for of in releases {
            assert!(text(&of["at"]).starts_with(&text(&page["month"])), "{of}");
            let table = format!("{}/{}", text(&of["dataset"]), text(&of["table"]));
            let of_version = json(&format!("meta/{table}/index/v{:010}.json", of["version"].as_u64().unwrap()));
            assert_eq!((&of["date"], &of["at"]), (&of_version["release"]["date"], &of_version["release"]["at"]));
            let act = of_version["release"]["act"]["kind"].as_str().unwrap_or("release");
            assert_eq!(of["act"], act);
            let record = of["record_sha256"].as_str().unwrap_or("-");
            let line = format!("release {table} {} {} {record}", of["version"], text(&of["index_sha256"]));
            of_pages.insert(of["log_index"].as_u64().unwrap(), line);
        }
        for of in records {
            assert!(text(&of["at"]).starts_with(&text(&page["month"])), "{of}");
            assert_eq!(of["date"].is_string(), of["kind"] == "purge", "{of}");
            let line = format!("record {} {}", text(&of["kind"]), text(&of["record_sha256"]));
            of_pages.insert(of["log_index"].as_u64().unwrap(), line);
        }
        paths.insert(path);
    }
    assert_eq!(of_pages, (0..).zip(lines.iter().cloned()).collect());
    let there: BTreeSet<String> = bucket.keys().filter(|name| name.starts_with("ledger/index/")).cloned().collect();
    assert_eq!(there, paths);
    lines
}

/// The number of versions of the log.
fn versions(world: &World) -> usize {
    whole_files(&world.path("data/bucket/ledger/log")).len()
}

pub(crate) fn succeeds(world: &World, arguments: &[&str]) -> String {
    let output = world.program(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    told(&output)
}

#[test]
fn whatever_was_released_withdrawn_or_rolled_back_is_in_the_log_once() {
    let world = World::with_publication();
    world.run();
    let first = log(&world);
    assert!(first.iter().any(|line| line.starts_with("release publication/releases ")), "{first:?}");
    let of_log = || whole_files(&world.path("data/bucket/ledger"));
    // A run that releases nothing writes nothing to it.
    let before = of_log();
    world.run();
    let same = |name: &&String| !name.starts_with("records/") && !name.starts_with("objects/");
    assert!(of_log().keys().filter(same).all(|name| of_log()[name] == before[name]));
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let second = log(&world);
    assert_eq!(second[..first.len()], first, "entries stay what they are");
    succeeds(&world, &rollback(STOPS, "1", &[]));
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    succeeds(&world, &withdraw(STOPS, &date, &[]));
    let third = log(&world);
    assert!(third.len() >= second.len() + 2);
    // A dry run says nothing of it, and making all anew changes nothing, wherever the views are whole.
    let before = of_log();
    succeeds(&world, &["publish", "--rebuild", "--dry-run"]);
    succeeds(&world, &["publish", "--rebuild"]);
    log(&world);
    assert!(before.keys().all(|name| of_log()[name] == before[name]));
    // Views that are damaged or gone are made again from the log.
    let page = files(&world.path("data/bucket/ledger/index")).into_keys().next().unwrap();
    world.write(&format!("data/bucket/ledger/index/{page}"), "{}");
    std::fs::remove_file(world.path("data/bucket/ledger/index.json")).unwrap();
    let dry = succeeds(&world, &["publish", "--rebuild", "--dry-run", "--json"]);
    assert!(dry.contains("ledger/index.json") && dry.contains(&format!("ledger/index/{page}")), "{dry}");
    succeeds(&world, &["publish", "--rebuild"]);
    log(&world);
    assert!(before.keys().all(|name| of_log()[name] == before[name]));
}

/// Starts the program, and kills it when it says one of its stages.
pub(crate) fn kill_at(world: &World, arguments: &[&str], stage: &str) {
    let arguments = [&["-v", "--log-format", "json"], arguments].concat();
    let mut child = world.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(&format!("\"stage\":\"{stage}\""))), "never came to {stage}");
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn what_was_killed_between_commit_and_log_is_completed_by_the_next_run_of_any_pipeline() {
    let base = World::new();
    base.run_of(&[TIMETABLE]);
    for stage in ["commit", "views", "log", "log-views"] {
        let world = World::new();
        std::fs::remove_dir_all(world.path("data")).unwrap();
        copy(&base.path("data"), &world.path("data"));
        kill_at(&world, &["run", TELEMETRY], stage);
        // What was committed of it until then, and perhaps all: none of it may be left out.
        world.run_of(&[TIMETABLE]);
        log(&world);
        world.run_of(&[TELEMETRY]);
        assert!(log(&world).len() > log(&base).len(), "{stage}");
    }
}

/// Publishes the timetable, then three dates of telemetry by processes that run beside each other.
pub(crate) fn publish_at_once(world: &World) {
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    let dates = ["2026-11-20", "2026-11-22", "2026-11-24"];
    for date in &dates[..2] {
        succeeds(world, &["simulate", "--date", date, "--interval", "600", "--evidence", &evidence]);
    }
    world.run_of(&[TIMETABLE]);
    let children: Vec<_> = dates
        .iter()
        .map(|date| {
            let mut command = world.command();
            command.args(["run", TELEMETRY, "--date", date]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn two_runs_at_once_write_one_log() {
    let world = World::at("2026-12-01T12:00:00Z");
    publish_at_once(&world);
    log(&world);
}

/// Takes the log away, as if the bucket and the store were older than it.
fn without_log(world: &World) {
    let ledger = world.path("data/bucket/ledger");
    for folder in ["log", "index"] {
        std::fs::remove_dir_all(ledger.join(folder)).unwrap();
    }
    std::fs::remove_file(ledger.join("index.json")).unwrap();
    let _ = std::fs::remove_file(world.path("data/private/publication/log.json"));
}

#[test]
fn a_bucket_that_is_older_than_the_log_gets_all_its_versions_in_the_order_of_their_release() {
    let world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    succeeds(&world, &withdraw(STOPS, &date, &[]));
    let before: BTreeSet<String> = log(&world).into_iter().collect();
    without_log(&world);
    world.run_of(&[TELEMETRY]);
    let by_run = log(&world);
    assert_eq!(versions(&world), 1);
    without_log(&world);
    succeeds(&world, &["publish", "--rebuild"]);
    assert_eq!(log(&world), by_run);
    assert_eq!(before, by_run.into_iter().collect());
}

#[test]
fn a_log_whose_newest_version_was_taken_away_goes_on_and_that_is_told() {
    let world = World::new();
    world.run();
    let count = versions(&world);
    std::fs::remove_file(world.path(&format!("data/bucket/ledger/log/v{count:010}.json"))).unwrap();
    let said = succeeds(&world, &["run", TIMETABLE]);
    assert!(said.contains(&format!("version {count} of the log")) && said.contains("is gone"), "{said}");
    world.run();
    log(&world);
}

#[test]
fn an_old_version_that_is_damaged_stops_no_run_and_is_logged_when_it_is_back() {
    let world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    without_log(&world);
    let version = "data/bucket/meta/stadtbus-fahrplan/stops/index/v0000000001.json";
    let bytes = std::fs::read_to_string(world.path(version)).unwrap();
    world.write(version, "{}");
    let said = succeeds(&world, &["run", TELEMETRY]);
    assert!(said.contains("stadtbus-fahrplan/stops is not whole in the log yet"), "{said}");
    world.write(version, &bytes);
    let said = succeeds(&world, &["publish", "--rebuild"]);
    assert!(!said.contains("not whole in the log"), "{said}");
    log(&world);
}

#[test]
fn records_of_what_was_destroyed_are_in_the_log_once_also_where_the_purge_was_killed() {
    let base = collected(&DATES[..3], "3600");
    succeeds(&base, &["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    for stage in ["record", "register", "log"] {
        let world = copy_of(&base, DUE);
        kill_at(&world, &["evidence", "purge"], stage);
        purge(&world, &[]);
        let lines = log(&world);
        let records: Vec<&String> = lines.iter().filter(|line| line.starts_with("record purge ")).collect();
        let once: BTreeSet<&&String> = records.iter().collect();
        assert!(!records.is_empty() && once.len() == records.len(), "{stage}: {lines:?}");
        // Nor does a store that has forgotten what it knows of the log write them again.
        let _ = std::fs::remove_file(world.path("data/private/publication/log.json"));
        purge(&world, &[]);
        assert_eq!(log(&world), lines, "{stage}");
    }
}
