//! Gathers the facts: from the workspace, the evidence, the log, and what the bucket's indexes say is released.
//!
//! It is done again and again, so what is known is not read twice: archives are looked at by their lengths, and the bucket is asked
//! when something may have changed there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hasher;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use crate::capture::CaptureError;
use crate::capture::collector;
use crate::capture::evidence::{Listing, Looked, Store};
use crate::capture::source::Source;
use crate::digest::Digest;
use crate::object_stores::Options;
use crate::pipeline::run::{RunError, evidence_store};
use crate::pipeline::{FeedOrigin, Pipeline};
use crate::publish::bucket::{Bucket, missing_folder};
use crate::schedule::clock;
use crate::schedule::facts::{
    ChoreFacts, DateFacts, Ended, Evidence, Facts, JobKey, Mark, PipelineFacts, ReleaseAct, Trouble,
};
use crate::schedule::gone::refuse_gone;
use crate::schedule::in_bucket::{InBucket, Names, look_into};
use crate::schedule::log::{ChoreDone, Log};
use crate::schedule::trouble::trouble;
use crate::time::{self, ServiceDate, ServiceDay};
use crate::workspace::Workspace;

mod gaps;
mod look;
mod marks;
mod without_bucket;

use self::look::{FeedHours, Look};
pub(super) use self::marks::mark_of_configuration;
use self::marks::{common_settings, configured_at, hour_of, marked, settings_of, within};
pub use self::without_bucket::Candidate;

/// How old what is known of the bucket may be: others may publish to it, too.
const BUCKET_AGE: Duration = Duration::from_secs(600);
/// How old what is known of the evidence of old dates may be.
const OLD_AGE: Duration = Duration::from_secs(3600);
/// Hours of sources of which it is remembered whether they have a capture.
const MOST_BODIES: usize = 20_000;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Days before the oldest date that may be run, whose evidence it reads.
const DAYS_BEFORE: i32 = 3;

/// What is remembered from one look to the next.
#[derive(Default)]
pub struct Gatherer {
    looked: Looked,
    /// The captures of timetables, by the folder and the source.
    captures: HashMap<(PathBuf, String), Captures>,
    /// The captures of archives in other layouts, counted by hour.
    others: HashMap<(PathBuf, String), (u64, BTreeMap<Timestamp, u64>)>,
    /// Which of them were looked at in this look.
    others_looked: HashSet<(PathBuf, String)>,
    /// Whether an hour of a source has a capture, and the bytes of which that was found.
    bodies: HashMap<(PathBuf, String, Timestamp), (u64, bool)>,
    /// The newest captures of sources of which nothing is remembered, by the folder and the source.
    newest: HashMap<(PathBuf, String), Option<Timestamp>>,
    /// The evidence of dates before those that are run by themselves, by the pipeline.
    old: HashMap<String, Old>,
    /// Dates without a capture of which it was looked whether a run tells what is missing.
    gaps: gaps::Gaps,
    bucket: Option<((String, Options), Bucket)>,
    /// The bucket is not asked: it cannot be had.
    is_without_bucket: bool,
    in_bucket: BTreeMap<String, (Instant, Arc<InBucket>)>,
    /// How far the names of each dataset were looked at.
    names: BTreeMap<String, Names>,
}

/// The evidence of old dates that are not released, and what it was looked up by.
struct Old {
    at: Instant,
    mark: Mark,
    in_bucket: Arc<InBucket>,
    dates: Vec<(ServiceDate, Evidence)>,
}

/// What people did to releases, by pipeline and date.
pub type ActsByPipeline = BTreeMap<String, BTreeMap<ServiceDate, ReleaseAct>>;

/// When something was captured, and what.
type Captured = (Timestamp, Digest);

/// The captures of a source, by hour, and how long each hour's archives were when they were read.
#[derive(Default)]
struct Captures(BTreeMap<Timestamp, (u64, Vec<Captured>)>);

