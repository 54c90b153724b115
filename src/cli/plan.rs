//! `fahrtenbuch plan`

mod acts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::acts::{LISTED, PlannedAct, more};

use crate::cli::collect::known;
use crate::cli::exit::{Exit, exit_of};
use crate::cli::lost::store_is_not_lost;
use crate::cli::opened::{clock_is_set, read_outline, renamed, stale_catalogue};
use crate::cli::run::failed;
use crate::pipeline::run::RunError;
use crate::schedule::due::{Due, Stop, Stopped, Why, chore_at, due};
use crate::schedule::facts::{Facts, Outcome, Trouble};
use crate::schedule::gather::{Candidate, Gatherer};
use crate::schedule::log::{self, Log, Tried};
use crate::schedule::said::{HeldBy, ways_out};
use crate::schedule::words::local;
use crate::time;
use crate::workspace::Workspace;
use crate::workspace::outline::Needs;

/// Why a daily job that is no run is due.
const DAILY: &str = "a daily job";
/// Of dates, without the bucket.
const NOT_KNOWN: &str = "not known whether it is released";

#[derive(clap::Args)]
#[command(after_help = "\
Nothing is changed or asked but the bucket's indexes.

JSON: due (pipeline, or chore: a daily job that is no run; date, why, said, since, command), next (pipeline or chore, date, why, said, at),
stopped (pipeline, date, why, said, rules that held it back, since, command), acts (pipeline, dataset, date, kind, tables, said, since, by,
reason; kind withdrawn, lifted or rolled_back: what people decided of releases; withdrawal_begun or compaction_begun, of no pipeline: what is
not at its end, by the notes of this machine, tables empty if all; pipelines need no schedule for that), troubles (pipeline, said, exit: nobody
can tell what of it is due, as with a damaged index in the bucket; without a pipeline of none, as without the bucket), candidates (pipeline, date, said, at: without the bucket
the dates that have evidence and that the schedule has run if they are not released, which is not known; else none), clock (null; newest,
said: the clock is behind a time that was written down, and nothing is due until it is set), notes (a catalogue for SQL engines that has to be
written anew; a dataset without a pipeline; files of months that are gone; what nothing is planned of, as it has no schedule). Each command of 'due' writes down that it was
tried, so that it is not due any more.

Exit codes: 0, also if there are troubles; 1 if the bucket is gone or does not answer (what is known without it is told: daily jobs, what
is asked of sources, and the dates that may be due; none is then), 2 if the configuration is wrong, 42 if the private store is lost.

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
    store_is_not_lost(root)?;
    let renamed = renamed(&workspace);
    let names = &arguments.pipelines;
    workspace.pipelines.retain(|pipeline| names.is_empty() || names.contains(&pipeline.name));
    let of_run = |error: RunError| failed(&error, arguments.json, None);
    let path = log::path(&workspace.private);
    let log = Log::read(&workspace.private).map_err(|error| of_run(RunError::private(&path, "read", &error)))?;
    let now = time::now();
    let (mut gatherer, running) = (Gatherer::default(), BTreeSet::new());
    // Without the bucket all else is told, and the end is that of the error.
    let (facts, others, half_done, unread, candidates) = match gatherer.gather(&workspace, &log, &running, now) {
        Ok(mut facts) => {
            let (others, troubles) = gatherer.unscheduled_acts(&workspace, &log).map_err(of_run)?;
            facts.troubles.extend(troubles);
            (facts, others, acts::half_done(&workspace).map_err(of_run)?, None, Vec::new())
        }
        Err(RunError::Publish(error)) => {
            let without = gatherer.gather_without_bucket((&workspace, &log), &running, &error, now);
            let (facts, candidates) = without.map_err(of_run)?;
            (facts, BTreeMap::new(), Vec::new(), Some(RunError::Publish(error)), candidates)
        }
        Err(error) => return Err(of_run(error)),
    };
    let decided = acts::decided(&workspace, &facts, &others);
    let due = due(&facts, now);
    let stale = stale_catalogue(&workspace).map(|stale| stale.to_string());
    // Days whose files are gone are due, or wait for somebody; nothing else tells of months.
    let months = facts.missing.iter().filter(|(_, missing)| !missing.months.is_empty());
    let months = months.map(|(dataset, missing)| missing.said(dataset));
    let notes = stale.into_iter().chain(renamed).chain(months).chain(acts::not_planned(&workspace));
    let notes: Vec<String> = notes.collect();
    let plan = Plan { workspace: &workspace, facts: &facts, due: &due, log: &log, half_done, decided, candidates, now };
    if arguments.json {
        let mut json = plan.json();
        json["notes"] = notes.into();
        println!("{json}");
    } else {
        plan.show();
        notes.iter().for_each(|note| println!("note: {note}"));
    }
    unread.map_or(Ok(Exit::Done), |error| Err(of_run(error)))
}

