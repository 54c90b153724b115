//! Publish: released rows become files that readers can trust and find.
//!
//! Takes batches in the public columns of a contract; makes Parquet files in a staging folder, puts them into the bucket
//! under names that carry their digest, and commits them with one create-only write of the next table index. The first
//! complete release of a partition goes below `data/`, every other below `revised/`; all else is below `meta/` ([`index`]
//! has the map). SQL engines attach the catalogue that [`iceberg`] makes of the indexes. What people read beside the files
//! is the portal's. Holds one row group, or all rows of a partition if the contract asks for an order, booked on the run's
//! [`crate::table::Budget`].

pub mod bucket;
pub(crate) mod column_reader;
pub mod compare;
pub mod footer;
pub(crate) mod iceberg;
pub mod index;
pub(crate) mod log;
pub mod parquet;
pub(crate) mod view_writer;

use crate::digest::Digest;
use crate::table::BudgetExceeded;
use crate::yaml::Problem;

/// Why something could not be published. No message shows credentials.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    /// Of a file that is being made, in the private store.
    #[error(
        "the Parquet file of {table} could not be written: {problem}. Check the disk of the private store, where it is made in \
         'staging/', and try again"
    )]
    Parquet { table: String, problem: String },
    #[error("the bucket {bucket}: {problem}. {remedy}")]
    Configuration { bucket: String, problem: String, remedy: String },
    /// The folder of a bucket is not there. Only a run makes one, and only where nothing was published to it before.
    #[error(
        "the bucket {bucket} is not there: it was moved or deleted, or its disk is not mounted. Put it back. If nothing was \
         published to it yet, 'fahrtenbuch run' or 'up' begins it; if it is lost for good, make an empty folder there, and all of \
         which there is evidence is released again"
    )]
    Gone { bucket: String },
    #[error(
        "the bucket {bucket} failed at '{key}': {source}. See whether it can be reached and written as 'bucket' in fahrtenbuch.yaml \
         has it (place, access keys, permissions, disk), and try again"
    )]
    Store { bucket: String, key: String, source: object_store::Error },
    #[error("other runs commit to '{key}' all the time. Try again")]
    Contended { key: String },
    #[error("'{key}' could not be released: another run has just released '{first}' of the same date. Run again")]
    Overtaken { key: String, first: String },
    #[error(
        "'{key}' could not be released: the date was withdrawn. 'fahrtenbuch releases list' says why, and 'fahrtenbuch withdraw \
         --lift' lets it be released again"
    )]
    Withdrawn { key: String },
    /// It is no damage: no index names it any more.
    #[error("'{key}' was withdrawn, or replaced and deleted, while it was read. Try again")]
    Vanished { key: String },
    #[error("'{key}' in the bucket is not what this program wrote: {problem}. Restore it from a backup of the bucket")]
    Damaged { key: String, problem: String },
    /// A contract does not say how its columns follow from those that are published.
    #[error("{problem}")]
    Columns { problem: Problem },
    /// Nothing was changed.
    #[error(
        "'{key}' in the bucket was written by a newer version of this program: {problem}. Use that version or a later one"
    )]
    Newer { key: String, problem: String },
    #[error(
        "the published file '{key}' is damaged: {problem}. Restore the file with the SHA-256 {sha256} from a backup of the \
         bucket, or run again with the evidence, contracts and program that it was made from"
    )]
    Unmendable { key: String, problem: String, sha256: Digest },
}

impl PublishError {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            // A store that answers 409 asks to be asked again: something else was done to the object at the same time.
            Self::Store { source, .. } => {
                use object_store::Error::{AlreadyExists, Generic, NotModified, Precondition};
                matches!(source, Generic { .. } | AlreadyExists { .. } | Precondition { .. } | NotModified { .. })
            }
            // Writing to the staging folder fails where the disk is full.
            Self::Contended { .. }
            | Self::Overtaken { .. }
            | Self::Vanished { .. }
            | Self::Parquet { .. }
            | Self::Gone { .. } => true,
            Self::Budget(_)
            | Self::Configuration { .. }
            | Self::Columns { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Withdrawn { .. }
            | Self::Unmendable { .. } => false,
        }
    }
}
