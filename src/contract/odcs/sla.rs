//! What is promised of a table as a service (ODCS 3.1, "Service-level agreement").

use crate::contract::odcs::refer::unknown_column;
use crate::contract::odcs::section::{Section, Told};
use crate::contract::sla::{SlaKind, SlaTerm};
use crate::contract::{Classification, Contract, Kind, RuleId};
use crate::yaml::{Node, suggestion};

/// What ODCS and its readers write in `property`, of which these are executed.
const EXECUTED: [&str; 4] = ["freshness", "latency", "completeness", "retention"];
/// Seconds of the units of time; a month is 31 days, so that nothing is asked too early.
const UNITS: &[(&[&str], i64)] = &[
    (&["s", "second", "seconds"], 1),
    (&["min", "minute", "minutes"], 60),
    (&["h", "hr", "hour", "hours"], 3_600),
    (&["d", "day", "days"], 86_400),
    (&["m", "month", "months"], 31 * 86_400),
    (&["y", "yr", "year", "years"], 366 * 86_400),
];

/// Reads the promises of a file into its tables: a promise is about the table that its element names, and one without an element
/// about all of them.
pub(super) fn read(root: &Section<'_>, tables: &mut [Contract], told: &mut Told) {
    let default = root.text("slaDefaultElement", told);
    for node in root.items("slaProperties", told) {
        let section = Section::new(node);
        section.accept(&["id", "value", "valueExt", "unit", "driver", "scheduler", "schedule"]);
        let property = section.require_text("property", told);
        let element = section.text("element", told).or_else(|| default.clone());
        let description = section.text("description", told);
        section.end(told);
        let Some(property) = property.filter(|property| EXECUTED.contains(&property.as_str())) else { continue };
        let is_of = |contract: &Contract| {
            let table = element.as_ref().and_then(|element| element.split_once('.')).map(|(table, _)| table);
            table.is_none_or(|table| table == contract.table)
        };
        // In a file of one table there is no other that could be meant.
        let is_alone = tables.len() == 1;
        if !is_alone && !tables.is_empty() && !tables.iter().any(is_of) {
            let (line, element) = (section.line_of("element"), element.as_deref().unwrap_or_default());
            let known: Vec<&str> = tables.iter().map(|contract| contract.table.as_str()).collect();
            told.fit.add(line, format!("'{element}' is in no table of this file"), suggestion(element, &known));
        }
        let promise = Read { property, element: element.clone(), section, description };
        for contract in tables.iter_mut().filter(|contract| is_alone || is_of(contract)) {
            promise.add_to(contract, told);
        }
    }
}

/// A promise as the file has it.
struct Read<'a> {
    property: String,
    element: Option<String>,
    section: Section<'a>,
    description: Option<String>,
}

impl Read<'_> {
    fn add_to(&self, contract: &mut Contract, told: &mut Told) {
        let (property, line) = (&self.property, self.section.line());
        let id = RuleId(format!("{}.sla.{property}", contract.table));
        if contract.rule_ids().any(|other| *other == id) {
            told.fit.add(line, format!("'{property}' is promised twice"), "Remove one of the two.");
        }
        if let Some(asks) = asks(property, self, contract, told) {
            contract.sla.push(SlaTerm { id, line, kind: asks, description: self.description.clone() });
        }
    }
}

fn asks(property: &str, read: &Read<'_>, contract: &Contract, told: &mut Told) -> Option<SlaKind> {
    let promise = &read.section;
    let value = promise.get("value").and_then(Node::number);
    let line_of_value = promise.line_of("value");
    if value.is_none_or(|value| value <= 0.0) {
        let message = format!("the value of '{property}' is no number above zero");
        told.fit.add(line_of_value, message, "Write 'value: 5'.");
    }
    let value = value?;
    let unit = promise.text("unit", told);
    let line_of_unit = promise.line_of("unit");
    if property == "completeness" {
        if unit.as_deref().is_some_and(|unit| unit != "percent" && unit != "%") || value > 100.0 {
            let line = if value > 100.0 { line_of_value } else { line_of_unit };
            told.fit.add(line, "'completeness' is no percentage", "Write 'value: 95' and 'unit: percent'.");
        }
        return Some(SlaKind::Completeness { column: element(property, read, contract, told)?, percent: value });
    }
    let Some(unit) = unit else {
        let message = format!("'{property}' has no unit of time");
        told.fit.add(promise.line(), message, "Add 'unit: s', 'min', 'h', 'd' or 'm'.");
        return None;
    };
    let Some((_, seconds)) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())) else {
        let known: Vec<&str> = UNITS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        told.fit.add(line_of_unit, format!("'{unit}' is no unit of time"), suggestion(&unit, &known));
        return None;
    };
    let seconds = (value * *seconds as f64).round() as i64;
    Some(match property {
        "retention" => SlaKind::Retention { days: seconds / 86_400 },
        "freshness" => SlaKind::Freshness { column: element(property, read, contract, told)?, seconds },
        _ => SlaKind::Latency { column: element(property, read, contract, told)?, seconds },
    })
}

