//! Buses on the road and how full they were, by hour of the newest date.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use rustc_hash::{FxHashMap, FxHashSet};

use super::sources::{Sources, has, readable};
use crate::derive::line_hours::hour_of;
use crate::portal::overview::{Hour, Hours};
use crate::publish::PublishError;
use crate::publish::column_reader::{ColumnReader, ROOM};
use crate::publish::index::{IndexFile, TableIndex};
use crate::table::BudgetExceeded;

const VEHICLE: &str = "vehicle_id";
const TIME: &str = "event_timestamp";
const PERCENTAGE: &str = "occupancy_percentage";
const STATUS: &str = "occupancy_status";

/// Of the table that has the columns, the newest date that is over, or the newest one. What is kept of the same file stays.
pub(super) fn hours(sources: &Sources<'_>, kept: Option<&Hours>) -> Result<Option<Hours>, PublishError> {
    let mut tables = sources.tables.iter().map(|table| &table.index);
    let is_it =
        |index: &&TableIndex| has(index, VEHICLE) && has(index, TIME) && (has(index, PERCENTAGE) || has(index, STATUS));
    let Some(index) = tables.find(|index| is_it(index)) else { return Ok(None) };
    let over = index.files.iter().rev().find(|file| !file.provisional);
    let Some(file) = over.or(index.files.last()) else { return Ok(None) };
    let is_same =
        |kept: &&Hours| (&kept.table, kept.date, kept.sha256) == (&index.table, file.partition_date, file.sha256);
    match kept.filter(is_same) {
        Some(same) => Ok(Some(same.clone())),
        None => readable(hours_of(sources, &index.table, file)),
    }
}

fn hours_of(sources: &Sources<'_>, table: &str, file: &IndexFile) -> Result<Option<Hours>, PublishError> {
    let Some(reader) = ColumnReader::open(sources.bucket, file)? else { return Ok(None) };
    let mut sums = Sums {
        zero_ms: file.partition_date.zero(sources.zone).as_millisecond(),
        limit: sources.memory,
        ..Sums::default()
    };
    let mut result = Ok(());
    let is_there = reader.visit(&[VEHICLE, TIME, PERCENTAGE, STATUS], |rows| {
        result = sums.add(&rows);
        if result.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    result?;
    let (date, sha256) = (file.partition_date, file.sha256);
    Ok(is_there.then(|| Hours { date, table: table.to_owned(), sha256, hours: sums.finish() }))
}

/// What a name takes beside its characters, and a number of it.
const NAME: usize = 64;
const NUMBER: usize = 8;

#[derive(Default)]
struct Sums {
    zero_ms: i64,
    limit: usize,
    held: usize,
    /// The vehicles, each with a number.
    numbers: FxHashMap<String, u32>,
    hours: BTreeMap<i32, OfHour>,
}

#[derive(Default)]
struct OfHour {
    vehicles: FxHashSet<u32>,
    reports: u64,
    with_percentage: u64,
    percentages: Sum,
    statuses: BTreeMap<String, u64>,
}

impl Sums {
    fn add(&mut self, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        let column = |name: &str, kind: &DataType| -> Option<ArrayRef> { cast(rows.column_by_name(name)?, kind).ok() };
        let (vehicles, statuses) = (column(VEHICLE, &DataType::Utf8), column(STATUS, &DataType::Utf8));
        let percentages = column(PERCENTAGE, &DataType::Float64);
        let times = column(TIME, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
        let Some(times) = times.as_ref().and_then(|times| times.as_primitive_opt::<TimestampMillisecondType>()) else {
            return Ok(());
        };
        let vehicles = vehicles.as_ref().and_then(|column| column.as_string_opt::<i32>());
        let statuses = statuses.as_ref().and_then(|column| column.as_string_opt::<i32>());
        let percentages = percentages.as_ref().and_then(|column| column.as_primitive_opt::<Float64Type>());
        for row in (0..rows.num_rows()).filter(|row| times.is_valid(*row)) {
            // One outside of the hours of the date has none in `coverage`, either.
            let Some(hour) = hour_of(self.zero_ms, times.value(row)) else { continue };
            let of = self.hours.entry(hour).or_default();
            of.reports += 1;
            if let Some(vehicle) = vehicles.filter(|column| column.is_valid(row)).map(|column| column.value(row)) {
                let next = self.numbers.len() as u32;
                let number = match self.numbers.get(vehicle) {
                    Some(number) => *number,
                    None => {
                        self.held += vehicle.len() + NAME;
                        self.numbers.insert(vehicle.to_owned(), next);
                        next
                    }
                };
                if of.vehicles.insert(number) {
                    self.held += NUMBER;
                }
            }
            if let Some(percentages) = percentages.filter(|column| column.is_valid(row)) {
                of.with_percentage += 1;
                of.percentages.add(percentages.value(row));
            }
            if let Some(status) = statuses.filter(|column| column.is_valid(row)).map(|column| column.value(row)) {
                match of.statuses.get_mut(status) {
                    Some(reports) => *reports += 1,
                    None => _ = of.statuses.insert(status.to_owned(), 1),
                }
            }
            if self.held > self.limit {
                return Err(BudgetExceeded { room: ROOM, needed: self.held, limit: self.limit });
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Hour> {
        let hours = self.hours.into_iter();
        let hours = hours.map(|(hour, of)| Hour {
            hour,
            vehicles: of.vehicles.len() as u64,
            reports: of.reports,
            with_percentage: of.with_percentage,
            percentage: (of.with_percentage > 0).then(|| of.percentages.value() / of.with_percentage as f64),
            statuses: of.statuses,
        });
        hours.collect()
    }
}

/// A sum of floats that loses nothing of what is small beside it (Neumaier's), so that whole numbers are summed exactly and the order
/// of the rows counts as little as may be.
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}
