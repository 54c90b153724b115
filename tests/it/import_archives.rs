//! Archives of other collectors become evidence: described bodies, tar archives, parsed rows.

use std::process::Output;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::{self, Store};
use fahrtenbuch::digest::Digest;
use jiff::Timestamp;
use serde_json::json;

use crate::readable::{TEN, gzip, message, run, telemetry, told};
use crate::world::{World, files};

const VEHICLES: &str = "stadtbus-vehicle-positions";

pub(crate) fn import(world: &World, folder: &str, more: &[&str]) -> Output {
    let folder = world.path(folder);
    let arguments = ["evidence", "import", "stadtbus-telemetrie", folder.to_str().unwrap(), "--by", "Datenmanagement"];
    world.program(&[&arguments, more].concat())
}

/// The text of an import that is told the same way before it is made.
pub(crate) fn imported(world: &World, folder: &str, more: &[&str]) -> String {
    let before = files(&world.path("data/private"));
    let dry = import(world, folder, &[more, &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0), "{}", told(&dry));
    assert_eq!(files(&world.path("data/private")), before);
    let output = import(world, folder, more);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers = text.split("They count with the next run").next().unwrap();
    let dry = String::from_utf8_lossy(&dry.stdout).replace("would be imported", "imported");
    // What a body is, is told when it is kept.
    let numbers: String =
        numbers.lines().filter(|line| !line.contains("although no feed")).map(|line| format!("{line}\n")).collect();
    assert_eq!(dry, numbers);
    text
}

pub(crate) fn refused(world: &World, folder: &str, more: &[&str], expected: &[&str]) {
    let before = files(&world.path("data/private"));
    let output = import(world, folder, more);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    expected.iter().for_each(|text| assert!(told(&output).contains(text), "{text}: {}", told(&output)));
    assert_eq!(files(&world.path("data/private")), before);
}

/// All captures of a source of a workspace.
pub(crate) fn captures(world: &World, source: &str) -> Vec<Capture> {
    let store = Store::new(world.path("data/private/evidence"));
    let [from, until] = ["2026-11-23T00:00:00Z", "2026-11-26T00:00:00Z"].map(|at| at.parse::<Timestamp>().unwrap());
    let listing = store.list(source, from, until).unwrap();
    assert_eq!(listing.damage, []);
    evidence::read(listing.entries).collect::<Result<Vec<_>, _>>().unwrap()
}

fn put(world: &World, name: &str, body: &[u8]) {
    let path = world.path("archive").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, body).unwrap();
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `https://rt.example/vp.pb`.
const CODED: &str = "base64url=aHR0cHM6Ly9ydC5leGFtcGxlL3ZwLnBi";

fn gtfsrt_io(world: &World, second: &str, status: u16, body: Option<&[u8]>) {
    let folder = format!("vehicle_positions/date=2026-11-24/hour=2026-11-24T10:00:00Z/{CODED}");
    let meta = json!({
        "feed_id": "a", "agency_id": "b", "agency_name": "c", "system_id": null, "schedule_url": null,
        "url": "https://rt.example/vp.pb",
        "fetch_timestamp": format!("2026-11-24T10:00:{second}456+00:00"),
        "duration_ms": 245.5, "response_code": status, "content_length": body.map_or(0, <[u8]>::len),
        "content_type": "application/x-protobuf",
        "headers": {"etag": "\"abc\"", "content-length": "7", "content-encoding": "gzip", "content-type": "application/x-protobuf"},
    });
    put(
        world,
        &format!("{folder}/2026-11-24T10:00:{second}Z.meta"),
        serde_json::to_vec_pretty(&meta).unwrap().as_slice(),
    );
    if let Some(body) = body {
        put(world, &format!("{folder}/2026-11-24T10:00:{second}Z.pb"), body);
    }
}

