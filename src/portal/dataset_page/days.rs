//! What each day of a dataset is: whether it is there, how complete it is, and if not, why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::check::RuleResult;
use crate::contract::{OnFail, RuleId};
use crate::ledger::Status;
use crate::portal::catalogue::Dataset;
use crate::portal::overview::{CANCELLED, Day, DayCoverage, DayFinding};
use crate::portal::withdrawals::{self, Withdrawal, WithdrawnDay};
use crate::publication;
use crate::time::ServiceDate;

/// Days after the newest that are told as missing; what is later says no more, and a clock that was wrong fills no calendar.
const MOST_LATE: i32 = 366;

/// What a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Published, and nothing is known to be missing, or so little that it does not matter to most questions.
    Complete,
    /// Published, and the table `coverage` says that more is missing, or a table of it is withdrawn.
    Partial,
    /// Published before the day was over.
    Provisional,
    /// A rule kept it from being published.
    HeldBack,
    /// All of its tables were withdrawn and are not back.
    Withdrawn,
    /// Published is only that nothing was captured.
    NothingCaptured,
    /// There is neither a file nor a result.
    Missing,
    /// The timetable of the day before still held.
    Unchanged,
    /// Before the first day, or after the newest.
    Outside,
}

impl State {
    /// Those that a calendar explains, in its order.
    pub(super) const TOLD: [Self; 8] = [
        Self::Complete,
        Self::Partial,
        Self::Provisional,
        Self::HeldBack,
        Self::Withdrawn,
        Self::NothingCaptured,
        Self::Missing,
        Self::Unchanged,
    ];

    /// As a class of the style sheet and in `data-figure`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Provisional => "provisional",
            Self::HeldBack => "held",
            Self::Withdrawn => "withdrawn",
            Self::NothingCaptured => "nothing",
            Self::Missing => "missing",
            Self::Unchanged => "unchanged",
            Self::Outside => "outside",
        }
    }

    /// Whether it is to be explained even where no cause is known.
    pub(super) fn is_gap(self) -> bool {
        !matches!(self, Self::Complete | Self::Unchanged | Self::Outside)
    }
}

/// Why a day is not complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A word of `gap_reason`, and the source whose snapshots are missing; none of trips of lines.
    Gap { reason: String, source: Option<String> },
    /// By a rule of a contract.
    Rule { contract: String, rule: RuleId },
    Withdrawn {
        /// Those that are gone, where the others of the day are not, or went by another act.
        tables: Vec<String>,
        at: Timestamp,
        by: String,
        reason: String,
        /// Since when they may be released again.
        lifted: Option<Timestamp>,
    },
}

/// How much is missing for a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub hours: BTreeSet<i32>,
    pub missing: u64,
}

/// Consecutive days in one state for the same causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub state: State,
    pub first: ServiceDate,
    pub last: ServiceDate,
    /// Over its days.
    pub causes: BTreeMap<Cause, Extent>,
}

/// All days of a dataset.
pub(super) struct Days<'a> {
    of: &'a Dataset,
    /// Those with a current file, and whether it is provisional.
    files: BTreeMap<ServiceDate, bool>,
    withdrawn: BTreeMap<ServiceDate, WithdrawnDay<'a>>,
    /// Rules that keep a run from being published, by the newest results.
    blocking: BTreeSet<(&'a str, &'a RuleId)>,
    /// The first and the newest; none of a dataset of which nothing is known. Where each day is to have data, the newest is that which
    /// should be there, so that days at the end are missing as others are.
    pub bounds: Option<(ServiceDate, ServiceDate)>,
}

impl<'a> Days<'a> {
    pub(super) fn of(of: &'a Dataset) -> Self {
        let mut files = BTreeMap::new();
        for table in &of.tables {
            for file in &table.index.files {
                *files.entry(file.partition_date).or_default() |= file.provisional;
            }
        }
        let withdrawn = withdrawals::of_dataset(of);
        let rules = of.results.iter().flat_map(|results| &results.rules).filter(|rule| rule.on_fail == OnFail::Block);
        let blocking = rules.map(|rule| (rule.contract.as_str(), &rule.id)).collect();
        let dates = || files.keys().chain(withdrawn.keys()).chain(of.overview.days.keys()).copied();
        let expected = of.recency.expected_on(of.recency.released_on).filter(|_| !files.is_empty());
        let until =
            |newest: ServiceDate| expected.map_or(newest, |date| newest.max(date.min(newest.plus_days(MOST_LATE))));
        let bounds = dates().min().zip(dates().max().map(until));
        Self { of, files, withdrawn, blocking, bounds }
    }

