//! What is no feed is no timetable and no report: it is kept, called what it is, and does not count.

use std::io::Write;
use std::process::Output;

use bytes::Bytes;
use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use jiff::Timestamp;
use serde_json::Value;

use crate::world::{World, files};

const FEED: &str = "data/sample/stadtbus-gtfs.zip";
const TELEMETRY: &str = "stadtbus-telemetrie";
pub(crate) const PIPELINE: &str = "pipelines/stadtbus-telemetrie.yaml";
const POSITIONS: &str = "stadtbus-vehicle-positions";
pub(crate) const PAGE: &[u8] =
    b"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head><body>Wartung</body></html>";
const DATE: &str = "2026-11-24";
/// 2026-11-24T10:00:00Z.
pub(crate) const TEN: i64 = 1_795_514_400;

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(inner.len()).unwrap()], inner].concat()
}

/// A message with so many buses, each at its place.
pub(crate) fn message(at: i64, buses: u8) -> Vec<u8> {
    let mut time = vec![0x28];
    let mut rest = at as u64;
    while rest > 0x7f {
        time.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    time.push(rest as u8);
    let seconds = [&[0x18], &time[1..]].concat();
    let mut message = field(1, &[field(1, b"2.0"), seconds].concat());
    for bus in 0..buses {
        let id = format!("bus{bus}");
        let mut position = vec![0x0d];
        position.extend((48.47_f32 + f32::from(bus) * 0.01).to_le_bytes());
        position.push(0x15);
        position.extend(7.94_f32.to_le_bytes());
        let vehicle = [field(2, &position), time.clone(), field(8, &field(1, id.as_bytes()))].concat();
        message.extend(field(2, &[field(1, id.as_bytes()), field(4, &vehicle)].concat()));
    }
    message
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(body).unwrap();
    out.finish().unwrap()
}

/// Keeps a response as evidence of the pipelines' own store.
pub(crate) fn keep(world: &World, source: &str, at: i64, headers: &[(&str, &str)], body: &[u8]) {
    let capture = Capture {
        url: format!("https://stadtbus.example/{source}"),
        captured_at: Timestamp::from_second(at).unwrap(),
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from(body.to_vec()),
        digest: Digest::of(body),
    };
    Store::new(world.path("data/private/evidence")).append(source, &capture).unwrap();
}

/// A workspace whose telemetry is the evidence of one source that the tests write, and whose timetable is there.
pub(crate) fn telemetry() -> World {
    let world = World::new();
    world.replace(PIPELINE, "data/sample/evidence", "data/private/evidence");
    let zip = std::fs::read(world.path(FEED)).unwrap();
    keep(&world, "stadtbus-gtfs", TEN - 3600, &[], &zip);
    world
}

pub(crate) fn run(world: &World, more: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.program(&[&["run", TELEMETRY, "--date", DATE, "--json"], more].concat());
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), results[0].clone(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn notes(record: &Value, rule: &str) -> Vec<String> {
    let notes = record["notes"].as_array().unwrap().iter().filter(|note| note["rule"] == rule);
    notes.map(|note| note["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_page_in_the_place_of_the_timetable_is_kept_and_passed_over() {
    let world = World::new();
    let good = std::fs::read(world.path(FEED)).unwrap();
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    let before = world.published();
    std::fs::write(world.path(FEED), PAGE).unwrap();
    let output = world.program(&["capture", "stadtbus-fahrplan"]);
    let kept =
        "stadtbus-gtfs: kept, but it is an HTML page, not a GTFS archive (100 bytes, it begins with <!doctype>)\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), kept);
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    assert!(output.status.success() && told(&output).contains("nothing new"), "{}", told(&output));
    assert!(told(&output).contains("is an HTML page, not a GTFS archive"), "{}", told(&output));
    assert_eq!(world.published(), before);
    // The record of evidence says what it is.
    let archives = files(&world.path("data/private/evidence/stadtbus-gtfs"));
    let mut text = Vec::new();
    for (_, archive) in archives.iter().filter(|(name, _)| name.ends_with(".warc.gz")) {
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(archive.as_slice()), &mut text).unwrap();
    }
    let marks = memchr::memmem::find_iter(&text, b"\r\nWARC-Identified-Payload-Type: text/html\r\n").count();
    assert_eq!(marks, 1);
    // The good timetable is kept again when it comes back, though it was there before the page.
    std::fs::write(world.path(FEED), good).unwrap();
    let output = world.program(&["capture", "stadtbus-fahrplan"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "stadtbus-gtfs: kept\n");
}

#[test]
fn the_rules_of_telemetry_look_into_the_newest_readable_timetable() {
    let world = telemetry();
    keep(&world, "stadtbus-gtfs", TEN - 60, &[("Content-Type", "text/html")], PAGE);
    keep(&world, "stadtbus-gtfs", TEN - 30, &[("Content-Type", "text/html")], PAGE);
    (0..5).for_each(|place| keep(&world, POSITIONS, TEN + place * 15, &[], &message(TEN + place * 15, 2)));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    let passed_over = notes(&result["record"], "timetable.unreadable");
    assert_eq!(passed_over.len(), 1, "{result:#}");
    assert!(
        passed_over[0].starts_with(
            "none of the 2 captures of 'stadtbus-gtfs' from 2026-11-24T09:59:00Z until 2026-11-24T09:59:30Z can be read; \
             the newest is an HTML page, not a GTFS archive (Content-Type text/html"
        ) && passed_over[0].ends_with("used was the one of 2026-11-24T09:00:00Z"),
        "{passed_over:?}"
    );
    // Also where the timetable is captured only after the date.
    let world = World::new();
    world.replace(PIPELINE, "data/sample/evidence", "data/private/evidence");
    keep(&world, "stadtbus-gtfs", TEN + 100_000, &[], PAGE);
    keep(&world, "stadtbus-gtfs", TEN + 100_001, &[], &std::fs::read(world.path(FEED)).unwrap());
    (0..5).for_each(|place| keep(&world, POSITIONS, TEN + place * 15, &[], &message(TEN + place * 15, 2)));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(notes(&result["record"], "timetable.unreadable").len(), 1);
}

#[test]
fn without_any_readable_timetable_the_run_says_what_there_is() {
    for (body, expected) in [
        (PAGE, "is an HTML page, not a GTFS archive"),
        (b"PK\x03\x04cut off".as_slice(), "is a zip archive that is cut off or damaged, not a GTFS archive"),
        (b"", "is empty, not a GTFS archive"),
    ] {
        let world = World::new();
        std::fs::write(world.path(FEED), body).unwrap();
        let output = world.program(&["run", "stadtbus-fahrplan"]);
        assert_eq!(output.status.code(), Some(42), "{}", told(&output));
        assert!(told(&output).contains(expected), "{}", told(&output));
        assert!(told(&output).contains("there is no readable timetable of stadtbus-fahrplan"), "{}", told(&output));
        // The rules of telemetry that need it could not run.
        let output = world.program(&["run", TELEMETRY]);
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        assert!(told(&output).contains(expected), "{}", told(&output));
    }
}

#[test]
fn a_date_of_nothing_but_pages_fails_and_publishes_nothing() {
    let world = telemetry();
    for place in 0..5 {
        keep(&world, POSITIONS, TEN + place * 15, &[("content-type", "text/html; charset=utf-8")], PAGE);
    }
    keep(&world, "stadtbus-alerts", TEN, &[("content-type", "application/json")], b"{\"error\": \"Fahrer 4711\"}");
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(42), "{stderr} {result:#}");
    for expected in [
        "no capture of stadtbus-telemetrie for 2026-11-24 is a GTFS-Realtime message",
        "'stadtbus-vehicle-positions' 0 of 5 readable (5 html)",
        "'stadtbus-alerts' 0 of 1 readable (1 json)",
        "is an HTML page, not a GTFS-Realtime message (Content-Type text/html, 100 bytes",
        "binary format of protobuf",
    ] {
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
    assert!(!stderr.contains("4711"), "{stderr}");
    assert!(files(&world.path("data/bucket")).keys().all(|name| !name.contains("telemetrie")));
}

#[test]
fn where_few_captures_are_readable_the_run_is_held_back_unless_the_pipeline_allows_it() {
    let world = telemetry();
    (0..2).for_each(|place| keep(&world, POSITIONS, TEN + place * 15, &[], &message(TEN + place * 15, 2)));
    let whole = message(TEN, 2);
    keep(&world, POSITIONS, TEN + 30, &[], &whole[..whole.len() - 3]);
    (3..5).for_each(|place| keep(&world, POSITIONS, TEN + place * 15, &[], PAGE));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(3), "{stderr} {result:#}");
    let record = &result["record"];
    assert_eq!(record["captures"][POSITIONS], serde_json::json!({"readable": 2, "cut_off": 1, "html": 2}));
    let findings = record["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["rule"] == "stadtbus-telemetrie.readable_captures").unwrap();
    assert_eq!((finding["rows"].as_u64(), finding["checked"].as_u64()), (Some(3), Some(5)));
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("at least 50 %") && message.contains("2 of 5 readable (1 cut_off, 2 html)"), "{message}");
    assert_eq!(notes(record, "gtfs_realtime.no_message").len(), 1, "{:#}", record["notes"]);
    assert!(notes(record, "gtfs_realtime.broken_message")[0].contains("is cut off or damaged at byte"));
    assert!(!world.path("data/bucket/data/stadtbus-telemetrie").exists());

    world.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nminimum_readable: 40");
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 4, "{result:#}");
    world.replace(PIPELINE, "minimum_readable: 40", "minimum_readable: 140");
    let output = world.program(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("'minimum_readable' is no percentage"), "{}", told(&output));
}

#[test]
fn wrong_bodies_are_called_what_they_are_and_packed_ones_are_read() {
    let world = telemetry();
    world.replace(PIPELINE, "occupancy_source: apc", "occupancy_source: apc\nminimum_readable: 30");
    let json = b"{\n  \"header\": {\n    \"gtfsRealtimeVersion\": \"2.0\",\n    \"timestamp\": \"1795514400\"\n  }\n}";
    let text = b"header {\n  gtfs_realtime_version: \"2.0\"\n  timestamp: 1795514400\n}\nentity {\n  id: \"1\"\n}\n";
    let packed = |place: i64| gzip(&message(TEN + place * 15, 1));
    type Headers = [(&'static str, &'static str)];
    let bodies: [(&Headers, Vec<u8>); 12] = [
        (&[], message(TEN, 1)),
        (&[("Content-Type", "text/html")], PAGE.to_vec()),
        (&[], json.to_vec()),
        (&[("Content-Type", "text/plain")], text.to_vec()),
        (&[], Vec::new()),
        (&[], packed(5)),
        (&[("Content-Encoding", "gzip")], gzip(&packed(6))),
        (&[("Content-Encoding", "GZIP")], packed(7)),
        (&[("Content-Encoding", "x-gzip")], packed(8)),
        (&[("Content-Encoding", "gzip")], packed(9)[..27].to_vec()),
        (&[], b"<?xml version=\"1.0\"?>\n<Siri/>".to_vec()),
        (&[("Content-Encoding", "br")], b"\x0b\x02\x80\xff\x00\x01\x03".to_vec()),
    ];
    for (place, (headers, body)) in bodies.iter().enumerate() {
        keep(&world, POSITIONS, TEN + place as i64 * 15, headers, body);
    }
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    let record = &result["record"];
    let expected = serde_json::json!({
        "readable": 5, "html": 1, "gtfs_realtime_json": 1, "gtfs_realtime_text": 1, "empty": 1, "encoded": 2, "xml": 1,
    });
    assert_eq!(record["captures"][POSITIONS], expected);
    assert_eq!(record["tables"][0]["rows_in"], 5, "{record:#}");
    let told = notes(record, "gtfs_realtime.no_message").join("\n");
    for expected in [
        "'stadtbus-vehicle-positions 2026-11-24T10:00:15Z' is an HTML page, not a GTFS-Realtime message (Content-Type text/html",
        "10:00:30Z' is GTFS-Realtime written as JSON, not a GTFS-Realtime message",
        "10:00:45Z' is GTFS-Realtime in the text format of protobuf, not a GTFS-Realtime message (Content-Type text/plain",
        "10:01:00Z' is empty, not a GTFS-Realtime message (0 bytes)",
        "10:02:15Z' is not readable as gzip: ",
        "another capture of this source is of this kind",
        "10:02:30Z' is XML, not a GTFS-Realtime message",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let bare = notes(record, "gtfs_realtime.bare_gzip");
    assert_eq!(
        bare,
        ["2 captures of 'stadtbus-vehicle-positions' are gzip without a Content-Encoding and were unpacked"]
    );
}

#[test]
fn a_date_of_messages_without_a_report_is_not_published() {
    let world = telemetry();
    (0..5).for_each(|place| keep(&world, POSITIONS, TEN + place * 15, &[], &message(TEN + place * 15, 0)));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(42), "{stderr} {result:#}");
    assert!(stderr.contains("no report belongs to stadtbus-telemetrie 2026-11-24"), "{stderr}");
    assert!(files(&world.path("data/bucket")).into_keys().all(|name| name == "ledger/bucket.json"));
}

#[test]
fn a_rule_whose_other_table_is_not_released_is_skipped() {
    for (kept, left_out, skipped) in [
        ("vehicle_locations: vehicle_positions", ["trip_updates: trip_updates", "alerts: alerts"], true),
        ("trip_updates: trip_updates", ["vehicle_locations: vehicle_positions", "alerts: alerts"], false),
    ] {
        let world = World::new();
        left_out.iter().for_each(|table| world.replace(PIPELINE, &format!("    {table}\n"), ""));
        // What is derived needs both.
        world.replace(PIPELINE, "  derived: [trips_observed, coverage]\n", "");
        let output = world.program(&["check"]);
        assert!(output.status.success(), "{}", told(&output));
        let result = world.run().remove(TELEMETRY).unwrap();
        let record = &result["record"];
        assert_eq!(result["status"], "published", "{kept}: {:#}", record["findings"]);
        let reasons = record["skipped"].to_string();
        let expected = "the table 'trip_updates' is not released by this pipeline, so there is nothing to compare with";
        assert_eq!(reasons.contains(expected), skipped, "{reasons}");
    }
}
