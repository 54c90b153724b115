//! What the pages of a dataset tell of all its days: `reports/<dataset>/overview.json`.
//!
//! It is kept in the bucket so that a day more costs the same however many there are: a run reads it, looks at what has changed since,
//! and writes it again. All of it is made of the indexes, the results and the published files, so it may be lost: then it is made anew.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::RuleResult;
use crate::contract::RuleId;
use crate::digest::Digest;
use crate::ledger::Status;
use crate::report::results::folder;
use crate::time::ServiceDate;

/// What the form is called; changes when a reader must change.
pub(crate) const FORMAT: &str = "fahrtenbuch-overview/3";

/// The word of `gap_reason` for trips that were called off. No data are missing of a bus that did not run.
pub(crate) const CANCELLED: &str = "cancelled";

/// Of what is missing of a day, the share below which people may take the day as complete. What is missing is told all the same.
pub(crate) const COMPLETE_BELOW: f64 = 0.01;

/// Releases and acts that are told, the newest ones.
pub(crate) const CHANGES: usize = 60;

/// Where it is in the bucket.
pub(crate) fn path(dataset: &str) -> String {
    format!("{}/overview.json", folder(dataset))
}

/// What is told of the days of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Overview {
    pub format: String,
    pub dataset: String,
    /// Those that have a file or results.
    pub days: BTreeMap<ServiceDate, Day>,
    /// The newest first.
    pub changes: Vec<Change>,
    /// The version of each table up to which `changes` tells.
    pub versions: BTreeMap<String, u64>,
    /// The newest file of each table.
    pub tables: BTreeMap<String, Preview>,
    /// Buses by hour of the newest date that has any; none of a dataset without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// What `<dataset>/map.svg` shows; none of a dataset without stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<MapContent>,
}

/// A date.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Day {
    /// The keys of the records that its current files were made with: with others the day is looked at anew.
    pub records: BTreeSet<String>,
    /// Of the newest run of the date; none if there are no results of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    pub provisional: bool,
    pub nothing_captured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Rules that did not pass, in the order of the results.
    pub findings: Vec<DayFinding>,
    /// Of the table `coverage`, where the dataset has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<DayCoverage>,
}

/// A rule that did not pass on a date: `failed`, `warning` or `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayFinding {
    pub table: String,
    pub contract: String,
    pub rule: RuleId,
    pub result: RuleResult,
    pub rows: u64,
}

/// Sums of the table `coverage` over a date.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DayCoverage {
    /// Over rows of lines.
    pub trips_scheduled: u64,
    pub trips_observed: u64,
    pub trips_cancelled: u64,
    /// Over rows of sources that say how many they expected.
    pub snapshots_expected: u64,
    pub snapshots_received: u64,
    /// By source, of hours in which snapshots came that no known beat expected: how many came in the hour with the fewest, and in that
    /// with the most. Gaps within such an hour are not looked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub without_beat: BTreeMap<String, [u64; 2]>,
    /// By reason and source.
    pub gaps: Vec<DayGap>,
    /// Whether so much is missing that the date is not complete ([`COMPLETE_BELOW`]).
    pub partial: bool,
}

/// Hours of a date in which something is missing for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayGap {
    /// A word of the column `gap_reason`.
    pub reason: String,
    /// None of gaps of lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Of the service date, each once; those of rows without an hour are left out.
    pub hours: BTreeSet<i32>,
    /// Trips, or snapshots of a source, that are missing.
    pub missing: u64,
}

/// What a run or a person changed, over the tables of the dataset: versions of one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// `ledger/records/<sha256>.json` has it.
    pub record: String,
    pub at: Timestamp,
    pub kind: ChangeKind,
    pub dates: BTreeSet<ServiceDate>,
    pub tables: Vec<ChangedTable>,
    /// A name or role of `people` in the workspace's configuration, of an act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeKind {
    Release,
    /// Of a date that is not over.
    ProvisionalRelease,
    Rollback,
    Withdrawal,
    Lift,
    Compaction,
}

/// What a change did to a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedTable {
    pub table: String,
    pub version: u64,
    /// Of the index of that version, by which a release is cited.
    pub index_sha256: Digest,
    /// Over its dates, of what is current since; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Names of columns that came and that went with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns_added: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns_removed: Vec<String>,
}

/// The newest file of a table, as far as a reader wants to know before the download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preview {
    /// Of the file.
    pub sha256: Digest,
    pub date: ServiceDate,
    pub rows: u64,
    /// By name.
    pub columns: BTreeMap<String, ColumnPreview>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnPreview {
    pub nulls: u64,
    /// The first value that is none, as a CSV has it, cut where it is long; none if there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// Buses on the road and how full they were, by hour of a date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hours {
    pub date: ServiceDate,
    pub table: String,
    /// Of the file that they are of.
    pub sha256: Digest,
    /// In order; those without a report are left out.
    pub hours: Vec<Hour>,
}

/// Reports whose time is in an hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hour {
    /// Whole hours since noon minus twelve hours, as in `coverage`.
    pub hour: i32,
    /// Unlike values of `vehicle_id`.
    pub vehicles: u64,
    pub reports: u64,
    /// Of these, with a percentage, and the mean of it; where no report has one there is no mean.
    pub with_percentage: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<f64>,
    /// Reports by `occupancy_status`.
    pub statuses: BTreeMap<String, u64>,
}

/// What the map shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapContent {
    /// The date of the timetable.
    pub date: ServiceDate,
    /// Of the files that it was drawn from, by table.
    pub sources: BTreeMap<String, Digest>,
    /// Rows of `stops` with a position that are drawn: stops and stations, no entrances.
    pub stops: u64,
    /// Rows of `routes` that are drawn.
    pub routes: u64,
    /// South, west, north, east in degrees (WGS 84).
    pub bounds: [f64; 4],
    /// The drawing's size in bytes.
    pub bytes: u64,
}

impl Overview {
    /// Of a dataset that nothing is known of yet.
    pub(crate) fn of(dataset: &str) -> Self {
        Self { format: FORMAT.to_owned(), dataset: dataset.to_owned(), ..Self::default() }
    }

    /// None of bytes that another version of the program wrote or somebody edited: it is made anew.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|read: &Self| read.format == FORMAT)
    }

    pub(crate) fn write(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
