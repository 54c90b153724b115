//! The functions that mobility needs and SQL lacks.
//!
//! | function | gives |
//! |---|---|
//! | `distance_m(lat, lon, lat, lon)` | metres between two places (WGS 84 degrees, haversine on the mean sphere) |
//! | `distance_to_shape_m(lat, lon, trip_id)` | metres to the shape of a trip of the timetable that is valid on the date; null if the trip or its shape is unknown |
//! | `in_service_area(lat, lon)` | whether a place lies in the `service_area` of the workspace |
//! | `service_seconds(instant, service_date)` | seconds since noon minus twelve hours of the service date, as GTFS counts |
//! | `is_monotonic(value)` | of a group: whether the values never decrease in the order of the rows; absent ones are passed over |
//!
//! An absent argument gives an absent result.

/// Their names.
pub const NAMES: [&str; 5] =
    ["distance_m", "distance_to_shape_m", "in_service_area", "service_seconds", "is_monotonic"];

/// How they are called.
pub const USES: [(&str, &str); 5] = [
    ("distance_m", "distance_m(latitude, longitude, latitude, longitude)"),
    ("distance_to_shape_m", "distance_to_shape_m(latitude, longitude, trip_id)"),
    ("in_service_area", "in_service_area(latitude, longitude)"),
    ("service_seconds", "service_seconds(instant, service_date)"),
    ("is_monotonic", "is_monotonic(column)"),
];
