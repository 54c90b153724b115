//! The log: attempts, and messages that were sent, one line each, only added to. `<private>/schedule/log.jsonl`.
//!
//! Losing it may repeat a message or a look at evidence, never a release: what is released stands in the bucket. One scheduler at a
//! time writes it, whoever holds `<private>/schedule/lock`. A line that a crash cut off says nothing. What the disk does not take is
//! kept in memory until it does, see [`Writer`].

mod writer;

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::writer::{KnownLog, Writer, add};
use crate::durable;
use crate::schedule::facts::{Attempt, Ended, JobKey, Mark, Outcome};
use crate::schedule::said::{HeldBy, Said};

/// A line that is longer is none of ours.
const LONGEST_LINE: usize = 1 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    #[serde(flatten)]
    pub entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Begun(Begun),
    Ended(Done),
    /// Of `notify`, whose form is its own.
    Message(Value),
    /// A job that is no run: a purge, a backup.
    Chore(Chore),
    /// A person said that the clock is right, although there are later times.
    ClockRight(ClockRight),
}

/// What a person took for the work of a wrong clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockRight {
    /// The newest time that there was.
    pub until: Timestamp,
}

/// An attempt begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    #[serde(flatten)]
    pub key: JobKey,
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Mark>,
    pub settings: Mark,
}

/// An attempt is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    #[serde(flatten)]
    pub key: JobKey,
    pub outcome: Outcome,
    /// The exit code; none if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// For people: what was released, or why it was not.
    #[serde(flatten)]
    pub said: Said,
    /// The rules that held it back, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<HeldBy>,
    pub seconds: f64,
}

/// A daily job that is no run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chore {
    pub name: String,
    pub outcome: Outcome,
    #[serde(flatten)]
    pub said: Said,
    pub seconds: f64,
}

/// What the log says of all jobs.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The newest attempt at each job.
    attempts: BTreeMap<JobKey, Tried>,
    /// The newest end of each chore.
    pub chores: BTreeMap<String, ChoreDone>,
    /// By pipeline.
    pub sums: BTreeMap<String, Sums>,
    /// In their order.
    pub messages: Vec<(Timestamp, Value)>,
    /// Attempts that were begun.
    pub begun: u64,
    /// The newest time of all entries since a person said that the clock is right.
    pub newest: Option<Timestamp>,
    /// The newest time that there was then.
    pub clock_right: Option<Timestamp>,
    /// How far the file was read.
    read: u64,
}

/// What came of all attempts of a pipeline that ended.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    pub ended: BTreeMap<Outcome, u64>,
    /// The end of the newest that published, or found nothing new.
    pub last_success: Option<Timestamp>,
}

/// What is known of a chore.
#[derive(Clone, Debug)]
pub struct ChoreDone {
    pub at: Timestamp,
    pub chore: Chore,
    /// Tries up to the newest that may succeed if repeated.
    pub failures: u32,
    /// When it last ended well.
    pub good: Option<Timestamp>,
    /// The end of its first try.
    pub first: Timestamp,
    pub failing: Option<Failing>,
}

/// What failed since something ended well: it stays while it is tried again, whatever becomes of that but success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failing {
    /// Since when it is held back by quality: the end of the first try that said so.
    pub held_back: Option<Timestamp>,
    /// The end of the first try that failed otherwise.
    pub failed: Option<Timestamp>,
    /// How the newest of those failed.
    pub outcome: Option<Outcome>,
    /// Tries that failed otherwise, in all.
    pub tries: u32,
    /// One of them needs a person.
    pub needs_a_person: bool,
    /// The end of the newest try.
    pub newest: Option<Timestamp>,
}

impl Failing {
    fn add(&mut self, at: Timestamp, outcome: Outcome) {
        self.newest = Some(at);
        if outcome == Outcome::HeldBack {
            self.held_back.get_or_insert(at);
            return;
        }
        self.failed.get_or_insert(at);
        self.outcome = Some(outcome);
        self.tries = self.tries.saturating_add(1);
        self.needs_a_person |= outcome.needs_a_person();
    }

    /// What is failing after one more try.
    fn after(before: Option<Self>, at: Timestamp, outcome: Outcome) -> Option<Self> {
        if !outcome.is_tried_again() && !outcome.needs_a_person() {
            return None;
        }
        let mut failing = before.unwrap_or_default();
        failing.add(at, outcome);
        Some(failing)
    }
}

