//! The trips that the timetable has on the date: when each runs, and at which stops.
//!
//! A trip of `frequencies.txt` runs several times. With `exact_times=1` each of its starts is known, and is a trip of its own;
//! otherwise only the reports tell when one starts (GTFS reference, `frequencies.txt`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, Int32Array, RecordBatch, StringArray};
use rustc_hash::FxHashMap;

use crate::derive::error::DeriveError;
use crate::derive::trips_observed::columns::TABLE;
use crate::table::Budget;

/// A bus is at most so many seconds early or late, as the rule `trip_updates.delay_possible` has it.
const EARLY: i32 = 900;
const LATE: i32 = 10_800;

/// The planned trips of a date.
pub(super) struct Planned {
    pub trips: Vec<PlannedTrip>,
    /// The calls of all trips, those of one by their sequence.
    pub calls: Vec<Call>,
    /// Of each trip the places in its calls, by latitude; calls without a place stand last.
    pub by_latitude: Vec<u32>,
    places: Vec<Option<[f64; 2]>>,
    stops: FxHashMap<Box<str>, u32>,
    /// What it takes.
    pub bytes: usize,
}

/// A trip as the timetable has it.
pub(super) struct PlannedTrip {
    pub id: Arc<str>,
    pub route: Option<Arc<str>>,
    pub direction: Option<i32>,
    /// Its calls in [`Planned::calls`].
    pub calls: Range<usize>,
    /// Its first departure and its last arrival, in seconds since noon minus twelve hours.
    pub begins: Option<i32>,
    pub ends: Option<i32>,
    /// When it starts, if it is one of `frequencies.txt`.
    pub repeated: Option<Repeated>,
}

/// When a trip of `frequencies.txt` starts.
#[derive(Default)]
pub(super) struct Repeated {
    /// Known starts, ascending.
    pub exact: Vec<i32>,
    /// From when until before when it starts now and then.
    pub open: Vec<(i32, i32)>,
}

/// A trip at one of its stops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub sequence: i32,
    /// The number of the stop.
    pub stop: u32,
    /// Between when a bus may be there: from the departure of the stop before, less 15 minutes, to the arrival of the stop
    /// after, plus three hours; of stops without a time those beyond them count.
    pub from: i32,
    pub until: i32,
}

/// A row of `stop_times`: the trip, the sequence, the stop, arrival and departure.
type StopTime = (u32, i32, u32, Option<i32>, Option<i32>);

