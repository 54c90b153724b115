//! Which partition a report is in: nights, changes of the clock, what is said a day ahead and what comes late.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::readable::{keep, message, notes, telemetry};
use crate::world::{World, root};

const TELEMETRY: &str = "stadtbus-telemetrie";
const POSITIONS: &str = "stadtbus-vehicle-positions";
const UPDATES: &str = "stadtbus-trip-updates";

/// A workspace whose evidence are the snapshots of a case that were received from a time on until another one. Their names tell
/// the source and when they were received.
pub(crate) fn case(name: &str, span: [&str; 2]) -> World {
    let world = telemetry();
    let mut kept = 0;
    let folder = root().join("tests/cases/realtime").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (source, at) = stem.rsplit_once('-').unwrap();
        let at: Timestamp = jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%z", at.replace('Z', "+0000"))
            .and_then(|time| time.to_timestamp())
            .unwrap();
        if span[0] <= at.to_string().as_str() && at.to_string().as_str() < span[1] {
            keep(&world, &format!("stadtbus-{source}"), at.as_second(), &[], &std::fs::read(&file).unwrap());
            kept += 1;
        }
    }
    assert!(kept > 0);
    world
}

pub(crate) fn run(world: &World, arguments: &[&str]) -> Value {
    let output = world.program(&[&["run", TELEMETRY, "--json"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{told}{}", String::from_utf8_lossy(&output.stdout));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    results[0]["record"].clone()
}

pub(crate) fn table<'a>(record: &'a Value, name: &str) -> &'a Value {
    record["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).unwrap()
}

/// The rows of a date that were judged. None may be dropped because of its date.
fn rows(world: &World, date: &str, name: &str) -> u64 {
    let record = run(world, &["--date", date]);
    let table = table(&record, name);
    assert!(table["dropped"].get(format!("{name}.other_service_date")).is_none(), "{table:#}");
    table["rows_in"].as_u64().unwrap()
}

pub(crate) const ALL: [&str; 2] = ["2000", "3000"];

#[test]
fn dst_autumn_nights_end_at_three_by_the_local_clock_when_it_changes() {
    let world = case("dst-autumn", ALL);
    // A bus with a trip of the 25th (29th) in each of the 8 (7) snapshots, and one without a trip.
    for (date, expected) in [("2026-10-24", 6), ("2026-10-25", 8 + 2), ("2026-03-28", 3), ("2026-03-29", 7 + 4)] {
        assert_eq!(rows(&world, date, "vehicle_locations"), expected, "{date}");
    }
}

#[test]
fn midnight_a_trip_is_of_its_date_however_late_and_a_night_is_judged_once() {
    let world = case("midnight", ALL);
    assert_eq!(rows(&world, "2026-11-24", "vehicle_locations"), 8 + 8 + 4 + 4);
    assert_eq!(rows(&world, "2026-11-25", "vehicle_locations"), 4 + 4);
    let record = run(&world, &["--date", "2026-11-25"]);
    let late = notes(&record, "gtfs_realtime.late_rows");
    assert!(
        late[0].contains("4 rows of vehicle_positions") && late[0].contains("2026-11-24, which was over"),
        "{late:?}"
    );
    // Captures count where they were received.
    assert_eq!(record["captures"][POSITIONS], json!({"readable": 4}));
}

#[test]
fn midnight_what_comes_late_is_taken_at_noon() {
    let mut world = case("midnight", ALL);
    world.set_clock("2026-11-25T05:45:00Z");
    let early = run(&world, &["--date", "2026-11-24"]);
    assert_eq!(table(&early, "vehicle_locations")["rows_in"], 6 + 6 + 4 + 4);
    assert!(notes(&early, "run.provisional").is_empty());
    world.set_clock("2026-11-25T11:00:00Z");
    let noon = run(&world, &["--date", "2026-11-24"]);
    assert_eq!(table(&noon, "vehicle_locations")["rows_in"], 8 + 8 + 4 + 4);
}

#[test]
fn cancelled_tomorrow_is_in_tomorrow_s_partition_when_it_was_first_received() {
    let world = case("cancelled-tomorrow", ALL);
    assert_eq!(rows(&world, "2026-11-24", "trip_updates"), 4);
    let record = run(&world, &["--date", "2026-11-24"]);
    let early = notes(&record, "gtfs_realtime.early_rows");
    assert!(
        early.len() == 1 && early[0].contains("rows of trip_updates were received on 2026-11-24 and are of 2026-11-25"),
        "{early:?}"
    );
    let record = run(&world, &["--date", "2026-11-25"]);
    assert!(notes(&record, "gtfs_realtime.early_rows").is_empty());
    let updates = table(&record, "trip_updates");
    assert_eq!((&updates["rows_in"], &updates["published"]), (&6.into(), &2.into()), "{updates:#}");
    let path = updates["files"][0]["path"].as_str().unwrap();
    let bytes = std::fs::read(world.path("data/bucket").join(path)).unwrap();
    let rows = fahrtenbuch::publish::parquet::rows(bytes.into()).unwrap();
    let received = rows.column_by_name("received_at").unwrap();
    let received = arrow_cast::cast(received, &arrow_schema::DataType::Int64).unwrap();
    assert_eq!(received.as_primitive::<Int64Type>().values(), &[1_795_539_600_000; 2]);
}

#[test]
fn what_was_said_in_the_evening_alone_is_of_the_next_date_all_the_same() {
    let world = case("cancelled-tomorrow", ["2026-11-24", "2026-11-25"]);
    assert_eq!(rows(&world, "2026-11-25", "trip_updates"), 4);
    assert_eq!(rows(&world, "2026-11-24", "trip_updates"), 2);
    // Nothing was received on the date after and nothing is said of it.
    let none = world.program(&["run", TELEMETRY, "--date", "2026-11-26"]);
    let told = String::from_utf8_lossy(&none.stderr);
    assert_eq!(none.status.code(), Some(42), "{told}");
    assert!(told.contains("no evidence of stadtbus-telemetrie for 2026-11-26. The newest date"), "{told}");
}

#[test]
fn a_night_of_which_the_day_was_not_captured_is_published_with_its_date() {
    let world = telemetry();
    let at: Timestamp = "2026-11-25T00:30:00Z".parse().unwrap();
    keep(&world, POSITIONS, at.as_second(), &[], &message(at.as_second(), 3));
    let record = run(&world, &[]);
    assert_eq!(record["date"], "2026-11-24");
    assert_eq!(table(&record, "vehicle_locations")["rows_in"], 3);
    assert_eq!(table(&record, "vehicle_locations")["published"], 3, "{record:#}");
}

#[test]
fn rows_that_come_too_early_for_their_date_are_dropped_and_told_where_they_were_received() {
    let world = telemetry();
    let at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let cancelled = root().join("tests/cases/realtime/cancelled-tomorrow/trip-updates-20261124T170000Z.pb");
    keep(&world, UPDATES, at.as_second(), &[], &std::fs::read(cancelled).unwrap());
    keep(&world, POSITIONS, at.as_second(), &[], &message(at.as_second(), 3));
    let record = run(&world, &["--date", "2026-11-23"]);
    let updates = table(&record, "trip_updates");
    assert_eq!((&updates["rows_in"], &updates["dropped"]), (&2.into(), &json!({"trip_updates.other_service_date": 2})));
    let findings = record["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["rule"] == "trip_updates.other_service_date").unwrap();
    assert_eq!((&finding["rows"], &finding["severity"]), (&2.into(), &"info".into()), "{finding:#}");
    assert_eq!(finding["samples"][0]["value"], "2026-11-25");
    assert_eq!(rows(&world, "2026-11-24", "trip_updates"), 1);
}

#[test]
fn ts_zero_a_report_with_a_clock_that_tells_nothing_is_in_the_partition_in_which_it_was_received() {
    let world = case("ts-zero", ALL);
    let record = run(&world, &["--date", "2026-11-24"]);
    let positions = table(&record, "vehicle_locations");
    let number = |key: &str| positions[key].as_u64().unwrap();
    assert_eq!(number("rows_in"), 5);
    assert_eq!(number("published") + number("held_back") + number("quarantined"), 5, "{positions:#}");
    assert!(number("quarantined") >= 3, "{positions:#}");
    let findings = record["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["rule"] == "vehicle_locations.report_of_the_day"), "{findings:#?}");
}

#[test]
fn a_timetable_of_another_zone_than_the_workspace_is_told() {
    for (zone, count) in [("Europe/Berlin", 0), ("Europe/Vienna", 0), ("America/New_York", 1)] {
        let world = World::new();
        world.replace("fahrtenbuch.yaml", "time_zone: Europe/Berlin", &format!("time_zone: {zone}"));
        let record = &world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"]["record"];
        let told = notes(record, "timetable.other_time_zone");
        assert_eq!(told.len(), count, "{zone}: {told:?}");
        assert!(told.iter().all(|told| told.contains("Europe/Berlin") && told.contains(zone)));
    }
}
