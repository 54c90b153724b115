//! What a pipeline releases of a feed that is not released as it came.

use std::sync::Arc;

use crate::contract::Contract;
use crate::contract::library::Library;
use crate::decode::format::Decoder;
use crate::derive::privacy::step::PrivacyRules;
use crate::derive::telemetry;
use crate::pipeline::config::derived::{self, DerivedTables, Readable};
use crate::pipeline::config::files::Files;
use crate::pipeline::config::privacy;
use crate::yaml::{Node, suggestion};

const RELEASE_KEYS: &[&str] = &["contracts", "tables", "derived", "privacy"];
pub(super) const VEHICLES: &[&str] = &["shared", "by_source"];
const ENTITY_IDS: &[&str] = &["unstable", "stable"];
const OCCUPANCY_SOURCES: &[&str] = &["apc", "driver", "estimate_wlan", "estimate_model", "unknown"];
/// The keys of a pipeline's file that are about this.
pub(super) const KEYS: &[&str] =
    &["release", "occupancy_source", "vehicles", "entity_ids", "timetable", "minimum_readable"];
/// Those among them that a pipeline of a timetable has, too.
pub(super) const OF_TIMETABLES: &[&str] = &["release"];

/// The tables of a release, and how they are made from those of the feed.
#[derive(Debug)]
pub struct Release {
    pub contracts: Library,
    /// The release's contract and the name of the feed's table that it is made from.
    pub tables: Vec<(Arc<Contract>, String)>,
    /// How long pseudonyms hold, and where positions are cut off.
    pub privacy: Arc<PrivacyRules>,
    /// How occupancy is measured: `apc`, `driver`, `estimate_wlan`, `estimate_model`, `unknown`.
    pub occupancy_source: String,
    pub vehicles: VehicleIds,
    /// Whether an entity keeps its id from snapshot to snapshot, so that it stands for a vehicle that has no other.
    pub entity_ids_are_stable: bool,
}

/// What the same vehicle id in two sources means, where these name no fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VehicleIds {
    /// The pipeline says nothing: sources that give positions speak of vehicles of their own.
    Unsaid,
    /// The same vehicle.
    Shared,
    /// Two vehicles.
    BySource,
}

/// Reads what a pipeline's file says of its release, and what is derived from its tables, from the feed and the timetable. The
/// columns of the release must be ones that the decoder's can become.
pub(super) fn release(
    files: &mut Files<'_>,
    node: &Node,
    source: Option<&Library>,
    decoder: Option<&dyn Decoder>,
) -> Option<(Release, Vec<DerivedTables>)> {
    let occupancy_source =
        node.optional_text("occupancy_source", &mut files.problems).unwrap_or_else(|| "unknown".to_owned());
    if !OCCUPANCY_SOURCES.contains(&occupancy_source.as_str()) {
        let line = node.get("occupancy_source").map_or(node.line, |node| node.line);
        let message = format!("'{occupancy_source}' is no way to measure occupancy");
        files.problems.add(line, message, suggestion(&occupancy_source, OCCUPANCY_SOURCES));
    }
    let vehicles = match choice(files, node, "vehicles", VEHICLES).as_deref() {
        Some("shared") => VehicleIds::Shared,
        Some(_) => VehicleIds::BySource,
        None => VehicleIds::Unsaid,
    };
    let entity_ids_are_stable = choice(files, node, "entity_ids", ENTITY_IDS).is_some_and(|word| word == "stable");
    if vehicles == VehicleIds::Shared {
        for fleet in node.get("sources").map_or(&[][..], Node::items).iter().filter_map(|item| item.get("vehicles")) {
            let message = "all sources share their vehicles, and this one names its own";
            files.problems.add(fleet.line, message, "Remove 'vehicles' here or from the pipeline.");
        }
    }
    let Some(map) = node.get("release") else {
        files.problems.add(node.line, "'release' is missing", "Add 'release:' with 'contracts:' and 'tables:'.");
        return None;
    };
    map.only_keys(RELEASE_KEYS, &mut files.problems);
    let contracts = files.library(map)?;
    let source = source?;
    let tables = tables(files, map, (&contracts, source), decoder);
    let has_timetable = node.get("timetable").is_some();
    let readable = Readable { feed: source, contracts: &contracts, tables: &tables, has_timetable };
    let derived = derived::derived(files, map, &readable);
    let privacy = Arc::new(privacy::privacy(files, map, &tables, has_timetable));
    Some((Release { contracts, tables, privacy, occupancy_source, vehicles, entity_ids_are_stable }, derived))
}

