//! What the files of the quarantine hold, as the commands need it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use super::failure::Failure;
use super::partition::TableName;
use crate::cli::decisions::today;
use crate::cli::terminal::row_or_rows;
use crate::contract::RuleId;
use crate::decision;
use crate::quarantine::decisions::Decisions;
use crate::quarantine::{self, ID, RULES, RowId, Stage, texts};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

/// A file of the quarantine.
pub(super) struct Held {
    pub(super) dataset: String,
    pub(super) table: String,
    pub(super) date: ServiceDate,
    pub(super) path: PathBuf,
}

/// The files of the quarantine, in the order of their names.
pub(super) fn files(private: &Path, dataset: Option<&str>, date: Option<ServiceDate>) -> Vec<Held> {
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
pub(super) fn rules_of(rows: &RecordBatch, row: usize) -> Vec<RuleId> {
    let rules = texts(rows, RULES).map_or("", |rules| rules.value(row));
    rules.split(' ').map(|rule| RuleId(rule.to_owned())).collect()
}

pub(super) fn id_of(rows: &RecordBatch, row: usize) -> Option<RowId> {
    texts(rows, ID)?.value(row).parse().ok()
}

pub(super) fn decisions_of(
    workspace: &Workspace,
    dataset: &str,
    table: &str,
    date: ServiceDate,
) -> Result<Decisions, Failure> {
    let lines = decision::read_of(&decision::path_of_rows(&workspace.private, dataset, table), &workspace.people)?;
    Ok(Decisions::of(&lines, date, today(workspace)))
}

/// How many rows.
pub(super) fn rows(count: u64) -> String {
    format!("{count} {}", row_or_rows(count))
}

/// Rows of a table, and where in their batches they are.
pub(super) type Chosen = Vec<(RecordBatch, Vec<usize>)>;

/// The rows of a partition's table that fit.
pub(super) fn choose(
    workspace: &Workspace,
    name: &TableName,
    date: ServiceDate,
    fits: impl Fn(&RecordBatch, usize) -> bool,
) -> Result<Chosen, Failure> {
    let mut chosen = Vec::new();
    let folder = quarantine::partition(&workspace.private, &name.dataset, date);
    for stage in Stage::BOTH {
        for batch in quarantine::read(&folder.join(stage.file(&name.table)), None)?.into_iter().flatten() {
            let batch = batch?;
            let rows: Vec<usize> = (0..batch.num_rows()).filter(|&row| fits(&batch, row)).collect();
            if !rows.is_empty() {
                chosen.push((batch, rows));
            }
        }
    }
    if chosen.is_empty() {
        let known: BTreeSet<String> = files(&workspace.private, None, Some(date))
            .iter()
            .map(|held| format!("{}/{}", held.dataset, held.table))
            .collect();
        let remedy = if known.is_empty() {
            "Nothing is held back on that date: see 'fahrtenbuch quarantine list'.".to_owned()
        } else if known.contains(&name.to_string()) {
            "See what there is with 'fahrtenbuch quarantine list'.".to_owned()
        } else {
            suggestion(&name.to_string(), &known.iter().map(String::as_str).collect::<Vec<_>>())
        };
        return Err(Failure::Usage(format!("no such row of {name} of {date} is held back. {remedy}")));
    }
    Ok(chosen)
}
