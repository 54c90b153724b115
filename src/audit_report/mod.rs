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
mod figure;
mod figures;
mod files;
mod html;
mod picture;
mod sources;
mod tables;
mod words;

use self::changes::ContractChange;
use self::count::Values;
use self::figure::{Cell, Key, Row};
pub(crate) use self::files::files;
use self::sources::Described;
use self::tables::Tables;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::workspace::Workspace;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    #[error(
        "'publication: off' in fahrtenbuch.yaml leaves out the tables that every number of the report is counted from. Take the line \
         out, and write the tables: 'fahrtenbuch publish --rebuild'."
    )]
    Off,
    #[error(
        "nothing was published yet: there is no bucket at {place}. The report tells what was: 'fahrtenbuch run' first."
    )]
    NoBucket { place: String },
    #[error(
        "the bucket {place} has no table 'publication/{table}', which the numbers of the report are counted from. Write it: \
         'fahrtenbuch publish --rebuild'."
    )]
    NoTable { table: &'static str, place: String },
    #[error("nothing is published of {year}: there is nothing to report.{}", others(.years))]
    NoData { year: i16, years: Vec<i16> },
    #[error(transparent)]
    Publish(#[from] PublishError),
}

fn others(years: &[i16]) -> String {
    let years: Vec<String> = years.iter().map(|year| format!("'--year {year}'")).collect();
    match years.is_empty() {
        true => String::new(),
        false => format!(" There is something of other years: {}.", years.join(", ")),
    }
}

impl AuditError {
    /// Whether trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Publish(error) if error.is_transient())
    }

    /// Whether the configuration is to be changed.
    pub(crate) fn is_configuration(&self) -> bool {
        matches!(self, Self::Off | Self::Publish(PublishError::Configuration { .. }))
    }
}

/// The report of a year.
#[derive(Debug)]
pub(crate) struct AuditReport {
    pub year: i16,
    /// What the workspace says of itself.
    described: Described,
    tables: Tables,
    values: Values,
    changes: Vec<ContractChange>,
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
        Ok(Self { year, described: Described::of(workspace)?, tables, values, changes })
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
