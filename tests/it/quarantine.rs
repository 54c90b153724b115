//! Rows that were held back: seen by the data manager alone, and published once what held them is mended or decided.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::killed::{STAGES, grow_old, kill_at};
use crate::world::{World, files, python};

const DATASET: &str = "stadtbus-telemetrie";
const TABLE: &str = "stadtbus-telemetrie/vehicle_locations";
const DATE: &str = "2026-11-24";
const BY: &str = "Datenmanagement";
const CONTRACT: &str = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
const RULE: &str = "vehicle_positions.test_trip";
/// A trip of the sample that the timetable does not have.
const UNKNOWN: &str = "unbekannt-11";

/// Adds a rule to a contract, which holds back the rows that a condition is true of.
pub(crate) fn hold(world: &World, contract: &str, name: &str, condition: &str) {
    let text = std::fs::read_to_string(world.path(contract)).unwrap();
    let table = contract.rsplit('/').next().unwrap().split('.').next().unwrap();
    let rule = format!(
        "\n    quality:\n      - name: {name}\n        type: custom\n        engine: fahrtenbuch\n        description: A rule of a \
         test.\n        dimension: consistency\n        severity: error\n        implementation: SELECT _index FROM {table} \
         WHERE {condition}\n        customProperties:\n          - {{property: onFail, value: quarantine}}\n"
    );
    let text = text.trim_end().to_owned() + "\n";
    let with_rule = match text.contains("\n    quality:\n") {
        true => text.replacen("\n    quality:\n", &rule, 1),
        false => text + &rule[1..],
    };
    world.write(contract, &with_rule);
}

/// A workspace in which the rows of the unknown trip are held back, and the result of its first run.
fn held() -> (World, Value) {
    let world = World::new();
    let result = hold_unknown(&world);
    (world, result)
}

fn hold_unknown(world: &World) -> Value {
    hold(world, CONTRACT, "test_trip", "trip_id LIKE 'unbekannt%'");
    vehicles(world)
}

