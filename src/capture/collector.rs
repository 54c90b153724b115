//! The collector: asks sources once or on a steady beat, and keeps what they gave as evidence.
//!
//! [`Collector::once`] asks each source on a thread of its own and keeps what is new. A [`Service`] asks sources on their grids
//! ([`crate::capture::beat`]) for years: one that is dead, slow or rate-limited delays no other, a beat that comes while the answer to
//! the last one is still awaited is skipped, never made up for, and every beat leaves a record.

mod backlog;
mod follower;
mod lock;
mod sealer;
mod service;
mod task;
mod writer;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::lock::{CollectorLock, owned, owned_since, work};
pub use self::service::{Scheduled, Service};
use crate::capture::beat::Grid;
use crate::capture::evidence::Store;
use crate::capture::payload::{self, Wanted};
use crate::capture::record::NewRecord;
use crate::capture::source::{self, FetchOptions, FetchOutcome, Fetched, Policy, Source, Validators};
use crate::capture::{Capture, CaptureError};
use crate::digest::Digest;
use crate::durable;

/// Where sources are asked once, a try that fails later than this after the first began is the last.
const LAST_TRY: Duration = Duration::from_secs(60);
/// Between two looks whether all is to stop.
const TURN: Duration = Duration::from_millis(50);
/// For how long after the end of a collector an answer that is under way is awaited.
pub const GRACE: Duration = Duration::from_secs(3);
/// For how long a run that captures itself waits for a message, whose source does not say otherwise: an older one tells
/// where the buses were.
const MESSAGE_FOR_RUN: Duration = Duration::from_secs(60);
/// For how long an answer is awaited at least, however often the source is asked.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(10);
/// For how long 304 is believed of realtime feeds: an hour without a change is rare where buses run.
pub const REALTIME_UNCHANGED: SignedDuration = SignedDuration::from_hours(1);
/// For how long 304 is believed of timetables, which change every few days: a wrong one costs a day, the test one download.
pub const TIMETABLE_UNCHANGED: SignedDuration = SignedDuration::from_hours(24);

/// A source under the name that its evidence has.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    pub name: String,
    pub source: Source,
    /// What it is to give.
    pub wanted: Wanted,
    /// After nothing but "not modified" for so long it is asked without conditions, once.
    pub unchanged: SignedDuration,
}

impl Collected {
    /// For how long an answer to a beat is awaited, all tries together: that of messages a minute where nothing else was set.
    pub fn patience(&self) -> Duration {
        match (&self.source, self.wanted.is_telemetry()) {
            (Source::File { .. }, _) => MESSAGE_FOR_RUN,
            (_, true) => self.patience_of_run(),
            (_, false) => Policy::default().total_timeout.saturating_mul(12),
        }
    }

    /// The same of a source that is asked so often: an answer that takes longer than two beats tells where the buses were, and costs
    /// those that come meanwhile. What was set is kept to.
    fn patience_at(&self, every: Duration) -> Duration {
        match self.patience() {
            MESSAGE_FOR_RUN => every.saturating_mul(2).clamp(SHORTEST_PATIENCE, MESSAGE_FOR_RUN),
            set => set,
        }
    }

    /// For how long a run waits for it, all tries together: the `total_timeout` of one try. That of messages is a minute
    /// where nothing else was set.
    fn patience_of_run(&self) -> Duration {
        let unset = Policy::default().total_timeout;
        match (&self.source, self.wanted) {
            (Source::Http { policy, .. } | Source::S3 { policy, .. }, wanted) => match wanted {
                wanted if wanted.is_telemetry() && policy.total_timeout == unset => MESSAGE_FOR_RUN,
                _ => policy.total_timeout,
            },
            (Source::File { .. } | Source::Mqtt { .. }, _) => unset,
        }
    }
}

/// How often sources are asked.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    pub every: Duration,
    /// No ask begins later than this after the start, and what is still awaited then has [`GRACE`]; without it, until
    /// somebody stops it.
    pub duration: Option<Duration>,
}

/// What came of one ask.
#[derive(Debug)]
pub enum Outcome {
    /// Kept as evidence.
    New {
        bytes: u64,
        digest: Digest,
        /// What it is, for people, if it is something else than is wanted of the source.
        unreadable: Option<String>,
    },
    /// The source has what we have.
    NotModified,
    Failed(CaptureError),
}

impl Outcome {
    /// Whether it failed and may succeed if tried again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Failed(error) if !matches!(error, CaptureError::Permanent { .. }))
    }
}

