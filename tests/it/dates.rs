//! Which service date a run takes, and what it does with dates that are not over, have no evidence, or lie in the future.

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{NewContent, NewRecord, Unchanged};
use fahrtenbuch::digest::Digest;
use jiff::Timestamp;
use serde_json::Value;

use crate::world::{World, files, serve_folder};

const TELEMETRY: &str = "stadtbus-telemetrie";
const TIMETABLE: &str = "stadtbus-fahrplan";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A workspace at a time, with what was captured until then of simulated dates.
fn city(dates: &[&str], now: &str) -> World {
    let world = World::at(now);
    world.simulate(dates, "600");
    let evidence = world.path("data/sample/evidence");
    let hour: String = now[..13].chars().filter(|c| *c != '-').collect();
    for name in files(&evidence).into_keys().filter(|name| name.ends_with(".warc.gz")) {
        if name.rsplit('-').next().unwrap() > format!("{hour}.warc.gz").as_str() {
            std::fs::remove_file(evidence.join(name)).unwrap();
        }
    }
    world
}

/// Keeps a copy of the newest snapshot of the vehicles as if it had been captured at another time.
fn capture_again_at(world: &World, at: &str) {
    let store = Store::new(world.path("data/sample/evidence"));
    let source = "stadtbus-vehicle-positions";
    let newest = store.open(&store.latest(source, Timestamp::MAX).unwrap().unwrap()).unwrap();
    store.append(source, &Capture { captured_at: at.parse().unwrap(), ..newest }).unwrap();
}

/// Runs, which must end so, and gives the results.
fn results(world: &World, arguments: &[&str], code: i32) -> (Vec<Value>, String) {
    let output = world.program(&[&["run", "--json"], arguments].concat());
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}{}", text(&output.stdout));
    (serde_json::from_slice(&output.stdout).unwrap(), told)
}

fn rows(result: &Value, table: &str) -> u64 {
    let tables = result["record"]["tables"].as_array().unwrap();
    tables.iter().find(|entry| entry["table"] == table).unwrap()["published"].as_u64().unwrap()
}

fn has_note(result: &Value, rule: &str) -> bool {
    result["record"]["notes"].as_array().unwrap().iter().any(|note| note["rule"] == rule)
}

/// Whether nothing was published of telemetry.
fn is_nothing_published(world: &World) -> bool {
    let names = files(&world.path("data/bucket")).into_keys();
    !names.into_iter().any(|name| name.contains(TELEMETRY) && name.ends_with(".parquet"))
}

#[test]
fn a_run_before_the_end_of_a_service_day_takes_the_date_before_and_the_next_one_finishes_it() {
    // 04:30 local: capturing goes on, the 25th is not over before six.
    let mut world = city(&["2026-11-24", "2026-11-25", "2026-11-26"], "2026-11-26T03:30:00Z");
    let (early, _) = results(&world, &[TELEMETRY], 0);
    assert_eq!((&early[0]["date"], &early[0]["provisional"]), (&"2026-11-24".into(), &false.into()));
    world.set_clock("2026-11-26T05:00:00Z");
    let (later, _) = results(&world, &[TELEMETRY], 0);
    assert_eq!((&later[0]["date"], &later[0]["provisional"]), (&"2026-11-25".into(), &false.into()));
    for result in [&early[0], &later[0]] {
        assert!(rows(result, "vehicle_locations") > 500, "{result:#}");
    }
}

