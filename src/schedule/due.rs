//! What is due: a pure function of facts and the time.
//!
//! A date is due at the first time of its pipeline's schedule at which it is over; a timetable at the first after its capture. It is
//! done when a release of the whole date is current in the bucket, or an attempt has said that there is nothing to release. Until
//! `late` evidence that came in since lets it be run once more, at the next time of the schedule. What failed and may succeed is tried
//! again with growing pauses. What a person must mend waits until configuration, contracts or decisions change (at once), or its
//! evidence does (at the next time of the schedule). Nothing else makes anything due: not another version of the program, and not a
//! contract that is edited after the release.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::pipeline::Trigger;
use crate::schedule::facts::{
    Attempt, ChoreFacts, DateFacts, Ended, Evidence, Facts, JobKey, Mark, Outcome, PipelineFacts,
};
use crate::time::{ServiceDate, ServiceDay, local_instant};

/// The first pause before something is tried again; each is twice as long as the one before.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(60);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Pipelines that are run one after another.
const DEPTH: usize = 64;

/// What is to be done now, what later, and what not before somebody mends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// In the order in which they are to be begun.
    pub now: Vec<Job>,
    /// By the time.
    pub later: Vec<Later>,
    pub stopped: Vec<Stopped>,
    /// Daily jobs that are no runs.
    pub chores: Vec<String>,
}

/// A job to be begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub key: JobKey,
    pub why: Why,
    /// Since when it is due.
    pub since: Timestamp,
    /// What an attempt is to remember of its inputs.
    pub evidence: Option<Mark>,
    pub settings: Mark,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    pub key: JobKey,
    pub why: Why,
    pub at: Timestamp,
}

/// A date that waits for a person, or is too old.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    pub key: JobKey,
    pub why: Stop,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The last attempt ended so, and nothing changed since.
    Ended(Outcome),
    /// It was over before `catch_up`, and never released.
    TooOld,
}

/// Why a job is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The date is over and was not released.
    Over,
    /// A timetable was captured and was not released.
    Captured,
    /// It is not over; what there is of it is released provisionally.
    Provisional,
    /// Evidence came in after it was run.
    Late,
    /// It was tried and failed so often, one behind the other.
    Again { failures: u32 },
    /// It needed a person, and configuration, contracts, decisions or evidence changed since.
    Mended,
    /// The sources are asked at a time of the schedule.
    Asking,
}

/// What is due at a time.
pub fn due(facts: &Facts, now: Timestamp) -> Due {
    let mut due = Due::default();
    for (name, pipeline) in &facts.pipelines {
        let of = OfPipeline { facts, name, pipeline, now };
        if pipeline.asks {
            of.asking(&mut due);
        }
        for (date, of_date) in &pipeline.dates {
            of.date(*date, of_date, &mut due);
        }
    }
    due.chores = chores(facts, now);
    due.now.retain(|job| !facts.running.contains(&job.key));
    due.now = in_order(facts, due.now);
    due.later.sort_by(|one, other| (one.at, &one.key).cmp(&(other.at, &other.key)));
    due
}

/// When a date of a pipeline is due for the first time; none for a timetable, and at the end of time.
pub fn due_at(facts: &Facts, name: &str, date: ServiceDate) -> Option<Timestamp> {
    let pipeline = facts.pipelines.get(name).filter(|pipeline| !pipeline.is_timetable)?;
    let of = OfPipeline { facts, name, pipeline, now: Timestamp::MIN };
    of.first_from(ServiceDay::new(date, &facts.zone).window.end)
}

/// The daily jobs whose time has come since they last ended; one that never ran has a day to have had one.
fn chores(facts: &Facts, now: Timestamp) -> Vec<String> {
    let is_due = |chore: &ChoreFacts| {
        let at = match &chore.ended {
            None => chore.times.first_from(day_before(now), &facts.zone),
            Some(ended) => {
                pause_after(ended, chore.failures).or_else(|| chore.times.first_from(just_after(ended.at), &facts.zone))
            }
        };
        !chore.is_running && at.is_some_and(|at| at <= now)
    };
    facts.chores.iter().filter(|(_, chore)| is_due(chore)).map(|(name, _)| name.clone()).collect()
}

fn day_before(now: Timestamp) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(25)).unwrap_or(Timestamp::MIN)
}

struct OfPipeline<'a> {
    facts: &'a Facts,
    name: &'a str,
    pipeline: &'a PipelineFacts,
    now: Timestamp,
}

