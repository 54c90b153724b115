//! GTFS-Realtime written as JSON, as protobuf again.
//!
//! The JSON is protobuf's own (<https://protobuf.dev/programming-guides/json/>): names in camel or snake case, 64-bit numbers as
//! numbers or text, enums by name. Every field that is set in the JSON is set in the message, fields in the order of their
//! numbers, as the usual libraries write them. What the JSON does not have (unknown fields, extensions) cannot come back.
//!
//! Source of names, numbers and types: `gtfs-realtime.proto` 2.0, <https://gtfs.org/documentation/realtime/proto/>.

use serde_json::{Map, Value};

/// The type of a field.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bool,
    /// `int32`, `int64`.
    Signed,
    /// `uint32`, `uint64`.
    Unsigned,
    Float,
    Double,
    Enum(&'static [(&'static str, u64)]),
    Message(&'static [Field]),
}

use Kind::{Bool, Double, Float, Signed, Text, Unsigned};

/// A field: its number, its name, whether it is repeated, its type.
#[derive(Clone, Copy)]
struct Field(u32, &'static str, bool, Kind);

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field(number, name, false, kind)
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field(number, name, true, kind)
}

const HEADER: &[Field] = &[
    one(1, "gtfs_realtime_version", Text),
    one(2, "incrementality", Kind::Enum(&[("FULL_DATASET", 0), ("DIFFERENTIAL", 1)])),
    one(3, "timestamp", Unsigned),
    one(4, "feed_version", Text),
];
const ENTITY: &[Field] = &[
    one(1, "id", Text),
    one(2, "is_deleted", Bool),
    one(3, "trip_update", Kind::Message(TRIP_UPDATE)),
    one(4, "vehicle", Kind::Message(VEHICLE_POSITION)),
    one(5, "alert", Kind::Message(ALERT)),
    one(6, "shape", Kind::Message(&[one(1, "shape_id", Text), one(2, "encoded_polyline", Text)])),
    one(7, "stop", Kind::Message(STOP)),
    one(8, "trip_modifications", Kind::Message(TRIP_MODIFICATIONS)),
];
const TRIP_UPDATE: &[Field] = &[
    one(1, "trip", Kind::Message(TRIP)),
    many(2, "stop_time_update", Kind::Message(STOP_TIME_UPDATE)),
    one(3, "vehicle", Kind::Message(VEHICLE)),
    one(4, "timestamp", Unsigned),
    one(5, "delay", Signed),
    one(
        6,
        "trip_properties",
        Kind::Message(&[
            one(1, "trip_id", Text),
            one(2, "start_date", Text),
            one(3, "start_time", Text),
            one(4, "shape_id", Text),
            one(5, "trip_headsign", Text),
            one(6, "trip_short_name", Text),
        ]),
    ),
];
const STOP_TIME_EVENT: &[Field] =
    &[one(1, "delay", Signed), one(2, "time", Signed), one(3, "uncertainty", Signed), one(4, "scheduled_time", Signed)];
