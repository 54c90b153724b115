//! Where the foreign keys of a folder's contracts lead: to columns that there are, of the same type, and never in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::contract::{Contract, ForeignKey, Target, odcs};
use crate::yaml::{Problem, Problems, suggestion};

/// Contracts by their tables.
pub(super) type Contracts = BTreeMap<String, Arc<Contract>>;

/// The order, and the tables that a cycle keeps out of it (they follow at its end, by name).
pub(super) fn order(contracts: &Contracts) -> (Vec<Arc<Contract>>, Vec<Arc<Contract>>) {
    let mut waiting: Vec<&Arc<Contract>> = contracts.values().collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::new();
    let ready = |contract: &Contract, done: &BTreeSet<&str>| {
        contract.foreign_keys.iter().flat_map(|key| &key.targets).all(|target| {
            target.file.is_some()
                || target.table == contract.table
                || done.contains(target.table.as_str())
                || !contracts.contains_key(&target.table)
        })
    };
    while let Some(place) = waiting.iter().position(|contract| ready(contract, &done)) {
        let next = waiting.remove(place);
        done.insert(next.table.as_str());
        order.push(next.clone());
    }
    let stuck: Vec<_> = waiting.into_iter().cloned().collect();
    order.extend(stuck.iter().cloned());
    (order, stuck)
}

/// Tells of keys that lead nowhere, to columns of another type, or in a circle.
pub(super) fn check_keys(contracts: &Contracts, found: &mut Vec<Problem>) {
    for contract in contracts.values() {
        let mut problems = Problems::new(&contract.file);
        for (key, target) in contract.foreign_keys.iter().flat_map(|key| key.targets.iter().map(move |t| (key, t))) {
            match led_to(contracts, contract, target) {
                Ok(other) => check_columns(contract, key, target, &other, &mut problems),
                Err(Astray::Key(message, remedy)) => problems.add(key.line, message, remedy),
                Err(Astray::There(mut mistakes)) => found.append(&mut mistakes),
            }
        }
        found.append(&mut problems.found);
    }
    for contract in order(contracts).1 {
        let mut problems = Problems::new(&contract.file);
        for key in &contract.foreign_keys {
            let Some(way) = key.targets.iter().find_map(|target| way_back(contracts, &contract.table, target)) else {
                continue;
            };
            let message = format!("this foreign key is part of a cycle: {}", way.join(" -> "));
            problems.add(key.line, message, "Remove one of the references of the cycle.");
        }
        found.append(&mut problems.found);
    }
}

/// The contract of the table that a key leads to.
fn led_to(contracts: &Contracts, contract: &Contract, target: &Target) -> Result<Arc<Contract>, Astray> {
    if let Some(file) = &target.file {
        return elsewhere(contract, target, file);
    }
    contracts.get(&target.table).cloned().ok_or_else(|| {
        let tables: Vec<&str> = contracts.keys().map(String::as_str).collect();
        let name = &target.table;
        let message = format!("the foreign key names the table '{name}', which has no contract");
        Astray::Key(message, suggestion(name, &tables))
    })
}

fn check_columns(contract: &Contract, key: &ForeignKey, target: &Target, other: &Contract, problems: &mut Problems) {
    for (&place, name) in key.columns.iter().zip(&target.columns) {
        let own = &contract.columns[place];
        match other.index_of(name).map(|place| &other.columns[place]) {
            None => {
                let known: Vec<&str> = other.columns.iter().map(|column| column.name.as_str()).collect();
                let message = format!("'{name}' is no column of '{}'", target.table);
                problems.add(key.line, message, suggestion(name, &known));
            }
            Some(there) if there.kind != own.kind => problems.add(
                key.line,
                format!("'{}' is {:?}, but '{}.{name}' is {:?}", own.name, own.kind, target.table, there.kind),
                "Give both columns the same type.",
            ),
            Some(_) => {}
        }
    }
}

/// The shortest way along foreign keys from a table by one of its keys back to it, by the tables' names.
fn way_back(contracts: &Contracts, table: &str, by: &Target) -> Option<Vec<String>> {
    let leads_on = |target: &Target, from: &str| target.file.is_none() && target.table != from;
    let mut ways = VecDeque::from([vec![table.to_owned(), by.table.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front().filter(|_| leads_on(by, table)) {
        let last = &way[way.len() - 1];
        if last == table {
            return Some(way);
        }
        if !seen.insert(last.clone()) {
            continue;
        }
        let keys = contracts.get(last).map_or(&[][..], |contract| &contract.foreign_keys);
        for target in keys.iter().flat_map(|key| &key.targets).filter(|target| leads_on(target, last)) {
            ways.push_back([way.as_slice(), std::slice::from_ref(&target.table)].concat());
        }
    }
    None
}

/// Why a foreign key leads nowhere.
enum Astray {
    /// What is wrong with it, and how to mend it.
    Key(String, String),
    /// The contract that it leads to has mistakes of its own.
    There(Vec<Problem>),
}

/// A path without the steps that lead back, so that one file has one name in messages.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir && matches!(straight.components().next_back(), Some(Component::Normal(_))) {
            straight.pop();
        } else {
            straight.push(part);
        }
    }
    straight
}

/// The contract of another folder that a key of `contract` names.
fn elsewhere(contract: &Contract, target: &Target, file: &Path) -> Result<Arc<Contract>, Astray> {
    let folder = contract.file.parent().unwrap_or(Path::new("."));
    let path = straight(&folder.join(file));
    let there = path.parent().unwrap_or(folder);
    let shown = file.display();
    if there.canonicalize().is_ok_and(|there| folder.canonicalize().is_ok_and(|folder| folder == there)) {
        // The order of the tables and the search for cycles go by the short form.
        let message = format!("the foreign key leads into '{shown}', which lies in the same folder");
        return Err(Astray::Key(message, "Write 'table.column', without the file.".to_owned()));
    }
    let text = crate::durable::read_to_string(&path).map_err(|error| {
        let remedy = "Write the path from this contract's folder, such as '../gtfs/stops.odcs.yaml'.";
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("the foreign key leads into '{shown}', which does not exist"),
            _ => format!("the foreign key leads into '{shown}', which cannot be read: {error}"),
        };
        Astray::Key(message, remedy.to_owned())
    })?;
    let tables = odcs::document(&path, &text).map_err(Astray::There)?.tables;
    let known: Vec<String> = tables.iter().map(|other| other.table.clone()).collect();
    tables.into_iter().find(|other| other.table == target.table).map(Arc::new).ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let message = format!("'{shown}' is the contract of '{}', not of '{}'", known.join("', '"), target.table);
        Astray::Key(message, suggestion(&target.table, &known))
    })
}
