//! What a bucket says of its tables, read as the words of somebody else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::error::GetError;
use crate::digest::Digest;
use crate::time::ServiceDate;

const REPORT: &str = "Tell whoever runs the bucket";

/// A table of a dataset, `stadtbus-telemetrie/vehicle_locations`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    pub dataset: String,
    pub table: String,
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').filter(|(dataset, table)| is_name(dataset) && is_name(table));
        let (dataset, table) =
            parts.ok_or_else(|| format!("'{text}' is no table: write DATASET/TABLE, as stadtbus-telemetrie/alerts"))?;
        Ok(Self { dataset: dataset.to_owned(), table: table.to_owned() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.dataset, self.table)
    }
}

impl TableName {
    /// Where the list of its files is.
    pub(super) fn files_key(&self) -> String {
        format!("meta/{self}/files.json")
    }
}

/// Whether a text may be the name of a folder here: letters, digits, `-`, `_` and `.`, of which no point comes first.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= 200 && !text.starts_with('.') && text.bytes().all(is_plain)
}

/// A file that a list names, whose place was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// From the root of the bucket.
    pub key: String,
    /// `partition_date=2026-11-24`.
    pub folder: String,
    /// `part-0123456789ab.parquet`.
    pub name: String,
    pub span: Span,
    pub bytes: u64,
    pub sha256: Digest,
}

/// The first and the last service date of a file: one day, or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: ServiceDate,
    pub last: ServiceDate,
}

impl Span {
    /// What a folder of a table is about: `partition_date=2026-11-24`, `month=2026-11`.
    pub(super) fn of_folder(folder: &str) -> Option<Self> {
        if let Some(date) = folder.strip_prefix("partition_date=") {
            let date: ServiceDate = date.parse().ok()?;
            return (folder == format!("partition_date={date}")).then_some(Self { first: date, last: date });
        }
        let month = folder.strip_prefix("month=")?;
        let first: jiff::civil::Date = format!("{month}-01").parse().ok()?;
        (month.len() == 7).then(|| Self { first: ServiceDate(first), last: ServiceDate(first.last_of_month()) })
    }

    pub(super) fn meets(&self, since: Option<ServiceDate>, until: Option<ServiceDate>) -> bool {
        since.is_none_or(|since| self.last >= since) && until.is_none_or(|until| self.first <= until)
    }
}

#[derive(Deserialize)]
struct Files {
    version: u64,
    dataset: String,
    table: String,
    files: Vec<File>,
    #[serde(default)]
    withdrawn: BTreeMap<ServiceDate, Withdrawn>,
}

#[derive(Deserialize)]
struct Withdrawn {
    #[serde(default)]
    reason: String,
}

/// What a list says of a table.
#[derive(Debug)]
pub(super) struct FileList {
    /// Of the table's index.
    pub version: u64,
    /// In its order.
    pub files: Vec<Listed>,
    /// Dates that have left the public, and why.
    pub withdrawn: BTreeMap<ServiceDate, String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    bytes: u64,
    sha256: Digest,
}

/// What the `files.json` of a table says.
pub(super) fn files(shown: &str, name: &TableName, bytes: &[u8]) -> Result<FileList, GetError> {
    let wrong = |problem: String| GetError::permanent(shown, problem, REPORT);
    let list: Files = serde_json::from_slice(bytes)
        .map_err(|error| wrong(format!("this is no list of files of this program ({error})")))?;
    if list.dataset != name.dataset || list.table != name.table {
        return Err(wrong(format!(
            "this is the list of {}/{}",
            list.dataset.escape_debug(),
            list.table.escape_debug()
        )));
    }
    let mut files = Vec::with_capacity(list.files.len());
    for file in list.files {
        let path = file.path.escape_debug().to_string();
        let listed = listed(name, file);
        files.push(listed.ok_or_else(|| wrong(format!("'{path}' is no place of a file of this table")))?);
    }
    let withdrawn = list.withdrawn.into_iter().map(|(date, of)| (date, of.reason)).collect();
    Ok(FileList { version: list.version, files, withdrawn })
}

/// A file, if its path is one that this program gives a file of this table with this digest.
fn listed(name: &TableName, file: File) -> Option<Listed> {
    let (root, rest) = file.path.split_once('/')?;
    let rest = rest.strip_prefix(&format!("{name}/"))?;
    let (folder, part) = rest.split_once('/')?;
    let is_root = root == "data" || root == "revised";
    if !is_root || part != format!("part-{}.parquet", file.sha256.short()) {
        return None;
    }
    let span = Span::of_folder(folder)?;
    let (folder, part) = (folder.to_owned(), part.to_owned());
    Some(Listed { key: file.path, folder, name: part, span, bytes: file.bytes, sha256: file.sha256 })
}

