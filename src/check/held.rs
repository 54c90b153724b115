//! Rows that wait for rules over a whole table: the rows themselves, in memory or spooled, and beside them the few columns
//! that the queries need.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use rustc_hash::FxBuildHasher;

use crate::check::packed::{self, Packed};
use crate::contract::query::INDEX;
use crate::table::keys::KeyColumns;
use crate::table::{Budget, BudgetExceeded};

/// Bytes of rows that wait in memory; less where the run may hold little.
const IN_MEMORY: usize = 256 << 20;
/// Rows that a query is asked about at a time, if it says which rows belong together.
pub const PART: usize = 1 << 18;

/// Whole rows, in their order. What does not fit into memory waits in a file that has no name, in the private store.
pub struct Store {
    folder: PathBuf,
    budget: Budget,
    limit: usize,
    booked: usize,
    batches: Vec<RecordBatch>,
    file: Option<StreamWriter<BufWriter<File>>>,
}

/// Why rows cannot wait.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("rows could not be spooled: {0}")]
    Arrow(#[from] ArrowError),
    #[error("rows could not be spooled into {folder}: {error}", folder = folder.display())]
    File { folder: PathBuf, error: std::io::Error },
}

impl Store {
    pub fn new(folder: PathBuf, budget: Budget) -> Self {
        let limit = IN_MEMORY.min(budget.limit() / 8);
        Self { folder, budget, limit, booked: 0, batches: Vec::new(), file: None }
    }

    pub fn push(&mut self, rows: RecordBatch) -> Result<(), HoldError> {
        let bytes = rows.get_array_memory_size();
        if self.file.is_none() && self.booked + bytes > self.limit {
            let made = std::fs::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
            let file = made.map_err(|error| HoldError::File { folder: self.folder.clone(), error })?;
            let mut writer = StreamWriter::try_new(BufWriter::with_capacity(1 << 20, file), &rows.schema())?;
            for batch in self.batches.drain(..) {
                writer.write(&batch)?;
            }
            self.budget.give_back(std::mem::take(&mut self.booked));
            self.file = Some(writer);
        }
        if let Some(writer) = &mut self.file {
            writer.write(&rows)?;
            return Ok(());
        }
        self.budget.take("check", bytes)?;
        self.booked += bytes;
        self.batches.push(rows);
        Ok(())
    }

