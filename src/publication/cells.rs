//! Rows of these tables as Arrow batches in the columns of their contracts, and back.
//!
//! A row is what serde makes of it: an object with a field for each column. The tables have some hundred rows a date, so that the
//! way over JSON values costs nothing that anyone would notice.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::time::ServiceDate;

/// Rows that do not fit their columns.
#[derive(Debug, thiserror::Error)]
#[error("the rows of publication/{table}: {problem}")]
pub(crate) struct CellError {
    table: String,
    problem: String,
}

/// Days since 1970-01-01, as Arrow counts dates.
fn day_of(text: &str) -> Option<i32> {
    text.parse().ok().map(ServiceDate::days_since_epoch)
}

fn date_of(day: i32) -> Option<String> {
    ServiceDate::from_days_since_epoch(day).map(|date| date.to_string())
}

/// Rows in the columns of a contract.
pub(crate) fn batch<T: Serialize>(contract: &Contract, rows: &[T]) -> Result<RecordBatch, CellError> {
    let failed = |problem: String| CellError { table: contract.table.clone(), problem };
    let objects = rows.iter().map(|row| match serde_json::to_value(row) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(failed(format!("a row became {other}"))),
        Err(error) => Err(failed(error.to_string())),
    });
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    let schema: SchemaRef = contract.release_schema();
    let columns = schema.fields().iter().map(|field| {
        let values: Vec<Option<&Value>> =
            objects.iter().map(|row| row.get(field.name()).filter(|value| !value.is_null())).collect();
        let column = column(field.data_type(), &values);
        let column =
            column.ok_or_else(|| failed(format!("a value of {} is no {}", field.name(), field.data_type())))?;
        match column.null_count() > 0 && !field.is_nullable() {
            true => Err(failed(format!("{} lacks a value", field.name()))),
            false => Ok(column),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns).map_err(|error| failed(error.to_string()))
}

/// A column; none if a value is of another type.
fn column(kind: &DataType, values: &[Option<&Value>]) -> Option<ArrayRef> {
    /// Every value that is there, read.
    fn read<'a, T>(values: &[Option<&'a Value>], read: impl Fn(&'a Value) -> Option<T>) -> Option<Vec<Option<T>>> {
        values.iter().map(|value| value.map_or(Some(None), |value| read(value).map(Some))).collect()
    }
    Some(match kind {
        DataType::Utf8 => Arc::new(StringArray::from(read(values, Value::as_str)?)),
        DataType::Int64 => Arc::new(Int64Array::from(read(values, Value::as_i64)?)),
        DataType::Float64 => Arc::new(Float64Array::from(read(values, Value::as_f64)?)),
        DataType::Boolean => Arc::new(BooleanArray::from(read(values, Value::as_bool)?)),
        DataType::Date32 => Arc::new(Date32Array::from(read(values, |value| day_of(value.as_str()?))?)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let instant = |value: &Value| Some(value.as_str()?.parse::<Timestamp>().ok()?.as_millisecond());
            Arc::new(TimestampMillisecondArray::from(read(values, instant)?).with_timezone("UTC"))
        }
        _ => return None,
    })
}

/// The rows of the file of a date of one of the tables. The date is that of the file's folder, and no column.
pub(crate) fn rows<T: DeserializeOwned>(
    contract: &Contract,
    date: ServiceDate,
    batch: &RecordBatch,
) -> Result<Vec<T>, CellError> {
    let failed = |problem: String| CellError { table: contract.table.clone(), problem };
    let fields = batch.schema();
    let row = |place: usize| {
        let cells = fields.fields().iter().zip(batch.columns());
        let cells = cells.map(|(field, column)| {
            let value = if column.is_null(place) { Some(Value::Null) } else { cell(column, place) };
            value
                .map(|value| (field.name().clone(), value))
                .ok_or_else(|| failed(format!("{} cannot be read", field.name())))
        });
        let mut object = cells.collect::<Result<Map<String, Value>, _>>()?;
        object.insert("partition_date".to_owned(), date.to_string().into());
        serde_json::from_value(Value::Object(object)).map_err(|error| failed(error.to_string()))
    };
    (0..batch.num_rows()).map(row).collect()
}

fn cell(column: &ArrayRef, place: usize) -> Option<Value> {
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(place).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(place).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(place).into(),
        DataType::Boolean => column.as_boolean().value(place).into(),
        DataType::Date32 => date_of(column.as_primitive::<Date32Type>().value(place))?.into(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let instant = column.as_primitive::<TimestampMillisecondType>().value(place);
            Timestamp::from_millisecond(instant).ok()?.to_string().into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publication::{RELEASES, ReleaseRow, contract};

    #[test]
    fn rows_come_back_as_they_were_with_what_they_lack() {
        let contract = contract(RELEASES).unwrap();
        let date = "2026-11-24".parse().unwrap();
        let row = ReleaseRow {
            released_at: "2026-11-27T12:00:07Z".parse().ok(),
            rows: Some(3),
            is_provisional: Some(true),
            ..ReleaseRow::new(date, ("bus", "stops"), 7)
        };
        let written = vec![row, ReleaseRow::new(date, ("bus", "stops"), 8)];
        let batch = batch(contract, &written).unwrap();
        assert_eq!(rows::<ReleaseRow>(contract, date, &batch).unwrap(), written);
        assert_eq!(date_of(day_of("1969-12-31").unwrap()).as_deref(), Some("1969-12-31"));
    }
}