const BOARDING: Kind = Kind::Enum(&[("REGULAR", 0), ("NONE", 1), ("PHONE_AGENCY", 2), ("COORDINATE_WITH_DRIVER", 3)]);
const STOP_TIME_UPDATE: &[Field] = &[
    one(1, "stop_sequence", Unsigned),
    one(2, "arrival", Kind::Message(STOP_TIME_EVENT)),
    one(3, "departure", Kind::Message(STOP_TIME_EVENT)),
    one(4, "stop_id", Text),
    one(
        5,
        "schedule_relationship",
        Kind::Enum(&[("SCHEDULED", 0), ("SKIPPED", 1), ("NO_DATA", 2), ("UNSCHEDULED", 3)]),
    ),
    one(
        6,
        "stop_time_properties",
        Kind::Message(&[
            one(1, "assigned_stop_id", Text),
            one(2, "stop_headsign", Text),
            one(3, "pickup_type", BOARDING),
            one(4, "drop_off_type", BOARDING),
        ]),
    ),
    one(7, "departure_occupancy_status", OCCUPANCY),
];
const OCCUPANCY: Kind = Kind::Enum(&[
    ("EMPTY", 0),
    ("MANY_SEATS_AVAILABLE", 1),
    ("FEW_SEATS_AVAILABLE", 2),
    ("STANDING_ROOM_ONLY", 3),
    ("CRUSHED_STANDING_ROOM_ONLY", 4),
    ("FULL", 5),
    ("NOT_ACCEPTING_PASSENGERS", 6),
    ("NO_DATA_AVAILABLE", 7),
    ("NOT_BOARDABLE", 8),
]);
const VEHICLE_POSITION: &[Field] = &[
    one(1, "trip", Kind::Message(TRIP)),
    one(
        2,
        "position",
        Kind::Message(&[
            one(1, "latitude", Float),
            one(2, "longitude", Float),
            one(3, "bearing", Float),
            one(4, "odometer", Double),
            one(5, "speed", Float),
        ]),
    ),
    one(3, "current_stop_sequence", Unsigned),
    one(4, "current_status", Kind::Enum(&[("INCOMING_AT", 0), ("STOPPED_AT", 1), ("IN_TRANSIT_TO", 2)])),
    one(5, "timestamp", Unsigned),
    one(
        6,
        "congestion_level",
        Kind::Enum(&[
            ("UNKNOWN_CONGESTION_LEVEL", 0),
            ("RUNNING_SMOOTHLY", 1),
            ("STOP_AND_GO", 2),
            ("CONGESTION", 3),
            ("SEVERE_CONGESTION", 4),
        ]),
    ),
    one(7, "stop_id", Text),
    one(8, "vehicle", Kind::Message(VEHICLE)),
    one(9, "occupancy_status", OCCUPANCY),
    one(10, "occupancy_percentage", Unsigned),
    many(
        11,
        "multi_carriage_details",
        Kind::Message(&[
            one(1, "id", Text),
            one(2, "label", Text),
            one(3, "occupancy_status", OCCUPANCY),
            one(4, "occupancy_percentage", Signed),
            one(5, "carriage_sequence", Unsigned),
        ]),
    ),
];
const TRIP: &[Field] = &[
    one(1, "trip_id", Text),
    one(2, "start_time", Text),
    one(3, "start_date", Text),
    one(
        4,
        "schedule_relationship",
        Kind::Enum(&[
            ("SCHEDULED", 0),
            ("ADDED", 1),
            ("UNSCHEDULED", 2),
            ("CANCELED", 3),
            ("REPLACEMENT", 5),
            ("DUPLICATED", 6),
            ("DELETED", 7),
            ("NEW", 8),
        ]),
    ),
    one(5, "route_id", Text),
    one(6, "direction_id", Unsigned),
    one(
        7,
        "modified_trip",
        Kind::Message(&[
            one(1, "modifications_id", Text),
            one(2, "affected_trip_id", Text),
            one(3, "start_time", Text),
            one(4, "start_date", Text),
        ]),
    ),
];
const VEHICLE: &[Field] = &[
    one(1, "id", Text),
    one(2, "label", Text),
    one(3, "license_plate", Text),
    one(
        4,
        "wheelchair_accessible",
        Kind::Enum(&[("NO_VALUE", 0), ("UNKNOWN", 1), ("WHEELCHAIR_ACCESSIBLE", 2), ("WHEELCHAIR_INACCESSIBLE", 3)]),
    ),
];
const TRANSLATED: Kind =
    Kind::Message(&[many(1, "translation", Kind::Message(&[one(1, "text", Text), one(2, "language", Text)]))]);
