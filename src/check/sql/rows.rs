//! Rows as queries see them: numbered, and without the values that nobody may see.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray, StringViewArray,
    UInt32Array, make_array,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::contract::query::{INDEX, Nulls};

/// Rows in which a private value is another one, the same everywhere; where there is none, there is none still.
pub(crate) fn blanked(rows: &RecordBatch, is_private: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, array)| match is_private(field.name()) {
        true => {
            let one = blank(array.data_type())?;
            let first = UInt32Array::new(vec![0; array.len()].into(), array.logical_nulls());
            arrow_select::take::take(&one, &first, None)
        }
        false => Ok(array.clone()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new_with_options(
        schema.clone(),
        columns,
        &RecordBatchOptions::new().with_row_count(Some(rows.num_rows())),
    )
}

/// One value of a type that says nothing.
fn blank(kind: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match kind {
        DataType::Utf8 => Arc::new(StringArray::from(vec![""])),
        DataType::Utf8View => Arc::new(StringViewArray::from(vec![""])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false])),
        kind if kind.is_primitive() => {
            let zero = arrow_data::ArrayData::builder(kind.clone()).len(1).add_buffer(vec![0u64, 0].into()).build()?;
            make_array(zero)
        }
        kind => return Err(ArrowError::NotYetImplemented(format!("a private column of the type {kind}"))),
    })
}

/// The rows that a condition on null cells holds of, ascending: what [`super::Queries::offending`] gives for its query, without a
/// query. `None` where there is no column of a name.
pub(crate) fn offending_nulls(condition: &Nulls, rows: &RecordBatch) -> Option<Vec<usize>> {
    fn holds(condition: &Nulls, rows: &RecordBatch) -> Option<BooleanBuffer> {
        Some(match condition {
            Nulls::IsNull(column) => match rows.column_by_name(column)?.logical_nulls() {
                Some(nulls) => !nulls.inner(),
                None => BooleanBuffer::new_unset(rows.num_rows()),
            },
            Nulls::Not(inner) => !&holds(inner, rows)?,
            Nulls::And(left, right) => &holds(left, rows)? & &holds(right, rows)?,
            Nulls::Or(left, right) => &holds(left, rows)? | &holds(right, rows)?,
        })
    }
    Some(holds(condition, rows)?.set_indices().collect())
}

/// Rows with `_index` before their columns.
pub fn indexed(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let index: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64));
    let mut fields = vec![Arc::new(Field::new(INDEX, DataType::Int64, false))];
    fields.extend(rows.schema().fields().iter().cloned());
    let columns = [index].into_iter().chain(rows.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
