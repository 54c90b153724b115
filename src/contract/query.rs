//! What a rule's query says before it runs: whether it parses, which tables and columns it needs, and whether it can be
//! asked of single rows.
//!
//! The dialect is that of Polars SQL, which parses with the same library.

mod forms;
mod reader;
mod steps;

use std::collections::BTreeSet;

use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query as Ast, Select, SelectItem, SetExpr, Statement, TableFactor,
    UnaryOperator, Visit, VisitMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use self::reader::Reader;
use self::steps::Steps;
use crate::contract::depth;
use crate::time::{ServiceDate, ServiceSeconds};

/// The column that says which row of a table a row of a result is.
pub const INDEX: &str = "_index";
/// The table under its name in the partition before this one.
pub const PREVIOUS: &str = "previous";
/// What the tables of the timetable that is valid on the service date begin with.
pub const TIMETABLE: &str = "timetable_";

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

/// Whether a name stands for one column: Polars takes others for patterns that may stand for many.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
