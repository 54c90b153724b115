//! The rules of standards at work on what a run reads: a timetable as a whole, or snapshot by snapshot.

use std::sync::Arc;

use crate::check::CheckError;
use crate::check::context::RuleContext;
use crate::contract::notices::Change;
use crate::decode::Decoded;
use crate::decode::format::RuleBook;
use crate::decode::gtfs::TimetableReading;
use crate::decode::snapshot::Snapshot;
use crate::feed_rules::gtfs;
use crate::feed_rules::gtfs_realtime::SnapshotRules;
use crate::feed_rules::gtfs_realtime::moment::TripIds;
use crate::ledger::Standard;
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::table::{Budget, Reservation};
use crate::time::ServiceDate;

/// The rule book of a pipeline's format, opened for one run.
pub(super) enum StandardRules {
    None,
    Gtfs(StandardCheck),
    GtfsRealtime(Box<SnapshotRules>),
}

impl StandardRules {
    pub(super) fn begin(pipeline: &Pipeline, date: ServiceDate, decoded: &mut Decoded) -> Result<Self, RunError> {
        Ok(match pipeline.decoder.rule_book() {
            None => Self::None,
            Some(RuleBook::Gtfs) => {
                let reading = decoded.timetable.take();
                let reading = reading.ok_or_else(|| RunError::internal("a feed came without its timetable"))?;
                Self::Gtfs(StandardCheck::begin(reading, pipeline, date))
            }
            Some(RuleBook::GtfsRealtime) => {
                Self::GtfsRealtime(Box::new(SnapshotRules::new(Err("the timetable was not read".to_owned()))))
            }
        })
    }

    /// The timetable that snapshots are compared with.
    pub(super) fn with_timetable(&mut self, context: &RuleContext, budget: &Budget) -> Result<(), RunError> {
        if let Self::GtfsRealtime(watch) = self {
            **watch = SnapshotRules::new(trips(context, budget)?);
        }
        Ok(())
    }

    /// Looks at the next snapshot of a source. One that does not count is only the one before the next.
    pub(super) fn look(&mut self, source: &Arc<str>, snapshot: Snapshot, counts: bool) {
        if let Self::GtfsRealtime(watch) = self {
            watch.look(source, snapshot, counts);
        }
    }

    /// What they found, once everything was read.
    pub(super) fn result(self, changes: &[Change]) -> Result<Option<Standard>, RunError> {
        Ok(match self {
            Self::None => None,
            Self::Gtfs(check) => Some(check.result()?),
            Self::GtfsRealtime(watch) => Some(Standard::from(&watch.report(changes))),
        })
    }
}

/// The standard rules at work on a timetable, beside the run. They look at the columns that publication makes its rows of, and
/// tell if the memory for them is not enough.
pub(super) struct StandardCheck(std::thread::JoinHandle<Result<(Standard, Reservation), RunError>>);

impl StandardCheck {
    /// Begins when all of the timetable is there.
    fn begin(reading: TimetableReading, pipeline: &Pipeline, date: ServiceDate) -> Self {
        let options = gtfs::Options { date, country: None, changes: pipeline.contracts.changes.clone() };
        Self(std::thread::spawn(move || {
            let stopped = || RunError::internal("the timetable was not read to its end");
            let (timetable, reserved) = reading.wait().ok_or_else(stopped)?;
            // It stays booked until the run ends, which may not find more room the later it asks.
            Ok((Standard::from(&gtfs::validate(timetable, &options)), reserved))
        }))
    }

    fn result(self) -> Result<Standard, RunError> {
        let result = self.0.join().map_err(|_| RunError::internal("the standard rules stopped without a result"))?;
        Ok(result?.0)
    }
}

/// The ids of the timetable's trips for the standard rules of GTFS-Realtime, or why there are none.
fn trips(context: &RuleContext, budget: &Budget) -> Result<Result<TripIds, String>, RunError> {
    let timetable = match &context.timetable {
        Ok(timetable) => timetable,
        Err(why) => return Ok(Err(why.clone())),
    };
    let ids = TripIds::of(timetable.all_trips.iter().flatten().flatten());
    budget.take("feed rules", ids.bytes()).map_err(CheckError::from)?;
    Ok(Ok(ids))
}
