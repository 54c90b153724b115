//! Gathers the facts: from the workspace, the evidence, the log, and what the bucket's indexes say is released.
//!
//! It is done again and again, so what is known is not read twice: archives are looked at by their lengths, and the bucket is asked
//! when something may have changed there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::hash::Hasher;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use crate::capture::CaptureError;
use crate::capture::collector;
use crate::capture::evidence::{Listing, Looked, Store};
use crate::capture::source::Source;
use crate::decision;
use crate::digest::Digest;
use crate::pipeline::run::{RunError, evidence_store};
use crate::pipeline::{FeedOrigin, Pipeline, Schedule};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::schedule::facts::{ChoreFacts, DateFacts, Ended, Evidence, Facts, JobKey, Mark, PipelineFacts, Released};
use crate::schedule::log::Log;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::{self, Workspace};

/// How old what is known of the bucket may be: others may publish to it, too.
const BUCKET_AGE: Duration = Duration::from_secs(600);
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
    bucket: Option<(String, Bucket)>,
    released: BTreeMap<String, (Instant, BTreeMap<ServiceDate, Released>)>,
}

/// When something was captured, and what.
type Captured = (Timestamp, Digest);

/// The captures of a source, by hour, and how long each hour's archives were when they were read.
#[derive(Default)]
struct Captures(BTreeMap<Timestamp, (u64, Vec<Captured>)>);

