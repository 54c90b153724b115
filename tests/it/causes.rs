//! Causes and metrics, found in real files: states of a collector, the journal after runs, rows in quarantine, a timetable's end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::beat::Beat;
use fahrtenbuch::capture::collector::{CollectorLock, Stop};
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{NewContent, NewRecord};
use fahrtenbuch::digest::Digest;
use fahrtenbuch::metrics::Metrics;
use fahrtenbuch::notify::{Cause, Findings, Trouble};
use fahrtenbuch::schedule::causes::{Causes, Known};
use fahrtenbuch::schedule::due::due;
use fahrtenbuch::schedule::gather::Gatherer;
use fahrtenbuch::schedule::log::Log;
use fahrtenbuch::time::ServiceDate;
use fahrtenbuch::workspace::outline::{self, Needs};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::quarantine::hold;
use crate::world::World;

const PIPELINE: &str = "stadtbus-telemetrie";
const CONTRACT: &str = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
const DATE: &str = "2026-11-24";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// All that is found at a time, as a scheduler that goes on looks.
fn look(causes: &mut Causes, world: &World, now: Timestamp) -> (Findings, Metrics) {
    let (workspace, mistakes) = outline::read(&world.path(""), Needs::Stores).unwrap();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let log = Log::read(&workspace.private).unwrap();
    let mut gatherer = Gatherer::default();
    let facts = gatherer.gather(&workspace, &log, &BTreeSet::new(), now).unwrap();
    let (due, beats) = (due(&facts, now), BTreeMap::new());
    let known = Known {
        workspace: &workspace,
        facts: &facts,
        due: &due,
        log: &log,
        newest_release: gatherer.newest_release(),
        beats: &beats,
        started: None,
        now,
    };
    let found = causes.find(&known);
    let metrics = causes.metrics(&known, &found.causes);
    (found, metrics)
}

/// The causes by key. How full the disk of a test's machine is says nothing.
fn found(world: &World, now: Timestamp) -> BTreeMap<String, Cause> {
    keyed(look(&mut Causes::default(), world, now).0.causes)
}

fn keyed(causes: Vec<Cause>) -> BTreeMap<String, Cause> {
    let all = causes.into_iter().map(|cause| (cause.key(), cause));
    all.filter(|(key, _)| !key.starts_with("disk_filling")).collect()
}

fn keys(found: &BTreeMap<String, Cause>) -> Vec<&str> {
    found.keys().map(String::as_str).collect()
}

