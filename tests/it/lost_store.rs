//! A private store that is lost is told; one of a newer program is refused before anything is changed.

use crate::log::succeeds;
use crate::purge::{DATES, PIPELINE, collected, told};
use crate::world::{World, files};

fn published() -> World {
    let world = collected(&DATES[..2], "3600");
    let output = world.program(&["run", PIPELINE, "--date", DATES[0]]);
    assert!(output.status.success(), "{}", told(&output));
    world
}

fn run(world: &World, date: &str) -> (Option<i32>, String) {
    let output = world.program(&["run", PIPELINE, "--date", date]);
    (output.status.code(), told(&output))
}

/// Leaves the evidence of the second date only, as a collector would make it that was started again.
fn lose(world: &World, names: &[&str]) {
    for name in names {
        let path = world.path("data/private").join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap_or_default();
        }
    }
}

#[test]
fn a_lost_store_is_told_and_never_answered_with_a_new_key() {
    let world = published();
    lose(&world, &["journal", "keys", "quarantine", "decisions.jsonl", "store.json", "locks", "staging"]);
    let bucket = files(&world.path("data/bucket"));
    // Twice, since the first try may not make the store look used.
    for _ in 0..2 {
        let (code, text) = run(&world, DATES[1]);
        assert_eq!(code, Some(42), "{text}");
        for said in ["knows nothing of them", DATES[0], "restore --from", "--begin-anew", "no new key was made"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    assert!(files(&world.path("data/bucket")) == bucket);
    assert!(files(&world.path("data/private/keys")).is_empty());
    // A timetable has no key, and is not run either.
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    // On purpose, by somebody, for a reason.
    let output = world.program(&["restore", "--begin-anew", "--reason", "The disk failed"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("--by"), "{}", told(&output));
    let anew = ["restore", "--begin-anew", "--by", "Datenmanagement", "--reason", "The disk failed"];
    let output = world.program(&anew);
    assert!(output.status.success(), "{}", told(&output));
    let (code, text) = run(&world, DATES[1]);
    assert_eq!(code, Some(0), "{text}");
    let output = world.program(&["decisions", "list"]);
    assert!(told(&output).contains("begin_anew") && told(&output).contains("The disk failed"), "{}", told(&output));
    // What was published before stays what it was.
    let (code, text) = run(&world, DATES[0]);
    assert!(code == Some(42) && text.contains("key"), "{text}");
}

#[test]
fn keys_that_are_lost_are_told_for_dates_that_never_had_one() {
    let world = published();
    lose(&world, &["keys"]);
    for date in &DATES[..2] {
        let (code, text) = run(&world, date);
        assert!(code == Some(42) && text.contains("key"), "{date}: {text}");
    }
    assert!(files(&world.path("data/private/keys")).is_empty());
    let output = world.program(&[
        "restore",
        "--begin-anew",
        "--by",
        "Datenmanagement",
        "--reason",
        "They were on the disk that failed",
    ]);
    assert!(output.status.success(), "{}", told(&output));
    let (code, text) = run(&world, DATES[1]);
    assert_eq!(code, Some(0), "{text}");
    // The next loss is another one.
    lose(&world, &["keys"]);
    let (code, text) = run(&world, DATES[1]);
    assert_eq!(code, Some(42), "{text}");
}

#[test]
fn a_new_store_needs_no_step_before_an_empty_bucket_or_one_with_old_dates_only() {
    let mut world = published();
    // Thirteen months later nothing of what was published needs to be here.
    lose(&world, &["journal", "keys", "quarantine", "evidence", "store.json", "locks", "staging", "collector"]);
    world.set_clock("2028-03-01T12:00:00Z");
    let evidence = world.path("data/private/evidence").to_string_lossy().into_owned();
    let simulate = ["simulate", "--date", "2028-02-28", "--interval", "3600", "--evidence", &evidence];
    assert!(world.program(&simulate).status.success());
    let output = world.program(&["run", PIPELINE, "--date", "2028-02-28"]);
    assert!(!told(&output).contains("knows nothing of them"), "{}", told(&output));
    // The first run of a clone is that of every other test.
    assert_eq!(files(&world.path("data/private")).keys().filter(|name| *name == "store.json").count(), 1);
}

#[test]
fn a_store_of_a_newer_program_is_refused_before_anything_is_changed() {
    let world = published();
    let file = world.path("data/private/store.json");
    let form: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&form["format"], form["id"].as_str().unwrap().len()), (&1.into(), 32));
    world.write("data/private/store.json", "{\"format\": 2, \"id\": \"x\", \"more\": []}\n");
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backup").to_string_lossy().into_owned();
    let by = ["--by", "Datenmanagement", "--reason", "x"];
    let before = files(&world.path(""));
    for command in [
        &["run"][..],
        &["run", PIPELINE, "--date", DATES[1], "--json"],
        &["capture"],
        &["collect", "--for", "1"],
        &["check"],
        &["evidence", "list"],
        &["evidence", "gaps"],
        &["evidence", "verify"],
        &["evidence", "seal"],
        &["evidence", "purge"],
        &[&["evidence", "accept", PIPELINE, "--date", DATES[0]], &by[..]].concat(),
        &["quarantine", "list"],
        &["decisions", "list"],
        &["quality", "report"],
        &["backup", "--to", &to],
        &[&["restore", "--begin-anew"], &by[..]].concat(),
    ] {
        let output = world.program(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {}", told(&output));
        assert!(told(&output).contains("newer version"), "{command:?}: {}", told(&output));
    }
    assert!(files(&world.path("")) == before);
    // A store of an earlier program has no such file, and gets it.
    std::fs::remove_file(&file).unwrap();
    let (code, text) = run(&world, DATES[1]);
    assert_eq!(code, Some(0), "{text}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("{\"format\":1,\"id\":\""));
}

/// The log that others have goes on with a key of its own, or not at all: no second one begins where the first is forgotten.
#[test]
fn a_store_that_lost_its_signing_keys_with_all_else_signs_no_second_log() {
    let mut world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", "signing: {origin: stadt.example/bus}\npeople:");
    let said = succeeds(&world, &["key", "new", "--name", "first"]);
    let old = said.lines().next().unwrap().to_owned();
    world.run();
    let checkpoint = world.path("data/bucket/ledger/checkpoint");
    let signed = std::fs::read(&checkpoint).unwrap();
    std::fs::remove_dir_all(world.path("data/private")).unwrap();
    // A timetable of a date that was not published yet.
    world.set_clock("2026-11-28T12:00:00Z");
    let output = world.program(&["run"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    succeeds(&world, &["restore", "--begin-anew", "--by", "Datenmanagement", "--reason", "The disk failed"]);
    // Twice, since the first try may not make the store look as one that never signed.
    for _ in 0..2 {
        let output = world.program(&["run", "stadtbus-fahrplan"]);
        let text = told(&output);
        assert_eq!(output.status.code(), Some(42), "{text}");
        for said in ["signing keys of this log are gone", "backup of the keys", "fahrtenbuch key new", "docs/keys.md"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!(std::fs::read(&checkpoint).unwrap(), signed);
    }
    // For good: another key, in the same log, which has what the old one signed.
    let said = succeeds(&world, &["key", "new", "--name", "second"]);
    let new = said.lines().next().unwrap().to_owned();
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
    let kept = world.path("kept");
    std::fs::write(&kept, &signed).unwrap();
    let [bucket, kept] = [world.path("data/bucket"), kept].map(|path| path.to_string_lossy().into_owned());
    let output = world.program(&["verify", &bucket, "--key", &new, "--key", &old, "--since", &kept]);
    assert!(output.status.success(), "{}", told(&output));
    let list = succeeds(&world, &["key", "list"]);
    assert!(list.contains("first") && list.contains("second"), "{list}");
    succeeds(&world, &["key", "revoke", "first", "--reason", "lost"]);
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
}
