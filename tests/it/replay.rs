//! A release is made again from what its record names, to the byte; or it is said why not, and what differs.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use fahrtenbuch::digest::Digest;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::published::add_a_row_to_stops;
use crate::purge::{DATES, DUE, PIPELINE, collected, purge};
use crate::quarantine::hold;
use crate::releases::{rollback, withdraw};
use crate::schedule::City;
use crate::world::{World, copy, files, s3};

const TELEMETRY: &str = "stadtbus-telemetrie";
const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";
const STOPS: &str = "stadtbus-fahrplan/stops";
const DATE: &str = "2026-11-24";

/// All that a replay must leave as it is.
fn everything(world: &World) -> BTreeMap<String, Vec<u8>> {
    let of = |name: &str| {
        let named = files(&world.path(name)).into_iter();
        named.map(|(file, bytes)| (format!("{name}/{file}"), bytes)).collect::<Vec<_>>()
    };
    of("data/bucket").into_iter().chain(of("data/private")).collect()
}

/// The answer as data; the exit code is to be this one, and nothing changes.
fn replay(world: &World, code: i32, arguments: &[&str]) -> Value {
    let before = everything(world);
    let output = world.program(&[&["replay", "--json"], arguments].concat());
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stdout} {stderr}");
    let after = everything(world);
    let changed: Vec<&String> =
        before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(changed.is_empty(), "{arguments:?} changed {changed:?}");
    serde_json::from_str(&stdout).unwrap_or_default()
}

fn files_of(answer: &Value) -> Vec<&Value> {
    answer["runs"].as_array().unwrap().iter().flat_map(|run| run["files"].as_array().unwrap()).collect()
}

/// All files of an answer came out as they were.
fn all_equal(answer: &Value) -> usize {
    for file in files_of(answer) {
        assert_eq!((&file["verdict"], &file["sha256"]), (&"equal".into(), &file["replayed_sha256"]), "{file}");
    }
    files_of(answer).len()
}

fn run_records(world: &World) -> Vec<String> {
    let records = files(&world.path("data/bucket/ledger/records"));
    let is_run = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["format"] == "fahrtenbuch-run/1";
    records.into_iter().filter(|(_, bytes)| is_run(bytes)).map(|(name, _)| name).collect()
}

fn kinds(reasons: &Value) -> Vec<&str> {
    reasons.as_array().unwrap().iter().map(|reason| reason["kind"].as_str().unwrap()).collect()
}

