//! The fields of a block.

use std::borrow::Cow;

use super::blocks::Block;
use super::texts::{count_lines, has_bare_return, quoted, skip_blanks, trim};

/// The fields of a header record as text.
pub(crate) fn header_fields(block: &Block) -> Vec<String> {
    let fields = Fields::rewrite(block, None, usize::MAX);
    (0..fields.ends.len()).map(|i| String::from_utf8_lossy(fields.field(i)).trim().to_owned()).collect()
}

/// The fields of a block: field `i` stands in `text` after the end of the one before it and the separator. All records
/// that have as many fields as the header are there, and no others.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    pub text: Cow<'a, [u8]>,
    pub(super) ends: Vec<u32>,
    /// The line on which each record begins; `None` if they follow one on the other from the block's line.
    pub lines: Option<Vec<u64>>,
    /// Records that do not have as many fields as the header.
    pub torn: Vec<Torn>,
    /// Their fields, as far as the header goes, laid out as those of the others.
    pub(super) torn_text: Vec<u8>,
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
pub(crate) struct Torn {
    pub line: u64,
    pub fields: usize,
    /// Where it stands in the text of the block.
    pub begin: u32,
    pub end: u32,
    /// Its first field, and that of the next one.
    first: u32,
    until: u32,
}

/// A record of the block that takes other lines into a value: its place among the whole ones, and its last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swallowing {
    pub row: u32,
    pub until: u64,
}

/// A value about whose text there is something to tell: the line on which its record begins, and its column in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub line: u64,
    pub place: u32,
}

impl<'a> Fields<'a> {
    /// The fields of a block, of which every record should have `width`. Stops behind `torn` records that have not.
    pub(crate) fn of(block: &'a Block, width: usize, torn: usize) -> Self {
        Self::straight(&block.text, width).unwrap_or_else(|| Self::rewrite(block, Some(width), torn))
    }

    /// The fields of a block that is given away, so that they can go to another thread; with its text, where it is not that of
    /// the fields.
    pub(crate) fn taken(block: Block, width: usize, torn: usize) -> (Fields<'static>, Option<Vec<u8>>) {
        match straight_ends(&block.text, width) {
            Some(ends) => (Fields { ends, text: Cow::Owned(block.text), ..Fields::none() }, None),
            None => (Self::rewrite(&block, Some(width), torn), Some(block.text)),
        }
    }

    fn none() -> Self {
        Self {
            text: Cow::Borrowed(b""),
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
    pub(super) fn straight(text: &'a [u8], width: usize) -> Option<Self> {
        let ends = straight_ends(text, width)?;
        Some(Self { text: Cow::Borrowed(text), ends, ..Self::none() })
    }

    /// Takes the records apart field by field. Blank lines are no records. Stops behind `torn` torn records.
    pub(crate) fn rewrite(block: &Block, width: Option<usize>, torn: usize) -> Fields<'static> {
        let text = &block.text[..];
        let mut rewriter = Rewriter {
            text,
            has_returns: has_bare_return(text),
            width,
            found: Fields::none(),
            out: Vec::with_capacity(text.len()),
            lines: Vec::new(),
        };
        let mut begin = 0;
        let mut line = block.line;
        while begin < text.len() && rewriter.found.torn.len() <= torn {
            let place = skip_blanks(text, begin);
            if text.get(place).is_none_or(|byte| *byte == b'\n') {
                let is_last = block.unended && place + 1 >= text.len();
                if is_last && place > begin {
                    rewriter.found.empty.push(line);
                }
                line += 1;
                begin = place + 1;
                continue;
            }
            (begin, line) = rewriter.record(begin, place, line);
        }
        let Rewriter { found, out, lines, .. } = rewriter;
        Fields { text: Cow::Owned(out), lines: Some(lines), ..found }
    }

    /// Field `i`, counted over all records, without white space around it.
    pub(crate) fn field(&self, i: usize) -> &[u8] {
        trim(self.raw(i))
    }

    /// Field `i` with the white space that its quotes hold.
    pub(crate) fn raw(&self, i: usize) -> &[u8] {
        let begin = if i == 0 { 0 } else { self.ends[i - 1] as usize + 1 };
        &self.text[begin..self.ends[i] as usize]
    }

    /// One column of the torn records, as the only one of its own.
    pub(crate) fn of_torn(&self, place: usize) -> Fields<'static> {
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
        column.text = Cow::Owned(text);
        column
    }

    /// Whether the text is that of the block, so that no field was quoted.
    pub(crate) fn is_straight(&self) -> bool {
        self.lines.is_none()
    }

