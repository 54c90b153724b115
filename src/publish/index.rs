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
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::contract::odcs;

    fn contract() -> Contract {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: id, logicalType: string, classification: public}\n";
        odcs::contract(Path::new("t.odcs.yaml"), text).unwrap()
    }

    /// A file as the next run of its partition would release it.
    fn file_of(bucket: &Bucket, date: &str, content: &str, provisional: bool) -> IndexFile {
        let sha256 = Digest::of(content.as_bytes());
        let date = date.parse().unwrap();
        let index = current(bucket, "bus", "t").unwrap();
        IndexFile {
            path: path_of_release(index.as_ref(), "bus", "t", date, provisional, &sha256),
            partition_date: date,
            rows: 1,
            bytes: 1,
            sha256,
            record: "ledger/records/0.json".to_owned(),
            provisional,
        }
    }

    fn bucket(folder: &Path) -> Bucket {
        Bucket::open(folder.to_str().unwrap(), &BTreeMap::new()).unwrap()
    }

    fn commit_file(bucket: &Bucket, file: &IndexFile) -> Commit {
        commit(bucket, "bus", &contract(), file.partition_date, Some(file)).unwrap().unwrap()
    }

    fn release(bucket: &Bucket, date: &str, content: &str, provisional: bool) -> String {
        let file = file_of(bucket, date, content, provisional);
        bucket.put(&file.path, content.to_owned().into()).unwrap();
        commit_file(bucket, &file);
        file.path
    }

    #[test]
    fn a_partition_without_a_file_is_withdrawn_and_what_was_first_published_stays_known() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let file = file_of(&bucket, "2026-11-24", "a", false);
        let date = file.partition_date;
        assert_eq!(commit(&bucket, "bus", &contract(), date, None).unwrap(), None);
        commit_file(&bucket, &file);
        let withdrawn = commit(&bucket, "bus", &contract(), date, None).unwrap().unwrap();
        assert!(matches!(&withdrawn, Commit::New(index) if index.version == 2 && index.files.is_empty()));
        let again = commit(&bucket, "bus", &contract(), date, None).unwrap().unwrap();
        assert!(matches!(again, Commit::Nothing(_)));
        assert_eq!(withdrawn.index().first[&date].path, file.path);
        assert!(file_of(&bucket, "2026-11-24", "b", false).path.starts_with("revised/"));
    }

    #[test]
    fn the_first_complete_release_of_a_date_is_below_data_and_every_other_below_revised() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let revised = |content: &str| {
            let digest = Digest::of(content.as_bytes()).short();
            format!("revised/bus/t/partition_date=2026-11-24/part-{digest}.parquet")
        };
        assert_eq!(release(&bucket, "2026-11-24", "half a day", true), revised("half a day"));
        let first = release(&bucket, "2026-11-24", "half a day", false);
        assert_eq!(first, revised("half a day").replace("revised/", "data/"));
        for content in ["b", "c", "half a day", "d"] {
            assert_eq!(release(&bucket, "2026-11-24", content, false), revised(content));
        }
        let index = current(&bucket, "bus", "t").unwrap().unwrap();
        assert_eq!(
            (index.version, index.files.len(), &index.first[&index.files[0].partition_date].path),
            (6, 1, &first)
        );
        assert_eq!(bucket.list("data").unwrap(), [first]);
    }

    #[test]
    fn two_first_releases_of_a_date_are_not_both_committed() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let (one, other) = (file_of(&bucket, "2026-11-24", "a", false), file_of(&bucket, "2026-11-24", "b", false));
        commit_file(&bucket, &one);
        let error = commit(&bucket, "bus", &contract(), other.partition_date, Some(&other)).unwrap_err();
        assert!(matches!(&error, PublishError::Overtaken { first, .. } if *first == one.path) && error.is_transient());
    }

    #[test]
    fn what_a_killed_run_left_below_data_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let first = release(&bucket, "2026-11-24", "a", false);
        let orphan = first.replace("part-", "part-0");
        let of_another_date = orphan.replace("-24", "-23");
        for name in [&orphan, &of_another_date] {
            bucket.put(name, "left".into()).unwrap();
        }
        let next = release(&bucket, "2026-11-24", "b", false);
        let date = "2026-11-24".parse().unwrap();
        let left = [orphan.clone(), of_another_date.clone()];
        assert_eq!(remove_orphans(&bucket, "bus", "t", date, Some(&orphan), &left).unwrap(), [""; 0]);
        assert_eq!(remove_orphans(&bucket, "bus", "t", date, None, &[]).unwrap(), [""; 0]);
        assert_eq!(remove_orphans(&bucket, "bus", "t", date, None, &left).unwrap(), [orphan]);
        assert_eq!(bucket.list("data").unwrap(), [of_another_date, first]);
        assert_eq!(bucket.list("revised").unwrap(), [next]);
    }

    #[test]
    fn a_commit_adds_a_version_that_names_the_one_before_and_repeats_are_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let commit = |date: &str, content: &str| commit_file(&bucket, &file_of(&bucket, date, content, false));
        let Commit::New(first) = commit("2026-11-24", "a") else { panic!() };
        assert_eq!((first.version, first.previous), (1, None));
        assert!(matches!(commit_file(&bucket, &first.files[0]), Commit::Nothing(_)));
        let Commit::New(second) = commit("2026-11-23", "b") else { panic!() };
        assert_eq!(
            second.files.iter().map(|file| file.partition_date.to_string()).collect::<Vec<_>>(),
            ["2026-11-23", "2026-11-24"]
        );
        let before = bucket.get("meta/bus/t/index/v0000000001.json").unwrap().unwrap();
        assert_eq!(second.previous, Some(Digest::of(&before)));
        let Commit::New(third) = commit("2026-11-24", "c") else { panic!() };
        assert_eq!(third.files.len(), 2);
        let found = verified(&bucket, "bus", "t").unwrap().unwrap();
        assert_eq!((found.index, found.changed), (third, "2026-11-24".parse().ok()));
    }

    #[test]
    fn a_contract_whose_version_alone_is_new_makes_no_version_of_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let made = commit_file(&bucket, &file_of(&bucket, "2026-11-24", "a", false));
        let contract = Contract { version: "2".to_owned(), ..contract() };
        let file = &made.index().files[0];
        let again = commit(&bucket, "bus", &contract, file.partition_date, Some(file)).unwrap().unwrap();
        assert!(matches!(again, Commit::Nothing(index) if index.contract.version == "1"));
    }

    #[test]
    fn an_index_with_a_gap_a_wrong_link_or_no_sense_is_refused_for_good() {
        let key = |version: u32| format!("meta/bus/t/index/v{version:010}.json");
        let edited = |edit: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().unwrap();
            let bucket = bucket(folder.path());
            for content in ["a", "b", "c"] {
                release(&bucket, "2026-11-24", content, false);
            }
            assert!(verified(&bucket, "bus", "t").unwrap().is_some());
            edit(folder.path());
            let error = verified(&bucket, "bus", "t").unwrap_err();
            assert!(!error.is_transient());
            error.to_string()
        };
        let gap = edited(&|folder| std::fs::remove_file(folder.join(key(2))).unwrap());
        assert!(gap.contains(&key(2)) && gap.contains("missing"), "{gap}");
        let first = edited(&|folder| std::fs::remove_file(folder.join(key(1))).unwrap());
        assert!(first.contains(&key(1)), "{first}");
        let far = edited(&|folder| _ = std::fs::copy(folder.join(key(3)), folder.join(key(9))).unwrap());
        assert!(far.contains(&key(4)), "{far}");
        let change = |folder: &Path, version, from: &str, to: &str| {
            let text = std::fs::read_to_string(folder.join(key(version))).unwrap();
            assert!(text.contains(from));
            std::fs::write(folder.join(key(version)), text.replace(from, to)).unwrap();
        };
        let before = edited(&|folder| change(folder, 2, "\"rows\": 1", "\"rows\": 2"));
        assert!(before.contains(&key(2)) && before.contains("digest"), "{before}");
        let link = edited(&|folder| change(folder, 3, "\"previous\": \"", "\"before\": \""));
        assert!(link.contains(&key(3)), "{link}");
        let number = edited(&|folder| change(folder, 3, "\"version\": 3", "\"version\": 4"));
        assert!(number.contains(&key(3)), "{number}");
        let cut = edited(&|folder| std::fs::write(folder.join(key(3)), "{").unwrap());
        assert!(cut.contains(&key(3)), "{cut}");
    }

    #[test]
    fn the_newest_version_of_many_is_found_in_a_window_that_misses_what_was_taken_away() {
        let bucket = Bucket::in_memory();
        let (folder, newest) = (versions_folder("bus", "t"), 2 * WINDOW);
        let mut index = None;
        for version in 1..=newest {
            let content = (version % 2).to_string();
            let made = commit_file(&bucket, &file_of(&bucket, "2026-11-24", &content, true));
            index = Some(made.index().clone());
        }
        assert_eq!(index.as_ref().map(|index| index.version), Some(newest));
        // As the next process: it knows what the private store remembers.
        let look = |known: u64| {
            bucket.forget_version(&folder);
            remember_version(&bucket, "bus", "t", known);
            let before = bucket.requests();
            let found = verified(&bucket, "bus", "t").map(|found| found.map(|verified| verified.index.version));
            (found, bucket.requests() - before)
        };
        // A listing, the newest version, and the one before it.
        let (found, requests) = look(newest);
        assert_eq!((found.unwrap(), requests), (Some(newest), 3));
        assert_eq!(look(newest - 500).0.unwrap(), Some(newest));
        // What is known already costs one request, whoever asks.
        let before = bucket.requests();
        assert_eq!(current(&bucket, "bus", "t").unwrap(), index);
        assert_eq!(bucket.requests() - before, 1);
        let names = |bucket: &Bucket| bucket.list(&folder).unwrap();
        assert_eq!(missing_version("", names(&bucket).iter()), None);
        // One that was taken away from before the window is missed by the look that goes on from page to page.
        bucket.remove(&index_key("bus", "t", 7)).unwrap();
        assert_eq!(look(newest).0.unwrap(), Some(newest));
        assert_eq!(missing_version("", names(&bucket).iter()), Some(index_key("bus", "t", 7)));
        let begin = index_key("bus", "t", 6);
        let page: Vec<String> = bucket.list_after(&folder, &begin).unwrap().into_keys().collect();
        assert_eq!(missing_version(&begin, page.iter()), Some(index_key("bus", "t", 7)));
        assert_eq!(missing_version(&index_key("bus", "t", 7), page.iter()), None);
        // One from within the window is missed by every run.
        let key = index_key("bus", "t", newest - 5);
        let bytes = bucket.get(&key).unwrap().unwrap();
        bucket.remove(&key).unwrap();
        assert!(look(newest).0.unwrap_err().to_string().contains(&key));
        bucket.put(&key, bytes).unwrap();
        // Where the newest known one is gone, all are looked at.
        bucket.remove(&index_key("bus", "t", newest)).unwrap();
        assert!(look(newest).0.unwrap_err().to_string().contains(&index_key("bus", "t", 7)));
    }

    #[test]
    fn two_runs_that_commit_at_once_both_land() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let folder = folder.path();
                scope.spawn(move || {
                    let bucket = bucket(folder);
                    for day in 1..=5 {
                        let date = format!("2026-{:02}-{day:02}", worker + 1);
                        commit_file(&bucket, &file_of(&bucket, &date, &date, false));
                    }
                });
            }
        });
        let index = current(&bucket(folder.path()), "bus", "t").unwrap().unwrap();
        assert_eq!((index.version, index.files.len(), index.first.len()), (20, 20, 20));
    }

    #[test]
    fn views_say_what_the_index_says_whatever_the_order_of_its_versions() {
        let views = |dates: [&str; 2]| {
            let folder = tempfile::tempdir().unwrap();
            let bucket = bucket(folder.path());
            dates.iter().for_each(|date| _ = release(&bucket, date, date, false));
            let [(json, files), (csv, lines)] = super::views(&current(&bucket, "bus", "t").unwrap().unwrap());
            assert_eq!((json.as_str(), csv.as_str()), ("meta/bus/t/files.json", "meta/bus/t/index.csv"));
            (files, String::from_utf8(lines.to_vec()).unwrap())
        };
        let (json, csv) = views(["2026-11-23", "2026-11-24"]);
        assert_eq!(views(["2026-11-24", "2026-11-23"]), (json, csv.clone()));
        let digest = Digest::of(b"2026-11-24");
        let path = format!("data/bus/t/partition_date=2026-11-24/part-{}.parquet", digest.short());
        let line = format!("{path},2026-11-24,1,1,{digest},ledger/records/0.json,false");
        assert_eq!(csv.lines().nth(2), Some(line.as_str()));
        assert_eq!(date_of(Path::new(&path)), "2026-11-24".parse().ok());
    }
}