/// The timestamp that a promise is about: `table.column`.
fn element(property: &str, read: &Read<'_>, contract: &Contract, told: &mut Told) -> Option<usize> {
    let promise = &read.section;
    let Some(element) = &read.element else {
        let message = format!("'{property}' does not say of which column");
        told.fit.add(promise.line(), message, format!("Add 'element: {}.<timestamp>'.", contract.table));
        return None;
    };
    let line = promise.line_of("element");
    let column = element.strip_prefix(&format!("{}.", contract.table)).unwrap_or(element);
    let Some(place) = contract.index_of(column) else {
        unknown_column(column, line, contract, &mut told.fit);
        return None;
    };
    if contract.columns[place].kind != Kind::Instant {
        let message = format!("'{column}' is no timestamp");
        told.fit.add(line, message, "Name a column of the logicalType timestamp.");
        return None;
    }
    if contract.columns[place].classification == Classification::Private {
        let message = format!("'{column}' is not public, and how old its values are is published");
        told.fit.add(line, message, "Name a column that is published.");
        return None;
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn contract(sla: &str) -> Result<Contract, Vec<String>> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n      - {{name: at, logicalType: timestamp, classification: public}}\n      \
             - {{name: own, logicalType: timestamp}}\n      - {{name: a, logicalType: string}}\n\
             slaProperties:\n{sla}"
        );
        let read = crate::contract::odcs::contract(Path::new("t.odcs.yaml"), &text);
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn promises_are_read_with_their_units() {
        let sla = contract(
            "  - {property: freshness, value: 2, unit: h, element: t.at}\n  - {property: latency, value: 90, unit: s, element: at}\n  \
             - {property: completeness, value: 95, unit: percent, element: t.at}\n  - {property: retention, value: 13, unit: m}\n  \
             - {property: availability, value: 99.9, unit: percent}\n",
        )
        .unwrap()
        .sla;
        let asks: Vec<_> = sla.iter().map(|promise| promise.kind.clone()).collect();
        assert_eq!(asks[0], SlaKind::Freshness { column: 0, seconds: 7_200 });
        assert_eq!(asks[1], SlaKind::Latency { column: 0, seconds: 90 });
        assert_eq!(asks[2], SlaKind::Completeness { column: 0, percent: 95.0 });
        assert_eq!(asks[3], SlaKind::Retention { days: 403 });
        assert_eq!((sla.len(), sla[3].id.0.as_str()), (4, "t.sla.retention"));
    }

    #[test]
    fn mistakes_have_their_lines_and_remedies() {
        for (sla, expected) in [
            (
                "  - {property: latency, value: 90, element: t.at}\n",
                ":13: 'latency' has no unit of time. Add 'unit: s'",
            ),
            ("  - {property: latency, value: 90, unit: sec, element: t.at}\n", "'sec' is no unit of time"),
            ("  - {property: latency, value: soon, unit: s, element: t.at}\n", "no number above zero"),
            ("  - {property: freshness, value: 1, unit: h}\n", "does not say of which column"),
            ("  - {property: freshness, value: 1, unit: h, element: t.a}\n", "'a' is no timestamp"),
            ("  - {property: freshness, value: 1, unit: h, element: t.own}\n", "'own' is not public"),
            ("  - {property: freshness, value: 1, unit: h, element: t.b}\n", "'b' is no column of 't'"),
            ("  - {property: completeness, value: 120, unit: percent, element: t.at}\n", "no percentage"),
        ] {
            let told = contract(sla).unwrap_err();
            assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:?}");
        }
    }
}
