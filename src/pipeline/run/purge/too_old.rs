//! Which captures must not be brought to a pipeline any more: those that a purge has destroyed or would destroy.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::reads::{Reads, hour_of};
use crate::capture::CaptureError;
use crate::decode::format::Partitioning;
use crate::pipeline::Pipeline;
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{date_of, evidence_store};
use crate::pipeline::run::readable;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Captures that are to be brought to a pipeline, and that dates read which are gone.
#[derive(Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The first date that is kept.
    pub first_kept: ServiceDate,
    /// Dates of captures that no date reads which is kept: all were destroyed, or are due.
    pub gone: BTreeSet<ServiceDate>,
    /// Dates that are gone, of captures that the first date reads which is kept; of a timetable, one that is in force there.
    pub still_read: BTreeSet<ServiceDate>,
}

/// Gives, of the timetables of the pipeline that are to be brought, when the newest before an instant was captured.
pub type NewestBrought<'a> = &'a dyn Fn(Timestamp) -> Result<Option<Timestamp>, CaptureError>;

/// Which dates of captures were destroyed, or are to be. `captured` are the times of all that is to be brought, to the hour.
pub fn too_old(
    workspace: &Workspace,
    pipeline: &Pipeline,
    captured: impl Iterator<Item = Timestamp>,
    newest_brought: NewestBrought<'_>,
) -> Result<TooOld, RunError> {
    let private = &workspace.private;
    let known = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
    // What is before a date that was destroyed was destroyed with it, or would have been.
    let newest_purged = known.of_pipeline(&pipeline.name).map(|purged| purged.date).max();
    let first_not_due = workspace.retention.first_kept(ServiceDate::local_date_of(now(), &workspace.zone));
    let first_kept = newest_purged.map_or(first_not_due, |newest| first_not_due.max(newest.plus_days(1)));
    let mut reads = Reads::of(workspace, Some(pipeline), first_kept);
    if let (Partitioning::CapturedDay, Some(feed)) = (pipeline.partitioning(), pipeline.feeds.first()) {
        let there = readable::latest_timetable(&evidence_store(workspace, &feed.from), &feed.name, reads.from)?;
        // One that was destroyed was not in force: what replaced it is to be brought back.
        let is_destroyed = |at: &Timestamp| newest_purged.is_some_and(|of| date_of(workspace, pipeline, *at) <= of);
        let brought = newest_brought(reads.from)?.filter(|at| !is_destroyed(at));
        reads.in_force = there.entry.map(|entry| entry.captured_at).max(brought);
    }
    let mut too_old = TooOld { first_kept, gone: BTreeSet::new(), still_read: BTreeSet::new() };
    // Days begin and end with a minute.
    let minutes: BTreeSet<i64> = captured.map(|at| at.as_second().div_euclid(60)).collect();
    for minute in minutes {
        let at = Timestamp::from_second(minute * 60).unwrap_or_default();
        let date = date_of(workspace, pipeline, at);
        if reads.is_over(&hour_of(at)) {
            too_old.gone.insert(date);
        } else if date < first_kept {
            too_old.still_read.insert(date);
        }
    }
    Ok(too_old)
}
