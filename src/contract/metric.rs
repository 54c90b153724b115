//! The library metrics of ODCS 3.1: a number over all rows of a table, and what it must be.
//!
//! ```yaml
//! quality:
//!   - metric: nullValues
//!     unit: percent
//!     mustBeLessThan: 1
//! ```
//!
//! | metric | at | counts |
//! |---|---|---|
//! | `rowCount` | table | rows |
//! | `nullValues` | column | rows without a value |
//! | `missingValues` | column | rows without a value, or with one of `arguments.missingValues` |
//! | `invalidValues` | column | values that are none of `arguments.validValues`, or in which `arguments.pattern` does not occur |
//! | `duplicateValues` | column, or table with `arguments.properties` | values, or combinations, that occur more than once; a combination with an absent value is none |
//!
//! Metrics count the rows that pass the rules over rows, because those are published. `mustBeBetween` is exclusive, as the
//! text of the standard has it ("between", with `mustBeGreaterThan` and `mustBeLessThan` beside it); other tools include the
//! two bounds. `mustNotBeBetween` is its opposite.

use crate::contract::names::Named;
use crate::contract::read::{custom, line_of, named};
use crate::contract::{Classification, Column, Contract, Dimension, Kind, OnFail, RuleId, Severity, cases};
use crate::yaml::{Node, Problems, suggestion};

/// One metric of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRule {
    /// `stop_times.arrival_time.nullValues`, or the table and the entry's name.
    pub id: RuleId,
    pub line: u32,
    pub metric: Metric,
    pub limit: Limit,
    pub severity: Severity,
    pub dimension: Dimension,
    /// `report` or `block`.
    pub on_fail: OnFail,
    pub description: Option<String>,
    pub description_de: Option<String>,
    /// Why it matters: ODCS `businessImpact`.
    pub why: Option<String>,
    pub why_de: Option<String>,
}

/// What is counted. Columns are places in the contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    RowCount,
    NullValues { column: usize },
    MissingValues { column: usize, missing: Vec<String> },
    InvalidValues { column: usize, valid: Option<Vec<String>>, pattern: Option<String> },
    DuplicateValues { columns: Vec<usize> },
}

impl Metric {
    /// Its name in ODCS.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RowCount => "rowCount",
            Self::NullValues { .. } => "nullValues",
            Self::MissingValues { .. } => "missingValues",
            Self::InvalidValues { .. } => "invalidValues",
            Self::DuplicateValues { .. } => "duplicateValues",
        }
    }
}

/// What a number must be, and what it is counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub threshold: Threshold,
    pub unit: Unit,
}

/// ODCS `unit`: `rows`, `percent`, or our own `percentOfMedian`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The number itself.
    Rows,
    /// Percent of the rows.
    Percent,
    /// Percent of the median of what the partitions before this one came to; at most so many of them.
    PercentOfMedian { partitions: usize },
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.threshold)?;
        match self.unit {
            Unit::Rows => Ok(()),
            Unit::Percent => f.write_str(", in percent of the rows"),
            Unit::PercentOfMedian { partitions } => {
                write!(f, ", in percent of the median of the last {partitions} comparable partitions")
            }
        }
    }
}

/// How many partitions a median is of, unless the rule says otherwise: a week.
const PARTITIONS: usize = 7;

/// Whether a number is within its limit.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// And how that is said.
    Known { holds: bool, said: String },
    /// There is nothing to compare it with, and why.
    Nothing(&'static str),
}

