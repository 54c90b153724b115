//! What the starter rules say of plain days, of days on which there is nothing to compare with, and of days with silence.

use std::collections::BTreeMap;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::world::{World, copy, files, root};

const TELEMETRY: &str = "stadtbus-telemetrie";
const POSITIONS: &str = "stadtbus-vehicle-positions";

/// A workspace with what was captured of simulated dates, without faults.
fn city(dates: &[&str], now: &str) -> World {
    let world = World::at(now);
    world.simulate(dates, "120");
    world
}

/// A workspace in which messages of a case were captured as vehicle positions, fifteen seconds apart.
fn case(name: &str, at: &str) -> World {
    let world = World::new();
    let evidence = world.path("data/sample/evidence");
    std::fs::remove_dir_all(&evidence).unwrap();
    let store = Store::new(&evidence);
    let folder = root().join("tests/cases/realtime").join(name);
    let messages = files(&folder).into_iter().filter(|(name, _)| name.ends_with(".pb"));
    let begin: Timestamp = at.parse().unwrap();
    for (number, (_, bytes)) in messages.enumerate() {
        let captured_at = begin + SignedDuration::from_secs(15 * number as i64);
        let digest = Digest::of(&bytes);
        let url = "https://example.org/vehicle-positions".to_owned();
        let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: bytes.into(), digest };
        store.append(POSITIONS, &capture).unwrap();
    }
    if folder.join("gtfs.zip").exists() {
        copy(&folder.join("gtfs.zip"), &world.path("data/sample/stadtbus-gtfs.zip"));
    }
    world
}

/// Runs telemetry of a date, with this exit code; the record.
fn record(world: &World, date: &str, code: i32) -> Value {
    let output = world.program(&["run", "--json", TELEMETRY, "--date", date]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}{}", String::from_utf8_lossy(&output.stdout));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    results[0]["record"].clone()
}

/// The findings of severity warning or error: rule and message.
fn alarms(record: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = record["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "info");
    findings.map(|finding| (text(&finding["rule"]), text(&finding["message"]))).collect()
}

/// What a rule of the released positions came to.
fn result(world: &World, date: &str, rule: &str) -> Value {
    let path = world.path(&format!("data/bucket/reports/{TELEMETRY}/date={date}/quality.json"));
    let quality: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rules = quality["rules"].as_array().unwrap();
    rules.iter().find(|result| result["id"] == rule).unwrap().clone()
}

fn published(record: &Value, table: &str) -> u64 {
    let tables = record["tables"].as_array().unwrap();
    tables.iter().find(|entry| entry["table"] == table).unwrap()["published"].as_u64().unwrap()
}

#[test]
fn eight_plain_days_with_a_sunday_and_a_holiday_raise_no_alarm_and_half_a_holiday_does() {
    // Friday to Friday; on the 25th the Sunday service runs.
    let dates: Vec<String> = (18..=25).map(|day| format!("2026-12-{day}")).collect();
    let names: Vec<&str> = dates.iter().map(String::as_str).collect();
    let world = city(&names, "2026-12-26T12:00:00Z");
    for date in &names {
        let record = record(&world, date, 0);
        assert_eq!(alarms(&record), BTreeMap::new(), "{date}");
        assert!(published(&record, "vehicle_locations") > 1_000, "{date}");
    }
    let of = |date: &str| result(&world, date, "vehicle_locations.reports_not_halved");
    // The first Sunday has no day of its kind before it, the holiday has the Sunday, and a Monday the Friday.
    assert_eq!((&of("2026-12-20")["result"], &of("2026-12-25")["result"]), (&"skipped".into(), &"passed".into()));
    assert_eq!(of("2026-12-21")["result"], "passed");
    for rule in ["freshness", "completeness"] {
        let promise = result(&world, "2026-12-21", &format!("vehicle_locations.sla.{rule}"));
        assert_eq!(promise["result"], "passed", "{promise}");
    }
    // The feed of the holiday from 13:00 local on is gone.
    for (name, _) in files(&world.path("data/sample/evidence")) {
        let hour = name.rsplit_once("20261225T").map(|(_, rest)| rest[..2].parse::<u8>().unwrap());
        if hour.is_some_and(|hour| hour >= 12) || name.contains("20261226") {
            std::fs::remove_file(world.path("data/sample/evidence").join(name)).unwrap();
        }
    }
    // As nobody kept: without what the runs before know of.
    for folder in ["data/bucket", "data/private/journal"] {
        let of_day = files(&world.path(folder)).into_keys().filter(|name| name.contains("2026-12-25"));
        of_day.for_each(|name| std::fs::remove_file(world.path(folder).join(name)).unwrap());
    }
    let other = city(&[], "2026-12-26T12:00:00Z");
    copy(&world.path("data/sample/evidence"), &other.path("data/sample/evidence"));
    for date in ["2026-12-20", "2026-12-21"] {
        assert_eq!(alarms(&record(&other, date, 0)), BTreeMap::new());
    }
    let found = alarms(&record(&other, "2026-12-25", 0));
    let halved = &found["vehicle_locations.reports_not_halved"];
    assert!(halved.contains("the median of the partition before, must be greater than 50 %"), "{halved}");
    // Nobody reported any more while buses were to run; the capture ended, too.
    assert!(found.contains_key("vehicle_locations.gap_in_feed"), "{found:?}");
}

#[test]
fn no_trips_on_date_skips_what_compares_with_the_timetable_and_publishes_the_positions() {
    let world = case("no-trips-on-date", "2026-11-24T10:00:00Z");
    let record = record(&world, "2026-11-24", 0);
    assert_eq!((&record["status"], published(&record, "vehicle_locations")), (&"published".into(), 4));
    let share = result(&world, "2026-11-24", "vehicle_locations.share_of_trips_observed");
    assert_eq!(share["result"], "skipped", "{share}");
    assert!(share["message"].as_str().unwrap().contains("nothing to compare"), "{share}");
    let findings = record["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["result"] != "error"), "{findings:#?}");
}

#[test]
fn no_data_available_is_no_known_occupancy() {
    let world = case("no-data-available", "2026-11-24T10:00:00Z");
    let record = record(&world, "2026-11-24", 0);
    assert!(published(&record, "vehicle_locations") > 1);
    let share = result(&world, "2026-11-24", "vehicle_locations.share_with_occupancy");
    assert_eq!((&share["result"], &share["value"]), (&"warning".into(), &0.0.into()), "{share}");
    let said = result(&world, "2026-11-24", "vehicle_locations.occupancy_source_said");
    assert_eq!(said["result"], "warning", "{said}");
}

#[test]
fn the_share_that_a_rule_counts_is_the_share_that_its_description_tells() {
    // A counting metric has the share of rows that are not as they should be.
    let mut rules = 0;
    for (name, bytes) in crate::world::files(std::path::Path::new("schemas")) {
        if !name.ends_with(".odcs.yaml") {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        for rule in text.split("- name: ").filter(|rule| rule.contains("unit: percent\n") && rule.contains("Values\n"))
        {
            let bound = rule.split("mustBeLessThan: ").nth(1).unwrap().lines().next().unwrap();
            let of = |language: &str| rule.split(language).nth(1).unwrap().lines().next().unwrap().to_owned();
            let (en, de) = (of(" description: "), of("descriptionDe, value: "));
            let is_told = en.contains(&format!("Less than {bound} percent of"));
            assert!(is_told && de.contains(&format!("Weniger als {bound} Prozent")), "{name}: {en} {de}");
            rules += 1;
        }
    }
    assert!(rules >= 7, "{rules}");
}
