//! Trip updates: one stop time update is one row of `trip_updates`; a trip update without any is one, too.

use super::codes::{Code, OCCUPANCY, STOP_RELATIONSHIP};
use super::descriptors::{Text, Trip, Vehicle, filled, int32, parts, uint32};
use super::sheet::{Cells, Entity, Handles, Reading, Refused, Sheet, names, text_bytes};
use crate::decode::partition::{RowPartition, Says};
use crate::decode::rows::Cell;
use crate::protobuf::{Broken, Value, fields};

/// The field of an entity.
pub(super) const FIELD: u32 = 3;

/// The columns of `trip_updates` that all rows of a trip update share, and where each comes from.
fn trip_cells<'a>(entity: &Entity<'a>, update: &TripUpdate<'a>) -> Cells<'a, TRIP_COLUMNS> {
    let TripUpdate { trip, vehicle, .. } = update;
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
        ("timestamp", Cell::seconds(update.timestamp)),
        ("delay", update.delay.into()),
        ("original_trip_id", update.original_trip_id.into()),
    ]
}

/// The columns of `trip_updates` that are of one stop, and where each comes from.
fn stop_cells<'a>(stop: &StopTimeUpdate<'a>) -> Cells<'a, STOP_COLUMNS> {
    let StopTimeUpdate { arrival, departure, .. } = stop;
    [
        ("stop_sequence", stop.stop_sequence.into()),
        ("stop_id", stop.stop_id.into()),
        ("arrival_delay", arrival.delay.into()),
        ("arrival_time", Cell::seconds(arrival.time)),
        ("arrival_uncertainty", arrival.uncertainty.into()),
        ("departure_delay", departure.delay.into()),
        ("departure_time", Cell::seconds(departure.time)),
        ("departure_uncertainty", departure.uncertainty.into()),
        ("stop_schedule_relationship", stop.relationship.into()),
        ("departure_occupancy_status", stop.departure_occupancy.into()),
    ]
}

const TRIP_COLUMNS: usize = 16;
const STOP_COLUMNS: usize = 10;

pub(super) fn columns() -> Vec<&'static str> {
    let of_trip = names(trip_cells(&Entity::EMPTY, &TripUpdate::default()));
    [&of_trip[..], &names(stop_cells(&StopTimeUpdate::default()))].concat()
}

/// A `TripUpdate` but for its stop time updates.
#[derive(Clone, Copy, Debug, Default)]
struct TripUpdate<'a> {
    trip: Trip<'a>,
    vehicle: Vehicle<'a>,
    timestamp: Option<i64>,
    delay: Option<i64>,
    properties: TripProperties<'a>,
    /// The trip that the one of a duplicate was made of.
    original_trip_id: Text<'a>,
    /// How many stop time updates it has, and their bytes.
    stops: u64,
    stop_bytes: u64,
}

/// A `TripProperties`: the id, date and start of the trip that a duplicate is.
#[derive(Clone, Copy, Debug, Default)]
struct TripProperties<'a> {
    trip_id: Text<'a>,
    start_date: Text<'a>,
    start_time: Text<'a>,
}

/// A `StopTimeUpdate`.
#[derive(Clone, Copy, Debug, Default)]
struct StopTimeUpdate<'a> {
    stop_sequence: Option<i64>,
    stop_id: Text<'a>,
    arrival: StopTimeEvent,
    departure: StopTimeEvent,
    relationship: Code,
    departure_occupancy: Code,
}

/// A `StopTimeEvent`.
#[derive(Clone, Copy, Debug, Default)]
struct StopTimeEvent {
    delay: Option<i64>,
    time: Option<i64>,
    uncertainty: Option<i64>,
}

/// The table `trip_updates`.
pub(super) struct TripUpdates {
    pub sheet: Sheet,
    of_trip: Handles<TRIP_COLUMNS>,
    of_stop: Handles<STOP_COLUMNS>,
}

impl TripUpdates {
    pub(super) fn new(sheet: Sheet) -> Self {
        let of_trip = sheet.handles(trip_cells(&Entity::EMPTY, &TripUpdate::default()));
        let of_stop = sheet.handles(stop_cells(&StopTimeUpdate::default()));
        Self { sheet, of_trip, of_stop }
    }