#[test]
fn bodies_with_a_meta_file_keep_its_time_status_and_headers() {
    let world = telemetry();
    for second in [0, 15, 30] {
        gtfsrt_io(&world, &format!("{second:02}.123"), 200, Some(&message(TEN + second, 2)));
    }
    gtfsrt_io(&world, "45.123", 503, Some(b"<html>"));
    gtfsrt_io(&world, "50.123", 304, None);
    let text = imported(&world, "archive", &[]);
    for expected in [
        "passed over: 1 (answers with status 304)",
        "passed over: 1 (answers with status 503)",
        "stadtbus-vehicle-positions: 3 imported, 2026-11-24T10:00:00.123456Z to 2026-11-24T10:00:30.123456Z",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let all = captures(&world, VEHICLES);
    assert_eq!((all.len(), all[0].captured_at), (3, at("2026-11-24T10:00:00.123456Z")));
    assert_eq!((all[0].url.as_str(), all[0].status), ("https://rt.example/vp.pb", 200));
    // Neither packed nor seven bytes long any more.
    let expected = [("etag", "\"abc\""), ("content-type", "application/x-protobuf")];
    assert_eq!(all[0].headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(all[0].digest, Digest::of(&message(TEN, 2)));
    let text = imported(&world, "archive", &[]);
    assert!(text.contains("nothing new, 3 there already"), "{text}");
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 6, "{result:#}");
}

#[test]
fn a_meta_file_that_is_not_of_its_body_is_refused_with_both_names() {
    let folder = format!("vehicle_positions/date=2026-11-24/hour=2026-11-24T10:00:00Z/{CODED}");
    for (meta, expected) in [
        ("{", "2026-11-24T10:00:00.123Z.meta cannot be used: it is no JSON"),
        (r#"{"fetch_timestamp": "2026-11-24T10:00:00", "response_code": 200}"#, "it tells no time with a zone"),
        (r#"{"fetch_timestamp": "2026-11-24T10:00:00Z"}"#, "it tells no 'response_code'"),
        (
            r#"{"fetch_timestamp": "2026-11-24T10:00:00Z", "response_code": 200, "content_length": 3}"#,
            "and what describes it says 3",
        ),
        (r#"{"fetch_timestamp": "2099-11-24T10:00:00Z", "response_code": 200}"#, "its time is in the future"),
    ] {
        let world = telemetry();
        put(&world, &format!("{folder}/2026-11-24T10:00:00.123Z.pb"), &message(TEN, 2));
        put(&world, &format!("{folder}/2026-11-24T10:00:00.123Z.meta"), meta.as_bytes());
        refused(&world, "archive", &[], &["2026-11-24T10:00:00.123Z.pb: ", expected]);
    }
    // Feeds of two addresses are of nobody's source until one is named.
    let world = telemetry();
    gtfsrt_io(&world, "00.000", 200, Some(&message(TEN, 2)));
    let meta =
        r#"{"fetch_timestamp": "2026-11-24T10:00:15Z", "response_code": 200, "url": "https://other.example/vp"}"#;
    put(&world, "vehicle_positions/x/a.pb", &message(TEN + 15, 2));
    put(&world, "vehicle_positions/x/a.meta", meta.as_bytes());
    let expected = ["captures of 2 addresses", "https://other.example/vp, https://rt.example/vp.pb", "--url"];
    refused(&world, "archive", &[], &expected);
    let text = imported(&world, "archive", &["--url", "https://rt.*"]);
    assert!(text.contains("1 imported") && text.contains("1 (captures of other addresses)"), "{text}");
}

/// A tar entry as Python's tarfile writes it: an extended header with the time, then the file.
fn entry(name: &str, kind: u8, size: u64, body: &[u8]) -> Vec<u8> {
    let extended = b"30 mtime=1795514400.123456789\n";
    assert_eq!(extended.len(), 30);
    [header("PaxHeader", b'x', 30), padded(extended), header(name, kind, size), padded(body)].concat()
}

fn header(name: &str, kind: u8, size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn padded(body: &[u8]) -> Vec<u8> {
    [body, &vec![0; body.len().next_multiple_of(512) - body.len()]].concat()
}

fn tar_zst(entries: &[Vec<u8>]) -> Vec<u8> {
    zstd::encode_all([entries.concat(), vec![0; 1024]].concat().as_slice(), 3).unwrap()
}

fn fetched(second: i64) -> Vec<Vec<u8>> {
    let body = message(TEN + second, 2);
    let sidecar = json!({
        "feed": "stadtbus__VehiclePosition-1a2b3c4d", "provider": "stadtbus", "url": "https://rt.example/vp.pb",
        "services": ["VehiclePosition"], "fetch_time": format!("2026-11-24T11:00:{second:02}.250000+01:00"),
        "size": body.len(), "sha256": Digest::of(&body).to_string(), "attempt": 1,
        "unchanged_fetch_times": ["2026-11-24T11:00:00+01:00"],
    });
    let name = format!("20261124T1000{second:02}.250000Z");
    let sidecar = serde_json::to_vec(&sidecar).unwrap();
    vec![
        entry(&format!("{name}.json"), b'0', sidecar.len() as u64, &sidecar),
        entry(&format!("{name}.pb"), b'0', body.len() as u64, &body),
    ]
}

const RAW: &str = "raw/provider=stadtbus/feed=VehiclePosition-1a2b3c4d/date=2026-11-24/10-1795518000.tar.zst";

#[test]
fn an_hour_of_bodies_in_a_packed_tar_archive_is_imported_as_it_was_fetched() {
    let world = telemetry();
    put(&world, RAW, &tar_zst(&[fetched(0), fetched(15), fetched(30)].concat()));
    let text = imported(&world, "archive", &[]);
    assert!(text.contains("3 imported, 2026-11-24T10:00:00.25Z to 2026-11-24T10:00:30.25Z"), "{text}");
    assert!(text.contains("passed over: 3 (times at which a body was the same again"), "{text}");
    let all = captures(&world, VEHICLES);
    assert_eq!((all.len(), all[1].digest), (3, Digest::of(&message(TEN + 15, 2))));
    assert_eq!((all[1].url.as_str(), &all[1].headers[..]), ("https://rt.example/vp.pb", &[][..]));
    assert!(imported(&world, "archive", &[]).contains("nothing new, 3 there already"));
    assert_eq!(run(&world, &[]).0, Some(0));
    // The body before what describes it, no packing, names with a time and nothing else.
    let world = telemetry();
    let mut entries = fetched(0);
    entries.swap(0, 1);
    let lone = message(TEN + 45, 1);
    entries.push(entry("20261124T100045Z.pb", b'0', lone.len() as u64, &lone));
    put(&world, "VehiclePosition/10.tar", &[entries.concat(), vec![0; 1024]].concat());
    assert!(imported(&world, "archive", &[]).contains("2 imported, 2026-11-24T10:00:00.25Z to 2026-11-24T10:00:45Z"));
}

#[test]
fn hostile_tar_archives_are_refused_by_entry_and_reason() {
    let body = message(TEN, 1);
    let one = |name: &str, kind: u8| vec![entry(name, kind, body.len() as u64, &body)];
    let changed = {
        let mut entries = fetched(0);
        let at = entries[1].len() - 512;
        entries[1][at + 1] ^= 1;
        entries
    };
    let long = [header("x", b'L', 5 << 30), vec![0; 1 << 20]].concat();
    let mut wrong_sum = entry("20261124T100000Z.pb", b'0', body.len() as u64, &body);
    wrong_sum[1024] ^= 1;
    let whole = tar_zst(&fetched(0));
    for (bytes, expected) in [
        (
            tar_zst(&one("../../etc/20261124T100000Z.pb", b'0')),
            "the entry '../../etc/20261124T100000Z.pb' is refused: its name leads out",
        ),
        (tar_zst(&one("/etc/20261124T100000Z.pb", b'0')), "its name leads out of the archive"),
        (tar_zst(&one("20261124T100000Z.pb", b'2')), "the entry '20261124T100000Z.pb' is refused: it is a link"),
        (tar_zst(&one("20261124T100000Z.pb", b'1')), "it is a link"),
        (tar_zst(&one("20261124T100000Z.pb", b'3')), "it is a device"),
        (
            tar_zst(&[entry("20261124T100000Z.pb", b'0', 7 << 30, &body)]),
            "the entry '20261124T100000Z.pb' has 7516192768 bytes, more than",
        ),
        (tar_zst(&[long]), "the header of an entry has 5368709120 bytes"),
        (tar_zst(&[wrong_sum]), "the sum of a header is wrong"),
        (tar_zst(&changed), "what describes it has another digest"),
        (whole[..whole.len() - 60].to_vec(), "it was read up to there"),
        (tar_zst(&one("latest.pb", b'0')), "the entry 'latest.pb' has no description beside it"),
        (b"not a tar archive".repeat(100), "no tar archive"),
    ] {
        let world = telemetry();
        put(&world, RAW, &bytes);
        refused(&world, "archive", &[], &["10-1795518000.tar.zst: ", expected]);
        assert!(!world.path("etc").exists());
    }
    // What is good before it is imported on request.
    let world = telemetry();
    let mut entries = [fetched(0), fetched(15)].concat();
    entries.extend(one("../x.pb", b'0'));
    put(&world, RAW, &tar_zst(&entries));
    refused(&world, "archive", &[], &["its name leads out of the archive behind '20261124T100015.250000Z.pb'"]);
    assert!(imported(&world, "archive", &["--skip-unreadable"]).contains("2 imported"));
}

#[test]
fn an_archive_that_unpacks_without_end_is_refused() {
    let world = telemetry();
    // 6 GB of zeros in folders of files that nobody wants, some 600 kB packed.
    let path = world.path("archive").join(RAW);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut out = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    let (head, zeros) = (header("a.txt", b'0', 128 << 20), vec![0; 128 << 20]);
    for _ in 0..48 {
        std::io::Write::write_all(&mut out, &head).unwrap();
        std::io::Write::write_all(&mut out, &zeros).unwrap();
    }
    out.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 2 << 20);
    refused(&world, "archive", &[], &["10-1795518000.tar.zst: it unpacks to more than "]);
}

fn row(second: i64, bus: u8) -> serde_json::Value {
    let stamp = (TEN + second).to_string();
    let position = json!({"latitude": 48.47, "longitude": 7.94});
    json!({
        "header": {"gtfsRealtimeVersion": "2.0", "timestamp": stamp},
        "metadata": {
            "extract_ts": format!("2026-11-24T10:00:{second:02}+00:00"),
            "extract_config": {"extracted_at": "2026-11-24T00:00:00+00:00", "name": "a", "url": "https://rt.example/vp.pb?api_key=geheim",
                "feed_type": "vehicle_positions", "auth_query_params": {}, "auth_headers": {}},
        },
        "id": format!("bus{bus}"),
        "vehicle": {"vehicle": {"id": format!("bus{bus}")}, "position": position, "timestamp": stamp},
    })
}

fn lines(rows: &[serde_json::Value]) -> Vec<u8> {
    gzip(rows.iter().map(|row| format!("{row}\n")).collect::<String>().as_bytes())
}

const ROWS: &str = "vehicle_positions/dt=2026-11-24/hour=2026-11-24T10:00:00+00:00/base64_url=aHR0cDovL2E=/vehicle_positions_aHR0cDovL2E=.jsonl.gz";

#[test]
fn messages_are_rebuilt_from_parsed_rows_and_say_so() {
    let world = telemetry();
    put(&world, ROWS, &lines(&[row(0, 0), row(20, 0), row(20, 1), row(40, 0)]));
    let text = imported(&world, "archive", &[]);
    assert!(text.contains("3 messages are rebuilt from parsed rows"), "{text}");
    assert!(text.contains("3 imported, 2026-11-24T10:00:00Z to 2026-11-24T10:00:40Z"), "{text}");
    let all = captures(&world, VEHICLES);
    // As the libraries write the same message.
    let one = message(TEN, 1);
    assert_eq!(all[0].body.len(), one.len());
    let (name, said) = &all[1].headers[0];
    assert_eq!(name, "Fahrtenbuch-Rebuilt");
    assert!(said.contains("from parsed rows, lines 2 to 3 of vehicle_positions_aHR0cDovL2E=.jsonl.gz"), "{said}");
    assert_eq!(all[0].url, "https://rt.example/vp.pb?api_key=REDACTED");
    let output = world.program(&["evidence", "show", VEHICLES, "2026-11-24T10:00:20Z"]);
    assert!(told(&output).contains("Fahrtenbuch-Rebuilt"), "{}", told(&output));
    let (code, result, stderr) = run(&world, &[]);
    assert_eq!(code, Some(0), "{stderr} {result:#}");
    assert_eq!(result["record"]["tables"][0]["published"], 4, "{result:#}");
    assert!(imported(&world, "archive", &[]).contains("nothing new, 3 there already"));
}

#[test]
fn rows_that_no_message_can_be_rebuilt_from_truthfully_are_refused_by_line() {
    let with = |path: &str, value: serde_json::Value| {
        let mut row = row(20, 0);
        *row.pointer_mut(path).unwrap() = value;
        row
    };
    let mut unknown = row(20, 0);
    unknown["vehicle"]["crew"] = json!(2);
    let cut = lines(&[row(0, 0), row(20, 0)]);
    for (bytes, expected) in [
        (lines(&[row(0, 0), unknown]), "line 2: the field 'vehicle.crew' is none of GTFS-Realtime"),
        (
            lines(&[row(0, 0), with("/vehicle/timestamp", json!("soon"))]),
            "line 2: the field 'vehicle.timestamp' has a value",
        ),
        (
            lines(&[row(0, 0), with("/metadata/extract_ts", json!("soon"))]),
            "line 2: its 'metadata.extract_ts' is no time",
        ),
        (
            lines(&[row(20, 1), with("/header/timestamp", json!("1"))]),
            "line 2: another header than the rows of the same time",
        ),
        (
            lines(&[row(0, 0), row(20, 0), row(0, 1)]),
            "line 3: rows of the message of 2026-11-24T10:00:00Z stand in two places",
        ),
        (gzip(&[format!("{}\n", row(0, 0)).into_bytes(), b"{\n".to_vec()].concat()), "line 2: it is no JSON"),
        (cut[..cut.len() - 20].to_vec(), "it cannot be read behind line"),
    ] {
        let world = telemetry();
        put(&world, ROWS, &bytes);
        refused(&world, "archive", &[], &[".jsonl.gz: ", expected]);
    }
}

#[test]
fn the_names_of_an_archive_with_local_offsets_and_the_folders_of_single_fetches_are_understood() {
    let world = telemetry();
    put(&world, "vehicle-positions/2026-11-24T11:00:00+01:00.gtfs-rt.pbf", &message(TEN, 1));
    let folder = "vehicle_positions/dt=2026-11-24/hour=2026-11-24T10:00:00+00:00/ts=2026-11-24T10:00:20+00:00";
    put(&world, &format!("{folder}/base64_url=aHR0cHM6Ly9ydC5leGFtcGxlL3ZwLnBi/feed"), &message(TEN + 20, 1));
    let text = imported(&world, "archive", &[]);
    assert!(text.contains("2 imported, 2026-11-24T10:00:00Z to 2026-11-24T10:00:20Z"), "{text}");
}
