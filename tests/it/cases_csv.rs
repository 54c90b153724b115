//! Feeds whose CSV is not plain: blanks around quotes, quotes inside quotes, line ends of other kinds, torn rows.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fahrtenbuch::publish::parquet::rows as parquet_rows;
use serde_json::Value;

use crate::measure;
use crate::world::{World, files, root};

const DATE: &str = "2026-11-24";

fn case(name: &str) -> PathBuf {
    root().join("tests/cases/gtfs").join(name).join("feed.zip")
}

/// What `validate` counts of a feed, by notice.
fn notices(feed: &Path) -> BTreeMap<String, u64> {
    let report = validate(feed);
    let notices = report["notices"].as_array().unwrap();
    notices.iter().map(|n| (n["code"].as_str().unwrap().to_owned(), n["totalNotices"].as_u64().unwrap())).collect()
}

fn validate(feed: &Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
    command.arg("-C").arg(folder.path()).arg("validate").arg(feed).args(["--date", DATE, "--format", "json"]);
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// What `validate` counts of a case beside the one notice of its plain feed.
fn more_notices(name: &str) -> Vec<(String, u64)> {
    let mut all = notices(&case(name));
    assert_eq!(all.remove("missing_recommended_file"), Some(1), "{all:?}");
    all.into_iter().collect()
}

fn run_bytes(feed: &[u8]) -> (World, Output) {
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), feed).unwrap();
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    (world, output)
}

fn run(name: &str) -> (World, Output) {
    run_bytes(&std::fs::read(case(name)).unwrap())
}

fn record(output: &Output) -> Value {
    let results: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    results[0]["record"].clone()
}

/// The rules of a table that failed, with the rows that they name first.
fn failed(record: &Value, table: &str) -> Vec<(String, Vec<u64>)> {
    let findings = record["findings"].as_array().unwrap().iter();
    let failed = findings.filter(|f| f["table"] == table && f["result"] == "failed" && !f["samples"].is_null());
    let rows =
        |finding: &Value| finding["samples"].as_array().unwrap().iter().filter_map(|s| s["row"].as_u64()).collect();
    failed.map(|finding| (finding["rule"].as_str().unwrap().to_owned(), rows(finding))).collect()
}

fn finding(record: &Value, rule: &str) -> Value {
    let found = record["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("{rule}: {record}")).clone()
}

/// The rows that a finding names first.
fn rows_of(record: &Value, rule: &str) -> Vec<u64> {
    let finding = finding(record, rule);
    finding["samples"].as_array().unwrap().iter().filter_map(|sample| sample["row"].as_u64()).collect()
}

fn notes(record: &Value) -> Vec<String> {
    let notes = record["notes"].as_array().unwrap().iter();
    notes.map(|note| format!("{}: {}", note["rule"].as_str().unwrap(), note["message"].as_str().unwrap())).collect()
}

/// A column of the published stops, by their ids.
fn names(world: &World) -> Vec<String> {
    column(world, "stops", "stop_name")
}

fn column(world: &World, table: &str, column: &str) -> Vec<String> {
    let folder = world.path("data/bucket/data/stadtbus-fahrplan").join(table);
    let mut values = Vec::new();
    for bytes in files(&folder).into_iter().filter(|(name, _)| name.ends_with(".parquet")).map(|(_, bytes)| bytes) {
        let rows = parquet_rows(bytes.into()).unwrap();
        let array = rows.column_by_name(column).unwrap();
        let text = arrow_array::cast::AsArray::as_string::<i32>(array);
        values.extend(text.iter().map(|text| text.unwrap_or_default().to_owned()));
    }
    values.sort();
    values
}

#[test]
fn space_before_quote_names_are_read_without_their_quotes() {
    assert_eq!(more_notices("space-before-quote"), []);
    let (world, output) = run("space-before-quote");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&world), ["Klinikum", "Messe \"Nord\"", "Musterstadt, Bahnhof", "Rathaus", "Schule Ost"]);
    assert_eq!(failed(&record(&output), "stops"), []);
}

#[test]
fn space_after_quote_is_no_part_of_the_value() {
    assert_eq!(more_notices("space-after-quote"), []);
    let (world, output) = run("space-after-quote");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(column(&world, "agency", "agency_fare_url"), ["https://www.musterbus.de/tarif"]);
}

