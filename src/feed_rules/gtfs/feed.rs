//! A feed as the rules see it: columns by name, and the ways from one table to another, each made once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::columns::{Groups, NO_ROW, Rows, Text};
use super::services::Services;
use super::zones::Zones;
use crate::decode::gtfs::{NONE, Table, Timetable};
use crate::feed_rules::rule::Subject;
use crate::time::ServiceDate;

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
        self.services.get_or_init(|| Services::new(self.table("calendar"), self.table("calendar_dates")))
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

/// The tables that must have been read without a fault, because a check looks across their rows.
pub enum Needs {
    Tables(&'static [&'static str]),
    AllTables,
}

impl Subject for Feed {
    type Needs = Needs;
    /// The name and the text of a file that replaces that of a small feed without any notice. A file without text is taken away.
    type Part = (&'static str, &'static str);

    fn blocker(&self, needs: &Needs) -> Option<String> {
        let broken = match needs {
            Needs::Tables(names) => names.iter().map(|name| self.table(name)).find(|table| !table.is_usable()),
            Needs::AllTables => self.timetable.tables.iter().find(|table| !table.is_usable()),
        };
        broken.map(|table| table.file.clone())
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
