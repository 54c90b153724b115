//! The words of the standard, and ours, with what they mean.

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

pub(super) const CLASSIFICATIONS: &[(&str, Classification)] =
    &[("public", Classification::Public), ("private", Classification::Private)];

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
