//! A feed as the rules see it: columns by name, and the ways from one table to another, each made once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::decode::timetable::{Column, NO_INT, NONE, Table, Timetable, Words};
use crate::feed_rules::gtfs::geojson::Zones;
use crate::feed_rules::gtfs::services::Services;
use crate::time::{ServiceDate, ServiceSeconds};

/// Stands for no row.
pub const NO_ROW: u32 = u32::MAX;

/// A feed, and what the rules ask about it again and again.
pub struct Feed {
    pub timetable: Timetable,
    /// The date on which the feed is looked at.
    pub date: ServiceDate,
    places: BTreeMap<String, usize>,
    trip_stops: OnceLock<Groups>,
    shape_points: OnceLock<Groups>,
    trips_of_stop_times: OnceLock<Vec<u32>>,
    stops_of_stop_times: OnceLock<Vec<u32>>,
    locations: OnceLock<Vec<Option<[f64; 2]>>>,
    services: OnceLock<Services>,
    zones: OnceLock<Zones>,
}

impl Feed {
    pub fn new(timetable: Timetable, date: ServiceDate) -> Self {
        let places =
            timetable.tables.iter().enumerate().map(|(place, table)| (table.contract.table.clone(), place)).collect();
        Self {
            timetable,
            date,
            places,
            trip_stops: OnceLock::new(),
            shape_points: OnceLock::new(),
            trips_of_stop_times: OnceLock::new(),
            stops_of_stop_times: OnceLock::new(),
            locations: OnceLock::new(),
            services: OnceLock::new(),
            zones: OnceLock::new(),
        }
    }

    /// A table of the GTFS reference by its name.
    pub fn table(&self, name: &str) -> &Table {
        // The contracts that come with the program have every table that a rule names.
        match self.places.get(name) {
            Some(place) => &self.timetable.tables[*place],
            None => crate::internal::impossible("reading a timetable", format!("GTFS has no table '{name}'")),
        }
    }

    /// The stop times of each trip, in the order of `stop_sequence`.
    pub fn trip_stops(&self) -> &Groups {
        self.trip_stops.get_or_init(|| {
            let table = self.table("stop_times");
            Groups::new(table, &table.text("trip_id"), &table.int("stop_sequence"))
        })
    }

    /// The points of each shape, in the order of `shape_pt_sequence`.
    pub fn shape_points(&self) -> &Groups {
        self.shape_points.get_or_init(|| {
            let table = self.table("shapes");
            Groups::new(table, &table.text("shape_id"), &table.int("shape_pt_sequence"))
        })
    }

    /// For each code of `stop_times.trip_id` the row of the trip.
    pub fn trips_of_stop_times(&self) -> &[u32] {
        self.trips_of_stop_times.get_or_init(|| self.link("stop_times", "trip_id", "trips", "trip_id"))
    }

    /// For each code of `stop_times.stop_id` the row of the stop.
    pub fn stops_of_stop_times(&self) -> &[u32] {
        self.stops_of_stop_times.get_or_init(|| self.link("stop_times", "stop_id", "stops", "stop_id"))
    }

    /// The days on which each service runs.
    pub fn services(&self) -> &Services {
        self.services.get_or_init(|| Services::new(self))
    }

    /// The zones of on-demand service.
    pub fn zones(&self) -> &Zones {
        self.zones.get_or_init(|| Zones::new(self.timetable.zones.as_deref()))
    }

    /// The way from the trips to their stop times.
    pub fn trips(&self) -> Trips<'_> {
        let trips = self.table("trips");
        let (ids, stop_times) = (trips.text("trip_id"), self.table("stop_times").text("trip_id"));
        let codes = ids
            .words()
            .map_or_else(Vec::new, |words| words.iter().map(|(_, id)| stop_times.find(id).unwrap_or(NONE)).collect());
        let mut passed_over = Vec::new();
        if ids.codes().len() > ids.distinct() {
            let mut seen = vec![0_u32; ids.distinct()];
            for (row, &code) in ids.codes().iter().enumerate().filter(|(_, code)| **code != NONE) {
                seen[code as usize] += 1;
                if seen[code as usize] > Trips::REPETITIONS {
                    passed_over.resize(ids.codes().len(), false);
                    passed_over[row] = true;
                }
            }
        }
        Trips { ids, codes, passed_over, groups: self.trip_stops() }
    }

    /// For each code of a column the first row of the other table whose column has the same text.
    pub fn link(&self, child: &str, column: &str, parent: &str, key: &str) -> Vec<u32> {
        let child = self.table(child).text(column);
        let parent = self.table(parent).text(key);
        let first = parent.first_rows();
        child.words().map_or_else(Vec::new, |words| {
            words.iter().map(|(_, value)| parent.find(value).map_or(NO_ROW, |code| first[code as usize])).collect()
        })
    }

    /// Where each stop is: latitude and longitude of the stop, or of the first of its parents that has one.
    pub fn locations(&self) -> &[Option<[f64; 2]>] {
        self.locations.get_or_init(|| {
            let stops = self.table("stops");
            let (lat, lon) = (stops.float("stop_lat"), stops.float("stop_lon"));
            let (ids, parents) = (stops.text("stop_id"), stops.text("parent_station"));
            let own = |row: usize| Some([lat.get(row)?, lon.get(row)?]);
            let parent_rows = self.link("stops", "parent_station", "stops", "stop_id");
            // A stop is asked for by its id, so the first row of the id speaks for all.
            let first = ids.first_rows();
            (0..stops.rows)
                .map(|row| {
                    let mut row = ids.code(row).map_or(row, |code| first[code as usize] as usize);
                    for _ in 0..3 {
                        if let Some(location) = own(row) {
                            return Some(location);
                        }
                        match parents.code(row).map(|code| parent_rows[code as usize]) {
                            Some(parent) if parent != NO_ROW => row = parent as usize,
                            _ => break,
                        }
                    }
                    None
                })
                .collect()
        })
    }
}