impl OfPipeline<'_> {
    /// The first time of the schedule at or after an instant.
    fn first_from(&self, from: Timestamp) -> Option<Timestamp> {
        let mut pipeline = self.pipeline;
        for _ in 0..DEPTH {
            match &pipeline.schedule.trigger {
                Trigger::Times(times) => return times.first_from(from, &self.facts.zone),
                Trigger::Every(every) => {
                    let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
                    let seconds = from.as_second() + i64::from(from.subsec_nanosecond() > 0);
                    let next =
                        seconds.div_euclid(every) * every + if seconds.rem_euclid(every) == 0 { 0 } else { every };
                    return Timestamp::from_second(next).ok();
                }
                // A pipeline that is not there, or has a mistake, keeps nothing from being run.
                Trigger::After(other) => match self.facts.pipelines.get(other) {
                    Some(other) => pipeline = other,
                    None => return Some(from),
                },
            }
        }
        None
    }

    fn asking(&self, due: &mut Due) {
        let last = self.pipeline.asked.as_ref();
        let (at, why) = match last {
            None => (self.first_before_now(), Why::Asking),
            Some(attempt) => match again(attempt, self.pipeline.asked_failures) {
                Some(at) => (Some(at), Why::Again { failures: self.pipeline.asked_failures }),
                None => (self.first_from(just_after(attempt.begun)), Why::Asking),
            },
        };
        let key = JobKey { pipeline: self.name.to_owned(), date: None };
        self.at(key, (at, why), None, due);
    }

    /// The time of the schedule that passed last, within a day; the next one if none did.
    fn first_before_now(&self) -> Option<Timestamp> {
        self.first_from(day_before(self.now))
    }

    fn date(&self, date: ServiceDate, of: &DateFacts, due: &mut Due) {
        let zone = &self.facts.zone;
        let key = JobKey { pipeline: self.name.to_owned(), date: Some(date) };
        let Some(evidence) = of.evidence else {
            // Whatever was tried, nothing can be run of it; that it failed is told as long as it may be mended.
            return self.stopped(key, of, due);
        };
        let (begin, over) = match self.pipeline.is_timetable {
            true => (evidence.since, evidence.since),
            false => {
                let day = ServiceDay::new(date, zone);
                (day.reports.start, day.window.end)
            }
        };
        let schedule = &self.pipeline.schedule;
        let days = |count: u16| days_after(date, over, count, zone);
        let is_over = self.now >= over;
        let is_whole = of.released.is_some_and(|released| !released.is_provisional);
        let attempt = of.attempt.as_ref().filter(|attempt| attempt.ended.is_some() || !self.is_running(&key));
        let next = self.next(&Situation { of, attempt, evidence, begin, over, is_over, is_whole });
        match next {
            Next::At(at, why) => {
                let is_done = is_whole || why == Why::Late;
                let until = days(if is_done { schedule.late } else { schedule.catch_up });
                if self.now < until && at.is_none_or(|at| at < until) {
                    self.at(key, (at, why), Some(evidence), due);
                } else if !is_done {
                    due.stopped.push(Stopped { key, why: Stop::TooOld, since: over });
                }
            }
            Next::Done => {}
            Next::Stopped => self.stopped(key, of, due),
        }
    }

    fn is_running(&self, key: &JobKey) -> bool {
        self.facts.running.contains(key)
    }

    /// When a date with evidence is run next.
    fn next(&self, now: &Situation<'_>) -> Next {
        let &Situation { of, attempt, evidence, begin, over, is_over, is_whole } = now;
        // What the schedule has asked for at its time need not wait for the next one.
        let first = |from: Timestamp| if self.pipeline.asks { Some(from) } else { self.first_from(from) };
        let over_or_captured = if self.pipeline.is_timetable { Why::Captured } else { Why::Over };
        let is_every = matches!(self.pipeline.schedule.trigger, Trigger::Every(_));
        let Some(attempt) = attempt else {
            return match (is_whole, is_over, is_every) {
                // Its attempt was forgotten: whether evidence came in since is for a run to say.
                (true, ..) => Next::At(first(over), Why::Late),
                (false, true, _) => Next::At(first(over), over_or_captured),
                (false, false, true) => Next::At(first(begin), Why::Provisional),
                (false, false, false) => Next::At(first(over), Why::Over),
            };
        };
        let outcome = attempt.ended.as_ref().map_or(Outcome::Killed, |ended| ended.outcome);
        let is_changed = attempt.evidence != Some(evidence.mark);
        let after = attempt.ended.as_ref().map_or(attempt.begun, |ended| ended.at);
        if outcome.is_tried_again() {
            return Next::At(again(attempt, of.failures), Why::Again { failures: of.failures });
        }
        if outcome.needs_a_person() || outcome == Outcome::Absent {
            if attempt.settings != self.pipeline.settings {
                return Next::At(Some(after), Why::Mended);
            }
            // What is held back of a date that is not over may be complete when it is.
            let has_ended_since = is_over && attempt.begun < over && !self.pipeline.is_timetable;
            let why = if has_ended_since { Why::Over } else { Why::Mended };
            return match is_changed || has_ended_since {
                true => {
                    Next::At(first(just_after(after).max(if has_ended_since { over } else { Timestamp::MIN })), why)
                }
                false => Next::Stopped,
            };
        }
        // It was run while it was not over.
        if attempt.begun < over && !self.pipeline.is_timetable {
            return match (is_over, is_every && is_changed) {
                (false, true) => Next::At(first(just_after(attempt.begun)), Why::Provisional),
                _ => Next::At(first(over), Why::Over),
            };
        }
        match is_changed {
            true => Next::At(first(just_after(after)), Why::Late),
            false => Next::Done,
        }
    }

    fn stopped(&self, key: JobKey, of: &DateFacts, due: &mut Due) {
        let ended = of.attempt.as_ref().and_then(|attempt| attempt.ended.as_ref());
        if let Some(ended) = ended.filter(|ended| ended.outcome.needs_a_person()) {
            due.stopped.push(Stopped { key, why: Stop::Ended(ended.outcome), since: ended.at });
        }
    }

    fn at(&self, key: JobKey, (at, why): (Option<Timestamp>, Why), evidence: Option<Evidence>, due: &mut Due) {
        let Some(at) = at else { return };
        if at > self.now {
            due.later.push(Later { key, why, at });
        } else {
            let (evidence, settings) = (evidence.map(|evidence| evidence.mark), self.pipeline.settings);
            due.now.push(Job { key, why, since: at, evidence, settings });
        }
    }
}

