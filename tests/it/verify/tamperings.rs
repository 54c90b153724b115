//! What somebody may do to a bucket that he can write, and as what it is to be found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fahrtenbuch::digest::Digest;
use serde_json::Value;

/// What a tampering is to be found as: the kinds that name it, and where; what else may be named since it follows.
#[derive(Debug)]
pub(super) struct Expected {
    pub kinds: &'static [&'static str],
    pub paths: BTreeSet<String>,
    pub what: &'static str,
    /// Views that were changed along and may be told as changed, too: of tables that nothing else is wrong with.
    pub along: BTreeSet<String>,
}

pub(super) fn expected(kinds: &'static [&'static str], what: &'static str, paths: &[&str]) -> Expected {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Expected { kinds, what, paths, along: BTreeSet::new() }
}

/// With what the log of a bucket is signed, and how many of its entries somebody kept a checkpoint of.
pub(super) struct Signing {
    /// The secret of the key that was rotated, and of the one after it.
    pub secrets: [String; 2],
    pub since: u64,
}

/// A bucket in a folder, and what it was before its last releases.
pub(super) struct Bucket<'a> {
    root: &'a Path,
    pub files: BTreeMap<String, Vec<u8>>,
    /// As it is when nobody has changed it.
    whole: &'a BTreeMap<String, Vec<u8>>,
    pub before: &'a BTreeMap<String, Vec<u8>>,
    pub signing: Option<&'a Signing>,
    touched: BTreeSet<String>,
}

impl<'a> Bucket<'a> {
    pub(super) fn new(
        root: &'a Path,
        whole: &'a BTreeMap<String, Vec<u8>>,
        before: &'a BTreeMap<String, Vec<u8>>,
        signing: Option<&'a Signing>,
    ) -> Self {
        Self { root, files: whole.clone(), whole, before, signing, touched: BTreeSet::new() }
    }

    /// Makes it what it was.
    pub(super) fn undo(&mut self) {
        for name in std::mem::take(&mut self.touched) {
            match self.whole.get(&name) {
                Some(bytes) => self.put(&name, bytes.clone()),
                None if self.files.contains_key(&name) => self.remove(&name),
                None => {}
            }
        }
        self.touched.clear();
    }

    pub(super) fn names(&self, is_one: impl Fn(&str) -> bool) -> Vec<String> {
        self.files.keys().filter(|name| is_one(name)).cloned().collect()
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.files[name]).unwrap()
    }

    pub(super) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
        self.touched.insert(name.to_owned());
        self.files.insert(name.to_owned(), bytes);
    }

    pub(super) fn remove(&mut self, name: &str) {
        std::fs::remove_file(self.root.join(name)).unwrap();
        self.files.remove(name);
        self.touched.insert(name.to_owned());
    }

    pub(super) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.files[name].clone()).unwrap();
        self.put(name, text.replace(from, to).into_bytes());
    }

    /// As it was before the last releases, if it was there.
    pub(super) fn restore(&mut self, is_one: impl Fn(&str) -> bool) {
        for (name, bytes) in self.before.iter().filter(|(name, _)| is_one(name)) {
            self.put(name, bytes.clone());
        }
        for name in self.names(|name| is_one(name) && !self.before.contains_key(name)) {
            self.remove(&name);
        }
    }

    /// The versions of indexes, by table.
    pub(super) fn indexes(&self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.names(is_index) {
            let table = name.split("/index/").next().unwrap().to_owned();
            found.entry(table).or_default().push(name);
        }
        found
    }

    /// Files of data that a version names.
    pub(super) fn data(&self) -> Vec<String> {
        self.names(|name| name.starts_with("data/") || name.starts_with("revised/"))
    }

    pub(super) fn logs(&self) -> Vec<String> {
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

pub(super) fn is_index(name: &str) -> bool {
    name.starts_with("meta/") && name.contains("/index/v") && name.ends_with(".json")
}

pub(super) fn is_view(name: &str) -> bool {
    name.starts_with("ledger/index") || name.ends_with("/files.json") || name.ends_with("/index.csv")
}

pub(super) fn what_of(name: &str) -> &'static str {
    match name {
        name if is_index(name) => "index",
        name if is_view(name) => "view",
        name if name.starts_with("ledger/log/") => "log",
        name if name.starts_with("ledger/records/") => "record",
        name if name.starts_with("ledger/objects/") => "object",
        _ => "file",
    }
}

pub(super) fn pretty(value: &Value) -> Vec<u8> {
    (serde_json::to_string_pretty(value).unwrap() + "\n").into_bytes()
}

