//! What is destroyed together, and what of it dates that are kept still read.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::reads::Reads;
use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::Store;
use crate::decode::format::Partitioning;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{calendar_day, date_of};
use crate::pipeline::run::readable;
use crate::pipeline::{Feed, FeedOrigin, Pipeline, journal};
use crate::quarantine;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// A pipeline and what the private store has of it; or all that no pipeline names any more.
pub(super) struct Subject<'a> {
    pub pipeline: Option<&'a Pipeline>,
    /// Folders of the journal and of staging.
    pub journals: Vec<String>,
    pub datasets: Vec<String>,
    /// Sources whose evidence is our own.
    pub sources: Vec<String>,
    /// Those whose evidence somebody else keeps.
    pub others: Vec<String>,
    /// What dates that are kept read of its evidence.
    pub reads: Reads,
    /// Why nothing of its evidence is destroyed.
    pub problem: Option<String>,
}

/// Our own evidence, as far as it can be destroyed.
pub(super) fn own_store(workspace: &Workspace) -> Store {
    Store::new(Collector::evidence(&workspace.private)).with_remote(workspace.evidence.clone()).without_links()
}

/// All subjects, with what is read of them by dates from `first_kept` on; what no pipeline names comes last.
pub(super) fn subjects(workspace: &Workspace, first_kept: ServiceDate) -> Result<Vec<Subject<'_>>, RunError> {
    let mut subjects = Vec::new();
    for pipeline in &workspace.pipelines {
        subjects.push(of_pipeline(workspace, pipeline, first_kept)?);
    }
    let private = &workspace.private;
    let journals: BTreeSet<String> =
        ["journal", "staging"].iter().flat_map(|folder| folders(&private.join(folder))).collect();
    let mut journals: Vec<String> = journals.into_iter().collect();
    let mut datasets = quarantine::destroy::datasets(private);
    let mut sources = own_store(workspace).folders()?;
    for subject in &subjects {
        journals.retain(|name| !subject.journals.contains(name));
        datasets.retain(|name| !subject.datasets.contains(name));
        sources.retain(|name| !subject.sources.contains(name));
    }
    subjects.push(Subject {
        pipeline: None,
        journals,
        datasets,
        sources,
        others: Vec::new(),
        reads: Reads::of(workspace, None, first_kept),
        problem: None,
    });
    Ok(subjects)
}

fn of_pipeline<'a>(
    workspace: &Workspace,
    pipeline: &'a Pipeline,
    first_kept: ServiceDate,
) -> Result<Subject<'a>, RunError> {
    let (own, others): (Vec<&Feed>, Vec<&Feed>) = pipeline.feeds.iter().partition(|feed| is_own(workspace, &feed.from));
    let names = |feeds: Vec<&Feed>| feeds.into_iter().map(|feed| feed.name.clone()).collect();
    let mut subject = Subject {
        pipeline: Some(pipeline),
        journals: vec![pipeline.name.clone()],
        datasets: vec![pipeline.dataset.clone()],
        sources: names(own),
        others: names(others),
        reads: Reads::of(workspace, Some(pipeline), first_kept),
        problem: None,
    };
    if let (Partitioning::CapturedDay, Some(source)) = (pipeline.partitioning(), subject.sources.first()) {
        match readable::latest_timetable(&own_store(workspace), source, subject.reads.from) {
            Ok(found) => subject.reads.in_force = found.entry.map(|entry| entry.captured_at),
            // Which timetable is in force is not known until somebody has mended it.
            Err(error @ CaptureError::Damaged { .. }) => {
                subject.reads.from = Timestamp::MIN;
                subject.problem = Some(format!("nothing of {} was destroyed: {error}", pipeline.name));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(subject)
}

/// Whether evidence is our own: also where a pipeline names the folder of it as somebody's.
/// Sources of the workspace whose evidence others keep: a purge does not touch it.
pub(crate) fn kept_by_others(workspace: &Workspace) -> BTreeSet<String> {
    let feeds = workspace.pipelines.iter().flat_map(|pipeline| &pipeline.feeds);
    feeds.filter(|feed| !is_own(workspace, &feed.from)).map(|feed| feed.name.clone()).collect()
}

fn is_own(workspace: &Workspace, from: &FeedOrigin) -> bool {
    let Some(folder) = from.folder() else { return true };
    let resolved = |path: &Path| fs::canonicalize(path).ok();
    resolved(&folder.path).is_some_and(|path| resolved(&Collector::evidence(&workspace.private)) == Some(path))
}

impl Subject<'_> {
    /// The date to which something that was captured belongs first.
    pub(super) fn date_of(&self, workspace: &Workspace, at: Timestamp) -> ServiceDate {
        match self.pipeline {
            Some(pipeline) => date_of(workspace, pipeline, at),
            None => ServiceDate::local_date_of(at, &workspace.zone),
        }
    }

    /// When what a date reads was captured.
    pub(super) fn window(&self, workspace: &Workspace, date: ServiceDate) -> Range<Timestamp> {
        match self.pipeline.map(Pipeline::partitioning) {
            Some(Partitioning::ServiceDay) => ServiceDay::new(date, &workspace.zone).evidence,
            Some(Partitioning::CapturedDay) | None => calendar_day(date, &workspace.zone),
        }
    }

    /// The dates before `first_kept` of which there is anything, but for that of the timetable that is in force.
    pub(super) fn dates(
        &self,
        workspace: &Workspace,
        first_kept: ServiceDate,
    ) -> Result<BTreeSet<ServiceDate>, RunError> {
        if self.problem.is_some() {
            return Ok(BTreeSet::new());
        }
        let mut dates = self.all_dates(workspace)?;
        let in_force = self.reads.in_force.map(|at| self.date_of(workspace, at));
        dates.retain(|date| *date < first_kept && Some(*date) != in_force);
        Ok(dates)
    }

    /// All dates of which there is anything.
    pub(super) fn all_dates(&self, workspace: &Workspace) -> Result<BTreeSet<ServiceDate>, RunError> {
        let private = &workspace.private;
        let mut dates = BTreeSet::new();
        let store = own_store(workspace);
        for source in &self.sources {
            for hour in store.hours(source)? {
                // The days of a zone may begin within an hour of UTC.
                let last = hour.saturating_add(SignedDuration::from_secs(3599)).unwrap_or(hour);
                dates.extend([hour, last].map(|at| self.date_of(workspace, at)));
            }
        }
        for name in &self.journals {
            dates.extend(journal::all_dates(private, name));
            dates.extend(
                folders(&private.join("staging").join(name)).iter().filter_map(|date| date.parse::<ServiceDate>().ok()),
            );
        }
        for dataset in &self.datasets {
            dates.extend(quarantine::destroy::dates(private, dataset));
        }
        Ok(dates)
    }
}

/// The names of the folders in a folder.
fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
