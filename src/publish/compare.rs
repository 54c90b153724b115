//! Whether two Parquet files have the same columns and the same rows in the same order, whatever else differs.
//!
//! Another version of the library that writes them, another compression or another description of a column changes the
//! bytes of a file and nothing that a reader gets from it: such a file is no new release. Holds a batch of each file.

use std::fs::File;

use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

/// Rows that are compared at a time.
const BATCH: usize = 8_192;

/// Compares the names, types, nullability and order of the columns, then all rows. Floats are equal if their bits are.
pub fn same_rows(one: File, other: File) -> Result<bool, ParquetError> {
    let one = ParquetRecordBatchReaderBuilder::try_new(one)?.with_batch_size(BATCH);
    let other = ParquetRecordBatchReaderBuilder::try_new(other)?.with_batch_size(BATCH);
    let rows = |builder: &ParquetRecordBatchReaderBuilder<File>| builder.metadata().file_metadata().num_rows();
    if rows(&one) != rows(&other) || !same_columns(one.schema(), other.schema()) {
        return Ok(false);
    }
    let (mut one, mut other) = (Rows::of(one.build()?), Rows::of(other.build()?));
    loop {
        // Files with other row groups come in other batches.
        let rows = match (one.available()?, other.available()?) {
            (0, 0) => return Ok(true),
            (0, _) | (_, 0) => return Ok(false),
            (one, other) => one.min(other),
        };
        let (one, other) = (one.take(rows), other.take(rows));
        let same = |(one, other): (&dyn Array, &dyn Array)| one == other;
        let mut columns = one.columns().iter().map(AsRef::as_ref).zip(other.columns().iter().map(AsRef::as_ref));
        if !columns.all(same) {
            return Ok(false);
        }
    }
}

fn same_columns(one: &Schema, other: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<_> {
        let fields = schema.fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().clone(), field.is_nullable())).collect()
    };
    columns(one) == columns(other)
}

/// The rows of a file that have not been taken.
struct Rows {
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
}

impl Rows {
    fn of(reader: ParquetRecordBatchReader) -> Self {
        Self { reader, batch: None }
    }

    /// Rows that can be taken at once; 0 at the end of the file.
    fn available(&mut self) -> Result<usize, ParquetError> {
        while self.batch.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
            match self.reader.next().transpose()? {
                Some(batch) => self.batch = Some(batch),
                None => return Ok(0),
            }
        }
        Ok(self.batch.as_ref().map_or(0, RecordBatch::num_rows))
    }

    /// Takes the first rows of those that are available.
    fn take(&mut self, rows: usize) -> RecordBatch {
        let batch = self.batch.take().unwrap_or_else(|| RecordBatch::new_empty(self.reader.schema()));
        self.batch = Some(batch.slice(rows, batch.num_rows() - rows));
        batch.slice(0, rows)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray};
    use arrow_schema::{DataType, Field};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;

    fn schema(nullable: bool, description: &str) -> Arc<Schema> {
        let described = std::collections::HashMap::from([("description".to_owned(), description.to_owned())]);
        let text = Field::new("text", DataType::Utf8, nullable).with_metadata(described);
        Arc::new(Schema::new(vec![text, Field::new("number", DataType::Float64, true)]))
    }

    fn rows(schema: &Arc<Schema>, count: usize, change: Option<usize>) -> RecordBatch {
        let text = (0..count).map(|row| format!("row {}", if change == Some(row) { row + 1 } else { row }));
        let number = (0..count).map(|row| (row % 5 != 0).then_some(if row % 7 == 0 { f64::NAN } else { row as f64 }));
        let columns: [ArrayRef; 2] =
            [Arc::new(text.map(Some).collect::<StringArray>()), Arc::new(number.collect::<Float64Array>())];
        RecordBatch::try_new(schema.clone(), columns.to_vec()).unwrap()
    }

    fn file(rows: &RecordBatch, group: usize) -> File {
        let file = tempfile::tempfile().unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), rows.schema(), Some(properties)).unwrap();
        writer.write(rows).unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn files_that_differ_in_anything_but_columns_and_rows_are_the_same() {
        let plain = schema(true, "a text");
        let one = || file(&rows(&plain, 20_000, None), 1_000_000);
        assert!(same_rows(one(), file(&rows(&plain, 20_000, None), 7_001)).unwrap());
        assert!(same_rows(one(), file(&rows(&schema(true, "another text"), 20_000, None), 1_000_000)).unwrap());
        let empty = || file(&rows(&plain, 0, None), 10);
        assert!(same_rows(empty(), empty()).unwrap());
        for other in [
            rows(&plain, 19_999, None),
            rows(&plain, 20_001, None),
            rows(&plain, 20_000, Some(19_998)),
            rows(&plain, 20_000, Some(0)),
            rows(&plain, 0, None),
            rows(&schema(false, "a text"), 20_000, None),
            rows(&plain, 20_000, None).project(&[1, 0]).unwrap(),
            rows(&plain, 20_000, None).project(&[0]).unwrap(),
        ] {
            assert!(!same_rows(one(), file(&other, 7_001)).unwrap());
        }
    }
}
