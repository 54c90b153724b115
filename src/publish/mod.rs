//! Publish: released rows become files that readers can trust and find.
//!
//! Takes batches in the public columns of a contract; makes Parquet files in a staging folder, puts them into the bucket
//! under names that carry their digest, and commits them with one create-only write of the next table index. Then it
//! writes what people read: `files.json`, `index.csv`, `datapackage.json`, `index.html`. Holds one row group, or all rows
//! of a partition if the contract asks for an order, booked on the run's [`crate::table::Budget`].

pub mod bucket;
pub mod index;
pub mod pages;
pub mod parquet;

use crate::table::BudgetExceeded;

/// Why something could not be published. No message shows credentials.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    #[error("the Parquet file of {table} could not be written: {problem}")]
    Parquet { table: String, problem: String },
    #[error("the bucket {bucket}: {problem}. {remedy}")]
    Configuration { bucket: String, problem: String, remedy: String },
    #[error("the bucket {bucket} failed at '{key}': {source}")]
    Store { bucket: String, key: String, source: object_store::Error },
    #[error("other runs commit to '{key}' all the time. Try again")]
    Contended { key: String },
    #[error("'{key}' in the bucket is not what this program wrote: {problem}. Do not edit published files")]
    Damaged { key: String, problem: String },
}

impl PublishError {
    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store { source, .. } => matches!(source, object_store::Error::Generic { .. }),
            // Writing to the staging folder fails where the disk is full.
            Self::Contended { .. } | Self::Parquet { .. } => true,
            Self::Budget(_) | Self::Configuration { .. } | Self::Damaged { .. } => false,
        }
    }
}
