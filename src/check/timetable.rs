//! The timetable that is valid on a service date, as rules over telemetry see it.
//!
//! Takes a decoded GTFS feed; keeps of it the tables and columns that the queries name. `trips`, `stop_times` and
//! `frequencies` are those of the trips that run on the date (GTFS reference, `calendar.txt` and `calendar_dates.txt`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type};
use arrow_array::{Array, BooleanArray, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::contract::library::Library;
use crate::decode::{DecodeError, Decoded, Step};
use crate::internal;
use crate::table::{Budget, BudgetExceeded};
use crate::time::{ServiceDate, ServiceSeconds};

/// Which columns of which tables are needed; a table that is not there is not needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    tables: BTreeMap<String, HashSet<String>>,
    /// Dates of which the planned trips are counted.
    days: BTreeSet<ServiceDate>,
    /// Whether the trips of all dates are needed.
    all_trips: bool,
}

impl Needs {
    pub fn add(&mut self, table: &str, column: &str) {
        self.tables.entry(table.to_owned()).or_default().insert(column.to_owned());
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// For shapes by trip.
    pub fn add_shapes(&mut self) {
        for column in ["shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"] {
            self.add("shapes", column);
        }
        self.add("trips", "trip_id");
        self.add("trips", "shape_id");
    }

    /// For the first and the last time of the date.
    pub fn add_span(&mut self) {
        for column in ["trip_id", "arrival_time", "departure_time"] {
            self.add("stop_times", column);
        }
    }

    /// For how many trips run on some dates.
    pub fn add_days(&mut self, days: impl IntoIterator<Item = ServiceDate>) {
        self.add("trips", "trip_id");
        self.days.extend(days);
    }

    /// For the ids of all trips, also of those that do not run on the date.
    pub fn add_all_trips(&mut self) {
        self.add("trips", "trip_id");
        self.all_trips = true;
    }

    /// The columns of each table.
    pub fn columns(&self) -> &BTreeMap<String, HashSet<String>> {
        &self.tables
    }

    /// With what it takes to know which trips run.
    pub fn with_services(mut self) -> Self {
        if ["trips", "stop_times", "frequencies"].iter().any(|table| self.tables.contains_key(*table)) {
            self.add("trips", "trip_id");
            self.add("trips", "service_id");
            for table in ["stop_times", "frequencies"] {
                if let Some(columns) = self.tables.get_mut(table) {
                    columns.insert("trip_id".to_owned());
                }
            }
            for column in ["service_id", "start_date", "end_date"].iter().chain(&WEEKDAYS) {
                self.add("calendar", column);
            }
            for column in ["service_id", "date", "exception_type"] {
                self.add("calendar_dates", column);
            }
        }
        self
    }
}

/// The name in messages of the room that holds it.
const ROOM: &str = "timetable";
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The tables, and the shapes by trip.
#[derive(Default)]
pub struct Timetable {
    tables: BTreeMap<String, RecordBatch>,
    pub shapes: Arc<Shapes>,
    /// The first departure and the last arrival of the date.
    pub span: Option<(ServiceSeconds, ServiceSeconds)>,
    /// When trips are under way, from the first departure of one until its last arrival; ascending, apart from one another.
    pub planned: Vec<(ServiceSeconds, ServiceSeconds)>,
    /// How many trips run on the dates that were asked for; nothing of a date on which none does.
    pub trips_on: BTreeMap<ServiceDate, u64>,
    /// The ids of all trips of the feed, if they were asked for.
    pub all_trips: Option<StringArray>,
}

#[derive(Debug, thiserror::Error)]
pub enum TimetableError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the timetable could not be put together: {0}")]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

impl Timetable {
    /// Reads what is needed of a feed.
    pub fn read(decoded: Decoded, needs: Needs, date: ServiceDate) -> Result<Self, TimetableError> {
        Self::read_within(decoded, needs, date, &Budget::new(usize::MAX))
    }

