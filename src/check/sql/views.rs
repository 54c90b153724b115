//! Which tables, views and columns the queries of a contract read, be it by way of other views.

use std::collections::BTreeMap;

use crate::check::context::Siblings;
use crate::contract::query::Query;
use crate::contract::{Contract, View};

/// Whether a query reads the rows of its own table, be it by a view.
pub(super) fn reads_own(contract: &Contract, query: &Query) -> bool {
    let by_view = |table: &String| contract.view(table).is_some_and(|view| reads_own(contract, &view.query));
    query.tables.contains(&contract.table) || query.tables.iter().any(by_view)
}

/// Whether a query reads another table of the feed that has private columns, be it by a view.
pub(super) fn reads_private(contract: &Contract, query: &Query, siblings: &Siblings) -> bool {
    query.tables.iter().any(|table| match contract.view(table) {
        Some(view) => reads_private(contract, &view.query, siblings),
        None => siblings.has_private(table),
    })
}

/// Whether a query reads other tables than its own, be it by a view.
pub fn reads_others(contract: &Contract, query: &Query) -> bool {
    query.tables.iter().filter(|table| **table != contract.table).any(|table| match contract.view(table) {
        Some(view) => reads_others(contract, &view.query),
        None => true,
    })
}

/// The views over the table as a whole that queries read, be it by other views; each after those that it reads.
pub fn whole_views<'a>(contract: &'a Contract, queries: &[&Query]) -> Vec<&'a View> {
    let mut read: Vec<&View> = Vec::new();
    // A view reads only views above it, so one way back through the list finds all.
    for view in contract.views.iter().rev() {
        let is_read = |query: &Query| query.tables.contains(&view.name);
        if queries.iter().any(|query| is_read(query)) || read.iter().any(|other| is_read(&other.query)) {
            read.push(view);
        }
    }
    read.retain(|view| view.per.is_empty());
    read.reverse();
    read
}

/// The views over parts of the table that queries over the table as a whole read, be it by views over the table as a whole;
/// by the columns whose equal values belong together.
pub fn views_in_parts<'a>(contract: &'a Contract, queries: &[&Query]) -> BTreeMap<&'a [usize], Vec<&'a View>> {
    let mut views: BTreeMap<&[usize], Vec<&View>> = BTreeMap::new();
    let by_views = whole_views(contract, queries);
    for view in contract.views.iter().filter(|view| !view.per.is_empty()) {
        let is_read = |query: &Query| query.tables.contains(&view.name);
        if queries.iter().any(|query| is_read(query)) || by_views.iter().any(|reader| is_read(&reader.query)) {
            views.entry(&view.per).or_default().push(view);
        }
    }
    views
}

/// Whether a query may need a column of its own table, views included.
pub fn needs(contract: &Contract, query: &Query, column: &str) -> bool {
    query.needs(&contract.table, column)
        || query.tables.iter().filter_map(|t| contract.view(t)).any(|view| needs(contract, &view.query, column))
}