impl Limit {
    /// Whether a number is within the limit. `rows` is what percentages are of, `earlier` what earlier partitions came to,
    /// the newest last.
    pub fn of(self, value: f64, rows: u64, earlier: &[f64]) -> Verdict {
        let known = |value: f64, said: String| Verdict::Known { holds: self.threshold.holds(value), said };
        let shown = |value: f64, digits: usize| self.threshold.shown(value, digits);
        match self.unit {
            Unit::Rows => known(value, format!("{}, {}", shown(value, 4), self.threshold)),
            Unit::Percent if rows == 0 => Verdict::Nothing("a share of no rows is none"),
            Unit::Percent => {
                let percent = value * 100.0 / rows as f64;
                known(percent, format!("{} %, {} %", shown(percent, 2), self.threshold))
            }
            Unit::PercentOfMedian { partitions } => {
                let Some(median) = median(&earlier[earlier.len().saturating_sub(partitions)..]) else {
                    return Verdict::Nothing("there is no earlier partition to compare with, or none of such a day");
                };
                // Nothing compared with nothing is as much as ever.
                let percent = match (value, median) {
                    (0.0, 0.0) => 100.0,
                    (_, 0.0) => {
                        return Verdict::Nothing("the median of the earlier partitions is 0: nothing is a share of it");
                    }
                    _ => value * 100.0 / median,
                };
                let (of, value, median) = (earlier.len().min(partitions), plain(value, 4), plain(median, 4));
                let of = if of == 1 { "the partition before".to_owned() } else { format!("{of} partitions before") };
                let percent_shown = shown(percent, 1);
                known(
                    percent,
                    format!("{value} is {percent_shown} % of {median}, the median of {of}, {} %", self.threshold),
                )
            }
        }
    }

    /// Whether earlier partitions must be known.
    pub fn needs_history(self) -> bool {
        matches!(self.unit, Unit::PercentOfMedian { .. })
    }
}

/// A number with at most so many digits behind the point, and none that say nothing.
fn plain(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Whether an entry has an operator: a key, or of an entry of ours a custom property.
pub fn has_operator(node: &Node, is_own: bool, problems: &mut Problems) -> bool {
    OPERATORS.iter().any(|name| find(node, name, is_own, problems).is_some())
}

fn find<'a>(node: &'a Node, key: &str, is_own: bool, problems: &mut Problems) -> Option<&'a Node> {
    let property = if is_own { custom(node, key, problems) } else { None };
    property.or_else(|| node.get(key))
}

/// Reads operator and unit of an entry.
pub fn read_limit(node: &Node, is_own: bool, problems: &mut Problems) -> Option<Limit> {
    let threshold = Threshold::read(node, is_own, problems);
    let partitions = custom(node, "partitions", problems);
    let unit = match node.get("unit").map(|unit| (unit.line, unit.scalar().unwrap_or_default())) {
        None => Unit::Rows,
        Some((_, unit)) if unit == "rows" => Unit::Rows,
        Some((_, unit)) if unit == "percent" => Unit::Percent,
        Some((_, unit)) if unit == "percentOfMedian" => {
            let given =
                partitions.map(|node| node.int().and_then(|many| usize::try_from(many).ok()).filter(|n| *n > 0));
            if given == Some(None) {
                let line = partitions.map_or(node.line, |node| node.line);
                problems.add(line, "'partitions' is no count of partitions", "Write a whole number from 1.");
            }
            Unit::PercentOfMedian { partitions: given.flatten().unwrap_or(PARTITIONS) }
        }
        Some((line, unit)) => {
            let known = ["rows", "percent", "percentOfMedian"];
            problems.add(line, format!("'{unit}' is no unit"), suggestion(&unit, &known));
            Unit::Rows
        }
    };
    if let Some(extra) = partitions.filter(|_| !matches!(unit, Unit::PercentOfMedian { .. })) {
        problems.add(extra.line, "'partitions' stands without a median", "Add 'unit: percentOfMedian'.");
    }
    Some(Limit { threshold: threshold?, unit })
}

/// The eight operators of ODCS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    Be(f64),
    NotBe(f64),
    GreaterThan(f64),
    GreaterOrEqualTo(f64),
    LessThan(f64),
    LessOrEqualTo(f64),
    /// Exclusive.
    Between(f64, f64),
    NotBetween(f64, f64),
}

pub(super) const OPERATORS: [&str; 8] = [
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];
const METRICS: [&str; 5] = ["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"];

