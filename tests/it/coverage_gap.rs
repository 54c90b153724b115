//! A service date on which nothing was captured, or nothing new, has its coverage, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use fahrtenbuch::capture::beat::Grid;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::record::{Lifecycle, NewContent, NewRecord, Note, Unchanged};
use fahrtenbuch::capture::{Capture, FailureKind};
use fahrtenbuch::digest::Digest;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::cases_windows::{run, table};
use crate::coverage::{coverage, hours_of};
use crate::readable::{PIPELINE, TEN, keep, message, notes, telemetry};
use crate::releases::{json_of, refused, withdraw};
use crate::world::World;

const SOURCE: &str = "stadtbus-vehicle-positions";
const NOW: &str = "2026-11-27T12:00:00Z";

/// A collector that worked for an hour on the 24th, was ended, and on the 26th asked a source that never answered.
fn world() -> World {
    let mut world = telemetry();
    world.set_clock(NOW);
    let store = Store::without_fsync(world.path("data/private/evidence"));
    let grid = Grid::new(SOURCE, Duration::from_secs(900));
    let write = |seconds: i64, late_ms: i64, note: Option<Note>| {
        let beat = grid.after(jiff::Timestamp::from_second(TEN + seconds).unwrap());
        let at = beat.due + SignedDuration::from_millis(late_ms);
        let url = format!("https://stadtbus.example/{SOURCE}");
        let content = note.map_or_else(
            || {
                let body = Bytes::from(message(at.as_second(), 2));
                let (url, headers, digest) = (url.clone(), Vec::new(), Digest::of(&body));
                NewContent::Body(Capture { url, captured_at: at, status: 200, headers, digest, body })
            },
            NewContent::Note,
        );
        let record = NewRecord {
            at,
            url: url.clone(),
            beat: Some(beat),
            feed_time: None,
            unreadable: None,
            payload: None,
            content,
        };
        store.finish(store.write(SOURCE, &record, Some(true)).unwrap()).unwrap();
    };
    let reason = Lifecycle::Program;
    write(0, -100, Some(Note::Started { reason }));
    (0..4).for_each(|beat| write(beat * 900, 500, None));
    write(3600, -10, Some(Note::Stopped { reason }));
    // From 1:00 of the 26th (UTC) until the night after it.
    write(39 * 3600, -100, Some(Note::Started { reason }));
    for beat in 0..100 {
        let (kind, problem) = (FailureKind::Status(503), "it answers 503".to_owned());
        write(39 * 3600 + beat * 900, 500, Some(Note::Failed { kind, problem }));
    }
    write(64 * 3600, -10, Some(Note::Stopped { reason }));
    world
}

fn released(world: &World, date: &str) -> Vec<String> {
    let names = crate::world::files(&world.path("data/bucket")).into_keys();
    let names = names.filter(|name| name.ends_with(".parquet") && name.contains(date));
    names.map(|name| name.split('/').nth(2).unwrap().to_owned()).collect()
}

#[test]
fn a_date_on_which_nothing_was_captured_has_its_coverage_alone_and_the_reason() {
    let world = world();
    for (date, reason) in [("2026-11-26", "failed"), ("2026-11-25", "off_stopped")] {
        let record = run(&world, &["--date", date]);
        assert_eq!(record["status"], "published", "{:#}", record["findings"]);
        assert_eq!(released(&world, date), ["coverage"]);
        assert_eq!(notes(&record, "run.nothing_captured").len(), 1, "{:#}", record["notes"]);
        let hours = hours_of(&coverage(&world, &record), SOURCE);
        assert_eq!(hours.len(), 24);
        let noon = (Some(4), 0, Some(reason.to_owned()));
        assert_eq!(hours[&12], noon, "{date}");
        let trips = table(&record, "trips_observed");
        assert_eq!(trips["published"], 0, "{trips:#}");
        assert!(trips["dropped"]["trips_observed.nothing_captured"].as_u64() > Some(0), "{trips:#}");
    }
    // Again: nothing new. Before the first record: nothing.
    let again = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-25"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing new"));
    let before = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-23"]);
    assert_eq!(before.status.code(), Some(42));
    // There is no score, and the date is named.
    let quality = world.program(&["quality", "report", "stadtbus-telemetrie"]);
    let told = String::from_utf8_lossy(&quality.stdout).into_owned();
    assert!(told.contains("2026-11-25: nothing new was captured"), "{told}");
    // What comes in late makes another release, and the first of the other tables.
    keep(&world, SOURCE, TEN + 86_400, &[], &message(TEN + 86_400, 3));
    let record = run(&world, &["--date", "2026-11-25"]);
    assert!(released(&world, "2026-11-25").contains(&"vehicle_locations".to_owned()), "{record:#}");
    assert!(notes(&record, "run.nothing_captured").is_empty());
}

