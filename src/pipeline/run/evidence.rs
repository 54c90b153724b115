//! Which date a run takes, which evidence of it, and asking the sources for more.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::evidence::{Entry, Store};
use crate::capture::source::Fetched;
use crate::contract::Severity;
use crate::decode::Note;
use crate::pipeline::beside::Beside;
use crate::pipeline::run::error::RunError;
use crate::pipeline::{Format, From, Pipeline};
use crate::time::{self, ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What a run works on: the partition, and the evidence of it by source.
pub(super) struct Partition {
    pub date: ServiceDate,
    /// Whether no more evidence of the date can come: its 30 hours are over. A release made before is provisional. A
    /// timetable is complete with its capture.
    pub is_complete: bool,
    pub evidence: Vec<(String, Store, Vec<Entry>)>,
    pub notes: Vec<Note>,
    /// What the rules look at beside it.
    pub beside: Beside,
}

pub fn evidence_store(workspace: &Workspace, from: &From) -> Store {
    match from {
        From::Source(_) => Store::new(workspace.private.join("evidence")),
        From::Evidence(folder) => Store::new(folder),
    }
}

/// Asks each source of a pipeline once and keeps what is new; tells for each whether it was.
pub fn capture(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<(String, bool)>, RunError> {
    let mut done = Vec::new();
    for feed in &pipeline.feeds {
        let From::Source(source) = &feed.from else { continue };
        let store = evidence_store(workspace, &feed.from);
        let known = store.validators(&feed.name)?;
        match source.fetch(&known)? {
            Fetched::New(capture) => {
                tracing::info!(source = feed.name, bytes = capture.body.len(), sha256 = %capture.digest, "captured");
                store.append(&feed.name, &capture)?;
                done.push((feed.name.clone(), true));
            }
            Fetched::NotModified => {
                tracing::info!(source = feed.name, "nothing new at the source");
                done.push((feed.name.clone(), false));
            }
        }
    }
    Ok(done)
}

/// The date that a run takes which was given none.
pub(super) enum DefaultDate {
    /// The newest that is over; of a timetable the newest of a capture.
    Newest(ServiceDate),
    /// There is evidence of this one only, and it is not over.
    NotOver(ServiceDay),
    /// There is no evidence, or of the future only.
    None,
}

/// Finds the date for a run that was given none: the newest before `before` that is over, by the evidence there is. What was
/// captured in the future, while a clock was wrong, does not count.
pub(super) fn default_date(
    workspace: &Workspace,
    pipeline: &Pipeline,
    now: Timestamp,
    before: Option<ServiceDate>,
) -> Result<DefaultDate, RunError> {
    let zone = &workspace.zone;
    let mut until = match (before, &pipeline.format) {
        (None, _) => time::future(now),
        (Some(date), Format::Gtfs) => calendar_day(date, zone).start,
        (Some(date), Format::GtfsRealtime { .. }) => ServiceDay::new(date, zone).reports.start,
    };
    let mut running = None;
    while let Some(newest) = newest_capture(workspace, pipeline, until)? {
        if matches!(pipeline.format, Format::Gtfs) {
            return Ok(DefaultDate::Newest(ServiceDate::local_date_of(newest, zone)));
        }
        let day = ServiceDay::of(newest, zone);
        if day.is_over(now) {
            return Ok(DefaultDate::Newest(day.date));
        }
        until = day.reports.start;
        running.get_or_insert(day);
    }
    Ok(running.map_or(DefaultDate::None, DefaultDate::NotOver))
}

/// When something of any source of a pipeline was captured last before `until`.
pub(super) fn newest_capture(
    workspace: &Workspace,
    pipeline: &Pipeline,
    until: Timestamp,
) -> Result<Option<Timestamp>, RunError> {
    let mut newest = None;
    for feed in &pipeline.feeds {
        let entry = evidence_store(workspace, &feed.from).latest(&feed.name, until)?;
        newest = newest.max(entry.map(|entry| entry.captured_at));
    }
    Ok(newest)
}

/// A calendar day in a zone, from midnight to midnight by the clock.
fn calendar_day(date: ServiceDate, zone: &TimeZone) -> Range<Timestamp> {
    let midnight = |date: ServiceDate| {
        let midnight = zone.to_ambiguous_zoned_datetime(date.0.at(0, 0, 0, 0)).compatible();
        // Fails only at the ends of time.
        midnight.map(|zoned| zoned.timestamp()).unwrap_or_default()
    };
    midnight(date)..midnight(date.plus_days(1))
}

/// The dates with evidence that are nearest to a date which has none: before and after it.
fn nearest_dates(
    workspace: &Workspace,
    pipeline: &Pipeline,
    window: Range<Timestamp>,
) -> Result<[Option<ServiceDate>; 2], RunError> {
    let date_of = |at: Timestamp| match pipeline.format {
        Format::Gtfs => ServiceDate::local_date_of(at, &workspace.zone),
        Format::GtfsRealtime { .. } => ServiceDay::of(at, &workspace.zone).date,
    };
    let before = newest_capture(workspace, pipeline, window.start)?;
    let mut after = None;
    for feed in &pipeline.feeds {
        let entry = evidence_store(workspace, &feed.from).first_from(&feed.name, window.end)?;
        after = [after, entry.map(|entry| entry.captured_at)].into_iter().flatten().min();
    }
    Ok([before.map(date_of), after.map(date_of)])
}

/// Says of a date that it has no evidence, and which dates have.
fn no_evidence(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
    window: Range<Timestamp>,
) -> Result<RunError, RunError> {
    let what = format!("{} for {date}", pipeline.name);
    let begins = window.start;
    let [before, after] = nearest_dates(workspace, pipeline, window)?;
    let name = &pipeline.name;
    let nearest = match (before, after) {
        (Some(before), Some(after)) => {
            format!(
                "The nearest dates that have some are {before} and {after}: 'fahrtenbuch run {name} --date {before}'."
            )
        }
        (Some(date), None) => {
            format!("The newest date that has some is {date}: 'fahrtenbuch run {name} --date {date}'.")
        }
        (None, Some(date)) => {
            format!("The oldest date that has some is {date}: 'fahrtenbuch run {name} --date {date}'.")
        }
        (None, None) => format!("Nothing of {name} was ever captured: begin with 'fahrtenbuch capture {name}'."),
    };
    let remedy = match begins > time::future(now) {
        true => format!("The date is in the future of this machine's clock: correct the date or the clock. {nearest}"),
        false => nearest,
    };
    Ok(RunError::NoEvidence { what, remedy })
}

/// Finds the evidence of a date.
pub(super) fn partition(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
) -> Result<Partition, RunError> {
    let mut partition = match &pipeline.format {
        Format::Gtfs => timetable_of(workspace, pipeline, date, now)?,
        Format::GtfsRealtime { .. } => reports_of(workspace, pipeline, date, now)?,
    };
    let future = time::future(now);
    let newest = partition.evidence.iter().flat_map(|(.., entries)| entries).map(|entry| entry.captured_at).max();
    if let Some(newest) = newest.filter(|newest| *newest >= future) {
        partition.notes.push(Note {
            rule: "evidence.future",
            severity: Severity::Warning,
            message: format!(
                "evidence of {date} is of {newest}, later than the run: a clock was wrong when it was captured or when it was \
                 run"
            ),
        });
    }
    Ok(partition)
}

/// The timetable that was captured on a date: the newest where there are several.
fn timetable_of(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
) -> Result<Partition, RunError> {
    let Some(feed) = pipeline.feeds.first() else {
        return Err(RunError::internal(format!("the timetable {} has no source", pipeline.name)));
    };
    let store = evidence_store(workspace, &feed.from);
    let day = calendar_day(date, &workspace.zone);
    let mut listing = store.list(&feed.name, day.start, day.end)?;
    let Some(entry) = listing.entries.pop() else {
        let [before, _] = nearest_dates(workspace, pipeline, day.clone())?;
        return Err(match before.filter(|_| day.start <= time::future(now)) {
            Some(valid) => RunError::NoEvidence {
                what: format!("{} for {date}", pipeline.name),
                remedy: format!(
                    "No timetable was captured on {date}; the one valid then was captured on {valid}: 'fahrtenbuch run {} \
                     --date {valid}'.",
                    pipeline.name
                ),
            },
            None => no_evidence(workspace, pipeline, date, now, day)?,
        });
    };
    Ok(Partition {
        date,
        is_complete: true,
        evidence: vec![(feed.name.clone(), store, vec![entry])],
        notes: Vec::new(),
        beside: Beside::default(),
    })
}

/// The reports of a service date.
fn reports_of(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
) -> Result<Partition, RunError> {
    let day = ServiceDay::new(date, &workspace.zone);
    let is_complete = day.is_over(now);
    let mut partition =
        Partition { date, is_complete, evidence: Vec::new(), notes: Vec::new(), beside: Beside::default() };
    if !is_complete {
        partition.notes.push(Note {
            rule: "run.provisional",
            severity: Severity::Info,
            message: format!(
                "{date} is not over before {}: what is published now is provisional",
                day.local_end(&workspace.zone)
            ),
        });
    }
    for feed in &pipeline.feeds {
        let store = evidence_store(workspace, &feed.from);
        let listing = store.list(&feed.name, day.window.start, day.window.end)?;
        partition.notes.extend(listing.cut.into_iter().map(|cut| Note {
            rule: "evidence.cut_off",
            severity: Severity::Error,
            message: cut.message,
        }));
        partition.evidence.push((feed.name.clone(), store, listing.entries));
    }
    // What comes in the night after is not enough: a date without reports would look like one without buses.
    let midnight = date.plus_days(1).zero(&workspace.zone);
    let is_of_date = |entry: &Entry| entry.captured_at < midnight;
    if !partition.evidence.iter().any(|(.., entries)| entries.iter().any(is_of_date)) {
        return Err(no_evidence(workspace, pipeline, date, now, day.reports)?);
    }
    Ok(partition)
}
