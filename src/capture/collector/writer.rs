//! The writer: one thread that appends the records of all sources, and waits for the disk once for those that came together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::lock::Place;
use crate::capture::evidence::{Store, Written};
use crate::capture::record::NewRecord;
use crate::capture::{CaptureError, FailureKind};

/// For how long records are gathered before the disk is waited for.
const GATHERED: Duration = Duration::from_millis(100);
/// Archives that are synced at the same time.
const SYNCED_AT_ONCE: usize = 8;
/// Records that wait to be written. Each source has at most one under way.
const WAITING: usize = 256;

/// Where records are kept. Clones share the thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Job>);

#[derive(Debug)]
struct Job {
    source: Arc<str>,
    record: NewRecord,
    readable: Option<bool>,
    reply: oneshot::Sender<Result<(), CaptureError>>,
}

type Group = Vec<(Written, oneshot::Sender<Result<(), CaptureError>>)>;

impl Writer {
    /// `place`: where the private store lies; once it is not there any more, nothing is made in its place.
    pub(super) fn start(store: Store, place: Option<Place>) -> (Self, std::thread::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), std::thread::spawn(move || write_all(&store, place.as_ref(), receiver)))
    }

    /// Keeps a record: when this returns, it is on the disk.
    pub(super) async fn keep(
        &self,
        source: &Arc<str>,
        record: NewRecord,
        readable: Option<bool>,
    ) -> Result<(), CaptureError> {
        let (reply, done) = oneshot::channel();
        let url = record.url.clone();
        let job = Job { source: source.clone(), record, readable, reply };
        let ended = || not_kept(&url, "the thread that writes evidence has ended");
        if self.0.send(job).await.is_err() {
            return Err(ended());
        }
        done.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn not_kept(url: &str, problem: &str) -> CaptureError {
    CaptureError::Transient {
        kind: FailureKind::NotKept,
        url: url.to_owned(),
        problem: problem.to_owned(),
        remedy: "Start the collector again".to_owned(),
    }
}

fn write_all(store: &Store, place: Option<&Place>, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let until = Instant::now() + GATHERED;
        let mut group = Group::new();
        let mut next = Some(first);
        while let Some(job) = next {
            // The archive of a source is locked until its record is finished.
            if group.iter().any(|(written, _)| written.source() == &*job.source) {
                finish(store, std::mem::take(&mut group));
            }
            let written = match place.is_none_or(Place::is_there) {
                true => store.write(&job.source, &job.record, job.readable),
                false => Err(not_kept(&job.record.url, "the private store was moved or its disk is gone")),
            };
            match written {
                Ok(written) => group.push((written, job.reply)),
                // Who asked may be gone.
                Err(error) => drop(job.reply.send(Err(error))),
            }
            next = if Instant::now() < until { jobs.try_recv().ok() } else { None };
        }
        finish(store, group);
    }
}

fn finish(store: &Store, mut group: Group) {
    let done = |(written, reply): (Written, oneshot::Sender<_>)| drop(reply.send(store.finish(written)));
    while !group.is_empty() {
        let some: Group = group.drain(..group.len().min(SYNCED_AT_ONCE)).collect();
        if some.len() == 1 {
            some.into_iter().for_each(done);
            continue;
        }
        std::thread::scope(|scope| {
            for one in some {
                scope.spawn(|| done(one));
            }
        });
    }
}
