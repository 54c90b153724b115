//! That the index says of each date which timetable its rows were joined with, so that anybody joins them with just that one.

use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use crate::world::{World, python};

const TELEMETRY: &str = "stadtbus-telemetrie/vehicle_locations";

fn entry(world: &World, table: &str) -> Value {
    world.files_json(table)["files"][0].clone()
}

fn releases(world: &World, arguments: &[&str]) -> Value {
    let output = world.program(&[&["releases", "list", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The timetables of a table in `releases list --json`.
fn timetables(world: &World, table: &str) -> Value {
    let all = releases(world, &["stadtbus-telemetrie"]);
    let table = all.as_array().unwrap().iter().find(|other| other["table"] == table);
    table.unwrap()["timetables"].clone()
}

#[test]
fn every_table_of_telemetry_names_the_timetable_and_so_does_its_own_partition() {
    let world = World::new();
    world.run();
    let archive = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let sha256 = Digest::of(&archive).to_string();
    let timetable = json!({"dataset": "stadtbus-fahrplan", "partition_date": "2026-11-27", "sha256": sha256});
    for table in [TELEMETRY, "stadtbus-telemetrie/trip_updates", "stadtbus-telemetrie/trips_observed"] {
        assert_eq!(entry(&world, table)["timetable"], timetable, "{table}");
    }
    let trips = entry(&world, "stadtbus-fahrplan/trips");
    assert_eq!((&trips["timetable"], &trips["partition_date"]), (&timetable, &json!("2026-11-27")));
    // The input of the run is the same.
    let record: Value = serde_json::from_slice(
        &std::fs::read(world.path("data/bucket").join(entry(&world, TELEMETRY)["record"].as_str().unwrap())).unwrap(),
    )
    .unwrap();
    let inputs = record["inputs"]["data"].as_array().unwrap();
    assert_eq!(inputs.iter().find(|input| input["kind"] == "timetable").unwrap()["sha256"], json!(sha256));
    // Somebody who holds the list finds the files that it was published as.
    let of_table = timetables(&world, "vehicle_locations");
    assert_eq!(of_table.as_array().unwrap().len(), 1);
    let of_table = &of_table[0];
    assert_eq!((&of_table["sha256"], &of_table["dates"]), (&json!(sha256), &json!(["2026-11-24"])));
    assert_eq!(of_table["tables"]["trips"], json!({"path": trips["path"], "sha256": trips["sha256"]}));
    assert_eq!(of_table["tables"].as_object().unwrap().len(), 10);
    let versions = releases(&world, &[TELEMETRY]);
    assert_eq!(versions[0]["timetables"], json!({"2026-11-24": timetable}));
    // Nothing new is nothing new.
    let before = world.published();
    world.run();
    assert_eq!(world.published(), before);
}

#[test]
fn a_timetable_that_was_not_published_or_none_at_all_is_told_as_such() {
    let world = World::new();
    world.run_of(&["stadtbus-telemetrie"]);
    let of_table = &timetables(&world, "vehicle_locations")[0];
    assert_eq!((&of_table["dataset"], &of_table["tables"]), (&json!("stadtbus-fahrplan"), &Value::Null));
    world.run_of(&["stadtbus-fahrplan"]);
    assert!(timetables(&world, "vehicle_locations")[0]["tables"]["stops"]["path"].is_string());
    // An app without a timetable.
    let world = World::with_busplus();
    world.replace("pipelines/busplus.yaml", "timetable: stadtbus-fahrplan\n", "");
    world.run_of(&["busplus"]);
    let file = entry(&world, "busplus/vehicle_locations");
    assert_eq!(file.get("timetable"), Some(&Value::Null));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_join_of_the_manual_takes_the_timetable_of_each_date() {
    let world = World::new();
    world.run();
    let readme = crate::world::root().join("README.md");
    let output = python("join_timetable.py", &[readme.to_str().unwrap(), world.path("data/bucket").to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("9 lines, "), "{told}");
}
