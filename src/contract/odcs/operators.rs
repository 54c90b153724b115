//! What a number must be, and what it is counted in (ODCS 3.1, "Data quality", "Comparison operators" and `unit`).

use crate::contract::metric::{Limit, Threshold, Unit};
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::words::OPERATORS;
use crate::yaml::{Node, suggestion};

/// How many partitions a median is of, unless the rule says otherwise: a week.
const PARTITIONS: usize = 7;

/// The operators of an entry with the places of their names. ODCS has no operators for rules of ours: there they are custom
/// properties.
pub(super) fn there<'a>(entry: &Section<'a>, is_own: bool) -> Vec<(usize, &'a Node)> {
    let find = |name: &'static str| {
        let key = entry.get(name);
        if is_own { entry.custom(name).or(key) } else { key }
    };
    OPERATORS.iter().enumerate().filter_map(|(place, name)| Some((place, find(name)?))).collect()
}

/// Reads operator and unit of an entry.
pub(super) fn limit(entry: &Section<'_>, is_own: bool, told: &mut Told) -> Option<Limit> {
    let threshold = threshold(entry, is_own, told);
    let unit = unit(entry, told);
    Some(Limit { threshold: threshold?, unit })
}

fn unit(entry: &Section<'_>, told: &mut Told) -> Unit {
    let partitions = entry.custom("partitions");
    let unit = match entry.get("unit").map(|unit| (unit.line, unit.scalar().unwrap_or_default())) {
        None => Unit::Rows,
        Some((_, unit)) if unit == "rows" => Unit::Rows,
        Some((_, unit)) if unit == "percent" => Unit::Percent,
        Some((_, unit)) if unit == "percentOfMedian" => {
            let given =
                partitions.map(|node| node.int().and_then(|many| usize::try_from(many).ok()).filter(|n| *n > 0));
            if given == Some(None) {
                let line = entry.line_of_custom("partitions");
                told.fit.add(line, "'partitions' is no count of partitions", "Write a whole number from 1.");
            }
            Unit::PercentOfMedian { partitions: given.flatten().unwrap_or(PARTITIONS) }
        }
        Some((line, unit)) => {
            let known = ["rows", "percent", "percentOfMedian"];
            told.fit.add(line, format!("'{unit}' is no unit"), suggestion(&unit, &known));
            Unit::Rows
        }
    };
    if let Some(extra) = partitions.filter(|_| !matches!(unit, Unit::PercentOfMedian { .. })) {
        told.fit.add(extra.line, "'partitions' stands without a median", "Add 'unit: percentOfMedian'.");
    }
    unit
}

/// Reads the one operator of an entry; none or two are mistakes.
fn threshold(entry: &Section<'_>, is_own: bool, told: &mut Told) -> Option<Threshold> {
    let there = there(entry, is_own);
    let [(operator, value)] = there[..] else {
        let (line, message) = match there.get(1) {
            Some((place, second)) => (second.line, format!("'{}' is a second operator", OPERATORS[*place])),
            None => (entry.line(), "the metric does not say what it must be".to_owned()),
        };
        told.fit.add(line, message, format!("Write one of {}.", OPERATORS.join(", ")));
        return None;
    };
    let name = OPERATORS[operator];
    if name.ends_with("Between") {
        let bounds: Vec<Option<f64>> = value.items().iter().map(Node::number).collect();
        let [Some(low), Some(high)] = bounds[..] else {
            told.fit.add(value.line, format!("'{name}' needs two numbers"), "Write '[1, 10]'.");
            return None;
        };
        if low >= high {
            told.fit.add(value.line, "the first number is not below the second", "Swap the two.");
        }
        let make = if name == "mustBeBetween" { Threshold::Between } else { Threshold::NotBetween };
        return Some(make(low, high));
    }
    let Some(number) = value.number() else {
        let message = format!("'{name}' is {}, expected a number", value.kind());
        told.fit.add(value.line, message, "Write a number.");
        return None;
    };
    let make = [
        Threshold::Be as fn(f64) -> Threshold,
        Threshold::NotBe,
        Threshold::GreaterThan,
        Threshold::GreaterOrEqualTo,
        Threshold::LessThan,
        Threshold::LessOrEqualTo,
    ];
    Some(make[operator](number))
}
