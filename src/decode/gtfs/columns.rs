//! Blocks of text become columns.

use std::borrow::Cow;

use super::cells::{Bits, Column, Flaws, Kind, Lines, NO_INT};
use super::words::{NONE, Words, list};
use crate::contract::{Contract, Kind as ContractKind, Presence};
use crate::decode::csv::{Block, Fields, Torn, float, integer, trim};
use crate::time::{ServiceDate, ServiceSeconds};

/// What an enum's cell holds if its number is none of the enum.
const UNRECOGNIZED: i32 = -1;

/// How a column is read.
enum Reading {
    Text,
    /// Text that must be a decimal number: the number of its decimals matters.
    Amount,
    /// The bound, and the enum's numbers if it has any.
    Int(Bound, Vec<i32>),
    Float(Bound),
    Time,
    Date,
}

#[derive(Clone, Copy)]
enum Bound {
    Any,
    NonNegative,
    Positive,
    NonZero,
    /// Inclusive, on both sides of zero.
    Within(f64),
}

impl Bound {
    /// Of a field type of the GTFS reference.
    fn of(gtfs_type: Option<&str>) -> Self {
        let name = gtfs_type.unwrap_or_default().to_lowercase();
        match name.as_str() {
            "latitude" => Self::Within(90.0),
            "longitude" => Self::Within(180.0),
            _ if name.starts_with("non-negative") => Self::NonNegative,
            _ if name.starts_with("positive") => Self::Positive,
            _ if name.starts_with("non-null") => Self::NonZero,
            _ => Self::Any,
        }
    }

    fn holds(self, value: f64) -> bool {
        match self {
            Self::Any => true,
            Self::NonNegative => value >= 0.0,
            Self::Positive => value > 0.0,
            Self::NonZero => value != 0.0,
            Self::Within(most) => value.abs() <= most,
        }
    }
}

struct ColumnBuilder {
    /// Of the contract.
    column: u32,
    /// In the file; `None` for a column that is not there and whose absence each row must tell.
    place: Option<usize>,
    reading: Reading,
    required: bool,
    recommended: bool,
    cells: Column,
}

/// A block whose fields were found, and what the whole text tells of them.
pub(super) struct Scanned {
    fields: Fields<'static>,
    /// On which the first record begins.
    pub line: u64,
    /// Whether U+FFFD occurs, which stands for what was no UTF-8, here or before the file was written.
    marked: bool,
    /// The block as it came, where the fields do not tell all of it.
    source: Option<Source>,
}

/// A text that is not that of the fields.
enum Source {
    /// It is no UTF-8, and the fields hold U+FFFD for it. With how many torn records were to be read.
    Broken(Block, usize),
    /// Its fields were quoted.
    Text(Vec<u8>),
}

impl Scanned {
    /// Stops behind `torn` records that do not have as many fields as the header. For chunks, the text of those is kept.
    pub(super) fn of(mut block: Block, width: usize, torn: usize, for_chunks: bool) -> Self {
        let line = block.line;
        let ascii = block.text.is_ascii();
        let mut source = None;
        if !ascii && simdutf8::basic::from_utf8(&block.text).is_err() {
            let text = String::from_utf8_lossy(&block.text).into_owned().into_bytes();
            let broken = std::mem::replace(&mut block.text, text);
            source = for_chunks.then_some(Source::Broken(Block { text: broken, ..block }, torn));
        }
        let marked = !ascii && memchr::memmem::find(&block.text, MARK).is_some();
        let (fields, rest) = Fields::taken(block, width, torn);
        if for_chunks && source.is_none() && !fields.torn.is_empty() {
            source = rest.map(Source::Text);
        }
        Self { fields, line, marked, source }
    }

    /// Records that could not be taken apart.
    pub(super) fn torn(&self) -> &[Torn] {
        &self.fields.torn
    }

    /// The fields with bytes as they came, and the text in which torn records stand.
    pub(super) fn as_it_came(&self, width: usize) -> (Cow<'_, Fields<'_>>, &[u8]) {
        match &self.source {
            Some(Source::Broken(block, torn)) => (Cow::Owned(Fields::of(block, width, *torn)), &block.text),
            Some(Source::Text(text)) => (Cow::Borrowed(&self.fields), text),
            None => (Cow::Borrowed(&self.fields), &self.fields.text),
        }
    }

