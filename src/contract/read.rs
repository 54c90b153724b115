//! Reads one ODCS 3.1 file into a [`Contract`] and reports every mistake with its line and remedy.

use std::path::Path;

use crate::contract::Contract;
use crate::yaml::Problem;

/// Reads a contract from the text of its file. `file` is used in messages and kept in the contract.
pub fn contract(_file: &Path, _text: &str) -> Result<Contract, Vec<Problem>> {
    todo!()
}
