//! `fahrtenbuch releases rollback`

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::acting::{Actor, Target, is_known, not_done, open, open_to_act};
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::clock_is_set;
use crate::cli::run::spans;
use crate::pipeline::run::releases::{
    ActContext, RollbackChange, RollbackPlan, RollbackRequest, plan_rollback, rollback,
};
use crate::time::ServiceDate;

/// Dates that are listed.
const SHOWN: usize = 40;

#[derive(Args)]
#[command(after_help = "\
It writes a new version of the table's index that names the files of the older one. Nothing is deleted or renumbered, and the
version that is current now can be gone back to in the same way. Dates that the older version does not have stay as they are.
Pages, the catalogue and the ledger follow. It is refused (exit code 42) where a file of the older version is gone or damaged, and
where a date of --date, or all dates of the version, were withdrawn; of several dates those that were withdrawn stay away.

A date that was rolled back is not released again with the inputs that its replaced release had; when its evidence, contracts,
mappings or decisions change, the next run releases it anew. 'fahrtenbuch plan' tells of it.")]
pub(super) struct Rollback {
    /// The table
    #[arg(value_name = "DATASET/TABLE")]
    target: Target,
    /// The version whose files are to be current again
    #[arg(long, value_name = "VERSION")]
    to: u64,
    /// Of these dates only; all that the version has if none is given
    #[arg(long = "date", value_name = "DATE")]
    dates: Vec<ServiceDate>,
    #[command(flatten)]
    actor: Actor,
    /// Tell what would change, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Rollback) -> Result<Exit, Exit> {
    clock_is_set()?;
    let Target { dataset, table: Some(table) } = &arguments.target else {
        return Err(usage("versions are those of a table. Write DATASET/TABLE."));
    };
    let (workspace, bucket) = open(root)?;
    is_known(&workspace, dataset)?;
    let who = arguments.actor.check(&workspace)?;
    let (dataset, table) = (dataset.clone(), table.clone());
    let request =
        RollbackRequest { dataset, table, to: arguments.to, dates: arguments.dates.iter().copied().collect() };
    let (plan, version) = if arguments.dry_run {
        (plan_rollback(&bucket, &request).map_err(|error| not_done(&error))?, None)
    } else {
        let (lock, bucket) = open_to_act(&workspace)?;
        let context = ActContext { workspace: &workspace, bucket: &bucket, lock: &lock };
        let (plan, index) = rollback(&context, &request, &who).map_err(|error| not_done(&error))?;
        (plan, index.map(|index| index.version))
    };
    match arguments.json {
        true => println!("{}", to_json(&plan, version, arguments.dry_run)),
        false => show(&plan, version, arguments.dry_run),
    }
    Ok(Exit::Done)
}

fn to_json(plan: &RollbackPlan, version: Option<u64>, is_dry_run: bool) -> Value {
    let changes = plan.changes.iter().map(|RollbackChange { date, from, to }| {
        json!({
            "date": date,
            "from": from.as_ref().map(|from| json!({"path": from.path, "rows": from.rows, "sha256": from.sha256})),
            "to": {"path": to.path, "rows": to.rows, "sha256": to.sha256},
        })
    });
    json!({
        "dry_run": is_dry_run,
        "to": plan.to,
        "newest_before": plan.version,
        "version": version,
        "changes": changes.collect::<Value>(),
        "unchanged": plan.unchanged,
        "newer": plan.newer,
        "withdrawn": plan.withdrawn,
    })
}

fn show(plan: &RollbackPlan, version: Option<u64>, is_dry_run: bool) {
    for RollbackChange { date, from, to } in plan.changes.iter().take(SHOWN) {
        let from = from.as_ref().map_or_else(|| "no file".to_owned(), |from| format!("{} rows", from.rows));
        println!("  {date}: {from} → {} rows, {}", to.rows, to.path);
    }
    if plan.changes.len() > SHOWN {
        println!("  and {} more dates, which --json names", plan.changes.len() - SHOWN);
    }
    for (dates, said) in [
        (&plan.unchanged, "have the files of this version already"),
        (&plan.newer, "are not in this version, and stay as they are"),
        (&plan.withdrawn, "were withdrawn, and stay away"),
    ] {
        if !dates.is_empty() {
            println!("  {}: {said}", spans(dates));
        }
    }
    match (version, is_dry_run, plan.changes.is_empty()) {
        (Some(version), ..) => println!("version {version} names the files of version {} again", plan.to),
        (None, _, true) => {
            let which = if plan.withdrawn.is_empty() { "" } else { "of the dates that were not withdrawn " };
            println!("nothing to do: {which}the files of version {} are current", plan.to);
        }
        (None, true, false) => {
            println!("version {} would name the files of version {} again", plan.version + 1, plan.to)
        }
        (None, false, false) => println!("nothing was changed"),
    }
}
