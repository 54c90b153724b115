//! Cells and rows as people read them in a report.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::check::outcome::Sample;
use crate::contract::{Classification, Contract, Kind};
use crate::table::{ORIGIN, ORIGIN_ROW, Origin};

/// Characters of a value in a sample.
const EXCERPT: usize = 80;

/// A cell as text for people; times and dates in their GTFS form.
pub(crate) fn show(array: &ArrayRef, kind: Kind, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match (kind, array.data_type()) {
        (Kind::ServiceTime, _) => crate::time::ServiceSeconds(array.as_primitive::<Int32Type>().value(row)).to_string(),
        (Kind::Instant, _) => {
            jiff::Timestamp::from_millisecond(array.as_primitive::<TimestampMillisecondType>().value(row))
                .ok()?
                .to_string()
        }
        (_, DataType::Utf8) => array.as_string::<i32>().value(row).to_owned(),
        (_, DataType::Int32) => array.as_primitive::<Int32Type>().value(row).to_string(),
        (_, DataType::Int64) => array.as_primitive::<Int64Type>().value(row).to_string(),
        (_, DataType::Float64) => array.as_primitive::<Float64Type>().value(row).to_string(),
        _ => arrow_cast::display::array_value_to_string(array, row).ok()?,
    })
}

/// Tells people where a row came from, and what stands in its public cells.
pub(super) struct RowDescriber {
    pub contract: Arc<Contract>,
    pub origins: Arc<[Origin]>,
}

impl RowDescriber {
    pub(super) fn is_public(&self, column: usize) -> bool {
        self.contract.columns[column].classification == Classification::Public
    }

    pub(super) fn sample(
        &self,
        rows: &RecordBatch,
        row: usize,
        column: Option<usize>,
        value: Option<String>,
    ) -> Sample {
        let origin = rows.column_by_name(ORIGIN).map_or(0, |array| array.as_primitive::<UInt32Type>().value(row));
        Sample {
            origin: self.origins.get(origin as usize).map_or_else(String::new, |origin| origin.name.clone()),
            row: rows.column_by_name(ORIGIN_ROW).map_or(0, |array| array.as_primitive::<UInt64Type>().value(row)),
            column: column.map(|column| self.contract.columns[column].name.clone()),
            value,
        }
    }

    /// The values of some cells, if all of the columns are public.
    pub(super) fn shown(&self, rows: &RecordBatch, row: usize, columns: &[usize]) -> Option<String> {
        if !columns.iter().all(|&column| self.is_public(column)) {
            return None;
        }
        let values: Vec<String> = columns
            .iter()
            .map(|&column| show(rows.column(column), self.contract.columns[column].kind, row).unwrap_or_default())
            .collect();
        Some(values.join(", ").chars().take(EXCERPT).collect())
    }
}
