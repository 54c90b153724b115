//! A run over a partition that publishes nothing and keeps nothing: what becomes of the rows that are watched.
//!
//! How a release is made again as it was then is another thing: [`super::replay`]. This one reads the evidence, key, timetable
//! and decisions that a run would read today, and walks through the same nodes. What the nodes spool goes into a folder of its own, which is
//! removed at the end.

use std::sync::Arc;

use crate::capture::evidence::Entry;
use crate::check::Outcome;
use crate::contract::{Contract, RuleId};
use crate::decode::Step;
use crate::pipeline::Pipeline;
use crate::pipeline::run::beats::Beats;
use crate::pipeline::run::context::{now, refuse_purged};
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::partition;
use crate::pipeline::run::fleets::Fleets;
use crate::pipeline::run::inputs::decisions;
use crate::pipeline::run::nodes::opening::NodeContext;
use crate::pipeline::run::nodes::quarantine_target::QuarantineFolder;
use crate::pipeline::run::nodes::run_nodes::RunNodes;
use crate::pipeline::run::prepare::{last_received, settings};
use crate::pipeline::run::reading::{decode, in_order};
use crate::pipeline::run::run_inputs::{Inspected, RunInputs};
use crate::pipeline::run::scratch::Scratch;
use crate::pipeline::trace::watch::Watch;
use crate::publish::bucket::Bucket;
use crate::publish::index::UsedTimetable;
use crate::quarantine;
use crate::table::Budget;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What it came to.
pub(in crate::pipeline) struct Followed {
    pub watch: Watch,
    /// All captures, as the origins of rows count them.
    pub captures: Vec<(Arc<str>, Entry)>,
    /// What the rules say of the watched table, by contract.
    pub outcomes: Vec<(Arc<Contract>, Vec<Outcome>)>,
    /// Rows that rules dropped, by rule.
    pub dropped: Vec<(RuleId, u64)>,
    /// The timetable that the rows were joined with.
    pub timetable: Option<UsedTimetable>,
}

/// Walks the rows of a date through the nodes of a run; the watch tells what became of those that it is for. `None` if the date has no
/// key yet, as it was never run.
///
/// # Errors
/// The date was destroyed, has no evidence, or cannot be read.
pub(in crate::pipeline) fn follow(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    date: ServiceDate,
    watch: Watch,
) -> Result<Option<Followed>, RunError> {
    refuse_purged(workspace, &pipeline.name, date)?;
    let key = match &pipeline.release {
        None => None,
        Some(_) => {
            let key = day_keys(workspace).existing(date).map_err(|error| match error.kind() {
                std::io::ErrorKind::InvalidData => RunError::Key { problem: error.to_string() },
                _ => RunError::private(&workspace.private.join("keys"), "read", &error),
            })?;
            if key.is_none() {
                return Ok(None);
            }
            key
        }
    };
    let mut partition = partition(workspace, pipeline, date, now())?;
    let scratch = Scratch::new(workspace)?;
    let budget = Budget::new(workspace.memory);
    let beats = Beats::of(workspace, pipeline, &partition)?;
    let mut inputs = RunInputs::find(workspace, pipeline, date, bucket)?;
    inputs.is_provisional = !partition.is_complete;
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    let decided = decisions(workspace, pipeline, date, &[], today)?;
    let until = last_received(&partition);
    let fleets = Fleets::of(pipeline, &partition.evidence, &mut partition.notes);
    let evidence = partition.evidence.iter().map(|(name, _, entries)| (name.clone(), entries.clone()));
    let captures = in_order(evidence);
    let (decoded, sources) = decode(workspace, pipeline, partition, &budget)?;
    let (timetable, timetable_origin) = (inputs.used_timetable(), inputs.timetable_origin());
    let spool = scratch.path();
    let of = Inspected { workspace, pipeline, date, until, spool, bucket, budget: &budget };
    let context = NodeContext {
        rules: inputs.rule_contexts(&of)?,
        settings: key.map(|key| settings(workspace, pipeline, (date, key), fleets.of_origins(&sources))),
        privacy: pipeline.release.as_ref().map(|release| release.privacy.clone()).unwrap_or_default(),
        sources: Arc::new(beats.of_origins(&sources)),
        timetable_origin,
        decisions: decided.rows,
        quarantine: QuarantineFolder {
            staging: spool.join("quarantine"),
            folder: quarantine::partition(&workspace.private, &pipeline.dataset, date),
            run: String::new(),
            held_at: now(),
        },
        staging: spool.to_owned(),
        dataset: pipeline.dataset.clone(),
        budget: budget.clone(),
    };
    let table = watch.table.clone();
    let mut nodes = RunNodes::new(pipeline, &decoded.tables, context)?;
    nodes.watch(watch);
    for step in decoded.steps {
        match step? {
            Step::Rows { table, chunk } => nodes.push(table, chunk)?,
            Step::End { table } => nodes.end(table)?,
            Step::Strays { table, strays } => nodes.stray(table, &strays, &|_| String::new())?,
            Step::Note(_) | Step::Read { .. } => {}
        }
    }
    let results = nodes.finish()?;
    let Some(watch) = results.watch else {
        return Err(RunError::internal("a run that rows are followed through lost its watch"));
    };
    let result = results.tables.into_iter().find(|result| result.release.table == table);
    let (outcomes, dropped) = result.map_or_else(Default::default, |result| (result.outcomes, result.counts.dropped));
    Ok(Some(Followed { watch, captures, outcomes, dropped: dropped.into_iter().collect(), timetable }))
}