/// Reads what is derived from a feed that is released as it came: `release:` with the contracts of the derived tables alone.
pub(super) fn derived_only(files: &mut Files<'_>, node: &Node, feed: Option<&Library>) -> Vec<DerivedTables> {
    let Some(map) = node.get("release") else { return Vec::new() };
    if let Some(tables) = map.get("tables") {
        let remedy = "Remove 'tables', and leave 'derived'.";
        files.problems.add(tables.line, "the tables of a timetable are released as they came", remedy);
    }
    map.only_keys(RELEASE_KEYS, &mut files.problems);
    if map.get("derived").is_none() {
        let message = "'release' of a timetable says what is derived from it, and 'derived' is missing";
        files.problems.add(map.line, message, "Add 'derived: [service_dates]', or remove 'release'.");
    }
    let (Some(contracts), Some(feed)) = (files.library(map), feed) else { return Vec::new() };
    if let Some(table) = contracts.contracts.keys().find(|table| feed.get(table).is_some()) {
        let message = format!("the contracts of the release have the table '{table}', which the feed has, too");
        files.problems.add(map.line, message, "Give derived tables a folder of contracts of their own.");
        return Vec::new();
    }
    let readable = Readable { feed, contracts: &contracts, tables: &[], has_timetable: false };
    derived::derived(files, map, &readable)
}

/// The tables that are made of the feed's, row by row.
fn tables(
    files: &mut Files<'_>,
    release: &Node,
    (contracts, source): (&Library, &Library),
    decoder: Option<&dyn Decoder>,
) -> Vec<(Arc<Contract>, String)> {
    let mut tables: Vec<(Arc<Contract>, String)> = Vec::new();
    let pairs = release.get("tables").map_or(&[][..], Node::pairs);
    if pairs.is_empty() {
        files.problems.add(
            release.line,
            "the release has no tables",
            "Add 'tables:' with 'vehicle_locations: vehicle_positions'.",
        );
    }
    for (table, from) in pairs {
        let (name, origin) = (table.scalar().unwrap_or_default(), from.scalar().unwrap_or_default());
        if source.get(&origin).is_none() {
            let known: Vec<&str> = source.contracts.keys().map(String::as_str).collect();
            files.problems.add(from.line, format!("the feed has no table '{origin}'"), suggestion(&origin, &known));
        }
        if let Some((other, _)) = tables.iter().find(|(_, other)| *other == origin) {
            let message = format!("'{origin}' becomes '{}' already", other.table);
            files.problems.add(from.line, message, "Make one table of each of the feed's.");
        }
        match contracts.get(&name) {
            Some(contract) => {
                if let (Some(source), Some(decoder)) = (source.get(&origin), decoder) {
                    files.found.append(&mut telemetry::mistakes(source, contract, decoder));
                }
                tables.push((contract.clone(), origin));
            }
            None => {
                let known: Vec<&str> = contracts.contracts.keys().map(String::as_str).collect();
                files.problems.add(table.line, format!("there is no contract for '{name}'"), suggestion(&name, &known));
            }
        }
    }
    tables
}

/// One of some words.
fn choice(files: &mut Files<'_>, node: &Node, key: &str, words: &[&str]) -> Option<String> {
    let word = node.optional_text(key, &mut files.problems)?;
    if !words.contains(&word.as_str()) {
        let line = node.get(key).map_or(node.line, |node| node.line);
        files.problems.add(line, format!("'{key}: {word}' is not known"), suggestion(&word, words));
    }
    Some(word)
}
