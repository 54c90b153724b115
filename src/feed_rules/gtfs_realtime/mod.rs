//! The standard rules of GTFS-Realtime over the snapshots of a feed, one after the other in the order of time.
//!
//! Takes [`Snapshot`]s and makes a [`Report`]: for each notice how often it was found in all of them. A rule is one file of
//! this folder and one line of [`RULES`]: its notice in both languages, its check, and the examples that are its test. Codes,
//! severities and meaning are those of the canonical validator
//! (<https://github.com/MobilityData/gtfs-realtime-validator/blob/master/RULES.md>).

pub mod decreasing_timestamps;
pub mod moment;
pub(super) mod of_run;
mod prelude;
pub mod stale_header;
pub mod unknown_trips;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::moment::{Moment, TripIds};
use crate::contract::notices::Change;
use crate::decode::snapshot::{Header, Snapshot};
use crate::feed_rules::notice::{Notice, Out};
use crate::feed_rules::report::Report;
use crate::feed_rules::rule::{Rule, Subject};

/// All rules, in the order of their names.
pub static RULES: &[&Rule<Moment>] = &[&decreasing_timestamps::RULE, &stale_header::RULE, &unknown_trips::RULE];

/// All notices that rules can give, by code.
pub fn notices() -> Vec<&'static Notice> {
    let mut notices: Vec<_> = RULES.iter().flat_map(|rule| rule.notices.iter().copied()).collect();
    notices.sort_by_key(|notice| notice.code);
    notices
}

/// Why a rule that stopped by a fault of its own has no result.
const STOPPED: &str = "the rule stopped by a fault of its own";

/// The rules at work on the snapshots of a pipeline's sources.
pub struct SnapshotRules {
    timetable: Result<Arc<TripIds>, String>,
    /// Of each source the header of its last snapshot.
    before: BTreeMap<Arc<str>, Header>,
    found: Out,
    stopped: BTreeSet<&'static str>,
}

impl SnapshotRules {
    /// With the trips of the timetable, or why there are none.
    pub fn new(timetable: Result<TripIds, String>) -> Self {
        Self {
            timetable: timetable.map(Arc::new),
            before: BTreeMap::new(),
            found: Out::default(),
            stopped: BTreeSet::new(),
        }
    }

    /// Looks at the next snapshot of a source. One that does not count is only the one before the next.
    pub fn look(&mut self, source: &Arc<str>, snapshot: Snapshot, counts: bool) {
        let before = self.before.insert(source.clone(), snapshot.header);
        if !counts {
            return;
        }
        let moment = Moment { now: snapshot, before, timetable: self.timetable.clone() };
        for rule in RULES.iter().filter(|rule| moment.blocker(&rule.needs).is_none()) {
            if !self.stopped.contains(rule.name()) && rule.run(&moment, &mut self.found).is_err() {
                self.stopped.insert(rule.name());
            }
        }
    }

