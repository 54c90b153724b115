//! CSV text becomes typed columns: records are cut apart in blocks, and every block becomes one chunk.
//!
//! The text is read as the canonical validator's reader does (univocity 2.9.1, line end LF, quotes doubled inside quotes):
//! blanks around a value are none of it, also outside of its quotes; CR is a blank, so that CR LF and CR CR LF end a line;
//! a value whose closing quote is followed by more text runs to the next comma and keeps its quotes.
//!
//! The common block (no quotes, every record as long as the header) is used as it came: one scan finds the separators,
//! and each column is read straight from the text. Any other block is first rewritten field by field.

use std::io::Read;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::SchemaRef;

use crate::contract::{Contract, Kind};
use crate::decode::{DecodeError, Limits};
use crate::table::{Chunk, Flaw, Remarks};
use crate::time::{ServiceDate, ServiceSeconds};

/// Bytes of text in a usual block; some ten thousand rows.
const BLOCK: usize = 1 << 20;
/// Characters of a flawed cell that are kept.
const EXCERPT: usize = 80;

/// Whole records of one file, and the line on which the first begins (the header is on line 1).
#[derive(Debug)]
pub struct Block {
    pub text: Vec<u8>,
    pub line: u64,
    /// Whether the file ends with the block and without the line end that the text here has.
    pub unended: bool,
}

/// Cuts a stream of bytes into blocks of whole records.
pub struct Blocks<'a, R> {
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
    pub fn new(name: &'a str, input: R, limits: Limits) -> Self {
        Self { name, input, limits, carry: Vec::new(), line: 1, ended: false, unended: false }
    }

    /// The first record that is not blank, in a block of its own; `None` if the file has none.
    pub fn header(&mut self) -> Result<Option<Block>, DecodeError> {
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
    pub fn next_block(&mut self) -> Result<Option<Block>, DecodeError> {
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
    pub fn into_inner(self) -> R {
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

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Whether a text has CR and no LF.
fn ends_lines_by_return(text: &[u8]) -> bool {
    memchr::memchr(b'\r', text).is_some() && memchr::memchr(b'\n', text).is_none()
}

/// Of a file whose lines end with CR alone (GTFS reference, "File Requirements": each line must end with CR LF or LF).
pub const BARE_RETURNS: &str =
    "the line ends are neither CR LF nor LF but CR alone, so that all rows stand on one line";

/// The error of such a file.
pub fn bare_returns(name: &str, line: u64) -> DecodeError {
    DecodeError::row(name, line, BARE_RETURNS, "Save the file with line ends LF or CR LF.")
}

/// Whether a carriage return stands elsewhere than before a line feed.
fn has_bare_return(text: &[u8]) -> bool {
    // Most files have no carriage return at all, and in the others each is part of a line's end.
    memchr::memchr_iter(b'\r', text).any(|place| text.get(place + 1) != Some(&b'\n'))
}

/// White space that belongs to no value: all up to the space, as in univocity, except the line end.
fn skip_blanks(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| **byte <= b' ' && **byte != b'\n').count()
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte <= b' ')
}

/// A quoted value.
struct Quoted {
    /// Where its closing quote stands.
    close: usize,
    /// Where the separator or line end after it stands.
    end: usize,
    /// Whether more than blanks stands behind the closing quote. Then the quotes belong to the value.
    is_loose: bool,
}

/// The value whose quote opens at `open`; `None` if the text ends within it.
fn quoted(text: &[u8], open: usize) -> Option<Quoted> {
    let mut from = open + 1;
    loop {
        let close = from + memchr::memchr(b'"', text.get(from..)?)?;
        if *text.get(close + 1)? == b'"' {
            from = close + 2;
            continue;
        }
        let end = skip_blanks(text, close + 1);
        if matches!(text.get(end)?, b',' | b'\n') {
            return Some(Quoted { close, end, is_loose: false });
        }
        let end = end + memchr::memchr2(b',', b'\n', &text[end..])?;
        return Some(Quoted { close, end, is_loose: true });
    }
}

/// Whether the quote at this place begins a value: blanks at most stand between it and a separator or line end.
fn opens(text: &[u8], quote: usize) -> bool {
    let before = text[..quote].iter().rev().find(|byte| **byte > b' ' || **byte == b'\n');
    before.is_none_or(|byte| matches!(byte, b',' | b'\n'))
}

/// Where records end (after their line end), quotes considered: a quote opens only at the beginning of a value.
fn record_ends(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
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

/// How the columns of a file map onto those of its contract.
pub struct Layout {
    pub contract: Arc<Contract>,
    schema: SchemaRef,
    /// Columns of the file.
    pub width: usize,
    /// For each column of the contract its place in the file.
    pub places: Vec<Option<usize>>,
}

/// The fields of the header, trimmed, and the layout that they make.
pub fn layout(contract: &Arc<Contract>, header: &[String]) -> Layout {
    let places = contract.columns.iter().map(|column| header.iter().position(|name| *name == column.name)).collect();
    Layout { contract: contract.clone(), schema: contract.chunk_schema(), width: header.len(), places }
}

/// The fields of a header record as text.
pub fn header_fields(block: &Block) -> Vec<String> {
    let fields = Fields::rewrite(block, None, usize::MAX);
    (0..fields.ends.len()).map(|i| String::from_utf8_lossy(fields.field(i)).trim().to_owned()).collect()
}

/// The fields of a block: field `i` stands in `text` after the end of the one before it and the separator. All records
/// that have as many fields as the header are there, and no others.
pub struct Fields<'a> {
    pub text: std::borrow::Cow<'a, [u8]>,
    ends: Vec<u32>,
    /// The line on which each record begins; `None` if they follow one on the other from the block's line.
    pub lines: Option<Vec<u64>>,
    /// Records that do not have as many fields as the header.
    pub torn: Vec<Torn>,
    /// Their fields, as far as the header goes, laid out as those of the others.
    torn_text: Vec<u8>,
    torn_ends: Vec<u32>,
    /// Records with a value that holds a line end and, behind it, at least as many commas as a row has: a quote that
    /// was not closed has taken rows into the value.
    pub swallowing: Vec<Swallowing>,
    /// Values with quotes that are not doubled.
    pub loose: Vec<Remark>,
    /// Values with a line end or carriage return in them.
    pub broken: Vec<Remark>,
    /// Lines of records without a value: two quotes alone, or blanks at the end of a file that has no line end.
    pub empty: Vec<u64>,
}

/// A record that has another number of fields than the header.
#[derive(Clone, Copy, Debug)]
pub struct Torn {
    pub line: u64,
    pub fields: usize,
    /// Where it stands in the text of the block.
    begin: u32,
    end: u32,
    /// Its first field, and that of the next one.
    first: u32,
    until: u32,
}

/// A record of the block that takes other lines into a value: its place among the whole ones, and its last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swallowing {
    pub row: u32,
    pub until: u64,
}

