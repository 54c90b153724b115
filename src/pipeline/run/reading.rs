//! Begins to read what a run works on: its evidence as a stream of rows, and a timetable as a whole for the standard rules.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use jiff::tz::TimeZone;

use crate::capture::evidence::{self, Entry};
use crate::contract::Severity;
use crate::decode::captures::Only;
use crate::decode::format::DecodeInput;
use crate::decode::{Decoded, Limits, Note};
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::table::{Budget, Origin};
use crate::time::{self, ServiceDate};
use crate::workspace::Workspace;

/// Tells of the first agency whose clock is not that of the workspace, by which service dates are reckoned.
pub(super) fn other_zone(agencies: &RecordBatch, zone: &TimeZone, date: ServiceDate) -> Option<Note> {
    let names = agencies.column_by_name("agency_timezone")?.as_string_opt::<i32>()?;
    // A name that no zone has is told by the rules.
    let is_other = |name: &&str| TimeZone::get(name).is_ok_and(|other| !time::is_same_clock(zone, &other, date));
    let name = names.iter().flatten().find(is_other)?;
    let own = zone.iana_name().unwrap_or("unknown");
    Some(Note {
        rule: "timetable.other_time_zone",
        severity: Severity::Warning,
        message: format!(
            "the timetable's agency_timezone is {name}, and 'time_zone' in fahrtenbuch.yaml is {own}: service dates, their \
             partitions and the rules that compare reports with the timetable go by {own}. Give a feed of another zone a \
             workspace of its own"
        ),
    })
}

/// The source of an origin, and when it was captured.
pub(super) type Source = (Arc<str>, jiff::Timestamp);

/// The captures of all sources in the order of time, those of one instant in the order of the pipeline: as origins count them.
pub(super) fn in_order(evidence: impl IntoIterator<Item = (String, Vec<Entry>)>) -> Vec<(Arc<str>, Entry)> {
    let mut all: Vec<(Arc<str>, Entry)> = Vec::new();
    for (name, entries) in evidence {
        let name: Arc<str> = name.into();
        all.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
    }
    all.sort_by_key(|(_, entry)| entry.captured_at);
    all
}

/// Begins to decode the evidence: all sources as one stream in the order of time, those of one instant in the order of the
/// pipeline.
pub(super) fn decode(
    workspace: &Workspace,
    pipeline: &Pipeline,
    partition: Partition,
    budget: &Budget,
) -> Result<(Decoded, Vec<Source>), RunError> {
    let only = Only { date: partition.date, zone: workspace.zone.clone() };
    let all = in_order(partition.evidence.into_iter().map(|(name, _, entries)| (name, entries)));
    let origins = all.iter().map(|(name, entry)| Origin::of_capture(name, entry.captured_at)).collect();
    let sources = all.iter().map(|(name, entry)| (name.clone(), entry.captured_at)).collect();
    let entries = all.into_iter().map(|(_, entry)| entry).collect();
    let decoded = pipeline.decoder.decode(DecodeInput {
        origins,
        captures: Box::new(evidence::read_ahead(entries)),
        contracts: &pipeline.contracts,
        limits: Limits::within(budget.limit()),
        budget: budget.clone(),
        only,
    })?;
    Ok((decoded, sources))
}
