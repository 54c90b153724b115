//! Rules over the values of one column: compiled from the contract by the column's type, once per table.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;
use regex::Regex;
use rustc_hash::FxHashSet;

use crate::check::rules::RuleKind;
use crate::contract::{Column, Contract};

/// What a value of a column must be. An absent value is never at fault.
pub(super) enum ColumnTest {
    Int32Among(Vec<i32>),
    Int64Among(Vec<i64>),
    TextAmong(FxHashSet<String>),
    /// With the rows outside of the bounds, for arrays of the column's type.
    Within(Bounds, fn(&Bounds, &ArrayRef) -> Vec<usize>),
    Matches(Regex),
    /// Characters.
    HasLength {
        least: usize,
        most: usize,
    },
    /// A list or bounds for a type that has none: nothing is at fault.
    Anything,
}

impl ColumnTest {
    /// The column and the test of a rule over values, `None` for rules of any other kind.
    pub(super) fn compile(kind: &RuleKind, contract: &Contract) -> Option<(usize, Self)> {
        Some(match kind {
            &RuleKind::Enum { column } => (column, Self::among(&contract.columns[column])),
            &RuleKind::Range { column } => (column, Self::within(&contract.columns[column])),
            RuleKind::Pattern { column, pattern } => (*column, Self::Matches(pattern.clone())),
            &RuleKind::Length { column } => (column, Self::of_length(&contract.columns[column])),
            _ => return None,
        })
    }

    fn among(column: &Column) -> Self {
        let values = || column.values.iter().map(|value| value.value.as_str());
        match column.kind.data_type() {
            DataType::Int32 => Self::Int32Among(values().filter_map(|value| value.parse().ok()).collect()),
            DataType::Int64 => Self::Int64Among(values().filter_map(|value| value.parse().ok()).collect()),
            DataType::Utf8 => Self::TextAmong(values().map(str::to_owned).collect()),
            _ => Self::Anything,
        }
    }

    fn within(column: &Column) -> Self {
        let outside = match column.kind.data_type() {
            DataType::Int32 => outside::<Int32Type>,
            DataType::Int64 => outside::<Int64Type>,
            DataType::Float64 => outside::<Float64Type>,
            DataType::Date32 => outside::<Date32Type>,
            DataType::Timestamp(..) => outside::<TimestampMillisecondType>,
            _ => return Self::Anything,
        };
        Self::Within(Bounds::of(column), outside)
    }

    fn of_length(column: &Column) -> Self {
        Self::HasLength { least: column.min_length.unwrap_or(0), most: column.max_length.unwrap_or(usize::MAX) }
    }

    /// The rows whose value is at fault, ascending.
    pub(super) fn offending(&self, array: &ArrayRef) -> Vec<usize> {
        match self {
            Self::Int32Among(allowed) => numbers::<Int32Type>(array, |value| !allowed.contains(&value)),
            Self::Int64Among(allowed) => numbers::<Int64Type>(array, |value| !allowed.contains(&value)),
            Self::TextAmong(allowed) => texts(array, |text| !allowed.contains(text)),
            Self::Within(bounds, outside) => outside(bounds, array),
            Self::Matches(pattern) => texts(array, |text| !pattern.is_match(text)),
            Self::HasLength { least, most } => texts(array, |text| {
                // A text has at most as many characters as bytes, and at least a quarter of them.
                let surely = text.len() / 4 >= *least && text.len() <= *most;
                !surely && !(*least..=*most).contains(&text.chars().count())
            }),
            Self::Anything => Vec::new(),
        }
    }
}

/// The bounds and the step of a column's numbers.
pub(super) struct Bounds {
    low: f64,
    high: f64,
    /// Most columns have no more than the two bounds.
    strict: Option<Strict>,
}

struct Strict {
    above: Option<f64>,
    below: Option<f64>,
    multiple_of: Option<f64>,
}

impl Bounds {
    fn of(column: &Column) -> Self {
        let strict = Strict { above: column.above, below: column.below, multiple_of: column.multiple_of };
        let is_strict = strict.above.is_some() || strict.below.is_some() || strict.multiple_of.is_some();
        Self {
            low: column.minimum.unwrap_or(f64::NEG_INFINITY),
            high: column.maximum.unwrap_or(f64::INFINITY),
            strict: is_strict.then_some(strict),
        }
    }

    #[inline]
    fn fit(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value) && self.strict.as_ref().is_none_or(|strict| strict.fits(value))
    }
}

impl Strict {
    fn fits(&self, value: f64) -> bool {
        self.above.is_none_or(|bound| value > bound)
            && self.below.is_none_or(|bound| value < bound)
            && self.multiple_of.is_none_or(|step| is_multiple(value, step))
    }
}

/// A number that bounds are compared with.
trait Number: Copy {
    fn number(self) -> f64;
}

impl Number for i32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for i64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

fn outside<T: ArrowPrimitiveType<Native: Number>>(bounds: &Bounds, array: &ArrayRef) -> Vec<usize> {
    numbers::<T>(array, |value| !bounds.fit(value.number()))
}

/// Whether a number is a multiple of a step, but for what binary fractions cannot say: 0.3 is three times 0.1.
fn is_multiple(value: f64, step: f64) -> bool {
    let steps = value / step;
    (steps - steps.round()).abs() <= 1e-9 * steps.abs().max(1.0)
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, offends: impl Fn(T::Native) -> bool) -> Vec<usize> {
    // Chunks have the types of their contract.
    let Some(array) = array.as_primitive_opt::<T>().filter(|array| array.null_count() < array.len()) else {
        return Vec::new();
    };
    let values = array.values().iter().enumerate();
    values.filter(|&(row, &value)| offends(value) && array.is_valid(row)).map(|(row, _)| row).collect()
}

fn texts(array: &ArrayRef, offends: impl Fn(&str) -> bool) -> Vec<usize> {
    let texts: Option<&StringArray> = array.as_string_opt();
    let Some(array) = texts.filter(|array| array.null_count() < array.len()) else { return Vec::new() };
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
    fn bounds_of_dates_times_and_instants_flag_the_values_outside() {
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
            assert_eq!(ColumnTest::within(column).offending(array), [0], "{}", column.name);
        }
    }
}
