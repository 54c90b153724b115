//! Evidence that is damaged, torn, or written by other programs.

use std::path::PathBuf;

use serde_json::Value;

use crate::world::{World, files};

const POSITIONS: &str = "data/sample/evidence/stadtbus-vehicle-positions";
const TIMETABLE: &str = "data/private/evidence/stadtbus-gtfs";

fn newest_archive(world: &World, folder: &str) -> PathBuf {
    let folder = world.path(folder);
    let name = files(&folder).into_keys().rfind(|name| name.ends_with(".warc.gz")).unwrap();
    folder.join(name)
}

fn notes(record: &Value, rule: &str) -> Vec<String> {
    let notes = record["notes"].as_array().unwrap().iter().filter(|note| note["rule"] == rule);
    notes.map(|note| note["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_flipped_byte_in_an_archive_costs_one_capture_and_is_told() {
    let whole = World::new().run();
    let world = World::new();
    let archive = newest_archive(&world, POSITIONS);
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&archive, &bytes).unwrap();
    let results = world.run();
    let record = &results["stadtbus-telemetrie"]["record"];
    let [message] = &notes(record, "evidence.damaged")[..] else { panic!("{record}") };
    assert!(message.contains("is damaged from byte"), "{message}");
    let count = |record: &Value| -> u64 {
        let of = record["inputs"]["evidence"].as_array().or(record["evidence"].as_array()).unwrap();
        of.iter().filter_map(|entry| entry["captures"].as_u64()).sum()
    };
    assert_eq!(count(record) + 1, count(&whole["stadtbus-telemetrie"]["record"]));
}

#[test]
fn a_damaged_newest_timetable_is_refused_and_never_replaced_by_the_older_one() {
    let world = World::new();
    world.run();
    let archive = newest_archive(&world, TIMETABLE);
    let mut bytes = std::fs::read(&archive).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 0xff;
    std::fs::write(&archive, &bytes).unwrap();
    for pipeline in ["stadtbus-fahrplan", "stadtbus-telemetrie"] {
        let output = world.program(&["run", pipeline]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(42), "{told}");
        assert!(told.contains("is damaged at byte") && told.contains("Restore the archive from a backup"), "{told}");
    }
}

/// Moves the sample's positions into one archive of another name, as other programs keep them.
fn foreign(world: &World, name: &str) {
    let folder = world.path(POSITIONS);
    let bytes: Vec<u8> = files(&folder).into_values().flatten().collect();
    std::fs::remove_dir_all(&folder).unwrap();
    let file = world.path("data/sample/evidence").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn archives_of_other_names_are_found_by_their_folder_or_by_the_address() {
    let whole = World::new().run();
    for (name, url) in [
        ("crawl/2026/dump-00000.warc.gz", Some("https://stadtbus.example/gtfs-rt/vehicle*")),
        ("stadtbus-vehicle-positions/dump.warc.gz", None),
        ("stadtbus-vehicle-positions-2026.warc.gz", None),
    ] {
        let world = World::new();
        foreign(&world, name);
        if let Some(url) = url {
            let source = "  - name: stadtbus-vehicle-positions\n    type: evidence\n";
            world.replace("pipelines/stadtbus-telemetrie.yaml", source, &format!("{source}    url: {url}\n"));
        }
        let results = world.run();
        let rows = |results: &std::collections::BTreeMap<String, Value>| crate::world::rows_of(results);
        assert_eq!(rows(&results), rows(&whole), "{name}");
    }
}

#[test]
fn where_nothing_fits_it_is_said_what_is_there() {
    let world = World::new();
    std::fs::remove_dir_all(world.path("data/sample/evidence/stadtbus-alerts")).unwrap();
    std::fs::remove_dir_all(world.path("data/sample/evidence/stadtbus-trip-updates")).unwrap();
    foreign(&world, "dump-00000.warc.gz");
    let output = world.program(&["run", "stadtbus-telemetrie"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(42), "{told}");
    assert!(told.contains("dump-00000.warc.gz") && told.contains("https://stadtbus.example/gtfs-rt/"), "{told}");
    assert!(told.contains("url:"), "{told}");
}
