//! Whether a bucket has what the schedules say it should have: for somebody who watches it from elsewhere, without a private store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::notify::cause::RunFailure;
use crate::notify::{Cause, Trouble};
use crate::pipeline::{Schedule, Trigger};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::schedule::due::due_at;
use crate::schedule::facts::{Facts, Mark, PipelineFacts, Released};
use crate::schedule::gather::released_dates;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::outline::Public;

/// A run may take so long after its time; where a schedule has intervals, two of them.
const GRACE: SignedDuration = SignedDuration::from_hours(2);
/// Dates that are looked back at.
const DAYS: i32 = 30;

/// A pipeline whose releases stay away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub pipeline: String,
    /// The newest date that is released as a whole.
    pub newest: Option<ServiceDate>,
    /// Those that should be since then, the oldest first.
    pub dates: BTreeSet<ServiceDate>,
    /// When the first of them should have been.
    pub since: Timestamp,
}

/// The pipelines whose releases stay away.
///
/// # Errors
/// The bucket cannot be read.
pub fn overdue(public: &Public, bucket: &Bucket, now: Timestamp) -> Result<Vec<Overdue>, PublishError> {
    let facts = facts(public);
    let mut found = Vec::new();
    for pipeline in public.pipelines.iter().filter(|pipeline| pipeline.schedule.is_some()) {
        let released = released_dates(bucket, &pipeline.dataset)?;
        found.extend(of_pipeline(&facts, &pipeline.name, &released, now));
    }
    Ok(found)
}

/// What is due of the dates after the newest that is released.
fn of_pipeline(
    facts: &Facts,
    name: &str,
    released: &BTreeMap<ServiceDate, Released>,
    now: Timestamp,
) -> Option<Overdue> {
    let whole = released.iter().filter(|(_, released)| !released.is_provisional);
    let newest = whole.map(|(date, _)| *date).next_back();
    let today = ServiceDay::of(now, &facts.zone).date;
    // Of a pipeline that never released anything only the newest date is missed.
    let first = newest.map_or(today.plus_days(-3), |date| date.plus_days(1)).max(today.plus_days(-DAYS));
    let grace = grace(&facts.pipelines.get(name)?.schedule);
    let mut since = None;
    let mut dates = BTreeSet::new();
    let mut date = first;
    while date <= today {
        let at = due_at(facts, name, date)?;
        if at.saturating_add(grace).is_ok_and(|late| late <= now) {
            since.get_or_insert(at);
            dates.insert(date);
        }
        date = date.plus_days(1);
    }
    if newest.is_none() {
        dates = dates.pop_last().into_iter().collect();
    }
    since.map(|since| Overdue { pipeline: name.to_owned(), newest, dates, since })
}

fn grace(schedule: &Schedule) -> SignedDuration {
    match &schedule.trigger {
        Trigger::Every(every) => SignedDuration::try_from(*every).map_or(GRACE, |every| every * 2),
        Trigger::Times(_) | Trigger::After(_) | Trigger::Nowhere(_) => GRACE,
    }
}

/// The causes of pipelines that are overdue: nobody schedules, if all are.
pub fn causes(overdue: &[Overdue], scheduled: usize) -> Vec<Cause> {
    let since = overdue.iter().map(|overdue| overdue.since).min();
    match since {
        Some(since) if overdue.len() == scheduled => vec![Cause { trouble: Trouble::SchedulerDown, since }],
        _ => overdue.iter().map(cause).collect(),
    }
}

fn cause(overdue: &Overdue) -> Cause {
    let (pipeline, dates) = (overdue.pipeline.clone(), overdue.dates.clone());
    Cause { trouble: Trouble::RunFailed { pipeline, dates, failure: RunFailure::Transient }, since: overdue.since }
}

/// How many pipelines release dates by a schedule.
pub fn scheduled(public: &Public) -> usize {
    public.pipelines.iter().filter(|pipeline| pipeline.schedule.is_some() && !pipeline.is_timetable()).count()
}

fn facts(public: &Public) -> Facts {
    let pipelines = public.pipelines.iter().filter_map(|pipeline| {
        let facts = PipelineFacts {
            schedule: pipeline.schedule.clone()?,
            is_timetable: pipeline.is_timetable(),
            asks: false,
            asked: None,
            asked_failures: 0,
            settings: Mark::default(),
            dates: BTreeMap::new(),
        };
        Some((pipeline.name.clone(), facts))
    });
    let pipelines = pipelines.collect();
    Facts { zone: public.zone.clone(), pipelines, chores: BTreeMap::new(), running: BTreeSet::new(), begun: 0 }
}
