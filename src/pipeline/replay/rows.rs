//! Which rows of two files of a table differ, by the table's key: how many, in which columns, and the first of them.
//!
//! Both files have public columns alone: one is published, the other is what would be. Holds a digest of each row of one file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use serde::Serialize;
use serde_json::Value;

use crate::digest::Digest;
use crate::pipeline::trace::watch::values;

/// Rows of a file, at most: of larger ones only the bytes are compared.
const MOST_ROWS: i64 = 5_000_000;
/// Changed rows that are compared column by column.
const COMPARED: usize = 1_000;
/// Examples of each kind.
const EXAMPLES: usize = 5;

/// What differs.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct RowDifferences {
    /// The columns by which rows are told apart: the table's primary key, or all of them.
    pub key: Vec<String>,
    pub only_published: u64,
    pub only_replayed: u64,
    /// Rows with the same key and other values.
    pub changed: u64,
    /// By column, of the first changed rows.
    pub columns: Vec<ChangedColumn>,
    /// The first keys that only one file has.
    pub examples_published: Vec<String>,
    pub examples_replayed: Vec<String>,
    /// Columns that only one file has.
    pub columns_published: Vec<String>,
    pub columns_replayed: Vec<String>,
    /// The rows are the same and stand in another order, or a column has another type.
    pub only_form: bool,
    /// There are too many rows to compare them.
    pub is_not_compared: bool,
}

/// A column with other values.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct ChangedColumn {
    pub column: String,
    pub rows: u64,
    pub examples: Vec<Example>,
}

/// A row in which a column differs.
#[derive(Debug, PartialEq, Serialize)]
pub struct Example {
    pub key: String,
    pub published: Option<Value>,
    pub replayed: Option<Value>,
}

type Cells = BTreeMap<String, Value>;
type Short = [u8; 16];

fn short(digest: Digest) -> Short {
    let mut short = [0; 16];
    short.copy_from_slice(&digest.0[..16]);
    short
}

/// A row to be told apart by its key, of which rows may have the same.
struct Keys<'a> {
    columns: &'a [String],
    seen: HashMap<Short, u32>,
}

impl<'a> Keys<'a> {
    fn new(columns: &'a [String]) -> Self {
        Self { columns, seen: HashMap::new() }
    }

    fn of(&mut self, cells: &Cells) -> Short {
        let key = short(Digest::of(shown_key(self.columns, cells).as_bytes()));
        let count = self.seen.entry(key).or_default();
        *count += 1;
        match *count {
            1 => key,
            again => short(Digest::of(&[&key[..], &again.to_le_bytes()[..]].concat())),
        }
    }
}

/// The key of a row for people: the values in the key's order.
fn shown_key(columns: &[String], cells: &Cells) -> String {
    let shown = |column: &String| cells.get(column).map_or_else(|| "null".to_owned(), Value::to_string);
    columns.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn row_digest(cells: &Cells) -> Short {
    let text: String = cells.iter().map(|(column, value)| format!("{column}={value}\n")).collect();
    short(Digest::of(text.as_bytes()))
}

fn each(file: &File, then: &mut dyn FnMut(u64, Cells)) -> Result<(), ParquetError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?)?.build()?;
    let mut place = 0;
    for batch in reader {
        let batch: RecordBatch = batch?;
        for row in 0..batch.num_rows() {
            then(place, values(&batch, row));
            place += 1;
        }
    }
    Ok(())
}

