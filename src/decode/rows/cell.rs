//! A value as a message has it, and what it is in a column of a contract.

use crate::contract::Kind;
use crate::time::{ServiceDate, ServiceSeconds};

/// 9999-12-31T23:59:59Z: later seconds are milliseconds or damage.
pub const LAST_SECOND: i64 = 253_402_300_799;
/// Characters of a value that are shown of it.
pub(super) const SHOWN: usize = 80;

/// A value as a message has it.
///
/// | value | fits a column of kind |
/// |---|---|
/// | [`Cell::Absent`], an empty text | any: it is null |
/// | [`Cell::Text`], [`Cell::Name`] | text; a date as `20261124`; a service time as `25:10:00` |
/// | [`Cell::Int`] | whole numbers, numbers, boolean (0 is false), text (its digits) |
/// | [`Cell::Float`] | numbers, if it is finite |
/// | [`Cell::Seconds`] | instant; where [`Cell::Int`] fits but for numbers, its count |
/// | [`Cell::Millis`], [`Cell::Bool`], [`Cell::Date`], [`Cell::Time`] | instant, boolean, date, service time |
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cell<'a> {
    #[default]
    Absent,
    /// Bytes that should be UTF-8.
    Text(&'a [u8]),
    /// Text that is known to be UTF-8: the name of a code.
    Name(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Seconds since 1970, from 0 to [`LAST_SECOND`].
    Seconds(i64),
    /// Milliseconds since 1970, within the same years.
    Millis(i64),
    Date(ServiceDate),
    Time(ServiceSeconds),
}

impl<'a> From<Option<&'a [u8]>> for Cell<'a> {
    fn from(text: Option<&'a [u8]>) -> Self {
        text.map_or(Cell::Absent, Cell::Text)
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Cell::Absent, Cell::Int)
    }
}

impl From<Option<f64>> for Cell<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Cell::Absent, Cell::Float)
    }
}

impl Cell<'_> {
    /// Seconds since 1970, where they are known.
    pub fn seconds(seconds: Option<i64>) -> Self {
        seconds.map_or(Cell::Absent, Cell::Seconds)
    }

    /// Bytes of a text; 0 of other values.
    pub fn text_bytes(&self) -> usize {
        if let Cell::Text(text) = self { text.len() } else { 0 }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Cell::Absent)
    }

    /// As it is shown to people, cut to [`SHOWN`] characters.
    pub(super) fn shown(&self) -> String {
        match self {
            Cell::Absent => String::new(),
            Cell::Text(text) => {
                String::from_utf8_lossy(&text[..text.len().min(4 * SHOWN)]).chars().take(SHOWN).collect()
            }
            Cell::Name(name) => name.chars().take(SHOWN).collect(),
            Cell::Int(number) | Cell::Seconds(number) | Cell::Millis(number) => number.to_string(),
            Cell::Float(number) => number.to_string(),
            Cell::Bool(value) => value.to_string(),
            Cell::Date(date) => date.to_gtfs(),
            Cell::Time(ServiceSeconds(seconds)) => seconds.to_string(),
        }
    }
}

/// A value that fits its column.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Text(&'a str),
    /// A number whose digits are the text.
    Digits(i64),
    Narrow(i32),
    Wide(i64),
    Float(f64),
    Boolean(bool),
}

/// The value of a cell in a column of this kind, or what was expected instead.
#[inline]
pub(super) fn fit(kind: Kind, cell: Cell<'_>) -> Result<Scalar<'_>, &'static str> {
    let cell = match cell {
        Cell::Absent | Cell::Text(b"") | Cell::Name("") => return Ok(Scalar::Null),
        cell => cell,
    };
    let (scalar, expected) = match kind {
        Kind::Text => match cell {
            Cell::Name(name) => return Ok(Scalar::Text(name)),
            Cell::Text(text) => (simdutf8::basic::from_utf8(text).ok().map(Scalar::Text), "text in UTF-8"),
            Cell::Int(number) | Cell::Seconds(number) => return Ok(Scalar::Digits(number)),
            _ => (None, "text"),
        },
        Kind::Int32 => {
            (whole(cell).and_then(|number| i32::try_from(number).ok()).map(Scalar::Narrow), "a whole number")
        }
        Kind::Int64 => (whole(cell).map(Scalar::Wide), "a whole number"),
        Kind::Float => (number(cell).map(Scalar::Float), "a number"),
        Kind::Boolean => match cell {
            Cell::Bool(value) => return Ok(Scalar::Boolean(value)),
            cell => (whole(cell).map(|number| Scalar::Boolean(number != 0)), "true or false"),
        },
        Kind::Date => {
            let date = match cell {
                Cell::Date(date) => Some(date),
                cell => text(cell).and_then(|text| ServiceDate::from_gtfs(std::str::from_utf8(text).ok()?)),
            };
            (date.map(|date| Scalar::Narrow(date.days_since_epoch())), "a date like 20261124")
        }
        Kind::ServiceTime => {
            let time = match cell {
                Cell::Time(time) => Some(time),
                cell => text(cell).and_then(ServiceSeconds::from_gtfs),
            };
            (time.map(|ServiceSeconds(seconds)| Scalar::Narrow(seconds)), "a time like 25:10:00")
        }
        Kind::Instant => (millis(cell).map(Scalar::Wide), "seconds since 1970"),
    };
    scalar.ok_or(expected)
}

fn text(cell: Cell<'_>) -> Option<&[u8]> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Name(name) => Some(name.as_bytes()),
        _ => None,
    }
}

fn whole(cell: Cell<'_>) -> Option<i64> {
    if let Cell::Int(number) | Cell::Seconds(number) = cell { Some(number) } else { None }
}

fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(number) => Some(number).filter(|number| number.is_finite()),
        Cell::Int(number) => Some(number as f64),
        _ => None,
    }
}

fn millis(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Seconds(seconds) => Some(seconds).filter(|s| (0..=LAST_SECOND).contains(s)).map(|s| s * 1000),
        Cell::Millis(millis) => Some(millis).filter(|ms| (0..=LAST_SECOND * 1000 + 999).contains(ms)),
        _ => None,
    }
}