#[test]
fn every_release_of_the_sample_is_made_again_to_the_byte_in_an_empty_folder_and_nothing_changes() {
    let world = World::with_busplus();
    world.run();
    let mut tables = 0;
    for record in run_records(&world) {
        let answer = replay(&world, 0, &[&format!("ledger/records/{record}")]);
        tables += all_equal(&answer);
        assert_eq!((&answer["runs"][0]["same_program"], &answer["runs"][0]["unable"]), (&true.into(), &Value::Null));
        assert_eq!(answer["runs"][0]["other_inputs"], serde_json::json!([]), "{answer}");
    }
    let published = files(&world.path("data/bucket"));
    assert_eq!(tables, published.keys().filter(|name| name.starts_with("data/")).count());
    assert!(tables > 10, "{tables}");
    // By version and by date, and kept.
    let into = world.path("again");
    let answer = replay(&world, 0, &[&format!("{LOCATIONS}@1"), "--into", &into.to_string_lossy()]);
    assert_eq!(all_equal(&answer), 1);
    let made = files(&into);
    let path = files_of(&answer)[0]["path"].as_str().unwrap();
    assert_eq!(made.len(), 1);
    assert!(made[path] == published[path]);
    assert_eq!(all_equal(&replay(&world, 0, &[LOCATIONS, DATE])), 1);
    let said = world.program(&["replay", LOCATIONS, DATE, "--lang", "de"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("gleich, Byte für Byte") && said.contains("Es ist gleich."), "{said}");
    // What names no release, and folders that are none of the user's.
    let release = format!("{LOCATIONS}@1");
    let (again, bucket) = (into.to_string_lossy(), world.path("data/bucket/x"));
    for wrong in [
        &["stadtbus-telemetrie"][..],
        &[LOCATIONS],
        &["stadtbus-telemetrie/vehicle_locations@2"],
        &["stadtbus-telemetrie/nothing@1"],
        &[LOCATIONS, "2026-11-20"],
        &["0000000000000000000000000000000000000000000000000000000000000000"],
        &[&release, "--into", &again],
        &[&release, "--into", &bucket.to_string_lossy()],
    ] {
        replay(&world, 2, wrong);
    }
}

#[test]
fn a_mapping_file_that_was_changed_since_is_told_and_brought_back_it_does() {
    let world = World::new();
    let (pipeline, mapping) = ("pipelines/stadtbus-telemetrie.yaml", "mappings/trips.csv");
    world.replace_first(pipeline, "format:", "mappings: {trip_id: mappings/trips.csv}\nformat:");
    let of_then = "from,to\nunbekannt-11,unbekannt-12\n";
    world.write(mapping, of_then);
    world.run();
    world.write(mapping, "from,to\nunbekannt-11,unbekannt-13\n");
    let answer = replay(&world, 42, &[LOCATIONS, DATE]);
    let unable = &answer["runs"][0]["unable"];
    assert_eq!(unable["kind"], "input", "{answer}");
    assert!(unable["en"].as_str().unwrap().contains("mapping 'trip_id'"), "{unable}");
    assert!(!answer.to_string().contains("unbekannt-1"), "{answer}");
    world.write(mapping, of_then);
    assert_eq!(all_equal(&replay(&world, 0, &[LOCATIONS, DATE])), 1);
}

#[test]
fn releases_before_and_after_late_evidence_are_made_of_the_captures_of_their_records() {
    let world = World::new();
    let (evidence, aside) = (world.path("data/sample/evidence"), world.path("aside"));
    copy(&evidence, &aside);
    let late =
        |name: &String| name.contains("20261125T") || name.contains("20261124T2") || name.contains("20261124T19");
    let names: Vec<String> = files(&evidence).into_keys().filter(late).collect();
    assert!(names.iter().any(|name| name.contains("stadtbus-vehicle-positions")));
    names.iter().for_each(|name| std::fs::remove_file(evidence.join(name)).unwrap());
    world.run();
    names.iter().for_each(|name| copy(&aside.join(name), &evidence.join(name)));
    world.run();
    assert_eq!(world.files_json(LOCATIONS)["version"], 2);
    let answers = [1, 2].map(|version| replay(&world, 0, &[&format!("{LOCATIONS}@{version}")]));
    answers.iter().for_each(|answer| assert_eq!(all_equal(answer), 1));
    assert_ne!(files_of(&answers[0])[0]["sha256"], files_of(&answers[1])[0]["sha256"]);
    // Evidence that is gone is told.
    names.iter().for_each(|name| std::fs::remove_file(evidence.join(name)).unwrap());
    let answer = replay(&world, 42, &[&format!("{LOCATIONS}@2")]);
    assert_eq!(answer["runs"][0]["unable"]["kind"], "evidence", "{answer}");
    assert_eq!(all_equal(&replay(&world, 0, &[&format!("{LOCATIONS}@1")])), 1);
}

#[test]
fn a_provisional_release_is_made_again_after_the_complete_one_followed() {
    let mut world = World::at("2026-11-25T04:30:00Z");
    let run = [TELEMETRY, "--date", DATE];
    world.run_of(&run);
    world.set_clock("2026-11-25T05:30:00Z");
    world.run_of(&run);
    for (version, provisional) in [(1, true), (2, false)] {
        let answer = replay(&world, 0, &[&format!("{LOCATIONS}@{version}")]);
        assert_eq!((all_equal(&answer), &answer["runs"][0]["provisional"]), (1, &provisional.into()));
    }
}

#[test]
fn contracts_and_decisions_are_those_of_the_record_whatever_was_changed_since() {
    let world = World::new();
    world.run();
    hold(&world, "schemas/gtfs-realtime/vehicle_positions.odcs.yaml", "test_trip", "trip_id LIKE 'unbekannt%'");
    world.run();
    let release =
        ["quarantine", "release", LOCATIONS, "--date", DATE, "--all", "--by", "Datenmanagement", "--reason", "x"];
    assert!(world.program(&release).status.success());
    world.run();
    world.replace_first("pipelines/stadtbus-telemetrie.yaml", "description:", "# Another text.\ndescription:");
    let version = world.files_json(LOCATIONS)["version"].as_u64().unwrap();
    assert_eq!(version, 3);
    for version in 1..=version {
        let answer = replay(&world, 0, &[&format!("{LOCATIONS}@{version}")]);
        assert_eq!(all_equal(&answer), 1);
    }
    // A contract whose text is nowhere any more.
    let record = world
        .path("data/bucket")
        .join(replay(&world, 0, &[&format!("{LOCATIONS}@1")])["runs"][0]["record"].as_str().unwrap());
    let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    let contract =
        record["contracts"].as_array().unwrap().iter().find(|of| of["id"] == "gtfs-realtime-vehicle-positions");
    let digest = contract.unwrap()["sha256"].as_str().unwrap();
    for folder in ["data/bucket/ledger/objects", "data/private/journal/stadtbus-telemetrie/objects"] {
        std::fs::remove_file(world.path(folder).join(digest)).unwrap();
    }
    let answer = replay(&world, 42, &[&format!("{LOCATIONS}@1")]);
    assert_eq!(answer["runs"][0]["unable"]["kind"], "texts", "{answer}");
    assert!(answer["runs"][0]["unable"]["en"].as_str().unwrap().contains(digest), "{answer}");
}

#[test]
fn of_a_purged_date_it_says_when_and_by_which_rule_it_was_destroyed() {
    let mut world = collected(&DATES[..3], "3600");
    let output = world.program(&["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.set_clock(DUE);
    purge(&world, &[]);
    let answer = replay(&world, 42, &[LOCATIONS, DATES[0]]);
    let unable = &answer["runs"][0]["unable"];
    assert_eq!(unable["kind"], "purged", "{answer}");
    for language in ["en", "de"] {
        let said = unable[language].as_str().unwrap();
        assert!(said.contains("retention.evidence: 13 months") && said.contains("2027-12-19"), "{said}");
    }
    assert_eq!(all_equal(&replay(&world, 0, &[LOCATIONS, DATES[2]])), 1);
    let records = files(&world.path("data/bucket/ledger/records"));
    let is_purge = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).unwrap()["format"] == "fahrtenbuch-purge/1";
    let purge = records.iter().find(|(_, bytes)| is_purge(bytes)).unwrap().0.trim_end_matches(".json");
    let answer = replay(&world, 42, &[purge]);
    assert_eq!(kinds(&answer["unable"]), ["purged"]);
}

/// Takes the last row out of a Parquet file.
fn drop_last_row(path: &Path) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let mut batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let last = batches.pop().unwrap();
    batches.push(last.slice(0, last.num_rows() - 1));
    let out = path.with_extension("new");
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&out).unwrap(), schema, None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    std::fs::rename(out, path).unwrap();
}

