//! Kill the run at any moment, run it again: the bucket is as if it had run once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::world::World;

pub(crate) const STAGES: [&str; 10] =
    ["capture", "decode", "check", "stage", "journal", "put", "record", "commit", "views", "quarantine"];

/// A workspace whose bucket has a catalogue, too.
fn with_catalogue() -> World {
    let world = World::new();
    world.replace("fahrtenbuch.yaml", "# base_url:", "base_url:");
    world
}

fn once() -> World {
    let world = with_catalogue();
    world.run();
    world
}

/// A workspace with the same keys, in which nothing has run.
fn fresh(reference: &World) -> World {
    let world = with_catalogue();
    world.take_keys(reference);
    world
}

fn as_if_it_had_run_once(world: &World, reference: &World, when: &str) {
    grow_old(&world.path("data/bucket"));
    world.run();
    let (found, expected) = (world.published(), reference.published());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "killed {when}");
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "killed {when}: {name} differs");
    }
    assert_eq!(world.records().len(), 2, "killed {when}");
    assert!(!world.path("data/private/staging/stadtbus-telemetrie/2026-11-24").exists(), "killed {when}");
}

/// Lets an hour pass for what a killed write left beside a file that is no table's: another store might be writing it until then.
pub(crate) fn grow_old(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            if !["data", "revised"].contains(&name.as_str()) {
                grow_old(&entry.path());
            }
        } else if name.contains('#') {
            let before = SystemTime::now() - Duration::from_secs(7200);
            std::fs::File::options().write(true).open(entry.path()).unwrap().set_modified(before).unwrap();
        }
    }
}

/// Runs, and kills the run when a pipeline comes to a stage.
pub(crate) fn kill_at(world: &World, pipeline: &str, stage: &str) {
    kill_after(world, pipeline, stage, Duration::ZERO);
}

