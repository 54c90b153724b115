//! `fahrtenbuch withdraw`

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::acting::{Actor, Target, is_known, not_done, open, open_to_act, open_to_withdraw};
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::clock_is_set;
use crate::cli::run::spans;
use crate::cli::terminal::count;
use crate::pipeline::run::releases::{
    ActBy, ActContext, OfDate, WithdrawPlan, WithdrawRequest, Withdrawal, lift, plan_withdrawal, withdraw,
};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Days of a span that is no slip of the pen.
const MOST_DAYS: i32 = 50 * 366;
/// Objects that are listed.
const SHOWN: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
For an incident: personal data was published, or what must not be. The dates leave the index, the catalogue and the pages, then the
bytes of ALL their releases are deleted, below data/ and revised/. What stays is a tombstone: when, by whom, why, and the digests, by
which copies elsewhere are known. Nothing brings the bytes back. docs/withdrawal.md says every step in its order, also those that
no program can do: caches, harvesters, people who downloaded.

With any table of a date the quality results of the whole dataset go: its report, and its rows of publication/rule_results in all
versions, since what one table must not tell may stand in the findings of another.

A withdrawn date is not run again until --lift says that it may be; then the next run releases it anew. Mend what made the data
wrong before that. Killed at any moment it is finished by the same command, and by the next 'run' or other command that writes.

Exit codes: 0 done, also if all of it was done before; 1 if a run is at work on a date, or the bucket does not answer: try again; 2
if nothing of it was ever released.

Examples:
  fahrtenbuch withdraw stadtbus-telemetrie --date 2026-11-24 --dry-run --by Datenmanagement --reason 'Plates in vehicle labels'
  fahrtenbuch withdraw stadtbus-telemetrie/vehicle_locations --since 2026-11-01 --until 2026-11-24 --by Datenmanagement --reason '…'
  fahrtenbuch withdraw stadtbus-telemetrie/vehicle_locations --release 42 --by Datenmanagement --reason '…'
  fahrtenbuch withdraw --lift stadtbus-telemetrie --date 2026-11-24 --by Datenmanagement --reason 'Labels are private now'")]
pub(super) struct Arguments {
    /// The dataset, or one of its tables
    #[arg(value_name = "DATASET[/TABLE]")]
    target: Target,
    /// The dates
    #[arg(long = "date", value_name = "DATE", required_unless_present_any = ["release", "since"])]
    dates: Vec<ServiceDate>,
    /// All dates from this one on, with --until
    #[arg(long, value_name = "DATE", requires = "until")]
    since: Option<ServiceDate>,
    /// The last of these dates
    #[arg(long, value_name = "DATE", requires = "since")]
    until: Option<ServiceDate>,
    /// The dates that this version of the table released: all of their releases go
    #[arg(long, value_name = "VERSION", conflicts_with = "lift")]
    release: Option<u64>,
    /// Let the dates be released again; what was deleted stays deleted
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    actor: Actor,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.dry_run
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    ended(root, arguments).unwrap_or_else(|exit| exit)
}

fn ended(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let (workspace, bucket) = open(root)?;
    let Target { dataset, table } = arguments.target.clone();
    is_known(&workspace, &dataset)?;
    if arguments.release.is_some() && table.is_none() {
        return Err(usage("--release is a version of a table. Write DATASET/TABLE."));
    }
    let who = arguments.actor.check(&workspace)?;
    let mut dates: BTreeSet<ServiceDate> = arguments.dates.iter().copied().collect();
    if let (Some(since), Some(until)) = (arguments.since, arguments.until) {
        if since > until {
            return Err(usage("--since is after --until. Turn them around."));
        }
        let days = until.days_since_epoch() - since.days_since_epoch();
        if days > MOST_DAYS {
            return Err(usage(
                "--since and --until are more than fifty years apart. Name the years that were published.",
            ));
        }
        dates.extend((0..=days).map(|day| since.plus_days(day)));
    }
    let request = WithdrawRequest { dataset, table, dates, release: arguments.release };
    if arguments.lift {
        return lifted(&workspace, arguments, &request, &who);
    }
    let (plan, deleted) = if arguments.dry_run {
        (plan_withdrawal(&bucket, &request).map_err(|error| not_done(&error))?, None)
    } else {
        let (lock, bucket) = open_to_withdraw(&workspace)?;
        let context = ActContext { workspace: &workspace, bucket: &bucket, lock: &lock };
        let (plan, deleted) = withdraw(&context, &request, &who).map_err(|error| not_done(&error))?;
        (plan, Some(deleted))
    };
    match arguments.json {
        true => println!("{}", to_json(&request, &plan, deleted)),
        false => show(&request, &plan, deleted),
    }
    Ok(Exit::Done)
}

fn lifted(workspace: &Workspace, arguments: &Arguments, request: &WithdrawRequest, who: &ActBy) -> Result<Exit, Exit> {
    let (lock, bucket) = open_to_act(workspace)?;
    let context = ActContext { workspace, bucket: &bucket, lock: &lock };
    let lifted = lift(&context, request, who, arguments.dry_run).map_err(|error| not_done(&error))?;
    if arguments.json {
        println!("{}", json!({"dry_run": arguments.dry_run, "dataset": request.dataset, "lifted": lifted}));
        return Ok(Exit::Done);
    }
    let may = if arguments.dry_run { "could be released again" } else { "may be released again, by the next run" };
    for (table, dates) in &lifted {
        let dates: Vec<ServiceDate> = dates.iter().copied().collect();
        println!("{}/{table} {}: {may}", request.dataset, spans(&dates));
    }
    if lifted.is_empty() {
        println!("nothing to do: these dates may be released again already");
    }
    Ok(Exit::Done)
}

fn to_json(request: &WithdrawRequest, plan: &WithdrawPlan, deleted: Option<usize>) -> Value {
    let tables = plan.tables.iter().map(|Withdrawal { table, version, dates }| {
        let dates = dates.iter().map(|(date, OfDate { from, is_current, files })| {
            json!({"date": date, "from": from, "current": is_current, "files": files})
        });
        json!({"table": table, "newest_before": version, "dates": dates.collect::<Value>()})
    });
    json!({
        "dry_run": deleted.is_none(),
        "dataset": request.dataset,
        "dates": plan.dates,
        "tables": tables.collect::<Value>(),
        "objects": plan.bytes,
        "deleted": deleted,
    })
}

fn show(request: &WithdrawRequest, plan: &WithdrawPlan, deleted: Option<usize>) {
    let would = if deleted.is_none() { "would leave" } else { "left" };
    for Withdrawal { table, dates, .. } in &plan.tables {
        for (date, of) in dates {
            let files = count(of.files.len() as u64, "file", "files");
            println!("{}/{table} {date} {would} the public: {files} of versions from {} on", request.dataset, of.from);
        }
    }
    match deleted {
        None => {
            plan.bytes.iter().take(SHOWN).for_each(|name| println!("  would be deleted: {name}"));
            if plan.bytes.len() > SHOWN {
                println!("  and {} more objects, which --json names", plan.bytes.len() - SHOWN);
            }
        }
        Some(deleted) => {
            println!("{} deleted", count(deleted as u64, "object was", "objects were"));
            println!(
                "What caches, harvesters and people have of it no program deletes: docs/withdrawal.md says what to do now."
            );
        }
    }
    if plan.tables.is_empty() && plan.bytes.is_empty() {
        println!("nothing to do: all of it was withdrawn before");
    }
}