#[test]
fn a_changed_file_and_a_record_of_another_program_are_told_with_the_rows_that_differ() {
    let world = World::new();
    world.run();
    let entry = world.files_json(LOCATIONS)["files"][0].clone();
    let path = world.path("data/bucket").join(entry["path"].as_str().unwrap());
    let text = std::fs::read_to_string(world.path("data/bucket").join(entry["record"].as_str().unwrap())).unwrap();
    let forged = |edit: &dyn Fn(&mut Value)| -> String {
        let mut record: Value = serde_json::from_str(&text).unwrap();
        edit(&mut record);
        let bytes = record.to_string();
        let digest = Digest::of(bytes.as_bytes()).to_string();
        world.write(&format!("data/bucket/ledger/records/{digest}.json"), &bytes);
        digest
    };
    let by_another = |record: &mut Value| {
        record["program"]["version"] = "0.0.9".into();
        let rules = record["inputs"]["rules"].as_array_mut().unwrap();
        let program = rules.iter_mut().find(|input| input["kind"] == "program").unwrap();
        let value = program["value"].as_str().unwrap().replacen("0.1.0", "0.0.9", 1);
        program["sha256"] = Digest::of(value.as_bytes()).to_string().into();
        program["value"] = value.into();
    };
    // The same bytes by another program.
    let answer = replay(&world, 0, &[&forged(&by_another)]);
    assert!(all_equal(&answer) > 3);
    assert_eq!(
        (&answer["runs"][0]["same_program"], &answer["runs"][0]["program"]["version"]),
        (&false.into(), &"0.0.9".into())
    );
    // Changed under its name: the record proves it.
    drop_last_row(&path);
    let answer = replay(&world, 4, &[LOCATIONS, DATE]);
    let file = files_of(&answer)[0];
    assert_eq!((&file["verdict"], &file["published"]), (&"equal".into(), &"changed".into()), "{file}");
    let found = |file: &Value| {
        ["only_published", "only_replayed", "changed"].map(|name| file["differences"][name].as_u64().unwrap())
    };
    assert_eq!(found(file), [0, 1, 0], "{file}");
    assert_eq!(file["differences"]["examples_replayed"].as_array().unwrap().len(), 1);
    // And with a record that says so.
    let bytes = std::fs::read(&path).unwrap();
    let lying = forged(&|record| {
        by_another(record);
        let tables = record["tables"].as_array_mut().unwrap();
        let of = tables.iter_mut().find(|of| of["table"] == "vehicle_locations").unwrap();
        of["files"][0]["sha256"] = Digest::of(&bytes).to_string().into();
        of["files"][0]["bytes"] = bytes.len().into();
        of["files"][0]["rows"] = (of["files"][0]["rows"].as_u64().unwrap() - 1).into();
    });
    let answer = replay(&world, 4, &[&lying]);
    let all = files_of(&answer);
    let file = all.iter().find(|file| file["table"] == "vehicle_locations").unwrap();
    assert_eq!((&file["verdict"], &file["published"]), (&"differs".into(), &"whole".into()), "{file}");
    assert_eq!(found(file), [0, 1, 0], "{file}");
    let said = world.program(&["replay", &lying]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains("another program") && said.contains("1 only made again") && said.contains("It differs."),
        "{said}"
    );
    // One that is current and gone is a fault, and is compared by its digest.
    std::fs::remove_file(&path).unwrap();
    let answer = replay(&world, 4, &[LOCATIONS, DATE]);
    assert_eq!(files_of(&answer)[0]["published"], "missing");
}