impl Gatherer {
    /// All facts as they are now.
    ///
    /// # Errors
    /// Evidence or the bucket cannot be read.
    pub fn gather(
        &mut self,
        workspace: &Workspace,
        log: &Log,
        running: &BTreeSet<JobKey>,
        now: Timestamp,
    ) -> Result<Facts, RunError> {
        let owned = collector::owned(&workspace.private);
        let settings = common_settings(workspace);
        let mut pipelines = BTreeMap::new();
        for pipeline in &workspace.pipelines {
            let Some(schedule) = &pipeline.schedule else { continue };
            let mut dates = BTreeMap::new();
            let released = self.released(workspace, &pipeline.dataset)?;
            for (date, evidence) in self.evidence(workspace, (pipeline, schedule), now)? {
                let released = released.get(&date).copied();
                dates.insert(date, DateFacts { evidence: Some(evidence), released, ..DateFacts::default() });
            }
            for (key, tried) in log.all().filter(|(key, _)| key.pipeline == pipeline.name) {
                let Some(date) = key.date else { continue };
                let of: &mut DateFacts = dates.entry(date).or_default();
                of.attempt = Some(tried.attempt.clone());
                of.failures = tried.failures;
            }
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
        let chores = workspace.chores.iter().map(|chore| {
            let done = log.chores.get(chore.name);
            let facts = ChoreFacts {
                times: chore.times.clone(),
                is_running: false,
                ended: done.map(|done| Ended { at: done.at, outcome: done.chore.outcome }),
                failures: done.map_or(0, |done| done.failures),
            };
            (chore.name.to_owned(), facts)
        });
        let chores = chores.collect();
        Ok(Facts { zone: workspace.zone.clone(), pipelines, chores, running: running.clone(), begun: log.begun })
    }

    /// Forgets what is known of the bucket, if that is older.
    pub fn look_at_bucket_again(&mut self, age: Duration) {
        self.released.retain(|_, (at, _)| at.elapsed() < age);
    }

    /// The newest date of which the bucket is known to have a current file.
    pub fn newest_release(&self) -> Option<ServiceDate> {
        self.released.values().filter_map(|(_, dates)| dates.keys().next_back()).max().copied()
    }

    /// The dates of a dataset that have a current file of any table, as they were seen ten minutes ago at the most.
    fn released(&mut self, workspace: &Workspace, dataset: &str) -> Result<BTreeMap<ServiceDate, Released>, RunError> {
        if let Some((at, released)) = self.released.get(dataset)
            && at.elapsed() < BUCKET_AGE
        {
            return Ok(released.clone());
        }
        if self.bucket.as_ref().is_none_or(|(location, _)| *location != workspace.bucket) {
            let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
            self.bucket = Some((workspace.bucket.clone(), bucket));
        }
        let Some((_, bucket)) = &self.bucket else { return Ok(BTreeMap::new()) };
        let released = released_dates(bucket, dataset)?;
        self.released.insert(dataset.to_owned(), (Instant::now(), released.clone()));
        Ok(released)
    }

    /// What evidence there is of the dates that may be run.
    fn evidence(
        &mut self,
        workspace: &Workspace,
        (pipeline, schedule): (&Pipeline, &Schedule),
        now: Timestamp,
    ) -> Result<BTreeMap<ServiceDate, Evidence>, RunError> {
        let today = ServiceDate::local_date_of(now, &workspace.zone);
        let days = i32::from(schedule.catch_up.max(schedule.late)) + DAYS_BEFORE;
        let dates: Vec<ServiceDate> = (0..=days).rev().map(|back| today.plus_days(-back)).collect();
        let Some(first) = dates.first() else { return Ok(BTreeMap::new()) };
        let begin = ServiceDay::new(*first, &workspace.zone).evidence.start;
        let span = begin..now.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
        if pipeline.is_timetable() {
            return Ok(self.timetables(workspace, pipeline, &span)?);
        }
        let mut hours: Vec<BTreeMap<Timestamp, u64>> = Vec::new();
        for feed in &pipeline.feeds {
            let store = evidence_store(workspace, &feed.from);
            let mut of_feed = store.bytes_by_hour(&feed.name, span.start, span.end, &mut self.looked)?;
            for (hour, captures) in self.hours_of_others(&store, &feed.from, (&feed.name, &span))? {
                *of_feed.entry(hour).or_default() += captures;
            }
            hours.push(of_feed);
        }
        let of_date = |date: &ServiceDate| {
            let day = ServiceDay::new(*date, &workspace.zone);
            let is_there = hours.iter().any(|hours| within(hours, &day.reports).any(|(_, bytes)| bytes > 0));
            // A run before noon of the next day reads what came until the date was over.
            let end = if now < day.evidence.end { day.window.end } else { day.evidence.end };
            let mut hash = Xxh3::new();
            for (feed, hours) in pipeline.feeds.iter().zip(&hours) {
                hash.write(feed.name.as_bytes());
                for (hour, bytes) in within(hours, &(day.evidence.start..end)) {
                    hash.write_i64(hour.as_second());
                    hash.write_u64(bytes);
                }
            }
            is_there.then(|| (*date, Evidence { mark: Mark(hash.finish()), since: day.reports.start }))
        };
        Ok(dates.iter().filter_map(of_date).collect())
    }

    /// The captures of a feed in archives of other layouts, by hour.
    fn hours_of_others(
        &mut self,
        store: &Store,
        from: &FeedOrigin,
        (source, span): (&str, &Range<Timestamp>),
    ) -> Result<BTreeMap<Timestamp, u64>, CaptureError> {
        let (FeedOrigin::Evidence(folder), Some(mark)) = (from, store.mark_of_others(source)?) else {
            return Ok(BTreeMap::new());
        };
        let key = (folder.path.clone(), source.to_owned());
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

    /// The dates on which another timetable was captured than before, and the last of each.
    fn timetables(
        &mut self,
        workspace: &Workspace,
        pipeline: &Pipeline,
        span: &Range<Timestamp>,
    ) -> Result<BTreeMap<ServiceDate, Evidence>, CaptureError> {
        let Some(feed) = pipeline.feeds.first() else { return Ok(BTreeMap::new()) };
        let store = evidence_store(workspace, &feed.from);
        let folder = match &feed.from {
            FeedOrigin::Evidence(folder) => folder.path.clone(),
            FeedOrigin::Source(_) | FeedOrigin::Unknown => workspace.private.clone(),
        };
        let known = self.captures.entry((folder, feed.name.clone())).or_default();
        let hours = store.bytes_by_hour(&feed.name, span.start, span.end, &mut self.looked)?;
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
        all.sort_by_key(|(at, _)| *at);
        let mut dates = BTreeMap::new();
        let mut before = None;
        for (at, digest) in all {
            if before.replace(digest) != Some(digest) {
                let mut hash = Xxh3::new();
                hash.write(digest.to_string().as_bytes());
                let evidence = Evidence { mark: Mark(hash.finish()), since: hour_of(at) };
                dates.insert(ServiceDate::local_date_of(at, &workspace.zone), evidence);
            }
        }
        Ok(dates)
    }
}

/// The dates of a dataset that have a current file of any table.
///
/// # Errors
/// The bucket cannot be read.
pub fn released_dates(bucket: &Bucket, dataset: &str) -> Result<BTreeMap<ServiceDate, Released>, PublishError> {
    let mut released: BTreeMap<ServiceDate, Released> = BTreeMap::new();
    for table in bucket.folders(&format!("meta/{dataset}"))? {
        let Some(index) = index::current(bucket, dataset, &table)? else { continue };
        for file in &index.files {
            let of = released.entry(file.partition_date).or_insert(Released { is_provisional: file.provisional });
            of.is_provisional &= file.provisional;
        }
    }
    Ok(released)
}

fn captured(listing: &Listing) -> Vec<Captured> {
    listing.entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect()
}

fn hour_of(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(at)
}

/// The hours that have a part in a span.
fn within<'a>(
    hours: &'a BTreeMap<Timestamp, u64>,
    span: &Range<Timestamp>,
) -> impl Iterator<Item = (Timestamp, u64)> + use<'a> {
    let begin = hour_of(span.start);
    hours.range(begin..span.end.max(begin)).map(|(hour, bytes)| (*hour, *bytes))
}