impl Planned {
    /// From `trips`, `stop_times`, `stops` and `frequencies` in the columns that the derivation reads. Books what it takes.
    pub(super) fn of(timetable: &BTreeMap<&'static str, RecordBatch>, budget: &Budget) -> Result<Self, DeriveError> {
        let table = |name: &'static str| {
            let missing = || DeriveError::fault(TABLE, &format!("there is no '{name}' of the timetable"));
            timetable.get(name).ok_or_else(missing)
        };
        let (trips, times, stops) = (table("trips")?, table("stop_times")?, table("stops")?);
        let bytes = trips.num_rows() * size_of::<(PlannedTrip, (Arc<str>, u32))>() * 2
            + times.num_rows() * (size_of::<(StopTime, Call)>() + 4)
            + stops.num_rows() * size_of::<(Box<str>, u32, [f64; 3])>() * 2
            + [trips, stops].map(|rows| rows.get_array_memory_size()).iter().sum::<usize>();
        budget.take("derive", bytes)?;
        let mut planned = Self {
            trips: Vec::new(),
            calls: Vec::new(),
            by_latitude: Vec::new(),
            places: Vec::new(),
            stops: FxHashMap::default(),
            bytes,
        };
        planned.add_stops(stops);
        let numbers = planned.add_trips(trips);
        planned.add_calls(times, &numbers);
        planned.add_starts(table("frequencies")?, &numbers, budget)?;
        Ok(planned)
    }

    /// The number of a stop.
    pub(super) fn stop(&self, id: &str) -> Option<u32> {
        self.stops.get(id).copied()
    }

    /// Latitude and longitude of a stop.
    pub(super) fn place(&self, stop: u32) -> Option<[f64; 2]> {
        self.places.get(stop as usize).copied().flatten()
    }

    fn add_stops(&mut self, rows: &RecordBatch) {
        let (ids, lat, lon) = (texts(rows, 0), rows.column(1), rows.column(2));
        let (lat, lon) = (lat.as_primitive::<Float64Type>(), lon.as_primitive::<Float64Type>());
        for row in (0..rows.num_rows()).filter(|row| ids.is_valid(*row)) {
            let place = (lat.is_valid(row) && lon.is_valid(row)).then(|| [lat.value(row), lon.value(row)]);
            let stop = self.number_of_stop(ids.value(row));
            if let Some(of_stop) = self.places.get_mut(stop as usize) {
                *of_stop = of_stop.or(place);
            }
        }
    }

    fn number_of_stop(&mut self, id: &str) -> u32 {
        if let Some(number) = self.stops.get(id) {
            return *number;
        }
        let number = self.places.len() as u32;
        self.places.push(None);
        self.stops.insert(id.into(), number);
        number
    }

    /// Gives the numbers of the trips.
    fn add_trips(&mut self, rows: &RecordBatch) -> FxHashMap<Arc<str>, u32> {
        let (ids, routes, directions) = (texts(rows, 0), texts(rows, 1), numbers(rows, 2));
        let mut of_routes: FxHashMap<&str, Arc<str>> = FxHashMap::default();
        let mut trips = FxHashMap::default();
        for row in (0..rows.num_rows()).filter(|row| ids.is_valid(*row)) {
            let id: Arc<str> = ids.value(row).into();
            if trips.contains_key(&id) {
                continue;
            }
            trips.insert(id.clone(), self.trips.len() as u32);
            let route = text(routes, row).map(|id| of_routes.entry(id).or_insert_with(|| id.into()).clone());
            self.trips.push(PlannedTrip {
                id,
                route,
                direction: number(directions, row),
                calls: 0..0,
                begins: None,
                ends: None,
                repeated: None,
            });
        }
        trips
    }

    fn add_calls(&mut self, rows: &RecordBatch, trips: &FxHashMap<Arc<str>, u32>) {
        let (ids, sequences, stops) = (texts(rows, 0), numbers(rows, 1), texts(rows, 2));
        let (arrivals, departures) = (numbers(rows, 3), numbers(rows, 4));
        let mut times: Vec<StopTime> = Vec::with_capacity(rows.num_rows());
        for row in 0..rows.num_rows() {
            let trip = text(ids, row).and_then(|id| trips.get(id));
            // Where a trip may stop anywhere in an area, there is no stop to see it at.
            let (Some(trip), Some(sequence), Some(stop)) = (trip, number(sequences, row), text(stops, row)) else {
                continue;
            };
            let stop = self.number_of_stop(stop);
            times.push((*trip, sequence, stop, number(arrivals, row), number(departures, row)));
        }
        times.sort_unstable();
        for of_trip in times.chunk_by(|one, other| one.0 == other.0) {
            self.add_calls_of_trip(of_trip);
        }
    }

    fn add_calls_of_trip(&mut self, times: &[StopTime]) {
        let begin = self.calls.len();
        // The first and the last stop have their own times in place of those of the neighbour that they lack.
        let own = |time: Option<&StopTime>, of: fn(&StopTime) -> Option<i32>| time.and_then(of);
        let mut from = own(times.first(), |&(.., arrives, departs)| departs.or(arrives))
            .map_or(i32::MIN, |time| time.saturating_sub(EARLY));
        for &(_, sequence, stop, arrives, departs) in times {
            self.calls.push(Call { sequence, stop, from, until: i32::MAX });
            if let Some(left) = departs.or(arrives) {
                from = left.saturating_sub(EARLY);
            }
        }
        let mut until = own(times.last(), |&(.., arrives, departs)| arrives.or(departs))
            .map_or(i32::MAX, |time| time.saturating_add(LATE));
        for (call, &(.., arrives, departs)) in self.calls[begin..].iter_mut().zip(times).rev() {
            call.until = until;
            if let Some(reached) = arrives.or(departs) {
                until = reached.saturating_add(LATE);
            }
        }
        let mut order: Vec<u32> = (0..times.len() as u32).collect();
        let latitude = |place: &u32| {
            let place = self.place(self.calls[begin + *place as usize].stop);
            place.map_or(f64::INFINITY, |[latitude, _]| latitude)
        };
        order.sort_by(|one, other| latitude(one).total_cmp(&latitude(other)));
        self.by_latitude.append(&mut order);
        let Some(trip) = times.first().and_then(|time| self.trips.get_mut(time.0 as usize)) else { return };
        trip.calls = begin..self.calls.len();
        trip.begins = times.iter().find_map(|(.., arrives, departs)| departs.or(*arrives));
        trip.ends = times.iter().rev().find_map(|(.., arrives, departs)| arrives.or(*departs));
    }

    fn add_starts(
        &mut self,
        rows: &RecordBatch,
        trips: &FxHashMap<Arc<str>, u32>,
        budget: &Budget,
    ) -> Result<(), DeriveError> {
        let (ids, begins, ends) = (texts(rows, 0), numbers(rows, 1), numbers(rows, 2));
        let (headways, exact) = (numbers(rows, 3), numbers(rows, 4));
        for row in 0..rows.num_rows() {
            let trip = text(ids, row).and_then(|id| trips.get(id));
            let Some(trip) = trip.and_then(|trip| self.trips.get_mut(*trip as usize)) else { continue };
            let repeated = trip.repeated.get_or_insert_default();
            let (Some(begin), Some(end)) = (number(begins, row), number(ends, row)) else { continue };
            if number(exact, row) != Some(1) {
                repeated.open.push((begin, end));
                continue;
            }
            // How often it runs is not known, but it does.
            let Some(headway) = number(headways, row).filter(|headway| *headway > 0) else {
                repeated.open.push((begin, end));
                continue;
            };
            let count = (i64::from(end) - i64::from(begin)).max(0) as usize / headway as usize + 1;
            budget.take("derive", count * size_of::<i32>())?;
            self.bytes += count * size_of::<i32>();
            repeated.exact.extend((begin..end).step_by(headway as usize));
        }
        for repeated in self.trips.iter_mut().filter_map(|trip| trip.repeated.as_mut()) {
            repeated.exact.sort_unstable();
            repeated.exact.dedup();
        }
        Ok(())
    }
}

