//! Which files the quarantine has, and the rows in them of which nobody has decided.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch};
use jiff::Timestamp;

use super::decisions::Decisions;
use super::{HELD_AT, ID, QuarantineError, RULES, RowId, Stage, read, texts};
use crate::contract::RuleId;
use crate::time::ServiceDate;

/// A file of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub dataset: String,
    pub table: String,
    pub date: ServiceDate,
    pub path: PathBuf,
}

/// Rows that a rule holds that nobody has decided about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Undecided {
    pub rows: u64,
    /// Since when the first of them was held by the run that wrote the file.
    pub since: Option<Timestamp>,
}

/// The files of the quarantine, in the order of their names.
pub(crate) fn files(private: &Path, dataset: Option<&str>, date: Option<ServiceDate>) -> Vec<Held> {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let mut files = Vec::new();
    let root = private.join("quarantine");
    for name in names(&root).into_iter().filter(|name| dataset.is_none_or(|dataset| dataset == name)) {
        for partition in names(&root.join(&name)) {
            let Some(day) = partition.strip_prefix("date=").and_then(|day| day.parse().ok()) else { continue };
            if date.is_some_and(|date| date != day) {
                continue;
            }
            for file in names(&root.join(&name).join(&partition)) {
                let Some((table, _)) = Stage::of_file(&file) else { continue };
                let path = root.join(&name).join(&partition).join(&file);
                files.push(Held { dataset: name.clone(), table: table.to_owned(), date: day, path });
            }
        }
    }
    files
}

/// The rules that hold a row.
pub(crate) fn rules_of(rows: &RecordBatch, row: usize) -> Vec<RuleId> {
    let rules = texts(rows, RULES).map_or("", |rules| rules.value(row));
    rules.split(' ').map(|rule| RuleId(rule.to_owned())).collect()
}

pub(crate) fn id_of(rows: &RecordBatch, row: usize) -> Option<RowId> {
    texts(rows, ID)?.value(row).parse().ok()
}

/// The rows of a file that the next run would hold again. A batch is held in memory at a time.
pub(crate) fn undecided(path: &Path, decisions: &Decisions) -> Result<Undecided, QuarantineError> {
    let mut undecided = Undecided::default();
    for rows in read(path, Some(&[ID, RULES, HELD_AT]))?.into_iter().flatten() {
        let rows = rows?;
        let held_at = rows.column_by_name(HELD_AT);
        let held_at = held_at.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
        for row in 0..rows.num_rows() {
            let id = id_of(&rows, row);
            let is_decided = |rule: &RuleId| id.is_some_and(|id| decisions.resolves(id, rule));
            if rules_of(&rows, row).iter().all(is_decided) {
                continue;
            }
            undecided.rows += 1;
            let at = held_at.filter(|column| column.is_valid(row)).map(|column| column.value(row));
            let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            undecided.since = undecided.since.into_iter().chain(at).min();
        }
    }
    Ok(undecided)
}
