//! By what a row is asked for: values of its public columns, as text.

use std::fmt;

use arrow_array::RecordBatch;
use serde_json::Value;

use crate::contract::{Classification, Contract, Kind};
use crate::quarantine;
use crate::time::{ServiceDate, ServiceSeconds};
use crate::yaml::suggestion;

/// Values that a row has in some columns of its table, as they are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<KeyPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPart {
    column: String,
    wanted: Wanted,
    /// As it was given.
    text: String,
}

/// What a cell has to be, as [`quarantine::json`] writes cells.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Value(Value),
    /// An instant, in milliseconds: the same one can be written in many ways.
    Instant(i64),
}

/// A key that is none of its table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}. {remedy}")]
pub struct KeyError {
    pub problem: String,
    pub remedy: String,
}

impl Key {
    /// Reads `location_ping_id=ab-cd`, or the values of the primary key in its order. Either all columns of the primary key are named,
    /// or none of them and others that are public: then several rows may have it.
    ///
    /// # Errors
    /// A column is unknown or missing, or a value does not fit its column; the columns of the key are named.
    pub fn parse(contract: &Contract, given: &[String]) -> Result<Self, KeyError> {
        let error = |problem: String| KeyError { problem, remedy: columns_said(contract) };
        let named: Vec<Option<(&str, &str)>> = given.iter().map(|text| named(contract, text)).collect();
        let keys = contract.names(&contract.primary_key);
        // A value that looks like a column with its value is one with a wrong name: a value of that form is given by its name.
        let is_bare = named.iter().all(Option::is_none) && !given.iter().any(|text| looks_named(text));
        if !given.is_empty() && is_bare && given.len() == keys.len() {
            let parts = keys.iter().zip(given).map(|(column, text)| part(contract, column, text));
            return Ok(Self(parts.collect::<Result<_, _>>()?));
        }
        let mut parts: Vec<KeyPart> = Vec::new();
        for (text, named) in given.iter().zip(named) {
            let Some((column, value)) = named else {
                let values = keys.len();
                return Err(error(match text.split_once('=') {
                    Some((column, _)) => format!(
                        "'{}' has no public column '{column}'. {}",
                        contract.table,
                        suggestion(column, &public(contract)).trim_end_matches('.')
                    ),
                    None if values == 0 => {
                        format!("'{}' has no primary key, so that '{text}' needs a name", contract.table)
                    }
                    None => {
                        format!("the key of '{}' has {values} values, and {} are given", contract.table, given.len())
                    }
                }));
            };
            if parts.iter().any(|other| other.column == column) {
                return Err(error(format!("the column '{column}' is given twice")));
            }
            parts.push(part(contract, column, value)?);
        }
        let is_named = |column: &&&str| parts.iter().any(|part| part.column == **column);
        let missing: Vec<&str> = keys.iter().filter(|column| !is_named(column)).copied().collect();
        if parts.is_empty() || (!missing.is_empty() && missing.len() < keys.len()) {
            if parts.is_empty() {
                return Err(error(format!("no key of '{}' is given", contract.table)));
            }
            let (missing, are) = (missing.join("', '"), if missing.len() == 1 { "is" } else { "are" });
            return Err(error(format!("the key of '{}' is not whole: '{missing}' {are} missing", contract.table)));
        }
        Ok(Self(parts))
    }

