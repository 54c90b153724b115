//! The columns of a table by name, and its rows by the value of a column.

use serde_json::Value;

use crate::decode::gtfs::{Column, NO_INT, NONE, Status, Table, Words};
use crate::time::{ServiceDate, ServiceSeconds};

/// Stands for no row.
pub const NO_ROW: u32 = u32::MAX;

impl Table {
    pub fn text(&self, name: &str) -> Text<'_> {
        match self.column(name) {
            Some(Column::Text { codes, words }) => Text { codes, words: Some(words) },
            _ => Text { codes: &[], words: None },
        }
    }

    /// Whole numbers, enums, times in seconds and dates in days since 1970.
    pub fn int(&self, name: &str) -> Int<'_> {
        match self.column(name) {
            Some(Column::Int(cells)) => Int(cells),
            _ => Int(&[]),
        }
    }

    pub fn float(&self, name: &str) -> Float<'_> {
        match self.column(name) {
            Some(Column::Float(cells)) => Float(cells),
            _ => Float(&[]),
        }
    }

    /// The rows that could be read.
    pub fn good(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows).filter(|row| !self.bad.has(*row))
    }

    /// The line of a row as a value of a sample.
    pub fn at(&self, row: usize) -> Value {
        self.line(row).into()
    }

    /// Whether the file is there, in whatever state.
    pub fn is_there(&self) -> bool {
        self.status != Status::Missing
    }
}

/// A column of text. A column that the file does not have is empty in every row.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    codes: &'a [u32],
    words: Option<&'a Words>,
}

impl<'a> Text<'a> {
    pub fn code(&self, row: usize) -> Option<u32> {
        self.codes.get(row).copied().filter(|code| *code != NONE)
    }

    pub fn has(&self, row: usize) -> bool {
        self.code(row).is_some()
    }

    /// The text of a cell, empty if there is none.
    pub fn get(&self, row: usize) -> &'a str {
        match (self.words, self.codes.get(row)) {
            (Some(words), Some(code)) => words.get(*code),
            _ => "",
        }
    }

    /// A cell as a value of a sample.
    pub fn value(&self, row: usize) -> Value {
        self.get(row).into()
    }

    pub fn codes(&self) -> &'a [u32] {
        self.codes
    }

    pub fn words(&self) -> Option<&'a Words> {
        self.words
    }

    /// How many distinct values there are.
    pub fn distinct(&self) -> usize {
        self.words.map_or(0, Words::len)
    }

    pub fn find(&self, value: &str) -> Option<u32> {
        self.words?.find(value.as_bytes())
    }

    /// For each code the first row that has it.
    pub fn first_rows(&self) -> Vec<u32> {
        let mut first = vec![NO_ROW; self.distinct()];
        for (row, &code) in self.codes.iter().enumerate() {
            if code != NONE && first[code as usize] == NO_ROW {
                first[code as usize] = row as u32;
            }
        }
        first
    }

    /// For each code all rows that have it, in their order.
    pub fn rows_by_code(&self) -> RowsByCode {
        let mut ends = vec![0; self.distinct()];
        let all = || self.codes.iter().enumerate().filter(|(_, code)| **code != NONE);
        all().for_each(|(_, code)| ends[*code as usize] += 1);
        let mut total = 0;
        for end in &mut ends {
            // Where the rows of the code begin; it moves to their end as they are put in.
            total += std::mem::replace(end, total);
        }
        let mut rows = vec![0; total as usize];
        for (row, code) in all() {
            let place = &mut ends[*code as usize];
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        RowsByCode { ends, rows }
    }
}

/// The rows of each code of a column, in their order. Takes eight bytes for a row, however few rows a code has.
#[derive(Default)]
pub struct RowsByCode {
    /// By code where its rows end; those of the next begin there.
    ends: Vec<u32>,
    rows: Vec<u32>,
}

impl RowsByCode {
    /// The rows of a code; none of a code that the column does not have.
    pub fn of(&self, code: u32) -> &[u32] {
        let code = code as usize;
        let Some(end) = self.ends.get(code) else { return &[] };
        let begin = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.rows[begin as usize..*end as usize]
    }

    /// The rows of each code, by code.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len() as u32).map(|code| self.of(code))
    }
}

/// A column of whole numbers.
#[derive(Clone, Copy)]
pub struct Int<'a>(&'a [i32]);

impl<'a> Int<'a> {
    pub fn get(&self, row: usize) -> Option<i32> {
        self.0.get(row).copied().filter(|value| *value != NO_INT)
    }

