//! A column: what it is called, what it holds and who may see it (ODCS 3.1, "Schema", properties).

use crate::contract::names::Named;
use crate::contract::odcs::options::{self, Options};
use crate::contract::odcs::refer::named;
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::{extensions, words};
use crate::contract::{Column, Kind};
use crate::yaml::suggestion;

/// The `physicalType` of numbers that come as floating point numbers of 32 bits and are published as such.
const SINGLE: &str = "float";

/// Reads a column, but for its keys and rules, which refer to the other columns.
pub(super) fn read(property: &Section<'_>, told: &mut Told) -> Option<Column> {
    property.accept(&["id", "businessName", "authoritativeDefinitions", "tags", "physicalName", "partitioned"]);
    property.accept(&["partitionKeyPosition", "encryptedName", "transformSourceObjects", "transformLogic"]);
    property.accept(&["transformDescription", "examples", "criticalDataElement"]);
    let name = property.require_text("name", told)?;
    named(Named::Column, &name, property.line_of("name"), &mut told.fit);
    let logical = property.require_text("logicalType", told).unwrap_or_default();
    if !logical.is_empty() && !words::LOGICAL_TYPES.contains(&logical.as_str()) {
        let message = format!("'{logical}' is no logicalType");
        told.form.add(property.line_of("logicalType"), message, suggestion(&logical, words::LOGICAL_TYPES));
    }
    let physical = property.text("physicalType", told).unwrap_or_default().to_lowercase();
    let gtfs = property.custom_text("gtfsType");
    let kind = kind(&logical, &physical, gtfs.as_deref());
    let options =
        property.get("logicalTypeOptions").map_or_else(Options::default, |node| options::read(&name, node, kind, told));
    physical_type(property, &physical, kind, gtfs.as_deref(), told);
    let classification = property.get("classification");
    let classification = choose(classification, "classification", words::CLASSIFICATIONS, &mut told.fit);
    let classification = classification.unwrap_or_default();
    let unique = property.flag("unique", told);
    Some(Column {
        line: property.line(),
        is_single: physical == SINGLE,
        encoding: extensions::encoding(property, kind, unique, told),
        round_to: extensions::round_to(property, kind, classification, told),
        allows_private_text: extensions::allows_private_text(property, kind, classification, told),
        kind,
        required: property.flag("required", told),
        presence: choose(property.custom("gtfsPresence"), "gtfsPresence", words::PRESENCES, &mut told.fit),
        mixed_case: property.custom_text("mixedCase").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        gtfs_type: gtfs,
        unique,
        values: extensions::values(property, kind, told),
        minimum: options.minimum,
        maximum: options.maximum,
        pattern: options.pattern,
        above: options.above,
        below: options.below,
        multiple_of: options.multiple_of,
        min_length: options.min_length,
        max_length: options.max_length,
        classification,
        unit: property.custom_text("unit"),
        description: property.text("description", told),
        description_de: property.custom_text("descriptionDe"),
        severity: choose(property.custom("severity"), "severity", words::SEVERITIES, &mut told.fit),
        on_fail: choose(property.custom("onFail"), "onFail", words::ON_FAIL, &mut told.fit),
        most_values_lost: property.percent("maxValuesLost", told).unwrap_or(50.0),
        name,
    })
}

/// The GTFS type says more than the logical type (a `Time` may exceed 24 hours), so it goes first.
fn kind(logical: &str, physical: &str, gtfs: Option<&str>) -> Kind {
    if let Some(gtfs) = gtfs {
        return match gtfs.to_lowercase().as_str() {
            "time" => Kind::ServiceTime,
            "date" => Kind::Date,
            "latitude" | "longitude" | "currency amount" => Kind::Float,
            name if name.ends_with("float") => Kind::Float,
            "enum" if logical == "string" => Kind::Text,
            "enum" => Kind::Int32,
            name if name.ends_with("integer") => Kind::Int32,
            _ => Kind::Text,
        };
    }
    match logical {
        "integer" if matches!(physical, "bigint" | "int64") => Kind::Int64,
        "integer" => Kind::Int32,
        "number" => Kind::Float,
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "timestamp" => Kind::Instant,
        "time" => Kind::ServiceTime,
        _ => Kind::Text,
    }
}

/// Whether the physical type is one that a column of this kind can have in a release. What says nothing of numbers is for
/// other tools, and left to them.
fn physical_type(property: &Section<'_>, physical: &str, kind: Kind, gtfs: Option<&str>, told: &mut Told) {
    let known: &[&str] = match kind {
        Kind::Float => &[SINGLE, "double"],
        Kind::Int32 | Kind::Int64 | Kind::ServiceTime => &["int32", "int64", "bigint", "int", "integer"],
        _ => &[],
    };
    let is_number = [SINGLE, "double", "int32", "int64", "bigint"].contains(&physical);
    let line = property.line_of("physicalType");
    if known.is_empty() && is_number {
        told.fit.add(line, format!("'{physical}' is a number, and the column holds none"), "Remove the physicalType.");
    } else if !physical.is_empty() && !known.is_empty() && !known.contains(&physical) {
        told.fit.add(line, format!("'{physical}' is no physicalType of this column"), suggestion(physical, known));
    } else if physical == SINGLE && gtfs.is_some() {
        // A number in a GTFS file is text, which may have more digits than a float keeps.
        let message = "a number of a GTFS file has more digits than a 'float' keeps";
        told.fit.add(line, message, "Write 'physicalType: double'.");
    }
}
