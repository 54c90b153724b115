//! Which evidence a run works on, and asking the sources for more of it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::CaptureError;
use crate::capture::collector::{self, Collected, Collector, Outcome};
use crate::capture::evidence::{Entry, Kind, Store};
use crate::capture::payload::Wanted;
use crate::contract::Severity;
use crate::decode::Note;
use crate::durable;
use crate::pipeline::beside::Beside;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::readable;
use crate::pipeline::{Format, From, Pipeline};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// A service date's reports come in until 30 hours after its beginning (TIDES, GTFS: times beyond 24:00:00).
const SERVICE_HOURS: i64 = 30;
/// A night's reports belong to the day before until this hour.
const NIGHT_ENDS: i64 = 3;

/// What a run works on: the partition, and the evidence of it by source.
pub(super) struct Partition {
    pub date: ServiceDate,
    pub evidence: Vec<(String, Store, Vec<Entry>)>,
    pub notes: Vec<Note>,
    /// What the rules look at beside it.
    pub beside: Beside,
}

/// When the last reports of a service date have come in.
pub(super) fn end_of_reports(date: ServiceDate, zone: &TimeZone) -> Timestamp {
    date.zero(zone).saturating_add(SignedDuration::from_hours(SERVICE_HOURS)).unwrap_or(Timestamp::MAX)
}

impl Partition {
    /// Whether all that belongs to the partition can be there at an instant. A timetable is a snapshot, complete when it is
    /// captured; a service date is complete when its reports have come in.
    pub fn is_complete(&self, format: &Format, zone: &TimeZone, at: Timestamp) -> bool {
        match format {
            Format::Gtfs => true,
            Format::GtfsRealtime { .. } => at >= end_of_reports(self.date, zone),
        }
    }
}

pub fn evidence_store(workspace: &Workspace, from: &From) -> Store {
    match from {
        From::Source(_) => Store::new(Collector::evidence(&workspace.private)),
        From::Evidence(folder) => Store::of_folder(folder),
    }
}

/// The collector of the sources of pipelines, over a private store that is for its owner only.
pub fn collector(workspace: &Workspace, pipelines: &[&Pipeline]) -> Result<Collector, RunError> {
    let private = &workspace.private;
    durable::make_private(private).map_err(|error| RunError::private(private, "made", &error))?;
    let mut sources = Vec::new();
    for pipeline in pipelines {
        let (wanted, unchanged) = match pipeline.format {
            Format::Gtfs => (Wanted::Timetable, collector::TIMETABLE_UNCHANGED),
            Format::GtfsRealtime { .. } => (Wanted::Message, collector::REALTIME_UNCHANGED),
        };
        for feed in &pipeline.feeds {
            let From::Source(source) = &feed.from else { continue };
            sources.push(Collected { name: feed.name.clone(), source: source.clone(), wanted, unchanged });
        }
    }
    Ok(Collector::new(private, sources))
}

