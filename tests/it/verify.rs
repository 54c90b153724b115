//! What `fahrtenbuch verify` finds in a bucket that somebody has changed, and that it finds nothing in one that nobody has.

mod catalogues;
mod forgeries;
mod outside;
mod private;
mod tamperings;
mod thousand;

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use self::tamperings::{Bucket, Expected, TAMPERINGS};
use crate::published::add_a_row_to_stops;
use crate::purge::{DATES, DUE, PIPELINE, collected, copy_of, purge};
use crate::releases::{rollback, withdraw};
use crate::serve::Serving;
use crate::world::{World, copy, files};

const TIMETABLE: &str = "stadtbus-fahrplan";
const STOPS: &str = "stadtbus-fahrplan/stops";

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn verify(world: &World, bucket: &str, more: &[&str]) -> Output {
    world.program(&[&["verify", bucket, "--json"], more].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)))
}

/// Nothing is wrong with the bucket of a workspace; what was looked at.
fn is_sound(world: &World, more: &[&str]) -> Value {
    let output = verify(world, &world.path("data/bucket").to_string_lossy(), more);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let found = json(&output);
    assert_eq!(found["faults"], serde_json::json!([]));
    found
}

/// A checkpoint as somebody keeps it who has no signed one: the size and the root that a verification tells.
fn kept(world: &World, found: &Value) -> String {
    let (size, root) = (&found["log"]["size"], found["log"]["root"].as_str().unwrap());
    let path = world.path("kept-checkpoint");
    std::fs::write(&path, format!("stadt.example/fahrtenbuch\n{size}\n{root}\n")).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn what_the_publisher_did_is_no_fault() {
    let world = World::with_publication();
    world.run();
    let first = kept(&world, &is_sound(&world, &[]));
    let does = |arguments: &[&str]| {
        let output = world.program(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    };
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    does(&rollback(STOPS, "1", &[]));
    is_sound(&world, &["--since", &first]);
    let date = world.files_json(STOPS)["files"][0]["partition_date"].as_str().unwrap().to_owned();
    does(&withdraw(STOPS, &date, &[]));
    let found = is_sound(&world, &["--since", &first]);
    for of in ["entries", "index_versions", "records", "files", "bytes", "objects", "reports", "views"] {
        assert!(found["looked_at"][of].as_u64().unwrap() > 0, "{of}: {found}");
    }
    does(&["withdraw", "--lift", STOPS, "--date", &date, "--by", "Datenmanagement", "--reason", "a test"]);
    world.run_of(&[TIMETABLE]);
    is_sound(&world, &["--since", &first]);
    // A workspace is not needed, and the summary is for people in both languages.
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let said = world.program(&["verify", &bucket, "--lang", "de"]);
    assert!(told(&said).contains("nichts gefunden"), "{}", told(&said));
}

#[test]
fn what_was_destroyed_and_collected_by_rule_is_no_fault() {
    let world = collected(&DATES[..3], "3600");
    let run = world.program(&["run", PIPELINE, "--from", DATES[0], "--to", DATES[2]]);
    assert!(run.status.success(), "{}", told(&run));
    let due = copy_of(&world, DUE);
    purge(&due, &[]);
    let found = is_sound(&due, &[]);
    let log = files(&due.path("data/bucket/ledger/log"));
    assert!(log.values().any(|bytes| String::from_utf8_lossy(bytes).contains("\"record purge ")), "{found}");
    // Files that later releases replaced go by a rule.
    let mut world = World::new();
    world.run();
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    world.set_clock("2028-12-27T12:00:00Z");
    let gc = world.program(&["gc"]);
    assert!(gc.status.code().is_some_and(|code| code == 0 || code == 4), "{}", told(&gc));
    is_sound(&world, &[]);
}

#[test]
fn the_same_is_found_over_http() {
    let world = World::with_publication();
    world.run();
    let (serving, folder) = (Serving::start(&world), is_sound(&world, &[]));
    let found = json(&verify(&world, &serving.url(), &[]));
    assert_eq!((&found["faults"], &found["log"]), (&serde_json::json!([]), &folder["log"]));
    let stops = world.files_json(STOPS)["files"][0]["path"].as_str().unwrap().to_owned();
    let path = world.path("data/bucket").join(&stops);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_file(world.path("data/bucket/ledger/log/v0000000001.json")).unwrap();
    let output = verify(&world, &serving.url(), &[]);
    let found = json(&output);
    let kinds: Vec<(&str, &str)> = found["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["kind"].as_str().unwrap(), fault["what"].as_str().unwrap()))
        .collect();
    // The first version of the log is gone: a gap, or its end where there is one version alone.
    assert!(kinds.iter().any(|(_, what)| *what == "log"), "{found}");
    assert_eq!(output.status.code(), Some(4));
    let none = verify(&world, &format!("{}/nothing", serving.url()), &[]);
    assert_eq!(none.status.code(), Some(2), "{}", told(&none));
    for wrong in [&["--key", "x"][..], &["--since", "/dev/null/x"]] {
        assert_eq!(verify(&world, &serving.url(), wrong).status.code(), Some(2), "{wrong:?}");
    }
    drop(serving);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Those of `./test --long` are all two hundred of the promise.
fn rounds() -> u64 {
    match number("FAHRTENBUCH_TEST_ROUNDS") {
        Some(rounds) if rounds >= 20 => rounds.max(200),
        Some(rounds) => rounds,
        None => 30,
    }
}

/// What is wrong with what was found, if anything is.
fn wrong(expected: &Expected, output: &Output) -> Option<String> {
    if output.status.code() != Some(4) && output.status.code() != Some(42) {
        return Some(format!("it ended with {:?}: {}", output.status.code(), told(output)));
    }
    let found = json(output);
    let faults = found["faults"].as_array().unwrap();
    let paths: BTreeSet<String> = faults.iter().map(|fault| fault["path"].as_str().unwrap().to_owned()).collect();
    let is_along = |fault: &Value| fault["kind"] == "changed" && fault["what"] == "view";
    let is_kind = |fault: &Value| match expected.along.contains(fault["path"].as_str().unwrap()) {
        true => is_along(fault),
        false => expected.kinds.contains(&fault["kind"].as_str().unwrap()) && fault["what"] == expected.what,
    };
    let paths: BTreeSet<String> = paths.difference(&expected.along).cloned().collect();
    (paths != expected.paths || !faults.iter().all(is_kind)).then(|| format!("expected {expected:?}, found {found:#}"))
}

#[test]
fn random_tamperings_are_found_and_named_by_what_happened() {
    let world = World::with_publication();
    world.run();
    let before = files(&world.path("data/bucket"));
    add_a_row_to_stops(&world);
    world.run_of(&[TIMETABLE]);
    let since = kept(&world, &is_sound(&world, &[]));
    let all = files(&world.path("data/bucket"));
    let seed = number("FAHRTENBUCH_TEST_SEED").unwrap_or(20);
    let root = world.path("tampered");
    copy(&world.path("data/bucket"), &root);
    let mut bucket = Bucket::new(&root, &all, &before, None);
    let mut problems = Vec::new();
    for round in 0..rounds() {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(round));
        let (name, tampering) = TAMPERINGS[round as usize % TAMPERINGS.len()];
        let expected = tampering(&mut bucket, &mut rng);
        let output = verify(&world, &root.to_string_lossy(), &["--since", &since]);
        if let Some(problem) = wrong(&expected, &output) {
            problems.push(format!("FAHRTENBUCH_TEST_SEED={seed}, round {round}, {name}: {problem}"));
        }
        bucket.undo();
    }
    assert!(files(&root) == all, "what was changed was not put back");
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rounds(), problems.join("\n"));
}

/// Who answers the same whatever is asked has no log, and keeps nobody busy.
#[test]
fn a_server_that_answers_everything_alike_is_soon_given_up() {
    let (url, seen) = crate::http_server::serve(|_, stream| crate::http_server::say(stream, "200 OK", "{}"));
    let world = World::new();
    let output = world.program(&["verify", &url]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(4) && said.contains("ledger/log/v0000000001.json"), "{said}");
    assert!(seen.count() < 100, "{}", seen.count());
}
