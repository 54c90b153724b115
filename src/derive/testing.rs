//! A derivation for tests: of a table of the release and of the timetable, one row for each trip that is planned or reported. It
//! reads a table of the feed, too, and makes nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray};

use crate::contract::{Contract, Kind};
use crate::derive::derivation::{
    Derivation, DerivationType, DeriveContext, Derived, Finished, Input, InputAccount, InputColumn, Output,
    OutputColumn, Tables, Unused, rows_by_name,
};
use crate::derive::error::DeriveError;
use crate::derive::reports;
use crate::table::{Budget, Lineage};

/// Bytes that a trip takes here.
const TRIP: usize = 100;

pub struct TripReports;

impl DerivationType for TripReports {
    fn name(&self) -> &'static str {
        "trip_reports"
    }

    fn inputs(&self) -> &'static [Input] {
        const TRIP_ID: InputColumn = InputColumn::needed("trip_id", Kind::Text);
        const REPORTED: InputColumn = InputColumn::needed("trip_id_scheduled", Kind::Text);
        const WHEN: InputColumn = InputColumn::needed("event_timestamp", Kind::Instant);
        const CAPTURED: InputColumn = InputColumn::needed("captured_at", Kind::Instant);
        const NOWHERE: InputColumn = InputColumn::optional("track", Kind::Text);
        &[
            Input { of: Tables::Timetable, table: "trips", columns: &[TRIP_ID], is_required: true },
            Input {
                of: Tables::Release,
                table: "vehicle_locations",
                columns: &[REPORTED, WHEN, NOWHERE],
                is_required: true,
            },
            Input { of: Tables::Feed, table: "alerts", columns: &[CAPTURED], is_required: true },
        ]
    }

    fn outputs(&self) -> &'static [Output] {
        const COLUMNS: &[OutputColumn] = &[
            OutputColumn::made("trip_id", Kind::Text, &["trip_id_scheduled", "trip_id"]),
            OutputColumn::made("is_planned", Kind::Boolean, &["trip_id"]),
            OutputColumn::made("reports", Kind::Int32, &["trip_id_scheduled"]),
            OutputColumn::made("first_report", Kind::Instant, &["event_timestamp"]),
        ];
        &[Output { table: "trip_reports", columns: COLUMNS }]
    }

    fn begin(&self, context: DeriveContext) -> Result<Box<dyn Derivation>, DeriveError> {
        let mut run = Run {
            contract: context.contracts[0].clone(),
            trips: BTreeMap::new(),
            timetable: context.timetable_origin,
            account: InputAccount::default(),
            without_trip: 0,
            alerts: 0,
            budget: context.budget,
            booked: 0,
        };
        let planned = context.timetable["trips"].column(0).as_string::<i32>().clone();
        for (row, trip) in planned.iter().enumerate() {
            run.trip(trip.unwrap_or_default(), (run.timetable, row as u64))?.is_planned = true;
        }
        Ok(Box::new(run))
    }
}

struct Trip {
    /// Where the first row stands that it is made of.
    place: (u32, u64),
    is_planned: bool,
    reports: i32,
    first: Option<i64>,
}

struct Run {
    contract: Arc<Contract>,
    trips: BTreeMap<String, Trip>,
    timetable: u32,
    account: InputAccount,
    without_trip: u64,
    alerts: u64,
    budget: Budget,
    booked: usize,
}

impl Run {
    fn trip(&mut self, trip: &str, place: (u32, u64)) -> Result<&mut Trip, DeriveError> {
        if !self.trips.contains_key(trip) {
            self.budget.take("derive", TRIP)?;
            self.booked += TRIP;
        }
        let new = Trip { place, is_planned: false, reports: 0, first: None };
        Ok(self.trips.entry(trip.to_owned()).or_insert(new))
    }
}

impl Derivation for Run {
    fn push(&mut self, input: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
        if input == 2 {
            assert_eq!((rows.num_columns(), rows.column(0).null_count()), (3, 0));
            self.alerts += rows.num_rows() as u64;
            return Ok(Vec::new());
        }
        assert_eq!((input, rows.num_columns()), (1, 5));
        let trips = rows.column(0).as_string::<i32>();
        let times = rows.column(1).as_primitive::<TimestampMillisecondType>();
        assert_eq!(rows.column(2).null_count(), rows.num_rows());
        for row in 0..rows.num_rows() {
            if trips.is_null(row) {
                self.without_trip += 1;
                continue;
            }
            let place = reports::place(&rows, row).unwrap();
            let timetable = self.timetable;
            let trip = self.trip(trips.value(row), place)?;
            if trip.place.0 == timetable {
                trip.place = place;
            }
            trip.reports += 1;
            trip.first = trip.first.into_iter().chain([times.value(row)]).min();
            self.account.used += 1;
        }
        Ok(Vec::new())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished, DeriveError> {
        self.budget.give_back(self.booked);
        self.account.unused.push(Unused::counted("trip_reports.without_trip", self.without_trip));
        let places: Vec<(u32, u64)> = self.trips.values().map(|trip| trip.place).collect();
        let trips = || self.trips.values();
        let column = |name: &str| -> Option<ArrayRef> {
            Some(match name {
                "trip_id" => Arc::new(self.trips.keys().map(Some).collect::<StringArray>()),
                "is_planned" => Arc::new(trips().map(|trip| Some(trip.is_planned)).collect::<BooleanArray>()),
                "reports" => Arc::new(trips().map(|trip| Some(trip.reports)).collect::<Int32Array>()),
                "first_report" => {
                    let first: TimestampMillisecondArray = trips().map(|trip| trip.first).collect();
                    Arc::new(first.with_timezone("UTC"))
                }
                _ => return None,
            })
        };
        let chunk = rows_by_name(&self.contract, Lineage::of_first(&places), places.len(), column)?;
        let alerts = InputAccount { used: 0, unused: vec![Unused::counted("trip_reports.alert", self.alerts)] };
        let inputs = vec![InputAccount::default(), self.account, alerts];
        Ok(Finished::with(vec![Derived { output: 0, chunk }], inputs))
    }
}
