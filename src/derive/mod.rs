//! Derive: checked rows become the rows to release.
//!
//! Takes checked batches of a source table; makes batches of a published table. A [`Transform`] shapes them (service
//! date, UTC instants, TIDES columns, pseudonyms, one row per position); [`privacy`] then takes off every column that the
//! contract does not classify as public. Every row that a transform drops is counted under the id of the rule that
//! dropped it.

pub mod privacy;
pub mod reports;
pub mod telemetry;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::contract::{Contract, RuleId};
use crate::table::{BudgetExceeded, Chunk};

/// Rows that a transform dropped, by rule. Rows in = rows out + all of these.
pub type Dropped = BTreeMap<RuleId, u64>;

/// Why a transform dropped rows of a rule.
pub struct DroppedRows {
    pub rule: RuleId,
    pub message: &'static str,
    /// Where the first of them stand: the place of the origin, and the row there.
    pub samples: Vec<(u32, u64)>,
}

/// Makes a published table's rows from a source table's.
pub trait Transform: Send {
    /// The contract of the rows that come out. Chunks follow its `chunk_schema`.
    fn contract(&self) -> &Arc<Contract>;

    /// The source table's columns that a column of the release is made from.
    fn made_from<'a>(&self, column: &'a str) -> Vec<&'a str>;

    /// Takes passed rows of the source table (contract columns and origin fields).
    fn push(&mut self, rows: RecordBatch) -> Result<Vec<Chunk>, DeriveError>;

    /// What is to be said of the rows that were dropped, before [`Self::finish`].
    fn dropped(&self) -> Vec<DroppedRows>;

    /// No more rows come.
    fn finish(self: Box<Self>) -> Result<(Vec<Chunk>, Dropped), DeriveError>;
}

#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("deriving table {table}: {problem}. {remedy}")]
    Table { table: String, problem: String, remedy: String },
}
