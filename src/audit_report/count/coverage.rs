//! What the tables of coverage say: trips against the timetable, snapshots against their beat, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::sums::{Span, Sum, Values, minute, sort};
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
    /// The hours, and whether trips were scheduled in each.
    hours: BTreeMap<Timestamp, bool>,
}

impl Gap {
    fn hours_in_service(&self) -> Cell {
        self.hours.values().filter(|in_service| **in_service).count().into()
    }
}

/// An hour of a source. They are kept until it is known in which hours trips were scheduled: some ten thousand in a year.
struct SourceHour {
    date: ServiceDate,
    /// Dataset and source, by their place among the names.
    of: usize,
    hour: Option<Timestamp>,
    expected: Option<i64>,
    received: Option<i64>,
    reason: Option<Reason>,
}

/// A word of `gap_reason`, by its place among those that came.
#[derive(Clone, Copy)]
struct Reason(usize);

#[derive(Default)]
struct Beatless {
    days: Span,
    hours: i64,
    fewest: i64,
    most: i64,
}

impl Beatless {
    fn add(&mut self, date: ServiceDate, received: i64) {
        self.days.add(date);
        self.fewest = if self.hours == 0 { received } else { self.fewest.min(received) };
        self.most = self.most.max(received);
        self.hours += 1;
    }
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
    /// Of hours in which snapshots came that no known beat expected, by dataset and source.
    beatless: BTreeMap<(String, String), Beatless>,
    days: BTreeMap<String, BTreeSet<ServiceDate>>,
    months: BTreeMap<String, OfMonth>,
    /// Dataset and source of hours, and their reasons.
    names: Vec<(String, String)>,
    reasons: Vec<String>,
    hours: Vec<SourceHour>,
    /// Hours in which trips were scheduled, and dates of which that is known.
    planned: BTreeMap<String, BTreeSet<Timestamp>>,
    known: BTreeMap<String, BTreeSet<ServiceDate>>,
    missing_trips: BTreeMap<String, (Span, i64)>,
}

impl Counts {
    fn add(&mut self, line: &Line<'_>) {
        let date = line.date();
        if !self.days.get(line.dataset()).is_some_and(|days| days.contains(&date)) {
            self.days.entry(line.dataset().to_owned()).or_default().insert(date);
        }
        let month = self.months.entry(month(date)).or_default();
        let [scheduled, observed] = ["trips_scheduled", "trips_observed"].map(|name| line.count(name));
        month.scheduled.add(scheduled);
        month.observed.add(observed);
        let reason = line.text("gap_reason");
        let Some(source) = line.text("source") else {
            self.scheduled.add(scheduled);
            self.observed.add(observed);
            self.cancelled.add(line.count("trips_cancelled"));
            self.unscheduled.add(line.count("trips_unscheduled"));
            if scheduled > Some(0) {
                let dataset = line.dataset();
                self.planned.entry(dataset.to_owned()).or_default().extend(line.instant("hour_start"));
                self.known.entry(dataset.to_owned()).or_default().insert(date);
            }
            if let (Some(reason), Some(scheduled), Some(observed)) = (reason, scheduled, observed)
                && scheduled > observed
            {
                let (days, trips) = self.missing_trips.entry(reason.to_owned()).or_default();
                days.add(date);
                *trips += scheduled - observed;
            }
            return;
        };
        let (expected, received) = (line.count("snapshots_expected"), line.count("snapshots_received"));
        self.expected.add(expected);
        match expected {
            Some(_) => self.received.add(received),
            None => self.without_beat.add(received),
        }
        if let (None, Some(received)) = (expected, received.filter(|received| *received > 0)) {
            self.beatless.entry((line.dataset().to_owned(), source.to_owned())).or_default().add(date, received);
        }
        let known = self.names.iter().position(|(dataset, of)| dataset == line.dataset() && of == source);
        let of = known.unwrap_or_else(|| {
            self.names.push((line.dataset().to_owned(), source.to_owned()));
            self.names.len() - 1
        });
        let reason = reason.map(|reason| {
            let known = self.reasons.iter().position(|known| known == reason);
            Reason(known.unwrap_or_else(|| {
                self.reasons.push(reason.to_owned());
                self.reasons.len() - 1
            }))
        });
        self.hours.push(SourceHour { date, of, hour: line.instant("hour_start"), expected, received, reason });
    }

    /// Whether trips were scheduled in an hour; of a date of which nobody knows it, every hour counts.
    fn is_in_service(&self, dataset: &str, hour: &SourceHour) -> bool {
        let is_known = self.known.get(dataset).is_some_and(|dates| dates.contains(&hour.date));
        let is_planned = |at: Timestamp| self.planned.get(dataset).is_some_and(|hours| hours.contains(&at));
        !is_known || hour.hour.is_some_and(is_planned)
    }

