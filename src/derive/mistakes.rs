//! What is wrong with the contracts of derived tables, and of those that they are derived from.

use std::sync::Arc;

use crate::contract::{Classification, Contract, Kind};
use crate::derive::derivation::{DerivationType, Input, Output, Tables};
use crate::yaml::{Problem, Problems};

/// A kind of column as contracts write it.
pub(super) fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "'logicalType: string'",
        Kind::Int32 => "'logicalType: integer'",
        Kind::Int64 => "'physicalType: int64'",
        Kind::Float => "'logicalType: number'",
        Kind::Boolean => "'logicalType: boolean'",
        Kind::Date => "'logicalType: date'",
        Kind::ServiceTime => "'gtfsType: Time'",
        Kind::Instant => "'logicalType: timestamp'",
    }
}

/// A column that nothing fills, or that is filled with another type: the line in the contract, the message and the remedy.
pub(super) fn unfilled(release: &Contract, column: &str, from: &str) -> String {
    format!("nothing fills the column '{column}' of '{}': {from} has no such value", release.table)
}

/// Likewise.
pub(super) fn comes_as(release: &Contract, column: &str, kind: Kind, wanted: Kind) -> String {
    format!("the column '{column}' of '{}' comes as {}, not as {}", release.table, words(kind), words(wanted))
}

pub(super) const REMOVE_OR_PRIVATE: &str = "Remove the column, or classify it as private.";
pub(super) const AS_IT_COMES: &str = "Give it the type that it comes as.";

/// What is wrong with the contract of a derived table: public columns that the derivation does not fill, and columns of a
/// type that they do not come as.
pub fn of_output(output: &Output, of: &dyn DerivationType, contract: &Contract) -> Vec<Problem> {
    let mut problems = Problems::new(&contract.file);
    for column in &contract.columns {
        match output.columns.iter().find(|made| made.name == column.name) {
            None if column.classification == Classification::Public => {
                let from = format!("the derivation '{}'", of.name());
                problems.add(column.line, unfilled(contract, &column.name, &from), REMOVE_OR_PRIVATE);
            }
            Some(made) if made.kind != column.kind => {
                problems.add(column.line, comes_as(contract, &column.name, made.kind, column.kind), AS_IT_COMES);
            }
            _ => {}
        }
    }
    problems.found
}

/// What is wrong with the contract of a table that a derivation reads, as messages and remedies.
pub fn of_input(input: &Input, of: &dyn DerivationType, contract: &Arc<Contract>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for column in input.columns {
        let reads = || format!("the derivation '{}' reads '{}' of '{}'", of.name(), column.name, input.table);
        let there = contract.index_of(column.name).map(|place| &contract.columns[place]);
        match there {
            None if column.is_required => {
                let message = format!("{}, which has no such column", reads());
                found.push((message, "Add the column to the contract, or remove the derivation.".to_owned()));
            }
            Some(there) if column.is_required && is_hidden(input, there.classification) => {
                let message = format!("{}, which is not public, and it sees what is published", reads());
                let remedy = "Classify the column as public, or remove the derivation.".to_owned();
                found.push((message, remedy));
            }
            Some(there) if there.kind != column.kind && !is_hidden(input, there.classification) => {
                let (own, wanted) = (words(there.kind), words(column.kind));
                let message = format!("{} as {wanted}, and it is {own}", reads());
                found.push((message, format!("Give the column {wanted}, or remove the derivation.")));
            }
            _ => {}
        }
    }
    found
}

fn is_hidden(input: &Input, classification: Classification) -> bool {
    input.of == Tables::Release && classification != Classification::Public
}
