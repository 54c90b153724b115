//! Whether a bucket has what the schedules say it should have: for somebody who watches it from elsewhere, without a private store.
//!
//! What a bucket does not say is whether there is evidence of a date. So of a pipeline that has released nothing, not even
//! provisionally, nothing is overdue: it may begin tomorrow. Whoever watches for longer knows more, see [`Watched`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::notify::cause::RunFailure;
use crate::notify::{Cause, CauseKind, Findings, Trouble};
use crate::pipeline::{Schedule, Trigger};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::schedule::due::due_at;
use crate::schedule::facts::{Facts, MissingFiles, PipelineFacts, ReleaseAct, ReleaseActKind, Released};
use crate::schedule::in_bucket::{InBucket, Names, look_into};
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
    /// The newest that is released provisionally, if that is later.
    pub provisional: Option<ServiceDate>,
    /// Those that should be released as a whole since then, the oldest first. There is one at least.
    pub dates: BTreeSet<ServiceDate>,
    /// When the first of them should have been; never before that date is over.
    pub since: Timestamp,
}

/// A pipeline whose index cannot be read.
#[derive(Debug)]
pub struct Unread {
    pub pipeline: String,
    pub dataset: String,
    pub error: PublishError,
    /// Of the looks one behind the other that could not read it, the time of the first.
    pub since: Timestamp,
}

/// What a look at the bucket has found.
#[derive(Debug, Default)]
pub struct Watched {
    pub overdue: Vec<Overdue>,
    /// What cannot be read.
    pub unread: Vec<Unread>,
    /// Datasets whose index was read.
    pub read: Vec<String>,
    /// Those of which all names were looked at, too.
    pub seen: Vec<String>,
    /// Pipelines that have released nothing: whether they should have is not known.
    pub nothing: Vec<String>,
    /// Pipelines whose dates are all in time.
    pub in_time: Vec<String>,
    /// By dataset, what its indexes name and is not there, and since when that is known.
    pub missing: BTreeMap<String, (MissingFiles, Timestamp)>,
}

/// Looks again and again: what was released once is missed if it is there no more, and a date that began after this did is missed
/// also of a pipeline that never released anything.
#[derive(Debug, Default)]
pub struct Watcher {
    /// By pipeline: the first date that must be released.
    expected: BTreeMap<String, ServiceDate>,
    /// By dataset, the whole bucket without a name: since when it cannot be read.
    unread: BTreeMap<String, Timestamp>,
    /// By dataset: how far its names were looked at, and since when files are missing.
    names: BTreeMap<String, Names>,
    missing: BTreeMap<String, Timestamp>,
}

impl Watcher {
    /// Looks at the bucket.
    ///
    /// # Errors
    /// It is not there, or cannot be opened.
    pub fn look(&mut self, public: &Public, now: Timestamp) -> Result<Watched, PublishError> {
        let bucket = Bucket::open(&public.bucket, &public.bucket_options)?;
        self.unread.remove("");
        let facts = facts(public);
        let today = ServiceDay::of(now, &facts.zone).date;
        let mut watched = Watched::default();
        for pipeline in public.pipelines.iter().filter(|pipeline| is_watched(pipeline)) {
            let name = &pipeline.name;
            let names = self.names.entry(pipeline.dataset.clone()).or_default();
            let (released, acts) = match look_into(&bucket, &pipeline.dataset, names) {
                Ok(InBucket { released, acts, missing, is_seen, .. }) => {
                    watched.seen.extend(is_seen.then(|| pipeline.dataset.clone()));
                    if missing.is_empty() {
                        self.missing.remove(&pipeline.dataset);
                    } else {
                        let since = *self.missing.entry(pipeline.dataset.clone()).or_insert(now);
                        watched.missing.insert(pipeline.dataset.clone(), (missing, since));
                    }
                    (released, acts)
                }
                Err(error) => {
                    let (pipeline, dataset) = (name.clone(), pipeline.dataset.clone());
                    let since = *self.unread.entry(dataset.clone()).or_insert(now);
                    watched.unread.push(Unread { pipeline, dataset, error, since });
                    continue;
                }
            };
            self.unread.remove(&pipeline.dataset);
            watched.read.push(pipeline.dataset.clone());
            let expected = *self.expected.entry(name.clone()).or_insert(today.plus_days(1));
            let first = first_of(&released).unwrap_or(expected);
            self.expected.insert(name.clone(), if released.is_empty() { expected } else { first });
            match of_pipeline(&facts, name, (&released, &acts, first), now) {
                Some(overdue) => watched.overdue.push(overdue),
                None if released.is_empty() => watched.nothing.push(name.clone()),
                None => watched.in_time.push(name.clone()),
            }
        }
        Ok(watched)
    }

    /// What people are told if the bucket is not there.
    pub fn unreadable(&mut self, now: Timestamp) -> Findings {
        let since = *self.unread.entry(String::new()).or_insert(now);
        let trouble = Trouble::BucketUnreadable { dataset: String::new() };
        Findings { causes: vec![Cause { trouble, since }], well: Some(BTreeSet::new()) }
    }
}

