//! What dates that are kept read of the evidence of a pipeline: the one rule by which a purge leaves hours and an import takes
//! captures.
//!
//! A service date reads from midnight of the day before, so that captures may be read by the first date that is kept although the dates
//! on which they were made are gone. Of timetables the newest before the first date that is kept is in force there.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::decode::format::Partitioning;
use crate::pipeline::Pipeline;
use crate::pipeline::run::evidence::calendar_day;
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

/// The hour of UTC, whose archive has what was captured at an instant.
pub(super) fn hour_of(at: Timestamp) -> Range<Timestamp> {
    let begin = Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at);
    begin..begin.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
}
