//! The library metrics (ODCS 3.1, "Data quality", "Library").

use crate::contract::metric::{Limit, Metric, MetricRule, Threshold, Unit};
use crate::contract::odcs::entry::Entry;
use crate::contract::odcs::refer::{line_of, taken, unknown_column};
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::words::{EARLIER_METRICS, METRICS};
use crate::contract::odcs::{naming, operators};
use crate::contract::{Classification, Column, Contract, Dimension, Kind, OnFail, written};
use crate::yaml::{Node, Problems, suggestion};

/// Reads an entry of `type: library`.
pub(super) fn read(entry: &Entry<'_>, contract: &Contract, told: &mut Told) -> Option<MetricRule> {
    let (name, is_none_alone) = name(entry, told)?;
    let has_operator = !operators::there(&entry.section, false).is_empty();
    let none = Limit { threshold: Threshold::Be(0.0), unit: Unit::Rows };
    let limit = if is_none_alone && !has_operator { Some(none) } else { operators::limit(&entry.section, false, told) };
    let metric = metric(&name, entry, contract, told)?;
    let is_count = matches!(metric, Metric::RowCount | Metric::DuplicateValues { .. });
    if is_count && limit.is_some_and(|limit| limit.unit == Unit::Percent) {
        let message = format!("'{name}' has no percentage");
        told.fit.add(entry.section.line_of("unit"), message, "Write 'unit: rows'.");
    }
    if !matches!(entry.on_fail, OnFail::Report | OnFail::Block) {
        told.fit.add(
            entry.section.line_of_custom("onFail"),
            "a metric is about the table as a whole and cannot hold back rows",
            "Set onFail to 'report' or 'block', or write a SQL rule that flags rows.",
        );
    }
    tell_of_private_values(&metric, &name, entry, contract, &mut told.fit);
    let limit = limit?;
    let id = naming::id(entry, &name, true, contract, told);
    taken(&id, entry.section.line(), contract, &mut told.fit);
    Some(MetricRule {
        id,
        line: entry.section.line(),
        limit,
        severity: entry.severity,
        dimension: entry.dimension.unwrap_or(match metric {
            Metric::RowCount | Metric::NullValues { .. } | Metric::MissingValues { .. } => Dimension::Completeness,
            Metric::InvalidValues { .. } => Dimension::Conformity,
            Metric::DuplicateValues { .. } => Dimension::Uniqueness,
        }),
        metric,
        on_fail: entry.on_fail,
        description: entry.description.clone(),
        description_de: entry.description_de.clone(),
        why: entry.why.clone(),
        why_de: entry.why_de.clone(),
    })
}

/// The metric's name in ODCS 3.1, and whether without an operator there must be none. In ODCS 3.0 metrics had other names, and
/// stood under `rule`.
fn name(entry: &Entry<'_>, told: &mut Told) -> Option<(String, bool)> {
    let earlier = entry.section.text("rule", told).filter(|_| entry.section.get("metric").is_none());
    let Some(earlier) = earlier else {
        // The standard has entries that say neither their type nor a metric.
        if entry.section.get("type").is_none() && entry.section.get("metric").is_none() {
            told.fit.add(
                entry.section.line(),
                "'metric' is missing",
                "Add 'metric: ...' here, or the 'type' of the rule.",
            );
            return None;
        }
        return Some((entry.section.require_text("metric", told)?, false));
    };
    if let Some((_, name, is_none_alone)) = EARLIER_METRICS.iter().find(|(name, ..)| *name == earlier) {
        return Some(((*name).to_owned(), *is_none_alone));
    }
    if METRICS.contains(&earlier.as_str()) {
        return Some((earlier, false));
    }
    let known: Vec<&str> = EARLIER_METRICS.iter().map(|(name, ..)| *name).collect();
    told.fit.add(entry.section.line_of("rule"), format!("'{earlier}' is no metric"), suggestion(&earlier, &known));
    None
}

/// What a metric comes to is published. Of a private column it may only say how many rows have a value: to compare the values
/// with texts, a pattern or each other says something of them.
fn tell_of_private_values(
    metric: &Metric,
    name: &str,
    entry: &Entry<'_>,
    contract: &Contract,
    problems: &mut Problems,
) {
    let columns = match metric {
        Metric::RowCount | Metric::NullValues { .. } => return,
        Metric::MissingValues { missing, .. } if missing.is_empty() => return,
        Metric::MissingValues { column, .. } | Metric::InvalidValues { column, .. } => std::slice::from_ref(column),
        Metric::DuplicateValues { columns } => columns,
    };
    let mut columns = columns.iter().map(|&column| &contract.columns[column]);
    if let Some(column) = columns.find(|column| column.classification == Classification::Private) {
        let message =
            format!("'{name}' looks at values of '{}', which is not public, and its number is published", column.name);
        let remedy = "Count with 'nullValues', or write a rule that flags rows.";
        problems.add(entry.section.line_of("metric"), message, remedy);
    }
}

