//! Why a table could not be derived.

use crate::table::BudgetExceeded;

#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("deriving table {table}: {problem}. {remedy}")]
    Table { table: String, problem: String, remedy: String },
}

impl DeriveError {
    /// What cannot happen unless the program is wrong.
    pub(crate) fn fault(table: &str, problem: &dyn std::fmt::Display) -> Self {
        Self::Table {
            table: table.to_owned(),
            problem: problem.to_string(),
            remedy: "This is a fault of the program: please report it.".to_owned(),
        }
    }
}