/// From a row of `trips` to its stop times.
pub struct Trips<'a> {
    ids: Text<'a>,
    codes: Vec<u32>,
    /// By rows of `trips`; empty if there is none.
    passed_over: Vec<bool>,
    pub groups: &'a Groups,
}

impl Trips<'_> {
    /// Rows of one trip_id whose stop times are looked at. Each has the same; many of a long trip would take forever.
    pub const REPETITIONS: u32 = 100;

    /// Whether there are rows of which the stop times are not looked at.
    pub fn are_cut(&self) -> bool {
        !self.passed_over.is_empty()
    }
}

impl<'a> Trips<'a> {
    /// The rows of the trip's stop times in order; empty if it has none, or if its id stands too often.
    pub fn stop_times(&self, trip: usize) -> Rows<'a> {
        if self.passed_over.get(trip).is_some_and(|passed_over| *passed_over) {
            return Rows::default();
        }
        match self.ids.code(trip).map(|code| self.codes[code as usize]) {
            Some(code) if code != NONE => self.groups.of_code(code),
            _ => Rows::default(),
        }
    }
}

impl Table {
    pub fn text(&self, name: &str) -> Text<'_> {
        match self.column(name) {
            Some(Column::Text { codes, words }) => Text { codes, words: Some(words) },
            _ => Text { codes: &[], words: None },
        }
    }

    /// Whole numbers, enums, times in seconds and dates in days since 1970.
    pub fn int(&self, name: &str) -> Int<'_> {
        match self.column(name) {
            Some(Column::Int(cells)) => Int(cells),
            _ => Int(&[]),
        }
    }

    pub fn float(&self, name: &str) -> Float<'_> {
        match self.column(name) {
            Some(Column::Float(cells)) => Float(cells),
            _ => Float(&[]),
        }
    }

    /// The rows that could be read.
    pub fn good(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows).filter(|row| !self.bad.has(*row))
    }

    /// The line of a row as a value of a sample.
    pub fn at(&self, row: usize) -> Value {
        self.line(row).into()
    }

    /// Whether the file is there, in whatever state.
    pub fn is_there(&self) -> bool {
        self.status != crate::decode::timetable::Status::Missing
    }
}

/// A column of text. A column that the file does not have is empty in every row.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    codes: &'a [u32],
    words: Option<&'a Words>,
}

impl<'a> Text<'a> {
    pub fn code(&self, row: usize) -> Option<u32> {
        self.codes.get(row).copied().filter(|code| *code != NONE)
    }

    pub fn has(&self, row: usize) -> bool {
        self.code(row).is_some()
    }

    /// The text of a cell, empty if there is none.
    pub fn get(&self, row: usize) -> &'a str {
        match (self.words, self.codes.get(row)) {
            (Some(words), Some(code)) => words.get(*code),
            _ => "",
        }
    }

    /// A cell as a value of a sample.
    pub fn value(&self, row: usize) -> Value {
        self.get(row).into()
    }

    pub fn codes(&self) -> &'a [u32] {
        self.codes
    }

    pub fn words(&self) -> Option<&'a Words> {
        self.words
    }

    /// How many distinct values there are.
    pub fn distinct(&self) -> usize {
        self.words.map_or(0, Words::len)
    }

    pub fn find(&self, value: &str) -> Option<u32> {
        self.words?.find(value.as_bytes())
    }

    /// For each code the first row that has it.
    pub fn first_rows(&self) -> Vec<u32> {
        let mut first = vec![NO_ROW; self.distinct()];
        for (row, &code) in self.codes.iter().enumerate() {
            if code != NONE && first[code as usize] == NO_ROW {
                first[code as usize] = row as u32;
            }
        }
        first
    }

    /// For each code all rows that have it, in their order.
    pub fn rows_by_code(&self) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); self.distinct()];
        for (row, &code) in self.codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
            rows[code as usize].push(row as u32);
        }
        rows
    }
}