#[test]
fn inner_quotes_keep_the_text_of_the_file_and_the_record_names_the_rows() {
    let (world, output) = run("inner-quotes");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        names(&world),
        ["\"\"K\" Linikum\"", "\"Haus \"Am Markt\" Rathaus\"", "\"Musterstadt, \"Kult\"\"", "Messe", "Schule Ost"]
    );
    assert_eq!(rows_of(&record(&output), "stops.quotes_in_value"), [2, 3, 4]);
    let finding = finding(&record(&output), "stops.quotes_in_value");
    assert_eq!((&finding["severity"], &finding["on_fail"]), (&"warning".into(), &"report".into()));
    assert_eq!(finding["samples"][0]["column"], "stop_name");
}

#[test]
fn open_quote_that_takes_rows_into_a_value_holds_its_row_back_and_says_up_to_which_line() {
    let seen = notices(&case("open-quote"));
    assert_eq!(seen.get("new_line_in_value"), Some(&1), "{seen:?}");
    let (world, output) = run("open-quote");
    let record = record(&output);
    assert_eq!(failed(&record, "trips")[0], ("trips.row_length".to_owned(), vec![2]), "{record}");
    let text = record["findings"].to_string();
    assert!(text.contains("an open quote from line 2 swallowed the rows until line 4"), "{text}");
    assert!(text.contains("and no open quote swallows the rows behind it"), "{text}");
    // The row is held back: nothing is said of its values as if they were published.
    assert_eq!(failed(&record, "trips").len(), 1, "{record}");
    assert!(!record.to_string().contains("published as it is"), "{record}");
    assert!(!column(&world, "trips", "trip_headsign").iter().any(|headsign| headsign.contains('\n')));
}

#[test]
fn crcrlf_is_a_line_end_after_quotes_too() {
    assert_eq!(more_notices("crcrlf"), []);
    let (world, output) = run("crcrlf");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&world), ["Bahnhof", "Klinikum", "Messe", "Rathaus", "Schule Ost"]);
    assert_eq!(notes(&record(&output)).iter().filter(|note| note.contains("_value")).count(), 0);
}

#[test]
fn cr_only_is_refused_for_its_line_ends() {
    for (name, file) in [("cr-only", "agency.txt, row 1"), ("cr-only-agency", "agency.txt, row 1")] {
        let (world, output) = run(name);
        assert_eq!(output.status.code(), Some(42), "{name}");
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("the line ends are neither CR LF nor LF but CR alone"), "{told}");
        assert!(told.contains(file), "{told}");
        assert!(files(&world.path("data/bucket/data")).is_empty());
    }
}

#[test]
fn cr_only_files_are_each_told_by_validate() {
    for (name, count) in [("cr-only", 8), ("cr-only-agency", 2)] {
        let report = validate(&case(name));
        assert_eq!(notices(&case(name)).get("csv_parsing_failed"), Some(&count), "{report}");
        assert!(report.to_string().contains("but CR alone"), "{report}");
    }
}

#[test]
fn empty_rows_of_blanks_are_no_rows() {
    let seen = notices(&case("empty-rows"));
    assert_eq!(seen, BTreeMap::from([("missing_required_field".to_owned(), 4)]));
    let (world, output) = run("empty-rows");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&world).len(), 5);
}

#[test]
fn empty_quoted_row_is_an_empty_row_and_the_rules_run() {
    assert_eq!(more_notices("empty-quoted-row"), [("empty_row".to_owned(), 1)]);
    let (_, output) = run("empty-quoted-row");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = record(&output);
    assert_eq!(failed(&record, "stops"), []);
    assert_eq!(rows_of(&record, "stops.empty_row"), [7]);
}

