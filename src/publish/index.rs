//! The table index: which files are the current ones. A public bucket gives no listing, so readers find files here.
//!
//! ```text
//! data/<dataset>/<table>/partition_date=2026-11-24/part-<12>.parquet     the first complete publication of a date
//! revised/<dataset>/<table>/partition_date=2026-11-24/part-<12>.parquet  provisional ones, and every later one
//! meta/<dataset>/<table>/index/v0000000001.json                          create-only, one per release
//! meta/<dataset>/<table>/files.json  index.csv                           views of the newest index
//! ```
//!
//! Writing a version of the index *is* the release. Below `data/` and `revised/` lies nothing but Parquet, and a folder
//! below `data/` has at most one file of a date, so readers may open it as a whole. The views are made from the newest
//! index and may be made again at any time. They do not depend on the order in which dates were released, apart from the
//! version number and the names of records.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Version};
use crate::table::csv::CsvWriter;
use crate::time::ServiceDate;

/// One released version of a table: all files that are current, over all of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableIndex {
    /// Counts up from 1 without a gap.
    pub version: u64,
    pub dataset: String,
    pub table: String,
    /// Of the newest release; the record of each file names the one that it was made with.
    pub contract: ContractRef,
    /// By date.
    pub files: Vec<IndexFile>,
    /// The first complete publication of each date. It stays when later versions replace or lose that file, so
    /// that no second file of the date ever comes below `data/`.
    #[serde(default)]
    pub first: BTreeMap<ServiceDate, FirstFile>,
    /// Of the bytes of the index before this one.
    pub previous: Option<Digest>,
}

/// A file below `data/`, which stays there whatever is released later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
}

/// The contract of a table. Its digest stands in the records: a comment in a contract is no release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractRef {
    pub id: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    /// From the root of the bucket.
    pub path: String,
    pub partition_date: ServiceDate,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: Digest,
    /// The key of the record of the run that made the file: `ledger/records/<sha256>.json`.
    pub record: String,
    /// Released before the service date was over; a complete release follows.
    pub provisional: bool,
}

impl From<&Contract> for ContractRef {
    fn from(contract: &Contract) -> Self {
        Self { id: contract.id.clone(), version: contract.version.clone() }
    }
}

impl TableIndex {
    /// The current file of a partition.
    pub fn file_of(&self, date: ServiceDate) -> Option<&IndexFile> {
        self.files.iter().find(|file| file.partition_date == date)
    }
}

/// What a commit did.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// A new version is out.
    New(TableIndex),
    /// The current version says the same already.
    Nothing(TableIndex),
}

impl Commit {
    pub fn index(&self) -> &TableIndex {
        match self {
            Self::New(index) | Self::Nothing(index) => index,
        }
    }
}

/// How often a commit is tried while others commit to the same table.
const ROUNDS: u64 = 100;
/// How often a listing with a gap is read again: one that is made while others commit may miss a name.
const LISTINGS: u64 = 4;

/// Where a table's index and its views are.
pub fn meta_folder(dataset: &str, table: &str) -> String {
    format!("meta/{dataset}/{table}")
}

/// The folder of a partition of a table below `data` or `revised`.
pub fn partition_folder(root: &str, dataset: &str, table: &str, date: ServiceDate) -> String {
    format!("{root}/{dataset}/{table}/partition_date={date}")
}

/// The name of a new file of a partition: below `data/` if it is the first complete one, else below `revised/`.
pub fn path_of_release(
    index: Option<&TableIndex>,
    dataset: &str,
    table: &str,
    date: ServiceDate,
    provisional: bool,
    digest: &Digest,
) -> String {
    let is_first = !provisional && index.is_none_or(|index| !index.first.contains_key(&date));
    let root = if is_first { "data" } else { "revised" };
    format!("{}/part-{}.parquet", partition_folder(root, dataset, table, date), digest.short())
}

/// Whether a file is where first complete publications are.
fn is_first_release(file: &IndexFile) -> bool {
    file.path.starts_with("data/")
}

/// The date that a file's path names: `…/partition_date=2026-11-24/part-….parquet`.
pub fn date_of(path: &std::path::Path) -> Option<ServiceDate> {
    path.iter().rev().find_map(|part| part.to_str()?.strip_prefix("partition_date=")?.parse().ok())
}

