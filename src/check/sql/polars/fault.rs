//! What Polars says of a query that is broken. Its errors are known by their text alone.

use crate::check::sql::{NoResult, QueryFault};

/// Reads an error of Polars.
pub(super) fn read(why: &str) -> QueryFault {
    let why = NoResult::without_plan(why);
    let between = |from: &str, until: &str| why.split_once(from)?.1.split_once(until).map(|(name, _)| name.to_owned());
    if let Some(column) = between("unable to find column \"", "\"") {
        let list = between("valid columns: [", "]").unwrap_or_default();
        let known = list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect();
        return QueryFault::UnknownColumn { column, known };
    }
    if let Some((column, table)) = between("no column named '", "'").zip(between("found in table '", "'")) {
        return QueryFault::NoColumnOfTable { column, table };
    }
    if let Some(table) = between("no table or struct column named '", "'") {
        return QueryFault::UnknownTable(table);
    }
    if let Some(function) = between("unsupported function '", "'") {
        return QueryFault::UnknownFunction(function);
    }
    if let Some((one, other)) = why.strip_prefix("cannot compare ").and_then(|rest| rest.split_once(" with ")) {
        return QueryFault::Incomparable(one.to_owned(), other.to_owned());
    }
    QueryFault::Other(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_polars_are_read() {
        let column = "unable to find column \"g\"; valid columns: [\"a\", \"b\"]\n\nResolved plan until failure";
        let known = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(read(column), QueryFault::UnknownColumn { column: "g".to_owned(), known });
        assert_eq!(read("unsupported function 'x' is"), QueryFault::UnknownFunction("x".to_owned()));
        assert_eq!(read("panic\n\nplan"), QueryFault::Other("panic".to_owned()));
    }
}
