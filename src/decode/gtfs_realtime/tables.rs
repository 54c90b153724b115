//! The tables of GTFS-Realtime: their columns, and the entities whose rows they have.

use super::alert::{self, Alerts};
use super::sheet::{Entity, Reading, Refused, Sheet};
use super::trip_update::{self, TripUpdates};
use super::vehicle::{self, VehiclePositions};
use crate::contract::library::Library;
use crate::decode::DecodeError;
use crate::decode::captures::Only;
use crate::decode::partition::RowFilter;
use crate::decode::rows::RowBuilder;
use crate::protobuf::{Value, fields};
use crate::table::Budget;

const VEHICLE_POSITIONS: &str = "vehicle_positions";
const TRIP_UPDATES: &str = "trip_updates";
const ALERTS: &str = "alerts";
/// In the order in which their places among the steps are told.
pub(super) const TABLES: [&str; 3] = [VEHICLE_POSITIONS, TRIP_UPDATES, ALERTS];

/// The values that are a `float` of 32 bits in the protobuf.
const SINGLES: &[&str] = &["latitude", "longitude", "bearing", "speed"];

/// The columns that a row of a table has; `None` where GTFS-Realtime has no such table.
pub fn columns(table: &str) -> Option<Vec<&'static str>> {
    match table {
        VEHICLE_POSITIONS => Some(vehicle::columns().to_vec()),
        TRIP_UPDATES => Some(trip_update::columns()),
        ALERTS => Some(alert::columns()),
        _ => None,
    }
}

/// Whether the numbers of a column come as floating point numbers of 32 bits.
pub fn is_single(column: &str) -> bool {
    SINGLES.contains(&column)
}

/// The tables as they grow.
pub(super) struct Tables {
    vehicles: VehiclePositions,
    updates: TripUpdates,
    alerts: Alerts,
}

impl Tables {
    pub(super) fn new(contracts: &Library, budget: &Budget, only: Option<&Only>) -> Result<Self, DecodeError> {
        let sheet = |table: &str| {
            let contract = contracts.get(table).ok_or_else(|| {
                DecodeError::feed(table, "there is no contract for this table", "Add one to schemas/gtfs-realtime.")
            })?;
            let rows = RowBuilder::new(contract.clone(), budget.clone());
            Ok::<_, DecodeError>(Sheet::new(rows, only.map(RowFilter::new)))
        };
        Ok(Self {
            vehicles: VehiclePositions::new(sheet(VEHICLE_POSITIONS)?),
            updates: TripUpdates::new(sheet(TRIP_UPDATES)?),
            alerts: Alerts::new(sheet(ALERTS)?),
        })
    }

    /// In the order of [`TABLES`].
    pub(super) fn sheets(&self) -> [&Sheet; TABLES.len()] {
        [&self.vehicles.sheet, &self.updates.sheet, &self.alerts.sheet]
    }

    pub(super) fn sheets_mut(&mut self) -> [&mut Sheet; TABLES.len()] {
        [&mut self.vehicles.sheet, &mut self.updates.sheet, &mut self.alerts.sheet]
    }

    /// Rows that all messages gave so far.
    pub(super) fn rows(&self) -> u64 {
        self.sheets().iter().map(|sheet| sheet.rows.total()).sum()
    }

    /// Reads an entity; tells whether it is deleted.
    pub(super) fn read(&mut self, entity: &Entity<'_>, reading: &mut Reading<'_>) -> Result<bool, Refused> {
        let mut entity = *entity;
        let mut is_deleted = false;
        let (mut has_vehicle, mut has_update, mut has_alert) = (false, false, false);
        for field in fields(entity.bytes) {
            match field? {
                (1, Value::Bytes(text)) => entity.id = Some(text),
                (2, Value::Varint(value)) => is_deleted = value != 0,
                (trip_update::FIELD, Value::Bytes(_)) => has_update = true,
                (vehicle::FIELD, Value::Bytes(_)) => has_vehicle = true,
                (alert::FIELD, Value::Bytes(_)) => has_alert = true,
                _ => {}
            }
        }
        if is_deleted {
            return Ok(true);
        }
        if has_vehicle {
            self.vehicles.read(&entity, reading)?;
        }
        if has_update {
            self.updates.read(&entity, reading)?;
        }
        if has_alert {
            self.alerts.read(&entity, reading)?;
        }
        Ok(false)
    }
}
