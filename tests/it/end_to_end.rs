//! Both pipelines from the sample to a bucket, as data managers, researchers and auditors meet them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::{
    World, files, http_with, python, python_with_duckdb_2, root, rows_of, s3, s3_options, serve_folder,
};

/// Reads tables with programs that we did not write, which compare the values of all columns, and compares the rows with the
/// run record.
fn outsiders_find(readers: &[&str], base: &str, rows: &BTreeMap<String, u64>) {
    for reader in readers {
        let (name, run): (_, fn(&str, &[&str]) -> std::process::Output) = match *reader {
            "duckdb 2" => ("duckdb", python_with_duckdb_2),
            other => (other, python),
        };
        let mut arguments = vec![name, base];
        arguments.extend(rows.keys().map(String::as_str));
        let output = run("read_tables.py", &arguments);
        assert!(output.status.success(), "{reader}: {}", String::from_utf8_lossy(&output.stderr));
        let found: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found, *rows, "{reader}");
    }
    assert!(rows.values().sum::<u64>() > 40_000, "{rows:?}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_fresh_workspace_publishes_both_pipelines_which_outsiders_read_over_http() {
    let world = World::with_publication();
    let results = world.run();
    let rows = rows_of(&results);
    assert_eq!(results.len(), 2);
    assert!(rows["stadtbus-telemetrie/vehicle_locations"] > 10_000, "{rows:?}");
    let server = serve_folder(&world.path("data/bucket"));
    outsiders_find(&["duckdb", "polars"], &format!("http://127.0.0.1:{}", server.1), &rows);
    for name in [
        "index.html",
        "datapackage.json",
        "catalog.ttl",
        "catalog.jsonld",
        "meta/stadtbus-telemetrie/vehicle_locations/files.json",
        "meta/publication/releases/files.json",
    ] {
        assert!(world.path("data/bucket").join(name).exists(), "{name}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn both_pipelines_publish_to_an_s3_bucket_which_outsiders_read_over_http() {
    let server = s3();
    let world = World::with_publication();
    world.move_to_s3(server.port);
    let results = world.run();
    outsiders_find(
        &["duckdb", "polars"],
        &format!("http://127.0.0.1:{}/stadtbus/offen", server.port),
        &rows_of(&results),
    );
    let again = world.run();
    assert!(again.values().all(|result| result["nothing_new"] == true), "{again:?}");
    // A private store that was lost does not make a second release of the same rows.
    std::fs::remove_dir_all(world.path("data/private/journal")).unwrap();
    let third = world.run();
    assert!(third.values().all(|result| result["releases"] == 0), "{third:?}");
    // An object that somebody else wrote over has no digest of ours, and is read and put again.
    let path = world_path_of(&results, "vehicle_locations");
    let object = format!("/stadtbus/offen/{path}");
    let there = http_with(server.port, &format!("GET {object}"), b"").len();
    assert!(http_with(server.port, &format!("PUT {object}"), b"nothing").contains(" 200 "));
    let mended = &world.run()["stadtbus-telemetrie"];
    assert_eq!((&mended["releases"], &mended["nothing_new"]), (&0.into(), &false.into()));
    assert!(mended["record"]["notes"].to_string().contains("release.damaged"), "{mended}");
    assert_eq!(http_with(server.port, &format!("GET {object}"), b"").len(), there);
    assert!(world.run().values().all(|result| result["nothing_new"] == true));
    a_timetable_in_s3_is_captured_once(&world, server.port);
}

/// The path of the file of a table of the telemetry.
fn world_path_of(results: &BTreeMap<String, Value>, table: &str) -> String {
    let tables = results["stadtbus-telemetrie"]["record"]["tables"].as_array().unwrap();
    let entry = tables.iter().find(|entry| entry["table"] == table).unwrap();
    entry["files"][0]["path"].as_str().unwrap().to_owned()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn every_reader_gets_the_same_values_by_file_by_list_and_by_folder_also_after_three_re_releases() {
    let world = World::with_publication();
    let mut results = world.run();
    let first = files(&world.path("data/bucket/data"));
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    for release in 1..=3 {
        crate::broken_feeds::changed(&world, "stops.txt", |text| {
            let text = String::from_utf8(text).unwrap();
            Some(
                text.replacen("\n", &format!("\nneu-{release},Neue Haltestelle {release},48.47,7.94,0,,1,\n"), 1)
                    .into_bytes(),
            )
        });
        let result = world.run_of(&["stadtbus-fahrplan"]);
        assert_eq!(result["stadtbus-fahrplan"]["releases"], 1, "{result:?}");
        results.extend(result);
    }
    // Folders below data/ show what was first published, and no row twice; the list shows the newest.
    assert!(files(&world.path("data/bucket/data")) == first);
    assert_eq!(files(&world.path("data/bucket/revised/stadtbus-fahrplan")).len(), 3);
    for root in ["data", "revised"] {
        let names = files(&world.path("data/bucket").join(root)).into_keys();
        assert_eq!(names.filter(|name| !name.ends_with(".parquet")).collect::<Vec<_>>(), [""; 0]);
    }
    let newest = world.files_json("stadtbus-fahrplan/stops")["files"][0]["path"].as_str().unwrap().to_owned();
    assert!(newest.starts_with("revised/stadtbus-fahrplan/stops/partition_date="), "{newest}");
    let readers = ["duckdb", "duckdb 2", "polars", "pyarrow", "pandas", "chdb"];
    outsiders_find(&readers, &bucket, &rows_of(&results));
}

/// The timetable as an object of a bucket: captured, published, and not captured again.
fn a_timetable_in_s3_is_captured_once(world: &World, port: u16) {
    let feed = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    assert!(http_with(port, "PUT /stadtbus/feeds/gtfs.zip", &feed).contains(" 200 "));
    let source = format!("type: s3\n    url: s3://stadtbus/feeds/gtfs.zip\n    options: {}", s3_options(port));
    world.replace("pipelines/stadtbus-fahrplan.yaml", "type: file\n    path: data/sample/stadtbus-gtfs.zip", &source);
    world.replace("pipelines/stadtbus-fahrplan.yaml", "name: stadtbus-gtfs", "name: stadtbus-gtfs-s3");
    for expected in ["stadtbus-gtfs-s3: kept\n", "stadtbus-gtfs-s3: nothing new\n"] {
        let output = world.program(&["capture", "stadtbus-fahrplan"]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    world.replace("pipelines/stadtbus-fahrplan.yaml", "feeds/gtfs.zip", "feeds/nothing.zip");
    let missing = world.program(&["capture", "stadtbus-fahrplan"]);
    assert_eq!(missing.status.code(), Some(42));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no such object"));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_one_line_of_the_readme_queries_the_bucket() {
    let world = World::with_publication();
    world.run();
    let readme = root().join("README.md").to_string_lossy().into_owned();
    let output = python("readme_query.py", &[&readme, &world.path("").to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "5");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_simulated_timetables_have_no_error_and_no_warning_by_another_validator() {
    let world = World::new();
    let sample = world.path("data/sample/stadtbus-gtfs.zip").to_string_lossy().into_owned();
    let mut feeds = vec!["2026-11-24".to_owned(), sample];
    for (date, seed) in [("2026-12-25", "7"), ("2027-05-01", "8")] {
        let folder = world.path(date).to_string_lossy().into_owned();
        let simulate = ["simulate", "--date", date, "--seed", seed, "--interval", "3600", "--output", &folder];
        assert!(world.program(&simulate).status.success());
        feeds.extend([date.to_owned(), format!("{folder}/gtfs.zip")]);
    }
    let output = python("validate_gtfs.py", &feeds.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn running_again_with_nothing_new_publishes_nothing_new_and_says_so() {
    let world = World::with_publication();
    world.run();
    let before = files(&world.path("data/bucket"));
    let again = world.program(&["run"]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&again.stdout).matches("nothing new").count(), 2);
    assert_eq!(files(&world.path("data/bucket")), before);
}

#[test]
fn two_full_runs_in_two_folders_give_the_same_bytes() {
    // At midnight the timetable would be of two dates.
    let (one, other) = (World::at("2026-11-26T12:00:00Z"), World::at("2026-11-26T12:00:00Z"));
    one.run();
    other.take_keys(&one);
    // Another machine: one thread, another zone and language, and so little memory that rows are sorted in parts.
    other.replace("fahrtenbuch.yaml", "memory: 1 GiB", "memory: 128 MiB");
    let mut command = other.command();
    command.args(["run", "--json"]).env("TZ", "Asia/Tokyo").env("LANG", "tr_TR.UTF-8");
    let output = command.env("POLARS_MAX_THREADS", "1").env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (one, other) = (one.published(), other.published());
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{name} differs");
    }
    assert!(one.len() > 40);
}

#[test]
fn no_row_vanishes_and_the_record_carries_what_an_auditor_needs() {
    let world = World::new();
    world.run();
    let records = world.records();
    assert_eq!(records.len(), 2);
    for record in &records {
        for table in record["tables"].as_array().unwrap() {
            let number = |key: &str| table[key].as_u64().unwrap();
            let dropped: u64 = table["dropped"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
            assert_eq!(number("rows_in"), number("published") + number("quarantined") + dropped, "{table}");
            for file in table["files"].as_array().unwrap() {
                let bytes = std::fs::read(world.path("data/bucket").join(file["path"].as_str().unwrap())).unwrap();
                assert_eq!(file["sha256"], fahrtenbuch::digest::Digest::of(&bytes).to_string());
            }
        }
        for key in ["inputs", "pipeline_file", "contracts", "evidence", "program", "findings", "passed"] {
            assert!(!record[key].is_null(), "{key}");
        }
    }
    let telemetry = records.iter().find(|record| record["pipeline"] == "stadtbus-telemetrie").unwrap();
    let vehicles = telemetry["tables"].as_array().unwrap().iter().find(|t| t["table"] == "vehicle_locations").unwrap();
    assert!(vehicles["quarantined"].as_u64().unwrap() > 0);
    assert!(vehicles["dropped"]["vehicle_locations.same_position"].as_u64().unwrap() > 0);
    let found: Vec<&str> =
        telemetry["findings"].as_array().unwrap().iter().filter_map(|finding| finding["rule"].as_str()).collect();
    assert!(found.contains(&"vehicle_locations.position_in_service_area"), "{found:?}");
}

#[test]
fn a_table_that_a_new_timetable_of_the_same_day_has_lost_is_withdrawn() {
    let world = World::with_publication();
    world.run();
    crate::broken_feeds::changed(&world, "shapes.txt", |_| None);
    let result = &world.run()["stadtbus-fahrplan"];
    let index = |table: &str| -> Value {
        let file = world.path(&format!("data/bucket/meta/stadtbus-fahrplan/{table}/files.json"));
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    let date = result["record"]["date"].as_str().unwrap();
    let files = index("shapes")["files"].as_array().unwrap().clone();
    assert!(files.iter().all(|file| file["partition_date"] != date), "{files:?}");
    assert!(index("stops")["files"].as_array().unwrap().iter().any(|file| file["partition_date"] == date));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn no_published_byte_and_no_log_line_tells_a_driver_a_plate_or_a_vehicle() {
    let world = World::with_publication();
    let output = world.program(&["run", "-vv"]);
    assert!(output.status.success());
    let patterns = [r"Fahrer ?47\d\d", r"OG-FB", r"ofg-1\d\d"];
    let arguments: Vec<String> = [world.path("data/bucket").to_string_lossy().into_owned()]
        .into_iter()
        .chain(patterns.map(str::to_owned))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let search = python("find_personal.py", &arguments);
    assert!(search.status.success(), "{}", String::from_utf8_lossy(&search.stdout));
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains("Fahrer") && !text.contains("OG-FB") && !text.contains("ofg-1"), "{text}");
    }
    // The same search does find them where they are: in the evidence.
    let evidence = fahrtenbuch::capture::evidence::Store::new(root().join("data/sample/evidence"));
    let newest = evidence.latest("stadtbus-vehicle-positions", jiff::Timestamp::MAX).unwrap().unwrap();
    let from = newest.captured_at - jiff::SignedDuration::from_hours(12);
    let noon = evidence.list("stadtbus-vehicle-positions", from, newest.captured_at).unwrap();
    let body = evidence.open(&noon.entries[0]).unwrap().body;
    assert!(String::from_utf8_lossy(&body).contains("Fahrer 47"));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn warcio_reads_our_evidence_and_finds_every_digest_right() {
    let world = World::new();
    world.run();
    let mut archives: Vec<String> = Vec::new();
    for folder in ["data/sample/evidence", "data/private/evidence"] {
        let names = files(&world.path(folder)).into_keys().filter(|name| name.ends_with(".warc.gz"));
        archives.extend(names.map(|name| world.path(folder).join(name).to_string_lossy().into_owned()));
    }
    let output = python("read_warc.py", &archives.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(counts["response"] > 1_000 && counts["resource"] == 1, "{counts:?}");
}

#[test]
fn an_archive_that_was_cut_off_is_published_up_to_there_and_told() {
    let world = World::new();
    let folder = world.path("data/sample/evidence/stadtbus-vehicle-positions");
    let name = files(&folder).into_keys().next_back().unwrap();
    let bytes = std::fs::read(folder.join(&name)).unwrap();
    std::fs::write(folder.join(&name), &bytes[..bytes.len() - 20]).unwrap();
    let results = world.run();
    let notes = results["stadtbus-telemetrie"]["record"]["notes"].as_array().unwrap().clone();
    let cut: Vec<&Value> = notes.iter().filter(|note| note["rule"] == "evidence.torn").collect();
    assert_eq!(cut.len(), 1, "{notes:?}");
    assert!(cut[0]["message"].as_str().unwrap().contains("of a record that is not complete"));
}