/// What is known of the tries of a job.
#[derive(Clone, Debug)]
pub struct Tried {
    pub attempt: Attempt,
    /// How many up to the newest may succeed if repeated.
    pub failures: u32,
    /// The end of the first of those up to the newest that came to no result, one behind the other.
    pub failing_since: Option<Timestamp>,
    pub failing: Option<Failing>,
    /// What the newest that ended said.
    pub said: Said,
    /// The rules that held it back.
    pub held_by: Vec<HeldBy>,
    pub why: String,
    pub seconds: f64,
    /// When the newest began that released it, or found all of it released.
    pub published: Option<Timestamp>,
    /// How many with the evidence and the settings of the newest said so.
    pub repeats: u32,
}

/// The lines of a private store's log.
pub fn path(private: &Path) -> PathBuf {
    private.join("schedule").join("log.jsonl")
}

/// What a scheduler holds as long as it is at work.
pub fn lock_path(private: &Path) -> PathBuf {
    path(private).with_file_name("lock")
}

impl Log {
    /// Reads the log of a private store; an empty one if there is none.
    pub fn read(private: &Path) -> io::Result<Self> {
        let mut log = Self::default();
        log.read_on(private)?;
        Ok(log)
    }

    /// Reads what was added since.
    pub fn read_on(&mut self, private: &Path) -> io::Result<()> {
        let file = match durable::open_to_read(&path(private)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if file.metadata()?.len() < self.read {
            // Somebody put another one in its place.
            *self = Self::default();
        }
        let mut reader = BufReader::new(file);
        io::Seek::seek(&mut reader, io::SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let length = reader.read_until(b'\n', &mut bytes)?;
            // What has no end yet is read when it has.
            if length == 0 || bytes.last() != Some(&b'\n') {
                return Ok(());
            }
            self.read += length as u64;
            if length <= LONGEST_LINE
                && let Ok(line) = serde_json::from_slice::<Line>(&bytes)
            {
                self.add(line);
            }
        }
    }

    fn add(&mut self, Line { at, entry }: Line) {
        self.newest = self.newest.max(Some(at));
        match entry {
            Entry::ClockRight(ClockRight { until }) => (self.newest, self.clock_right) = (Some(at), Some(until)),
            Entry::Begun(Begun { key, why, evidence, settings }) => {
                self.begun += 1;
                let attempt = Attempt { begun: at, ended: None, evidence, settings };
                let before = self.attempts.remove(&key);
                // Of one that nobody saw end.
                let killed = before.as_ref().is_some_and(|tried| tried.attempt.ended.is_none());
                if killed {
                    *self.sums.entry(key.pipeline.clone()).or_default().ended.entry(Outcome::Killed).or_default() += 1;
                }
                let failing_since = before.as_ref().and_then(|tried| tried.failing_since).or(killed.then_some(at));
                let failing = before.as_ref().and_then(|tried| tried.failing);
                let failing = if killed { Failing::after(failing, at, Outcome::Killed) } else { failing };
                // What the newest that ended said is what is known of it until this one ends.
                let said = before.as_ref().map(|tried| tried.said.clone()).unwrap_or_default();
                let held_by = before.as_ref().map(|tried| tried.held_by.clone()).unwrap_or_default();
                let failures = before.as_ref().map_or(0, |tried| tried.failures) + u32::from(killed);
                let published = before.as_ref().and_then(|tried| tried.published);
                let is_same = |tried: &Tried| (tried.attempt.evidence, tried.attempt.settings) == (evidence, settings);
                let repeats = before.filter(is_same).map_or(0, |tried| tried.repeats);
                let seconds = 0.0;
                let tried = Tried {
                    attempt,
                    failures,
                    failing_since,
                    failing,
                    said,
                    held_by,
                    why,
                    seconds,
                    published,
                    repeats,
                };
                self.attempts.insert(key, tried);
            }
            Entry::Ended(Done { key, outcome, said, held_by, seconds, .. }) => {
                let sums = self.sums.entry(key.pipeline.clone()).or_default();
                *sums.ended.entry(outcome).or_default() += 1;
                let is_published = outcome.is_success();
                if is_published {
                    // The newest line, whatever a wrong clock wrote before.
                    sums.last_success = Some(at);
                }
                let Some(tried) = self.attempts.get_mut(&key) else { return };
                let is_failure = outcome.is_tried_again() || outcome.needs_a_person();
                let failing_since = tried.failing_since.filter(|since| *since <= at);
                tried.failing_since = is_failure.then(|| failing_since.unwrap_or(at));
                tried.failing = Failing::after(tried.failing, at, outcome);
                tried.failures = if outcome.is_tried_again() { tried.failures + 1 } else { 0 };
                tried.attempt.ended = Some(Ended { at, outcome });
                if is_published {
                    tried.published = Some(tried.attempt.begun);
                    tried.repeats = tried.repeats.saturating_add(1);
                }
                (tried.said, tried.held_by, tried.seconds) = (said, held_by, seconds);
            }
            Entry::Message(value) => self.messages.push((at, value)),
            Entry::Chore(chore) => {
                let before = self.chores.get(&chore.name);
                let failures = before.map_or(0, |before| before.failures);
                let failures = if chore.outcome.is_tried_again() { failures + 1 } else { 0 };
                let first = before.map_or(at, |before| before.first);
                let good = before.and_then(|before| before.good);
                let good = if chore.outcome == Outcome::Published { Some(at) } else { good };
                let failing = Failing::after(before.and_then(|before| before.failing), at, chore.outcome);
                self.chores.insert(chore.name.clone(), ChoreDone { at, chore, failures, good, first, failing });
            }
        }
    }

    pub fn tried(&self, key: &JobKey) -> Option<&Tried> {
        self.attempts.get(key)
    }

    pub fn all(&self) -> impl Iterator<Item = (&JobKey, &Tried)> {
        self.attempts.iter()
    }

    /// The jobs of a pipeline, by date.
    pub fn of<'a>(&'a self, pipeline: &'a str) -> impl Iterator<Item = (&'a JobKey, &'a Tried)> {
        let first = JobKey { pipeline: pipeline.to_owned(), date: None };
        self.attempts.range(first..).take_while(move |(key, _)| key.pipeline == pipeline)
    }