impl Threshold {
    /// Whether a number is what it must be.
    pub fn holds(self, value: f64) -> bool {
        let between = |low: f64, high: f64| low < value && value < high;
        match self {
            Self::Be(wanted) => value == wanted,
            Self::NotBe(other) => value != other,
            Self::GreaterThan(bound) => value > bound,
            Self::GreaterOrEqualTo(bound) => value >= bound,
            Self::LessThan(bound) => value < bound,
            Self::LessOrEqualTo(bound) => value <= bound,
            Self::Between(low, high) => between(low, high),
            Self::NotBetween(low, high) => !between(low, high),
        }
    }

    /// A number for people: with so many digits behind the point at the most, and more only where it would otherwise seem to
    /// be on the other side of the limit.
    fn shown(self, value: f64, digits: usize) -> String {
        let rounded = (digits..=12).map(|digits| plain(value, digits));
        let is_as_good =
            |text: &String| text.parse().is_ok_and(|rounded: f64| self.holds(rounded) == self.holds(value));
        rounded.into_iter().find(is_as_good).unwrap_or_else(|| value.to_string())
    }

    /// Reads the one operator of an entry; none or two are mistakes.
    fn read(node: &Node, is_own: bool, problems: &mut Problems) -> Option<Self> {
        let mut there: Vec<(usize, &Node)> = Vec::new();
        for (place, name) in OPERATORS.iter().enumerate() {
            there.extend(find(node, name, is_own, problems).map(|node| (place, node)));
        }
        let [(operator, value)] = there[..] else {
            let (line, message) = match there.get(1) {
                Some((place, second)) => (second.line, format!("'{}' is a second operator", OPERATORS[*place])),
                None => (node.line, "the metric does not say what it must be".to_owned()),
            };
            problems.add(line, message, format!("Write one of {}.", OPERATORS.join(", ")));
            return None;
        };
        if operator >= 6 {
            let bounds: Vec<Option<f64>> = value.items().iter().map(Node::number).collect();
            let [Some(low), Some(high)] = bounds[..] else {
                problems.add(value.line, format!("'{}' needs two numbers", OPERATORS[operator]), "Write '[1, 10]'.");
                return None;
            };
            if low >= high {
                problems.add(value.line, "the first number is not below the second", "Swap the two.");
            }
            return Some(if operator == 6 { Self::Between(low, high) } else { Self::NotBetween(low, high) });
        }
        let Some(number) = value.number() else {
            let message = format!("'{}' is {}, expected a number", OPERATORS[operator], value.kind());
            problems.add(value.line, message, "Write a number.");
            return None;
        };
        let make = [
            Self::Be as fn(f64) -> Self,
            Self::NotBe,
            Self::GreaterThan,
            Self::GreaterOrEqualTo,
            Self::LessThan,
            Self::LessOrEqualTo,
        ];
        Some(make[operator](number))
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Be(value) => write!(f, "must be {value}"),
            Self::NotBe(value) => write!(f, "must not be {value}"),
            Self::GreaterThan(bound) => write!(f, "must be greater than {bound}"),
            Self::GreaterOrEqualTo(bound) => write!(f, "must be at least {bound}"),
            Self::LessThan(bound) => write!(f, "must be less than {bound}"),
            Self::LessOrEqualTo(bound) => write!(f, "must be at most {bound}"),
            Self::Between(low, high) => write!(f, "must be between {low} and {high}, exclusive"),
            Self::NotBetween(low, high) => write!(f, "must not be between {low} and {high}, exclusive"),
        }
    }
}

/// What an entry says beside metric and threshold, read as for every rule.
pub struct Settings {
    pub severity: Severity,
    pub dimension: Option<Dimension>,
    pub on_fail: OnFail,
}