impl PlannedTrip {
    /// The starts that are planned, each a row of its own; `None` where no start is known.
    pub(super) fn starts(&self) -> Vec<Option<i32>> {
        match &self.repeated {
            None => vec![self.begins],
            Some(repeated) => {
                let exact = repeated.exact.iter().copied().map(Some);
                let without = !repeated.open.is_empty() || repeated.exact.is_empty();
                exact.chain(without.then_some(None)).collect()
            }
        }
    }

    /// Which start is meant where one is told or none is, and whether it is planned. A trip that runs once has one start, whatever
    /// is told of it, unless it is said to be added.
    pub(super) fn start(&self, told: Option<i32>, is_added: bool) -> (Option<i32>, bool) {
        let Some(repeated) = &self.repeated else {
            let is_other = is_added && told.is_some() && told != self.begins;
            return if is_other { (told, false) } else { (self.begins, true) };
        };
        match told {
            Some(start) => {
                let is_open = repeated.open.iter().any(|(begin, end)| (*begin..*end).contains(&start));
                (told, is_open || repeated.exact.binary_search(&start).is_ok())
            }
            None if !repeated.open.is_empty() => (None, true),
            None => match repeated.exact.as_slice() {
                [only] => (Some(*only), true),
                _ => (None, false),
            },
        }
    }

    /// By how many seconds its times are moved in the run that starts then; `None` where that is not known.
    pub(super) fn moved(&self, start: Option<i32>) -> Option<i32> {
        match &self.repeated {
            None => Some(0),
            Some(_) => start?.checked_sub(self.begins?),
        }
    }

    /// The planned end of the run that starts then.
    pub(super) fn end(&self, start: Option<i32>) -> Option<i32> {
        self.ends?.checked_add(self.moved(start)?)
    }
}

fn texts(rows: &RecordBatch, column: usize) -> &StringArray {
    rows.column(column).as_string()
}

fn numbers(rows: &RecordBatch, column: usize) -> &Int32Array {
    rows.column(column).as_primitive::<Int32Type>()
}

/// A text of a column, if there is one.
pub(super) fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// A number of a column, if there is one.
pub(super) fn number(column: &Int32Array, row: usize) -> Option<i32> {
    column.is_valid(row).then(|| column.value(row))
}