#[test]
fn rows_without_a_decision_and_a_timetable_that_ends_are_told_until_they_are_mended() {
    let world = World::new();
    hold(&world, CONTRACT, "test_trip", "trip_id LIKE 'unbekannt%'");
    let results = world.run();
    let list = world.program(&["quarantine", "list", PIPELINE, "--json"]);
    let list: Vec<Value> = serde_json::from_slice(&list.stdout).unwrap();
    let rows = |line: &Value| line["rows"].as_u64().unwrap();
    let of_rule = list.iter().find(|line| line["rule"].as_str().unwrap().contains("test_trip")).map(rows).unwrap();
    assert!(of_rule > 0);
    let prepared = at(results[PIPELINE]["record"]["prepared_at"].as_str().unwrap());
    let fresh = found(&world, prepared + HOUR);
    assert!(!fresh.contains_key("quarantine_undecided:stadtbus-telemetrie"), "{fresh:?}");
    let late = prepared + HOUR * 24 * 15;
    let told = found(&world, late);
    let Trouble::QuarantineUndecided { rows, oldest, .. } = &told["quarantine_undecided:stadtbus-telemetrie"].trouble
    else {
        panic!("{told:?}");
    };
    assert_eq!(oldest.to_string(), DATE);
    let all: u64 = list.iter().map(|line| line["rows"].as_u64().unwrap()).sum();
    assert!((of_rule..=all).contains(rows), "{rows} {list:?}");
    // Its key goes thirteen months after the date, and is told two weeks before.
    let near = found(&world, at("2027-12-20T12:00:00Z"));
    let Trouble::KeyExpiring { dates, on, .. } = &near["key_expiring:stadtbus-telemetrie"].trouble else {
        panic!("{near:?}");
    };
    assert_eq!((dates.len(), on.to_string()), (1, "2027-12-25".to_owned()));
    // The timetable: told from two weeks before its last day on.
    let far = found(&world, at("2031-01-01T12:00:00Z"));
    let Trouble::TimetableEnding { last_day, .. } = far["timetable_ending:stadtbus-fahrplan"].trouble else {
        panic!("{far:?}");
    };
    let noon = |day: ServiceDate| at(&format!("{day}T12:00:00Z"));
    let is_told = |day| found(&world, noon(day)).contains_key("timetable_ending:stadtbus-fahrplan");
    assert_eq!((is_told(last_day.plus_days(-14)), is_told(last_day.plus_days(-13))), (false, true));
    // Decided.
    for line in &list {
        let (table, date) = (format!("{PIPELINE}/{}", line["table"].as_str().unwrap()), line["date"].as_str().unwrap());
        let rule = line["rule"].as_str().unwrap();
        let decide = ["quarantine", "discard", &table, "--date", date, "--rule", rule, "--by", "Datenmanagement"];
        let output = world.program(&[&decide[..], &["--reason", "Test"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let decided = found(&world, late);
    assert!(!decided.contains_key("quarantine_undecided:stadtbus-telemetrie"), "{decided:?}");
    assert!(!found(&world, at("2027-12-20T12:00:00Z")).contains_key("key_expiring:stadtbus-telemetrie"));
}

#[test]
fn monitors_get_the_rows_and_findings_of_real_runs_and_what_changed_is_read_again() {
    let world = World::new();
    let results = world.run();
    let mut causes = Causes::default();
    let now = at("2026-11-27T12:00:00Z");
    let (_, metrics) = look(&mut causes, &world, now);
    let telemetry = &metrics.pipelines[PIPELINE];
    assert_eq!(telemetry.last_complete.unwrap().to_string(), DATE);
    for table in results[PIPELINE]["record"]["tables"].as_array().unwrap() {
        let rows = telemetry.rows[table["table"].as_str().unwrap()];
        assert_eq!(
            (Some(rows.published), Some(rows.quarantined)),
            (table["published"].as_u64(), table["quarantined"].as_u64())
        );
    }
    assert!(telemetry.rows.values().any(|rows| rows.published > 0));
    assert!(telemetry.findings.values().sum::<u64>() > 0 && telemetry.findings.contains_key("error"));
    assert!(metrics.disks.contains_key("private") && metrics.disks["bucket"].per_day > Some(0));
    // A run that holds rows back changes them at once.
    hold(&world, CONTRACT, "test_trip", "trip_id LIKE 'unbekannt%'");
    world.run();
    let (_, after) = look(&mut causes, &world, now + SignedDuration::from_mins(1));
    let quarantined = |metrics: &Metrics| metrics.pipelines[PIPELINE].rows["vehicle_locations"].quarantined;
    assert!(quarantined(&after) > quarantined(&metrics));
}

#[test]
fn a_private_store_that_is_gone_or_another_is_told() {
    let world = World::new();
    world.write("pipelines/stadtbus-telemetrie.yaml", &{
        let text = std::fs::read_to_string(world.path("pipelines/stadtbus-telemetrie.yaml")).unwrap();
        format!("{text}schedule:\n  run: \"06:30\"\n")
    });
    world.run();
    let now = at("2026-11-27T12:00:00Z");
    let mut causes = Causes::default();
    let lost = |causes: &mut Causes| keyed(look(causes, &world, now).0.causes).contains_key("private_store_lost");
    assert!(!lost(&mut causes));
    // Another store in its place: its form is another one.
    let form = std::fs::read_to_string(world.path("data/private/store.json")).unwrap();
    world.write("data/private/store.json", "{\"format\": 1, \"id\": \"0123456789abcdef0123456789abcdef\"}");
    assert!(lost(&mut causes));
    world.write("data/private/store.json", &form);
    assert!(!lost(&mut causes));
    // Keys that were lost, which one that begins now sees, too.
    let keys = world.path("data/private/keys");
    std::fs::rename(&keys, world.path("keys")).unwrap();
    assert!(lost(&mut Causes::default()));
    std::fs::rename(world.path("keys"), &keys).unwrap();
    assert!(!lost(&mut Causes::default()));
    // An empty disk where it was: the bucket has releases that nobody made.
    std::fs::rename(world.path("data/private"), world.path("away")).unwrap();
    std::fs::create_dir_all(world.path("data/private")).unwrap();
    assert!(lost(&mut causes) && lost(&mut Causes::default()));
}

/// What a collector keeps at a time.
struct Kept<'a> {
    store: &'a Store,
    number: u8,
}

impl Kept<'_> {
    fn body(&mut self, now: Timestamp, feed_time: Timestamp) {
        self.number += 1;
        let body = vec![self.number];
        let (digest, url) = (Digest::of(&body), "http://127.0.0.1:9/feed".to_owned());
        let capture = Capture { url, captured_at: now, status: 200, headers: Vec::new(), body: body.into(), digest };
        let beat = Some(Beat { due: now, every: Duration::from_secs(15) });
        let content = NewContent::Body(capture.clone());
        let record = NewRecord { beat, feed_time: Some(feed_time), ..NewRecord { content, ..NewRecord::of(capture) } };
        let written = self.store.write("vp", &record, Some(true)).unwrap();
        self.store.finish(written).unwrap();
    }
}

#[test]
fn what_a_collector_keeps_tells_whether_its_sources_are_well_and_backups_are_missed() {
    let world = crate::collector::world(&[("vp", "http://127.0.0.1:9/feed")]);
    let private = world.path("data/private");
    let store = Store::new(private.join("evidence"));
    let lock = CollectorLock::take(&private, (&Stop::default(), None), || ()).unwrap().unwrap();
    lock.own(&BTreeSet::from(["vp".to_owned()])).unwrap();
    // Later than the clock of this machine: since when the source is owned tells nothing new then.
    let begin = at("2036-11-27T12:00:00Z");
    let minutes = |minutes: i64| begin + SignedDuration::from_mins(minutes);
    let mut kept = Kept { store: &store, number: 0 };
    let told = |now: Timestamp| found(&world, now);
    kept.body(begin, begin);
    assert_eq!(keys(&told(minutes(9))), [""; 0]);
    let silent = told(minutes(10));
    assert_eq!(keys(&silent), ["source_silent:vp"]);
    assert_eq!(silent["source_silent:vp"].since, begin);
    // The status says so at the same moment, in the same words.
    let status = world.command().env("FAHRTENBUCH_NOW", minutes(10).to_string()).args(["status", "--json"]).output();
    let status: Value = serde_json::from_slice(&status.unwrap().stdout).unwrap();
    let need = status["needs"].as_array().unwrap().iter().find(|need| need["kind"] == "source_silent").unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let words = fahrtenbuch::notify::text::said(&silent["source_silent:vp"], &zone);
    assert_eq!((&need["about"], &need["what"]["de"]), (&"vp".into(), &words.what.de.into()), "{need}");
    // It gives something again, of a header time that stands still.
    kept.body(minutes(11), minutes(11));
    assert_eq!(keys(&told(minutes(12))), [""; 0]);
    for minute in [20, 26] {
        kept.body(minutes(minute), minutes(11));
    }
    let frozen = told(minutes(26));
    assert_eq!(keys(&frozen), ["source_frozen:vp"]);
    assert_eq!(frozen["source_frozen:vp"].since, minutes(11));
    kept.body(minutes(27), minutes(27));
    assert_eq!(keys(&told(minutes(27))), [""; 0]);
    // The collector dies.
    drop(lock);
    assert_eq!(keys(&told(minutes(28))), [""; 0]);
    let down = told(minutes(40));
    assert_eq!((keys(&down), down["collector_down"].since), (vec!["collector_down"], minutes(27)));
    assert!(down["collector_down"].is_urgent(minutes(40)));
    // Backups have a place, and there is none.
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    world.write("fahrtenbuch.yaml", &format!("{text}\nbackup:\n  to: backups\n"));
    let down = told(minutes(40));
    assert_eq!(keys(&down), ["backup_old", "collector_down"]);
    let mut world = world;
    world.set_clock("2036-11-27T12:30:00Z");
    let output = world.program(&["backup"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = |now: Timestamp| found(&world, now);
    assert_eq!(keys(&told(minutes(40))), ["collector_down"]);
    assert_eq!(keys(&told(minutes(40) + HOUR * 49)), ["backup_old", "collector_down"]);
    let (_, metrics) = look(&mut Causes::default(), &world, minutes(40));
    assert_eq!((metrics.last_backup.is_some(), metrics.sources["vp"].header_time), (true, Some(minutes(27))));
}
