//! The rows of `decisions`: what people decided of a date, as public records tell it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::releases::{LIFT, ROLLBACK, ReleaseRow, WITHDRAWAL};
use crate::ledger::RunRecord;
use crate::time::ServiceDate;

/// A decision. The names are those of the columns, which the contract describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecisionRow {
    pub partition_date: ServiceDate,
    pub dataset: String,
    pub decision_id: String,
    pub table_name: Option<String>,
    pub kind: String,
    pub effect: String,
    pub role: String,
    pub decided_at: Option<Timestamp>,
    pub valid_until: Option<ServiceDate>,
    pub reason: String,
    pub rows: Option<u64>,
    pub target_sha256: Option<String>,
    pub source: Option<String>,
    pub version: Option<u64>,
    pub is_in_force: bool,
    pub record: String,
}

/// What a kind of decision does.
const EFFECTS: &[(&str, &str)] = &[
    ("release", "published"),
    ("discard", "dropped"),
    (ROLLBACK, "replaced"),
    (WITHDRAWAL, "removed"),
    (LIFT, "allowed"),
];

fn effect(kind: &str) -> String {
    EFFECTS.iter().find(|(of, _)| *of == kind).map_or("accepted", |(_, effect)| effect).to_owned()
}

/// The decisions that a run used, by its record. Of a target only what counts is told: of where a bucket or a key is, nothing.
pub(crate) fn of_record(record: &RunRecord, key: &str) -> Vec<DecisionRow> {
    let decided = record.decided.iter().map(|entry| {
        let text = |field: &str| entry.target.get(field).and_then(|value| value.as_str()).map(str::to_owned);
        DecisionRow {
            partition_date: record.date,
            dataset: record.dataset.clone(),
            decision_id: entry.id.clone(),
            table_name: text("table"),
            effect: effect(&entry.kind),
            kind: entry.kind.clone(),
            role: entry.by.clone(),
            decided_at: Some(entry.at),
            valid_until: entry.until,
            reason: entry.reason.clone(),
            rows: entry.target.get("rows").and_then(|value| value.as_u64()),
            target_sha256: text("sha256"),
            source: text("source"),
            version: None,
            is_in_force: true,
            record: key.to_owned(),
        }
    });
    decided.collect()
}

/// What people did to releases of a date, by the rows of its versions in their order.
pub(crate) fn of_acts(releases: &[ReleaseRow]) -> Vec<DecisionRow> {
    let mut rows = Vec::new();
    for (place, row) in releases.iter().enumerate() {
        let (Some(role), Some(reason), Some(record)) = (&row.role, &row.reason, &row.record) else { continue };
        let is_of_table = |other: &&ReleaseRow| other.is_of_table(&row.dataset, &row.table_name);
        let later = || releases[place + 1..].iter().filter(is_of_table);
        let is_in_force = match row.act.as_str() {
            ROLLBACK => row.is_current,
            WITHDRAWAL => !later().any(|other| other.act == LIFT),
            _ => !later().any(|other| other.act == WITHDRAWAL),
        };
        // Of a withdrawal the rows of what was current.
        let before = releases[..place].iter().rev().find(is_of_table);
        let withdrawn = before.and_then(|before| before.rows).filter(|_| row.act == WITHDRAWAL);
        let name = record.rsplit('/').next().unwrap_or_default();
        rows.push(DecisionRow {
            partition_date: row.partition_date,
            dataset: row.dataset.clone(),
            decision_id: name.chars().take(16).collect(),
            table_name: Some(row.table_name.clone()),
            kind: row.act.clone(),
            effect: effect(&row.act),
            role: role.clone(),
            decided_at: row.released_at,
            valid_until: None,
            reason: reason.clone(),
            rows: row.rows.or(withdrawn),
            target_sha256: None,
            source: None,
            version: Some(row.version),
            is_in_force,
            record: record.clone(),
        });
    }
    rows
}
