//! Foreign keys (ODCS 3.1, "References"), and our custom property `references` for a value of any of several tables.

use std::path::PathBuf;

use crate::contract::odcs::refer::unknown_column;
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::words;
use crate::contract::{Contract, ForeignKey, OnFail, Severity, Target};
use crate::yaml::{Node, Value};

/// Reads the relationships of a table, or of one of its columns.
pub(super) fn read(column: Option<&str>, owner: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    if let Some(column) = column
        && let Some(list) = owner.custom("references")
    {
        any_of(column, list, owner, contract, told);
    }
    for node in owner.items("relationships", told) {
        relationship(column, &Section::new(node), contract, told);
    }
}

/// References in full name tables and columns by their ids, where these have one: puts their names in place of them, as far as
/// they are in the same file.
pub(super) fn resolve_ids(objects: &[Node], tables: &mut [Contract]) {
    let named = |nodes: &[Node], id: &str| {
        let is_it = |node: &&Node| node.get("id").and_then(Node::text) == Some(id);
        nodes.iter().find(is_it).and_then(|node| node.get("name")?.scalar())
    };
    let keys = tables.iter_mut().flat_map(|contract| &mut contract.foreign_keys);
    for target in keys.flat_map(|key| &mut key.targets).filter(|target| target.file.is_none()) {
        if let Some(name) = named(objects, &target.table) {
            target.table = name;
        }
        let Some(object) = objects.iter().find(|node| node.get("name").and_then(Node::text) == Some(&target.table))
        else {
            continue;
        };
        let properties = object.get("properties").map_or(&[][..], Node::items);
        for column in &mut target.columns {
            if let Some(name) = named(properties, column) {
                *column = name;
            }
        }
    }
}

/// Where a reference leads: the file, if it is another one, and the table.
type Place = (Option<PathBuf>, String);

/// The place and the column that a reference names: `table.column`, or fully qualified
/// `file.yaml#/schema/table/properties/column`.
fn reference(text: &str) -> Option<(Place, String)> {
    // A path without a file is one in this file.
    let path_here = text.strip_prefix('/').unwrap_or(text).starts_with("schema/").then_some(("", text));
    let (file, table, column) = match text.split_once('#').or(path_here) {
        None => text.split_once('.').map(|(table, column)| (None, table, column))?,
        Some((file, path)) => {
            let path = path.strip_prefix('/').unwrap_or(path);
            let (table, column) = path.strip_prefix("schema/")?.split_once("/properties/")?;
            ((!file.is_empty()).then(|| PathBuf::from(file)), table, column)
        }
    };
    let is_name = |name: &str| !name.is_empty() && !name.contains(['.', '/']);
    (is_name(table) && is_name(column)).then(|| ((file, table.to_owned()), column.to_owned()))
}

/// A column whose values stand in any of several tables, which ODCS has no word for.
fn any_of(column: &str, list: &Node, settings: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    let mut targets = Vec::new();
    for name in list.items().iter().filter_map(Node::scalar).chain(list.scalar()) {
        match reference(&name) {
            Some(((file, table), column)) => targets.push(Target { file, table, columns: vec![column] }),
            None => told.fit.add(list.line, format!("'{name}' does not name a column"), "Write 'table.column'."),
        }
    }
    if let Some(place) = contract.index_of(column)
        && !targets.is_empty()
    {
        let weight = Weight { line: list.line, ..Weight::of(settings, told) };
        add_key(vec![place], targets, weight, contract, told);
    }
}

/// What a key weighs and does, as the custom properties beside it say.
#[derive(Clone, Copy)]
struct Weight {
    severity: Severity,
    on_fail: OnFail,
    line: u32,
}

impl Weight {
    fn of(settings: &Section<'_>, told: &mut Told) -> Self {
        let severity = choose(settings.custom("severity"), "severity", words::SEVERITIES, &mut told.fit);
        let on_fail = choose(settings.custom("onFail"), "onFail", words::ON_FAIL, &mut told.fit);
        Self {
            severity: severity.unwrap_or(Severity::Error),
            on_fail: on_fail.unwrap_or(OnFail::Report),
            line: settings.line(),
        }
    }
}

fn add_key(columns: Vec<usize>, targets: Vec<Target>, weight: Weight, contract: &mut Contract, told: &mut Told) {
    let Weight { severity, on_fail, line } = weight;
    if contract.foreign_keys.iter().any(|key| key.columns == columns) {
        let remedy = "Say all of it in one 'references' list.";
        told.fit.add(line, "these columns have a foreign key already", remedy);
        return;
    }
    contract.foreign_keys.push(ForeignKey { columns, targets, severity, on_fail, line });
}

/// One text, or a list of them.
fn names(node: Option<&Node>) -> Vec<String> {
    node.map_or(Vec::new(), |node| match &node.value {
        Value::List(items) => items.iter().filter_map(Node::scalar).collect(),
        _ => node.scalar().into_iter().collect(),
    })
}

fn relationship(column: Option<&str>, relation: &Section<'_>, contract: &mut Contract, told: &mut Told) {
    relation.accept(&["type"]);
    let line = relation.line();
    let (from, to) = (names(relation.get("from")), names(relation.get("to")));
    let weight = Weight::of(relation, told);
    relation.end(told);
    let own: Vec<String> = match column {
        Some(column) => vec![column.to_owned()],
        None => from.iter().map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect(),
    };
    let mut place = None;
    let mut references = Vec::new();
    for target in to {
        match reference(&target) {
            Some((there, column)) if *place.get_or_insert_with(|| there.clone()) == there => references.push(column),
            _ => told.fit.add(
                line,
                format!("'{target}' does not name a column of one other table"),
                "Write 'table.column', or '../folder/table.odcs.yaml#/schema/table/properties/column' for a table of another \
                 folder, all of the same table.",
            ),
        }
    }
    let mut columns = Vec::new();
    for name in &own {
        match contract.index_of(name) {
            Some(place) => columns.push(place),
            None => unknown_column(name, line, contract, &mut told.fit),
        }
    }
    if columns.is_empty() || columns.len() != references.len() {
        let message = "the relationship does not have as many columns here as there";
        told.fit.add(line, message, "Give 'from' and 'to' equally many columns.");
        return;
    }
    let Some((file, table)) = place else { return };
    add_key(columns, vec![Target { file, table, columns: references }], weight, contract, told);
}
