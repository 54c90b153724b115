//! Runs that fail again and again, and those that are held back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::known::{Known, cause};
use crate::notify::cause::RunFailure;
use crate::notify::{Cause, Trouble};
use crate::schedule::due::{Stop, Why};
use crate::schedule::facts::{JobKey, Outcome};
use crate::time::ServiceDate;

/// Tries one behind the other after which somebody is told.
const TRIES: u32 = 3;

/// What is told of the dates of one pipeline.
struct Told {
    dates: BTreeSet<ServiceDate>,
    since: Timestamp,
    worst: RunFailure,
}

#[derive(Default)]
struct Found {
    failed: BTreeMap<String, Told>,
    held_back: BTreeMap<String, Told>,
}

pub(super) fn causes(known: &Known<'_>) -> Vec<Cause> {
    let mut found = Found::default();
    for stopped in &known.due.stopped {
        let outcome = match stopped.why {
            Stop::Ended(outcome) => Some(outcome),
            // What failed until it was too old is lost if nobody runs it.
            Stop::TooOld => again(known, &stopped.key),
            Stop::Missing | Stop::Lost => Some(Outcome::Permanent),
            Stop::Schedule => Some(Outcome::Usage),
        };
        found.add(known, &stopped.key, (outcome, stopped.since));
    }
    let now = known.due.now.iter().map(|job| (&job.key, job.why, job.since));
    let later = known.due.later.iter().map(|later| (&later.key, later.why, known.now));
    for (key, why, since) in now.chain(later) {
        if matches!(why, Why::Again { failures } if failures >= TRIES) {
            found.add(known, key, (again(known, key), since));
        }
    }
    for key in &known.facts.running {
        found.add(known, key, (again(known, key), known.now));
    }
    let failed = found.failed.into_iter().map(|(pipeline, told)| {
        cause(Trouble::RunFailed { pipeline, dates: told.dates, failure: told.worst }, told.since)
    });
    let held_back = found.held_back.into_iter();
    let held_back =
        held_back.map(|(pipeline, told)| cause(Trouble::RunHeldBack { pipeline, dates: told.dates }, told.since));
    failed.chain(held_back).collect()
}

/// How the last of several tries ended, one behind the other, that may succeed if repeated.
fn again(known: &Known<'_>, key: &JobKey) -> Option<Outcome> {
    let tried = known.log.tried(key).filter(|tried| tried.failures >= TRIES)?;
    // One that is at work, or of which nobody saw the end, was tried before.
    let outcome = tried.attempt.ended.as_ref().map_or(Outcome::Transient, |ended| ended.outcome);
    Some(outcome).filter(|outcome| outcome.is_tried_again())
}

impl Found {
    fn add(&mut self, known: &Known<'_>, key: &JobKey, (outcome, since): (Option<Outcome>, Timestamp)) {
        let (of, worst) = match outcome {
            Some(Outcome::HeldBack) => (&mut self.held_back, RunFailure::Permanent),
            Some(Outcome::Usage) => (&mut self.failed, RunFailure::Usage),
            Some(Outcome::Permanent) => (&mut self.failed, RunFailure::Permanent),
            Some(Outcome::Killed) => (&mut self.failed, RunFailure::Killed),
            Some(Outcome::Transient) => (&mut self.failed, RunFailure::Transient),
            Some(Outcome::Published | Outcome::NothingNew | Outcome::Absent) | None => return,
        };
        let since = known.log.tried(key).and_then(|tried| tried.failing_since).unwrap_or(since);
        let told = of.entry(key.pipeline.clone());
        let told = told.or_insert_with(|| Told { dates: BTreeSet::new(), since, worst });
        told.dates.extend(key.date);
        told.since = told.since.min(since);
        if badness(worst) > badness(told.worst) {
            told.worst = worst;
        }
    }
}

/// The worst is what a person must mend first.
fn badness(failure: RunFailure) -> u8 {
    match failure {
        RunFailure::Transient => 0,
        RunFailure::Killed => 1,
        RunFailure::Permanent => 2,
        RunFailure::Usage => 3,
    }
}