/// A column of whole numbers.
#[derive(Clone, Copy)]
pub struct Int<'a>(&'a [i32]);

impl<'a> Int<'a> {
    pub fn get(&self, row: usize) -> Option<i32> {
        self.0.get(row).copied().filter(|value| *value != NO_INT)
    }

    pub fn has(&self, row: usize) -> bool {
        self.get(row).is_some()
    }

    pub fn or(&self, row: usize, default: i32) -> i32 {
        self.get(row).unwrap_or(default)
    }

    pub fn value(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, Value::from)
    }

    /// A time as a value of a sample.
    pub fn time(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, time)
    }

    /// A date as a value of a sample.
    pub fn date(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, date)
    }

    pub fn cells(&self) -> &'a [i32] {
        self.0
    }
}

/// Seconds of a service date as a value of a sample.
pub fn time(seconds: i32) -> Value {
    ServiceSeconds(seconds).to_string().into()
}

/// Days since 1970 as a value of a sample, in the form of GTFS.
pub fn date(days: i32) -> Value {
    ServiceDate::from_days_since_epoch(days).map_or(Value::Null, |date| date.to_gtfs().into())
}

/// Days since 1970 as a value of a sample, in the form of ISO 8601.
pub fn iso_date(days: i32) -> Value {
    ServiceDate::from_days_since_epoch(days).map_or(Value::Null, |date| date.to_string().into())
}

/// A column of numbers.
#[derive(Clone, Copy)]
pub struct Float<'a>(&'a [f64]);

impl Float<'_> {
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().filter(|value| !value.is_nan())
    }

    pub fn has(&self, row: usize) -> bool {
        self.get(row).is_some()
    }

    pub fn or(&self, row: usize, default: f64) -> f64 {
        self.get(row).unwrap_or(default)
    }

    pub fn value(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, Value::from)
    }
}

/// Rows of a table by a column's value, each group in the order of a sequence.
///
/// A file that is sorted by both, as most are, costs nothing but the look that finds it sorted.
pub struct Groups {
    /// For each code where its group begins; one more for the end of the last.
    starts: Vec<u32>,
    /// The rows by group; `None` if they stand in the file in this order.
    order: Option<Vec<u32>>,
}

/// The rows of one group.
#[derive(Clone, Copy, Default)]
pub struct Rows<'a> {
    begin: u32,
    end: u32,
    order: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    pub fn len(&self) -> usize {
        (self.end - self.begin) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// The row at a place of the group.
    pub fn at(&self, place: usize) -> usize {
        match self.order {
            Some(order) => order[self.begin as usize + place] as usize,
            None => self.begin as usize + place,
        }
    }

    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then(|| self.at(0))
    }

    pub fn last(&self) -> Option<usize> {
        Some(self.at(self.len().checked_sub(1)?))
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |place| self.at(place))
    }
}

impl Groups {
    fn new(table: &Table, keys: &Text<'_>, sequence: &Int<'_>) -> Self {
        let (codes, sequence) = (keys.codes(), sequence.cells());
        // A contract of the workspace may do without the sequence; then the order of the file holds.
        let place = |row: usize| sequence.get(row).copied().unwrap_or_default();
        let follows = |row: usize| {
            let (one, two) = (codes[row - 1], codes[row]);
            one < two || one == two && place(row - 1) <= place(row)
        };
        let sorted = codes.last().is_none_or(|last| *last != NONE) && (1..codes.len()).all(follows);
        let mut starts = vec![0_u32; keys.distinct() + 1];
        for &code in codes.iter().filter(|code| **code != NONE) {
            starts[code as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        if sorted {
            return Self { starts, order: None };
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; starts.last().copied().unwrap_or_default() as usize];
        for row in 0..table.rows {
            if let Some(code) = keys.code(row) {
                let place = &mut next[code as usize];
                order[*place as usize] = row as u32;
                *place += 1;
            }
        }
        for bounds in starts.windows(2) {
            let group = &mut order[bounds[0] as usize..bounds[1] as usize];
            if !group.is_sorted_by_key(|row| place(*row as usize)) {
                group.sort_by_key(|row| place(*row as usize));
            }
        }
        Self { starts, order: Some(order) }
    }

    /// The group of a code.
    pub fn of_code(&self, code: u32) -> Rows<'_> {
        let code = code as usize;
        Rows { begin: self.starts[code], end: self.starts[code + 1], order: self.order.as_deref() }
    }

    /// All groups, by code.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Rows<'_>)> {
        (0..self.starts.len() as u32 - 1).map(|code| (code, self.of_code(code))).filter(|(_, rows)| !rows.is_empty())
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
