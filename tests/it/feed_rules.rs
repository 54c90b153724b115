//! The standard rules of GTFS-Realtime in a run: the snapshot before and the timetable.

use std::io::Read;

use serde_json::{Value, json};

use crate::readable::{TEN, field, keep, run, telemetry, told};
use crate::world::World;

const POSITIONS: &str = "stadtbus-vehicle-positions";
const UPDATES: &str = "stadtbus-trip-updates";
const ADDED: u8 = 1;

fn seconds(number: u8, value: i64) -> Vec<u8> {
    let mut bytes = vec![number << 3];
    let mut rest = value as u64;
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A message with this header timestamp and an entity for each trip: a vehicle position (4) or a trip update (3).
fn message(timestamp: i64, kind: u8, trips: &[(&str, Option<u8>)]) -> Vec<u8> {
    let mut message = field(1, &[field(1, b"2.0"), seconds(3, timestamp)].concat());
    for (place, (id, relationship)) in trips.iter().enumerate() {
        let relationship = relationship.map_or_else(Vec::new, |value| vec![0x20, value]);
        let trip = field(1, &[field(1, id.as_bytes()), field(3, b"20261124"), relationship].concat());
        let place = place.to_string();
        message.extend(field(2, &[field(1, place.as_bytes()), field(kind, &trip)].concat()));
    }
    message
}

/// The id of some trip of the sample's timetable.
fn a_trip(world: &World) -> String {
    let file = std::fs::File::open(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let mut text = String::new();
    zip::ZipArchive::new(file).unwrap().by_name("trips.txt").unwrap().read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "trip_id").unwrap();
    lines.next().unwrap().split(',').nth(column).unwrap().to_owned()
}

/// Three snapshots of vehicles, the second older than the first, and one of trip updates, which is older than all of them and of
/// another source.
fn snapshots() -> World {
    let world = telemetry();
    let trip = a_trip(&world);
    for (at, timestamp) in [(0, 0), (15, -30), (30, 30)] {
        let trips = [(trip.as_str(), None), ("nowhere", None), ("extra", Some(ADDED))];
        keep(&world, POSITIONS, TEN + at, &[], &message(TEN + timestamp, 4, &trips));
    }
    keep(&world, UPDATES, TEN + 20, &[], &message(TEN - 600, 3, &[(trip.as_str(), None), ("gone", None)]));
    world
}

fn counts(standard: &Value) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let notices = standard["notices"].as_array().unwrap().iter();
    notices.map(|n| (text(&n["code"]), text(&n["severity"]), n["count"].as_u64().unwrap())).collect()
}

#[test]
fn snapshots_are_looked_at_with_the_one_before_and_the_timetable() {
    let world = snapshots();
    let (code, result, stderr) = run(&world, &[]);
    let standard = &result["record"]["standard"];
    assert!(matches!(code, Some(0 | 1)), "{code:?} {stderr} {result:#}");
    let expected = [("E003", "error", 4), ("E018", "error", 1), ("W008", "warning", 1)];
    assert_eq!(
        counts(standard),
        expected.map(|(code, severity, count)| (code.to_owned(), severity.to_owned(), count)),
        "{standard:#}"
    );
    assert_eq!(standard["not_run"], json!([]));
    // The results of the partition have them, and the terminal says so.
    let results = world.path("data/bucket/reports/stadtbus-telemetrie/date=2026-11-24/quality.json");
    let results: Value = serde_json::from_slice(&std::fs::read(results).unwrap()).unwrap();
    assert_eq!(results["standard"], standard["notices"]);
    let report = told(&world.program(&["quality", "report"]));
    assert!(report.contains("gtfs_realtime.E003"), "{report}");
}

#[test]
fn the_data_manager_changes_a_notice_of_gtfs_realtime_with_a_reason() {
    let world = snapshots();
    let notices = "notices:\n  - {code: E018, severity: 'off', reason: Two servers answer.}\n  \
                   - {code: E003, severity: info, reason: Extra trips are not told.}\n";
    world.write("schemas/gtfs-realtime/notices.yaml", notices);
    let (_, result, stderr) = run(&world, &[]);
    let standard = &result["record"]["standard"];
    let expected = [("W008", "warning", 1), ("E003", "info", 4)];
    let expected = expected.map(|(code, severity, count)| (code.to_owned(), severity.to_owned(), count));
    assert_eq!(counts(standard), expected, "{stderr} {standard:#}");
    let changes: Vec<&str> =
        standard["changes"].as_array().unwrap().iter().map(|change| change["reason"].as_str().unwrap()).collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    // A notice of the other standard would have no effect.
    world.write("schemas/gtfs-realtime/notices.yaml", &notices.replace("E018", "unused_trip"));
    let output = world.program(&["check"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("notices.yaml:2: there is no notice 'unused_trip'"), "{}", told(&output));
}

#[test]
fn the_rules_of_gtfs_realtime_are_listed_and_explained() {
    let world = World::new();
    let list = world.program(&["rules", "list", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let rules = list["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["code"] == "E018").unwrap();
    assert_eq!((&rule["standard"], &rule["severity"]), (&json!("GTFS-Realtime"), &json!("ERROR")));
    assert_eq!(rules.iter().find(|rule| rule["code"] == "unused_trip").unwrap()["standard"], "GTFS");
    for id in ["E003", "gtfs_realtime.E003"] {
        let text = told(&world.program(&["rules", "explain", id]));
        for part in ["E003 (error, GTFS-Realtime)", "src/feed_rules/gtfs_realtime/unknown_trips.rs", "trip_id b"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
