//! Keys as 128-bit hashes: what primary keys, unique columns and foreign keys are compared by.
//!
//! Two keys that differ have the same hash with a probability of about 2^-128; a hundred million keys meet by chance once
//! in 10^22 feeds. The hash is no secret: a producer who wanted to could make two of its own keys meet, and would only
//! make its own rows look like duplicates.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

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

/// The key of one text.
pub fn text_key(text: &str) -> u128 {
    let mut mixer = Mixer::default();
    mixer.bytes(text.as_bytes());
    mixer.finish()
}

/// The key of several keys, in their order.
pub fn key_of(keys: &[u128]) -> u128 {
    let mut mixer = Mixer::default();
    for &key in keys {
        mixer.word(key as u64);
        mixer.word((key >> 64) as u64);
    }
    mixer.finish()
}

fn hash(columns: &[Cells<'_>], row: usize) -> u128 {
    let mut mixer = Mixer::default();
    for column in columns {
        column.feed(row, &mut mixer);
    }
    mixer.finish()
}

/// Two lanes of multiply-and-fold, each over all of the key. With two SipHashes instead, decoding and checking a timetable
/// takes a fifth longer (`benches/rooms.rs`).
struct Mixer {
    low: u64,
    high: u64,
}

/// Odd numbers without pattern: digits of the golden ratio, of the square root of 2, of pi and of e.
const MULTIPLIERS: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0x6a09_e667_f3bc_c909, 0x2437_54a8_885a_308d, 0xb7e1_5162_8aed_2a6b];

impl Default for Mixer {
    fn default() -> Self {
        Self { low: MULTIPLIERS[2], high: MULTIPLIERS[3] }
    }
}

fn fold(value: u64, multiplier: u64) -> u64 {
    let product = u128::from(value) * u128::from(multiplier);
    product as u64 ^ (product >> 64) as u64
}

impl Mixer {
    fn word(&mut self, word: u64) {
        // The addition keeps a lane from staying at zero.
        self.low = fold(self.low ^ word, MULTIPLIERS[0]).wrapping_add(MULTIPLIERS[3]);
        self.high = fold(self.high.rotate_left(29) ^ word, MULTIPLIERS[1]).wrapping_add(MULTIPLIERS[2]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // The length tells apart what the padding of the last word does not.
        self.word(bytes.len() as u64 + 2);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    fn finish(mut self) -> u128 {
        // Once more, so that the last word reaches all bits of both lanes.
        self.word(0);
        self.word(MULTIPLIERS[1]);
        u128::from(self.high) << 64 | u128::from(self.low)
    }
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

    fn feed(&self, row: usize, mixer: &mut Mixer) {
        let (valid, value) = match self {
            Self::Text(array) => {
                // A text begins with its length plus two, an absent value is one.
                if array.is_valid(row) {
                    mixer.bytes(array.value(row).as_bytes());
                } else {
                    mixer.word(1);
                }
                return;
            }
            Self::Int32(array) => (array.is_valid(row), i64::from(array.value(row)) as u64),
            Self::Int64(array) => (array.is_valid(row), array.value(row) as u64),
            Self::Float(array) => (array.is_valid(row), array.value(row).to_bits()),
            Self::Date(array) => (array.is_valid(row), i64::from(array.value(row)) as u64),
            Self::Instant(array) => (array.is_valid(row), array.value(row) as u64),
            Self::Boolean(array) => (array.is_valid(row), u64::from(array.value(row))),
        };
        if valid {
            mixer.word(0);
            mixer.word(value);
        } else {
            mixer.word(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn keys(texts: &[(Option<String>, Option<i32>)]) -> Vec<u128> {
        let columns: [(&str, ArrayRef); 2] = [
            ("a", Arc::new(texts.iter().map(|(text, _)| text.clone()).collect::<StringArray>())),
            ("b", Arc::new(texts.iter().map(|(_, number)| *number).collect::<Int32Array>())),
        ];
        KeyColumns::new(vec![0, 1]).keys(&RecordBatch::try_from_iter(columns).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn keys_are_equal_where_and_only_where_the_values_are(
            rows in proptest::collection::vec((proptest::option::of("[ab\\x00]{0,9}"), proptest::option::of(0..3)), 1..80)
        ) {
            let distinct: HashSet<_> = rows.iter().collect();
            let hashes: HashSet<_> = keys(&rows).into_iter().collect();
            prop_assert_eq!(distinct.len(), hashes.len());
        }
    }

    #[test]
    fn a_million_neighbouring_keys_do_not_meet_in_either_half() {
        let rows: Vec<_> = (0..1_000_000).map(|i| (Some(format!("trip {}", i / 40)), Some(i % 40))).collect();
        let keys = keys(&rows);
        for shift in [0, 64] {
            let halves: HashSet<u64> = keys.iter().map(|key| (key >> shift) as u64).collect();
            assert_eq!(halves.len(), rows.len());
        }
        // The table of a set goes by the low bits.
        let buckets: HashSet<u128> = keys.iter().map(|key| key & 0xffff).collect();
        assert_eq!(buckets.len(), 0x1_0000);
    }
}
