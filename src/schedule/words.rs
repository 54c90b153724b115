//! What is said of jobs, in English, for the terminal.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::schedule::due::{Stop, Stopped, Why};
use crate::schedule::facts::{Changes, JobKey, Outcome};

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date {
            Some(date) => write!(f, "{} {date}", self.pipeline),
            None => write!(f, "{}: asking its sources", self.pipeline),
        }
    }
}

/// A command, word by word.
fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl JobKey {
    /// The command by which another scheduler does the job: the attempt is written into the log, without which the job would be due
    /// again, and that there is nothing of the date is no failure.
    pub fn attempt(&self) -> Vec<String> {
        match self.date.map(|date| date.to_string()) {
            Some(date) => words(&["fahrtenbuch", "run", &self.pipeline, "--from", &date, "--to", &date, "--attempt"]),
            None => words(&["fahrtenbuch", "capture", &self.pipeline, "--attempt"]),
        }
    }

    /// The command that does the job by hand.
    pub fn command(&self) -> Vec<String> {
        match self.date {
            Some(date) => words(&["fahrtenbuch", "run", &self.pipeline, "--date", &date.to_string()]),
            None => words(&["fahrtenbuch", "capture", &self.pipeline]),
        }
    }
}

impl Stopped {
    /// The command by which somebody sees what it waits for, or does it by hand. The pipeline releases the dataset `dataset`.
    pub fn command(&self, dataset: &str) -> Vec<String> {
        match (self.why, self.key.date.map(|date| date.to_string())) {
            (Stop::Ended(Outcome::Usage) | Stop::Schedule, _) => words(&["fahrtenbuch", "check"]),
            (Stop::Ended(Outcome::HeldBack), Some(date)) => {
                words(&["fahrtenbuch", "quality", "report", dataset, "--from", &date, "--to", &date])
            }
            _ => self.key.command(),
        }
    }
}

impl Why {
    pub fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Captured => "captured",
            Self::Provisional => "provisional",
            Self::Late => "late",
            Self::Again { .. } => "again",
            Self::Mended(changes) if changes.are_of_settings() => "mended",
            Self::Mended(_) => "new_evidence",
            Self::Missing => "missing",
            Self::Asking => "asking",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => write!(f, "the date is over and was not released"),
            Self::Captured => write!(f, "a timetable was captured and was not released"),
            Self::Provisional => write!(f, "there is new evidence of the running date, for a provisional release"),
            Self::Late => write!(f, "there may be evidence that came in after it was run"),
            Self::Again { failures: 0 | 1 } => write!(f, "it failed and may succeed if tried again"),
            Self::Again { failures } => write!(f, "it failed {failures} times and may succeed if tried again"),
            Self::Mended(changes) => write!(f, "the newest try published nothing, and since then {changes}"),
            Self::Missing => write!(f, "it was released, and is not in the bucket"),
            Self::Asking => write!(f, "no collector asks its sources"),
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edited = [
            (self.configuration, "the configuration"),
            (self.contracts, "contracts or mappings"),
            (self.decisions, "decisions"),
        ];
        let edited: Vec<&str> = edited.iter().filter(|(is_changed, _)| *is_changed).map(|(_, what)| *what).collect();
        let came = self.evidence.then_some("new evidence came in");
        let changed = (!edited.is_empty()).then(|| format!("{} changed", edited.join(" and ")));
        let said: Vec<&str> = came.into_iter().chain(changed.as_deref()).collect();
        f.write_str(&said.join(", and "))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(Outcome::HeldBack) => {
                write!(f, "held back by quality; it waits for a mended rule or other evidence")
            }
            Self::Ended(Outcome::Usage) => write!(f, "the configuration is wrong; 'fahrtenbuch check' says where"),
            Self::Ended(_) => {
                write!(f, "failed; it waits until configuration, contracts, decisions or evidence change")
            }
            Self::TooOld => write!(f, "older than 'catch_up' and never released; run it by hand"),
            Self::Missing => write!(
                f,
                "it was released more than once, and is not in the bucket; see who empties the bucket, then run it by hand"
            ),
            Self::Lost => {
                write!(
                    f,
                    "it was released, is not in the bucket, and has no evidence; only a copy of the bucket has it"
                )
            }
            Self::Schedule => write!(
                f,
                "its 'schedule' has a mistake or an 'after' that cannot be followed: nobody knows when to run it; 'fahrtenbuch check' \
                 says why"
            ),
        }
    }
}

/// A time by the clock of a zone, to the minute: `2026-11-27 06:00`.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}
