//! `fahrtenbuch status`, through the program: what it says of a week of beats, of releases, and of what is wrong.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use fahrtenbuch::capture::beat::Grid;
use fahrtenbuch::capture::collector::{CollectorLock, Stop};
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{Lifecycle, NewContent, NewRecord, Note};
use fahrtenbuch::capture::{Capture, FailureKind};
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::collector;
use crate::world::{World, files};

const SOURCE: &str = "buses";
const URL: &str = "https://stadtbus.example/buses";
/// The beats before this are written without waiting for the disk.
const LAST: u64 = 760;
const NOW: &str = "2026-11-27T09:30:00Z";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn status(world: &World, arguments: &[&str]) -> Output {
    let output = world.command().env("FAHRTENBUCH_NOW", NOW).arg("status").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn as_json(world: &World) -> Value {
    serde_json::from_slice(&status(world, &["--json"]).stdout).unwrap()
}

/// A beat every quarter of an hour from the 19th on: an hour of failures and a night without a collector among bodies.
fn week() -> World {
    let world = collector::world(&[(SOURCE, URL)]);
    let folder = world.path("data/private/evidence");
    let (store, last) = (Store::without_fsync(&folder), Store::new(&folder));
    let grid = Grid::new(SOURCE, Duration::from_secs(900));
    let first = grid.after("2026-11-19T10:00:00Z".parse().unwrap());
    let keep = |number: u64, content: NewContent| {
        let beat = first.plus(number);
        let at = beat.due + SignedDuration::from_millis(400);
        let content = match content {
            NewContent::Body(capture) => NewContent::Body(Capture { captured_at: at, ..capture }),
            other => other,
        };
        let record = NewRecord {
            at,
            url: URL.into(),
            beat: Some(beat),
            feed_time: None,
            unreadable: None,
            payload: None,
            content,
        };
        // Waiting for the disk takes most of the time; what does not wait keeps no state.
        let store = if number >= LAST { &last } else { &store };
        let written = store.write(SOURCE, &record, Some(true)).unwrap();
        store.finish(written).unwrap();
    };
    keep(0, NewContent::Note(Note::Started { reason: Lifecycle::Program }));
    let until: Timestamp = NOW.parse().unwrap();
    for number in (0..).take_while(|number| first.plus(*number).due < until) {
        match number {
            400..404 => {
                let kind = FailureKind::Status(503);
                keep(number, NewContent::Note(Note::Failed { kind, problem: "it answers 503".into() }));
            }
            500 => keep(number, NewContent::Note(Note::Stopped { reason: Lifecycle::Program })),
            501..540 => {}
            540 => keep(number, NewContent::Note(Note::Started { reason: Lifecycle::Program })),
            _ => keep(number, NewContent::Body(body(number))),
        }
    }
    world
}

fn body(number: u64) -> Capture {
    // A message with nothing but its version, and a field that nobody knows.
    let body = bytes::Bytes::from(format!("\n\u{5}\n\u{3}2.0z\u{4}{number:04}"));
    let headers = vec![("Content-Length".to_owned(), body.len().to_string())];
    let digest = Digest::of(&body);
    Capture { url: URL.into(), captured_at: Timestamp::UNIX_EPOCH, status: 200, headers, digest, body }
}

/// The beats of the week by what became of them.
fn sums(status: &Value) -> Value {
    let mut sums = serde_json::Map::new();
    for hour in status["sources"][0]["hours"].as_array().unwrap() {
        for (class, beats) in hour["beats"].as_object().unwrap() {
            let sum = sums.entry(class).or_insert(json!(0));
            *sum = json!(sum.as_u64().unwrap() + beats.as_u64().unwrap());
        }
    }
    Value::Object(sums)
}

/// The archives of an hour, and how long each is.
fn archives(world: &World) -> Vec<PathBuf> {
    let folder = world.path("data/private/evidence/buses");
    files(&folder).into_keys().filter(|name| name.contains(".warc")).map(|name| folder.join(name)).collect()
}

#[test]
fn a_week_of_beats_is_told_hour_by_hour_and_closed_hours_are_not_read_again() {
    let world = week();
    let stop = Stop::default();
    let lock = CollectorLock::take(&world.path("data/private"), (&stop, None), || ()).unwrap();
    let told = as_json(&world);
    let sums = sums(&told);
    // From midnight in Berlin on the 21st until now: 154 hours and a half.
    let all: u64 = sums.as_object().unwrap().values().map(|beats| beats.as_u64().unwrap()).sum();
    assert_eq!(all, 618, "{sums}");
    assert_eq!((&sums["failed"], sums["off"].as_u64().unwrap() >= 39), (&json!(4), true), "{sums}");
    assert_eq!((&told["collector"], &told["needs"]), (&json!(true), &json!([])));
    let shown = text(&status(&world, &[]).stdout);
    assert!(shown.starts_with("All is well: "), "{shown}");
    assert!(shown.contains("buses") && shown.contains('-') && shown.contains("a day takes: "), "{shown}");
    // Of an hour that is known nothing but the length of its archives is looked at.
    let old = archives(&world).into_iter().find(|path| path.to_string_lossy().contains("20261123T12")).unwrap();
    let length = std::fs::metadata(&old).unwrap().len();
    std::fs::write(&old, vec![0; usize::try_from(length).unwrap()]).unwrap();
    assert_eq!(as_json(&world)["sources"], told["sources"]);
    std::fs::write(&old, vec![0; usize::try_from(length).unwrap() + 1]).unwrap();
    assert_ne!(as_json(&world)["sources"], told["sources"]);
    // Beats came, and nobody asks any more.
    drop(lock);
    assert_eq!(as_json(&world)["needs"][0]["kind"], "collector_down");
}

#[test]
fn the_page_is_private_and_what_needs_a_person_can_end_the_program_with_another_code() {
    let world = week();
    // A collector was at work once, and is not now.
    world.write("data/private/collector/lock", "");
    let told = as_json(&world);
    let need = &told["needs"][0];
    assert_eq!((&need["kind"], &need["command"]), (&json!("collector_down"), &json!(["fahrtenbuch", "up"])), "{told}");
    assert!(need["since"].as_str().unwrap().starts_with("2026-11-27T09:"), "{need}");
    let output = world.command().env("FAHRTENBUCH_NOW", NOW).args(["status", "--fail"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        text(&output.stdout).starts_with("1 thing needs you: The collector does not run: no source is asked."),
        "{}",
        text(&output.stdout)
    );
    let file = world.path("status.html");
    status(&world, &["--html", file.to_str().unwrap(), "--language", "en"]);
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("<html lang=\"en\">") && page.contains("1 thing needs you") && page.contains("buses"));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_was_released_and_what_failed_is_told_by_date() {
    let world = World::new();
    std::fs::remove_file(world.path("pipelines/stadtbus-telemetrie.yaml")).unwrap();
    let file = "pipelines/stadtbus-fahrplan.yaml";
    let pipeline = std::fs::read_to_string(world.path(file)).unwrap();
    assert!(!pipeline.contains("\nschedule:"));
    world.write(file, &format!("{pipeline}\nschedule:\n  run: \"06:30\"\n"));
    let begun = as_json(&world);
    let state = |told: &Value| -> Vec<String> {
        let dates = told["pipelines"][0]["dates"].as_array().unwrap();
        let mut states: Vec<String> = dates.iter().map(|date| date["state"].as_str().unwrap().to_owned()).collect();
        states.retain(|state| state != "nothing");
        states
    };
    assert_eq!((state(&begun), &begun["due"][0]["why"]), (vec![], &json!("asking")), "{begun}");
    assert!(begun["disk"]["free"].as_u64().is_some_and(|free| free > 0), "{begun}");
    assert_eq!(begun["needs"][0]["kind"], "scheduler_down");
    let once = world.command().env("FAHRTENBUCH_NOW", NOW).args(["schedule", "--once"]).output().unwrap();
    assert!(once.status.success(), "{}", text(&once.stderr));
    let done = as_json(&world);
    assert_eq!((state(&done), &done["needs"]), (vec!["published".to_owned()], &json!([])), "{done}");
    assert_eq!(done["pipelines"][0]["newest"]["is_provisional"], false);
}

#[test]
fn a_new_workspace_says_that_no_scheduler_has_run_yet_and_how_to_start_one() {
    let city = crate::schedule::City::new(1, "2026-11-22", 2);
    let status = |arguments: &[&str]| {
        text(&city.at("2026-11-24T12:00:00Z").arg("status").args(arguments).output().unwrap().stdout)
    };
    let said = status(&[]);
    let (_, need) = said.split_once("No scheduler has run yet: nothing is published until one is started\n").unwrap();
    let (need, _) = need.split_once("\n\n").unwrap();
    assert!(!need.contains("since") && need.contains("fahrtenbuch up"), "{said}");
    // One that ran and does not run any more is told with the time.
    city.once("2026-11-24T12:00:00Z");
    city.capture("linie-0", "2026-11-24".parse().unwrap(), 12);
    let later = city.at("2026-11-25T12:00:00Z").arg("status").output().unwrap();
    assert!(text(&later.stdout).contains("The scheduler does not run: nothing is published\n     since "), "{later:?}");
}

#[test]
fn evidence_of_one_source_that_cannot_be_read_hides_nothing_else_of_the_status() {
    let world = week();
    let folder = world.path("data/private/evidence");
    std::fs::rename(folder.join(SOURCE), world.path("away")).unwrap();
    std::os::unix::fs::symlink(SOURCE, folder.join(SOURCE)).unwrap();
    let told = text(&status(&world, &[]).stdout);
    assert!(told.contains(&format!("\n{SOURCE} ")) && told.contains("\nDisk\n"), "{told}");
    let hours = as_json(&world)["sources"][0]["hours"].as_array().unwrap().clone();
    assert!(!hours.is_empty() && hours.iter().all(|hour| hour["beats"].is_null()), "{hours:?}");
    // Nothing of that is remembered once it can be read.
    std::fs::remove_file(folder.join(SOURCE)).unwrap();
    std::fs::rename(world.path("away"), folder.join(SOURCE)).unwrap();
    assert!(sums(&as_json(&world))["failed"].as_u64() > Some(0));
}
