//! The few columns of a table that queries over all of its rows need, held in few bytes while rows come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use rustc_hash::FxBuildHasher;

use crate::check::compact_columns::{self, CompactColumn, Rows};
use crate::check::memory::Booked;
use crate::contract::query::INDEX;
use crate::contract::times::PublishedTimes;
use crate::table::keys::KeyColumns;
use crate::table::{Budget, BudgetExceeded, ORIGIN};

/// Rows that a query is asked about at a time, if it says which rows belong together.
pub(super) const PART: usize = 1 << 18;

/// What a query takes with the columns that it gets, in quarters of them. Measured with the rules of the vehicle positions over
/// 900,000 rows of one snapshot: 40 MB of columns, and 61 MB more for a window by two of them. Joins and sorts were not measured.
const QUERY_SHARES: usize = 10;

/// The columns of a table that queries need, of all rows so far. Texts are kept as numbers, for most repeat.
pub(super) struct Projection {
    /// Places in the rows that come.
    places: Vec<usize>,
    fields: Vec<Arc<Field>>,
    words: Vec<Words>,
    chunks: Vec<Vec<CompactColumn>>,
    rows: usize,
    booked: Booked,
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
}

impl Projection {
    /// Of the columns of `schema` that are needed.
    pub(super) fn new(schema: &SchemaRef, needed: impl Fn(&str) -> bool, budget: &Budget) -> Self {
        let places: Vec<usize> = (0..schema.fields().len()).filter(|&i| needed(schema.field(i).name())).collect();
        let fields: Vec<Arc<Field>> = places.iter().map(|&place| schema.fields()[place].clone()).collect();
        let words = fields.iter().map(|_| Words::default()).collect();
        let chunks = fields.iter().map(|_| Vec::new()).collect();
        Self { places, fields, words, chunks, rows: 0, booked: Booked::on(budget) }
    }

    /// Takes rows that have the columns of the schema.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<(), BudgetExceeded> {
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
            let packed = CompactColumn::new(&kept);
            bytes += packed.bytes();
            self.chunks[column].push(packed);
        }
        self.rows += rows.num_rows();
        self.booked.grow(bytes)
    }

    /// All rows have come.
    pub(super) fn finish(self) -> Projected {
        let texts = self.words.into_iter().map(|words| StringViewArray::from_iter_values(words.all)).collect();
        let (fields, chunks, rows) = (self.fields, self.chunks, self.rows);
        Projected {
            fields,
            texts,
            chunks,
            rows,
            kept: None,
            nulled: BTreeMap::new(),
            published: None,
            _booked: self.booked,
        }
    }
}

/// The columns of a table that queries need, of all of its rows, or of those that passed.
pub(super) struct Projected {
    fields: Vec<Arc<Field>>,
    /// The different texts of each column. A query gets views of them, sixteen bytes a row however long they are.
    texts: Vec<StringViewArray>,
    chunks: Vec<Vec<CompactColumn>>,
    rows: usize,
    /// The rows that queries see, ascending, if not all.
    kept: Option<Vec<u32>>,
    /// By column the rows, ascending, whose value they do not see.
    nulled: BTreeMap<usize, Vec<u32>>,
    published: Option<PublishedTimes>,
    _booked: Booked,
}

impl Projected {
    /// How many rows came.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows queries see.
    pub(super) fn seen(&self) -> usize {
        self.kept.as_ref().map_or(self.rows, Vec::len)
    }

    /// Whether it is better to ask about it in parts.
    pub(super) fn is_large(&self) -> bool {
        self.rows > PART + PART / 2
    }