/// Compares the rows of a published file with those of the one that was made again. `key` are the columns of the primary key.
///
/// # Errors
/// A file is no Parquet.
pub(super) fn differences(published: &File, replayed: &File, key: &[String]) -> Result<RowDifferences, ParquetError> {
    let head = |file: &File| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?)?;
        let columns: BTreeSet<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok::<_, ParquetError>((columns, builder.metadata().file_metadata().num_rows()))
    };
    let ((columns, rows), (made_columns, made_rows)) = (head(published)?, head(replayed)?);
    let both: Vec<String> = columns.intersection(&made_columns).cloned().collect();
    let has_key = !key.is_empty() && key.iter().all(|column| both.contains(column));
    let key = if has_key { key.to_vec() } else { both };
    let mut found = RowDifferences {
        columns_published: columns.difference(&made_columns).cloned().collect(),
        columns_replayed: made_columns.difference(&columns).cloned().collect(),
        key,
        ..RowDifferences::default()
    };
    if rows.max(made_rows) > MOST_ROWS {
        found.is_not_compared = true;
        return Ok(found);
    }
    let key = found.key.clone();
    let mut made: HashMap<Short, (u64, Short)> = HashMap::new();
    let mut keys = Keys::new(&key);
    each(replayed, &mut |place, cells| _ = made.insert(keys.of(&cells), (place, row_digest(&cells))))?;
    let mut keys = Keys::new(&key);
    let mut pairs: HashMap<u64, Cells> = HashMap::new();
    each(published, &mut |_, cells| match made.remove(&keys.of(&cells)) {
        None => {
            found.only_published += 1;
            if found.examples_published.len() < EXAMPLES {
                found.examples_published.push(shown_key(&key, &cells));
            }
        }
        Some((_, digest)) if digest == row_digest(&cells) => {}
        Some((place, _)) => {
            found.changed += 1;
            if pairs.len() < COMPARED {
                pairs.insert(place, cells);
            }
        }
    })?;
    found.only_replayed = made.len() as u64;
    let mut left: Vec<u64> = made.into_values().map(|(place, _)| place).collect();
    left.sort_unstable();
    left.truncate(EXAMPLES);
    let mut columns: BTreeMap<String, ChangedColumn> = BTreeMap::new();
    each(replayed, &mut |place, cells| {
        if left.binary_search(&place).is_ok() {
            found.examples_replayed.push(shown_key(&key, &cells));
        }
        if let Some(before) = pairs.get(&place) {
            compare(&key, before, &cells, &mut columns);
        }
    })?;
    found.columns = columns.into_values().collect();
    found.only_form = found.only_published + found.only_replayed + found.changed == 0;
    Ok(found)
}

fn compare(key: &[String], published: &Cells, replayed: &Cells, columns: &mut BTreeMap<String, ChangedColumn>) {
    let names: BTreeSet<&String> = published.keys().chain(replayed.keys()).collect();
    for name in names.into_iter().filter(|name| published.get(*name) != replayed.get(*name)) {
        let changed = columns.entry(name.clone()).or_default();
        changed.column.clone_from(name);
        changed.rows += 1;
        if changed.examples.len() < EXAMPLES {
            let cell = |cells: &Cells| cells.get(name).cloned();
            let (key, published, replayed) = (shown_key(key, published), cell(published), cell(replayed));
            changed.examples.push(Example { key, published, replayed });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn file(rows: &[(&str, i64)]) -> File {
        let ids: ArrayRef = Arc::new(rows.iter().map(|(id, _)| Some(*id)).collect::<StringArray>());
        let numbers: ArrayRef = Arc::new(rows.iter().map(|(_, number)| Some(*number)).collect::<Int64Array>());
        let batch = RecordBatch::try_from_iter([("id", ids), ("number", numbers)]).unwrap();
        let file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn rows_are_told_apart_by_their_key_also_where_it_is_twice() {
        let key = ["id".to_owned()];
        let published = file(&[("a", 1), ("b", 2), ("b", 3), ("d", 5)]);
        let replayed = file(&[("a", 1), ("b", 2), ("b", 4), ("c", 9)]);
        let found = differences(&published, &replayed, &key).unwrap();
        assert_eq!((found.only_published, found.only_replayed, found.changed), (1, 1, 1));
        assert_eq!(
            (found.examples_published, found.examples_replayed),
            (vec!["\"d\"".to_owned()], vec!["\"c\"".to_owned()])
        );
        let [column] = found.columns.as_slice() else { panic!("{:?}", found.columns) };
        let example = Example { key: "\"b\"".to_owned(), published: Some(3.into()), replayed: Some(4.into()) };
        assert_eq!((column.column.as_str(), column.rows, &column.examples), ("number", 1, &vec![example]));
        assert!(!found.only_form);
    }

    #[test]
    fn another_order_is_no_other_row() {
        let found = differences(&file(&[("a", 1), ("b", 2)]), &file(&[("b", 2), ("a", 1)]), &[]).unwrap();
        assert!(found.only_form && found.key == ["id", "number"]);
    }

    #[test]
    fn what_is_no_parquet_is_an_error() {
        assert!(differences(&tempfile::tempfile().unwrap(), &file(&[("a", 1)]), &[]).is_err());
    }
}
