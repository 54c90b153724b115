//! What a rule's query says before it runs: whether it parses, which tables and columns it needs, and whether it can be
//! asked of single rows.
//!
//! The dialect is that of Polars SQL, which parses with the same library.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, JoinConstraint,
    JoinOperator, OrderByKind, Query as Ast, Select, SelectFlavor, SelectItem, SetExpr, Statement, TableAlias,
    TableFactor, UnaryOperator, Visit, VisitMut, Visitor, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::contract::depth;
use crate::time::{ServiceDate, ServiceSeconds};

/// The column that says which row of a table a row of a result is.
pub const INDEX: &str = "_index";
/// The table under its name in the partition before this one.
pub const PREVIOUS: &str = "previous";
/// What the tables of the timetable that is valid on the service date begin with.
pub const TIMETABLE: &str = "timetable_";

/// Functions that look at one row at a time. Every other function makes a query wait for all rows.
const ROW_WISE: &[&str] = &[
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "date_part",
    "degrees",
    "distance_m",
    "distance_to_shape_m",
    "div",
    "ends_with",
    "exp",
    "floor",
    "greatest",
    "if",
    "ifnull",
    "in_service_area",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "log10",
    "lower",
    "ltrim",
    "mod",
    "nullif",
    "pow",
    "power",
    "radians",
    "regexp_like",
    "replace",
    "right",
    "round",
    "rtrim",
    "service_seconds",
    "sign",
    "sin",
    "sqrt",
    "starts_with",
    "strftime",
    "strpos",
    "substr",
    "tan",
    "trim",
    "upper",
];

/// A query, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// As it is asked; `{date}` still stands in it.
    pub sql: String,
    /// The tables that it reads, its own among them; not its common table expressions.
    pub tables: BTreeSet<String>,
    /// Every word in it: names of columns are among them.
    words: BTreeSet<String>,
    /// Names of columns that stand in it elsewhere than as the whole argument of a `COUNT(...)` without DISTINCT.
    pub shown: BTreeSet<String>,
    /// Names of columns that stand in it as the whole argument of such a `COUNT(...)`.
    pub counted: BTreeSet<String>,
    /// What in it may use columns without their names standing there: `* RENAME`, `COLUMNS(...)`, `NATURAL JOIN`, and every
    /// form that is not known to be without this.
    pub opaque: Option<String>,
    /// The names that it gives to expressions, and the columns in each, but for those in a `COUNT(...)`.
    pub given: Vec<(String, BTreeSet<String>)>,
    /// The line of the contract on which it begins; 1 where there is none.
    pub line: u32,
    /// The tables of which it reads all columns (`SELECT *`).
    all_of: BTreeSet<String>,
    /// Whether each row of `table` is named or not whatever the other rows are.
    pub is_local: bool,
    /// Of such a query, if nothing decides but which cells are null: its condition.
    pub nulls: Option<Nulls>,
}

/// A condition that asks only which cells of a row are null, so that it is true or false and cannot fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Nulls {
    /// `column IS NULL`
    IsNull(String),
    Not(Box<Nulls>),
    And(Box<Nulls>, Box<Nulls>),
    Or(Box<Nulls>, Box<Nulls>),
}

impl Nulls {
    /// What a condition asks, if it asks nothing else.
    fn of(expr: &Expr) -> Option<Self> {
        let is_null = |expr: &Expr| match expr {
            Expr::Identifier(name) => Some(Self::IsNull(name.value.clone())),
            _ => None,
        };
        let both = |left: &Expr, right: &Expr| Some((Box::new(Self::of(left)?), Box::new(Self::of(right)?)));
        match expr {
            Expr::Nested(inner) => Self::of(inner),
            Expr::IsNull(cell) => is_null(cell),
            Expr::IsNotNull(cell) => is_null(cell).map(|cell| Self::Not(Box::new(cell))),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Self::of(expr).map(|expr| Self::Not(Box::new(expr))),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                both(left, right).map(|(left, right)| Self::And(left, right))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                both(left, right).map(|(left, right)| Self::Or(left, right))
            }
            _ => None,
        }
    }
}

/// Why a query cannot be read, and on which of its lines (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: u32,
    pub message: String,
}

