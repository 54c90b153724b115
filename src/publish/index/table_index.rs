//! What an index says, and its bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::acts::{Act, FirstFile, RolledBack, Tombstone};
use super::columns::IndexColumn;
use super::months::{Month, MonthFile, MonthPart};
use crate::contract::Contract;
use crate::digest::Digest;
use crate::time::ServiceDate;

/// One released version of a table: all files that are current, over all of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableIndex {
    /// Counts up from 1 without a gap.
    pub version: u64,
    pub dataset: String,
    pub table: String,
    /// Of the newest release; the record of each file names the one that it was made with.
    pub contract: ContractRef,
    /// By date.
    pub files: Vec<IndexFile>,
    /// Past months whose days are in one file each, by month: for readers of many days. Every one of them stands for its days
    /// ([`MonthFile::stands_for`]): a version that changes one of these days names it no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<MonthFile>,
    /// The first complete publication of each date, below `data/`. It stays when later versions replace or lose that file, so
    /// that no second file of the date ever comes below `data/`.
    #[serde(default)]
    pub first: BTreeMap<ServiceDate, FirstFile>,
    /// Those of the contract, then those that older files have. None in a version of an earlier version of this program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<IndexColumn>,
    /// What the geometries of files are called, or were: the oldest first. They and their bounds are in the files and no columns of the
    /// table, and a reader who takes columns by their names must know that these are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub geometries: Vec<String>,
    /// Dates of which an older release is current again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rolled_back: BTreeMap<ServiceDate, RolledBack>,
    /// Dates that have left the public, also those that may be released again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawn: BTreeMap<ServiceDate, Tombstone>,
    /// What this version released. None in a version of an earlier version of this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Of the bytes of the index before this one.
    pub previous: Option<Digest>,
}

/// What a version of an index changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Of several that a person changed at once, the newest.
    pub date: ServiceDate,
    /// When the run prepared it, or a millisecond after the release before, whichever is later. After a release of a clock that was
    /// ahead it is when the run prepared it.
    pub at: Timestamp,
    /// The newest version before this one that is no provisional release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_before: Option<u64>,
    /// What a person did; none of a run's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

/// The contract of a table. Its digest stands in the records: a comment in a contract is no release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractRef {
    pub id: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// The timetable that the rows were checked against and joined with; `Some(None)` where the run had none. Not known of a file
    /// that an earlier version of this program released.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub timetable: Option<Option<UsedTimetable>>,
}

/// The timetable of a file, by which rows are joined with the partition of just that timetable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedTimetable {
    /// Where its tables are published.
    pub dataset: String,
    /// Their partition: the date on which it was captured. A later capture of that date may have taken its place, which then has
    /// another digest.
    pub partition_date: ServiceDate,
    /// Of its archive, as it was received.
    pub sha256: Digest,
}

/// What is there is known, also if it is null.
fn known<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<UsedTimetable>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

impl From<&IndexFile> for FirstFile {
    fn from(file: &IndexFile) -> Self {
        Self { path: file.path.clone(), bytes: file.bytes, sha256: file.sha256 }
    }
}

impl From<&IndexFile> for MonthPart {
    fn from(file: &IndexFile) -> Self {
        Self { partition_date: file.partition_date, sha256: file.sha256 }
    }
}

impl MonthFile {
    /// Whether it has the rows of its month as `files`, those of a table by date, have them: it was made of these, and of all of
    /// them. Otherwise one of the days has another file by now, is gone or has come, and readers read the days.
    pub fn stands_for(&self, files: &[IndexFile]) -> bool {
        let current = files.iter().filter(|file| Month::of(file.partition_date) == self.month);
        self.parts.iter().copied().eq(current.map(MonthPart::from)) && !self.parts.is_empty()
    }
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

    /// The tombstone of a date that may not be released.
    pub fn tombstone(&self, date: ServiceDate) -> Option<&Tombstone> {
        self.withdrawn.get(&date).filter(|tombstone| tombstone.holds())
    }

    /// Whether a version names files that a withdrawal deleted, so that it is not readable any more.
    pub fn hides(&self, version: u64) -> bool {
        self.withdrawn.values().any(|tombstone| tombstone.hides(version))
    }

    /// Whether the bytes of a file were deleted by a withdrawal.
    pub fn is_deleted(&self, date: ServiceDate, path: &str) -> bool {
        let of_date =
            self.withdrawn.get(&date).filter(|tombstone| tombstone.files.iter().any(|file| file.path == path));
        of_date.is_some() && self.file_of(date).is_none_or(|file| file.path != path)
    }