    /// The rows again, batch by batch.
    pub fn take(mut self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, HoldError>>>, HoldError> {
        let failed = |error| HoldError::File { folder: self.folder.clone(), error };
        if let Some(mut writer) = self.file.take() {
            writer.finish()?;
            let mut file = writer.into_inner()?.into_inner().map_err(|error| failed(error.into_error()))?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let reader = StreamReader::try_new(BufReader::with_capacity(1 << 20, file), None)?;
            return Ok(Box::new(reader.map(|batch| batch.map_err(HoldError::from))));
        }
        self.budget.give_back(std::mem::take(&mut self.booked));
        Ok(Box::new(std::mem::take(&mut self.batches).into_iter().map(Ok)))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// The columns of a table that queries need, of all rows so far. Texts are kept as numbers, for most repeat.
pub struct Projection {
    /// Places in the rows that come.
    places: Vec<usize>,
    fields: Vec<Arc<Field>>,
    words: Vec<Words>,
    chunks: Vec<Vec<Packed>>,
    rows: usize,
    budget: Budget,
    booked: usize,
}

/// The different texts of a column.
#[derive(Default)]
struct Words {
    places: HashMap<Arc<str>, u32, FxBuildHasher>,
    all: Vec<Arc<str>>,
    bytes: usize,
}

impl Words {
    fn codes(&mut self, texts: &arrow_array::StringArray) -> UInt32Array {
        let mut last: Option<(&str, u32)> = None;
        texts
            .iter()
            .map(|text| {
                let text = text?;
                // Equal texts stand together more often than not.
                if let Some((_, code)) = last.filter(|(before, _)| *before == text) {
                    return Some(code);
                }
                let code = match self.places.get(text) {
                    Some(code) => *code,
                    None => {
                        let code = self.all.len() as u32;
                        let word: Arc<str> = text.into();
                        // The text, its two counters, and a slot of the map and of the list.
                        self.bytes += text.len() + 64;
                        self.all.push(word.clone());
                        self.places.insert(word, code);
                        code
                    }
                };
                last = Some((text, code));
                Some(code)
            })
            .collect()
    }

    fn texts(&self, codes: &UInt32Array) -> ArrayRef {
        let mut texts = StringBuilder::with_capacity(codes.len(), codes.len() * 12);
        for code in codes {
            // Codes are places in the list.
            texts.append_option(code.and_then(|code| self.all.get(code as usize)));
        }
        Arc::new(texts.finish())
    }
}

impl Projection {
    /// Of the columns of `schema` that are needed.
    pub fn new(schema: &SchemaRef, needed: impl Fn(&str) -> bool, budget: Budget) -> Self {
        let places: Vec<usize> = (0..schema.fields().len()).filter(|&i| needed(schema.field(i).name())).collect();
        let fields: Vec<Arc<Field>> = places.iter().map(|&place| schema.fields()[place].clone()).collect();
        let words = fields.iter().map(|_| Words::default()).collect();
        let chunks = fields.iter().map(|_| Vec::new()).collect();
        Self { places, fields, words, chunks, rows: 0, budget, booked: 0 }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes rows that have the columns of the schema.
    pub fn push(&mut self, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
        let mut bytes = 0;
        for (column, &place) in self.places.iter().enumerate() {
            let array = rows.column(place);
            let kept: ArrayRef = match array.data_type() {
                DataType::Utf8 => {
                    let before = self.words[column].bytes;
                    let codes = self.words[column].codes(array.as_string());
                    bytes += self.words[column].bytes - before;
                    Arc::new(codes)
                }
                _ => array.clone(),
            };
            let packed = Packed::new(&kept);
            bytes += packed.bytes();
            self.chunks[column].push(packed);
        }
        self.rows += rows.num_rows();
        self.budget.take("check", bytes)?;
        self.booked += bytes;
        Ok(())
    }

    /// The place of a column by name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    /// All rows of the columns that are needed, and `_index`.
    pub fn all(&self, needed: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
        let index: ArrayRef = Arc::new(Int64Array::from_iter_values(0..self.rows as i64));
        let lengths: Vec<usize> = self.chunks.first().into_iter().flatten().map(Packed::len).collect();
        let places = lengths.iter().enumerate().flat_map(|(chunk, length)| (0..*length).map(move |row| (chunk, row)));
        self.batch(index, needed, places)
    }

    /// Some rows, ascending, of the columns that are needed, and `_index`.
    pub fn some(&self, rows: &[u32], needed: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
        let index: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| i64::from(*row))));
        let lengths: Vec<usize> = self.chunks.first().into_iter().flatten().map(Packed::len).collect();
        let (mut chunk, mut start) = (0, 0);
        let places: Vec<(usize, usize)> = rows
            .iter()
            .map(|&row| {
                while lengths.get(chunk).is_some_and(|length| row as usize >= start + length) {
                    start += lengths[chunk];
                    chunk += 1;
                }
                (chunk, row as usize - start)
            })
            .collect();
        self.batch(index, needed, places.iter().copied())
    }

    fn batch(
        &self,
        index: ArrayRef,
        needed: impl Fn(&str) -> bool,
        places: impl Iterator<Item = (usize, usize)> + Clone,
    ) -> Result<RecordBatch, ArrowError> {
        let mut fields = vec![Arc::new(Field::new(INDEX, DataType::Int64, false))];
        let mut columns = vec![index];
        for (column, field) in self.fields.iter().enumerate().filter(|(_, field)| needed(field.name())) {
            let array = packed::unpacked(&self.chunks[column], field.data_type(), places.clone());
            columns.push(match field.data_type() {
                DataType::Utf8 => self.words[column].texts(array.as_primitive::<UInt32Type>()),
                _ => array,
            });
            fields.push(field.clone());
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// The rows in parts of which none has rows that belong together with those of another, each in the order of the rows.
    pub fn parts(&self, per: &[&str]) -> Vec<Vec<u32>> {
        let count = self.rows.div_ceil(PART);
        let mut parts = vec![Vec::new(); count.max(1)];
        let columns: Vec<usize> = per.iter().filter_map(|name| self.index_of(name)).collect();
        let mut row = 0;
        for chunk in 0..self.chunks.first().map_or(0, Vec::len) {
            // Words are compared by their numbers.
            let arrays = columns.iter().map(|&column| {
                let packed = &self.chunks[column][chunk..=chunk];
                let rows = (0..packed[0].len()).map(|row| (0, row));
                match self.fields[column].data_type() {
                    DataType::Utf8 => packed::unpacked(packed, &DataType::Int64, rows),
                    other => packed::unpacked(packed, other, rows),
                }
            });
            let arrays: Vec<ArrayRef> = arrays.collect();
            let fields = arrays.iter().map(|array| Field::new("", array.data_type().clone(), true));
            let Ok(batch) = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays) else {
                continue;
            };
            for key in KeyColumns::new((0..columns.len()).collect()).keys(&batch) {
                parts[(key >> 64) as usize % count.max(1)].push(row);
                row += 1;
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// The whole number in a cell.
    pub fn whole(&self, column: usize, row: usize) -> Option<i64> {
        let mut start = 0;
        for chunk in &self.chunks[column] {
            if row < start + chunk.len() {
                return Some(chunk.whole(row - start));
            }
            start += chunk.len();
        }
        None
    }
}

impl Drop for Projection {
    fn drop(&mut self) {
        self.budget.give_back(self.booked);
    }
}

/// A column without the values of some rows.
pub fn without(column: &ArrayRef, rows: &[usize]) -> Result<ArrayRef, ArrowError> {
    let mut mask = vec![false; column.len()];
    rows.iter().for_each(|&row| mask[row] = true);
    arrow_select::nullif::nullif(column, &BooleanArray::from(mask))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, StringArray};

    use super::*;

    fn batch(from: i32, rows: i32) -> RecordBatch {
        let texts: StringArray = (from..from + rows).map(|i| (i % 3 != 0).then(|| format!("bus {}", i % 5))).collect();
        let numbers: Int32Array = (from..from + rows).map(Some).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("bus", Arc::new(texts) as ArrayRef, true),
            ("n", Arc::new(numbers) as ArrayRef, true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_come_back_in_their_order_whether_they_were_spooled_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for memory in [1 << 30, 1 << 14] {
            let budget = Budget::new(memory);
            let mut store = Store::new(folder.path().join("spool"), budget.clone());
            (0..20).for_each(|i| store.push(batch(i * 100, 100)).unwrap());
            assert_eq!(store.file.is_some(), memory < 1 << 20);
            let back: Vec<RecordBatch> = store.take().unwrap().map(Result::unwrap).collect();
            assert_eq!(back, (0..20).map(|i| batch(i * 100, 100)).collect::<Vec<_>>());
            budget.take("test", memory).unwrap();
        }
        // The file has no name that could stay behind.
        assert_eq!(std::fs::read_dir(folder.path().join("spool")).unwrap().count(), 0);
    }

    #[test]
    fn a_projection_gives_back_all_rows_or_some() {
        let budget = Budget::new(1 << 20);
        let mut projection = Projection::new(&batch(0, 1).schema(), |_| true, budget.clone());
        (0..4).for_each(|i| projection.push(&batch(i * 10, 10)).unwrap());
        let all = projection.all(|_| true).unwrap();
        assert_eq!(all.project(&[1, 2]).unwrap(), batch(0, 40));
        let some = projection.some(&[3, 14, 39], |name| name == "n").unwrap();
        assert_eq!(some.column(0).as_ref(), &Int64Array::from(vec![3, 14, 39]));
        assert_eq!(some.column(1).as_ref(), &Int32Array::from(vec![3, 14, 39]));
        assert_eq!((projection.whole(1, 25), projection.whole(1, 40)), (Some(25), None));
        let parts = projection.parts(&["bus"]);
        assert_eq!(parts.concat(), (0..40).collect::<Vec<u32>>());
        drop(projection);
        budget.take("test", 1 << 20).unwrap();
    }
}