    pub fn has(&self, row: usize) -> bool {
        self.get(row).is_some()
    }

    pub fn or(&self, row: usize, default: i32) -> i32 {
        self.get(row).unwrap_or(default)
    }

    pub fn value(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, Value::from)
    }

    /// A time as a value of a sample.
    pub fn time(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, time)
    }

    /// A date as a value of a sample.
    pub fn date(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, date)
    }

    pub fn cells(&self) -> &'a [i32] {
        self.0
    }
}

/// Seconds of a service date as a value of a sample.
pub fn time(seconds: i32) -> Value {
    ServiceSeconds(seconds).to_string().into()
}

/// Days since 1970 as a value of a sample, in the form of GTFS.
pub fn date(days: i32) -> Value {
    ServiceDate::from_days_since_epoch(days).map_or(Value::Null, |date| date.to_gtfs().into())
}

/// Days since 1970 as a value of a sample, in the form of ISO 8601.
pub fn iso_date(days: i32) -> Value {
    ServiceDate::from_days_since_epoch(days).map_or(Value::Null, |date| date.to_string().into())
}

/// A column of numbers.
#[derive(Clone, Copy)]
pub struct Float<'a>(&'a [f64]);

impl Float<'_> {
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().filter(|value| !value.is_nan())
    }

    pub fn has(&self, row: usize) -> bool {
        self.get(row).is_some()
    }

    pub fn or(&self, row: usize, default: f64) -> f64 {
        self.get(row).unwrap_or(default)
    }

    pub fn value(&self, row: usize) -> Value {
        self.get(row).map_or(Value::Null, Value::from)
    }
}

/// Rows of a table by a column's value, each group in the order of a sequence.
///
/// A file that is sorted by both, as most are, costs nothing but the look that finds it sorted.
pub struct Groups {
    /// For each code where its group begins; one more for the end of the last.
    starts: Vec<u32>,
    /// The rows by group; `None` if they stand in the file in this order.
    order: Option<Vec<u32>>,
}

/// The rows of one group.
#[derive(Clone, Copy, Default)]
pub struct Rows<'a> {
    begin: u32,
    end: u32,
    order: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    pub fn len(&self) -> usize {
        (self.end - self.begin) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// The row at a place of the group.
    pub fn at(&self, place: usize) -> usize {
        match self.order {
            Some(order) => order[self.begin as usize + place] as usize,
            None => self.begin as usize + place,
        }
    }

    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then(|| self.at(0))
    }

    pub fn last(&self) -> Option<usize> {
        Some(self.at(self.len().checked_sub(1)?))
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |place| self.at(place))
    }
}

impl Groups {
    pub fn new(table: &Table, keys: &Text<'_>, sequence: &Int<'_>) -> Self {
        let (codes, sequence) = (keys.codes(), sequence.cells());
        // A contract of the workspace may do without the sequence; then the order of the file holds.
        let place = |row: usize| sequence.get(row).copied().unwrap_or_default();
        let follows = |row: usize| {
            let (one, two) = (codes[row - 1], codes[row]);
            one < two || one == two && place(row - 1) <= place(row)
        };
        let sorted = codes.last().is_none_or(|last| *last != NONE) && (1..codes.len()).all(follows);
        let mut starts = vec![0_u32; keys.distinct() + 1];
        for &code in codes.iter().filter(|code| **code != NONE) {
            starts[code as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        if sorted {
            return Self { starts, order: None };
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; starts.last().copied().unwrap_or_default() as usize];
        for row in 0..table.rows {
            if let Some(code) = keys.code(row) {
                let place = &mut next[code as usize];
                order[*place as usize] = row as u32;
                *place += 1;
            }
        }
        for bounds in starts.windows(2) {
            let group = &mut order[bounds[0] as usize..bounds[1] as usize];
            if !group.is_sorted_by_key(|row| place(*row as usize)) {
                group.sort_by_key(|row| place(*row as usize));
            }
        }
        Self { starts, order: Some(order) }
    }

    /// The group of a code.
    pub fn of_code(&self, code: u32) -> Rows<'_> {
        let code = code as usize;
        Rows { begin: self.starts[code], end: self.starts[code + 1], order: self.order.as_deref() }
    }

    /// All groups, by code.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Rows<'_>)> {
        (0..self.starts.len() as u32 - 1).map(|code| (code, self.of_code(code))).filter(|(_, rows)| !rows.is_empty())
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
