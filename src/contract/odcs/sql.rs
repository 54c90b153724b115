//! Queries of a contract: their placeholders, and the parts that they are run in.

use crate::contract::Contract;
use crate::contract::odcs::section::Told;
use crate::contract::query::Query;
use crate::yaml::{Node, Problems};

/// The query that a text says, with the placeholders of ODCS filled in; one that does not parse is told with its line.
pub(super) fn query(text: &Node, column: Option<&str>, contract: &Contract, told: &mut Told) -> Option<Query> {
    // A block of text begins on the line below its key, and so says its node.
    let line = text.line;
    let Some(sql) = text.scalar() else {
        told.fit.add(line, format!("the query is {}, expected text", text.kind()), "Write 'SELECT ...'.");
        return None;
    };
    match Query::read(&placeholders(&sql, &contract.table, column), &contract.table) {
        Ok(query) => Some(query.at(line)),
        Err(fault) => {
            let message = format!("the query does not parse: {}", fault.message);
            told.fit.add(line + fault.line - 1, message, "Mend the SQL.");
            None
        }
    }
}

/// ODCS writes `{object}` and `{property}`, also with a dollar sign, for the table and the column that a query is about.
fn placeholders(sql: &str, table: &str, column: Option<&str>) -> String {
    let mut sql = sql.to_owned();
    let names = [("object", Some(table)), ("table", Some(table)), ("property", column), ("column", column)];
    for (name, value) in names.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        sql = sql.replace(&format!("${{{name}}}"), value).replace(&format!("{{{name}}}"), value);
    }
    sql
}

/// A query that is run in parts: once for each value of the columns at the places `per`.
pub(super) struct InParts<'a> {
    /// The rule or view, for messages.
    pub what: &'a str,
    pub line: u32,
    pub query: &'a Query,
    pub per: &'a [usize],
}

/// A query that is run in parts may read views that are made of the same parts, or of the table as a whole.
pub(super) fn same_per(of: &InParts<'_>, contract: &Contract, problems: &mut Problems) {
    let InParts { what, line, query, per } = *of;
    for view in query.tables.iter().filter_map(|table| contract.view(table)) {
        if !per.is_empty() && !view.per.is_empty() && view.per != per {
            let (own, other) = (contract.names(per).join(", "), contract.names(&view.per).join(", "));
            let message = format!("{what} is asked per {own}, the view '{}' per {other}", view.name);
            problems.add(line, message, "Give both the same 'per', or the view none.");
        }
    }
}
