//! The wire format of protocol buffers, as far as reading needs it: fields one after the other, borrowed from the bytes.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// `int32`, `int64`, `uint32`, `uint64`, `bool`, enums; negative numbers are sign-extended to 64 bits.
    Varint(u64),
    /// `double`.
    Fixed64(u64),
    /// `float`.
    Fixed32(u32),
    /// `string`, `bytes`, messages.
    Bytes(&'a [u8]),
}

/// Groups that may stand in each other, as in the implementations of protobuf.
const DEPTH: usize = 100;

/// Bytes that are no protobuf message, or end in the middle of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Bytes before the field that could not be read.
    pub offset: usize,
}

/// The fields of a message, in their order. After an error it ends.
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    place: usize,
}

pub(crate) fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { bytes, place: 0 }
}

/// The fields from one on that begins at this place, as [`Fields::place`] told it.
pub(crate) fn fields_from(bytes: &[u8], place: usize) -> Fields<'_> {
    Fields { bytes, place }
}

impl<'a> Fields<'a> {
    /// Where the next field begins.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        match self.bytes.get(self.place) {
            // Most numbers and lengths are small.
            Some(&byte) if byte < 0x80 => {
                self.place += 1;
                Some(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.place)?;
            self.place += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.place..self.place.checked_add(length)?)?;
        self.place += length;
        Some(bytes)
    }

    /// The next field that is no group. Groups (wire types 3 and 4) are deprecated and no field of GTFS-Realtime, but an
    /// unknown field may be one, and unknown fields are skipped. Nothing if there is none any more.
    #[inline(never)]
    fn field(&mut self) -> Option<Option<(u32, Value<'a>)>> {
        let mut groups = Vec::new();
        while self.place < self.bytes.len() {
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number))?;
            match tag & 7 {
                3 if groups.len() < DEPTH => groups.push(number),
                4 => (groups.pop() == Some(number)).then_some(())?,
                wire_type => {
                    let value = self.value(wire_type)?;
                    if groups.is_empty() {
                        return Some(Some((number, value)));
                    }
                }
            }
        }
        groups.is_empty().then_some(None)
    }

    #[inline]
    fn value(&mut self, wire_type: u64) -> Option<Value<'a>> {
        Some(match wire_type {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?.try_into().ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.place;
        let tag = *self.bytes.get(offset)?;
        // A field with a number below 16 that is no group: all but a few are.
        if matches!(tag, 8..0x80) && !matches!(tag & 7, 3 | 4) {
            self.place += 1;
            if let Some(value) = self.value(u64::from(tag & 7)) {
                return Some(Ok((u32::from(tag >> 3), value)));
            }
            self.place = self.bytes.len();
            return Some(Err(Broken { offset }));
        }
        match self.field() {
            Some(field) => field.map(Ok),
            None => {
                self.place = self.bytes.len();
                Some(Err(Broken { offset }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_of_every_wire_type_are_read() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f];
        let read: Vec<_> = fields(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, [(1, Value::Varint(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed32(1.0_f32.to_bits()))]);
    }

    #[test]
    fn a_field_that_is_cut_off_is_broken_at_its_beginning() {
        let bytes = [0x08, 0x01, 0x12, 0x05, b'h', b'i'];
        let read: Vec<_> = fields(&bytes).collect();
        assert_eq!(read, [Ok((1, Value::Varint(1))), Err(Broken { offset: 2 })]);
    }

    #[test]
    fn groups_are_skipped_and_must_be_whole() {
        // Group 3 with a varint and group 4 in it, then field 1.
        let bytes = [0x1b, 0x10, 0x07, 0x23, 0x24, 0x1c, 0x08, 0x01];
        assert_eq!(fields(&bytes).collect::<Vec<_>>(), [Ok((1, Value::Varint(1)))]);
        assert_eq!(fields(&bytes[..6]).collect::<Vec<_>>(), []);
        for broken in [&bytes[..5], &[0x1b, 0x24], &[0x1c], &[0x1b; 1000]] {
            assert_eq!(fields(broken).collect::<Vec<_>>(), [Err(Broken { offset: 0 })], "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_run_forever(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
