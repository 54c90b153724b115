//! Queries: SQL over the rows of a table and what stands beside them.
//!
//! The engine that executes a query lies behind [`SqlEngine`]: Arrow batches go in, the places of rows, a number or the shape
//! of a result come out. Polars is one such engine, and `polars/` the only folder that knows it; a build without the feature
//! `sql` has [`none`], of which every query is broken. [`runner`] knows the tables, the views and what is private;
//! [`rules`] and [`whole_table`] evaluate the rules of a table by it, and [`dry_run`] finds mistakes before a run does.

pub mod dry_run;
pub mod functions;
#[cfg(not(feature = "sql"))]
pub mod none;
#[cfg(feature = "sql")]
mod polars;
pub(super) mod rows;
pub(super) mod rules;
pub mod runner;
mod views;
pub(super) mod whole_table;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use crate::check::context::RuleContext;
use crate::contract::query::Query;

#[cfg(not(feature = "sql"))]
pub use none::NoEngine as Engine;
#[cfg(feature = "sql")]
pub use polars::PolarsEngine as Engine;
pub use rows::indexed;
pub use runner::{Extent, Queries, QueryRunner};
pub use views::{needs, reads_others, views_in_parts, whole_views};

/// Why a rule over a number was skipped: a share of nothing, the mean of nothing.
pub(super) const NO_NUMBER: &str = "the query has no number to return: there is nothing to compare";

/// Executes queries.
pub trait SqlEngine: Sized {
    /// Rows as the engine holds them. A clone shares them.
    type Table: Clone;

    /// An engine whose functions know the city and the timetable of a run.
    fn new(context: &RuleContext) -> Self;

    /// Takes rows. An instant loses its zone, which is always UTC.
    fn table(&self, rows: &RecordBatch) -> Result<Self::Table, NoResult>;

    /// Executes a query over the tables that it reads, by their names. Why one is broken is published, so no value of a row
    /// may stand in it.
    fn execute(&self, query: &Query, tables: &BTreeMap<&str, Self::Table>) -> Result<Self::Table, NoResult>;

    /// Puts rows below others of the same columns; `None` if they are of others.
    fn stack(&self, above: Self::Table, below: &Self::Table) -> Option<Self::Table>;

    /// The column `_index` of a result, in its order; broken if there is none or it is of another type than Int64.
    fn indexes(&self, result: &Self::Table) -> Result<Vec<Option<i64>>, NoResult>;

    /// The one cell of a result as a number, `None` if it is null. Broken if it is no number.
    fn number(&self, result: &Self::Table) -> Result<Option<f64>, NoResult>;

    fn shape(&self, result: &Self::Table) -> ResultShape;

    /// What the engine says of a query that is broken.
    fn fault(why: &str) -> QueryFault;
}

/// The rows and columns of a result.
#[derive(Debug)]
pub struct ResultShape {
    pub rows: usize,
    pub columns: Vec<ResultColumn>,
}

#[derive(Debug)]
pub struct ResultColumn {
    pub name: String,
    pub kind: ResultKind,
    /// The type in the engine's words.
    pub engine_type: String,
}

/// What a column of a result can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// A whole number of 64 bits, as the place of a row is.
    Int64,
    /// Any other number, a truth, or nothing but null.
    Number,
    Text,
    Date,
    Timestamp,
    Other,
}

/// What is wrong with a query, as far as the engine tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryFault {
    /// With the columns that there are.
    UnknownColumn {
        column: String,
        known: Vec<String>,
    },
    NoColumnOfTable {
        column: String,
        table: String,
    },
    UnknownTable(String),
    UnknownFunction(String),
    /// Types that cannot be compared, in the engine's words.
    Incomparable(String, String),
    /// Anything else, in the engine's words.
    Other(String),
}

/// Why a query gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// It could not run.
    Broken(String),
    /// There is nothing to look at, and why.
    Skipped(String),
}

impl NoResult {
    pub fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }

    /// Why a query is broken without what an engine adds to say where in its plan it failed, which helps nobody.
    pub fn without_plan(why: &str) -> &str {
        why.split("\n\n").next().unwrap_or_default().trim_end()
    }
}
