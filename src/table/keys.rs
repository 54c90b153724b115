//! Keys as 128-bit hashes: what primary keys, unique columns and foreign keys are compared by.
//!
//! Two keys that differ have the same hash (XXH3, 128 bits) with a probability of about 2^-128; a hundred million keys meet by
//! chance once in 10^22 feeds. Keys of sets that live as long as the program begin with a random seed, so that no producer can
//! aim at the buckets of a set or make two of its own keys meet. What ends in a published id is made with [`Seed::FIXED`].

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What a hash begins with.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The same in every run: for keys that published ids are made from.
    pub const FIXED: Self = Self(0);

    /// The seed of this process, which nobody outside it knows.
    pub fn of_process() -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| {
            // Where the system has no random bytes, the addresses that it chose are what is left.
            getrandom::u64().unwrap_or_else(|_| std::ptr::from_ref(&SEED).addr() as u64)
        });
        Self(*SEED)
    }
}

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
    seed: Seed,
}

impl KeyColumns {
    /// Keys for sets of this process.
    pub fn new(places: Vec<usize>) -> Self {
        Self { places, seed: Seed::of_process() }
    }

    /// Keys that are the same in every run.
    pub fn fixed(places: Vec<usize>) -> Self {
        Self { places, seed: Seed::FIXED }
    }

    /// The key of every row; absent values are a value of their own.
    pub fn keys<'a>(&self, rows: &'a RecordBatch) -> impl Iterator<Item = u128> + 'a {
        let columns: Vec<Cells<'a>> = self.places.iter().map(|&place| Cells::of(rows.column(place))).collect();
        let alone = matches!(columns.as_slice(), [Cells::Text(_)]);
        let mut last: Option<(&'a [u8], u128)> = None;
        let (seed, mut bytes) = (self.seed, Vec::new());
        (0..rows.num_rows()).map(move |row| {
            // Rows of one trip follow one another, so most keys are those of the row before.
            if alone && let Some(text) = columns[0].text(row) {
                if let Some((_, key)) = last.filter(|(before, _)| *before == text) {
                    return key;
                }
                let key = hash(&columns, row, seed, &mut bytes);
                last = Some((text, key));
                return key;
            }
            hash(&columns, row, seed, &mut bytes)
        })
    }
}

/// The key of one text.
pub fn text_key(text: &str, seed: Seed) -> u128 {
    xxh3_128_with_seed(text.as_bytes(), seed.0)
}

/// The key of several keys, in their order.
pub fn key_of<const N: usize>(keys: [u128; N], seed: Seed) -> u128 {
    xxh3_128_with_seed(keys.map(u128::to_le_bytes).as_flattened(), seed.0)
}

/// `bytes` is where the values are laid out, one after the other.
fn hash(columns: &[Cells<'_>], row: usize, seed: Seed, bytes: &mut Vec<u8>) -> u128 {
    bytes.clear();
    columns.iter().for_each(|column| column.append(row, bytes));
    xxh3_128_with_seed(bytes, seed.0)
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

    /// Lays a value out so that no two rows of different values have the same bytes: whether it is there, and of a text its length.
    fn append(&self, row: usize, bytes: &mut Vec<u8>) {
        let (valid, value) = match self {
            Self::Text(array) => {
                match array.is_valid(row) {
                    true => {
                        let text = array.value(row).as_bytes();
                        bytes.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
                        bytes.extend_from_slice(text);
                    }
                    false => bytes.extend_from_slice(&[0; 4]),
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
        bytes.push(u8::from(valid));
        if valid {
            bytes.extend_from_slice(&value.to_le_bytes());
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
        // The table of a set goes by the low bits. The seed is random, so this is a bound that chance does not reach: with 15 keys
        // in a bucket on average one is empty in one run of sixty, more than ten in none, and none ever has sixty-four.
        let mut buckets = vec![0u32; 0x1_0000];
        keys.iter().for_each(|key| buckets[(key & 0xffff) as usize] += 1);
        assert!(buckets.iter().filter(|&&keys| keys == 0).count() <= 10);
        assert!(buckets.iter().all(|&keys| keys < 64));
    }
}
