//! Which vehicle each published pseudonym of a date stands for: the truth that an attack on the published data is measured against.
//!
//! Vehicles are told apart by a number that only this process makes: no id leaves the evidence.

use std::collections::HashMap;

use arrow_array::Array;

use crate::contract::Kind;
use crate::decode::Step;
use crate::derive::privacy::Pseudonyms;
use crate::derive::privacy::step::{PlannedTrips, Scope, seconds, texts};
use crate::derive::reports::Vehicles;
use crate::pipeline::Pipeline;
use crate::pipeline::run::context::now;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::partition;
use crate::pipeline::run::fleets::Fleets;
use crate::pipeline::run::reading::decode;
use crate::pipeline::run::run_inputs::{Inspected, RunInputs};
use crate::publish::bucket::Bucket;
use crate::table::Budget;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Vehicles by the pseudonyms of a date; the same vehicle has the same number on all dates.
pub type VehiclesBehind = HashMap<String, u128>;

/// Reads them from the evidence and the key of a date; `None` where one of these is gone, or nothing can be read of it.
///
/// # Errors
/// The evidence or the key is there, and cannot be read.
pub fn vehicles_behind(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    bucket: &Bucket,
) -> Result<Option<VehiclesBehind>, RunError> {
    let keys = day_keys(workspace);
    let key = keys.existing(date).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => RunError::Key { problem: error.to_string() },
        _ => RunError::private(&workspace.private.join("keys"), "read", &error),
    })?;
    let (Some(key), Some(release)) = (key, &pipeline.release) else { return Ok(None) };
    let partition = match partition(workspace, pipeline, date, now()) {
        Ok(partition) => partition,
        Err(RunError::NoEvidence { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let fleets = Fleets::of(pipeline, &partition.evidence, &mut Vec::new());
    let (decoded, sources) = decode(workspace, pipeline, partition, &Budget::new(workspace.memory))?;
    let fleets = fleets.of_origins(&sources);
    let pseudonyms = Pseudonyms::new(key);
    let planned = planned(workspace, pipeline, date, bucket)?;
    let mapped: Vec<_> = pipeline.mappings.iter().map(|(name, mapping)| (name.as_str(), mapping.on(date))).collect();
    let mut found = VehiclesBehind::new();
    for step in decoded.steps {
        let Step::Rows { table, chunk } = step? else { continue };
        let Some(contract) = decoded.tables.get(table).map(|head| &head.contract) else { continue };
        if contract.table != "vehicle_positions" {
            continue;
        }
        let mut columns = chunk.rows.columns().to_vec();
        for (name, dictionary) in &mapped {
            let place = contract.index_of(name).filter(|place| contract.columns[*place].kind == Kind::Text);
            if let Some(place) = place
                && let Some((replaced, _)) = dictionary.replace(&columns[place])
            {
                columns[place] = replaced;
            }
        }
        let rows = arrow_array::RecordBatch::try_new(chunk.rows.schema(), columns);
        let rows = rows.map_err(|error| RunError::internal(format!("replacing values by mappings: {error}")))?;
        let vehicles = Vehicles::of(contract, &rows, &fleets, release.entity_ids_are_stable);
        let behind = vehicles.identities(rows.num_rows());
        let named = vehicles.named(rows.num_rows(), &pseudonyms);
        let (trips, starts) = (texts(&rows, "trip_id"), seconds(&rows, "start_time"));
        for (row, (name, vehicle)) in named.names.iter().zip(behind).enumerate() {
            let (Some(name), Some(vehicle)) = (name, vehicle) else { continue };
            let trip = trips.filter(|trips| trips.is_valid(row)).map(|trips| trips.value(row));
            let start = starts.filter(|starts| starts.is_valid(row)).map(|starts| starts.value(row));
            // A date may have been published before the pipeline said so.
            found.insert(name.name().to_owned(), vehicle);
            if let (scope @ (Scope::Trip | Scope::Block), Some(trip)) = (release.privacy.pseudonyms, trip) {
                found.insert(planned.name(scope, &pseudonyms, name.name(), (trip, start)), vehicle);
            }
        }
    }
    Ok(Some(found))
}

/// The blocks of the timetable, where pseudonyms hold for one.
fn planned(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    bucket: &Bucket,
) -> Result<PlannedTrips, RunError> {
    let is_of_blocks = pipeline.release.as_ref().is_some_and(|release| release.privacy.pseudonyms == Scope::Block);
    if !is_of_blocks {
        return Ok(PlannedTrips::default());
    }
    let (spool, budget) = (workspace.private.join("staging"), Budget::new(workspace.memory));
    let of = Inspected { workspace, pipeline, date, until: None, spool: &spool, bucket, budget: &budget };
    let [_, rules] = RunInputs::find(workspace, pipeline, date, bucket)?.rule_contexts(&of)?;
    let trips = rules.timetable.as_ref().ok().and_then(|timetable| timetable.table("trips", &rules.gtfs));
    Ok(PlannedTrips::of(None, trips.as_ref()))
}
