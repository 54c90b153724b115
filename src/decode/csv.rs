//! CSV text becomes typed columns: records are cut apart in blocks, and every block becomes one chunk.
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
use crate::table::{Chunk, Flaw};
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
}

impl<'a, R: Read> Blocks<'a, R> {
    pub fn new(name: &'a str, input: R, limits: Limits) -> Self {
        Self { name, input, limits, carry: Vec::new(), line: 1, ended: false }
    }

    /// The first record, in a block of its own; `None` if the file is empty.
    pub fn header(&mut self) -> Result<Option<Block>, DecodeError> {
        let Some(mut block) = self.next_block()? else { return Ok(None) };
        if block.text.starts_with(b"\xef\xbb\xbf") {
            block.text.drain(..3);
        }
        let end = record_ends(&block.text).next().unwrap_or(block.text.len());
        let rest = block.text.split_off(end);
        let lines = count_lines(&block.text);
        // What was read beyond the header goes back in front of what has not been read.
        self.carry.splice(0..0, rest);
        self.line = 1 + lines;
        Ok(Some(block))
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
            }
            match last_record_end(&text, &mut scanned) {
                Some(end) => {
                    self.carry = text.split_off(end);
                    let line = self.line;
                    self.line += count_lines(&text);
                    return Ok(Some(Block { text, line }));
                }
                None if self.ended => {
                    return Err(DecodeError::row(
                        self.name,
                        self.line,
                        "a quote that opens in this record is never closed",
                        "Close the quote, or double it if it belongs to the text.",
                    ));
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

/// Where records end (after their line end), quotes considered: a quote opens only at the beginning of a field.
fn record_ends(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut place = 0;
    let mut quoted = false;
    std::iter::from_fn(move || {
        while let Some(found) = next_mark(text, place, quoted) {
            place = found + 1;
            match (text[found], quoted) {
                (b'\n', _) => return Some(place),
                (_, false) => quoted = found == 0 || matches!(text[found - 1], b',' | b'\n'),
                (_, true) if text.get(place) == Some(&b'"') => place += 1,
                (_, true) => quoted = false,
            }
        }
        None
    })
}

/// The next quote, or outside of quotes the next quote or line end.
fn next_mark(text: &[u8], from: usize, quoted: bool) -> Option<usize> {
    let rest = text.get(from..)?;
    let found = if quoted { memchr::memchr(b'"', rest) } else { memchr::memchr2(b'"', b'\n', rest) };
    found.map(|place| from + place)
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
    let fields = Fields::rewrite(&block.text, block.line, None);
    (0..fields.ends.len()).map(|i| String::from_utf8_lossy(fields.field(i)).trim().to_owned()).collect()
}

/// The fields of a block: field `i` stands in `text` after the end of the one before it and the separator.
pub struct Fields<'a> {
    pub text: std::borrow::Cow<'a, [u8]>,
    ends: Vec<u32>,
    /// The line on which each record begins; `None` if they follow one on the other from the block's line.
    pub lines: Option<Vec<u64>>,
    /// Records that do not have as many fields as the header: the record, and how many it has.
    pub odd: Vec<(u32, usize)>,
    /// Lines that hold white space and nothing else; they are no records.
    pub blank: Vec<u64>,
}

impl<'a> Fields<'a> {
    /// The fields of a block, of which every record should have `width`.
    pub fn of(block: &'a Block, width: usize) -> Self {
        Self::straight(&block.text, width).unwrap_or_else(|| Self::rewrite(&block.text, block.line, Some(width)))
    }

    /// The fields of a block that is given away, so that they can go to another thread.
    pub fn taken(block: Block, width: usize) -> Fields<'static> {
        match straight_ends(&block.text, width) {
            Some(ends) => Fields {
                text: std::borrow::Cow::Owned(block.text),
                ends,
                lines: None,
                odd: Vec::new(),
                blank: Vec::new(),
            },
            None => Self::rewrite(&block.text, block.line, Some(width)),
        }
    }

    /// Takes the block as it is, if no field is quoted and every record has `width` fields.
    fn straight(text: &'a [u8], width: usize) -> Option<Self> {
        let ends = straight_ends(text, width)?;
        Some(Self { text: std::borrow::Cow::Borrowed(text), ends, lines: None, odd: Vec::new(), blank: Vec::new() })
    }

    /// Takes the records apart field by field. Records longer than `width` are cut, shorter ones filled with empty
    /// fields; both are listed as odd. Blank lines are no records.
    pub fn rewrite(text: &[u8], first_line: u64, width: Option<usize>) -> Fields<'static> {
        let mut out = Vec::with_capacity(text.len());
        let mut ends = Vec::new();
        let mut lines = Vec::new();
        let mut odd = Vec::new();
        let mut blank = Vec::new();
        let mut begin = 0;
        let mut line = first_line;
        for end in record_ends(text) {
            let record = &text[begin..end - 1];
            let record = record.strip_suffix(b"\r").unwrap_or(record);
            if !record.iter().all(u8::is_ascii_whitespace) {
                let mut fields = 0;
                split_record(record, |field| {
                    fields += 1;
                    if width.is_none_or(|width| fields <= width) {
                        append_field(&mut out, field);
                        ends.push(out.len() as u32);
                        out.push(b',');
                    }
                });
                if let Some(width) = width.filter(|width| *width != fields) {
                    odd.push((lines.len() as u32, fields));
                    for _ in fields..width {
                        ends.push(out.len() as u32);
                        out.push(b',');
                    }
                }
                lines.push(line);
            } else if !record.is_empty() {
                blank.push(line);
            }
            line += count_lines(&text[begin..end]);
            begin = end;
        }
        Fields { text: std::borrow::Cow::Owned(out), ends, lines: Some(lines), odd, blank }
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

    /// Whether the text is that of the block, so that no field was quoted.
    pub fn is_straight(&self) -> bool {
        self.lines.is_none()
    }

    /// Fields of all records together.
    pub fn count(&self) -> usize {
        self.ends.len()
    }
}

/// Where the fields of a text end in which no field is quoted and every record has `width` of them; `None` if it is
/// another text.
fn straight_ends(text: &[u8], width: usize) -> Option<Vec<u32>> {
    if width < 2 || memchr::memchr(b'"', text).is_some() {
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

/// Calls `take` with each raw field of a record, quotes still on.
fn split_record(record: &[u8], mut take: impl FnMut(&[u8])) {
    let mut begin = 0;
    loop {
        let mut end = begin;
        if record.get(begin) == Some(&b'"') {
            end += 1;
            // To the closing quote; a doubled quote belongs to the text.
            while end < record.len() {
                if record[end] == b'"' {
                    end += 1;
                    if record.get(end) != Some(&b'"') {
                        break;
                    }
                }
                end += 1;
            }
            end = end.min(record.len());
        }
        end += memchr::memchr(b',', &record[end..]).unwrap_or(record.len() - end);
        take(&record[begin..end]);
        if end == record.len() {
            return;
        }
        begin = end + 1;
    }
}

/// Appends a raw field without its quotes.
fn append_field(out: &mut Vec<u8>, field: &[u8]) {
    let Some(inner) = field.strip_prefix(b"\"") else { return out.extend_from_slice(trim(field)) };
    let mut rest = inner;
    while let Some(place) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..place]);
        rest = &rest[place + 1..];
        if rest.first() != Some(&b'"') {
            break;
        }
        out.push(b'"');
        rest = &rest[1..];
    }
    out.extend_from_slice(rest);
}

