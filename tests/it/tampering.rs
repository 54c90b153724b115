//! Evidence, keys and the quarantine that were changed behind the program's back: refused with what is missing, until somebody
//! accepts it on purpose.

mod bucket;

use std::path::{Path, PathBuf};
use std::process::Output;

use fahrtenbuch::capture::evidence::{Entry, Store};
use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::world::{World, files};

const TELEMETRY: &str = "stadtbus-telemetrie";
const VEHICLES: &str = "stadtbus-vehicle-positions";
const DATE: &str = "2026-11-24";
const BY: &str = "Datenmanagement";

fn run(world: &World) -> Output {
    world.program(&["run", TELEMETRY, "--date", DATE])
}

/// A workspace whose date was published.
fn published() -> World {
    let world = World::new();
    let output = run(&world);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world
}

fn refused(world: &World, expected: &[&str]) {
    let before = files(&world.path("data/bucket"));
    let output = run(world);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(42), "{told}");
    for text in
        expected.iter().chain(&["evidence accept stadtbus-telemetrie --date 2026-11-24", "Nothing was published"])
    {
        assert!(told.contains(text), "'{text}' is not in: {told}");
    }
    assert!(files(&world.path("data/bucket")) == before, "something was published");
}

fn accept(world: &World, reason: &str) -> Output {
    world.program(&["evidence", "accept", TELEMETRY, "--date", DATE, "--by", BY, "--reason", reason])
}

