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
    pub month: Option<String>,
    pub timetable_dataset: Option<String>,
    pub timetable_date: Option<ServiceDate>,
    pub timetable_sha256: Option<Digest>,
    pub rows_in: Option<u64>,
    pub rows_published: Option<u64>,
    pub rows_quarantined: Option<u64>,
    pub rows_held_back: Option<u64>,
    pub rows_dropped: Option<u64>,
    pub superseded_by: Option<u64>,
    pub withdrawn_by: Option<u64>,
    pub deleted_by: Option<String>,
    pub rolled_back_to: Option<u64>,
    pub role: Option<String>,
    pub reason: Option<String>,
    pub pipeline: Option<String>,
    pub program_version: Option<String>,
    pub record: Option<String>,
}

pub(crate) const COMPACTION: &str = "compaction";
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
            month: None,
            timetable_dataset: None,
            timetable_date: None,
            timetable_sha256: None,
            rows_in: None,
            rows_published: None,
            rows_quarantined: None,
            rows_held_back: None,
            rows_dropped: None,
            superseded_by: None,
            withdrawn_by: None,
            deleted_by: None,
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

/// What became of files of a table that no version of their date tells: a month is not in one file any more, or `gc` deleted a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    /// The date in whose rows the file is: of a month its last day.
    pub partition_date: ServiceDate,
    pub dataset: String,
    pub table_name: String,
    pub path: String,
    pub sha256: Digest,
    /// The newest version of rows that it is about.
    pub until: u64,
    pub what: FateKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FateKind {
    /// A version names the file of a month no more.
    Superseded(u64),
    /// A version withdrew a date that the file of a month had.
    Withdrawn(u64),
    /// `gc` deleted it, by this record.
    Deleted(String),
}

impl Fate {
    /// Tells it in the rows of its date, among which are those that it is about.
    pub(crate) fn apply(&self, rows: &mut [ReleaseRow]) {
        let is_it = |row: &&mut ReleaseRow| {
            // The same bytes may be below `data/`, too. What was deleted, came again and was deleted again has no path any more.
            let is_there = row.path.as_ref() == Some(&self.path) || row.path.is_none() && row.deleted_by.is_some();
            let is_of_table = row.is_of_table(&self.dataset, &self.table_name);
            is_of_table && is_there && row.sha256 == Some(self.sha256) && row.version <= self.until
        };
        for row in rows.iter_mut().filter(is_it) {
            match &self.what {
                FateKind::Superseded(version) if row.month.is_some() => {
                    row.superseded_by = row.superseded_by.or(Some(*version));
                }
                FateKind::Withdrawn(version) if row.month.is_some() => {
                    row.superseded_by = row.superseded_by.or(Some(*version));
                    row.withdrawn_by = row.withdrawn_by.or(Some(*version));
                }
                FateKind::Deleted(record) => row.deleted_by = Some(record.clone()),
                FateKind::Superseded(_) | FateKind::Withdrawn(_) => {}
            }
        }
    }
}

/// Puts the rows of a date in order, and says of each what the later ones made of it. It depends on nothing but the rows, so that
/// rows that are added one by one and rows that are made anew are the same. What became of the file of a month is no matter of one
/// date: a [`Fate`] tells it.
pub(crate) fn settle(rows: &mut [ReleaseRow]) {
    let key = |row: &ReleaseRow| (row.dataset.clone(), row.table_name.clone(), row.version);
    rows.sort_by_key(key);
    for place in 0..rows.len() {
        let (before, later) = rows.split_at_mut(place + 1);
        let Some(row) = before.last_mut() else { continue };
        if row.month.is_none() {
            let of_table = || later.iter().take_while(|other| other.is_of_table(&row.dataset, &row.table_name));
            let superseded = of_table().find(|other| ![LIFT, COMPACTION].contains(&other.act.as_str()));
            let superseded = superseded.map(|other| other.version);
            let withdrawn = of_table().find(|other| other.act == WITHDRAWAL).map(|other| other.version);
            let has_file = row.has_file();
            row.superseded_by = superseded.filter(|_| has_file);
            row.withdrawn_by = withdrawn.filter(|_| has_file);
            row.is_current = has_file && superseded.is_none();
        }
        if row.withdrawn_by.is_some() || row.deleted_by.is_some() {
            row.path = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: u64, act: &str) -> ReleaseRow {
        let has_file = ["release", ROLLBACK, COMPACTION].contains(&act);
        ReleaseRow {
            act: act.to_owned(),
            month: (act == COMPACTION).then(|| "2026-11".to_owned()),
            sha256: has_file.then(|| Digest::of(act.as_bytes())),
            path: has_file.then(|| format!("data/{version}")),
            ..ReleaseRow::new("2026-11-24".parse().unwrap(), ("bus", "stops"), version)
        }
    }

    #[test]
    fn a_row_says_what_the_later_ones_made_of_it_however_they_were_added() {
        let acts = ["release", "release", ROLLBACK, WITHDRAWAL, LIFT, "release", COMPACTION];
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
            // A month stands beside its days, and supersedes none of them.
            (None, None, false, true),
        ];
        assert_eq!(said, expected);
        let fate = |version: u64, what: FateKind| Fate {
            partition_date: "2026-11-24".parse().unwrap(),
            dataset: "bus".to_owned(),
            table_name: "stops".to_owned(),
            path: format!("data/{version}"),
            sha256: Digest::of(acts[version as usize - 1].as_bytes()),
            until: version,
            what,
        };
        fate(7, FateKind::Superseded(8)).apply(&mut at_once);
        fate(7, FateKind::Superseded(9)).apply(&mut at_once);
        // The same bytes were released again after they were deleted: those are there. What was withdrawn is not deleted again.
        at_once[1].path = Some("data/2".to_owned());
        fate(2, FateKind::Deleted("ledger/records/x.json".to_owned())).apply(&mut at_once);
        settle(&mut at_once);
        let of = |version: usize| &at_once[version - 1];
        assert_eq!((of(7).superseded_by, of(7).withdrawn_by, of(7).is_current), (Some(8), None, false));
        assert_eq!((of(2).deleted_by.is_some(), of(6).deleted_by.is_some(), of(6).is_current), (true, false, true));
    }
}
