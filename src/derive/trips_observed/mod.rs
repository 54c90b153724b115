//! `trips_observed`: each trip of the service date, planned or not, and how much of it was observed.
//!
//! A row is a trip and its start. Trips are those of the timetable on the date, and all that a report of `vehicle_locations` or a
//! prediction of `trip_updates` names. It is made of the published rows alone, so that whoever has these and the timetable can make
//! it again; what a rule nulled there is null here.
//!
//! - A trip of the timetable that runs once is one row, whatever start is told of it, unless the row says that it is added
//!   (`ADDED`, `NEW`, `DUPLICATED`) and tells another start: that is a trip of its own. Those of `frequencies.txt` are a row for each
//!   start, see [`planned`]; where none is told, one without a start.
//! - A trip that the timetable does not have is a row for each start that is told. Rows that tell none belong to the
//!   only one that is told, if there is one.
//! - It is cancelled if the last prediction of the day says so, and added if any row says so and the timetable does not have it.
//! - A row without a trip says of none whether it ran, and is unused.
//!
//! Holds some 200 bytes for each trip, 60 for each of its stops and 16 for each report near a stop, booked on the run's budget.

mod columns;
mod observed;
mod planned;
mod stops;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use crate::contract::{Contract, Dimension, RuleId};
use crate::derive::derivation::{
    Derivation, DerivationType, DeriveContext, Derived, Finished, Input, InputAccount, Output, ToldOfUnused, Unused,
    rows_by_name,
};
use crate::derive::error::DeriveError;
use crate::derive::reports;
use crate::table::keys::{Seed, text_key};
use crate::table::{Budget, Lineage};
use crate::time::{ServiceDate, ServiceSeconds};

use columns::{INPUTS, OUTPUTS, PREDICTIONS, REPORTS, TABLE};
use observed::{ObservedTrip, is_added, is_cancelled};
use planned::{Planned, PlannedTrip, number, text};
use stops::{Named, Whereabouts};

/// The status of a bus that serves a stop, in the words of TIDES.
const STOPPED: &str = "Stopped at";
/// Rows of a chunk.
const CHUNK: usize = 10_000;
/// Rows that are shown of those without a trip.
const SHOWN: usize = 5;

pub(super) struct TripsObserved;

impl DerivationType for TripsObserved {
    fn name(&self) -> &'static str {
        TABLE
    }

    fn inputs(&self) -> &'static [Input] {
        INPUTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn begin(&self, context: DeriveContext) -> Result<Box<dyn Derivation>, DeriveError> {
        let planned = Planned::of(&context.timetable, &context.budget)?;
        let mut run = Run {
            contract: context.contract(TABLE)?,
            date: context.service_date,
            zero: context.service_date.zero(&context.zone).as_millisecond(),
            zone: context.zone,
            timetable: context.timetable_origin,
            ids: planned.trips.iter().map(|trip| trip.id.clone()).collect(),
            numbers: (planned.trips.iter().enumerate())
                .map(|(number, trip)| (trip.id.clone(), number as u32))
                .collect(),
            trips: Vec::new(),
            places: FxHashMap::default(),
            accounts: Default::default(),
            booked: planned.bytes,
            budget: context.budget,
            planned,
        };
        for trip in 0..run.planned.trips.len() {
            for start in run.planned.trips[trip].starts() {
                run.trip(trip as u32, start, true)?;
            }
        }
        Ok(Box::new(run))
    }
}

struct Run {
    contract: Arc<Contract>,
    date: ServiceDate,
    zone: TimeZone,
    /// Noon minus twelve hours, milliseconds since 1970.
    zero: i64,
    /// The origin of rows that are made of the timetable alone.
    timetable: u32,
    planned: Planned,
    /// All ids of trips, those of the timetable first, and the number of each.
    ids: Vec<Arc<str>>,
    numbers: FxHashMap<Arc<str>, u32>,
    trips: Vec<ObservedTrip>,
    /// Where each trip and start stands among them.
    places: FxHashMap<(u32, Option<i32>), usize>,
    /// Of reports and of predictions.
    accounts: [Account; 2],
    budget: Budget,
    booked: usize,
}

/// Rows of an input.
#[derive(Default)]
struct Account {
    used: u64,
    without_trip: u64,
    /// Where the first of those stand.
    shown: Vec<(u32, u64)>,
}

