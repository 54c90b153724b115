//! Vehicle positions: one entity is one row of `vehicle_positions`.

use std::fmt::Write;

use super::codes::{CONGESTION, Code, OCCUPANCY, STOP_STATUS};
use super::descriptors::{Text, Trip, Vehicle, int32, parts, uint32};
use super::sheet::{Cells, Entity, Handles, Reading, Refused, Sheet, names};
use crate::decode::partition::{RowPartition, Says};
use crate::decode::rows::Cell;
use crate::protobuf::{Broken, Value, fields};
use crate::table::single::widen;

/// The field of an entity.
pub(super) const FIELD: u32 = 4;

/// The columns of `vehicle_positions` and where each comes from.
fn cells<'a>(entity: &Entity<'a>, report: &'a VehiclePosition<'a>) -> Cells<'a, COLUMNS> {
    let VehiclePosition { trip, vehicle, position, .. } = report;
    [
        ("captured_at", entity.captured_at()),
        ("feed_timestamp", Cell::seconds(entity.feed_timestamp)),
        ("entity_id", entity.id.into()),
        ("source", Cell::Text(entity.source.as_bytes())),
        ("trip_id", trip.id.into()),
        ("start_time", trip.start_time.into()),
        ("start_date", trip.start_date.into()),
        ("schedule_relationship", trip.relationship.into()),
        ("route_id", trip.route_id.into()),
        ("direction_id", trip.direction_id.into()),
        ("vehicle_id", vehicle.id.into()),
        ("vehicle_label", vehicle.label.into()),
        ("license_plate", vehicle.license_plate.into()),
        ("latitude", position.latitude.into()),
        ("longitude", position.longitude.into()),
        ("bearing", position.bearing.into()),
        ("odometer", position.odometer.into()),
        ("speed", position.speed.into()),
        ("current_stop_sequence", report.stop_sequence.into()),
        ("current_status", report.status.into()),
        ("timestamp", Cell::seconds(report.timestamp)),
        ("congestion_level", report.congestion.into()),
        ("stop_id", report.stop_id.into()),
        ("occupancy_status", report.occupancy.into()),
        ("occupancy_percentage", report.occupancy_percentage.into()),
        ("multi_carriage_details", Cell::Text(report.carriages.as_bytes())),
    ]
}

const COLUMNS: usize = 26;

pub(super) fn columns() -> [&'static str; COLUMNS] {
    names(cells(&Entity::EMPTY, &VehiclePosition::default()))
}

/// A `VehiclePosition`.
#[derive(Debug, Default)]
struct VehiclePosition<'a> {
    trip: Trip<'a>,
    vehicle: Vehicle<'a>,
    position: Position,
    stop_sequence: Option<i64>,
    status: Code,
    timestamp: Option<i64>,
    congestion: Code,
    stop_id: Text<'a>,
    occupancy: Code,
    occupancy_percentage: Option<i64>,
    /// What is said of its carriages, a list in JSON; empty if nothing is.
    carriages: String,
}

/// A `Position`.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    latitude: Option<f64>,
    longitude: Option<f64>,
    bearing: Option<f64>,
    odometer: Option<f64>,
    speed: Option<f64>,
}

/// A `CarriageDetails`.
#[derive(Clone, Copy, Debug, Default)]
struct Carriage<'a> {
    id: Text<'a>,
    label: Text<'a>,
    occupancy: Code,
    occupancy_percentage: Option<i64>,
    sequence: Option<i64>,
}

/// The table `vehicle_positions`.
pub(super) struct VehiclePositions {
    pub sheet: Sheet,
    handles: Handles<COLUMNS>,
}

impl VehiclePositions {
    pub(super) fn new(sheet: Sheet) -> Self {
        let handles = sheet.handles(cells(&Entity::EMPTY, &VehiclePosition::default()));
        Self { sheet, handles }
    }

