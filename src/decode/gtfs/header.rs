//! The header of a file beside its contract.

use super::timetable::HeaderFlaw;
use crate::contract::{Contract, Severity};
use crate::decode::{DecodeError, Note};

/// A header with the names that columns have today: evidence of before a change has those that they had (`alias`), and a date that is run
/// again must not lose their values.
pub(super) fn by_today(contract: &Contract, fields: &[String]) -> Vec<String> {
    let today = |field: &String| {
        let is_of_today = contract.index_of(field).is_some();
        let mut columns = contract.columns.iter();
        let renamed = columns.find(|column| {
            let change = column.change.as_ref();
            change.is_some_and(|change| change.alias.as_ref() == Some(field)) && !fields.contains(&column.name)
        });
        renamed.filter(|_| !is_of_today).map_or(field, |column| &column.name).clone()
    };
    fields.iter().map(today).collect()
}

/// What a report tells of a header.
pub(super) fn flaws(contract: &Contract, fields: &[String]) -> Vec<HeaderFlaw> {
    let mut flaws = Vec::new();
    for (place, name) in fields.iter().enumerate() {
        if name.is_empty() {
            flaws.push(HeaderFlaw::EmptyName(place + 1));
            continue;
        }
        if let Some(first) = fields[..place].iter().position(|other| other == name) {
            flaws.push(HeaderFlaw::Duplicated { name: name.clone(), first: first + 1, second: place + 1 });
        }
        if contract.index_of(name).is_none() {
            flaws.push(HeaderFlaw::Unknown { name: name.clone(), place: place + 1 });
        }
    }
    let mut missing: Vec<&String> = contract
        .columns
        .iter()
        .filter(|column| column.must_be_there() && !fields.contains(&column.name))
        .map(|column| &column.name)
        .collect();
    missing.sort_unstable();
    flaws.extend(missing.into_iter().cloned().map(HeaderFlaw::Missing));
    flaws
}

/// What publication has to tell of a header, and why it cannot go on: a header that cannot be mapped onto the contract is an
/// error, a column that the reference does not know is a note.
pub(super) fn remarks(file: &str, contract: &Contract, fields: &[String]) -> (Vec<Note>, Option<DecodeError>) {
    let mut notes = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let shown: String = field.escape_debug().take(60).collect();
        if !field.is_empty() && fields[..place].contains(field) {
            let problem = format!("the column '{shown}' stands in the header twice");
            return (notes, Some(DecodeError::row(file, 1, problem, "Remove one of the two.")));
        }
        if contract.index_of(field).is_none() {
            let (rule, severity, message) = if field.is_empty() {
                let message = format!("column {} of '{file}' has no name and was not read", place + 1);
                ("gtfs.empty_column_name", Severity::Error, message)
            } else {
                let message = format!("the column '{shown}' of '{file}' is not in the GTFS reference and was not read");
                ("gtfs.unknown_column", Severity::Info, message)
            };
            notes.push(Note { rule, severity, message });
        }
    }
    let missing = contract.columns.iter().find(|column| column.required && !fields.contains(&column.name));
    let problem = missing.map(|column| {
        let problem = format!("the required column '{}' is missing", column.name);
        DecodeError::row(file, 1, problem, "Ask the publisher to add it.")
    });
    (notes, problem)
}
