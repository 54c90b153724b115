//! What is known where the bucket cannot be had, for who only tells: nothing is begun by it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::schedule::due::due;
use crate::schedule::facts::{Facts, JobKey, Outcome, Released, Trouble, TroubleOf};
use crate::schedule::gather::Gatherer;
use crate::schedule::log::Log;
use crate::time::ServiceDay;
use crate::workspace::Workspace;

/// A date that has evidence, and that the schedule has run once its time has come, if it is not released: which only the bucket knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub key: JobKey,
    /// Its time by the schedule, passed or to come.
    pub at: Timestamp,
}

impl Gatherer {
    /// The facts without those of a bucket that cannot be had: no date of any pipeline is known, and `error` is a trouble of all. Beside
    /// them the dates that may be due, those whose time has come first. What the log of this machine has released is no candidate
    /// unless there is other evidence since.
    ///
    /// # Errors
    /// As [`Gatherer::gather`], but for the bucket.
    pub fn gather_without_bucket(
        &mut self,
        (workspace, log): (&Workspace, &Log),
        running: &BTreeSet<JobKey>,
        error: &PublishError,
        now: Timestamp,
    ) -> Result<(Facts, Vec<Candidate>), RunError> {
        self.is_without_bucket = true;
        let mut facts = self.gather(workspace, log, running, now)?;
        let candidates = candidates(&mut facts, now);
        facts.pipelines.values_mut().for_each(|pipeline| pipeline.dates.clear());
        let outcome = if error.is_transient() { Outcome::Transient } else { Outcome::Permanent };
        let (pipeline, dataset) = (String::new(), String::new());
        facts.troubles.push(Trouble { pipeline, dataset, said: error.to_string(), outcome, of: TroubleOf::Bucket });
        Ok((facts, candidates))
    }
}

/// What would be due if the bucket had just what the log has released.
fn candidates(facts: &mut Facts, now: Timestamp) -> Vec<Candidate> {
    let Facts { pipelines, zone, .. } = facts;
    for pipeline in pipelines.values_mut() {
        for (date, of) in &mut pipeline.dates {
            let Some(begun) = of.published else { continue };
            let is_whole = pipeline.is_timetable || begun >= ServiceDay::new(*date, zone).window.end;
            of.released = Some(Released { is_provisional: !is_whole });
        }
    }
    let due = due(facts, now);
    let now = due.now.into_iter().map(|job| Candidate { key: job.key, at: job.since });
    let later = due.later.into_iter().map(|later| Candidate { key: later.key, at: later.at });
    // What is asked of sources does not need the bucket.
    now.chain(later).filter(|candidate| candidate.key.date.is_some()).collect()
}
