//! What a number of the report is: its place in a table of figures, its unit, and the query that gives it.

use std::cmp::Ordering;

use serde_json::Value;

use crate::audit_report::tables::View;
use crate::text::Language;

/// A value of a figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing is known.
    Null,
    Text(String),
    Count(i64),
    Number(f64),
}

impl Cell {
    /// In points of a hundred; nothing of nothing.
    pub(crate) fn share(part: i64, of: i64) -> Self {
        if of == 0 { Self::Null } else { Self::Number(100.0 * part as f64 / of as f64) }
    }

    pub(crate) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    pub(crate) fn count(&self) -> i64 {
        if let Self::Count(count) = self { *count } else { 0 }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Count(count) => Some(*count as f64),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// As DuckDB orders: what is null comes last.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (one, other) => {
                let number = |cell: &Self| cell.number().unwrap_or_default();
                number(one).total_cmp(&number(other))
            }
        }
    }

    /// As `figures.csv` has it.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Count(count) => (*count).into(),
            Self::Number(number) => (*number).into(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// The values of a figure, one line of its query's answer.
pub(crate) type Row = Vec<Cell>;

/// How a value is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Text,
    /// A word of the tables, which the report says in the reader's language.
    Word(Words),
    /// A date, `2026-11-24`.
    Date,
    /// A month, `2026-11`.
    Month,
    /// A minute of UTC, `2026-11-24 07:00`.
    Minute,
    Count,
    Bytes,
    Percent,
    /// Points of quality, at most 100.
    Points,
}

impl Unit {
    /// As `figures.csv` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Word(_) => "text",
            Self::Date => "date",
            Self::Month => "month",
            Self::Minute => "minute UTC",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Percent => "percent",
            Self::Points => "points",
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Count | Self::Bytes | Self::Percent | Self::Points)
    }
}

/// Which words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    GapReason,
    Dimension,
    Act,
    /// Several reasons of a version with commas between them.
    Reasons,
    Decision,
    Effect,
}

/// A column of a figure.
#[derive(Debug)]
pub(crate) struct Column {
    /// As the query calls it.
    pub name: &'static str,
    pub de: &'static str,
    pub en: &'static str,
    pub unit: Unit,
}

impl Column {
    pub(crate) const fn new(name: &'static str, unit: Unit, de: &'static str, en: &'static str) -> Self {
        Self { name, de, en, unit }
    }

    pub(crate) fn label(&self, language: Language) -> &'static str {
        language.say(self.de, self.en)
    }
}

/// A figure: one query, and what it is about.
#[derive(Debug)]
pub(crate) struct Definition {
    pub key: Key,
    pub de: &'static str,
    pub en: &'static str,
    pub columns: &'static [Column],
    /// What the query reads.
    pub views: &'static [View],
    pub sql: &'static str,
}

impl Definition {
    pub(crate) fn label(&self, language: Language) -> &'static str {
        language.say(self.de, self.en)
    }
}

/// The figures of the report, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    AsOf,
    Days,
    Datasets,
    Positions,
    Programs,
    Evidence,
    Trips,
    Snapshots,
    Spans,
    Months,
    Sources,
    MissingDays,
    Scores,
    DailyScores,
    Outcomes,
    FlaggedRules,
    FlaggedCount,
    RowBalance,
    Dropped,
    OutageTotals,
    OutageReasons,
    Outages,
    MissingTrips,
    Versions,
    ActCount,
    Acts,
    ContractCount,
    Contracts,
    RuleTexts,
    DecisionKinds,
    DecisionCount,
    Decisions,
    WithoutBeat,
}
