//! What `coverage` reads and fills, column by column.

use crate::contract::Kind;
use crate::derive::derivation::{Input, InputColumn, Output, OutputColumn, Tables};

/// The table.
pub(super) const TABLE: &str = "coverage";

const fn needed(name: &'static str, kind: Kind) -> InputColumn {
    InputColumn { name, kind, is_required: true }
}

const fn optional(name: &'static str, kind: Kind) -> InputColumn {
    InputColumn { name, kind, is_required: false }
}

/// The places of the inputs.
pub(super) const REPORTS: usize = 0;
pub(super) const TRIPS: usize = 1;

pub(super) const INPUTS: &[Input] = &[
    Input {
        of: Tables::Release,
        table: "vehicle_locations",
        columns: &[
            needed("event_timestamp", Kind::Instant),
            optional("route_id", Kind::Text),
            optional("trip_id_scheduled", Kind::Text),
        ],
        is_required: true,
    },
    Input {
        of: Tables::Release,
        table: "trips_observed",
        columns: &[
            needed("trip_id_scheduled", Kind::Text),
            needed("route_id", Kind::Text),
            needed("trip_start_time", Kind::ServiceTime),
            needed("is_planned", Kind::Boolean),
            needed("is_cancelled", Kind::Boolean),
            needed("reports", Kind::Int32),
        ],
        is_required: false,
    },
];

const fn made(name: &'static str, kind: Kind, from: &'static [&'static str]) -> OutputColumn {
    OutputColumn { name, kind, from }
}

const OF_TRIPS: &[&str] = &["route_id", "trip_start_time", "is_planned", "is_cancelled", "reports"];
const OF_ROWS: &[&str] = &["route_id", "trip_id_scheduled", "event_timestamp"];

pub(super) const OUTPUTS: &[Output] = &[Output {
    table: TABLE,
    columns: &[
        made("service_date", Kind::Date, &[]),
        made("hour", Kind::Int32, &["event_timestamp", "trip_start_time"]),
        made("hour_start", Kind::Instant, &["event_timestamp", "trip_start_time"]),
        made("route_id", Kind::Text, &["route_id", "trip_id_scheduled"]),
        made("source", Kind::Text, &[]),
        made("trips_scheduled", Kind::Int32, OF_TRIPS),
        made("trips_observed", Kind::Int32, OF_TRIPS),
        made("trips_cancelled", Kind::Int32, OF_TRIPS),
        made("trips_unscheduled", Kind::Int32, OF_TRIPS),
        made("snapshots_expected", Kind::Int64, &[]),
        made("snapshots_received", Kind::Int64, &[]),
        made("rows_published", Kind::Int64, OF_ROWS),
        made("rows_held", Kind::Int64, OF_ROWS),
        made("rows_dropped", Kind::Int64, OF_ROWS),
        made("gap_reason", Kind::Text, OF_TRIPS),
    ],
}];