#[test]
fn a_pipeline_with_a_literal_secret_is_made_again_from_its_published_text() {
    let world = collected(&DATES[..1], "3600");
    let file = "pipelines/stadtbus-telemetrie.yaml";
    world.replace(
        file,
        "    url: http://127.0.0.1:9/feed\n",
        "    url: http://127.0.0.1:9/feed\n    headers: {X-Api-Key: planted-three}\n",
    );
    assert!(world.program(&["run", PIPELINE, "--date", DATES[0]]).status.success());
    let answer = replay(&world, 0, &[LOCATIONS, DATES[0]]);
    assert_eq!((all_equal(&answer), kinds(&answer["runs"][0]["limits"])), (1, Vec::new()));
    // The workspace has another one by now, and nobody has kept the secret.
    world.replace(file, "planted-three", "planted-four");
    world.replace_first(file, "description:", "# Another text.\ndescription:");
    let answer = replay(&world, 0, &[LOCATIONS, DATES[0]]);
    assert_eq!((all_equal(&answer), kinds(&answer["runs"][0]["limits"])), (1, vec!["without_secrets"]));
}

#[test]
fn of_a_rollback_the_release_that_it_names_is_made_again_and_a_withdrawal_is_told() {
    let world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    assert!(world.program(&rollback(STOPS, "1", &[])).status.success());
    let first = replay(&world, 0, &["stadtbus-fahrplan/stops@1"]);
    let back = replay(&world, 0, &["stadtbus-fahrplan/stops@3"]);
    assert_eq!((&back["act"]["kind"], &back["act"]["to"]), (&"rollback".into(), &1.into()), "{back}");
    assert_eq!(back["runs"][0]["record"], first["runs"][0]["record"]);
    assert_eq!((all_equal(&back), all_equal(&first)), (1, 1));
    let by_record = replay(&world, 0, &[back["act"]["record"].as_str().unwrap()]);
    assert_eq!(by_record["runs"][0]["record"], first["runs"][0]["record"]);
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    assert!(world.program(&withdraw("stadtbus-fahrplan", &date, &[])).status.success());
    for asked in [&["stadtbus-fahrplan/stops@4"][..], &[STOPS, &date]] {
        let answer = replay(&world, 42, asked);
        assert_eq!(kinds(&answer["unable"]), ["withdrawn"], "{answer}");
    }
    let answer = replay(&world, 42, &["stadtbus-fahrplan/stops@4"]);
    assert_eq!(answer["act"]["kind"], "withdrawal");
    assert_eq!(kinds(&replay(&world, 42, &[answer["act"]["record"].as_str().unwrap()])["unable"]), ["no_release"]);
    // What it was made of is there, so the record of the run can be replayed all the same.
    let answer = replay(&world, 0, &[first["runs"][0]["record"].as_str().unwrap()]);
    assert!(files_of(&answer).iter().all(|file| file["published"] == "gone") && all_equal(&answer) > 1);
}

