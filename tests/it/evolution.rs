//! Contracts change over years: what was published before is found under the names of today, and what would lose it is refused.

use std::collections::BTreeMap;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use crate::broken_feeds::changed;
use crate::world::{Server, World, files, python, serve_logged};

const PIPELINE: &str = "stadtbus-fahrplan";
const STOPS: &str = "stadtbus-fahrplan/stops";
const CONTRACT: &str = "schemas/gtfs/stops.odcs.yaml";
/// One a year, the newest last.
const DATES: [&str; 5] = ["2022-03-01", "2023-03-01", "2024-03-01", "2025-03-01", "2026-03-01"];

/// The columns of a city's own in its stops, at the begin of its years, later, and last.
const FIRST: &str = "
      - {name: x_note, logicalType: string, classification: public}
      - {name: x_places, logicalType: integer, classification: public}
";
const ADDED: &str = "
      - {name: x_roof, logicalType: boolean, classification: public, customProperties: [{property: since, value: 2024-03-01}]}
      - {name: x_note, logicalType: string, classification: public}
      - {name: x_places, logicalType: integer, classification: public}
";
const LAST: &str = "
      - {name: x_roof, logicalType: boolean, classification: public, customProperties: [{property: since, value: 2024-03-01}]}
      - {name: x_remark, logicalType: string, classification: public, customProperties: [{property: alias, value: x_note}, \
                    {property: since, value: 2025-03-01}]}
      - {name: x_places, logicalType: integer, physicalType: int64, classification: public, customProperties: [{property: wasType, \
                    value: int32}, {property: since, value: 2025-03-01}]}
";

/// A world whose stops have columns of the city's own, that are these at first.
fn with_columns(columns: &str) -> World {
    let world = World::new();
    world.replace_first(CONTRACT, "    properties:\n", &format!("    properties:\n      # own{columns}      # GTFS\n"));
    world
}

/// The contract's own columns are others from now on.
fn now_with(world: &World, columns: &str) {
    let text = std::fs::read_to_string(world.path(CONTRACT)).unwrap();
    let (before, rest) = text.split_once("      # own").unwrap();
    let (_, after) = rest.split_once("      # GTFS").unwrap();
    world.write(CONTRACT, &format!("{before}      # own{columns}      # GTFS{after}"));
}

/// At noon of a date, or at a time, the timetable was captured, and its stops had these columns of the city's own.
fn capture(world: &World, date: &str, header: &str, values: &str) {
    changed(world, "stops.txt", |text| {
        let text = String::from_utf8(text).unwrap();
        let width = text.lines().next().unwrap().split(',').take_while(|name| !name.starts_with("x_")).count();
        let rows = text.lines().enumerate().map(|(row, line)| {
            let own = line.split(',').take(width).collect::<Vec<_>>().join(",");
            let more = if row == 0 { header.to_owned() } else { values.to_owned() };
            format!("{own},{more}\n")
        });
        Some(rows.collect::<String>().into_bytes())
    });
    let captured_at = if date.contains('T') { date.to_owned() } else { format!("{date}T12:00:00Z") };
    let captured_at = captured_at.parse().unwrap();
    let body = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let (url, digest) = ("file:stadtbus-gtfs.zip".to_owned(), Digest::of(&body));
    let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
    Store::new(world.path("data/private/evidence")).append("stadtbus-gtfs", &capture).unwrap();
}

fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The evidence of all years, none of which is run.
fn capture_all(world: &World) {
    capture(world, DATES[0], "x_note,x_places", "one,1");
    capture(world, DATES[1], "x_places,x_note", "2,two");
    capture(world, DATES[2], "x_note,x_roof,x_places", "three,true,3");
    capture(world, DATES[3], "x_remark,x_roof,x_places", "four,false,4000000000");
    capture(world, DATES[4], "x_roof,x_places,x_remark", ",5,five");
}

fn run(world: &World, dates: &[&str]) {
    for date in dates {
        let done = world.run_of(&[PIPELINE, "--date", date]);
        assert_eq!(done[PIPELINE]["status"], "published", "{}", done[PIPELINE]);
    }
}

fn publish_all(world: &World, orders: [&[&str]; 3]) {
    run(world, orders[0]);
    now_with(world, ADDED);
    run(world, orders[1]);
    now_with(world, LAST);
    run(world, orders[2]);
}

