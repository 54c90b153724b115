//! What stands in a parsed query: tables, names of columns, functions, and forms that are not known.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint, JoinOperator, ObjectName, Query,
    Select, SelectItem, TableAlias, TableFactor, Visit, Visitor,
};

use super::forms::{ROW_WISE, constraint, unknown_expression, unknown_form, unnamed_columns};

/// The names of columns in an expression, but for those that are only counted.
#[derive(Default)]
pub(super) struct Shown {
    /// Where the arguments of a `COUNT(...)` are that are yet to come. They are compared and never followed.
    arguments: Vec<*const Expr>,
    pub counted: BTreeSet<String>,
    pub names: BTreeSet<String>,
}

impl Shown {
    /// Of all columns in an expression.
    fn of(expr: &Expr) -> BTreeSet<String> {
        let mut shown = Self::default();
        let _ = expr.visit(&mut shown);
        shown.names
    }
}

impl Visitor for Shown {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr
            && name.to_string().eq_ignore_ascii_case("count")
            && list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
            && list.args.len() == 1
        {
            self.arguments.extend(list.args.iter().filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(std::ptr::from_ref(argument)),
                _ => None,
            }));
        }
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        let is_counted = self.arguments.iter().any(|argument| std::ptr::eq(*argument, expr));
        let names = if is_counted { &mut self.counted } else { &mut self.names };
        names.extend(name.map(|name| name.value.clone()));
        ControlFlow::Continue(())
    }
}

/// The name of a table without its quotes and what stands before it.
fn leaf(name: &ObjectName) -> String {
    name.0.last().map_or_else(String::new, |part| part.to_string().replace('"', ""))
}

pub(super) struct Reader {
    pub queries: usize,
    pub shown: Shown,
    pub opaque: Option<String>,
    pub given: Vec<(String, BTreeSet<String>)>,
    pub tables: BTreeSet<String>,
    /// Names that the query gives to parts of itself.
    pub own_names: BTreeSet<String>,
    pub all_of: BTreeSet<String>,
    pub is_row_wise: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            queries: 0,
            shown: Shown::default(),
            opaque: None,
            given: Vec::new(),
            tables: BTreeSet::new(),
            own_names: BTreeSet::new(),
            all_of: BTreeSet::new(),
            is_row_wise: true,
        }
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.queries += 1;
        for part in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.own_names.insert(part.alias.name.value.clone());
            self.alias(Some(&part.alias));
        }
        if let Some(what) = unnamed_columns(query) {
            self.hides(what);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        for item in &select.projection {
            let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
            self.given.push((alias.value.clone(), Shown::of(expr)));
        }
        if let Some(what) = unknown_form(select) {
            self.hides(what);
        }
        for join in select.from.iter().flat_map(|from| &from.joins) {
            self.read_join(&join.join_operator);
        }
        if select.projection.iter().any(is_all) {
            let relations = select
                .from
                .iter()
                .flat_map(|from| [&from.relation].into_iter().chain(from.joins.iter().map(|join| &join.relation)));
            // All columns of a query in the FROM are those that it names.
            self.all_of.extend(relations.filter_map(|relation| match relation {
                TableFactor::Table { name, .. } => Some(leaf(name)),
                _ => None,
            }));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.insert(leaf(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let _ = self.shown.pre_visit_expr(expr);
        if let Expr::Function(Function { name, over, .. }) = expr {
            let name = name.to_string().to_lowercase();
            self.is_row_wise &= over.is_none() && ROW_WISE.contains(&name.as_str());
        }
        if let Some(what) = unknown_expression(expr) {
            self.hides(&what);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias, args: None, version: None, json_path: None, sample: None, .. } => {
                self.alias(alias.as_ref());
            }
            TableFactor::Derived { lateral: false, alias, sample: None, .. } => self.alias(alias.as_ref()),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.alias(alias.as_ref());
                for join in &table_with_joins.joins {
                    self.read_join(&join.join_operator);
                }
            }
            _ => self.hides("what is neither a table nor a query in FROM"),
        }
        ControlFlow::Continue(())
    }
}

impl Reader {
    fn hides(&mut self, what: &str) {
        self.opaque.get_or_insert_with(|| what.to_owned());
    }

    /// A name for a table, which may have names for its columns: `AS t(a, b)`.
    fn alias(&mut self, alias: Option<&TableAlias>) {
        if alias.is_some_and(|alias| !alias.columns.is_empty()) {
            self.hides("names of columns behind the name of a table");
        }
    }

    fn read_join(&mut self, join: &JoinOperator) {
        match constraint(join) {
            // What stands behind ON is an expression like any other.
            Some(JoinConstraint::On(_) | JoinConstraint::None) => {}
            Some(JoinConstraint::Using(columns)) => self.shown.names.extend(columns.iter().map(leaf)),
            Some(JoinConstraint::Natural) => self.hides("NATURAL JOIN"),
            None => self.hides("a JOIN that is not known here"),
        }
    }
}