/// A value about whose text there is something to tell: the line on which its record begins, and its column in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remark {
    pub line: u64,
    pub place: u32,
}

impl<'a> Fields<'a> {
    /// The fields of a block, of which every record should have `width`. Stops behind `torn` records that have not.
    pub fn of(block: &'a Block, width: usize, torn: usize) -> Self {
        Self::straight(&block.text, width).unwrap_or_else(|| Self::rewrite(block, Some(width), torn))
    }

    /// The fields of a block that is given away, so that they can go to another thread.
    pub fn taken(block: Block, width: usize, torn: usize) -> Fields<'static> {
        match straight_ends(&block.text, width) {
            Some(ends) => Fields { ends, text: std::borrow::Cow::Owned(block.text), ..Fields::none() },
            None => Self::rewrite(&block, Some(width), torn),
        }
    }

    fn none() -> Self {
        Self {
            text: std::borrow::Cow::Borrowed(b""),
            ends: Vec::new(),
            lines: None,
            torn: Vec::new(),
            torn_text: Vec::new(),
            torn_ends: Vec::new(),
            swallowing: Vec::new(),
            loose: Vec::new(),
            broken: Vec::new(),
            empty: Vec::new(),
        }
    }

    /// Takes the block as it is, if no field is quoted and every record has `width` fields.
    fn straight(text: &'a [u8], width: usize) -> Option<Self> {
        let ends = straight_ends(text, width)?;
        Some(Self { text: std::borrow::Cow::Borrowed(text), ends, ..Self::none() })
    }

    /// Takes the records apart field by field. Blank lines are no records. Stops behind `torn` torn records.
    pub fn rewrite(block: &Block, width: Option<usize>, torn: usize) -> Fields<'static> {
        let text = &block.text[..];
        let has_returns = has_bare_return(text);
        let mut found = Fields::none();
        let mut out = Vec::with_capacity(text.len());
        let mut lines = Vec::new();
        let mut begin = 0;
        let mut line = block.line;
        while begin < text.len() && found.torn.len() <= torn {
            let mut place = skip_blanks(text, begin);
            if text.get(place).is_none_or(|byte| *byte == b'\n') {
                let is_last = block.unended && place + 1 >= text.len();
                if is_last && place > begin {
                    found.empty.push(line);
                }
                line += 1;
                begin = place + 1;
                continue;
            }
            let before = (out.len(), found.ends.len(), found.loose.len(), found.broken.len());
            let mut fields = 0;
            let mut swallows = false;
            loop {
                // A field that the record has too much is only counted.
                let wanted = width.is_none_or(|width| fields < width);
                let remark = Remark { line, place: fields as u32 };
                place = skip_blanks(text, place);
                let value = (text.get(place) == Some(&b'"')).then(|| quoted(text, place)).flatten();
                let end = if let Some(value) = value {
                    if wanted {
                        let from = out.len();
                        append_quoted(&mut out, &text[place..value.end], value.close - place, value.is_loose);
                        if value.is_loose {
                            found.loose.push(remark);
                        }
                        let cell = &out[from..];
                        if memchr::memchr2(b'\n', b'\r', trim(cell)).is_some() {
                            found.broken.push(remark);
                            let commas = memchr::memchr_iter(b',', cell).count();
                            swallows |= width.is_some_and(|width| commas + 1 >= width);
                        }
                    }
                    value.end
                } else {
                    let rest = &text[place.min(text.len())..];
                    let end = place + memchr::memchr2(b',', b'\n', rest).unwrap_or(rest.len());
                    if wanted {
                        let cell = trim(&text[place.min(end)..end]);
                        if has_returns && memchr::memchr(b'\r', cell).is_some() {
                            found.broken.push(remark);
                            swallows |= width == Some(1);
                        }
                        out.extend_from_slice(cell);
                    }
                    end
                };
                if wanted {
                    found.ends.push(out.len() as u32);
                    out.push(b',');
                }
                fields += 1;
                place = end + 1;
                if text.get(end) != Some(&b',') {
                    break;
                }
            }
            let end = place.min(text.len());
            let next = line + count_lines(&text[begin..end]);
            let is_empty = width.is_some() && fields == 1 && out.len() == before.0 + 1;
            if is_empty {
                found.empty.push(line);
            } else if width.is_some_and(|width| width != fields) {
                let first = found.torn_ends.len();
                let (moved, ends) = (found.torn_text.len() as u32, &found.ends[before.1..]);
                found.torn_ends.extend(ends.iter().map(|end| end - before.0 as u32 + moved));
                found.torn_text.extend_from_slice(&out[before.0..]);
                let (first, until) = (first as u32, found.torn_ends.len() as u32);
                found.torn.push(Torn { line, fields, begin: begin as u32, end: end as u32, first, until });
            } else if swallows {
                found.swallowing.push(Swallowing { row: lines.len() as u32, until: next - 1 });
            }
            if is_empty || width.is_some_and(|width| width != fields) {
                out.truncate(before.0);
                found.ends.truncate(before.1);
                found.loose.truncate(before.2);
                found.broken.truncate(before.3);
            } else {
                lines.push(line);
            }
            line = next;
            begin = end;
        }
        Fields { text: std::borrow::Cow::Owned(out), lines: Some(lines), ..found }
    }

    /// Field `i`, counted over all records, without white space around it.
    pub fn field(&self, i: usize) -> &[u8] {
        trim(self.raw(i))
    }

    /// Field `i` with the white space that its quotes hold.
    pub fn raw(&self, i: usize) -> &[u8] {
        let begin = if i == 0 { 0 } else { self.ends[i - 1] as usize + 1 };
        &self.text[begin..self.ends[i] as usize]
    }

    /// One column of the torn records, as the only one of its own.
    fn of_torn(&self, place: usize) -> Fields<'static> {
        let mut column = Fields::none();
        let mut text = Vec::new();
        for torn in &self.torn {
            let field = torn.first as usize + place;
            if field < torn.until as usize {
                let begin = if field == 0 { 0 } else { self.torn_ends[field - 1] as usize + 1 };
                text.extend_from_slice(&self.torn_text[begin..self.torn_ends[field] as usize]);
            }
            column.ends.push(text.len() as u32);
            text.push(b',');
        }
        column.text = std::borrow::Cow::Owned(text);
        column
    }

    /// Whether the text is that of the block, so that no field was quoted.
    pub fn is_straight(&self) -> bool {
        self.lines.is_none()
    }

    /// Fields of all records together.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of their text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// Where the fields of a text end in which no field is quoted and every record has `width` of them; `None` if it is
