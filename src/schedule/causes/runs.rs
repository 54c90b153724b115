//! Runs that fail again and again, those that are held back, and daily jobs that fail.
//!
//! What failed goes on failing until a run of the same date succeeded, or its evidence is gone: that it is tried again, that it is at
//! work, or that its evidence changed is no success.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::journals::Journals;
use super::known::{Known, cause};
use super::sources::Collecting;
use crate::notify::cause::RunFailure;
use crate::notify::{Cause, Trouble};
use crate::pipeline::Pipeline;
use crate::schedule::due::Stop;
use crate::schedule::facts::{JobKey, Outcome};
use crate::schedule::log::Failing;
use crate::time::ServiceDate;

/// Tries in vain after which somebody is told.
const TRIES: u32 = 3;

/// Rules that are named.
const RULES: usize = 3;

/// What is told of the dates of one pipeline.
struct Told {
    dates: BTreeSet<ServiceDate>,
    since: Timestamp,
    worst: RunFailure,
}

/// What else says that something was done than the log: somebody may have run it by hand.
#[derive(Clone, Copy)]
pub(super) struct DoneElsewhere<'a> {
    pub journals: &'a Journals,
    pub collecting: &'a Collecting,
}

/// The jobs that failed, and did not succeed since.
pub(super) fn failing<'a>(
    known: &'a Known<'_>,
    done: DoneElsewhere<'a>,
) -> impl Iterator<Item = (&'a Pipeline, &'a JobKey, Failing)> {
    let pipelines: BTreeMap<&str, &Pipeline> =
        known.workspace.pipelines.iter().map(|pipeline| (pipeline.name.as_str(), pipeline)).collect();
    let first_kept = known.workspace.retention.first_kept(known.today());
    known.log.all().filter_map(move |(key, tried)| {
        let (pipeline, failing) = (pipelines.get(key.pipeline.as_str())?, tried.failing?);
        // Without its evidence nobody can mend it.
        let is_there = key.date.is_none_or(|date| date >= first_kept);
        (is_there && !done.is_done(pipeline, key, &failing)).then_some((*pipeline, key, failing))
    })
}

impl DoneElsewhere<'_> {
    /// Whether it succeeded after it failed, though not as an attempt.
    fn is_done(self, pipeline: &Pipeline, key: &JobKey, failing: &Failing) -> bool {
        let Some(failed) = failing.newest else { return false };
        match key.date {
            Some(date) => {
                let run = self.journals.of(&pipeline.name).get(&date);
                run.is_some_and(|run| run.is_released() && run.prepared_at > failed)
            }
            None => {
                let mut sources = pipeline.scheduled().into_iter().map(|scheduled| scheduled.collected.name).peekable();
                let good = |name: String| self.collecting.sources.get(&name).and_then(|source| source.health.last_good);
                sources.peek().is_some() && sources.all(|name| good(name).is_some_and(|good| good > failed))
            }
        }
    }
}

pub(super) fn causes(known: &Known<'_>, done: DoneElsewhere<'_>) -> Vec<Cause> {
    let (mut failed, mut held_back) = (BTreeMap::new(), BTreeMap::new());
    for (pipeline, key, failing) in failing(known, done) {
        let is_open = is_open(&failing, known, is_begun_again(key, known));
        let key = (pipeline.name.as_str(), pipeline.dataset.as_str(), key.date);
        if let Some(since) = failing.held_back {
            add(&mut held_back, key, (since, RunFailure::Permanent));
        }
        if let Some((since, failure)) = failed_since(&failing).filter(|_| !is_open) {
            add(&mut failed, key, (since, failure));
        }
    }
    for stopped in &known.due.stopped {
        let failure = match stopped.why {
            Stop::Missing => RunFailure::Missing,
            Stop::Lost => RunFailure::Lost,
            Stop::Schedule => RunFailure::Usage,
            // What was tried is in the log.
            Stop::Ended(_) | Stop::TooOld => continue,
        };
        let of_name = known.workspace.pipelines.iter().find(|pipeline| pipeline.name == stopped.key.pipeline);
        if let Some(pipeline) = of_name {
            let key = (pipeline.name.as_str(), pipeline.dataset.as_str(), stopped.key.date);
            add(&mut failed, key, (stopped.since, failure));
        }
    }
    let failed = failed.into_iter().map(|((pipeline, _), told)| {
        let trouble = Trouble::RunFailed { pipeline: pipeline.to_owned(), dates: told.dates, failure: told.worst };
        cause(trouble, told.since)
    });
    let held_back = held_back.into_iter().map(|((pipeline, dataset), told)| {
        let (pipeline, dataset) = (pipeline.to_owned(), dataset.to_owned());
        let newest = JobKey { pipeline: pipeline.clone(), date: told.dates.last().copied() };
        let by = known.log.tried(&newest).map(|tried| tried.held_by.as_slice()).unwrap_or_default();
        let rules = by.iter().take(RULES).map(|by| by.rule.to_string()).collect();
        cause(Trouble::RunHeldBack { pipeline, dataset, dates: told.dates, rules }, told.since)
    });
    failed.chain(held_back).chain(chores(known)).collect()
}

