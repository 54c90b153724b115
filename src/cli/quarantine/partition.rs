//! The partition that a command over the quarantine is about.

use clap::Args;

use crate::time::ServiceDate;

#[derive(Args)]
pub(super) struct Partition {
    /// The dataset and the table
    #[arg(value_name = "DATASET/TABLE")]
    pub(super) table: TableName,
    /// The date of the partition
    #[arg(long, value_name = "DATE")]
    pub(super) date: ServiceDate,
}

#[derive(Clone)]
pub(super) struct TableName {
    pub(super) dataset: String,
    pub(super) table: String,
}

impl std::str::FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            // The names become paths.
            Some((dataset, table))
                if [dataset, table].iter().all(|name| !name.is_empty() && !name.contains(['/', '.'])) =>
            {
                Ok(Self { dataset: dataset.to_owned(), table: table.to_owned() })
            }
            _ => Err("expected a dataset and a table, like stadtbus-telemetrie/vehicle_locations".to_owned()),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.dataset, self.table)
    }
}
