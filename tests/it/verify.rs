//! What `fahrtenbuch verify` finds in a bucket that somebody has changed, and that it finds nothing in one that nobody has.

mod large;
mod outside;
mod private;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use fahrtenbuch::digest::Digest;
use serde_json::Value;

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

/// What a tampering is to be found as: the kinds that name it, and where; what else may be named since it follows.
#[derive(Debug)]
struct Expected {
    kinds: &'static [&'static str],
    paths: BTreeSet<String>,
    what: &'static str,
}

fn expected(kinds: &'static [&'static str], what: &'static str, paths: &[&str]) -> Expected {
    Expected { kinds, what, paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

/// A bucket in a folder, and what it was before its last releases.
struct Bucket<'a> {
    root: &'a Path,
    files: BTreeMap<String, Vec<u8>>,
    before: &'a BTreeMap<String, Vec<u8>>,
}

impl Bucket<'_> {
    fn names(&self, is_one: impl Fn(&str) -> bool) -> Vec<String> {
        self.files.keys().filter(|name| is_one(name)).cloned().collect()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.files[name]).unwrap()
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
        self.files.insert(name.to_owned(), bytes);
    }

    fn remove(&mut self, name: &str) {
        std::fs::remove_file(self.root.join(name)).unwrap();
        self.files.remove(name);
    }

    fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.files[name].clone()).unwrap();
        self.put(name, text.replace(from, to).into_bytes());
    }

    /// As it was before the last releases, if it was there.
    fn restore(&mut self, is_one: impl Fn(&str) -> bool) {
        for (name, bytes) in self.before.iter().filter(|(name, _)| is_one(name)) {
            self.put(name, bytes.clone());
        }
        for name in self.names(|name| is_one(name) && !self.before.contains_key(name)) {
            self.remove(&name);
        }
    }

    /// The versions of indexes, by table.
    fn indexes(&self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.names(is_index) {
            let table = name.split("/index/").next().unwrap().to_owned();
            found.entry(table).or_default().push(name);
        }
        found
    }

    /// Files of data that a version names.
    fn data(&self) -> Vec<String> {
        self.names(|name| name.starts_with("data/") || name.starts_with("revised/"))
    }

    fn logs(&self) -> Vec<String> {
        self.names(|name| name.starts_with("ledger/log/"))
    }

    /// The records that entries of the log name.
    fn logged_records(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for name in self.logs() {
            for entry in self.json(&name)["entries"].as_array().unwrap() {
                let record = entry.as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
                if record != "-" {
                    found.insert(format!("ledger/records/{record}.json"));
                }
            }
        }
        found.into_iter().collect()
    }
}

fn is_index(name: &str) -> bool {
    name.starts_with("meta/") && name.contains("/index/v") && name.ends_with(".json")
}

fn is_view(name: &str) -> bool {
    name.starts_with("ledger/index") || name.ends_with("/files.json") || name.ends_with("/index.csv")
}

fn what_of(name: &str) -> &'static str {
    match name {
        name if is_index(name) => "index",
        name if is_view(name) => "view",
        name if name.starts_with("ledger/log/") => "log",
        name if name.starts_with("ledger/records/") => "record",
        name if name.starts_with("ledger/objects/") => "object",
        _ => "file",
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    (serde_json::to_string_pretty(value).unwrap() + "\n").into_bytes()
}

