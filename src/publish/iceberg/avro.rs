//! Avro object container files (specification 1.11, "Object Container Files"), as manifests are: whole in memory, one block,
//! compressed by `deflate`.
//!
//! The same records make the same bytes: the marker between blocks, which the specification wants random, is the digest of what
//! comes before it.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::digest::Digest;

/// Values in the order of their schema, in Avro's binary encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record(Vec<u8>);

impl Record {
    /// An `int` or a `long`: zigzag, seven bits a byte, the lowest first.
    pub(super) fn long(mut self, value: i64) -> Self {
        write_long(&mut self.0, value);
        self
    }

    /// A count, as a `long`.
    pub(super) fn count(self, value: u64) -> Self {
        self.long(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(super) fn text(mut self, value: &str) -> Self {
        write_bytes(&mut self.0, value.as_bytes());
        self
    }

    /// A null of a union `["null", …]`.
    pub(super) fn null(self) -> Self {
        self.long(0)
    }

    /// Says that the value of a union `["null", …]` follows.
    pub(super) fn some(self) -> Self {
        self.long(1)
    }
}

/// A file. `metadata` comes beside the schema, which is JSON.
pub(super) fn file(schema: &str, metadata: &[(&str, &str)], records: &[Record]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    let own = [("avro.schema", schema), ("avro.codec", "deflate")];
    write_long(&mut out, (own.len() + metadata.len()) as i64);
    for (key, value) in own.iter().chain(metadata) {
        write_bytes(&mut out, key.as_bytes());
        write_bytes(&mut out, value.as_bytes());
    }
    write_long(&mut out, 0);
    let block = deflated(records);
    let marker = Digest::of(&[out.as_slice(), block.as_slice()].concat());
    let marker = &marker.0[..16];
    out.extend_from_slice(marker);
    if !records.is_empty() {
        write_long(&mut out, records.len() as i64);
        write_bytes(&mut out, &block);
        out.extend_from_slice(marker);
    }
    out
}

fn deflated(records: &[Record]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let written = records.iter().try_for_each(|record| encoder.write_all(&record.0)).and_then(|()| encoder.finish());
    written.unwrap_or_else(|error| crate::internal::impossible("compressing in memory", error))
}

fn write_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    /// A reader of its own, by the specification.
    struct Reader<'a>(&'a [u8]);

    impl<'a> Reader<'a> {
        fn long(&mut self) -> i64 {
            let mut value = 0_u64;
            for shift in (0..).step_by(7) {
                let byte = self.0[0];
                self.0 = &self.0[1..];
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            (value >> 1) as i64 ^ -((value & 1) as i64)
        }

        fn bytes(&mut self) -> &'a [u8] {
            let length = self.long() as usize;
            let (bytes, rest) = self.0.split_at(length);
            self.0 = rest;
            bytes
        }
    }

    #[test]
    fn numbers_are_those_of_the_specification() {
        // The table of "Binary Encoding".
        for (value, bytes) in
            [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-2, &[3]), (2, &[4]), (-64, &[0x7f]), (64, &[0x80, 1])]
        {
            assert_eq!(Record::default().long(value).0, bytes);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in proptest::collection::vec((any::<i64>(), ".{0,300}", any::<Option<i64>>()), 0..50),
            said in ".{0,40}",
        ) {
            let record = |(number, text, maybe): &(i64, String, Option<i64>)| {
                let record = Record::default().long(*number).text(text);
                match maybe {
                    Some(value) => record.some().long(*value),
                    None => record.null(),
                }
            };
            let records: Vec<Record> = rows.iter().map(record).collect();
            let bytes = file("\"any\"", &[("said", &said)], &records);
            prop_assert_eq!(&bytes, &file("\"any\"", &[("said", &said)], &records));
            let rest = bytes.strip_prefix(b"Obj\x01").unwrap();
            let mut reader = Reader(rest);
            prop_assert_eq!(reader.long(), 3);
            let metadata: Vec<(&[u8], &[u8])> = (0..3).map(|_| (reader.bytes(), reader.bytes())).collect();
            prop_assert_eq!(metadata[2], (&b"said"[..], said.as_bytes()));
            prop_assert_eq!(reader.long(), 0);
            let (marker, rest) = reader.0.split_at(16);
            if rows.is_empty() {
                prop_assert!(rest.is_empty());
                return Ok(());
            }
            let mut reader = Reader(rest);
            prop_assert_eq!(reader.long(), rows.len() as i64);
            let mut block = Vec::new();
            flate2::read::DeflateDecoder::new(reader.bytes()).read_to_end(&mut block).unwrap();
            prop_assert_eq!(reader.0, marker);
            let mut reader = Reader(&block);
            for (number, text, maybe) in &rows {
                prop_assert_eq!(reader.long(), *number);
                prop_assert_eq!(reader.bytes(), text.as_bytes());
                let is_there = reader.long() == 1;
                prop_assert_eq!(is_there.then(|| reader.long()), *maybe);
            }
            prop_assert!(reader.0.is_empty());
        }
    }
}
