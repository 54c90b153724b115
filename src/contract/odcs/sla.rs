//! What is promised of a table as a service (ODCS 3.1, "Service-level agreement").

use crate::contract::odcs::refer::unknown_column;
use crate::contract::odcs::section::{Section, Told};
use crate::contract::sla::{Asks, Promise};
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

/// Reads the promises of a contract.
pub(super) fn read(promises: &[Node], contract: &mut Contract, told: &mut Told) {
    for node in promises {
        let promise = Section::new(node);
        promise.accept(&["id", "valueExt", "driver", "scheduler", "schedule", "value", "unit", "element"]);
        let property = promise.require_text("property", told);
        let description = promise.text("description", told);
        promise.end(told);
        let Some(property) = property.filter(|property| EXECUTED.contains(&property.as_str())) else { continue };
        let id = RuleId(format!("{}.sla.{property}", contract.table));
        if contract.rule_ids().any(|other| *other == id) {
            let message = format!("'{property}' is promised twice");
            told.fit.add(promise.line(), message, "Remove one of the two.");
        }
        let Some(asks) = asks(&property, &promise, contract, told) else { continue };
        contract.sla.push(Promise { id, line: promise.line(), asks, description });
    }
}

fn asks(property: &str, promise: &Section<'_>, contract: &Contract, told: &mut Told) -> Option<Asks> {
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
        return Some(Asks::Completeness { column: element(property, promise, contract, told)?, percent: value });
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
        "retention" => Asks::Retention { days: seconds / 86_400 },
        "freshness" => Asks::Freshness { column: element(property, promise, contract, told)?, seconds },
        _ => Asks::Latency { column: element(property, promise, contract, told)?, seconds },
    })
}

/// The timestamp that a promise is about: `table.column`.
fn element(property: &str, promise: &Section<'_>, contract: &Contract, told: &mut Told) -> Option<usize> {
    let Some(element) = promise.get("element").and_then(Node::scalar) else {
        let message = format!("'{property}' does not say of which column");
        told.fit.add(promise.line(), message, format!("Add 'element: {}.<timestamp>'.", contract.table));
        return None;
    };
    let line = promise.line_of("element");
    let column = element.strip_prefix(&format!("{}.", contract.table)).unwrap_or(&element);
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
        let asks: Vec<_> = sla.iter().map(|promise| promise.asks.clone()).collect();
        assert_eq!(asks[0], Asks::Freshness { column: 0, seconds: 7_200 });
        assert_eq!(asks[1], Asks::Latency { column: 0, seconds: 90 });
        assert_eq!(asks[2], Asks::Completeness { column: 0, percent: 95.0 });
        assert_eq!(asks[3], Asks::Retention { days: 403 });
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
