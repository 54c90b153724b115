//! What counts as a stop seen.
//!
//! A stop of a trip is seen if
//! - a report that says `Stopped at` names it: by the sequence of a stop time, by the stop, or by both where both are told. A bus
//!   that is on its way to a stop, or about to arrive, has not served it;
//! - or a report lies within 50 m of it between its neighbours' times. Where reports name the stops before and after, those are
//!   the first time at which the nearest one before was named and the last at which the nearest one after was. Among the others,
//!   as many are seen as can be given a report each so that times ascend along the trip: so a stop that lies twice on it is
//!   told apart, and a late bus is seen as a punctual one is. By the timetable the report is at most 15 minutes before
//!   the departure of the stop before and at most three hours behind the arrival of the stop after; the first and the last stop have
//!   their own times in place of those that they lack.
//!
//! A report that names a stop which lies twice on the trip, and does not say which of the two, is one that lies near both.

use crate::derive::trips_observed::planned::{Call, Planned};
use crate::geo;

/// Metres.
const WITHIN: f64 = 50.0;
/// More than so many degrees of latitude are.
const DEGREES: f64 = WITHIN / 111_000.0;

/// What a report says of where its bus is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whereabouts {
    /// Seconds since noon minus twelve hours, less those by which the trip is moved; `None` where that is not known.
    pub planned_time: Option<i64>,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Latitude and longitude.
    pub place: Option<[f64; 2]>,
    /// What it names if it stands at a stop: the number of the stop, and the sequence.
    pub stop: Option<Named>,
    pub sequence: Option<i32>,
}

/// A stop that a report names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    Known(u32),
    /// The timetable does not have it.
    Unknown,
}

/// Which stops of one trip are seen.
#[derive(Clone, Default)]
pub(super) struct SeenStops {
    /// The first and the last time at which a stop was named, by its place in the trip.
    named: Vec<Option<(i64, i64)>>,
    /// When a report was near a stop: the time, and its place in the trip.
    near: Vec<(i64, u32)>,
}

impl SeenStops {
    /// What it takes.
    pub(super) fn bytes(&self) -> usize {
        self.named.capacity() * size_of::<Option<(i64, i64)>>() + self.near.capacity() * size_of::<(i64, u32)>()
    }

    /// Takes a report of a trip with these calls, whose places by latitude are these.
    pub(super) fn add(&mut self, report: &Whereabouts, calls: &[Call], by_latitude: &[u32], planned: &Planned) {
        let is_possible = |call: &Call| {
            report.planned_time.is_none_or(|time| (i64::from(call.from)..=i64::from(call.until)).contains(&time))
        };
        let mut near = |place: usize| {
            if calls.get(place).is_some_and(is_possible) && self.near.last() != Some(&(report.at, place as u32)) {
                self.near.push((report.at, place as u32));
            }
        };
        match named(report, calls).as_slice() {
            [] => {}
            &[place] => {
                self.named.resize(calls.len(), None);
                let (first, last) = self.named[place].unwrap_or((report.at, report.at));
                self.named[place] = Some((first.min(report.at), last.max(report.at)));
            }
            several => several.iter().for_each(|place| near(*place)),
        }
        let Some(here) = report.place else { return };
        let place_of = |place: u32| calls.get(place as usize).and_then(|call| planned.place(call.stop));
        let is_before = |place: &u32| place_of(*place).is_some_and(|[latitude, _]| latitude < here[0] - DEGREES);
        let begin = by_latitude.partition_point(is_before);
        for &place in &by_latitude[begin..] {
            let Some(there) = place_of(place).filter(|there| there[0] <= here[0] + DEGREES) else { break };
            if geo::metres(here, there) <= WITHIN {
                near(place as usize);
            }
        }
    }

    /// How many of the stops of a trip with so many are seen.
    pub(super) fn count(mut self, stops: usize) -> usize {
        self.named.resize(stops, None);
        // From when and until when a stop that is not named may have been passed.
        let mut spans = vec![(i64::MIN, i64::MAX); stops];
        let mut from = i64::MIN;
        for (span, named) in spans.iter_mut().zip(&self.named) {
            span.0 = from;
            from = named.map_or(from, |(first, _)| first);
        }
        let mut until = i64::MAX;
        for (span, named) in spans.iter_mut().zip(&self.named).rev() {
            span.1 = until;
            until = named.map_or(until, |(_, last)| last);
        }
        let named = self.named.iter().flatten().count();
        self.near.retain(|(at, place)| {
            let place = *place as usize;
            self.named[place].is_none() && (spans[place].0..=spans[place].1).contains(at)
        });
        named + longest_way(self.near)
    }
}

/// The places in a trip of the stops that a report names.
fn named(report: &Whereabouts, calls: &[Call]) -> Vec<usize> {
    let is_stop = |call: &Call| report.stop.is_none_or(|stop| stop == Named::Known(call.stop));
    match (report.sequence, report.stop) {
        (Some(sequence), _) => {
            let begin = calls.partition_point(|call| call.sequence < sequence);
            let same = calls.iter().enumerate().skip(begin).take_while(|(_, call)| call.sequence == sequence);
            same.filter(|(_, call)| is_stop(call)).map(|(place, _)| place).collect()
        }
        (None, Some(_)) => (0..calls.len()).filter(|place| is_stop(&calls[*place])).collect(),
        (None, None) => Vec::new(),
    }
}

/// How many stops can be given a time each of those at which a report was near them, so that times ascend along the trip:
/// the longest ascending subsequence, in n log n.
fn longest_way(mut near: Vec<(i64, u32)>) -> usize {
    // Of one time the later stop comes first, so that no two stops are given the same.
    near.sort_unstable_by_key(|(at, place)| (*at, u32::MAX - *place));
    let mut ends: Vec<u32> = Vec::new();
    for (_, place) in near {
        let length = ends.partition_point(|end| *end < place);
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    ends.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The most stops by trying all choices.
    fn slow(near: &[(i64, u32)], at: i64, place: i64) -> usize {
        let next = near.iter().filter(|(time, stop)| *time > at && i64::from(*stop) > place);
        next.map(|(time, stop)| 1 + slow(near, *time, i64::from(*stop))).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn as_many_stops_are_seen_as_any_choice_of_reports_allows(near in proptest::collection::vec((0..9_i64, 0..6_u32), 0..12)) {
            prop_assert_eq!(longest_way(near.clone()), slow(&near, -1, -1));
        }

        #[test]
        fn the_order_of_reports_does_not_matter(near in proptest::collection::vec((0..9_i64, 0..6_u32), 0..12)) {
            let mut turned = near.clone();
            turned.reverse();
            prop_assert_eq!(longest_way(near), longest_way(turned));
        }
    }

    #[test]
    fn a_stop_that_is_named_bounds_the_times_of_its_neighbours() {
        let named = vec![None, Some((100, 200)), None];
        let seen = |near: &[(i64, u32)]| SeenStops { named: named.clone(), near: near.to_vec() }.count(3);
        assert_eq!(seen(&[]), 1);
        assert_eq!(seen(&[(50, 0), (150, 2)]), 3);
        // Behind the last time at the stop after; before the first time at the stop before.
        assert_eq!(seen(&[(201, 0), (99, 2)]), 1);
    }
}
