//! The rules of a standard at work on what a run reads: a feed as a whole, or snapshot by snapshot.

use std::sync::Arc;

use crate::check::timetable::Timetable;
use crate::contract::notices::Change;
use crate::decode::gtfs::TimetableReading;
use crate::decode::snapshot::Snapshot;
use crate::feed_rules::report::Report;
use crate::table::{Budget, BudgetExceeded};
use crate::time::ServiceDate;

/// What the rules of a run may look at.
pub struct RunSubjects<'a> {
    pub date: ServiceDate,
    /// What the data manager changed in the notices.
    pub changes: &'a [Change],
    /// The feed as a whole, while it is read; of formats whose decoder makes one.
    pub feed: Option<TimetableReading>,
    /// The timetable that is valid on the date, or why there is none.
    pub timetable: &'a Result<Arc<Timetable>, String>,
    pub budget: &'a Budget,
}

/// The rules of one standard in one run.
pub trait RunRules {
    /// Looks at the next snapshot of a source. One that does not count is only the one before the next.
    fn look(&mut self, _source: &Arc<str>, _snapshot: Snapshot, _counts: bool) {}

    /// What they found, once everything was read.
    ///
    /// # Errors
    /// There is none, by a fault of the program.
    fn report(self: Box<Self>) -> Result<Report<()>, RunRulesError>;
}

/// Why the rules of a standard did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum RunRulesError {
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    /// A fault of the program.
    #[error("{0}")]
    Internal(&'static str),
}