    /// Reads what is needed of a feed, and books what it holds.
    pub fn read_within(
        decoded: Decoded,
        needs: Needs,
        date: ServiceDate,
        budget: &Budget,
    ) -> Result<Self, TimetableError> {
        let needs = needs.with_services();
        let mut reader =
            Reader { budget, date, to_come: BTreeSet::new(), trips: None, tables: BTreeMap::new(), booked: 0 };
        let names: Vec<String> = decoded.tables.iter().map(|head| head.contract.table.clone()).collect();
        reader.to_come.extend(names.iter().cloned());
        let mut parts: BTreeMap<usize, Vec<RecordBatch>> = BTreeMap::new();
        for step in decoded.steps {
            match step? {
                Step::Rows { table, chunk } => {
                    let Some(columns) = needs.tables.get(&names[table]) else { continue };
                    let rows = reader.needed(&names[table], columns, &chunk.rows)?;
                    parts.entry(table).or_default().push(rows);
                }
                Step::End { table } => reader.end(&names[table], parts.remove(&table).unwrap_or_default())?,
                _ => {}
            }
        }
        let Reader { tables, booked, .. } = reader;
        let trips_on = trips_on(&tables, &needs.days);
        let ids = |trips: &RecordBatch| trips.column_by_name("trip_id")?.as_string_opt::<i32>().cloned();
        let all_trips = tables.get("trips").filter(|_| needs.all_trips).and_then(ids);
        let timetable = Self { trips_on, all_trips, ..Self::of(tables, date)? };
        let held = timetable.bytes();
        budget.give_back(booked);
        budget.take(ROOM, held)?;
        Ok(timetable)
    }

    /// What the tables and shapes take.
    fn bytes(&self) -> usize {
        let tables = self.tables.values().map(RecordBatch::get_array_memory_size).sum::<usize>();
        let points = self.shapes.shapes.iter().map(|shape| shape.points.len() + 2 * shape.bounds.len()).sum::<usize>();
        let trips = self.shapes.of_trip.keys().map(|trip| trip.len() + size_of::<(String, usize)>()).sum::<usize>();
        let all_trips = self.all_trips.as_ref().map_or(0, Array::get_array_memory_size);
        tables + points * size_of::<(f64, f64)>() + trips + all_trips
    }

    /// From whole tables, which may lack columns.
    pub fn of(mut tables: BTreeMap<String, RecordBatch>, date: ServiceDate) -> Result<Self, ArrowError> {
        // Without a calendar there is nothing to choose by, as in the tests of rules.
        if let Some(running) = running(&tables, date) {
            keep(&mut tables, "trips", |trips| Some(is_among(trips.column_by_name("service_id")?, &running)))?;
            let trips: HashSet<String> = tables.get("trips").map_or_else(HashSet::new, |trips| texts(trips, "trip_id"));
            for table in OF_TRIPS {
                keep(&mut tables, table, |rows| Some(is_among(rows.column_by_name("trip_id")?, &trips)))?;
            }
        }
        let span = tables.get("stop_times").and_then(span);
        let planned = tables.get("stop_times").and_then(planned).unwrap_or_default();
        let shapes = Arc::new(Shapes::of(&tables));
        Ok(Self { tables, shapes, span, planned, trips_on: BTreeMap::new(), all_trips: None })
    }

    /// A table's rows with the columns that were needed; a table that the feed lacks has none.
    pub fn table(&self, table: &str, contracts: &Library) -> Option<RecordBatch> {
        if let Some(rows) = self.tables.get(table) {
            return Some(rows.clone());
        }
        Some(RecordBatch::new_empty(contracts.get(table)?.chunk_schema()))
    }
}

/// Puts tables together from a feed of which no more is held than is needed.
struct Reader<'a> {
    budget: &'a Budget,
    date: ServiceDate,
    /// Tables that have not ended.
    to_come: BTreeSet<String>,
    /// The trips that run on the date, once they are known; `None` in it without a calendar.
    trips: Option<Option<HashSet<String>>>,
    tables: BTreeMap<String, RecordBatch>,
    booked: usize,
}