/// The columns that both inputs begin with.
struct TripColumns<'a> {
    ids: &'a StringArray,
    starts: &'a Int32Array,
    relationships: &'a StringArray,
    routes: &'a StringArray,
    directions: &'a Int32Array,
}

impl<'a> TripColumns<'a> {
    fn of(rows: &'a RecordBatch) -> Self {
        Self {
            ids: rows.column(0).as_string(),
            starts: rows.column(1).as_primitive::<Int32Type>(),
            relationships: rows.column(2).as_string(),
            routes: rows.column(3).as_string(),
            directions: rows.column(4).as_primitive::<Int32Type>(),
        }
    }
}

impl Derivation for Run {
    fn push(&mut self, input: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
        match input {
            REPORTS => self.reports(&rows)?,
            PREDICTIONS => self.predictions(&rows)?,
            _ => return Err(DeriveError::fault(TABLE, &format!("it has no input {input}"))),
        }
        Ok(Vec::new())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished, DeriveError> {
        self.merge_starts();
        let mut derived = Vec::new();
        for trips in std::mem::take(&mut self.trips).chunks(CHUNK) {
            let chunk = self.rows(trips)?;
            derived.push(Derived { output: 0, chunk });
        }
        self.budget.give_back(self.booked);
        let [reports, predictions] = self.accounts;
        let mut inputs: Vec<InputAccount> = INPUTS.iter().map(|_| InputAccount::default()).collect();
        inputs[REPORTS] = reports.finish(
            "report_without_trip",
            "A report names its trip. Others, as of buses on the way to the depot, are in no row of this table",
        );
        inputs[PREDICTIONS] = predictions.finish(
            "prediction_without_trip",
            "A prediction names its trip by its id. Others are in no row of this table",
        );
        Ok(Finished::with(derived, inputs))
    }
}

impl Account {
    fn without_trip(&mut self, place: Option<(u32, u64)>) {
        self.without_trip += 1;
        if self.shown.len() < SHOWN {
            self.shown.extend(place);
        }
    }

    fn finish(self, rule: &str, message: &'static str) -> InputAccount {
        let rule = RuleId(format!("{TABLE}.{rule}"));
        let told = Some(ToldOfUnused { dimension: Dimension::Completeness, message, places: self.shown });
        let unused = Unused { rule, rows: self.without_trip, told, lines: None };
        InputAccount { used: self.used, unused: vec![unused] }
    }
}

impl Run {
    /// Where the trip with this number that starts then stands.
    fn trip(&mut self, trip: u32, start: Option<i32>, is_planned: bool) -> Result<usize, DeriveError> {
        if let Some(place) = self.places.get(&(trip, start)) {
            return Ok(*place);
        }
        self.book(size_of::<ObservedTrip>() + 2 * size_of::<((u32, Option<i32>), usize)>())?;
        let place = self.trips.len();
        self.places.insert((trip, start), place);
        self.trips.push(ObservedTrip::new((trip, start), is_planned, place as u64));
        Ok(place)
    }

    fn book(&mut self, bytes: usize) -> Result<(), DeriveError> {
        self.budget.take("derive", bytes)?;
        self.booked += bytes;
        Ok(())
    }

    fn planned_trip(&self, trip: u32) -> Option<&PlannedTrip> {
        self.planned.trips.get(trip as usize)
    }

    /// Where the trip stands that a row is of; `None` if it names none.
    fn trip_of(&mut self, columns: &TripColumns<'_>, row: usize) -> Result<Option<usize>, DeriveError> {
        let Some(id) = text(columns.ids, row) else { return Ok(None) };
        let trip = match self.numbers.get(id) {
            Some(trip) => *trip,
            None => {
                self.book(id.len() + 4 * size_of::<(Arc<str>, u32)>())?;
                let (trip, id): (u32, Arc<str>) = (self.ids.len() as u32, id.into());
                self.ids.push(id.clone());
                self.numbers.insert(id, trip);
                trip
            }
        };
        let told = number(columns.starts, row);
        let added = is_added(text(columns.relationships, row));
        let (start, is_planned) = self.planned_trip(trip).map_or((told, false), |planned| planned.start(told, added));
        let place = self.trip(trip, start, is_planned)?;
        if !is_planned {
            self.trips[place].tell(text(columns.routes, row), number(columns.directions, row));
        }
        Ok(Some(place))
    }

