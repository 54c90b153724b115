//! What is due: a pure function of facts and the time.
//!
//! A date is due at the first time of its pipeline's schedule at which it is over; a timetable at the first after its capture. It is
//! done when a release of the whole date is current in the bucket, or an attempt has said that there is nothing to release. Until
//! `late` evidence that came in since lets it be run once more, at the next time of the schedule. What failed and may succeed is tried
//! again with growing pauses. What a person must mend waits until configuration, contracts or decisions change (at once), or its
//! evidence does (at the next time of the schedule). What was released and is not in the bucket is run once more, at once, however old
//! it is. Nothing else makes anything due: not another version of the program, and not a contract that is edited after the release.
//!
//! A date that was missed is run until `catch_up` days after the day on which it became due; then it waits for a person as long as
//! its evidence is there. What the log has of a time that is to come was written by a wrong clock, and counts as forgotten. As long as
//! the clock is behind what was written down, nothing is due at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::pipeline::Trigger;
use crate::schedule::facts::{
    Attempt, Changes, ChoreFacts, DateFacts, Ended, Evidence, Facts, JobKey, Mark, Outcome, PipelineFacts,
    ReleaseActKind,
};
use crate::time::{self, ServiceDate, ServiceDay, first_local_instant, local_instant};

/// The first pause before something is tried again; each is twice as long as the one before.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(60);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// The pause before a date that was released twice and is not in the bucket is run once more; each is twice as long as the one
/// before.
const FIRST_REPEAT: SignedDuration = SignedDuration::from_hours(24);
const LONGEST_REPEAT: SignedDuration = SignedDuration::from_hours(24 * 32);
/// Intervals of a day or longer begin at midnight by the clock of the workspace.
const DAY: Duration = Duration::from_secs(86_400);
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
    /// The first of those whose time is to come.
    pub next_chore: Option<(Timestamp, String)>,
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
    /// It became due before `catch_up`, and was never released.
    TooOld,
    /// It was released twice with what is there now, and is not in the bucket.
    Missing,
    /// It was released, is not in the bucket, and its evidence is gone.
    Lost,
    /// Nobody can tell when it is to be run: its schedule has a mistake, or the pipeline that it comes after is not there, or comes
    /// after it.
    Schedule,
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
    /// It was held back, failed for good or had nothing, and this changed since.
    Mended(Changes),
    /// It was released, and is not in the bucket.
    Missing,
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
    chores(facts, now, &mut due);
    due.now.retain(|job| !facts.running.contains(&job.key));
    due.now = in_order(facts, due.now);
    if facts.clock.is_some() {
        // By a clock that is behind old dates are due, and new ones are not.
        (due.now, due.chores) = (Vec::new(), Vec::new());
    }
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
fn chores(facts: &Facts, now: Timestamp, due: &mut Due) {
    for (name, chore) in facts.chores.iter().filter(|(_, chore)| chore.running_since.is_none()) {
        match chore_at(facts, chore, now) {
            Some(at) if at <= now => due.chores.push(name.clone()),
            Some(at) if due.next_chore.as_ref().is_none_or(|(next, _)| at < *next) => {
                due.next_chore = Some((at, name.clone()));
            }
            Some(_) | None => {}
        }
    }
}

/// When a daily job is done next; one that is due was to be done then.
pub fn chore_at(facts: &Facts, chore: &ChoreFacts, now: Timestamp) -> Option<Timestamp> {
    match chore.ended.as_ref().filter(|ended| !is_to_come(ended.at, now)) {
        None => chore.times.first_from(day_before(now), &facts.zone),
        // What ended by a mistake does not wait for the next day once that is mended.
        Some(ended) if ended.outcome == Outcome::Usage && chore.is_changed => Some(ended.at),
        Some(ended) => {
            pause_after(ended, chore.failures).or_else(|| chore.times.first_from(just_after(ended.at), &facts.zone))
        }
    }
}

/// Whether a wrong clock wrote a time: it is to come.
fn is_to_come(at: Timestamp, now: Timestamp) -> bool {
    at >= time::future(now)
}

