//! A service date on which nothing was captured, or nothing but what the sources had given before: of a pipeline that publishes what is missing, that table is released alone, so that
//! "nobody collected" does not look as "no buses".
//!
//! That the sources existed must be known: a collector's record has beats of the date, or there is evidence of dates before and after.

use std::collections::BTreeSet;

use crate::capture::coverage::Stretch;
use crate::capture::evidence::Entry;
use crate::contract::{RuleId, Severity};
use crate::decode::Note;
use crate::decode::format::Partitioning;
use crate::digest::Digest;
use crate::ledger::NOTHING_CAPTURED;
use crate::pipeline::Pipeline;
use crate::pipeline::run::beats::reads_run;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{Partition, evidence_store, nearest_dates};
use crate::pipeline::run::nodes::account::TableResult;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;
use crate::workspace::beats::explain_past;

/// Whether what is missing of a date is known though nothing was captured on it: that nothing was is for the caller to know.
///
/// # Errors
/// An archive cannot be read.
pub fn is_told_without_captures(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<bool, RunError> {
    if !reads_run(pipeline) || pipeline.partitioning() != Partitioning::ServiceDay {
        return Ok(false);
    }
    let reports = ServiceDay::new(date, &workspace.zone).reports;
    let [from, until] = [reports.start, reports.end];
    for feed in &pipeline.feeds {
        let store = evidence_store(workspace, &feed.from);
        let mut has_beats = false;
        let mut give = |stretch: Stretch| {
            has_beats |= stretch.within(from.as_millisecond(), until.as_millisecond()).is_some();
        };
        explain_past(workspace, (&store, &feed.name), (from, until), &mut give)?;
        if has_beats {
            return Ok(true);
        }
    }
    Ok(nearest_dates(workspace, pipeline, reports)?.iter().all(Option::is_some))
}

/// Whether a partition may be such a date: it is over, nothing was received on it that its sources had not given before, and they
/// existed. Rows that captures of other dates have of it are for the run to find.
pub(super) fn may_be(workspace: &Workspace, pipeline: &Pipeline, partition: &Partition) -> Result<bool, RunError> {
    if !partition.is_complete || partition.evidence.iter().any(|(.., entries)| has_news(partition, entries)) {
        return Ok(false);
    }
    is_told_without_captures(workspace, pipeline, partition.date)
}

/// Whether a source gave something on the date that it had not given before. A source that gives the same for days is kept once in
/// each hour, so that captures of the date alone do not tell.
fn has_news(partition: &Partition, entries: &[Entry]) -> bool {
    let begin = partition.received.start;
    let before: BTreeSet<&Digest> =
        entries.iter().filter(|entry| entry.captured_at < begin).map(|entry| &entry.digest).collect();
    let mut of_date = entries.iter().filter(|entry| partition.received.contains(&entry.captured_at));
    of_date.any(|entry| !before.contains(&entry.digest))
}

/// Whether the sources answered on the date.
pub(super) fn has_answers(partition: &Partition) -> bool {
    let mut entries = partition.evidence.iter().flat_map(|(.., entries)| entries);
    entries.any(|entry| partition.received.contains(&entry.captured_at))
}

/// Whether a table says what is missing of the others.
pub(super) fn is_about_missing(pipeline: &Pipeline, table: &str) -> bool {
    let about = pipeline.derived.iter().filter(|derived| derived.derivation.reads_run());
    about.flat_map(|derived| &derived.contracts).any(|contract| contract.table == table)
}

/// The rule that drops what is made of the timetable alone.
pub(super) fn nothing_captured(table: &str) -> RuleId {
    RuleId(format!("{table}.nothing_captured"))
}

/// Whether any row of the feed belongs to the date.
pub(super) fn has_rows_of_feed(tables: &[TableResult]) -> bool {
    let of_feed = tables.iter().filter(|table| table.inputs.is_empty());
    of_feed.map(|table| table.counts.published + table.counts.quarantined).any(|rows| rows > 0)
}

/// Leaves the table of what is missing alone: others have no file and no results of rules, for these had nothing to look at. Rows that
/// were made of the timetable alone are dropped, by a rule of that name.
pub(super) fn keep_what_is_missing(
    pipeline: &Pipeline,
    date: ServiceDate,
    has_answers: bool,
    tables: &mut [TableResult],
) -> Note {
    for table in tables.iter_mut().filter(|table| !is_about_missing(pipeline, &table.release.table)) {
        table.staged = None;
        table.outcomes.clear();
        let rows = std::mem::take(&mut table.counts.published);
        if rows > 0 {
            *table.counts.dropped.entry(nothing_captured(&table.release.table)).or_default() += rows;
        }
        table.left_quarantine.dropped += std::mem::take(&mut table.left_quarantine.published);
    }
    let about = tables.iter().map(|table| table.release.table.as_str());
    let about: Vec<&str> = about.filter(|table| is_about_missing(pipeline, table)).collect();
    Note {
        rule: NOTHING_CAPTURED,
        severity: Severity::Warning,
        message: format!(
            "{}, and no report belongs to it: {} alone is released, and says why",
            match has_answers {
                true => format!("nothing new was captured on {date}: its sources gave what they had given before"),
                false => format!("nothing was captured on {date}"),
            },
            about.join(" and ")
        ),
    }
}
