//! Brings messages onto the disk and from there into the evidence, beside the connection: a job at a time on a thread of
//! the pool, so that nothing that waits for a disk stops the runtime.

use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::frames::Frame;
use super::spool::{FRAME_BYTES, FRAME_MILLISECONDS, Spool, frame_of};
use crate::capture::CaptureError;

/// Ends when a frame is kept: on the disk, and known to be.
pub type KeepFuture = Pin<Box<dyn Future<Output = Result<(), CaptureError>>>>;
/// Begins to keep a frame as evidence. One that fails is given again, later.
pub type Keep<'a> = dyn FnMut(Frame) -> KeepFuture + 'a;

/// The first wait before a frame that could not be kept is tried again, and the longest.
const RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What is owed to the broker for a message of QoS 1 or 2 once it is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub qos: u8,
    pub packet_id: u16,
}

/// Messages that are not on the disk yet.
#[derive(Default)]
pub(super) struct Batch {
    pub records: Vec<u8>,
    pub acks: Vec<Ack>,
    pub first: Option<Timestamp>,
    /// The connection that they came on.
    pub connection: u64,
}

/// What was done.
pub(super) enum Done {
    /// Messages are on the disk, or could not be brought there.
    Spooled {
        result: io::Result<()>,
        acks: Vec<Ack>,
        connection: u64,
    },
    Kept,
    /// A frame could not be kept, and is tried again.
    NotKept(String),
}

enum JobResult {
    Append(io::Result<()>, Vec<Ack>, u64),
    Frame(io::Result<Option<Frame>>),
    Kept(io::Result<()>),
}

pub(super) struct Keeper<'a> {
    /// There while no job is under way.
    spool: Option<Spool>,
    job: Option<JoinHandle<(Spool, JobResult)>>,
    keep: &'a mut Keep<'a>,
    /// The frame that was given out, until it is kept.
    frame: Option<Frame>,
    keeping: Option<KeepFuture>,
    is_kept: bool,
    retry: Duration,
    not_before: Option<Instant>,
    /// Everything that there is is framed, whatever its age.
    is_flushing: bool,
}

impl<'a> Keeper<'a> {
    /// What a former process left is framed first.
    pub(super) fn new(spool: Spool, keep: &'a mut Keep<'a>) -> Self {
        Self {
            spool: Some(spool),
            job: None,
            keep,
            frame: None,
            keeping: None,
            is_kept: false,
            retry: RETRY,
            not_before: None,
            is_flushing: true,
        }
    }

    /// Whether messages can be given to be spooled.
    pub(super) fn is_free(&self) -> bool {
        self.spool.is_some()
    }

    pub(super) fn is_full(&self) -> bool {
        self.spool.as_ref().is_some_and(Spool::is_full)
    }

    /// Whether nothing waits.
    fn is_done(&self) -> bool {
        let is_empty = |spool: &Spool| !spool.has_frame() && spool.open_messages().is_none();
        self.frame.is_none() && self.spool.as_ref().is_some_and(is_empty)
    }

    /// Brings messages onto the disk. Only while [`is_free()`](Self::is_free).
    pub(super) fn append(&mut self, batch: Batch) {
        let Batch { records, acks, first, connection } = batch;
        self.start(move |spool| JobResult::Append(spool.append(&records, first), acks, connection));
    }

    fn start(&mut self, job: impl FnOnce(&mut Spool) -> JobResult + Send + 'static) {
        if let Some(mut spool) = self.spool.take() {
            self.job = Some(tokio::task::spawn_blocking(move || {
                let result = job(&mut spool);
                (spool, result)
            }));
        }
    }

    /// When the messages that are in no frame are to be framed; `None` where there are none.
    fn due(&self, now: Instant) -> Option<Instant> {
        let (bytes, oldest) = self.spool.as_ref()?.open_messages()?;
        if self.is_flushing || bytes >= FRAME_BYTES as u64 {
            return Some(now);
        }
        let end = (frame_of(oldest) + 1) * FRAME_MILLISECONDS;
        // A clock that was put back must not hold a frame up.
        let left = (end - crate::time::now().as_millisecond()).clamp(0, FRAME_MILLISECONDS);
        Some(now + Duration::from_millis(left.unsigned_abs()))
    }

