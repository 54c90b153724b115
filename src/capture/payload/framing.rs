//! Whether a message of protocol buffers is whole, told while it is unpacked: none of it is held.

use std::io;

/// Groups that may stand in each other, as [`crate::protobuf`] has it.
const DEPTH: usize = 100;

/// The fields of a message that comes in pieces. Judges as [`crate::protobuf::fields`] does.
#[derive(Debug, Default)]
pub(super) struct Framing {
    next: Next,
    /// The number that is being read, and its bits that are known.
    value: u64,
    bits: u32,
    groups: Vec<u64>,
    is_broken: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Tag,
    Varint,
    Length,
    /// So many bytes of a value.
    Bytes(u64),
}

impl Framing {
    /// Takes what comes next.
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while let (false, Some((first, rest))) = (self.is_broken, bytes.split_first()) {
            if let Next::Bytes(left) = self.next {
                let some = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(some..).unwrap_or_default();
                self.skip(left - some as u64);
                continue;
            }
            bytes = rest;
            self.value |= u64::from(first & 0x7f).checked_shl(self.bits).unwrap_or(0);
            self.bits += 7;
            if *first < 0x80 {
                let value = std::mem::take(&mut self.value);
                self.bits = 0;
                self.read(value);
            } else if self.bits >= 70 {
                self.is_broken = true;
            }
        }
    }

    /// Whether nothing is missing at the end.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_broken && self.next == Next::Tag && self.bits == 0 && self.groups.is_empty()
    }

    fn skip(&mut self, bytes: u64) {
        self.next = if bytes == 0 { Next::Tag } else { Next::Bytes(bytes) };
    }

    fn read(&mut self, value: u64) {
        match self.next {
            Next::Varint => self.next = Next::Tag,
            Next::Length | Next::Bytes(_) => self.skip(value),
            Next::Tag => {
                let number = value >> 3;
                self.is_broken = !(1..1 << 29).contains(&number);
                match value & 7 {
                    0 => self.next = Next::Varint,
                    1 => self.skip(8),
                    2 => self.next = Next::Length,
                    3 if self.groups.len() < DEPTH => self.groups.push(number),
                    4 if self.groups.pop() == Some(number) => {}
                    5 => self.skip(4),
                    _ => self.is_broken = true,
                }
            }
        }
    }
}

impl io::Write for Framing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protobuf;

    proptest! {
        #[test]
        fn it_judges_as_who_has_all_of_it(
            fields in proptest::collection::vec((0_u8..40, 0_u8..6, proptest::collection::vec(any::<u8>(), 0..12)), 0..6),
            cut in 0_usize..4,
            piece in 1_usize..5,
        ) {
            let mut bytes = Vec::new();
            for (number, wire_type, value) in fields {
                bytes.push(number << 3 | wire_type);
                if wire_type == 2 {
                    bytes.push(value.len() as u8);
                }
                bytes.extend(value);
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            let mut framing = Framing::default();
            bytes.chunks(piece).for_each(|piece| framing.add(piece));
            prop_assert_eq!(framing.is_whole(), protobuf::fields(&bytes).all(|field| field.is_ok()), "{:?}", bytes);
        }
    }
}