    /// Reads the vehicle position of an entity that has one.
    pub(super) fn read(&mut self, entity: &Entity<'_>, reading: &mut Reading<'_>) -> Result<(), Refused> {
        let report = VehiclePosition::read(entity.bytes, reading)?;
        reading.names_trip(entity, report.trip.id, report.trip.relationship.name());
        let own = entity.bytes.len() + report.carriages.len();
        reading.expect(&mut self.sheet, 1, entity.source.len() as u64, own as u64)?;
        if reading.is_trial {
            return Ok(());
        }
        let says = Says {
            start_date: report.trip.start_date,
            start_time: report.trip.start_time,
            // What the message says of itself stands in for what a position does not say.
            made: [report.timestamp, entity.feed_timestamp],
        };
        match reading.partition(&mut self.sheet, &says, entity) {
            RowPartition::Own => self.sheet.push(&self.handles, cells(entity, &report), entity),
            partition => self.sheet.count(partition, entity, 1),
        }
        Ok(())
    }
}

impl<'a> VehiclePosition<'a> {
    fn read(entity: &'a [u8], reading: &mut Reading<'_>) -> Result<Self, Broken> {
        let mut report = Self::default();
        for part in parts(entity, FIELD) {
            for field in fields(part?) {
                match field? {
                    (1, Value::Bytes(part)) => report.trip.read(part)?,
                    (2, Value::Bytes(part)) => report.position.read(part)?,
                    (3, Value::Varint(value)) => report.stop_sequence = uint32(value),
                    (4, Value::Varint(value)) => report.status.read(STOP_STATUS, value),
                    (5, Value::Varint(value)) => report.timestamp = reading.instant(value),
                    (6, Value::Varint(value)) => report.congestion.read(CONGESTION, value),
                    (7, Value::Bytes(text)) => report.stop_id = Some(text),
                    (8, Value::Bytes(part)) => report.vehicle.read(part)?,
                    (9, Value::Varint(value)) => report.occupancy.read(OCCUPANCY, value),
                    // A uint32; what producers write for a negative percentage is read as the negative number that they meant.
                    (10, Value::Varint(value)) => report.occupancy_percentage = int32(value),
                    (11, Value::Bytes(part)) => Carriage::read(part)?.add_to(&mut report.carriages),
                    _ => {}
                }
            }
        }
        if !report.carriages.is_empty() {
            report.carriages.push(']');
        }
        Ok(report)
    }
}

impl Position {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let single = |bits| Some(widen(f32::from_bits(bits)));
        for field in fields(bytes) {
            match field? {
                (1, Value::Fixed32(bits)) => self.latitude = single(bits),
                (2, Value::Fixed32(bits)) => self.longitude = single(bits),
                (3, Value::Fixed32(bits)) => self.bearing = single(bits),
                (4, Value::Fixed64(bits)) => self.odometer = Some(f64::from_bits(bits)),
                (5, Value::Fixed32(bits)) => self.speed = single(bits),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Carriage<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut carriage = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => carriage.id = Some(text),
                (2, Value::Bytes(text)) => carriage.label = Some(text),
                (3, Value::Varint(value)) => carriage.occupancy.read(OCCUPANCY, value),
                (4, Value::Varint(value)) => carriage.occupancy_percentage = int32(value),
                (5, Value::Varint(value)) => carriage.sequence = uint32(value),
                _ => {}
            }
        }
        Ok(carriage)
    }

    /// Adds what is said of it to a list in JSON.
    fn add_to(&self, list: &mut String) {
        let members: [(&str, Cell<'_>); 5] = [
            ("id", self.id.into()),
            ("label", self.label.into()),
            ("occupancy_status", self.occupancy.into()),
            ("occupancy_percentage", self.occupancy_percentage.into()),
            ("carriage_sequence", self.sequence.into()),
        ];
        list.push_str(if list.is_empty() { "[{" } else { ",{" });
        let mut between = "";
        for (key, cell) in members {
            // Writing to a string cannot fail.
            let _ = match cell {
                Cell::Int(value) => write!(list, "{between}\"{key}\":{value}"),
                Cell::Name(name) => write!(list, "{between}\"{key}\":\"{name}\""),
                Cell::Text(text @ [_, ..]) => {
                    let text = serde_json::Value::from(String::from_utf8_lossy(text));
                    write!(list, "{between}\"{key}\":{text}")
                }
                _ => continue,
            };
            between = ",";
        }
        list.push('}');
    }
}
