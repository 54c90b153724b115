//! A stream of bytes is cut into blocks of whole records.

use std::io::Read;

use super::texts::{count_lines, is_blank, opens, quoted};
use crate::decode::{DecodeError, Limits};

/// Bytes of text in a usual block; some ten thousand rows.
const BLOCK: usize = 1 << 20;

/// Whole records of one file, and the line on which the first begins (the header is on line 1).
#[derive(Debug)]
pub(crate) struct Block {
    pub text: Vec<u8>,
    pub line: u64,
    /// Whether the file ends with the block and without the line end that the text here has.
    pub unended: bool,
}

/// Cuts a stream of bytes into blocks of whole records.
pub(crate) struct Blocks<'a, R> {
    name: &'a str,
    input: R,
    limits: Limits,
    /// The beginning of a record whose end has not been read.
    carry: Vec<u8>,
    line: u64,
    ended: bool,
    /// Whether the last line of the file had no line end.
    unended: bool,
}

impl<'a, R: Read> Blocks<'a, R> {
    pub(crate) fn new(name: &'a str, input: R, limits: Limits) -> Self {
        Self { name, input, limits, carry: Vec::new(), line: 1, ended: false, unended: false }
    }

    /// The first record that is not blank, in a block of its own; `None` if the file has none.
    pub(crate) fn header(&mut self) -> Result<Option<Block>, DecodeError> {
        while let Some(mut block) = self.next_block()? {
            if block.line == 1 && block.text.starts_with(b"\xef\xbb\xbf") {
                block.text.drain(..3);
            }
            let mut begin = 0;
            let header = record_ends(&block.text).find_map(|end| {
                let record = begin..end;
                begin = end;
                (!is_blank(&block.text[record.clone()])).then_some(record)
            });
            let Some(header) = header else { continue };
            let rest = block.text.split_off(header.end);
            let line = block.line + count_lines(&block.text[..header.start]);
            block.text.drain(..header.start);
            self.line = line + count_lines(&block.text);
            let unended = block.unended && rest.is_empty();
            // What was read beyond the header goes back in front of what has not been read.
            self.carry.splice(0..0, rest);
            return Ok(Some(Block { text: block.text, line, unended }));
        }
        Ok(None)
    }

    /// The next block of whole records; `None` at the end of the file.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, DecodeError> {
        let mut text = std::mem::take(&mut self.carry);
        let mut scanned = 0;
        loop {
            if !self.ended {
                let wanted = BLOCK.max(text.len() / 2);
                let before = text.len();
                text.reserve(wanted);
                let read = (&mut self.input).take(wanted as u64).read_to_end(&mut text);
                let read = read.map_err(|error| self.unreadable(&error))?;
                self.ended = read < wanted;
                if self.line == 1 && (text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")) {
                    let problem = "the file is UTF-16, GTFS files are UTF-8";
                    return Err(DecodeError::feed(self.name, problem, "Export the file as UTF-8."));
                }
                if let Some(place) = memchr::memchr(0, &text[before..]) {
                    let line = self.line + count_lines(&text[..before + place]);
                    return Err(DecodeError::row(
                        self.name,
                        line,
                        "the text has a NUL byte, so it is damaged or not a text file",
                        "Ask the publisher for an undamaged file.",
                    ));
                }
            }
            if text.is_empty() {
                return Ok(None);
            }
            if self.ended && text.last() != Some(&b'\n') {
                text.push(b'\n');
                self.unended = true;
            }
            match last_record_end(&text, &mut scanned) {
                Some(end) => {
                    self.carry = text.split_off(end);
                    let line = self.line;
                    self.line += count_lines(&text);
                    let unended = self.unended && self.carry.is_empty();
                    return Ok(Some(Block { text, line, unended }));
                }
                None if self.ended => {
                    return Err(DecodeError::row(
                        self.name,
                        self.line,
                        "a quote that opens in this record is never closed",
                        "Close the quote, or double it if it belongs to the text.",
                    ));
                }
                None if text.len() > self.limits.record_bytes && ends_lines_by_return(&text) => {
                    return Err(bare_returns(self.name, self.line));
                }
                None if text.len() > self.limits.record_bytes => {
                    return Err(DecodeError::row(
                        self.name,
                        self.line,
                        format!("the record is longer than {} bytes", self.limits.record_bytes),
                        "Look for a missing line end or an open quote.",
                    ));
                }
                None => {}
            }
        }
    }

    /// The input behind the blocks.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    fn unreadable(&self, error: &std::io::Error) -> DecodeError {
        DecodeError::feed(
            self.name,
            format!("cannot be inflated beyond line {}: {error}", self.line),
            "The archive is damaged: fetch it again or ask the publisher.",
        )
    }
}

/// Whether a text has CR and no LF.
fn ends_lines_by_return(text: &[u8]) -> bool {
    memchr::memchr(b'\r', text).is_some() && memchr::memchr(b'\n', text).is_none()
}

/// Of a file whose lines end with CR alone (GTFS reference, "File Requirements": each line must end with CR LF or LF).
pub(crate) const BARE_RETURNS: &str =
    "the line ends are neither CR LF nor LF but CR alone, so that all rows stand on one line";

/// The error of such a file.
pub(crate) fn bare_returns(name: &str, line: u64) -> DecodeError {
    DecodeError::row(name, line, BARE_RETURNS, "Save the file with line ends LF or CR LF.")
}

/// Where records end (after their line end), quotes considered: a quote opens only at the beginning of a value.
pub(super) fn record_ends(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut place = 0;
    std::iter::from_fn(move || {
        loop {
            let found = place + memchr::memchr2(b'"', b'\n', text.get(place..)?)?;
            place = found + 1;
            if text[found] == b'\n' {
                return Some(place);
            }
            if opens(text, found) {
                let Some(value) = quoted(text, found) else {
                    place = text.len();
                    return None;
                };
                place = value.end;
            }
        }
    })
}

/// The end of the last whole record. `scanned` remembers up to where there was no quote and no line end.
fn last_record_end(text: &[u8], scanned: &mut usize) -> Option<usize> {
    if memchr::memchr(b'"', text).is_none() {
        let end = memchr::memrchr(b'\n', &text[*scanned..]).map(|place| *scanned + place + 1);
        *scanned = text.len();
        return end;
    }
    *scanned = 0;
    record_ends(text).last()
}