/// A collector whose source gives the same from the evening of the 24th on: once in each hour its bytes are kept, and else that they are
/// what they were.
fn frozen() -> World {
    let mut world = telemetry();
    world.set_clock(NOW);
    let store = Store::without_fsync(world.path("data/private/evidence"));
    let grid = Grid::new(SOURCE, Duration::from_secs(900));
    let url = format!("https://stadtbus.example/{SOURCE}");
    let write = |seconds: i64, late_ms: i64, content: &dyn Fn(jiff::Timestamp) -> NewContent| {
        let beat = grid.after(jiff::Timestamp::from_second(TEN + seconds).unwrap());
        let at = beat.due + SignedDuration::from_millis(late_ms);
        let content = content(at);
        let (url, beat) = (url.clone(), Some(beat));
        // As the message says, which the collector reads.
        let feed_time = jiff::Timestamp::from_second(TEN).ok();
        let record = NewRecord { at, url, beat, feed_time, unreadable: None, payload: None, content };
        store.finish(store.write(SOURCE, &record, Some(true)).unwrap()).unwrap();
        at
    };
    let note = |note: Note| move |_: jiff::Timestamp| NewContent::Note(note.clone());
    let reason = Lifecycle::Program;
    write(0, -100, &note(Note::Started { reason }));
    // Without a vehicle: what vehicles reported once is late, and of the day before.
    let same = Bytes::from(message(TEN, 0));
    let digest = Digest::of(&same);
    let (mut captured_at, mut hour) = (jiff::Timestamp::MIN, 0);
    // Until the 26th, 12:00 (UTC).
    for beat in 0..200 {
        let now = (TEN + beat * 900) / 3600;
        let body = |at| {
            let (url, headers, body) = (url.clone(), Vec::new(), same.clone());
            NewContent::Body(Capture { url, captured_at: at, status: 200, headers, digest, body })
        };
        let (status, headers, is_not_modified) = (304, Vec::new(), true);
        match now == hour {
            false => captured_at = write(beat * 900, 500, &body),
            true => {
                let unchanged = Unchanged { digest, captured_at, is_not_modified, status, headers };
                write(beat * 900, 500, &|_| NewContent::Unchanged(unchanged.clone()));
            }
        }
        hour = now;
    }
    write(200 * 900, -10, &note(Note::Stopped { reason }));
    world
}

