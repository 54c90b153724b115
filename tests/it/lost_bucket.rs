//! A bucket that is gone, an index whose newest version is no file or is missing, a catalogue of another address: told by all who
//! look, and never papered over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use fahrtenbuch::schedule::gather::Gatherer;
use fahrtenbuch::schedule::log::Log;
use fahrtenbuch::workspace::Workspace;
use fahrtenbuch::workspace::outline::{self, Needs};
use serde_json::{Value, json};

use crate::schedule::City;
use crate::world::files;

const NOW: &str = "2026-11-24T12:00:00Z";
const LATER: &str = "2026-11-24T13:00:00Z";
const PIPELINE: &str = "linie-0";
const RUN: &[&str] = &["run", PIPELINE, "--date", "2026-11-20"];
const REBUILD: &[&str] = &["publish", "--rebuild"];

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

fn call(city: &City, words: &[&str]) -> (Option<i32>, String) {
    let output = city.at(LATER).args(words).output().unwrap();
    (output.status.code(), told(&output))
}

/// A city with two versions of its table.
fn released() -> City {
    let city = City::new(1, "2026-11-20", 2);
    city.once(NOW);
    assert!(version(&city, 2).exists() && !version(&city, 3).exists());
    city
}

fn version(city: &City, number: u32) -> PathBuf {
    let name = format!("data/bucket/meta/{PIPELINE}/vehicle_locations/index/v{number:010}.json");
    city.world.path(&name)
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn no_command_begins_a_bucket_anew_that_runs_have_published_to() {
    let city = released();
    let bucket = city.world.path("data/bucket");
    std::fs::rename(&bucket, city.world.path("data/away")).unwrap();
    let log = city.world.path("data/private/schedule/log.jsonl");
    let journal = city.world.path("data/private/journal");
    let refused = || {
        for words in
            [RUN, REBUILD, &["publish", "--rebuild", "--dry-run"], &["check", "--bucket"], &["plan"], &["status"]]
        {
            let (code, said) = call(&city, words);
            assert_eq!(code, Some(1), "{words:?}: {said}");
            for part in ["data/bucket is not there", "Put it back", "make an empty folder there"] {
                assert!(said.contains(part), "{words:?}: {said}");
            }
            assert!(!bucket.exists(), "{words:?}");
        }
    };
    refused();
    // From the folder above, by its name.
    let root = city.world.path("");
    let (above, name) = (root.parent().unwrap(), root.file_name().unwrap());
    for words in [RUN, &["plan"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
        command.current_dir(above).arg("-C").arg(name).args(words).env("FAHRTENBUCH_NOW", LATER);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", told(&output));
        assert!(told(&output).contains("Put it back") && !bucket.exists(), "{words:?}: {}", told(&output));
    }
    // All else is told by 'status' also without the bucket, and nothing that nobody knows.
    let output = city.at(LATER).args(["status"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        shown.contains("The bucket cannot be read") && shown.contains("what the bucket has of it cannot be read"),
        "{shown}"
    );
    assert!(!shown.contains("no release yet") && shown.contains("\nDisk\n"), "{shown}");
    // So it is with 'plan': what needs no bucket, and that no date is known.
    let output = city.at(LATER).args(["plan"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("Which dates are due is not known without the bucket"), "{shown}");
    assert!(shown.contains("Nothing else is due now.") && !shown.contains("there is no evidence"), "{shown}");
    let output = city.at(LATER).args(["plan", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&plan["due"], &plan["stopped"]), (&json!([]), &json!([])), "{plan}");
    let trouble = &plan["troubles"][0];
    assert_eq!((&trouble["pipeline"], &trouble["exit"]), (&Value::Null, &json!(1)), "{plan}");
    assert!(trouble["said"].as_str().unwrap().contains("is not there"), "{plan}");
    // What the log has released is no candidate.
    assert_eq!(plan["candidates"], json!([]), "{plan}");
    // Either of them is enough: what runs keep of the bucket, or the log of attempts.
    std::fs::rename(&log, city.world.path("log")).unwrap();
    refused();
    // What has evidence, and nobody knows whether it is released, is named as that.
    let output = city.at(LATER).args(["plan", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let candidates: Vec<Option<&str>> =
        plan["candidates"].as_array().unwrap().iter().map(|of| of["date"].as_str()).collect();
    let dates: Vec<String> = city.dates.iter().map(ToString::to_string).collect();
    assert!(!dates.is_empty() && dates.iter().all(|date| candidates.contains(&Some(date.as_str()))), "{plan}");
    assert_eq!(
        (&plan["due"], &plan["candidates"][0]["said"]),
        (&json!([]), &json!("not known whether it is released"))
    );
    let output = city.at(LATER).args(["plan"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains(&format!("{}: not known whether it is released; its time", dates[0])), "{shown}");
    std::fs::rename(city.world.path("log"), &log).unwrap();
    std::fs::rename(&journal, city.world.path("journal")).unwrap();
    refused();
    std::fs::rename(city.world.path("journal"), &journal).unwrap();
    // However the place is written.
    let place = format!("location: file://{}", bucket.display());
    city.world.replace("fahrtenbuch.yaml", "location: data/bucket", &place);
    refused();
    city.world.replace("fahrtenbuch.yaml", &place, "location: data/bucket");
    // On purpose.
    std::fs::create_dir(&bucket).unwrap();
    assert_eq!(call(&city, RUN).0, Some(0));
    assert!(version(&city, 1).exists());
}

#[test]
fn a_first_run_makes_the_bucket_also_where_another_one_was_published_to_and_nobody_else_does() {
    let city = City::new(1, "2026-11-20", 1);
    let bucket = city.world.path("data/bucket");
    for words in [&["plan"][..], &["status"], REBUILD, &["publish", "--rebuild", "--dry-run"]] {
        let (_, said) = call(&city, words);
        assert!(!bucket.exists(), "{words:?}: {said}");
    }
    let (code, said) = call(&city, REBUILD);
    assert!(code == Some(1) && said.contains("'fahrtenbuch run' or 'up' begins it"), "{said}");
    assert_eq!(call(&city, RUN).0, Some(0));
    assert!(bucket.exists());
    city.world.replace("fahrtenbuch.yaml", "location: data/bucket", "location: data/other");
    assert_eq!(call(&city, &["plan"]).0, Some(0));
    let (code, said) = call(&city, RUN);
    assert!(code == Some(0) && city.world.path("data/other/data").exists(), "{said}");
    // One that was begun as an address of a file is missed, too.
    let other = city.world.path("data/third");
    let place = format!("location: file://{}", other.display());
    city.world.replace("fahrtenbuch.yaml", "location: data/other", &place);
    assert_eq!(call(&city, RUN).0, Some(0));
    std::fs::remove_dir_all(&other).unwrap();
    for words in [RUN, &["plan"][..]] {
        let (code, said) = call(&city, words);
        assert!(code == Some(1) && said.contains("is not there") && !other.exists(), "{words:?}: {said}");
    }
}

#[test]
fn a_newest_version_that_is_no_file_is_damaged_for_everybody_and_nothing_goes_back_to_the_one_before() {
    let city = released();
    let newest = version(&city, 2);
    let whole = std::fs::read(&newest).unwrap();
    let make = |kind: &str, path: &Path| match kind {
        "a pipe" => pipe(path),
        "a folder" => std::fs::create_dir(path).unwrap(),
        _ => std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap(),
    };
    for kind in ["a pipe", "a folder", "a symbolic link that leads nowhere"] {
        // In the place of the newest version that runs know, and of one that nobody has seen.
        for path in [newest.clone(), version(&city, 3)] {
            let _ = std::fs::remove_file(&path);
            make(kind, &path);
            let before = files(&city.world.path("data/bucket"));
            let name = path.file_name().unwrap().to_str().unwrap();
            for words in
                [RUN, REBUILD, &["publish", "--rebuild", "--dry-run"], &["check", "--bucket"], &["watch", "--once"]]
            {
                let (code, said) = call(&city, words);
                assert_eq!(code, Some(42), "{words:?} {kind}: {said}");
                assert!(
                    said.contains(name) && said.contains(kind) && said.contains("move it away"),
                    "{words:?}: {said}"
                );
            }
            for words in [&["plan"][..], &["status"]] {
                let (code, said) = call(&city, words);
                assert!(code == Some(0) && said.contains(name) && said.contains(kind), "{words:?} {kind}: {said}");
            }
            let plan: Value = city.plan(LATER);
            assert_eq!(plan["troubles"][0]["exit"], 42, "{plan}");
            assert!(files(&city.world.path("data/bucket")) == before, "{kind}");
            if kind == "a folder" { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) }.unwrap();
            std::fs::write(&newest, &whole).unwrap();
        }
    }
    assert_eq!(call(&city, RUN).0, Some(0));
}

#[test]
fn a_newest_version_that_is_missing_is_named_by_a_rebuild_whether_runs_or_a_view_know_it() {
    let city = released();
    let newest = version(&city, 2);
    let whole = std::fs::read(&newest).unwrap();
    std::fs::remove_file(&newest).unwrap();
    let heads = city.world.path(&format!("data/private/journal/{PIPELINE}/heads.json"));
    for who in ["a run has seen it", "'files.json' was made of it"] {
        let before = files(&city.world.path("data/bucket"));
        for words in [REBUILD, &["publish", "--rebuild", "--dry-run"]] {
            let (code, said) = call(&city, words);
            assert_eq!(code, Some(42), "{said}");
            for part in ["version 2 of linie-0/vehicle_locations is missing", who, "version 1", "v0000000002.json"] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
        assert!(files(&city.world.path("data/bucket")) == before);
        let _ = std::fs::remove_file(&heads);
    }
    std::fs::write(&newest, &whole).unwrap();
    // The page of a dataset that was never released is written by none but a rebuild.
    assert_eq!(call(&city, REBUILD).0, Some(0));
    let (code, said) = call(&city, REBUILD);
    assert!(code == Some(0) && said.contains("Everything is as it should be"), "{said}");
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_the_bucket_hangs_no_command() {
    let city = released();
    let bucket = city.world.path("data/bucket");
    let table = format!("meta/{PIPELINE}/vehicle_locations");
    let view: Value = serde_json::from_slice(&std::fs::read(bucket.join(&table).join("files.json")).unwrap()).unwrap();
    let data = view["files"][0]["path"].as_str().unwrap().to_owned();
    let to = city.world.path("fetched").to_string_lossy().into_owned();
    let from = bucket.to_string_lossy().into_owned();
    let name = format!("{PIPELINE}/vehicle_locations");
    let get = ["get", from.as_str(), &name, "--to", &to];
    // Data is put again by its run; what is not its run's to make is told.
    for (key, words, code) in [
        (data.as_str(), RUN, 0),
        (&format!("{table}/files.json"), RUN, 42),
        (&format!("{table}/files.json"), REBUILD, 42),
        (&format!("{table}/files.json"), &get, 42),
        ("index.html", REBUILD, 42),
        ("ledger/bucket.json", RUN, 42),
    ] {
        let path = bucket.join(key);
        let whole = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        pipe(&path);
        let (found, said) = call(&city, words);
        assert_eq!(found, Some(code), "{key} {words:?}: {said}");
        assert!(said.contains(key) && said.contains("a pipe"), "{key} {words:?}: {said}");
        if code != 0 {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &whole).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == whole, "{key}");
    }
    assert_eq!(call(&city, &get).0, Some(0));
}

fn is_at(city: &City, from: &str, to: &str) {
    city.world.replace("fahrtenbuch.yaml", from, to);
}

#[test]
fn a_catalogue_that_the_configuration_left_behind_is_told_until_a_rebuild_moves_it_or_takes_it_away() {
    let city = released();
    let iceberg = city.world.path("data/bucket/iceberg");
    let (none, one, other) = (
        "# base_url: https://daten.example.de",
        "base_url: https://daten.example.de",
        "base_url: https://offen.example.de/bus/",
    );
    let notes = |part: &str| {
        for words in [&["check"][..], &["plan"], &["status"]] {
            let (code, said) = call(&city, words);
            let is_told = said.lines().any(|line| line.starts_with("note: ") && line.contains("publish --rebuild"));
            assert_eq!((code, is_told), (Some(0), !part.is_empty()), "{words:?}: {said}");
            assert!(said.contains(part), "{words:?}: {said}");
        }
        for (words, key) in
            [(&["check", "--json"][..], "catalogue"), (&["plan", "--json"], "notes"), (&["status", "--json"], "notes")]
        {
            let output = city.at(LATER).args(words).output().unwrap();
            let json: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert!(json.get(key).is_some() && json[key].to_string().contains(part), "{words:?}: {json}");
        }
    };
    notes("");
    is_at(&city, none, one);
    notes("has no catalogue");
    assert_eq!(call(&city, REBUILD).0, Some(0));
    notes("");
    is_at(&city, one, other);
    notes("has linie-0 under https://daten.example.de, and 'bucket: base_url' is https://offen.example.de/bus");
    assert_eq!(call(&city, REBUILD).0, Some(0));
    notes("");
    std::fs::write(iceberg.join("v1/namespaces/linie-0/tables.json"), "{").unwrap();
    notes("iceberg/v1/namespaces/linie-0/tables.json' of the catalogue");
    assert_eq!(call(&city, REBUILD).0, Some(0));
    is_at(&city, other, none);
    notes("grows old");
    let there = files(&iceberg);
    let (code, said) = call(&city, &["publish", "--rebuild", "--dry-run"]);
    assert!(code == Some(0) && said.contains("would be removed: iceberg/v1/config.json"), "{said}");
    assert!(files(&iceberg) == there);
    let output = city.at(LATER).args(["publish", "--rebuild", "--json"]).output().unwrap();
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    let removed: Vec<&str> = done["removed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    // From what engines ask first to what that leads to.
    assert_eq!(removed[..2], ["iceberg/v1/config.json", "iceberg/v1/namespaces.json"]);
    assert!(removed.last().unwrap().ends_with(".avro") && removed.len() == there.len(), "{removed:?}");
    assert!(files(&iceberg).is_empty());
    notes("");
}

#[test]
fn published_files_that_are_gone_are_missed_told_and_made_again() {
    let city = released();
    let data = city.world.path("data/bucket/data");
    let before = files(&data);
    let is_told = || {
        let status: Value = serde_json::from_str(&call(&city, &["status", "--json"]).1).unwrap();
        let needs = status["needs"].as_array().unwrap();
        let is_told = needs.iter().any(|need| need["kind"] == "files_missing" && need["about"] == PIPELINE);
        (
            is_told,
            call(&city, &["watch", "--once"])
                .1
                .contains(" and 1 later date that its index names are not in the bucket"),
        )
    };
    assert_eq!(is_told(), (false, false));
    std::fs::remove_dir_all(data.join(PIPELINE)).unwrap();
    assert_eq!(is_told(), (true, true));
    let due = city.plan(LATER)["due"].clone();
    assert!(due.as_array().unwrap().len() == 2 && due[0]["why"] == "missing", "{due}");
    city.once(LATER);
    assert_eq!(files(&data), before);
    assert_eq!(is_told(), (false, false));
}

#[test]
fn a_store_that_is_not_lost_is_not_begun_anew_and_a_renamed_pipeline_is_noted() {
    let city = released();
    let (code, said) =
        call(&city, &["restore", "--begin-anew", "--by", "Datenmanagement", "--reason", "to try what it does"]);
    assert!(code == Some(2) && said.contains("is not lost"), "{said}");
    assert!(!call(&city, &["plan"]).1.contains("has no pipeline any more"));
    let file = |name: &str| city.world.path(&format!("pipelines/{name}.yaml"));
    std::fs::rename(file(PIPELINE), file("neu")).unwrap();
    for words in [&["plan"][..], &["check"]] {
        let (_, said) = call(&city, words);
        assert!(said.contains("write 'dataset: linie-0' into"), "{words:?}: {said}");
    }
}

#[test]
fn another_bucket_is_looked_at_as_soon_as_the_configuration_names_it() {
    let city = released();
    let (mut workspace, _) = outline::read(&city.world.path(""), Needs::Stores).unwrap();
    let (mut gatherer, log) = (Gatherer::default(), Log::read(&workspace.private).unwrap());
    let mut released = |workspace: &Workspace| {
        let facts = gatherer.gather(workspace, &log, &BTreeSet::new(), NOW.parse().unwrap()).unwrap();
        facts.pipelines[PIPELINE].dates.values().filter(|date| date.released.is_some()).count()
    };
    assert_eq!(released(&workspace), 2);
    let other = city.world.path("data/other");
    std::fs::create_dir(&other).unwrap();
    let before = std::mem::replace(&mut workspace.bucket, other.to_string_lossy().into_owned());
    assert_eq!(released(&workspace), 0);
    workspace.bucket = before;
    assert_eq!(released(&workspace), 2);
}
