//! The nodes of the run graph: what each table and each derivation of a run does with its rows.
//!
//! | file | what |
//! |---|---|
//! | [`run_nodes`] | the graph at work: rows go from node to node |
//! | [`opening`] | how each node begins |
//! | [`checked_table`] | a table at its check |
//! | [`derivation_run`] | a derivation, and the account of what it reads |
//! | [`account`] | where the rows of a table go, its file |
//! | [`quarantine_target`] | where they are held back |
//! | [`identities`] | how they are known |

pub(super) mod account;
mod checked_table;
mod derivation_run;
mod identities;
pub(super) mod opening;
pub(super) mod quarantine_target;
pub(super) mod run_nodes;
#[cfg(test)]
mod tests;
