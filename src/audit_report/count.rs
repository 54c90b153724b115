//! The values of the figures, counted from the rows of the tables as they pass; not by the queries that the report prints.

mod coverage;
mod decisions;
mod releases;
mod results;
pub(crate) mod sums;

use std::collections::BTreeMap;

use self::sums::Values;
use crate::audit_report::figure::{Cell, Key};
use crate::audit_report::tables::{Tables, View};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Counts all figures.
///
/// # Errors
/// The bucket cannot be read.
pub(crate) fn values(bucket: &Bucket, tables: &Tables) -> Result<Values, PublishError> {
    let mut values = Values::new();
    releases::count(bucket, tables, &mut values)?;
    results::count(bucket, tables, &mut values)?;
    decisions::count(bucket, tables, &mut values)?;
    coverage::count(bucket, tables, &mut values)?;
    let mut positions: BTreeMap<String, u64> = BTreeMap::new();
    for (_, table) in tables.of_view(View::Positions) {
        *positions.entry(table.dataset.clone()).or_default() += table.rows;
    }
    let positions = positions.into_iter().filter(|(_, rows)| *rows > 0);
    let positions =
        positions.map(|(dataset, rows)| vec![dataset.into(), Cell::Count(i64::try_from(rows).unwrap_or(i64::MAX))]);
    values.insert(Key::Positions, positions.collect());
    Ok(values)
}
