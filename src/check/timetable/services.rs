//! Which services and trips run on a date: GTFS reference, `calendar.txt` and `calendar_dates.txt`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type};
use arrow_array::{Array, BooleanArray, RecordBatch};

use crate::internal;
use crate::time::ServiceDate;

pub(super) const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The ids of the trips of some services.
pub(super) fn running_trips(trips: &RecordBatch, services: &HashSet<String>) -> HashSet<String> {
    let column = |name: &str| trips.column_by_name(name);
    let (Some(of), Some(ids)) = (column("service_id"), column("trip_id").and_then(|ids| ids.as_string_opt::<i32>()))
    else {
        return HashSet::new();
    };
    let runs = is_among(of, services);
    (0..trips.num_rows())
        .filter(|row| runs.value(*row) && ids.is_valid(*row))
        .map(|row| ids.value(row).to_owned())
        .collect()
}

pub(super) fn is_among(column: &arrow_array::ArrayRef, known: &HashSet<String>) -> BooleanArray {
    // The contracts that come with the program have ids as texts.
    let Some(column) = column.as_string_opt::<i32>() else {
        internal::impossible("choosing the trips of a date", format!("ids are {}", column.data_type()))
    };
    let mut last: Option<(&str, bool)> = None;
    let is_known = |text: Option<&_>| text.is_some_and(|text: &str| known.contains(text));
    (0..column.len())
        .map(|row| {
            let text = column.is_valid(row).then(|| column.value(row));
            // Rows of one trip follow one another.
            let found = match (text, last) {
                (Some(text), Some((before, found))) if before == text => found,
                _ => is_known(text),
            };
            last = text.map(|text| (text, found));
            Some(found)
        })
        .collect()
}

/// How many trips run on some dates.
pub(super) fn trips_on(
    tables: &BTreeMap<String, RecordBatch>,
    days: &BTreeSet<ServiceDate>,
) -> BTreeMap<ServiceDate, u64> {
    let services = tables.get("trips").and_then(|trips| trips.column_by_name("service_id")?.as_string_opt::<i32>());
    let mut trips: HashMap<&str, u64> = HashMap::new();
    for service in services.into_iter().flatten().flatten() {
        *trips.entry(service).or_default() += 1;
    }
    // Exceptions are many, and most are of other dates.
    let exceptions = tables.get("calendar_dates").map(|rows| by_date(rows, days)).unwrap_or_default();
    let count = |day: &ServiceDate| {
        let mut services = by_weekday(tables, *day);
        exceptions.get(day).into_iter().flatten().for_each(|exception| exception.apply(&mut services));
        services.iter().filter_map(|service| trips.get(service.as_str())).sum::<u64>()
    };
    days.iter().map(|day| (*day, count(day))).filter(|(_, trips)| *trips > 0).collect()
}

/// The services that run on a date; `None` without a calendar.
pub(super) fn running(tables: &BTreeMap<String, RecordBatch>, date: ServiceDate) -> Option<HashSet<String>> {
    if !tables.contains_key("calendar") && !tables.contains_key("calendar_dates") {
        return None;
    }
    let mut running = by_weekday(tables, date);
    let exceptions = tables.get("calendar_dates").map(|rows| by_date(rows, &[date].into())).unwrap_or_default();
    exceptions.values().flatten().for_each(|exception| exception.apply(&mut running));
    Some(running)
}

/// The services that run on a date but for exceptions.
fn by_weekday(tables: &BTreeMap<String, RecordBatch>, date: ServiceDate) -> HashSet<String> {
    let day = date.days_since_epoch();
    let mut running = HashSet::new();
    let dates =
        |rows: &RecordBatch, column: &str| rows.column_by_name(column)?.as_primitive_opt::<Date32Type>().cloned();
    let ints = |rows: &RecordBatch, column: &str| rows.column_by_name(column)?.as_primitive_opt::<Int32Type>().cloned();
    let ids = |rows: &RecordBatch| rows.column_by_name("service_id")?.as_string_opt::<i32>().cloned();
    if let Some(rows) = tables.get("calendar")
        && let (Some(ids), Some(start), Some(end)) = (ids(rows), dates(rows, "start_date"), dates(rows, "end_date"))
        && let Some(weekday) = ints(rows, WEEKDAYS[date.0.weekday().to_monday_zero_offset() as usize])
    {
        for row in 0..rows.num_rows() {
            let there = ids.is_valid(row) && start.is_valid(row) && end.is_valid(row) && weekday.is_valid(row);
            if there && weekday.value(row) == 1 && (start.value(row)..=end.value(row)).contains(&day) {
                running.insert(ids.value(row).to_owned());
            }
        }
    }
    running
}

/// A service that runs on a date, or does not, other than by its weekdays.
struct Exception {
    service: String,
    runs: bool,
}

impl Exception {
    fn apply(&self, running: &mut HashSet<String>) {
        match self.runs {
            true => _ = running.insert(self.service.clone()),
            false => _ = running.remove(&self.service),
        }
    }
}

/// The exceptions of some dates, in the order of the rows.
fn by_date(rows: &RecordBatch, days: &BTreeSet<ServiceDate>) -> BTreeMap<ServiceDate, Vec<Exception>> {
    let mut found: BTreeMap<ServiceDate, Vec<Exception>> = BTreeMap::new();
    let wanted: HashMap<i32, ServiceDate> = days.iter().map(|day| (day.days_since_epoch(), *day)).collect();
    let ids = rows.column_by_name("service_id").and_then(|array| array.as_string_opt::<i32>());
    let dates = rows.column_by_name("date").and_then(|array| array.as_primitive_opt::<Date32Type>());
    let kinds = rows.column_by_name("exception_type").and_then(|array| array.as_primitive_opt::<Int32Type>());
    let (Some(ids), Some(dates), Some(kinds)) = (ids, dates, kinds) else { return found };
    for row in 0..rows.num_rows() {
        if !ids.is_valid(row) || !dates.is_valid(row) || !kinds.is_valid(row) {
            continue;
        }
        if let Some(day) = wanted.get(&dates.value(row)) {
            let exception = Exception { service: ids.value(row).to_owned(), runs: kinds.value(row) == 1 };
            found.entry(*day).or_default().push(exception);
        }
    }
    found
}