fn decisions(world: &World) -> Vec<Value> {
    let output = world.program(&["decisions", "list", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Accepts what there is, takes that back, accepts it again, and runs.
fn accepted_on_purpose(world: &World, expected: &[&str], kind: &str) -> Value {
    let told = accept(world, "Die Platte war defekt");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let all = decisions(world);
    let made: Vec<&Value> =
        all.iter().filter(|decision| decision["kind"] == kind && decision["holds"] == true).collect();
    assert_eq!(made.len(), 1, "{all:?}");
    let id = made[0]["id"].as_str().unwrap();
    let undone = world.program(&["decisions", "undo", id, "--by", BY, "--reason", "Doch nicht"]);
    assert!(undone.status.success(), "{}", String::from_utf8_lossy(&undone.stderr));
    refused(world, expected);
    assert!(accept(world, "Die Platte war wirklich defekt").status.success());
    let output = world.program(&["run", TELEMETRY, "--date", DATE, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let record = results[0]["record"].clone();
    let decided = record["decided"].as_array().unwrap();
    assert_eq!(decided.len(), 1, "{decided:?}");
    assert_eq!((&decided[0]["kind"], &decided[0]["by"]), (&kind.into(), &BY.into()));
    assert_eq!(decided[0]["reason"], "Die Platte war wirklich defekt");
    // From now on that is how it is.
    let again = run(world);
    assert!(
        String::from_utf8_lossy(&again.stdout).contains("nothing new"),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    record
}

fn folder(world: &World) -> PathBuf {
    world.path("data/sample/evidence").join(VEHICLES)
}

/// The archive of an hour of the date.
fn archive(world: &World, hour: &str) -> PathBuf {
    let names = files(&folder(world)).into_keys();
    let name = names.into_iter().find(|name| name.contains(&format!("20261124T{hour}"))).unwrap();
    folder(world).join(name)
}

fn entries(world: &World, hour: u32) -> Vec<Entry> {
    let from: jiff::Timestamp = format!("2026-11-24T{hour:02}:00:00Z").parse().unwrap();
    let until = from + jiff::SignedDuration::from_hours(1);
    Store::new(world.path("data/sample/evidence")).list(VEHICLES, from, until).unwrap().entries
}

fn cut_out(file: &Path, entry: &Entry) {
    let mut bytes = std::fs::read(file).unwrap();
    let (from, to) = (usize::try_from(entry.offset).unwrap(), usize::try_from(entry.offset + entry.length).unwrap());
    bytes.drain(from..to);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn one_flipped_byte_in_an_archive_is_refused() {
    let world = published();
    let (file, entries) = (archive(&world, "08"), entries(&world, 8));
    let mut bytes = std::fs::read(&file).unwrap();
    let place = usize::try_from(entries[20].offset + entries[20].length / 2).unwrap();
    bytes[place] ^= 0x10;
    std::fs::write(&file, bytes).unwrap();
    refused(&world, &[VEHICLES, "missing", &entries[20].captured_at.to_string()]);
    accepted_on_purpose(&world, &["missing"], "accept_evidence");
}

#[test]
fn an_hour_that_was_deleted_is_refused_and_a_later_loss_again() {
    let world = published();
    let lost = entries(&world, 8);
    let first = lost[0].captured_at.to_string();
    std::fs::remove_file(archive(&world, "08")).unwrap();
    let told = format!("{} captures that the record names missing, the first of {first}", lost.len());
    refused(&world, &[&told]);
    let record = accepted_on_purpose(&world, &[&told], "accept_evidence");
    assert_eq!(record["decided"][0]["target"]["missing"], lost.len());
    std::fs::remove_file(archive(&world, "09")).unwrap();
    refused(&world, &["missing, the first of 2026-11-24T09"]);
}

#[test]
fn a_capture_that_was_cut_out_is_refused_also_where_the_list_is_only_in_the_bucket_or_gone() {
    let world = published();
    let (file, entries) = (archive(&world, "08"), entries(&world, 8));
    cut_out(&file, &entries[3]);
    let told = format!("1 capture that the record names missing, the first of {}", entries[3].captured_at);
    refused(&world, &[&told]);
    std::fs::remove_dir_all(world.path("data/private/journal/stadtbus-telemetrie/lists")).unwrap();
    refused(&world, &[&told]);
    accepted_on_purpose(&world, &[&told], "accept_evidence");
    cut_out(&file, &self::entries(&world, 8)[3]);
    std::fs::remove_dir_all(world.path("data/private/journal/stadtbus-telemetrie/lists")).unwrap();
    std::fs::remove_dir_all(world.path("data/bucket/ledger/objects")).unwrap();
    refused(&world, &["the record counts"]);
}

#[test]
fn a_forged_capture_in_between_is_refused_unless_an_import_names_it() {
    let world = published();
    let (file, entries) = (archive(&world, "08"), entries(&world, 8));
    // A capture of another time with the bytes of a real one.
    let store = Store::new(world.path("data/sample/evidence"));
    let mut forged = store.open(&entries[5]).unwrap();
    forged.captured_at += jiff::SignedDuration::from_secs(3);
    store.append(VEHICLES, &forged).unwrap();
    let told = format!("1 capture came in between that the record does not name, the first of {}", forged.captured_at);
    refused(&world, &[&told]);
    let before = std::fs::read(&file).unwrap();
    accepted_on_purpose(&world, &[&told], "accept_evidence");
    std::fs::write(&file, before).unwrap();
    // The same bytes, brought by an import: another world, whose record names who brought it.
    let world = published();
    let store = Store::new(world.path("data/sample/evidence"));
    store.append(VEHICLES, &forged).unwrap();
    let import = serde_json::json!({
        "at": "2026-11-26T08:00:00Z", "by": BY, "from": "the archive of the depot",
        "captures": [{"captured_at": forged.captured_at, "sha256": forged.digest}],
    });
    std::fs::write(folder(&world).join("imports.jsonl"), format!("{import}\n")).unwrap();
    let output = world.program(&["run", TELEMETRY, "--date", DATE, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let evidence = results[0]["record"]["evidence"].as_array().unwrap().clone();
    let entry = evidence.iter().find(|entry| entry["source"] == VEHICLES).unwrap();
    assert_eq!((&entry["imports"][0]["by"], &entry["imports"][0]["captures"]), (&BY.into(), &1.into()));
}

#[test]
fn captures_that_came_later_are_normal() {
    let world = published();
    let last = entries(&world, 22).pop().or_else(|| entries(&world, 21).pop()).unwrap();
    let store = Store::new(world.path("data/sample/evidence"));
    let mut later = store.open(&last).unwrap();
    for _ in 0..3 {
        later.captured_at = "2026-11-25T04:30:00Z".parse::<jiff::Timestamp>().unwrap();
        store.append(VEHICLES, &later).unwrap();
        let output = run(&world);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_days_key_that_was_deleted_or_replaced_is_refused_and_no_new_one_is_made() {
    let world = published();
    let key = world.path("data/private/keys").join(format!("{DATE}.key"));
    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    refused(&world, &["the key of 2026-11-24 is gone"]);
    assert!(!key.exists());
    std::fs::write(&key, format!("{}\n", Digest::of(b"another"))).unwrap();
    let told = "the key of 2026-11-24 was replaced";
    refused(&world, &[told]);
    std::fs::write(&key, &right).unwrap();
    assert!(String::from_utf8_lossy(&run(&world).stdout).contains("nothing new"));
    std::fs::remove_file(&key).unwrap();
    let record = accepted_on_purpose(&world, &["key"], "accept_key");
    assert_eq!(record["decided"][0]["target"]["accepted"], record["pseudonym_key"]);
}

#[test]
fn a_timetable_that_the_record_names_must_still_be_there() {
    let world = published();
    std::fs::remove_dir_all(world.path("data/private/evidence/stadtbus-gtfs")).unwrap();
    // The run captures one now, since there is none: it is not the one that the record names.
    std::thread::sleep(std::time::Duration::from_secs(2));
    refused(&world, &["stadtbus-gtfs: 1 capture that the record names missing"]);
    accepted_on_purpose(&world, &["stadtbus-gtfs"], "accept_evidence");
}

#[test]
fn a_timetable_of_its_own_pipeline_that_is_gone_is_refused() {
    let world = World::new();
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    std::fs::remove_dir_all(world.path("data/private/evidence/stadtbus-gtfs")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(42) && told.contains("1 capture that the record names missing"), "{told}");
}

#[test]
fn a_date_of_which_nothing_is_left_is_not_one_without_evidence() {
    let world = published();
    std::fs::remove_dir_all(folder(&world)).unwrap();
    refused(&world, &["stadtbus-vehicle-positions: ", "missing"]);
    std::fs::remove_dir_all(world.path("data/sample/evidence")).unwrap();
    refused(&world, &["stadtbus-alerts: ", "missing"]);
}

#[test]
fn a_quarantine_that_was_deleted_is_told_and_made_again() {
    let world = published();
    let quarantine = world.path("data/private/quarantine/stadtbus-telemetrie/date=2026-11-24");
    let list = world.program(&["quarantine", "list"]).stdout;
    std::fs::remove_dir_all(&quarantine).unwrap();
    let told = world.program(&["quarantine", "list"]);
    let warning = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(warning.contains("held back, and their file is gone"), "{warning}");
    let output = run(&world);
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing new") || output.status.success());
    assert!(
        world
            .records()
            .iter()
            .any(|record| { record["notes"].as_array().unwrap().iter().any(|note| note["rule"] == "quarantine.gone") })
    );
    assert_eq!(world.program(&["quarantine", "list"]).stdout, list);
}

#[test]
fn the_lists_of_captures_are_objects_that_anybody_can_digest_again() {
    let world = published();
    let records = world.records();
    let record = records.iter().find(|record| record["pipeline"] == TELEMETRY).unwrap();
    let evidence = record["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), 4);
    for entry in evidence {
        let list = entry["list"].as_str().unwrap();
        let bytes = std::fs::read(world.path("data/bucket").join(list)).unwrap();
        assert_eq!(list, format!("ledger/objects/{}", Digest::of(&bytes)));
        let lines = String::from_utf8(bytes).unwrap();
        assert_eq!(lines.lines().count() as u64, entry["captures"].as_u64().unwrap());
        if entry["source"] != "stadtbus-gtfs" {
            assert!(list.ends_with(entry["sha256"].as_str().unwrap()));
        }
    }
    // The sums follow from the lists.
    let inputs = &record["inputs"];
    for (list, sum) in [("data", "data_sha256"), ("rules", "rules_sha256")] {
        let text = |input: &Value, key: &str| input[key].as_str().unwrap().to_owned();
        let mut lines: Vec<String> = Vec::new();
        for input in inputs[list].as_array().unwrap() {
            if let Some(value) = input["value"].as_str() {
                assert_eq!(input["sha256"], Digest::of(value.as_bytes()).to_string());
            }
            lines.push(format!("{} {} {}\n", text(input, "kind"), text(input, "name"), text(input, "sha256")));
        }
        lines.sort();
        assert_eq!(inputs[sum], Digest::of(lines.concat().as_bytes()).to_string());
    }
    let program = &record["program"];
    assert!(program["commit"].is_string() && program["lock_sha256"].as_str().unwrap().len() == 64, "{program}");
}

#[test]
fn a_comment_or_a_threshold_of_a_rule_that_reports_leaves_the_data_inputs_alone() {
    let world = published();
    let inputs = |world: &World| {
        let output = world.program(&["run", TELEMETRY, "--date", DATE, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let results: Value = serde_json::from_slice(&output.stdout).unwrap();
        results[0]["record"]["inputs"].clone()
    };
    let before = inputs(&world);
    let contract = "schemas/stadtbus/vehicle_locations.odcs.yaml";
    let text = std::fs::read_to_string(world.path(contract)).unwrap();
    world.write(contract, &format!("# A comment.\n{text}"));
    world.replace("pipelines/stadtbus-telemetrie.yaml", "format:", "# A comment.\nformat:");
    let after = inputs(&world);
    assert_eq!(after["data_sha256"], before["data_sha256"]);
    assert_ne!(after["rules_sha256"], before["rules_sha256"]);
    world.replace("pipelines/stadtbus-telemetrie.yaml", "occupancy_source: apc", "occupancy_source: driver");
    assert_ne!(inputs(&world)["data_sha256"], before["data_sha256"]);
}

#[test]
fn who_may_not_decide_is_told_who_may() {
    let world = published();
    let accept = |by: &[&str]| {
        let rest = ["evidence", "accept", TELEMETRY, "--date", DATE, "--reason", "x"];
        let output = world.command().args(rest).args(by).env_remove("FAHRTENBUCH_BY").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for by in [&[][..], &["--by", "Niemand"]] {
        let (code, told) = accept(by);
        assert!(code == Some(2) && told.contains(BY), "{told}");
    }
    assert_eq!(accept(&["--by", BY]).0, Some(0));
    world.replace("fahrtenbuch.yaml", "people: [Datenmanagement]\n", "");
    let (code, told) = accept(&["--by", BY]);
    assert!(code == Some(2) && told.contains("Add 'people: [NAME]'"), "{told}");
}

const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";

/// Runs a date; the exit code, and all that was told.
fn told(world: &World, date: &str) -> (Option<i32>, String) {
    let output = world.program(&["run", TELEMETRY, "--date", date]);
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), told.concat())
}

/// Releases the rows that are held back, as a person decides it, and runs.
fn released_by_a_person() -> World {
    let world = published();
    let rows = ["quarantine", "release", LOCATIONS, "--date", DATE, "--all", "--by", BY, "--reason", "Ein Versuch"];
    let decided = world.program(&rows);
    assert!(decided.status.success(), "{}", String::from_utf8_lossy(&decided.stderr));
    let (code, text) = told(&world, DATE);
    assert_eq!(code, Some(0), "{text}");
    world
}

const OF_ROWS: &str = "data/private/quarantine/stadtbus-telemetrie/vehicle_locations.decisions.jsonl";

#[test]
fn a_decision_of_somebody_who_may_not_decide_is_refused_where_it_is_read() {
    let world = released_by_a_person();
    let whole = std::fs::read_to_string(world.path(OF_ROWS)).unwrap();
    let line = whole.lines().last().unwrap();
    for (by, expected) in [("Mallory", "'Mallory' may not decide"), ("", "'by' names nobody"), ("unknown", "'unknown'")]
    {
        let forged = line.replace(&format!("\"by\":\"{BY}\""), &format!("\"by\":\"{by}\""));
        assert_ne!(forged, line);
        world.write(OF_ROWS, &format!("{whole}\n{forged}\n"));
        let place = format!("vehicle_locations.decisions.jsonl:{}:", whole.lines().count() + 2);
        let (code, text) = told(&world, DATE);
        assert!(code == Some(2) && text.contains(&place) && text.contains(expected), "{text}");
        let listed = world.program(&["decisions", "list"]);
        assert!(String::from_utf8_lossy(&listed.stderr).contains(&place));
    }
    // A person who left no longer decides; who takes the decision back may go on.
    world.write(OF_ROWS, &whole);
    world.replace("fahrtenbuch.yaml", BY, "Leitung");
    let (code, text) = told(&world, DATE);
    assert!(code == Some(2) && text.contains("decisions undo"), "{text}");
    let id = text.split("decisions undo ").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let undone = world.program(&["decisions", "undo", &id, "--by", "Leitung", "--reason", "Ausgeschieden"]);
    assert!(undone.status.success(), "{}", String::from_utf8_lossy(&undone.stderr));
    assert_eq!(told(&world, DATE).0, Some(0));
}

#[test]
fn decisions_that_the_record_names_and_that_are_gone_or_changed_are_refused_until_accepted() {
    let world = released_by_a_person();
    let path = world.path(OF_ROWS);
    let whole = std::fs::read_to_string(&path).unwrap();
    let expected = ["decision that the record names is gone"];
    std::fs::remove_file(&path).unwrap();
    refused(&world, &expected);
    std::fs::write(&path, "").unwrap();
    refused(&world, &expected);
    std::fs::write(&path, whole.replace("Ein Versuch", "Kein Versuch")).unwrap();
    refused(&world, &expected);
    std::fs::write(&path, &whole).unwrap();
    assert!(told(&world, DATE).1.contains("nothing new"));
    std::fs::remove_file(&path).unwrap();
    let record = accepted_on_purpose(&world, &expected, "accept_decisions");
    assert_eq!(record["decided"][0]["target"]["missing"].as_array().unwrap().len(), 1);
    // Who takes a decision back does not lose it.
    let world = released_by_a_person();
    let listed = decisions(&world);
    let id = listed[0]["id"].as_str().unwrap();
    assert!(world.program(&["decisions", "undo", id, "--by", BY, "--reason", "Doch nicht"]).status.success());
    assert_eq!(told(&world, DATE).0, Some(0));
}

#[test]
fn where_all_evidence_is_gone_and_that_is_accepted_runs_pass_the_date_over() {
    let world = published();
    std::fs::remove_dir_all(world.path("data/sample/evidence")).unwrap();
    refused(&world, &["missing"]);
    let before = files(&world.path("data/bucket"));
    let output = accept(&world, "Die Platte war defekt");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("Nothing is left to run"), "{text}");
    for _ in 0..2 {
        let (code, text) = told(&world, DATE);
        assert!(code == Some(0) && text.contains("what was published stays"), "{text}");
    }
    assert!(String::from_utf8_lossy(&accept(&world, "Noch einmal").stdout).contains("nothing to accept"));
    assert!(files(&world.path("data/bucket")) == before);
}