/// One ask of one source.
#[derive(Debug)]
pub struct Report {
    pub name: String,
    pub asked_at: Timestamp,
    pub took: Duration,
    pub outcome: Outcome,
    /// Beats after this ask that are skipped, as its answer took too long or the source asked to be left alone.
    pub skipped: u64,
    /// The source asked to be left alone (`Retry-After`).
    pub is_left_alone: bool,
}

/// Ends a collector from another thread: waits and answers that are still awaited are given up, evidence is kept whole.
#[derive(Clone, Debug)]
pub struct Stop(tokio::sync::watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(tokio::sync::watch::Sender::new(false))
    }
}

impl Stop {
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps for so long, and no longer than until it is.
    pub(crate) fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.is_requested() && Instant::now() < until {
            std::thread::sleep(TURN);
        }
    }

    /// Waits until it is.
    pub(crate) async fn requested(&self) {
        // The sender lives as long as this, so that this ends only when it is requested.
        let _ = self.0.subscribe().wait_for(|is_requested| *is_requested).await;
    }
}

/// Asks sources and keeps their evidence in a private store.
pub struct Collector {
    private: PathBuf,
    sources: Vec<Collected>,
    stop: Stop,
}

impl Collector {
    /// Sources that are the same under the same name are asked once.
    pub fn new(private: &Path, sources: Vec<Collected>) -> Self {
        let mut distinct: Vec<Collected> = Vec::new();
        for source in sources {
            if !distinct.iter().any(|other| other.name == source.name && other.source == source.source) {
                distinct.push(source);
            }
        }
        Self { private: private.to_owned(), sources: distinct, stop: Stop::default() }
    }

    /// The same without the sources of these names.
    #[must_use]
    pub fn without(mut self, names: &std::collections::BTreeSet<String>) -> Self {
        self.sources.retain(|source| !names.contains(&source.name));
        self
    }

    /// The folder of the evidence that is collected in a private store.
    pub fn evidence(private: &Path) -> PathBuf {
        private.join("evidence")
    }

    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Asks every source once, all at the same time; the reports stand in the order of the sources.
    pub fn once(&self) -> Vec<Report> {
        self.ask_all(|_| None)
    }

    /// The same for a run, which gives up what takes too long and goes on with the evidence that there is.
    pub fn once_for_run(&self) -> Vec<Report> {
        self.ask_all(|source| {
            let patience = source.patience_of_run();
            let when = format!(
                "within {} s, which is how long a run waits; raise 'total_timeout' of the source, or let 'capture' poll it",
                patience.as_secs()
            );
            Some(Limit { at: Instant::now().checked_add(patience)?, when })
        })
    }

    fn ask_all(&self, limit: impl Fn(&Collected) -> Option<Limit> + Sync) -> Vec<Report> {
        std::thread::scope(|scope| {
            let asks: Vec<_> = (self.sources.iter())
                .map(|source| {
                    scope.spawn(|| {
                        let no_try_after = Instant::now().checked_add(LAST_TRY);
                        let limit = limit(source);
                        Ask::new(&self.private, source).ask(&self.stop, no_try_after, limit.as_ref())
                    })
                })
                .collect();
            let reports = asks.into_iter().filter_map(|ask| match ask.join() {
                Ok(asked) => asked.map(|(report, _)| report),
                Err(panic) => std::panic::resume_unwind(panic),
            });
            reports.collect()
        })
    }

    /// Asks every source on a beat that begins now, until the end.
    pub fn every(&self, beat: Beat, tell: &mut dyn FnMut(&Report)) -> Result<(), CaptureError> {
        let (now, begin) = (crate::time::now(), Instant::now());
        let scheduled =
            |collected: &Collected| Scheduled { collected: collected.clone(), grid: Grid::from(now, beat.every) };
        let (_configuration, sources) = tokio::sync::watch::channel(self.sources.iter().map(scheduled).collect());
        // Beats are due at whole milliseconds, so the first may be due a part of one before now, and so the one at the end.
        let part = Duration::from_millis(1);
        let end = beat.duration.and_then(|duration| begin.checked_add(duration.saturating_sub(part)));
        let stop = self.stop.clone();
        let service = Service { private: &self.private, stop, end, begins_at_once: true, lock: None, spool: None };
        service.run(sources, tell)
    }
}

/// When an answer is given up.
struct Limit {
    at: Instant,
    /// Completes "it had not answered completely …".
    when: String,
}

/// A source at work.
struct Ask<'a> {
    collected: &'a Collected,
    store: Store,
    state_file: PathBuf,
    state: State,
    /// What the last ask learned, for when the store cannot tell.
    known: Validators,
    newest: Option<Timestamp>,
}

/// What is remembered of a source beside its evidence, from process to process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    /// When the source was last asked without conditions and had nothing new.
    unchanged_at: Option<Timestamp>,
}

