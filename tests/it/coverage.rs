//! That `coverage` says what is missing of lines and sources as an outsider counts it, and why.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use fahrtenbuch::capture::beat::Grid;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{Lifecycle, NewContent, NewRecord, Note};
use fahrtenbuch::capture::{Capture, FailureKind};
use fahrtenbuch::digest::Digest;
use fahrtenbuch::publish::parquet::rows as parquet_rows;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::cases_windows::{run, table};
use crate::readable::{PIPELINE, TEN, keep, message, telemetry};
use crate::world::{World, python, root};

const DATE: &str = "2026-11-24";
const SOURCE: &str = "stadtbus-vehicle-positions";
/// Hours of the service date, in which it is an hour earlier by UTC.
const HOURS: std::ops::Range<i32> = 3..27;

pub(crate) fn coverage(world: &World, record: &Value) -> RecordBatch {
    let path = table(record, "coverage")["files"][0]["path"].as_str().unwrap();
    parquet_rows(std::fs::read(world.path("data/bucket").join(path)).unwrap().into()).unwrap()
}

fn text(rows: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let texts = rows.column_by_name(column).unwrap().as_string::<i32>();
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

fn long(rows: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let numbers = rows.column_by_name(column).unwrap().as_primitive::<Int64Type>();
    numbers.is_valid(row).then(|| numbers.value(row))
}

fn int(rows: &RecordBatch, column: &str, row: usize) -> Option<i32> {
    let numbers = rows.column_by_name(column).unwrap().as_primitive::<Int32Type>();
    numbers.is_valid(row).then(|| numbers.value(row))
}

/// Of a source: what was expected and received in each hour, and the reason.
pub(crate) type Hours = BTreeMap<i32, (Option<i64>, i64, Option<String>)>;

pub(crate) fn hours_of(rows: &RecordBatch, source: &str) -> Hours {
    let its = (0..rows.num_rows()).filter(|row| text(rows, "source", *row).as_deref() == Some(source));
    let of = |row: usize| {
        let counts = (long(rows, "snapshots_expected", row), long(rows, "snapshots_received", row).unwrap());
        (int(rows, "hour", row).unwrap(), (counts.0, counts.1, text(rows, "gap_reason", row)))
    };
    its.map(of).collect()
}

/// The reasons of lines by hour, where all lines have the same.
fn reasons_of_lines(rows: &RecordBatch) -> BTreeMap<i32, Option<String>> {
    let mut found = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let (hour, is_line) = (int(rows, "hour", row), rows.column_by_name("source").unwrap().is_null(row));
        if let (Some(hour), true, true) = (hour, is_line, int(rows, "trips_scheduled", row) > Some(0)) {
            let reason = text(rows, "gap_reason", row);
            assert_eq!(found.entry(hour).or_insert_with(|| reason.clone()), &reason, "{hour}");
        }
    }
    found
}

/// A day on which a collector asked once a minute from 9:00 on: at 10:20 the source failed for an hour, at 12:00 the collector was
/// ended for an hour, at 14:00 it was killed.
fn outage(now: &str) -> World {
    let mut world = telemetry();
    world.set_clock(now);
    let store = Store::without_fsync(world.path("data/private/evidence"));
    let grid = Grid::new(SOURCE, Duration::from_secs(60));
    let first = grid.after(jiff::Timestamp::from_second(TEN - 2 * 3600).unwrap());
    let write = |number: u64, late_ms: i64, body: Option<Note>| {
        let beat = first.plus(number);
        let at = beat.due + SignedDuration::from_millis(late_ms);
        let content = body.map_or_else(
            || {
                let body = Bytes::from(message(at.as_second(), 2));
                let (url, headers) = (format!("https://stadtbus.example/{SOURCE}"), Vec::new());
                NewContent::Body(Capture {
                    url,
                    captured_at: at,
                    status: 200,
                    headers,
                    digest: Digest::of(&body),
                    body,
                })
            },
            NewContent::Note,
        );
        let url = format!("https://stadtbus.example/{SOURCE}");
        let record = NewRecord { at, url, beat: Some(beat), feed_time: None, unreadable: None, payload: None, content };
        let written = store.write(SOURCE, &record, Some(true)).unwrap();
        store.finish(written).unwrap();
    };
    let started = || Note::Started { reason: Lifecycle::Program };
    write(0, -100, Some(started()));
    for minute in 0..300 {
        match minute {
            80..140 => {
                let (kind, problem) = (FailureKind::Status(503), "it answers 503".to_owned());
                write(minute, 500, Some(Note::Failed { kind, problem }));
            }
            180 => write(minute, -10, Some(Note::Stopped { reason: Lifecycle::Program })),
            181..240 => {}
            240 => {
                write(minute, -10, Some(started()));
                write(minute, 500, None);
            }
            _ => write(minute, 500, None),
        }
    }
    world
}