impl Reader<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.budget.take(ROOM, bytes)?;
        self.booked += bytes;
        Ok(())
    }

    /// The columns that are needed of the rows that are.
    fn needed(
        &mut self,
        table: &str,
        columns: &HashSet<String>,
        rows: &RecordBatch,
    ) -> Result<RecordBatch, TimetableError> {
        let schema = rows.schema();
        let places: Vec<usize> =
            (0..schema.fields().len()).filter(|&place| columns.contains(schema.field(place).name())).collect();
        let mut rows = rows.project(&places)?;
        if OF_TRIPS.contains(&table)
            && let Some(trips) = self.trips()
            && let Some(ids) = rows.column_by_name("trip_id")
        {
            rows = arrow_select::filter::filter_record_batch(&rows, &is_among(ids, trips))?;
        }
        self.take(rows.get_array_memory_size())?;
        Ok(rows)
    }

    /// The trips that run on the date, if that is known: after the calendar and the trips.
    fn trips(&mut self) -> Option<&HashSet<String>> {
        if self.trips.is_none()
            && !["calendar", "calendar_dates", "trips"].iter().any(|name| self.to_come.contains(*name))
        {
            self.trips = Some(running(&self.tables, self.date).map(|services| match self.tables.get("trips") {
                Some(trips) => running_trips(trips, &services),
                None => HashSet::new(),
            }));
        }
        self.trips.as_ref()?.as_ref()
    }

    /// Puts the parts of a table together.
    fn end(&mut self, table: &str, parts: Vec<RecordBatch>) -> Result<(), TimetableError> {
        self.to_come.remove(table);
        let Some(first) = parts.first() else { return Ok(()) };
        let bytes = parts.iter().map(RecordBatch::get_array_memory_size).sum();
        self.take(bytes)?;
        let all = arrow_select::concat::concat_batches(&first.schema(), &parts)?;
        drop(parts);
        self.tables.insert(table.to_owned(), all);
        self.budget.give_back(bytes);
        self.booked -= bytes;
        Ok(())
    }
}

/// Tables of which the rows of one trip are.
const OF_TRIPS: [&str; 2] = ["stop_times", "frequencies"];