type Tampering = fn(&mut Bucket<'_>, &mut fastrand::Rng) -> Expected;

fn one_of(rng: &mut fastrand::Rng, of: &[String]) -> String {
    of[rng.usize(..of.len())].clone()
}

fn bit_flip(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let is_one = |name: &str| {
        let roots = ["data/", "revised/", "ledger/log/", "ledger/records/", "ledger/objects/"];
        is_index(name) || is_view(name) || roots.iter().any(|root| name.starts_with(root))
    };
    let mut names = bucket.names(is_one);
    names.retain(|name| !bucket.files[name].is_empty());
    // Of each kind about as many.
    let kinds = ["index", "view", "log", "record", "object", "file"];
    let kind = kinds[rng.usize(..kinds.len())];
    names.retain(|name| what_of(name) == kind);
    let name = one_of(rng, &names);
    let mut bytes = bucket.files[&name].clone();
    let place = rng.usize(..bytes.len());
    bytes[place] ^= 1 << rng.u8(..8);
    bucket.put(&name, bytes);
    expected(&["changed", "rolled_back", "unreadable"], what_of(&name), &[&name])
}

fn exchanged(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let names = bucket.data();
    let (one, mut other) = (one_of(rng, &names), one_of(rng, &names));
    while other == one || bucket.files[&one] == bucket.files[&other] {
        other = one_of(rng, &names);
    }
    let (of_one, of_other) = (bucket.files[&one].clone(), bucket.files[&other].clone());
    bucket.put(&one, of_other);
    bucket.put(&other, of_one);
    expected(&["changed"], "file", &[&one, &other])
}

/// A row is edited, and everything that names the file by its digest is made to name the new one: the record, the newest version of the index,
/// the views of both.
fn edited_row(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let indexes = bucket.indexes();
    let with_files: Vec<String> = indexes
        .iter()
        .filter(|(_, versions)| !bucket.json(versions.last().unwrap())["files"].as_array().unwrap().is_empty())
        .map(|(table, _)| table.clone())
        .collect();
    let table = one_of(rng, &with_files);
    let newest = indexes[&table].last().unwrap().clone();
    let file = bucket.json(&newest)["files"][0].clone();
    let text = |field: &str| file[field].as_str().unwrap().to_owned();
    let (path, sha256, record) = (text("path"), text("sha256"), text("record"));
    let mut bytes = bucket.files[&path].clone();
    let place = rng.usize(4..bytes.len() - 8);
    bytes[place] = bytes[place].wrapping_add(1);
    let new = Digest::of(&bytes);
    let new_path = path.replace(&sha256[..12], &new.short());
    bucket.remove(&path);
    bucket.put(&new_path, bytes);
    let of_record = String::from_utf8(bucket.files[&record].clone()).unwrap();
    let of_record = of_record.replace(&path, &new_path).replace(&sha256, &new.to_string()).into_bytes();
    let new_record = format!("ledger/records/{}.json", Digest::of(&of_record));
    bucket.put(&new_record, of_record);
    let old_index = Digest::of(&bucket.files[&newest]).to_string();
    for name in [newest.clone(), format!("{table}/files.json"), format!("{table}/index.csv")] {
        for (from, to) in [(&path, &new_path), (&sha256, &new.to_string()), (&record, &new_record)] {
            bucket.replace(&name, from, to);
        }
    }
    let new_index = Digest::of(&bucket.files[&newest]).to_string();
    for name in bucket.names(|name| name.starts_with("ledger/index")) {
        bucket.replace(&name, &old_index, &new_index);
    }
    expected(&["changed"], "index", &[&newest])
}

fn removed_record(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let records = bucket.logged_records();
    let name = one_of(rng, &records);
    bucket.remove(&name);
    expected(&["missing"], "record", &[&name])
}

fn rolled_back_index(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let mut indexes = bucket.indexes();
    indexes.retain(|_, versions| versions.len() > 1);
    let tables: Vec<String> = indexes.keys().cloned().collect();
    let table = one_of(rng, &tables);
    let newest = indexes[&table].last().unwrap().clone();
    bucket.remove(&newest);
    bucket.restore(|name| name == format!("{table}/files.json") || name == format!("{table}/index.csv"));
    expected(&["rolled_back"], "index", &[&newest])
}

fn gap_in_index(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let mut indexes = bucket.indexes();
    indexes.retain(|_, versions| versions.len() > 1);
    let tables: Vec<String> = indexes.keys().cloned().collect();
    let versions = &indexes[&one_of(rng, &tables)];
    let name = versions[rng.usize(..versions.len() - 1)].clone();
    bucket.remove(&name);
    expected(&["gap"], "index", &[&name])
}

/// The log ends earlier; in half of the cases what readers are shown of it, too.
fn cut_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let first = bucket.before.keys().filter(|name| name.starts_with("ledger/log/")).count();
    let logs = bucket.logs();
    let cut = if rng.bool() { first } else { rng.usize(1..logs.len()) };
    for name in &logs[cut..] {
        bucket.remove(name);
    }
    if cut == first {
        bucket.restore(|name| name.starts_with("ledger/index"));
    }
    expected(&["rolled_back"], "log", &[&logs[cut]])
}

fn gap_in_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let logs = bucket.logs();
    let name = logs[rng.usize(..logs.len() - 1)].clone();
    bucket.remove(&name);
    expected(&["gap"], "log", &[&name])
}

/// Two entries change places, and all versions after them are made to follow: only a checkpoint that was kept tells.
fn forked_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let logs = bucket.logs();
    let versions: Vec<Value> = logs.iter().map(|name| bucket.json(name)).collect();
    let several = |place: &usize| versions[*place]["entries"].as_array().unwrap().len() > 1;
    let places: Vec<usize> = (0..logs.len()).filter(several).collect();
    let from = places[rng.usize(..places.len())];
    let mut previous = Value::Null;
    for (place, name) in logs.iter().enumerate() {
        let mut version = versions[place].clone();
        if place == from {
            let entries = version["entries"].as_array_mut().unwrap();
            let tables = |entry: &Value| entry.as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
            let other = (1..entries.len()).find(|other| tables(&entries[*other]) != tables(&entries[0])).unwrap();
            entries.swap(0, other);
        }
        if place > from {
            version["previous"] = previous;
        }
        if place >= from {
            let text = ordered(&version);
            bucket.put(name, text);
        }
        previous = Digest::of(&bucket.files[name]).to_string().into();
    }
    expected(&["forked"], "log", &[logs.last().unwrap()])
}