#[test]
fn a_date_that_is_not_over_is_no_default_and_is_published_provisionally_when_it_is_asked_for() {
    let mut world = city(&["2026-11-26"], "2026-11-26T11:00:00Z");
    let run = world.program(&["run", TELEMETRY]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let told = text(&run.stdout);
    assert!(told.contains("2026-11-26, is not over before 2026-11-27 06:00: nothing to do"), "{told}");
    assert!(told.contains("'fahrtenbuch run stadtbus-telemetrie --date 2026-11-26'"), "{told}");
    assert!(is_nothing_published(&world));
    let (now, _) = results(&world, &[TELEMETRY, "--date", "today"], 0);
    assert_eq!((&now[0]["date"], &now[0]["provisional"]), (&"2026-11-26".into(), &true.into()));
    assert!(has_note(&now[0], "run.provisional") && rows(&now[0], "vehicle_locations") > 100);
    let (again, _) = results(&world, &[TELEMETRY, "--date", "heute"], 0);
    assert_eq!(again[0]["nothing_new"], true);
    // Over, with the same evidence: the record says that it is no longer provisional.
    world.set_clock("2026-11-27T05:00:00Z");
    let (over, _) = results(&world, &[TELEMETRY], 0);
    assert_eq!((&over[0]["date"], &over[0]["provisional"]), (&"2026-11-26".into(), &false.into()));
    assert!(!has_note(&over[0], "run.provisional") && over[0]["record_key"] != now[0]["record_key"]);
}

#[test]
fn a_date_to_which_no_report_belongs_yet_is_nothing_to_do() {
    // 03:10 local: what was captured of the 26th are the reports of the night before.
    let world = city(&["2026-11-25", "2026-11-26"], "2026-11-26T02:10:00Z");
    let (early, _) = results(&world, &[TELEMETRY, "--date", "2026-11-26"], 0);
    assert_eq!(early[0]["status"], "skipped");
    let reason = early[0]["reason"].as_str().unwrap();
    assert!(reason.contains("no report belongs to stadtbus-telemetrie 2026-11-26"), "{reason}");
    assert!(is_nothing_published(&world) && world.records().is_empty());
}

#[test]
fn a_table_without_rows_is_not_published_because_it_is_early() {
    // 05:55 local: trips of the 26th are predicted, and no bus of it has reported.
    let mut world = city(&["2026-11-25", "2026-11-26"], "2026-11-26T04:55:00Z");
    let positions = world.path("data/sample/evidence/stadtbus-vehicle-positions/2026/11/26");
    let late = std::fs::read_dir(&positions).unwrap().map(|entry| entry.unwrap().path());
    let mut kept = Vec::new();
    for file in late.filter(|file| file.to_string_lossy().contains("T04")) {
        kept.push((file.clone(), std::fs::read(&file).unwrap()));
        std::fs::remove_file(file).unwrap();
    }
    let (early, _) = results(&world, &[TELEMETRY, "--date", "today"], 0);
    assert!(has_note(&early[0], "run.table_too_early") && early[0]["provisional"] == true);
    for table in early[0]["record"]["tables"].as_array().unwrap() {
        let is_early = table["table"] == "vehicle_locations";
        assert_eq!(
            (table["published"] == 0, table["files"].as_array().unwrap().is_empty()),
            (is_early, is_early),
            "{table}"
        );
    }
    // With its reports the table is there, provisionally and then for good.
    for (file, bytes) in kept {
        std::fs::write(file, bytes).unwrap();
    }
    for (now, is_provisional) in [("2026-11-26T04:58:00Z", true), ("2026-11-27T05:00:00Z", false)] {
        world.set_clock(now);
        let (later, _) = results(&world, &[TELEMETRY, "--date", "2026-11-26"], 0);
        assert_eq!(later[0]["provisional"], is_provisional);
        assert!(rows(&later[0], "vehicle_locations") > 0 && !has_note(&later[0], "run.table_too_early"));
    }
}

#[test]
fn today_and_yesterday_are_those_of_the_calendar_in_the_workspace_s_zone() {
    for (now, word, date) in [
        // The clock goes on from there: a program that starts slowly has not passed midnight.
        ("2026-11-26T22:57:00Z", "today", "2026-11-26"),
        ("2026-11-26T23:00:00Z", "today", "2026-11-27"),
        ("2026-11-26T23:00:00Z", "Gestern", "2026-11-26"),
        ("2026-10-24T22:00:00Z", "yesterday", "2026-10-24"),
        ("2026-10-25T22:30:00Z", "yesterday", "2026-10-24"),
        ("2026-10-25T23:00:00Z", "heute", "2026-10-26"),
        ("2026-03-28T23:30:00Z", "today", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "yesterday", "2026-03-29"),
    ] {
        let run = World::at(now).program(&["run", TELEMETRY, "--date", word]);
        let told = text(&run.stderr);
        // The sample is of 2026-11-24: none of these dates has evidence.
        assert_eq!(run.status.code(), Some(42), "{told}");
        assert!(told.contains(&format!("for {date}.")), "{now} {word}: {told}");
    }
}

#[test]
fn a_date_with_a_time_behind_it_is_refused() {
    let world = World::new();
    for arguments in [
        &["run", TELEMETRY, "--date", "2026-11-24 10:00"][..],
        &["run", TELEMETRY, "--from", "2026-11-24T10:00:00Z", "--to", "2026-11-24"],
        &["evidence", "list", "--date", "2026-11-24T10:00"],
        &["evidence", "purge", "--before", "2026-11-24 10:00", "--dry-run"],
    ] {
        let output = world.program(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("expected a date like 2026-11-24 and no time behind it"), "{arguments:?}: {told}");
    }
    assert!(is_nothing_published(&world));
}

#[test]
fn a_timetable_that_the_source_had_still_makes_no_partition_of_its_date() {
    let world = World::new();
    // Where midnight is at half past an hour of UTC, a body and the answers that nothing is new may be of two dates.
    world.replace("fahrtenbuch.yaml", "Europe/Berlin", "Asia/Kolkata");
    let source = "type: file\n    path: data/sample/stadtbus-gtfs.zip";
    world.replace("pipelines/stadtbus-fahrplan.yaml", source, "type: evidence\n    path: data/kept");
    let store = Store::new(world.path("data/kept"));
    let (name, url) = ("stadtbus-gtfs", "https://stadtbus.example/gtfs.zip");
    let body = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let at = |time: &str| format!("2026-11-25T{time}Z").parse::<Timestamp>().unwrap();
    let (captured_at, digest) = (at("18:10:00"), Digest::of(&body));
    let capture = Capture { url: url.into(), captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
    store.append(name, &capture).unwrap();
    for time in ["18:25:00", "18:35:00", "18:50:00"] {
        let (is_not_modified, status, headers) = (true, 304, Vec::new());
        let unchanged = Unchanged { digest, captured_at, is_not_modified, status, headers };
        let record = NewRecord { content: NewContent::Unchanged(unchanged), ..NewRecord::of(capture.clone()) };
        let record = NewRecord { at: at(time), ..record };
        store.finish(store.write(name, &record, None).unwrap()).unwrap();
    }
    // They count elsewhere.
    assert_eq!(store.list(name, at("18:00:00"), at("19:00:00")).unwrap().entries.len(), 4);
    let (default, _) = results(&world, &[TIMETABLE], 0);
    assert_eq!(default[0]["date"], "2026-11-25", "{default:?}");
    let output = world.program(&["run", TIMETABLE, "--date", "2026-11-26"]);
    assert_eq!(output.status.code(), Some(42), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("2026-11-25"), "{}", text(&output.stderr));
    // What is reported on that date is looked up in it.
    let telemetry = world.run_of(&[TELEMETRY, "--date", "2026-11-24"]);
    let record = telemetry[TELEMETRY]["record"].to_string();
    assert!(record.contains("2026-11-25T18:10:00Z") && !record.contains("2026-11-25T18:50:00Z"), "{record}");
    assert_eq!(world.records().len(), 2);
}

#[test]
fn a_date_of_which_only_the_night_before_was_captured_is_not_published() {
    let world = World::at("2026-11-27T12:00:00Z");
    let alone = world.program(&["run", TELEMETRY, "--date", "2026-11-25"]);
    assert_eq!(alone.status.code(), Some(42), "{}", text(&alone.stdout));
    assert!(
        text(&alone.stderr).contains("no report belongs to stadtbus-telemetrie 2026-11-25"),
        "{}",
        text(&alone.stderr)
    );
    assert!(is_nothing_published(&world) && world.records().is_empty());
    assert!(!world.path("data/private/staging/stadtbus-telemetrie/2026-11-25").exists());
    let range = world.program(&["run", TELEMETRY, "--from", "2026-11-22", "--to", "2026-11-28"]);
    assert_eq!(range.status.code(), Some(0), "{}", text(&range.stderr));
    let told = text(&range.stdout);
    assert!(
        told.contains("6 of 7 dates have no evidence: 2026-11-22 to 2026-11-23, 2026-11-25 to 2026-11-28; skipped"),
        "{told}"
    );
    assert!(told.trim_end().ends_with("data/bucket/index.html") && told.contains("\nopen "), "{told}");
    // Once more in the morning, when no bus of the new date had left: the default passes over it.
    capture_again_at(&world, "2026-11-25T03:30:00Z");
    let (default, told) = results(&world, &[TELEMETRY], 0);
    assert_eq!(default[0]["date"], "2026-11-24");
    assert!(
        told.contains("warning: stadtbus-telemetrie: no report belongs to stadtbus-telemetrie 2026-11-25"),
        "{told}"
    );
}

#[test]
fn a_release_without_rows_is_taken_back_by_running_its_date_again() {
    let world = World::at("2026-11-27T12:00:00Z");
    results(&world, &[TELEMETRY], 0);
    // What an earlier program made of a date like this one.
    let bucket = world.path("data/bucket");
    let indexes =
        files(&bucket).into_iter().filter(|(name, _)| name.contains(TELEMETRY) && name.ends_with("v0000000001.json"));
    let mut changed = 0;
    for (name, bytes) in indexes {
        let text = String::from_utf8(bytes).unwrap().replace("2026-11-24", "2026-11-25");
        let mut index: Value = serde_json::from_str(&text).unwrap();
        let name_of_table = index["table"].clone();
        let folder = |date: &str| {
            let table = name_of_table.as_str().unwrap();
            bucket.join(format!("data/{TELEMETRY}/{table}/partition_date={date}"))
        };
        std::fs::rename(folder("2026-11-24"), folder("2026-11-25")).unwrap();
        for file in index["files"].as_array_mut().unwrap() {
            (file["partition_date"], file["rows"]) = ("2026-11-25".into(), 0.into());
            let table = serde_json::json!({"table": name_of_table, "quarantined": 0, "files": [file.clone()]});
            let record = serde_json::json!({"prepared_at": "2026-11-26T05:00:00Z", "tables": [table]}).to_string();
            let key = format!("ledger/records/{}.json", Digest::of(record.as_bytes()));
            std::fs::write(bucket.join(&key), record).unwrap();
            file["record"] = key.into();
        }
        std::fs::write(bucket.join(name), serde_json::to_vec_pretty(&index).unwrap()).unwrap();
        changed += 1;
    }
    assert_eq!(changed, 5);
    std::fs::remove_dir_all(world.path("data/private/journal").join(TELEMETRY)).unwrap();
    let (taken, _) = results(&world, &[TELEMETRY, "--date", "2026-11-25"], 0);
    assert_eq!(taken[0]["releases"], 5);
    assert!(has_note(&taken[0], "run.empty_release_taken_back"), "{:#}", taken[0]);
    let current =
        files(&bucket).into_iter().filter(|(name, _)| name.contains(TELEMETRY) && name.ends_with("files.json"));
    for (name, bytes) in current {
        let index: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(index["files"], Value::Array(Vec::new()), "{name}");
    }
}

#[test]
fn a_missing_date_names_the_dates_that_there_are() {
    let world = city(&["2026-11-23", "2026-11-25"], "2026-11-28T12:00:00Z");
    for (date, expected) in [
        ("2026-11-01", "The oldest date that has some is 2026-11-23"),
        ("2026-11-27", "The newest date that has some is 2026-11-"),
        ("2026-12-24", "The date is in the future of this machine's clock"),
    ] {
        let run = world.program(&["run", TELEMETRY, "--date", date]);
        let told = text(&run.stderr);
        assert_eq!(run.status.code(), Some(42), "{told}");
        assert!(
            told.contains(&format!("no evidence of stadtbus-telemetrie for {date}")) && told.contains(expected),
            "{told}"
        );
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_run_whose_feed_is_down_goes_on_with_the_evidence_there_is() {
    let world = World::at("2026-11-26T12:00:00Z");
    results(&world, &[TIMETABLE], 0);
    let pipeline = "pipelines/stadtbus-fahrplan.yaml";
    let file = "type: file\n    path: data/sample/stadtbus-gtfs.zip";
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = format!("type: http\n    url: http://127.0.0.1:{port}/gtfs.zip\n    tries: 1");
    world.replace(pipeline, file, &down);
    let (first, told) = results(&world, &[TIMETABLE], 0);
    assert_eq!((&first[0]["status"], &first[0]["date"]), (&"published".into(), &"2026-11-26".into()));
    assert!(told.contains("warning: stadtbus-fahrplan: ") && told.contains("(transient)"), "{told}");
    assert!(has_note(&first[0], "capture.failed"), "{:#}", first[0]["record"]["notes"]);
    assert!(!first[0]["record"].to_string().contains("127.0.0.1"));
    let server = serve_folder(&world.path("data"));
    world.replace(pipeline, &down, &format!("type: http\n    url: http://127.0.0.1:{}/gone.zip", server.1));
    let (second, told) = results(&world, &[TIMETABLE], 0);
    assert_eq!(second[0]["status"], "published");
    assert!(told.contains("(permanent)"), "{told}");
    // Nothing was ever captured: then the failure is the run's.
    std::fs::remove_dir_all(world.path("data/private/evidence")).unwrap();
    results(&world, &[TIMETABLE], 42);
}

#[test]
fn a_clock_that_was_wrong_once_does_not_change_what_later_runs_take() {
    let mut world = World::at("2031-01-01T12:00:00Z");
    results(&world, &[TIMETABLE], 0);
    capture_again_at(&world, "2031-01-01T12:00:00Z");
    world.set_clock("2026-11-26T12:00:00Z");
    let (right, told) = results(&world, &[], 0);
    let dates: Vec<&Value> = right.iter().map(|result| &result["date"]).collect();
    assert_eq!(dates, ["2026-11-26", "2026-11-24"]);
    assert_eq!(told.matches("is in the future: a clock was wrong").count(), 2, "{told}");
    // Where there is nothing else, it is said and nothing is published.
    let world = World::at("2026-11-26T12:00:00Z");
    std::fs::remove_dir_all(world.path("data/sample/evidence")).unwrap();
    let body = bytes::Bytes::from_static(b"x");
    let capture = Capture {
        url: "https://stadtbus.example/".to_owned(),
        captured_at: "2031-01-01T12:00:00Z".parse().unwrap(),
        status: 200,
        headers: Vec::new(),
        digest: Digest::of(&body),
        body,
    };
    Store::new(world.path("data/sample/evidence")).append("stadtbus-alerts", &capture).unwrap();
    let (_, told) = results(&world, &[TELEMETRY], 42);
    assert!(told.contains("was captured in the future, until 2031-01-01T12:00:00Z"), "{told}");
}

#[test]
fn a_timetable_is_run_of_the_date_that_was_asked_for_or_of_none() {
    let world = World::at("2026-11-26T12:00:00Z");
    let store = Store::new(world.path("data/private/evidence"));
    let sample = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let mut digests = Vec::new();
    // 23:30Z of the 21st is the 22nd in Berlin; a comment after the archive makes another file of the same timetable.
    for (at, tail) in [("2026-11-20T10:00:00Z", ""), ("2026-11-21T23:30:00Z", ""), ("2026-11-22T22:30:00Z", "b")] {
        let mut body = sample.clone();
        if !tail.is_empty() {
            let length = body.len();
            body[length - 2] = tail.len() as u8;
            body.extend_from_slice(tail.as_bytes());
        }
        let digest = Digest::of(&body);
        let captured_at = at.parse().unwrap();
        let url = "file:data/sample/stadtbus-gtfs.zip".to_owned();
        let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), digest, body: body.into() };
        store.append("stadtbus-gtfs", &capture).unwrap();
        digests.push(digest.to_string());
    }
    let between = world.program(&["run", TIMETABLE, "--date", "2026-11-21"]);
    let told = text(&between.stderr);
    assert_eq!(between.status.code(), Some(42), "{told}");
    assert!(
        told.contains("No timetable was captured on 2026-11-21; the one valid then was captured on 2026-11-20"),
        "{told}"
    );
    assert!(told.contains("--date 2026-11-20'"), "{told}");
    let (range, _) = results(&world, &[TIMETABLE, "--from", "2026-11-19", "--to", "2026-11-23"], 0);
    let found: Vec<(&str, &str)> =
        range.iter().map(|result| (result["date"].as_str().unwrap(), result["status"].as_str().unwrap())).collect();
    let expected = ["skipped", "published", "skipped", "published", "skipped"];
    let dates = ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
    assert_eq!(found, dates.into_iter().zip(expected).collect::<Vec<_>>());
    assert_eq!(range[3]["record"]["evidence"][0]["sha256"], digests[2].as_str());
}

#[test]
fn telemetry_is_published_where_the_timetable_is_an_older_one() {
    let world = World::at("2026-11-27T12:00:00Z");
    let zip = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    world.replace(crate::readable::PIPELINE, "data/sample/evidence", "data/private/evidence");
    crate::readable::keep(&world, "stadtbus-gtfs", crate::readable::TEN - 86_400, &[], &zip);
    crate::readable::keep(
        &world,
        "stadtbus-vehicle-positions",
        crate::readable::TEN,
        &[],
        &crate::readable::message(crate::readable::TEN, 2),
    );
    let output = world.program(&["run", "--date", "2026-11-24", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = |name: &str| {
        let result = results.as_array().unwrap().iter().find(|result| result["pipeline"] == name);
        result.map(|result| result["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("stadtbus-fahrplan").as_deref(), Some("skipped"), "{results:#}");
    assert_eq!(status(TELEMETRY).as_deref(), Some("published"), "{results:#}");
    let run = |arguments: &[&str]| {
        let output = world.program(&[&["run"], arguments].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, told, errors) = run(&["--date", "2026-11-24"]);
    let nothing = "stadtbus-fahrplan: no timetable was captured on 2026-11-24; the newest until then is of 2026-11-23: nothing to do";
    assert!(code == Some(0) && told.contains(nothing), "{told}{errors}");
    // Whoever names the timetable wants one of this date.
    let (code, _, errors) = run(&["stadtbus-fahrplan", "--date", "2026-11-24"]);
    assert!(code == Some(42) && errors.contains("captured on 2026-11-23"), "{errors}");
    // Reports that are missing on a date are missing, and before the first timetable none is valid.
    let (code, told, errors) = run(&["--date", "2026-11-26"]);
    assert!(code == Some(42) && errors.contains("there is no evidence of stadtbus-telemetrie"), "{errors}");
    assert!(told.contains("stadtbus-fahrplan: no timetable was captured on 2026-11-26"), "{told}");
    assert!(!errors.contains("stadtbus-fahrplan:"), "{errors}");
    let (code, _, errors) = run(&["--date", "2020-01-01"]);
    assert!(code == Some(42) && errors.contains("error: stadtbus-fahrplan"), "{errors}");
}