/// another text.
fn straight_ends(text: &[u8], width: usize) -> Option<Vec<u32>> {
    if width < 2 || memchr::memchr(b'"', text).is_some() || has_bare_return(text) {
        return None;
    }
    let mut ends = Vec::with_capacity(text.len() / 6);
    let mut within = 0;
    let mut take = |place: usize, is_line_end: bool| {
        within += 1;
        ends.push(place as u32);
        let fits = is_line_end == (within == width);
        if is_line_end {
            within = 0;
        }
        fits
    };
    let (chunks, rest) = text.as_chunks::<64>();
    for (chunk, bytes) in chunks.iter().enumerate() {
        let (mut marks, line_ends) = marks(bytes);
        while marks != 0 {
            let bit = marks.trailing_zeros();
            if !take(chunk * 64 + bit as usize, line_ends >> bit & 1 == 1) {
                return None;
            }
            marks &= marks - 1;
        }
    }
    let begin = chunks.len() * 64;
    let mut last = rest.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b'\n'));
    last.all(|(place, byte)| take(begin + place, *byte == b'\n')).then_some(ends)
}

/// A bit for each of 64 bytes that is a comma or a line feed, and for each that is a line feed. Most fields are short, so
/// that a call per separator, as a search for the next one makes, would cost more than the comparing.
#[cfg(target_arch = "x86_64")]
fn marks(bytes: &[u8; 64]) -> (u64, u64) {
    // SAFETY: SSE2 is part of every x86_64 processor.
    unsafe { marks_by_sse2(bytes) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn marks_by_sse2(bytes: &[u8; 64]) -> (u64, u64) {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let (words, _) = bytes.as_chunks::<8>();
    let (comma, line_end) = (_mm_set1_epi8(b',' as i8), _mm_set1_epi8(b'\n' as i8));
    let (mut commas, mut line_ends) = (0, 0);
    for (place, pair) in words.chunks_exact(2).enumerate() {
        let lanes = _mm_set_epi64x(i64::from_le_bytes(pair[1]), i64::from_le_bytes(pair[0]));
        let found = |wanted| u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(lanes, wanted)) as u16) << (16 * place);
        commas |= found(comma);
        line_ends |= found(line_end);
    }
    (commas | line_ends, line_ends)
}

