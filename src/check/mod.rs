//! Check: rows meet their contract.
//!
//! Takes chunks and a [`Contract`]; makes [`Checked`] rows (passed, or held back with the ids of the rules that held
//! them) and, at the end of a table, an [`Outcome`] for every rule. Works chunk by chunk; holds the keys of tables with a
//! primary key or that others refer to, and all rows of a table only if the contract has SQL rules for it, both booked
//! on the run's [`Budget`]. A rule that cannot run is an error, never a pass.

use std::sync::Arc;

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Dimension, OnFail, RuleId, Severity};
use crate::table::{Budget, BudgetExceeded, Chunk, Origin};

/// Rows that came out of a check. The batches have the columns of the chunks that went in, origin fields included.
#[derive(Debug, Default)]
pub struct Checked {
    pub passed: Vec<RecordBatch>,
    pub quarantined: Vec<Quarantined>,
}

/// Rows held back, and why.
#[derive(Debug)]
pub struct Quarantined {
    pub rows: RecordBatch,
    /// For each row the rules that held it.
    pub rules: Vec<Vec<RuleId>>,
}

/// One rule's result over one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub rule: RuleId,
    pub table: String,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub result: RuleResult,
    /// Rows that the rule named.
    pub rows: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What the rule asks, or why it could not run.
    pub message: String,
    /// The first rows named, at most five.
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleResult {
    /// No row was named.
    Passed,
    /// Rows were named by a rule of severity `warning` or `info`.
    Warning,
    /// Rows were named by a rule of severity `error`.
    Failed,
    /// The rule could not run.
    Error,
    /// There was nothing to look at: the table or column is absent.
    Skipped,
}

/// A row that a rule named. `value` is there only if the column is public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub origin: String,
    pub row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("checking table {table}: {problem}")]
    Table { table: String, problem: String },
}

/// The keys of the tables checked so far, for the foreign keys of the tables that follow.
#[derive(Default)]
pub struct Keys {}

/// The check of one table: push its chunks, then finish.
pub struct TableCheck {}

impl TableCheck {
    /// `others` are the contracts of the feed whose foreign keys may name this table: their referenced columns are kept.
    /// `also` names columns of this table that foreign keys refer to.
    pub fn new(
        _contract: Arc<Contract>,
        _origins: Arc<[Origin]>,
        _also: &[&str],
        _budget: Budget,
    ) -> Result<Self, CheckError> {
        todo!()
    }

    pub fn push(&mut self, _chunk: Chunk, _keys: &Keys) -> Result<Checked, CheckError> {
        todo!()
    }

    /// The rows held until now, and one outcome per rule, in the order of the contract. Adds this table's keys to `keys`.
    pub fn finish(self, _keys: &mut Keys) -> Result<(Checked, Vec<Outcome>), CheckError> {
        todo!()
    }
}