/// The newest index of a table. A gap in the version numbers is an error.
pub fn current(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<TableIndex>, PublishError> {
    Ok(newest(bucket, dataset, table)?.map(|(index, _)| index))
}

/// The index of a table that this process has read last, without a look at the bucket; none if there was none.
pub fn last_read(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<TableIndex>, PublishError> {
    match bucket.known_version(&versions_folder(dataset, table)) {
        Some(Version { number, bytes: Some(bytes) }) => Ok(Some(parsed(&bytes, dataset, table, number)?.0)),
        _ => Ok(None),
    }
}

/// The newest index of a table as a run verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub index: TableIndex,
    /// Of its bytes.
    pub sha256: Digest,
    /// The date whose entry it changed; none if it changed the contract alone.
    pub changed: Option<ServiceDate>,
}

/// The newest index of a table, which must name the digest of the one before it and have its entries, apart from those of one
/// date. For the tables that a run commits to.
pub fn verified(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<Verified>, PublishError> {
    let Some((index, sha256)) = newest_verified(bucket, dataset, table)? else { return Ok(None) };
    let key = index_key(dataset, table, index.version);
    let damaged = |problem: String| PublishError::Damaged { key: key.clone(), problem };
    let before = match (&index.previous, index.version) {
        (None, 1) => None,
        (None, _) | (Some(_), 1) => return Err(damaged("it does not name the version before it".to_owned())),
        (Some(previous), version) => {
            let before = index_key(dataset, table, version - 1);
            let bytes = bucket.get(&before)?;
            let bytes = bytes.ok_or_else(|| damaged(format!("the version before it, '{before}', is gone")))?;
            if Digest::of(&bytes) != *previous {
                return Err(damaged(format!(
                    "it names the digest {previous} of the version before it, but '{before}' has {}",
                    Digest::of(&bytes)
                )));
            }
            let parsed: TableIndex = serde_json::from_slice(&bytes)
                .map_err(|error| PublishError::Damaged { key: before, problem: error.to_string() })?;
            Some(parsed)
        }
    };
    let changed = changed(before.as_ref(), &index).map_err(damaged)?;
    Ok(Some(Verified { index, sha256, changed }))
}

/// The date whose entries a version changed. A release is of one date: the entries of all others are carried over, and a
/// first publication stays for ever.
fn changed(before: Option<&TableIndex>, index: &TableIndex) -> Result<Option<ServiceDate>, String> {
    fn by_date(of: &TableIndex) -> Result<BTreeMap<ServiceDate, &IndexFile>, String> {
        let mut files = BTreeMap::new();
        for file in &of.files {
            if date_of(std::path::Path::new(&file.path)) != Some(file.partition_date) {
                return Err(format!("it names '{}' as the file of {}", file.path, file.partition_date));
            }
            if files.insert(file.partition_date, file).is_some() {
                return Err(format!("it names two files of {}", file.partition_date));
            }
        }
        Ok(files)
    }
    let (old, new) = (before.map(by_date).transpose()?.unwrap_or_default(), by_date(index)?);
    let mut dates: BTreeSet<ServiceDate> = old.keys().chain(new.keys()).copied().collect();
    dates.retain(|date| old.get(date) != new.get(date));
    let no_first = BTreeMap::new();
    let firsts = before.map_or(&no_first, |before| &before.first);
    if let Some((date, first)) = firsts.iter().find(|(date, first)| index.first.get(date) != Some(first)) {
        return Err(format!(
            "it says something else of the first publication of {date}, '{}', than before",
            first.path
        ));
    }
    for (date, first) in index.first.iter().filter(|(date, _)| !firsts.contains_key(date)) {
        let is_its =
            |file: &&&IndexFile| (&file.path, file.bytes, file.sha256) == (&first.path, first.bytes, first.sha256);
        if new.get(date).filter(is_its).is_none() {
            return Err(format!(
                "it names '{}' as the first publication of {date}, which it does not release",
                first.path
            ));
        }
        dates.insert(*date);
    }
    match dates.len() {
        0 | 1 => Ok(dates.pop_first()),
        _ => {
            let dates: Vec<String> = dates.iter().map(ToString::to_string).collect();
            let before = if before.is_some() { "the version before it" } else { "a first version" };
            Err(format!("it differs from {before} in {} at once, and a release is of one date", dates.join(", ")))
        }
    }
}

/// The digest of a version of an index; none if there is no such version.
pub fn digest_of_version(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    version: u64,
) -> Result<Option<Digest>, PublishError> {
    Ok(bucket.get(&index_key(dataset, table, version))?.map(|bytes| Digest::of(&bytes)))
}

/// Removes from `names` the files of a table that any version of its index names. Reads the versions from the newest one down
/// until nothing is left of them.
pub fn retain_unnamed(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    names: &mut BTreeSet<String>,
) -> Result<(), PublishError> {
    let newest = if names.is_empty() { None } else { current(bucket, dataset, table)? };
    for version in (1..=newest.map_or(0, |index| index.version)).rev() {
        if names.is_empty() {
            break;
        }
        let bytes = bucket.get(&index_key(dataset, table, version))?;
        // One that cannot be read names nothing.
        let index = bytes.and_then(|bytes| serde_json::from_slice::<TableIndex>(&bytes).ok());
        if let Some(index) = index {
            index.files.iter().for_each(|file| _ = names.remove(&file.path));
            index.first.values().for_each(|first| _ = names.remove(&first.path));
        }
    }
    Ok(())
}

/// Versions before the newest known one that are listed, too, so that one that was taken away is missed. With them a listing
/// is one request, however many versions there were before.
const WINDOW: u64 = 900;

/// Where the versions of a table's index are.
fn versions_folder(dataset: &str, table: &str) -> String {
    format!("{}/index", meta_folder(dataset, table))
}

/// Tells of the newest version of a table that was seen before, so that it needs not be looked for among all.
pub fn remember_version(bucket: &Bucket, dataset: &str, table: &str, version: u64) {
    bucket.keep_version(&versions_folder(dataset, table), Version { number: version, bytes: None });
}

/// The number of a version of an index in `folder`, by the object's name.
fn version_of(folder: &str, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(folder)?.strip_prefix("/v")?.strip_suffix(".json")?;
    digits.parse().ok().filter(|version| name == format!("{folder}/v{version:010}.json"))
}

/// The first version that is missing in a part of a listing of `meta/<dataset>`, which begins after the name `after`.
pub fn missing_version<'a>(after: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let number = |name: &str| {
        let (folder, _) = name.rsplit_once('/')?;
        Some((folder.to_owned(), version_of(folder, name)?))
    };
    let mut before = number(after);
    for name in names {
        let Some((folder, version)) = number(name) else { continue };
        let expected = match before {
            Some((other, version)) if other == folder => version + 1,
            _ => 1,
        };
        if version != expected {
            return Some(format!("{folder}/v{expected:010}.json"));
        }
        before = Some((folder, version));
    }
    None
}