    /// Of those that are there, the newest first.
    pub(super) fn years(&self) -> Vec<i16> {
        let Some((first, newest)) = self.bounds else { return Vec::new() };
        (first.0.year()..=newest.0.year()).rev().collect()
    }

    /// Whether a day without a file is no gap: a timetable holds until the next, and the tables of publication tell of days on which
    /// something was published.
    pub(super) fn is_irregular(&self) -> bool {
        self.of.about.is_timetable || self.of.name == publication::DATASET
    }

    fn day(&self, date: ServiceDate) -> Option<&'a Day> {
        self.of.overview.days.get(&date)
    }

    pub(super) fn coverage(&self, date: ServiceDate) -> Option<&'a DayCoverage> {
        self.day(date)?.coverage.as_ref()
    }

    /// The first day that is published; of a dataset without any the first of which something is known.
    pub(super) fn first(&self) -> Option<ServiceDate> {
        self.files.keys().next().copied().or_else(|| self.bounds.map(|(first, _)| first))
    }

    /// The newest day that is published, and the newest after it that should be, where each day is to have data.
    pub(super) fn late(&self) -> Option<(ServiceDate, ServiceDate)> {
        let newest = self.files.keys().next_back().copied()?;
        let (_, expected) = self.bounds.filter(|(_, last)| self.of.recency.is_daily && *last > newest)?;
        Some((newest, expected))
    }

    /// Whether any of them is published.
    pub(super) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether anything tells how complete the days are.
    pub(super) fn is_measured(&self) -> bool {
        self.of.overview.days.values().any(|day| day.coverage.is_some())
    }

    /// What a day is. What is not there is explained first; of what is there, that it is not final comes before what it lacks.
    pub(super) fn state_of(&self, date: ServiceDate) -> State {
        let Some((first, newest)) = self.bounds else { return State::Outside };
        if date < first || date > newest {
            return State::Outside;
        }
        let day = self.day(date);
        let Some(&provisional) = self.files.get(&date) else {
            return match day.and_then(|day| day.status) {
                Some(Status::HeldBack) => State::HeldBack,
                _ if self.withdrawn.contains_key(&date) => State::Withdrawn,
                _ if self.is_irregular() => State::Unchanged,
                _ if day.is_some_and(|day| day.nothing_captured) => State::NothingCaptured,
                _ => State::Missing,
            };
        };
        let lacks = |day: &Day| day.coverage.as_ref().is_some_and(|of| of.partial);
        match day {
            Some(day) if day.nothing_captured => State::NothingCaptured,
            _ if provisional => State::Provisional,
            _ if self.withdrawn.contains_key(&date) => State::Partial,
            Some(day) if lacks(day) => State::Partial,
            _ => State::Complete,
        }
    }

    /// Why a day is not complete, or what little is missing of it.
    pub(super) fn causes(&self, date: ServiceDate) -> BTreeMap<Cause, Extent> {
        let mut causes = match self.state_of(date) {
            State::HeldBack => self.held_by(date).into_iter().map(|rule| (rule, Extent::default())).collect(),
            State::Complete | State::Partial | State::Provisional => self.gaps(date),
            _ => BTreeMap::new(),
        };
        let withdrawn = self.withdrawn.get(&date).into_iter().flat_map(withdrawals_of);
        causes.extend(withdrawn.map(|cause| (cause, Extent::default())));
        causes
    }

    /// Whether a table is withdrawn of a date of which others are there.
    pub(super) fn has_withdrawn_tables(&self) -> bool {
        self.withdrawn.values().any(|day| !day.is_whole)
    }

    /// Sources of whose snapshots no beat is known in a span of days: the days, and how many came in the hour with the fewest, and in
    /// that with the most.
    pub(super) fn without_beat(
        &self,
        from: ServiceDate,
        to: ServiceDate,
    ) -> BTreeMap<&'a str, (BTreeSet<ServiceDate>, [u64; 2])> {
        let mut found: BTreeMap<&str, (BTreeSet<ServiceDate>, [u64; 2])> = BTreeMap::new();
        if from > to {
            return found;
        }
        for (date, day) in self.of.overview.days.range(from..=to) {
            for (source, [fewest, most]) in day.coverage.iter().flat_map(|of| &of.without_beat) {
                let (dates, counts) = found.entry(source).or_insert_with(|| (BTreeSet::new(), [*fewest, *most]));
                dates.insert(*date);
                *counts = [counts[0].min(*fewest), counts[1].max(*most)];
            }
        }
        found
    }

    fn gaps(&self, date: ServiceDate) -> BTreeMap<Cause, Extent> {
        let mut causes: BTreeMap<Cause, Extent> = BTreeMap::new();
        let gaps = self.coverage(date).into_iter().flat_map(|of| &of.gaps).filter(|gap| gap.reason != CANCELLED);
        for gap in gaps {
            let cause = Cause::Gap { reason: gap.reason.clone(), source: gap.source.clone() };
            let extent = causes.entry(cause).or_default();
            extent.hours.extend(&gap.hours);
            extent.missing += gap.missing;
        }
        causes
    }

    /// Rules that held a day back: those that block by the newest results. Of rules that these do not know, all that failed.
    fn held_by(&self, date: ServiceDate) -> Vec<Cause> {
        let failed = |found: &&DayFinding| matches!(found.result, RuleResult::Failed | RuleResult::Error);
        let findings: Vec<&DayFinding> =
            self.day(date).into_iter().flat_map(|day| &day.findings).filter(failed).collect();
        let blocks = |found: &&&DayFinding| {
            found.result == RuleResult::Error || self.blocking.contains(&(found.contract.as_str(), &found.rule))
        };
        let blocking: Vec<&DayFinding> = findings.iter().filter(blocks).copied().collect();
        let told = if blocking.is_empty() { findings } else { blocking };
        told.into_iter()
            .map(|found| Cause::Rule { contract: found.contract.clone(), rule: found.rule.clone() })
            .collect()
    }

    /// Days from one to another of which something is missing, the newest first; consecutive ones with the same causes in one group.
    /// A complete day is none of them.
    pub(super) fn groups(&self, from: ServiceDate, to: ServiceDate) -> Vec<Group> {
        self.groups_of(from, to, State::is_gap)
    }

    /// The same of complete days of which a little is missing.
    pub(super) fn small_gaps(&self, from: ServiceDate, to: ServiceDate) -> Vec<Group> {
        let mut groups = self.groups_of(from, to, |state| state == State::Complete);
        groups.retain(|group| !group.causes.is_empty());
        groups
    }

    fn groups_of(&self, from: ServiceDate, to: ServiceDate, is_told: impl Fn(State) -> bool) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for date in dates(from, to) {
            let state = self.state_of(date);
            if !is_told(state) {
                continue;
            }
            let causes = self.causes(date);
            match groups.last_mut() {
                Some(last)
                    if last.last.plus_days(1) == date
                        && last.state == state
                        && last.causes.keys().eq(causes.keys()) =>
                {
                    last.last = date;
                    for (cause, extent) in causes {
                        let sum = last.causes.entry(cause).or_default();
                        sum.hours.extend(extent.hours);
                        sum.missing += extent.missing;
                    }
                }
                _ => groups.push(Group { state, first: date, last: date, causes }),
            }
        }
        groups.reverse();
        groups
    }
}

