//! Values as people write them into contracts and tests of rules.

use crate::contract::Kind;
use crate::time::{ServiceDate, ServiceSeconds};

/// What a value of a kind looks like.
pub(super) fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Int32 | Kind::Int64 => "a whole number",
        Kind::Float => "a number",
        Kind::Boolean => "true or false",
        Kind::Date => "a date like 2026-11-24",
        Kind::ServiceTime => "a time like '25:10:00'",
        Kind::Instant => "an instant like '2026-11-24T08:00:00Z'",
    }
}

/// YAML knows `True` and `TRUE` as well.
pub(super) fn truth(text: &str) -> Option<bool> {
    [("true", true), ("false", false)].into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, is)| is)
}

/// Whether a text is a value of a kind.
pub(super) fn is_readable(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Int32 => text.parse::<i32>().is_ok(),
        Kind::Int64 => text.parse::<i64>().is_ok(),
        Kind::Float => text.parse::<f64>().is_ok(),
        Kind::Boolean => truth(text).is_some(),
        Kind::Date => text.parse::<ServiceDate>().is_ok(),
        Kind::ServiceTime => ServiceSeconds::from_gtfs(text.as_bytes()).is_some() || text.parse::<i32>().is_ok(),
        Kind::Instant => text.parse::<jiff::Timestamp>().is_ok(),
    }
}
