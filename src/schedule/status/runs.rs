//! How it stands with the newest dates of a pipeline.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::schedule::due::{Due, Stop};
use crate::schedule::facts::{DateFacts, Facts, JobKey, Outcome, PipelineFacts, Trouble};
use crate::schedule::log::Log;
use crate::schedule::status::data::{DateState, DateStatus, PipelineStatus, Release};
use crate::time::ServiceDate;

/// Service dates that are shown.
const DATES: i32 = 14;

/// What is said of a pipeline's dates.
pub(super) struct Runs<'a> {
    facts: &'a Facts,
    log: &'a Log,
    stopped: BTreeMap<&'a JobKey, Stop>,
    due: BTreeMap<&'a JobKey, ()>,
    today: ServiceDate,
}

impl<'a> Runs<'a> {
    pub(super) fn new(facts: &'a Facts, due: &'a Due, log: &'a Log, now: Timestamp) -> Self {
        Self {
            facts,
            log,
            stopped: due.stopped.iter().map(|stopped| (&stopped.key, stopped.why)).collect(),
            due: due.now.iter().map(|job| (&job.key, ())).collect(),
            today: ServiceDate::local_date_of(now, &facts.zone),
        }
    }

    pub(super) fn of(&self, name: &str) -> PipelineStatus {
        let Some(pipeline) = self.facts.pipelines.get(name) else {
            let name = name.to_owned();
            return PipelineStatus { name, is_scheduled: false, is_known: true, newest: None, dates: Vec::new() };
        };
        let key = |date: ServiceDate| JobKey { pipeline: name.to_owned(), date: Some(date) };
        let released = pipeline.dates.iter().rev().find_map(|(date, of)| Some((*date, of.released?)));
        let newest = released.map(|(date, released)| {
            let ended = self.log.tried(&key(date)).and_then(|tried| tried.attempt.ended.as_ref());
            let at = ended.filter(|ended| ended.outcome == Outcome::Published).map(|ended| ended.at);
            Release { date, is_provisional: released.is_provisional, at }
        });
        let dates = (0..DATES).rev().map(|back| self.today.plus_days(-back));
        let dates = dates.map(|date| self.date(&key(date), date, pipeline)).collect();
        // A trouble without a name is that of all.
        let is_of = |trouble: &Trouble| trouble.pipeline == name || trouble.pipeline.is_empty();
        let is_known = !self.facts.troubles.iter().any(is_of);
        let dates = if is_known { dates } else { Vec::new() };
        PipelineStatus { name: name.to_owned(), is_scheduled: true, is_known, newest, dates }
    }

    fn date(&self, key: &JobKey, date: ServiceDate, pipeline: &PipelineFacts) -> DateStatus {
        let none = DateFacts::default();
        let of = pipeline.dates.get(&date).unwrap_or(&none);
        let tried = self.log.tried(key);
        let at = of.attempt.as_ref().map(|attempt| attempt.ended.as_ref().map_or(attempt.begun, |ended| ended.at));
        let said = tried.map(|tried| tried.said.clone()).unwrap_or_default();
        DateStatus { date, state: self.state(key, of), at, said }
    }

    fn state(&self, key: &JobKey, of: &DateFacts) -> DateState {
        let ended = of.attempt.as_ref().and_then(|attempt| attempt.ended.as_ref());
        if self.facts.running.contains(key) {
            return DateState::Running;
        }
        match self.stopped.get(key) {
            Some(Stop::Ended(Outcome::HeldBack)) => return DateState::HeldBack,
            Some(Stop::Ended(Outcome::Absent)) => return DateState::Nothing,
            Some(Stop::Ended(_)) => return DateState::Failed,
            Some(Stop::TooOld) => return DateState::TooOld,
            Some(Stop::Missing | Stop::Lost | Stop::Schedule) => return DateState::Failed,
            None => {}
        }
        if of.failures > 0 && ended.is_some_and(|ended| ended.outcome.is_tried_again()) {
            return DateState::Again;
        }
        match of.released {
            Some(released) if !released.is_provisional => DateState::Published,
            _ if self.due.contains_key(key) => DateState::Due,
            Some(_) => DateState::Provisional,
            None if of.evidence.is_some() && ended.is_none_or(|ended| ended.outcome != Outcome::Absent) => {
                DateState::Waiting
            }
            None => DateState::Nothing,
        }
    }
}