/// Reads an entry of `type: library`. `column` is the one that it stands at.
pub fn read(
    column: Option<usize>,
    node: &Node,
    contract: &Contract,
    settings: &Settings,
    problems: &mut Problems,
) -> Option<MetricRule> {
    let name = node.require_text("metric", problems)?;
    let limit = read_limit(node, false, problems);
    let metric = metric(&name, column, node, contract, problems)?;
    if limit.is_some_and(|limit| limit.unit == Unit::Percent)
        && matches!(metric, Metric::RowCount | Metric::DuplicateValues { .. })
    {
        let line = node.get("unit").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{name}' has no percentage"), "Write 'unit: rows'.");
    }
    if !matches!(settings.on_fail, OnFail::Report | OnFail::Block) {
        let line = custom(node, "onFail", problems).map_or(node.line, |node| node.line);
        problems.add(
            line,
            "a metric is about the table as a whole and cannot hold back rows",
            "Set onFail to 'report' or 'block', or write a SQL rule that names rows.",
        );
    }
    private(&metric, &name, node, contract, problems);
    let at = column.map_or(String::new(), |place| format!("{}.", contract.columns[place].name));
    let own_name = node.optional_text("name", problems);
    if let Some(name) = &own_name {
        named(Named::Rule, name, line_of(node, "name"), problems);
    }
    let id =
        own_name.map_or_else(|| format!("{}.{at}{name}", contract.table), |own| format!("{}.{own}", contract.table));
    Some(MetricRule {
        id: RuleId(id),
        line: node.line,
        limit: limit?,
        severity: settings.severity,
        dimension: settings.dimension.unwrap_or(match metric {
            Metric::RowCount | Metric::NullValues { .. } | Metric::MissingValues { .. } => Dimension::Completeness,
            Metric::InvalidValues { .. } => Dimension::Conformity,
            Metric::DuplicateValues { .. } => Dimension::Uniqueness,
        }),
        metric,
        on_fail: settings.on_fail,
        description: node.optional_text("description", problems),
        description_de: custom(node, "descriptionDe", problems).and_then(Node::scalar),
        why: node.optional_text("businessImpact", problems),
        why_de: custom(node, "businessImpactDe", problems).and_then(Node::scalar),
    })
}

/// What a metric comes to is published. Of a private column it may only say how many rows have a value: to compare the values
/// with texts, a pattern or each other says something of them.
fn private(metric: &Metric, name: &str, node: &Node, contract: &Contract, problems: &mut Problems) {
    let columns = match metric {
        Metric::RowCount | Metric::NullValues { .. } => return,
        Metric::MissingValues { missing, .. } if missing.is_empty() => return,
        Metric::MissingValues { column, .. } | Metric::InvalidValues { column, .. } => std::slice::from_ref(column),
        Metric::DuplicateValues { columns } => columns,
    };
    let columns = columns.iter().map(|&column| &contract.columns[column]);
    let Some(column) = columns.into_iter().find(|column| column.classification == Classification::Private) else {
        return;
    };
    let message =
        format!("'{name}' looks at values of '{}', which is not public, and its number is published", column.name);
    problems.add(line_of(node, "metric"), message, "Count with 'nullValues', or write a rule that names rows.");
}

/// Texts of which each must be one that a value of the column can be; one that cannot would never be met.
fn readable(key: &str, arguments: Option<&Node>, column: &Column, problems: &mut Problems) {
    for item in arguments.and_then(|arguments| arguments.get(key)).map_or(&[][..], Node::items) {
        let Some(text) = item.scalar().filter(|text| !text.is_empty()) else { continue };
        // Numbers are compared as numbers: 1.0 is 1.
        let is_met = match column.kind {
            Kind::Int32 | Kind::Int64 => text.parse::<f64>().is_ok_and(|number| number.fract() == 0.0),
            Kind::Date => text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()),
            kind => cases::is_readable(kind, &text),
        };
        if !is_met {
            let message = format!("'{text}' is no value of '{}'", column.name);
            let example = match column.kind {
                Kind::Date => "a date like '20261124'",
                kind => cases::example(kind),
            };
            problems.add(item.line, message, format!("Write {example}."));
        }
    }
}

