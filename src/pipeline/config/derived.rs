//! Which tables a release derives from others: `release: derived:`.

use std::sync::Arc;

use crate::contract::Contract;
use crate::contract::library::Library;
use crate::derive::derivation::{DerivationType, Input, Tables};
use crate::derive::{derivations, mistakes};
use crate::pipeline::config::files::Files;
use crate::yaml::{Node, suggestion};

/// A derivation of a release, and the contracts of the tables that it makes, in the order of its outputs.
#[derive(Clone, Debug)]
pub struct DerivedTables {
    pub derivation: &'static dyn DerivationType,
    pub contracts: Vec<Arc<Contract>>,
}

/// What the derivations of a release may read.
pub(super) struct Readable<'a> {
    /// The contracts of the feed's tables.
    pub feed: &'a Library,
    /// All contracts of the release.
    pub contracts: &'a Library,
    /// The tables that are made of the feed's.
    pub tables: &'a [(Arc<Contract>, String)],
    pub has_timetable: bool,
}

/// Reads the list of derivations.
pub(super) fn derived(files: &mut Files<'_>, release: &Node, readable: &Readable<'_>) -> Vec<DerivedTables> {
    let Some(list) = release.get("derived") else { return Vec::new() };
    if list.items().is_empty() {
        let remedy = format!("Write a list, as 'derived: [{}]', or remove it.", derivations::names().join(", "));
        files.problems.add(list.line, "'derived' names no derivation", remedy);
    }
    let mut found: Vec<(u32, DerivedTables)> = Vec::new();
    for item in list.items() {
        let name = item.scalar().unwrap_or_default();
        let Some(derivation) = derivations::find(&name) else {
            let message = format!("there is no derivation '{name}'");
            files.problems.add(item.line, message, suggestion(&name, &derivations::names()));
            continue;
        };
        if found.iter().any(|(_, other)| other.derivation.name() == name) {
            files.problems.add(item.line, format!("'{name}' is derived already"), "Remove it.");
            continue;
        }
        if let Some(contracts) = outputs(files, item, derivation, readable) {
            found.push((item.line, DerivedTables { derivation, contracts }));
        }
    }
    for (line, derived) in &found {
        for input in derived.derivation.inputs() {
            self::input(files, *line, derived.derivation, input, (readable, &found));
        }
    }
    found.into_iter().map(|(_, derived)| derived).collect()
}

/// The contracts of the tables that a derivation makes.
fn outputs(
    files: &mut Files<'_>,
    item: &Node,
    derivation: &'static dyn DerivationType,
    readable: &Readable<'_>,
) -> Option<Vec<Arc<Contract>>> {
    let mut contracts = Vec::new();
    for output in derivation.outputs() {
        let (name, table) = (derivation.name(), output.table);
        if readable.tables.iter().any(|(contract, _)| contract.table == table) {
            let message = format!("'{table}' is made by 'tables' already, and the derivation '{name}' makes it, too");
            files.problems.add(item.line, message, "Remove one of them.");
        }
        match readable.contracts.get(table) {
            Some(contract) => {
                files.found.append(&mut mistakes::of_output(output, derivation, contract));
                contracts.push(contract.clone());
            }
            None => {
                let message = format!("the derivation '{name}' makes '{table}', for which there is no contract");
                let remedy = format!("Add '{table}.odcs.yaml' to the contracts of the release.");
                files.problems.add(item.line, message, remedy);
            }
        }
    }
    (contracts.len() == derivation.outputs().len()).then_some(contracts)
}

/// Whether what a derivation reads is there.
fn input(
    files: &mut Files<'_>,
    line: u32,
    derivation: &dyn DerivationType,
    input: &Input,
    (readable, derived): (&Readable<'_>, &[(u32, DerivedTables)]),
) {
    let (name, table) = (derivation.name(), input.table);
    let contract = match input.of {
        Tables::Timetable if readable.has_timetable || !input.is_required => return,
        Tables::Timetable => {
            let message = format!("the derivation '{name}' needs a timetable, and the pipeline names none");
            files.problems.add(line, message, "Add 'timetable:' with the name of the pipeline of one.");
            return;
        }
        Tables::Feed => readable.feed.get(table),
        Tables::Release => {
            let made = readable.tables.iter().map(|(contract, _)| contract);
            let mut made = made.chain(derived.iter().flat_map(|(_, derived)| &derived.contracts));
            made.find(|contract| contract.table == table)
        }
    };
    let Some(contract) = contract else {
        if !input.is_required {
            return;
        }
        let whose = if input.of == Tables::Feed { "the feed" } else { "the release" };
        let message = format!("the derivation '{name}' reads '{table}', and {whose} has no such table");
        files.problems.add(line, message, format!("Add '{table}', or remove the derivation."));
        return;
    };
    for (message, remedy) in mistakes::of_input(input, derivation, contract) {
        files.problems.add(line, message, remedy);
    }
}