/// Whether an attempt was written by a wrong clock: when it was made is not known.
fn is_of_wrong_clock(attempt: &Attempt, now: Timestamp) -> bool {
    is_to_come(attempt.begun, now) || attempt.ended.as_ref().is_some_and(|ended| is_to_come(ended.at, now))
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
                Trigger::Every(every) if *every >= DAY => return self.midnight_from(from),
                Trigger::Every(every) => {
                    let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
                    let seconds = from.as_second() + i64::from(from.subsec_nanosecond() > 0);
                    let next =
                        seconds.div_euclid(every) * every + if seconds.rem_euclid(every) == 0 { 0 } else { every };
                    return Timestamp::from_second(next).ok();
                }
                Trigger::Nowhere(_) => return None,
                // One that is not scheduled here keeps nothing from being run.
                Trigger::After(other) => match self.facts.pipelines.get(other) {
                    Some(other) => pipeline = other,
                    None => return Some(from),
                },
            }
        }
        None
    }

    fn midnight_from(&self, from: Timestamp) -> Option<Timestamp> {
        let zone = &self.facts.zone;
        let date = ServiceDate::local_date_of(from, zone);
        let midnight = |date: ServiceDate| first_local_instant(date.0.at(0, 0, 0, 0), zone);
        midnight(date).filter(|midnight| *midnight >= from).or_else(|| midnight(date.plus_days(1)))
    }

    /// Whether the pipeline comes after one that nobody can find, be it by others.
    fn has_no_times(&self) -> bool {
        let mut pipeline = self.pipeline;
        for _ in 0..DEPTH {
            match &pipeline.schedule.trigger {
                Trigger::Nowhere(_) => return true,
                Trigger::Times(_) | Trigger::Every(_) => return false,
                Trigger::After(other) => match self.facts.pipelines.get(other) {
                    Some(other) => pipeline = other,
                    None => return false,
                },
            }
        }
        true
    }

    fn asking(&self, due: &mut Due) {
        let last = self.pipeline.asked.as_ref().filter(|attempt| !is_of_wrong_clock(attempt, self.now));
        let (at, why) = match last {
            None => (self.first_before_now(), Why::Asking),
            Some(attempt) => match again(attempt, self.pipeline.asked_failures) {
                Some(at) => (Some(at), Why::Again { failures: self.pipeline.asked_failures }),
                None => (self.first_from(just_after(attempt.begun)), Why::Asking),
            },
        };
        let key = JobKey { pipeline: self.name.to_owned(), date: None };
        if self.has_no_times() {
            return self.stop(key, (Stop::Schedule, self.now), due);
        }
        self.at(key, (at, why), None, due);
    }

    /// The time of the schedule that passed last, within a day; the next one if none did.
    fn first_before_now(&self) -> Option<Timestamp> {
        self.first_from(day_before(self.now))
    }

    fn date(&self, date: ServiceDate, of: &DateFacts, due: &mut Due) {
        // Nobody but the one who withdrew it may let it be run.
        if of.act.as_ref().is_some_and(|act| act.kind == ReleaseActKind::Withdrawn) {
            return;
        }
        let zone = &self.facts.zone;
        let key = JobKey { pipeline: self.name.to_owned(), date: Some(date) };
        let day = || ServiceDay::new(date, zone);
        let is_whole = of.released.is_some_and(|released| !released.is_provisional);
        let Some(evidence) = of.evidence else {
            // Whatever was tried, nothing can be run of it; that it failed is told as long as it may be mended.
            let is_missing =
                || self.is_missing(of, if self.pipeline.is_timetable { Timestamp::MIN } else { day().window.end });
            return match of.published.filter(|_| !is_whole && is_missing()) {
                Some(since) => self.stop(key, (Stop::Lost, since), due),
                None => self.ended(key, of, due),
            };
        };
        let (begin, over) = match self.pipeline.is_timetable {
            true => (evidence.since, evidence.since),
            false => (day().reports.start, day().window.end),
        };
        if self.has_no_times() {
            if !is_whole && self.now >= over {
                self.stop(key, (Stop::Schedule, over), due);
            }
            return;
        }
        let is_known = |attempt: &&Attempt| {
            (attempt.ended.is_some() || !self.is_running(&key)) && !is_of_wrong_clock(attempt, self.now)
        };
        let attempt = of.attempt.as_ref().filter(is_known);
        let is_missing = !is_whole && self.is_missing(of, over);
        let now = Situation {
            of,
            attempt,
            evidence,
            begin,
            over,
            is_over: self.pipeline.is_timetable || self.now >= over,
            is_whole,
            is_missing,
        };
        match self.next(&now) {
            Next::At(at, why) => {
                // What was killed may have released the date and lack what follows from that: the views of it.
                let is_killed = attempt.is_some_and(is_killed);
                let is_done = (is_whole && !is_killed) || why == Why::Late;
                let is_in_time = match (is_done, is_missing) {
                    (true, _) => self.is_before(at, days_after(date, over, self.pipeline.schedule.late, zone)),
                    (false, true) => true,
                    (false, false) => self.may_be_caught_up(date, over, at),
                };
                if is_in_time {
                    self.at(key, (at, why), Some(evidence), due);
                } else if !is_done && !is_whole {
                    self.stop(key, (Stop::TooOld, over), due);
                }
            }
            Next::Done => {}
            Next::Missing(since) => self.stop(key, (Stop::Missing, since), due),
            Next::Stopped => self.ended(key, of, due),
        }
    }

    /// Whether a date whose whole release is not current was released as a whole, by the log, and nobody took it back.
    fn is_missing(&self, of: &DateFacts, over: Timestamp) -> bool {
        !of.is_taken_back && of.published.is_some_and(|begun| self.pipeline.is_timetable || begun >= over)
    }

    /// Whether now, and the time at which something is to be run, come before an end.
    fn is_before(&self, at: Option<Timestamp>, end: Timestamp) -> bool {
        self.now < end && at.is_none_or(|at| at < end)
    }

    /// Whether a date that was never released may still be run by itself: `catch_up` counts from the day on which it became due,
    /// which may be long after it was over.
    fn may_be_caught_up(&self, date: ServiceDate, over: Timestamp, at: Option<Timestamp>) -> bool {
        let (zone, days) = (&self.facts.zone, self.pipeline.schedule.catch_up);
        if self.is_before(at, days_after(date, over, days, zone)) {
            return true;
        }
        let due = if self.was_asked_for(over) { Some(over.min(self.now)) } else { self.first_from(over) };
        let Some(due) = due else { return false };
        let eve = ServiceDate::local_date_of(due, zone).plus_days(-1);
        self.is_before(at, days_after(eve, over, days, zone))
    }

    fn is_running(&self, key: &JobKey) -> bool {
        self.facts.running.contains(key)
    }

    /// When a date with evidence is run next.
    fn next(&self, now: &Situation<'_>) -> Next {
        let &Situation { of, attempt, begin, over, is_over, is_whole, is_missing, .. } = now;
        let over_or_captured = if self.pipeline.is_timetable { Why::Captured } else { Why::Over };
        let begin_of = |from| self.first(now, from);
        let Some(attempt) = attempt else {
            return match (is_whole, is_over, self.is_every()) {
                (false, ..) if is_missing => Next::At(Some(over), Why::Missing),
                // Its attempt was forgotten: whether evidence came in since is for a run to say.
                (true, ..) => Next::At(begin_of(over), Why::Late),
                (false, true, _) => Next::At(begin_of(over), over_or_captured),
                (false, false, true) => Next::At(begin_of(begin), Why::Provisional),
                (false, false, false) => Next::At(begin_of(over), Why::Over),
            };
        };
        match outcome_of(attempt) {
            Outcome::Transient | Outcome::Killed => {
                Next::At(again(attempt, of.failures), Why::Again { failures: of.failures })
            }
            Outcome::HeldBack | Outcome::Permanent | Outcome::Usage | Outcome::Absent => {
                self.after_a_stop(now, attempt)
            }
            Outcome::Published | Outcome::NothingNew => self.after_a_release(now, attempt),
        }
    }

    /// The first time at or after an instant; what the schedule has asked for at its time need not wait for the next one.
    fn first(&self, now: &Situation<'_>, from: Timestamp) -> Option<Timestamp> {
        // Clocks of two processes may differ a little: what was asked for is there.
        if self.was_asked_for(now.evidence.since) { Some(from.min(self.now)) } else { self.first_from(from) }
    }

    /// Whether the schedule has asked the sources, since nobody else does, when something was captured. What came otherwise, as from a
    /// collector that has ended since, waits for its time as ever.
    fn was_asked_for(&self, captured: Timestamp) -> bool {
        // Records have the second, the log has more.
        let second = captured.as_second();
        let is_of = |asked: &Attempt| {
            asked.begun.as_second() <= second && asked.ended.as_ref().is_none_or(|ended| second <= ended.at.as_second())
        };
        self.pipeline.asks && self.pipeline.asked.as_ref().is_some_and(is_of)
    }

    fn is_every(&self) -> bool {
        matches!(self.pipeline.schedule.trigger, Trigger::Every(_))
    }

    /// When a date is run next that a person was to mend, or of which there was nothing.
    fn after_a_stop(&self, now: &Situation<'_>, attempt: &Attempt) -> Next {
        let &Situation { evidence, over, is_over, .. } = now;
        let changes = Changes::since(attempt, evidence.mark, self.pipeline.settings);
        let after = ended_at(attempt);
        if changes.are_of_settings() {
            return Next::At(Some(after), Why::Mended(changes));
        }
        // What is held back of a date that is not over may be complete when it is.
        if is_over && attempt.begun < over && !self.pipeline.is_timetable {
            return Next::At(self.first(now, just_after(after).max(over)), Why::Over);
        }
        match changes.evidence {
            true => Next::At(self.first(now, just_after(after)), Why::Mended(changes)),
            false => Next::Stopped,
        }
    }

    /// When a date is run next that was released.
    fn after_a_release(&self, now: &Situation<'_>, attempt: &Attempt) -> Next {
        let &Situation { of, evidence, over, is_over, is_missing, .. } = now;
        let changes = Changes::since(attempt, evidence.mark, self.pipeline.settings);
        let after = ended_at(attempt);
        // It was run while it was not over.
        if attempt.begun < over && !self.pipeline.is_timetable {
            return match (is_over, self.is_every() && changes.evidence) {
                (false, true) => Next::At(self.first(now, just_after(attempt.begun)), Why::Provisional),
                _ => Next::At(self.first(now, over), Why::Over),
            };
        }
        if is_missing {
            return match of.repeats.checked_sub(2) {
                Some(more) if changes == Changes::default() => {
                    let pause = FIRST_REPEAT.saturating_mul(1 << more.min(10)).min(LONGEST_REPEAT);
                    let until = after.saturating_add(pause).unwrap_or(Timestamp::MAX);
                    if until <= self.now { Next::At(Some(until), Why::Missing) } else { Next::Missing(after) }
                }
                _ => Next::At(Some(after), Why::Missing),
            };
        }
        match changes.evidence {
            true => Next::At(self.first(now, just_after(after)), Why::Late),
            false => Next::Done,
        }
    }

    /// What the newest attempt at a date left for a person.
    fn ended(&self, key: JobKey, of: &DateFacts, due: &mut Due) {
        let ended = of.attempt.as_ref().and_then(|attempt| attempt.ended.as_ref());
        if let Some(ended) = ended.filter(|ended| ended.outcome.needs_a_person()) {
            self.stop(key, (Stop::Ended(ended.outcome), ended.at), due);
        }
    }

    fn stop(&self, key: JobKey, (why, since): (Stop, Timestamp), due: &mut Due) {
        due.stopped.push(Stopped { key, why, since: since.min(self.now) });
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
    /// None is, and there was one.
    is_missing: bool,
}