/// Runs, and gives what the record says of the vehicles.
fn vehicles(world: &World) -> Value {
    let result = world.run()[DATASET].clone();
    let tables = result["record"]["tables"].as_array().unwrap();
    let mut entry = tables.iter().find(|entry| entry["table"] == "vehicle_locations").unwrap().clone();
    let rows = |name: &str| entry[name].as_u64().unwrap_or(0);
    let dropped = entry["dropped"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum::<u64>();
    assert_eq!(rows("rows_in"), rows("published") + rows("quarantined") + rows("held_back") + dropped, "{entry}");
    entry["record"] = result["record"].clone();
    entry
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Vec<Value> {
    serde_json::from_str(&text(output)).unwrap()
}

fn list(world: &World) -> Vec<Value> {
    json(&world.program(&["quarantine", "list", DATASET, "--json"]))
}

/// Rows in quarantine by rule.
fn counts(world: &World) -> BTreeMap<String, u64> {
    let count = |line: &Value| (line["rule"].as_str().unwrap().to_owned(), line["rows"].as_u64().unwrap());
    list(world).iter().map(count).collect()
}

fn show(world: &World) -> Vec<Value> {
    json(&world.program(&["quarantine", "show", TABLE, "--date", DATE, "--json"]))
}

fn decide(world: &World, action: &str, which: &[&str]) -> Output {
    let arguments =
        [&["quarantine", action, TABLE, "--date", DATE, "--by", BY, "--reason", "Es war ein Versuch"][..], which]
            .concat();
    world.program(&arguments)
}

/// The rows of the vehicles' current file, without its footer.
fn published(world: &World) -> RecordBatch {
    let table = world.path("data/bucket/meta/stadtbus-telemetrie/vehicle_locations");
    let index: Value = serde_json::from_slice(&std::fs::read(table.join("files.json")).unwrap()).unwrap();
    let file = world.path("data/bucket").join(index["files"][0]["path"].as_str().unwrap());
    read(&file)
}

fn read(file: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

/// The columns of two releases are the same, whatever their footers say.
fn same_rows(one: &RecordBatch, other: &RecordBatch) -> bool {
    one.columns() == other.columns()
}

fn trips(rows: &RecordBatch) -> Vec<String> {
    let trips = rows.column_by_name("trip_id_scheduled").unwrap().as_string::<i32>();
    trips.iter().flatten().map(str::to_owned).collect()
}

/// The records, without what differs from run to run.
fn records(world: &World) -> Vec<Value> {
    let mut records = world.records();
    for record in &mut records {
        for key in ["started_at", "prepared_at"] {
            record[key] = Value::Null;
        }
        // The timetable beside the telemetry is captured anew in each world.
        for evidence in record["evidence"].as_array_mut().unwrap().iter_mut().filter(|e| e["source"] == "stadtbus-gtfs")
        {
            (evidence["first"], evidence["last"], evidence["list"]) = (Value::Null, Value::Null, Value::Null);
        }
        // Decisions are made anew in each world, too.
        for decision in record["decided"].as_array_mut().into_iter().flatten() {
            (decision["id"], decision["at"]) = (Value::Null, Value::Null);
        }
        if let Some(decided) = record["decided"].as_array_mut() {
            decided.sort_by_key(ToString::to_string);
        }
    }
    records.sort_by_key(|record| format!("{} {record}", record["pipeline"]));
    records
}

#[test]
fn held_rows_are_listed_and_shown_with_their_private_columns_and_where_they_came_from() {
    let (world, entry) = held();
    let rows = entry["quarantined"].as_u64().unwrap();
    assert_eq!(entry["entered_quarantine"], entry["quarantined"]);
    let unknown = counts(&world)[RULE];
    assert_eq!(counts(&world).values().sum::<u64>(), rows);
    assert!(unknown > 10 && unknown < rows);
    let only = json(&world.program(&["quarantine", "list", "--rule", RULE, "--date", DATE, "--json"]));
    assert_eq!((only.len(), &only[0]["decided"]), (1, &Value::from(0)));
    let of_rule = ["quarantine", "show", TABLE, "--date", DATE, "--rule", RULE];
    let shown = json(&world.program(&[&of_rule[..], &["--json"]].concat()));
    assert_eq!(shown.len() as u64, unknown);
    for row in &shown {
        assert_eq!((&row["_rules"], &row["trip_id"]), (&Value::from(RULE), &Value::from(UNKNOWN)));
        assert!(row["_origin_name"].as_str().unwrap().starts_with("stadtbus-vehicle-positions 2026-11-24T"), "{row}");
        assert!(row["vehicle_label"].as_str().unwrap().starts_with("Fahrer 47"), "{row}");
        assert_eq!(row["_run"].as_str().unwrap(), &entry["record"]["inputs"]["sha256"].as_str().unwrap()[..12]);
        assert_eq!(row["_held_at"], entry["record"]["started_at"]);
    }
    let people = text(&world.program(&[&of_rule[..], &["--limit", "2"]].concat()));
    assert!(people.starts_with("PRIVATE: "), "{people}");
    assert!(people.contains("Fahrer 47") && people.contains(&format!("and {} more", unknown - 2)), "{people}");
    let csv = world.program(&[&of_rule[..], &["--csv"]].concat());
    assert!(String::from_utf8_lossy(&csv.stderr).starts_with("PRIVATE: "));
    let csv = text(&csv);
    assert_eq!(csv.lines().count() as u64, unknown + 1);
    assert!(csv.starts_with("_id,_rules,_origin_name,_row,_run,_held_at,captured_at,"), "{csv}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn released_rows_are_published_by_the_next_run_and_the_record_tells_it_without_a_trace_of_them() {
    let (world, before) = held();
    let without = World::new();
    without.take_keys(&world);
    without.run();
    assert!(!same_rows(&published(&world), &published(&without)));
    let told = text(&decide(&world, "release", &["--rule", RULE]));
    assert!(told.contains("run stadtbus-telemetrie --date 2026-11-24"), "{told}");
    let unknown = list(&world).iter().find(|line| line["rule"] == RULE).unwrap()["rows"].clone();
    assert_eq!(list(&world).iter().find(|line| line["rule"] == RULE).unwrap()["decided"], unknown);
    let output = world.program(&["run", "-vv", DATASET]);
    let summary = text(&output);
    assert!(
        summary.contains(&format!("vehicle_locations: {unknown} rows left the quarantine, {unknown} published")),
        "{summary}"
    );
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("Fahrer") && !log.contains("ofg-1"), "{log}");
    // The same rows come out as if the rule had never been.
    assert!(same_rows(&published(&world), &published(&without)));
    let entry = vehicles(&world);
    assert_eq!(entry["left_quarantine"], serde_json::json!({"published": unknown, "dropped": 0}));
    assert_eq!(entry["released"], serde_json::json!({RULE: unknown}));
    let told = [("quality.html", "davon freigegeben"), ("quality.en.html", "of them released")];
    for (name, words) in told {
        let page = std::fs::read_to_string(world.path("data/bucket/reports/stadtbus-telemetrie").join(name)).unwrap();
        assert!(page.contains(&format!(">{unknown}</data> {words}")), "{page}");
    }
    assert!(entry.get("entered_quarantine").is_none(), "{entry}");
    let rest = before["quarantined"].as_u64().unwrap() - unknown.as_u64().unwrap();
    assert_eq!(entry["quarantined"], rest);
    assert_eq!(counts(&world).get(RULE), None);
    assert!(world.run().values().all(|result| result["nothing_new"] == true));
    // Who decided, why and of how many rows; neither contents nor ids of rows.
    let decided = &entry["record"]["decided"][0];
    assert_eq!(
        (&decided["kind"], &decided["by"], &decided["target"]["rows"]),
        (&"release".into(), &BY.into(), &unknown)
    );
    assert_eq!(decided["reason"], "Es war ein Versuch");
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let id = std::fs::read_to_string(
        world.path("data/private/quarantine/stadtbus-telemetrie/vehicle_locations.decisions.jsonl"),
    );
    let id: Value = serde_json::from_str(id.unwrap().lines().next().unwrap()).unwrap();
    let search = python(
        "find_personal.py",
        &[&bucket, r"Fahrer ?47\d\d", "OG-FB", r"ofg-1\d\d", id["target"]["rows"][0]["row"].as_str().unwrap()],
    );
    assert!(search.status.success(), "{}", String::from_utf8_lossy(&search.stdout));
}

#[test]
fn numbers_count_rows_that_were_released_from_a_rule_over_all_rows() {
    let world = World::new();
    let condition = "trip_id LIKE 'unbekannt%' AND trip_id IN (SELECT trip_id FROM vehicle_positions)";
    hold(&world, CONTRACT, "test_trip", condition);
    let text_of = std::fs::read_to_string(world.path(CONTRACT)).unwrap();
    let number = "\n    quality:\n      - {name: test_count, type: sql, query: SELECT COUNT(*) FROM vehicle_positions, mustBe: 0}\n";
    world.write(CONTRACT, &text_of.replacen("\n    quality:\n", number, 1));
    let counted = |entry: &Value| {
        let findings = entry["record"]["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["rule"] == "vehicle_positions.test_count").unwrap();
        assert_eq!(finding["value"].as_f64(), finding["checked"].as_f64());
        finding["value"].as_f64().unwrap()
    };
    let before = counted(&vehicles(&world));
    let unknown = list(&world).iter().find(|line| line["rule"] == RULE).unwrap()["rows"].as_f64().unwrap();
    text(&decide(&world, "release", &["--rule", RULE]));
    assert_eq!(counted(&vehicles(&world)), before + unknown);
}

#[test]
fn a_row_that_two_rules_hold_stays_until_both_let_it_go() {
    let (world, _) = held();
    hold(&world, CONTRACT, "test_stop", "trip_id LIKE 'unbekannt%' AND stop_id IS NOT NULL");
    vehicles(&world);
    let both: Vec<Value> =
        show(&world).into_iter().filter(|row| row["_rules"].as_str().unwrap().contains(' ')).collect();
    assert!(!both.is_empty());
    let told = text(&decide(&world, "release", &["--rule", RULE]));
    assert!(told.contains(&format!("{} rows of them held by other rules, too", both.len())), "{told}");
    let entry = vehicles(&world);
    let left = entry["left_quarantine"]["published"].as_u64().unwrap_or(0);
    let of_stop = counts(&world)["vehicle_positions.test_stop"];
    assert_eq!(of_stop, both.len() as u64);
    // By its id a row is let go by all rules that hold it now.
    let id = both[0]["_id"].as_str().unwrap();
    text(&decide(&world, "release", &["--row", id]));
    let entry = vehicles(&world);
    assert_eq!(entry["left_quarantine"]["published"], 1, "{left} left before");
    assert!(show(&world).iter().all(|row| row["_id"] != id));
}

#[test]
fn discarded_rows_are_dropped_by_a_rule_of_their_own() {
    let (world, before) = held();
    let ids: Vec<Value> =
        show(&world).iter().filter(|row| row["_rules"] == RULE).map(|row| row["_id"].clone()).collect();
    let ids: Vec<&str> = ids.iter().take(2).map(|id| id.as_str().unwrap()).collect();
    text(&decide(&world, "discard", &["--row", ids[0]]));
    text(&decide(&world, "discard", &["--row", ids[1]]));
    let entry = vehicles(&world);
    assert_eq!(entry["dropped"]["vehicle_locations.discarded"], 2);
    assert_eq!(entry["left_quarantine"], serde_json::json!({"published": 0, "dropped": 2}));
    assert_eq!(entry["quarantined"].as_u64().unwrap() + 2, before["quarantined"].as_u64().unwrap());
    assert_eq!(entry["published"], before["published"]);
    // A decision is taken back by a line of its own.
    let made = json(&world.program(&["decisions", "list", "--json"]));
    let id = made[1]["id"].as_str().unwrap();
    text(&world.program(&["decisions", "undo", id, "--by", BY, "--reason", "Doch ein Bus"]));
    let entry = vehicles(&world);
    assert_eq!(
        (&entry["dropped"]["vehicle_locations.discarded"], &entry["entered_quarantine"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_mapping_file_repairs_an_unknown_trip() {
    let (world, before) = held();
    let known = trips(&published(&world)).into_iter().find(|trip| trip.starts_with("S1-")).unwrap();
    let unknown = counts(&world)[RULE];
    world.write("mappings/trips.csv", &format!("from,to,valid_from,valid_until\n{UNKNOWN},{known},2026-11-01,\n"));
    world.replace(
        "pipelines/stadtbus-telemetrie.yaml",
        "release:\n",
        "mappings: {trip_id: mappings/trips.csv}\nrelease:\n",
    );
    let entry = vehicles(&world);
    assert_eq!(entry["left_quarantine"], serde_json::json!({"published": unknown, "dropped": 0}));
    assert_eq!(entry["mapped"], serde_json::json!({"trip_id": unknown}));
    assert_eq!(entry["published"].as_u64().unwrap(), before["published"].as_u64().unwrap() + unknown);
    assert_eq!(entry["record"]["mappings"]["trip_id"].as_str().unwrap().len(), 64);
    assert!(!trips(&published(&world)).iter().any(|trip| trip == UNKNOWN));
    assert_eq!(counts(&world).get(RULE), None);
    // A line that does not hold on the date maps nothing, and the rows are back.
    world.replace("mappings/trips.csv", "2026-11-01,", ",2026-11-23");
    let entry = vehicles(&world);
    assert_eq!((&entry["mapped"]["trip_id"], &entry["entered_quarantine"]), (&0.into(), &unknown.into()));
}

#[test]
fn a_fixed_rule_empties_the_quarantine_and_decisions_without_a_row_are_told() {
    let (world, _) = held();
    let unknown = counts(&world)[RULE];
    text(&decide(&world, "discard", &["--rule", RULE]));
    world.replace(CONTRACT, "trip_id LIKE 'unbekannt%'", "trip_id LIKE 'niemals%'");
    let entry = vehicles(&world);
    assert_eq!(entry["left_quarantine"], serde_json::json!({"published": unknown, "dropped": 0}));
    let notes = entry["record"]["notes"].as_array().unwrap();
    let note = notes.iter().find(|note| note["rule"] == "quarantine.decision_without_row").unwrap();
    assert!(
        note["message"].as_str().unwrap().starts_with(&format!("{unknown} decisions about 'vehicle_locations'")),
        "{note}"
    );
}

#[test]
fn rows_that_a_rule_nulls_or_a_transform_drops_on_their_way_out_are_told_right() {
    let world = World::new();
    hold(&world, CONTRACT, "test_lines", "trip_id NOT LIKE 'S%'");
    let before = vehicles(&world);
    world.replace(CONTRACT, "trip_id NOT LIKE 'S%'", "trip_id LIKE 'niemals%'");
    let after = vehicles(&world);
    let more = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
    let repeated = |entry: &Value| entry["dropped"]["vehicle_locations.same_position"].as_u64().unwrap();
    let dropped = repeated(&after) - repeated(&before);
    assert!(dropped > 0);
    assert_eq!(after["left_quarantine"], serde_json::json!({"published": more("published"), "dropped": dropped}));
    world.replace(CONTRACT, "trip_id LIKE 'niemals%'", "trip_id NOT LIKE 'S%'");
    let again = vehicles(&world);
    assert_eq!(again["entered_quarantine"].as_u64().unwrap(), more("published") + dropped);
}

#[test]
fn rows_released_into_a_run_that_is_held_back_are_told_as_that() {
    let (world, _) = held();
    let unknown = counts(&world)[RULE];
    // A table that the pipeline does not make any more has nothing in quarantine.
    let folder = world.path("data/private/quarantine/stadtbus-telemetrie/date=2026-11-24");
    std::fs::copy(folder.join("vehicle_locations.parquet"), folder.join("renamed.parquet")).unwrap();
    text(&decide(&world, "release", &["--all"]));
    let text = std::fs::read_to_string(world.path(CONTRACT)).unwrap();
    let block = text.replacen(
        "      - name: test_trip",
        "      - {metric: rowCount, mustBe: 0, customProperties: \
        [{property: onFail, value: block}]}\n      - name: test_trip",
        1,
    );
    world.write(CONTRACT, &block);
    let output = world.program(&["run", DATASET]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let records = world.records();
    let record = records.iter().find(|record| record["status"] == "held_back").unwrap();
    let left = &record["tables"][0]["left_quarantine"];
    assert_eq!((&left["published"], &left["dropped"]), (&0.into(), &0.into()));
    assert!(left["held_back"].as_u64().unwrap() > unknown, "{left}");
    assert!(list(&world).is_empty() && !folder.exists());
}

#[test]
fn rows_of_a_timetable_are_released_with_their_line() {
    let world = World::new();
    hold(&world, "schemas/gtfs/stops.odcs.yaml", "test_stop", "stop_id = 'h045'");
    let stops = |world: &World| {
        let result = world.run()["stadtbus-fahrplan"].clone();
        let tables = result["record"]["tables"].as_array().unwrap();
        tables.iter().find(|entry| entry["table"] == "stops").unwrap().clone()
    };
    let before = stops(&world);
    assert_eq!((&before["quarantined"], &before["entered_quarantine"]), (&1.into(), &1.into()));
    let date = list_of(&world, "stadtbus-fahrplan")[0]["date"].as_str().unwrap().to_owned();
    let release = [
        "quarantine",
        "release",
        "stadtbus-fahrplan/stops",
        "--date",
        &date,
        "--all",
        "--by",
        BY,
        "--reason",
        "Sie stimmt.",
    ];
    text(&world.program(&release));
    let after = stops(&world);
    assert_eq!((&after["published"], &after["quarantined"]), (&before["rows_in"], &0.into()));
    assert_eq!(after["left_quarantine"], serde_json::json!({"published": 1, "dropped": 0}));
    assert!(list_of(&world, "stadtbus-fahrplan").is_empty());
}

fn list_of(world: &World, dataset: &str) -> Vec<Value> {
    json(&world.program(&["quarantine", "list", dataset, "--json"]))
}

#[test]
fn the_same_decisions_give_the_same_bytes_in_two_worlds() {
    let (one, _) = held();
    let other = World::new();
    other.take_keys(&one);
    hold_unknown(&other);
    let ids: Vec<Value> = show(&one).iter().map(|row| row["_id"].clone()).collect();
    assert_eq!(show(&other).iter().map(|row| row["_id"].clone()).collect::<Vec<_>>(), ids);
    text(&decide(&one, "release", &["--rule", RULE]));
    text(&decide(&one, "discard", &["--row", ids[0].as_str().unwrap()]));
    // The other data manager comes to the same at another time and for other reasons.
    std::thread::sleep(std::time::Duration::from_secs(1));
    text(&decide(&other, "release", &["--rule", RULE]));
    text(&decide(&other, "discard", &["--row", ids[0].as_str().unwrap()]));
    assert_eq!(vehicles(&one)["record"]["inputs"], vehicles(&other)["record"]["inputs"]);
    let (one, other) = (one.published(), other.published());
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_run_with_decisions_that_was_killed_at_any_stage_tells_the_same_moves() {
    let decided = |reference: Option<&World>| {
        let world = World::new();
        if let Some(reference) = reference {
            world.take_keys(reference);
        }
        hold_unknown(&world);
        let ids: Vec<Value> = show(&world).iter().map(|row| row["_id"].clone()).collect();
        text(&decide(&world, "release", &["--rule", RULE]));
        text(&decide(&world, "discard", &["--row", ids[0].as_str().unwrap()]));
        world
    };
    let reference = decided(None);
    reference.run();
    for stage in STAGES {
        let world = decided(Some(&reference));
        kill_at(&world, DATASET, stage);
        grow_old(&world.path("data/bucket"));
        world.run();
        // The timetable is captured anew in each world, so that its record may have another date.
        let of = |world: &World| -> Vec<Value> {
            records(world).into_iter().filter(|record| record["pipeline"] == DATASET).collect()
        };
        assert_eq!(of(&world), of(&reference), "killed at {stage}");
        assert_eq!(counts(&world), counts(&reference), "killed at {stage}");
        let (found, expected) = (world.published(), reference.published());
        assert!(found.iter().all(|(name, bytes)| expected[name] == *bytes), "killed at {stage}");
        assert!(files(&world.path("data/private/staging")).is_empty(), "killed at {stage}");
    }
}

#[test]
fn what_cannot_be_decided_or_mapped_is_told_with_a_remedy() {
    let (world, _) = held();
    let refused = |output: Output, expected: &str| {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(expected), "{told}");
    };
    refused(decide(&world, "release", &["--rule", "vehicle_positions.trip_knwon"]), "See what there is with");
    refused(decide(&world, "release", &["--row", "0123456789abcdef"]), "no such row");
    refused(decide(&world, "release", &["--row", "5"]), "16 hex digits");
    refused(decide(&world, "release", &[]), "required");
    let elsewhere = |table: &str, reason: &str| {
        world.program(&["quarantine", "discard", table, "--date", DATE, "--all", "--by", BY, "--reason", reason])
    };
    refused(
        elsewhere("stadtbus-telemetrie/vehicle_location", "x"),
        "Did you mean 'stadtbus-telemetrie/vehicle_locations'?",
    );
    refused(elsewhere("stadtbus-telemetri/vehicle_locations", "x"), "Did you mean 'stadtbus-telemetrie'?");
    refused(elsewhere("../keys", "x"), "expected a dataset and a table");
    refused(elsewhere(TABLE, " "), "needs a reason");
    let file = "data/private/quarantine/stadtbus-telemetrie/vehicle_locations.decisions.jsonl";
    assert!(!world.path(file).exists());
    world.write(file, "{\"date\": \"2026-11-24\"}\n");
    refused(world.program(&["run", DATASET]), "vehicle_locations.decisions.jsonl:1: no decision: missing field `by`");
    world.write("mappings/trips.csv", "from,to\na,b\na,c\n");
    let pipeline = "pipelines/stadtbus-telemetrie.yaml";
    world.replace(
        pipeline,
        "release:\n",
        "mappings: {trip_id: mappings/trips.csv, trip_ids: mappings/none.csv}\nrelease:\n",
    );
    let check = world.program(&["check"]);
    for expected in
        ["trips.csv:3: 'a' is replaced by line 2 already", "none.csv: cannot be read", "Did you mean 'trip_id'?"]
    {
        refused(check.clone(), expected);
    }
}

/// By which programs of a test and of a simulation count.
#[test]
fn decisions_have_the_time_of_the_clock_that_the_program_was_given() {
    let mut world = held().0;
    world.set_clock("2031-02-03T10:00:00Z");
    let decide = |until: &str| {
        let decide = ["quarantine", "discard", TABLE, "--date", DATE, "--all", "--by", BY, "--reason", "a test"];
        world.program(&[&decide[..], &["--until", until]].concat())
    };
    let over = decide("2031-02-02");
    assert!(over.status.code() == Some(2) && String::from_utf8_lossy(&over.stderr).contains("is over"));
    text(&decide("2031-02-03"));
    let list = |world: &World| json(&world.program(&["decisions", "list", "--json"]));
    let made = list(&world);
    assert!(made[0]["at"].as_str().unwrap().starts_with("2031-02-03T10:0"), "{made:?}");
    assert_eq!(made[0]["holds"], true, "{made:?}");
    world.set_clock("2031-02-05T10:00:00Z");
    assert_eq!(list(&world)[0]["holds"], false);
}
