//! When the trips of a date are under way.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};

use crate::time::ServiceSeconds;

/// When trips are under way.
pub(super) fn planned(stop_times: &RecordBatch) -> Option<Vec<(ServiceSeconds, ServiceSeconds)>> {
    let times = |column: &str| stop_times.column_by_name(column)?.as_primitive_opt::<Int32Type>();
    let (departures, arrivals) = (times("departure_time")?, times("arrival_time")?);
    let ids = stop_times.column_by_name("trip_id")?.as_string_opt::<i32>()?;
    let mut trips: HashMap<&str, (i32, i32)> = HashMap::new();
    for row in (0..ids.len()).filter(|row| ids.is_valid(*row)) {
        let trip = trips.entry(ids.value(row)).or_insert((i32::MAX, i32::MIN));
        if departures.is_valid(row) {
            trip.0 = trip.0.min(departures.value(row));
        }
        if arrivals.is_valid(row) {
            trip.1 = trip.1.max(arrivals.value(row));
        }
    }
    let mut trips: Vec<(i32, i32)> = trips.into_values().filter(|(starts, ends)| starts <= ends).collect();
    trips.sort_unstable();
    let mut planned: Vec<(ServiceSeconds, ServiceSeconds)> = Vec::new();
    for (starts, ends) in trips {
        match planned.last_mut() {
            Some((_, until)) if starts <= until.0 => until.0 = until.0.max(ends),
            _ => planned.push((ServiceSeconds(starts), ServiceSeconds(ends))),
        }
    }
    Some(planned)
}

pub(super) fn span(stop_times: &RecordBatch) -> Option<(ServiceSeconds, ServiceSeconds)> {
    let times = |column: &str| stop_times.column_by_name(column)?.as_primitive_opt::<Int32Type>().cloned();
    let first = times("departure_time")?.iter().flatten().min()?;
    let last = times("arrival_time")?.iter().flatten().max()?;
    Some((ServiceSeconds(first), ServiceSeconds(last)))
}