#[test]
fn an_outage_is_told_hour_by_hour_with_the_beats_that_evidence_gaps_counts_and_its_reason() {
    let world = outage("2026-11-26T12:00:00Z");
    let record = run(&world, &["--date", DATE]);
    assert_eq!(record["status"], "published", "{:#}", record["findings"]);
    let rows = coverage(&world, &record);
    let found = hours_of(&rows, SOURCE);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), HOURS.collect::<Vec<_>>());
    for (hour, (expected, received, reason)) in &found {
        let [from, until] = [0, 1].map(|more| {
            let at = TEN + i64::from(*hour - 11 + more) * 3600;
            jiff::Timestamp::from_second(at).unwrap().to_string()
        });
        let gaps = world.program(&["evidence", "gaps", SOURCE, "--json", "--from", &from, "--until", &until]);
        let gaps: Value = serde_json::from_slice(&gaps.stdout).unwrap();
        let explained = |class: &str| gaps[0]["explained"][class].as_i64().unwrap();
        let beats = gaps[0]["beats"].as_i64().filter(|beats| *beats > 0);
        assert_eq!((*expected, *received), (beats, explained("body") + explained("unchanged")), "{hour}: {gaps:#}");
        assert_eq!(reason.is_some(), beats.is_none_or(|beats| *received < beats), "{hour}: {reason:?}");
    }
    let reason = |hour: i32| found[&hour].2.as_deref();
    let all = [8, 9, 10, 11, 12, 13, 14, 26].map(reason);
    let killed = Some("off_killed");
    assert_eq!(
        all,
        [Some("no_capture"), None, Some("failed"), Some("failed"), Some("off_stopped"), None, killed, killed]
    );
    // Under half of the beats came at ten and at eleven, at nine and one all did.
    let lines = reasons_of_lines(&rows);
    let not_reported = Some("not_reported".to_owned());
    assert_eq!((&lines[&9], &lines[&13]), (&not_reported, &not_reported));
    assert_eq!(lines[&12], Some("off_stopped".to_owned()));
    assert_eq!(lines[&15], Some("off_killed".to_owned()));
    // Of the sources that brought nothing nobody knows a beat.
    let others = hours_of(&rows, "stadtbus-alerts");
    assert_eq!(others.len(), HOURS.len());
    assert!(others.values().all(|hour| *hour == (None, 0, Some("no_capture".to_owned()))), "{others:?}");
    // The rule of the contract tells of the hours.
    let told =
        record["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "coverage.snapshots_received").unwrap();
    let out = found.values().filter(|(expected, received, _)| expected.is_some_and(|beats| 2 * received < beats));
    assert_eq!(told["rows"], json!(out.count()), "{told:#}");
}

#[test]
fn the_same_evidence_gives_the_same_coverage_whenever_it_is_asked() {
    let inputs = |record: &Value| -> Vec<Value> {
        let data = record["inputs"]["data"].as_array().unwrap().iter();
        data.filter(|input| input["kind"] == "beats").cloned().collect()
    };
    let [(one, first), (two, second)] = ["2026-11-25T12:00:00Z", "2027-01-10T08:00:00Z"].map(|now| {
        let world = outage(now);
        let record = run(&world, &["--date", DATE]);
        (world, record)
    });
    let digest = |record: &Value| table(record, "coverage")["files"][0]["sha256"].clone();
    assert_eq!(digest(&first), digest(&second));
    assert_eq!(coverage(&one, &first), coverage(&two, &second));
    assert_eq!(inputs(&first), inputs(&second));
    assert_eq!(inputs(&first).len(), 3, "one for each source");
    // A note alone, without a capture, changes what is expected: it is another input, and another release.
    let store = Store::without_fsync(two.path("data/private/evidence"));
    let grid = Grid::new(SOURCE, Duration::from_secs(60));
    let beat = grid.after(jiff::Timestamp::from_second(TEN + 5 * 3600).unwrap());
    let note = Note::Failed { kind: FailureKind::TimeOut, problem: "no answer".to_owned() };
    let (url, content) = ("https://stadtbus.example/x".to_owned(), NewContent::Note(note));
    let record = NewRecord {
        at: beat.due + SignedDuration::from_millis(500),
        url,
        beat: Some(beat),
        feed_time: None,
        unreadable: None,
        payload: None,
        content,
    };
    store.finish(store.write(SOURCE, &record, Some(true)).unwrap()).unwrap();
    let again = run(&two, &["--date", DATE]);
    assert_ne!(digest(&again), digest(&second));
    assert_ne!(inputs(&again), inputs(&second));
    assert_eq!(table(&again, "vehicle_locations")["files"], table(&second, "vehicle_locations")["files"]);
}

