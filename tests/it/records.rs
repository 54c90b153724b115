//! What an outsider finds in the record of a run: the sum of its inputs, and the checkout that the workspace was.

use std::path::PathBuf;
use std::process::Command;

use fahrtenbuch::digest::Digest;
use serde_json::Value;

use crate::world::{World, files, python, root};

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

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_outsider_computes_the_sum_of_the_inputs_again_in_twenty_lines_of_python() {
    let script = std::fs::read_to_string(root().join("tests/python/sum_of_inputs.py")).unwrap();
    assert!(script.lines().count() <= 20, "{}", script.lines().count());
    let world = World::new();
    let mut sums: Vec<String> =
        world.run().values().map(|result| result["record"]["inputs"]["sha256"].as_str().unwrap().to_owned()).collect();
    let folder = world.path("data/bucket/ledger/records");
    let records = files(&folder);
    let compute = |paths: &[PathBuf]| {
        let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        let output = python("sum_of_inputs.py", &paths);
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (is_good, said) = compute(&records.keys().map(|name| folder.join(name)).collect::<Vec<_>>());
    let mut computed: Vec<String> = said.lines().map(str::to_owned).collect();
    sums.sort();
    computed.sort();
    assert!(is_good && sums.len() == 2, "{said}");
    assert_eq!(sums, computed);
    // One byte of what goes into the sums, or of the sums, in a record that has the name of its new digest.
    let text = String::from_utf8(records.values().next_back().unwrap().clone()).unwrap();
    let changed = |after: &str, list: &str| {
        let from = text.find(&format!("\"{list}\": ")).unwrap();
        let place = from + text[from..].find(after).unwrap() + after.len();
        let mut bytes = text.clone().into_bytes();
        bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
        bytes
    };
    for (after, list, says) in [
        ("\"sha256\": \"", "data", "the sums of the inputs are others"),
        ("\"sha256\": \"", "rules", "the sums of the inputs are others"),
        ("\"name\": \"", "rules", "the sums of the inputs are others"),
        ("\"kind\": \"", "data", "the sums of the inputs are others"),
        ("\"value\": \"", "data", "the digest of an input is not that of its value"),
        ("\"sha256\": \"", "inputs", "the sums of the inputs are others"),
        ("\"rules_sha256\": \"", "inputs", "the sums of the inputs are others"),
    ] {
        let bytes = changed(after, list);
        let path = world.path(&format!("{}.json", Digest::of(&bytes)));
        std::fs::write(&path, bytes).unwrap();
        let (is_good, said) = compute(&[path]);
        assert!(!is_good && said.contains(says), "{after} of {list}: {said}");
    }
    // And one elsewhere, in a record that keeps its name.
    let name = records.keys().next_back().unwrap();
    world.write(name, &text.replacen("\"started_at\": \"2026", "\"started_at\": \"2025", 1));
    let (is_good, said) = compute(&[world.path(name)]);
    assert!(!is_good && said.contains("not the one of its name"), "{said}");
}
