//! Check: rows meet their contract.
//!
//! Takes chunks and a [`Contract`]; makes [`Checked`] rows (passed, or held back with the ids of the rules that held
//! them) and, at the end of a table, an [`Outcome`] for every rule. Works chunk by chunk; holds 16 bytes per key of
//! tables with a primary key or that others refer to. Queries over single rows run on each chunk; for the others the
//! columns that they need are held, and the rows themselves only if such a rule may hold some back or null their cells:
//! those wait in memory or are spooled into the private store. All of it is booked on the run's [`Budget`]. A rule that
//! cannot run is an error, never a pass.
//!
//! Every SQL rule sees the rows that passed the checks of single columns, and none sees what another SQL rule did to them.
//! Rules see exact values; metrics, service levels and queries that return a number see those that are published.
//!
//! The rules that a contract makes without writing SQL, with what happens unless the contract says otherwise:
//!
//! | rule | severity | on fail |
//! |---|---|---|
//! | `<table>.row_length` | error | quarantine |
//! | `<table>.quotes_in_value`, `.new_line_in_value`, `.empty_row`, of CSV files of GTFS | warning | report |
//! | `<table>.<column>.type` | error | invalidate; quarantine where the column is required |
//! | `<table>.<column>.required`, `.unique` | error | quarantine |
//! | `<table>.<column>.enum` | warning | report |
//! | `<table>.<column>.range`, `.pattern`, `.length` | error | report |
//! | `<table>.primary_key` | error | quarantine; the first row of a key passes |
//! | `<table>.<column>.foreign_key` | error | report |
//! | library metrics, see [`crate::contract::metric`] | error | report |
//! | `<table>.sla.<property>`, see [`crate::contract::sla`] | warning | report |
//! | `<table>.rows_lost`, `.route_lost`, `.service_lost`, `<table>.<column>.values_lost` | error | block |
//! | `<table>.private_text`, of the tables that are released, see `derive::privacy::texts` | error | block |
//!
//! | what | where |
//! |---|---|
//! | the phases of a table's check | [`table`] |
//! | the rules of a contract, as a list | [`rules`] |
//! | rules over rows: columns and keys, compiled by type | `row_rules`, `columns`, `keys` |
//! | rules that are queries, and the engine behind a trait | [`sql`] |
//! | rules over numbers: metrics and service levels | `numbers`, `metrics`, `sla` |
//! | what rules say of rows, and what happens to these | `verdict`, `gate` |
//! | what is reported of a rule | [`outcome`], `cells` |
//! | what waits for rules over all rows | `spill`, `projection`, `compact_columns` |
//! | what is held, on the run's budget | `memory` |
//! | what rules see beside their table | [`context`], [`timetable`], [`area`] |
//! | what rules take away from a table | `losses` |
//! | tests of rules | [`rule_tests`] |

pub mod area;
mod cells;
mod chunk_check;
mod columns;
mod compact_columns;
pub mod context;
mod gate;
mod keys;
mod losses;
mod memory;
mod metrics;
mod numbers;
pub mod outcome;
pub mod program_findings;
mod projection;
mod row_rules;
pub mod rule_tests;
pub mod rules;
mod sla;
mod spill;
pub mod sql;
pub mod table;
#[cfg(test)]
mod testing;
pub mod timetable;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::contract::{Contract, RuleId};
use crate::quarantine::decisions::Decided;
use crate::table::BudgetExceeded;
use spill::SpillError;

pub(crate) use cells::show;
pub use outcome::{Outcome, RuleResult, Sample, absent, private_text};
pub use table::{Sink, TableCheck};

/// Rows that came out of a check. The batches have the columns of the chunks that went in, origin fields included.
#[derive(Debug, Default)]
pub struct Checked {
    pub passed: Vec<RecordBatch>,
    pub quarantined: Vec<Quarantined>,
    /// What the data manager's decisions did to the table's rows; told at its end.
    pub decided: Decided,
}

/// Rows held back, and why.
#[derive(Debug)]
pub struct Quarantined {
    pub rows: RecordBatch,
    /// For each row the rules that held it.
    pub rules: Vec<Vec<RuleId>>,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("checking table {table}: {error}")]
    Spill { table: String, error: SpillError },
    #[error("checking table {table}: {problem}. This is a fault of the program: please report it")]
    Table { table: String, problem: String },
}

/// For each table the lists of columns that foreign keys of `contracts` name.
pub fn referenced<'a>(contracts: impl Iterator<Item = &'a Arc<Contract>>) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut referenced: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for target in contracts.flat_map(|contract| &contract.foreign_keys).flat_map(|key| &key.targets) {
        let lists = referenced.entry(target.table.clone()).or_default();
        if !lists.contains(&target.columns) {
            lists.push(target.columns.clone());
        }
    }
    referenced
}