    fn reports(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        let columns = TripColumns::of(rows);
        let times = rows.column(5).as_primitive::<TimestampMillisecondType>();
        let (vehicles, stops) = (rows.column(6).as_string::<i32>(), rows.column(7).as_string::<i32>());
        let sequences = rows.column(8).as_primitive::<Int32Type>();
        let statuses = rows.column(9).as_string::<i32>();
        let [lat, lon] = [10, 11].map(|column| rows.column(column).as_primitive::<Float64Type>());
        let mut grown = 0;
        for row in 0..rows.num_rows() {
            let place = reports::place(rows, row);
            let trip = self.trip_of(&columns, row)?;
            // What has no time is held back by the contract of the release.
            let (Some(trip), true) = (trip, times.is_valid(row)) else {
                self.accounts[0].without_trip(place);
                continue;
            };
            self.accounts[0].used += 1;
            let at = times.value(row);
            let is_stopped = text(statuses, row) == Some(STOPPED);
            let stop = text(stops, row).map(|id| self.planned.stop(id).map_or(Named::Unknown, Named::Known));
            let report = Whereabouts {
                planned_time: None,
                at,
                place: (lat.is_valid(row) && lon.is_valid(row)).then(|| [lat.value(row), lon.value(row)]),
                stop: stop.filter(|_| is_stopped),
                sequence: number(sequences, row).filter(|_| is_stopped),
            };
            let observed = &mut self.trips[trip];
            let before = observed.bytes();
            observed.row(place, is_added(text(columns.relationships, row)));
            observed.report(at, text(vehicles, row).map(|id| text_key(id, Seed::FIXED)));
            if observed.is_planned
                && let Some(planned) = self.planned.trips.get(observed.trip as usize)
            {
                let moved = planned.moved(observed.start);
                let seconds = (at - self.zero).div_euclid(1000);
                let report = Whereabouts { planned_time: moved.map(|moved| seconds - i64::from(moved)), ..report };
                let calls = planned.calls.clone();
                let by_latitude = &self.planned.by_latitude[calls.clone()];
                observed.seen.add(&report, &self.planned.calls[calls], by_latitude, &self.planned);
            }
            grown += observed.bytes() - before;
        }
        self.book(grown)
    }

    fn predictions(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        let columns = TripColumns::of(rows);
        let received = rows.column(5).as_primitive::<TimestampMillisecondType>();
        let made = rows.column(6).as_primitive::<TimestampMillisecondType>();
        for row in 0..rows.num_rows() {
            let place = reports::place(rows, row);
            let trip = self.trip_of(&columns, row)?;
            let (Some(trip), true) = (trip, received.is_valid(row)) else {
                self.accounts[1].without_trip(place);
                continue;
            };
            self.accounts[1].used += 1;
            let relationship = text(columns.relationships, row);
            let made = made.is_valid(row).then(|| made.value(row));
            let trip = &mut self.trips[trip];
            trip.row(place, is_added(relationship));
            trip.predict(received.value(row), made, is_cancelled(relationship));
        }
        Ok(())
    }

    /// Rows that tell no start become rows of the only start that is told, of trips that the timetable does not have. Trips of
    /// `frequencies.txt` without a start are left out if all that is known of them has one. Sorts the trips.
    fn merge_starts(&mut self) {
        let Self { trips, ids, planned, .. } = self;
        let key = |trip: &ObservedTrip| (&ids[trip.trip as usize], trip.start);
        trips.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut merged: Vec<ObservedTrip> = Vec::with_capacity(trips.len());
        let mut rest = std::mem::take(trips).into_iter().peekable();
        while let Some(mut first) = rest.next() {
            let mut others = Vec::new();
            while let Some(other) = rest.next_if(|other| other.trip == first.trip) {
                others.push(other);
            }
            let is_in_timetable = (first.trip as usize) < planned.trips.len();
            let is_told = first.reports + first.predictions > 0;
            if first.start.is_none() && !is_in_timetable && others.len() == 1 {
                let without_start = std::mem::replace(&mut first, others.remove(0));
                first.merge(without_start);
            } else if first.start.is_none() && is_in_timetable && !is_told && others.iter().any(|o| o.is_planned) {
                first = others.remove(0);
            }
            merged.push(first);
            merged.append(&mut others);
        }
        *trips = merged;
    }

