//! `fahrtenbuch plan`

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::cli::collect::known;
use crate::cli::exit::Exit;
use crate::cli::opened::{clock_is_set, read_outline};
use crate::cli::run::failed;
use crate::pipeline::run::RunError;
use crate::schedule::due::{Due, Stop, due};
use crate::schedule::facts::{Facts, Outcome};
use crate::schedule::gather::Gatherer;
use crate::schedule::log::{self, Log};
use crate::schedule::words::local;
use crate::time;
use crate::workspace::outline::Needs;

/// Jobs that are listed of each kind.
const LISTED: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
Nothing is changed or asked but the bucket's indexes.

Examples:
  fahrtenbuch plan
  fahrtenbuch plan --json | jq '.due[].command'       for another scheduler; see docs/operations.md")]
pub(super) struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Write it as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    plan(root, arguments).unwrap_or_else(|exit| exit)
}

fn plan(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    known(root, &arguments.pipelines)?;
    let mut workspace = read_outline(root, Needs::Stores)?;
    let names = &arguments.pipelines;
    workspace.pipelines.retain(|pipeline| names.is_empty() || names.contains(&pipeline.name));
    let of_run = |error: RunError| failed(&error, arguments.json, None);
    let path = log::path(&workspace.private);
    let log = Log::read(&workspace.private).map_err(|error| of_run(RunError::private(&path, "read", &error)))?;
    let now = time::now();
    let facts = Gatherer::default().gather(&workspace, &log, &BTreeSet::new(), now).map_err(of_run)?;
    let due = due(&facts, now);
    if arguments.json {
        println!("{}", json(&due, &log, now));
    } else {
        show(&facts, &due, &log);
    }
    Ok(Exit::Done)
}

/// The plan as JSON: `due` in the order in which it would be begun.
fn json(due: &Due, log: &Log, now: Timestamp) -> serde_json::Value {
    let said = |key| log.tried(key).map(|tried| tried.said.clone());
    let now_due = due.now.iter().map(|job| {
        json!({
            "pipeline": job.key.pipeline,
            "date": job.key.date,
            "why": job.why.name(),
            "said": job.why.to_string(),
            "since": job.since,
            "command": job.key.attempt(),
        })
    });
    let next = due.later.iter().map(|later| {
        json!({
            "pipeline": later.key.pipeline,
            "date": later.key.date,
            "why": later.why.name(),
            "said": later.why.to_string(),
            "at": later.at,
        })
    });
    let stopped = due.stopped.iter().map(|stopped| {
        let why = match stopped.why {
            Stop::Ended(Outcome::HeldBack) => "held_back",
            Stop::Ended(Outcome::Usage) => "usage",
            Stop::Ended(_) => "failed",
            Stop::TooOld => "too_old",
            Stop::Missing => "missing",
            Stop::Lost => "lost",
            Stop::Schedule => "schedule",
        };
        json!({
            "pipeline": stopped.key.pipeline,
            "date": stopped.key.date,
            "why": why,
            "said": said(&stopped.key).filter(|said| !said.is_empty()).unwrap_or_else(|| stopped.why.to_string()),
            "since": stopped.since,
            "command": stopped.key.command(),
        })
    });
    json!({
        "now": now,
        "due": now_due.collect::<Vec<_>>(),
        "next": next.collect::<Vec<_>>(),
        "stopped": stopped.collect::<Vec<_>>(),
    })
}

fn show(facts: &Facts, due: &Due, log: &Log) {
    if facts.pipelines.is_empty() {
        println!(
            "No pipeline has a 'schedule'. Add one to its file in pipelines/:\n\n  schedule:\n    run: \"06:30\"\n"
        );
        return;
    }
    let zone = &facts.zone;
    match due.now.as_slice() {
        [] => println!("Nothing is due now."),
        jobs => {
            println!("Due now, in this order:");
            for job in jobs.iter().take(LISTED) {
                println!("  {}: {}, since {}", job.key, job.why, local(job.since, zone));
            }
            more(jobs.len());
        }
    }
    if !due.later.is_empty() {
        println!("Later:");
        for later in due.later.iter().take(LISTED) {
            println!("  {} at {}: {}", later.key, local(later.at, zone), later.why);
        }
        more(due.later.len());
    }
    if !due.stopped.is_empty() {
        println!("Waiting for you:");
        for stopped in due.stopped.iter().take(LISTED) {
            println!("  {}, since {}: {}", stopped.key, local(stopped.since, zone), stopped.why);
            if let Some(tried) = log.tried(&stopped.key).filter(|tried| !tried.said.is_empty()) {
                println!("    it said: {}", tried.said);
            }
            println!("    {}", stopped.key.command().join(" "));
        }
        more(due.stopped.len());
    }
    for (name, pipeline) in &facts.pipelines {
        let is_there = pipeline.dates.values().any(|date| date.evidence.is_some());
        if !is_there && !pipeline.asks {
            println!(
                "{name}: there is no evidence of the dates that may be run; 'fahrtenbuch collect' or 'up' keeps some"
            );
        }
    }
}

fn more(count: usize) {
    if count > LISTED {
        println!("  and {} more", count - LISTED);
    }
}
