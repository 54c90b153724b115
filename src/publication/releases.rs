//! The rows of `releases`: what each version of a table changed of a date.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::time::ServiceDate;

/// What a version changed of a date. The names are those of the columns, which the contract describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReleaseRow {
    pub partition_date: ServiceDate,
    pub dataset: String,
    pub table_name: String,
    pub version: u64,
    pub act: String,
    pub reasons: String,
    pub released_at: Option<Timestamp>,
    pub is_current: bool,
    pub is_provisional: Option<bool>,
    pub path: Option<String>,
    pub sha256: Option<Digest>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub rows_in: Option<u64>,
    pub rows_published: Option<u64>,
    pub rows_quarantined: Option<u64>,
    pub rows_held_back: Option<u64>,
    pub rows_dropped: Option<u64>,
    pub superseded_by: Option<u64>,
    pub withdrawn_by: Option<u64>,
    pub rolled_back_to: Option<u64>,
    pub role: Option<String>,
    pub reason: Option<String>,
    pub pipeline: Option<String>,
    pub program_version: Option<String>,
    pub record: Option<String>,
}

pub(crate) const LIFT: &str = "lift";
pub(crate) const ROLLBACK: &str = "rollback";
pub(crate) const WITHDRAWAL: &str = "withdrawal";

impl ReleaseRow {
    /// A version that took back what the date had, of which nothing else is known.
    pub(crate) fn new(partition_date: ServiceDate, (dataset, table): (&str, &str), version: u64) -> Self {
        Self {
            partition_date,
            dataset: dataset.to_owned(),
            table_name: table.to_owned(),
            version,
            act: "taken_back".to_owned(),
            reasons: String::new(),
            released_at: None,
            is_current: false,
            is_provisional: None,
            path: None,
            sha256: None,
            rows: None,
            bytes: None,
            rows_in: None,
            rows_published: None,
            rows_quarantined: None,
            rows_held_back: None,
            rows_dropped: None,
            superseded_by: None,
            withdrawn_by: None,
            rolled_back_to: None,
            role: None,
            reason: None,
            pipeline: None,
            program_version: None,
            record: None,
        }
    }

    /// Whether both are of one table.
    pub(crate) fn is_of_table(&self, dataset: &str, table: &str) -> bool {
        self.dataset == dataset && self.table_name == table
    }

    /// Whether the version has a file of the date, also if that was withdrawn since.
    fn has_file(&self) -> bool {
        self.sha256.is_some()
    }
}

/// Puts the rows of a date in order, and says of each what the later ones made of it. It depends on nothing but the rows, so that
/// rows that are added one by one and rows that are made anew are the same.
pub(crate) fn settle(rows: &mut [ReleaseRow]) {
    let key = |row: &ReleaseRow| (row.dataset.clone(), row.table_name.clone(), row.version);
    rows.sort_by_key(key);
    for place in 0..rows.len() {
        let (before, later) = rows.split_at_mut(place + 1);
        let Some(row) = before.last_mut() else { continue };
        let of_table = || later.iter().take_while(|other| other.is_of_table(&row.dataset, &row.table_name));
        let superseded = of_table().find(|other| other.act != LIFT).map(|other| other.version);
        let withdrawn = of_table().find(|other| other.act == WITHDRAWAL).map(|other| other.version);
        let has_file = row.has_file();
        row.superseded_by = superseded.filter(|_| has_file);
        row.withdrawn_by = withdrawn.filter(|_| has_file);
        row.is_current = has_file && superseded.is_none();
        if row.withdrawn_by.is_some() {
            row.path = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: u64, act: &str) -> ReleaseRow {
        let has_file = ["release", ROLLBACK].contains(&act);
        ReleaseRow {
            act: act.to_owned(),
            sha256: has_file.then(|| Digest::of(act.as_bytes())),
            path: has_file.then(|| format!("data/{version}")),
            ..ReleaseRow::new("2026-11-24".parse().unwrap(), ("bus", "stops"), version)
        }
    }

    #[test]
    fn a_row_says_what_the_later_ones_made_of_it_however_they_were_added() {
        let acts = ["release", "release", ROLLBACK, WITHDRAWAL, LIFT, "release"];
        let all: Vec<ReleaseRow> = acts.iter().zip(1..).map(|(act, version)| row(version, act)).collect();
        let mut one_by_one = Vec::new();
        for row in &all {
            one_by_one.push(row.clone());
            settle(&mut one_by_one);
        }
        let mut at_once: Vec<ReleaseRow> = all.into_iter().rev().collect();
        settle(&mut at_once);
        assert_eq!(one_by_one, at_once);
        let said = |row: &ReleaseRow| (row.superseded_by, row.withdrawn_by, row.is_current, row.path.is_some());
        let said: Vec<_> = at_once.iter().map(said).collect();
        let expected = [
            (Some(2), Some(4), false, false),
            (Some(3), Some(4), false, false),
            (Some(4), Some(4), false, false),
            (None, None, false, false),
            (None, None, false, false),
            (None, None, true, true),
        ];
        assert_eq!(said, expected);
    }
}
