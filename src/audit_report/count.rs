//! The values of the figures, counted from the rows of the tables as they pass; not by the queries that the report prints.

mod coverage;
mod decisions;
mod releases;
mod results;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::audit_report::figure::{Cell, Key, Row};
use crate::audit_report::tables::{Tables, View};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

/// The values of each figure.
pub(crate) type Values = BTreeMap<Key, Vec<Row>>;

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

/// As the report writes a minute.
fn minute(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Orders rows by some of their columns; one that is `true` from the largest down.
fn sort(rows: &mut [Row], by: &[(usize, bool)]) {
    rows.sort_by(|one, other| {
        let orders = by.iter().map(|&(column, is_descending)| {
            let order = one[column].order(&other[column]);
            if is_descending { order.reverse() } else { order }
        });
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
}

/// Dates on which something was.
#[derive(Default)]
struct Span(BTreeSet<ServiceDate>);

impl Span {
    fn add(&mut self, date: ServiceDate) {
        self.0.insert(date);
    }

    fn days(&self) -> Cell {
        self.0.len().into()
    }

    fn first(&self) -> Cell {
        self.0.first().map(ServiceDate::to_string).into()
    }

    fn last(&self) -> Cell {
        self.0.last().map(ServiceDate::to_string).into()
    }
}

/// A sum of values that may all be missing.
#[derive(Clone, Copy, Default)]
struct Sum(Option<i64>);

impl Sum {
    fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.0 = Some(self.0.unwrap_or(0).saturating_add(value));
        }
    }

    /// The sum, and 0 of nothing.
    fn total(self) -> i64 {
        self.0.unwrap_or(0)
    }

    /// The sum, and null of nothing.
    fn cell(self) -> Cell {
        self.0.map_or(Cell::Null, Cell::Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_as_a_query_orders_them() {
        let row = |days: i64, name: Option<&str>| vec![Cell::Count(days), name.map(str::to_owned).into()];
        let mut rows = vec![row(1, Some("a")), row(3, None), row(3, Some("b")), row(3, Some("B"))];
        sort(&mut rows, &[(0, true), (1, false)]);
        assert_eq!(rows, [row(3, Some("B")), row(3, Some("b")), row(3, None), row(1, Some("a"))]);
    }
}