    /// Begins what can begin, and tells when to look again.
    fn begin(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if self.spool.is_none() || self.keeping.is_some() {
            return None;
        }
        if std::mem::take(&mut self.is_kept) {
            self.frame = None;
            self.start(|spool| JobResult::Kept(spool.kept()));
            return None;
        }
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Some(at);
        }
        if let Some(frame) = &self.frame {
            self.keeping = Some((self.keep)(frame.clone()));
            return None;
        }
        let has_frame = self.spool.as_ref().is_some_and(Spool::has_frame);
        let due = if has_frame { now } else { self.due(now)? };
        if due > now {
            return Some(due);
        }
        self.start(|spool| JobResult::Frame(spool.frame()));
        None
    }

    /// Works on, and returns when something is done that concerns the connection; may be dropped while it waits.
    pub(super) async fn progress(&mut self) -> Done {
        loop {
            let wake = self.begin();
            tokio::select! {
                result = done(&mut self.job) => {
                    self.job = None;
                    if let Some(done) = self.ended(result) {
                        return done;
                    }
                }
                kept = done_keeping(&mut self.keeping) => {
                    self.keeping = None;
                    match kept {
                        Ok(()) => (self.is_kept, self.retry) = (true, RETRY),
                        Err(error) => return self.failed(error.to_string()),
                    }
                }
                () = until(wake) => {}
            }
        }
    }

    fn ended(&mut self, (spool, result): (Spool, JobResult)) -> Option<Done> {
        self.spool = Some(spool);
        match result {
            JobResult::Append(result, acks, connection) => {
                // Where there is no room for more, what there is need not wait for its frame to end.
                self.is_flushing |= result.is_err();
                Some(Done::Spooled { result, acks, connection })
            }
            JobResult::Frame(Ok(frame)) => {
                self.frame = frame;
                self.is_settled();
                // What a former process left was framed.
                self.frame.is_none().then_some(Done::Kept)
            }
            JobResult::Frame(Err(error)) => Some(self.failed(format!("the spool could not be framed: {error}"))),
            JobResult::Kept(result) => {
                if let Err(error) = result {
                    tracing::warn!("what is kept could not be cut from the spool, which is tried again: {error}");
                }
                self.is_settled();
                Some(Done::Kept)
            }
        }
    }

    fn failed(&mut self, problem: String) -> Done {
        self.not_before = Some(Instant::now() + self.retry);
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
        Done::NotKept(problem)
    }

    /// Frames and keeps what there is; gives up at the first frame that cannot be kept, which stays in the spool.
    pub(super) async fn finish(&mut self, batch: Batch) -> Result<(), String> {
        self.not_before = None;
        let mut batch = Some(batch).filter(|batch| !batch.records.is_empty());
        loop {
            self.is_flushing = true;
            if self.is_free()
                && let Some(batch) = batch.take()
            {
                self.append(batch);
            }
            if batch.is_none() && self.is_done() {
                return Ok(());
            }
            match self.progress().await {
                Done::NotKept(problem) => return Err(problem),
                // Not acknowledged: the broker has them still.
                Done::Spooled { result: Err(error), .. } => return Err(error.to_string()),
                Done::Spooled { .. } | Done::Kept => {}
            }
        }
    }

    /// From now on messages are framed by their age and size.
    pub(super) fn is_settled(&mut self) -> bool {
        let is_done = self.is_done();
        self.is_flushing &= !is_done;
        is_done
    }
}

async fn done(job: &mut Option<JoinHandle<(Spool, JobResult)>>) -> (Spool, JobResult) {
    let Some(handle) = job else { return std::future::pending().await };
    match handle.await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends.
        Err(_) => std::future::pending().await,
    }
}

async fn done_keeping(keeping: &mut Option<KeepFuture>) -> Result<(), CaptureError> {
    match keeping {
        None => std::future::pending().await,
        Some(future) => future.await,
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        None => std::future::pending().await,
        Some(at) => tokio::time::sleep_until(at.into()).await,
    }
}
