//! A collector at work: a task for each source, all on one thread, and the sources as the configuration has them now.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::follower::{self, Follower};
use super::lock::CollectorLock;
use super::sealer;
use super::task::{Shared, Task};
use super::writer::Writer;
use super::{Collected, Collector, Report, Stop};
use crate::capture::CaptureError;
use crate::capture::beat::Grid;
use crate::capture::evidence::Store;
use crate::capture::evidence::upload::Spool;
use crate::capture::mqtt::settings::Settings as MqttSettings;
use crate::capture::record::Lifecycle;
use crate::capture::source::{self, Clients, Source};

/// Reports that may wait for who reads them.
const REPORTS: usize = 4096;
/// Between two tries to write which sources are collected.
const AGAIN: Duration = Duration::from_secs(30);

/// A source and the beats at which it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    pub collected: Collected,
    pub grid: Grid,
}

impl Scheduled {
    /// Of a source that sends by itself.
    pub fn of_frames(collected: Collected) -> Self {
        Self { collected, grid: follower::grid() }
    }

    /// On the grid of its own name.
    pub fn new(collected: Collected, every: Duration) -> Self {
        let grid = Grid::new(&collected.name, every);
        Self { collected, grid }
    }
}

/// How a collector works.
pub struct Service<'a> {
    pub private: &'a Path,
    pub stop: Stop,
    /// No beat begins later, and what is still awaited then has [`super::GRACE`].
    pub end: Option<Instant>,
    /// Sources are asked at once, whatever their grids say, as by hand.
    pub begins_at_once: bool,
    /// Where the names of the sources are kept that it asks.
    pub lock: Option<&'a CollectorLock>,
    /// Where sealed hours go, if they do not stay in the private store.
    pub spool: Option<&'a Spool>,
}

impl Service<'_> {
    /// Asks the sources on their grids until the end, and takes up those that `sources` has from then on. `tell` is called on this
    /// thread; when it is slow, reports are lost, but no beat.
    pub fn run(
        &self,
        sources: watch::Receiver<Vec<Scheduled>>,
        tell: &mut dyn FnMut(&Report),
    ) -> Result<(), CaptureError> {
        let runtime = source::runtime("the collector")?;
        let remote = || self.spool.map(|spool| spool.remote.clone());
        let store = Store::new(Collector::evidence(self.private)).with_remote(remote());
        let Self { end, begins_at_once, .. } = *self;
        let stop = self.stop.clone();
        let (writer, thread) = Writer::start(store, self.lock.map(CollectorLock::place));
        let (reports, mut told) = mpsc::channel(REPORTS);
        let shared = Shared { writer, clients: Clients::default(), reports, stop, begins_at_once, end };
        let store = Arc::new(Store::new(Collector::evidence(self.private)).with_remote(remote()));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tokio::task::LocalSet::new().block_on(&runtime, self.supervise(sources, shared, store));
                // A name that is still being looked up is not waited for.
                runtime.shutdown_background();
            });
            if self.lock.is_some() {
                scope.spawn(|| sealer::seal_all(&Collector::evidence(self.private), self.spool, &|| self.is_over()));
            }
            while let Some(report) = told.blocking_recv() {
                tell(&report);
            }
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stop.is_requested()
            || self.end.is_some_and(|end| Instant::now() >= end)
            || self.lock.is_some_and(|lock| !lock.is_there())
    }

    async fn supervise(&self, mut sources: watch::Receiver<Vec<Scheduled>>, shared: Shared, store: Arc<Store>) {
        let mut running: HashMap<String, Running> = HashMap::new();
        let mut begins = Lifecycle::Program;
        let mut is_unwritten = false;
        loop {
            let wanted = distinct(&sources.borrow_and_update());
            if let Some(lock) = self.lock {
                let names: BTreeSet<String> = wanted.iter().map(|source| source.collected.name.clone()).collect();
                let written = lock.own(&names);
                if let (Err(error), false) = (&written, is_unwritten) {
                    tracing::warn!(
                        "the names of the sources that are collected could not be written: {error}. Until they are, which is tried \
                         again, a run may ask them, too."
                    );
                }
                is_unwritten = written.is_err();
            }
            for running in running.values().filter(|running| !wanted.contains(&running.scheduled)) {
                running.stop.request();
            }
            for scheduled in wanted {
                let key = scheduled.collected.name.clone();
                if running.get(&key).is_some_and(|running| running.scheduled == scheduled && !running.is_over()) {
                    continue;
                }
                // One request of a source is under way at a time.
                let previous = running.remove(&key).map(|running| running.task);
                let stop = Stop::default();
                let (source, shared, store) = (scheduled.clone(), shared.clone(), store.clone());
                let (private, ends) = (self.private.to_owned(), stop.clone());
                let task = tokio::task::spawn_local(async move {
                    if let Some(previous) = previous {
                        let _ = previous.await;
                    }
                    let Scheduled { collected, grid } = source;
                    match &collected.source {
                        Source::Mqtt { settings } => {
                            let settings = MqttSettings::clone(settings);
                            let follower = Follower::new(collected, settings, &private, shared, ends);
                            follower.run(store, begins).await;
                        }
                        _ => Task::new(collected, grid, shared, ends).run(store, begins).await,
                    }
                });
                running.insert(key, Running { scheduled, stop, task });
            }
            begins = Lifecycle::Configuration;
            let end = async {
                match shared.end {
                    Some(end) => tokio::time::sleep_until(end.into()).await,
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                if sources.changed().await.is_err() {
                    // The configuration stays as it is.
                    std::future::pending::<()>().await;
                }
            };
            let again = async {
                if !is_unwritten {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(AGAIN).await;
            };
            tokio::select! {
                () = changed => {}
                () = again => {}
                () = shared.stop.requested() => break,
                () = end => break,
            }
        }
        for running in running.into_values() {
            let _ = running.task.await;
        }
    }
}

struct Running {
    scheduled: Scheduled,
    stop: Stop,
    task: JoinHandle<()>,
}

impl Running {
    fn is_over(&self) -> bool {
        self.stop.is_requested() || self.task.is_finished()
    }
}

/// Each name once: of several the one that is asked most often.
fn distinct(sources: &[Scheduled]) -> Vec<Scheduled> {
    let mut distinct: Vec<Scheduled> = Vec::new();
    for source in sources {
        match distinct.iter_mut().find(|other| other.collected.name == source.collected.name) {
            Some(other) if source.grid.every() < other.grid.every() => *other = source.clone(),
            Some(_) => {}
            None => distinct.push(source.clone()),
        }
    }
    distinct
}
