//! Whether a bucket is whole, told by its documented layout alone: nothing here is of the program.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::avro;
use super::stored::Objects;

/// The columns by which a row of a table is one and no other; of other tables, all of them.
const KEYS: [(&str, &[&str]); 2] = [
    ("vehicle_locations", &["location_ping_id"]),
    ("trips_observed", &["service_date", "trip_id_scheduled", "trip_start_time"]),
];

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The versions of a table's index, the first one first.
pub(super) struct Table {
    pub name: String,
    pub versions: Vec<Value>,
}

impl Table {
    pub(super) fn newest(&self) -> &Value {
        self.versions.last().unwrap()
    }

    /// The files that the newest version names, by date.
    pub(super) fn current(&self) -> BTreeMap<String, Value> {
        by_date(self.newest())
    }

    /// The paths of all files that any version names.
    pub(super) fn named(&self) -> Vec<String> {
        let files = self.versions.iter().flat_map(all_files);
        files.filter_map(|file| file["path"].as_str().map(str::to_owned)).collect()
    }

    /// Dates that may not be released.
    pub(super) fn withdrawn(&self) -> BTreeSet<String> {
        let tombstones = self.newest()["withdrawn"].as_object().into_iter().flatten();
        tombstones.filter(|(_, tombstone)| tombstone.get("lifted").is_none()).map(|(date, _)| date.clone()).collect()
    }

    /// The paths of the files that the newest version names, those of months among them.
    fn current_paths(&self) -> BTreeSet<String> {
        all_files(self.newest()).filter_map(|file| file["path"].as_str().map(str::to_owned)).collect()
    }

    /// Every path that a tombstone names.
    fn deleted(&self) -> BTreeSet<&str> {
        let tombstones = self.newest()["withdrawn"].as_object().into_iter().flatten();
        tombstones
            .flat_map(|(_, tombstone)| tombstone["files"].as_array().unwrap())
            .filter_map(|file| file["path"].as_str())
            .collect()
    }
}

pub(super) fn by_date(index: &Value) -> BTreeMap<String, Value> {
    let files = index["files"].as_array().into_iter().flatten();
    files.map(|file| (file["partition_date"].as_str().unwrap_or_default().to_owned(), file.clone())).collect()
}

/// The files of the dates of a version, then those of its months.
fn all_files(index: &Value) -> impl Iterator<Item = &Value> {
    ["files", "months"].into_iter().flat_map(|list| index[list].as_array().into_iter().flatten())
}

/// The months that a version has in one file, and the files of the dates that are in none: what the catalogue names.
fn parted(index: &Value) -> (Vec<Value>, Vec<Value>) {
    let months: Vec<Value> = index["months"].as_array().cloned().unwrap_or_default();
    let is_in_one = |file: &&Value| {
        let date = file["partition_date"].as_str().unwrap_or_default();
        months.iter().any(|month| month["month"] == date[..7])
    };
    let days = index["files"].as_array().into_iter().flatten();
    let days = days.filter(|file| !is_in_one(file)).cloned().collect();
    (months, days)
}

/// What is remembered from one look at a bucket to the next.
#[derive(Default)]
pub(super) struct Checker {
    /// The digests of what is written once, as it was first seen.
    seen: BTreeMap<String, String>,
    /// What `gc` has deleted.
    collected: BTreeSet<String>,
    /// Rows of files, by their digest.
    rows: BTreeMap<String, (u64, Vec<String>)>,
    problems: Vec<String>,
}

/// What a round may have done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// Superseded files may be gone.
    pub is_gc: bool,
    /// Everything ended well, and one after another: the views are those of the newest versions.
    pub is_quiet: bool,
    pub is_folder: bool,
    /// One command after another, and the last one ended well: what was withdrawn is gone.
    pub is_finished: bool,
}

/// Whether the bytes below a name never change.
fn is_written_once(name: &str) -> bool {
    let is_index = name.starts_with("meta/") && name.contains("/index/");
    is_index || ["data/", "revised/", "ledger/records/", "ledger/objects/"].iter().any(|start| name.starts_with(start))
}