    /// What a reader of the whole table reads: the months that are in one file, and the days that are in none of these.
    pub fn parted(&self) -> (Vec<&MonthFile>, Vec<&IndexFile>) {
        let months: Vec<&MonthFile> = self.months.iter().filter(|month| month.stands_for(&self.files)).collect();
        let is_in_one = |file: &&IndexFile| months.iter().any(|month| month.month == Month::of(file.partition_date));
        let days = self.files.iter().filter(|file| !is_in_one(file)).collect();
        (months, days)
    }

    /// Names no month any more that does not stand for its days.
    pub(super) fn drop_stale_months(&mut self) {
        let files = &self.files;
        self.months.retain(|month| month.stands_for(files));
    }

    /// Whether a withdrawal deleted a file of a month.
    pub fn is_deleted_month(&self, path: &str) -> bool {
        let is_current = self.months.iter().any(|month| month.path == path);
        !is_current && self.withdrawn.values().any(|of| of.files.iter().any(|file| file.path == path))
    }

    /// Whether a complete release is to follow this version.
    pub fn is_provisional(&self) -> bool {
        let file = self.release.as_ref().and_then(|release| self.file_of(release.date));
        file.is_some_and(|file| file.provisional)
    }
}

/// The fields of an index, and of what is in it.
const FIELDS: &[&str] = &[
    "version",
    "dataset",
    "table",
    "contract",
    "files",
    "months",
    "first",
    "columns",
    "geometries",
    "rolled_back",
    "withdrawn",
    "release",
    "previous",
];
const FILE_FIELDS: &[&str] =
    &["path", "partition_date", "rows", "bytes", "sha256", "record", "provisional", "timetable"];
const TIMETABLE_FIELDS: &[&str] = &["dataset", "partition_date", "sha256"];
const MONTH_FIELDS: &[&str] = &["month", "path", "sha256", "bytes", "rows", "parts"];
const PART_FIELDS: &[&str] = &["partition_date", "sha256"];
const COLUMN_FIELDS: &[&str] = &["id", "name", "type", "nullable", "gone", "since", "until", "earlier"];
const EARLIER_FIELDS: &[&str] = &["name", "type", "until"];
const RELEASE_FIELDS: &[&str] = &["date", "at", "complete_before", "act"];

/// A field of an index that this program does not know.
pub(super) fn unknown_field(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let list = |field: &str| value[field].as_array().into_iter().flatten();
    let whole = [(&value, FIELDS), (&value["release"], RELEASE_FIELDS)].into_iter();
    let parts = list("files").flat_map(|file| [(file, FILE_FIELDS), (&file["timetable"], TIMETABLE_FIELDS)]);
    let months = list("months").map(|month| (month, MONTH_FIELDS));
    let of_months = list("months").flat_map(|month| month["parts"].as_array().into_iter().flatten());
    let months = months.chain(of_months.map(|part| (part, PART_FIELDS)));
    let columns = list("columns").map(|column| (column, COLUMN_FIELDS));
    let earlier = list("columns").flat_map(|column| column["earlier"].as_array().into_iter().flatten());
    let columns = columns.chain(earlier.map(|column| (column, EARLIER_FIELDS)));
    let mut fields = (whole.chain(parts).chain(months).chain(columns))
        .flat_map(|(of, known)| of.as_object().into_iter().flatten().map(move |(field, _)| (field, known)));
    fields.find(|(field, known)| !known.contains(&field.as_str())).map(|(field, _)| field.clone())
}

/// Of the bytes of a version.
pub fn digest(index: &TableIndex) -> Digest {
    Digest::of(&json(index))
}

pub(super) fn json(index: &impl Serialize) -> Bytes {
    // An index has only strings, numbers, lists and maps with text keys, which always serialise.
    let text = serde_json::to_string_pretty(index);
    let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing an index", error));
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn file(date: &str, text: &str) -> IndexFile {
        testing::file("bus", "t", date, text)
    }

    #[test]
    fn a_month_stands_for_its_days_as_long_as_they_are_what_it_was_made_of() {
        let days = [file("2026-10-31", "a"), file("2026-11-01", "b"), file("2026-11-03", "c"), file("2026-12-01", "d")];
        let month = MonthFile {
            month: "2026-11".parse().unwrap(),
            path: String::new(),
            sha256: Digest::of(b"m"),
            bytes: 1,
            rows: 2,
            parts: days[1..3].iter().map(MonthPart::from).collect(),
        };
        assert!(month.stands_for(&days));
        let revised = [days[0].clone(), days[1].clone(), file("2026-11-03", "other"), days[3].clone()];
        let with_another = [days[1].clone(), file("2026-11-02", "b"), days[2].clone()];
        for others in [&revised[..], &with_another, &days[..2], &[]] {
            assert!(!month.stands_for(others), "{others:?}");
        }
        assert!(!MonthFile { parts: Vec::new(), ..month }.stands_for(&[]));
    }
}
