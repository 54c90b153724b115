//! The catalogue that SQL engines attach: what it says is what the files say, however it was written.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::published::add_a_row_to_stops;
use crate::world::{Server, World, files, python, rows_of, s3, serve_logged};

/// A world whose bucket is served where its `base_url` says.
fn served() -> (World, Server, String) {
    let world = World::with_publication();
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    let server = serve_logged(&world.path("data/bucket"), &world.path("requests"));
    let base = format!("http://127.0.0.1:{}", server.1);
    is_at(&world, &format!("{base}/"));
    (world, server, base)
}

fn is_at(world: &World, base: &str) {
    world.replace("fahrtenbuch.yaml", "# base_url: https://daten.example.de", &format!("base_url: {base}"));
}

fn outsider<T: serde::de::DeserializeOwned>(script: &str, arguments: &[&str]) -> T {
    let output = python(script, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The rows of the tables of the city that an outsider finds, who finds those that tell of them, too.
fn rows_found(script: &str, arguments: &[&str]) -> BTreeMap<String, u64> {
    let mut rows: BTreeMap<String, u64> = outsider(script, arguments);
    let all = rows.len();
    rows.retain(|name, _| !name.starts_with("publication/"));
    assert_eq!(
        all - rows.len(),
        3,
        "{script}: publication/releases, publication/rule_results and publication/decisions"
    );
    rows
}

fn catalogue(world: &World) -> BTreeMap<String, Vec<u8>> {
    files(&world.path("data/bucket/iceberg"))
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn engines_attach_the_catalogue_and_find_the_rows_of_files_now_and_as_they_were_released_before() {
    let (world, _server, base) = served();
    let rows = rows_of(&world.run());
    assert!(rows.values().sum::<u64>() > 40_000, "{rows:?}");
    assert_eq!(rows_found("attach.py", &[&base]), rows);
    add_a_row_to_stops(&world);
    assert_eq!(world.run_of(&["stadtbus-fahrplan"])["stadtbus-fahrplan"]["releases"], 1);
    let stops = "stadtbus-fahrplan/stops";
    let counts: Vec<u64> = outsider("attach.py", &[&base, stops, "1", "2"]);
    assert_eq!(counts, [rows[stops], rows[stops] + 1]);
    let mut rows = rows;
    *rows.get_mut(stops).unwrap() += 1;
    assert_eq!(rows_found("attach.py", &[&base]), rows);
    let folder = world.path("data/bucket").to_string_lossy().into_owned();
    assert_eq!(rows_found("read_catalogue.py", &[&base, &folder]), rows);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn engines_find_what_is_released_at_once_and_after_a_clock_was_ahead() {
    let (mut world, _server, base) = served();
    let counted = |table: &str| outsider::<u64>("attach.py", &[&base, table, "count"]);
    let rows = |world: &World, table: &str| {
        let view = world.files_json(table);
        let files = view["files"].as_array().unwrap();
        (files.len(), files.iter().map(|file| file["rows"].as_u64().unwrap()).sum::<u64>())
    };
    let stops = "stadtbus-fahrplan/stops";
    // The clock of the engine is the machine's: for it, this is the future.
    world.set_clock("2036-11-27T12:00:00Z");
    world.run_of(&["stadtbus-fahrplan"]);
    world.set_clock(crate::world::NOW);
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    let (files, expected) = rows(&world, stops);
    assert_eq!((files, counted(stops)), (2, expected));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_catalogue_on_an_s3_bucket_is_attached_at_its_bare_addresses() {
    let server = s3();
    let world = World::with_publication();
    world.move_to_s3(server.port);
    let base = format!("http://127.0.0.1:{}/stadtbus/offen", server.port);
    is_at(&world, &base);
    let rows = rows_of(&world.run());
    assert_eq!(rows_found("attach.py", &[&base]), rows);
}

const LOCATIONS: &str = "stadtbus-telemetrie/vehicle_locations";

/// A world with five years of days of a table, its server and base address, the newest day, and a vehicle of it.
pub(crate) fn five_years() -> (World, Server, String, [String; 2]) {
    let (world, server, base) = served();
    // Made up of versions that no run made.
    world.replace_first("fahrtenbuch.yaml", "people:", "publication: off\npeople:");
    let source = World::new();
    source.run();
    let [from, to] = [&source, &world].map(|world| world.path("data/bucket").to_string_lossy().into_owned());
    let day_and_vehicle: [String; 2] = outsider("five_years.py", &[&from, &to]);
    // The bucket's private store is another one.
    let anew = ["restore", "--begin-anew", "--by", "Datenmanagement", "--reason", "a bucket of five years"];
    for arguments in [anew.as_slice(), &["publish", "--rebuild"]] {
        let output = world.program(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    (world, server, base, day_and_vehicle)
}

/// How many requests were made since the last look, how many bytes were given, and which.
fn requests(world: &World) -> (usize, u64, String) {
    let log = std::fs::read_to_string(world.path("requests")).unwrap();
    std::fs::write(world.path("requests"), "").unwrap();
    let bytes = log.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    (log.lines().count(), bytes, log)
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn one_vehicle_and_one_day_of_five_years_are_few_requests_and_bytes() {
    let (world, _server, base, [day, vehicle]) = five_years();
    let (rows, _): (u64, f64) = outsider("attach.py", &[&base, LOCATIONS, &day, &vehicle]);
    assert!(rows > 100, "{rows}");
    let (count, bytes, log) = requests(&world);
    assert!(count <= 10 && bytes <= 160_000, "{bytes} bytes:\n{log}");
    let before: Vec<u64> = outsider("attach.py", &[&base, LOCATIONS, "1", "60"]);
    assert_eq!(before[0] * 1825, before[1] * 1766);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_question_over_five_years_is_few_requests_once_past_months_are_in_one_file_each() {
    let (world, _server, base, [day, vehicle]) = five_years();
    let one: (u64, f64) = outsider("attach.py", &[&base, LOCATIONS, &day, &vehicle]);
    let all: u64 = outsider("attach.py", &[&base, LOCATIONS, "count"]);
    let mean: (u64, u64, f64) = outsider("attach.py", &[&base, LOCATIONS, "mean"]);
    let output = world.program(&["compact", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(done["made"].as_array().unwrap().len(), 60);
    requests(&world);
    assert_eq!(outsider::<u64>("attach.py", &[&base, LOCATIONS, "count"]), all);
    let (count, _, log) = requests(&world);
    assert!(count <= 150, "{count}:\n{log}");
    // Of each file its footer and one part: sixty months, and the 24 days of the month that is not over.
    let (lines, rows, speed): (u64, u64, f64) = outsider("attach.py", &[&base, LOCATIONS, "mean"]);
    assert!((lines, rows) == (mean.0, mean.1) && (speed - mean.2).abs() < 1e-9, "{speed}, not {}", mean.2);
    let (count, _, log) = requests(&world);
    assert!(count <= 5 + 2 * (60 + 24), "{count}:\n{log}");
    // A day that is not compacted, and one that is.
    for day in [day.as_str(), "2024-05-17"] {
        assert_eq!(outsider::<(u64, f64)>("attach.py", &[&base, LOCATIONS, day, &vehicle]), one, "{day}");
        let (count, bytes, log) = requests(&world);
        assert!(count <= 10 && (bytes <= 160_000 || day.starts_with("2024")), "{bytes} bytes:\n{log}");
    }
    let folder = world.path("data/bucket").to_string_lossy().into_owned();
    let read: BTreeMap<String, u64> = outsider("read_catalogue.py", &[&base, &folder]);
    assert_eq!(read[LOCATIONS], all);
}

#[test]
fn a_catalogue_is_the_same_whether_runs_or_a_rebuild_wrote_it_and_needs_an_address() {
    let world = World::with_publication();
    world.run();
    assert!(!world.path("data/bucket/iceberg").exists());
    let output = world.program(&["publish", "--rebuild"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("base_url"), "{said}");
    assert!(!world.path("data/bucket/iceberg").exists());
    let output = world.program(&["check"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("base_url"), "{output:?}");
    is_at(&world, "https://daten.example.de");
    add_a_row_to_stops(&world);
    world.run();
    let stepped = catalogue(&world);
    // Two versions of stops: each has a list and a manifest.
    let of_stops = stepped.keys().filter(|name| name.starts_with("tables/stadtbus-fahrplan/stops/"));
    assert_eq!(of_stops.count(), 4, "{:?}", stepped.keys());
    std::fs::remove_dir_all(world.path("data/bucket/iceberg")).unwrap();
    let bucket = files(&world.path("data/bucket"));
    let json = |arguments: &[&str]| -> Value {
        let output = world.program(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let would = json(&["publish", "--rebuild", "--dry-run", "--json"]);
    assert!(files(&world.path("data/bucket")) == bucket);
    let done = json(&["publish", "--rebuild", "--json"]);
    assert_eq!((would["dry_run"].as_bool(), &would["written"]), (Some(true), &done["written"]));
    assert_eq!(done["written"].as_array().unwrap().len(), stepped.len());
    assert!(catalogue(&world) == stepped);
    // Under another address all of it is another; the results that name addresses, too, and no release.
    world.replace("fahrtenbuch.yaml", "https://daten.example.de", "https://offen.example.de/stadtbus/");
    let moved = json(&["publish", "--rebuild", "--json"]);
    let written: Vec<&str> = moved["written"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(written.iter().any(|name| name.ends_with("quality.dqv.ttl")), "{written:?}");
    assert!(written.iter().all(|name| {
        let is_page = name.ends_with(".html") || name.ends_with(".xml");
        is_page || ["iceberg/", "reports/", "datapackage.json", "catalog."].iter().any(|root| name.starts_with(root))
    }));
    assert!(moved["removed"].as_array().unwrap().iter().all(|name| name.as_str().unwrap().ends_with(".avro")));
    let texts = files(&world.path("data/bucket"));
    assert!(
        texts
            .iter()
            .filter(|(name, _)| name.ends_with(".json")
                || name.ends_with(".html")
                || name.ends_with(".ttl")
                || name.ends_with(".jsonld"))
            .all(|(name, bytes)| name.starts_with("ledger/")
                || !String::from_utf8_lossy(bytes).contains("daten.example.de"))
    );
    assert_eq!(json(&["publish", "--rebuild", "--json"])["written"], Value::Array(Vec::new()));
}
