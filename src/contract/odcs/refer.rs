//! How the parts of a contract refer to each other: by the names of its columns, views and rules.

use crate::contract::names::{self, Named};
use crate::contract::odcs::section::Told;
use crate::contract::{Contract, RuleId};
use crate::yaml::{Node, Problems, suggestion};

/// Tells of a name that cannot be used. One with control characters could not even be shown.
pub(super) fn named(what: Named, name: &str, line: u32, told: &mut Told) {
    if let Some((message, remedy)) = names::mistake(what, name) {
        let problems = if name.contains(char::is_control) { &mut told.form } else { &mut told.fit };
        problems.add(line, message, remedy);
    }
}

/// The line of a key's value, or of the map.
pub(super) fn line_of(node: &Node, key: &str) -> u32 {
    node.get(key).map_or(node.line, |node| node.line)
}

/// The places of columns that a list names.
pub(super) fn places(list: &Node, what: &str, contract: &Contract, problems: &mut Problems) -> Vec<usize> {
    if list.items().is_empty() {
        problems.add(list.line, format!("'{what}' is not a list of columns"), "Write '[column, column]'.");
    }
    let mut places = Vec::new();
    for item in list.items() {
        let name = item.scalar().unwrap_or_default();
        match contract.index_of(&name) {
            Some(place) => places.push(place),
            None => unknown_column(&name, item.line, contract, problems),
        }
    }
    places
}

pub(in crate::contract) fn unknown_column(name: &str, line: u32, contract: &Contract, problems: &mut Problems) {
    let known: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    problems.add(line, format!("'{name}' is no column of '{}'", contract.table), suggestion(name, &known));
}

/// Tells of an id that another rule of the contract has.
pub(super) fn taken(id: &RuleId, line: u32, contract: &Contract, problems: &mut Problems) {
    if contract.rule_ids().any(|other| other == id) {
        problems.add(line, format!("the rule '{id}' stands here twice"), "Give each rule a name of its own.");
    }
}
