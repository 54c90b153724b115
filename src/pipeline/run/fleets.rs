//! Whose vehicles a feed's sources speak of: two operators may both have a bus 1.

use std::sync::Arc;

use jiff::Timestamp;

use crate::capture::evidence::{self, Entry, Store};
use crate::contract::Severity;
use crate::decode::format::Decoder;
use crate::decode::{Limits, Note};
use crate::derive::reports;
use crate::pipeline::{Pipeline, VehicleIds};

/// Captures of a source that are looked into for positions.
const LOOKED_INTO: usize = 8;

/// The name of each source's fleet, of positions and of other tables; vehicles of a fleet without a name go by their ids
/// alone, as those of a pipeline with one source do.
pub(super) struct Fleets {
    sources: Vec<String>,
    of_positions: Vec<Option<Arc<str>>>,
    of_others: Vec<Option<Arc<str>>>,
    /// Within which ids of trips and alerts mean the same. Where the pipeline says nothing, each source has its own.
    operators: Vec<Option<Arc<str>>>,
}

impl Fleets {
    /// As the pipeline says. Where it says nothing, the first of its sources that gives positions has the fleet without a
    /// name, and so have sources without positions if it is the only one; all others have their own.
    pub(super) fn of(pipeline: &Pipeline, evidence: &[(String, Store, Vec<Entry>)], notes: &mut Vec<Note>) -> Self {
        let sources: Vec<String> = evidence.iter().map(|(name, ..)| name.clone()).collect();
        let said = |name: &String| pipeline.feeds.iter().find(|feed| feed.name == *name)?.vehicles.as_deref();
        let own = |name: &String| Some(Arc::from(said(name).unwrap_or(name)));
        let vehicles = match &pipeline.release {
            Some(release) if pipeline.feeds.len() > 1 => release.vehicles,
            _ => VehicleIds::Shared,
        };
        let has_named = pipeline.feeds.iter().any(|feed| feed.vehicles.is_some());
        let fleets: Vec<Option<Arc<str>>> = match vehicles {
            VehicleIds::Shared => vec![None; sources.len()],
            VehicleIds::BySource => sources.iter().map(own).collect(),
            VehicleIds::Unsaid if has_named => sources.iter().map(own).collect(),
            VehicleIds::Unsaid => return Self::found(pipeline, evidence, notes),
        };
        Self { sources, of_positions: fleets.clone(), of_others: fleets.clone(), operators: fleets }
    }

    fn found(pipeline: &Pipeline, evidence: &[(String, Store, Vec<Entry>)], notes: &mut Vec<Note>) -> Self {
        let sources: Vec<String> = evidence.iter().map(|(name, ..)| name.clone()).collect();
        let decoder = pipeline.decoder.as_ref();
        let gives: Vec<bool> = evidence.iter().map(|(.., entries)| gives_positions(decoder, entries)).collect();
        let first = gives.iter().position(|gives| *gives);
        let is_one = gives.iter().filter(|gives| **gives).count() < 2;
        let own = |place: usize| Some(Arc::from(sources[place].as_str()));
        // A position of a source in which none was found is not one of the first source's.
        let of_positions = (0..sources.len()).map(|place| own(place).filter(|_| first.is_some_and(|at| at != place)));
        let of_others = (0..sources.len()).map(|place| own(place).filter(|_| !is_one && first != Some(place)));
        let (of_positions, of_others) = (of_positions.collect(), of_others.collect());
        if !is_one {
            let names: Vec<String> =
                sources.iter().zip(gives).filter(|(_, gives)| *gives).map(|(name, _)| format!("'{name}'")).collect();
            notes.push(Note {
                rule: "gtfs_realtime.vehicles_by_source",
                severity: Severity::Info,
                message: format!(
                    "{} give positions, and the same vehicle id in two of them is taken for two vehicles. Write 'vehicles: \
                     shared' into the pipeline if it is one, or else 'vehicles: by_source', or 'vehicles: NAME' at each \
                     source, so that those of one operator have the same name",
                    names.join(" and ")
                ),
            });
        }
        let operators = (0..sources.len()).map(own).collect();
        Self { sources, of_positions, of_others, operators }
    }

    /// The same for the origins of rows, of each of which the source and the time are given.
    pub(super) fn of_origins(self, origins: &[(Arc<str>, Timestamp)]) -> reports::Fleets {
        let place = |name: &Arc<str>| self.sources.iter().position(|source| **source == **name).unwrap_or_default();
        let sources = origins.iter().map(|(name, _)| place(name) as u32).collect();
        reports::Fleets::new(sources, self.of_positions.into(), self.of_others.into(), &self.operators)
    }
}

/// Whether one of some captures, spread over all of them, has a position.
fn gives_positions(decoder: &dyn Decoder, entries: &[Entry]) -> bool {
    let step = entries.len().div_ceil(LOOKED_INTO).max(1);
    let some: Vec<Entry> = entries.iter().skip(step / 2).step_by(step).cloned().collect();
    // What cannot be read is told where all captures are.
    evidence::read(some).flatten().any(|capture| decoder.has_positions(&capture, Limits::default()))
}
