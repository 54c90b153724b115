//! A column: what it is called, what it holds and who may see it (ODCS 3.1, "Schema", properties).

use arrow_schema::DataType;

use crate::contract::names::Named;
use crate::contract::odcs::refer::named;
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::{changes, extensions, formats, options, words};
use crate::contract::{Column, Kind, Shape};
use crate::yaml::suggestion;

/// The `physicalType` of numbers that come as floating point numbers of 32 bits and are published as such.
const SINGLE: &str = "float";

/// Reads a column, but for its keys and rules, which refer to the other columns.
pub(super) fn read(property: &Section<'_>, told: &mut Told) -> Option<Column> {
    let name = property.require_text("name", told);
    let column = described(name.clone().unwrap_or_default(), property, told);
    named(Named::Column, &name?, property.line_of("name"), told);
    let what = match &column.shape {
        Shape::Value => return Some(column),
        Shape::Array(_) => "a list",
        Shape::Object(_) => "values inside of a value",
    };
    let message = format!("the column '{}' holds {what}, and a column that is published one value a row", column.name);
    let remedy = "Write a column for each value, or a table of its own with a row for each.";
    told.fit.add(property.line_of("logicalType"), message, remedy);
    Some(column)
}

/// What a column, or a value inside of one, is.
fn described(name: String, property: &Section<'_>, told: &mut Told) -> Column {
    property.accept(&["id", "businessName", "tags", "physicalName", "partitioned"]);
    property.accept(&["partitionKeyPosition", "encryptedName", "transformSourceObjects", "transformLogic"]);
    property.accept(&["transformDescription", "examples", "criticalDataElement"]);
    let logical = logical_type(property, told);
    let physical = property.text("physicalType", told).unwrap_or_default().to_lowercase();
    let gtfs = property.custom_text("gtfsType");
    let shape = shape(&logical, property, told);
    let kind = kind(&logical, &physical, gtfs.as_deref());
    let options = formats::apply(kind, options::read(&name, property, kind, &shape, told), told);
    let kind = if options.is_wide && kind == Kind::Int32 && gtfs.is_none() { Kind::Int64 } else { kind };
    let is_single = physical == SINGLE || physical.is_empty() && kind == Kind::Float && options.is_single;
    if shape == Shape::Value {
        physical_type(property, &physical, kind, told);
        tell_of_lost_digits(property, is_single, gtfs.is_some(), told);
    }
    let classification = property.get("classification");
    let classification = choose(classification, "classification", words::CLASSIFICATIONS, &mut told.fit);
    let classification = classification.unwrap_or_default();
    let release = if kind == Kind::Float && is_single { DataType::Float32 } else { kind.data_type() };
    let unique = property.flag("unique", told);
    Column {
        line: property.line(),
        shape,
        is_single,
        encoding: extensions::encoding(property, kind, unique, told),
        bloom_filter: extensions::bloom_filter(property, kind, classification, told),
        round_to: extensions::round_to(property, kind, classification, told),
        allows_private_text: extensions::allows_private_text(property, kind, classification, told),
        change: changes::column(&name, property, classification, &release, told),
        stays_public: changes::stays_public(&name, property, classification, told),
        why: property.custom_text("why"),
        why_de: property.custom_text("whyDe"),
        definitions: extensions::definitions(property),
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
    }
}

/// The logical type; the standard has columns without one, and a table cannot have them.
fn logical_type(property: &Section<'_>, told: &mut Told) -> String {
    if property.get("logicalType").is_none() {
        told.fit.add(property.line(), "'logicalType' is missing", "Add 'logicalType: ...' here.");
        return String::new();
    }
    let logical = property.text("logicalType", told).unwrap_or_default();
    if !logical.is_empty() && !words::LOGICAL_TYPES.contains(&logical.as_str()) {
        let message = format!("'{logical}' is no logicalType");
        told.form.add(property.line_of("logicalType"), message, suggestion(&logical, words::LOGICAL_TYPES));
    }
    logical
}

/// What stands in one cell: the items of an array have no name, the properties of an object have.
fn shape(logical: &str, property: &Section<'_>, told: &mut Told) -> Shape {
    let inside = |node, name: Option<String>, told: &mut Told| {
        let part = Section::new(node);
        part.accept(&["name", "primaryKey", "primaryKeyPosition", "relationships", "quality"]);
        if name.is_none() {
            // The standard lets the items of any array have some, though they mean something to objects only.
            part.accept(&["properties"]);
        }
        let column = described(name.unwrap_or_default(), &part, told);
        part.end(told);
        column
    };
    let is_array = logical == "array" || logical.is_empty() && property.node.get("items").is_some();
    let is_object = logical == "object" || logical.is_empty() && property.node.get("properties").is_some();
    if is_array {
        return Shape::Array(property.get("items").map(|node| Box::new(inside(node, None, told))));
    }
    if !is_object {
        return Shape::Value;
    }
    let mut columns = Vec::new();
    for node in property.items("properties", told) {
        let name = node.require_text("name", &mut told.form);
        columns.push(inside(node, name, told));
    }
    Shape::Object(columns)
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
fn physical_type(property: &Section<'_>, physical: &str, kind: Kind, told: &mut Told) {
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
    }
}

/// A number in a GTFS file is text, which may have more digits than a float keeps.
fn tell_of_lost_digits(property: &Section<'_>, is_single: bool, is_gtfs: bool, told: &mut Told) {
    if is_single && is_gtfs {
        let message = "a number of a GTFS file has more digits than a 'float' keeps";
        told.fit.add(property.line_of("physicalType"), message, "Write 'physicalType: double'.");
    }
}