impl Gatherer {
    /// All facts as they are now.
    ///
    /// # Errors
    /// Evidence cannot be read, or the bucket cannot be had. An index in it that cannot be read is a trouble of its pipeline.
    pub fn gather(
        &mut self,
        workspace: &Workspace,
        log: &Log,
        running: &BTreeSet<JobKey>,
        now: Timestamp,
    ) -> Result<Facts, RunError> {
        self.others_looked.clear();
        if self.bodies.len() > MOST_BODIES {
            self.bodies.clear();
        }
        let owned = collector::owned(&workspace.private);
        let settings = common_settings(workspace);
        let mut pipelines = BTreeMap::new();
        let mut troubles = Vec::new();
        for pipeline in &workspace.pipelines {
            let Some(schedule) = &pipeline.schedule else { continue };
            let dates = match self.dates(workspace, pipeline, log, now) {
                Ok(dates) => dates,
                Err(error) => {
                    troubles.push(trouble(pipeline, error)?);
                    BTreeMap::new()
                }
            };
            let asked = log.tried(&JobKey { pipeline: pipeline.name.clone(), date: None });
            let facts = PipelineFacts {
                schedule: schedule.clone(),
                is_timetable: pipeline.is_timetable(),
                asks: pipeline.is_timetable() && is_asked_by_nobody(pipeline, &owned),
                asked: asked.map(|tried| tried.attempt.clone()),
                asked_failures: asked.map_or(0, |tried| tried.failures),
                settings: settings_of(&settings, pipeline),
                dates,
            };
            pipelines.insert(pipeline.name.clone(), facts);
        }
        // A file of a later time tells nothing.
        let changed = configured_at(&workspace.root).filter(|at| *at <= now);
        let begun = |done: &ChoreDone| {
            let took = SignedDuration::try_from_secs_f64(done.chore.seconds).unwrap_or_default();
            done.at.saturating_sub(took).unwrap_or(done.at)
        };
        let chores = workspace.chores.iter().map(|chore| {
            let done = log.chores.get(chore.name);
            let facts = ChoreFacts {
                times: chore.times.clone(),
                running_since: None,
                ended: done.map(|done| Ended { at: done.at, outcome: done.chore.outcome }),
                failures: done.map_or(0, |done| done.failures),
                is_changed: done.is_some_and(|done| changed.is_some_and(|changed| changed > begun(done))),
            };
            (chore.name.to_owned(), facts)
        });
        let chores = chores.collect();
        let (zone, running) = (workspace.zone.clone(), running.clone());
        let releases = self.in_bucket.iter().filter_map(|(dataset, (_, of))| Some((dataset.as_str(), of.newest?)));
        let clock = clock::behind(now, log, releases);
        let missing = self.in_bucket.iter().filter(|(_, (_, of))| !of.missing.is_empty());
        let missing = missing.map(|(dataset, (_, of))| (dataset.clone(), of.missing.clone())).collect();
        let unseen = self.in_bucket.iter().filter(|(_, (_, of))| !of.is_seen);
        let unseen = unseen.map(|(dataset, _)| dataset.clone()).collect();
        Ok(Facts { zone, pipelines, chores, troubles, running, missing, unseen, clock, begun: log.begun })
    }

    /// What people did to releases of pipelines that have no schedule, by the pipeline, for who only tells: what is due stands on none.
    ///
    /// # Errors
    /// The bucket cannot be had. An index in it that cannot be read is a trouble of its pipeline.
    pub fn unscheduled_acts(
        &mut self,
        workspace: &Workspace,
        log: &Log,
    ) -> Result<(ActsByPipeline, Vec<Trouble>), RunError> {
        let (mut acts, mut troubles) = (BTreeMap::new(), Vec::new());
        for pipeline in workspace.pipelines.iter().filter(|pipeline| pipeline.schedule.is_none()) {
            match self.in_bucket(workspace, &pipeline.dataset, log) {
                Ok(of) => _ = acts.insert(pipeline.name.clone(), of.acts.clone()),
                Err(error) => troubles.push(trouble(pipeline, error)?),
            }
        }
        Ok((acts, troubles))
    }

    /// What is known of the dates of a pipeline.
    fn dates(
        &mut self,
        workspace: &Workspace,
        pipeline: &Pipeline,
        log: &Log,
        now: Timestamp,
    ) -> Result<BTreeMap<ServiceDate, DateFacts>, RunError> {
        let Some(schedule) = &pipeline.schedule else { return Ok(BTreeMap::new()) };
        let in_bucket = self.in_bucket(workspace, &pipeline.dataset, log)?;
        let today = ServiceDate::local_date_of(now, &workspace.zone);
        let days = i32::from(schedule.catch_up.max(schedule.late)) + DAYS_BEFORE;
        let first = today.plus_days(-days);
        let look = Look { workspace, pipeline, log, in_bucket: &in_bucket, first, now };
        let evidence = self.evidence(&look)?;
        Ok(look.dates(evidence))
    }

    /// Forgets what is known of the bucket, if that is older.
    pub fn look_at_bucket_again(&mut self, age: Duration) {
        self.in_bucket.retain(|_, (at, _)| at.elapsed() < age);
    }