#[cfg(not(target_arch = "x86_64"))]
fn marks(bytes: &[u8; 64]) -> (u64, u64) {
    let found = |wanted: u8| (0..64).map(|place| u64::from(bytes[place] == wanted) << place).sum::<u64>();
    let line_ends = found(b'\n');
    (found(b',') | line_ends, line_ends)
}

/// Appends a quoted value that begins with its quote and has its closing quote at `close`: without its quotes, or, where
/// more text follows them, with all of them. Doubled quotes before the closing one become one.
fn append_quoted(out: &mut Vec<u8>, value: &[u8], close: usize, is_loose: bool) {
    let mut rest = &value[1..close];
    if is_loose {
        out.push(b'"');
    }
    while let Some(place) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=place]);
        rest = rest.get(place + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    if is_loose {
        out.extend_from_slice(trim(&value[close..]));
    }
}

/// Takes white space off both ends; GTFS values have none there.
pub fn trim(field: &[u8]) -> &[u8] {
    match field {
        [first, .., last] if *first > b' ' && *last > b' ' => field,
        [only] if *only > b' ' => field,
        _ => {
            let begin = field.iter().take_while(|byte| **byte <= b' ').count();
            let blank = field[begin..].iter().rev().take_while(|byte| **byte <= b' ').count();
            &field[begin..field.len() - blank]
        }
    }
}

/// A block that has been read.
pub struct ReadBlock {
    pub chunk: Chunk,
    /// Records that do not have as many fields as the header; the last rows of the chunk. What can be read of their cells is
    /// there, and nothing is told of what cannot.
    pub torn: usize,
}