/// The newest version, in a listing whose numbers have no gap: of those after `known`, which was there before. Without it,
/// or if that is not there any more, of all.
fn listed_version(bucket: &Bucket, dataset: &str, table: &str, known: u64) -> Result<Option<u64>, PublishError> {
    let folder = versions_folder(dataset, table);
    let mut begin = known.saturating_sub(WINDOW);
    let mut missing = 1;
    for round in 0..LISTINGS {
        std::thread::sleep(std::time::Duration::from_millis(50 * round));
        let offset = if begin == 0 { String::new() } else { index_key(dataset, table, begin) };
        let names = bucket.list_after(&folder, &offset)?;
        // In order, as the numbers have leading zeros.
        let versions: Vec<u64> = names.keys().filter_map(|name| version_of(&folder, name)).collect();
        if begin > 0 && versions.last().is_none_or(|newest| *newest < known) {
            begin = 0;
            continue;
        }
        match versions.iter().zip(begin + 1..).find(|(version, expected)| **version != *expected) {
            None => return Ok(versions.last().copied()),
            Some((_, expected)) => missing = expected,
        }
    }
    Err(missing_error(index_key(dataset, table, missing)))
}

/// The error of a version that is gone.
pub fn missing_error(key: String) -> PublishError {
    PublishError::Damaged { key, problem: "this version is missing, and later ones are there".to_owned() }
}

/// The newest index, looked for in the window before the newest version that is known, and read.
fn newest_verified(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    let folder = versions_folder(dataset, table);
    let known = bucket.known_version(&folder).map_or(0, |version| version.number);
    let Some(version) = listed_version(bucket, dataset, table, known)? else {
        bucket.forget_version(&folder);
        return Ok(None);
    };
    if version < known {
        bucket.forget_version(&folder);
    }
    read_version(bucket, dataset, table, version).map(Some)
}

