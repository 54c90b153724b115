//! The quality rules of a table or a column, by their types (ODCS 3.1, "Data quality"). What this program cannot run is listed as
//! such, with the reason: it is no mistake, and it never passes.

use crate::contract::odcs::entry::Entry;
use crate::contract::odcs::refer::taken;
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::words::ENGINE;
use crate::contract::odcs::{metrics, naming, sql_rules};
use crate::contract::{Contract, Dimension, TextRule, UnexecutedRule};
use crate::yaml::{Node, misspelt, suggestion};

/// Reads the rules of a table, or of one of its columns.
pub(super) fn read(column: Option<&str>, owner: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    for node in owner.items("quality", told) {
        let place = column.and_then(|column| Some((column, contract.index_of(column)?)));
        rule(&Entry::read(node, place, told), contract, told);
    }
}

fn rule(entry: &Entry<'_>, contract: &mut Contract, told: &mut Told) {
    // What is told of a rule that comes to nothing is why it cannot be run.
    let told_before = (told.form.found.len(), told.fit.found.len());
    let is_read = match entry.kind.as_str() {
        "text" => {
            text(entry, contract, told);
            true
        }
        "custom" if let Some(engine) = other_engine(entry, told) => {
            list(
                entry,
                &naming::slug(&engine),
                format!("it is a rule of the engine '{}'", crate::yaml::shown(&engine)),
                contract,
                told,
            );
            return;
        }
        "sql" | "custom" => sql_rules::read(entry, contract, told).map(|rule| contract.rules.push(rule)).is_some(),
        "library" => metrics::read(entry, contract, told).map(|rule| contract.metrics.push(rule)).is_some(),
        other => {
            let remedy = suggestion(other, &["custom", "sql", "text", "library"]);
            told.form.add(entry.section.line_of("type"), format!("'{other}' is no type of quality rule"), remedy);
            false
        }
    };
    if !is_read {
        let first = told.form.found[told_before.0..].iter().chain(&told.fit.found[told_before.1..]).next();
        let reason = first.map_or_else(|| "it does not say what it asks".to_owned(), |first| first.message.clone());
        list(entry, &naming::slug(&entry.kind), reason, contract, told);
    }
}

/// The engine of a rule that is not ours; one that is nearly ours was meant to be it.
fn other_engine(entry: &Entry<'_>, told: &mut Told) -> Option<String> {
    let engine = entry.section.require_text("engine", told)?;
    if let Some(ours) = misspelt(&engine, &[ENGINE]) {
        let line = entry.section.line_of("engine");
        told.fit.add(line, format!("'engine' is '{engine}'"), format!("Did you mean '{ours}'?"));
    }
    (engine != ENGINE).then_some(engine)
}

/// A rule for people.
fn text(entry: &Entry<'_>, contract: &mut Contract, told: &mut Told) {
    let line = entry.section.line();
    let id = naming::id(entry, "text", false, contract, told);
    taken(&id, line, contract, &mut told.fit);
    contract.texts.push(TextRule { id, line, description: entry.description.clone().unwrap_or_default() });
}

/// Lists a rule that cannot be run.
fn list(entry: &Entry<'_>, what: &str, reason: String, contract: &mut Contract, told: &mut Told) {
    let id = naming::id(entry, what, false, contract, told);
    if contract.rule_ids().any(|other| *other == id) {
        return;
    }
    contract.unexecuted.push(UnexecutedRule {
        id,
        line: entry.section.line(),
        severity: entry.severity,
        dimension: entry.dimension.unwrap_or(Dimension::Conformity),
        description: entry.description.clone(),
        reason,
    });
}

/// Lists the rules of values inside of a column, which is no column of a table.
pub(super) fn list_nested(path: &str, node: &Node, contract: &mut Contract, told: &mut Told) {
    let items = node.get("items").into_iter().map(|node| (format!("{path}.items"), node));
    let properties = node.get("properties").map_or(&[][..], Node::items).iter();
    let properties = properties.map(|node| {
        let name = node.get("name").and_then(Node::scalar).unwrap_or_default();
        (format!("{path}.{name}"), node)
    });
    for (path, node) in items.chain(properties).collect::<Vec<_>>() {
        for entry in node.get("quality").map_or(&[][..], Node::items) {
            let mut entry = Entry::read(entry, None, told);
            entry.path = Some(path.clone());
            let reason = format!("'{path}' is a value inside of another, and no column of a table");
            let what = naming::slug(&entry.kind);
            list(&entry, &what, reason, contract, told);
        }
        list_nested(&path, node, contract, told);
    }
}
