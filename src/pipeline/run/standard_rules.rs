//! The rules of standards at work on what a run reads: a timetable as a whole, or snapshot by snapshot.

use std::sync::Arc;

use crate::check::CheckError;
use crate::check::context::RuleContext;
use crate::contract::library::Library;
use crate::contract::notices::Change;
use crate::decode::format::RuleBook;
use crate::decode::snapshot::Snapshot;
use crate::decode::timetable::{self, Package};
use crate::decode::{DecodeError, Decoded, Limits};
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
    pub fn begin(
        pipeline: &Pipeline,
        date: ServiceDate,
        decoded: &mut Decoded,
        budget: &Budget,
    ) -> Result<Self, RunError> {
        Ok(match pipeline.decoder.rule_book() {
            None => Self::None,
            Some(RuleBook::Gtfs) => {
                let archive = decoded.archive.take();
                let archive = archive.ok_or_else(|| RunError::internal("a timetable came without its archive"))?;
                let name = pipeline.feeds.first().map_or("", |feed| feed.name.as_str());
                Self::Gtfs(StandardCheck::begin(name, archive, pipeline, date, budget)?)
            }
            Some(RuleBook::GtfsRealtime) => {
                Self::GtfsRealtime(Box::new(SnapshotRules::new(Err("the timetable was not read".to_owned()))))
            }
        })
    }

    /// The timetable that snapshots are compared with.
    pub fn with_timetable(&mut self, context: &RuleContext, budget: &Budget) -> Result<(), RunError> {
        if let Self::GtfsRealtime(watch) = self {
            **watch = SnapshotRules::new(trips(context, budget)?);
        }
        Ok(())
    }

    /// Looks at the next snapshot of a source. One that does not count is only the one before the next.
    pub fn look(&mut self, source: &Arc<str>, snapshot: Snapshot, counts: bool) {
        if let Self::GtfsRealtime(watch) = self {
            watch.look(source, snapshot, counts);
        }
    }

    /// What they found, once everything was read.
    pub fn result(self, changes: &[Change]) -> Result<Option<Standard>, RunError> {
        Ok(match self {
            Self::None => None,
            Self::Gtfs(check) => Some(check.result()?),
            Self::GtfsRealtime(watch) => Some(Standard::from(&watch.report(changes))),
        })
    }
}

/// What of the memory of a run the standard rules may hold, of what is left beside the archive; the rest of the run needs more than
/// they. What they need of it is booked for the whole run, and what they do not need is for the others, who wait until it is known: so
/// neither depends on which is faster.
fn for_standard_rules(left: usize) -> usize {
    left / 2
}

/// The standard rules at work on a timetable, beside the run. They hold the feed as columns, and tell if the memory for them is not
/// enough.
pub(super) struct StandardCheck(std::thread::JoinHandle<Result<(Standard, Reservation), DecodeError>>);

impl StandardCheck {
    fn begin(
        name: &str,
        archive: bytes::Bytes,
        pipeline: &Pipeline,
        date: ServiceDate,
        budget: &Budget,
    ) -> Result<Self, RunError> {
        let name = name.to_owned();
        let mut reserved =
            budget.reserve("standard rules", for_standard_rules(budget.left())).map_err(DecodeError::from)?;
        let limits = Limits { held_bytes: reserved.bytes(), ..Limits::default() };
        let contracts = Library::gtfs().overlaid(pipeline.contracts.clone());
        Ok(Self(std::thread::spawn(move || {
            let timetable = timetable::read(&name, Package::Archive(archive), &contracts, limits)?;
            reserved.settle(timetable.bytes);
            let options = gtfs::Options { date, country: None, changes: contracts.changes };
            // It stays booked until the run ends, which may not find more room the later it asks.
            Ok((Standard::from(&gtfs::validate(timetable, &options)), reserved))
        })))
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