impl Query {
    /// Reads a query over `table`.
    pub fn read(sql: &str, table: &str) -> Result<Self, Fault> {
        let fault = |message: String| {
            // The parser ends its messages with "at Line: 3, Column: 7".
            let line = message.rsplit_once("at Line: ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
            let said = message.rsplit_once(" at Line: ").map_or(message.as_str(), |(said, _)| said);
            // The end of a query has no line of its own.
            let last = u32::try_from(sql.trim_end().lines().count()).unwrap_or(u32::MAX);
            let line = line.filter(|line| *line > 0).unwrap_or(last).max(1);
            Fault {
                line,
                message: said.trim_start_matches("sql parser error: ").replace("found: EOF", "found its end"),
            }
        };
        let text = Placeholders::of(ServiceDate(jiff::civil::date(2000, 1, 1))).fill(sql);
        let tokens = Tokenizer::new(&GenericDialect, &text).tokenize_with_location();
        let tokens = tokens.map_err(|error| fault(error.to_string()))?;
        if let Some((line, message)) = depth::mistake(&tokens) {
            return Err(Fault { line, message });
        }
        let parsed = Parser::new(&GenericDialect).with_tokens_with_locations(tokens.clone()).parse_statements();
        let statements = parsed.map_err(|error| match error {
            ParserError::RecursionLimitExceeded => Fault { line: 1, message: "its brackets are too deep".to_owned() },
            error => fault(error.to_string()),
        })?;
        let [Statement::Query(ast)] = statements.as_slice() else {
            let message = match statements.len() {
                1 => "it is no query".to_owned(),
                many => format!("it has {many} statements"),
            };
            return Err(Fault { line: 1, message });
        };
        let words: Vec<String> = tokens
            .into_iter()
            .filter_map(|token| match token.token {
                Token::Word(word) => Some(word.value),
                _ => None,
            })
            .collect();
        // A name like "^a.*$" or "*" stands for many columns.
        let are_plain = words.iter().all(|word| is_plain(word));
        let indexes = words.iter().filter(|word| word.eq_ignore_ascii_case(INDEX)).count();
        let mut reader = Reader::default();
        let _ = ast.visit(&mut reader);
        let tables: BTreeSet<String> = reader.tables.difference(&reader.own_names).cloned().collect();
        let is_local = reader.queries == 1
            && reader.is_row_wise
            && reader.opaque.is_none()
            && are_plain
            && indexes == 1
            && is_filter_of(ast, table);
        let condition = if let SetExpr::Select(select) = ast.body.as_ref() { select.selection.as_ref() } else { None };
        Ok(Self {
            is_local,
            nulls: condition.filter(|_| is_local).and_then(Nulls::of),
            opaque: reader.opaque.or_else(|| (!are_plain).then(|| "a name that is no plain word".to_owned())),
            shown: reader.shown.names,
            counted: reader.shown.counted,
            given: reader.given,
            line: 1,
            all_of: reader.all_of.intersection(&tables).cloned().collect(),
            sql: sql.to_owned(),
            words: words.into_iter().collect(),
            tables,
        })
    }

    /// The query with the line of the contract on which it begins.
    pub fn at(mut self, line: u32) -> Self {
        self.line = line;
        self
    }

    /// Whether the query may need a column of a table.
    pub fn needs(&self, table: &str, column: &str) -> bool {
        self.tables.contains(table) && (self.all_of.contains(table) || self.words.contains(column))
    }

    /// Whether a function is called, or a word stands in the query for another reason.
    pub fn says(&self, word: &str) -> bool {
        self.words.iter().any(|own| own.eq_ignore_ascii_case(word))
    }

    /// Its tokens with one space between them, without comments: what does not change with how it is written down.
    pub fn canonical(&self) -> String {
        let Ok(tokens) = Tokenizer::new(&GenericDialect, &self.sql).tokenize() else { return self.sql.clone() };
        let tokens = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        tokens.map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The line of the contract on which a name first stands: of a table, a function or a column, also as `table.column`.
    pub fn line_of(&self, name: &str) -> Option<u32> {
        let text = Placeholders::of(ServiceDate(jiff::civil::date(2000, 1, 1))).fill(&self.sql);
        let tokens = Tokenizer::new(&GenericDialect, &text).tokenize_with_location().ok()?;
        let tokens: Vec<_> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        let parts: Vec<&str> = name.split('.').collect();
        let here = tokens.windows(parts.len() * 2 - 1).find(|window| {
            let mut words = window.iter().step_by(2).zip(&parts);
            let is_word =
                |token: &Token, part: &str| matches!(token, Token::Word(w) if w.value.eq_ignore_ascii_case(part));
            words.all(|(token, part)| is_word(&token.token, part))
                && window.iter().skip(1).step_by(2).all(|token| token.token == Token::Period)
        })?;
        u32::try_from(here[0].span.start.line).ok().map(|line| self.line + line.max(1) - 1)
    }

    /// The query for a partition.
    pub fn with(&self, placeholders: Placeholders) -> String {
        placeholders.fill(&self.sql)
    }

    /// The query for a partition, in steps: each common table expression and each query within it with its name, then the
    /// rest, which has none. Polars does not know the functions of a program inside of them. `None` if a common table
    /// expression gives names to its columns, which a step cannot.
    pub fn in_steps(&self, placeholders: Placeholders) -> Option<(Vec<(String, String)>, String)> {
        let mut statements = Parser::parse_sql(&GenericDialect, &self.with(placeholders)).ok()?;
        let Some(Statement::Query(ast)) = statements.first_mut() else { return None };
        let mut steps = Steps::default();
        for mut part in ast.with.take().into_iter().flat_map(|with| with.cte_tables) {
            if !part.alias.columns.is_empty() {
                return None;
            }
            let _ = VisitMut::visit(&mut part.query, &mut steps);
            steps.0.push((part.alias.name.value, part.query.to_string()));
        }
        let _ = VisitMut::visit(ast, &mut steps);
        Some((steps.0, ast.to_string()))
    }
}

/// Takes the queries out of FROMs and INs, the inner ones first. Polars knows none that refers to the one around it.
#[derive(Default)]
struct Steps(Vec<(String, String)>);

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

/// What stands in a query for something of the partition.
#[derive(Clone, Copy, Debug)]
pub struct Placeholders {
    /// `{date}`: the date of the partition; as a number of days, for Polars warns of dates in text.
    pub date: ServiceDate,
    /// `{until}`: until when the run can judge its date, as a time of the timetable in whole seconds.
    pub until: ServiceSeconds,
}

impl Placeholders {
    /// Of a date that is over.
    pub fn of(date: ServiceDate) -> Self {
        Self { date, until: DAY_ENDS }
    }

    /// A query's text with its placeholders filled in.
    fn fill(self, sql: &str) -> String {
        let date = format!("CAST({} AS DATE)", self.date.days_since_epoch());
        let sql = sql.replace("${date}", "{date}").replace("{date}", &date);
        sql.replace("${until}", "{until}").replace("{until}", &self.until.0.to_string())
    }
}

/// A service date has thirty hours.
pub const DAY_ENDS: ServiceSeconds = ServiceSeconds(30 * 3600);

/// Whether a query is one `SELECT _index FROM table WHERE ...`.
fn is_filter_of(ast: &Ast, table: &str) -> bool {
    let SetExpr::Select(select) = ast.body.as_ref() else { return false };
    let is_index = match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(Expr::Identifier(name))] => name.value == INDEX,
        [SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts))] => {
            parts.last().is_some_and(|name| name.value == INDEX)
        }
        _ => false,
    };
    if !is_index {
        return false;
    }
    let plain = ast.with.is_none() && ast.order_by.is_none() && ast.limit_clause.is_none() && ast.fetch.is_none();
    let [from] = select.from.as_slice() else { return false };
    let own = matches!(&from.relation, TableFactor::Table { name, .. } if name.to_string() == table);
    plain && own && from.joins.is_empty() && is_ungrouped(select)
}

