//! What the files of the quarantine hold, as the commands need it.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;

use super::failure::Failure;
use super::partition::TableName;
use crate::cli::decisions::today;
use crate::cli::terminal::row_or_rows;
use crate::decision;
use crate::quarantine::decisions::Decisions;
pub(super) use crate::quarantine::held::{files, id_of, rules_of};
use crate::quarantine::{self, Stage};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

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
