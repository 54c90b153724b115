//! What a contract promises of its table as a service: `slaProperties` of ODCS 3.1.
//!
//! ```yaml
//! slaProperties:
//!   - {property: latency, value: 60, unit: s, element: vehicle_locations.event_timestamp}
//! ```
//!
//! | property | what is looked at | holds if |
//! |---|---|---|
//! | `freshness` | the newest value of the element, a timestamp | it is at most so much older than the last capture of the run, or than the end of the last trip planned before it |
//! | `latency` | for each row the time from the element to the capture that it came in | it is at most so long for 95 percent of the rows |
//! | `completeness` | the slots of five minutes of the service date, from the first to the last planned time of the timetable, or reported time without one | at least so many percent of them have a value of the element |
//! | `retention` | the table's released partitions | none is older than that, seen from this one |
//!
//! They are looked at over the rows that pass, as metrics are, and tell; they hold nothing back. Other properties of an
//! agreement (price, support, availability of a server) say nothing of the data and are left to people.

use crate::contract::read::unknown_column;
use crate::contract::{Classification, Contract, Kind, RuleId};
use crate::yaml::{Node, Problems, suggestion};

/// One promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// `vehicle_locations.sla.latency`.
    pub id: RuleId,
    pub line: u32,
    pub asks: Asks,
    pub description: Option<String>,
}

/// Columns are places in the contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    Freshness { column: usize, seconds: i64 },
    Latency { column: usize, seconds: i64 },
    Completeness { column: usize, percent: f64 },
    Retention { days: i64 },
}

/// What ODCS and its readers write in `property`, of which these are executed.
const EXECUTED: [&str; 4] = ["freshness", "latency", "completeness", "retention"];
const KEYS: &[&str] =
    &["id", "property", "value", "valueExt", "unit", "element", "driver", "description", "scheduler", "schedule"];
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
pub fn read(root: &Node, contract: &mut Contract, problems: &mut Problems) {
    for node in root.get("slaProperties").map_or(&[][..], Node::items) {
        node.only_keys(KEYS, problems);
        let Some(property) = node.require_text("property", problems) else { continue };
        if !EXECUTED.contains(&property.as_str()) {
            continue;
        }
        let id = RuleId(format!("{}.sla.{property}", contract.table));
        if super::metric::is_taken(&id, contract) {
            problems.add(node.line, format!("'{property}' is promised twice"), "Remove one of the two.");
        }
        let Some(asks) = asks(&property, node, contract, problems) else { continue };
        let description = node.optional_text("description", problems);
        contract.sla.push(Promise { id, line: node.line, asks, description });
    }
}

fn asks(property: &str, node: &Node, contract: &Contract, problems: &mut Problems) -> Option<Asks> {
    let value = node.get("value").and_then(Node::number);
    if value.is_none_or(|value| value <= 0.0) {
        let line = line_of(node, "value");
        problems.add(line, format!("the value of '{property}' is no number above zero"), "Write 'value: 5'.");
    }
    let value = value?;
    let unit = node.optional_text("unit", problems);
    if property == "completeness" {
        if unit.as_deref().is_some_and(|unit| unit != "percent" && unit != "%") || value > 100.0 {
            let line = if value > 100.0 { line_of(node, "value") } else { line_of(node, "unit") };
            problems.add(line, "'completeness' is no percentage", "Write 'value: 95' and 'unit: percent'.");
        }
        return Some(Asks::Completeness { column: element(property, node, contract, problems)?, percent: value });
    }
    let known = || UNITS.iter().flat_map(|(names, _)| names.iter().copied()).collect::<Vec<_>>();
    let Some(unit) = unit else {
        problems.add(node.line, format!("'{property}' has no unit of time"), "Add 'unit: s', 'min', 'h', 'd' or 'm'.");
        return None;
    };
    let Some((_, seconds)) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())) else {
        problems.add(line_of(node, "unit"), format!("'{unit}' is no unit of time"), suggestion(&unit, &known()));
        return None;
    };
    let seconds = (value * *seconds as f64).round() as i64;
    Some(match property {
        "retention" => Asks::Retention { days: seconds / 86_400 },
        "freshness" => Asks::Freshness { column: element(property, node, contract, problems)?, seconds },
        _ => Asks::Latency { column: element(property, node, contract, problems)?, seconds },
    })
}

fn line_of(node: &Node, key: &str) -> u32 {
    node.get(key).map_or(node.line, |node| node.line)
}

/// The timestamp that a promise is about: `table.column`.
fn element(property: &str, node: &Node, contract: &Contract, problems: &mut Problems) -> Option<usize> {
    let Some(element) = node.get("element").and_then(Node::scalar) else {
        let message = format!("'{property}' does not say of which column");
        problems.add(node.line, message, format!("Add 'element: {}.<timestamp>'.", contract.table));
        return None;
    };
    let line = line_of(node, "element");
    let column = element.strip_prefix(&format!("{}.", contract.table)).unwrap_or(&element);
    let Some(place) = contract.index_of(column) else {
        unknown_column(column, line, contract, problems);
        return None;
    };
    if contract.columns[place].kind != Kind::Instant {
        problems.add(line, format!("'{column}' is no timestamp"), "Name a column of the logicalType timestamp.");
        return None;
    }
    if contract.columns[place].classification == Classification::Private {
        let message = format!("'{column}' is not public, and how old its values are is published");
        problems.add(line, message, "Name a column that is published.");
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
        let read = crate::contract::read::contract(Path::new("t.odcs.yaml"), &text);
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