fn is_ungrouped(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(expressions, _) => !expressions.is_empty(),
    };
    !grouped && select.having.is_none() && select.qualify.is_none() && select.distinct.is_none() && select.top.is_none()
}

/// The names of columns in an expression, but for those that are only counted.
#[derive(Default)]
struct Shown {
    /// Where the arguments of a `COUNT(...)` are that are yet to come. They are compared and never followed.
    arguments: Vec<*const Expr>,
    counted: BTreeSet<String>,
    names: BTreeSet<String>,
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
fn leaf(name: &sqlparser::ast::ObjectName) -> String {
    name.0.last().map_or_else(String::new, |part| part.to_string().replace('"', ""))
}

struct Reader {
    queries: usize,
    shown: Shown,
    opaque: Option<String>,
    given: Vec<(String, BTreeSet<String>)>,
    tables: BTreeSet<String>,
    /// Names that the query gives to parts of itself.
    own_names: BTreeSet<String>,
    all_of: BTreeSet<String>,
    is_row_wise: bool,
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

    fn pre_visit_query(&mut self, query: &Ast) -> ControlFlow<()> {
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

    fn pre_visit_relation(&mut self, relation: &sqlparser::ast::ObjectName) -> ControlFlow<()> {
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

/// Whether a name stands for one column: Polars takes others for patterns that may stand for many.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Functions that make one value of many, and those over windows. They name what they look at.
const AGGREGATES: &[&str] = &[
    "avg",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "dense_rank",
    "first",
    "first_value",
    "lag",
    "last",
    "last_value",
    "lead",
    "max",
    "mean",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "rank",
    "row_number",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "stdev",
    "sum",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

fn is_all(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// Whether a part of a query takes all columns of something.
fn takes_all(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.projection.iter().any(is_all),
        SetExpr::Query(query) => takes_all(&query.body),
        SetExpr::SetOperation { left, right, .. } => takes_all(left) || takes_all(right),
        _ => true,
    }
}

/// How a query decides by columns that it does not name: by `*` in a UNION, by the place of a column.
fn unnamed_columns(query: &Ast) -> Option<&'static str> {
    let is_known = query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty();
    if !is_known {
        return Some("a clause that is not known here");
    }
    match query.body.as_ref() {
        SetExpr::Select(_) | SetExpr::Query(_) => {}
        SetExpr::SetOperation { .. } if takes_all(&query.body) => return Some("* in a UNION, INTERSECT or EXCEPT"),
        SetExpr::SetOperation { .. } => {}
        _ => return Some("what is neither a SELECT nor a UNION of them"),
    }
    match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::All(_)) => Some("ORDER BY ALL"),
        Some(OrderByKind::Expressions(by)) if takes_all(&query.body) && by.iter().any(|by| !is_name(&by.expr)) => {
            Some("ORDER BY with something else than names over *")
        }
        _ => None,
    }
}

/// Whether an expression is a name; `ALL` is none.
fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("all"),
        Expr::CompoundIdentifier(_) => true,
        _ => false,
    }
}

