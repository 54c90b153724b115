//! What is published beside the chosen pseudonyms and undoes them: columns that tell which trips one vehicle made, or which vehicle it
//! was. A pipeline that publishes pseudonyms per trip says that nobody is to follow a bus from trip to trip; the contracts of other
//! tables, of the timetable above all, are written by other people at other times.
//!
//! Nothing of this is a mistake: the city decides. So it is told by `check` and keeps no run from its work.

use std::collections::BTreeSet;

use crate::contract::Contract;
use crate::derive::privacy::step::{Scope, VEHICLE, is_public};
use crate::derive::telemetry;
use crate::pipeline::{Pipeline, Release};
use crate::yaml::Problem;

/// Columns of a feed whose values are those of one vehicle, whatever its pseudonym is: of the tables whose rows are reports.
const OF_ONE_VEHICLE: &[(&str, &str)] = &[
    ("vehicle_label", "is what is written on a vehicle"),
    ("license_plate", "is a vehicle's number plate"),
    ("entity_id", "is that of a vehicle in most feeds"),
    ("odometer", "goes on from trip to trip and from day to day"),
];

/// Columns of the timetable that join the trips of one vehicle (GTFS reference, `trips.txt` and `transfers.txt`).
const JOINS_TRIPS: &[(&str, &str, &str)] = &[
    ("trips", BLOCK, "joins the trips that one vehicle makes one after the other"),
    ("transfers", "to_trip_id", "joins two trips of one vehicle where 'transfer_type' is 4 or 5 (in-seat transfers)"),
];
const BLOCK: &str = "block_id";
const MAKE_PRIVATE: &str = "Write 'classification: private'";

/// What undoes the pseudonyms of the pipelines, each at the line to change.
pub fn undone_pseudonyms(pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut found = BTreeSet::new();
    for pipeline in pipelines {
        let Some(release) = pipeline.release.as_ref().filter(|release| has_pseudonyms(release)) else { continue };
        let scope = release.privacy.pseudonyms;
        let whose = format!("undoes 'pseudonyms: {}' of the pipeline {}", scope.word(), pipeline.name);
        of_vehicles(pipeline, release, &whose, &mut found);
        if scope == Scope::Trip {
            of_own_blocks(pipeline, &whose, &mut found);
            of_timetable(pipelines, pipeline, &whose, &mut found);
        }
        of_others(pipelines, pipeline, scope, &mut found);
    }
    found.into_iter().collect()
}

/// Whether a release publishes pseudonyms of vehicles.
fn has_pseudonyms(release: &Release) -> bool {
    release.tables.iter().any(|(contract, _)| is_public(contract, VEHICLE))
}

fn add(found: &mut BTreeSet<Problem>, contract: &Contract, name: &str, message: String, remedy: &str) {
    let line = contract.index_of(name).map_or(0, |place| contract.columns[place].line);
    found.insert(Problem { file: contract.file.clone(), line, message, remedy: format!("{remedy}.") });
}

/// Columns of the release that are copied from what tells one vehicle from the others.
fn of_vehicles(pipeline: &Pipeline, release: &Release, whose: &str, found: &mut BTreeSet<Problem>) {
    for (contract, from) in &release.tables {
        let Some(feed) = pipeline.contracts.get(from).filter(|_| contract.index_of(VEHICLE).is_some()) else {
            continue;
        };
        for (_, column) in contract.public_columns().filter(|(_, column)| column.name != VEHICLE) {
            let origin = telemetry::origin(&feed.table, &column.name, |name| feed.index_of(name).is_some());
            let telemetry::ColumnOrigin::Copied(of) = origin else { continue };
            let Some((_, why)) = OF_ONE_VEHICLE.iter().find(|(name, _)| *name == of) else { continue };
            let message = format!("'{}' of '{}' is public and {whose}: '{of}' {why}", column.name, contract.table);
            add(found, contract, &column.name, message, MAKE_PRIVATE);
        }
    }
}

/// Blocks in any table that the pipeline publishes.
fn of_own_blocks(pipeline: &Pipeline, whose: &str, found: &mut BTreeSet<Problem>) {
    for contract in pipeline.released().iter().filter(|contract| is_public(contract, BLOCK)) {
        let message = format!(
            "'{BLOCK}' of '{}' is public and {whose}: it joins the trips that one vehicle makes one after the other",
            contract.table
        );
        add(found, contract, BLOCK, message, MAKE_PRIVATE);
    }
}

fn of_timetable(pipelines: &[Pipeline], pipeline: &Pipeline, whose: &str, found: &mut BTreeSet<Problem>) {
    let Some((name, _)) = &pipeline.timetable else { return };
    let Some(timetable) = pipelines.iter().find(|other| other.name == *name) else { return };
    let released = timetable.released();
    for (table, column, why) in JOINS_TRIPS {
        let Some(contract) = released.iter().find(|of| of.table == *table && is_public(of, column)) else { continue };
        let message = format!("'{column}' of the published timetable's '{table}' {whose}: it {why}");
        let remedy = match *column {
            BLOCK => format!("{MAKE_PRIVATE}, or 'pseudonyms: block' in the pipeline if that may be known"),
            _ => format!("{MAKE_PRIVATE}, or leave it if the timetable has no such transfers"),
        };
        add(found, contract, column, message, &remedy);
    }
}

/// Other pipelines that publish the same reports with pseudonyms that hold longer: a row of one is found in the other by its time and
/// place.
fn of_others(pipelines: &[Pipeline], pipeline: &Pipeline, scope: Scope, found: &mut BTreeSet<Problem>) {
    let sources: BTreeSet<&str> = pipeline.feeds.iter().map(|feed| feed.name.as_str()).collect();
    for other in pipelines.iter().filter(|other| other.name != pipeline.name) {
        let Some(release) = other.release.as_ref().filter(|release| has_pseudonyms(release)) else { continue };
        let Some(shared) = other.feeds.iter().find(|feed| sources.contains(feed.name.as_str())) else { continue };
        let theirs = release.privacy.pseudonyms;
        if length(theirs) > length(scope) {
            found.insert(Problem {
                file: other.file.clone(),
                line: other.line,
                message: format!(
                    "'pseudonyms: {}' undoes 'pseudonyms: {}' of the pipeline {}: both publish reports of the source '{}', and the \
                     same report is known by its time and place",
                    theirs.word(),
                    scope.word(),
                    pipeline.name,
                    shared.name
                ),
                remedy: format!("Write 'privacy: {{pseudonyms: {}}}' below 'release' here, too.", scope.word()),
            });
        }
    }
}

/// How long a pseudonym holds, in the order of the scopes.
fn length(scope: Scope) -> u8 {
    match scope {
        Scope::Trip => 0,
        Scope::Block => 1,
        Scope::Day => 2,
    }
}