#[test]
fn without_a_table_of_trips_what_is_scheduled_is_not_known_and_all_else_is_told() {
    let world = telemetry();
    world.replace(PIPELINE, "[trips_observed, coverage]", "[coverage]");
    assert!(world.program(&["check"]).status.success());
    keep(&world, SOURCE, TEN, &[], &message(TEN, 3));
    let record = run(&world, &["--date", DATE]);
    let rows = coverage(&world, &record);
    for column in ["trips_scheduled", "trips_observed", "trips_cancelled", "trips_unscheduled"] {
        assert_eq!(rows.column_by_name(column).unwrap().null_count(), rows.num_rows(), "{column}");
    }
    let published: i64 = (0..rows.num_rows()).filter_map(|row| long(&rows, "rows_published", row)).sum();
    assert_eq!(published, 3);
    let inputs = table(&record, "coverage")["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 1, "{inputs:?}");
}

#[test]
fn where_no_timetable_can_be_read_coverage_is_made_without_trips() {
    let world = World::new();
    world.write("data/sample/stadtbus-gtfs.zip", "no archive");
    let record = run(&world, &["--date", DATE]);
    // Rules of severity 'error' could not run: what would have been published is held back, and accounted for.
    let absent: Vec<&str> = record["absent"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(absent.contains(&"trips_observed") && !absent.contains(&"coverage"), "{absent:?}");
    let made = table(&record, "coverage");
    assert!(made["rows_in"].as_u64().unwrap() > 0, "{made:#}");
}

#[test]
fn a_pipeline_that_does_not_derive_it_has_the_inputs_that_it_had() {
    let world = telemetry();
    world.replace(PIPELINE, "[trips_observed, coverage]", "[trips_observed]");
    keep(&world, SOURCE, TEN, &[], &message(TEN, 3));
    let record = run(&world, &["--date", DATE]);
    let inputs = record["inputs"]["data"].to_string();
    assert!(!inputs.contains("beats") && !inputs.contains("derived:coverage"), "{inputs}");
    let tables: Vec<&str> = record["tables"].as_array().unwrap().iter().filter_map(|t| t["table"].as_str()).collect();
    assert!(!tables.contains(&"coverage"), "{tables:?}");
}

#[test]
fn rows_of_lines_add_up_to_the_account_of_the_record() {
    let world = World::new();
    let record = world.run()["stadtbus-telemetrie"]["record"].clone();
    let rows = coverage(&world, &record);
    let sum = |column: &str| (0..rows.num_rows()).filter_map(|row| long(&rows, column, row)).sum::<i64>();
    let of = table(&record, "vehicle_locations");
    let dropped: i64 = of["dropped"].as_object().unwrap().values().filter_map(Value::as_i64).sum();
    let expected = [of["published"].as_i64().unwrap(), of["quarantined"].as_i64().unwrap(), dropped];
    assert_eq!(["rows_published", "rows_held", "rows_dropped"].map(sum), expected);
    assert!(expected.iter().all(|rows| *rows > 0), "{expected:?}");
    let trips = (0..rows.num_rows()).filter_map(|row| int(&rows, "trips_scheduled", row)).sum::<i32>();
    assert_eq!(trips, 619);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_outsider_counts_the_coverage_of_the_sample_again() {
    let world = World::new();
    let record = world.run()["stadtbus-telemetrie"]["record"].clone();
    world.write("record.json", &record.to_string());
    let [bucket, record] = ["data/bucket", "record.json"].map(|name| world.path(name).to_str().unwrap().to_owned());
    let evidence = root().join("data/sample/evidence");
    let output = python("coverage.py", &[&bucket, evidence.to_str().unwrap(), &record, DATE]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("rows [14902, 7, 88], trips [619, "), "{told}");
}