/// The newest index: the one that this process has read, if no version follows it.
fn newest(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    let folder = versions_folder(dataset, table);
    let Some(Version { number, bytes: Some(bytes) }) = bucket.known_version(&folder) else {
        return newest_verified(bucket, dataset, table);
    };
    let later = bucket.list_after(&folder, &index_key(dataset, table, number))?;
    if later.keys().any(|name| version_of(&folder, name).is_some()) {
        return newest_verified(bucket, dataset, table);
    }
    parsed(&bytes, dataset, table, number).map(Some)
}

fn read_version(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    version: u64,
) -> Result<(TableIndex, Digest), PublishError> {
    let key = index_key(dataset, table, version);
    let bytes = bucket.get(&key)?;
    let bytes = bytes.ok_or_else(|| PublishError::Damaged { key, problem: "it disappeared".to_owned() })?;
    let read = parsed(&bytes, dataset, table, version)?;
    bucket.keep_version(&versions_folder(dataset, table), Version { number: version, bytes: Some(bytes) });
    Ok(read)
}

fn parsed(bytes: &[u8], dataset: &str, table: &str, version: u64) -> Result<(TableIndex, Digest), PublishError> {
    let damaged = |problem: String| PublishError::Damaged { key: index_key(dataset, table, version), problem };
    let index: TableIndex = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if (index.version, index.dataset.as_str(), index.table.as_str()) != (version, dataset, table) {
        let says = format!("it says that it is version {} of {}/{}", index.version, index.dataset, index.table);
        return Err(damaged(says));
    }
    Ok((index, Digest::of(bytes)))
}

pub fn index_key(dataset: &str, table: &str, version: u64) -> String {
    format!("{}/index/v{version:010}.json", meta_folder(dataset, table))
}

/// Makes `file` the current file of a partition; without a file the partition has none any more. The data and the record
/// must be in the bucket already. A table that was never released and has no file is `None`.
///
/// A file that is current already makes no new version, whatever the contract says now. Another run may commit another
/// partition in between; the write then fails and is tried on top of the other's index. If it was the same partition, and
/// both would be its first release, the one that comes later fails and may be run again.
pub fn commit(
    bucket: &Bucket,
    dataset: &str,
    contract: &Contract,
    date: ServiceDate,
    file: Option<&IndexFile>,
) -> Result<Option<Commit>, PublishError> {
    for round in 0..ROUNDS {
        // Whoever comes too late looks again, a little later each time.
        std::thread::sleep(std::time::Duration::from_millis(5 * round));
        let before = newest(bucket, dataset, &contract.table)?;
        let Some((before, digest)) = before else {
            let Some(file) = file else { return Ok(None) };
            let index = TableIndex {
                version: 1,
                dataset: dataset.to_owned(),
                table: contract.table.clone(),
                contract: contract.into(),
                files: vec![file.clone()],
                first: first_of(file).into_iter().collect(),
                previous: None,
            };
            if put_version(bucket, &index)? {
                return Ok(Some(Commit::New(index)));
            }
            continue;
        };
        if before.file_of(date) == file {
            return Ok(Some(Commit::Nothing(before)));
        }
        let mut index =
            TableIndex { version: before.version + 1, contract: contract.into(), previous: Some(digest), ..before };
        if let Some((date, file)) = file.and_then(first_of) {
            let first = index.first.entry(date).or_insert_with(|| file.clone());
            if *first != file {
                return Err(PublishError::Overtaken { key: file.path, first: first.path.clone() });
            }
        }
        index.files.retain(|other| other.partition_date != date);
        index.files.extend(file.cloned());
        index.files.sort_by_key(|file| file.partition_date);
        if put_version(bucket, &index)? {
            return Ok(Some(Commit::New(index)));
        }
    }
    Err(PublishError::Contended { key: meta_folder(dataset, &contract.table) })
}

/// Writes a version; `false` if another run was faster.
fn put_version(bucket: &Bucket, index: &TableIndex) -> Result<bool, PublishError> {
    let TableIndex { dataset, table, version, .. } = index;
    let bytes = json(index);
    let is_new = bucket.put_new(&index_key(dataset, table, *version), bytes.clone())?;
    if is_new {
        let version = Version { number: *version, bytes: Some(bytes) };
        bucket.keep_version(&versions_folder(dataset, table), version);
    }
    Ok(is_new)
}

