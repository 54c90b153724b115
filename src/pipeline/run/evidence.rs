//! Which date a run takes, which evidence of it, and asking the sources for more.

use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::CaptureError;
use crate::capture::collector::{self, Collected, Collector, Outcome};
use crate::capture::evidence::{Entry, Kind, Listing, Store};
use crate::capture::payload::Wanted;
use crate::capture::source::Source;
use crate::contract::Severity;
use crate::decode::Note;
use crate::decode::format::Partitioning;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::readable;
use crate::pipeline::{FeedOrigin, Pipeline};
use crate::time::{self, ServiceDate, ServiceDay};
use crate::workspace::{Workspace, form};

/// What a run works on: the partition, and the evidence of it by source.
pub(super) struct Partition {
    pub date: ServiceDate,
    /// Whether the date is over: its 30 hours are. A release made before is provisional. A timetable is complete with its
    /// capture.
    pub is_complete: bool,
    pub evidence: Vec<(String, Store, Vec<Entry>)>,
    /// When captures were received on the date itself. What is wrong with those of before and after is told, and they are
    /// counted, in the partitions of their own dates.
    pub received: Range<Timestamp>,
    pub notes: Vec<Note>,
}

pub fn evidence_store(workspace: &Workspace, from: &FeedOrigin) -> Store {
    let store = match from {
        FeedOrigin::Source(_) | FeedOrigin::Unknown => Store::new(Collector::evidence(&workspace.private)),
        // It may be that of the private store.
        FeedOrigin::Evidence(folder) => Store::of_folder(folder),
    };
    store.with_remote(workspace.evidence.clone())
}

/// The collector of the sources of pipelines, over a private store that is for its owner only.
pub fn collector(workspace: &Workspace, pipelines: &[&Pipeline]) -> Result<Collector, RunError> {
    let private = &workspace.private;
    form::open(private)?;
    let sources = pipelines.iter().flat_map(|pipeline| pipeline.scheduled()).map(|scheduled| scheduled.collected);
    let is_asked = |collected: &Collected| {
        let sends = matches!(collected.source, Source::Mqtt { .. });
        if sends {
            let (source, shown) = (&collected.name, collected.source.shown());
            tracing::info!(source, "{shown} sends by itself; 'fahrtenbuch collect' takes it");
        }
        !sends
    };
    Ok(Collector::new(private, sources.filter(is_asked).collect()))
}