    /// Forgets what is known of one dataset in the bucket.
    pub(super) fn look_at_dataset_again(&mut self, dataset: &str) {
        self.in_bucket.remove(dataset);
    }

    /// The newest date of which the bucket is known to have a current file.
    pub fn newest_release(&self) -> Option<ServiceDate> {
        self.in_bucket.values().filter_map(|(_, of)| of.released.keys().next_back()).max().copied()
    }

    /// What the bucket has of a dataset, as it was seen ten minutes ago at the most.
    fn in_bucket(&mut self, workspace: &Workspace, dataset: &str, log: &Log) -> Result<Arc<InBucket>, RunError> {
        // Of another bucket nothing is known yet.
        let place = || (workspace.bucket.clone(), workspace.bucket_options.clone());
        if self.bucket.as_ref().is_some_and(|(known, _)| *known != place()) {
            self.bucket = None;
            self.in_bucket.clear();
            self.names.clear();
        }
        if let Some((at, in_bucket)) = self.in_bucket.get(dataset)
            && at.elapsed() < BUCKET_AGE
        {
            return Ok(in_bucket.clone());
        }
        if self.is_without_bucket {
            return Ok(Arc::default());
        }
        if missing_folder(&workspace.bucket).is_some() {
            refuse_gone(&workspace.root, &workspace.private, &workspace.bucket, log)?;
            // The first run makes it.
            self.bucket = None;
            return Ok(Arc::default());
        }
        if self.bucket.is_none() {
            let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
            self.bucket = Some((place(), bucket));
        }
        let Some((_, bucket)) = &self.bucket else { return Ok(Arc::default()) };
        let mut in_bucket = look_into(bucket, dataset, self.names.entry(dataset.to_owned()).or_default())?;
        // What its index names alone is not there for anybody.
        let InBucket { released, missing, .. } = &mut in_bucket;
        released.retain(|date, _| !missing.dates.contains(date));
        let in_bucket = Arc::new(in_bucket);
        self.in_bucket.insert(dataset.to_owned(), (Instant::now(), in_bucket.clone()));
        Ok(in_bucket)
    }

    /// What evidence there is of the dates that may be run, and of older ones that were never released.
    fn evidence(&mut self, look: &Look<'_>) -> Result<BTreeMap<ServiceDate, Evidence>, RunError> {
        let Look { workspace, pipeline, first, now, .. } = *look;
        let begin = ServiceDay::new(first, &workspace.zone).evidence.start;
        let span = begin..now.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
        if pipeline.is_timetable() {
            return Ok(self.timetables(look, &span)?);
        }
        let today = ServiceDate::local_date_of(now, &workspace.zone);
        let feeds = self.feeds(look, &span)?;
        let mut found = self.old(look)?;
        let mut date = first;
        while date <= today {
            let evidence = match self.of_date(look, &feeds, date)? {
                Some(evidence) => Some(evidence),
                None => self.gaps.of_date(look, &feeds, date, &mut self.looked)?,
            };
            found.extend(evidence.map(|evidence| (date, evidence)));
            date = date.plus_days(1);
        }
        Ok(found)
    }