#[test]
fn a_date_on_which_the_source_gave_what_it_had_given_before_has_its_coverage_alone_and_the_reason() {
    let world = frozen();
    let record = run(&world, &["--date", "2026-11-25"]);
    assert_eq!(record["status"], "published", "{:#}", record["findings"]);
    assert_eq!(released(&world, "2026-11-25"), ["coverage"]);
    let told = notes(&record, "run.nothing_captured");
    assert!(told.len() == 1 && told[0].contains("its sources gave what they had given before"), "{told:?}");
    let hours = hours_of(&coverage(&world, &record), SOURCE);
    assert_eq!((hours.len(), &hours[&12]), (24, &(Some(4), 0, Some("frozen".to_owned()))), "{hours:?}");
    // A message that is new, if nobody reports in it: as it was.
    let before = released(&world, "2026-11-25");
    keep(&world, SOURCE, TEN + 86_400, &[], &message(TEN + 86_400, 0));
    let output = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-25"]);
    assert_eq!(output.status.code(), Some(42), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(released(&world, "2026-11-25"), before);
}

#[test]
fn the_order_of_dates_changes_no_byte_where_nothing_was_captured_on_one() {
    let made = |dates: [&str; 3], keys: Option<&World>| {
        let world = world();
        keys.into_iter().for_each(|other| world.take_keys(other));
        for date in dates {
            run(&world, &["--date", date]);
        }
        assert_eq!(released(&world, "2026-11-25"), ["coverage"]);
        world
    };
    let forth = made(["2026-11-24", "2026-11-25", "2026-11-26"], None);
    for dates in [["2026-11-26", "2026-11-25", "2026-11-24"], ["2026-11-25", "2026-11-26", "2026-11-24"]] {
        let other = made(dates, Some(&forth));
        let (one, two) = (forth.tables(), other.tables());
        assert!(one.keys().eq(two.keys()), "{dates:?}");
        let differs: Vec<_> = one.iter().filter(|(name, bytes)| two[*name] != **bytes).map(|(name, _)| name).collect();
        assert!(differs.is_empty(), "{dates:?}: {differs:?}");
    }
}

#[test]
fn a_date_on_which_nothing_was_captured_is_withdrawn_and_lifted_as_others_are() {
    let world = world();
    world.keep_publication();
    world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    let date = "2026-11-25";
    for date in ["2026-11-24", date] {
        run(&world, &["--date", date]);
    }
    let of_results = |world: &World| {
        let names = crate::world::files(&world.path("data/bucket")).into_keys();
        names.filter(|name| name.contains(&format!("rule_results/partition_date={date}"))).count()
    };
    let before = of_results(&world);
    // Pages of the timetable, which has no release.
    json_of(&world, &["publish", "--rebuild"]);
    let done = json_of(&world, &withdraw("stadtbus-telemetrie", date, &[]));
    assert_eq!(done["tables"][0]["table"], "coverage", "{done}");
    assert_eq!(done["tables"].as_array().unwrap().len(), 1, "{done}");
    assert!(!released(&world, date).contains(&"coverage".to_owned()) && of_results(&world) == 0, "{before}");
    let view = world.files_json("stadtbus-telemetrie/coverage");
    assert_eq!(view["withdrawn"][date]["reason"], "a test");
    assert_eq!(view["files"].as_array().unwrap().len(), 1, "{view}");
    let said = refused(&world, &["run", "stadtbus-telemetrie", "--date", date], 42);
    assert!(said.contains("was withdrawn on"), "{said}");
    let is_as_rebuilt = || {
        let rebuilt = json_of(&world, &["publish", "--rebuild"]);
        assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])));
    };
    is_as_rebuilt();
    json_of(&world, &withdraw("stadtbus-telemetrie", date, &["--lift"]));
    let record = run(&world, &["--date", date]);
    assert_eq!(notes(&record, "run.nothing_captured").len(), 1, "{:#}", record["notes"]);
    let path = table(&record, "coverage")["files"][0]["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with("revised/") && world.path("data/bucket").join(&path).exists(), "{path}");
    is_as_rebuilt();
}

#[test]
fn without_coverage_a_date_on_which_nothing_was_captured_is_as_it_was() {
    let world = world();
    world.replace(PIPELINE, "[trips_observed, coverage]", "[trips_observed]");
    let alone = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-25"]);
    assert_eq!(alone.status.code(), Some(42), "{}", String::from_utf8_lossy(&alone.stdout));
    assert!(released(&world, "2026-11-25").is_empty());
}

#[test]
fn the_schedule_finds_a_date_on_which_nothing_was_captured_due_once() {
    let world = world();
    let file = std::fs::read_to_string(world.path(PIPELINE)).unwrap();
    world.write(PIPELINE, &format!("{file}\nschedule:\n  run: '06:30'\n"));
    let due = || -> Vec<String> {
        let plan = world.program(&["plan", "--json"]);
        let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
        let jobs = plan["due"].as_array().unwrap().iter();
        let jobs = jobs.filter(|job| job["pipeline"] == "stadtbus-telemetrie" && job["date"].is_string());
        jobs.map(|job| job["date"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = due();
    found.sort_unstable();
    assert_eq!(found, ["2026-11-24", "2026-11-25", "2026-11-26"]);
    let run = world.program(&["run", "stadtbus-telemetrie", "--date", "2026-11-25", "--attempt"]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(!due().contains(&"2026-11-25".to_owned()));
}
