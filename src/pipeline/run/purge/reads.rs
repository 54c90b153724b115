//! What dates that are kept read of the evidence of a pipeline: the one rule by which a purge leaves hours and an import takes
//! captures.
//!
//! A service date reads from midnight of the day before, so that captures may be read by the first date that is kept although the dates
//! on which they were made are gone. Of timetables the newest before the first date that is kept is in force there.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::decode::format::Partitioning;
use crate::pipeline::Pipeline;
use crate::pipeline::purged::Purged;
use crate::pipeline::run::evidence::{calendar_day, date_of};
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What dates that are kept read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads {
    /// Hours that end by then are read by no date that is kept …
    pub from: Timestamp,
    /// … but for the one of the timetable that is in force.
    pub in_force: Option<Timestamp>,
}

impl Reads {
    /// What the dates of a pipeline from `first_kept` on read, but for the timetable that is in force; `None` are the dates of what no
    /// pipeline names.
    pub(super) fn of(workspace: &Workspace, pipeline: Option<&Pipeline>, first_kept: ServiceDate) -> Self {
        let from = match pipeline.map(Pipeline::partitioning) {
            Some(Partitioning::CapturedDay) => calendar_day(first_kept, &workspace.zone).start,
            Some(Partitioning::ServiceDay) | None => ServiceDay::new(first_kept, &workspace.zone).evidence.start,
        };
        Self { from, in_force: None }
    }

    /// Whether no date that is kept reads an hour.
    pub(super) fn is_over(&self, hour: &Range<Timestamp>) -> bool {
        hour.end <= self.from && self.in_force.is_none_or(|at| !hour.contains(&at))
    }
}

/// What purges have destroyed of the hours of a source, by what the register of purges says.
pub struct DestroyedHours<'a> {
    workspace: &'a Workspace,
    rules: Vec<Rule<'a>>,
}

/// What the dates of a pipeline that were destroyed took with them.
enum Rule<'a> {
    /// Of timetables those of each date, but for the one in force.
    Dates(&'a Pipeline, BTreeSet<ServiceDate>),
    Before(Reads),
}

impl<'a> DestroyedHours<'a> {
    pub fn of(workspace: &'a Workspace, purged: &Purged, source: &str) -> Self {
        // All keep the same dates, also a pipeline that had another name then.
        let is_named = |name: &str| workspace.pipelines.iter().any(|pipeline| pipeline.name == name);
        let of_none = purged.all().filter(|line| line.pipeline.as_deref().is_none_or(|name| !is_named(name)));
        let of_none = of_none.map(|line| line.date).max();
        let before = |pipeline: Option<&Pipeline>, newest: Option<ServiceDate>| {
            newest.map(|newest| Rule::Before(Reads::of(workspace, pipeline, newest.plus_days(1))))
        };
        let users: Vec<&Pipeline> =
            workspace.pipelines.iter().filter(|of| of.feeds.iter().any(|feed| feed.name == source)).collect();
        if users.is_empty() {
            return Self { workspace, rules: before(None, of_none).into_iter().collect() };
        }
        let rule = |pipeline: &&'a Pipeline| {
            let dates = purged.of_pipeline(&pipeline.name).map(|line| line.date);
            match pipeline.is_timetable() {
                true => Some(Rule::Dates(pipeline, dates.collect())),
                false => before(Some(pipeline), dates.max().max(of_none)),
            }
        };
        Self { workspace, rules: users.iter().filter_map(rule).collect() }
    }

    /// Whether an hour of which there is nothing was destroyed.
    pub fn has(&self, hour: &Range<Timestamp>) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Dates(pipeline, dates) => dates.contains(&date_of(self.workspace, pipeline, hour.start)),
            Rule::Before(reads) => reads.is_over(hour),
        })
    }
}

/// The hour of UTC, whose archive has what was captured at an instant.
pub(super) fn hour_of(at: Timestamp) -> Range<Timestamp> {
    let begin = Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at);
    begin..begin.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
}
