//! What the tables of coverage say: trips against the timetable, snapshots against their beat, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Span, Sum, Values, minute, sort};
use crate::audit_report::figure::{Cell, Key};
use crate::audit_report::figures;
use crate::audit_report::tables::{Line, Tables, View};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Copy, Default)]
struct Hours {
    all: i64,
    with_gap: i64,
}

impl Hours {
    fn add(&mut self, has_gap: bool) {
        self.all += 1;
        self.with_gap += i64::from(has_gap);
    }

    fn cells(self) -> [Cell; 3] {
        [self.all.into(), self.with_gap.into(), Cell::share(self.all - self.with_gap, self.all)]
    }
}

#[derive(Default)]
struct OfMonth {
    scheduled: Sum,
    observed: Sum,
    hours: Hours,
}

#[derive(Default)]
struct OfSource {
    expected: Sum,
    received: Sum,
    hours: Hours,
}

#[derive(Default)]
struct Gap {
    days: Span,
    missing: Sum,
    hours: BTreeSet<Timestamp>,
}

#[derive(Default)]
struct Counts {
    scheduled: Sum,
    observed: Sum,
    cancelled: Sum,
    unscheduled: Sum,
    expected: Sum,
    received: Sum,
    without_beat: Sum,
    days: BTreeMap<String, BTreeSet<ServiceDate>>,
    months: BTreeMap<String, OfMonth>,
    sources: BTreeMap<(String, String), OfSource>,
    /// By dataset, source and reason.
    gaps: BTreeMap<[String; 3], Gap>,
    missing_trips: BTreeMap<String, (Span, i64)>,
}

impl Counts {
    fn add(&mut self, line: &Line<'_>) {
        let date = line.date();
        if !self.days.get(line.dataset()).is_some_and(|days| days.contains(&date)) {
            self.days.entry(line.dataset().to_owned()).or_default().insert(date);
        }
        let month = self.months.entry(date.0.strftime("%Y-%m").to_string()).or_default();
        let [scheduled, observed] = ["trips_scheduled", "trips_observed"].map(|name| line.count(name));
        month.scheduled.add(scheduled);
        month.observed.add(observed);
        let reason = line.text("gap_reason");
        let Some(source) = line.text("source") else {
            self.scheduled.add(scheduled);
            self.observed.add(observed);
            self.cancelled.add(line.count("trips_cancelled"));
            self.unscheduled.add(line.count("trips_unscheduled"));
            if let (Some(reason), Some(scheduled), Some(observed)) = (reason, scheduled, observed)
                && scheduled > observed
            {
                let (days, trips) = self.missing_trips.entry(reason.to_owned()).or_default();
                days.add(date);
                *trips += scheduled - observed;
            }
            return;
        };
        month.hours.add(reason.is_some());
        let (expected, received) = (line.count("snapshots_expected"), line.count("snapshots_received"));
        self.expected.add(expected);
        match expected {
            Some(_) => self.received.add(received),
            None => self.without_beat.add(received),
        }
        let of = self.sources.entry((line.dataset().to_owned(), source.to_owned())).or_default();
        of.expected.add(expected);
        of.received.add(received);
        of.hours.add(reason.is_some());
        if let Some(reason) = reason {
            let gap = self.gaps.entry([line.dataset(), source, reason].map(str::to_owned)).or_default();
            gap.days.add(date);
            gap.missing.add(expected.map(|expected| expected - received.unwrap_or(0).min(expected)));
            gap.hours.extend(line.instant("hour_start"));
        }
    }
}