pub(super) type Tampering = fn(&mut Bucket<'_>, &mut fastrand::Rng) -> Expected;

pub(super) fn one_of(rng: &mut fastrand::Rng, of: &[String]) -> String {
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

/// What follows where a row was edited.
pub(super) struct Edited {
    pub table: String,
    /// The first version of the index that names the file.
    pub first: String,
    /// Digests that are others now: of the file, its record and the versions of the index.
    pub digests: Vec<(String, String)>,
}

/// Edits a row, and makes everything that names the file by its digest name the new one: the record, all versions of the index since, and
/// the views of both.
pub(super) fn edit_a_row(
    bucket: &mut Bucket<'_>,
    rng: &mut fastrand::Rng,
    is_one: fn(&Bucket<'_>, &str) -> bool,
) -> Edited {
    let indexes = bucket.indexes();
    let mut found: Vec<(String, Value, usize)> = Vec::new();
    for (table, versions) in &indexes {
        for file in bucket.json(versions.last().unwrap())["files"].as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            let names_it = |name: &String| memchr::memmem::find(&bucket.files[name], path.as_bytes()).is_some();
            let first = versions.iter().position(names_it).unwrap();
            if bucket.files.contains_key(path) && is_one(bucket, &versions[first]) {
                found.push((table.clone(), file.clone(), first));
            }
        }
    }
    let (table, file, first) = found.swap_remove(rng.usize(..found.len()));
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
    let digest_of = |key: &str| key.trim_start_matches("ledger/records/").trim_end_matches(".json").to_owned();
    let new_record = Digest::of(&of_record).to_string();
    bucket.put(&format!("ledger/records/{new_record}.json"), of_record);
    let mut digests = vec![(path, new_path), (sha256, new.to_string()), (digest_of(&record), new_record)];
    for name in &indexes[&table][first..] {
        let old = Digest::of(&bucket.files[name]).to_string();
        digests.iter().for_each(|(from, to)| bucket.replace(name, from, to));
        digests.push((old, Digest::of(&bucket.files[name]).to_string()));
    }
    let mut views = bucket.names(|name| name.starts_with("ledger/index"));
    views.extend([format!("{table}/files.json"), format!("{table}/index.csv")]);
    for name in views {
        digests.iter().for_each(|(from, to)| bucket.replace(&name, from, to));
    }
    let first = indexes[&table][first].clone();
    Edited { table: table.trim_start_matches("meta/").to_owned(), first, digests }
}

fn edited_row(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let edited = edit_a_row(bucket, rng, |_, _| true);
    // A run's record stands with all tables of that run.
    let along = bucket.names(|name| name.starts_with("ledger/index/")).into_iter().collect();
    Expected { along, ..expected(&["changed"], "index", &[&edited.first]) }
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

/// Two entries change places, and all versions after them are made to follow; gives the first version that is another one.
pub(super) fn fork(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng, end: usize) -> String {
    let logs = bucket.logs();
    let entries = |name: &String| bucket.json(name)["entries"].as_array().unwrap().clone();
    let table = |entry: &Value| entry.as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    let other_of = |entries: &[Value]| (1..entries.len()).find(|other| table(&entries[*other]) != table(&entries[0]));
    let places: Vec<usize> = (0..end).filter(|place| other_of(&entries(&logs[*place])).is_some()).collect();
    let from = places[rng.usize(..places.len())];
    rewrite_log(bucket, |place, entries| {
        if place == from {
            let other = other_of(entries).unwrap();
            entries.swap(0, other);
        }
    });
    logs[from].clone()
}

/// Only a checkpoint that was kept tells of a log that nobody signs; of one that is signed its checkpoint does.
fn forked_log(bucket: &mut Bucket<'_>, rng: &mut fastrand::Rng) -> Expected {
    let logs = bucket.logs();
    let first = fork(bucket, rng, logs.len());
    match bucket.signing {
        None => expected(&["forked"], "log", &[logs.last().unwrap()]),
        Some(_) => expected(&["forked", "changed"], "log", &[&first]),
    }
}

/// Changes entries of the log, and makes all versions after them follow.
pub(super) fn rewrite_log(bucket: &mut Bucket<'_>, change: impl Fn(usize, &mut Vec<Value>)) {
    let mut heads: BTreeMap<String, Value> = BTreeMap::new();
    let (mut previous, mut is_changed) = (Value::Null, false);
    for (place, name) in bucket.logs().iter().enumerate() {
        let mut version = bucket.json(name);
        let before = version.clone();
        change(place, version["entries"].as_array_mut().unwrap());
        for entry in version["entries"].as_array().unwrap() {
            let words: Vec<&str> = entry.as_str().unwrap().split(' ').collect();
            if words[0] == "release" {
                heads.insert(
                    words[1].to_owned(),
                    serde_json::json!({"version": words[2].parse::<u64>().unwrap(), "sha256": words[3]}),
                );
            }
        }
        is_changed |= version != before;
        if is_changed {
            version["heads"] = heads.iter().map(|(table, head)| (table.clone(), head.clone())).collect();
            if place > 0 {
                version["previous"] = previous;
            }
            bucket.put(name, ordered(&version));
        }
        previous = Digest::of(&bucket.files[name]).to_string().into();
    }
}

/// A version of the log as the program writes it: its fields in their order.
pub(super) fn ordered(version: &Value) -> Vec<u8> {
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

pub(super) const TAMPERINGS: &[(&str, Tampering)] = &[
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
