//! A source that sends by itself: an MQTT broker that is followed. Its messages are kept by frames of ten seconds, which are its beats:
//! each has a frame at least, or a record that says why there is none.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::backlog::Backlog;
use super::task::Shared;
use super::{Collected, Outcome, Report, Stop};
use crate::capture::beat::{Beat, Grid};
use crate::capture::evidence::Store;
use crate::capture::mqtt::settings::Settings;
use crate::capture::mqtt::{self, Frame, KeepFuture, MqttEvent};
use crate::capture::record::{Lifecycle, NewContent, NewRecord, Note};
use crate::capture::{CaptureError, FailureKind};

/// Between two beats: what a frame spans.
const EVERY: Duration = Duration::from_secs(10);
/// Beats after which one is judged: its frame is closed and kept by then.
const JUDGED_AFTER: u64 = 2;
/// The wait before a spool that could not be opened is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Frames begin at multiples of ten seconds.
pub(super) fn grid() -> Grid {
    Grid::from(Timestamp::UNIX_EPOCH, EVERY)
}

pub(super) struct Follower {
    name: Arc<str>,
    shown: String,
    settings: Settings,
    spool: PathBuf,
    shared: Shared,
    /// Ends this source alone.
    stop: Stop,
    state: Rc<RefCell<State>>,
    /// What the disk has not taken yet.
    backlog: Mutex<Backlog>,
}

/// What happened since the last beat that was judged.
#[derive(Default)]
struct State {
    is_connected: bool,
    /// Beats of which a frame was kept, and those with a connection, by when they were due.
    framed: BTreeSet<Timestamp>,
    connected: BTreeSet<Timestamp>,
    /// Why there is no connection.
    problem: Option<(FailureKind, String)>,
}

impl Follower {
    pub(super) fn new(collected: Collected, settings: Settings, private: &Path, shared: Shared, stop: Stop) -> Self {
        let shown = collected.source.shown();
        let spool = private.join("collector").join(format!("{}.spool", collected.name));
        let name = collected.name.as_str().into();
        Self { name, shown, settings, spool, shared, stop, state: Rc::default(), backlog: Mutex::default() }
    }

    /// Follows the broker until it is stopped.
    pub(super) async fn run(self, store: Arc<Store>, begins: Lifecycle) {
        let first = grid().after(crate::time::now());
        self.keep_note(first, Note::Started { reason: begins }).await;
        let mut next = first;
        tokio::select! {
            () = self.judge(&mut next) => {}
            () = self.follow(&store) => {}
        }
        // What was framed at the end counts, too.
        let until = grid().at_or_before(crate::time::now());
        while next.due < until.due {
            self.judge_one(next).await;
            next = next.plus(1);
        }
        let reason = match self.shared.stop.is_requested() || self.shared.end.is_some() {
            true => Lifecycle::Program,
            false => Lifecycle::Configuration,
        };
        self.keep_note(next, Note::Stopped { reason }).await;
    }

    async fn stopped(&self) {
        let end = async {
            match self.shared.end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.requested() => {}
            () = self.shared.stop.requested() => {}
            () = end => {}
        }
    }