    /// Whether an attempt ever released something.
    pub fn has_released(&self) -> bool {
        self.attempts.iter().any(|(key, tried)| key.date.is_some() && tried.published.is_some())
    }
}

/// Whether a scheduler is at work on a private store now; `None` if none ever was.
pub fn work(private: &Path) -> Option<bool> {
    let lock = durable::open_to_read(&lock_path(private)).ok()?;
    Some(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key() -> JobKey {
        JobKey { pipeline: "bus".to_owned(), date: Some("2026-11-24".parse().unwrap()) }
    }

    fn begun() -> Entry {
        Entry::Begun(Begun { key: key(), why: "over".to_owned(), evidence: Some(Mark(u64::MAX)), settings: Mark(2) })
    }

    fn ended(outcome: Outcome) -> Entry {
        Entry::Ended(Done {
            key: key(),
            outcome,
            exit: Some(1),
            said: "no".to_owned().into(),
            held_by: Vec::new(),
            seconds: 1.5,
        })
    }

    #[test]
    fn what_is_written_is_read_again_and_a_torn_line_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::take(folder.path()).unwrap().unwrap();
        assert!(Writer::take(folder.path()).unwrap().is_none());
        writer.add(at(0), begun());
        writer.add(at(1), ended(Outcome::Transient));
        let mut torn = fs::OpenOptions::new().append(true).open(path(folder.path())).unwrap();
        torn.write_all(b"{\"at\":\"2026").unwrap();
        let mut log = Log::read(folder.path()).unwrap();
        assert_eq!(log.tried(&key()).unwrap().failures, 1);
        writer.add(at(2), begun());
        writer.add(at(3), Entry::Message(serde_json::json!({"cause": "x"})));
        log.read_on(folder.path()).unwrap();
        let tried = log.tried(&key()).unwrap();
        assert_eq!((tried.failures, &tried.attempt.ended, tried.attempt.evidence), (1, &None, Some(Mark(u64::MAX))));
        assert_eq!((log.begun, log.messages.len()), (2, 1));
        // Nobody saw it end.
        writer.add(at(4), begun());
        writer.add(at(5), ended(Outcome::Killed));
        log.read_on(folder.path()).unwrap();
        assert_eq!(log.tried(&key()).unwrap().failures, 3);
        assert_eq!(log.tried(&key()).unwrap().failing_since, Some(at(1)));
        writer.add(at(6), begun());
        writer.add(at(7), ended(Outcome::Published));
        log.read_on(folder.path()).unwrap();
        assert_eq!((log.tried(&key()).unwrap().failures, log.tried(&key()).unwrap().failing_since), (0, None));
        let sums = &log.sums["bus"];
        let ended = [Outcome::Published, Outcome::Transient, Outcome::Killed].map(|outcome| sums.ended[&outcome]);
        assert_eq!((ended, sums.last_success), ([1, 1, 2], Some(at(7))));
        let again = Log::read(folder.path()).unwrap();
        assert_eq!(
            (again.begun, again.tried(&key()).unwrap().attempt.clone()),
            (4, log.tried(&key()).unwrap().attempt.clone())
        );
    }
}
