use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::{Array, types};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::decode::Step;
use crate::decode::snapshot::{self, Snapshot};
use crate::digest::Digest;
use crate::table::Chunk;
use crate::time::ServiceDate;

fn contracts() -> Library {
    Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs-realtime")).unwrap()
}

/// The chunks, and what was noted or could not be read.
fn run(bodies: Vec<Bytes>) -> (Vec<Chunk>, Vec<String>) {
    let origin = |place: usize| Origin { name: format!("snapshot {place}"), captured_at: Timestamp::UNIX_EPOCH };
    let origins = (0..bodies.len()).map(origin).collect();
    let captures = bodies.into_iter().map(|body| {
        let digest = Digest::of(&body);
        Ok(Capture {
            url: "file:x".into(),
            captured_at: Timestamp::UNIX_EPOCH,
            status: 200,
            headers: Vec::new(),
            body,
            digest,
        })
    });
    let budget = Budget::new(1 << 30);
    let decoded = decode(origins, Box::new(captures), &contracts(), Limits::default(), budget).unwrap();
    let (mut chunks, mut notes) = (Vec::new(), Vec::new());
    for step in decoded.steps {
        match step.unwrap() {
            Step::Rows { chunk, .. } => chunks.push(chunk),
            Step::Note(note) => notes.push(note.message),
            Step::Read { read: Read::Nothing { said, .. }, .. } => notes.push(said),
            Step::End { .. } | Step::Read { .. } | Step::Strays { .. } => {}
        }
    }
    (chunks, notes)
}

/// The rows of one partition, or all of them.
fn decode_from(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    only: Option<Only>,
) -> Result<Decoded, DecodeError> {
    let (contracts, limits, budget) = (contracts(), Limits::default(), Budget::new(1 << 30));
    match only {
        None => decode(origins, captures, &contracts, limits, budget),
        Some(only) => decode_only(DecodeInput { origins, captures, contracts: &contracts, limits, budget, only }),
    }
}

fn bytes(number: u32, inner: &[u8]) -> Vec<u8> {
    [&[(number << 3 | 2) as u8, inner.len() as u8], inner].concat()
}