    /// Whether there is nothing to tell of the text beside its cells, and the cells are the text.
    fn is_plain(&self) -> bool {
        let Fields { torn, swallowing, loose, broken, empty, .. } = &self.fields;
        let is_told = matches!(self.source, Some(Source::Broken(..)))
            || !(torn.is_empty() && swallowing.is_empty() && loose.is_empty() && broken.is_empty() && empty.is_empty());
        !is_told
    }
}

/// Builds the columns of one table.
pub(super) struct Builder {
    width: usize,
    columns: Vec<ColumnBuilder>,
    in_contract: usize,
    pub rows: usize,
    lines: Lines,
}

impl Builder {
    pub(super) fn new(contract: &Contract, header: &[String]) -> Self {
        let mut columns = Vec::new();
        for (index, column) in contract.columns.iter().enumerate() {
            let place = header.iter().position(|name| *name == column.name);
            let recommended = column.presence == Some(Presence::Recommended);
            if place.is_none() && !recommended {
                continue;
            }
            let gtfs_type = column.gtfs_type.as_deref();
            let bound = Bound::of(gtfs_type);
            let reading = match column.kind {
                _ if gtfs_type.is_some_and(|name| name.eq_ignore_ascii_case("currency amount")) => Reading::Amount,
                ContractKind::Int32 | ContractKind::Int64 | ContractKind::Boolean | ContractKind::Instant => {
                    Reading::Int(bound, column.values.iter().filter_map(|value| value.value.parse().ok()).collect())
                }
                ContractKind::Float => Reading::Float(bound),
                ContractKind::Date => Reading::Date,
                ContractKind::ServiceTime => Reading::Time,
                ContractKind::Text => Reading::Text,
            };
            let cells = match reading {
                Reading::Text | Reading::Amount => Column::Text { codes: Vec::new(), words: Words::default() },
                Reading::Float(_) => Column::Float(Vec::new()),
                _ => Column::Int(Vec::new()),
            };
            columns.push(ColumnBuilder {
                column: index as u32,
                place,
                reading,
                required: column.required,
                recommended,
                cells,
            });
        }
        Self { width: header.len(), columns, in_contract: contract.columns.len(), rows: 0, lines: Lines::default() }
    }

    /// Appends the records of a block that can be taken apart, and marks those among them that cannot be read. Whether the
    /// columns hold all that the block says: every cell with its value, and nothing more to tell.
    pub(super) fn take(&mut self, scanned: &Scanned, flaws: &mut Flaws, bad: &mut Bits) -> bool {
        let Scanned { fields, line, marked, .. } = scanned;
        let (first, width) = (self.rows, self.width);
        let rows = fields.count() / width;
        let lines = &mut self.lines;
        match &fields.lines {
            Some(list) => list.iter().enumerate().for_each(|(row, line)| lines.add(first + row, *line)),
            None if rows > 0 => lines.add(first, *line),
            None => {}
        }
        for line in &fields.empty {
            flaws.add(Kind::EmptyRow, *line, None, b"");
        }
        for torn in &fields.torn {
            flaws.add(Kind::RowLength, torn.line, None, torn.fields.to_string().as_bytes());
        }
        let is_exact = scanned.is_plain();
        let mut scan = Scan { fields, width, first, rows, flaws, bad, lines, marked: *marked, is_exact };
        for column in &mut self.columns {
            scan.column(column);
        }
        self.rows += rows;
        scan.is_exact
    }

