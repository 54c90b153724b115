//! The table index: which files are the current ones. A public bucket gives no listing, so readers find files here.
//!
//! `data/<dataset>/<table>/_index/v0000000001.json` is create-only, one per release; writing it *is* the release.
//! `files.json` and `index.csv` beside the data are made from the newest index and may be made again at any time.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

/// One released version of a table: all files that are current, over all of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableIndex {
    /// Counts up from 1.
    pub version: u64,
    pub dataset: String,
    pub table: String,
    /// Of the newest release; each file's footer names its own.
    pub contract: ContractRef,
    /// By date.
    pub files: Vec<IndexFile>,
    /// Of the bytes of the index before this one.
    pub previous: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractRef {
    pub id: String,
    pub version: String,
    pub digest: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    /// From the root of the bucket.
    pub path: String,
    /// The partition.
    pub date: ServiceDate,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: Digest,
    /// Over everything that the file was made from: evidence, contracts, pipeline, program.
    pub inputs: Digest,
}

impl From<&Contract> for ContractRef {
    fn from(contract: &Contract) -> Self {
        Self { id: contract.id.clone(), version: contract.version.clone(), digest: contract.digest }
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

/// Where a table's files are.
pub fn folder(dataset: &str, table: &str) -> String {
    format!("data/{dataset}/{table}")
}

/// The name of a file of a partition.
pub fn data_path(dataset: &str, table: &str, date: ServiceDate, digest: &Digest) -> String {
    format!("{}/date={date}/part-{}.parquet", folder(dataset, table), digest.short())
}

/// The newest index of a table.
pub fn current(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<TableIndex>, PublishError> {
    Ok(newest(bucket, dataset, table)?.map(|(index, _)| index))
}

fn newest(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    let names = bucket.list(&format!("{}/_index", folder(dataset, table)))?;
    let Some(key) = names.last() else { return Ok(None) };
    let damaged = |problem: String| PublishError::Damaged { key: key.clone(), problem };
    let bytes = bucket.get(key)?.ok_or_else(|| damaged("it disappeared".to_owned()))?;
    let index: TableIndex = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if *key != index_key(dataset, table, index.version) {
        return Err(damaged(format!("it says that it is version {}", index.version)));
    }
    Ok(Some((index, Digest::of(&bytes))))
}

fn index_key(dataset: &str, table: &str, version: u64) -> String {
    format!("{}/_index/v{version:010}.json", folder(dataset, table))
}

/// Makes `file` the current file of a partition; without a file the partition has none any more. The data must be in the
/// bucket already. A table that was never released and has no file is `None`.
///
/// Another run may commit another partition in between; the write then fails and is tried on top of the other's index.
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
        let there = before.as_ref().and_then(|(index, _)| index.files.iter().find(|other| other.date == date));
        match (&before, file) {
            (None, None) => return Ok(None),
            (Some((index, _)), None) if there.is_none() => return Ok(Some(Commit::Nothing(index.clone()))),
            (Some((index, _)), Some(_)) if there == file && index.contract == ContractRef::from(contract) => {
                return Ok(Some(Commit::Nothing(index.clone())));
            }
            _ => {}
        }
        let mut files = before.as_ref().map_or_else(Vec::new, |(index, _)| index.files.clone());
        files.retain(|other| other.date != date);
        files.extend(file.cloned());
        files.sort_by_key(|file| file.date);
        let index = TableIndex {
            version: before.as_ref().map_or(1, |(index, _)| index.version + 1),
            dataset: dataset.to_owned(),
            table: contract.table.clone(),
            contract: contract.into(),
            files,
            previous: before.map(|(_, digest)| digest),
        };
        let bytes = json(&index);
        if bucket.put_new(&index_key(dataset, &contract.table, index.version), bytes)? {
            return Ok(Some(Commit::New(index)));
        }
    }
    Err(PublishError::Contended { key: folder(dataset, &contract.table) })
}

/// Writes `files.json` and `index.csv` of a table, if they do not say this already.
pub fn write_views(bucket: &Bucket, index: &TableIndex) -> Result<(), PublishError> {
    let folder = folder(&index.dataset, &index.table);
    bucket.put(&format!("{folder}/files.json"), json(index))?;
    let mut csv = String::from("path,date,rows,bytes,sha256\n");
    for file in &index.files {
        csv += &format!("{},{},{},{},{}\n", file.path, file.date, file.rows, file.bytes, file.sha256);
    }
    bucket.put(&format!("{folder}/index.csv"), csv.into())
}

fn json(index: &TableIndex) -> Bytes {
    // An index has only strings, numbers and lists of them, which always serialise.
    let mut text = serde_json::to_string_pretty(index).unwrap_or_default();
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::contract::read;

    fn contract() -> Contract {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: id, logicalType: string, classification: public}\n";
        read::contract(Path::new("t.odcs.yaml"), text).unwrap()
    }