/// Texts of which each must be one that a value of the column can be; one that cannot would never be met.
fn readable(key: &'static str, arguments: &Section<'_>, column: &Column, problems: &mut Problems) {
    for item in arguments.get(key).map_or(&[][..], Node::items) {
        let Some(text) = item.scalar().filter(|text| !text.is_empty()) else { continue };
        // Numbers are compared as numbers: 1.0 is 1.
        let is_met = match column.kind {
            Kind::Int32 | Kind::Int64 => text.parse::<f64>().is_ok_and(|number| number.fract() == 0.0),
            Kind::Date => text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()),
            kind => written::is_readable(kind, &text),
        };
        if !is_met {
            let message = format!("'{text}' is no value of '{}'", column.name);
            let example = match column.kind {
                Kind::Date => "a date like '20261124'",
                kind => written::example(kind),
            };
            problems.add(item.line, message, format!("Write {example}."));
        }
    }
}

/// The texts under a key of the arguments. An empty value is missing anyway.
fn texts(key: &'static str, arguments: &Section<'_>) -> Option<Vec<String>> {
    let items = arguments.get(key)?.items();
    Some(items.iter().filter_map(Node::scalar).filter(|text| !text.is_empty()).collect())
}

fn metric(name: &str, entry: &Entry<'_>, contract: &Contract, told: &mut Told) -> Option<Metric> {
    let nothing = Node::default();
    let arguments = Section::new(entry.arguments.unwrap_or(&nothing));
    let column = entry.column.map(|(_, place)| place);
    let metric = match (name, column) {
        ("rowCount", None) => Some(Metric::RowCount),
        ("duplicateValues", Some(column)) => Some(Metric::DuplicateValues { columns: vec![column] }),
        ("duplicateValues", None) => duplicates(&arguments, entry, contract, told),
        ("nullValues", Some(column)) => Some(Metric::NullValues { column }),
        ("missingValues", Some(column)) => {
            readable("missingValues", &arguments, &contract.columns[column], &mut told.fit);
            let missing = texts("missingValues", &arguments).unwrap_or_default();
            Some(Metric::MissingValues { column, missing })
        }
        ("invalidValues", Some(column)) => Some(invalid(column, &arguments, entry, contract, told)),
        _ if METRICS.contains(&name) => {
            let level = if name == "rowCount" { "table" } else { "column" };
            let message = format!("'{name}' stands at the wrong place");
            told.fit.add(entry.section.line(), message, format!("Write it at a {level}."));
            return None;
        }
        _ => {
            let remedy = suggestion(name, &METRICS);
            told.form.add(entry.section.line_of("metric"), format!("'{name}' is no metric"), remedy);
            return None;
        }
    };
    arguments.end(told);
    metric
}

fn duplicates(arguments: &Section<'_>, entry: &Entry<'_>, contract: &Contract, told: &mut Told) -> Option<Metric> {
    let mut columns = Vec::new();
    for item in arguments.get("properties").map_or(&[][..], Node::items) {
        let property = item.scalar().unwrap_or_default();
        match contract.index_of(&property) {
            Some(place) => columns.push(place),
            None => unknown_column(&property, item.line, contract, &mut told.fit),
        }
    }
    if columns.is_empty() {
        let message = "'duplicateValues' of a table does not say of which columns";
        told.fit.add(entry.section.line(), message, "Add 'arguments: {properties: [column, column]}'.");
        return None;
    }
    Some(Metric::DuplicateValues { columns })
}

fn invalid(column: usize, arguments: &Section<'_>, entry: &Entry<'_>, contract: &Contract, told: &mut Told) -> Metric {
    // In ODCS 3.0 they stood beside the name.
    let place = if arguments.get("validValues").is_some() { arguments } else { &entry.section };
    let valid = texts("validValues", place);
    readable("validValues", place, &contract.columns[column], &mut told.fit);
    let pattern = arguments.text("pattern", told);
    if valid.is_none() && pattern.is_none() {
        let message = "'invalidValues' does not say what is valid";
        let remedy = "Add 'arguments: {validValues: [...]}' or '{pattern: ...}'.";
        told.fit.add(entry.section.line(), message, remedy);
    }
    if let Some(Err(error)) = pattern.as_deref().map(regex::Regex::new) {
        let reason = error.to_string().lines().last().unwrap_or_default().to_owned();
        let message = format!("the pattern is not readable: {reason}");
        told.fit.add(line_of(arguments.node, "pattern"), message, "Mend the expression.");
    }
    Metric::InvalidValues { column, valid, pattern }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::contract::Contract;

    fn contract(quality: &str) -> Result<Contract, Vec<String>> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             logicalType: object\n    quality:\n{quality}    properties:\n      - name: a\n        logicalType: string\n        \
             classification: public\n"
        );
        let read = crate::contract::odcs::contract(Path::new("t.odcs.yaml"), &text);
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
