//! Rows by the line that they are of and the hour that they are from, so that it can be said of which line and when rows were held
//! back or dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch, StringArray, TimestampMillisecondArray};
use rustc_hash::FxHashMap;

use crate::table::{Budget, BudgetExceeded};
use crate::time::ServiceDay;

/// What tells when a row is from: the first of them that it has.
const TIMES: [&str; 4] = ["event_timestamp", "timestamp", "feed_timestamp", "captured_at"];
/// What tells its trip, in tables of the release and of the feed.
const TRIPS: [&str; 2] = ["trip_id_scheduled", "trip_id"];
/// What a new hour of a line takes, beside its name.
const ENTRY: usize = 96;
const MS_OF_HOUR: i64 = 3_600_000;

/// What tells the line of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line<'a> {
    Route(&'a str),
    /// It names no route: that of this trip.
    Trip(&'a str),
    Unknown,
}

/// The hour of the service day that an instant is in: whole hours since [zero](crate::time::ServiceDate::zero), so that a day on which
/// the clock changes has each once. `None` outside of its thirty hours.
pub fn hour_of(zero_ms: i64, at_ms: i64) -> Option<i32> {
    let hour = at_ms.saturating_sub(zero_ms).div_euclid(MS_OF_HOUR);
    i32::try_from(hour).ok().filter(|hour| (0..ServiceDay::HOURS as i32).contains(hour))
}

/// When an hour of the service day begins, milliseconds since 1970.
pub fn hour_start(zero_ms: i64, hour: i32) -> i64 {
    zero_ms.saturating_add(i64::from(hour) * MS_OF_HOUR)
}

type Hours = BTreeMap<Option<i32>, u64>;

/// Numbers of rows by line and hour, booked on the budget of the run.
#[derive(Debug)]
pub struct LineHours {
    zero_ms: i64,
    routes: FxHashMap<Arc<str>, Hours>,
    trips: FxHashMap<Arc<str>, Hours>,
    unknown: Hours,
    budget: Budget,
    booked: usize,
}

impl LineHours {
    /// Of a service date with this zero.
    pub fn new(zero_ms: i64, budget: Budget) -> Self {
        let (routes, trips, unknown) = (FxHashMap::default(), FxHashMap::default(), Hours::new());
        Self { zero_ms, routes, trips, unknown, budget, booked: 0 }
    }

    /// Counts rows of `vehicle_locations`, or of the table of the feed that it is made of: those with these places.
    ///
    /// # Errors
    /// They are of too many lines for the memory of the run.
    pub fn add(&mut self, rows: &RecordBatch, places: impl Iterator<Item = usize>) -> Result<(), BudgetExceeded> {
        let texts = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
        let times: Vec<&TimestampMillisecondArray> = (TIMES.iter())
            .filter_map(|name| rows.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>())
            .collect();
        let (routes, trips) = (texts("route_id"), TRIPS.into_iter().find_map(texts));
        for row in places {
            let at = times.iter().find(|times| times.is_valid(row)).map(|times| times.value(row));
            let hour = at.and_then(|at| hour_of(self.zero_ms, at));
            let grown = match (value(routes, row), value(trips, row)) {
                (Some(route), _) => count(&mut self.routes, route, hour),
                (None, Some(trip)) => count(&mut self.trips, trip, hour),
                (None, None) => {
                    *self.unknown.entry(hour).or_default() += 1;
                    0
                }
            };
            if grown > 0 {
                self.budget.take("derive", grown)?;
                self.booked += grown;
            }
        }
        Ok(())
    }

    /// All numbers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Line<'_>, Option<i32>, u64)> {
        let routes = self.routes.iter().map(|(route, hours)| (Line::Route(route), hours));
        let trips = self.trips.iter().map(|(trip, hours)| (Line::Trip(trip), hours));
        let all = routes.chain(trips).chain([(Line::Unknown, &self.unknown)]);
        all.flat_map(|(line, hours)| hours.iter().map(move |(hour, rows)| (line, *hour, *rows)))
    }

    /// Whether a row has named this route.
    pub fn has_route(&self, route: &str) -> bool {
        self.routes.contains_key(route)
    }
}

fn value(texts: Option<&StringArray>, row: usize) -> Option<&str> {
    texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
}

/// Counts a row; gives how much more is held.
fn count(lines: &mut FxHashMap<Arc<str>, Hours>, line: &str, hour: Option<i32>) -> usize {
    let mut grown = 0;
    if !lines.contains_key(line) {
        lines.insert(line.into(), Hours::new());
        grown += 2 * line.len() + ENTRY;
    }
    if let Some(hours) = lines.get_mut(line) {
        let before = hours.len();
        *hours.entry(hour).or_default() += 1;
        grown += (hours.len() - before) * ENTRY;
    }
    grown
}

impl Drop for LineHours {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}