fn first_of(file: &IndexFile) -> Option<(ServiceDate, FirstFile)> {
    let first = || FirstFile { path: file.path.clone(), bytes: file.bytes, sha256: file.sha256 };
    is_first_release(file).then(|| (file.partition_date, first()))
}

/// Removes the files of `abandoned` from a partition that no index names: a run that was killed between its put and its commit may
/// have left one. `keep` is about to be committed. Returns what was removed.
pub fn remove_orphans(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    date: ServiceDate,
    keep: Option<&str>,
    abandoned: &[String],
) -> Result<Vec<String>, PublishError> {
    let mut names = unnamed(bucket, dataset, table, date)?;
    names.retain(|name| abandoned.contains(name));
    // What was released once stays below `revised/`.
    let folder = format!("{}/", partition_folder("revised", dataset, table, date));
    let mut revised: BTreeSet<String> = abandoned.iter().filter(|name| name.starts_with(&folder)).cloned().collect();
    if !revised.is_empty() {
        let there = bucket.list(folder.trim_end_matches('/'))?;
        revised.retain(|name| there.contains(name));
    }
    retain_unnamed(bucket, dataset, table, &mut revised)?;
    names.extend(revised);
    names.retain(|name| Some(name.as_str()) != keep);
    for name in &names {
        bucket.remove(name)?;
    }
    Ok(names)
}

/// The error of a file that no version of an index names.
pub fn stranger(key: String) -> PublishError {
    let problem = "no index names it, and who opens its folder reads its rows. Move it out of the bucket; if the folder 'meta' was \
                   lost, bring that back from a backup instead";
    PublishError::Damaged { key, problem: problem.to_owned() }
}

/// The files of a partition below `data/` that the newest index does not name as first published.
fn unnamed(bucket: &Bucket, dataset: &str, table: &str, date: ServiceDate) -> Result<Vec<String>, PublishError> {
    let mut names = bucket.list(&partition_folder("data", dataset, table, date))?;
    if !names.is_empty() {
        // Read after the listing, so that what another run commits meanwhile is known.
        let index = current(bucket, dataset, table)?;
        let named = index.as_ref().and_then(|index| index.first.get(&date));
        names.retain(|name| named.is_none_or(|first| *name != first.path));
    }
    Ok(names)
}

/// What `files.json` says: the newest index without its link to the one before.
#[derive(Serialize)]
struct Files<'a> {
    version: u64,
    dataset: &'a str,
    table: &'a str,
    contract: &'a ContractRef,
    files: &'a [IndexFile],
}

/// `files.json` and `index.csv` of a table: their names in the bucket, and their bytes.
pub fn views(index: &TableIndex) -> [(String, Bytes); 2] {
    let folder = meta_folder(&index.dataset, &index.table);
    let TableIndex { version, dataset, table, contract, files, .. } = index;
    let view = Files { version: *version, dataset, table, contract, files };
    [(format!("{folder}/files.json"), json(&view)), (format!("{folder}/index.csv"), csv(files).into())]
}

fn csv(files: &[IndexFile]) -> Vec<u8> {
    let mut csv = CsvWriter::new(Vec::new());
    let header = ["path", "partition_date", "rows", "bytes", "sha256", "record", "provisional"].map(str::to_owned);
    let rows = files.iter().map(|file| {
        let IndexFile { path, partition_date, rows, bytes, sha256, record, provisional } = file;
        let [rows, bytes] = [*rows, *bytes].map(|number| number.to_string());
        [
            path.clone(),
            partition_date.to_string(),
            rows,
            bytes,
            sha256.to_string(),
            record.clone(),
            provisional.to_string(),
        ]
    });
    for row in std::iter::once(header).chain(rows) {
        // Writing to memory cannot fail.
        let _ = csv.row(row);
    }
    csv.into_inner()
}

/// Of the bytes of a version.
pub fn digest(index: &TableIndex) -> Digest {
    Digest::of(&json(index))
}

fn json(index: &impl Serialize) -> Bytes {
    // An index has only strings, numbers, lists and maps with text keys, which always serialise.
    let text = serde_json::to_string_pretty(index);
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing an index", error));
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests;