/// Asks each source of a pipeline once and keeps what is new; tells for each whether it was. All are asked, whatever
/// fails; the failure that lasts longest is returned, the others are told.
pub fn capture(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<(String, bool)>, RunError> {
    let mut done = Vec::new();
    let mut failures: Vec<CaptureError> = Vec::new();
    // What a collector asks every few seconds need not be asked by a run, too.
    let owned = collector::owned(&workspace.private);
    for report in collector(workspace, &[pipeline])?.without(&owned).once_for_run() {
        match report.outcome {
            Outcome::New { .. } => done.push((report.name, true)),
            Outcome::NotModified => done.push((report.name, false)),
            Outcome::Failed(error) if matches!(error, CaptureError::Permanent { .. }) => failures.insert(0, error),
            Outcome::Failed(error) => failures.push(error),
        }
    }
    let mut failures = failures.into_iter();
    let worst = failures.next();
    failures.for_each(|error| tracing::error!("{error}"));
    worst.map_or(Ok(done), |error| Err(error.into()))
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
    let mut until = match (before, pipeline.partitioning()) {
        (None, _) => time::future(now),
        (Some(date), Partitioning::CapturedDay) => calendar_day(date, zone).start,
        (Some(date), Partitioning::ServiceDay) => ServiceDay::new(date, zone).reports.start,
    };
    if let (Partitioning::CapturedDay, Some(feed)) = (pipeline.partitioning(), pipeline.feeds.first()) {
        let found = readable::latest_timetable(&evidence_store(workspace, &feed.from), &feed.name, until)?;
        return match (found.entry, found.passed_over) {
            (Some(entry), _) => Ok(DefaultDate::Newest(ServiceDate::local_date_of(entry.captured_at, zone))),
            (None, Some(found)) => {
                let what = format!("there is no readable timetable of {}", pipeline.name);
                Err(RunError::Unreadable { what, found: found.said(), remedy: Wanted::Timetable.remedy() })
            }
            (None, None) => Ok(DefaultDate::None),
        };
    }
    let mut running = None;
    while let Some(newest) = newest_capture(workspace, pipeline, until)? {
        let day = ServiceDay::of(newest, zone);
        if day.is_over(now) {
            return Ok(DefaultDate::Newest(day.date));
        }
        until = day.reports.start;
        running.get_or_insert(day);
    }
    Ok(running.map_or(DefaultDate::None, DefaultDate::NotOver))
}

/// Whether an answer that brought nothing new counts as a capture of its time. A timetable's date is that on which it came.
fn has_revisits(pipeline: &Pipeline) -> bool {
    pipeline.partitioning() == Partitioning::ServiceDay
}

/// When something of any source of a pipeline was captured last before `until`.
pub(super) fn newest_capture(
    workspace: &Workspace,
    pipeline: &Pipeline,
    until: Timestamp,
) -> Result<Option<Timestamp>, RunError> {
    let mut newest = None;
    for feed in &pipeline.feeds {
        let store = evidence_store(workspace, &feed.from);
        let has_revisits = has_revisits(pipeline);
        let mut entries = store.newest_first(&feed.name, until);
        let entry = entries.find(|entry| match entry {
            Ok(entry) => has_revisits || !entry.is_revisit,
            // What is damaged is noted where the date is listed.
            Err(error) => !matches!(error, CaptureError::Damaged { .. }),
        });
        newest = newest.max(entry.transpose()?.map(|entry| entry.captured_at));
    }
    Ok(newest)
}

/// A calendar day in a zone, from midnight to midnight by the clock.
pub(super) fn calendar_day(date: ServiceDate, zone: &TimeZone) -> Range<Timestamp> {
    let midnight = |date: ServiceDate| {
        let midnight = zone.to_ambiguous_zoned_datetime(date.0.at(0, 0, 0, 0)).compatible();
        // Fails only at the ends of time.
        midnight.map(|zoned| zoned.timestamp()).unwrap_or_default()
    };
    midnight(date)..midnight(date.plus_days(1))
}

/// The date of whose partition a capture is evidence first.
pub fn date_of(workspace: &Workspace, pipeline: &Pipeline, at: Timestamp) -> ServiceDate {
    match pipeline.partitioning() {
        Partitioning::CapturedDay => ServiceDate::local_date_of(at, &workspace.zone),
        Partitioning::ServiceDay => ServiceDay::of(at, &workspace.zone).date,
    }
}

/// The dates with evidence that are nearest to a date which has none: before and after it.
pub(super) fn nearest_dates(
    workspace: &Workspace,
    pipeline: &Pipeline,
    window: Range<Timestamp>,
) -> Result<[Option<ServiceDate>; 2], RunError> {
    let date_of = |at: Timestamp| date_of(workspace, pipeline, at);
    let before = newest_capture(workspace, pipeline, window.start)?;
    let mut after = None;
    for feed in &pipeline.feeds {
        let store = evidence_store(workspace, &feed.from);
        let entry = match has_revisits(pipeline) {
            true => store.first_from(&feed.name, window.end)?,
            false => store.first_body_from(&feed.name, window.end)?,
        };
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
        (None, None) => match explain(workspace, pipeline)? {
            Some(explanation) => explanation,
            None => format!("Nothing of {name} was ever captured: begin with 'fahrtenbuch capture {name}'."),
        },
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
    let mut partition = match pipeline.partitioning() {
        Partitioning::CapturedDay => timetable_of(workspace, pipeline, date, now)?,
        Partitioning::ServiceDay => reports_of(workspace, pipeline, date, now)?,
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
    let newest = readable::latest_timetable(&store, &feed.name, day.end)?;
    let notes = newest.entry.as_ref().zip(newest.passed_over.as_ref()).map(|(entry, found)| found.note(entry));
    let entry = newest.entry.filter(|entry| entry.captured_at >= day.start);
    let Some(entry) = entry else {
        if let Some(found) = newest.passed_over {
            let what = format!("there is no readable timetable of {} for {date}", pipeline.name);
            return Err(RunError::Unreadable { what, found: found.said(), remedy: Wanted::Timetable.remedy() });
        }
        let [before, _] = nearest_dates(workspace, pipeline, day.clone())?;
        return Err(match before.filter(|_| day.start <= time::future(now)) {
            Some(valid) => RunError::NoNewTimetable { pipeline: pipeline.name.clone(), date, valid },
            None => no_evidence(workspace, pipeline, date, now, day)?,
        });
    };
    Ok(Partition {
        date,
        is_complete: true,
        evidence: vec![(feed.name.clone(), store, vec![entry])],
        received: day,
        notes: notes.into_iter().collect(),
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
    // What comes late is taken when all of it is there, so that runs in between have the same evidence.
    let end = if is_complete && now < day.evidence.end { day.window.end } else { day.evidence.end };
    let mut partition =
        Partition { date, is_complete, evidence: Vec::new(), received: day.reports.clone(), notes: Vec::new() };
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
        let mut listing = store.list(&feed.name, day.evidence.start, end)?;
        listing.damage.retain(|damage| store.may_hold(&feed.name, Path::new(&damage.file), &day.reports));
        partition.notes.extend(damage(&listing));
        if listing.entries.is_empty()
            && let Some(message) = store.explain(&feed.name)?
        {
            let message = format!("there is no evidence of '{}' for {date}. {message}", feed.name);
            partition.notes.push(Note { rule: "evidence.none", severity: Severity::Warning, message });
        }
        partition.evidence.push((feed.name.clone(), store, listing.entries));
    }
    if partition.evidence.iter().all(|(.., entries)| entries.is_empty()) {
        return Err(no_evidence(workspace, pipeline, date, now, day.reports)?);
    }
    Ok(partition)
}

impl Partition {
    /// A date of whose evidence nothing is left.
    pub(super) fn without_evidence(workspace: &Workspace, pipeline: &Pipeline, date: ServiceDate) -> Self {
        let feeds = pipeline.feeds.iter();
        Self {
            date,
            is_complete: true,
            evidence: feeds
                .map(|feed| (feed.name.clone(), evidence_store(workspace, &feed.from), Vec::new()))
                .collect(),
            received: ServiceDay::new(date, &workspace.zone).reports,
            notes: Vec::new(),
        }
    }

    /// How many captures were received since the date began by the calendar, until its night ended. Others may have rows of it
    /// all the same.
    pub(super) fn captures(&self, zone: &TimeZone) -> usize {
        let begin = calendar_day(self.date, zone).start;
        let entries = self.evidence.iter().flat_map(|(.., entries)| entries);
        entries.filter(|entry| begin <= entry.captured_at && entry.captured_at < self.received.end).count()
    }
}

/// Says of a date to which no report belongs that it has no evidence, if nothing was received on it.
pub(super) fn nothing_received(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
    now: Timestamp,
) -> Result<RunError, RunError> {
    let day = ServiceDay::new(date, &workspace.zone);
    no_evidence(workspace, pipeline, date, now, day.reports)
}

/// What is damaged in the evidence of a date.
fn damage(listing: &Listing) -> impl Iterator<Item = Note> + '_ {
    listing.damage.iter().map(|damage| Note {
        rule: match damage.kind {
            Kind::Damaged => "evidence.damaged",
            Kind::TooLarge => "evidence.too_large",
            Kind::Torn => "evidence.torn",
        },
        severity: if damage.kind == Kind::Torn { Severity::Warning } else { Severity::Error },
        message: damage.message.clone(),
    })
}

/// What the folders that others keep hold in place of a pipeline's evidence.
pub(super) fn explain(workspace: &Workspace, pipeline: &Pipeline) -> Result<Option<String>, CaptureError> {
    let mut found = Vec::new();
    for feed in &pipeline.feeds {
        found.extend(evidence_store(workspace, &feed.from).explain(&feed.name)?);
    }
    found.dedup();
    Ok((!found.is_empty()).then(|| found.join(" ")))
}
