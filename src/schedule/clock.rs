//! Whether the clock of this machine is behind what was written down before.
//!
//! A clock that was set back, as by an empty battery, makes old dates due and new ones not, and gives releases times that lie before those
//! of older ones. Nothing is run by itself then. The other way round one entry of a clock that was ahead would keep everything from being
//! run until its time has come: a person says that the clock is right now, which is an entry of the log, too.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::schedule::log::Log;

/// By so much machines that write one log and one bucket may differ.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// Earlier versions of this program made a release at least a second later than the one before it, so those after one of the future
/// come so near to it.
const SUCCESSORS: SignedDuration = SignedDuration::from_hours(24);

/// A clock that shows an earlier time than something that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockBehind {
    pub now: Timestamp,
    /// The newest time that is known.
    pub newest: Timestamp,
    /// The dataset in whose release it stands; none if it is an entry of the log.
    pub dataset: Option<String>,
}

/// Whether the clock is behind, by the log and by the newest release of each dataset that is known.
pub fn behind<'a>(
    now: Timestamp,
    log: &Log,
    releases: impl Iterator<Item = (&'a str, Timestamp)>,
) -> Option<ClockBehind> {
    let forgiven = log.clock_right.map(|until| until.saturating_add(SUCCESSORS).unwrap_or(Timestamp::MAX));
    let releases = releases.filter(|(_, at)| forgiven.is_none_or(|forgiven| *at > forgiven));
    let of_log = log.newest.map(|at| (at, None));
    let all = releases.map(|(dataset, at)| (at, Some(dataset))).chain(of_log);
    let (newest, dataset) = all.max()?;
    let limit = now.saturating_add(TOLERANCE).unwrap_or(Timestamp::MAX);
    (newest > limit).then(|| ClockBehind { now, newest, dataset: dataset.map(str::to_owned) })
}

impl fmt::Display for ClockBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, newest, dataset } = self;
        write!(f, "this machine's clock shows {now:.0}, and ")?;
        match dataset {
            Some(dataset) => write!(f, "the bucket has a release of '{dataset}' of {newest:.0}")?,
            None => {
                write!(f, "the schedule's log (schedule/log.jsonl in the private store) has an entry of {newest:.0}")?
            }
        }
        write!(
            f,
            ": nothing is run by itself. Set the clock ('timedatectl' shows it); or, if it is right now and was wrong then, type \
             'fahrtenbuch schedule --clock-is-right'"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_time_of_the_log_and_of_the_releases_decides() {
        let mut log = Log::default();
        log.newest = Some(at("2026-11-24T12:00:00Z"));
        let none = || std::iter::empty::<(&str, Timestamp)>();
        assert_eq!(behind(at("2026-11-24T11:00:00Z"), &log, none()), None);
        let found = behind(at("2026-11-24T10:59:59Z"), &log, none()).unwrap();
        assert_eq!((found.newest, found.dataset.as_deref()), (at("2026-11-24T12:00:00Z"), None));
        let releases = || [("a", at("2026-11-25T12:00:00Z")), ("b", at("2026-11-23T12:00:00Z"))].into_iter();
        let found = behind(at("2026-11-24T12:00:00Z"), &log, releases()).unwrap();
        assert_eq!((found.newest, found.dataset.as_deref()), (at("2026-11-25T12:00:00Z"), Some("a")));
        assert!(found.to_string().contains("clock shows 2026-11-24T12:00:00Z, and the bucket has a release of 'a' of"));
        // What a person took for the work of a wrong clock, and the releases that had to be later than it.
        (log.newest, log.clock_right) = (None, Some(at("2026-11-25T12:00:00Z")));
        assert_eq!(behind(at("2026-11-24T12:00:00Z"), &log, releases()), None);
        let later = || [("a", at("2026-11-25T12:00:07Z"))].into_iter();
        assert_eq!(behind(at("2026-11-24T12:00:00Z"), &log, later()), None);
        let later = || [("a", at("2026-12-25T12:00:07Z"))].into_iter();
        assert!(behind(at("2026-11-24T12:00:00Z"), &log, later()).is_some());
        assert_eq!(behind(at("2026-11-24T12:00:00Z"), &Log::default(), none()), None);
    }
}
