//! How a table has changed: our custom properties `since`, `alias`, `wasType` and `publicUntil` of a column, and `removedColumns` of a
//! table. What of it contradicts the contract itself is told here; what contradicts the published table, where that is known.

use arrow_schema::DataType;

use crate::contract::change::{ColumnChange, NumberType, RemovedColumn, StaysPublic};
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::words;
use crate::contract::{Classification, Contract};
use crate::time::ServiceDate;
use crate::yaml::Node;

const EXAMPLE: &str = "{property: since, value: 2026-03-01}";

/// How a column has changed.
pub(super) fn column(
    name: &str,
    property: &Section<'_>,
    classification: Classification,
    release: &DataType,
    told: &mut Told,
) -> Option<ColumnChange> {
    let [since, alias, was_type] = ["since", "alias", "wasType"].map(|word| property.custom(word));
    let first = [since, alias, was_type].into_iter().flatten().next()?;
    if classification != Classification::Public {
        let message = format!("'{name}' is not published, and says how its published values have changed");
        told.fit.add(first.line, message, "Remove 'since', 'alias' and 'wasType' from it.");
        return None;
    }
    let was_type = was_type.and_then(|node| earlier_type(node, release, told));
    let alias = alias.and_then(|node| {
        let text = node.scalar().filter(|text| !text.is_empty());
        match text.as_deref() {
            None => {
                told.fit.add(node.line, "'alias' is no name of a column", "Write what the column was called before.")
            }
            Some(text) if text == name => {
                let message = format!("'{name}' is the alias of itself");
                told.fit.add(node.line, message, "Write what the column was called before, or remove 'alias'.");
                return None;
            }
            Some(_) => {}
        }
        text
    });
    let Some(since) = since else {
        let message = format!("'{name}' has another name or type than before, and nothing says since when");
        let remedy = format!("Write the first service date that has it as it is now: '{EXAMPLE}'.");
        told.fit.add(first.line, message, remedy);
        return None;
    };
    let date = date(since, "since", told)?;
    Some(ColumnChange { line: since.line, since: date, alias, was_type })
}

fn earlier_type(node: &Node, release: &DataType, told: &mut Told) -> Option<NumberType> {
    let word = node.scalar().unwrap_or_default();
    let was = words::NUMBER_TYPES.iter().find(|(name, _)| *name == word).map(|(_, is)| *is);
    let (was, is) = (was, NumberType::of(release));
    if let (Some(was), Some(is)) = (was, is)
        && was.grows_into(is)
    {
        return Some(was);
    }
    let message =
        format!("a column of the type '{word}' cannot become what this one is: no reader has both as one column");
    let remedy = "Only 'int32' grows into 'int64', and 'float' into 'double'. Give other values a column of another name, and write \
                  the old one under 'removedColumns'.";
    told.fit.add(node.line, message, remedy);
    None
}

fn date(node: &Node, what: &str, told: &mut Told) -> Option<ServiceDate> {
    let text = node.scalar().unwrap_or_default();
    let date = text.parse().ok();
    if date.is_none() {
        told.fit.add(node.line, format!("'{what}' is '{text}', which is no date"), "Write a service date: 2026-03-01.");
    }
    date
}

/// Whether the values of a private column may stay public where they are.
pub(super) fn stays_public(
    name: &str,
    property: &Section<'_>,
    classification: Classification,
    told: &mut Told,
) -> Option<StaysPublic> {
    let node = property.custom("publicUntil")?;
    if classification == Classification::Public {
        let message = format!("'{name}' is public, and 'publicUntil' says that it is no more");
        told.fit.add(node.line, message, "Write 'classification: private', or remove 'publicUntil'.");
        return None;
    }
    node.only_keys(&["date", "reason"], &mut told.fit);
    let until = node.get("date").and_then(|node| date(node, "date", told));
    let reason = node.get("reason").and_then(Node::scalar).unwrap_or_default().trim().to_owned();
    if node.get("date").is_none() || reason.len() < 3 {
        let message =
            format!("'publicUntil' of '{name}' does not say until when it was published, and why that may stay so");
        told.fit.add(node.line, message, "Write 'value: {date: 2026-03-01, reason: ...}'.");
        return None;
    }
    Some(StaysPublic { line: node.line, until: until?, reason })
}

/// The columns that a table has no more; and what contradicts in what was said of its columns.
pub(super) fn table(table: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    if let Some(list) = table.custom("removedColumns") {
        if list.items().is_empty() {
            told.fit.add(list.line, "'removedColumns' is not a list", "Write '- {name: ..., until: 2026-03-01}'.");
        }
        for node in list.items() {
            node.only_keys(&["name", "until", "description"], &mut told.fit);
            let name = node.require_text("name", &mut told.fit);
            node.require_text("until", &mut told.fit);
            let until = node.get("until").and_then(|node| date(node, "until", told));
            let (Some(name), Some(until)) = (name, until) else { continue };
            removed(RemovedColumn { line: node.line, name, until }, contract, told);
        }
    }
    aliases(contract, told);
}

fn removed(column: RemovedColumn, contract: &mut Contract, told: &mut Told) {
    let RemovedColumn { line, ref name, .. } = column;
    let problem = if contract.index_of(name).is_some() {
        Some((format!("'{name}' is removed, and is a column of the contract"), "Remove one of the two."))
    } else if contract.removed.iter().any(|other| other.name == *name) {
        Some((format!("'{name}' stands twice under 'removedColumns'"), "Remove one of the two."))
    } else {
        None
    };
    match problem {
        Some((message, remedy)) => told.fit.add(line, message, remedy),
        None => contract.removed.push(column),
    }
}

/// Tells of aliases that leave open which column is meant.
fn aliases(contract: &Contract, told: &mut Told) {
    let changes = contract.columns.iter().filter_map(|column| Some((column, column.change.as_ref()?)));
    let aliases: Vec<(&str, &str, u32)> = changes
        .filter_map(|(column, change)| Some((column.name.as_str(), change.alias.as_deref()?, change.line)))
        .collect();
    for (place, (name, alias, line)) in aliases.iter().enumerate() {
        let back = aliases.iter().find(|(other, of, _)| other == alias && of == name);
        if let Some((other, _, _)) = back.filter(|(other, ..)| *other > *name) {
            let message = format!("'{name}' and '{other}' are each the alias of the other");
            let remedy = "Columns cannot swap their names: whoever reads several years by name would mix the two. Give both another \
                          name, each with its alias.";
            told.fit.add(*line, message, remedy);
        } else if back.is_none() && contract.index_of(alias).is_some() {
            let message = format!("'{alias}' is the alias of '{name}', and is a column itself");
            let remedy =
                format!("Remove the column '{alias}' if it is called '{name}' now; otherwise remove the alias.");
            told.fit.add(*line, message, remedy);
        }
        if let Some((other, ..)) = aliases[..place].iter().find(|(_, of, _)| of == alias) {
            let message = format!("'{other}' and '{name}' both have the alias '{alias}'");
            told.fit.add(*line, message, format!("Keep it at the one that '{alias}' has become."));
        }
        if let Some(removed) = contract.removed.iter().find(|removed| removed.name == *alias) {
            let message = format!("'{alias}' is removed, and is the alias of '{name}'");
            let remedy =
                "Keep the alias if the column has another name now, or the entry under 'removedColumns' if it is gone.";
            told.fit.add(removed.line, message, remedy);
        }
    }
}