/// What in a SELECT is none of the forms of which it is known that each column is named.
fn unknown_form(select: &Select) -> Option<&'static str> {
    let has_all = select.projection.iter().any(is_all);
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                let is_bare = options.opt_ilike.is_none()
                    && options.opt_exclude.is_none()
                    && options.opt_except.is_none()
                    && options.opt_replace.is_none()
                    && options.opt_rename.is_none()
                    && options.opt_alias.is_none();
                if !is_bare {
                    return Some("* with EXCLUDE, REPLACE, RENAME or ILIKE");
                }
            }
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {}
            _ => return Some("several names for one expression"),
        }
    }
    let is_known = select.select_modifiers.is_none()
        && select.top.is_none()
        && select.exclude.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.value_table_mode.is_none()
        && matches!(select.flavor, SelectFlavor::Standard);
    if !is_known {
        return Some("a clause that is not known here");
    }
    let by_place = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !modifiers.is_empty() || has_all && by.iter().any(|by| !is_name(by)),
    };
    if by_place {
        return Some("GROUP BY with something else than names");
    }
    (select.distinct.is_some() && has_all).then_some("DISTINCT over *")
}

/// An expression that is none of those of which it is known that each column in it is named.
fn unknown_expression(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => {
            let name = function.name.to_string();
            let lower = name.to_lowercase();
            if !ROW_WISE.contains(&lower.as_str()) && !AGGREGATES.contains(&lower.as_str()) {
                return Some(format!("the function {name}"));
            }
            let takes_all = match &function.args {
                FunctionArguments::List(list) => list.args.iter().any(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) => false,
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => lower != "count",
                    _ => true,
                }),
                FunctionArguments::None => false,
                FunctionArguments::Subquery(_) => true,
            };
            (takes_all || !matches!(function.parameters, FunctionArguments::None))
                .then(|| format!("{name} over something else than expressions"))
        }
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::RLike { .. }
        | Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Interval(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Tuple(_) => None,
        _ => Some("an expression that is not known here".to_owned()),
    }
}

fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator::*;
    match join {
        Join(on) | Inner(on) | Left(on) | LeftOuter(on) | Right(on) | RightOuter(on) | FullOuter(on)
        | CrossJoin(on) => Some(on),
        Semi(on) | LeftSemi(on) | RightSemi(on) | Anti(on) | LeftAnti(on) | RightAnti(on) | StraightJoin(on) => {
            Some(on)
        }
        AsOf { constraint, .. } => Some(constraint),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
