//! The rules that a contract makes, in its order, and what those over single columns ask.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, TimeUnit};
use regex::Regex;
use rustc_hash::FxHashSet;

use crate::contract::pattern::whole;
use crate::contract::sla::Asks;
use crate::contract::{Column, Contract, Dimension, Kind, OnFail, RuleId, Severity, TEXT_RULES};
use crate::table::keys::KeyColumns;
use crate::time::{ServiceDate, ServiceSeconds};

/// A rule and what it weighs.
pub struct Spec {
    pub id: RuleId,
    pub ask: Ask,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    /// What the rule asks, for people.
    pub message: String,
}

/// What a rule asks of a row.
pub enum Ask {
    RowLength,
    /// A place in the list of rules over the text of a CSV file.
    Text {
        rule: usize,
    },
    Type {
        column: usize,
    },
    Required {
        column: usize,
    },
    Enum {
        column: usize,
    },
    Range {
        column: usize,
    },
    Pattern {
        column: usize,
        pattern: Regex,
    },
    Length {
        column: usize,
    },
    /// No two rows have the same key.
    Once {
        columns: KeyColumns,
    },
    /// A place in the contract's foreign keys.
    ForeignKey {
        key: usize,
    },
    /// A place in the contract's rules.
    Sql {
        rule: usize,
    },
    /// A number over all rows that pass: a place in the contract's metrics.
    Metric {
        metric: usize,
    },
    /// A place in the contract's promises.
    Promise {
        promise: usize,
    },
}

/// What the rule over torn rows asks, in English and German.
pub const ROW_LENGTH: (&str, &str) = (
    "every row has as many fields as the header, and no open quote swallows the rows behind it",
    "jede Zeile hat so viele Felder wie die Kopfzeile, und kein offenes Anführungszeichen verschluckt die Zeilen dahinter",
);

/// All rules of a contract.
pub fn specs(contract: &Contract) -> Vec<Spec> {
    let table = &contract.table;
    let mut specs = vec![Spec {
        id: RuleId(format!("{table}.row_length")),
        ask: Ask::RowLength,
        dimension: Dimension::Conformity,
        severity: Severity::Error,
        on_fail: OnFail::Quarantine,
        message: ROW_LENGTH.0.to_owned(),
    }];
    for (rule, (name, asks, _, _)) in TEXT_RULES.iter().enumerate().filter(|_| contract.has_text_rules()) {
        let change = contract.text_rules.iter().find(|change| change.rule == rule);
        specs.push(Spec {
            id: RuleId(format!("{table}.{name}")),
            ask: Ask::Text { rule },
            dimension: Dimension::Conformity,
            severity: change.and_then(|change| change.severity).unwrap_or(Severity::Warning),
            on_fail: change.and_then(|change| change.on_fail).unwrap_or(OnFail::Report),
            message: (*asks).to_owned(),
        });
    }
    for (place, column) in contract.columns.iter().enumerate() {
        column_specs(table, place, column, &mut specs);
    }
    let names = |places: &[usize]| -> Vec<&str> { places.iter().map(|&p| contract.columns[p].name.as_str()).collect() };
    if !contract.primary_key.is_empty() {
        specs.push(Spec {
            id: RuleId(format!("{table}.primary_key")),
            ask: Ask::Once { columns: KeyColumns::new(contract.primary_key.clone()) },
            dimension: Dimension::Uniqueness,
            severity: Severity::Error,
            on_fail: OnFail::Quarantine,
            message: format!("no two rows have the same {}", names(&contract.primary_key).join(", ")),
        });
    }
    for (place, key) in contract.foreign_keys.iter().enumerate() {
        let columns = names(&key.columns);
        let targets: Vec<String> =
            key.targets.iter().map(|target| format!("{}.{}", target.table, target.columns.join("+"))).collect();
        specs.push(Spec {
            id: RuleId(format!("{table}.{}.foreign_key", columns.join("+"))),
            ask: Ask::ForeignKey { key: place },
            dimension: Dimension::Consistency,
            severity: key.severity,
            on_fail: key.on_fail,
            message: format!("{} exists in {}", columns.join(", "), targets.join(" or ")),
        });
    }
    for (place, rule) in contract.rules.iter().enumerate() {
        specs.push(Spec {
            id: rule.id.clone(),
            ask: Ask::Sql { rule: place },
            dimension: rule.dimension,
            severity: rule.severity,
            on_fail: rule.on_fail,
            message: rule.description.clone().unwrap_or_default(),
        });
    }
    for (place, metric) in contract.metrics.iter().enumerate() {
        specs.push(Spec {
            id: metric.id.clone(),
            ask: Ask::Metric { metric: place },
            dimension: metric.dimension,
            severity: metric.severity,
            on_fail: metric.on_fail,
            message: metric.description.clone().unwrap_or_else(|| metric.metric.name().to_owned()),
        });
    }
    for (place, promise) in contract.sla.iter().enumerate() {
        let (dimension, said) = match promise.asks {
            Asks::Freshness { .. } => (Dimension::Timeliness, "the newest value is fresh"),
            Asks::Latency { .. } => (Dimension::Timeliness, "rows come in time"),
            Asks::Completeness { .. } => (Dimension::Coverage, "the service date is covered"),
            Asks::Retention { .. } => (Dimension::Conformity, "nothing is kept for longer than promised"),
        };
        specs.push(Spec {
            id: promise.id.clone(),
            ask: Ask::Promise { promise: place },
            dimension,
            severity: Severity::Warning,
            on_fail: OnFail::Report,
            message: promise.description.clone().unwrap_or_else(|| said.to_owned()),
        });
    }
    specs
}