pub(super) fn count(bucket: &Bucket, tables: &Tables, values: &mut Values) -> Result<(), PublishError> {
    let mut counts = Counts::default();
    tables.visit(bucket, View::Coverage, |line| counts.add(line))?;
    // Of no row the share is of nothing, too.
    let share = |part: Sum, of: Sum| if part.0.is_none() { Cell::Null } else { Cell::share(part.total(), of.total()) };
    let Counts { scheduled, observed, cancelled, unscheduled, .. } = counts;
    let trips = [scheduled, observed, cancelled, unscheduled].map(|sum| Cell::Count(sum.total())).into_iter();
    values.insert(Key::Trips, vec![trips.chain([share(observed, scheduled)]).collect()]);
    let Counts { expected, received, without_beat, .. } = counts;
    let snapshots =
        vec![expected.total().into(), received.total().into(), share(received, expected), without_beat.total().into()];
    values.insert(Key::Snapshots, vec![snapshots]);
    days(&counts.days, values);
    let months = counts.months.into_iter().map(|(month, of)| {
        let (scheduled, observed) = (of.scheduled.total(), of.observed.total());
        let trips = [month.into(), scheduled.into(), observed.into(), Cell::share(observed, scheduled)];
        trips.into_iter().chain(of.hours.cells()).collect()
    });
    values.insert(Key::Months, months.collect());
    let sources = counts.sources.into_iter().map(|((dataset, source), of)| {
        let counts = [dataset.into(), source.into(), of.expected.cell(), of.received.total().into()];
        counts.into_iter().chain(of.hours.cells()).collect()
    });
    values.insert(Key::Sources, sources.collect());
    let reasons = counts.gaps.iter().map(|([dataset, source, reason], gap)| {
        let names = [dataset, source, reason].map(|name| Cell::from(name.as_str())).into_iter();
        names.chain([gap.days.days(), gap.hours.len().into(), gap.missing.cell()]).collect()
    });
    values.insert(Key::OutageReasons, reasons.collect());
    outages(&counts.gaps, values);
    let trips = counts.missing_trips.into_iter();
    let trips = trips.map(|(reason, (days, trips))| vec![reason.into(), days.days(), trips.into()]);
    values.insert(Key::MissingTrips, trips.collect());
    Ok(())
}

/// From when to when there is a release, and the days between that have none.
fn days(of: &BTreeMap<String, BTreeSet<ServiceDate>>, values: &mut Values) {
    let (mut spans, mut missing) = (Vec::new(), Vec::new());
    for (dataset, days) in of {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
        let all = i64::from(last.days_since_epoch() - first.days_since_epoch()) + 1;
        let without = all - i64::try_from(days.len()).unwrap_or(i64::MAX);
        spans.push(vec![
            dataset.as_str().into(),
            first.to_string().into(),
            last.to_string().into(),
            days.len().into(),
            without.into(),
        ]);
        for (day, next) in days.iter().zip(days.iter().skip(1)) {
            let between = i64::from(next.days_since_epoch() - day.days_since_epoch()) - 1;
            if between > 0 {
                let (first, last) = (day.plus_days(1), next.plus_days(-1));
                let dates = [first, last].map(|date| Cell::from(date.to_string()));
                missing.push([Cell::from(dataset.as_str())].into_iter().chain(dates).chain([between.into()]).collect());
            }
        }
    }
    sort(&mut missing, &[(3, true), (0, false), (1, false)]);
    missing.truncate(figures::MISSING_DAYS);
    values.insert(Key::Spans, spans);
    values.insert(Key::MissingDays, missing);
}

/// Hours of one source and reason, one behind the other, are one outage.
fn outages(gaps: &BTreeMap<[String; 3], Gap>, values: &mut Values) {
    let mut found: Vec<Vec<Cell>> = Vec::new();
    for (names, gap) in gaps {
        let mut runs: Vec<(Timestamp, Timestamp, i64)> = Vec::new();
        for &hour in &gap.hours {
            match runs.last_mut().filter(|(_, end, _)| *end == hour) {
                Some((_, end, hours)) => (*end, *hours) = (*end + HOUR, *hours + 1),
                None => runs.push((hour, hour + HOUR, 1)),
            }
        }
        found.extend(runs.into_iter().map(|(begin, end, hours)| {
            let names = names.each_ref().map(|name| Cell::from(name.as_str())).into_iter();
            names.chain([minute(begin).into(), minute(end).into(), hours.into()]).collect()
        }));
    }
    let hours = || found.iter().map(|outage| outage[5].count());
    let totals = vec![found.len().into(), hours().sum::<i64>().into(), hours().max().unwrap_or(0).into()];
    values.insert(Key::OutageTotals, vec![totals]);
    sort(&mut found, &[(5, true), (3, false), (0, false), (1, false), (2, false)]);
    found.truncate(figures::OUTAGES);
    values.insert(Key::Outages, found);
}