    /// What the feeds of a pipeline have of a time, by hour.
    fn feeds<'a>(&mut self, look: &Look<'a>, span: &Range<Timestamp>) -> Result<Vec<FeedHours<'a>>, CaptureError> {
        let mut feeds = Vec::new();
        for feed in &look.pipeline.feeds {
            let store = evidence_store(look.workspace, &feed.from);
            let mut hours = store.bytes_by_hour(&feed.name, span.start, span.end, &mut self.looked)?;
            let others = self.hours_of_others(&store, &feed.from, (&feed.name, span))?;
            let of_others = others.keys().next_back().and_then(|hour| hour.checked_add(HOUR).ok());
            for (hour, captures) in others {
                *hours.entry(hour).or_default() += captures;
            }
            let folder = folder_of(look.workspace, &feed.from);
            let (newest, _) = store.known(&feed.name);
            let health = store.health(&feed.name);
            // That nothing is new is an answer, too.
            let answered = health.and_then(|health| health.last_good);
            let kept = newest.map(|newest| newest.captured_at).into_iter().chain(answered).max();
            let kept = kept.or_else(|| self.newest_of(&store, &folder, &feed.name));
            // A clock that was wrong tells nothing of its bodies.
            let kept = kept.filter(|at| *at < time::future(look.now)).max(of_others);
            let bodies_until = if health.is_some() { kept.unwrap_or(Timestamp::MIN) } else { Timestamp::MAX };
            feeds.push(FeedHours { store, folder, source: &feed.name, hours, bodies_until });
        }
        Ok(feeds)
    }

    /// The newest capture that was there before anything was remembered of a source, as of an import; looked for once.
    fn newest_of(&mut self, store: &Store, folder: &Path, source: &str) -> Option<Timestamp> {
        let key = (folder.to_owned(), source.to_owned());
        *self.newest.entry(key).or_insert_with(|| store.newest_capture(source))
    }

    /// The evidence of a date, if there is any.
    fn of_date(
        &mut self,
        look: &Look<'_>,
        feeds: &[FeedHours<'_>],
        date: ServiceDate,
    ) -> Result<Option<Evidence>, CaptureError> {
        let day = ServiceDay::new(date, &look.workspace.zone);
        let mut is_there = false;
        for feed in feeds {
            is_there = is_there || self.has_captures(feed, &day.reports)?;
        }
        if !is_there {
            return Ok(None);
        }
        // A run before noon of the next day reads what came until the date was over.
        let end = if look.now < day.evidence.end { day.window.end } else { day.evidence.end };
        let mut hash = Xxh3::new();
        for feed in feeds {
            hash.write(feed.source.as_bytes());
            for (hour, state) in marked(&feed.hours, feed.bodies_until, &(day.evidence.start..end), look.now) {
                hash.write_i64(hour.as_second());
                hash.write_u64(state);
            }
        }
        Ok(Some(Evidence { mark: Mark(hash.finish()), since: day.reports.start }))
    }

    /// Whether a feed has a capture of a time. A collector leaves notes, too: that it began, that a source did not answer. Behind the
    /// newest capture that is known there may be nothing else, so these archives are looked into, until one has a capture.
    fn has_captures(&mut self, feed: &FeedHours<'_>, span: &Range<Timestamp>) -> Result<bool, CaptureError> {
        let is_known = feed.bodies_until >= span.start;
        for (hour, bytes) in within(&feed.hours, span).filter(|(_, bytes)| *bytes > 0) {
            if is_known {
                return Ok(true);
            }
            let key = (feed.folder.clone(), feed.source.to_owned(), hour);
            let known = self.bodies.get(&key).copied().filter(|(known, has_body)| *has_body || *known == bytes);
            let has_body = match known {
                Some((_, has_body)) => has_body,
                None => {
                    let listing = feed.store.of_hour(feed.source, hour)?;
                    // What is damaged may have been one.
                    !listing.entries.is_empty() || !listing.damage.is_empty()
                }
            };
            self.bodies.insert(key, (bytes, has_body));
            if has_body {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The evidence of dates before the first that is looked at in any case: of those that were never released, or are not in the
    /// bucket any more.
    fn old(&mut self, look: &Look<'_>) -> Result<BTreeMap<ServiceDate, Evidence>, RunError> {
        let Look { workspace, pipeline, first, .. } = *look;
        let mut days: BTreeSet<ServiceDate> = BTreeSet::new();
        let mut hash = Xxh3::new();
        hash.write(first.to_string().as_bytes());
        for feed in &pipeline.feeds {
            let store = evidence_store(workspace, &feed.from);
            let of_feed = store.days(&feed.name, &mut self.looked)?;
            let others = self.hours_of_others(&store, &feed.from, (&feed.name, &(Timestamp::MIN..look.now)))?;
            let others = others.keys().map(|hour| ServiceDate::local_date_of(*hour, &workspace.zone));
            for day in of_feed.into_iter().map(ServiceDate).chain(others) {
                hash.write_i32(day.days_since_epoch());
                days.insert(day);
            }
        }
        let mark = Mark(hash.finish());
        let is_wanted = |date: &ServiceDate| *date < first && look.may_be_run(*date);
        if let Some(old) = self.old.get_mut(&pipeline.name)
            && (old.mark, old.at.elapsed() < OLD_AGE) == (mark, true)
            && old.in_bucket == *look.in_bucket
        {
            // What is the same is held once.
            old.in_bucket = look.in_bucket.clone();
            return Ok(old.dates.iter().filter(|(date, _)| is_wanted(date)).copied().collect());
        }
        // Days of archives are those of UTC.
        let near = days.iter().flat_map(|day| [day.plus_days(-1), *day, day.plus_days(1)]);
        let dates: BTreeSet<ServiceDate> = near.filter(is_wanted).collect();
        let mut found = BTreeMap::new();
        for date in dates {
            let feeds = self.feeds(look, &ServiceDay::new(date, &workspace.zone).evidence)?;
            found.extend(self.of_date(look, &feeds, date)?.map(|evidence| (date, evidence)));
        }
        let dates = found.iter().map(|(date, evidence)| (*date, *evidence)).collect();
        let old = Old { at: Instant::now(), mark, in_bucket: look.in_bucket.clone(), dates };
        self.old.insert(pipeline.name.clone(), old);
        Ok(found)
    }

    /// The captures of a feed in archives of other layouts, by hour.
    fn hours_of_others(
        &mut self,
        store: &Store,
        from: &FeedOrigin,
        (source, span): (&str, &Range<Timestamp>),
    ) -> Result<BTreeMap<Timestamp, u64>, CaptureError> {
        let FeedOrigin::Evidence(folder) = from else { return Ok(BTreeMap::new()) };
        let key = (folder.path.clone(), source.to_owned());
        // All of the folder is gone through: once in a look.
        if !self.others_looked.insert(key.clone()) {
            return Ok(self.others.get(&key).map(|(_, hours)| hours.clone()).unwrap_or_default());
        }
        let Some(mark) = store.mark_of_others(source)? else {
            self.others.remove(&key);
            return Ok(BTreeMap::new());
        };
        if let Some((known, hours)) = self.others.get(&key)
            && *known == mark
        {
            return Ok(hours.clone());
        }
        let mut hours = BTreeMap::new();
        for entry in store.of_others(source, Timestamp::MIN, span.end)?.entries {
            *hours.entry(hour_of(entry.captured_at)).or_default() += 1;
        }
        self.others.insert(key, (mark, hours.clone()));
        Ok(hours)
    }

    /// The dates on which another timetable was captured than before, and the last of each; and the newest of all, however old.
    fn timetables(
        &mut self,
        look: &Look<'_>,
        span: &Range<Timestamp>,
    ) -> Result<BTreeMap<ServiceDate, Evidence>, CaptureError> {
        let Look { workspace, pipeline, .. } = *look;
        let Some(feed) = pipeline.feeds.first() else { return Ok(BTreeMap::new()) };
        let store = evidence_store(workspace, &feed.from);
        let folder = folder_of(workspace, &feed.from);
        let mut hours = store.bytes_by_hour(&feed.name, span.start, span.end, &mut self.looked)?;
        for date in look.missing_before() {
            let day = ServiceDay::new(date, &workspace.zone).reports;
            hours.append(&mut store.bytes_by_hour(&feed.name, day.start, day.end, &mut self.looked)?);
        }
        let known = self.captures.entry((folder, feed.name.clone())).or_default();
        known.0.retain(|hour, (bytes, _)| hours.get(hour) == Some(bytes));
        for (hour, bytes) in hours {
            if let std::collections::btree_map::Entry::Vacant(place) = known.0.entry(hour) {
                place.insert((bytes, captured(&store.of_hour(&feed.name, hour)?)));
            }
        }
        let mut all: Vec<Captured> = known.0.values().flat_map(|(_, captured)| captured).copied().collect();
        if store.mark_of_others(&feed.name)?.is_some() {
            all.extend(captured(&store.of_others(&feed.name, span.start, span.end)?));
        }
        let newest = store.known(&feed.name).0.map(|newest| (newest.captured_at, newest.digest));
        all.extend(newest.filter(|(at, _)| *at < span.start));
        all.sort_by_key(|(at, _)| *at);
        let mut dates = BTreeMap::new();
        let mut before = None;
        for (at, digest) in all {
            if before.replace(digest) != Some(digest) {
                let mut hash = Xxh3::new();
                hash.write(digest.to_string().as_bytes());
                let evidence = Evidence { mark: Mark(hash.finish()), since: at };
                dates.insert(ServiceDate::local_date_of(at, &workspace.zone), evidence);
            }
        }
        Ok(dates)
    }
}

/// Where the evidence of a feed is kept.
fn folder_of(workspace: &Workspace, from: &FeedOrigin) -> PathBuf {
    match from {
        FeedOrigin::Evidence(folder) => folder.path.clone(),
        FeedOrigin::Source(_) | FeedOrigin::Unknown => workspace.private.clone(),
    }
}

fn captured(listing: &Listing) -> Vec<Captured> {
    listing.entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect()
}

/// Whether a timetable has a source that no collector asks.
fn is_asked_by_nobody(pipeline: &Pipeline, owned: &BTreeSet<String>) -> bool {
    pipeline.feeds.iter().any(|feed| match &feed.from {
        FeedOrigin::Source(source) => !matches!(source, Source::Mqtt { .. }) && !owned.contains(&feed.name),
        FeedOrigin::Evidence(_) | FeedOrigin::Unknown => false,
    })
}
