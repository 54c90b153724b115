//! Keys as 128-bit hashes: what primary keys, unique columns and foreign keys are compared by.
//!
//! Two keys that differ have the same hash with a probability of 2^-128 per pair; a hundred million keys meet by chance
//! once in 10^22 feeds.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

/// A set of keys.
#[derive(Default)]
pub struct KeySet(HashSet<u128, BuildHasherDefault<LowBits>>);

impl KeySet {
    /// `false` if the key was there.
    pub fn insert(&mut self, key: u128) -> bool {
        self.0.insert(key)
    }

    pub fn contains(&self, key: u128) -> bool {
        self.0.contains(&key)
    }

    /// What the set occupies.
    pub fn bytes(&self) -> usize {
        // One control byte beside each slot, and the table is at most seven eighths full.
        self.0.capacity() * 8 / 7 * 17
    }
}

/// The keys are hashes already.
#[derive(Default)]
pub struct LowBits(u64);

impl Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// The keys of the tables checked so far, for the foreign keys of the tables that follow.
#[derive(Default)]
pub struct Keys(BTreeMap<(String, Vec<String>), KeySet>);

impl Keys {
    pub fn get(&self, table: &str, columns: &[String]) -> Option<&KeySet> {
        // The pair is borrowed nowhere else, and there are few of them per table.
        self.0.get(&(table.to_owned(), columns.to_vec()))
    }

    pub fn add(&mut self, table: &str, columns: Vec<String>, keys: KeySet) {
        self.0.insert((table.to_owned(), columns), keys);
    }
}

/// The columns that make a key.
pub struct KeyColumns {
    pub places: Vec<usize>,
}

impl KeyColumns {
    pub fn new(places: Vec<usize>) -> Self {
        Self { places }
    }

    /// The key of every row; absent values are a value of their own.
    pub fn keys<'a>(&self, rows: &'a RecordBatch) -> impl Iterator<Item = u128> + 'a {
        let columns: Vec<Cells<'a>> = self.places.iter().map(|&place| Cells::of(rows.column(place))).collect();
        let alone = matches!(columns.as_slice(), [Cells::Text(_)]);
        let mut last: Option<(&'a [u8], u128)> = None;
        (0..rows.num_rows()).map(move |row| {
            // Rows of one trip follow one another, so most keys are those of the row before.
            if alone && let Some(text) = columns[0].text(row) {
                if let Some((_, key)) = last.filter(|(before, _)| *before == text) {
                    return key;
                }
                let key = hash(&columns, row);
                last = Some((text, key));
                return key;
            }
            hash(&columns, row)
        })
    }
}

fn hash(columns: &[Cells<'_>], row: usize) -> u128 {
    let mut low = DefaultHasher::new();
    let mut high = DefaultHasher::new();
    high.write_u8(1);
    for column in columns {
        column.feed(row, &mut low);
        column.feed(row, &mut high);
    }
    u128::from(high.finish()) << 64 | u128::from(low.finish())
}

/// A column, downcast once.
enum Cells<'a> {
    Text(&'a arrow_array::StringArray),
    Int32(&'a arrow_array::Int32Array),
    Int64(&'a arrow_array::Int64Array),
    Float(&'a arrow_array::Float64Array),
    Date(&'a arrow_array::Date32Array),
    Instant(&'a arrow_array::TimestampMillisecondArray),
    Boolean(&'a arrow_array::BooleanArray),
}

impl<'a> Cells<'a> {
    fn of(array: &'a arrow_array::ArrayRef) -> Self {
        match array.data_type() {
            DataType::Int32 => Self::Int32(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Float(array.as_primitive::<Float64Type>()),
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>()),
            DataType::Timestamp(..) => Self::Instant(array.as_primitive::<TimestampMillisecondType>()),
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            // All kinds of a contract are listed here; the last is text.
            _ => Self::Text(array.as_string()),
        }
    }

    fn text(&self, row: usize) -> Option<&'a [u8]> {
        if let Self::Text(array) = self { array.is_valid(row).then(|| array.value(row).as_bytes()) } else { None }
    }

    fn feed(&self, row: usize, hasher: &mut DefaultHasher) {
        let (valid, bytes): (bool, [u8; 8]) = match self {
            Self::Text(array) => {
                if array.is_valid(row) {
                    hasher.write(array.value(row).as_bytes());
                    // No byte of UTF-8, so that neighbouring texts cannot run into each other.
                    hasher.write_u8(0xff);
                } else {
                    hasher.write_u8(0xfe);
                }
                return;
            }
            Self::Int32(array) => (array.is_valid(row), i64::from(array.value(row)).to_le_bytes()),
            Self::Int64(array) => (array.is_valid(row), array.value(row).to_le_bytes()),
            Self::Float(array) => (array.is_valid(row), array.value(row).to_le_bytes()),
            Self::Date(array) => (array.is_valid(row), i64::from(array.value(row)).to_le_bytes()),
            Self::Instant(array) => (array.is_valid(row), array.value(row).to_le_bytes()),
            Self::Boolean(array) => (array.is_valid(row), i64::from(array.value(row)).to_le_bytes()),
        };
        hasher.write_u8(u8::from(valid));
        if valid {
            hasher.write(&bytes);
        }
    }
}