fn metric(
    name: &str,
    column: Option<usize>,
    node: &Node,
    contract: &Contract,
    problems: &mut Problems,
) -> Option<Metric> {
    let arguments = node.get("arguments");
    let known: &[&str] = match name {
        "missingValues" => &["missingValues"],
        "invalidValues" => &["validValues", "pattern"],
        "duplicateValues" if column.is_none() => &["properties"],
        _ => &[],
    };
    if let Some(arguments) = arguments.filter(|_| METRICS.contains(&name)) {
        arguments.only_keys(known, problems);
    }
    let list = |key: &str| {
        let node = arguments?.get(key)?;
        // An empty value is missing anyway.
        Some(node.items().iter().filter_map(Node::scalar).filter(|text| !text.is_empty()).collect::<Vec<String>>())
    };
    let at_level = |wanted: bool, level: &str, problems: &mut Problems| {
        if !wanted {
            problems.add(node.line, format!("'{name}' stands at the wrong place"), format!("Write it at a {level}."));
        }
        wanted
    };
    match (name, column) {
        ("rowCount", _) => at_level(column.is_none(), "table", problems).then_some(Metric::RowCount),
        ("duplicateValues", Some(column)) => Some(Metric::DuplicateValues { columns: vec![column] }),
        ("duplicateValues", None) => {
            let mut columns = Vec::new();
            for item in arguments.and_then(|arguments| arguments.get("properties")).map_or(&[][..], Node::items) {
                let property = item.scalar().unwrap_or_default();
                match contract.index_of(&property) {
                    Some(place) => columns.push(place),
                    None => {
                        let known: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
                        let message = format!("'{property}' is no column of '{}'", contract.table);
                        problems.add(item.line, message, suggestion(&property, &known));
                    }
                }
            }
            if columns.is_empty() {
                let message = "'duplicateValues' of a table does not say of which columns";
                problems.add(node.line, message, "Add 'arguments: {properties: [column, column]}'.");
                return None;
            }
            Some(Metric::DuplicateValues { columns })
        }
        ("nullValues" | "missingValues" | "invalidValues", None) => {
            at_level(false, "column", problems);
            None
        }
        ("nullValues", Some(column)) => Some(Metric::NullValues { column }),
        ("missingValues", Some(column)) => {
            readable("missingValues", arguments, &contract.columns[column], problems);
            Some(Metric::MissingValues { column, missing: list("missingValues").unwrap_or_default() })
        }
        ("invalidValues", Some(column)) => {
            let valid = list("validValues");
            readable("validValues", arguments, &contract.columns[column], problems);
            let pattern = arguments.and_then(|arguments| arguments.optional_text("pattern", problems));
            if valid.is_none() && pattern.is_none() {
                let message = "'invalidValues' does not say what is valid";
                problems.add(node.line, message, "Add 'arguments: {validValues: [...]}' or '{pattern: ...}'.");
            }
            if let Some(Err(error)) = pattern.as_deref().map(regex::Regex::new) {
                let reason = error.to_string().lines().last().unwrap_or_default().to_owned();
                let line = arguments.and_then(|arguments| arguments.get("pattern")).map_or(node.line, |node| node.line);
                problems.add(line, format!("the pattern is not readable: {reason}"), "Mend the expression.");
            }
            Some(Metric::InvalidValues { column, valid, pattern })
        }
        _ => {
            let line = node.get("metric").map_or(node.line, |node| node.line);
            problems.add(line, format!("'{name}' is no metric"), suggestion(name, &METRICS));
            None
        }
    }
}

