//! The audit report, for the body that funds the data: what was published in a year, how complete and how good it was, what failed,
//! what was changed by whom, and how to check all of it.
//!
//! Every number is a figure of the one table in [`figures`]: it has a query over the published tables, which `figures.csv` and the
//! annex print, and the versions of these tables by their digests. Its value is counted another way ([`count`]), from the same files,
//! so that who runs the query checks the report. Words come from the workspace: purpose, sources, what is done for privacy. The
//! private store is not read. The same bucket gives the same bytes: the report is of the newest release, and of no clock.
//!
//! Holds sums, and of each day and rule what it found; of files a batch of rows of the columns that are counted.

mod changes;
mod count;
mod coverage_views;
mod error;
mod figure;
mod figures;
mod files;
mod html;
mod ledger_entries;
mod picture;
mod sources;
mod tables;
mod words;

use self::changes::ContractChange;
use self::count::sums::Values;
pub(crate) use self::error::AuditError;
use self::figure::{Cell, Key, Row};
pub(crate) use self::files::files;
use self::ledger_entries::LedgerEntries;
use self::sources::Described;
use self::tables::Tables;
use crate::publish::bucket::Bucket;
use crate::workspace::Workspace;

/// The report of a year.
#[derive(Debug)]
pub(crate) struct AuditReport {
    pub year: i16,
    /// What the workspace says of itself.
    described: Described,
    tables: Tables,
    values: Values,
    changes: Vec<ContractChange>,
    ledger: LedgerEntries,
}

impl AuditReport {
    /// Counts the report of a year; without a bucket nothing was published yet.
    ///
    /// # Errors
    /// The tables that tell what was published are left out or have nothing of the year, or the bucket cannot be read.
    pub(crate) fn of(workspace: &Workspace, bucket: Option<&Bucket>, year: i16) -> Result<Self, AuditError> {
        if !workspace.publication {
            return Err(AuditError::Off);
        }
        let bucket = bucket.ok_or_else(|| AuditError::NoBucket { place: workspace.bucket.clone() })?;
        let tables = Tables::of(bucket, year)?;
        let values = count::values(bucket, &tables)?;
        let changes = changes::of(bucket, &values)?;
        let ledger = LedgerEntries::read(bucket, year)?;
        Ok(Self { year, described: Described::of(workspace)?, tables, values, changes, ledger })
    }

    /// The values of a figure.
    fn rows(&self, key: Key) -> &[Row] {
        self.values.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// A value of the first row of a figure; null if there is none.
    fn cell(&self, key: Key, row: usize, column: &str) -> &Cell {
        let place = figures::definition(key).columns.iter().position(|of| of.name == column);
        place.and_then(|place| self.rows(key).get(row)?.get(place)).unwrap_or(&Cell::Null)
    }
}