fn served(world: &World) -> (Server, String) {
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    let server = serve_logged(&world.path("data/bucket"), &world.path("requests"));
    let base = format!("http://127.0.0.1:{}", server.1);
    world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", &format!("base_url: {base}"));
    (server, base)
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn five_years_with_a_column_that_is_new_one_that_is_renamed_and_one_that_grows_are_one_table_for_all_readers() {
    let world = with_columns(FIRST);
    let (_server, base) = served(&world);
    capture_all(&world);
    publish_all(&world, [&DATES[..2], &DATES[2..3], &DATES[3..]]);
    let (counts, first) = read_by_all(&world, &base);
    let of_a_year = counts.values().sum::<usize>() / 5;
    let expected = [
        json!(["one", 1, null]),
        json!(["two", 2, null]),
        json!(["three", 3, true]),
        json!(["four", 4_000_000_000_u64, false]),
        json!(["five", 5, null]),
    ];
    assert!(of_a_year > 50, "{of_a_year}");
    assert_eq!(counts, expected.iter().map(|row| (row.to_string(), of_a_year)).collect());
    // The first release is read as it was.
    assert!(first.contains(&"x_note".into()) && !first.contains(&"x_remark".into()), "{first:?}");
}

/// What three readers find in the stops: each row with its count.
fn read_by_all(world: &World, base: &str) -> (BTreeMap<String, usize>, Vec<Value>) {
    let folder = world.path("data/bucket").to_string_lossy().into_owned();
    let output = python("evolution.py", &[base, &folder, STOPS, "x_remark", "x_places", "x_roof"]);
    assert!(output.status.success(), "{}", told(&output));
    let found: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["pyiceberg"], &found["pyarrow"]), (&found["duckdb"], &found["duckdb"]));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let rows = found["duckdb"].as_array().unwrap().iter();
    rows.for_each(|row| *counts.entry(row.to_string()).or_default() += 1);
    (counts, found["first"].as_array().unwrap().clone())
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn months_are_compacted_before_and_after_a_change_and_stay_days_where_a_name_changes_and_all_are_read_right() {
    let dates = ["2024-02-10", "2024-02-11", "2024-03-01", "2024-03-02", "2024-04-01", "2024-04-02"];
    let moved = |columns: &str| columns.replace("2024-03-01", dates[3]).replace("2025-03-01", dates[5]);
    let world = with_columns(FIRST);
    let (_server, base) = served(&world);
    capture(&world, dates[0], "x_note,x_places", "one,1");
    capture(&world, dates[1], "x_places,x_note", "2,two");
    capture(&world, dates[2], "x_note,x_places", "three,3");
    capture(&world, dates[3], "x_note,x_roof,x_places", "four,true,4");
    capture(&world, dates[4], "x_note,x_roof,x_places", "five,false,5");
    capture(&world, dates[5], "x_remark,x_roof,x_places", "six,true,4000000000");
    run(&world, &dates[..3]);
    now_with(&world, &moved(ADDED));
    run(&world, &dates[3..5]);
    now_with(&world, &moved(LAST));
    run(&world, &dates[5..]);
    let expected = [
        json!(["one", 1, null]),
        json!(["two", 2, null]),
        json!(["three", 3, null]),
        json!(["four", 4, true]),
        json!(["five", 5, false]),
        json!(["six", 4_000_000_000_u64, true]),
    ];
    let (before, _) = read_by_all(&world, &base);
    let of_a_date = before.values().sum::<usize>() / dates.len();
    let all =
        |rows: &[Value]| -> BTreeMap<String, usize> { rows.iter().map(|row| (row.to_string(), of_a_date)).collect() };
    assert_eq!(before, all(&expected));
    let output = world.program(&["compact", "--json"]);
    let done: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    let months = |world: &World| -> Vec<String> {
        let months = world.files_json(STOPS)["months"].as_array().cloned().unwrap_or_default();
        months.iter().map(|month| month["month"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(months(&world), ["2024-02", "2024-03"], "{done}");
    let unfit = done["unfit"].as_array().unwrap().iter().filter_map(Value::as_str);
    let of_stops: Vec<&str> = unfit.filter(|why| why.starts_with(STOPS)).collect();
    assert!(of_stops.len() == 1 && of_stops[0].contains("2024-04 stays in days"), "{of_stops:?}");
    assert_eq!(read_by_all(&world, &base).0, all(&expected));
    // A span from the midst of a month to that of another: one day is left of each, which needs no file of a month.
    let by = ["--by", "Datenmanagement", "--reason", "a test"];
    let withdraw = |arguments: &[&str]| {
        let output = world.program(&[&["withdraw", STOPS], arguments, &by].concat());
        assert!(output.status.success(), "{}", told(&output));
    };
    withdraw(&["--since", "2024-02-11", "--until", "2024-03-01"]);
    assert_eq!(months(&world), [""; 0]);
    assert_eq!(read_by_all(&world, &base).0, all(&[&expected[..1], &expected[3..]].concat()));
    // Private now: no date, no month and no older version keeps it.
    let private = moved(LAST).replacen(
        "x_remark, logicalType: string, classification: public",
        "x_remark, logicalType: string, classification: private",
        1,
    );
    now_with(
        &world,
        &private.replace(
            ", customProperties: [{property: alias, value: x_note}, {property: since, value: 2024-04-02}]",
            "",
        ),
    );
    let refused = world.program(&["check"]);
    assert!(
        told(&refused).contains("4 published dates still have it (from 2024-02-10 to 2024-04-02)"),
        "{}",
        told(&refused)
    );
    let report = world.program(&["privacy", "report", "--lang", "en"]);
    assert!(told(&report).contains("4 published dates still have it (2024-02-10 to 2024-04-02)"), "{}", told(&report));
    withdraw(&["--since", "2024-02-01", "--until", "2024-04-30"]);
    let found = files(&world.path("data/bucket"));
    let published: Vec<&String> =
        found.keys().filter(|name| name.ends_with(".parquet") && name.contains("stadtbus-fahrplan/stops/")).collect();
    assert_eq!(published, [""; 0]);
}

#[test]
fn the_order_of_dates_changes_nothing_and_a_rebuild_makes_the_same_bytes() {
    let [one, other] = [(); 2].map(|()| with_columns(FIRST));
    for world in [&one, &other] {
        world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    }
    capture_all(&one);
    capture_all(&other);
    publish_all(&one, [&DATES[..2], &DATES[2..3], &DATES[3..]]);
    publish_all(&other, [&[DATES[1], DATES[0]], &DATES[2..3], &[DATES[4], DATES[3]]]);
    assert!(one.tables() == other.tables());
    let files_json = one.files_json(STOPS);
    let own = |name: &str| {
        let columns = files_json["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    let [note, roof, places] = ["x_remark", "x_roof", "x_places"].map(own);
    assert_eq!(note["earlier"], json!([{"name": "x_note", "type": "string", "until": "2025-02-28"}]));
    assert_eq!(places["earlier"], json!([{"name": "x_places", "type": "int", "until": "2025-02-28"}]));
    assert_eq!((&roof["since"], &roof["nullable"]), (&json!("2024-03-01"), &json!(true)));
    let table: Value = serde_json::from_slice(
        &std::fs::read(one.path("data/bucket/iceberg/v1/namespaces/stadtbus-fahrplan/tables/stops.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(table["metadata"]["schemas"].as_array().unwrap().len(), 3);
    let mapping = table["metadata"]["properties"]["schema.name-mapping.default"].as_str().unwrap();
    assert!(
        mapping.contains(&format!("{{\"field-id\":{},\"names\":[\"x_remark\",\"x_note\"]}}", note["id"])),
        "{mapping}"
    );
    assert!(mapping.contains("\"names\":[\"geometry\"]") && mapping.contains("\"names\":[\"bbox\"]"), "{mapping}");
    let made = || files(&one.path("data/bucket"));
    let before = made();
    std::fs::remove_dir_all(one.path("data/bucket/iceberg")).unwrap();
    std::fs::remove_file(one.path(&format!("data/bucket/meta/{STOPS}/files.json"))).unwrap();
    assert!(one.program(&["publish", "--rebuild"]).status.success());
    let after = made();
    let others = before.iter().filter(|(name, bytes)| after.get(*name) != Some(bytes)).map(|(name, _)| name);
    assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
    // A run writes the pages of its own dataset, and this those of all: the other one has had no run.
    let new: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(
        new,
        [
            "reports/stadtbus-telemetrie/quality.en.html",
            "reports/stadtbus-telemetrie/quality.html",
            "stadtbus-telemetrie/feed.en.xml",
            "stadtbus-telemetrie/feed.xml",
            "stadtbus-telemetrie/index.en.html",
            "stadtbus-telemetrie/index.html"
        ]
    );
    let diff = one.program(&["releases", "diff", STOPS, "1", "5"]);
    let expected = [
        "new columns: x_roof",
        "column x_remark: 'x_note', string, may lack before, 'x_remark', string, may lack after",
        "column x_places: int, may lack before, long, may lack after",
    ];
    assert!(expected.iter().all(|line| told(&diff).contains(line)), "{}", told(&diff));
    // Nothing is told once the changes are out, and the contract may forget them.
    let check = |columns: &str| {
        now_with(&one, columns);
        let output = one.program(&["check"]);
        assert!(output.status.success() && !told(&output).contains("x_"), "{}", told(&output));
    };
    check(LAST);
    let plain: String = LAST
        .replace(", customProperties: [{property: alias, value: x_note}, {property: since, value: 2025-03-01}]", "");
    check(&plain);
}

#[test]
fn what_a_contract_does_not_say_of_its_changes_is_told_by_check_and_stops_a_run_before_it_publishes() {
    let world = with_columns(FIRST);
    capture(&world, DATES[0], "x_note,x_places", "one,1");
    run(&world, &DATES[..1]);
    capture(&world, DATES[1], "x_remark,x_places", "two,2");
    let before = files(&world.path("data/bucket"));
    now_with(&world, &FIRST.replace("x_note", "x_remark"));
    let check = world.program(&["check"]);
    let expected = [
        "schemas/gtfs/stops.odcs.yaml:",
        "'x_note' of stadtbus-fahrplan/stops is published, and is no column of the contract any more",
        "{property: removedColumns, value: [{name: x_note, until: 2022-03-01}]}",
        "{property: alias, value: x_note}, {property: since, value: 2022-03-02}",
    ];
    assert_eq!(check.status.code(), Some(2), "{}", told(&check));
    assert!(expected.iter().all(|part| told(&check).contains(part)), "{}", told(&check));
    let refused = world.program(&["run", PIPELINE, "--date", DATES[1]]);
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(expected.iter().all(|part| told(&refused).contains(part)), "{}", told(&refused));
    assert!(files(&world.path("data/bucket")) == before);
    // As it says.
    let alias = "x_remark, customProperties: [{property: alias, value: x_note}, {property: since, value: 2022-03-02}]";
    now_with(&world, &FIRST.replace("x_note", alias));
    let check = world.program(&["check", "--json"]);
    let said: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert!(check.status.success(), "{said}");
    assert_eq!(said["published"]["compared"], true);
    let change = said["published"]["changes"][0]["message"].as_str().unwrap();
    assert_eq!(change, "the column 'x_note' of stadtbus-fahrplan/stops is called 'x_remark' from now on");
    run(&world, &DATES[1..2]);
    // The rule that looks at the timetable before finds the values under the name that they had.
    let query = "SELECT CAST(COUNT(*) AS DOUBLE) AS n FROM previous WHERE x_remark = 'two'";
    world.replace(CONTRACT, "SELECT CAST(COUNT(*) - COUNT(s.stop_id) AS DOUBLE) * 100 / COUNT(*) AS gone", query);
    world.replace(
        CONTRACT,
        "          FROM previous AS p LEFT JOIN (SELECT stop_id FROM stops) AS s ON p.stop_id = s.stop_id\n",
        "",
    );
    let output = world.program(&["check"]);
    assert!(!told(&output).contains("x_remark"), "{}", told(&output));
}

#[test]
fn a_column_that_is_made_private_is_withdrawn_before_anything_is_published() {
    let world = with_columns(FIRST);
    for (place, date) in DATES[..3].iter().enumerate() {
        capture(&world, date, "x_note,x_places", &format!("one,{place}"));
    }
    run(&world, &DATES[..2]);
    let private = FIRST.replacen("classification: public", "classification: private", 1);
    now_with(&world, &private);
    let refused = world.program(&["run", PIPELINE, "--date", DATES[2]]);
    let said = told(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let command =
        "fahrtenbuch withdraw stadtbus-fahrplan/stops --date 2022-03-01 --date 2023-03-01 --by NAME --reason TEXT";
    assert!(
        said.contains("'x_note' of stadtbus-fahrplan/stops is private now, and 2 published dates still have it"),
        "{said}"
    );
    assert!(said.contains(command) && said.contains("publicUntil"), "{said}");
    // The command does what is asked; spans do the same.
    let by = ["--by", "Datenmanagement", "--reason", "a test"];
    let withdraw = |dates: &[&str]| {
        let output = world.program(&[&["withdraw", STOPS], dates, &by].concat());
        assert!(output.status.success(), "{}", told(&output));
    };
    withdraw(&["--date", DATES[0]]);
    let refused = told(&world.program(&["run", PIPELINE, "--date", DATES[2]]));
    assert!(refused.contains("1 published date still has it (2023-03-01)"), "{refused}");
    withdraw(&["--since", "2023-01-01", "--until", "2023-12-31"]);
    run(&world, &DATES[2..3]);
    withdraw(&["--lift", "--date", DATES[0]]);
    run(&world, &DATES[..1]);
    let files_json = world.files_json(STOPS);
    let note = files_json["columns"].as_array().unwrap().iter().find(|column| column["name"] == "x_note").unwrap();
    assert_eq!(note["gone"], true);
    let found = files(&world.path("data/bucket"));
    let published = found.iter().filter(|(name, _)| name.ends_with(".parquet") && name.contains("/stops/"));
    let with_note = published.filter(|(_, bytes)| bytes.windows(6).any(|part| part == b"x_note"));
    assert_eq!(with_note.count(), 0);
}

#[test]
fn what_was_public_may_stay_so_for_a_reason_and_is_published_no_more() {
    let world = with_columns(FIRST);
    capture(&world, DATES[0], "x_note,x_places", "one,1");
    capture(&world, DATES[1], "x_note,x_places", "two,2");
    run(&world, &DATES[..1]);
    let private = "classification: private, customProperties: [{property: publicUntil, value: {date: 2022-03-01, reason: notes of \
                   that year name nobody}}]";
    now_with(&world, &FIRST.replacen("classification: public", private, 1));
    run(&world, &DATES[1..2]);
    let files_json = world.files_json(STOPS);
    let note = files_json["columns"].as_array().unwrap().iter().find(|column| column["name"] == "x_note").unwrap();
    assert_eq!((&note["gone"], &note["until"]), (&json!(true), &json!("2022-03-01")));
    let report = world.program(&["privacy", "report", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap_or_else(|_| panic!("{}", told(&report)));
    let list = |of: &Value, key: &str| of[key].as_array().unwrap().clone();
    let stops = list(&report, "datasets").iter().flat_map(|of| list(of, "tables")).find(|of| of["table"] == "stops");
    let of_stops = list(&stops.unwrap(), "columns");
    let note = of_stops.iter().find(|column| column["column"] == "x_note").unwrap();
    let still =
        json!({"dates": 1, "first": "2022-03-01", "last": "2022-03-01", "reason": "notes of that year name nobody"});
    assert_eq!((&note["published"], &note["still_published"]), (&json!(false), &still));
    assert!(note["how"]["de"].as_str().unwrap().contains("1 veröffentlichter Tag enthält sie noch"), "{note}");
}

#[test]
fn a_check_without_the_bucket_says_that_it_did_not_compare() {
    let world = World::new();
    world.replace("fahrtenbuch.yaml", "location: data/bucket", "location: s3://stadtbus/offen");
    let output = world.program(&["check"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("the contracts were not compared with what is published"), "{}", told(&output));
}

#[test]
fn a_table_that_is_released_no_more_stays_is_told_and_can_be_withdrawn() {
    let world = World::new();
    capture(&world, DATES[0], "x_note", "one");
    run(&world, &DATES[..1]);
    let pipeline = "pipelines/stadtbus-fahrplan.yaml";
    let before = files(&world.path("data/bucket/data"));
    let check = || {
        let output = world.program(&["check"]);
        assert!(output.status.success(), "{}", told(&output));
        told(&output)
    };
    let message = "stadtbus-fahrplan/service_dates is published, and no pipeline releases it any more";
    assert!(!check().contains(message));
    world.replace(pipeline, "release:\n  contracts: schemas/gtfs-derived\n  derived: [service_dates]\n", "");
    let said = check();
    assert!(said.contains(message) && said.contains("--since 2022-03-01 --until 2022-03-01"), "{said}");
    capture(&world, DATES[1], "x_note", "two");
    run(&world, &DATES[1..2]);
    let after = files(&world.path("data/bucket/data"));
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    let span = ["--since", "2022-03-01", "--until", "2022-03-01", "--by", "Datenmanagement", "--reason", "a test"];
    let withdrawn = world.program(&[&["withdraw", "stadtbus-fahrplan/service_dates"], &span[..]].concat());
    assert!(withdrawn.status.success(), "{}", told(&withdrawn));
    assert!(!files(&world.path("data/bucket")).keys().any(|name| name.contains("service_dates/partition_date")));
    assert!(!check().contains(message));
}

#[test]
fn a_column_that_the_program_adds_to_its_own_tables_is_no_change_that_a_city_must_declare() {
    let world = World::with_publication();
    capture(&world, DATES[0], "x_note", "one");
    run(&world, &DATES[..1]);
    // As an earlier version of this program has left it: without a column, and with none of its values.
    let folder = world.path("data/bucket/meta/publication/releases/index");
    let newest = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut index: Value = serde_json::from_slice(&std::fs::read(&newest).unwrap()).unwrap();
    let columns = index["columns"].as_array_mut().unwrap();
    let count = columns.len();
    columns.retain(|column| column["name"] != "pipeline");
    assert_eq!(columns.len(), count - 1);
    std::fs::write(&newest, serde_json::to_string_pretty(&index).unwrap() + "\n").unwrap();
    // Another machine has not seen the other bytes.
    std::fs::remove_dir_all(world.path("data/private/publication")).unwrap();
    capture(&world, DATES[1], "x_note", "two");
    let output = world.program(&["run", PIPELINE, "--date", DATES[1]]);
    assert!(output.status.success() && !told(&output).contains("do not tell yet"), "{}", told(&output));
    let view = world.files_json("publication/releases");
    let column =
        view["columns"].as_array().unwrap().iter().find(|column| column["name"] == "pipeline").unwrap().clone();
    assert_eq!((&column["id"], &column["nullable"]), (&json!(1001), &json!(true)));
    assert_eq!(view["files"].as_array().unwrap().len(), 2);
    let check = world.program(&["check"]);
    assert!(check.status.success() && !told(&check).contains("publication/releases"), "{}", told(&check));
}

#[test]
fn a_date_before_a_change_that_is_run_again_keeps_the_values_that_its_evidence_has_under_the_old_name() {
    let world = with_columns(FIRST);
    capture(&world, DATES[0], "x_note,x_places", "one,1");
    run(&world, &DATES[..1]);
    now_with(&world, LAST);
    capture(&world, DATES[3], "x_remark,x_places", "four,4");
    run(&world, &DATES[3..4]);
    // Late evidence of the first date.
    capture(&world, "2022-03-01T13:00:00Z", "x_note,x_places", "other,1");
    let done = world.run_of(&[PIPELINE, "--date", DATES[0]]);
    assert_eq!(done[PIPELINE]["status"], "published", "{}", done[PIPELINE]);
    let files_json = world.files_json(STOPS);
    let file = &files_json["files"][0];
    assert_eq!(file["partition_date"], DATES[0]);
    let path = world.path("data/bucket").join(file["path"].as_str().unwrap());
    let rows = fahrtenbuch::publish::parquet::rows(std::fs::read(path).unwrap().into()).unwrap();
    let remark = rows.column_by_name("x_remark").unwrap();
    let remark: &arrow_array::StringArray = remark.as_any().downcast_ref().unwrap();
    assert!(rows.column_by_name("x_note").is_none() && remark.iter().all(|value| value == Some("other")));
    // Nor is the old name told as one that nobody reads.
    let report = told(&world.program(&["privacy", "report", "--lang", "en"]));
    assert!(!report.contains("stops.x_note"), "{report}");
}
