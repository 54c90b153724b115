//! All contracts of a folder, and what they say of each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::contract::Contract;
use crate::yaml::Problem;

/// The contracts of one folder, such as `schemas/gtfs`, by table name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub contracts: BTreeMap<String, Arc<Contract>>,
}

impl Library {
    /// Reads every `*.odcs.yaml` directly in `folder`, in the order of their names. Reports every mistake of every file
    /// at once, and what does not fit between files (two contracts for one table, a foreign key into nowhere, a rule
    /// id twice, a cycle of foreign keys).
    pub fn read(_folder: &Path) -> Result<Self, Vec<Problem>> {
        todo!()
    }

    pub fn get(&self, table: &str) -> Option<&Arc<Contract>> {
        self.contracts.get(table)
    }

    /// The contracts in an order in which every table comes after the tables that its foreign keys name.
    pub fn in_reference_order(&self) -> Vec<Arc<Contract>> {
        todo!()
    }
}