    /// Reads the trip update of an entity that has one.
    pub(super) fn read(&mut self, entity: &Entity<'_>, reading: &mut Reading<'_>) -> Result<(), Refused> {
        let mut update = TripUpdate::read(entity.bytes, reading)?;
        reading.names_trip(entity, update.trip.id, update.trip.relationship.name());
        update.name_the_duplicate();
        let cells = trip_cells(entity, &update);
        let rows = update.stops.max(1);
        reading.expect(&mut self.sheet, rows, text_bytes(&cells), update.stop_bytes)?;
        let says = Says {
            start_date: update.trip.start_date,
            start_time: update.trip.start_time,
            made: [update.timestamp, None],
        };
        let partition = reading.partition(&mut self.sheet, &says, entity);
        if partition != RowPartition::Own {
            // No row is made, but the entity must be whole, and its rows and times are counted.
            for_each_stop(entity.bytes, |stop| StopTimeUpdate::look_through(stop, reading))?;
            self.sheet.count(partition, entity, rows);
            return Ok(());
        }
        if update.stops == 0 {
            self.sheet.push(&self.of_trip, cells, entity);
            return Ok(());
        }
        self.sheet.share(&self.of_trip, cells);
        for_each_stop(entity.bytes, |stop| {
            let stop = StopTimeUpdate::read(stop, reading)?;
            self.sheet.push(&self.of_stop, stop_cells(&stop), entity);
            Ok(())
        })?;
        self.sheet.rows.unshare();
        Ok(())
    }
}

/// Calls `read` with the bytes of each stop time update.
fn for_each_stop<'a>(entity: &'a [u8], mut read: impl FnMut(&'a [u8]) -> Result<(), Broken>) -> Result<(), Broken> {
    for part in parts(entity, FIELD) {
        for stop in parts(part?, 2) {
            read(stop?)?;
        }
    }
    Ok(())
}

impl<'a> TripUpdate<'a> {
    fn read(entity: &'a [u8], reading: &mut Reading<'_>) -> Result<Self, Broken> {
        let mut update = Self::default();
        for part in parts(entity, FIELD) {
            for field in fields(part?) {
                match field? {
                    (1, Value::Bytes(part)) => update.trip.read(part)?,
                    (2, Value::Bytes(part)) => {
                        update.stops += 1;
                        update.stop_bytes += part.len() as u64;
                    }
                    (3, Value::Bytes(part)) => update.vehicle.read(part)?,
                    (4, Value::Varint(value)) => update.timestamp = reading.instant(value),
                    (5, Value::Varint(value)) => update.delay = int32(value),
                    (6, Value::Bytes(part)) => update.properties.read(part)?,
                    _ => {}
                }
            }
        }
        Ok(update)
    }

    /// A duplicate's row is of the trip that it is, and names the one that it was made of.
    fn name_the_duplicate(&mut self) {
        if self.trip.relationship != Code::Name("DUPLICATED") {
            return;
        }
        let TripProperties { trip_id, start_date, start_time } = self.properties;
        if let Some(new) = filled(trip_id) {
            self.original_trip_id = self.trip.id.replace(new);
        }
        self.trip.start_date = filled(start_date).or(self.trip.start_date);
        self.trip.start_time = filled(start_time).or(self.trip.start_time);
    }
}

impl<'a> TripProperties<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Broken> {
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => self.trip_id = Some(text),
                (2, Value::Bytes(text)) => self.start_date = Some(text),
                (3, Value::Bytes(text)) => self.start_time = Some(text),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> StopTimeUpdate<'a> {
    fn read(bytes: &'a [u8], reading: &mut Reading<'_>) -> Result<Self, Broken> {
        let mut stop = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Value::Varint(value)) => stop.stop_sequence = uint32(value),
                (2, Value::Bytes(part)) => stop.arrival.read(part, reading)?,
                (3, Value::Bytes(part)) => stop.departure.read(part, reading)?,
                (4, Value::Bytes(text)) => stop.stop_id = Some(text),
                (5, Value::Varint(value)) => stop.relationship.read(STOP_RELATIONSHIP, value),
                (7, Value::Varint(value)) => stop.departure_occupancy.read(OCCUPANCY, value),
                _ => {}
            }
        }
        Ok(stop)
    }

    /// Finds out whether it is whole, and counts its times that are 0.
    fn look_through(bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), Broken> {
        for field in fields(bytes) {
            if let (2 | 3, Value::Bytes(part)) = field? {
                StopTimeEvent::default().read(part, reading)?;
            }
        }
        Ok(())
    }
}

impl StopTimeEvent {
    fn read(&mut self, bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), Broken> {
        for field in fields(bytes) {
            match field? {
                (1, Value::Varint(value)) => self.delay = int32(value),
                (2, Value::Varint(value)) => self.time = reading.instant(value),
                (3, Value::Varint(value)) => self.uncertainty = int32(value),
                _ => {}
            }
        }
        Ok(())
    }
}