/// Reads a block into a chunk. `origin` is the place of the file in the table's list of origins. Stops behind `torn`
/// records that do not have as many fields as the header.
pub fn chunk(block: &Block, layout: &Layout, origin: u32, torn: usize) -> Result<ReadBlock, DecodeError> {
    let width = layout.width;
    let fields = Fields::of(block, width, torn);
    let whole = fields.ends.len() / width;
    let rows = whole + fields.torn.len();
    let utf8 = simdutf8::basic::from_utf8(&fields.text).is_ok();
    // The columns are made from the schema, in its order and of its types, and cells are cut at ASCII bytes.
    let internal = |error: arrow_schema::ArrowError| {
        DecodeError::feed(&layout.contract.table, error.to_string(), "This is a fault of the program.")
    };
    let (mut flaws, mut swallowed) = (Vec::new(), 0);
    let expected = "as many fields as the header has";
    for (place, torn) in fields.torn.iter().enumerate() {
        let text = trim(&block.text[torn.begin as usize..torn.end as usize]);
        let found = format!("{} fields instead of {width}: {}", torn.fields, excerpt(text));
        flaws.push(Flaw { row: (whole + place) as u32, column: None, expected, found });
    }
    for &Swallowing { row, until } in &fields.swallowing {
        let line = fields.lines.as_ref().and_then(|lines| lines.get(row as usize)).copied().unwrap_or(block.line);
        let found = format!("an open quote from line {line} swallowed the rows until line {until}");
        flaws.push(Flaw { row, column: None, expected, found });
        swallowed += until.saturating_sub(line);
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(layout.places.len() + 2);
    for (index, (place, column)) in layout.places.iter().zip(&layout.contract.columns).enumerate() {
        let kind = column.kind.data_type();
        let array = match place {
            None => new_null_array(&kind, rows),
            Some(place) => {
                let mut reader =
                    ColumnReader { fields: &fields, width, place: *place, column: index as u32, rows: whole, utf8 };
                let read = reader.read(column.kind, &mut flaws).map_err(internal)?;
                if fields.torn.is_empty() {
                    read
                } else {
                    let torn = fields.of_torn(*place);
                    let rows = fields.torn.len();
                    let index = index as u32;
                    let mut reader =
                        ColumnReader { fields: &torn, width: 1, place: 0, column: index, rows, utf8: false };
                    let torn = reader.read(column.kind, &mut Vec::new()).map_err(internal)?;
                    arrow_select::concat::concat(&[&read, &torn]).map_err(internal)?
                }
            }
        };
        columns.push(array);
    }
    let remarks = Remarks { swallowed, ..remarks(&fields, layout) };
    columns.push(Arc::new(UInt32Array::from_value(origin, rows)));
    columns.push(Arc::new(match fields.lines {
        Some(lines) => UInt64Array::from_iter_values(lines.into_iter().chain(fields.torn.iter().map(|torn| torn.line))),
        None => UInt64Array::from_iter_values(block.line..block.line + rows as u64),
    }));
    flaws.sort_by_key(|flaw| (flaw.row, flaw.column));
    let rows = RecordBatch::try_new(layout.schema.clone(), columns).map_err(internal)?;
    Ok(ReadBlock { chunk: Chunk { rows, flaws, remarks }, torn: fields.torn.len() })
}

/// What there is to tell of the cells that the contract knows.
fn remarks(fields: &Fields<'_>, layout: &Layout) -> Remarks {
    let cell = |remark: &Remark| {
        let row = fields.lines.as_ref()?.binary_search(&remark.line).ok()?;
        let column = layout.places.iter().position(|place| *place == Some(remark.place as usize))?;
        Some((row as u32, column as u32))
    };
    Remarks {
        quotes: fields.loose.iter().filter_map(cell).collect(),
        line_ends: fields.broken.iter().filter_map(cell).collect(),
        empty: fields.empty.clone(),
        swallowed: 0,
    }
}

/// The beginning of a text, for people.
fn excerpt(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(4 * EXCERPT)]).chars().take(EXCERPT).collect()
}

struct ColumnReader<'a> {
    fields: &'a Fields<'a>,
    width: usize,
    place: usize,
    column: u32,
    rows: usize,
    /// Whether all of the block is UTF-8.
    utf8: bool,
}