    /// A column of the file by its place in the contract.
    pub(super) fn column(&self, place: usize) -> Option<&Column> {
        let column = self.columns.iter().find(|column| column.column as usize == place)?;
        column.place.map(|_| &column.cells)
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// How many different values the columns of text have together.
    pub(super) fn values(&self) -> usize {
        let values = |column: &ColumnBuilder| match &column.cells {
            Column::Text { words, .. } => words.len(),
            _ => 0,
        };
        self.columns.iter().map(values).sum()
    }

    /// How many rows a block has.
    pub(super) fn rows_of(&self, block: &Scanned) -> usize {
        block.fields.count() / self.width
    }

    /// What the columns take while a block is put in, if each of its values is new.
    pub(super) fn bytes_with(&self, block: Option<&Scanned>) -> usize {
        let (rows, bytes) = block.map_or((0, 0), |block| (self.rows_of(block), block.fields.bytes()));
        let cells = |column: &ColumnBuilder| match &column.cells {
            Column::Text { codes, words } => {
                list(codes.len(), codes.capacity(), rows) * 4 + words.bytes_with(rows.min(bytes), bytes)
            }
            Column::Int(cells) => list(cells.len(), cells.capacity(), rows) * 4,
            Column::Float(cells) => list(cells.len(), cells.capacity(), rows) * 8,
        };
        self.columns.iter().map(cells).sum::<usize>() + self.lines.bytes()
    }

    /// The columns, by their places in the contract, and the lines of the rows.
    pub(super) fn finish(self) -> (Vec<Option<Column>>, Lines) {
        let mut columns: Vec<Option<Column>> = std::iter::repeat_with(|| None).take(self.in_contract).collect();
        for column in self.columns {
            if column.place.is_some() {
                columns[column.column as usize] = Some(column.cells);
            }
        }
        (columns, self.lines)
    }
}

/// U+FFFD in UTF-8.
const MARK: &[u8] = b"\xef\xbf\xbd";

struct Scan<'a> {
    fields: &'a Fields<'a>,
    width: usize,
    /// The row of the table with which the block begins.
    first: usize,
    rows: usize,
    flaws: &'a mut Flaws,
    bad: &'a mut Bits,
    lines: &'a Lines,
    marked: bool,
    /// Whether the columns hold each value.
    is_exact: bool,
}

impl<'a> Scan<'a> {
    fn column(&mut self, column: &mut ColumnBuilder) {
        let &mut ColumnBuilder { column: index, place, required, recommended, .. } = column;
        let Some(place) = place else {
            for row in 0..self.rows {
                self.flaw(Kind::Recommended, row, index, b"");
            }
            return;
        };
        let source = ColumnFields { fields: self.fields, width: self.width, place };
        let mut scan = ColumnScan { scan: self, source, index, required, recommended };
        if scan.scan.marked || !source.fields.is_straight() {
            scan.raw_text();
        }
        match (&mut column.cells, &column.reading) {
            (Column::Text { codes, words }, reading) => {
                scan.texts(codes, words, matches!(reading, Reading::Amount));
            }
            (Column::Float(cells), Reading::Float(bound)) => scan.floats(cells, *bound),
            (Column::Float(cells), _) => scan.floats(cells, Bound::Any),
            (Column::Int(cells), Reading::Time) => {
                scan.ints(cells, Kind::Time, |cell| ServiceSeconds::from_gtfs(cell).map(|time| time.0));
            }
            (Column::Int(cells), Reading::Date) => scan.ints(cells, Kind::Date, |cell| {
                let text = std::str::from_utf8(cell).ok()?;
                ServiceDate::from_gtfs(text).map(ServiceDate::days_since_epoch)
            }),
            (Column::Int(cells), Reading::Int(bound, values)) => {
                let first = cells.len();
                scan.ints(cells, Kind::Integer, small);
                scan.bounds(&mut cells[first..], *bound, values);
            }
            (Column::Int(_), _) => {}
        }
    }

    /// Tells a flaw of a row of the block.
    fn flaw(&mut self, kind: Kind, row: usize, column: u32, value: &[u8]) {
        let row = self.first + row;
        self.flaws.add(kind, self.lines.of(row), Some(column), value);
        if kind.spoils_the_row() {
            self.bad.set(row);
        }
    }
}

/// The fields of one column of a block.
#[derive(Clone, Copy)]
struct ColumnFields<'a> {
    fields: &'a Fields<'a>,
    width: usize,
    /// In the file.
    place: usize,
}

impl<'a> ColumnFields<'a> {
    fn cell(self, row: usize) -> &'a [u8] {
        self.fields.field(row * self.width + self.place)
    }
}

/// Puts the cells of one column of a block behind those of the blocks before.
struct ColumnScan<'s, 'a> {
    scan: &'s mut Scan<'a>,
    source: ColumnFields<'a>,
    /// Of the contract.
    index: u32,
    required: bool,
    recommended: bool,
}

