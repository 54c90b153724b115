//! Indexes, records and files of a bucket that were changed behind the program's back.

use std::path::{Path, PathBuf};
use std::process::Command;

use fahrtenbuch::digest::Digest;
use serde_json::Value;

use super::{LOCATIONS, TELEMETRY, told};
use crate::world::{World, files};

/// A city of three dates, all published.
fn three_dates() -> World {
    let world = World::at("2026-11-26T12:00:00Z");
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    std::fs::remove_dir_all(&evidence).unwrap();
    for date in DATES {
        let simulate = ["simulate", "--date", date, "--interval", "900", "--evidence", &evidence];
        assert!(world.program(&simulate).status.success());
    }
    for date in DATES {
        let output = world.program(&["run", TELEMETRY, "--date", date]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    world
}

const DATES: [&str; 3] = ["2026-11-23", "2026-11-24", "2026-11-25"];

/// A version of the index of the locations.
fn version(world: &World, number: u32) -> PathBuf {
    world.path(&format!("data/bucket/meta/{LOCATIONS}/index/v{number:010}.json"))
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, serde_json::to_string_pretty(&json).unwrap() + "\n").unwrap();
}

fn heads(world: &World) -> PathBuf {
    world.path("data/private/journal/stadtbus-telemetrie/heads.json")
}

#[test]
fn an_entry_of_another_date_that_was_falsified_in_the_newest_index_is_refused_also_without_memory() {
    let world = three_dates();
    let whole = std::fs::read(version(&world, 3)).unwrap();
    let kept = std::fs::read(heads(&world)).unwrap();
    let falsified: [&dyn Fn(&mut Value); 6] = [
        &|index| index["files"][0]["rows"] = 1.into(),
        &|index| index["files"][0]["sha256"] = Digest::of(b"other").to_string().into(),
        &|index| _ = index["files"].as_array_mut().unwrap().remove(1),
        &|index| index["files"][0]["record"] = index["files"][2]["record"].clone(),
        &|index| _ = index["first"].as_object_mut().unwrap().remove(DATES[1]),
        &|index| index["files"][2]["rows"] = 1.into(),
    ];
    for (place, change) in falsified.iter().enumerate() {
        for has_memory in [true, false] {
            edit(&version(&world, 3), change);
            if !has_memory {
                std::fs::remove_file(heads(&world)).unwrap();
            }
            let before = files(&world.path("data/bucket"));
            let (code, told) = told(&world, DATES[1]);
            assert!(code == Some(42) && told.contains("v0000000003.json"), "{place} {has_memory}: {told}");
            assert!(files(&world.path("data/bucket")) == before);
            std::fs::write(version(&world, 3), &whole).unwrap();
            std::fs::write(heads(&world), &kept).unwrap();
            assert!(self::told(&world, DATES[1]).1.contains("nothing new"));
        }
    }
}

#[test]
fn a_history_that_was_written_anew_is_refused_by_what_the_runs_before_have_seen() {
    let world = three_dates();
    // The first two versions and the links are consistent.
    edit(&version(&world, 1), |index| index["files"][0]["rows"] = 1.into());
    for number in 2..=3 {
        let before = Digest::of(&std::fs::read(version(&world, number - 1)).unwrap());
        edit(&version(&world, number), |index| {
            index["previous"] = before.to_string().into();
            index["files"][0]["rows"] = 1.into();
        });
    }
    let (code, text) = told(&world, DATES[2]);
    assert!(code == Some(42) && text.contains("v0000000003.json") && text.contains("a run before found"), "{text}");
    // Also by a run that was begun elsewhere, for which the same folder has another path.
    for workspace in [world.path("data/.."), "..".into()] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
        command.current_dir(world.path("schemas")).env("FAHRTENBUCH_NOW", "2026-11-26T13:00:00Z");
        command.arg("-C").arg(&workspace).args(["run", TELEMETRY, "--date", DATES[2]]);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(42) && text.contains("a run before found"),
            "{}: {text}",
            workspace.display()
        );
    }
}

#[test]
fn a_newest_index_that_was_rolled_back_is_told_and_the_releases_of_all_dates_are_put_back() {
    for date in DATES {
        let world = three_dates();
        let before = files(&world.path("data/bucket/meta").join(LOCATIONS));
        let record = world.files_json(LOCATIONS)["files"][2]["record"].as_str().unwrap().to_owned();
        std::fs::remove_file(version(&world, 3)).unwrap();
        std::fs::remove_file(version(&world, 2)).unwrap();
        std::fs::remove_file(world.path("data/bucket").join(&record)).unwrap();
        let (code, text) = told(&world, date);
        assert_eq!(code, Some(0), "{text}");
        for lost in &DATES[1..] {
            assert!(text.contains(&format!("had lost the release of {lost}")), "{text}");
        }
        assert!(!text.contains("nothing new") && text.contains("release.rolled_back"), "{text}");
        // Byte for byte what it was.
        assert!(files(&world.path("data/bucket/meta").join(LOCATIONS)) == before);
        assert!(world.path("data/bucket").join(&record).exists());
        let (code, text) = told(&world, date);
        assert!(code == Some(0) && text.contains("nothing new"), "{text}");
    }
}

