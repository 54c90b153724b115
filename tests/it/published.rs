//! What is published stays what it was: comments release nothing, and damage is told, and mended where that can be proved.

use std::path::{Path, PathBuf};

use fahrtenbuch::digest::Digest;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::broken_feeds::changed;
use crate::world::{World, files};

const TELEMETRY: &str = "stadtbus-telemetrie";
const JOURNAL: &str = "data/private/journal/stadtbus-telemetrie/2026-11-24.json";

/// The entry of a table with one file.
fn entry(world: &World, table: &str) -> Value {
    world.files_json(table)["files"][0].clone()
}

/// The current file of a table.
fn current(world: &World, table: &str) -> PathBuf {
    world.path("data/bucket").join(entry(world, table)["path"].as_str().unwrap())
}

pub(crate) fn add_a_row_to_stops(world: &World) {
    changed(world, "stops.txt", |text| {
        let text = String::from_utf8(text).unwrap();
        Some(text.replacen('\n', "\nneu,Neue Haltestelle,48.47,7.94,0,,1,\n", 1).into_bytes())
    });
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, serde_json::to_string_pretty(&json).unwrap() + "\n").unwrap();
}

#[test]
fn a_comment_in_every_file_of_the_workspace_makes_no_new_file_and_no_new_version() {
    let world = World::new();
    world.run();
    let of_tables = |world: &World| {
        let mut files = world.published();
        files.retain(|name, _| ["data/", "revised/", "meta/"].iter().any(|root| name.starts_with(root)));
        files
    };
    let before = of_tables(&world);
    let mut commented = 0;
    for folder in ["pipelines", "schemas"] {
        for (name, bytes) in files(&world.path(folder)) {
            if name.ends_with(".yaml") {
                let text = String::from_utf8(bytes).unwrap();
                world.write(&format!("{folder}/{name}"), &format!("# Nur ein Kommentar.\n{text}\n# Noch einer.\n"));
                commented += 1;
            }
        }
    }
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    world.write("fahrtenbuch.yaml", &format!("# Nur ein Kommentar.\n{text}"));
    assert!(commented > 50, "{commented}");
    let output = world.program(&["run"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.matches("nothing new").count(), 2, "{told}");
    assert!(of_tables(&world) == before);
    // Their records tell of the comments, and of the files that stand.
    assert_eq!(world.records().len(), 4);
    let paths = |record: &Value| record["tables"].to_string().matches("part-").count();
    let [one, other] = [0, 1].map(|_| world.records().iter().map(paths).sum::<usize>());
    assert!(one == other && one > 20, "{one}");
}

#[test]
fn a_file_that_another_library_wrote_stands_as_long_as_its_rows_are_the_same() {
    let world = World::new();
    world.run();
    let table = "stadtbus-telemetrie/vehicle_locations";
    let path = current(&world, table);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let out = std::fs::File::create(path.with_extension("new")).unwrap();
    let mut writer = ArrowWriter::try_new(out, schema, None).unwrap();
    reader.build().unwrap().for_each(|rows| writer.write(&rows.unwrap()).unwrap());
    writer.close().unwrap();
    std::fs::rename(path.with_extension("new"), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let entry = entry(&world, table);
    let is_of_it = |file: &Value| file["path"] == entry["path"];
    let rewrite = |file: &mut Value| {
        file["sha256"] = Digest::of(&bytes).to_string().into();
        file["bytes"] = bytes.len().into();
    };
    let record = world.path("data/bucket").join(entry["record"].as_str().unwrap());
    let mut record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    for of_table in record["tables"].as_array_mut().unwrap() {
        of_table["files"].as_array_mut().unwrap().iter_mut().filter(|file| is_of_it(file)).for_each(rewrite);
    }
    let record = record.to_string();
    let key = format!("ledger/records/{}.json", Digest::of(record.as_bytes()));
    std::fs::write(world.path("data/bucket").join(&key), record).unwrap();
    edit(&world.path(&format!("data/bucket/meta/{table}/index/v0000000001.json")), |index| {
        rewrite(&mut index["files"][0]);
        index["files"][0]["record"] = key.clone().into();
        index["first"]["2026-11-24"]["sha256"] = Digest::of(&bytes).to_string().into();
        index["first"]["2026-11-24"]["bytes"] = bytes.len().into();
    });
    // The index is another one than the run before has seen.
    std::fs::remove_file(world.path("data/private/journal/stadtbus-telemetrie/heads.json")).unwrap();
    let result = &world.run()[TELEMETRY];
    assert_eq!((&result["releases"], &result["nothing_new"]), (&0.into(), &true.into()), "{result}");
    assert!(std::fs::read(&path).unwrap() == bytes);
    let tables = result["record"]["tables"].as_array().unwrap();
    let of_table = tables.iter().find(|entry| entry["table"] == "vehicle_locations").unwrap();
    assert_eq!(of_table["files"][0]["sha256"], Digest::of(&bytes).to_string());
}

#[test]
fn a_published_file_that_was_deleted_cut_or_flipped_is_told_and_put_again() {
    let world = World::new();
    world.run();
    let path = current(&world, "stadtbus-telemetrie/vehicle_locations");
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[1_000] ^= 1;
    let damages: [(&str, &dyn Fn()); 3] = [
        ("it is gone", &|| std::fs::remove_file(&path).unwrap()),
        ("bytes instead of", &|| std::fs::write(&path, &whole[..5_000]).unwrap()),
        ("SHA-256", &|| std::fs::write(&path, &flipped).unwrap()),
    ];
    for (problem, damage) in damages {
        for has_journal in [true, false] {
            damage();
            if !has_journal {
                std::fs::remove_file(world.path(JOURNAL)).unwrap();
            }
            let output = world.program(&["run", TELEMETRY]);
            let (told, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(0), "{warned}");
            assert!(!told.contains("nothing new") && told.contains("release.damaged"), "{told}");
            assert!(
                warned.contains(problem) && warned.contains(path.file_name().unwrap().to_str().unwrap()),
                "{warned}"
            );
            assert!(std::fs::read(&path).unwrap() == whole, "{problem}");
            let notes = |record: &Value| record["notes"].to_string();
            assert!(world.records().iter().any(|record| notes(record).contains(problem)));
            let again = &world.run_of(&[TELEMETRY])[TELEMETRY];
            assert_eq!((&again["nothing_new"], &again["releases"]), (&true.into(), &0.into()));
        }
    }
    assert_eq!(world.files_json("stadtbus-telemetrie/vehicle_locations")["version"], 1);
}

#[test]
fn a_damaged_file_that_cannot_be_made_again_is_an_error_and_nothing_is_released() {
    let world = World::new();
    world.run();
    let path = current(&world, "stadtbus-fahrplan/stops");
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    add_a_row_to_stops(&world);
    let before = files(&world.path("data/bucket"));
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(42), "{told}");
    assert!(told.contains("data/stadtbus-fahrplan/stops/") && told.contains("from a backup"), "{told}");
    assert!(files(&world.path("data/bucket")) == before);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"]["releases"], 1);
    assert!(entry(&world, "stadtbus-fahrplan/stops")["path"].as_str().unwrap().starts_with("revised/"));
}

#[test]
fn an_index_with_a_gap_a_wrong_link_or_no_sense_stops_the_run_for_good() {
    let world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    assert_eq!(world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"]["releases"], 1);
    let folder = "data/bucket/meta/stadtbus-fahrplan/stops/index";
    let version = |number: u32| world.path(&format!("{folder}/v{number:010}.json"));
    let whole = files(&world.path(folder));
    assert_eq!(whole.len(), 2);
    let damages: [(&dyn Fn(), u32); 4] = [
        (&|| std::fs::remove_file(version(1)).unwrap(), 1),
        (&|| _ = std::fs::copy(version(2), version(9)).unwrap(), 3),
        (&|| edit(&version(1), |index| index["files"][0]["rows"] = 1.into()), 1),
        (&|| std::fs::write(version(2), "{}").unwrap(), 2),
    ];
    for (damage, named) in damages {
        damage();
        let output = world.program(&["run", "stadtbus-fahrplan"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(42), "{told}");
        assert!(told.contains(&format!("v{named:010}.json")), "{told}");
        std::fs::remove_dir_all(world.path(folder)).unwrap();
        for (name, bytes) in &whole {
            world.write(&format!("{folder}/{name}"), std::str::from_utf8(bytes).unwrap());
        }
        assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    }
}

#[test]
fn a_date_that_is_not_over_is_released_as_provisional_below_revised() {
    let world = World::at("2026-11-26T12:00:00Z");
    let today = "2026-11-26".to_owned();
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    std::fs::remove_dir_all(&evidence).unwrap();
    let simulate = ["simulate", "--date", &today, "--interval", "900", "--evidence", &evidence];
    assert!(world.program(&simulate).status.success());
    let output = world.program(&["run", TELEMETRY, "--date", &today]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("run.provisional"), "{told}");
    let entry = entry(&world, "stadtbus-telemetrie/vehicle_locations");
    assert_eq!(entry["provisional"], true);
    assert!(
        entry["path"].as_str().unwrap().starts_with("revised/stadtbus-telemetrie/vehicle_locations/partition_date=")
    );
    assert!(!world.path("data/bucket/data").exists());
    for (name, words) in [("index.html", "vorläufig: "), ("index.en.html", "provisional: ")] {
        let page = std::fs::read_to_string(world.path("data/bucket").join(name)).unwrap();
        assert!(page.contains(words), "{page}");
    }
    let csv = world.path("data/bucket/meta/stadtbus-telemetrie/vehicle_locations/index.csv");
    assert!(std::fs::read_to_string(csv).unwrap().lines().nth(1).unwrap().contains(".json,true,"));
    let results = world.path(&format!("data/bucket/reports/stadtbus-telemetrie/date={today}/quality.json"));
    let json = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    assert_eq!(json(&results)["provisional"], true);
    let page =
        |name| std::fs::read_to_string(world.path("data/bucket/reports/stadtbus-telemetrie").join(name)).unwrap();
    assert!(page("quality.html").contains("vorläufig veröffentlicht"));
    assert!(page("quality.en.html").contains("published provisionally"));
    let package = json(&world.path("data/bucket/datapackage.json"));
    let resources = package["resources"].as_array().unwrap();
    assert!(resources.iter().all(|resource| resource["provisional"] == serde_json::json!([today])), "{package}");
}

#[test]
fn a_provisional_release_is_followed_by_the_complete_one_even_with_the_same_evidence() {
    let run = ["stadtbus-telemetrie", "--date", "2026-11-24"];
    // Its timetable is captured on the same day.
    let reference = World::at("2026-11-25T05:30:00Z");
    reference.run_of(&run);
    let of_dataset = |world: &World| {
        let mut tables = world.tables();
        tables.retain(|name, _| name.contains("stadtbus-telemetrie") && !name.starts_with("revised/"));
        tables
    };
    // Half an hour before the date is over, when all evidence of it is there.
    let mut world = World::at("2026-11-25T04:30:00Z");
    world.take_keys(&reference);
    assert_eq!(world.run_of(&run)[TELEMETRY]["provisional"], true);
    assert!(!world.path("data/bucket/data").exists());
    world.set_clock("2026-11-25T05:30:00Z");
    let result = &world.run_of(&run)[TELEMETRY];
    assert_eq!((&result["releases"], &result["provisional"]), (&5.into(), &false.into()), "{result}");
    assert!(of_dataset(&world) == of_dataset(&reference));
    assert_eq!(world.files_json("stadtbus-telemetrie/alerts")["version"], 2);
    for view in ["datapackage.json", "reports/stadtbus-telemetrie/date=2026-11-24/quality.json"] {
        let text = std::fs::read_to_string(world.path("data/bucket").join(view)).unwrap();
        assert!(!text.contains("\"provisional\""), "{view}");
    }
}

#[test]
fn a_file_that_a_killed_run_left_below_data_is_gone_after_the_next_run_of_the_partition() {
    let world = World::new();
    crate::killed::kill_at(&world, TELEMETRY, "record");
    let mut left = files(&world.path("data/bucket/data"));
    left.retain(|name, _| name.contains("vehicle_locations"));
    assert_eq!(left.len(), 1, "{:?}", left.keys());
    // The next run makes other rows.
    world.replace("schemas/stadtbus/vehicle_locations.odcs.yaml", "WHERE speed > 35", "WHERE speed > 8");
    assert_eq!(world.run()[TELEMETRY]["releases"], 5);
    let mut found = files(&world.path("data/bucket/data"));
    found.retain(|name, _| name.contains("vehicle_locations"));
    assert_eq!(found.len(), 1);
    assert!(found.keys().ne(left.keys()));
}

#[test]
fn a_file_below_data_that_no_index_names_stops_the_run_and_a_lost_index_removes_nothing() {
    let world = World::new();
    world.run();
    let file = current(&world, "stadtbus-telemetrie/vehicle_locations");
    let foreign = file.with_file_name("part-000000000000.parquet");
    std::fs::copy(&file, &foreign).unwrap();
    let refused = |what: &str| {
        let output = world.program(&["run", TELEMETRY, "--date", "2026-11-24"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(42), "{told}");
        assert!(told.contains(what) && told.contains("no index names it"), "{told}");
    };
    refused("part-000000000000.parquet");
    assert!(foreign.exists() && file.exists());
    std::fs::remove_file(&foreign).unwrap();
    std::fs::remove_dir_all(world.path("data/bucket/meta")).unwrap();
    refused("data/stadtbus-telemetrie/");
    assert!(file.exists());
}

/// Runs the telemetry again; what it tells on the way, with its exit code.
fn again(world: &World) -> (Option<i32>, String) {
    let output = world.program(&["run", TELEMETRY, "--date", "2026-11-24"]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_first_publication_of_a_date_is_looked_at_also_when_a_later_one_is_current() {
    let world = World::new();
    world.run();
    let first = current(&world, "stadtbus-telemetrie/vehicle_locations");
    world.replace("schemas/stadtbus/vehicle_locations.odcs.yaml", "WHERE speed > 35", "WHERE speed > 8");
    assert_eq!(again(&world).0, Some(0));
    assert_ne!(current(&world, "stadtbus-telemetrie/vehicle_locations"), first);
    std::fs::remove_file(&first).unwrap();
    let (code, told) = again(&world);
    assert!(code == Some(42) && told.contains("no run makes this file again"), "{told}");
}

#[test]
fn an_index_that_says_something_else_than_the_record_stops_the_run() {
    let world = World::new();
    world.run();
    let index = world.path("data/bucket/meta/stadtbus-telemetrie/vehicle_locations/index/v0000000001.json");
    edit(&index, |index| index["files"][0]["rows"] = 14_000.into());
    let (code, told) = again(&world);
    assert!(code == Some(42) && told.contains("v0000000001.json") && told.contains("a run before found"), "{told}");
    // Also where nobody knows what the runs before have seen.
    std::fs::remove_file(world.path("data/private/journal/stadtbus-telemetrie/heads.json")).unwrap();
    let (code, told) = again(&world);
    assert!(code == Some(42) && told.contains("v0000000001.json") && told.contains("the record"), "{told}");
}

#[test]
fn a_record_that_is_gone_or_was_changed_is_put_again_and_without_the_journal_stops_the_run() {
    let world = World::new();
    world.run();
    let key = entry(&world, "stadtbus-telemetrie/vehicle_locations")["record"].as_str().unwrap().to_owned();
    let record = world.path("data/bucket").join(&key);
    let bytes = std::fs::read(&record).unwrap();
    std::fs::remove_file(&record).unwrap();
    let (code, told) = again(&world);
    assert!(code == Some(0) && told.contains("was gone and is put again"), "{told}");
    assert_eq!(std::fs::read(&record).unwrap(), bytes);
    edit(&record, |record| record["pipeline"] = "other".into());
    let (code, told) = again(&world);
    assert!(code == Some(0) && told.contains("was changed and is put again"), "{told}");
    assert_eq!(std::fs::read(&record).unwrap(), bytes);
    // Without both nobody can say what went in.
    std::fs::remove_file(&record).unwrap();
    std::fs::remove_dir_all(world.path("data/private/journal")).unwrap();
    let (code, told) = again(&world);
    assert!(code == Some(42) && told.contains("Bring it back from a backup"), "{told}");
}
