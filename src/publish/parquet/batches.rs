//! Batches of rows: how many make a row group, what they take, how they rank.

use arrow_array::{Array, RecordBatch};
use arrow_row::{RowConverter, Rows};
use arrow_schema::ArrowError;

/// Rows of a row group; what DuckDB reads as one unit.
pub const ROW_GROUP: usize = 122_880;

/// The ranks of rows by the columns that they are sorted by.
pub(super) fn ranks(converter: &RowConverter, sort_by: &[usize], rows: &RecordBatch) -> Result<Rows, ArrowError> {
    let keys: Vec<_> = sort_by.iter().map(|&place| rows.column(place).clone()).collect();
    converter.convert_columns(&keys)
}

/// What the rows take: columns that were read together share their memory.
pub(super) fn bytes_of(rows: &RecordBatch) -> Result<usize, ArrowError> {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum()
}