/// A feed without faults, with other files.
fn with(changed: &[(&str, String)]) -> Vec<u8> {
    let plain = std::fs::read(case("space-after-quote")).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(plain)).unwrap();
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let name = entry.name().unwrap().into_owned();
        if changed.iter().all(|(other, _)| *other != name) {
            out.start_file(name, options).unwrap();
            std::io::copy(&mut entry, &mut out).unwrap();
        }
    }
    for (name, text) in changed {
        out.start_file(*name, options).unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

#[test]
fn a_torn_row_is_held_back_once_and_nothing_is_said_of_its_cells() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,Bahnhof,48.4760,7.9460,0,\n\
                 S2,Rathaus,48.4710,7.9440,0,\nS3,Klinikum,48.4650,7.9520,0,\nS4,Messe,48.4600,7.9300,0,\n\
                 S5,Schule Ost,48.4800,7.9600,0,\nS6,Markt, Nord,48.4800,7.9600,0,S99\nS6\nS1,Doppelt,48\n";
    let (_, output) = run_bytes(&with(&[("stops.txt", stops.to_owned())]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = record(&output);
    assert_eq!(failed(&record, "stops"), [("stops.row_length".to_owned(), vec![7, 8, 9])]);
    assert!(record["findings"].to_string().contains("7 fields instead of 6: S6,Markt, Nord,"), "{record}");
}

#[test]
fn a_line_end_in_a_value_is_published_and_told() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,\"Bahn\nhof\",48.4760,7.9460,0,\n\
                 S2,Rathaus,48.4710,7.9440,0,\nS3,Klinikum,48.4650,7.9520,0,\nS4,Mes\rse,48.4600,7.9300,0,\n\
                 S5,Schule Ost,48.4800,7.9600,0,\n";
    let (world, output) = run_bytes(&with(&[("stops.txt", stops.to_owned())]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(names(&world).contains(&"Bahn\nhof".to_owned()));
    assert_eq!(rows_of(&record(&output), "stops.new_line_in_value"), [2, 6]);
}

#[test]
fn the_contract_says_what_happens_to_quotes_line_ends_and_empty_rows() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,\"Bahn\nhof\",48.4760,7.9460,0,\n\
                 S2,Rathaus,48.4710,7.9440,0,\n\"\"\nS3,Klinikum,48.4650,7.9520,0,\nS4,\"Mes\"se\",48.4600,7.9300,0,\n\
                 S5,Schule Ost,48.4800,7.9600,0,\n";
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), with(&[("stops.txt", stops.to_owned())])).unwrap();
    let contract = "schemas/gtfs/stops.odcs.yaml";
    let changed = |world: &World, rules: &str| {
        let text = std::fs::read_to_string(root().join(contract)).unwrap();
        let begin = "    customProperties:\n";
        assert!(text.contains(begin));
        world.write(
            contract,
            &text.replacen(begin, &format!("{begin}      - property: textRules\n        value:\n{rules}"), 1),
        );
    };
    changed(
        &world,
        "          - {rule: new_line_in_value, severity: error, onFail: quarantine}\n          \
         - {rule: quotes_in_value, severity: info, onFail: invalidate}\n          - {rule: empty_row, severity: info}\n",
    );
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    let record = record(&output);
    for (rule, severity, on_fail) in [
        ("stops.new_line_in_value", "error", "quarantine"),
        ("stops.quotes_in_value", "info", "invalidate"),
        ("stops.empty_row", "info", "report"),
    ] {
        let finding = finding(&record, rule);
        assert_eq!((&finding["severity"], &finding["on_fail"]), (&severity.into(), &on_fail.into()), "{rule}");
    }
    assert!(!names(&world).iter().any(|name| name.contains(['\n', '"'])), "{:?}", names(&world));
    // A row that is not there cannot be held back.
    changed(&world, "          - {rule: empty_row, onFail: quarantine}\n");
    let check = world.program(&["check"]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(2), "{said}");
    assert!(said.contains("'quarantine' is no onFail of empty_row"), "{said}");
}

#[test]
fn rows_that_an_open_quote_swallows_are_lost_rows_and_too_many_of_them_hold_the_run_back() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,\"Bahnhof,48.4760,7.9460,0,\n\
                 S2,Rathaus,48.4710,7.9440,0,\nS3,Klinikum,48.4650,7.9520,0,\nS4,Messe,48.4600,7.9300,0,\n\
                 S5,Schule Ost\",48.4800,7.9600,0,\nS6,Bad,48.4810,7.9610,0,\n";
    let (world, output) = run_bytes(&with(&[("stops.txt", stops.to_owned())]));
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let record = record(&output);
    let lost = finding(&record, "stops.rows_lost");
    assert_eq!((&lost["rows"], &lost["checked"]), (&5.into(), &6.into()), "{lost}");
    assert!(files(&world.path("data/bucket/data")).is_empty());
}

