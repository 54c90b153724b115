//! The words of the standard, and ours, with what they mean.

use crate::contract::change::NumberType;
use crate::contract::{Classification, Dimension, Encoding, OnFail, Presence, Severity};

pub(super) const LOGICAL_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "date", "timestamp", "time", "object", "array"];

pub(super) const SEVERITIES: &[(&str, Severity)] =
    &[("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error)];

pub(super) const ON_FAIL: &[(&str, OnFail)] = &[
    ("report", OnFail::Report),
    ("invalidate", OnFail::Invalidate),
    ("quarantine", OnFail::Quarantine),
    ("block", OnFail::Block),
];

/// ODCS 3.1, "Data quality", `dimension`.
pub(super) const DIMENSIONS: &[(&str, Dimension)] = &[
    ("accuracy", Dimension::Accuracy),
    ("completeness", Dimension::Completeness),
    ("conformity", Dimension::Conformity),
    ("consistency", Dimension::Consistency),
    ("coverage", Dimension::Coverage),
    ("timeliness", Dimension::Timeliness),
    ("uniqueness", Dimension::Uniqueness),
];

/// GTFS reference, "Presence".
pub(super) const PRESENCES: &[(&str, Presence)] = &[
    ("Required", Presence::Required),
    ("Recommended", Presence::Recommended),
    ("Conditionally Required", Presence::ConditionallyRequired),
    ("Conditionally Forbidden", Presence::ConditionallyForbidden),
    ("Optional", Presence::Optional),
];

pub(super) const ENCODINGS: &[(&str, Encoding)] = &[
    ("plain", Encoding::Plain),
    ("dictionary", Encoding::Dictionary),
    ("delta", Encoding::Delta),
    ("byteStreamSplit", Encoding::ByteStreamSplit),
];

/// What the type of numbers may have been, in the words of `physicalType`.
pub(super) const NUMBER_TYPES: &[(&str, NumberType)] = &[
    ("int32", NumberType::Int),
    ("int", NumberType::Int),
    ("integer", NumberType::Int),
    ("int64", NumberType::Long),
    ("bigint", NumberType::Long),
    ("float", NumberType::Float),
    ("double", NumberType::Double),
];

/// ODCS leaves the words open; those that other contracts use for what is not public are read as `private`.
pub(super) const CLASSIFICATIONS: &[(&str, Classification)] = &[
    ("public", Classification::Public),
    ("private", Classification::Private),
    ("restricted", Classification::Private),
    ("confidential", Classification::Private),
    ("internal", Classification::Private),
    ("sensitive", Classification::Private),
    ("secret", Classification::Private),
];

/// ODCS 3.1, "Data quality", "Comparison operators".
pub(super) const OPERATORS: [&str; 8] = [
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

/// ODCS 3.1, "Data quality", "Library".
pub(super) const METRICS: [&str; 5] = ["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"];

/// What the metrics were called in ODCS 3.0, as `rule`, and by tools of its time, and whether the name alone says that there
/// must be none.
pub(super) const EARLIER_METRICS: &[(&str, &str, bool)] = &[
    ("rowCount", "rowCount", false),
    ("countCheck", "rowCount", false),
    ("duplicateCount", "duplicateValues", false),
    ("uniqueCheck", "duplicateValues", true),
    ("unique", "duplicateValues", true),
    ("nullCheck", "nullValues", true),
    ("notNull", "nullValues", true),
    ("nullCount", "nullValues", false),
    ("validValues", "invalidValues", true),
    ("invalidCount", "invalidValues", false),
    ("missingCount", "missingValues", false),
];

/// Versions of the standard whose files are read: all that the schema of 3.1.0 knows.
pub(super) const API_VERSIONS: &[&str] = &["v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0", "v2.2.2", "v2.2.1", "v2.2.0"];

/// Custom properties that no other program has: a contract with one of them is written for this one.
pub(super) const OURS: &[&str] = &[
    "allowsPrivateText",
    "bloomFilter",
    "businessImpactDe",
    "businessNameDe",
    "descriptionDe",
    "geometryOf",
    "gtfsFile",
    "gtfsPresence",
    "gtfsType",
    "invalidates",
    "maxRoutesLost",
    "maxRowsLost",
    "maxServicesLost",
    "maxValuesLost",
    "mixedCase",
    "onFail",
    "publicUntil",
    "removedColumns",
    "roundTo",
    "sortBy",
    "textRules",
    "wasType",
    "whyDe",
];

/// The engine of our own rules.
pub(super) const ENGINE: &str = "fahrtenbuch";
