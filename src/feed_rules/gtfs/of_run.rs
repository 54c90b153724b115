//! The rules of GTFS in a run: they look at the columns that publication makes its rows of, in a thread beside it.

use std::thread::JoinHandle;

use super::{Options, validate};
use crate::feed_rules::report::Report;
use crate::feed_rules::run_rules::{RunRules, RunRulesError, RunSubjects};
use crate::table::Reservation;

/// What the thread that looks at a feed comes to, and what the feed is booked on.
struct FeedCheck(JoinHandle<Result<(Report<()>, Reservation), RunRulesError>>);

/// Begins to look as soon as all of the feed is there.
pub(in crate::feed_rules) fn open(subjects: RunSubjects<'_>) -> Result<Box<dyn RunRules>, RunRulesError> {
    let reading = subjects.feed.ok_or(RunRulesError::Internal("a feed came without its timetable"))?;
    let options = Options { date: subjects.date, country: None, changes: subjects.changes.to_vec() };
    Ok(Box::new(FeedCheck(std::thread::spawn(move || {
        let stopped = RunRulesError::Internal("the timetable was not read to its end");
        let (timetable, reserved) = reading.wait().ok_or(stopped)?;
        // It stays booked until the run ends, which may not find more room the later it asks.
        Ok((validate(timetable, &options).without_subject(), reserved))
    }))))
}

impl RunRules for FeedCheck {
    fn report(self: Box<Self>) -> Result<Report<()>, RunRulesError> {
        let stopped = |_| RunRulesError::Internal("the standard rules stopped without a result");
        Ok(self.0.join().map_err(stopped)??.0)
    }
}
