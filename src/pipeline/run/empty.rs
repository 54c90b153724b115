//! What has no rows: a table that is early, a date to which nothing belongs.

use crate::ledger::{NoteEntry, Status, TableEntry};
use crate::pipeline::journal;
use crate::pipeline::run::context::{RunContext, now};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence;
use crate::pipeline::run::gap::is_about_missing;
use crate::pipeline::run::outcome::Outcome;
use crate::publish::index;

/// Faults of captures that are told where a date has no rows.
const FAULTS: usize = 3;

/// Leaves unpublished what has no rows because it is early, and a date to which nothing belongs: an empty table says that
/// there were no buses. Of a date on which nothing was captured it leaves the table that says so. An empty release of such a date that was
/// made before is taken back by going on without files.
pub(super) fn without_rows(
    run: &RunContext<'_>,
    entry: &mut journal::Entry,
    captures: usize,
    is_complete: bool,
) -> Result<Option<Outcome>, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let date = entry.record.date;
    let (key, _) = entry.record.to_bytes();
    let note =
        |rule: &str, message: String| NoteEntry { rule: rule.to_owned(), severity: "warning".to_owned(), message };
    let has_rows = |table: &TableEntry| table.published + table.quarantined + table.held_back > 0;
    // What is derived of the timetable alone is no report.
    let of_feed = || entry.record.tables.iter().filter(|table| table.inputs.is_empty());
    if of_feed().any(has_rows) {
        if !is_complete {
            for table in entry.record.tables.iter_mut().filter(|table| !has_rows(table)) {
                entry.files.retain(|file| file.table != table.table);
                table.files.clear();
                let message = format!("{} has no row yet and is not published: {date} is not over", table.table);
                entry.record.notes.push(note("run.table_too_early", message));
            }
            entry.record.notes.sort();
            entry.rename_record(&key);
        }
        return Ok(None);
    }
    let mut released = Vec::new();
    for contract in pipeline.released() {
        let index = index::current(bucket, &pipeline.dataset, &contract.table)?;
        let files = index.into_iter().flat_map(|index| index.files).filter(|file| file.partition_date == date);
        released.extend(files.map(|file| (contract.table.clone(), file)));
    }
    let is_other = |table: &str| !is_about_missing(pipeline, table);
    let of_others = || released.iter().filter(|(table, _)| is_other(table)).map(|(_, file)| file);
    // What was published of reports before stays, and with it what was said to be missing.
    if entry.record.is_without_captures() && of_others().all(|file| file.rows == 0) {
        return Ok(None);
    }
    if of_others().next().is_some() && of_others().all(|file| file.rows == 0) {
        entry.files.clear();
        entry.record.tables.iter_mut().for_each(|table| table.files.clear());
        entry.record.status = Status::Published;
        let message = format!("no report belongs to {date}: its release without rows was taken back");
        entry.record.notes.push(note("run.empty_release_taken_back", message));
        entry.record.notes.sort();
        return Ok(None);
    }
    run.remove_staging(date)?;
    if captures == 0 && released.is_empty() {
        return Err(evidence::nothing_received(workspace, pipeline, date, now())?);
    }
    let rows = of_feed().map(|table| table.rows_in).sum();
    let stays = if released.is_empty() { "Nothing was published" } else { "What was published before stays" };
    // What could not be read may be why.
    let notes = entry.record.notes.iter().filter(|note| note.severity == "error").map(|note| note.message.as_str());
    let faults: String = notes.take(FAULTS).map(|message| format!("; {message}")).collect();
    let absent = RunError::NoReports { pipeline: pipeline.name.clone(), date, captures, rows, faults, stays };
    match is_complete {
        true => Err(absent),
        false => {
            Ok(Some(Outcome::NotDue { date, reason: format!("{absent} The date is not over: run it again later") }))
        }
    }
}
