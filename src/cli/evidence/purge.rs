//! `fahrtenbuch evidence purge`

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::decisions::who;
use crate::cli::exit::{Exit, usage};
use crate::cli::lost::take_lock;
use crate::cli::opened::clock_is_set;
use crate::cli::run::{failed, spans};
use crate::cli::terminal::count;
use crate::ledger::{PurgeDecision, PurgeRecord};
use crate::pipeline::run::purge::{Counts, Earlier, Plan, PurgeContext, latest_before, plan, purge};
use crate::pipeline::run::{RunError, open_bucket};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence purge --dry-run        tell what is due, and change nothing
  fahrtenbuch evidence purge                  destroy it: as a daily job
  fahrtenbuch evidence purge --before 2026-11-01 --by Datenmanagement \\
      --reason 'The contract with the operator ended'

Evidence, key and quarantine of a date are destroyed together, 13 months after it unless
'retention: evidence' in fahrtenbuch.yaml says otherwise. What was published stays. Each date of each
pipeline leaves a record in the bucket: what there was, by number and digest, and the rule or who
decided. Nothing brings a date back: it cannot be run again.

The hours of a date that the next one reads, too, go with that one. The timetable that is in force
on the first date that is kept stays. Folders that others keep are not touched. Links, and folders in
the place of archives, are left and told (exit code 4). Where many dates more are due than when
something was destroyed last, or all there are, the clock may be wrong: then --before must say what goes
(exit code 2). A purge that was killed is finished by the next one. --json gives what was destroyed, or
would be with --dry-run: 'dates' are the records of the bucket (fahrtenbuch-purge/1), 'finished' those
that a purge before had begun; 'evidence' tells files and bytes by source, 'left' what was left.
A mistake in a contract, or in how a source is asked, is no
hindrance; one in fahrtenbuch.yaml's 'retention', 'bucket' and stores, or in the names of sources, is.";

#[derive(Args)]
pub(super) struct Purge {
    /// Destroy all dates before this one, also those that are not due
    #[arg(long, value_name = "DATE")]
    before: Option<ServiceDate>,
    /// Tell what would be destroyed, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Who decides, with --before: one of 'people' in fahrtenbuch.yaml; the name is published in the record
    #[arg(long, value_name = "NAME", env = "FAHRTENBUCH_BY")]
    by: Option<String>,
    /// Why, with --before; published in the record, so name no person and no vehicle in it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write into the log of the schedule that it was tried, so that 'plan' knows of it: for other schedulers
    #[arg(long, conflicts_with_all = ["before", "dry_run"])]
    pub(super) attempt: bool,
}

pub(super) fn run(workspace: &Workspace, arguments: &Purge) -> Result<Exit, Exit> {
    clock_is_set()?;
    let earlier = earlier(workspace, arguments)?;
    let failed = |error: RunError| failed(&error, false, None);
    let mut lock = take_lock(workspace).map_err(failed)?;
    let bucket = open_bucket(workspace, &mut lock).map_err(failed)?;
    if arguments.dry_run {
        let plan = plan(workspace, &bucket, earlier.as_ref()).map_err(failed)?;
        match arguments.json {
            true => println!("{}", to_json(&plan, &[], true)),
            false => tell(&plan, "would be destroyed"),
        }
        return plan.doubt.as_ref().map_or(Ok(exit(&plan)), |doubt| Err(usage(doubt)));
    }
    let context = PurgeContext { workspace, bucket: &bucket, lock: &lock };
    let done = purge(&context, earlier.as_ref()).map_err(failed)?;
    if arguments.json {
        println!("{}", to_json(&done.plan, &done.finished, false));
        return Ok(exit(&done.plan));
    }
    if !done.finished.is_empty() {
        println!("finished what an earlier purge had begun:");
        tell_dates(&done.finished, None);
    }
    tell(&done.plan, "destroyed");
    Ok(exit(&done.plan))
}

/// Something that is due and was left has been found.
fn exit(plan: &Plan) -> Exit {
    if plan.left.is_empty() { Exit::Done } else { Exit::Found }
}

/// What is to be destroyed earlier than the rule says, which needs somebody who decides it, and a reason.
fn earlier(workspace: &Workspace, arguments: &Purge) -> Result<Option<Earlier>, Exit> {
    let Some(before) = arguments.before else {
        return match &arguments.reason {
            Some(_) => Err(usage(
                "--reason goes with --before: what is due is destroyed by the rule in fahrtenbuch.yaml. Leave it out, or say \
                 before which date all is to go.",
            )),
            None => Ok(None),
        };
    };
    let by = who(workspace, arguments.by.as_deref()).map_err(|message| usage(&message))?;
    let reason = arguments.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let Some(reason) = reason else {
        return Err(usage("an earlier destruction needs a reason. Write it after --reason."));
    };
    let latest = latest_before(workspace);
    if before > latest {
        let latest = format!("--before {latest}");
        return Err(usage(&format!(
            "--before {before} would destroy dates of which evidence may still come. The latest that is possible now is {latest}."
        )));
    }
    Ok(Some(Earlier { before, decided: PurgeDecision { by, reason: reason.to_owned() } }))
}

