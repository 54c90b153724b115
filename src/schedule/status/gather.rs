//! Makes the status.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::capture::collector;
use crate::pipeline::run::RunError;
use crate::schedule::facts::JobKey;
use crate::schedule::log::{self, Log};
use crate::schedule::status::beats::{Beats, Effort};
use crate::schedule::status::data::{ChoreStatus, DueJob, Inputs, NextChore, NextJob, Running, Status};
use crate::schedule::status::runs::Runs;
use crate::schedule::status::undecided::Counter;
use crate::schedule::status::{disk, needs};
use crate::time::{ServiceDate, first_local_instant};
use crate::workspace::Workspace;

/// Days that are shown, with today.
const DAYS: i32 = 7;

/// Makes the status, and remembers what need not be read twice.
#[derive(Default)]
pub struct Gatherer {
    beats: Beats,
    undecided: Counter,
}

/// The jobs that are at work by the log, if a scheduler is: for who does not run them.
pub fn running(workspace: &Workspace, log: &Log) -> BTreeSet<JobKey> {
    if log::work(&workspace.private) != Some(true) {
        return BTreeSet::new();
    }
    let at_work = log.all().filter(|(_, tried)| tried.attempt.ended.is_none());
    at_work.map(|(key, _)| key.clone()).collect()
}

impl Gatherer {
    /// The status as it is now.
    ///
    /// # Errors
    /// Folders of the evidence cannot be listed.
    pub fn gather(&mut self, inputs: &Inputs<'_>, effort: Effort) -> Result<Status, RunError> {
        let Inputs { workspace, facts, due, log, now, .. } = *inputs;
        let today = ServiceDate::local_date_of(now, &workspace.zone);
        let midnight = first_local_instant(today.plus_days(1 - DAYS).0.at(0, 0, 0, 0), &workspace.zone);
        let begin = midnight.unwrap_or_else(|| now.saturating_sub(SignedDuration::from_hours(144)).unwrap_or(now));
        let span = begin..now;
        let runs = Runs::new(facts, due, log, now);
        let since = |key: &JobKey| log.tried(key).map_or(now, |tried| tried.attempt.begun);
        let mut status = Status {
            now,
            zone: workspace.zone.clone(),
            title: workspace.site.title.clone(),
            collector: collector::work(&workspace.private),
            scheduler: log::work(&workspace.private),
            needs: Vec::new(),
            running: facts.running.iter().map(|key| Running { key: key.clone(), since: since(key) }).collect(),
            due: due
                .now
                .iter()
                .map(|job| DueJob {
                    key: job.key.clone(),
                    since: job.since,
                    why: job.why.name(),
                    said: job.why.to_string(),
                })
                .collect(),
            next: due
                .later
                .iter()
                .map(|later| NextJob {
                    key: later.key.clone(),
                    at: later.at,
                    why: later.why.name(),
                    said: later.why.to_string(),
                })
                .collect(),
            due_chores: due.chores.clone(),
            next_chore: due.next_chore.clone().map(|(at, name)| NextChore { name, at }),
            pipelines: workspace.pipelines.iter().map(|pipeline| runs.of(&pipeline.name)).collect(),
            sources: self.beats.week(workspace, &span, effort)?,
            chores: log
                .chores
                .iter()
                .map(|(name, done)| ChoreStatus {
                    name: name.clone(),
                    at: done.at,
                    outcome: done.chore.outcome,
                    failures: done.failures,
                    good: done.good,
                    said: done.chore.said.clone(),
                })
                .collect(),
            undecided: self.undecided.count(workspace, today),
            disk: disk::look(workspace, &span)?,
        };
        status.needs = needs::needs(&status, inputs);
        Ok(status)
    }
}
