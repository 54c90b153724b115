//! What a release says of privacy, `release: privacy:`: how long a vehicle keeps its pseudonym, and where positions are cut off.

use std::sync::Arc;

use crate::contract::Contract;
use crate::contract::library::Library;
use crate::derive::privacy::step::{
    CutOff, OF_PLACE, OutsideTrips, PrivacyRules, PrivateZones, REPORT, Scope, TRIP, VEHICLE, is_public,
};
use crate::derive::privacy::zones::Zones;
use crate::pipeline::config::files::Files;
use crate::pipeline::config::interval;
use crate::yaml::{Node, suggestion};

/// The key of the section.
const KEY: &str = "privacy";
const KEYS: &[&str] = &["pseudonyms", "outside_trips", "zones"];
/// A bus leaves its stand some minutes early, and arrives up to an hour late.
const BEFORE: u32 = 5 * 60;
const AFTER: u32 = 60 * 60;

/// Reads the section; without it pseudonyms hold for a day and no position is cut off. `tables` are those of the release that are made of
/// the feed's.
pub(super) fn privacy(
    files: &mut Files<'_>,
    release: &Node,
    tables: &[(Arc<Contract>, String)],
    has_timetable: bool,
) -> PrivacyRules {
    let Some(node) = release.get(KEY) else { return PrivacyRules::default() };
    node.only_keys(KEYS, &mut files.problems);
    if node.pairs().is_empty() {
        let remedy = "Write 'pseudonyms: trip' below it, or remove it.";
        files.problems.add(node.line, format!("'{KEY}' is {}, expected a map", node.kind()), remedy);
    }
    let pseudonyms = word(files, node, "pseudonyms", &Scope::WORDS).and_then(|word| Scope::of_word(&word));
    let outside_trips = node.get("outside_trips").and_then(|node| outside_trips(files, node));
    let zones = node.get("zones").and_then(|node| zones(files, node));
    let rules = PrivacyRules { pseudonyms: pseudonyms.unwrap_or_default(), outside_trips, zones };
    let place = Place { node, tables, has_timetable };
    place.tell_of_scope(files, &rules);
    place.tell_of_cuts(files, &rules);
    rules
}

fn outside_trips(files: &mut Files<'_>, node: &Node) -> Option<OutsideTrips> {
    if let Some(word) = node.scalar() {
        let cut = cut_of(files, node.line, &word)?;
        return Some(OutsideTrips { cut, before: BEFORE, after: AFTER });
    }
    node.only_keys(&["cut", "before", "after"], &mut files.problems);
    let word = node.require_text("cut", &mut files.problems)?;
    let line = node.get("cut").map_or(node.line, |node| node.line);
    let mut seconds = |key: &str, default: u32| match node.get(key) {
        None => default,
        Some(time) if time.scalar().is_some_and(|text| text.trim() == "0") => 0,
        Some(time) => {
            let read = interval::read_as(key, time, &mut files.problems);
            read.map_or(default, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
        }
    };
    let (before, after) = (seconds("before", BEFORE), seconds("after", AFTER));
    Some(OutsideTrips { cut: cut_of(files, line, &word)?, before, after })
}

fn zones(files: &mut Files<'_>, node: &Node) -> Option<PrivateZones> {
    node.only_keys(&["file", "cut"], &mut files.problems);
    let file = node.require_text("file", &mut files.problems)?;
    let word = node.require_text("cut", &mut files.problems)?;
    let line = |key: &str| node.get(key).map_or(node.line, |node| node.line);
    let cut = cut_of(files, line("cut"), &word)?;
    let path = files.root.join(&file);
    match Zones::read(&path) {
        Ok(zones) => Some(PrivateZones { file, zones: Arc::new(zones), cut }),
        Err(problem) => {
            let mut problems = crate::yaml::Problems::new(&path);
            let remedy = "Write a FeatureCollection of polygons, and of points with 'radius_m'.";
            problems.add(problem.line, format!("this is no file of zones: it {}", problem.problem), remedy);
            files.found.append(&mut problems.found);
            None
        }
    }
}

fn word(files: &mut Files<'_>, node: &Node, key: &str, words: &[&str]) -> Option<String> {
    let word = node.optional_text(key, &mut files.problems)?;
    if words.contains(&word.as_str()) {
        return Some(word);
    }
    let line = node.get(key).map_or(node.line, |node| node.line);
    files.problems.add(line, format!("'{key}: {word}' is not known"), suggestion(&word, words));
    None
}

fn cut_of(files: &mut Files<'_>, line: u32, word: &str) -> Option<CutOff> {
    let cut = CutOff::of_word(word);
    if cut.is_none() {
        let message = format!("'{word}' is no way to cut positions off");
        files.problems.add(line, message, suggestion(word, &CutOff::WORDS));
    }
    cut
}

/// Where the section stands, and what it is about.
struct Place<'a> {
    node: &'a Node,
    tables: &'a [(Arc<Contract>, String)],
    has_timetable: bool,
}

