//! Begins to read what a run works on: its evidence as a stream of rows, and a timetable as a whole for the standard rules.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use jiff::tz::TimeZone;

use crate::capture::evidence::{Entry, Store};
use crate::check::CheckError;
use crate::check::context::RuleContext;
use crate::contract::Severity;
use crate::contract::library::Library;
use crate::decode::gtfs_realtime::{self, Only};
use crate::decode::timetable::{self, Package};
use crate::decode::{self, DecodeError, Decoded, Limits, Note};
use crate::feed_rules::gtfs;
use crate::feed_rules::gtfs_realtime::moment::TripIds;
use crate::ledger::Standard;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::readable::archive;
use crate::pipeline::{Format, Pipeline};
use crate::table::{Budget, Origin, Reservation};
use crate::time::{self, ServiceDate};
use crate::workspace::Workspace;

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

    pub fn result(self) -> Result<Standard, RunError> {
        let result = self.0.join().map_err(|_| RunError::internal("the standard rules stopped without a result"))?;
        Ok(result?.0)
    }
}

/// The ids of the timetable's trips for the standard rules of GTFS-Realtime, or why there are none.
pub(super) fn trips(context: &RuleContext, budget: &Budget) -> Result<Result<TripIds, String>, RunError> {
    let timetable = match &context.timetable {
        Ok(timetable) => timetable,
        Err(why) => return Ok(Err(why.clone())),
    };
    let ids = TripIds::of(timetable.all_trips.iter().flatten().flatten());
    budget.take("feed rules", ids.bytes()).map_err(CheckError::from)?;
    Ok(Ok(ids))
}

/// Tells of the first agency whose clock is not that of the workspace, by which service dates are reckoned.
pub(super) fn other_zone(agencies: &RecordBatch, zone: &TimeZone, date: ServiceDate) -> Option<Note> {
    let names = agencies.column_by_name("agency_timezone")?.as_string_opt::<i32>()?;
    // A name that no zone has is told by the rules.
    let is_other = |name: &&str| TimeZone::get(name).is_ok_and(|other| !time::is_same_clock(zone, &other, date));
    let name = names.iter().flatten().find(is_other)?;
    let own = zone.iana_name().unwrap_or("unknown");
    Some(Note {
        rule: "timetable.other_time_zone",
        severity: Severity::Warning,
        message: format!(
            "the timetable's agency_timezone is {name}, and 'time_zone' in fahrtenbuch.yaml is {own}: service dates, their \
             partitions and the rules that compare reports with the timetable go by {own}. Give a feed of another zone a \
             workspace of its own"
        ),
    })
}

/// The source of an origin, and when it was captured.
pub(super) type Source = (Arc<str>, jiff::Timestamp);

/// Begins to decode the evidence, and to look at a timetable with the standard rules.
pub(super) fn decode(
    workspace: &Workspace,
    pipeline: &Pipeline,
    partition: Partition,
    budget: &Budget,
) -> Result<(Decoded, Option<StandardCheck>, Vec<Source>), RunError> {
    let date = partition.date;
    match &pipeline.format {
        Format::Gtfs => {
            let (name, store, entries) = partition
                .evidence
                .into_iter()
                .next()
                .ok_or_else(|| RunError::internal("a timetable without evidence was planned"))?;
            let entry =
                entries.first().ok_or_else(|| RunError::internal("a timetable without evidence was planned"))?;
            let capture = store.open(entry)?;
            let origin = Origin { name: name.clone(), captured_at: capture.captured_at };
            let body = archive(&name, &capture)?;
            budget.take("the archive of the timetable", body.len()).map_err(DecodeError::from)?;
            let decoded = decode::gtfs::decode(&name, body.clone(), &origin, &pipeline.contracts, Limits::default())?;
            let standard = StandardCheck::begin(&name, body, pipeline, date, budget)?;
            Ok((decoded, Some(standard), Vec::new()))
        }
        Format::GtfsRealtime { .. } => {
            // All sources as one stream in the order of time; sources of one instant in the order of the pipeline.
            let mut all: Vec<(Arc<str>, Entry)> = Vec::new();
            for (name, _, entries) in partition.evidence {
                let name: Arc<str> = name.into();
                all.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
            }
            all.sort_by_key(|(_, entry)| entry.captured_at);
            let origins = all.iter().map(|(name, entry)| Origin::of_capture(name, entry.captured_at)).collect();
            let sources = all.iter().map(|(name, entry)| (name.clone(), entry.captured_at)).collect();
            let entries = all.into_iter().map(|(_, entry)| entry).collect();
            let captures = Box::new(Store::new("").read_ahead(entries));
            let only = Only { date, zone: workspace.zone.clone() };
            let (contracts, limits) = (&pipeline.contracts, Limits::within(budget.limit()));
            let budget = budget.clone();
            let decoded = gtfs_realtime::decode_only(origins, captures, contracts, limits, budget, Some(&only))?;
            Ok((decoded, None, sources))
        }
    }
}