    /// The columns with what they have to be, as given.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|part| (part.column.as_str(), part.text.as_str()))
    }

    /// The names of its columns.
    pub fn columns(&self) -> Vec<&str> {
        self.0.iter().map(|part| part.column.as_str()).collect()
    }

    /// The instants and dates that it names.
    pub fn instants(&self) -> impl Iterator<Item = jiff::Timestamp> {
        let of = |part: &KeyPart| match part.wanted {
            Wanted::Instant(at) => jiff::Timestamp::from_millisecond(at).ok(),
            _ => None,
        };
        self.0.iter().filter_map(of)
    }

    pub fn dates(&self) -> impl Iterator<Item = ServiceDate> {
        let is_date = |part: &&KeyPart| ["service_date", "partition_date"].contains(&part.column.as_str());
        self.0.iter().filter(is_date).filter_map(|part| part.text.parse().ok())
    }

    /// The rows of a batch that have it. A column that the batch lacks is null.
    pub fn matches(&self, rows: &RecordBatch) -> Vec<usize> {
        let mut found: Vec<usize> = (0..rows.num_rows()).collect();
        for KeyPart { column, wanted, .. } in &self.0 {
            let array = rows.column_by_name(column);
            found.retain(|&row| match (wanted, array) {
                (Wanted::Nothing, array) => array.is_none_or(|array| array.is_null(row)),
                (_, None) => false,
                (Wanted::Instant(at), Some(array)) => quarantine::instant(array, row) == Some(*at),
                (Wanted::Value(value), Some(array)) => match (value, quarantine::json(array, row)) {
                    (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
                    (one, other) => *one == other,
                },
            });
        }
        found
    }

    /// The key of rows of another table that have these values.
    pub(super) fn of_values(values: impl IntoIterator<Item = (String, Value)>) -> Option<Self> {
        let part = |(column, value): (String, Value)| KeyPart {
            text: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            wanted: if value.is_null() { Wanted::Nothing } else { Wanted::Value(value) },
            column,
        };
        let parts: Vec<KeyPart> = values.into_iter().map(part).collect();
        (!parts.is_empty()).then_some(Self(parts))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|part| format!("{}={}", part.column, part.text)).collect();
        f.write_str(&parts.join(" "))
    }
}

/// Whether a text has the form `column=value`.
fn looks_named(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    text.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn public(contract: &Contract) -> Vec<&str> {
    contract.public_columns().map(|(_, column)| column.name.as_str()).collect()
}

/// A column and its value, if the text names a public column.
fn named<'t>(contract: &Contract, text: &'t str) -> Option<(&'t str, &'t str)> {
    let (column, value) = text.split_once('=')?;
    let place = contract.index_of(column)?;
    (contract.columns[place].classification == Classification::Public).then_some((column, value))
}

/// What to write.
fn columns_said(contract: &Contract) -> String {
    let keys = contract.names(&contract.primary_key);
    let shown = |names: &[&str]| names.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(" ");
    match keys.is_empty() {
        false => format!(
            "The key of '{}' is: {}. Public columns that are none of it find rows, too.",
            contract.table,
            shown(&keys)
        ),
        true => {
            format!("'{}' has no primary key: name some of its columns {}.", contract.table, shown(&public(contract)))
        }
    }
}

fn part(contract: &Contract, column: &str, text: &str) -> Result<KeyPart, KeyError> {
    let kind = contract.index_of(column).map_or(Kind::Text, |place| contract.columns[place].kind);
    let wanted = wanted(kind, text).ok_or_else(|| KeyError {
        problem: format!("'{text}' is no value of the column '{column}', which has {}", said(kind)),
        remedy: columns_said(contract),
    })?;
    Ok(KeyPart { column: column.to_owned(), wanted, text: text.to_owned() })
}

fn said(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "texts",
        Kind::Int32 | Kind::Int64 => "whole numbers",
        Kind::Float => "numbers",
        Kind::Boolean => "true or false",
        Kind::Date => "dates like 2026-11-24",
        Kind::ServiceTime => "times like 25:10:00, or seconds",
        Kind::Instant => "instants like 2026-11-24T10:00:00Z",
    }
}

fn wanted(kind: Kind, text: &str) -> Option<Wanted> {
    if text.is_empty() {
        return Some(Wanted::Nothing);
    }
    let value = match kind {
        Kind::Text => Value::from(text),
        Kind::Int32 | Kind::Int64 => Value::from(text.parse::<i64>().ok()?),
        Kind::Float => Value::from(text.parse::<f64>().ok()?),
        Kind::Boolean => Value::from(text.parse::<bool>().ok()?),
        Kind::Date => Value::from(text.parse::<ServiceDate>().ok()?.to_string()),
        Kind::ServiceTime => {
            let of_clock = || ServiceSeconds::from_gtfs(text.as_bytes()).map(|seconds| i64::from(seconds.0));
            Value::from(text.parse::<i64>().ok().or_else(of_clock)?)
        }
        Kind::Instant => return Some(Wanted::Instant(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())),
    };
    Some(Wanted::Value(value))
}