const PERIOD: Kind = Kind::Message(&[one(1, "start", Unsigned), one(2, "end", Unsigned)]);
const ALERT: &[Field] = &[
    many(1, "active_period", PERIOD),
    many(2, "communication_period", PERIOD),
    many(3, "impact_period", PERIOD),
    many(
        5,
        "informed_entity",
        Kind::Message(&[
            one(1, "agency_id", Text),
            one(2, "route_id", Text),
            one(3, "route_type", Signed),
            one(4, "trip", Kind::Message(TRIP)),
            one(5, "stop_id", Text),
            one(6, "direction_id", Unsigned),
        ]),
    ),
    one(
        6,
        "cause",
        Kind::Enum(&[
            ("UNKNOWN_CAUSE", 1),
            ("OTHER_CAUSE", 2),
            ("TECHNICAL_PROBLEM", 3),
            ("STRIKE", 4),
            ("DEMONSTRATION", 5),
            ("ACCIDENT", 6),
            ("HOLIDAY", 7),
            ("WEATHER", 8),
            ("MAINTENANCE", 9),
            ("CONSTRUCTION", 10),
            ("POLICE_ACTIVITY", 11),
            ("MEDICAL_EMERGENCY", 12),
            ("SPECIAL_EVENT", 13),
        ]),
    ),
    one(
        7,
        "effect",
        Kind::Enum(&[
            ("NO_SERVICE", 1),
            ("REDUCED_SERVICE", 2),
            ("SIGNIFICANT_DELAYS", 3),
            ("DETOUR", 4),
            ("ADDITIONAL_SERVICE", 5),
            ("MODIFIED_SERVICE", 6),
            ("OTHER_EFFECT", 7),
            ("UNKNOWN_EFFECT", 8),
            ("STOP_MOVED", 9),
            ("NO_EFFECT", 10),
            ("ACCESSIBILITY_ISSUE", 11),
        ]),
    ),
    one(8, "url", TRANSLATED),
    one(10, "header_text", TRANSLATED),
    one(11, "description_text", TRANSLATED),
    one(12, "tts_header_text", TRANSLATED),
    one(13, "tts_description_text", TRANSLATED),
    one(14, "severity_level", Kind::Enum(&[("UNKNOWN_SEVERITY", 1), ("INFO", 2), ("WARNING", 3), ("SEVERE", 4)])),
    one(
        15,
        "image",
        Kind::Message(&[many(
            1,
            "localized_image",
            Kind::Message(&[one(1, "url", Text), one(2, "media_type", Text), one(3, "language", Text)]),
        )]),
    ),
    one(16, "image_alternative_text", TRANSLATED),
    one(17, "cause_detail", TRANSLATED),
    one(18, "effect_detail", TRANSLATED),
];
const STOP: &[Field] = &[
    one(1, "stop_id", Text),
    one(2, "stop_code", TRANSLATED),
    one(3, "stop_name", TRANSLATED),
    one(4, "tts_stop_name", TRANSLATED),
    one(5, "stop_desc", TRANSLATED),
    one(6, "stop_lat", Float),
    one(7, "stop_lon", Float),
    one(8, "zone_id", Text),
    one(9, "stop_url", TRANSLATED),
    one(11, "parent_station", Text),
    one(12, "stop_timezone", Text),
    one(13, "wheelchair_boarding", Kind::Enum(&[("UNKNOWN", 0), ("AVAILABLE", 1), ("NOT_AVAILABLE", 2)])),
    one(14, "level_id", Text),
    one(15, "platform_code", TRANSLATED),
];
const STOP_SELECTOR: Kind = Kind::Message(&[one(1, "stop_sequence", Unsigned), one(2, "stop_id", Text)]);
const TRIP_MODIFICATIONS: &[Field] = &[
    many(1, "selected_trips", Kind::Message(&[many(1, "trip_ids", Text), one(2, "shape_id", Text)])),
    many(2, "start_times", Text),
    many(3, "service_dates", Text),
    many(
        4,
        "modifications",
        Kind::Message(&[
            one(1, "start_stop_selector", STOP_SELECTOR),
            one(2, "end_stop_selector", STOP_SELECTOR),
            one(3, "propagated_modification_delay", Signed),
            many(
                4,
                "replacement_stops",
                Kind::Message(&[one(1, "travel_time_to_stop", Signed), one(2, "stop_id", Text)]),
            ),
            one(5, "service_alert_id", Text),
            one(6, "last_modified_time", Unsigned),
        ]),
    ),
];

/// Appends a `FeedMessage.header` that is written as JSON.
///
/// # Errors
/// The field that cannot be written, for people.
pub(super) fn write_header(header: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    write(&one(1, "header", Kind::Message(HEADER)), header, out)
}

/// Appends a `FeedMessage.entity` whose fields are those of a JSON object.
///
/// # Errors
/// The field that cannot be written, for people.
pub(super) fn write_entity(entity: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), String> {
    let mut block = Vec::new();
    write_fields(ENTITY, entity, &mut block)?;
    put_block(2, &block, out);
    Ok(())
}

fn write_fields(fields: &[Field], object: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), String> {
    let mut named: Vec<(&Field, &Value)> = Vec::with_capacity(object.len());
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let field = fields.iter().find(|field| is_name(name, field.1));
        let field = field.ok_or_else(|| {
            format!("the field '{}' is none of GTFS-Realtime, so that it would be lost", name.escape_debug())
        })?;
        named.push((field, value));
    }
    named.sort_by_key(|(field, _)| field.0);
    if let Some(pair) = named.windows(2).find(|pair| pair[0].0.0 == pair[1].0.0) {
        return Err(format!("the field '{}' stands there twice", pair[0].0.1));
    }
    for (field, value) in named {
        match (field.2, value) {
            (true, Value::Array(values)) => values.iter().try_for_each(|value| write(field, value, out))?,
            (true, _) => return Err(wrong(field, value)),
            (false, value) => write(field, value, out)?,
        }
    }
    Ok(())
}

/// Whether a name in JSON is that of a field: as in the `.proto`, or in camel case.
fn is_name(json: &str, name: &str) -> bool {
    let mut is_upper = false;
    let camel = name.bytes().filter_map(|byte| {
        let (was_upper, is_line) = (is_upper, byte == b'_');
        is_upper = is_line;
        (!is_line).then(|| if was_upper { byte.to_ascii_uppercase() } else { byte })
    });
    json == name || camel.eq(json.bytes())
}

