//! The cells of a table as columns, and what is wrong with them.

use super::words::Words;

/// What stands for an empty cell in a column of whole numbers.
pub const NO_INT: i32 = i32::MIN;

/// The cells of one column.
pub enum Column {
    Text {
        codes: Vec<u32>,
        words: Words,
    },
    /// Whole numbers, enums, times (seconds) and dates (days since 1970); [`NO_INT`] if empty.
    Int(Vec<i32>),
    /// Not a number if empty.
    Float(Vec<f64>),
}

/// A set of rows.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
    any: bool,
}

impl Bits {
    pub fn set(&mut self, place: usize) {
        if self.words.len() <= place / 64 {
            self.words.resize(place / 64 + 1, 0);
        }
        self.words[place / 64] |= 1 << (place % 64);
        self.any = true;
    }

    pub fn has(&self, place: usize) -> bool {
        self.any && self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub fn any(&self) -> bool {
        self.any
    }

    pub fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

/// What can be wrong with a cell or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A required value is not there.
    Required,
    /// A recommended value is not there.
    Recommended,
    /// The text was no UTF-8.
    Character,
    NewLine,
    WhiteSpace,
    Integer,
    Float,
    Time,
    Date,
    /// A number that the enum does not have.
    Enum,
    Range,
    /// `value` holds how many fields the row has.
    RowLength,
    EmptyRow,
    Color,
    Url,
    Email,
    Phone,
    Language,
    Timezone,
    Currency,
    NonAscii,
}

impl Kind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 21] = [
        Self::Required,
        Self::Recommended,
        Self::Character,
        Self::NewLine,
        Self::WhiteSpace,
        Self::Integer,
        Self::Float,
        Self::Time,
        Self::Date,
        Self::Enum,
        Self::Range,
        Self::RowLength,
        Self::EmptyRow,
        Self::Color,
        Self::Url,
        Self::Email,
        Self::Phone,
        Self::Language,
        Self::Timezone,
        Self::Currency,
        Self::NonAscii,
    ];

    /// Whether the row cannot be used because of it.
    pub fn spoils_the_row(self) -> bool {
        !matches!(self, Self::Recommended | Self::WhiteSpace | Self::Enum | Self::EmptyRow | Self::NonAscii)
    }
}

/// A cell or row with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFlaw {
    pub kind: Kind,
    /// Of the file.
    pub line: u64,
    /// Of the contract; `None` if the row as a whole is meant.
    pub column: Option<u32>,
    /// As it stands in the file, cut to [`EXCERPT`] characters.
    pub value: String,
}

/// Characters of a flawed value that are kept.
pub const EXCERPT: usize = 120;

/// The flaws of a table: all are counted, the first of each kind are kept.
#[derive(Clone, Debug, Default)]
pub struct Flaws {
    counts: [u64; Kind::ALL.len()],
    pub first: Vec<CellFlaw>,
}

impl Flaws {
    /// As many of each kind as a report shows.
    pub const KEPT: u64 = 1000;

    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    pub fn add(&mut self, kind: Kind, line: u64, column: Option<u32>, value: &[u8]) {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        if *count <= Self::KEPT {
            // Four bytes are the longest character; half of one at the cut becomes a mark and is dropped by `take`.
            let text = String::from_utf8_lossy(&value[..value.len().min(4 * EXCERPT + 4)]);
            self.first.push(CellFlaw { kind, line, column, value: text.chars().take(EXCERPT).collect() });
        }
    }
}

/// On which line each row stands: runs of rows that follow one on the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// The first row of a run, and its line.
    runs: Vec<(u32, u64)>,
}

impl Lines {
    pub(super) fn add(&mut self, row: usize, line: u64) {
        match self.runs.last() {
            Some(&(first, begin)) if begin + (row as u64 - u64::from(first)) == line => {}
            _ => self.runs.push((row as u32, line)),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.runs.capacity() * size_of::<(u32, u64)>()
    }

    pub(super) fn of(&self, row: usize) -> u64 {
        let place = self.runs.partition_point(|&(first, _)| first as usize <= row);
        match place.checked_sub(1).map(|place| self.runs[place]) {
            Some((first, line)) => line + (row as u64 - u64::from(first)),
            None => row as u64 + 2,
        }
    }
}
