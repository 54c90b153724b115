//! What a rule is called: by its name, by its id in the file, or, so that it keeps one id while it stands there, by what it asks.

use crate::contract::names::{self, Named};
use crate::contract::odcs::entry::Entry;
use crate::contract::odcs::section::Told;
use crate::contract::odcs::words::OPERATORS;
use crate::contract::{Contract, RuleId};
use crate::digest::Digest;
use crate::yaml::{Node, Value};

/// The keys that say what a rule asks; others (how it is described, who runs it when) may change and the rule is the same.
const ASKED: [&str; 10] =
    ["type", "metric", "rule", "engine", "query", "implementation", "arguments", "validValues", "unit", "description"];

/// The id of a rule. One without a name gets one of `what` and of what it asks; `is_alone` says that `what` alone will do, as of
/// the only row count of a table.
pub(super) fn id(entry: &Entry<'_>, what: &str, is_alone: bool, contract: &Contract, told: &mut Told) -> RuleId {
    let table = &contract.table;
    if let Some(name) = &entry.name {
        let line = entry.section.line_of("name");
        let Some((message, remedy)) = names::mistake(Named::Rule, name) else {
            return RuleId(format!("{table}.{name}"));
        };
        told.fit.add(line, message, remedy);
        return RuleId(format!("{table}.{}", slug(name)));
    }
    if let Some(id) = entry.stable_id.as_ref().filter(|id| names::mistake(Named::Rule, id).is_none()) {
        return RuleId(format!("{table}.{id}"));
    }
    let at = entry.path.as_deref().or(entry.column.map(|(column, _)| column));
    let at = at.map_or(String::new(), |column| format!("{column}."));
    let plain = RuleId(format!("{table}.{at}{what}"));
    if is_alone && !contract.rule_ids().any(|other| *other == plain) {
        return plain;
    }
    let digest = Digest::of(asked(entry.section.node).as_bytes()).to_string();
    RuleId(format!("{table}.{at}{what}_{}", &digest[..8]))
}

/// A name for people as a word.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().take(60) {
        let letter = if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
        if letter != '_' || !(slug.is_empty() || slug.ends_with('_')) {
            slug.push(letter);
        }
    }
    slug.trim_matches('_').to_owned()
}

/// What an entry asks, as one text.
fn asked(node: &Node) -> String {
    let mut text = String::new();
    for key in ASKED.iter().chain(&OPERATORS) {
        // The description of a rule for people is the rule.
        let is_text = node.get("type").and_then(Node::text) == Some("text");
        if let Some(value) = node.get(key).filter(|_| *key != "description" || is_text) {
            text.push_str(key);
            write(value, &mut text);
        }
    }
    text
}

fn write(node: &Node, text: &mut String) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| write(item, text)),
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            write(key, text);
            write(value, text);
        }),
        _ => text.push_str(&node.scalar().unwrap_or_default()),
    }
    text.push('\n');
}