    /// What the hours of sources come to: by source, by month, and what is missing by dataset, source and reason.
    fn of_sources(&self) -> Sources {
        let mut found = Sources::default();
        for hour in &self.hours {
            let Some((dataset, source)) = self.names.get(hour.of) else { continue };
            let in_service = self.is_in_service(dataset, hour);
            let of = found.sources.entry((dataset.clone(), source.clone())).or_default();
            of.expected.add(hour.expected);
            of.received.add(hour.received);
            if in_service {
                of.hours.add(hour.reason.is_some());
                found.months.entry(month(hour.date)).or_default().add(hour.reason.is_some());
            }
            let Some(reason) = hour.reason.and_then(|Reason(place)| self.reasons.get(place)) else { continue };
            let gap = found.gaps.entry([dataset.clone(), source.clone(), reason.clone()]).or_default();
            gap.days.add(hour.date);
            let received = hour.received.unwrap_or(0);
            gap.missing.add(hour.expected.map(|expected| expected - received.min(expected)));
            if let Some(at) = hour.hour {
                *gap.hours.entry(at).or_default() |= in_service;
            }
        }
        found
    }
}

#[derive(Default)]
struct Sources {
    sources: BTreeMap<(String, String), OfSource>,
    months: BTreeMap<String, Hours>,
    gaps: BTreeMap<[String; 3], Gap>,
}

fn month(date: ServiceDate) -> String {
    date.0.strftime("%Y-%m").to_string()
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
    let beatless = counts.beatless.iter().map(|((dataset, source), of)| {
        let counts = [of.days.days(), of.hours.into(), of.fewest.into(), of.most.into()];
        [dataset.as_str().into(), source.as_str().into()].into_iter().chain(counts).collect()
    });
    values.insert(Key::WithoutBeat, beatless.collect());
    let of_sources = counts.of_sources();
    let months = counts.months.into_iter().map(|(month, of)| {
        let (scheduled, observed) = (of.scheduled.total(), of.observed.total());
        let hours = of_sources.months.get(&month).copied().unwrap_or_default();
        let trips = [month.into(), scheduled.into(), observed.into(), Cell::share(observed, scheduled)];
        trips.into_iter().chain(hours.cells()).collect()
    });
    values.insert(Key::Months, months.collect());
    let sources = of_sources.sources.into_iter().map(|((dataset, source), of)| {
        let counts = [dataset.into(), source.into(), of.expected.cell(), of.received.total().into()];
        counts.into_iter().chain(of.hours.cells()).collect()
    });
    values.insert(Key::Sources, sources.collect());
    let reasons = of_sources.gaps.iter().map(|([dataset, source, reason], gap)| {
        let names = [dataset, source, reason].map(|name| Cell::from(name.as_str())).into_iter();
        names.chain([gap.days.days(), gap.hours.len().into(), gap.hours_in_service(), gap.missing.cell()]).collect()
    });
    values.insert(Key::OutageReasons, reasons.collect());
    outages(&of_sources.gaps, values);
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
        let mut runs: Vec<Outage> = Vec::new();
        for (&hour, &in_service) in &gap.hours {
            match runs.last_mut().filter(|run| run.end == hour) {
                Some(run) => {
                    run.end += HOUR;
                    run.hours += 1;
                    run.in_service += i64::from(in_service);
                }
                None => runs.push(Outage { begin: hour, end: hour + HOUR, hours: 1, in_service: in_service.into() }),
            }
        }
        found.extend(runs.into_iter().map(|run| {
            let names = names.each_ref().map(|name| Cell::from(name.as_str())).into_iter();
            let of_run = [minute(run.begin).into(), minute(run.end).into(), run.hours.into(), run.in_service.into()];
            names.chain(of_run).collect()
        }));
    }
    let hours = |place: usize| found.iter().map(move |outage| outage[place].count());
    let in_service = hours(6).filter(|hours| *hours > 0).count();
    let totals = [
        found.len().into(),
        hours(5).sum::<i64>().into(),
        in_service.into(),
        hours(6).sum::<i64>().into(),
        hours(5).max().unwrap_or(0).into(),
    ];
    values.insert(Key::OutageTotals, vec![totals.to_vec()]);
    sort(&mut found, &[(6, true), (5, true), (3, false), (0, false), (1, false), (2, false)]);
    found.truncate(figures::OUTAGES);
    values.insert(Key::Outages, found);
}

/// Hours one behind the other.
struct Outage {
    begin: Timestamp,
    end: Timestamp,
    hours: i64,
    in_service: i64,
}