    /// What was found in all snapshots that count.
    pub fn report(self, changes: &[Change]) -> Report<()> {
        let mut found = self.found;
        // What a rule found before it stopped is not how often its notice would be given.
        let stopped = || RULES.iter().filter(|rule| self.stopped.contains(rule.name()));
        found.found.retain(|found| !stopped().any(|rule| rule.notices.iter().any(|own| own.code == found.notice.code)));
        let mut report = Report::new((), found, changes);
        let no_timetable = self.timetable.err();
        report.not_run = RULES
            .iter()
            .filter_map(|rule| match &no_timetable {
                _ if self.stopped.contains(rule.name()) => Some((rule.name(), STOPPED.to_owned())),
                Some(why) if rule.needs.timetable => Some((rule.name(), why.clone())),
                _ => None,
            })
            .collect();
        report
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::moment::Shown;
    use super::*;
    use crate::contract::Severity;

    /// How often each notice is given for the snapshots of an example, which are of one source, ten seconds apart.
    fn look(parts: &[Shown]) -> Report<()> {
        let trips = parts.iter().filter_map(|part| if let Shown::Timetable(ids) = part { Some(*ids) } else { None });
        let mut watch = SnapshotRules::new(Ok(TripIds::of(trips.flatten().copied())));
        for snapshot in parts.iter().filter_map(Shown::snapshot) {
            watch.look(&"x".into(), snapshot, true);
        }
        watch.report(&[])
    }

    fn count(report: &Report<()>, code: &str) -> u64 {
        report.results.iter().filter(|result| result.found.notice.code == code).map(|result| result.found.total).sum()
    }

    #[test]
    fn every_example_gives_its_notice_as_often_as_it_says() {
        for rule in RULES {
            for (place, example) in rule.examples.iter().enumerate() {
                let report = look(example.parts);
                assert_eq!(count(&report, example.code), example.count, "{}, example {place}", rule.name());
                for result in &report.results {
                    let fields = result.found.notice.fields.len();
                    assert!(result.found.samples.iter().all(|sample| sample.len() == fields), "{}", rule.name());
                }
            }
            for notice in rule.notices {
                for failing in [true, false] {
                    let has = |e: &&crate::feed_rules::rule::Example<Moment>| {
                        e.code == notice.code && (e.count > 0) == failing
                    };
                    assert!(rule.examples.iter().any(|e| has(&e)), "{} {failing}", notice.code);
                }
            }
        }
    }

    #[test]
    fn notices_have_the_codes_and_severities_of_the_canonical_validator() {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts/gtfs_rt_rules.tsv");
        let table = std::fs::read_to_string(table).unwrap();
        for notice in notices() {
            assert!(table.lines().any(|line| line.split('\t').next() == Some(notice.code)), "{}", notice.code);
            let severity = if notice.code.starts_with('E') { Severity::Error } else { Severity::Warning };
            assert_eq!(notice.severity, severity, "{}", notice.code);
        }
    }

    #[test]
    fn every_file_of_a_rule_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/feed_rules/gtfs_realtime");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let has_rule = std::fs::read_to_string(&path).unwrap().contains("\npub static RULE: Rule = ");
            assert_eq!(RULES.iter().any(|rule| rule.name() == name), has_rule, "{name}");
        }
    }

    fn at(timestamp: u64) -> Snapshot {
        Shown::At(timestamp, &[("t", None)]).snapshot().unwrap()
    }

    #[test]
    fn each_source_has_its_own_snapshot_before_and_one_of_another_date_is_only_that() {
        let mut watch = SnapshotRules::new(Ok(TripIds::of(["t"].into_iter())));
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        // Received on the date before, and later than the first of the date.
        watch.look(&one, at(100), false);
        watch.look(&other, at(50), true);
        watch.look(&one, at(90), true);
        watch.look(&other, at(60), true);
        // Received on the date after.
        watch.look(&other, at(10), false);
        assert_eq!(count(&watch.report(&[]), "E018"), 1);
    }

    #[test]
    fn without_a_timetable_the_rules_that_need_it_are_named_with_the_reason() {
        let mut watch = SnapshotRules::new(Err("the pipeline names none".to_owned()));
        watch.look(&"x".into(), at(100), true);
        watch.look(&"x".into(), at(90), true);
        let report = watch.report(&[]);
        assert_eq!((count(&report, "E003"), count(&report, "E018")), (0, 1));
        assert_eq!(report.not_run, [("unknown_trips", "the pipeline names none".to_owned())]);
    }

    #[test]
    fn a_severity_can_be_changed_and_a_notice_switched_off() {
        for severity in [Some(Severity::Info), None] {
            let change = Change { code: "E018".into(), severity, reason: "a test".into(), line: 1 };
            let mut watch = SnapshotRules::new(Err(String::new()));
            watch.look(&"x".into(), at(100), true);
            watch.look(&"x".into(), at(90), true);
            let report = watch.report(std::slice::from_ref(&change));
            assert_eq!(report.results.first().map(|result| result.severity), severity);
            assert_eq!(report.changes, [change]);
        }
    }
}