/// The first date that must be released as a whole: the one after the newest that is, or else the first that is provisionally.
/// `None` if there is none.
fn first_of(released: &BTreeMap<ServiceDate, Released>) -> Option<ServiceDate> {
    let whole = released.iter().filter(|(_, released)| !released.is_provisional);
    let newest = whole.map(|(date, _)| date.plus_days(1)).next_back();
    newest.or_else(|| released.keys().next().copied())
}

/// What is due of the dates from `first` on.
fn of_pipeline(
    facts: &Facts,
    name: &str,
    (released, acts, first): (&BTreeMap<ServiceDate, Released>, &BTreeMap<ServiceDate, ReleaseAct>, ServiceDate),
    now: Timestamp,
) -> Option<Overdue> {
    let today = ServiceDay::of(now, &facts.zone).date;
    let grace = grace(&facts.pipelines.get(name)?.schedule);
    let is_late = |date: &ServiceDate| {
        let late = due_at(facts, name, *date).and_then(|at| at.checked_add(grace).ok());
        late.is_some_and(|late| late <= now)
    };
    let first = first.max(today.plus_days(-DAYS));
    // Nobody waits for what was withdrawn.
    let is_withdrawn = |date: &ServiceDate| acts.get(date).is_some_and(|act| act.kind == ReleaseActKind::Withdrawn);
    let dates = (0..=DAYS).map(|days| first.plus_days(days)).take_while(|date| *date <= today);
    let dates: BTreeSet<ServiceDate> = dates.filter(|date| is_late(date) && !is_withdrawn(date)).collect();
    let since = due_at(facts, name, *dates.first()?)?;
    let of = |is_provisional| {
        let of = released.iter().filter(move |(_, of)| of.is_provisional == is_provisional);
        of.map(|(date, _)| *date).next_back()
    };
    let (newest, provisional) = (of(false), of(true));
    let provisional = provisional.filter(|date| newest.is_none_or(|newest| newest < *date));
    Some(Overdue { pipeline: name.to_owned(), newest, provisional, dates, since })
}

fn grace(schedule: &Schedule) -> SignedDuration {
    match &schedule.trigger {
        Trigger::Every(every) => SignedDuration::try_from(*every).map_or(GRACE, |every| every * 2),
        Trigger::Times(_) | Trigger::After(_) | Trigger::Nowhere(_) => GRACE,
    }
}

/// What people are told: nobody schedules, if all is overdue. Of pipelines that could not be looked at nothing is known.
pub fn findings(watched: &Watched) -> Findings {
    let Watched { overdue, unread, read, seen, nothing, in_time, missing } = watched;
    let since = overdue.iter().map(|overdue| overdue.since).min();
    let is_all = unread.is_empty() && nothing.is_empty() && in_time.is_empty();
    let mut causes: Vec<Cause> = match since {
        Some(since) if is_all => vec![Cause { trouble: Trouble::SchedulerDown, since }],
        _ => overdue.iter().map(cause).collect(),
    };
    let of_unread = |unread: &Unread| {
        let trouble = Trouble::BucketUnreadable { dataset: unread.dataset.clone() };
        Cause { trouble, since: unread.since }
    };
    causes.extend(unread.iter().map(of_unread));
    causes.extend(missing.iter().map(|(dataset, (missing, since))| {
        let MissingFiles { dates, months } = missing.clone();
        let trouble = Trouble::FilesMissing { dataset: dataset.clone(), dates, months };
        Cause { trouble, since: *since }
    }));
    let mut well: BTreeSet<(CauseKind, String)> = BTreeSet::from([(CauseKind::BucketUnreadable, String::new())]);
    well.extend(in_time.iter().map(|name| (CauseKind::RunFailed, name.clone())));
    for (kind, of) in [(CauseKind::BucketUnreadable, read), (CauseKind::FilesMissing, seen)] {
        well.extend(of.iter().map(|dataset| (kind, dataset.clone())));
    }
    // A single release says that somebody schedules.
    well.extend((!in_time.is_empty()).then(|| (CauseKind::SchedulerDown, String::new())));
    Findings { causes, well: Some(well) }
}

fn cause(overdue: &Overdue) -> Cause {
    let (pipeline, dates) = (overdue.pipeline.clone(), overdue.dates.clone());
    Cause { trouble: Trouble::RunFailed { pipeline, dates, failure: RunFailure::Transient }, since: overdue.since }
}

/// How many pipelines release dates by a schedule.
pub fn scheduled(public: &Public) -> usize {
    public.pipelines.iter().filter(|pipeline| is_watched(pipeline)).count()
}

fn is_watched(pipeline: &crate::pipeline::Pipeline) -> bool {
    pipeline.schedule.is_some() && !pipeline.is_timetable()
}

fn facts(public: &Public) -> Facts {
    let pipelines = public.pipelines.iter().filter_map(|pipeline| {
        let facts = PipelineFacts::of(pipeline.schedule.clone()?, pipeline.is_timetable());
        Some((pipeline.name.clone(), facts))
    });
    Facts { pipelines: pipelines.collect(), ..Facts::none(public.zone.clone()) }
}