/// A version of the log as the program writes it: its fields in their order.
fn ordered(version: &Value) -> Vec<u8> {
    let line = |entry: &Value| format!("    {entry}");
    let entries: Vec<String> = version["entries"].as_array().unwrap().iter().map(line).collect();
    let heads = version["heads"].as_object().unwrap().iter().map(|(name, head)| {
        format!(
            "    \"{name}\": {{\n      \"version\": {},\n      \"sha256\": {}\n    }}",
            head["version"], head["sha256"]
        )
    });
    let heads: Vec<String> = heads.collect();
    let [format, number, previous, size] =
        ["format", "version", "previous", "size"].map(|field| version[field].clone());
    format!(
        "{{\n  \"format\": {format},\n  \"version\": {number},\n  \"previous\": {previous},\n  \"size\": {size},\n  \
         \"entries\": [\n{}\n  ],\n  \
         \"heads\": {{\n{}\n  }}\n}}\n",
        entries.join(",\n"),
        heads.join(",\n")
    )
    .into_bytes()
}

fn altered_report(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.names(|name| name.ends_with("/quality.json")));
    if rng.u8(..4) == 0 {
        bucket.remove(&name);
        return expected(&["missing"], "report", &[&name]);
    }
    let mut report = bucket.json(&name);
    match rng.u8(..4) {
        0 => report["score"]["dataset"] = 99.99.into(),
        1 => {
            let tables = report["tables"].as_array_mut().unwrap();
            let place = rng.usize(..tables.len());
            let rows = tables[place]["published"].as_u64().unwrap();
            tables[place]["published"] = (rows + 1).into();
        }
        2 => {
            let rules = report["rules"].as_array_mut().unwrap();
            let place = rng.usize(..rules.len());
            let is_passed = rules[place]["result"] == "passed";
            rules[place]["result"] = if is_passed { "failed" } else { "passed" }.into();
        }
        _ => report["inputs"] = Digest::of(b"other").to_string().into(),
    }
    bucket.put(&name, pretty(&report));
    expected(&["changed"], "report", &[&name])
}

fn removed_file(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.data());
    bucket.remove(&name);
    expected(&["missing"], "file", &[&name])
}

fn removed_object(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let name = one_of(rng, &bucket.names(|name| name.starts_with("ledger/objects/")));
    bucket.remove(&name);
    expected(&["missing"], "object", &[&name])
}

fn old_view(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let changed =
        bucket.names(|name| is_view(name) && bucket.before.get(name).is_some_and(|old| *old != bucket.files[name]));
    let name = one_of(rng, &changed);
    bucket.restore(|other| other == name);
    expected(&["rolled_back", "changed"], "view", &[&name])
}

fn stranger(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let file = one_of(rng, &bucket.names(|name| name.starts_with("data/")));
    let name = format!("{}/part-0123456789ab.parquet", file.rsplit_once('/').unwrap().0);
    bucket.put(&name, bucket.files[&file].clone());
    expected(&["not_in_log"], "file", &[&name])
}

const TAMPERINGS: &[(&str, Tampering)] = &[
    ("bit flip", bit_flip),
    ("exchanged files", exchanged),
    ("edited row with new digests", edited_row),
    ("bit flip again", bit_flip),
    ("removed record", removed_record),
    ("rolled back index", rolled_back_index),
    ("gap in an index", gap_in_index),
    ("cut log", cut_log),
    ("gap in the log", gap_in_log),
    ("forked log", forked_log),
    ("altered report", altered_report),
    ("removed file", removed_file),
    ("removed text", removed_object),
    ("old view", old_view),
    ("file that nothing names", stranger),
];

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
    let is_kind =
        |fault: &Value| expected.kinds.contains(&fault["kind"].as_str().unwrap()) && fault["what"] == expected.what;
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
    let mut problems = Vec::new();
    for round in 0..rounds() {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(round));
        let root = world.path("tampered");
        copy(&world.path("data/bucket"), &root);
        let mut bucket = Bucket { root: &root, files: all.clone(), before: &before };
        let (name, tampering) = TAMPERINGS[round as usize % TAMPERINGS.len()];
        let expected = tampering(&mut bucket, &mut rng);
        let output = verify(&world, &root.to_string_lossy(), &["--since", &since]);
        if let Some(problem) = wrong(&expected, &output) {
            problems.push(format!("FAHRTENBUCH_TEST_SEED={seed}, round {round}, {name}: {problem}"));
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
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