    fn rows(&self, trips: &[ObservedTrip]) -> Result<crate::table::Chunk, DeriveError> {
        let stops_seen: Vec<Option<(usize, usize)>> = trips.iter().map(|trip| self.stops_seen(trip)).collect();
        let places: Vec<(u32, u64)> = trips.iter().map(|trip| self.place(trip)).collect();
        let column = |name: &str| -> Option<ArrayRef> {
            let planned = |trip: &ObservedTrip| self.planned_trip(trip.trip).filter(|_| trip.is_planned);
            let starts = |trip: &ObservedTrip| trip.start.filter(|_| trip.is_planned);
            let ends = |trip: &ObservedTrip| planned(trip)?.end(trip.start);
            let stops = |of: &dyn Fn((usize, usize)) -> usize| -> ArrayRef {
                Arc::new(stops_seen.iter().map(|stops| stops.map(|stops| of(stops) as i32)).collect::<Int32Array>())
            };
            let share = |(stops, seen): (usize, usize)| (stops > 0).then(|| seen as f64 / stops as f64);
            Some(match name {
                "service_date" => Arc::new(Date32Array::from_value(self.date.days_since_epoch(), trips.len())),
                "trip_id_scheduled" => {
                    Arc::new(trips.iter().map(|trip| self.ids.get(trip.trip as usize)).collect::<StringArray>())
                }
                "trip_start_time" => Arc::new(trips.iter().map(|trip| trip.start).collect::<Int32Array>()),
                "trip_end_time" => Arc::new(trips.iter().map(ends).collect::<Int32Array>()),
                "schedule_trip_start" => instants(trips.iter().map(|trip| self.instant(starts(trip)))),
                "schedule_trip_end" => instants(trips.iter().map(|trip| self.instant(ends(trip)))),
                "route_id" => {
                    let route = |trip| planned(trip).map_or(trip.route(), |planned| planned.route.as_deref());
                    Arc::new(trips.iter().map(route).collect::<StringArray>())
                }
                "direction_id" => {
                    let direction = |trip| planned(trip).map_or(trip.direction(), |planned| planned.direction);
                    Arc::new(trips.iter().map(direction).collect::<Int32Array>())
                }
                "is_planned" => booleans(trips, |trip| trip.is_planned),
                "is_added" => booleans(trips, |trip| trip.is_added && !trip.is_planned),
                "is_cancelled" => booleans(trips, ObservedTrip::is_cancelled),
                "reports" => Arc::new(trips.iter().map(|trip| Some(trip.reports as i32)).collect::<Int32Array>()),
                "vehicles" => {
                    Arc::new(trips.iter().map(|trip| Some(trip.vehicles.len() as i32)).collect::<Int32Array>())
                }
                "first_report_at" => instants(trips.iter().map(|trip| trip.times.map(|(first, _)| first))),
                "last_report_at" => instants(trips.iter().map(|trip| trip.times.map(|(_, last)| last))),
                "stops_planned" => stops(&|(stops, _)| stops),
                "stops_seen" => stops(&|(_, seen)| seen),
                "share_of_stops_seen" => {
                    Arc::new(stops_seen.iter().map(|stops| stops.and_then(share)).collect::<Float64Array>())
                }
                _ => return None,
            })
        };
        rows_by_name(&self.contract, Lineage::of_first(&places), trips.len(), column)
    }

    /// The planned stops of a trip, and how many of them are seen.
    fn stops_seen(&self, trip: &ObservedTrip) -> Option<(usize, usize)> {
        let planned = self.planned_trip(trip.trip).filter(|_| trip.is_planned)?;
        let stops = planned.calls.len();
        Some((stops, trip.seen.clone().count(stops)))
    }

    fn instant(&self, seconds: Option<i32>) -> Option<i64> {
        seconds.map(|seconds| self.date.instant(ServiceSeconds(seconds), &self.zone).as_millisecond())
    }

    /// Where the first row of a trip stands; of one that only the timetable has, which of the planned ones it is.
    fn place(&self, trip: &ObservedTrip) -> (u32, u64) {
        trip.place.unwrap_or((self.timetable, trip.number))
    }
}

fn instants(times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(times.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
}

fn booleans(trips: &[ObservedTrip], of: impl Fn(&ObservedTrip) -> bool) -> ArrayRef {
    Arc::new(trips.iter().map(|trip| Some(of(trip))).collect::<BooleanArray>())
}