fn column_specs(table: &str, place: usize, column: &Column, specs: &mut Vec<Spec>) {
    let name = &column.name;
    let mut add = |rule: &str, ask: Ask, dimension, severity: Severity, on_fail: OnFail, message: String| {
        specs.push(Spec {
            id: RuleId(format!("{table}.{name}.{rule}")),
            ask,
            dimension,
            severity: column.severity.unwrap_or(severity),
            on_fail: column.on_fail.unwrap_or(on_fail),
            message,
        });
    };
    let kind = match column.kind {
        Kind::Text => "text in UTF-8",
        Kind::Int32 | Kind::Int64 => "a whole number",
        Kind::Float => "a number",
        Kind::Boolean => "true or false",
        Kind::Date => "a date",
        Kind::ServiceTime => "a time of the service date",
        Kind::Instant => "an instant",
    };
    // Where the column is required, a row without a readable value is a row without the value.
    let unreadable = if column.required { OnFail::Quarantine } else { OnFail::Invalidate };
    let message = format!("{name} is {kind}");
    add("type", Ask::Type { column: place }, Dimension::Conformity, Severity::Error, unreadable, message);
    if column.required {
        let message = format!("{name} is there");
        let ask = Ask::Required { column: place };
        add("required", ask, Dimension::Completeness, Severity::Error, OnFail::Quarantine, message);
    }
    if !column.values.is_empty() {
        let values: Vec<&str> = column.values.iter().map(|value| value.value.as_str()).collect();
        let message = format!("{name} is one of {}", values.join(", "));
        let ask = Ask::Enum { column: place };
        add("enum", ask, Dimension::Conformity, Severity::Warning, OnFail::Report, message);
    }
    let bounds = [
        (column.minimum, "at least"),
        (column.above, "greater than"),
        (column.maximum, "at most"),
        (column.below, "less than"),
        (column.multiple_of, "a multiple of"),
    ];
    let bounds: Vec<String> = bounds
        .iter()
        .filter_map(|(bound, word)| Some(format!("{word} {}", bound_text(column.kind, (*bound)?))))
        .collect();
    if !bounds.is_empty() {
        let message = format!("{name} is {}", bounds.join(" and "));
        let ask = Ask::Range { column: place };
        add("range", ask, Dimension::Accuracy, Severity::Error, OnFail::Report, message);
    }
    // The contract's reader has refused patterns that do not compile.
    if let Some(pattern) = column.pattern.as_ref().and_then(|p| whole(p)) {
        let message = format!("{name} matches {}", column.pattern.as_deref().unwrap_or_default());
        let ask = Ask::Pattern { column: place, pattern };
        add("pattern", ask, Dimension::Conformity, Severity::Error, OnFail::Report, message);
    }
    let lengths = [(column.min_length, "at least"), (column.max_length, "at most")];
    let lengths: Vec<String> =
        lengths.iter().filter_map(|(length, word)| Some(format!("{word} {}", (*length)?))).collect();
    if !lengths.is_empty() {
        let message = format!("{name} has {} characters", lengths.join(" and "));
        let ask = Ask::Length { column: place };
        add("length", ask, Dimension::Conformity, Severity::Error, OnFail::Report, message);
    }
    if column.unique {
        let message = format!("no two rows have the same {name}");
        let ask = Ask::Once { columns: KeyColumns::new(vec![place]) };
        add("unique", ask, Dimension::Uniqueness, Severity::Error, OnFail::Quarantine, message);
    }
}

/// A bound as people write it, of the number that the column's array has.
pub fn bound_text(kind: Kind, bound: f64) -> String {
    match kind {
        Kind::Date => {
            ServiceDate::from_days_since_epoch(bound as i32).map_or_else(|| bound.to_string(), |date| date.to_string())
        }
        Kind::Instant => {
            jiff::Timestamp::from_millisecond(bound as i64).map_or_else(|_| bound.to_string(), |t| t.to_string())
        }
        Kind::ServiceTime => ServiceSeconds(bound as i32).to_string(),
        _ => bound.to_string(),
    }
}