    /// Fields of all records together.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of their text.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// Takes the records of a text apart, of which every one should have `width` fields. Inlined by force: without, it takes a tenth
/// longer.
struct Rewriter<'a> {
    text: &'a [u8],
    has_returns: bool,
    width: Option<usize>,
    found: Fields<'static>,
    out: Vec<u8>,
    /// On which the records of `out` begin.
    lines: Vec<u64>,
}

/// How far what was found went before a record, of which nothing stays if it is none.
struct Before {
    out: usize,
    ends: usize,
    loose: usize,
    broken: usize,
}

impl Rewriter<'_> {
    /// Takes the record that begins on a line, whose first field is at `place`. Where the next one begins, and on which line.
    #[inline(always)]
    fn record(&mut self, begin: usize, mut place: usize, line: u64) -> (usize, u64) {
        let Fields { ends, loose, broken, .. } = &self.found;
        let before = Before { out: self.out.len(), ends: ends.len(), loose: loose.len(), broken: broken.len() };
        let mut fields = 0;
        let mut swallows = false;
        loop {
            // A field that the record has too much is only counted.
            let wanted = self.width.is_none_or(|width| fields < width);
            let end = self.field(place, wanted, Remark { line, place: fields as u32 }, &mut swallows);
            if wanted {
                self.found.ends.push(self.out.len() as u32);
                self.out.push(b',');
            }
            fields += 1;
            place = end + 1;
            if self.text.get(end) != Some(&b',') {
                break;
            }
        }
        let end = place.min(self.text.len());
        let next = line + count_lines(&self.text[begin..end]);
        let is_empty = self.width.is_some() && fields == 1 && self.out.len() == before.out + 1;
        let is_torn = !is_empty && self.width.is_some_and(|width| width != fields);
        if is_empty {
            self.found.empty.push(line);
        } else if is_torn {
            let torn = Torn { line, fields, begin: begin as u32, end: end as u32, first: 0, until: 0 };
            self.keep_torn(torn, &before);
        } else if swallows {
            self.found.swallowing.push(Swallowing { row: self.lines.len() as u32, until: next - 1 });
        }
        if is_empty || is_torn {
            self.take_back(&before);
        } else {
            self.lines.push(line);
        }
        (end, next)
    }

    /// Takes the field that begins at a place or behind the blanks there, and says where it ends. `swallows` is set if it takes other
    /// records into its value.
    #[inline(always)]
    fn field(&mut self, place: usize, wanted: bool, remark: Remark, swallows: &mut bool) -> usize {
        let text = self.text;
        let place = skip_blanks(text, place);
        let value = (text.get(place) == Some(&b'"')).then(|| quoted(text, place)).flatten();
        if let Some(value) = value {
            if wanted {
                let from = self.out.len();
                append_quoted(&mut self.out, &text[place..value.end], value.close - place, value.is_loose);
                if value.is_loose {
                    self.found.loose.push(remark);
                }
                let cell = &self.out[from..];
                if memchr::memchr2(b'\n', b'\r', trim(cell)).is_some() {
                    self.found.broken.push(remark);
                    let commas = memchr::memchr_iter(b',', cell).count();
                    *swallows |= self.width.is_some_and(|width| commas + 1 >= width);
                }
            }
            return value.end;
        }
        let rest = &text[place.min(text.len())..];
        let end = place + memchr::memchr2(b',', b'\n', rest).unwrap_or(rest.len());
        if wanted {
            let cell = trim(&text[place.min(end)..end]);
            if self.has_returns && memchr::memchr(b'\r', cell).is_some() {
                self.found.broken.push(remark);
                *swallows |= self.width == Some(1);
            }
            self.out.extend_from_slice(cell);
        }
        end
    }

    /// Keeps the fields of a torn record, which are the last ones.
    fn keep_torn(&mut self, torn: Torn, before: &Before) {
        let Fields { ends, torn: records, torn_text, torn_ends, .. } = &mut self.found;
        let first = torn_ends.len() as u32;
        let moved = torn_text.len() as u32;
        torn_ends.extend(ends[before.ends..].iter().map(|end| end - before.out as u32 + moved));
        torn_text.extend_from_slice(&self.out[before.out..]);
        records.push(Torn { first, until: torn_ends.len() as u32, ..torn });
    }

    fn take_back(&mut self, before: &Before) {
        self.out.truncate(before.out);
        self.found.ends.truncate(before.ends);
        self.found.loose.truncate(before.loose);
        self.found.broken.truncate(before.broken);
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
#[inline(always)]
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