/// The ids of the trips of some services.
fn running_trips(trips: &RecordBatch, services: &HashSet<String>) -> HashSet<String> {
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

fn keep(
    tables: &mut BTreeMap<String, RecordBatch>,
    table: &str,
    which: impl Fn(&RecordBatch) -> Option<BooleanArray>,
) -> Result<(), ArrowError> {
    if let Some(rows) = tables.get_mut(table)
        && let Some(mask) = which(rows)
    {
        *rows = arrow_select::filter::filter_record_batch(rows, &mask)?;
    }
    Ok(())
}

fn texts(rows: &RecordBatch, column: &str) -> HashSet<String> {
    let column = rows.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
    column.into_iter().flatten().flatten().map(str::to_owned).collect()
}

fn is_among(column: &arrow_array::ArrayRef, known: &HashSet<String>) -> BooleanArray {
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
fn trips_on(tables: &BTreeMap<String, RecordBatch>, days: &BTreeSet<ServiceDate>) -> BTreeMap<ServiceDate, u64> {
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
fn running(tables: &BTreeMap<String, RecordBatch>, date: ServiceDate) -> Option<HashSet<String>> {
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

/// When trips are under way.
fn planned(stop_times: &RecordBatch) -> Option<Vec<(ServiceSeconds, ServiceSeconds)>> {
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

fn span(stop_times: &RecordBatch) -> Option<(ServiceSeconds, ServiceSeconds)> {
    let times = |column: &str| stop_times.column_by_name(column)?.as_primitive_opt::<Int32Type>().cloned();
    let first = times("departure_time")?.iter().flatten().min()?;
    let last = times("arrival_time")?.iter().flatten().max()?;
    Some((ServiceSeconds(first), ServiceSeconds(last)))
}

/// The shapes of a timetable, by trip.
#[derive(Default)]
pub struct Shapes {
    of_trip: HashMap<String, usize>,
    shapes: Vec<Shape>,
}

/// Segments whose bounds are looked at together.
const GROUP: usize = 16;
/// Metres of a degree of latitude: a 360th of the equator of WGS 84, as navigation takes it.
const DEGREE: f64 = 111_319.49;

/// A line on a plane that touches the earth at its first point. Within a city's size the plane is right to a part in a
/// thousand.
struct Shape {
    origin: (f64, f64),
    /// Metres of a degree of longitude here.
    east: f64,
    points: Vec<(f64, f64)>,
    /// For each group of segments: west, south, east, north.
    bounds: Vec<[f64; 4]>,
}

impl Shapes {
    fn of(tables: &BTreeMap<String, RecordBatch>) -> Self {
        Self::read(tables).unwrap_or_default()
    }

    fn read(tables: &BTreeMap<String, RecordBatch>) -> Option<Self> {
        let (trips, rows) = (tables.get("trips")?, tables.get("shapes")?);
        let text = |rows: &RecordBatch, column: &str| -> Option<StringArray> {
            Some(rows.column_by_name(column)?.as_string_opt::<i32>()?.clone())
        };
        let float = |column: &str| rows.column_by_name(column)?.as_primitive_opt::<Float64Type>().cloned();
        let sequence = rows.column_by_name("shape_pt_sequence")?.as_primitive_opt::<Int32Type>()?.clone();
        let (ids, lat, lon) = (text(rows, "shape_id")?, float("shape_pt_lat")?, float("shape_pt_lon")?);
        let mut points: HashMap<&str, Vec<(i32, f64, f64)>> = HashMap::new();
        for row in 0..rows.num_rows() {
            if ids.is_valid(row) && lat.is_valid(row) && lon.is_valid(row) && sequence.is_valid(row) {
                let point = (sequence.value(row), lat.value(row), lon.value(row));
                points.entry(ids.value(row)).or_default().push(point);
            }
        }
        let mut shapes = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (id, mut points) in points {
            points.sort_by_key(|point| point.0);
            places.insert(id, shapes.shapes.len());
            shapes.shapes.push(Shape::new(points.into_iter().map(|(_, lat, lon)| (lat, lon)).collect()));
        }
        let (trip_ids, shape_ids) = (text(trips, "trip_id")?, text(trips, "shape_id")?);
        for (trip, shape) in trip_ids.iter().zip(&shape_ids) {
            if let (Some(trip), Some(place)) = (trip, shape.and_then(|shape| places.get(shape))) {
                shapes.of_trip.insert(trip.to_owned(), *place);
            }
        }
        Some(shapes)
    }

    /// The place of a trip's shape.
    pub fn find(&self, trip: &str) -> Option<usize> {
        self.of_trip.get(trip).copied()
    }

    /// Metres from a place to a shape.
    pub fn metres(&self, shape: usize, lat: f64, lon: f64) -> f64 {
        self.shapes[shape].metres(lat, lon)
    }
}

impl Shape {
    fn new(points: Vec<(f64, f64)>) -> Self {
        let origin = points.first().copied().unwrap_or_default();
        let east = DEGREE * origin.0.to_radians().cos();
        let points: Vec<(f64, f64)> =
            points.into_iter().map(|(lat, lon)| ((lon - origin.1) * east, (lat - origin.0) * DEGREE)).collect();
        let mut bounds = Vec::new();
        let mut first = 0;
        while first == 0 || first + 1 < points.len() {
            let group = &points[first.min(points.len())..(first + GROUP + 1).min(points.len())];
            let mut of_group = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
            for &(x, y) in group {
                of_group = [of_group[0].min(x), of_group[1].min(y), of_group[2].max(x), of_group[3].max(y)];
            }
            bounds.push(of_group);
            first += GROUP;
        }
        Self { origin, east, points, bounds }
    }

    fn metres(&self, lat: f64, lon: f64) -> f64 {
        let at = ((lon - self.origin.1) * self.east, (lat - self.origin.0) * DEGREE);
        let mut nearest = f64::INFINITY;
        for (group, [west, south, east, north]) in self.bounds.iter().enumerate() {
            let (x, y) = ((west - at.0).max(at.0 - east).max(0.0), (south - at.1).max(at.1 - north).max(0.0));
            if x * x + y * y >= nearest {
                continue;
            }
            let first = group * GROUP;
            let points = &self.points[first..(first + GROUP + 1).min(self.points.len())];
            if let [only] = points {
                nearest = nearest.min((at.0 - only.0).powi(2) + (at.1 - only.1).powi(2));
            }
            for pair in points.windows(2) {
                nearest = nearest.min(squared(at, pair[0], pair[1]));
            }
        }
        nearest.sqrt()
    }
}

/// The square of the distance from a point to a segment.
fn squared(at: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let share = if length > 0.0 { (((at.0 - a.0) * dx + (at.1 - a.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (at.0 - a.0 - share * dx, at.1 - a.1 - share * dy);
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_groups_of_a_shape_do_not_change_its_distance(
            points in proptest::collection::vec((48.40..48.55_f64, 7.85..8.05_f64), 1..80),
            at in (48.3..48.6_f64, 7.7..8.2_f64)
        ) {
            let shape = Shape::new(points);
            let place = ((at.1 - shape.origin.1) * shape.east, (at.0 - shape.origin.0) * DEGREE);
            let all = shape.points.windows(2).map(|pair| squared(place, pair[0], pair[1]));
            let only = (place.0 - shape.points[0].0).hypot(place.1 - shape.points[0].1);
            let expected = all.fold(f64::INFINITY, f64::min).sqrt().min(only);
            prop_assert!((shape.metres(at.0, at.1) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn the_trips_of_other_dates_are_counted_by_weekdays_and_exceptions() {
        use arrow_array::{ArrayRef, Date32Array, Int32Array};
        let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        let day = |date: &str| date.parse::<ServiceDate>().unwrap();
        let dates = |texts: &[&str]| -> ArrayRef {
            Arc::new(texts.iter().map(|text| Some(day(text).days_since_epoch())).collect::<Date32Array>())
        };
        let trips = [("trip_id", texts(&["a", "b", "c"])), ("service_id", texts(&["work", "work", "rest"]))];
        let mut calendar = vec![
            ("service_id", texts(&["work", "rest"])),
            ("start_date", dates(&["2026-12-01"; 2])),
            ("end_date", dates(&["2026-12-31"; 2])),
        ];
        for (place, weekday) in WEEKDAYS.iter().enumerate() {
            let runs = [i32::from(place < 5), i32::from(place == 6)];
            calendar.push((weekday, Arc::new(Int32Array::from(runs.to_vec()))));
        }
        let exceptions = [
            ("service_id", texts(&["work", "rest"])),
            ("date", dates(&["2026-12-25"; 2])),
            ("exception_type", Arc::new(Int32Array::from(vec![2, 1])) as ArrayRef),
        ];
        let tables = [
            ("trips", RecordBatch::try_from_iter(trips)),
            ("calendar", RecordBatch::try_from_iter(calendar)),
            ("calendar_dates", RecordBatch::try_from_iter(exceptions)),
        ];
        let tables = tables.into_iter().map(|(name, rows)| (name.to_owned(), rows.unwrap())).collect();
        let asked = ["2026-12-18", "2026-12-19", "2026-12-20", "2026-12-25", "2027-01-04"].map(day);
        let found = trips_on(&tables, &asked.into());
        assert_eq!(found, [(asked[0], 2), (asked[2], 1), (asked[3], 1)].into());
    }

    #[test]
    fn the_distance_to_a_shape_is_that_on_the_globe_within_a_part_in_a_thousand() {
        let shape = Shape::new(vec![(48.47, 7.90), (48.47, 7.98)]);
        for (lat, lon) in [(48.48, 7.94_f64), (48.45, 7.94), (48.47, 8.00)] {
            let foot = (48.47, lon.min(7.98));
            let expected = crate::geo::metres([lat, lon], [foot.0, foot.1]);
            let found = shape.metres(lat, lon);
            assert!((found - expected).abs() < expected / 500.0, "{found} {expected}");
        }
    }
}