enum Next {
    At(Option<Timestamp>, Why),
    Done,
    /// It was released again and again, and is not in the bucket; since when.
    Missing(Timestamp),
    Stopped,
}

/// How an attempt ended; killed if nobody saw it end.
fn outcome_of(attempt: &Attempt) -> Outcome {
    attempt.ended.as_ref().map_or(Outcome::Killed, |ended| ended.outcome)
}

fn is_killed(attempt: &Attempt) -> bool {
    outcome_of(attempt) == Outcome::Killed
}

/// When an attempt ended, or began if nobody saw it end.
fn ended_at(attempt: &Attempt) -> Timestamp {
    attempt.ended.as_ref().map_or(attempt.begun, |ended| ended.at)
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
    let mut jobs: VecDeque<Job> = jobs.into();
    let mut ordered = Vec::with_capacity(jobs.len());
    while let Some(front) = jobs.front() {
        let slot = facts.begun + ordered.len() as u64;
        let is_asking = front.key.date.is_none();
        let newest = jobs.back().and_then(|job| job.key.date);
        // Of the newest date the first in its order.
        let place = match slot % 3 == 2 && !is_asking {
            true => jobs.partition_point(|job| job.key.date < newest),
            false => 0,
        };
        ordered.extend(jobs.remove(place));
    }
    let waiting = waiting(facts, &ordered);
    let mut waiting = waiting.into_iter();
    ordered.retain(|_| !waiting.next().unwrap_or(false));
    ordered
}

/// Which jobs wait for others: what is run after another pipeline waits for its dates that are due, those of its own date and of
/// the day after it.
fn waiting(facts: &Facts, jobs: &[Job]) -> Vec<bool> {
    let is_first_try = |job: &&Job| !matches!(job.why, Why::Again { .. });
    let before: BTreeSet<(&str, Option<ServiceDate>)> = jobs
        .iter()
        .filter(is_first_try)
        .map(|job| &job.key)
        .chain(&facts.running)
        .map(|key| (key.pipeline.as_str(), key.date))
        .collect();
    let waits = |job: &Job| {
        let (Some(pipeline), Some(date)) = (facts.pipelines.get(&job.key.pipeline), job.key.date) else { return false };
        let Trigger::After(other) = &pipeline.schedule.trigger else { return false };
        let of = |date| before.contains(&(other.as_str(), date));
        of(None) || of(Some(date)) || of(Some(date.plus_days(1)))
    };
    jobs.iter().map(waits).collect()
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
