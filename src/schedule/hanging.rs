//! Which jobs hang: they are at work for longer than `limits: run_warn`, and than several times their usual length.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::schedule::facts::{Facts, JobKey, Outcome};
use crate::schedule::log::Log;

/// A job may take so many times its usual length.
const USUAL: f64 = 4.0;

/// The runs that hang, and since when they are at work.
pub fn hanging(facts: &Facts, log: &Log, warn: Duration, now: Timestamp) -> BTreeMap<JobKey, Timestamp> {
    let hangs = |key: &JobKey| {
        let begun = log.tried(key)?.attempt.begun;
        // One that was killed tells nothing of how long others take.
        let usual = log.of(&key.pipeline).filter(|(other, tried)| {
            let outcome = tried.attempt.ended.as_ref().map(|ended| ended.outcome);
            other.date.is_some() == key.date.is_some() && outcome.is_some_and(|outcome| outcome != Outcome::Killed)
        });
        let usual = usual.map(|(_, tried)| tried.seconds).fold(0.0, f64::max);
        is_long(begun, usual, warn, now).then(|| (key.clone(), begun))
    };
    facts.running.iter().filter_map(hangs).collect()
}

/// The same of daily jobs that are no runs.
pub fn hanging_chores(facts: &Facts, log: &Log, warn: Duration, now: Timestamp) -> BTreeMap<String, Timestamp> {
    let hangs = |(name, of): (&String, &crate::schedule::facts::ChoreFacts)| {
        let begun = of.running_since?;
        let usual = log.chores.get(name).filter(|done| done.chore.outcome != Outcome::Killed);
        let usual = usual.map_or(0.0, |done| done.chore.seconds);
        is_long(begun, usual, warn, now).then(|| (name.clone(), begun))
    };
    facts.chores.iter().filter_map(hangs).collect()
}

fn is_long(begun: Timestamp, usual_seconds: f64, warn: Duration, now: Timestamp) -> bool {
    let usual = Duration::try_from_secs_f64(usual_seconds * USUAL).unwrap_or_default();
    let patience = SignedDuration::try_from(warn.max(usual)).unwrap_or(SignedDuration::MAX);
    now.duration_since(begun) >= patience
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::schedule::facts::Mark;
    use crate::schedule::log::{Begun, Done, Entry, KnownLog, Writer};
    use crate::schedule::said::Said;

    #[test]
    fn a_run_hangs_after_an_hour_and_four_times_its_usual_length() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::take(folder.path()).unwrap().unwrap();
        let at = |minutes: i64| Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap();
        let key = |date: &str| JobKey { pipeline: "bus".to_owned(), date: Some(date.parse().unwrap()) };
        let begun = |date: &str| Begun { key: key(date), why: "over".to_owned(), evidence: None, settings: Mark(0) };
        let warn = Duration::from_secs(3600);
        let hang = |now: i64| {
            let mut log = KnownLog::read(folder.path()).unwrap();
            log.look(&writer).unwrap();
            let facts = Facts { running: [key("2026-11-25")].into(), ..Facts::none(TimeZone::UTC) };
            hanging(&facts, log.log(), warn, at(now))
        };
        writer.add(at(100), Entry::Begun(begun("2026-11-25")));
        assert_eq!(hang(159), BTreeMap::new());
        assert_eq!(hang(160), BTreeMap::from([(key("2026-11-25"), at(100))]));
        // The day before took half an hour; one that was killed after a day says nothing.
        for (date, outcome, seconds) in
            [("2026-11-24", Outcome::Published, 1800.0), ("2026-11-23", Outcome::Killed, 86_400.0)]
        {
            writer.add(at(0), Entry::Begun(begun(date)));
            let (said, held_by) = (Said::default(), Vec::new());
            writer.add(at(30), Entry::Ended(Done { key: key(date), outcome, exit: None, said, held_by, seconds }));
        }
        assert_eq!((hang(219).len(), hang(220).len()), (0, 1));
    }
}