/// Asks each source of a pipeline once and keeps what is new; tells for each whether it was. All are asked, whatever
/// fails; the failure that lasts longest is returned, the others are told.
pub fn capture(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<(String, bool)>, RunError> {
    let mut done = Vec::new();
    let mut failures: Vec<CaptureError> = Vec::new();
    for report in collector(workspace, &[pipeline])?.once() {
        match report.outcome {
            Outcome::New { .. } => done.push((report.name, true)),
            Outcome::NotModified => done.push((report.name, false)),
            Outcome::Failed(error) if matches!(error, CaptureError::Final { .. }) => failures.insert(0, error),
            Outcome::Failed(error) => failures.push(error),
        }
    }
    let mut failures = failures.into_iter();
    let worst = failures.next();
    failures.for_each(|error| tracing::error!("{error}"));
    worst.map_or(Ok(done), |error| Err(error.into()))
}

/// Finds the evidence of a date, or of the newest date that there is any of.
pub(super) fn partition(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: Option<ServiceDate>,
) -> Result<Partition, RunError> {
    let no_evidence = |what: String| -> RunError {
        let remedy = match explain(workspace, pipeline) {
            Ok(Some(explanation)) => explanation,
            Ok(None) => "Capture some with 'fahrtenbuch capture', or choose another date.".to_owned(),
            Err(error) => return error.into(),
        };
        RunError::NoEvidence { what, remedy }
    };
    let end = |date: ServiceDate| date.plus_days(1).zero(&workspace.zone);
    match &pipeline.format {
        Format::Gtfs => {
            let Some(feed) = pipeline.feeds.first() else { return Err(no_evidence(pipeline.name.clone())) };
            let store = evidence_store(workspace, &feed.from);
            let newest = readable::latest_timetable(&store, &feed.name, date.map_or(Timestamp::MAX, end))?;
            let what = date.map_or(feed.name.clone(), |date| format!("{} until {date}", feed.name));
            let (entry, notes) = match (newest.entry, newest.passed_over) {
                (Some(entry), passed_over) => {
                    let notes = passed_over.map(|passed_over| passed_over.note(&entry)).into_iter().collect();
                    (entry, notes)
                }
                (None, Some(passed_over)) => {
                    let (what, found) = (format!("there is no readable timetable of {what}"), passed_over.said());
                    return Err(RunError::Unreadable { what, found, remedy: Wanted::Timetable.remedy() });
                }
                (None, None) => return Err(no_evidence(what)),
            };
            let date = ServiceDate::local_date_of(entry.captured_at, &workspace.zone);
            Ok(Partition {
                date,
                evidence: vec![(feed.name.clone(), store, vec![entry])],
                notes,
                beside: Beside::default(),
            })
        }
        Format::GtfsRealtime { .. } => {
            let date = match date {
                Some(date) => date,
                None => {
                    let mut newest = None;
                    for feed in &pipeline.feeds {
                        let store = evidence_store(workspace, &feed.from);
                        // What is damaged is noted where the date is listed.
                        let mut entries = store.newest_first(&feed.name, Timestamp::MAX);
                        let entry = entries.find(|entry| !matches!(entry, Err(CaptureError::Damaged { .. })));
                        newest = newest.max(entry.transpose()?.map(|entry| entry.captured_at));
                    }
                    let newest = newest.ok_or_else(|| no_evidence(pipeline.name.clone()))?;
                    let evening = newest.saturating_add(SignedDuration::from_hours(-NIGHT_ENDS)).unwrap_or(newest);
                    ServiceDate::local_date_of(evening, &workspace.zone)
                }
            };
            let from = date.zero(&workspace.zone);
            let until = end_of_reports(date, &workspace.zone);
            let mut partition = Partition { date, evidence: Vec::new(), notes: Vec::new(), beside: Beside::default() };
            for feed in &pipeline.feeds {
                let store = evidence_store(workspace, &feed.from);
                let listing = store.list(&feed.name, from, until)?;
                partition.notes.extend(listing.damage.into_iter().map(|damage| Note {
                    rule: match damage.kind {
                        Kind::Damaged => "evidence.damaged",
                        Kind::TooLarge => "evidence.too_large",
                        Kind::Torn => "evidence.torn",
                    },
                    severity: if damage.kind == Kind::Torn { Severity::Warning } else { Severity::Error },
                    message: damage.message,
                }));
                if listing.entries.is_empty()
                    && let Some(message) = store.explain(&feed.name)?
                {
                    let message = format!("there is no evidence of '{}' for {date}. {message}", feed.name);
                    partition.notes.push(Note { rule: "evidence.none", severity: Severity::Warning, message });
                }
                partition.evidence.push((feed.name.clone(), store, listing.entries));
            }
            // What comes in the night after is not enough: a date without reports would look like one without buses.
            let midnight = end(date);
            if !partition.evidence.iter().any(|(.., entries)| entries.iter().any(|entry| entry.captured_at < midnight))
            {
                return Err(no_evidence(format!("{} for {date}", pipeline.name)));
            }
            Ok(partition)
        }
    }
}

/// What the folders that others keep hold in place of a pipeline's evidence.
fn explain(workspace: &Workspace, pipeline: &Pipeline) -> Result<Option<String>, CaptureError> {
    let mut found = Vec::new();
    for feed in &pipeline.feeds {
        found.extend(evidence_store(workspace, &feed.from).explain(&feed.name)?);
    }
    found.dedup();
    Ok((!found.is_empty()).then(|| found.join(" ")))
}