fn withdrawals_of(day: &WithdrawnDay<'_>) -> Vec<Cause> {
    let names = |of: &Withdrawal<'_>| of.tables.iter().map(|table| table.index.table.clone()).collect();
    let cause = |of: &Withdrawal<'_>| Cause::Withdrawn {
        tables: if day.has_names() { names(of) } else { Vec::new() },
        at: of.tombstone.at,
        by: of.tombstone.by.clone(),
        reason: of.tombstone.reason.clone(),
        lifted: of.tombstone.lifted.as_ref().map(|lifted| lifted.at),
    };
    day.acts.iter().map(cause).collect()
}

/// All from one to another.
pub(super) fn dates(from: ServiceDate, to: ServiceDate) -> impl Iterator<Item = ServiceDate> {
    let days = to.days_since_epoch() - from.days_since_epoch();
    (0..=days).map(move |day| from.plus_days(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::dataset_page::testing::{dataset, day, gap, tombstone};
    use crate::portal::overview::Overview;

    fn date(text: &str) -> ServiceDate {
        text.parse().unwrap()
    }

    #[test]
    fn each_day_is_in_one_state() {
        let mut of = dataset("bus", &["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"]);
        let index = &mut of.tables[0].index;
        index.files[4].provisional = true;
        index.withdrawn.insert(date("2026-11-18"), tombstone("Kennzeichen im Text"));
        let days = &mut of.overview.days;
        days.insert(date("2026-11-15"), day(Some(Status::HeldBack)));
        days.insert(date("2026-11-16"), Day { nothing_captured: true, ..Day::default() });
        days.insert(date("2026-11-21"), Day { nothing_captured: true, ..Day::default() });
        let covered = |partial, gaps| Day {
            coverage: Some(DayCoverage { gaps, partial, ..DayCoverage::default() }),
            ..Day::default()
        };
        days.insert(date("2026-11-20"), covered(false, vec![gap("not_reported", &[8], 1)]));
        days.insert(date("2026-11-22"), covered(false, vec![gap("cancelled", &[7], 2)]));
        days.insert(date("2026-11-23"), covered(true, vec![gap("cancelled", &[7], 2), gap("not_reported", &[8], 7)]));
        let days = Days::of(&of);
        let states: Vec<State> =
            dates(date("2026-11-14"), date("2026-11-25")).map(|date| days.state_of(date)).collect();
        use State::*;
        let expected = [
            Outside,
            HeldBack,
            NothingCaptured,
            Missing,
            Withdrawn,
            Missing,
            Complete,
            NothingCaptured,
            Complete,
            Partial,
            Provisional,
            Outside,
        ];
        assert_eq!(states, expected);
        assert_eq!(days.years(), [2026]);
        // What little is missing of a complete day is told by itself; a trip that was called off is not.
        let told = |text: &str| {
            let states = |groups: Vec<Group>| groups.iter().map(|group| group.state).collect::<Vec<_>>();
            (states(days.groups(date(text), date(text))), states(days.small_gaps(date(text), date(text))))
        };
        assert_eq!((told("2026-11-20"), told("2026-11-22")), ((vec![], vec![Complete]), (vec![], vec![])));
        assert_eq!(told("2026-11-23"), (vec![Partial], vec![]));
        assert!(Days::of(&dataset("bus", &[])).state_of(date("2026-11-24")) == Outside);
    }

    #[test]
    fn a_day_of_which_one_table_is_withdrawn_is_not_complete_and_one_of_which_all_are_is_withdrawn() {
        let mut of = dataset("bus", &["2026-11-22", "2026-11-23"]);
        let mut second = of.tables[0].clone();
        second.index.table = "u".into();
        second.index.files.remove(0);
        second.index.withdrawn.insert(date("2026-11-22"), tombstone("Kennzeichen"));
        second.index.withdrawn.insert(date("2026-11-21"), tombstone("Kennzeichen"));
        of.tables.push(second);
        of.tables[0].index.withdrawn.insert(date("2026-11-21"), tombstone("Kennzeichen"));
        // That of this day is back.
        of.tables[0].index.withdrawn.insert(date("2026-11-23"), tombstone("Kennzeichen"));
        let named = |of: &Dataset, text: &str| -> Vec<Vec<String>> {
            let causes = Days::of(of).causes(date(text)).into_keys();
            causes
                .filter_map(|cause| match cause {
                    Cause::Withdrawn { tables, .. } => Some(tables),
                    _ => None,
                })
                .collect()
        };
        let states =
            |of: &Dataset| ["2026-11-21", "2026-11-22", "2026-11-23"].map(|text| Days::of(of).state_of(date(text)));
        assert_eq!(states(&of), [State::Withdrawn, State::Partial, State::Complete]);
        assert_eq!((named(&of, "2026-11-21"), named(&of, "2026-11-22")), (vec![vec![]], vec![vec!["u".to_owned()]]));
        assert!(named(&of, "2026-11-23").is_empty() && Days::of(&of).has_withdrawn_tables());
        // Of two acts each names what it took, and what may come back is still gone.
        let other = of.tables[1].index.withdrawn.get_mut(&date("2026-11-21")).unwrap();
        other.record = "ledger/records/2.json".into();
        other.reason = "Anders".into();
        other.lifted = Some(crate::publish::index::Lifted {
            at: other.at,
            by: "x".into(),
            reason: "x".into(),
            record: "x".into(),
        });
        assert_eq!(states(&of)[0], State::Withdrawn);
        let tables = named(&of, "2026-11-21").concat();
        assert_eq!(tables.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["t".to_owned(), "u".to_owned()]));
    }

    #[test]
    fn days_at_the_end_are_missing_where_each_day_is_to_have_data() {
        let mut of = dataset("bus", &["2026-11-20", "2026-11-21"]);
        let late = |of: &Dataset| {
            let days = Days::of(of);
            (days.bounds.map(|(_, newest)| newest.to_string()), days.late().map(|(_, expected)| expected.to_string()))
        };
        let newest = |text: &str| Some(text.to_owned());
        // Nothing says how often it is renewed.
        of.recency.released_on = Some(date("2026-11-25"));
        assert_eq!(late(&of), (newest("2026-11-21"), None));
        of.recency.is_daily = true;
        assert_eq!(late(&of), (newest("2026-11-24"), newest("2026-11-24")));
        let days = Days::of(&of);
        assert_eq!(days.state_of(date("2026-11-24")), State::Missing);
        let groups = days.groups(date("2026-11-01"), date("2026-11-24"));
        assert_eq!((groups.len(), groups[0].first, groups[0].last), (1, date("2026-11-22"), date("2026-11-24")));
        // A release of the day after is on time.
        of.recency.released_on = Some(date("2026-11-22"));
        assert_eq!(late(&of), (newest("2026-11-21"), None));
        // A clock that was far ahead fills a year.
        of.recency.released_on = Some(date("2126-11-22"));
        assert_eq!(late(&of).0, newest("2027-11-22"));
    }

    #[test]
    fn a_day_between_two_timetables_is_no_gap() {
        let mut of = dataset("plan", &["2026-11-20", "2026-11-24"]);
        of.about.is_timetable = true;
        of.overview.days.insert(date("2026-11-22"), day(Some(Status::HeldBack)));
        let days = Days::of(&of);
        let states = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"].map(|text| days.state_of(date(text)));
        assert_eq!(states, [State::Complete, State::Unchanged, State::HeldBack, State::Unchanged]);
        assert_eq!(days.groups(date("2026-11-20"), date("2026-11-24")).len(), 1);
        let of = dataset(publication::DATASET, &["2026-11-20", "2026-11-24"]);
        assert_eq!(Days::of(&of).state_of(date("2026-11-21")), State::Unchanged);
    }

    #[test]
    fn consecutive_days_with_the_same_causes_are_one_group_and_held_days_name_the_rule_that_blocks() {
        let mut of = dataset("bus", &["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-24"]);
        of.overview = Overview::of("bus");
        for (text, reason) in [("2026-11-20", "failed"), ("2026-11-21", "failed"), ("2026-11-22", "frozen")] {
            let coverage = DayCoverage {
                partial: true,
                gaps: vec![gap(reason, &[7, 8], 5), gap("cancelled", &[9], 1)],
                ..DayCoverage::default()
            };
            of.overview.days.insert(date(text), Day { coverage: Some(coverage), ..Day::default() });
        }
        let found = |rule: &str, result| DayFinding {
            table: "t".into(),
            contract: "c".into(),
            rule: RuleId(rule.into()),
            result,
            rows: 3,
        };
        let held = Day {
            findings: vec![found("t.a", RuleResult::Warning), found("t.b", RuleResult::Failed)],
            ..day(Some(Status::HeldBack))
        };
        of.overview.days.insert(date("2026-11-23"), held);
        let days = Days::of(&of);
        let groups = days.groups(date("2026-11-01"), date("2026-11-30"));
        let told: Vec<(String, State)> =
            groups.iter().map(|group| (format!("{}/{}", group.first, group.last), group.state)).collect();
        let expected = [
            ("2026-11-23/2026-11-23", State::HeldBack),
            ("2026-11-22/2026-11-22", State::Partial),
            ("2026-11-20/2026-11-21", State::Partial),
        ];
        assert_eq!(told, expected.map(|(text, state)| (text.to_owned(), state)));
        let extent = groups[2].causes.values().next().unwrap();
        assert_eq!((extent.missing, extent.hours.len(), groups[2].causes.len()), (10, 2, 1));
        let rule = Cause::Rule { contract: "c".into(), rule: RuleId("t.b".into()) };
        assert_eq!(groups[0].causes.keys().collect::<Vec<_>>(), [&rule]);
    }
}