impl ColumnReader<'_> {
    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.rows).map(|row| self.fields.field(row * self.width + self.place))
    }

    fn read(&mut self, kind: Kind, flaws: &mut Vec<Flaw>) -> Result<ArrayRef, arrow_schema::ArrowError> {
        Ok(match kind {
            Kind::Text => Arc::new(self.text(flaws)?),
            Kind::Int32 => {
                let (values, nulls) =
                    self.parse(0, "a whole number", flaws, |text| integer(text).and_then(|v| v.try_into().ok()));
                Arc::new(Int32Array::new(values, nulls))
            }
            Kind::Int64 => {
                let (values, nulls) = self.parse(0, "a whole number", flaws, integer);
                Arc::new(Int64Array::new(values, nulls))
            }
            Kind::ServiceTime => {
                let (values, nulls) = self
                    .parse(0, "a time like 25:10:00", flaws, |text| ServiceSeconds::from_gtfs(text).map(|time| time.0));
                Arc::new(Int32Array::new(values, nulls))
            }
            Kind::Date => {
                let (values, nulls) = self.parse(0, "a date like 20261124", flaws, |text| {
                    ServiceDate::from_gtfs(std::str::from_utf8(text).ok()?).map(ServiceDate::days_since_epoch)
                });
                Arc::new(Date32Array::new(values, nulls))
            }
            Kind::Float => {
                let (values, nulls) = self.parse(0.0, "a number like 48.47", flaws, float);
                Arc::new(Float64Array::new(values, nulls))
            }
            Kind::Instant => {
                let (values, nulls) =
                    self.parse(0, "seconds since 1970", flaws, |text| integer(text)?.checked_mul(1000));
                Arc::new(TimestampMillisecondArray::new(values, nulls).with_timezone("UTC"))
            }
            Kind::Boolean => {
                let mut builder = BooleanBuilder::with_capacity(self.rows);
                let cells: Vec<Option<bool>> = self
                    .cells()
                    .enumerate()
                    .map(|(row, cell)| match cell {
                        b"" => None,
                        b"1" | b"true" => Some(true),
                        b"0" | b"false" => Some(false),
                        _ => {
                            flaws.push(self.flaw(row, "true or false", cell));
                            None
                        }
                    })
                    .collect();
                cells.into_iter().for_each(|cell| builder.append_option(cell));
                Arc::new(builder.finish())
            }
        })
    }

    fn parse<T: arrow_buffer::ArrowNativeType>(
        &self,
        absent: T,
        expected: &'static str,
        flaws: &mut Vec<Flaw>,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        let mut values = Vec::with_capacity(self.rows);
        let mut valid = BooleanBufferBuilder::new(self.rows);
        for (row, cell) in self.cells().enumerate() {
            let value = if cell.is_empty() { None } else { read(cell) };
            if value.is_none() && !cell.is_empty() {
                flaws.push(self.flaw(row, expected, cell));
            }
            valid.append(value.is_some());
            values.push(value.unwrap_or(absent));
        }
        (values.into(), Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0))
    }

    fn text(&self, flaws: &mut Vec<Flaw>) -> Result<StringArray, arrow_schema::ArrowError> {
        let mut values = Vec::with_capacity(self.rows * 8);
        let mut offsets = Vec::with_capacity(self.rows + 1);
        let mut valid = BooleanBufferBuilder::new(self.rows);
        offsets.push(0);
        for (row, cell) in self.cells().enumerate() {
            let good = self.utf8 || simdutf8::basic::from_utf8(cell).is_ok();
            if good {
                values.extend_from_slice(cell);
            } else {
                flaws.push(self.flaw(row, "text in UTF-8", cell));
            }
            valid.append(good && !cell.is_empty());
            offsets.push(values.len() as i32);
        }
        let nulls = Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0);
        let offsets = OffsetBuffer::new(offsets.into());
        let buffer = Buffer::from_vec(values);
        StringArray::try_new(offsets, buffer, nulls)
    }

    fn flaw(&self, row: usize, expected: &'static str, cell: &[u8]) -> Flaw {
        Flaw { row: row as u32, column: Some(self.column), expected, found: excerpt(cell) }
    }
}

pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))?;
    Some(if negative { -value } else { value })
}