#[test]
fn a_rolled_back_release_whose_file_is_gone_too_is_refused_with_a_way_on() {
    let world = three_dates();
    let path = world.files_json(LOCATIONS)["files"][2]["path"].as_str().unwrap().to_owned();
    std::fs::remove_file(version(&world, 3)).unwrap();
    std::fs::remove_file(world.path("data/bucket").join(&path)).unwrap();
    let (code, text) = told(&world, DATES[0]);
    assert!(code == Some(42) && text.contains(&path) && text.contains("2026-11-25.json"), "{text}");
    // Its own run makes it again.
    let (code, text) = told(&world, DATES[2]);
    assert_eq!(code, Some(0), "{text}");
    assert!(world.path("data/bucket").join(&path).exists());
    assert_eq!(world.files_json(LOCATIONS)["files"].as_array().unwrap().len(), 3);
    assert!(told(&world, DATES[0]).1.contains("nothing new"));
}

#[test]
fn a_table_whose_index_is_gone_is_refused_and_an_emptied_bucket_is_filled_again() {
    let world = three_dates();
    let folder = world.path("data/bucket/meta").join(LOCATIONS);
    std::fs::rename(&folder, world.path("kept")).unwrap();
    assert_eq!(told(&world, DATES[0]).0, Some(42));
    for root in ["data", "revised"] {
        let _ = std::fs::remove_dir_all(world.path("data/bucket").join(root).join(LOCATIONS));
    }
    let (code, text) = told(&world, DATES[0]);
    assert!(code == Some(42) && text.contains("heads.json"), "{text}");
    std::fs::remove_dir_all(world.path("data/bucket")).unwrap();
    let (code, text) = told(&world, DATES[0]);
    assert!(code == Some(1) && text.contains("make an empty folder there"), "{text}");
    std::fs::create_dir(world.path("data/bucket")).unwrap();
    for date in DATES {
        let (code, text) = told(&world, date);
        assert_eq!(code, Some(0), "{text}");
    }
    assert_eq!(world.files_json(LOCATIONS)["files"].as_array().unwrap().len(), 3);
}

#[test]
fn a_file_of_another_date_that_no_index_names_is_refused_wherever_it_lies() {
    let world = three_dates();
    let file = world.path("data/bucket").join(world.files_json(LOCATIONS)["files"][0]["path"].as_str().unwrap());
    for place in [
        "data/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-23/part-0123456789ab.parquet",
        "data/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-20/part-0123456789ab.parquet",
        "data/stadtbus-telemetrie/vehicle_locations/stray.parquet",
        "data/stadtbus-telemetrie/vehicle_locations/notes.txt",
        "data/stadtbus-telemetrie/stray.parquet",
        "data/stadtbus-telemetrie/drivers/partition_date=2026-11-23/part-0123456789ab.parquet",
        "revised/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-23/part-0123456789ab.parquet",
        "revised/stadtbus-telemetrie/alerts/month=2026-11/part-0123456789ab.parquet",
    ] {
        let foreign = world.path("data/bucket").join(place);
        std::fs::create_dir_all(foreign.parent().unwrap()).unwrap();
        std::fs::copy(&file, &foreign).unwrap();
        let (code, text) = told(&world, DATES[1]);
        assert!(code == Some(42) && text.contains(place) && text.contains("no index names it"), "{place}: {text}");
        assert!(foreign.exists());
        std::fs::remove_file(&foreign).unwrap();
        let (code, text) = told(&world, DATES[1]);
        assert!(code == Some(0) && text.contains("nothing new"), "{text}");
    }
}

#[test]
fn superseded_releases_of_other_dates_are_no_strangers_with_and_without_memory() {
    let world = three_dates();
    let contract = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    for speed in ["8", "9"] {
        let before = if speed == "8" { "WHERE speed > 35" } else { "WHERE speed > 8" };
        world.replace(contract, before, &format!("WHERE speed > {speed}"));
        assert_eq!(told(&world, DATES[0]).0, Some(0));
    }
    assert_eq!(files(&world.path("data/bucket/revised").join(LOCATIONS)).len(), 2);
    assert_eq!(told(&world, DATES[2]).0, Some(0));
    std::fs::remove_file(heads(&world)).unwrap();
    let (code, text) = told(&world, DATES[2]);
    assert!(code == Some(0) && text.contains("nothing new"), "{text}");
}

#[test]
fn a_list_of_captures_or_a_record_of_any_date_that_is_gone_or_changed_is_put_again() {
    let world = three_dates();
    let ledger = world.path("data/bucket/ledger");
    let whole = files(&ledger);
    let objects: Vec<&String> = whole.keys().filter(|name| name.starts_with("objects/")).collect();
    assert!(objects.len() >= 9, "{objects:?}");
    for date in DATES {
        std::fs::remove_dir_all(ledger.join("objects")).unwrap();
        std::fs::remove_dir_all(ledger.join("records")).unwrap();
        let (code, text) = told(&world, date);
        assert!(code == Some(0) && text.contains("put again"), "{text}");
        assert!(files(&ledger) == whole);
    }
    for name in &objects {
        std::fs::write(ledger.join(name), "2026-11-24T00:00:00Z\n").unwrap();
    }
    let (code, text) = told(&world, DATES[1]);
    assert!(code == Some(0) && text.contains("was changed") && !text.contains("nothing new"), "{text}");
    assert!(files(&ledger) == whole);
    // Without the journal the evidence has them.
    for name in &objects {
        std::fs::remove_file(ledger.join(name)).unwrap();
    }
    std::fs::remove_dir_all(world.path("data/private/journal/stadtbus-telemetrie/lists")).unwrap();
    for date in DATES {
        assert_eq!(told(&world, date).0, Some(0));
    }
    let mut now = files(&ledger);
    now.retain(|name, _| whole.contains_key(name));
    assert!(now == whole, "{:?}", now.keys());
}
