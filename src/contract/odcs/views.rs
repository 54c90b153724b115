//! Queries that several rules of a table use: our custom property `views`.

use crate::contract::names::Named;
use crate::contract::odcs::refer::{named, places};
use crate::contract::odcs::section::{Section, Told};
use crate::contract::odcs::sql;
use crate::contract::query;
use crate::contract::{Contract, View};
use crate::yaml::Node;

/// Reads the views of a table.
pub(super) fn read(table: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    let Some(list) = table.custom("views") else { return };
    if list.items().is_empty() {
        told.fit.add(list.line, "'views' is not a list", "Write '- {name: ..., query: ...}'.");
    }
    for node in list.items() {
        if let Some(view) = view(node, contract, told) {
            contract.views.push(view);
        }
    }
    tell_of_wrong_order(contract, told);
}

fn view(node: &Node, contract: &Contract, told: &mut Told) -> Option<View> {
    node.only_keys(&["name", "query", "per", "description"], &mut told.fit);
    let name = node.require_text("name", &mut told.fit);
    node.require_text("query", &mut told.fit)?;
    let query = node.get("query").and_then(|text| sql::query(text, None, contract, told));
    let (name, query) = (name?, query?);
    let line = node.get("name").map_or(node.line, |node| node.line);
    let is_taken = name == contract.table || name == query::PREVIOUS || name.starts_with(query::TIMETABLE);
    if is_taken || contract.view(&name).is_some() {
        told.fit.add(line, format!("the name '{name}' of the view is taken"), "Give the view another name.");
    }
    named(Named::View, &name, line, told);
    let per = node.get("per").map_or(Vec::new(), |list| places(list, "per", contract, &mut told.fit));
    let what = format!("the view '{name}'");
    sql::same_per(&sql::InParts { what: &what, line: node.line, query: &query, per: &per }, contract, &mut told.fit);
    Some(View { name, line: node.line, query, per })
}

/// A view reads only from those above it.
fn tell_of_wrong_order(contract: &Contract, told: &mut Told) {
    for (place, view) in contract.views.iter().enumerate() {
        let name = &view.name;
        for other in contract.views[place..].iter().filter(|other| view.query.tables.contains(&other.name)) {
            let (line, other) = (view.query.line_of(&other.name).unwrap_or(view.line), &other.name);
            let (message, remedy) = if name == other {
                (format!("the view '{name}' reads from itself"), "Read from the table.".to_owned())
            } else {
                let message = format!("the view '{name}' reads from the view '{other}', which stands below it");
                (message, format!("Move '{other}' above it."))
            };
            told.fit.add(line, message, remedy);
        }
    }
}