fn snapshot() -> Vec<u8> {
    let header = bytes(1, &[bytes(1, b"2.0"), vec![0x18, 0x0a]].concat());
    let trip = bytes(1, &[bytes(1, b"t1"), bytes(2, b"25:10:00"), bytes(3, b"20261124")].concat());
    let mut position = vec![0x0d];
    position.extend(48.47_f32.to_le_bytes());
    let position = bytes(2, &position);
    // Stop sequence 0 is there, the status is not; occupancy EMPTY is 0; the percentage is -5.
    let rest = [0x18, 0x00, 0x48, 0x00, 0x50, 0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let vehicle = bytes(4, &[trip, position, rest.to_vec()].concat());
    [header, bytes(2, &[bytes(1, b"e1"), vehicle].concat())].concat()
}

#[test]
fn presence_is_kept_and_values_are_what_was_meant() {
    let (chunks, notes) = run(vec![snapshot().into()]);
    assert!(notes.is_empty());
    let rows = &chunks[0].rows;
    let column = |name: &str| rows.column_by_name(name).unwrap();
    assert_eq!(column("start_time").as_primitive::<types::Int32Type>().value(0), 25 * 3600 + 600);
    assert_eq!(column("latitude").as_primitive::<types::Float64Type>().value(0), 48.47);
    assert!(column("longitude").is_null(0) && column("current_status").is_null(0));
    assert_eq!(column("current_stop_sequence").as_primitive::<types::Int32Type>().value(0), 0);
    assert_eq!(column("occupancy_status").as_string::<i32>().value(0), "EMPTY");
    assert_eq!(column("occupancy_percentage").as_primitive::<types::Int32Type>().value(0), -5);
    assert_eq!(column("feed_timestamp").as_primitive::<types::TimestampMillisecondType>().value(0), 10_000);
}

#[test]
fn a_snapshot_cut_off_anywhere_gives_a_note_and_never_ends_the_day() {
    let whole = snapshot();
    for length in 0..whole.len() {
        let (chunks, notes) = run(vec![whole[..length].to_vec().into(), whole.clone().into()]);
        assert!(chunks.iter().map(|chunk| chunk.rows.num_rows()).sum::<usize>() >= 1, "{length}");
        // The header alone is a message without entities.
        let header = 2 + usize::from(whole[1]);
        assert_eq!(notes.len(), usize::from(length != header), "{length}: {notes:?}");
    }
    let (_, notes) = run(vec![whole[..whole.len() - 3].to_vec().into()]);
    assert!(notes[0].starts_with("'snapshot 0' is cut off or damaged at byte"), "{notes:?}");
    let (_, notes) = run(vec![Bytes::from_static(b"<html>not a feed</html>")]);
    assert_eq!(notes, ["is an HTML page, not a GTFS-Realtime message (23 bytes, it begins with <html>)"]);
}

#[test]
fn rows_are_made_of_one_date_and_all_dates_together_have_all_rows() {
    let trip = |start_date: &[u8], start_time: &[u8]| [bytes(2, start_time), bytes(3, start_date)].concat();
    let trips = [
        trip(b"20261124", b""),
        trip(b"20261125", b"23:50:00"),
        trip(b"", b"28:10:00"),
        trip(b"", b"00:10:00"),
        trip(b"", b""),
        trip(b"20261224", b""),
        trip(b"tomorrow", b""),
    ];
    let mut body = bytes(1, &bytes(1, b"2.0"));
    // A position, and a prediction for two stops.
    for trip in &trips {
        let update = [bytes(1, trip), bytes(2, &bytes(4, b"a")), bytes(2, &bytes(4, b"b"))].concat();
        for entity in [bytes(4, &bytes(1, trip)), bytes(3, &update)] {
            body.extend(bytes(2, &[bytes(1, b"x"), entity].concat()));
        }
    }
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let dates: Vec<ServiceDate> = (-3..4).map(|day| ServiceDate::new(2026, 11, 25).unwrap().plus_days(day)).collect();
    for hour in 0..24 {
        let captured_at = Timestamp::from_second(1_795_561_200 + hour * 3600).unwrap();
        let mut all = 0;
        for date in &dates {
            let only = Only { date: *date, zone: zone.clone() };
            if !crate::time::ServiceDay::new(*date, &zone).evidence.contains(&captured_at) {
                continue;
            }
            let capture = Capture {
                url: "x".into(),
                captured_at,
                status: 200,
                headers: Vec::new(),
                digest: crate::digest::Digest::of(&body),
                body: body.clone().into(),
            };
            let origins = vec![Origin { name: "x".into(), captured_at }];
            let captures = Box::new(std::iter::once(Ok(capture)));
            let decoded = decode_from(origins, captures, Some(only)).unwrap();
            for step in decoded.steps {
                all += match step.unwrap() {
                    Step::Rows { chunk, .. } => chunk.rows.num_rows() as u64,
                    Step::Strays { strays, .. } => strays.rows,
                    _ => 0,
                };
            }
        }
        assert_eq!(all, 3 * trips.len() as u64, "{captured_at}");
    }
}

#[test]
fn a_snapshot_names_the_trips_of_its_whole_entities_whatever_dates_they_are_of() {
    let trip = |id: &[u8], more: &[u8]| bytes(1, &[bytes(1, id), bytes(3, b"20260101"), more.to_vec()].concat());
    let duplicated = [trip(b"a", &[0x20, 6]), bytes(6, &bytes(1, b"copy"))].concat();
    let deleted = [vec![0x10, 1], bytes(4, &trip(b"deleted", &[]))].concat();
    // A trip update behind a whole position; its event is cut off.
    let damaged = [bytes(4, &trip(b"half", &[])), bytes(3, &bytes(2, &bytes(2, &[0x10])))].concat();
    let alert = bytes(5, &bytes(5, &bytes(4, &bytes(1, b"of an alert"))));
    let entities = [
        bytes(4, &trip(b"added", &[0x20, 1])),
        bytes(3, &duplicated),
        deleted,
        damaged,
        alert,
        bytes(4, &trip(b"", &[])),
        // Both of one entity, and a number without a name.
        [bytes(4, &trip(b"b", &[])), bytes(3, &trip(b"c", &[0x20, 99]))].concat(),
    ];
    let mut body = bytes(1, &[bytes(1, b"2.0"), vec![0x18, 100]].concat());
    entities.iter().for_each(|entity| body.extend(bytes(2, &[bytes(1, b"x"), entity.clone()].concat())));
    let captured_at = Timestamp::from_second(1_795_561_200).unwrap();
    let only = Only { date: ServiceDate::new(2026, 11, 25).unwrap(), zone: TimeZone::UTC };
    for only in [None, Some(only)] {
        let digest = Digest::of(&body);
        let (url, headers, status) = ("x".into(), Vec::new(), 200);
        let capture = Capture { url, captured_at, status, headers, digest, body: body.clone().into() };
        let origins = vec![Origin { name: "x".into(), captured_at }];
        let captures = Box::new(std::iter::once(Ok(capture)));
        let decoded = decode_from(origins, captures, only).unwrap();
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for step in decoded.steps {
            if let Step::Read { snapshot, .. } = step.unwrap() {
                snapshots.extend(snapshot);
            }
        }
        let [snapshot] = &snapshots[..] else { panic!("{}", snapshots.len()) };
        assert_eq!(snapshot.header, snapshot::Header { captured_at, timestamp: Some(100) });
        let trips: Vec<_> = snapshot.trips().map(|trip| (trip.entity, trip.id, trip.relationship)).collect();
        let expected: [(u64, &[u8], Option<&str>); 4] =
            [(0, b"added", Some("ADDED")), (1, b"a", Some("DUPLICATED")), (6, b"b", None), (6, b"c", None)];
        assert_eq!(trips, expected);
    }
}

#[test]
fn a_prediction_of_another_date_is_looked_through_as_if_it_gave_rows() {
    // Of two stops, the time at the second one is 0.
    let stops = [bytes(2, &bytes(4, b"a")), bytes(2, &bytes(2, &[0x10, 0x00]))].concat();
    // An event that is cut off.
    let damaged = bytes(2, &bytes(3, &[0x08]));
    let update = |stops: &[u8]| bytes(3, &[&bytes(1, &bytes(3, b"20261124"))[..], stops].concat());
    let entities = [update(&stops), update(&damaged), update(&stops)];
    let mut body = bytes(1, &bytes(1, b"2.0"));
    entities.iter().for_each(|entity| body.extend(bytes(2, &[&bytes(1, b"x")[..], entity].concat())));
    let captured_at: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    for (date, rows) in [(23, 0), (24, 4), (25, 0)] {
        let only =
            Only { date: ServiceDate::new(2026, 11, date).unwrap(), zone: TimeZone::get("Europe/Berlin").unwrap() };
        let capture = Capture {
            url: "x".into(),
            captured_at,
            status: 200,
            headers: Vec::new(),
            digest: Digest::of(&body),
            body: body.clone().into(),
        };
        let origins = vec![Origin { name: "x".into(), captured_at }];
        let captures = Box::new(std::iter::once(Ok(capture)));
        let decoded = decode_from(origins, captures, Some(only)).unwrap();
        let (mut all, mut contents) = (0, None);
        for step in decoded.steps {
            match step.unwrap() {
                Step::Rows { chunk, .. } => all += chunk.rows.num_rows(),
                Step::Read { read: Read::Message(read), .. } => contents = Some(read),
                _ => {}
            }
        }
        assert_eq!(all, rows, "{date}");
        assert_eq!(contents, Some(Contents { damaged: 1, zero_times: 2, ..Contents::default() }), "{date}");
    }
}

fn real_snapshots(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            real_snapshots(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pb") {
            found.push(path);
        }
    }
}

#[test]
fn every_snapshot_of_the_repository_gives_rows_or_a_note() {
    give_rows_or_a_note(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures"), 30);
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn every_real_snapshot_gives_rows_or_a_note() {
    give_rows_or_a_note(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realtime"), 100);
}

fn give_rows_or_a_note(folder: &Path, at_least: usize) {
    let mut files = Vec::new();
    real_snapshots(folder, &mut files);
    files.sort();
    assert!(files.len() > at_least, "{}", files.len());
    let mut with_rows = 0;
    for file in &files {
        let (chunks, notes) = run(vec![std::fs::read(file).unwrap().into()]);
        with_rows += usize::from(!chunks.is_empty());
        for chunk in &chunks {
            assert_eq!(chunk.rows.schema().fields().len(), chunk.rows.num_columns());
        }
        assert!(notes.len() <= 1, "{}: {notes:?}", file.display());
    }
    assert!(with_rows > files.len() / 2, "{with_rows} of {}", files.len());
}