fn write(field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || wrong(field, value);
    let number = field.0;
    match field.3 {
        Text => put_block(number, value.as_str().ok_or_else(wrong)?.as_bytes(), out),
        Bool => put_varint(number, u64::from(value.as_bool().ok_or_else(wrong)?), out),
        Signed => put_varint(number, signed(value).ok_or_else(wrong)? as u64, out),
        Unsigned => put_varint(number, unsigned(value).ok_or_else(wrong)?, out),
        Kind::Enum(names) => {
            let code = match value.as_str() {
                Some(name) => names.iter().find(|(other, _)| *other == name).map(|(_, code)| *code),
                None => signed(value).map(|code| code as u64),
            };
            put_varint(number, code.ok_or_else(wrong)?, out);
        }
        Float => {
            put_tag(number, 5, out);
            out.extend((decimal(value).ok_or_else(wrong)? as f32).to_le_bytes());
        }
        Double => {
            put_tag(number, 1, out);
            out.extend(decimal(value).ok_or_else(wrong)?.to_le_bytes());
        }
        Kind::Message(fields) => {
            let mut block = Vec::new();
            let object = value.as_object().ok_or_else(wrong)?;
            write_fields(fields, object, &mut block).map_err(|problem| within(field.1, problem))?;
            put_block(number, &block, out);
        }
    }
    Ok(())
}

fn within(name: &str, problem: String) -> String {
    match problem.strip_prefix("the field '") {
        Some(rest) => format!("the field '{name}.{rest}"),
        None => problem,
    }
}

fn wrong(field: &Field, value: &Value) -> String {
    let mut shown: String = value.to_string().chars().take(40).collect();
    if shown.len() < value.to_string().len() {
        shown.push('…');
    }
    format!("the field '{}' has a value that it cannot have: {}", field.1, shown.escape_debug())
}

fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A number, or the text of one that JSON cannot write.
fn decimal(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| match value.as_str()? {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    })
}

fn put_varint(number: u32, value: u64, out: &mut Vec<u8>) {
    put_tag(number, 0, out);
    put(value, out);
}

fn put_block(number: u32, block: &[u8], out: &mut Vec<u8>) {
    put_tag(number, 2, out);
    put(block.len() as u64, out);
    out.extend_from_slice(block);
}

fn put_tag(number: u32, wire_type: u32, out: &mut Vec<u8>) {
    put(u64::from(number << 3 | wire_type), out);
}

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entity(value: Value) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        write_entity(value.as_object().unwrap(), &mut out).map(|()| out)
    }

    #[test]
    fn a_message_has_the_bytes_that_libraries_give_it() {
        let mut out = Vec::new();
        let header = json!({"gtfsRealtimeVersion": "2.0", "timestamp": "1795514400", "incrementality": "FULL_DATASET"});
        write_header(&header, &mut out).unwrap();
        assert_eq!(out, b"\x0a\x0d\x0a\x032.0\x10\x00\x18\xa0\xc0\x95\xd8\x06");
        // Fields in the order of their numbers, in both forms of names; what is set to its default stays set.
        let position = json!({"longitude": 7.5, "latitude": 48.25});
        let vehicle = json!({"stop_id": "a", "position": position, "currentStatus": "INCOMING_AT"});
        let bytes = entity(json!({"vehicle": vehicle, "isDeleted": false, "id": "1"})).unwrap();
        let expected =
            b"\x12\x18\x0a\x011\x10\x00\x22\x11\x12\x0a\x0d\x00\x00\x41\x42\x15\x00\x00\xf0\x40\x20\x00\x3a\x01a";
        assert_eq!(bytes, expected);
        // Negative numbers have ten bytes.
        let update = json!({"trip": {}, "delay": -1});
        let bytes = entity(json!({"id": "1", "tripUpdate": update})).unwrap();
        assert!(bytes.ends_with(b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "{bytes:x?}");
    }

    #[test]
    fn what_would_be_lost_is_refused_with_its_name() {
        for (value, expected) in [
            (json!({"id": "1", "vehicle": {"crew": 2}}), "the field 'vehicle.crew' is none of GTFS-Realtime"),
            (json!({"id": 1}), "the field 'id' has a value that it cannot have: 1"),
            (json!({"id": "1", "vehicle": {"currentStatus": "FLYING"}}), "'vehicle.current_status' has a value"),
            (json!({"id": "1", "vehicle": {"stopId": "a", "stop_id": "a"}}), "'vehicle.stop_id' stands there twice"),
            (json!({"id": "1", "tripUpdate": {"stopTimeUpdate": {}}}), "'trip_update.stop_time_update' has a value"),
            (json!({"id": "1", "vehicle": {"occupancyPercentage": -1}}), "occupancy_percentage"),
        ] {
            let problem = entity(value).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