/// What is planned, and what it is told from.
struct Plan<'a> {
    workspace: &'a Workspace,
    facts: &'a Facts,
    due: &'a Due,
    log: &'a Log,
    /// Acts that were begun and are not at their end.
    half_done: Vec<PlannedAct>,
    /// What people decided of releases.
    decided: Vec<PlannedAct>,
    /// Dates that may be due, where the bucket that would tell does not answer.
    candidates: Vec<Candidate>,
    now: Timestamp,
}

impl Plan<'_> {
    /// As JSON: `due` in the order in which it would be begun.
    fn json(&self) -> Value {
        let Self { due, log, now, .. } = *self;
        let runs = due.now.iter().map(|job| {
            json!({
                "pipeline": job.key.pipeline,
                "chore": null,
                "date": job.key.date,
                "why": job.why.name(),
                "said": job.why.to_string(),
                "since": job.since,
                "command": job.key.attempt(),
            })
        });
        let later = due.later.iter().map(|later| {
            json!({
                "pipeline": later.key.pipeline,
                "chore": null,
                "date": later.key.date,
                "why": later.why.name(),
                "said": later.why.to_string(),
                "at": later.at,
            })
        });
        let stopped = due.stopped.iter().map(|stopped| {
            let tried = log.tried(&stopped.key).filter(|tried| !tried.said.is_empty());
            let is_held_back = stopped.why == Stop::Ended(Outcome::HeldBack);
            json!({
                "pipeline": stopped.key.pipeline,
                "date": stopped.key.date,
                "why": word(stopped.why),
                "said": tried.map_or_else(|| stopped.why.to_string(), |tried| tried.said.en.clone()),
                "rules": tried.filter(|_| is_held_back).map_or_else(Vec::new, rules),
                "since": stopped.since,
                "command": self.looking(stopped),
            })
        });
        let troubles = self.facts.troubles.iter().map(|trouble| {
            json!({
                "pipeline": (!trouble.pipeline.is_empty()).then_some(&trouble.pipeline),
                "said": trouble.said,
                "exit": exit_of(trouble.outcome).code(),
            })
        });
        let candidates = self.candidates.iter().map(
            |Candidate { key, at }| json!({"pipeline": key.pipeline, "date": key.date, "said": NOT_KNOWN, "at": at}),
        );
        let acts = self.half_done.iter().chain(&self.decided).map(PlannedAct::json);
        json!({
            "now": now,
            "due": runs.chain(self.chores_due()).collect::<Vec<_>>(),
            "next": later.chain(self.chores_later()).collect::<Vec<_>>(),
            "stopped": stopped.collect::<Vec<_>>(),
            "candidates": candidates.collect::<Vec<_>>(),
            "troubles": troubles.collect::<Vec<_>>(),
            "clock": self.facts.clock.as_ref().map(|behind| json!({"newest": behind.newest, "said": behind.to_string()})),
            "acts": acts.collect::<Vec<_>>(),
        })
    }

    /// The daily jobs that are due, behind the runs; whoever schedules may do them beside each other.
    fn chores_due(&self) -> impl Iterator<Item = Value> {
        let chores = self.workspace.chores.iter().filter(|chore| self.due.chores.iter().any(|due| due == chore.name));
        chores.map(|chore| {
            let command = ["fahrtenbuch"].into_iter().chain(chore.arguments.iter().map(String::as_str));
            json!({
                "pipeline": null,
                "chore": chore.name,
                "date": null,
                "why": "daily",
                "said": DAILY,
                "since": self.facts.chores.get(chore.name).and_then(|of| chore_at(self.facts, of, self.now)),
                "command": command.chain(["--attempt"]).collect::<Vec<_>>(),
            })
        })
    }

    fn chores_later(&self) -> impl Iterator<Item = Value> {
        let later = self.facts.chores.iter().filter(|(name, _)| !self.due.chores.contains(name));
        later.filter_map(|(name, chore)| {
            let at = chore_at(self.facts, chore, self.now)?;
            Some(json!({"pipeline": null, "chore": name, "date": null, "why": "daily", "said": DAILY, "at": at}))
        })
    }

    /// The command by which somebody sees what a date waits for.
    fn looking(&self, stopped: &Stopped) -> Vec<String> {
        let of_name = self.workspace.pipelines.iter().find(|pipeline| pipeline.name == stopped.key.pipeline);
        stopped.command(of_name.map_or(&stopped.key.pipeline, |pipeline| &pipeline.dataset))
    }

    fn show(&self) {
        let Self { facts, .. } = *self;
        if facts.pipelines.is_empty() {
            println!(
                "No pipeline has a 'schedule'. Add one to its file in pipelines/:\n\n  schedule:\n    run: \"06:30\"\n"
            );
        }
        if let Some(behind) = &facts.clock {
            println!("{behind}.\n");
        }
        for trouble in &facts.troubles {
            if trouble.pipeline.is_empty() {
                println!("Which dates are due is not known without the bucket, of no pipeline:\n  {}\n", trouble.said);
                continue;
            }
            println!("{}: what is due of it cannot be worked out:\n  {}", trouble.pipeline, trouble.said);
        }
        if facts.pipelines.is_empty() && facts.chores.is_empty() {
            return self.show_acts();
        }
        self.show_candidates();
        self.show_due();
        self.show_later();
        self.show_stopped();
        self.show_acts();
        if facts.clock.is_some() {
            return;
        }
        for (name, pipeline) in &facts.pipelines {
            let is_there = pipeline.dates.values().any(|date| date.evidence.is_some());
            let is_of = |trouble: &Trouble| trouble.pipeline.is_empty() || trouble.pipeline == *name;
            let is_known = !facts.troubles.iter().any(is_of);
            if !is_there && !pipeline.asks && is_known {
                println!(
                    "{name}: there is no evidence of the dates that may be run; 'fahrtenbuch collect' or 'up' keeps some"
                );
            }
        }
    }

    fn show_candidates(&self) {
        if self.candidates.is_empty() {
            return;
        }
        println!("These dates have evidence, and the schedule has them run if they are not released:");
        for Candidate { key, at } in self.candidates.iter().take(LISTED) {
            let verb = if *at <= self.now { "was" } else { "is" };
            println!("  {key}: {NOT_KNOWN}; its time by the schedule {verb} {}", local(*at, &self.facts.zone));
        }
        more(self.candidates.len());
        println!();
    }

    fn show_due(&self) {
        let Self { due, facts, .. } = *self;
        if due.now.is_empty() && due.chores.is_empty() {
            let is_known = facts.troubles.iter().all(|trouble| !trouble.pipeline.is_empty());
            return println!("{}", if is_known { "Nothing is due now." } else { "Nothing else is due now." });
        }
        println!("Due now, in this order:");
        for job in due.now.iter().take(LISTED) {
            let since = local(job.since, &facts.zone);
            match job.why {
                // Nobody knows since when nobody asks: it is the time of the schedule that has passed.
                Why::Asking => println!("  {}: {} (its schedule's time was {since})", job.key, job.why),
                why => println!("  {}: {why}, since {since}", job.key),
            }
        }
        more(due.now.len());
        due.chores.iter().for_each(|name| println!("  {name}: {DAILY}"));
    }

    fn show_later(&self) {
        let Self { due, facts, .. } = *self;
        if due.later.is_empty() && due.next_chore.is_none() {
            return;
        }
        println!("Later:");
        for later in due.later.iter().take(LISTED) {
            println!("  {} at {}: {}", later.key, local(later.at, &facts.zone), later.why);
        }
        more(due.later.len());
        if let Some((at, name)) = &due.next_chore {
            println!("  {name} at {}: {DAILY}", local(*at, &facts.zone));
        }
    }

    fn show_acts(&self) {
        acts::show("Begun, and not at its end:", &self.half_done, &self.facts.zone);
        acts::show("By somebody's decision:", &self.decided, &self.facts.zone);
    }

    fn show_stopped(&self) {
        let Self { due, facts, log, .. } = *self;
        if due.stopped.is_empty() {
            return;
        }
        println!("Waiting for you:");
        for stopped in due.stopped.iter().take(LISTED) {
            println!("  {}, since {}: {}", stopped.key, local(stopped.since, &facts.zone), stopped.why);
            if let Some(tried) = log.tried(&stopped.key).filter(|tried| !tried.said.is_empty()) {
                println!("    it said: {}", tried.said);
            }
            println!("    {}", self.looking(stopped).join(" "));
            if stopped.why == Stop::Ended(Outcome::HeldBack) {
                let by = log.tried(&stopped.key).map_or(&[][..], |tried| &tried.held_by);
                println!("    then: {}", ways_out(by).en);
            }
        }
        more(due.stopped.len());
    }
}

fn word(why: Stop) -> &'static str {
    match why {
        Stop::Ended(Outcome::HeldBack) => "held_back",
        Stop::Ended(Outcome::Usage) => "usage",
        Stop::Ended(_) => "failed",
        Stop::TooOld => "too_old",
        Stop::Missing => "missing",
        Stop::Lost => "lost",
        Stop::Schedule => "schedule",
    }
}

/// The rules that held a date back.
fn rules(tried: &Tried) -> Vec<Value> {
    let rule = |by: &HeldBy| json!({"rule": by.rule, "rows": by.rows, "could_not_run": by.is_error});
    tried.held_by.iter().map(rule).collect()
}
