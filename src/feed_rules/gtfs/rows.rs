//! Where the rows of a notice stand: which file each row number of a sample belongs to.

use serde_json::{Map, Value};

use super::feed::Feed;
use crate::feed_rules::notice::Notice;
use crate::feed_rules::report::Place;

/// The fields of a sample that hold a row number, the one that the notice is about first, and the file of those that
/// belong to one file in every notice.
pub const ROW_FIELDS: &[(&str, Option<&str>)] = &[
    ("csvRowNumber", None),
    ("newCsvRowNumber", None),
    ("currCsvRowNumber", None),
    ("csvRowNumber1", None),
    ("csvRowNumberA", None),
    ("startCsvRowNumber", None),
    ("rowNumber", None),
    ("stopTimeCsvRowNumber", Some("stop_times.txt")),
    ("stopTimeCsvRowNumber1", Some("stop_times.txt")),
    ("stopCsvRowNumber", Some("stops.txt")),
    ("routeCsvRowNumber", Some("routes.txt")),
    ("oldCsvRowNumber", None),
    ("prevCsvRowNumber", None),
    ("csvRowNumber2", None),
    ("csvRowNumberB", None),
    ("endCsvRowNumber", None),
    ("stopTimeCsvRowNumber2", Some("stop_times.txt")),
    ("tripCsvRowNumber", Some("trips.txt")),
    ("agencyCsvRowNumber", Some("agency.txt")),
    ("parentCsvRowNumber", Some("stops.txt")),
];

/// The file of a notice's rows (or of the notice, if it has none) where neither a sample names it nor the notice is
/// about exactly that file. Of several files, the first that has rows.
pub const FILES: &[(&str, &[&str])] = &[
    ("duplicate_geo_json_key", &["locations.geojson"]),
    ("equal_shape_distance_diff_coordinates", &["shapes.txt"]),
    ("equal_shape_distance_diff_coordinates_distance_below_threshold", &["shapes.txt"]),
    ("equal_shape_distance_same_coordinates", &["shapes.txt"]),
    ("expired_calendar", &["calendar.txt", "calendar_dates.txt"]),
    ("fare_product_with_multiple_default_rider_categories", &["fare_products.txt"]),
    ("fast_travel_between_consecutive_stops", &["stop_times.txt"]),
    ("fast_travel_between_far_stops", &["stop_times.txt"]),
    ("feed_info_lang_and_agency_lang_mismatch", &["agency.txt"]),
    ("feed_valid_beyond_total_service_window", &["feed_info.txt"]),
    ("inconsistent_route_type_for_in_seat_transfer", &["transfers.txt"]),
    ("invalid_geometry", &["locations.geojson"]),
    ("location_with_unexpected_stop_time", &["stops.txt"]),
    ("missing_bike_allowance", &["trips.txt"]),
    ("missing_feed_contact_email_and_url", &["feed_info.txt"]),
    ("missing_level_id", &["stops.txt"]),
    ("missing_required_element", &["locations.geojson"]),
    ("overlapping_zone_and_pickup_drop_off_window", &["stop_times.txt"]),
    ("pathway_dangling_generic_node", &["stops.txt"]),
    ("pathway_to_stop_with_access_outside_of_station_pathways", &["pathways.txt"]),
    ("pathway_unreachable_location", &["stops.txt"]),
    ("stop_time_timepoint_without_times", &["stop_times.txt"]),
    ("stop_without_stop_time", &["stops.txt"]),
    ("stop_without_zone_id", &["stops.txt"]),
    ("timeframe_overlap", &["timeframes.txt"]),
    ("transfer_distance_above_2_km", &["transfers.txt"]),
    ("transfer_distance_too_large", &["transfers.txt"]),
    ("transfer_with_suspicious_mid_trip_in_seat", &["transfers.txt"]),
    ("trip_headsign_matches_intermediate_stop", &["trips.txt"]),
    ("unsupported_feature_type", &["locations.geojson"]),
    ("unsupported_geo_json_type", &["locations.geojson"]),
    ("unsupported_geometry_type", &["locations.geojson"]),
    ("unusable_trip", &["trips.txt"]),
    ("unused_shape", &["shapes.txt"]),
    ("unused_trip", &["trips.txt"]),
    ("wrong_parent_location_type", &["stops.txt"]),
];

/// Rows of a notice that stand in a file of their own: the code, the field of the sample and the file.
pub const OTHER_FILES: &[(&str, &str, &str)] = &[
    ("duplicate_geography_id", "csvRowNumberA", "stops.txt"),
    ("duplicate_geography_id", "csvRowNumberB", "location_groups.txt"),
];

/// The rows that a sample names, each with its field; the one that the notice is about first.
pub fn rows(feed: &Feed, notice: &Notice, fields: &Map<String, Value>) -> Vec<(&'static str, Place)> {
    let own = file(feed, notice, fields);
    let place = |(field, fixed): &(&'static str, Option<&str>)| {
        let row = fields.get(*field)?.as_u64()?;
        let other = OTHER_FILES.iter().find(|(code, name, _)| *code == notice.code && name == field);
        let file = other.map(|(_, _, file)| *file).or(*fixed).or(own.as_deref())?;
        Some((*field, Place { file: file.to_owned(), row: Some(row) }))
    };
    ROW_FIELDS.iter().filter_map(place).collect()
}

/// Where a sample is: the row that the notice is about, or its file.
pub fn place(feed: &Feed, notice: &Notice, fields: &Map<String, Value>) -> Option<Place> {
    let first = rows(feed, notice, fields).into_iter().next();
    first.map(|(_, place)| place).or_else(|| Some(Place { file: file(feed, notice, fields)?, row: None }))
}

/// The file that a sample is about.
fn file(feed: &Feed, notice: &Notice, fields: &Map<String, Value>) -> Option<String> {
    let named = ["filename", "childFilename"].iter().find_map(|name| fields.get(*name)?.as_str());
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let known = FILES.iter().find(|(code, _)| *code == notice.code);
    let files = known.map_or(notice.files, |(_, files)| *files);
    let has_rows = |file: &&&str| feed.timetable.tables.iter().any(|table| table.file == **file && table.rows > 0);
    files.iter().find(has_rows).or_else(|| files.first()).map(|file| (*file).to_owned())
}