/// As README.md documents it under "Retention".
fn to_json(plan: &Plan, finished: &[PurgeRecord], is_dry_run: bool) -> Value {
    let captures = plan.captures.iter().map(
        |(pipeline, counts)| json!({"pipeline": pipeline, "destroyed": counts.destroyed, "waiting": counts.waiting}),
    );
    let evidence = plan
        .evidence
        .iter()
        .map(|(source, destroyed)| json!({"source": source, "files": destroyed.files, "bytes": destroyed.bytes}));
    let in_force = plan.in_force.iter().map(|(pipeline, at)| json!({"pipeline": pipeline, "captured_at": at}));
    json!({
        "dry_run": is_dry_run,
        "first_kept": plan.first_kept,
        "dates": plan.records,
        "finished": finished,
        "captures": captures.collect::<Value>(),
        "evidence": evidence.collect::<Value>(),
        "spools": plan.spools,
        "in_force": in_force.collect::<Value>(),
        "kept_by_others": plan.others,
        "problems": plan.problems,
        "left": plan.left.iter().map(|odd| json!({"path": odd.path, "what": odd.what})).collect::<Value>(),
    })
}

fn tell(plan: &Plan, verb: &str) {
    for problem in &plan.problems {
        eprintln!("warning: {problem}");
    }
    if plan.is_empty() {
        println!("nothing is due: what is of {} or later is kept", plan.first_kept);
    } else {
        println!("{verb}, of dates before {}:", plan.first_kept);
        tell_dates(&plan.records, Some(&plan.captures));
        for (source, destroyed) in &plan.evidence {
            let files = count(destroyed.files, "file", "files");
            println!("  evidence of {source}: {files}, {}", count(destroyed.bytes, "byte", "bytes"));
        }
        plan.spools.iter().for_each(|source| println!("  the spool of {source}"));
        for (pipeline, at) in &plan.in_force {
            println!("  {pipeline}: the timetable of {at} stays, since it is in force");
        }
    }
    for odd in &plan.left {
        eprintln!(
            "warning: {} is {} and was left: what it has or leads to is not destroyed. Destroy that, and remove it.",
            odd.path.display(),
            odd.what
        );
    }
    if !plan.others.is_empty() {
        let others: Vec<&str> = plan.others.iter().map(String::as_str).collect();
        println!("evidence that others keep is not touched: {}", others.join(", "));
    }
}

/// The dates of each pipeline, and how many captures, rows and keys they had; the captures of a purge that was killed are not
/// counted again.
fn tell_dates(records: &[PurgeRecord], captures: Option<&BTreeMap<Option<String>, Counts>>) {
    // Pipelines share the key of a date, which is told once.
    let mut keys_told: BTreeSet<ServiceDate> = BTreeSet::new();
    let mut by_pipeline: BTreeMap<Option<&str>, Vec<&PurgeRecord>> = BTreeMap::new();
    for record in records {
        by_pipeline.entry(record.pipeline.as_deref()).or_default().push(record);
    }
    for (pipeline, records) in by_pipeline {
        let dates: Vec<ServiceDate> = records.iter().map(|record| record.date).collect();
        let counts = captures.and_then(|captures| captures.get(&pipeline.map(str::to_owned)));
        let captures = counts.map_or_else(String::new, |counts| format!("{} captures, ", counts.destroyed));
        let rows: u64 = records.iter().flat_map(|record| record.quarantine.values()).sum();
        let with_key = records.iter().filter(|record| record.pseudonym_key.is_some());
        let keys = with_key.filter(|record| keys_told.insert(record.date)).count();
        let name = pipeline.unwrap_or("of no pipeline any more");
        let (keys, rows) = (count(keys as u64, "key", "keys"), count(rows, "row", "rows"));
        println!("  {name}: {} ({captures}{keys}, {rows} in quarantine)", spans(&dates));
        if let Some(waiting) = counts.map(|counts| counts.waiting).filter(|waiting| *waiting > 0) {
            let (waiting, wait) = (count(waiting, "capture", "captures"), if waiting == 1 { "waits" } else { "wait" });
            println!("    {waiting} {wait} for the next date, which reads them, too");
        }
    }
}
