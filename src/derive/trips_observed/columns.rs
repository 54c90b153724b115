//! What `trips_observed` reads and fills, column by column.

use crate::contract::Kind;
use crate::derive::derivation::{Input, InputColumn, Output, OutputColumn, Tables};

/// The table.
pub(super) const TABLE: &str = "trips_observed";

pub(super) const TRIPS: &[InputColumn] = &[
    InputColumn::needed("trip_id", Kind::Text),
    InputColumn::needed("route_id", Kind::Text),
    InputColumn::optional("direction_id", Kind::Int32),
];
pub(super) const STOP_TIMES: &[InputColumn] = &[
    InputColumn::needed("trip_id", Kind::Text),
    InputColumn::needed("stop_sequence", Kind::Int32),
    InputColumn::needed("stop_id", Kind::Text),
    InputColumn::needed("arrival_time", Kind::ServiceTime),
    InputColumn::needed("departure_time", Kind::ServiceTime),
];
pub(super) const STOPS: &[InputColumn] = &[
    InputColumn::needed("stop_id", Kind::Text),
    InputColumn::needed("stop_lat", Kind::Float),
    InputColumn::needed("stop_lon", Kind::Float),
];
pub(super) const FREQUENCIES: &[InputColumn] = &[
    InputColumn::needed("trip_id", Kind::Text),
    InputColumn::needed("start_time", Kind::ServiceTime),
    InputColumn::needed("end_time", Kind::ServiceTime),
    InputColumn::needed("headway_secs", Kind::Int32),
    InputColumn::optional("exact_times", Kind::Int32),
];
/// What says which trip a row of the release is of; the first columns of both of its tables.
const TRIP: [InputColumn; 5] = [
    InputColumn::needed("trip_id_scheduled", Kind::Text),
    InputColumn::optional("trip_start_time", Kind::ServiceTime),
    InputColumn::optional("trip_schedule_relationship", Kind::Text),
    InputColumn::optional("route_id", Kind::Text),
    InputColumn::optional("direction_id", Kind::Int32),
];
pub(super) const VEHICLE_LOCATIONS: &[InputColumn] = &[
    TRIP[0],
    TRIP[1],
    TRIP[2],
    TRIP[3],
    TRIP[4],
    InputColumn::needed("event_timestamp", Kind::Instant),
    InputColumn::optional("vehicle_id", Kind::Text),
    InputColumn::optional("stop_id", Kind::Text),
    InputColumn::optional("scheduled_stop_sequence", Kind::Int32),
    InputColumn::optional("current_status", Kind::Text),
    InputColumn::optional("latitude", Kind::Float),
    InputColumn::optional("longitude", Kind::Float),
];
pub(super) const TRIP_UPDATES: &[InputColumn] = &[
    TRIP[0],
    TRIP[1],
    InputColumn { is_required: true, ..TRIP[2] },
    TRIP[3],
    TRIP[4],
    InputColumn::needed("received_at", Kind::Instant),
    InputColumn::optional("event_timestamp", Kind::Instant),
];

/// The places of the inputs that come row by row.
pub(super) const REPORTS: usize = 4;
pub(super) const PREDICTIONS: usize = 5;

pub(super) const INPUTS: &[Input] = &[
    Input { of: Tables::Timetable, table: "trips", columns: TRIPS, is_required: true },
    Input { of: Tables::Timetable, table: "stop_times", columns: STOP_TIMES, is_required: true },
    Input { of: Tables::Timetable, table: "stops", columns: STOPS, is_required: true },
    Input { of: Tables::Timetable, table: "frequencies", columns: FREQUENCIES, is_required: true },
    Input { of: Tables::Release, table: "vehicle_locations", columns: VEHICLE_LOCATIONS, is_required: true },
    Input { of: Tables::Release, table: "trip_updates", columns: TRIP_UPDATES, is_required: true },
];

const STOPS_SEEN: &[&str] =
    &["stop_id", "scheduled_stop_sequence", "current_status", "latitude", "longitude", "event_timestamp"];

pub(super) const OUTPUTS: &[Output] = &[Output {
    table: TABLE,
    columns: &[
        OutputColumn::made("service_date", Kind::Date, &[]),
        OutputColumn::made("trip_id_scheduled", Kind::Text, &["trip_id", "trip_id_scheduled"]),
        OutputColumn::made("trip_start_time", Kind::ServiceTime, &["departure_time", "start_time", "trip_start_time"]),
        OutputColumn::made("trip_end_time", Kind::ServiceTime, &["arrival_time"]),
        OutputColumn::made("schedule_trip_start", Kind::Instant, &["departure_time", "start_time", "trip_start_time"]),
        OutputColumn::made("schedule_trip_end", Kind::Instant, &["arrival_time"]),
        OutputColumn::made("route_id", Kind::Text, &["route_id"]),
        OutputColumn::made("direction_id", Kind::Int32, &["direction_id"]),
        OutputColumn::made("is_planned", Kind::Boolean, &["trip_id", "start_time", "trip_start_time"]),
        OutputColumn::made("is_added", Kind::Boolean, &["trip_schedule_relationship"]),
        OutputColumn::made("is_cancelled", Kind::Boolean, &["trip_schedule_relationship", "received_at"]),
        OutputColumn::made("reports", Kind::Int32, &["trip_id_scheduled"]),
        OutputColumn::made("vehicles", Kind::Int32, &["vehicle_id"]),
        OutputColumn::made("first_report_at", Kind::Instant, &["event_timestamp"]),
        OutputColumn::made("last_report_at", Kind::Instant, &["event_timestamp"]),
        OutputColumn::made("stops_planned", Kind::Int32, &["stop_sequence"]),
        OutputColumn::made("stops_seen", Kind::Int32, STOPS_SEEN),
        OutputColumn::made("share_of_stops_seen", Kind::Float, STOPS_SEEN),
    ],
}];