    /// Follows until it is stopped; a spool that cannot be opened is tried again.
    async fn follow(&self, store: &Arc<Store>) {
        loop {
            let mut keep = |frame: Frame| self.keep_frame(store, frame);
            let mut tell = |event: MqttEvent| self.happened(event);
            let followed = mqtt::follow(&self.settings, &self.spool, &mut keep, &mut tell, self.stopped()).await;
            let Err(error) = followed else { return };
            self.state.borrow_mut().problem = Some((FailureKind::NotKept, error.to_string()));
            self.report(Outcome::Failed(error));
            tokio::select! {
                () = self.stopped() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    fn keep_frame(&self, store: &Arc<Store>, frame: Frame) -> KeepFuture {
        let capture = frame.capture(&self.shown);
        let beat = grid().at_or_before(frame.began);
        let (store, name, writer) = (store.clone(), self.name.clone(), self.shared.writer.clone());
        let (state, reports) = (self.state.clone(), self.shared.reports.clone());
        Box::pin(async move {
            let (bytes, digest, asked_at) = (capture.body.len() as u64, capture.digest, capture.captured_at);
            let is_kept = frame.may_be_kept && newest_is(&store, &name, &capture.digest).await?;
            if !is_kept {
                let record = NewRecord { beat: Some(beat), ..NewRecord::of(capture) };
                writer.keep(&name, record, Some(true)).await?;
            }
            state.borrow_mut().framed.insert(beat.due);
            let outcome = Outcome::New { bytes, digest, unreadable: None };
            let _ = reports.try_send(report(&name, asked_at, outcome));
            Ok(())
        })
    }

    fn happened(&self, event: MqttEvent) {
        let mut state = self.state.borrow_mut();
        let name = &self.name;
        match event {
            MqttEvent::Connected { is_resumed, .. } => {
                tracing::info!(source = %name, is_resumed, "connected");
                state.is_connected = true;
                state.connected.insert(grid().at_or_before(crate::time::now()).due);
                state.problem = None;
            }
            MqttEvent::Disconnected { kind, problem, .. } => {
                state.is_connected = false;
                state.problem = Some((kind, problem));
            }
            MqttEvent::Silent { .. } => {}
            // A topic may tell which vehicle it is of.
            MqttEvent::TooLarge { bytes, .. } => {
                tracing::warn!(source = %name, bytes, "a message is larger than any that is kept, and was left out");
            }
            MqttEvent::NotKept { problem } => {
                tracing::warn!(source = %name, "a frame was not kept and waits in the spool: {problem}");
            }
            MqttEvent::Damaged { torn, lost } => {
                tracing::warn!(source = %name, torn, lost, "the spool had bytes that are no messages");
            }
        }
    }

    /// Judges beat after beat, until it is dropped.
    async fn judge(&self, next: &mut Beat) {
        loop {
            let now = crate::time::now();
            if self.state.borrow().is_connected {
                self.state.borrow_mut().connected.insert(grid().at_or_before(now).due);
            }
            if next.plus(JUDGED_AFTER).due <= now {
                self.judge_one(*next).await;
                *next = next.plus(1);
                continue;
            }
            let mut backlog = self.backlog.lock().await;
            if !backlog.is_empty() {
                backlog.flush(&self.shared.writer, (&self.name, &self.shown), now).await;
            }
            drop(backlog);
            let wait = Duration::try_from(grid().after(now).due.duration_since(now)).unwrap_or(EVERY);
            tokio::time::sleep(wait.min(EVERY)).await;
        }
    }

    /// Keeps why a beat has no frame, where it has none.
    async fn judge_one(&self, beat: Beat) {
        let note = {
            let mut state = self.state.borrow_mut();
            let State { framed, connected, problem, .. } = &mut *state;
            let (is_framed, was_connected) = (framed.remove(&beat.due), connected.remove(&beat.due));
            framed.retain(|due| *due > beat.due);
            connected.retain(|due| *due > beat.due);
            match problem {
                _ if is_framed => None,
                _ if was_connected => Some(Note::Silent),
                Some((kind, problem)) => Some(Note::Failed { kind: *kind, problem: problem.clone() }),
                None => {
                    Some(Note::Failed { kind: FailureKind::TimeOut, problem: "there was no connection yet".to_owned() })
                }
            }
        };
        let Some(note) = note else { return };
        if let Note::Failed { kind, problem } = &note {
            let (url, problem) = (self.shown.clone(), problem.clone());
            let remedy = "It is tried again; if it stays so, ask whoever runs the broker".to_owned();
            self.report(Outcome::Failed(CaptureError::Transient { kind: *kind, url, problem, remedy }));
        }
        self.keep_note(beat, note).await;
    }

    fn report(&self, outcome: Outcome) {
        let _ = self.shared.reports.try_send(report(&self.name, crate::time::now(), outcome));
    }

    async fn keep_note(&self, beat: Beat, note: Note) {
        let at = crate::time::now();
        let is_of_beat = !matches!(note, Note::Started { .. } | Note::Stopped { .. });
        let content = NewContent::Note(note);
        let url = self.shown.clone();
        let record = NewRecord { at, url, beat: Some(beat), feed_time: None, unreadable: None, payload: None, content };
        let mut backlog = self.backlog.lock().await;
        let source = (&self.name, self.shown.as_str());
        let kept = backlog.keep(&self.shared.writer, source, record, (u64::from(is_of_beat), None)).await;
        if let Some(error) = kept {
            tracing::warn!(source = %self.name, "what came of a beat was not kept: {error}");
        }
    }
}

fn report(name: &str, asked_at: Timestamp, outcome: Outcome) -> Report {
    let took = Duration::ZERO;
    Report { name: name.to_owned(), asked_at, took, outcome, skipped: 0, is_left_alone: false }
}

/// Whether the newest capture of a source is this one: a process that ended had kept it, and did not know.
async fn newest_is(store: &Arc<Store>, name: &Arc<str>, digest: &crate::digest::Digest) -> Result<bool, CaptureError> {
    let (store, name, digest) = (store.clone(), name.clone(), *digest);
    let newest = tokio::task::spawn_blocking(move || store.latest(&name, Timestamp::MAX)).await;
    match newest {
        Ok(newest) => Ok(newest?.is_some_and(|entry| entry.digest == digest)),
        Err(_) => Ok(false),
    }
}
