//! A column of text as integer codes: every distinct value is kept once, and a cell is its number.
//!
//! Keys, references and whole-column checks then work on integers, and a check of a value (is it a URL?) runs once per
//! distinct value, however many rows have it.

use std::hash::{BuildHasher, RandomState};

/// The code of an empty cell.
pub const NONE: u32 = u32::MAX;

/// The distinct values of a column, numbered in the order in which they first occur.
pub struct Words {
    text: Vec<u8>,
    /// Where each value ends in `text`.
    ends: Vec<usize>,
    /// Open addressing; a slot holds the code below and the upper half of the hash above. `u64::MAX` is free.
    slots: Vec<u64>,
    /// Random, so that a hostile file cannot choose values that collide. Codes do not depend on it.
    seed: u64,
}

impl Default for Words {
    fn default() -> Self {
        Self { text: Vec::new(), ends: Vec::new(), slots: vec![u64::MAX; 64], seed: RandomState::new().hash_one(0_u8) }
    }
}

impl Words {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that the values and the way to them take while so many values more, of so many bytes, are put in.
    pub fn bytes_with(&self, values: usize, bytes: usize) -> usize {
        // While the slots double, the old ones are there too.
        let slots = if (self.ends.len() + values) * 2 > self.slots.len() { 3 } else { 1 } * self.slots.len();
        list(self.text.len(), self.text.capacity(), bytes)
            + (list(self.ends.len(), self.ends.capacity(), values) + slots) * 8
    }

    /// The value of a code; empty for [`NONE`].
    pub fn get(&self, code: u32) -> &str {
        // Only UTF-8 is put in, see `intern`.
        std::str::from_utf8(self.bytes(code)).unwrap_or_default()
    }

    pub fn bytes(&self, code: u32) -> &[u8] {
        let code = code as usize;
        let Some(&end) = self.ends.get(code) else { return b"" };
        let begin = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.text[begin..end]
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..self.len() as u32).map(|code| (code, self.get(code)))
    }

    /// The code of a value, if a cell has it.
    pub fn find(&self, value: &[u8]) -> Option<u32> {
        self.probe(self.hash(value), value).ok()
    }

    /// The code of a value, or the free slot where it belongs.
    fn probe(&self, hash: u64, value: &[u8]) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            if slot == u64::MAX {
                return Err(place);
            }
            if slot >> 32 == hash >> 32 && self.bytes(slot as u32) == value {
                return Ok(slot as u32);
            }
            place = (place + 1) & mask;
        }
    }

    /// The code of a value, a new one if it is the first of its kind. The value is UTF-8.
    pub fn intern(&mut self, value: &[u8]) -> u32 {
        let hash = self.hash(value);
        let place = match self.probe(hash, value) {
            Ok(code) => return code,
            Err(place) => place,
        };
        let code = self.ends.len() as u32;
        self.text.extend_from_slice(value);
        self.ends.push(self.text.len());
        self.slots[place] = (hash >> 32 << 32) | u64::from(code);
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        code
    }

    fn grow(&mut self) {
        let mut slots = vec![u64::MAX; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for code in 0..self.ends.len() as u32 {
            let hash = self.hash(self.bytes(code));
            let mut place = hash as usize & mask;
            while slots[place] != u64::MAX {
                place = (place + 1) & mask;
            }
            slots[place] = (hash >> 32 << 32) | u64::from(code);
        }
        self.slots = slots;
    }

    fn hash(&self, value: &[u8]) -> u64 {
        let (words, rest) = value.as_chunks::<8>();
        let mut hash = self.seed ^ value.len() as u64;
        for word in words {
            hash = mix(hash ^ u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The upper half is compared as a tag, and all ones mark a free slot.
        mix(hash ^ u64::from_le_bytes(last)) & !(1 << 63)
    }
}

/// For how many elements a list has room once so many more were put in: it at least doubles if it has to grow.
pub(super) fn list(len: usize, capacity: usize, more: usize) -> usize {
    if len + more <= capacity { capacity } else { (len + more).max(2 * capacity) }
}

fn mix(value: u64) -> u64 {
    let wide = u128::from(value ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    wide as u64 ^ (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_values_have_equal_codes_and_only_those(values in proptest::collection::vec("[a-c]{0,9}", 0..300)) {
            let mut words = Words::default();
            let codes: Vec<u32> = values.iter().map(|value| words.intern(value.as_bytes())).collect();
            for (value, &code) in values.iter().zip(&codes) {
                prop_assert_eq!(words.get(code), value);
                prop_assert_eq!(words.find(value.as_bytes()), Some(code));
            }
            let distinct: std::collections::BTreeSet<_> = values.iter().collect();
            prop_assert_eq!(words.len(), distinct.len());
            prop_assert_eq!(words.find(b"nothing like it"), None);
        }
    }
}