/// A decimal number; not `inf` or `nan`, which Rust would read, too.
pub fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(text: &[u8]) -> Result<Vec<Block>, DecodeError> {
        let mut blocks = Blocks::new("x.txt", text, Limits::default());
        let mut all: Vec<Block> = blocks.header()?.into_iter().collect();
        while let Some(block) = blocks.next_block()? {
            all.push(block);
        }
        Ok(all)
    }

    fn block(text: &[u8]) -> Block {
        Block { text: text.to_vec(), line: 1, unended: false }
    }

    fn records(text: &str, width: usize) -> Vec<Vec<String>> {
        let fields = Fields::rewrite(&block(text.as_bytes()), Some(width), usize::MAX);
        let cells: Vec<_> =
            (0..fields.ends.len()).map(|i| String::from_utf8_lossy(fields.field(i)).into_owned()).collect();
        cells.chunks(width).map(<[String]>::to_vec).collect()
    }

    #[test]
    fn quoted_fields_keep_commas_line_ends_and_doubled_quotes() {
        let found = records("a,\"b, c\",\"say \"\"hi\"\"\"\r\n\"x\ny\", z ,\n", 3);
        assert_eq!(found, [["a", "b, c", "say \"hi\""], ["x\ny", "z", ""]]);
    }

    #[test]
    fn a_quote_inside_an_unquoted_field_is_text() {
        assert_eq!(records("5\" pipe,b\nc,d\n", 2), [["5\" pipe", "b"], ["c", "d"]]);
    }

    /// Each as univocity 2.9.1 reads it with the canonical validator's settings (tried).
    #[test]
    fn blanks_and_quotes_are_read_as_the_canonical_reader_does() {
        for (text, read) in [
            (" \"a, b\",\"c\" \n", ["a, b", "c"]),
            ("\"a\"\t ,\t\"c \"\"d\"\"\"\r\n", ["a", "c \"d\""]),
            ("\"a\",\"b\"\r\r\n", ["a", "b"]),
            ("a,b\r\r\n", ["a", "b"]),
            ("\"Musterstadt, \"Kult\"\",x\n", ["\"Musterstadt, \"Kult\"\"", "x"]),
            ("\"Haus \"Am Markt\" Rathaus\",x\n", ["\"Haus \"Am Markt\" Rathaus\"", "x"]),
            ("\"\"K\" Linikum\",x\n", ["\"\"K\" Linikum\"", "x"]),
            ("\"a\"\"b\" c \"d\"\"e\" ,x\n", ["\"a\"b\" c \"d\"\"e\"", "x"]),
            ("\"a\" \"b\",x\n", ["\"a\" \"b\"", "x"]),
            ("a \"b\",5\"\n", ["a \"b\"", "5\""]),
            ("\"\",\"\"\"\"\n", ["", "\""]),
            ("\u{b}a\u{1f},b\n", ["a", "b"]),
        ] {
            assert_eq!(records(text, 2), [read], "{text:?}");
        }
    }

    #[test]
    fn what_the_text_tells_beside_its_cells_is_listed_by_line() {
        let text = b"a,b\n\"x\" y,1\n\"p\nq\",2\n\"\"\n1,2,3\n\"r\n1,2\n\",4\n  \n5,6\n7\r8,9\n";
        let fields = Fields::rewrite(&block(text), Some(2), usize::MAX);
        let remark = |line, place| Remark { line, place };
        assert_eq!(fields.lines, Some(vec![1, 2, 3, 7, 11, 12]));
        assert_eq!(fields.loose, [remark(2, 0)]);
        assert_eq!(fields.broken, [remark(3, 0), remark(7, 0), remark(12, 0)]);
        assert_eq!(fields.empty, [5]);
        assert_eq!(fields.swallowing, [Swallowing { row: 3, until: 9 }]);
        assert_eq!(fields.torn.iter().map(|torn| (torn.line, torn.fields)).collect::<Vec<_>>(), [(6, 3)]);
    }

    #[test]
    fn blanks_are_an_empty_row_only_at_the_end_of_a_file_without_a_line_end() {
        let empty = |text: &[u8]| {
            let last = blocks(text).unwrap().pop().unwrap();
            Fields::rewrite(&last, Some(2), usize::MAX).empty
        };
        assert!(empty(b"a,b\n1,2\n \n").is_empty());
        assert_eq!(empty(b"a,b\n1,2\n \t"), [3]);
    }

    #[test]
    fn the_header_is_the_first_line_that_is_not_blank_and_rows_keep_their_lines() {
        let all = blocks(b"\xef\xbb\xbf\n \na,b\n\n1,2\n").unwrap();
        assert_eq!(header_fields(&all[0]), ["a", "b"]);
        assert_eq!((all[0].line, all[1].line), (3, 4));
        assert_eq!(Fields::of(&all[1], 2, 0).lines, Some(vec![5]));
    }

    #[test]
    fn the_cells_of_torn_rows_are_those_that_stand_there() {
        let fields = Fields::rewrite(&block(b"a,b\n1\n2,\"x\" ,3\nc,d\n,4,\n"), Some(2), usize::MAX);
        let column = |place: usize| {
            let column = fields.of_torn(place);
            (0..column.count()).map(|i| String::from_utf8_lossy(column.field(i)).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (column(0), column(1)),
            (vec!["1".into(), "2".into(), String::new()], vec![String::new(), "x".into(), "4".into()])
        );
        assert_eq!(fields.lines, Some(vec![1, 4]));
    }

    #[test]
    fn torn_rows_take_nothing_and_end_the_reading_where_they_are_too_many() {
        let text = b"x\n".repeat(100_000);
        let fields = Fields::rewrite(&block(&text), Some(1_000), usize::MAX);
        assert_eq!((fields.torn.len(), fields.ends.len(), fields.text.len()), (100_000, 0, 0));
        assert_eq!(fields.torn_text.len(), text.len());
        assert_eq!(Fields::rewrite(&block(&text), Some(1_000), 10).torn.len(), 11);
    }

    #[test]
    fn the_straight_way_and_the_rewriting_one_agree() {
        let text = b"a,b,c\r\n1,, 3 \n,,\n";
        let straight = Fields::straight(text, 3).unwrap();
        let rewritten = Fields::rewrite(&block(text), Some(3), usize::MAX);
        let cells = |fields: &Fields| (0..6).map(|i| fields.field(i).to_vec()).collect::<Vec<_>>();
        assert_eq!(cells(&straight), cells(&rewritten));
    }

    #[test]
    fn a_nul_an_open_quote_and_utf_16_are_errors_that_name_the_place() {
        let error = |text: &[u8]| blocks(text).unwrap_err().to_string();
        assert!(error(b"a,b\n1,2\n3,\0\n").starts_with("x.txt, row 3: the text has a NUL byte"));
        assert!(error(b"a,b\n1,\"2\n").contains("row 2: a quote that opens"));
        assert!(error(b"\xff\xfea\x00").contains("the file is UTF-16"));
    }

    #[test]
    fn a_field_without_end_is_refused_before_it_fills_the_memory() {
        let endless = std::io::Read::chain(&b"a,b\n"[..], std::io::repeat(b'x'));
        let mut blocks = Blocks::new("x.txt", endless, Limits::default());
        let error = blocks.header().and_then(|_| blocks.next_block()).unwrap_err().to_string();
        assert!(error.contains("longer than 8388608 bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn fields_survive_the_way_through_csv(
            table in proptest::collection::vec(proptest::collection::vec("[a-z \",\n\u{e4}]{0,6}", 3), 1..20)
        ) {
            let mut text = String::new();
            for row in &table {
                let quoted: Vec<_> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                text += &quoted.join(",");
                text.push('\n');
            }
            let trimmed: Vec<Vec<String>> =
                table.iter().map(|row| row.iter().map(|cell| cell.trim_ascii().to_owned()).collect()).collect();
            prop_assert_eq!(records(&text, 3), trimmed);
        }

        #[test]
        fn what_a_csv_writer_writes_comes_back_and_blanks_around_the_values_change_nothing(
            table in proptest::collection::vec(proptest::collection::vec("[a-c\",\n\r 0-2]{0,5}", 3), 1..15),
            blanks in proptest::collection::vec("[ \t\r]{0,2}", 6),
            ends in 0_usize..3,
        ) {
            // As Python's csv module with minimal quoting, of which blanks at the ends of a value need quotes, too.
            let write = |blank: &dyn Fn(usize) -> String, end: &str| {
                let mut text = String::new();
                for (row, cells) in table.iter().enumerate() {
                    let cells: Vec<String> = cells.iter().enumerate().map(|(place, cell)| {
                        let quotes = cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell || row % 3 == place;
                        let cell = if quotes { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() };
                        format!("{}{cell}{}", blank(row + place), blank(row + 2 * place + 1))
                    }).collect();
                    text += &cells.join(",");
                    text += end;
                }
                text
            };
            let read = |text: String| {
                let fields = Fields::rewrite(&block(text.as_bytes()), Some(3), usize::MAX);
                let cells: Vec<_> = (0..fields.count()).map(|i| String::from_utf8_lossy(fields.raw(i)).into_owned()).collect();
                (cells.chunks(3).map(<[String]>::to_vec).collect::<Vec<_>>(), fields.torn.len(), fields.loose.len())
            };
            let end = ["\n", "\r\n", "\r\r\n"][ends];
            prop_assert_eq!(read(write(&|_| String::new(), end)), (table.clone(), 0, 0));
            prop_assert_eq!(read(write(&|place| blanks[place % 6].clone(), end)), (table.clone(), 0, 0));
        }

        #[test]
        fn blocks_are_cut_where_records_end_and_nowhere_else(text in "[ab\",\n\r ]{0,60}") {
            let whole = format!("{text}\n");
            let mut begin = 0;
            let mut alone = Vec::new();
            for end in record_ends(whole.as_bytes()) {
                alone.extend(records(&whole[begin..end], 2));
                begin = end;
            }
            prop_assert_eq!(records(&whole[..begin], 2), alone);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(blocks) = blocks(&text) {
                for block in blocks {
                    Fields::rewrite(&block, Some(3), 5);
                    Fields::straight(&block.text, 3);
                }
            }
        }
    }
}