impl<'a> Ask<'a> {
    fn new(private: &Path, collected: &'a Collected) -> Self {
        let state_file = private.join("collector").join(format!("{}.json", collected.name));
        // What is lost or torn is learned again by one more request.
        let state = durable::read(&state_file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let store = Store::new(Collector::evidence(private));
        let newest = store.latest(&collected.name, Timestamp::MAX).ok().flatten().map(|entry| entry.captured_at);
        let known = Validators::default();
        Self { collected, store, state_file, state: state.unwrap_or_default(), known, newest }
    }

    /// Asks once; nothing if it was stopped before the answer came.
    fn ask(
        &mut self,
        stop: &Stop,
        no_try_after: Option<Instant>,
        limit: Option<&Limit>,
    ) -> Option<(Report, Option<Instant>)> {
        let (asked_at, clock) = (crate::time::now(), Instant::now());
        let name = &self.collected.name;
        // Evidence that cannot be read must not stop new evidence from coming.
        let known = self.store.validators(name).unwrap_or_else(|error| {
            tracing::warn!(source = name, "{error}; the source is asked without looking at it");
            self.known.clone()
        });
        let is_full = !known.are_conditions();
        let is_check = !is_full && !self.was_seen_lately(asked_at);
        let known = if is_check { known.without_conditions() } else { known };
        let options = FetchOptions { known, newest: self.newest, no_try_after, ..FetchOptions::default() };
        let asked = match source::runtime(&self.collected.source.shown()) {
            Err(error) => FetchOutcome { result: Err(error), not_before: None },
            Ok(runtime) => {
                let answer = runtime.block_on(async {
                    tokio::select! {
                        asked = self.collected.source.fetch_with(&options) => Some(asked),
                        () = stop.requested() => None,
                        when = until(limit) => Some(source::given_up(&self.collected.source.shown(), when)),
                    }
                });
                // A name that is still being looked up is not waited for.
                runtime.shutdown_background();
                answer?
            }
        };
        let outcome = match asked.result {
            Ok(Fetched::New(capture)) => self.keep(&capture),
            Ok(Fetched::NotModified(_)) => {
                tracing::info!(source = name, "nothing new at the source");
                if is_check {
                    self.remember_unchanged(asked_at);
                }
                Outcome::NotModified
            }
            Err(error) => Outcome::Failed(error),
        };
        let took = clock.elapsed();
        let is_left_alone = asked.not_before.is_some();
        Some((Report { name: name.clone(), asked_at, took, outcome, skipped: 0, is_left_alone }, asked.not_before))
    }

    /// Whether the body itself was looked at within the time that "not modified" is believed.
    fn was_seen_lately(&self, now: Timestamp) -> bool {
        let seen = [self.newest, self.state.unchanged_at].into_iter().flatten();
        // An instant of the future proves nothing.
        seen.filter(|seen| *seen <= now).max().is_some_and(|seen| seen.duration_until(now) < self.collected.unchanged)
    }

    fn remember_unchanged(&mut self, now: Timestamp) {
        self.state.unchanged_at = Some(now);
        let written = serde_json::to_vec(&self.state)
            .map_err(std::io::Error::other)
            .and_then(|bytes| durable::write(&self.state_file, &bytes));
        if let Err(error) = written {
            tracing::warn!(file = %self.state_file.display(), "not written: {error}");
        }
    }

    fn keep(&mut self, capture: &Capture) -> Outcome {
        let name = &self.collected.name;
        let looked = payload::look(capture, self.collected.source.max_bytes());
        let (unreadable, said) = looked.unreadable(self.collected.wanted).unzip();
        let is_wanted = unreadable.is_none();
        let record = NewRecord {
            feed_time: looked.feed_time,
            unreadable,
            payload: Some(looked.identified.payload),
            ..NewRecord::of(capture.clone())
        };
        let kept = self.store.write(name, &record, Some(is_wanted)).and_then(|written| self.store.finish(written));
        if let Err(error) = kept {
            return Outcome::Failed(error);
        }
        let (bytes, digest) = (capture.body.len() as u64, capture.digest);
        tracing::info!(source = name, bytes, sha256 = %digest, "captured");
        self.newest = self.newest.max(Some(capture.captured_at));
        self.known = Validators { unreadable: !is_wanted, ..Validators::of(capture) };
        Outcome::New { bytes, digest, unreadable: said }
    }
}

/// Waits for a limit, for ever if there is none.
async fn until(limit: Option<&Limit>) -> &str {
    let Some(limit) = limit else { return std::future::pending().await };
    tokio::time::sleep_until(limit.at.into()).await;
    &limit.when
}

#[cfg(test)]
mod tests;
