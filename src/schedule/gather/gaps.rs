//! Dates without a capture of which a run tells what is missing: that they are due, as those with evidence are.

use std::collections::HashMap;
use std::hash::Hasher;

use xxhash_rust::xxh3::Xxh3;

use super::look::{FeedHours, Look};
use super::marks::within;
use crate::capture::evidence::Looked;
use crate::pipeline::run::{RunError, is_told_without_captures};
use crate::schedule::facts::{Evidence, Mark};
use crate::time::{ServiceDate, ServiceDay};

/// By pipeline and date: whether a run tells what is missing, and the state of the archives by which that was found.
#[derive(Default)]
pub(super) struct Gaps(HashMap<(String, ServiceDate), (u64, bool)>);

impl Gaps {
    /// What stands for the evidence of a date on which nothing was captured; none where no run tells what is missing, and where the
    /// date is not over. It changes with the notes of the date: that a source did not answer.
    pub(super) fn of_date(
        &mut self,
        look: &Look<'_>,
        feeds: &[FeedHours<'_>],
        date: ServiceDate,
        looked: &mut Looked,
    ) -> Result<Option<Evidence>, RunError> {
        let Look { workspace, pipeline, now, .. } = *look;
        let day = ServiceDay::new(date, &workspace.zone);
        if !day.is_over(now) || !pipeline.derived.iter().any(|derived| derived.derivation.reads_run()) {
            return Ok(None);
        }
        let mut hash = Xxh3::new();
        for feed in feeds {
            hash.write(feed.source.as_bytes());
            for (hour, bytes) in within(&feed.hours, &day.reports) {
                hash.write_i64(hour.as_second());
                hash.write_u64(bytes);
            }
        }
        let evidence = Evidence { mark: Mark(hash.finish()), since: day.reports.start };
        // Whether the sources existed may be told by records of any other day.
        for feed in feeds {
            for day in feed.store.days(feed.source, looked)? {
                hash.write_i32(ServiceDate(day).days_since_epoch());
            }
        }
        let state = hash.finish();
        let key = (pipeline.name.clone(), date);
        let is_told = match self.0.get(&key) {
            Some((known, is_told)) if *known == state => *is_told,
            _ => {
                let is_told = is_told_without_captures(workspace, pipeline, date)?;
                self.0.insert(key, (state, is_told));
                is_told
            }
        };
        Ok(is_told.then_some(evidence))
    }
}