/// Whether it is open what becomes of something that ended by a mistake of the configuration: as long as there is one, that is a cause
/// of its own, and once it is mended what ended by it is tried again. So one mistake is told once.
fn is_open(failing: &Failing, known: &Known<'_>, is_again: bool) -> bool {
    failing.outcome == Some(Outcome::Usage) && (is_again || !known.workspace.mistakes.is_empty())
}

fn is_begun_again(key: &JobKey, known: &Known<'_>) -> bool {
    known.facts.running.contains(key) || known.due.now.iter().any(|job| job.key == *key)
}

/// Pipelines of which it is open whether a run fails.
pub(super) fn open<'a>(known: &'a Known<'_>, done: DoneElsewhere<'a>) -> BTreeSet<&'a str> {
    let is_open = |(_, key, of): &(&Pipeline, &JobKey, Failing)| is_open(of, known, is_begun_again(key, known));
    failing(known, done).filter(is_open).map(|(pipeline, ..)| pipeline.name.as_str()).collect()
}

/// The same of a daily job.
pub(super) fn is_open_chore(name: &str, known: &Known<'_>) -> bool {
    let is_running = known.facts.chores.get(name).is_some_and(|chore| chore.running_since.is_some());
    let is_again = is_running || known.due.chores.iter().any(|due| due == name);
    let failing = known.log.chores.get(name).and_then(|done| done.failing);
    failing.is_some_and(|failing| is_open(&failing, known, is_again))
}

fn chores(known: &Known<'_>) -> impl Iterator<Item = Cause> {
    known.workspace.chores.iter().filter_map(|chore| {
        let failing = known.log.chores.get(chore.name)?.failing?;
        let held_back = failing.held_back.map(|since| (since, RunFailure::Permanent));
        if is_open_chore(chore.name, known) {
            return None;
        }
        let (since, failure) = failed_since(&failing).or(held_back)?;
        Some(cause(Trouble::ChoreFailed { chore: chore.name.to_owned(), failure }, since))
    })
}

/// Since when something fails that somebody is told of, and how the newest try failed.
fn failed_since(failing: &Failing) -> Option<(Timestamp, RunFailure)> {
    let failure = match failing.outcome? {
        Outcome::Usage => RunFailure::Usage,
        Outcome::Killed => RunFailure::Killed,
        Outcome::Transient => RunFailure::Transient,
        _ => RunFailure::Permanent,
    };
    let since = failing.failed.filter(|_| failing.needs_a_person || failing.tries >= TRIES)?;
    Some((since, failure))
}

fn add<'a>(
    told: &mut BTreeMap<(&'a str, &'a str), Told>,
    (pipeline, dataset, date): (&'a str, &'a str, Option<ServiceDate>),
    (since, failure): (Timestamp, RunFailure),
) {
    let new = || Told { dates: BTreeSet::new(), since, worst: failure };
    let told = told.entry((pipeline, dataset)).or_insert_with(new);
    told.dates.extend(date);
    told.since = told.since.min(since);
    if badness(failure) > badness(told.worst) {
        told.worst = failure;
    }
}

/// The worst is what a person must mend first.
fn badness(failure: RunFailure) -> u8 {
    match failure {
        RunFailure::Transient => 0,
        RunFailure::Killed => 1,
        RunFailure::Missing => 2,
        RunFailure::Lost => 3,
        RunFailure::Permanent => 4,
        RunFailure::Usage => 5,
    }
}
