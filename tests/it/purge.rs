//! Retention: what is over it is destroyed together, leaves a record, and is never read in part.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::quarantine::hold;
use crate::world::{World, copy, files, whole_files};

pub(crate) const PIPELINE: &str = "stadtbus-telemetrie";
pub(crate) const CONTRACT: &str = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
pub(crate) const EVIDENCE: &str = "data/private/evidence";
pub(crate) const POSITIONS: &str = "stadtbus-vehicle-positions";
pub(crate) const DATES: [&str; 4] = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"];
/// On which the 17th and the 18th of November 2026 are over thirteen months, and the 19th is not.
pub(crate) const DUE: &str = "2027-12-19T12:00:00Z";
const STAGES: [&str; 7] = ["intent", "key", "quarantine", "evidence", "journal", "record", "register"];

/// A workspace whose own store has what was captured of dates.
pub(crate) fn collected(dates: &[&str], interval: &str) -> World {
    let mut world = World::new();
    let pipeline = format!("pipelines/{PIPELINE}.yaml");
    let text = std::fs::read_to_string(world.path(&pipeline)).unwrap();
    world.write(
        &pipeline,
        &text.replace(
            "    type: evidence\n    path: data/sample/evidence\n",
            "    type: http\n    url: http://127.0.0.1:9/feed\n",
        ),
    );
    let evidence = world.path(EVIDENCE).to_string_lossy().into_owned();
    for (seed, date) in dates.iter().enumerate() {
        let seed = (seed + 3).to_string();
        let simulate =
            ["simulate", "--date", date, "--seed", &seed, "--interval", interval, "--faults", "--evidence", &evidence];
        assert!(world.program(&simulate).status.success());
    }
    // The timetable is captured before the dates, so that it is in force on them.
    world.set_clock("2026-10-01T10:00:00Z");
    let captured = world.program(&["capture", "stadtbus-fahrplan"]);
    assert!(captured.status.success(), "{}", told(&captured));
    world.set_clock("2026-11-27T12:00:00Z");
    world
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn run(world: &World, from: &str, to: &str) {
    let output = world.program(&["run", PIPELINE, "--from", from, "--to", to]);
    assert!(output.status.success(), "{}", told(&output));
}

pub(crate) fn purge(world: &World, arguments: &[&str]) -> String {
    let output = world.program(&[&["evidence", "purge"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    told(&output)
}

/// Everything but locks, and what the clock says.
fn private(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(&world.path("data/private"));
    // What a kill leaves of a file that was being written has records in it, which are public.
    all.retain(|name, _| {
        let is_kept_for_a_purge = ["purged.jsonl", "purge.reserve"].contains(&name.as_str());
        !name.starts_with("locks/") && !name.starts_with(".tmp") && !name.ends_with(".lock") && !is_kept_for_a_purge
    });
    all
}

pub(crate) fn purged(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.path("data/private/purged.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of purges, each named by its digest, by pipeline and date.
pub(crate) fn records(world: &World) -> BTreeMap<(String, String), Value> {
    let mut records = BTreeMap::new();
    for (name, bytes) in files(&world.path("data/bucket/ledger/records")) {
        assert_eq!(name, format!("{}.json", Digest::of(&bytes)));
        let record: Value = serde_json::from_slice(&bytes).unwrap();
        if record["format"] == "fahrtenbuch-purge/1" {
            let of =
                (record["pipeline"].as_str().unwrap_or("").to_owned(), record["date"].as_str().unwrap().to_owned());
            assert!(records.insert(of, record).is_none(), "{name} is the second of its date");
        }
    }
    records
}

/// The hours of a source as their archives are called.
pub(crate) fn hours(world: &World, source: &str) -> BTreeSet<String> {
    let names = files(&world.path(EVIDENCE).join(source)).into_keys();
    let archives = names.filter_map(|name| Some(name.rsplit('/').next()?.split_once(".warc.gz")?.0.to_owned()));
    archives.map(|name| name[name.len() - 11..].to_owned()).collect()
}

/// The record of the last run of a date, and the published files of its tables.
fn release(world: &World, date: &str) -> (Value, BTreeMap<String, Vec<u8>>) {
    let output = world.program(&["run", PIPELINE, "--date", date, "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut files = whole_files(&world.path("data/bucket"));
    files.retain(|name, _| name.ends_with(".parquet") && name.contains(&format!("partition_date={date}")));
    (results[0]["record"].clone(), files)
}

/// Runs a date anew, as if nothing had ever been published, and compares.
fn runs_as_before(world: &World, date: &str, before: &(Value, BTreeMap<String, Vec<u8>>)) {
    for folder in ["data/bucket", "data/private/journal", "data/private/quarantine"] {
        let _ = std::fs::remove_dir_all(world.path(folder));
    }
    let after = release(world, date);
    assert!(!before.1.is_empty() && after.1 == before.1, "{date}: {:?} {:?}", after.1.keys(), before.1.keys());
    for field in ["evidence", "pseudonym_key", "captures"] {
        assert_eq!(after.0[field], before.0[field], "{date} {field}");
    }
}

pub(crate) fn copy_of(world: &World, now: &str) -> World {
    let mut other = World::at(now);
    for name in ["data", "pipelines", "schemas"] {
        std::fs::remove_dir_all(other.path(name)).unwrap();
        copy(&world.path(name), &other.path(name));
    }
    other.set_clock(now);
    other
}

#[test]
fn what_is_thirteen_months_old_is_destroyed_together_and_the_next_date_runs_as_before() {
    let mut world = collected(&DATES, "1800");
    hold(&world, CONTRACT, "test_stop", "current_stop_sequence = 2");
    run(&world, DATES[0], DATES[3]);
    let kept = release(&world, DATES[2]);
    let run_of = release(&world, DATES[1]).0;
    let archive = format!("{EVIDENCE}/{POSITIONS}/2026/11/17/{POSITIONS}-20261117T09");
    // What seals, crashes and brokers leave.
    for ending in ["warc.gz.torn", "warc.gz.torn.2", "warc.zst.part"] {
        world.write(&format!("{archive}.{ending}"), "x");
    }
    let register = format!("{EVIDENCE}/{POSITIONS}/sealed.jsonl");
    let line = |day: &str| format!("{{\"file\":\"2026/11/{day}/{POSITIONS}-202611{day}T09.warc.zst\"}}\n");
    world.write(&register, &(line("17") + &line("19")));
    let spool = |name: &str, at: &str| {
        let path = format!("data/private/collector/{name}.spool");
        world.write(&path, "x");
        let at = at.parse::<jiff::Timestamp>().unwrap().as_second();
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at as u64);
        std::fs::File::open(world.path(&path)).unwrap().set_modified(at).unwrap();
    };
    spool(POSITIONS, "2026-11-17T00:00:00Z");
    spool("stadtbus-alerts", "2026-11-19T00:00:00Z");
    // On the last day of the 17th nothing is due, by the clock of the workspace's zone.
    world.set_clock("2027-12-17T22:59:00Z");
    let before = (private(&world), files(&world.path("data/bucket")));
    assert!(purge(&world, &[]).contains("nothing is due: what is of 2026-11-17 or later is kept"));
    world.set_clock(DUE);
    let would = purge(&world, &["--dry-run"]);
    assert!(would.contains("would be destroyed, of dates before 2026-11-19"), "{would}");
    assert!((private(&world), files(&world.path("data/bucket"))) == before);
    let done = purge(&world, &[]);
    assert!(done.contains("stadtbus-telemetrie: 2026-11-17 to 2026-11-18 ("), "{done}");
    assert!(done.contains("the timetable of 2026-10-01") && done.contains("the spool of stadtbus-vehicle"), "{done}");

    // The 19th reads from midnight of the 18th on, which is 23:00 UTC of the 17th.
    let left = private(&world);
    for name in before.0.keys() {
        let hour = name.split(".warc").next().filter(|_| name.contains(".warc") && !name.contains("stadtbus-gtfs"));
        let is_gone = match hour {
            Some(hour) => &hour[hour.len() - 11..] < "20261117T23",
            None => ["2026-11-17", "2026-11-18", "vehicle-positions.spool"].iter().any(|of| name.contains(of)),
        };
        assert_eq!(left.contains_key(name), !is_gone, "{name}");
    }
    assert_eq!(std::fs::read_to_string(world.path(&register)).unwrap(), line("19"));
    assert!(before.0.keys().any(|name| name.starts_with("quarantine/") && name.contains("2026-11-18")));
    for (name, bytes) in before.1 {
        assert!(
            name.starts_with("ledger/index") || std::fs::read(world.path("data/bucket").join(&name)).unwrap() == bytes,
            "{name}"
        );
    }

    // What there was is told by number and digest, and nothing else of it.
    let records = records(&world);
    let record = &records[&(PIPELINE.to_owned(), DATES[1].to_owned())];
    assert_eq!(record["rule"], "retention.evidence: 13 months");
    for entry in record["evidence"].as_array().unwrap() {
        let known =
            run_of["evidence"].as_array().unwrap().iter().find(|known| known["source"] == entry["source"]).unwrap();
        let [gone, waiting] = ["captures", "waiting"].map(|field| entry[field].as_u64().unwrap());
        assert!(gone > 0 && waiting > 0, "{entry}");
        assert_eq!((gone + waiting, &entry["sha256"]), (known["captures"].as_u64().unwrap(), &known["sha256"]));
    }
    assert_eq!(record["evidence"].as_array().unwrap().len(), 3);
    assert_eq!(record["pseudonym_key"], run_of["pseudonym_key"]);
    let rows: u64 =
        run_of["tables"].as_array().unwrap().iter().map(|table| table["quarantined"].as_u64().unwrap()).sum();
    let quarantined: u64 = record["quarantine"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
    assert!(rows > 0 && quarantined == rows && record["quarantined"] == rows, "{record:#}");
    let of_run: Value = serde_json::from_slice(
        &std::fs::read(world.path("data/bucket").join(record["run"].as_str().unwrap())).unwrap(),
    )
    .unwrap();
    assert_eq!(of_run["date"], DATES[1]);
    let key = String::from_utf8(before.0["keys/2026-11-18.key"].clone()).unwrap();
    let folder = world.path("").to_string_lossy().into_owned();
    for record in records.values() {
        let text = record.to_string();
        for secret in [key.trim(), folder.trim_end_matches('/'), "private", "bus-1", "warc"] {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
    }
    // What no pipeline names any more, here the app, has records of its own.
    assert!(records.contains_key(&(String::new(), DATES[0].to_owned())), "{:?}", records.keys());
    let lines = purged(&world);
    assert_eq!(lines.len(), records.len());

    refused(&world, DATES[1]);
    let again = purge(&world, &[]);
    assert!(again.contains("nothing is due"), "{again}");
    runs_as_before(&world, DATES[2], &kept);
}

/// What everybody is told who asks for a date that was destroyed.
fn refused(world: &World, date: &str) {
    let output = world.program(&["run", PIPELINE, "--date", date]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(42), "{text}");
    assert!(text.contains("were destroyed on") && text.contains("ledger/records/"), "{text}");
    let output = world.program(&["evidence", "show", POSITIONS, &format!("{date}T03:00:00Z")]);
    if output.status.code() != Some(0) {
        assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    }
    let output = world.program(&["evidence", "list", PIPELINE, "--date", date, "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["purged"]["record"].is_string()), "{rows:?}");
    // Among several dates it is passed over like one without evidence.
    let output = world.program(&["run", PIPELINE, "--from", date, "--to", DATES[2], "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results[0]["status"], "skipped");
    let output =
        world.program(&["evidence", "accept", PIPELINE, "--date", date, "--by", "Datenmanagement", "--reason", "x"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
}

/// Purges, and kills it when it comes to a stage.
fn kill_at(world: &World, stage: &str) {
    let mut child = world
        .command()
        .args(["evidence", "purge", "-v", "--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(&format!("\"stage\":\"{stage}\""))), "never came to {stage}");
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_purge_that_was_killed_at_any_stage_is_finished_by_the_next_one_and_nothing_is_half_readable() {
    let world = collected(&DATES[..3], "3600");
    run(&world, DATES[0], DATES[2]);
    let reference = copy_of(&world, DUE);
    purge(&reference, &[]);
    let of = |world: &World| -> BTreeMap<(String, String), Value> {
        let mut records = records(world);
        records.values_mut().for_each(|record| record["purged_at"] = Value::Null);
        records
    };
    for stage in STAGES {
        let killed = copy_of(&world, DUE);
        kill_at(&killed, stage);
        if stage != "intent" {
            refused(&killed, DATES[1]);
        }
        purge(&killed, &[]);
        let (found, expected) = (private(&killed), private(&reference));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "killed at {stage}");
        assert_eq!(of(&killed), of(&reference), "killed at {stage}");
        let dates = |world: &World| -> Vec<(String, String)> {
            purged(world).iter().map(|line| (line["pipeline"].to_string(), line["date"].to_string())).collect()
        };
        assert_eq!(dates(&killed), dates(&reference), "killed at {stage}");
        for line in purged(&killed) {
            assert!(killed.path("data/bucket").join(line["record"].as_str().unwrap()).exists(), "{line}");
        }
    }
}

#[test]
fn what_is_due_and_what_was_destroyed_is_json_for_machines() {
    let mut world = collected(&DATES[..3], "3600");
    world.set_clock(DUE);
    let json = |arguments: &[&str]| -> Value {
        let output = world.program(&[&["evidence", "purge", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let plan = json(&["--dry-run"]);
    assert_eq!(plan["dry_run"], true);
    // What has a key and nothing else is of no pipeline.
    let dates = |told: &Value| -> Vec<String> {
        let of = told["dates"].as_array().unwrap().iter().filter(|record| record["pipeline"] == PIPELINE);
        of.map(|record| record["date"].as_str().unwrap().to_owned()).collect()
    };
    let first_kept = plan["first_kept"].as_str().unwrap();
    assert!(!dates(&plan).is_empty() && dates(&plan).iter().all(|date| date.as_str() < first_kept), "{plan}");
    assert_eq!(plan["dates"][0]["format"], "fahrtenbuch-purge/1");
    let bytes = |told: &Value| -> u64 {
        told["evidence"].as_array().unwrap().iter().map(|of| of["bytes"].as_u64().unwrap()).sum()
    };
    let done = json(&[]);
    assert_eq!((&done["dry_run"], dates(&done), bytes(&done)), (&Value::from(false), dates(&plan), bytes(&plan)));
    assert!(
        bytes(&done) > 0 && done["captures"].as_array().unwrap().iter().any(|of| of["destroyed"].as_u64() > Some(0))
    );
    let again = json(&[]);
    assert_eq!(
        (&again["dates"], &again["evidence"], &again["finished"]),
        (&Value::from(vec![0; 0]), &Value::from(vec![0; 0]), &Value::from(vec![0; 0]))
    );
}

#[test]
fn two_pipelines_that_share_sources_lose_a_date_together_and_an_earlier_one_needs_a_reason() {
    let mut world = collected(&DATES[..3], "3600");
    let second = "pipelines/zweite.yaml";
    copy(&world.path(&format!("pipelines/{PIPELINE}.yaml")), &world.path(second));
    run(&world, DATES[0], DATES[2]);
    let kept = release(&world, DATES[2]);
    let output = world.program(&["run", "zweite", "--from", DATES[0], "--to", DATES[1]]);
    assert!(output.status.success(), "{}", told(&output));
    world.set_clock("2026-11-20T10:59:00Z");
    let by: &[&str] = &["--by", "Datenmanagement", "--reason", "The operator asked for it"];
    let before = |date: &str, more: &[&str]| {
        let output = world.program(&[&["evidence", "purge", "--before", date], more].concat());
        (output.status.code(), told(&output))
    };
    for more in [
        &[][..],
        &by[..2],
        &by[2..],
        &["--by", "Niemand", "--reason", "x"],
        &["--by", "Datenmanagement", "--reason", " "],
    ] {
        assert_eq!(before(DATES[1], more).0, Some(2), "{more:?}");
    }
    // The 19th is read until noon of the 20th, which is 11:00 UTC.
    let (code, text) = before("2026-11-20", by);
    assert!(code == Some(2) && text.contains("--before 2026-11-19"), "{text}");
    let (code, text) = before("2026-11-19", by);
    assert_eq!(code, Some(0), "{text}");
    let records = records(&world);
    for pipeline in [PIPELINE, "zweite"] {
        let record = &records[&(pipeline.to_owned(), DATES[1].to_owned())];
        assert_eq!(record["decided"]["reason"], by[3]);
        assert!(record["rule"].is_null() && record["decided"]["by"] == by[1], "{record}");
        let output = world.program(&["run", pipeline, "--date", DATES[1]]);
        assert!(told(&output).contains("as Datenmanagement decided"), "{}", told(&output));
    }
    assert!(hours(&world, POSITIONS).iter().all(|hour| hour.as_str() >= "20261117T23"));
    runs_as_before(&world, DATES[2], &kept);
}

#[test]
fn the_timetable_in_force_stays_and_those_before_it_go() {
    let mut world = collected(&DATES[..3], "3600");
    let other = |world: &mut World, now: &str, comment: &str| {
        world.set_clock(now);
        let path = world.path("data/sample/stadtbus-gtfs.zip");
        let mut bytes = std::fs::read(&path).unwrap();
        // The comment at the end of the archive is another one.
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
        bytes.extend(comment.as_bytes());
        std::fs::write(path, bytes).unwrap();
        let output = world.program(&["capture", "stadtbus-fahrplan"]);
        assert!(output.status.success(), "{}", told(&output));
    };
    other(&mut world, "2026-11-16T10:00:00Z", "a");
    world.set_clock("2026-11-27T12:00:00Z");
    run(&world, DATES[0], DATES[2]);
    let fahrplan = world.program(&["run", "stadtbus-fahrplan", "--date", "2026-10-01"]);
    assert!(fahrplan.status.success(), "{}", told(&fahrplan));
    let kept = release(&world, DATES[2]);
    assert_eq!(hours(&world, "stadtbus-gtfs").into_iter().collect::<Vec<_>>(), ["20261001T10", "20261116T10"]);
    world.set_clock(DUE);
    let done = purge(&world, &[]);
    assert_eq!(hours(&world, "stadtbus-gtfs").into_iter().collect::<Vec<_>>(), ["20261116T10"], "{done}");
    let record = &records(&world)[&("stadtbus-fahrplan".to_owned(), "2026-10-01".to_owned())];
    assert!(record["evidence"][0]["captures"] == 1 && record["pseudonym_key"].is_null(), "{record}");
    let output = world.program(&["run", "stadtbus-fahrplan", "--date", "2026-10-01"]);
    assert!(output.status.code() == Some(42) && told(&output).contains("were destroyed"), "{}", told(&output));
    let output = world.program(&["run", "stadtbus-fahrplan", "--date", "2026-11-16"]);
    assert!(output.status.success(), "{}", told(&output));
    runs_as_before(&world, DATES[2], &kept);
}

#[test]
fn hours_go_by_the_clock_of_the_zone_also_where_it_is_set_back_and_where_it_is_half_an_hour_off() {
    let dates = ["2026-10-24", "2026-10-25", "2026-10-26"];
    let world = collected(&dates, "1800");
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    // Midnight of the 26th, of the 25th, before the clock is set back, and a zone whose midnights are at half past.
    for (zone, days, first) in [
        ("Europe/Berlin", 3, "20261025T23"),
        ("Europe/Berlin", 4, "20261024T22"),
        ("Asia/Kolkata", 4, "20261024T18"),
        ("America/St_Johns", 4, "20261025T02"),
    ] {
        let other = copy_of(&world, "2026-10-30T12:00:00Z");
        let retention = format!("\nretention:\n  evidence: {days} days\n");
        other.write("fahrtenbuch.yaml", &(text.replace("Europe/Berlin", zone) + &retention));
        let before = hours(&other, POSITIONS);
        purge(&other, &[]);
        let expected: BTreeSet<String> = before.iter().filter(|hour| hour.as_str() >= first).cloned().collect();
        assert!(expected.len() < before.len() && !expected.is_empty(), "{zone} {days}: {before:?}");
        assert_eq!(hours(&other, POSITIONS), expected, "{zone} {days}");
    }
    // The 26th, a day after the clock was set back, is what it was.
    let mut other = copy_of(&world, "2026-10-30T12:00:00Z");
    let kept = release(&other, dates[2]);
    other.write("fahrtenbuch.yaml", &(text + "\nretention:\n  evidence: 4 days\n"));
    other.set_clock("2026-10-30T12:00:00Z");
    purge(&other, &[]);
    runs_as_before(&other, dates[2], &kept);
}

#[test]
fn a_provisional_date_and_one_that_was_killed_leave_nothing_that_later_runs_stumble_over() {
    let mut world = collected(&DATES[..3], "3600");
    world.set_clock("2026-11-18T12:00:00Z");
    let output = world.program(&["run", PIPELINE, "--date", DATES[1]]);
    assert!(output.status.success() && told(&output).contains("provisional"), "{}", told(&output));
    // Put and not committed: nobody can finish it after the purge.
    let mut child = world
        .command()
        .args(["run", PIPELINE, "--date", DATES[0], "-v", "--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"stage\":\"record\"")));
    let _ = child.kill();
    child.wait().unwrap();
    world.set_clock(DUE);
    purge(&world, &[]);
    refused(&world, DATES[0]);
    assert!(!world.path("data/private/staging").join(PIPELINE).join(DATES[0]).exists());
    let output = world.program(&["run", PIPELINE, "--date", DATES[2]]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn decisions_about_rows_go_with_them_and_an_import_of_a_date_that_was_destroyed_is_refused() {
    let mut world = collected(&DATES[..3], "1800");
    hold(&world, CONTRACT, "test_stop", "current_stop_sequence IN (2, 3)");
    run(&world, DATES[0], DATES[2]);
    let held = world.path("data/private/quarantine").join(PIPELINE);
    let table = |date: &str| -> Option<String> {
        let names = files(&held.join(format!("date={date}"))).into_keys();
        names.map(|name| name.split('.').next().unwrap().to_owned()).next()
    };
    let (first, last) = (table(DATES[0]).unwrap(), table(DATES[2]).unwrap());
    for (table, date) in [(first, DATES[0]), (last, DATES[2])] {
        let of = format!("{PIPELINE}/{table}");
        let decide =
            ["quarantine", "discard", &of, "--date", date, "--all", "--by", "Datenmanagement", "--reason", "x"];
        let output = world.program(&decide);
        assert!(output.status.success(), "{}", told(&output));
    }
    let folder = world.path("brought").join(POSITIONS);
    std::fs::create_dir_all(&folder).unwrap();
    let bring = |day: &str, hour: &str| {
        let listed = world.program(&["evidence", "list", POSITIONS, "--date", &format!("2026-11-{day}"), "--json"]);
        let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        let at = rows[0]["first"].as_str().unwrap();
        let file = folder.join(format!("202611{day}T{hour}0007Z.pb"));
        let output = world.program(&["evidence", "show", POSITIONS, at, "--output", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", told(&output));
        file
    };
    let (old, new) = (bring("17", "09"), bring("18", "09"));
    world.set_clock(DUE);
    purge(&world, &[]);
    let decisions: String = files(&held)
        .into_iter()
        .filter(|(name, _)| name.ends_with(".decisions.jsonl"))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect();
    assert!(decisions.contains(DATES[2]) && !decisions.contains(DATES[0]), "{decisions}");
    let import = |path: &Path| {
        let folder = path.parent().unwrap().parent().unwrap().to_string_lossy().into_owned();
        let output =
            world.program(&["evidence", "import", PIPELINE, &folder, "--by", "Datenmanagement", "--trust-times"]);
        (output.status.code(), told(&output))
    };
    let (code, text) = import(&old);
    assert!(code == Some(2) && text.contains("evidence and key of 2026-11-17 were destroyed"), "{text}");
    assert!(hours(&world, POSITIONS).iter().all(|hour| hour.as_str() >= "20261117T23"));
    // What the 19th reads may come, since that date is kept.
    std::fs::remove_file(&old).unwrap();
    let (code, text) = import(&new);
    assert!(code == Some(0) && text.contains("counts for 2026-11-19 only"), "{text}");
}

#[test]
fn a_mistake_in_the_retention_is_told_with_its_line_and_destroys_nothing() {
    let world = collected(&DATES[..1], "3600");
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    let lines = text.lines().count() + 2;
    world.write("fahrtenbuch.yaml", &(text + "retention:\n  evidence: 13 moons\n"));
    for command in [&["check"][..], &["evidence", "purge"]] {
        let output = world.program(command);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            told(&output).contains(&format!("fahrtenbuch.yaml:{lines}: 'evidence: 13 moons'")),
            "{}",
            told(&output)
        );
    }
    assert!(!hours(&world, POSITIONS).is_empty());
}

#[test]
fn folders_that_others_keep_are_not_touched_and_that_is_told() {
    let mut world = World::new();
    world.run();
    let before = files(&world.path("data/sample"));
    world.set_clock("2028-01-10T12:00:00Z");
    let by = ["--before", "2026-11-25", "--by", "Datenmanagement", "--reason", "The clock is right"];
    let done = purge(&world, &by);
    assert!(done.contains("evidence that others keep is not touched") && done.contains(POSITIONS), "{done}");
    assert!(files(&world.path("data/sample")) == before);
    let record = &records(&world)[&(PIPELINE.to_owned(), "2026-11-24".to_owned())];
    assert!(
        record["evidence"].as_array().unwrap().is_empty() && record["kept_by_others"].as_array().unwrap().len() == 3
    );
    assert!(!world.path("data/private/keys/2026-11-24.key").exists());
    let output = world.program(&["run", PIPELINE, "--date", "2026-11-24"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    // Whoever asks hears what the record says: not that the evidence is gone.
    let untouched = |said: &str| {
        assert!(said.contains("the key and the quarantine of"), "{said}");
        assert!(
            said.contains("evidence kept by others was not touched") && !said.contains("the evidence, the key"),
            "{said}"
        );
    };
    untouched(&told(&output));
    let locations = "stadtbus-telemetrie/vehicle_locations";
    let trace = ["trace", locations, "location_ping_id=x", "--date", "2026-11-24"];
    untouched(&told(&world.program(&trace)));
    let german = told(&world.program(&[&trace[..], &["--lang", "de"]].concat()));
    assert!(german.contains("die andere aufbewahren, blieben unberührt"), "{german}");
    let replay = world.program(&["replay", locations, "2026-11-24"]);
    assert_eq!(replay.status.code(), Some(42));
    untouched(&told(&replay));
    let list = told(&world.program(&["evidence", "list"]));
    assert!(list.contains("key and quarantine destroyed on") && list.contains("kept by others"), "{list}");
    let dates = ["run", PIPELINE, "--from", "2026-11-23", "--to", "2026-11-24"];
    untouched(&told(&world.program(&dates)));
    let to = world.path("process.html").to_string_lossy().into_owned();
    let privacy = told(&world.program(&["privacy", "report", "--lang", "en"]));
    assert!(privacy.contains("Evidence that others keep"), "{privacy}");
    world.program(&["report", "process", "--lang", "en", "--output", &to]);
    assert!(std::fs::read_to_string(&to).unwrap().contains("Captures that others keep are not deleted"));
    // A line of an earlier version does not say it: the record does.
    let register = world.path("data/private/purged.jsonl");
    let lines = std::fs::read_to_string(&register).unwrap();
    let older = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("what").unwrap();
        format!("{line}\n")
    });
    std::fs::write(&register, older.collect::<String>()).unwrap();
    untouched(&told(&world.program(&trace)));
}
