//! Months that are in one file: past days of a table, for readers of many of them.
//!
//! The days stay what they are, each with its file and its versions. A month's file is made of theirs and of nothing else
//! ([`crate::publish::parquet::compact`]), so it stands for them only as long as it was made of those that are current.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::acts::FirstFile;
use crate::digest::Digest;
use crate::time::ServiceDate;

/// A month of the calendar: `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    /// Its first day.
    first: ServiceDate,
}

impl Month {
    /// That of a date.
    pub fn of(date: ServiceDate) -> Self {
        Self { first: ServiceDate(date.0.first_of_month()) }
    }

    pub fn last_day(self) -> ServiceDate {
        ServiceDate(self.first.0.last_of_month())
    }

    /// Months since January 1970, as Iceberg counts them (specification, "Partition Transforms").
    pub fn since_epoch(self) -> i64 {
        (i64::from(self.first.0.year()) - 1970) * 12 + i64::from(self.first.0.month()) - 1
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.0.year(), self.first.0.month())
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = format!("{text}-01").parse::<ServiceDate>().ok();
        let month = first.map(Self::of).filter(|month| month.to_string() == text);
        month.ok_or_else(|| format!("'{text}' is no month: write YYYY-MM, as 2026-11"))
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// The days of a month in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthFile {
    pub month: Month,
    /// From the root of the bucket, below `revised/`.
    pub path: String,
    pub sha256: Digest,
    pub bytes: u64,
    pub rows: u64,
    /// What it was made of, by date.
    pub parts: Vec<MonthPart>,
}

/// A day of a month: its file when the month was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthPart {
    pub partition_date: ServiceDate,
    pub sha256: Digest,
}

impl MonthFile {
    /// Whether it has rows of a date.
    pub fn has(&self, date: ServiceDate) -> bool {
        self.parts.iter().any(|part| part.partition_date == date)
    }
}

impl From<&MonthFile> for FirstFile {
    fn from(file: &MonthFile) -> Self {
        Self { path: file.path.clone(), bytes: file.bytes, sha256: file.sha256 }
    }
}

/// The folder of a month of a table.
pub fn month_folder(dataset: &str, table: &str, month: Month) -> String {
    format!("revised/{dataset}/{table}/month={month}")
}

/// The name of a month's file.
pub fn path_of_month(dataset: &str, table: &str, month: Month, digest: &Digest) -> String {
    format!("{}/part-{}.parquet", month_folder(dataset, table, month), digest.short())
}

/// The month that a file's path names: `…/month=2026-11/part-….parquet`.
pub fn month_of(path: &str) -> Option<Month> {
    path.split('/').rev().find_map(|part| part.strip_prefix("month=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_as_iceberg_and_paths_want_it() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!((month.to_string().as_str(), month.since_epoch()), ("2026-11", 682));
        assert_eq!(month.last_day(), "2026-11-30".parse().unwrap());
        assert_eq!(Month::of("2024-02-29".parse().unwrap()).last_day(), "2024-02-29".parse().unwrap());
        for wrong in ["2026-13", "2026-1", "2026-11-24", "26-11", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
        let path = path_of_month("bus", "t", month, &Digest::of(b"x"));
        assert_eq!(month_of(&path), Some(month));
        assert_eq!(month_of("data/bus/t/partition_date=2026-11-24/part-x.parquet"), None);
    }
}