impl Checker {
    /// The tables of a bucket, and everything that is wrong with it.
    pub(super) fn check(&mut self, objects: &Objects, base: &str, round: Round) -> (Vec<Table>, Vec<String>) {
        let is_staged = |name: &str| name.rsplit_once('#').is_some_and(|(_, rest)| rest.parse::<u64>().is_ok());
        // What a killed write leaves in a folder has no name that anything leads to.
        let objects: Objects = objects
            .iter()
            .filter(|(name, _)| !(round.is_folder && is_staged(name)))
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect();
        let tables = self.tables(&objects);
        self.check_unchanged(&objects, &tables, round);
        for table in &tables {
            self.check_table(&objects, table, round);
            self.check_catalogue(&objects, table, base, round);
        }
        self.check_names(&objects);
        (tables, std::mem::take(&mut self.problems))
    }

    fn wrong(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn tables(&mut self, objects: &Objects) -> Vec<Table> {
        let mut names: BTreeMap<String, Vec<(&String, &Bytes)>> = BTreeMap::new();
        for (key, bytes) in objects.iter().filter(|(key, _)| key.starts_with("meta/")) {
            if let Some((name, _)) = key.trim_start_matches("meta/").split_once("/index/") {
                names.entry(name.to_owned()).or_default().push((key, bytes));
            }
        }
        let mut tables = Vec::new();
        for (name, found) in names {
            let mut versions: Vec<Value> = Vec::new();
            let mut previous = Value::Null;
            for (place, (key, bytes)) in found.into_iter().enumerate() {
                let number = place + 1;
                if *key != format!("meta/{name}/index/v{number:010}.json") {
                    self.wrong(format!("{key} is there, and it should be version {number}"));
                }
                let Ok(version) = serde_json::from_slice::<Value>(bytes) else {
                    self.wrong(format!("{key} is no JSON"));
                    continue;
                };
                if version["version"] != number || version.get("previous").unwrap_or(&Value::Null) != &previous {
                    self.wrong(format!("{key} does not follow the version before it"));
                }
                previous = sha256(bytes).into();
                versions.push(version);
            }
            if !versions.is_empty() {
                tables.push(Table { name, versions });
            }
        }
        tables
    }

    /// What is written once is as it was, and is gone only if it may be.
    fn check_unchanged(&mut self, objects: &Objects, tables: &[Table], round: Round) {
        let named: BTreeSet<&str> = tables
            .iter()
            .flat_map(|table| &table.versions)
            .flat_map(all_files)
            .filter_map(|file| file["path"].as_str())
            .collect();
        let current: BTreeSet<String> = tables.iter().flat_map(Table::current_paths).collect();
        let deleted: BTreeSet<&str> = tables.iter().flat_map(Table::deleted).collect();
        for (name, digest) in std::mem::take(&mut self.seen) {
            match objects.get(&name) {
                Some(bytes) if sha256(bytes) != digest => self.wrong(format!("{name} was overwritten")),
                Some(_) => _ = self.seen.insert(name, digest),
                // What nobody released, and what left the public.
                None if is_data(&name) && (!named.contains(name.as_str()) || deleted.contains(name.as_str())) => {}
                None if round.is_gc && name.starts_with("revised/") && !current.contains(&name) => {
                    self.collected.insert(name);
                }
                None => self.wrong(format!("{name} is gone")),
            }
        }
        for (name, bytes) in objects.iter().filter(|(name, _)| is_written_once(name)) {
            self.seen.entry(name.clone()).or_insert_with(|| sha256(bytes));
            self.collected.remove(name);
        }
    }

    fn check_table(&mut self, objects: &Objects, table: &Table, round: Round) {
        let deleted = table.deleted();
        for version in &table.versions {
            let what = format!("version {} of {}", version["version"], table.name);
            let files = version["files"].as_array().cloned().unwrap_or_default();
            let dates: BTreeSet<&str> = files.iter().filter_map(|file| file["partition_date"].as_str()).collect();
            if dates.len() != files.len() {
                self.wrong(format!("{what} names a date twice"));
            }
            let first = version["first"].as_object().into_iter().flatten().map(|(_, file)| file.clone());
            for file in all_files(version).cloned().chain(first) {
                let path = file["path"].as_str().unwrap_or_default();
                if !objects.contains_key(path) && (deleted.contains(path) || self.collected.contains(path)) {
                    continue;
                }
                self.check_file(objects, &what, &file);
            }
            self.check_months(objects, &what, version);
            for file in &files {
                let record = file["record"].as_str().unwrap_or_default();
                let digest = record.trim_start_matches("ledger/records/").trim_end_matches(".json");
                if objects.get(record).is_none_or(|bytes| sha256(bytes) != digest) {
                    self.wrong(format!("{what} names '{record}', which is not whole"));
                }
            }
        }
        let current = table.current();
        let withdrawn = table.withdrawn();
        if let Some(date) = current.keys().find(|date| withdrawn.contains(*date)) {
            self.wrong(format!("{} of {date} was withdrawn and is current", table.name));
        }
        if round.is_finished {
            self.check_withdrawn(objects, table, &withdrawn);
        }
        self.check_keys(table, &current);
        self.check_views(objects, table, round);
    }

    /// A month in one file has the rows of its days, which are current, and of all of them.
    fn check_months(&mut self, objects: &Objects, what: &str, version: &Value) {
        for month in version["months"].as_array().into_iter().flatten() {
            let name = month["month"].as_str().unwrap_or_default();
            let days = by_date(version);
            let days: Vec<&Value> =
                days.iter().filter(|(date, _)| date.starts_with(name)).map(|(_, day)| day).collect();
            let of = |part: &Value| (part["partition_date"].clone(), part["sha256"].clone());
            let parts = month["parts"].as_array().into_iter().flatten().map(of);
            if !parts.eq(days.iter().map(|day| of(day))) {
                self.wrong(format!("{what} names a file of {name} that is not made of its days"));
            }
            let path = month["path"].as_str().unwrap_or_default();
            let is_there = |file: &&Value| objects.contains_key(file["path"].as_str().unwrap_or_default());
            if !objects.contains_key(path) || !days.iter().all(is_there) {
                continue;
            }
            let rows = |file: &Value| file["sha256"].as_str().and_then(|digest| self.rows.get(digest)).cloned();
            let (mut counted, mut keys) = (0, Vec::new());
            for (count, of_day) in days.iter().filter_map(|day| rows(day)) {
                counted += count;
                keys.extend(of_day);
            }
            let Some((count, mut found)) = rows(month) else { continue };
            keys.sort();
            found.sort();
            // Where all columns tell a row from others, that of the date does, which a day's file has not.
            let is_keyed = KEYS.iter().any(|(table, _)| path.split('/').nth(2) == Some(*table));
            if count != counted || (is_keyed && found != keys) {
                self.wrong(format!("{what} names '{path}', which has other rows than its days"));
            }
        }
    }

    /// Of withdrawn dates nothing is left.
    fn check_withdrawn(&mut self, objects: &Objects, table: &Table, withdrawn: &BTreeSet<String>) {
        let tombstones = table.newest()["withdrawn"].as_object().into_iter().flatten();
        let held = tombstones.filter(|(date, _)| withdrawn.contains(*date));
        let files = held.flat_map(|(_, tombstone)| tombstone["files"].as_array().into_iter().flatten());
        let deleted: BTreeSet<&str> = files.filter_map(|file| file["path"].as_str()).collect();
        let current = table.current_paths();
        for name in objects.keys().filter(|name| is_data(name) && name.contains(&format!("/{}/", table.name))) {
            let date = name.split("/partition_date=").nth(1).and_then(|rest| rest.split('/').next());
            let is_of_date = date.is_some_and(|date| withdrawn.contains(date));
            if is_of_date || (deleted.contains(name.as_str()) && !current.contains(name)) {
                self.wrong(format!("'{name}' is left of what was withdrawn"));
            }
        }
    }

    /// A file that is named is there, and is what is said of it.
    fn check_file(&mut self, objects: &Objects, what: &str, file: &Value) {
        let path = file["path"].as_str().unwrap_or_default();
        let Some(bytes) = objects.get(path) else {
            return self.wrong(format!("{what} names '{path}', which is not there"));
        };
        let digest = sha256(bytes);
        if file["sha256"] != digest.as_str() || file["bytes"] != bytes.len() {
            return self.wrong(format!("{what} names '{path}', which has other bytes"));
        }
        let name = path.split('/').nth(2).unwrap_or_default();
        if !self.rows.contains_key(&digest) {
            match rows(bytes, name) {
                Ok(rows) => _ = self.rows.insert(digest.clone(), rows),
                Err(error) => return self.wrong(format!("'{path}' cannot be read: {error}")),
            }
        }
        let found = self.rows[&digest].0;
        if file.get("rows").is_some_and(|rows| *rows != found) {
            self.wrong(format!("{what} says that '{path}' has {} rows instead of {found}", file["rows"]));
        }
    }

    fn check_keys(&mut self, table: &Table, current: &BTreeMap<String, Value>) {
        let mut seen = BTreeSet::new();
        let mut doubled = None;
        // Where all columns tell a row from others the date does, too, which is not in the file.
        let is_keyed = KEYS.iter().any(|(name, _)| table.name.ends_with(&format!("/{name}")));
        for (date, digest) in current.iter().filter_map(|(date, file)| Some((date, file["sha256"].as_str()?))) {
            let date = if is_keyed { "" } else { date };
            for key in self.rows.get(digest).into_iter().flat_map(|(_, keys)| keys) {
                if !seen.insert((date, key)) {
                    doubled = Some(key.clone());
                }
            }
        }
        if let Some(key) = doubled {
            self.wrong(format!("{} has the row {key} twice", table.name));
        }
    }

    fn check_views(&mut self, objects: &Objects, table: &Table, round: Round) {
        let [json, csv] = ["files.json", "index.csv"].map(|name| objects.get(&format!("meta/{}/{name}", table.name)));
        let (Some(json), Some(csv)) = (json, csv) else {
            if round.is_quiet {
                self.wrong(format!("{} has no views", table.name));
            }
            return;
        };
        let Ok(view) = serde_json::from_slice::<Value>(json) else {
            return self.wrong(format!("files.json of {} is no JSON", table.name));
        };
        let what = format!("files.json of {}", table.name);
        let number = view["version"].as_u64().unwrap_or_default() as usize;
        let Some(version) = number.checked_sub(1).and_then(|place| table.versions.get(place)) else {
            return self.wrong(format!("{what} is of version {number}, which is not there"));
        };
        if version["files"] != view["files"] || version["months"] != view["months"] {
            self.wrong(format!("{what} says something else than version {number}"));
        }
        if round.is_quiet && number != table.versions.len() {
            self.wrong(format!("{what} is of version {number} instead of {}", table.versions.len()));
        }
        // Nobody is led to a file that is gone.
        for file in all_files(&view) {
            self.check_file(objects, &what, file);
        }
        let text = String::from_utf8_lossy(csv).into_owned();
        for path in text.lines().skip(1).filter_map(|line| line.split(',').next()) {
            if !objects.contains_key(path) {
                self.wrong(format!("index.csv of {} names '{path}', which is not there", table.name));
            }
        }
        let paths: BTreeSet<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        let expected = table.current();
        let expected: BTreeSet<&str> = expected.values().filter_map(|file| file["path"].as_str()).collect();
        if round.is_quiet && paths != expected {
            self.wrong(format!("index.csv of {} names other files than the newest version", table.name));
        }
    }

    /// What SQL engines find: each snapshot, down to its files.
    fn check_catalogue(&mut self, objects: &Objects, table: &Table, base: &str, round: Round) {
        let (dataset, name) = table.name.split_once('/').unwrap();
        let ending = if round.is_folder { ".json" } else { "" };
        let key = format!("iceberg/v1/namespaces/{dataset}/tables/{name}{ending}");
        let what = format!("the catalogue of {}", table.name);
        let Some(bytes) = objects.get(&key) else {
            if round.is_quiet {
                self.wrong(format!("{what} is not there"));
            }
            return;
        };
        let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
            return self.wrong(format!("{what} is no JSON"));
        };
        let newest = answer["metadata"]["current-snapshot-id"].as_u64().unwrap_or_default();
        if round.is_quiet && newest != table.versions.len() as u64 {
            self.wrong(format!("{what} is of version {newest} instead of {}", table.versions.len()));
        }
        for snapshot in answer["metadata"]["snapshots"].as_array().into_iter().flatten() {
            let number = snapshot["snapshot-id"].as_u64().unwrap_or_default();
            let what = format!("snapshot {number} in {what}");
            match files_of(objects, snapshot, base) {
                Ok(files) => {
                    let index = number.checked_sub(1).and_then(|place| table.versions.get(place as usize));
                    let (months, mut expected) = index.map(parted).unwrap_or_default();
                    expected.extend(months);
                    let named = expected.iter().map(|file| file["path"].as_str().unwrap_or_default());
                    if !named.eq(files.iter().map(|(path, _, _)| path.as_str())) {
                        self.wrong(format!("{what} has other files than version {number}"));
                    }
                    for ((path, bytes, rows), file) in files.iter().zip(&expected) {
                        let found = objects.get(path).map(|bytes| bytes.len() as u64);
                        if found != Some(*bytes) || file["rows"] != *rows {
                            self.wrong(format!("{what} says of '{path}' what is not so, or it is gone"));
                        }
                    }
                }
                Err(error) => self.wrong(format!("{what}: {error}")),
            }
        }
    }

