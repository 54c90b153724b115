//! The queries within a query, each as a step of its own.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, SetExpr, Statement, TableFactor, VisitorMut};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// Takes the queries out of FROMs and INs, the inner ones first. Polars knows none that refers to the one around it.
#[derive(Default)]
pub(super) struct Steps(pub(super) Vec<(String, String)>);

impl VisitorMut for Steps {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::InSubquery { subquery, .. } = expr else { return ControlFlow::Continue(()) };
        let step = format!("_step_{}", self.0.len());
        let read = Parser::parse_sql(&GenericDialect, &format!("SELECT * FROM {step}")).ok();
        if let Some(Statement::Query(read)) = read.and_then(|mut statements| statements.pop()) {
            self.0.push((step, subquery.to_string()));
            *subquery = read;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Derived { lateral: false, subquery, alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        // Its name goes no further than the step that reads it, but two queries may have the same one.
        let step = format!("_step_{}", self.0.len());
        let alias = alias.as_ref().map_or_else(|| step.clone(), |alias| alias.to_string());
        let alias = alias.strip_prefix("AS ").unwrap_or(&alias);
        let table = Parser::parse_sql(&GenericDialect, &format!("SELECT 1 FROM {step} AS {alias}")).ok();
        let table = table.and_then(|mut statements| match statements.pop()? {
            Statement::Query(query) => match *query.body {
                SetExpr::Select(select) => Some(select.from.into_iter().next()?.relation),
                _ => None,
            },
            _ => None,
        });
        if let Some(table) = table {
            self.0.push((step, subquery.to_string()));
            *factor = table;
        }
        ControlFlow::Continue(())
    }
}
