//! One row as it stands in a document: of each column where its value is. Nothing is copied but texts that are written with
//! escapes, and nothing allocated from row to row.

use std::ops::Range;

use super::values::Value;

/// The values of a row.
#[derive(Debug, Default)]
pub(super) struct Row {
    found: Vec<Found>,
    /// Which columns had a value, or null, in any row.
    seen: Vec<bool>,
    /// Texts that do not stand in the document as they are.
    aside: Vec<u8>,
    /// Whether anything that the mapping names is there.
    pub has_any: bool,
}

/// What was found of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Found {
    #[default]
    Absent,
    /// In the document.
    Text(Range<usize>),
    /// Set aside.
    Aside(Range<usize>),
    Number(Range<usize>),
    /// A value that is no JSON.
    NoJson(Range<usize>),
    Bool(bool),
    Other,
    Twice,
}

impl Row {
    pub(super) fn new(columns: usize) -> Self {
        Self { found: vec![Found::Absent; columns], seen: vec![false; columns], ..Self::default() }
    }

    /// Begins the next row.
    pub(super) fn clear(&mut self) {
        self.found.fill(Found::Absent);
        self.aside.clear();
        self.has_any = false;
    }

    pub(super) fn set(&mut self, column: usize, found: Found) {
        self.has_any = true;
        if let Some(cell) = self.found.get_mut(column) {
            *cell = found;
            self.seen[column] = true;
        }
    }

    /// Keeps a text that does not stand in the document.
    pub(super) fn set_aside(&mut self, text: &[u8]) -> Found {
        let begin = self.aside.len();
        self.aside.extend_from_slice(text);
        Found::Aside(begin..self.aside.len())
    }

    /// The value of a column, of a row of this document.
    pub(super) fn value<'a>(&'a self, column: usize, document: &'a [u8]) -> Value<'a> {
        let text = |text: Option<&'a [u8]>| text.filter(|text| !text.is_empty()).map_or(Value::Absent, Value::Text);
        match self.found.get(column) {
            None | Some(Found::Absent) => Value::Absent,
            Some(Found::Text(place)) => text(document.get(place.clone())),
            Some(Found::Aside(place)) => text(self.aside.get(place.clone())),
            Some(Found::Number(place)) => document.get(place.clone()).map_or(Value::Absent, Value::Number),
            Some(Found::NoJson(place)) => document.get(place.clone()).map_or(Value::Absent, Value::NoJson),
            Some(Found::Bool(value)) => Value::Bool(*value),
            Some(Found::Other) => Value::Other,
            Some(Found::Twice) => Value::Twice,
        }
    }

    pub(super) fn was_seen(&self, column: usize) -> bool {
        self.seen.get(column).copied().unwrap_or(false)
    }
}