/// Tells whether a rule of a contract has this id.
pub fn is_taken(id: &RuleId, contract: &Contract) -> bool {
    contract.rule_ids().any(|other| other == id)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn contract(quality: &str) -> Result<Contract, Vec<String>> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             logicalType: object\n    quality:\n{quality}    properties:\n      - name: a\n        logicalType: string\n        \
             classification: public\n"
        );
        let read = crate::contract::read::contract(Path::new("t.odcs.yaml"), &text);
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn thresholds_are_the_eight_of_odcs_and_between_is_exclusive() {
        let read = |text: &str| {
            let contract = contract(&format!("      - metric: rowCount\n        {text}\n")).unwrap();
            contract.metrics[0].limit.threshold
        };
        for (text, inside, outside) in [
            ("mustBe: 3", 3.0, 4.0),
            ("mustNotBe: 3", 4.0, 3.0),
            ("mustBeGreaterThan: 3", 3.5, 3.0),
            ("mustBeGreaterOrEqualTo: 3", 3.0, 2.9),
            ("mustBeLessThan: 3", 2.9, 3.0),
            ("mustBeLessOrEqualTo: 3", 3.0, 3.1),
            ("mustBeBetween: [3, 5]", 4.0, 5.0),
            ("mustNotBeBetween: [3, 5]", 3.0, 4.0),
        ] {
            let threshold = read(text);
            assert!(threshold.holds(inside) && !threshold.holds(outside), "{text}");
        }
    }

    #[test]
    fn numbers_are_rounded_but_never_to_the_other_side_of_the_limit() {
        let said = |threshold: Threshold, unit: Unit, value: f64, rows: u64, earlier: &[f64]| match (Limit {
            threshold,
            unit,
        })
        .of(value, rows, earlier)
        {
            Verdict::Known { said, .. } => said,
            Verdict::Nothing(why) => why.to_owned(),
        };
        let percent = |value, rows| said(Threshold::LessThan(20.0), Unit::Percent, value, rows, &[]);
        assert_eq!(percent(7.0, 7), "100 %, must be less than 20 %");
        assert_eq!(percent(1.0, 3), "33.33 %, must be less than 20 %");
        assert_eq!(percent(199_999.0, 1_000_000), "19.9999 %, must be less than 20 %");
        assert_eq!(percent(0.0, 0), "a share of no rows is none");
        let rows = |threshold, value| said(threshold, Unit::Rows, value, 9, &[]);
        assert_eq!(rows(Threshold::LessThan(0.3), 1.0 / 3.0), "0.3333, must be less than 0.3");
        assert_eq!(rows(Threshold::Be(0.0), 1e-6), "0.000001, must be 0");
        let median = Unit::PercentOfMedian { partitions: 7 };
        let halved = |value, earlier: &[f64]| said(Threshold::GreaterThan(50.0), median, value, 9, earlier);
        let long = "17824 is 29.9 % of 59602, the median of 3 partitions before, must be greater than 50 %";
        assert_eq!(halved(17_824.0, &[59_602.0, 59_700.0, 59_500.0]), long);
        assert!(halved(5.0, &[0.0]).contains("median of the earlier partitions is 0"));
    }

    #[test]
    fn every_mistake_has_its_line_and_remedy() {
        for (quality, expected) in [
            (
                "      - metric: rowCont\n        mustBe: 1\n",
                "t.odcs.yaml:10: 'rowCont' is no metric. Did you mean 'rowCount'?",
            ),
            ("      - metric: rowCount\n", ":10: the metric does not say what it must be"),
            (
                "      - metric: rowCount\n        mustBe: 1\n        mustNotBe: 2\n",
                ":12: 'mustNotBe' is a second operator",
            ),
            (
                "      - metric: rowCount\n        mustBeBetween: [5, 3]\n",
                ":11: the first number is not below the second",
            ),
            ("      - metric: rowCount\n        mustBeBetween: 5\n", ":11: 'mustBeBetween' needs two numbers"),
            ("      - metric: rowCount\n        mustBe: many\n", "expected a number"),
            ("      - metric: rowCount\n        unit: percent\n        mustBe: 1\n", "'rowCount' has no percentage"),
            ("      - metric: rowCount\n        unit: pieces\n        mustBe: 1\n", "'pieces' is no unit"),
            ("      - metric: nullValues\n        mustBe: 1\n", "Write it at a column"),
            ("      - metric: duplicateValues\n        mustBe: 0\n", "does not say of which columns"),
            (
                "      - metric: duplicateValues\n        arguments: {properties: [b]}\n        mustBe: 0\n",
                "'b' is no column of 't'",
            ),
        ] {
            let told = contract(quality).unwrap_err();
            assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:?}");
        }
    }
}
