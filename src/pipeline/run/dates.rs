//! Which date a run takes, and the evidence of it.

use jiff::Timestamp;

use crate::capture::CaptureError;
use crate::contract::Severity;
use crate::decode::Note;
use crate::pipeline::journal;
use crate::pipeline::run::changes::Changes;
use crate::pipeline::run::comparison::{self, Comparison};
use crate::pipeline::run::context::{RunContext, now};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{self, DefaultDate, Partition, capture, default_date, newest_capture, partition};
use crate::pipeline::run::gap::is_told_without_captures;
use crate::pipeline::run::last_record::last_record;
use crate::pipeline::run::outcome::{Outcome, Run};
use crate::pipeline::run::phases::run_partition;
use crate::pipeline::run::run_inputs::RunInputs;
use crate::time::{self, ServiceDate, ServiceDay};

/// Dates that a run without a date tries, from the newest on, while no report belongs to them: a night's end, a holiday.
const TRIED_DATES: usize = 7;

/// Runs a date that was asked for.
pub(super) fn run_date(run: &RunContext<'_>, date: ServiceDate) -> Result<Run, RunError> {
    let partition = match find(run, date, now()) {
        Err(error @ RunError::Forgone { .. }) => {
            let outcome = Outcome::NotDue { date, reason: error.to_string() };
            return Ok(Run { outcome, warnings: Vec::new() });
        }
        found => found?,
    };
    let future = partition.notes.iter().filter(|note| note.rule == "evidence.future");
    let warnings = future.map(|note| note.message.clone()).collect();
    Ok(Run { outcome: run_partition(run, partition)?, warnings })
}

/// Asks the sources, then runs the newest date that is over and has evidence; a source that does not answer is told and ends
/// nothing as long as there is evidence.
pub(super) fn run_newest(run: &RunContext<'_>) -> Result<Run, RunError> {
    run.stage("capture");
    let failures = ask_sources(run)?;
    let mut warnings: Vec<String> = failures.iter().map(|error| format!("{error} ({})", duration(error))).collect();
    let begin = now();
    let future = newest_capture(run.workspace, run.pipeline, Timestamp::MAX)?;
    let future = future.filter(|newest| *newest >= time::future(begin));
    warnings.extend(future.map(|newest| {
        format!(
            "there is evidence of {newest}, which is in the future: a clock was wrong then or is now; it does not count"
        )
    }));
    refuse_lost_dates(run, begin)?;
    let mut passed_over: Option<RunError> = None;
    let mut before = None;
    for _ in 0..TRIED_DATES {
        let date = match default_date(run.workspace, run.pipeline, begin, before)? {
            DefaultDate::Newest(date) => date,
            DefaultDate::NotOver(day) if passed_over.is_none() => {
                return Ok(Run { outcome: not_over(run, &day), warnings });
            }
            DefaultDate::NotOver(_) | DefaultDate::None => break,
        };
        let attempt = find(run, date, begin).and_then(|mut partition| {
            partition.notes.extend(failures.iter().map(capture_note));
            run_partition(run, partition)
        });
        match attempt {
            Err(error) if error.is_absent() => {
                warnings.push(error.to_string());
                passed_over.get_or_insert(error);
                before = Some(date);
            }
            Err(error) => {
                log_warnings(run, &warnings);
                return Err(error);
            }
            Ok(outcome) => return Ok(Run { outcome, warnings }),
        }
    }
    log_warnings(run, &warnings);
    // The failure of the source says more than that there is nothing of it.
    match passed_over.or(failures.into_iter().next().map(RunError::Capture)) {
        Some(error) => Err(error),
        None => Err(nothing_captured(run, future)?),
    }
}

fn not_over(run: &RunContext<'_>, day: &ServiceDay) -> Outcome {
    let reason = format!(
        "the newest date with evidence, {}, is not over before {}: nothing to do; run it now, provisionally, with \
         'fahrtenbuch run {} --date {}'",
        day.date,
        day.local_end(&run.workspace.zone),
        run.pipeline.name,
        day.date
    );
    Outcome::NotDue { date: day.date, reason }
}

/// Says that there is no evidence at all, or of the future only.
fn nothing_captured(run: &RunContext<'_>, future: Option<Timestamp>) -> Result<RunError, RunError> {
    let name = &run.pipeline.name;
    let remedy = match future {
        Some(newest) => format!(
            "What there is was captured in the future, until {newest}: correct this machine's clock if it is wrong, or \
             capture again with 'fahrtenbuch capture {name}'."
        ),
        None => match evidence::explain(run.workspace, run.pipeline)? {
            Some(explanation) => explanation,
            None => format!("Capture some with 'fahrtenbuch capture {name}'."),
        },
    };
    Ok(RunError::NoEvidence { what: name.clone(), remedy })
}

