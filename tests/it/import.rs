//! Collections of files and foreign archives become evidence; evidence is listed and shown.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Output;

use serde_json::{Value, json};

use crate::readable::{PAGE, TEN, gzip, keep, message, notes, run, telemetry, told};
use crate::world::{World, copy, files, shared};

const TELEMETRY: &str = "stadtbus-telemetrie";
const VEHICLES: &str = "stadtbus-vehicle-positions";
const DATE: &str = "2026-11-24";
const BY: &str = "Datenmanagement";
const PIPELINE: &str = "pipelines/stadtbus-telemetrie.yaml";

fn put(world: &World, name: &str, body: &[u8]) {
    let path = world.path("sammlung").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, body).unwrap();
}

fn import(world: &World, more: &[&str]) -> Output {
    let folder = world.path("sammlung");
    let arguments = ["evidence", "import", TELEMETRY, folder.to_str().unwrap(), "--by", BY];
    world.program(&[&arguments, more].concat())
}

fn imported(world: &World, more: &[&str]) -> String {
    let output = import(world, more);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(world: &World, more: &[&str], expected: &[&str]) {
    let before = files(&world.path("data/private"));
    let output = import(world, more);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    expected.iter().for_each(|text| assert!(told(&output).contains(text), "{text}: {}", told(&output)));
    assert_eq!(files(&world.path("data/private")), before);
}

fn list(world: &World, more: &[&str]) -> Vec<Value> {
    let output = world.program(&[&["evidence", "list", "--json"], more].concat());
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn evidence_of(record: &Value, source: &str) -> Value {
    record["evidence"].as_array().unwrap().iter().find(|entry| entry["source"] == source).unwrap().clone()
}

#[test]
fn an_import_names_the_service_dates_whose_trips_were_under_way() {
    // By the local clock 00:30, 05:30 and 06:30 of the 24th, and 00:30 of the 25th.
    for (names, from, to) in [
        (["20261123T233000Z", "20261124T100000Z"], "2026-11-23", "2026-11-24"),
        (["20261124T043000Z", "20261124T100000Z"], "2026-11-23", "2026-11-24"),
        (["20261124T053000Z", "20261124T100000Z"], "2026-11-24", "2026-11-24"),
        (["20261124T100000Z", "20261124T233000Z"], "2026-11-24", "2026-11-25"),
    ] {
        let world = telemetry();
        names.iter().for_each(|name| put(&world, &format!("{name}.pb"), &message(TEN, 2)));
        let text = imported(&world, &["--source", VEHICLES, "--trust-times"]);
        assert!(text.contains(&format!("run stadtbus-telemetrie --from {from} --to {to}\n")), "{text}");
        assert!(text.contains("of trips of the next date is of that date"), "{text}");
    }
}

#[test]
fn a_collection_of_files_becomes_evidence_once_and_is_published() {
    let world = telemetry();
    for place in 0..3 {
        put(&world, &format!("20261124T1000{:02}Z.pb", place * 15), &message(TEN + place * 15, 2));
    }
    put(&world, "liesmich.txt", b"from the depot");
    put(&world, ".DS_Store", b"x");
    refused(
        &world,
        &[],
        &["20261124T100000Z.pb: its name does not tell which source it is of", "3 files cannot be imported"],
    );
    refused(&world, &["--source", "stadtbus-vehicles"], &["has no source 'stadtbus-vehicles'", VEHICLES]);
    let output = world.program(&["evidence", "import", TELEMETRY, "nowhere", "--by", "Niemand"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("'Niemand' may not decide"), "{}", told(&output));

    let before = files(&world.path("data/private"));
    let text = imported(&world, &["--source", VEHICLES, "--dry-run"]);
    assert!(text.contains("stadtbus-vehicle-positions: 3 would be imported, 2026-11-24T10:00:00Z to"), "{text}");
    assert_eq!(files(&world.path("data/private")), before);
    let text = imported(&world, &["--source", VEHICLES, "--from", "the archive of the depot", "--reason", "History"]);
    assert!(text.contains("3 imported") && text.contains("passed over: 1 (*.txt)"), "{text}");
    assert!(text.contains("run stadtbus-telemetrie --from 2026-11-24 --to 2026-11-24"), "{text}");
    let store = files(&world.path("data/private"));
    let text = imported(&world, &["--source", VEHICLES]);
    assert!(text.contains("nothing new, 3 there already"), "{text}");
    let evidence = |store: std::collections::BTreeMap<String, Vec<u8>>| {
        store.into_iter().filter(|(name, _)| !name.ends_with(".lock")).collect::<Vec<_>>()
    };
    assert_eq!(evidence(files(&world.path("data/private"))), evidence(store));

    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 6, "{result:#}");
    let imports = evidence_of(&result["record"], VEHICLES)["imports"].clone();
    assert_eq!((&imports[0]["by"], &imports[0]["captures"]), (&json!(BY), &json!(3)), "{imports}");
    assert_eq!(imports[0]["from"], "the archive of the depot");
    // No path of the machine, and nobody else may read what was imported.
    let published = files(&world.path("data/bucket"));
    let root = world.path("").to_string_lossy().trim_end_matches('/').to_owned();
    assert!(published.values().all(|bytes| memchr::memmem::find(bytes, root.as_bytes()).is_none()));
    let folder = world.path("data/private/evidence").join(VEHICLES);
    for name in files(&folder).into_keys() {
        let mode = std::fs::metadata(folder.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn files_are_told_apart_by_source_form_and_kind() {
    let world = telemetry();
    put(&world, "vehicle-positions/2026/11/24/100000Z.pb", &message(TEN, 1));
    put(&world, "VehiclePositions-1795514415000.pb.gz", &gzip(&message(TEN + 15, 1)));
    put(&world, "vehicle_positions_2026-11-24T11:00:30+01:00", &message(TEN + 30, 1));
    put(&world, "stadtbus-alerts_20261124T100000Z.pb", &message(TEN, 0));
    // The same message as JSON stands beside it, and the timetable.
    put(&world, "stadtbus-alerts_20261124T100000Z.json", b"{}");
    put(&world, "index.json", b"{}");
    put(&world, "notes-20261124T100000Z", b"no feed");
    copy(&world.path("data/sample/stadtbus-gtfs.zip"), &world.path("sammlung/gtfs-2026-11-20.zip"));
    let text = imported(&world, &[]);
    for expected in [
        "stadtbus-vehicle-positions: 3 imported, 2026-11-24T10:00:00Z to 2026-11-24T10:00:30Z",
        "stadtbus-alerts: 1 imported",
        "1 (JSON beside a file of the same name)",
        "1 (JSON without a time)",
        "1 (no ending and no feed)",
        "1 (timetables, which are of another pipeline)",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 3, "{result:#}");
    // The timetable goes into its own pipeline, from midnight of its date on.
    let folder = world.path("sammlung");
    let arguments = ["evidence", "import", "stadtbus-fahrplan", folder.to_str().unwrap(), "--by", BY];
    let output = world.program(&[&arguments, ["--zone", "Europe/Berlin"].as_slice()].concat());
    assert!(told(&output).contains("stadtbus-gtfs: 1 imported, 2026-11-19T23:00:00Z"), "{}", told(&output));
    let output = world.program(&["run", "stadtbus-fahrplan", "--date", "2026-11-20"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn what_cannot_be_told_is_listed_and_nothing_or_the_others_are_imported() {
    let world = telemetry();
    put(&world, "vehicle-positions-20261124T100000Z.pb", &message(TEN, 1));
    put(&world, "vehicle-positions-latest.pb", &message(TEN, 1));
    put(&world, "vehicle-positions-20991124T100000Z.pb", &message(TEN, 1));
    put(&world, "vehicle-positions-20261124T100000Z-20261124T110000Z.pb", &message(TEN, 1));
    put(&world, "vehicle-positions-20261124.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    symlink("/etc/passwd", world.path("sammlung/vehicle-positions-20261124T100015Z.pb")).unwrap();
    let expected = [
        "vehicle-positions-latest.pb: no time can be read from its name",
        "vehicle-positions-20991124T100000Z.pb: its time is in the future",
        "its name tells several times",
        "vehicle-positions-20261124.zip: it is a zip archive; unpack it",
        "vehicle-positions-20261124T100015Z.pb: it is a symbolic link",
        "5 files cannot be imported, so nothing was",
    ];
    refused(&world, &[], &expected);
    let text = imported(&world, &["--skip-unreadable"]);
    assert!(
        text.contains("stadtbus-vehicle-positions: 1 imported, 2026-11-24T10:00:00Z to 2026-11-24T10:00:00Z"),
        "{text}"
    );
    refused(&world, &["--pattern", "vp-%H.pb"], &["'vp-%H.pb' is no pattern of times: it tells no date"]);
    refused(&world, &["--zone", "Europe/Offenburg"], &["'Europe/Offenburg' is no time zone"]);
}

/// Sets the time of a file of the collection, in seconds since 1970.
fn set_modified(world: &World, name: &str, at: i64) {
    let file = std::fs::File::options().write(true).open(world.path("sammlung").join(name)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at as u64)).unwrap();
}

#[test]
fn times_that_are_not_those_of_the_messages_are_refused_until_a_zone_is_named() {
    let world = telemetry();
    for place in 0..3 {
        let name = format!("vehicle-positions/24.11.2026_11.00.{:02}.pb", place * 15);
        put(&world, &name, &message(TEN + place * 15, 1));
        // They were copied a day later.
        set_modified(&world, &name, TEN + 86_400);
    }
    let pattern = ["--pattern", "%d.%m.%Y_%H.%M.%S.pb"];
    let expected = ["3 of 3 messages tell another time", "the first 3600 s before it", "--zone Europe/Berlin"];
    refused(&world, &pattern, &expected);
    refused(&world, &["--file-times"], &["Copying may have changed the times of the files"]);
    let text = imported(&world, &[pattern.as_slice(), &["--zone", "Europe/Berlin"]].concat());
    assert!(text.contains("3 imported, 2026-11-24T10:00:00Z") && text.contains("taken for Europe/Berlin"), "{text}");
    // The times of files, where they are right.
    let world = telemetry();
    put(&world, "vehicle-positions/a.pb", &message(TEN, 1));
    set_modified(&world, "vehicle-positions/a.pb", TEN);
    let text = imported(&world, &["--file-times"]);
    assert!(text.contains("1 imported, 2026-11-24T10:00:00Z"), "{text}");
}

/// A workspace whose 24th was published from captures of the morning and of the evening.
fn published_without_the_afternoon() -> World {
    let world = telemetry();
    for place in (0..3).chain(1000..1003) {
        keep(&world, VEHICLES, TEN + place * 15, &[], &message(TEN + place * 15, 1));
    }
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    for place in 100..104 {
        put(&world, &format!("vehicle-positions-{}.pb", TEN + place * 15), &message(TEN + place * 15, 1));
    }
    world
}

#[test]
fn an_afternoon_that_is_imported_into_a_day_that_was_run_is_published_and_named_in_the_record() {
    let world = published_without_the_afternoon();
    imported(&world, &[]);
    // Without its entry, captures in between are refused.
    let entry = world.path("data/private/evidence").join(VEHICLES).join("imports.jsonl");
    let text = std::fs::read(&entry).unwrap();
    std::fs::remove_file(&entry).unwrap();
    let (code, _, stderr) = run(&world, &[]);
    assert_eq!(code, Some(42), "{stderr}");
    assert!(stderr.contains("4 captures came in between"), "{stderr}");
    std::fs::write(&entry, text).unwrap();
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    let evidence = evidence_of(&result["record"], VEHICLES);
    assert_eq!((&evidence["captures"], &evidence["imports"][0]["captures"]), (&json!(10), &json!(4)), "{evidence}");
    assert_eq!(result["record"]["tables"][0]["published"], 10, "{result:#}");
}

#[test]
fn an_import_that_was_cut_off_is_completed_by_the_next() {
    let world = published_without_the_afternoon();
    let hour = world
        .path("data/private/evidence")
        .join(VEHICLES)
        .join("2026/11/24")
        .join(format!("{VEHICLES}-20261124T10.warc.gz"));
    let before = std::fs::read(&hour).unwrap();
    imported(&world, &[]);
    // Its entry and some of its captures are on the disk.
    let after = std::fs::read(&hour).unwrap();
    assert!(after.starts_with(&before) && after.len() > before.len());
    std::fs::write(&hour, &after[..after.len() - 50]).unwrap();
    let text = imported(&world, &[]);
    assert!(text.contains("1 imported") && text.contains("3 there already"), "{text}");
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(evidence_of(&result["record"], VEHICLES)["captures"], 10);
}

/// One capture as other programs keep it: no digest, not packed.
fn record(url: &str, at: &str, body: &[u8]) -> Vec<u8> {
    let block = [b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n".as_slice(), body].concat();
    let head = format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: {at}\r\n\
         Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    [head.as_bytes(), &block, b"\r\n\r\n"].concat()
}

#[test]
fn archives_of_other_programs_are_imported_by_their_addresses() {
    let world = telemetry();
    let of = |feed: &str, second: i64, buses: u8| {
        let url = format!("https://rt.example/{feed}?key=geheim");
        record(&url, &format!("2026-11-24T10:00:{second:02}Z"), &message(TEN + second, buses))
    };
    let dump = [of("vehicle-positions.pb", 0, 2), of("alerts.pb", 0, 0), of("vehicle-positions.pb", 15, 2)].concat();
    put(&world, "crawl/dump-00000.warc", &dump);
    put(&world, "crawl/dump-00001.warc.gz", &gzip(&dump));
    put(&world, "crawl/dump.bak", &gzip(&dump));
    refused(
        &world,
        &["--source", VEHICLES],
        &["captures of several addresses", "https://rt.example/alerts.pb", "--url"],
    );
    let text = imported(&world, &[]);
    assert!(text.contains("stadtbus-vehicle-positions: 2 imported") && text.contains("4 there already"), "{text}");
    assert!(text.contains("stadtbus-alerts: 1 imported") && text.contains("2 there already"), "{text}");
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 4, "{result:#}");
    let output = world.program(&["evidence", "show", VEHICLES, "2026-11-24T10:00:15Z"]);
    assert!(told(&output).contains("https://rt.example/vehicle-positions.pb?key=REDACTED"), "{}", told(&output));

    let world = telemetry();
    put(&world, "dump.warc", &[of("a.pb", 0, 1), of("b.pb", 0, 1)].concat());
    refused(&world, &[], &["neither its name nor the address https://rt.example/a.pb tells which source"]);
    let text = imported(&world, &["--source", VEHICLES, "--url", "https://rt.example/a*"]);
    assert!(text.contains("stadtbus-vehicle-positions: 1 imported"), "{text}");
    // Damage is told, and what is whole is imported on request.
    let mut bytes = gzip(&of("a.pb", 0, 1));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    put(&world, "dump.warc.gz", &[bytes, gzip(&of("a.pb", 30, 1))].concat());
    let some = ["--source", VEHICLES, "--url", "https://rt.example/a*"];
    refused(&world, &some, &["is damaged from byte 0 on"]);
    let text = imported(&world, &[some.as_slice(), &["--skip-unreadable"]].concat());
    assert!(text.contains("stadtbus-vehicle-positions: 1 imported") && text.contains("1 there already"), "{text}");
}

#[test]
fn wrong_bodies_in_a_collection_are_kept_and_called_what_they_are() {
    let world = telemetry();
    world.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nminimum_readable: 30");
    let whole = message(TEN + 15, 1);
    let bodies: [Vec<u8>; 6] = [
        message(TEN, 1),
        PAGE.to_vec(),
        b"{\"header\": {\"gtfsRealtimeVersion\": \"2.0\"}}".to_vec(),
        b"header {\n  gtfs_realtime_version: \"2.0\"\n}\n".to_vec(),
        Vec::new(),
        gzip(&whole),
    ];
    for (place, body) in bodies.iter().enumerate() {
        put(&world, &format!("vehicle-positions-{}.pb", TEN + place as i64 * 15), body);
    }
    let text = imported(&world, &[]);
    for expected in ["6 imported", "1 kept although no feed: html", "gtfs_realtime_json", "gtfs_realtime_text", "empty"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    let told = notes(&result["record"], "gtfs_realtime.no_message").join("\n");
    for expected in ["is an HTML page", "written as JSON", "text format of protobuf", "is empty"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let rows = list(&world, &[VEHICLES, "--date", DATE]);
    let kinds = json!({"empty": 1, "gtfs_realtime_json": 1, "gtfs_realtime_text": 1, "html": 1, "readable": 2});
    assert_eq!((&rows[0]["kinds"], &rows[0]["imported"]), (&kinds, &json!(6)), "{rows:?}");
}

#[test]
fn a_collection_of_nothing_but_pages_is_no_release() {
    let world = telemetry();
    for place in 0..5 {
        put(&world, &format!("vehicle-positions-{}.pb", TEN + place * 15), PAGE);
    }
    assert!(imported(&world, &[]).contains("5 kept although no feed: html"));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(42), "{stderr} {result:#}");
    assert!(stderr.contains("0 of 5 readable (5 html)"), "{stderr}");
    assert!(files(&world.path("data/bucket")).keys().all(|name| !name.contains("telemetrie")));
}

#[test]
fn evidence_is_listed_by_source_and_date_with_what_is_wrong_with_it() {
    let world = telemetry();
    for place in 0..4 {
        keep(&world, VEHICLES, TEN + place * 15, &[], &message(TEN + place * 15, 1));
    }
    // In the night, of the day before; and the day after.
    keep(&world, VEHICLES, TEN + 15 * 3600, &[], &message(TEN + 15 * 3600, 1));
    keep(&world, VEHICLES, TEN + 24 * 3600, &[], PAGE);
    let whole = message(TEN + 60, 1);
    keep(&world, VEHICLES, TEN + 60, &[], &whole[..whole.len() - 3]);
    let rows = list(&world, &[VEHICLES]);
    let dates: Vec<&str> = rows.iter().map(|row| row["date"].as_str().unwrap()).collect();
    assert_eq!(dates, ["2026-11-24", "2026-11-25"]);
    assert_eq!((&rows[0]["captures"], &rows[0]["kinds"]), (&json!(6), &json!({"cut_off": 1, "readable": 5})));
    assert_eq!((&rows[0]["first"], &rows[0]["last"]), (&json!("2026-11-24T10:00:00Z"), &json!("2026-11-25T01:00:00Z")));
    assert_eq!((&rows[1]["captures"], &rows[1]["kinds"]), (&json!(1), &json!({"html": 1})));
    assert_eq!(list(&world, &[TELEMETRY, "--date", "2026-11-25"]), [rows[1].clone()]);
    let sources: BTreeSet<String> = list(&world, &[]).iter().map(|row| row["source"].to_string()).collect();
    assert_eq!(sources.len(), 2, "{sources:?}");

    let hour = world
        .path("data/private/evidence")
        .join(VEHICLES)
        .join("2026/11/24")
        .join(format!("{VEHICLES}-20261124T10.warc.gz"));
    let mut bytes = std::fs::read(&hour).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&hour, bytes).unwrap();
    std::fs::write(hour.with_extension("gz.torn"), b"x").unwrap();
    let row = &list(&world, &[VEHICLES, "--date", DATE])[0];
    assert_eq!((&row["captures"], &row["damaged"], &row["torn"]), (&json!(5), &json!(1), &json!(1)), "{row}");
    let output = world.program(&["evidence", "list", VEHICLES]);
    assert!(told(&output).contains("1 damaged, 1 torn, moved aside"), "{}", told(&output));
    assert!(told(&output).contains("11-25 02:00:00"), "{}", told(&output));
    let output = world.program(&["evidence", "list", "stadtbus-vehicle"]);
    assert!(output.status.code() == Some(2) && told(&output).contains(VEHICLES), "{}", told(&output));
}

#[test]
fn a_capture_is_shown_without_its_body_unless_a_file_is_named_for_it() {
    let world = telemetry();
    let page = b"<html>Fahrer 4711</html>";
    keep(&world, VEHICLES, TEN, &[("X-Note", "\x1b]52;c;aGFsbG8=\x07"), ("Content-Type", "text/html")], page);
    for time in ["2026-11-24T10:00:00Z", "2026-11-24T11:00:00", "2026-11-24 11:00:00"] {
        let output = world.program(&["evidence", "show", VEHICLES, time]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let text = told(&output);
        assert!(
            text.contains("is an HTML page, not a GTFS-Realtime message") && text.contains("X-Note: \\u001b]52"),
            "{text}"
        );
        assert!(!text.contains("4711") && !text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    }
    let output = world.program(&["evidence", "show", VEHICLES, "2026-11-24T10:00:00Z", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown[0]["kind"], &shown[0]["bytes"]), (&json!("html"), &json!(page.len())));
    let file = world.path("body.html");
    let arguments = ["evidence", "show", VEHICLES, "2026-11-24T10:00:00Z", "--output", file.to_str().unwrap()];
    let output = world.program(&arguments);
    assert!(output.status.success() && told(&output).contains("PRIVATE"), "{}", told(&output));
    assert_eq!(std::fs::read(&file).unwrap(), page);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let output = world.program(&arguments);
    assert!(output.status.code() == Some(2) && told(&output).contains("is there already"), "{}", told(&output));
    let output = world.program(&["evidence", "show", VEHICLES, "2026-11-24T10:00:01Z"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("The nearest are 2026-11-24T10:00:00Z"), "{}", told(&output));
}

/// A workspace with a case of the collection as its folder of files.
fn case(name: &str) -> World {
    let world = telemetry();
    copy(&shared("cases/realtime").join(name), &world.path("sammlung"));
    world
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_case_of_files_is_imported_and_published() {
    let world = case("pb-files");
    refused(&world, &[], &["its name does not tell which source it is of"]);
    assert!(imported(&world, &["--source", VEHICLES]).contains("3 imported"));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(evidence_of(&result["record"], VEHICLES)["captures"], 3);
    assert!(result["record"]["tables"][0]["published"].as_u64().unwrap() > 0, "{result:#}");
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_case_of_pages_is_no_release_to_be_proud_of() {
    let world = case("only-html");
    assert!(imported(&world, &[]).contains("kept although no feed: html"));
    let (code, result, stderr) = run(&world, &[]);
    println!("{code:?} {stderr} {result:#}");
    // Four bare headers are readable messages without a report.
    assert!(
        files(&world.path("data/bucket/data")).keys().all(|name| !name.contains("telemetrie")),
        "{code:?} {stderr}"
    );
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_case_of_wrong_bodies_is_called_what_it_is() {
    let world = case("wrong-bodies");
    world.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nminimum_readable: 30");
    assert!(imported(&world, &[]).contains("11 imported"));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    let told = notes(&result["record"], "gtfs_realtime.no_message").join("\n");
    for expected in ["is an HTML page", "written as JSON", "text format of protobuf", "is empty", "gzip"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("cut off or damaged at byte 0"), "{told}");
    println!("{:#} {:#}", result["record"]["captures"], result["record"]["notes"]);
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_archives_of_the_case_are_imported_whoever_wrote_them() {
    let mut counts = std::collections::BTreeMap::new();
    for (name, bytes) in files(&shared("cases/realtime/foreign-warc")) {
        let world = telemetry();
        put(&world, &name, &bytes);
        let text = imported(&world, &["--source", VEHICLES]);
        let (code, result, stderr) = run(&world, &[]);
        assert_eq!(code, Some(0), "{name}: {text} {stderr} {result:#}");
        let captures = evidence_of(&result["record"], VEHICLES)["captures"].as_u64().unwrap();
        counts.insert(name, (captures, result["record"]["tables"][0]["published"].as_u64().unwrap()));
    }
    println!("{counts:?}");
    assert!(counts.values().all(|(captures, rows)| *captures > 0 && *rows > 0), "{counts:?}");
    let world = case("foreign-warc");
    imported(&world, &["--source", VEHICLES]);
}