/// Runs, and kills the run a while after a pipeline came to a stage.
fn kill_after(world: &World, pipeline: &str, stage: &str, wait: Duration) {
    let mut child = world
        .command()
        .args(["run", "-v", "--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let reached = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).any(|line| {
        line.contains(&format!("\"stage\":\"{stage}\"")) && line.contains(&format!("\"pipeline\":\"{pipeline}\""))
    });
    assert!(reached, "{pipeline} never came to {stage}");
    std::thread::sleep(wait);
    // It may be done already, which is a moment like any other.
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_command_unless_a_journal_names_it() {
    for (stage, stays) in [("stage", false), ("put", true)] {
        let world = World::new();
        kill_at(&world, "stadtbus-telemetrie", stage);
        let staging = world.path("data/private/staging/stadtbus-telemetrie/2026-11-24");
        assert!(staging.exists(), "{stage}");
        let output = world.program(&["publish", "--rebuild"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(staging.exists(), stays, "{stage}");
        // A write that was killed, beside what the next one writes.
        let left = world.path("data/private/journal/stadtbus-telemetrie/.tmpAbc123");
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "half").unwrap();
        world.run();
        assert!(!left.exists(), "{stage}");
        assert!(!staging.exists());
    }
}

#[test]
fn a_run_that_was_killed_at_any_stage_is_finished_by_the_next_one() {
    let reference = once();
    // A run goes through the same code for both: without the many rounds, the timetable's is killed at every third stage.
    let every = if is_long() { 1 } else { 3 };
    for (pipeline, every) in [("stadtbus-fahrplan", every), ("stadtbus-telemetrie", 1)] {
        for stage in STAGES.into_iter().step_by(every) {
            let world = fresh(&reference);
            kill_at(&world, pipeline, stage);
            as_if_it_had_run_once(&world, &reference, &format!("in {pipeline} at {stage}"));
        }
    }
}

/// Whether the many rounds of `./test --long` are to be gone.
fn is_long() -> bool {
    std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some()
}

/// A fortieth of the rounds of `./test --long`, which sets the number.
fn rounds() -> u64 {
    std::env::var("FAHRTENBUCH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

#[test]
fn a_run_that_was_killed_at_any_time_is_finished_by_the_next_one() {
    let reference = once();
    // Kills a little after a stage was reached: the stages, not the clock, say where the run is, however slow the machine.
    for round in 0..rounds() {
        let pipeline = ["stadtbus-fahrplan", "stadtbus-telemetrie"][(round % 2) as usize];
        let stage = STAGES[(round * 7 % STAGES.len() as u64) as usize];
        let world = fresh(&reference);
        kill_after(&world, pipeline, stage, Duration::from_micros(round * 7_919 % 60_000));
        as_if_it_had_run_once(&world, &reference, &format!("round {round}, after {stage} of {pipeline}"));
    }
}

#[test]
fn a_second_run_of_the_same_partition_is_sent_away() {
    let world = World::new();
    std::fs::create_dir_all(world.path("data/private/locks")).unwrap();
    let lock = std::fs::File::create(world.path("data/private/locks/stadtbus-telemetrie@2026-11-24")).unwrap();
    lock.lock().unwrap();
    let output = world.program(&["run", "stadtbus-telemetrie"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("another run is at work on stadtbus-telemetrie 2026-11-24")
    );
}

#[test]
fn runs_of_different_dates_at_the_same_time_all_land() {
    let world = World::at("2026-12-01T12:00:00Z");
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    let dates = ["2026-11-20", "2026-11-22", "2026-11-24"];
    for date in &dates[..2] {
        let simulate = ["simulate", "--date", date, "--interval", "600", "--evidence", &evidence];
        assert!(world.program(&simulate).status.success());
    }
    let children: Vec<_> = dates
        .iter()
        .map(|date| {
            let mut command = world.command();
            command.args(["run", "stadtbus-telemetrie", "--date", date]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let folder = world.path("data/bucket/meta/stadtbus-telemetrie/vehicle_locations");
    let files = world.files_json("stadtbus-telemetrie/vehicle_locations");
    let found: Vec<&str> =
        files["files"].as_array().unwrap().iter().filter_map(|file| file["partition_date"].as_str()).collect();
    assert_eq!(found, dates);
    assert_eq!(std::fs::read_to_string(folder.join("index.csv")).unwrap().lines().count(), 4);
    assert_eq!(world.records().len(), 3);
}

/// Five dates of telemetry and a captured timetable.
fn five_dates() -> World {
    let world = World::new();
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    std::fs::remove_dir_all(&evidence).unwrap();
    for (seed, date) in DATES.iter().enumerate() {
        let seed = (seed + 3).to_string();
        let simulate =
            ["simulate", "--date", date, "--seed", &seed, "--interval", "900", "--faults", "--evidence", &evidence];
        assert!(world.program(&simulate).status.success());
    }
    assert!(world.program(&["capture", "stadtbus-fahrplan"]).status.success());
    world
}

const DATES: [&str; 5] = ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"];

#[test]
fn dates_that_run_forwards_backwards_and_at_once_give_the_same_files_and_views() {
    let forwards = five_dates();
    let copy_of = |world: &World| {
        let other = World::new();
        std::fs::remove_dir_all(other.path("data")).unwrap();
        crate::world::copy(&world.path("data"), &other.path("data"));
        other
    };
    let (backwards, at_once) = (copy_of(&forwards), copy_of(&forwards));
    let all = ["run", "stadtbus-telemetrie", "--from", DATES[0], "--to", DATES[4]];
    assert!(forwards.program(&all).status.success());
    for world in [&backwards, &at_once] {
        world.take_keys(&forwards);
    }
    for date in DATES.iter().rev() {
        assert!(backwards.program(&["run", "stadtbus-telemetrie", "--date", date]).status.success(), "{date}");
    }
    let children: Vec<_> = (0..4)
        .map(|_| at_once.command().args(all).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        // A date that another one is at work on is left to it.
        let errors = || told.lines().filter(|line| line.starts_with("error"));
        let is_busy = errors().all(|line| line.contains("another run is at work on"));
        assert!(output.status.success() || (output.status.code() == Some(1) && is_busy), "{told}");
    }
    let expected = forwards.tables();
    let files = expected.keys().filter(|name| name.starts_with("data/")).count();
    assert_eq!((files, expected.len()), (25, 25 + 5 * 2), "{:?}", expected.keys());
    for (world, how) in [(&backwards, "backwards"), (&at_once, "at once")] {
        let found = world.tables();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{how}");
        for (name, bytes) in &expected {
            assert!(found[name] == *bytes, "{how}: {name} differs: {}", String::from_utf8_lossy(&found[name]));
        }
    }
    // Once more, now that each date has others before it: nothing is new.
    let again = forwards.run_of(&["stadtbus-telemetrie", "--from", DATES[0], "--to", DATES[4]]);
    assert_eq!(again["stadtbus-telemetrie"]["releases"], 0);
    assert!(forwards.tables() == expected);
}