impl Place<'_> {
    fn line(&self, key: &str) -> u32 {
        self.node.get(key).map_or(self.node.line, |node| node.line)
    }

    /// Pseudonyms of trips and blocks need to know the trip of a row, and those of blocks the timetable's blocks.
    fn tell_of_scope(&self, files: &mut Files<'_>, rules: &PrivacyRules) {
        if rules.pseudonyms == Scope::Day {
            return;
        }
        let (line, word) = (self.line("pseudonyms"), rules.pseudonyms.word());
        let of_vehicles = self.tables.iter().map(|(contract, _)| contract).filter(|of| is_public(of, VEHICLE));
        for contract in of_vehicles {
            if contract.index_of(TRIP).is_none() {
                let message =
                    format!("'{word}' needs the column '{TRIP}' of '{}', which its contract lacks", contract.table);
                let remedy = "Add it to the contract; it may be private.";
                files.problems.add(line, message, remedy);
            }
            let place = contract.index_of(VEHICLE);
            let is_dropped = rules.outside_trips.is_some_and(|of| of.cut == CutOff::Drop) && rules.cuts(contract);
            if place.is_some_and(|place| contract.is_never_null(place)) && !is_dropped {
                let message = format!(
                    "rows of no trip have no pseudonym of a {word}, and '{VEHICLE}' of '{}' is required",
                    contract.table
                );
                files.problems.add(line, message, "Write 'outside_trips: drop', or let the column not be required.");
            }
            if let Some(key) = contract.primary_key.iter().find(|place| contract.columns[**place].name == VEHICLE) {
                let column = &contract.columns[*key];
                let message =
                    format!("'{word}' changes '{VEHICLE}', which is part of the primary key of '{}'", contract.table);
                let remedy = format!("Let '{REPORT}' be the key ({}:{}).", contract.file.display(), column.line);
                files.problems.add(line, message, remedy);
            }
        }
        if rules.pseudonyms == Scope::Block {
            if !self.has_timetable {
                let message = "pseudonyms of blocks need the timetable, and the pipeline names none";
                files.problems.add(line, message, "Add 'timetable: <its name>', or write 'pseudonyms: trip'.");
            } else if Library::gtfs().get("trips").is_none_or(|trips| trips.index_of("block_id").is_none()) {
                files.problems.add(line, "timetables have no column 'block_id'", "Write 'pseudonyms: trip'.");
            }
        }
    }

    fn tell_of_cuts(&self, files: &mut Files<'_>, rules: &PrivacyRules) {
        let cuts =
            [("outside_trips", rules.outside_trips.map(|of| of.cut)), ("zones", rules.zones.as_ref().map(|of| of.cut))];
        for (key, cut) in cuts {
            let Some(cut) = cut else { continue };
            let line = self.line(key);
            let concerned: Vec<&Arc<Contract>> =
                self.tables.iter().map(|(contract, _)| contract).filter(|contract| rules.cuts(contract)).collect();
            if concerned.is_empty() {
                let message =
                    format!("'{key}' cuts off positions of vehicles, and no table of the release publishes any");
                files.problems.add(line, message, "Remove it.");
            }
            for contract in concerned.iter().filter(|_| cut == CutOff::Blank) {
                let places = OF_PLACE.iter().filter_map(|name| contract.index_of(name));
                let required = places
                    .map(|place| (place, &contract.columns[place]))
                    .find(|(place, column)| is_public(contract, &column.name) && contract.is_never_null(*place));
                if let Some((_, column)) = required {
                    let message = format!(
                        "'{key}: blank' makes '{}' of '{}' null, which is required",
                        column.name, contract.table
                    );
                    files.problems.add(line, message, "Write 'drop', or let the column not be required.");
                }
            }
            if key == "outside_trips" {
                for contract in concerned.iter().filter(|contract| contract.index_of(TRIP).is_none()) {
                    let message =
                        format!("'{key}' needs the column '{TRIP}' of '{}', which its contract lacks", contract.table);
                    files.problems.add(line, message, "Add it to the contract; it may be private.");
                }
                if !self.has_timetable {
                    let message =
                        "'outside_trips' needs the timetable, which says when trips run, and the pipeline names none";
                    files.problems.add(line, message, "Add 'timetable: <its name>'.");
                }
            }
        }
    }
}