    fn file(date: &str, content: &str) -> IndexFile {
        let sha256 = Digest::of(content.as_bytes());
        let date = date.parse().unwrap();
        IndexFile {
            path: data_path("bus", "t", date, &sha256),
            date,
            rows: 1,
            bytes: 1,
            sha256,
            inputs: Digest::of(content.as_bytes()),
        }
    }

    fn bucket(folder: &Path) -> Bucket {
        Bucket::open(folder.to_str().unwrap(), &BTreeMap::new()).unwrap()
    }

    fn commit(bucket: &Bucket, file: &IndexFile) -> Commit {
        super::commit(bucket, "bus", &contract(), file.date, Some(file)).unwrap().unwrap()
    }

    #[test]
    fn a_partition_without_a_file_is_withdrawn_and_its_files_stay_in_the_old_index() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let file = file("2026-11-24", "a");
        assert_eq!(super::commit(&bucket, "bus", &contract(), file.date, None).unwrap(), None);
        commit(&bucket, &file);
        let withdrawn = super::commit(&bucket, "bus", &contract(), file.date, None).unwrap().unwrap();
        assert!(matches!(&withdrawn, Commit::New(index) if index.version == 2 && index.files.is_empty()));
        let again = super::commit(&bucket, "bus", &contract(), file.date, None).unwrap().unwrap();
        assert!(matches!(again, Commit::Nothing(_)));
    }

    #[test]
    fn a_commit_adds_a_version_that_names_the_one_before_and_repeats_are_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let Commit::New(first) = commit(&bucket, &file("2026-11-24", "a")) else { panic!() };
        assert_eq!((first.version, first.previous), (1, None));
        assert!(matches!(commit(&bucket, &file("2026-11-24", "a")), Commit::Nothing(_)));
        let Commit::New(second) = commit(&bucket, &file("2026-11-23", "b")) else { panic!() };
        assert_eq!(
            second.files.iter().map(|file| file.date.to_string()).collect::<Vec<_>>(),
            ["2026-11-23", "2026-11-24"]
        );
        let before = bucket.get("data/bus/t/_index/v0000000001.json").unwrap().unwrap();
        assert_eq!(second.previous, Some(Digest::of(&before)));
        let Commit::New(third) = commit(&bucket, &file("2026-11-24", "c")) else { panic!() };
        assert_eq!(third.files.len(), 2);
        assert_eq!(current(&bucket, "bus", "t").unwrap(), Some(third));
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
                        commit(&bucket, &file(&date, &date));
                    }
                });
            }
        });
        let index = current(&bucket(folder.path()), "bus", "t").unwrap().unwrap();
        assert_eq!((index.version, index.files.len()), (20, 20));
    }

    #[test]
    fn views_say_what_the_index_says() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        let made = commit(&bucket, &file("2026-11-24", "a"));
        write_views(&bucket, made.index()).unwrap();
        let csv = bucket.get("data/bus/t/index.csv").unwrap().unwrap();
        let line = std::str::from_utf8(&csv).unwrap().lines().nth(1).unwrap().to_owned();
        assert!(
            line.starts_with("data/bus/t/date=2026-11-24/part-ca978112ca1b.parquet,2026-11-24,1,1,ca978112"),
            "{line}"
        );
    }
}