/// Takes white space off both ends; GTFS values have none there.
pub fn trim(field: &[u8]) -> &[u8] {
    match field {
        [first, .., last] if *first > b' ' && *last > b' ' => field,
        [only] if *only > b' ' => field,
        _ => field.trim_ascii(),
    }
}

/// Reads a block into a chunk. `origin` is the place of the file in the table's list of origins.
pub fn chunk(block: &Block, layout: &Layout, origin: u32) -> Result<Chunk, DecodeError> {
    let width = layout.width;
    let fields = Fields::of(block, width);
    let rows = fields.ends.len() / width;
    let utf8 = simdutf8::basic::from_utf8(&fields.text).is_ok();
    let mut flaws = Vec::new();
    for &(row, found) in &fields.odd {
        let expected = "as many fields as the header has";
        flaws.push(Flaw { row, column: None, expected, found: format!("{found} fields instead of {width}") });
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(layout.places.len() + 2);
    for (index, (place, column)) in layout.places.iter().zip(&layout.contract.columns).enumerate() {
        let array = match place {
            None => new_null_array(&column.kind.data_type(), rows),
            Some(place) => {
                let mut reader =
                    ColumnReader { fields: &fields, width, place: *place, column: index as u32, rows, utf8 };
                reader.read(column.kind, &mut flaws)
            }
        };
        columns.push(array);
    }
    columns.push(Arc::new(UInt32Array::from_value(origin, rows)));
    columns.push(Arc::new(match fields.lines {
        Some(lines) => UInt64Array::from(lines),
        None => UInt64Array::from_iter_values(block.line..block.line + rows as u64),
    }));
    flaws.sort_by_key(|flaw| (flaw.row, flaw.column));
    // The columns were made from the schema, in its order and of its types.
    let rows = RecordBatch::try_new(layout.schema.clone(), columns).map_err(|error| {
        DecodeError::feed(&layout.contract.table, error.to_string(), "This is a fault of the program.")
    })?;
    Ok(Chunk { rows, flaws })
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

    fn read(&mut self, kind: Kind, flaws: &mut Vec<Flaw>) -> ArrayRef {
        match kind {
            Kind::Text => Arc::new(self.text(flaws)),
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
        }
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

    fn text(&self, flaws: &mut Vec<Flaw>) -> StringArray {
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
        StringArray::try_new(offsets.clone(), buffer, nulls)
            // Cells are cut at ASCII bytes and each was validated, alone or with its block.
            .unwrap_or_else(|_| StringArray::new_null(offsets.len() - 1))
    }

    fn flaw(&self, row: usize, expected: &'static str, cell: &[u8]) -> Flaw {
        let found = String::from_utf8_lossy(&cell[..cell.len().min(4 * EXCERPT)]);
        Flaw { row: row as u32, column: Some(self.column), expected, found: found.chars().take(EXCERPT).collect() }
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

    fn records(text: &str, width: usize) -> Vec<Vec<String>> {
        let fields = Fields::rewrite(text.as_bytes(), 1, Some(width));
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

    #[test]
    fn the_straight_way_and_the_rewriting_one_agree() {
        let text = b"a,b,c\r\n1,, 3 \n,,\n";
        let straight = Fields::straight(text, 3).unwrap();
        let rewritten = Fields::rewrite(text, 1, Some(3));
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
        fn no_bytes_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(blocks) = blocks(&text) {
                for block in blocks {
                    Fields::rewrite(&block.text, block.line, Some(3));
                    Fields::straight(&block.text, 3);
                }
            }
        }
    }
}