/// A date with evidence, as it stands.
struct Situation<'a> {
    of: &'a DateFacts,
    attempt: Option<&'a Attempt>,
    evidence: Evidence,
    begin: Timestamp,
    over: Timestamp,
    is_over: bool,
    /// A release of the whole date is current.
    is_whole: bool,
}

enum Next {
    At(Option<Timestamp>, Why),
    Done,
    Stopped,
}

fn just_after(at: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX)
}

/// The end of the day that is so many days after the one on which a date was over.
fn days_after(date: ServiceDate, over: Timestamp, days: u16, zone: &jiff::tz::TimeZone) -> Timestamp {
    let end = local_instant(date.plus_days(i32::from(days) + 2).0.at(0, 0, 0, 0), zone).unwrap_or(Timestamp::MAX);
    end.max(over)
}

/// When what may succeed if tried again is tried again; `None` if it is not of that kind.
pub fn again(attempt: &Attempt, failures: u32) -> Option<Timestamp> {
    match &attempt.ended {
        Some(ended) => pause_after(ended, failures),
        None => pause_after(&Ended { at: attempt.begun, outcome: Outcome::Killed }, failures),
    }
}

/// The end of the pause after a try. What was killed is tried again at once, the first time.
fn pause_after(ended: &Ended, failures: u32) -> Option<Timestamp> {
    if !ended.outcome.is_tried_again() {
        return None;
    }
    let is_killed = ended.outcome == Outcome::Killed;
    let doublings = failures.saturating_sub(if is_killed { 2 } else { 1 });
    let pause = match failures {
        0 | 1 if is_killed => SignedDuration::ZERO,
        _ => FIRST_PAUSE.saturating_mul(1 << doublings.min(10)).min(LONGEST_PAUSE),
    };
    Some(ended.at.saturating_add(pause).unwrap_or(Timestamp::MAX))
}

/// The order in which jobs are begun: the oldest date first, every third time the newest; asking comes before all, and what is
/// run after another pipeline behind it.
fn in_order(facts: &Facts, mut jobs: Vec<Job>) -> Vec<Job> {
    let rank: BTreeMap<&String, usize> = facts.pipelines.keys().map(|name| (name, rank(facts, name))).collect();
    jobs.sort_by_key(|job| (job.key.date, rank.get(&job.key.pipeline).copied().unwrap_or(0), job.key.pipeline.clone()));
    let mut jobs: std::collections::VecDeque<Job> = jobs.into();
    let mut ordered = Vec::with_capacity(jobs.len());
    while let Some(front) = jobs.front() {
        let slot = facts.begun + ordered.len() as u64;
        let is_asking = front.key.date.is_none();
        let newest = jobs.back().map(|job| job.key.date);
        // Of the newest date the first in its order.
        let place = match slot % 3 == 2 && !is_asking {
            true => jobs.iter().position(|job| Some(job.key.date) == newest).unwrap_or(0),
            false => 0,
        };
        ordered.extend(jobs.remove(place));
    }
    // What is run after another pipeline waits for its dates that are due, those of its own date and of the day after it.
    let waits = |job: &Job| {
        let (Some(pipeline), Some(date)) = (facts.pipelines.get(&job.key.pipeline), job.key.date) else { return false };
        let Trigger::After(other) = &pipeline.schedule.trigger else { return false };
        let is_before =
            |key: &JobKey| key.pipeline == *other && key.date.is_none_or(|of| date <= of && of <= date.plus_days(1));
        let is_due = ordered.iter().any(|job| is_before(&job.key) && !matches!(job.why, Why::Again { .. }));
        is_due || facts.running.iter().any(is_before)
    };
    let waiting: Vec<bool> = ordered.iter().map(waits).collect();
    let mut waiting = waiting.into_iter();
    ordered.retain(|_| !waiting.next().unwrap_or(false));
    ordered
}

/// How many pipelines must be run before one.
fn rank(facts: &Facts, name: &str) -> usize {
    let mut name = name;
    for rank in 0..DEPTH {
        match facts.pipelines.get(name).map(|pipeline| &pipeline.schedule.trigger) {
            Some(Trigger::After(other)) => name = other,
            _ => return rank,
        }
    }
    DEPTH
}

#[cfg(test)]
mod tests;