/// Rows whose value is not among those of the column.
pub fn outside_of_enum(column: &Column, array: &ArrayRef) -> Vec<usize> {
    match array.data_type() {
        DataType::Int32 => {
            let allowed: Vec<i32> = column.values.iter().filter_map(|value| value.value.parse().ok()).collect();
            numbers::<Int32Type>(array, |value| !allowed.contains(&value))
        }
        DataType::Int64 => {
            let allowed: Vec<i64> = column.values.iter().filter_map(|value| value.value.parse().ok()).collect();
            numbers::<Int64Type>(array, |value| !allowed.contains(&value))
        }
        DataType::Utf8 => {
            let allowed: FxHashSet<&str> = column.values.iter().map(|value| value.value.as_str()).collect();
            texts(array.as_string(), |text| !allowed.contains(text))
        }
        _ => Vec::new(),
    }
}

/// Rows whose number is outside the column's bounds or between two of its steps.
pub fn outside_of_range(column: &Column, array: &ArrayRef) -> Vec<usize> {
    let low = column.minimum.unwrap_or(f64::NEG_INFINITY);
    let high = column.maximum.unwrap_or(f64::INFINITY);
    let strict = column.above.is_some() || column.below.is_some() || column.multiple_of.is_some();
    let offends = |value: f64| {
        let inside = (low..=high).contains(&value);
        // Most columns have no more than the two bounds.
        let fits = !strict
            || column.above.is_none_or(|bound| value > bound)
                && column.below.is_none_or(|bound| value < bound)
                && column.multiple_of.is_none_or(|step| is_multiple(value, step));
        !(inside && fits)
    };
    match array.data_type() {
        DataType::Int32 => numbers::<Int32Type>(array, |value| offends(f64::from(value))),
        DataType::Int64 => numbers::<Int64Type>(array, |value| offends(value as f64)),
        DataType::Float64 => numbers::<Float64Type>(array, offends),
        DataType::Date32 => numbers::<Date32Type>(array, |value| offends(f64::from(value))),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            numbers::<TimestampMillisecondType>(array, |value| offends(value as f64))
        }
        _ => Vec::new(),
    }
}

/// Whether a number is a multiple of a step, but for what binary fractions cannot say: 0.3 is three times 0.1.
fn is_multiple(value: f64, step: f64) -> bool {
    let steps = value / step;
    (steps - steps.round()).abs() <= 1e-9 * steps.abs().max(1.0)
}

/// Rows whose text does not match.
pub fn unlike_pattern(pattern: &Regex, array: &ArrayRef) -> Vec<usize> {
    array.as_string_opt().map_or_else(Vec::new, |array| texts(array, |text| !pattern.is_match(text)))
}

/// Rows whose text has too few or too many characters.
pub fn of_wrong_length(column: &Column, array: &ArrayRef) -> Vec<usize> {
    let (least, most) = (column.min_length.unwrap_or(0), column.max_length.unwrap_or(usize::MAX));
    // A text has at most as many characters as bytes, and at least a quarter of them.
    let offends = |text: &str| {
        let surely = text.len() >= 4 * least && text.len() <= most;
        !surely && !(least..=most).contains(&text.chars().count())
    };
    array.as_string_opt().map_or_else(Vec::new, |array| texts(array, offends))
}

fn numbers<T: arrow_array::types::ArrowPrimitiveType>(
    array: &ArrayRef,
    offends: impl Fn(T::Native) -> bool,
) -> Vec<usize> {
    let array = array.as_primitive::<T>();
    if array.null_count() == array.len() {
        return Vec::new();
    }
    let values = array.values().iter().enumerate();
    values.filter(|&(row, &value)| offends(value) && array.is_valid(row)).map(|(row, _)| row).collect()
}

fn texts(array: &StringArray, offends: impl Fn(&str) -> bool) -> Vec<usize> {
    if array.null_count() == array.len() {
        return Vec::new();
    }
    let mut last: Option<(&str, bool)> = None;
    let mut rows = Vec::new();
    for (row, text) in array.iter().enumerate().filter_map(|(row, text)| Some((row, text?))) {
        // Equal values stand together more often than not.
        let bad = last.filter(|(before, _)| *before == text).map_or_else(|| offends(text), |(_, bad)| bad);
        last = Some((text, bad));
        if bad {
            rows.push(row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Int32Array, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn bounds_of_dates_times_and_instants_name_the_values_outside() {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: d, logicalType: date, logicalTypeOptions: {minimum: 1970-01-02}}\n      \
                    - {name: s, logicalType: time, logicalTypeOptions: {maximum: '01:00:00'}}\n      \
                    - {name: i, logicalType: timestamp, logicalTypeOptions: {exclusiveMaximum: '1970-01-01T00:00:01Z'}}\n";
        let contract = crate::contract::odcs::contract(std::path::Path::new("t.odcs.yaml"), text).unwrap();
        let arrays: [ArrayRef; 3] = [
            Arc::new(Date32Array::from(vec![Some(0), None, Some(1)])),
            Arc::new(Int32Array::from(vec![Some(3_601), None, Some(3_600)])),
            Arc::new(TimestampMillisecondArray::from(vec![Some(1_000), None, Some(999)]).with_timezone("UTC")),
        ];
        for (column, array) in contract.columns.iter().zip(&arrays) {
            assert_eq!(outside_of_range(column, array), [0], "{}", column.name);
        }
    }
}
