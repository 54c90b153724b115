//! Sums over rows, and how their results are ordered and written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::audit_report::figure::{Cell, Key, Row};
use crate::time::ServiceDate;

/// The values of each figure.
pub(crate) type Values = BTreeMap<Key, Vec<Row>>;

/// As the report writes a minute.
pub(super) fn minute(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Orders rows by some of their columns; one that is `true` from the largest down.
pub(super) fn sort(rows: &mut [Row], by: &[(usize, bool)]) {
    rows.sort_by(|one, other| {
        let orders = by.iter().map(|&(column, is_descending)| {
            let order = one[column].order(&other[column]);
            if is_descending { order.reverse() } else { order }
        });
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
}

/// Rows in the order of their times, and of one time by some of their columns; those without a time come last.
pub(super) fn sorted_by_time(mut rows: Vec<(Option<Timestamp>, Row)>, by: &[usize]) -> Vec<Row> {
    rows.sort_by(|(at, one), (other_at, other)| {
        let times = (at.is_none(), at).cmp(&(other_at.is_none(), other_at));
        by.iter().fold(times, |order, &column| order.then_with(|| one[column].order(&other[column])))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Dates on which something was.
#[derive(Default)]
pub(super) struct Span(pub BTreeSet<ServiceDate>);

impl Span {
    pub(super) fn add(&mut self, date: ServiceDate) {
        self.0.insert(date);
    }

    pub(super) fn days(&self) -> Cell {
        self.0.len().into()
    }

    pub(super) fn first(&self) -> Cell {
        self.0.first().map(ServiceDate::to_string).into()
    }

    pub(super) fn last(&self) -> Cell {
        self.0.last().map(ServiceDate::to_string).into()
    }
}

/// A sum of values that may all be missing.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(pub Option<i64>);

impl Sum {
    pub(super) fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.0 = Some(self.0.unwrap_or(0).saturating_add(value));
        }
    }

    /// The sum, and 0 of nothing.
    pub(super) fn total(self) -> i64 {
        self.0.unwrap_or(0)
    }

    /// The sum, and null of nothing.
    pub(super) fn cell(self) -> Cell {
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
