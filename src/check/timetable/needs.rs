//! What queries need of the timetable.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::services::WEEKDAYS;
use crate::time::ServiceDate;

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

    /// Dates of which the planned trips are counted.
    pub(super) fn days(&self) -> &BTreeSet<ServiceDate> {
        &self.days
    }

    /// Whether the trips of all dates are needed.
    pub(super) fn wants_all_trips(&self) -> bool {
        self.all_trips
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