    /// Folders that readers open as a whole.
    fn check_names(&mut self, objects: &Objects) {
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for name in objects.keys().filter(|name| is_data(name)) {
            if !name.ends_with(".parquet") {
                self.wrong(format!("'{name}' is no Parquet, and lies where readers open folders"));
            }
            if let Some((folder, _)) = name.rsplit_once('/').filter(|_| name.starts_with("data/")) {
                *folders.entry(folder).or_default() += 1;
            }
        }
        for (folder, files) in folders.into_iter().filter(|(_, files)| *files > 1) {
            self.wrong(format!("'{folder}' has {files} files, so that a reader of the folder finds rows twice"));
        }
    }
}

pub(super) fn is_data(name: &str) -> bool {
    name.starts_with("data/") || name.starts_with("revised/")
}

/// The files of a snapshot by its manifests: name, bytes, rows.
fn files_of(objects: &Objects, snapshot: &Value, base: &str) -> Result<Vec<(String, u64, u64)>, String> {
    let object = |url: &Value| {
        let url = url.as_str().unwrap_or_default();
        let key = url.strip_prefix(base).ok_or_else(|| format!("'{url}' is elsewhere"))?.trim_start_matches('/');
        Ok::<_, String>((key.to_owned(), objects.get(key)))
    };
    let (key, list) = object(&snapshot["manifest-list"])?;
    let list = list.ok_or_else(|| format!("'{key}' is not there"))?;
    let mut files = Vec::new();
    for manifest in avro::records(list).map_err(|error| format!("'{key}': {error}"))? {
        let (key, bytes) = object(&manifest["manifest_path"])?;
        let bytes = bytes.ok_or_else(|| format!("'{key}' is not there"))?;
        if manifest["manifest_length"] != bytes.len() {
            return Err(format!("'{key}' has another length"));
        }
        for entry in avro::records(bytes).map_err(|error| format!("'{key}': {error}"))? {
            let file = &entry["data_file"];
            let (path, _) = object(&file["file_path"])?;
            let number = |field: &str| file[field].as_u64().unwrap_or_default();
            files.push((path, number("file_size_in_bytes"), number("record_count")));
        }
    }
    Ok(files)
}

/// How many rows a file has, and what tells each from all others.
fn rows(bytes: &Bytes, table: &str) -> Result<(u64, Vec<String>), String> {
    let reader = SerializedFileReader::new(bytes.clone()).map_err(|error| error.to_string())?;
    let columns = KEYS.iter().find(|(name, _)| *name == table).map(|(_, columns)| *columns);
    let mut keys = Vec::new();
    for row in reader.get_row_iter(None).map_err(|error| error.to_string())? {
        let row = row.map_err(|error| error.to_string())?;
        let is_key = |name: &str| columns.is_none_or(|columns| columns.contains(&name));
        let values: Vec<String> = row
            .get_column_iter()
            .filter(|(name, _)| is_key(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        keys.push(values.join(" "));
    }
    let counted = reader.metadata().file_metadata().num_rows() as u64;
    if counted != keys.len() as u64 {
        return Err(format!("its footer says {counted} rows, and it has {}", keys.len()));
    }
    Ok((counted, keys))
}
