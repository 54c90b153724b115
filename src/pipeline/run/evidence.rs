//! Which evidence a run works on, and asking the sources for more of it.

use jiff::{SignedDuration, Timestamp};

use crate::capture::evidence::{Entry, Store};
use crate::capture::payload::{self, Wanted};
use crate::capture::source::Fetched;
use crate::decode::Note;
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

pub fn evidence_store(workspace: &Workspace, from: &From) -> Store {
    match from {
        From::Source(_) => Store::new(workspace.private.join("evidence")),
        From::Evidence(folder) => Store::new(folder),
    }
}

/// What asking a source came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    Kept,
    /// Kept as evidence, but it is something else than the pipeline reads, and what it is.
    KeptUnreadable(String),
    NothingNew,
}

/// Asks each source of a pipeline once and keeps what is new; tells for each what came of it.
pub fn capture(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<(String, Captured)>, RunError> {
    let wanted = match pipeline.format {
        Format::Gtfs => Wanted::Timetable,
        Format::GtfsRealtime { .. } => Wanted::Message,
    };
    let mut done = Vec::new();
    for feed in &pipeline.feeds {
        let From::Source(source) = &feed.from else { continue };
        let store = evidence_store(workspace, &feed.from);
        let known = store.validators(&feed.name)?;
        match source.fetch(&known)? {
            Fetched::New(capture) => {
                tracing::info!(source = feed.name, bytes = capture.body.len(), sha256 = %capture.digest, "captured");
                store.append(&feed.name, &capture)?;
                let identified = payload::identify(&capture);
                if wanted.is(identified.payload) {
                    done.push((feed.name.clone(), Captured::Kept));
                } else {
                    done.push((feed.name.clone(), Captured::KeptUnreadable(identified.said(wanted))));
                }
            }
            Fetched::NotModified => {
                tracing::info!(source = feed.name, "nothing new at the source");
                done.push((feed.name.clone(), Captured::NothingNew));
            }
        }
    }
    Ok(done)
}

/// Finds the evidence of a date, or of the newest date that there is any of.
pub(super) fn partition(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: Option<ServiceDate>,
) -> Result<Partition, RunError> {
    let no_evidence = |what: String| RunError::NoEvidence {
        what,
        remedy: "Capture some with 'fahrtenbuch capture', or choose another date.".to_owned(),
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
                        let entry = evidence_store(workspace, &feed.from).latest(&feed.name, Timestamp::MAX)?;
                        newest = newest.max(entry.map(|entry| entry.captured_at));
                    }
                    let newest = newest.ok_or_else(|| no_evidence(pipeline.name.clone()))?;
                    let evening = newest.saturating_add(SignedDuration::from_hours(-NIGHT_ENDS)).unwrap_or(newest);
                    ServiceDate::local_date_of(evening, &workspace.zone)
                }
            };
            let from = date.zero(&workspace.zone);
            let until = from.saturating_add(SignedDuration::from_hours(SERVICE_HOURS)).unwrap_or(Timestamp::MAX);
            let mut partition = Partition { date, evidence: Vec::new(), notes: Vec::new(), beside: Beside::default() };
            for feed in &pipeline.feeds {
                let store = evidence_store(workspace, &feed.from);
                let listing = store.list(&feed.name, from, until)?;
                partition.notes.extend(listing.cut.into_iter().map(|cut| Note {
                    rule: "evidence.cut_off",
                    severity: crate::contract::Severity::Error,
                    message: cut.message,
                }));
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
