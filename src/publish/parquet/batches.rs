//! Batches of rows: how many make a row group, what they take, how they rank.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_row::{RowConverter, Rows};
use arrow_schema::ArrowError;

/// Rows of a row group, at most. DuckDB reads a row group as one unit.
pub const ROW_GROUP: usize = 122_880;
/// Rows of a row group of a sorted table, at least, if the table has so many: the footer says of each row group and column where it
/// is and what is in it, some 3 kB for a table of telemetry, and each group has dictionaries of its own.
const SMALL_GROUP: usize = 20_480;
/// Row groups that a sorted table is cut into, if that makes none too small or too large: a reader of one vehicle reads one of them.
const GROUPS: usize = 40;
/// Row groups are whole vectors of DuckDB where nothing else decides.
const VECTOR: usize = 2_048;

/// How many rows a group of a sorted table has, at most: from the number of rows alone, so that the same rows give the same bytes.
pub(super) fn group_rows(rows: u64) -> usize {
    let share = usize::try_from(rows / GROUPS as u64).unwrap_or(usize::MAX);
    share.clamp(SMALL_GROUP, ROW_GROUP).next_multiple_of(VECTOR)
}

/// How many of the first rows make a group of at most `limit`: those up to the last change of the first column of the sort order,
/// so that a vehicle or a trip is in one group, unless that leaves less than half of the group. `None` if there are no more rows
/// than `limit`. `converter` is of that column.
pub(super) fn group_end(
    converter: &RowConverter,
    column: usize,
    pending: &[RecordBatch],
    limit: usize,
) -> Result<Option<usize>, ArrowError> {
    // Whether a row is another than the one before it decides of the row at `limit`, too.
    let (first, last) = (limit / 2, limit);
    let (mut begin, mut end) = (0, None);
    let mut before: Option<arrow_row::OwnedRow> = None;
    let mut is_longer = false;
    for batch in pending {
        let [from, until] = [first, last + 1].map(|place| place.clamp(begin, begin + batch.num_rows()) - begin);
        if from < until {
            let values: ArrayRef = batch.column(column).slice(from, until - from);
            let ranks = converter.convert_columns(&[values])?;
            if before.as_ref().is_some_and(|before| before.row() != ranks.row(0)) {
                end = Some(begin + from);
            }
            let changes = (1..ranks.num_rows()).rev().find(|&row| ranks.row(row) != ranks.row(row - 1));
            end = changes.map(|row| begin + from + row).or(end);
            before = Some(ranks.row(ranks.num_rows() - 1).owned());
        }
        begin += batch.num_rows();
        if begin > last {
            is_longer = true;
            break;
        }
    }
    Ok(is_longer.then(|| end.unwrap_or(limit)))
}

/// The ranks of rows by the columns that they are sorted by.
pub(super) fn ranks(converter: &RowConverter, sort_by: &[usize], rows: &RecordBatch) -> Result<Rows, ArrowError> {
    let keys: Vec<_> = sort_by.iter().map(|&place| rows.column(place).clone()).collect();
    converter.convert_columns(&keys)
}

/// What the rows take: columns that were read together share their memory.
pub(super) fn bytes_of(rows: &RecordBatch) -> Result<usize, ArrowError> {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum()
}
