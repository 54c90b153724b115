//! `fahrtenbuch quarantine list`

use std::collections::BTreeMap;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use serde_json::{Value, json};

use super::failure::Failure;
use super::held::{decisions_of, files, id_of, rows, rules_of};
use crate::cli::terminal::listing;
use crate::contract::RuleId;
use crate::pipeline::run::last_record::last_records;
use crate::quarantine::{self, ID, RULES};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine list
  fahrtenbuch quarantine list stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch quarantine list --rule vehicle_locations.primary_key --json

'decided' counts the rows that the next run releases from the rule, or discards.")]
pub(super) struct List {
    /// Only of this dataset
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    /// Only of this date
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Only what this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn list(workspace: &Workspace, arguments: &List) -> Result<(), Failure> {
    let mut counts: BTreeMap<(String, ServiceDate, String, RuleId), (u64, u64)> = BTreeMap::new();
    let mut all = 0_u64;
    for held in files(&workspace.private, arguments.dataset.as_deref(), arguments.date) {
        let decided = decisions_of(workspace, &held.dataset, &held.table, held.date)?;
        for rows in quarantine::read(&held.path, Some(&[ID, RULES]))?.into_iter().flatten() {
            let rows = rows?;
            for row in 0..rows.num_rows() {
                let mut rules = rules_of(&rows, row);
                rules.retain(|rule| arguments.rule.as_ref().is_none_or(|wanted| *wanted == rule.0));
                all += u64::from(!rules.is_empty());
                for rule in rules {
                    let is_decided = id_of(&rows, row).is_some_and(|id| decided.resolves(id, &rule));
                    let key = (held.dataset.clone(), held.date, held.table.clone(), rule);
                    let (rows, decided) = counts.entry(key).or_default();
                    *rows += 1;
                    *decided += u64::from(is_decided);
                }
            }
        }
    }
    lost(workspace, arguments);
    if arguments.json {
        let list = counts.iter().map(|((dataset, date, table, rule), (rows, decided))| {
            json!({"dataset": dataset, "date": date, "table": table, "rule": rule, "rows": rows, "decided": decided})
        });
        println!("{}", list.collect::<Value>());
        return Ok(());
    }
    if counts.is_empty() {
        println!("no row is held back");
        return Ok(());
    }
    let mut table = listing(["dataset", "date", "table", "rule", "rows", "decided"]);
    for ((dataset, date, name, rule), counts) in &counts {
        let texts = [dataset, &date.to_string(), name, &rule.0].map(Cell::new);
        let numbers = [counts.0, counts.1].map(|count| Cell::new(count).set_alignment(CellAlignment::Right));
        table.add_row(texts.into_iter().chain(numbers));
    }
    println!("{table}");
    println!("{} held back", rows(all));
    Ok(())
}

/// Tells of rows that the last records say are held back, and whose files are gone.
fn lost(workspace: &Workspace, arguments: &List) {
    let pipelines = workspace.pipelines.iter();
    for pipeline in pipelines.filter(|other| arguments.dataset.as_ref().is_none_or(|name| other.dataset == *name)) {
        for (date, record) in last_records(workspace, pipeline) {
            if arguments.date.is_some_and(|wanted| wanted != date) {
                continue;
            }
            for (table, count) in record.quarantine_gone(workspace, pipeline, date) {
                eprintln!(
                    "warning: the record of {} {date} says that {} of {table} {} held back, and their file is gone. Run the \
                     date again, which makes it again from the evidence.",
                    pipeline.name,
                    rows(count),
                    if count == 1 { "is" } else { "are" },
                );
            }
        }
    }
}