    /// From here on queries do not see rows that are held back, nor values that are nulled; those by the name of their
    /// column, ascending.
    pub(super) fn hide<'a>(
        &mut self,
        held: impl Fn(usize) -> bool,
        nulled: impl Iterator<Item = (&'a str, &'a [u32])>,
    ) {
        let kept: Vec<u32> = (0..self.rows as u32).filter(|&row| !held(row as usize)).collect();
        self.kept = (kept.len() < self.rows).then_some(kept);
        for (name, rows) in nulled {
            if let Some(column) = self.index_of(name) {
                self.nulled.insert(column, rows.to_vec());
            }
        }
    }

    /// From here on queries see instants as they are published.
    pub(super) fn publish(&mut self, published: Option<PublishedTimes>) {
        self.published = published;
    }

    /// The place of a column by name.
    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    /// What so many rows take as a query gets them: sixteen bytes for a text, eight at most for any other cell, and what the
    /// query makes of them.
    pub(super) fn query_bytes(&self, rows: usize, needed: impl Fn(&str) -> bool) -> usize {
        let width = |field: &Arc<Field>| match field.data_type() {
            DataType::Utf8 => 16,
            DataType::Boolean => 1,
            DataType::Int32 | DataType::UInt32 | DataType::Date32 => 4,
            _ => 8,
        };
        let columns: usize = self.fields.iter().filter(|field| needed(field.name())).map(width).sum();
        rows * (columns + 8) * QUERY_SHARES / 4
    }

    /// The columns that are needed, `_index` among them, of all rows.
    pub(super) fn all(&self, needed: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
        match &self.kept {
            Some(kept) => self.some(kept, needed),
            None => self.batch(Rows::All(self.rows), needed),
        }
    }

    /// The columns that are needed, `_index` among them, of some rows, which ascend.
    pub(super) fn some(&self, rows: &[u32], needed: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
        self.batch(Rows::Some(rows), needed)
    }

    fn batch(&self, rows: Rows, needed: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
        let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
        for (column, field) in self.fields.iter().enumerate().filter(|(_, field)| needed(field.name())) {
            let mut array = compact_columns::unpacked(&self.chunks[column], field.data_type(), rows);
            if let Some(nulled) = self.nulled.get(&column) {
                let mask: Vec<bool> = rows.iter().map(|row| nulled.binary_search(&row).is_ok()).collect();
                array = arrow_select::nullif::nullif(&array, &BooleanArray::from(mask))?;
            }
            if let Some(published) = self.published.as_ref().filter(|published| published.changes(field.name()))
                && let Some(origin) = self.index_of(ORIGIN)
            {
                let origins = compact_columns::unpacked(&self.chunks[origin], self.fields[origin].data_type(), rows);
                array = published.column(field.name(), &array, &origins);
            }
            if *field.data_type() == DataType::Utf8 {
                array = arrow_select::take::take(&self.texts[column], array.as_primitive::<UInt32Type>(), None)?;
            }
            fields.push(Arc::new(Field::new(field.name(), array.data_type().clone(), true)));
            columns.push(array);
        }
        // Without any column a batch would not know how many rows it has.
        if needed(INDEX) || columns.is_empty() {
            fields.insert(0, Arc::new(Field::new(INDEX, DataType::Int64, false)));
            columns.insert(0, Arc::new(Int64Array::from_iter_values(rows.iter().map(i64::from))));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// The rows in parts of which none has rows that belong together with those of another, each in the order of the rows.
    pub(super) fn parts(&self, per: &[&str]) -> Result<Vec<Vec<u32>>, ArrowError> {
        let columns: Vec<usize> = per.iter().filter_map(|name| self.index_of(name)).collect();
        // Rows whose value is nulled belong together with others than before.
        if columns.iter().any(|column| self.nulled.contains_key(column)) {
            return Ok(vec![self.kept.clone().unwrap_or_else(|| (0..self.rows as u32).collect())]);
        }
        let count = self.rows.div_ceil(PART).max(1);
        let mut parts = vec![Vec::new(); count];
        let mut kept = self.kept.as_ref().map(|kept| kept.iter().copied().peekable());
        let mut row = 0;
        for chunk in 0..self.chunks.first().map_or(0, Vec::len) {
            // Words are compared by their numbers.
            let arrays = columns.iter().map(|&column| {
                let packed = &self.chunks[column][chunk..=chunk];
                let rows = Rows::All(packed[0].len());
                match self.fields[column].data_type() {
                    DataType::Utf8 => compact_columns::unpacked(packed, &DataType::Int64, rows),
                    other => compact_columns::unpacked(packed, other, rows),
                }
            });
            let arrays: Vec<ArrayRef> = arrays.collect();
            let fields = arrays.iter().map(|array| Field::new("", array.data_type().clone(), true));
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays)?;
            for key in KeyColumns::new((0..columns.len()).collect()).keys(&batch) {
                if kept.as_mut().is_none_or(|kept| kept.next_if_eq(&row).is_some()) {
                    parts[(key >> 64) as usize % count].push(row);
                }
                row += 1;
            }
        }
        parts.retain(|part| !part.is_empty());
        Ok(parts)
    }
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
    fn a_projection_gives_back_all_rows_or_some() {
        let budget = Budget::new(1 << 20);
        let mut projection = Projection::new(&batch(0, 1).schema(), |_| true, &budget);
        (0..4).for_each(|i| projection.push(&batch(i * 10, 10)).unwrap());
        let mut projected = projection.finish();
        let plain = |rows: RecordBatch| -> Vec<ArrayRef> {
            let texts = |array: &ArrayRef| arrow_cast::cast(array, &DataType::Utf8);
            let columns = rows.columns().iter();
            columns
                .map(
                    |array| {
                        if array.data_type() == &DataType::Utf8View { texts(array).unwrap() } else { array.clone() }
                    },
                )
                .collect()
        };
        let all = plain(projected.all(|_| true).unwrap());
        assert_eq!(all[0].as_ref(), &Int64Array::from_iter_values(0..40));
        assert_eq!(all[1..], *batch(0, 40).columns());
        let some = projected.some(&[3, 14, 39], |name| name == "n" || name == INDEX).unwrap();
        assert_eq!(some.column(0).as_ref(), &Int64Array::from(vec![3, 14, 39]));
        assert_eq!(some.column(1).as_ref(), &Int32Array::from(vec![3, 14, 39]));
        // Also without a column a batch has its rows.
        assert_eq!(projected.some(&[3, 39], |_| false).unwrap().num_rows(), 2);
        assert_eq!(projected.parts(&["bus"]).unwrap().concat(), (0..40).collect::<Vec<u32>>());
        // What is held back and nulled is not seen.
        projected.hide(|row| row % 2 == 1, [("n", [4, 38].as_slice())].into_iter());
        assert_eq!((projected.rows(), projected.seen()), (40, 20));
        let numbers = projected.all(|name| name == "n").unwrap();
        let seen: Int32Array = (0..40).step_by(2).map(|n| Some(n).filter(|n| ![4, 38].contains(n))).collect();
        assert_eq!((numbers.num_columns(), numbers.column(0).as_ref()), (1, &seen as &dyn arrow_array::Array));
        assert_eq!(projected.parts(&["bus"]).unwrap().concat(), (0..40).step_by(2).collect::<Vec<u32>>());
        drop(projected);
        budget.take("test", 1 << 20).unwrap();
    }
}