/// What a bucket tells of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSummary {
    pub name: TableName,
    pub title: Option<String>,
    pub files: usize,
    pub rows: u64,
    pub bytes: u64,
    /// The first and the last service date.
    pub span: Option<Span>,
}

#[derive(Deserialize)]
struct Package {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    dataset: Option<String>,
    table: Option<String>,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    path: Vec<String>,
    // Buckets of earlier versions have the other names.
    #[serde(default, alias = "rows")]
    total_rows: u64,
    #[serde(default, alias = "bytes")]
    total_bytes: u64,
}

/// The tables that `datapackage.json` names.
pub(super) fn tables(shown: &str, bytes: &[u8]) -> Result<Vec<TableSummary>, GetError> {
    let package: Package = serde_json::from_slice(bytes).map_err(|error| {
        GetError::permanent(shown, format!("this is no list of tables of this program ({error})"), "Name the table")
    })?;
    let summary = |resource: Resource| {
        let name: TableName = format!("{}/{}", resource.dataset?, resource.table?).parse().ok()?;
        let spans = || resource.path.iter().filter_map(|path| Span::of_folder(path.split('/').rev().nth(1)?));
        let first = spans().map(|span| span.first).min();
        let span = first.zip(spans().map(|span| span.last).max()).map(|(first, last)| Span { first, last });
        let title = resource.title.or(resource.description);
        let (files, rows, bytes) = (resource.path.len(), resource.total_rows, resource.total_bytes);
        Some(TableSummary { name, title, files, rows, bytes, span })
    };
    let mut tables: Vec<TableSummary> = package.resources.into_iter().filter_map(summary).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, sha256: &Digest) -> Result<FileList, GetError> {
        let text = serde_json::json!({"version": 3, "dataset": "bus", "table": "t", "new": 1, "files": [
            {"path": path, "partition_date": "2026-11-24", "rows": 1, "bytes": 9, "sha256": sha256, "new": {}}]});
        files("x", &"bus/t".parse().unwrap(), text.to_string().as_bytes())
    }

    #[test]
    fn only_places_of_files_of_the_table_are_taken() {
        let digest = Digest::of(b"");
        let short = digest.short();
        let FileList { version, files, withdrawn } =
            read(&format!("data/bus/t/partition_date=2026-11-24/part-{short}.parquet"), &digest).unwrap();
        assert!(withdrawn.is_empty());
        assert_eq!((version, files[0].folder.as_str(), files[0].bytes), (3, "partition_date=2026-11-24", 9));
        let FileList { files, .. } =
            read(&format!("revised/bus/t/month=2026-02/part-{short}.parquet"), &digest).unwrap();
        assert_eq!(files[0].span.last.to_string(), "2026-02-28");
        for path in [
            format!("../bus/t/partition_date=2026-11-24/part-{short}.parquet"),
            format!("data/bus/t/../part-{short}.parquet"),
            format!("data/bus/t/partition_date=2026-11-24/../../part-{short}.parquet"),
            format!("data/bus/t/partition_date=2026-11-24/x/part-{short}.parquet"),
            format!("data/bus/t/partition_date=2026-13-24/part-{short}.parquet"),
            format!("data/bus/t/partition_date=20261124/part-{short}.parquet"),
            format!("data/bus/other/partition_date=2026-11-24/part-{short}.parquet"),
            format!("/data/bus/t/partition_date=2026-11-24/part-{short}.parquet"),
            format!("https://evil/bus/t/partition_date=2026-11-24/part-{short}.parquet"),
            "data/bus/t/partition_date=2026-11-24/part-000000000000.parquet".to_owned(),
            "data/bus/t/partition_date=2026-11-24/.bashrc".to_owned(),
            "/etc/passwd".to_owned(),
            String::new(),
        ] {
            let error = read(&path, &digest).unwrap_err();
            assert!(matches!(error, GetError::Permanent { .. }), "{path}: {error}");
        }
    }

    #[test]
    fn names_are_no_paths() {
        for text in ["bus", "bus/", "/t", "../t", "bus/..", "bus/t/x", "bus/t x", "bus/.t", "bus/t\u{202e}"] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
        assert_eq!(
            "stadtbus-gtfs/stop_times".parse::<TableName>().unwrap().files_key(),
            "meta/stadtbus-gtfs/stop_times/files.json"
        );
    }
}