/// What had to be said of a run that then failed.
fn log_warnings(run: &RunContext<'_>, warnings: &[String]) {
    warnings.iter().for_each(|warning| tracing::warn!(pipeline = run.pipeline.name, "{warning}"));
}

/// Asks each source once; gives the failures of those that did not answer. Where evidence cannot be kept or read, the run itself
/// has failed.
fn ask_sources(run: &RunContext<'_>) -> Result<Vec<CaptureError>, RunError> {
    match capture(run.workspace, run.pipeline) {
        Ok(_) => Ok(Vec::new()),
        Err(RunError::Capture(error @ (CaptureError::Transient { .. } | CaptureError::Permanent { .. }))) => {
            Ok(vec![error])
        }
        Err(error) => Err(error),
    }
}

/// Whether a failed request may succeed if it is made again.
fn duration(error: &CaptureError) -> &'static str {
    if matches!(error, CaptureError::Permanent { .. }) { "permanent" } else { "transient" }
}

/// A failed request as the record tells it. The record is public: it does not tell addresses.
fn capture_note(error: &CaptureError) -> Note {
    Note {
        rule: "capture.failed",
        severity: Severity::Warning,
        message: format!(
            "a source did not give its feed when the run asked ({}); the run used the evidence that was there",
            duration(error)
        ),
    }
}

/// The evidence of a date. A date whose last record names evidence of which nothing is left is not one without evidence. One that is
/// over, of which nothing was captured and of which it is told what is missing, has none.
fn find(run: &RunContext<'_>, date: ServiceDate, now: Timestamp) -> Result<Partition, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    run.refuse_purged(date)?;
    let found = partition(workspace, pipeline, date, now);
    if !matches!(found, Err(RunError::NoEvidence { .. } | RunError::NoNewTimetable { .. })) {
        return found;
    }
    let gone = Partition::without_evidence(workspace, pipeline, date);
    let is_over = ServiceDay::new(date, &workspace.zone).is_over(now);
    let without_captures = |gone: Partition| match is_over && is_told_without_captures(workspace, pipeline, date)? {
        true => Ok(gone),
        false => found,
    };
    let Some(mut last) = last_record(bucket, workspace, pipeline, date)? else { return without_captures(gone) };
    // The timetable beside the evidence is not looked for where there is no run.
    last.evidence.retain(|entry| entry.captures > 0 && pipeline.feeds.iter().any(|feed| feed.name == entry.source));
    last.pseudonym_key = None;
    let accepted = comparison::accepted(workspace, ServiceDate::local_date_of(now, &workspace.zone))?;
    let comparison = Comparison { workspace, pipeline, bucket, partition: &gone, timetable: None, last: &last };
    let (changes, _) = comparison.changes(&accepted)?;
    if !changes.is_empty() {
        return Err(RunError::Changed(Box::new(changes)));
    }
    match last.evidence.is_empty() {
        true => without_captures(gone),
        false => Err(RunError::Forgone { pipeline: pipeline.name.clone(), date }),
    }
}

/// Refuses to take an older date for the newest one because the evidence of a later run is gone.
fn refuse_lost_dates(run: &RunContext<'_>, now: Timestamp) -> Result<(), RunError> {
    let Some(newest) = journal::dates(&run.workspace.private, &run.pipeline.name).pop() else { return Ok(()) };
    match find(run, newest, now) {
        Err(error @ RunError::Changed(_)) => Err(error),
        _ => Ok(()),
    }
}

/// What differs from the last record of a date and was not accepted; none if the date was never run.
pub fn changes(run: &RunContext<'_>, date: ServiceDate) -> Result<Option<Changes>, RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let partition = match find(run, date, now()) {
        Ok(partition) => partition,
        Err(RunError::Changed(changes)) => return Ok(Some(*changes)),
        Err(RunError::Forgone { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(last) = last_record(bucket, workspace, pipeline, date)? else { return Ok(None) };
    let inputs = RunInputs::find(workspace, pipeline, date, bucket)?;
    let accepted = comparison::accepted(workspace, run.today())?;
    let timetable = inputs.timetable_entry();
    let comparison = Comparison { workspace, pipeline, bucket, partition: &partition, timetable, last: &last };
    Ok(Some(comparison.changes(&accepted)?.0))
}
