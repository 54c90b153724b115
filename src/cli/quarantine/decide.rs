//! `fahrtenbuch quarantine release` and `discard`

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use clap::Args;

use super::failure::Failure;
use super::held::{choose, id_of, rows, rules_of};
use super::partition::Partition;
use crate::cli::decisions::Decider;
use crate::cli::lost::take_lock;
use crate::decision::{self, About, Row, Rows};
use crate::quarantine::RowId;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

#[derive(Args)]
pub(super) struct Decide {
    #[command(flatten)]
    of: Partition,
    /// The rows that this rule holds
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// These rows, by the ids that 'show' tells
    #[arg(long, value_name = "ROW", num_args = 1..)]
    row: Vec<RowId>,
    /// All rows of the partition
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    decider: Decider,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Release,
    Discard,
}

pub(super) fn decide(workspace: &Workspace, arguments: &Decide, action: Action) -> Result<(), Failure> {
    let name = &arguments.of.table;
    let decided = arguments.decider.check(workspace).map_err(Failure::Usage)?;
    let pipeline = workspace.pipelines.iter().find(|pipeline| pipeline.dataset == name.dataset);
    let Some(pipeline) = pipeline else {
        let known: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
        let message =
            format!("no pipeline makes the dataset '{}'. {}", name.dataset, suggestion(&name.dataset, &known));
        return Err(Failure::Usage(message));
    };
    let fits = |batch: &RecordBatch, row: usize| match &arguments.rule {
        Some(rule) => rules_of(batch, row).iter().any(|other| other.0 == *rule),
        None => arguments.all || id_of(batch, row).is_some_and(|id| arguments.row.contains(&id)),
    };
    // A run that is at work has read the decisions already, and will change the quarantine.
    let lock = take_lock(workspace).map_err(Failure::Run)?;
    let _mine = lock.partition(&pipeline.name, arguments.of.date).map_err(Failure::Run)?;
    let chosen = choose(workspace, name, arguments.of.date, fits)?;
    let mut made: BTreeMap<RowId, Row> = BTreeMap::new();
    let (mut count, mut still_held) = (0, 0);
    for (batch, row) in chosen.iter().flat_map(|(batch, rows)| rows.iter().map(move |&row| (batch, row))) {
        let Some(id) = id_of(batch, row) else { continue };
        let mut rules = rules_of(batch, row);
        count += 1;
        if let (Action::Release, Some(wanted)) = (action, &arguments.rule) {
            let before = rules.len();
            rules.retain(|rule| rule.0 == *wanted);
            still_held += u64::from(rules.len() < before);
        }
        made.insert(id, Row { row: id, rules });
    }
    if let Some(row) = arguments.row.iter().find(|row| !made.contains_key(row)) {
        let message = format!("no row {row} of {name} of {} is held back. 'show' tells the ids.", arguments.of.date);
        return Err(Failure::Usage(message));
    }
    let target = Rows {
        dataset: name.dataset.clone(),
        table: name.table.clone(),
        date: arguments.of.date,
        rows: made.into_values().collect(),
    };
    let about = match action {
        Action::Release => About::Release(target),
        Action::Discard => About::Discard(target),
    };
    let path = decision::path_of_rows(&workspace.private, &name.dataset, &name.table);
    decision::append(&path, &[decided.about(about)])?;
    let what = if action == Action::Release { "released" } else { "discarded" };
    let verb = if count == 1 { "is" } else { "are" };
    println!("{} of {name} of {} {verb} to be {what}.", rows(count), arguments.of.date);
    if still_held > 0 {
        println!("{} of them held by other rules, too, and will stay in quarantine.", rows(still_held));
    }
    let root =
        if workspace.root == Path::new(".") { String::new() } else { format!(" -C {}", workspace.root.display()) };
    println!(
        "It takes effect with the next run:\n  fahrtenbuch{root} run {} --date {}",
        pipeline.name, arguments.of.date
    );
    Ok(())
}
