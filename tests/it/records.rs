//! What an outsider finds in the record of a run: the checkout that the workspace was.

use std::process::Command;

use serde_json::Value;

use crate::world::World;

const PIPELINE: &str = "stadtbus-fahrplan";

fn git(world: &World, arguments: &[&str]) {
    let set = ["-c", "user.name=M. Muster", "-c", "user.email=m@example.de", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(world.path("")).args(set).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn run(world: &World) -> Value {
    world.run_of(&[PIPELINE])[PIPELINE].clone()
}

fn told(record: &Value) -> Vec<&str> {
    let notes = record["notes"].as_array().unwrap().iter();
    notes.filter(|note| note["rule"] == "run.checkout_not_read").map(|note| note["message"].as_str().unwrap()).collect()
}

#[test]
fn the_commit_of_the_workspace_and_whether_it_is_clean_stand_in_the_record() {
    let world = World::new();
    git(&world, &["init", "--quiet"]);
    world.write(".gitignore", "/data/bucket\n/data/private\n.lock\n");
    git(&world, &["add", "fahrtenbuch.yaml", "pipelines", "schemas", ".gitignore"]);
    git(&world, &["commit", "--quiet", "-m", "all"]);
    let head = |world: &World| {
        let output = Command::new("git").arg("-C").arg(world.path("")).args(["rev-parse", "HEAD"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let first = run(&world);
    let checkout = first["record"]["checkout"].clone();
    assert_eq!(checkout, serde_json::json!({"commit": head(&world), "clean": true}));
    // Another commit with the same files is nothing new.
    git(&world, &["commit", "--quiet", "--allow-empty", "-m", "again"]);
    assert_ne!(checkout["commit"], head(&world));
    let again = run(&world);
    assert_eq!((again["nothing_new"].clone(), &again["record"]), (Value::Bool(true), &first["record"]));
    // A changed file is, and it is not that of the commit.
    let pipeline = format!("pipelines/{PIPELINE}.yaml");
    let text = std::fs::read_to_string(world.path(&pipeline)).unwrap();
    world.write(&pipeline, &format!("# A comment.\n{text}"));
    let changed = run(&world)["record"].clone();
    assert_eq!(changed["checkout"], serde_json::json!({"commit": head(&world), "clean": false}));
    assert_eq!(changed["inputs"]["data_sha256"], first["record"]["inputs"]["data_sha256"]);
    // What cannot be read is told, and no failure.
    world.write(".git/HEAD", "x");
    world.write(&pipeline, &format!("# Another comment.\n{text}"));
    let damaged = run(&world)["record"].clone();
    assert!(damaged.get("checkout").is_none() && told(&damaged).len() == 1, "{damaged:#}");
    let folder = world.path("");
    let private = |record: &Value| record.to_string().contains(folder.to_str().unwrap());
    assert!(world.records().len() == 3 && !world.records().iter().any(private));
}

#[test]
fn a_workspace_that_is_no_checkout_has_none_in_its_record() {
    let world = World::new();
    let record = run(&world)["record"].clone();
    assert!(record.get("checkout").is_none() && told(&record).is_empty(), "{record:#}");
}
