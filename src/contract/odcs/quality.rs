//! The quality rules of a table or a column, by their types (ODCS 3.1, "Data quality").

use crate::contract::names::Named;
use crate::contract::odcs::entry::Entry;
use crate::contract::odcs::refer::{named, taken};
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::{metrics, sql_rules};
use crate::contract::{Contract, RuleId, TextRule};
use crate::yaml::suggestion;

/// Reads the rules of a table, or of one of its columns.
pub(super) fn read(column: Option<&str>, owner: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    for node in owner.items("quality", told) {
        let place = column.and_then(|column| Some((column, contract.index_of(column)?)));
        let entry = Entry::read(node, place, told);
        match entry.kind.as_str() {
            "text" => text(&entry, contract, told),
            "sql" | "custom" => {
                if let Some(rule) = sql_rules::read(&entry, contract, told) {
                    contract.rules.push(rule);
                }
            }
            "library" => {
                if let Some(rule) = metrics::read(&entry, contract, told) {
                    taken(&rule.id, rule.line, contract, &mut told.fit);
                    contract.metrics.push(rule);
                }
            }
            other => {
                let remedy = suggestion(other, &["custom", "sql", "text", "library"]);
                told.form.add(entry.section.line_of("type"), format!("'{other}' is no type of quality rule"), remedy);
            }
        }
    }
}

/// A rule for people.
fn text(entry: &Entry<'_>, contract: &mut Contract, told: &mut Told) {
    let name = entry.name.clone().unwrap_or_else(|| format!("text_{}", contract.texts.len() + 1));
    named(Named::Rule, &name, entry.section.line_of("name"), &mut told.fit);
    let id = RuleId(format!("{}.{name}", contract.table));
    let line = entry.section.line();
    taken(&id, line, contract, &mut told.fit);
    contract.texts.push(TextRule { id, line, description: entry.description.clone().unwrap_or_default() });
}