#[test]
fn a_month_in_one_file_is_made_again_from_the_files_of_its_days() {
    let city = City::new(1, "2026-10-28", 6);
    city.once("2026-11-03T12:00:00Z");
    let output = city.at("2026-11-04T12:00:00Z").args(["compact"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = "linie-0/vehicle_locations";
    let view = city.world.files_json(table);
    let month = view["months"][0].clone();
    let answer = replay(&city.world, 0, &[&format!("{table}@{}", view["version"])]);
    assert_eq!(answer["act"]["kind"], "compaction");
    let of = &answer["months"][0];
    assert_eq!((&of["verdict"], &of["path"], &of["sha256"]), (&"equal".into(), &month["path"], &of["replayed_sha256"]));
    let by_record = replay(&city.world, 0, &[answer["act"]["record"].as_str().unwrap()]);
    assert_eq!(by_record["months"][0]["sha256"], of["sha256"], "{by_record}");
    // Of the tables that tell of releases it says what they are made of.
    assert_eq!(kinds(&replay(&city.world, 42, &["publication/releases@1"])["unable"]), ["publication"]);
}

#[test]
fn a_record_whose_bytes_were_changed_is_a_fault_of_the_ledger_and_one_that_never_was_is_a_wrong_question() {
    let world = World::new();
    world.run_of(&["stadtbus-fahrplan"]);
    let record = world.files_json(STOPS)["files"][0]["record"].as_str().unwrap().to_owned();
    let file = world.path("data/bucket").join(&record);
    let digest = record.rsplit('/').next().unwrap().trim_end_matches(".json").to_owned();
    all_equal(&replay(&world, 0, &[&digest]));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("published", "Published", 1)).unwrap();
    for asked in [&digest, &record] {
        let answer = replay(&world, 42, &[asked]);
        assert_eq!(kinds(&answer["unable"]), ["record"], "{answer}");
    }
    let output = world.program(&["replay", &digest, "--lang", "de"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(42) && said.contains("wurde geändert"), "{said}");
    let output = world.program(&["replay", &digest]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("was changed") && said.contains("backup of the bucket"), "{said}");
    // The release that stands on it says so, too.
    let answer = replay(&world, 42, &[&format!("{STOPS}@1")]);
    assert_eq!(answer["runs"][0]["unable"]["kind"], "record", "{answer}");
    std::fs::remove_file(&file).unwrap();
    replay(&world, 2, &[&digest]);
}

#[test]
fn a_run_that_was_held_back_is_made_again_and_is_held_back_by_the_same_rules() {
    let world = World::new();
    world.run_of(&["stadtbus-fahrplan"]);
    let contract = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
    hold(&world, contract, "test_block", "true");
    world.replace_first(contract, "{property: onFail, value: quarantine}", "{property: onFail, value: block}");
    assert_eq!(world.program(&["run", TELEMETRY]).status.code(), Some(3));
    let is_held = |name: &String| {
        let bytes = std::fs::read(world.path("data/bucket/ledger/records").join(name)).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["status"] == "held_back"
    };
    let held: Vec<String> = run_records(&world).into_iter().filter(is_held).collect();
    let [held] = held.as_slice() else { panic!("{held:?}") };
    let again = || {
        let answer = replay(&world, 0, &[&format!("ledger/records/{held}")]);
        let run = &answer["runs"][0];
        assert_eq!((&run["held_back"], &run["now_held_back"]), (&true.into(), &true.into()), "{answer}");
        assert!(run["blocked_by"].to_string().contains("test_block"), "{answer}");
    };
    again();
    // By the contract of then, whatever the workspace has by now.
    world.replace_first(contract, "{property: onFail, value: block}", "{property: onFail, value: report}");
    again();
    let output = world.program(&["replay", held.trim_end_matches(".json"), "--lang", "de"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("zurückgehalten"), "{said}");
}

#[test]
fn a_release_with_private_zones_is_made_again_as_long_as_the_file_of_then_is_there() {
    let world = World::new();
    let (pipeline, file) = ("pipelines/stadtbus-telemetrie.yaml", "zones/depots.geojson");
    let zones = |radius: u32| {
        format!(
            "{{\"type\": \"FeatureCollection\", \"features\": [{{\"type\": \"Feature\", \"properties\": {{\"radius_m\": {radius}}}, \
             \"geometry\": {{\"type\": \"Point\", \"coordinates\": [7.9461, 48.4763]}}}}]}}"
        )
    };
    world.write(file, &zones(300));
    world.replace(pipeline, "release:\n", &format!("release:\n  privacy: {{zones: {{file: {file}, cut: drop}}}}\n"));
    world.run();
    assert_eq!(all_equal(&replay(&world, 0, &[LOCATIONS, DATE])), 1);
    // Another zone: which file it was is said, and where the zone is nobody tells.
    world.write(file, &zones(299));
    let answer = replay(&world, 42, &[LOCATIONS, DATE]);
    assert_eq!(answer["runs"][0]["unable"]["kind"], "input", "{answer}");
    assert!(!["48.4763", "7.9461"].iter().any(|place| answer.to_string().contains(place)), "{answer}");
    std::fs::remove_file(world.path(file)).unwrap();
    let output = world.program(&["replay", LOCATIONS, DATE]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.code() != Some(0) && said.contains(file), "{said}");
    world.write(file, &zones(300));
    assert_eq!(all_equal(&replay(&world, 0, &[LOCATIONS, DATE])), 1);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn releases_in_an_s3_bucket_are_made_again_as_those_in_a_folder() {
    let server = s3();
    let world = World::new();
    world.move_to_s3(server.port);
    world.run();
    for asked in [&[LOCATIONS, DATE][..], &[&format!("{STOPS}@1")]] {
        let answer = replay(&world, 0, asked);
        assert_eq!(all_equal(&answer), 1, "{answer}");
        assert_eq!(files_of(&answer)[0]["published"], "whole", "{answer}");
    }
    let of_record = replay(&world, 0, &[LOCATIONS, DATE])["runs"][0]["record"].as_str().unwrap().to_owned();
    assert!(all_equal(&replay(&world, 0, &[&of_record])) > 3);
    replay(&world, 2, &[&format!("{STOPS}@9")]);
}

/// A file that should be there is no superseded one.
#[test]
fn a_published_file_that_is_missing_differs_and_one_that_was_superseded_is_gone() {
    let world = World::new();
    world.run_of(&["stadtbus-fahrplan"]);
    let path = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    std::fs::remove_file(world.path("data/bucket").join(path)).unwrap();
    let answer = replay(&world, 4, &[&format!("{STOPS}@1")]);
    let [file] = files_of(&answer)[..] else { panic!("{answer}") };
    assert_eq!((&file["verdict"], &file["published"]), (&"equal".into(), &"missing".into()));
    let said = world.program(&["replay", &format!("{STOPS}@1")]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("the newest index names it"));
}
