//! On which days each service runs (GTFS reference, `calendar.txt` and `calendar_dates.txt`).

use rustc_hash::FxHashMap;

use super::columns::NO_ROW;
use crate::decode::gtfs::Table;

/// The services of `calendar.txt` in its order, then those that only `calendar_dates.txt` has.
pub struct Services {
    pub all: Vec<Service>,
    by_id: FxHashMap<String, usize>,
}

pub struct Service {
    pub id: String,
    /// The row of `calendar.txt`.
    pub calendar: Option<usize>,
    /// The first row of `calendar_dates.txt`.
    pub first_date_row: Option<usize>,
    pub days: Days,
}

/// The days on which a service runs, since 1970: days of the week between two dates, and the exceptions. Takes as much
/// memory as the rows say it, whatever the span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Days {
    /// By days of the week, Monday first; all false without a row of `calendar.txt`.
    runs: [bool; 7],
    /// The dates between which `runs` holds, both included.
    span: Option<(i32, i32)>,
    /// Days outside of `runs` and `span`, ascending.
    added: Vec<i32>,
    /// Days that `runs` and `span` have and on which it does not run, ascending.
    removed: Vec<i32>,
    /// The first and the last day of all.
    ends: Option<(i32, i32)>,
}

impl Days {
    /// A day that is both added and removed is removed.
    pub fn new(runs: [bool; 7], span: Option<(i32, i32)>, added: Vec<i32>, removed: Vec<i32>) -> Self {
        let span = span.filter(|(first, last)| first <= last && runs.contains(&true));
        let mut days = Self { runs: if span.is_some() { runs } else { [false; 7] }, span, ..Self::default() };
        let sorted = |mut list: Vec<i32>| {
            list.sort_unstable();
            list.dedup();
            list
        };
        let removed = sorted(removed);
        let mut added = sorted(added);
        added.retain(|day| !days.is_regular(*day) && removed.binary_search(day).is_err());
        days.added = added;
        days.removed = removed.into_iter().filter(|day| days.is_regular(*day)).collect();
        days.ends = days.next(i32::MIN).zip(days.previous(i32::MAX));
        days
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    pub fn first(&self) -> Option<i32> {
        self.ends.map(|(first, _)| first)
    }

    pub fn last(&self) -> Option<i32> {
        self.ends.map(|(_, last)| last)
    }

    pub fn contains(&self, day: i32) -> bool {
        self.added.binary_search(&day).is_ok() || self.is_regular(day) && self.removed.binary_search(&day).is_err()
    }

    /// How many exceptions there are; what one look at the days costs grows with them.
    pub fn exceptions(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Whether the row of `calendar.txt` has the day.
    fn is_regular(&self, day: i32) -> bool {
        self.span.is_some_and(|(first, last)| (first..=last).contains(&day)) && self.runs[weekday(day)]
    }

    /// The first day from this one on.
    fn next(&self, from: i32) -> Option<i32> {
        let added = self.added.get(self.added.partition_point(|day| *day < from)).copied();
        let regular = self.span.and_then(|(first, last)| {
            // Beyond the removed days there are seven at most without a run.
            (from.max(first)..=last).find(|day| self.runs[weekday(*day)] && self.removed.binary_search(day).is_err())
        });
        added.into_iter().chain(regular).min()
    }

    /// The last day up to this one.
    fn previous(&self, until: i32) -> Option<i32> {
        let added = self.added.partition_point(|day| *day <= until).checked_sub(1).map(|place| self.added[place]);
        let regular = self.span.and_then(|(first, last)| {
            let is_run = |day: &i32| self.runs[weekday(*day)] && self.removed.binary_search(day).is_err();
            (first..=until.min(last)).rev().find(is_run)
        });
        added.into_iter().chain(regular).max()
    }

    /// The pauses of more than so many days, at least six, which is the longest that the days of a week can make: the last day before each
    /// and the first after it.
    pub fn gaps(&self, longer_than: i32) -> Vec<(i32, i32)> {
        let mut gaps: Vec<(i32, i32)> = Vec::new();
        let Some((first, last)) = self.ends else { return gaps };
        // A pause begins or ends beside an exception or an end of the calendar's span.
        let ends = self.span.into_iter().flat_map(|(first, last)| [first, last]);
        let mut marks: Vec<i32> = self.added.iter().chain(&self.removed).copied().chain(ends).collect();
        marks.sort_unstable();
        let mut seen = first;
        for mark in marks.into_iter().filter(|mark| (first..=last).contains(mark)) {
            // Those within the pause that was seen last would only find it again.
            if mark < seen {
                continue;
            }
            let before = if self.contains(mark) { Some(mark) } else { self.previous(mark) };
            let mut pair = |before: Option<i32>, after: Option<i32>| {
                if let (Some(before), Some(after)) = (before, after) {
                    if after - before - 1 > longer_than && gaps.last().is_none_or(|(other, _)| *other < before) {
                        gaps.push((before, after));
                    }
                    seen = seen.max(after);
                }
            };
            if self.contains(mark) {
                pair(self.previous(mark - 1), Some(mark));
            }
            pair(before, self.next(mark.saturating_add(1)));
        }
        gaps
    }

    /// The first day that both have.
    pub fn first_common(&self, other: &Self) -> Option<i32> {
        let added = self.added.iter().copied().find(|day| other.contains(*day));
        let others = other.added.iter().copied().find(|day| self.contains(*day));
        let regular = self.span.zip(other.span).and_then(|(one, two)| {
            let runs: [bool; 7] = std::array::from_fn(|day| self.runs[day] && other.runs[day]);
            let is_run = |day: &i32| {
                runs[weekday(*day)]
                    && self.removed.binary_search(day).is_err()
                    && other.removed.binary_search(day).is_err()
            };
            runs.contains(&true).then(|| (one.0.max(two.0)..=one.1.min(two.1)).find(is_run)).flatten()
        });
        added.into_iter().chain(others).chain(regular).min()
    }
}

/// The place of a day in its week, Monday first. 1970-01-01 was a Thursday.
fn weekday(day: i32) -> usize {
    (day.wrapping_add(3)).rem_euclid(7) as usize
}

impl Services {
    pub fn new(calendar: &Table, dates: &Table) -> Self {
        let ids = calendar.text("service_id");
        let weekdays =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"].map(|day| calendar.int(day));
        let (start, end) = (calendar.int("start_date"), calendar.int("end_date"));
        let (date_ids, date, exception) = (dates.text("service_id"), dates.int("date"), dates.int("exception_type"));
        let rows_of_date = date_ids.rows_by_code();
        let mut services = Self { all: Vec::new(), by_id: FxHashMap::default() };
        let add = |id: &str, calendar: Option<usize>, services: &mut Self| {
            let row = calendar.filter(|row| start.has(*row) && end.has(*row));
            let span = row.and_then(|row| Some((start.get(row)?, end.get(row)?)));
            // A number that is no part of the enum counts as odd, as the reference's bit would.
            let runs = weekdays.map(|day| row.is_some_and(|row| day.or(row, 0) & 1 == 1));
            let rows = date_ids.find(id).map_or(&[][..], |code| rows_of_date.of(code));
            let exceptions = || rows.iter().map(|row| *row as usize);
            let of_kind = |is_added: bool| {
                let rows = exceptions().filter(move |row| (exception.get(*row) == Some(1)) == is_added);
                rows.filter_map(|row| date.get(row)).collect()
            };
            let days = Days::new(runs, span, of_kind(true), of_kind(false));
            services.by_id.insert(id.to_owned(), services.all.len());
            services.all.push(Service { id: id.to_owned(), calendar, first_date_row: exceptions().next(), days });
        };
        if let Some(words) = ids.words() {
            let rows = ids.rows_by_code();
            for (code, id) in words.iter() {
                // The last of several rows of a service wins, because that is what most readers do.
                add(id, rows.of(code).last().map(|row| *row as usize), &mut services);
            }
        }
        if let Some(words) = date_ids.words() {
            for (_, id) in words.iter().filter(|(_, id)| ids.find(id).is_none()) {
                add(id, None, &mut services);
            }
        }
        services
    }

    pub fn find(&self, id: &str) -> Option<&Service> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// For each code of `trips.service_id` the place of the service in `all`.
    pub fn of_trips(&self, trips: &Table) -> Vec<u32> {
        let ids = trips.text("service_id");
        ids.words().map_or_else(Vec::new, |words| {
            words.iter().map(|(_, id)| self.by_id.get(id).map_or(NO_ROW, |place| *place as u32)).collect()
        })
    }

    /// How many trips run on each day, `frequencies.txt` counted (days since 1970, ascending). Days without service are left out.
    pub fn trips_per_day(&self, trips: &Table, frequencies: &Table) -> Vec<(i32, i64)> {
        let (ids, services) = (trips.text("trip_id"), trips.text("service_id"));
        let (start, end) = (frequencies.int("start_time"), frequencies.int("end_time"));
        let (headway, of_trip) = (frequencies.int("headway_secs"), frequencies.text("trip_id"));
        let rows = of_trip.rows_by_code();
        let places = self.of_trips(trips);
        let mut per_service = vec![0_i64; self.all.len()];
        for trip in 0..trips.rows {
            let Some(place) = services.code(trip).map(|code| places[code as usize]).filter(|place| *place != NO_ROW)
            else {
                continue;
            };
            let runs = of_trip.find(ids.get(trip)).filter(|_| ids.has(trip)).map_or(&[][..], |c| rows.of(c));
            per_service[place as usize] += if runs.is_empty() { 1 } else { 0 };
            for row in runs.iter().map(|row| *row as usize) {
                let more = match headway.or(row, 0) {
                    headway if headway > 0 => (end.or(row, 0) - start.or(row, 0) - 1) / headway,
                    _ => 0,
                };
                per_service[place as usize] += i64::from(1 + more);
            }
        }
        let services = self.all.iter().zip(per_service).filter(|(_, trips)| *trips != 0);
        per_day(services.map(|(service, trips)| (&service.days, trips)))
    }
}

/// On each day the sum of the numbers of those that run. One walk over the days with a sum for each day of the week, so that the cost
/// does not grow with services times days.
fn per_day<'a>(all: impl Iterator<Item = (&'a Days, i64)>) -> Vec<(i32, i64)> {
    // From a day on so many services and trips more, on some days of the week or, as an exception, on that day alone.
    let mut changes: Vec<(i32, [bool; 7], i64, i64)> = Vec::new();
    let mut single: Vec<(i32, i64, i64)> = Vec::new();
    for (days, trips) in all {
        if let Some((first, last)) = days.span {
            changes.push((first, days.runs, 1, trips));
            changes.push((last + 1, days.runs, -1, -trips));
        }
        single.extend(days.added.iter().map(|day| (*day, 1, trips)));
        single.extend(days.removed.iter().map(|day| (*day, -1, -trips)));
    }
    changes.sort_unstable_by_key(|change| change.0);
    single.sort_unstable_by_key(|change| change.0);
    let (mut changes, mut single) = (changes.into_iter().peekable(), single.into_iter().peekable());
    let mut running = [(0_i64, 0_i64); 7];
    let mut found = Vec::new();
    let Some(mut day) = changes.peek().map(|c| c.0).into_iter().chain(single.peek().map(|c| c.0)).min() else {
        return found;
    };
    loop {
        while let Some((_, runs, services, trips)) = changes.next_if(|change| change.0 == day) {
            for (sum, _) in running.iter_mut().zip(runs).filter(|(_, runs)| *runs) {
                sum.0 += services;
                sum.1 += trips;
            }
        }
        let mut sum = running[weekday(day)];
        while let Some((_, services, trips)) = single.next_if(|change| change.0 == day) {
            sum.0 += services;
            sum.1 += trips;
        }
        if sum.0 > 0 {
            found.push((day, sum.1));
        }
        if running.iter().any(|sum| sum.0 > 0) {
            day += 1;
        } else {
            match changes.peek().map(|c| c.0).into_iter().chain(single.peek().map(|c| c.0)).min() {
                Some(next) => day = next,
                None => return found,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Parts = ([bool; 7], Option<(i32, i32)>, Vec<i32>, Vec<i32>);

    fn parts() -> impl Strategy<Value = Parts> {
        let days = || proptest::collection::vec(-60..120_i32, 0..20);
        (any::<[bool; 7]>(), proptest::option::of((-40..100_i32, -40..100_i32)), days(), days())
    }

    /// The days one by one.
    fn listed((runs, span, added, removed): &Parts) -> BTreeSet<i32> {
        let regular = span.iter().flat_map(|(first, last)| *first..=*last).filter(|day| runs[weekday(*day)]);
        let mut days: BTreeSet<i32> = regular.chain(added.iter().copied()).collect();
        removed.iter().for_each(|day| _ = days.remove(day));
        days
    }

    fn days(parts: &Parts) -> Days {
        Days::new(parts.0, parts.1, parts.2.clone(), parts.3.clone())
    }

    proptest! {
        #[test]
        fn days_in_short_are_the_days_one_by_one(one in parts(), two in parts(), trips in 1..5_i64) {
            let (a, b, all, others) = (days(&one), days(&two), listed(&one), listed(&two));
            prop_assert_eq!(a.first(), all.first().copied());
            prop_assert_eq!(a.last(), all.last().copied());
            prop_assert_eq!(a.is_empty(), all.is_empty());
            for day in -70..130 {
                prop_assert_eq!(a.contains(day), all.contains(&day));
            }
            prop_assert_eq!(a.first_common(&b), all.intersection(&others).next().copied());
            let list: Vec<i32> = all.iter().copied().collect();
            let gaps = list.windows(2).filter(|pair| pair[1] - pair[0] > 8).map(|pair| (pair[0], pair[1]));
            prop_assert_eq!(a.gaps(7), gaps.collect::<Vec<_>>());
            let mut sums = BTreeMap::new();
            all.iter().for_each(|day| *sums.entry(*day).or_insert(0) += trips);
            others.iter().for_each(|day| *sums.entry(*day).or_insert(0) += 2);
            prop_assert_eq!(per_day([(&a, trips), (&b, 2)].into_iter()), sums.into_iter().collect::<Vec<_>>());
        }
    }
}
