//! What people did to the releases of a date, and what a run does about it.

use crate::digest::Digest;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads::Tables;
use crate::time::ServiceDate;

/// Stops a run of a date of which a table was withdrawn: what one table must not tell another may tell, too.
pub(super) fn refuse_withdrawn(run: &RunContext<'_>, tables: &Tables, date: ServiceDate) -> Result<(), RunError> {
    for (table, verified) in &tables.indexes {
        let Some(tombstone) = verified.index.tombstone(date) else { continue };
        return Err(RunError::Withdrawn {
            pipeline: run.pipeline.name.as_str().into(),
            dataset: run.pipeline.dataset.as_str().into(),
            table: table.as_str().into(),
            date,
            day: ServiceDate::local_date_of(tombstone.at, &run.workspace.zone),
            by: tombstone.by.as_str().into(),
            reason: tombstone.reason.as_str().into(),
        });
    }
    Ok(())
}

/// Why a run with these data inputs is not made: an older release of the date is current again, and what that one replaced was
/// made of the same. Other inputs make another release.
pub(super) fn rolled_back(
    run: &RunContext<'_>,
    tables: &Tables,
    date: ServiceDate,
    data_inputs: &Digest,
) -> Option<String> {
    tables.indexes.iter().find_map(|(table, verified)| {
        let back = verified.index.rolled_back.get(&date).filter(|back| back.data_inputs.contains(data_inputs))?;
        let day = ServiceDate::local_date_of(back.at, &run.workspace.zone);
        Some(format!(
            "{table} of {date} went back to version {} on {day} by {}: {}. With the evidence, contracts and decisions of the release \
             that this replaced nothing is released; others make a new one",
            back.to, back.by, back.reason
        ))
    })
}
