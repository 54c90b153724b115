//! The timetable that is valid on a service date, as rules over telemetry see it.
//!
//! Takes a decoded GTFS feed; keeps of it the tables and columns that the queries name. `trips`, `stop_times` and
//! `frequencies` are those of the trips that run on the date (GTFS reference, `calendar.txt` and `calendar_dates.txt`).

mod needs;
mod services;
mod shapes;
mod spans;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use self::services::{is_among, running, running_trips, trips_on};
use self::spans::{planned, span};
use crate::contract::library::Library;
use crate::decode::{DecodeError, Decoded, Step};
use crate::table::{Budget, BudgetExceeded};
use crate::time::{ServiceDate, ServiceSeconds};

pub use self::needs::Needs;
pub use self::shapes::Shapes;

/// The contracts of the tables of a timetable, which queries name as GTFS does, whatever format it came in.
pub fn contracts() -> Library {
    Library::gtfs()
}

/// The name in messages of the room that holds it.
const ROOM: &str = "timetable";

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
    #[error("the timetable could not be put together: {0}. This is a fault of the program: please report it")]
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
                    let Some(columns) = needs.columns().get(&names[table]) else { continue };
                    let rows = reader.needed(&names[table], columns, &chunk.rows)?;
                    parts.entry(table).or_default().push(rows);
                }
                Step::End { table } => reader.end(&names[table], parts.remove(&table).unwrap_or_default())?,
                _ => {}
            }
        }
        let Reader { tables, booked, .. } = reader;
        let trips_on = trips_on(&tables, needs.days());
        let ids = |trips: &RecordBatch| trips.column_by_name("trip_id")?.as_string_opt::<i32>().cloned();
        let all_trips = tables.get("trips").filter(|_| needs.wants_all_trips()).and_then(ids);
        let timetable = Self { trips_on, all_trips, ..Self::of(tables, date)? };
        let held = timetable.bytes();
        budget.give_back(booked);
        budget.take(ROOM, held)?;
        Ok(timetable)
    }

    /// What the tables and shapes take.
    fn bytes(&self) -> usize {
        let tables = self.tables.values().map(RecordBatch::get_array_memory_size).sum::<usize>();
        let all_trips = self.all_trips.as_ref().map_or(0, Array::get_array_memory_size);
        tables + self.shapes.bytes() + all_trips
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

#[cfg(test)]
mod tests;