/// Whether a timetable has a source that no collector asks.
fn is_asked_by_nobody(pipeline: &Pipeline, owned: &BTreeSet<String>) -> bool {
    pipeline.feeds.iter().any(|feed| match &feed.from {
        FeedOrigin::Source(source) => !matches!(source, Source::Mqtt { .. }) && !owned.contains(&feed.name),
        FeedOrigin::Evidence(_) | FeedOrigin::Unknown => false,
    })
}

/// What decides how any pipeline is run: the configuration, contracts, mappings, decisions.
fn common_settings(workspace: &Workspace) -> Xxh3 {
    let mut hash = Xxh3::new();
    let mut files = vec![workspace.root.join(workspace::FILE)];
    for folder in ["schemas", "mappings"] {
        files.append(&mut files_below(&workspace.root.join(folder)));
    }
    files.append(&mut decision::files(&workspace.private));
    files.iter().for_each(|file| stamp(&mut hash, file));
    hash
}

fn settings_of(common: &Xxh3, pipeline: &Pipeline) -> Mark {
    let mut hash = common.clone();
    stamp(&mut hash, &pipeline.file);
    Mark(hash.finish())
}

/// Adds what tells one version of a file from the next.
fn stamp(hash: &mut Xxh3, file: &Path) {
    hash.write(file.as_os_str().as_encoded_bytes());
    if let Ok(metadata) = fs::metadata(file) {
        hash.write_u64(metadata.len());
        hash.write_i64(metadata.mtime());
        hash.write_i64(metadata.mtime_nsec());
    }
}

/// All files below a folder, in the order of their paths; links to folders are not followed.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort_unstable();
    found
}

/// Tells one state of the files that say which pipelines there are and when they are run from the next.
pub(super) fn mark_of_configuration(root: &Path) -> Mark {
    let mut hash = Xxh3::new();
    stamp(&mut hash, &root.join(workspace::FILE));
    files_below(&root.join("pipelines")).iter().for_each(|file| stamp(&mut hash, file));
    Mark(hash.finish())
}
