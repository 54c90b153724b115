//! What `coverage` reads and fills, column by column.

use crate::contract::Kind;
use crate::derive::derivation::{Input, InputColumn, Output, OutputColumn, RowsRead, Tables};

/// The table.
pub(super) const TABLE: &str = "coverage";

/// The places of the inputs.
pub(super) const REPORTS: usize = 0;
pub(super) const TRIPS: usize = 1;

pub(super) const INPUTS: &[Input] = &[
    Input {
        of: Tables::Release,
        table: "vehicle_locations",
        columns: &[
            InputColumn::needed("event_timestamp", Kind::Instant),
            InputColumn::optional("route_id", Kind::Text),
            InputColumn::optional("trip_id_scheduled", Kind::Text),
        ],
        is_required: true,
    },
    Input {
        of: Tables::Release,
        table: "trips_observed",
        columns: &[
            InputColumn::needed("trip_id_scheduled", Kind::Text),
            InputColumn::needed("route_id", Kind::Text),
            InputColumn::needed("trip_start_time", Kind::ServiceTime),
            InputColumn::needed("is_planned", Kind::Boolean),
            InputColumn::needed("is_cancelled", Kind::Boolean),
            InputColumn::needed("reports", Kind::Int32),
        ],
        is_required: false,
    },
];

const OF_TRIPS: &[&str] = &["route_id", "trip_start_time", "is_planned", "is_cancelled", "reports"];
const OF_ROWS: &[&str] = &["route_id", "trip_id_scheduled", "event_timestamp"];

pub(super) const OUTPUTS: &[Output] = &[Output {
    table: TABLE,
    columns: &[
        OutputColumn::made("service_date", Kind::Date, &[]),
        OutputColumn::made("hour", Kind::Int32, &["event_timestamp", "trip_start_time"]),
        OutputColumn::made("hour_start", Kind::Instant, &["event_timestamp", "trip_start_time"]),
        OutputColumn::made("route_id", Kind::Text, &["route_id", "trip_id_scheduled"]),
        OutputColumn::made("source", Kind::Text, &[]),
        OutputColumn::made("trips_scheduled", Kind::Int32, OF_TRIPS),
        OutputColumn::made("trips_observed", Kind::Int32, OF_TRIPS),
        OutputColumn::made("trips_cancelled", Kind::Int32, OF_TRIPS),
        OutputColumn::made("trips_unscheduled", Kind::Int32, OF_TRIPS),
        OutputColumn::made("snapshots_expected", Kind::Int64, &[]),
        OutputColumn::made("snapshots_received", Kind::Int64, &[]),
        OutputColumn::made("rows_published", Kind::Int64, OF_ROWS),
        OutputColumn::made("rows_held", Kind::Int64, OF_ROWS).of(RowsRead::HeldBack),
        OutputColumn::made("rows_dropped", Kind::Int64, OF_ROWS).of(RowsRead::Dropped),
        OutputColumn::made("gap_reason", Kind::Text, OF_TRIPS).of(RowsRead::All),
    ],
}];