#[test]
fn a_value_that_every_row_has_is_not_nulled_and_its_row_is_held_back() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,Bahnhof,48.4760,7.9460,0,\n\
                 S2,Rathaus,48.4710,7.9440,0,\nS3,Klinikum,48.4650,7.9520,0,\nS4,Messe,48.4600,7.9300,0,\n\
                 S5,Schule Ost,48.4800,7.9600,0,\n\"S\"6\",\"B\"ad\",48.4810,7.9610,0,\n";
    let world = World::new();
    std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), with(&[("stops.txt", stops.to_owned())])).unwrap();
    let contract = "schemas/gtfs/stops.odcs.yaml";
    let text = std::fs::read_to_string(root().join(contract)).unwrap();
    let rules =
        "    customProperties:\n      - {property: textRules, value: [{rule: quotes_in_value, onFail: invalidate}]}\n";
    world.write(contract, &text.replacen("    customProperties:\n", rules, 1));
    let output = world.program(&["run", "stadtbus-fahrplan", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&world), ["Bahnhof", "Klinikum", "Messe", "Rathaus", "Schule Ost"]);
    let tables = record(&output)["tables"].clone();
    let stops = tables.as_array().unwrap().iter().find(|table| table["table"] == "stops").unwrap().clone();
    assert_eq!((&stops["published"], &stops["quarantined"]), (&5.into(), &1.into()), "{stops}");
}

/// Runs the program, in bounded time.
fn measured(arguments: &[&str]) -> measure::Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
    let cost = measure::cost(command.args(arguments).env("FAHRTENBUCH_NOW", crate::world::NOW));
    assert!(cost.time < measure::MOST_TIME, "{arguments:?}: {:?}", cost.time);
    cost
}

/// Torn rows without number, which an archive packs to nothing and a folder does not.
fn torn(columns: usize, rows: usize) -> String {
    let more: Vec<String> = (0..columns).map(|place| format!(",c{place}")).collect();
    format!("route_id,agency_id,route_short_name,route_long_name,route_type{}\n{}", more.concat(), "x\n".repeat(rows))
}

#[test]
fn torn_rows_cost_little_and_too_many_refuse_the_file() {
    const MOST: u64 = 300;
    for (columns, rows) in [(990, 2_000_000), (0, 10_000_000), (990, 99_000)] {
        let folder = tempfile::tempdir().unwrap();
        let feed = folder.path().join("feed");
        let bytes = with(&[("routes.txt", torn(columns, rows))]);
        zip::ZipArchive::new(Cursor::new(bytes)).unwrap().extract(&feed).unwrap();
        let cost = measured(&["validate", feed.to_str().unwrap(), "--date", DATE, "--format", "json"]);
        let (report, peak): (Value, u64) = (serde_json::from_slice(&cost.stdout).unwrap(), cost.peak);
        let refused = report["notices"].to_string().contains("more than 100000 rows do not have as many fields");
        assert_eq!(refused, rows > 100_000, "{columns} columns, {rows} rows: {report}");
        assert!(peak < MOST, "validate of {columns} columns, {rows} rows: {peak} MiB");
    }
    for (columns, rows, expected) in
        [(990, 2_000_000, "routes.txt, row 100002: more than 100000 rows"), (990, 99_000, "rows_lost")]
    {
        let world = World::new();
        std::fs::write(world.path("data/sample/stadtbus-gtfs.zip"), with(&[("routes.txt", torn(columns, rows))]))
            .unwrap();
        let folder = world.path("").to_string_lossy().into_owned();
        let cost = measured(&["-C", &folder, "run", "stadtbus-fahrplan"]);
        let (told, peak) = (cost.said(), cost.peak);
        assert!(told.contains(expected), "{told}");
        assert!(peak < MOST, "run of {columns} columns, {rows} rows: {peak} MiB");
        let private: usize = files(&world.path("data/private")).values().map(Vec::len).sum();
        assert!(private < 20 << 20, "{private} bytes");
    }
}

#[test]
fn an_archive_that_inflates_beyond_measure_is_refused_below_64_mib_too() {
    let (_, output) = run_bytes(&with(&[("routes.txt", torn(0, 5_000_000))]));
    assert_eq!(output.status.code(), Some(42));
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("This looks like a zip bomb"), "{told}");
}