impl ColumnScan<'_, '_> {
    fn texts(&mut self, codes: &mut Vec<u32>, words: &mut Words, are_amounts: bool) {
        let source = self.source;
        codes.reserve(self.scan.rows);
        let mut last: (&[u8], u32) = (b"", NONE);
        for row in 0..self.scan.rows {
            let cell = source.cell(row);
            if cell != last.0 {
                // Neighbours are often equal: the trips of stop times, the shapes of points.
                last = (cell, if cell.is_empty() { NONE } else { words.intern(cell) });
            }
            if last.1 == NONE {
                self.absent(row);
            } else if are_amounts && float(cell).is_none() {
                self.flaw(Kind::Float, row, cell);
            }
            codes.push(last.1);
        }
    }

    fn floats(&mut self, cells: &mut Vec<f64>, bound: Bound) {
        let source = self.source;
        cells.reserve(self.scan.rows);
        for row in 0..self.scan.rows {
            let cell = source.cell(row);
            let value = if cell.is_empty() { None } else { float(cell) };
            match value {
                Some(value) if bound.holds(value) => {}
                Some(_) => self.flaw(Kind::Range, row, cell),
                None if cell.is_empty() => self.absent(row),
                None => {
                    self.scan.is_exact = false;
                    self.flaw(Kind::Float, row, cell);
                }
            }
            cells.push(value.unwrap_or(f64::NAN));
        }
    }

    /// Cells that `read` makes whole numbers of.
    fn ints(&mut self, cells: &mut Vec<i32>, kind: Kind, read: impl Fn(&[u8]) -> Option<i32>) {
        let source = self.source;
        cells.reserve(self.scan.rows);
        for row in 0..self.scan.rows {
            let cell = source.cell(row);
            let value = read(cell).unwrap_or(NO_INT);
            if value == NO_INT {
                if cell.is_empty() {
                    self.absent(row);
                } else {
                    self.scan.is_exact = false;
                    self.flaw(kind, row, cell);
                }
            }
            cells.push(value);
        }
    }

    /// Looks at the numbers of the block, whose first row is that of the first cell.
    fn bounds(&mut self, cells: &mut [i32], bound: Bound, values: &[i32]) {
        let source = self.source;
        // A bit for each number of the enum below 64; route types have larger ones elsewhere, but not in the reference.
        let known: u64 = values.iter().filter(|value| (0..64).contains(*value)).map(|value| 1 << value).sum();
        for (row, value) in cells.iter_mut().enumerate().filter(|(_, value)| **value != NO_INT) {
            if !bound.holds(f64::from(*value)) {
                self.flaw(Kind::Range, row, source.cell(row));
            }
            let fits = |value: i32| (0..64).contains(&value) && known >> value & 1 == 1 || values.contains(&value);
            if !values.is_empty() && !fits(*value) {
                self.flaw(Kind::Enum, row, source.cell(row));
                self.scan.is_exact = false;
                *value = UNRECOGNIZED;
            }
        }
    }

    /// What can only be seen in the text as it came: white space in quotes, line ends, marks of broken text.
    fn raw_text(&mut self) {
        let ColumnFields { fields, width, place } = self.source;
        for row in 0..self.scan.rows {
            let cell = fields.raw(row * width + place);
            if cell.is_empty() {
                continue;
            }
            if self.scan.marked && memchr::memmem::find(cell, MARK).is_some() {
                self.flaw(Kind::Character, row, cell);
            }
            if fields.is_straight() {
                continue;
            }
            if memchr::memchr2(b'\n', b'\r', cell).is_some() {
                self.flaw(Kind::NewLine, row, cell);
            }
            if trim(cell).len() < cell.len() {
                self.flaw(Kind::WhiteSpace, row, cell);
            }
        }
    }

    /// A cell without a value.
    fn absent(&mut self, row: usize) {
        if self.required {
            self.flaw(Kind::Required, row, b"");
        } else if self.recommended {
            self.flaw(Kind::Recommended, row, b"");
        }
    }

    fn flaw(&mut self, kind: Kind, row: usize, value: &[u8]) {
        self.scan.flaw(kind, row, self.index, value);
    }
}

/// A whole number of 32 bits. The common case, a few digits, goes first.
fn small(text: &[u8]) -> Option<i32> {
    if text.len() <= 9 && !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')));
    }
    integer(text)?.try_into().ok()
}
