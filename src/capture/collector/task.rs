//! One source of a collector at work: asked on its grid, each beat leaves a record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::backlog::Backlog;
use super::writer::Writer;
use super::{Collected, Limit, Outcome, Report, Stop, until};
use crate::capture::beat::{Beat, Grid};
use crate::capture::evidence::{KnownCapture, Store};
use crate::capture::payload;
use crate::capture::record::{Lifecycle, NewContent, NewRecord, Note, SkipReason, Unchanged};
use crate::capture::source::{self, Clients, FetchOptions, FetchOutcome, Fetched, NotModified, Validators, too_large};
use crate::capture::{Capture, CaptureError, FailureKind};

/// A beat that was missed while no collector was at work is made up for if sources are asked no more often than this, and its next
/// beat is not near.
const MADE_UP_FROM: Duration = Duration::from_secs(10);
/// A source of which there is no body yet need not wait for half an hour: where beats are as far from each other as this, it is asked
/// at once, also at a beat at which it was asked in vain, and again after growing pauses until there is one.
const SELDOM: Duration = Duration::from_secs(300);
/// The first of these pauses, and the longest.
const RETRIED_AFTER: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3600)];
/// For how long it is slept at most before the clock is looked at again: it may be set, or the machine may have slept.
const NAP: Duration = Duration::from_secs(10);

/// What all sources of a collector share.
#[derive(Clone)]
pub(super) struct Shared {
    pub writer: Writer,
    pub clients: Clients,
    pub reports: mpsc::Sender<Report>,
    /// Ends the collector, whatever the source.
    pub stop: Stop,
    /// The beat that is under way at the beginning is asked for at once, however short it is.
    pub begins_at_once: bool,
    /// No beat begins at or after this, and what is still awaited has a little more.
    pub end: Option<Instant>,
}

pub(super) struct Task {
    collected: Collected,
    name: Arc<str>,
    shown: String,
    grid: Grid,
    shared: Shared,
    /// Ends this source alone.
    stop: Stop,
    /// The newest body that is kept.
    known: Option<KnownCapture>,
    /// What that is, where it is not what the source is to give and this process kept it.
    unreadable: Option<&'static str>,
    /// When the source was last asked without conditions and had nothing new.
    unchanged_at: Option<Timestamp>,
    /// What the disk has not taken yet.
    backlog: Backlog,
}

/// What came of a beat.
struct Answer {
    outcome: Outcome,
    not_before: Option<Instant>,
}

/// The beat at which a source is asked first.
struct First {
    beat: Beat,
    /// For how long it waits beyond the time that it is due.
    wait: Duration,
    /// It has left a record already.
    is_again: bool,
}

impl Task {
    pub(super) fn new(collected: Collected, grid: Grid, shared: Shared, stop: Stop) -> Self {
        let (name, shown) = (collected.name.as_str().into(), collected.source.shown());
        Self {
            collected,
            name,
            shown,
            grid,
            shared,
            stop,
            known: None,
            unreadable: None,
            unchanged_at: None,
            backlog: Backlog::default(),
        }
    }

    /// Asks on the grid until it is stopped.
    pub(super) async fn run(mut self, store: Arc<Store>, begins: Lifecycle) {
        let last_beat = self.learn(&store).await;
        let now = crate::time::now();
        // A beat that a wrong clock has asked at tells of no beat that is still to come.
        let last_beat = last_beat.filter(|last| *last <= now);
        let First { beat: mut next, wait, mut is_again } = self.first(now, last_beat);
        let started = self.note_of_service(now, (next, is_again), Note::Started { reason: begins });
        self.keep(started, None).await;
        let mut wait_until = Instant::now() + wait;
        let mut retries = 0;
        loop {
            if !self.sleep(next, wait_until).await {
                break;
            }
            let asked_at = crate::time::now();
            let reached = self.grid.at_or_before(asked_at);
            if reached.due > next.due {
                let beats = self.grid.between(next, reached);
                self.skip(next, beats, SkipReason::Late).await;
                next = reached;
            }
            let clock = Instant::now();
            let Some(answer) = self.beat(next, asked_at).await else {
                if !is_again {
                    self.skip(next, 1, SkipReason::Ended).await;
                }
                break;
            };
            let after = next.plus(1);
            let retry = self.retry(next, &answer, &mut retries);
            let (upcoming, skipped) = match retry {
                Some(_) => (next, 0),
                None => self.upcoming(after, answer.not_before),
            };
            let is_left_alone = answer.not_before.is_some();
            if skipped > 0 {
                let reason = if is_left_alone { SkipReason::LeftAlone } else { SkipReason::Late };
                self.skip(after, skipped, reason).await;
            }
            let (name, took) = (self.collected.name.clone(), clock.elapsed());
            let report = Report { name, asked_at, took, outcome: answer.outcome, skipped, is_left_alone };
            // Who reads the reports may be slow; the evidence has all of them.
            let _ = self.shared.reports.try_send(report);
            next = upcoming;
            is_again = retry.is_some();
            wait_until = retry.unwrap_or_else(Instant::now);
        }
        let reason = match self.shared.stop.is_requested() || self.shared.end.is_some() {
            true => Lifecycle::Program,
            false => Lifecycle::Configuration,
        };
        let stopped = self.note_of_service(crate::time::now(), (next, is_again), Note::Stopped { reason });
        self.keep(stopped, None).await;
    }

    /// That the collector begins or ends, with the first beat that has no record then.
    fn note_of_service(&self, at: Timestamp, (next, is_again): (Beat, bool), note: Note) -> NewRecord {
        let first = if is_again { next.plus(1) } else { next };
        NewRecord { beat: Some(first), ..self.record(at, NewContent::Note(note)) }
    }

    /// Learns what there is of the source; gives when the newest beat was due that left a record.
    async fn learn(&mut self, store: &Arc<Store>) -> Option<Timestamp> {
        let (store, name) = (store.clone(), self.name.clone());
        let known = tokio::task::spawn_blocking(move || store.known(&name)).await;
        let (known, beat) = known.unwrap_or_default();
        // What was captured while a clock was wrong must not keep the source from giving its feed again.
        self.known = known.filter(|known| known.captured_at < crate::time::future(crate::time::now()));
        beat
    }

    /// The first beat. One that is under way and was missed is made up for where beats are far from each other; where there is nothing
    /// yet of a source that is asked seldom, it is asked at once.
    fn first(&self, now: Timestamp, last_beat: Option<Timestamp>) -> First {
        let current = self.grid.at_or_before(now);
        let gone = Duration::try_from(now.duration_since(current.due)).unwrap_or_default();
        let was_missed = last_beat.is_none_or(|last| last < current.due);
        let is_made_up = self.shared.begins_at_once || current.every >= MADE_UP_FROM;
        if self.is_awaited() || (was_missed && is_made_up && gone < current.every / 2) {
            // Sources that were missed together are not asked in the same instant.
            let spread = if self.shared.begins_at_once {
                0
            } else {
                Grid::new(&self.name, Duration::from_millis(900)).offset_ms()
            };
            return First { beat: current, wait: Duration::from_millis(spread), is_again: !was_missed };
        }
        First { beat: self.grid.after(now), wait: Duration::ZERO, is_again: false }
    }

    /// Whether nothing is there yet of a source that is asked seldom.
    fn is_awaited(&self) -> bool {
        self.known.is_none() && self.grid.every() >= SELDOM
    }

    /// When it is asked again at the same beat, because there is nothing of the source yet. One that asks to be left alone is.
    fn retry(&self, beat: Beat, answer: &Answer, retries: &mut u32) -> Option<Instant> {
        if !self.is_awaited() || answer.not_before.is_some() || self.shared.begins_at_once {
            return None;
        }
        let pause = pause_before(*retries);
        *retries += 1;
        let left = Duration::try_from(beat.plus(1).due.duration_since(crate::time::now())).unwrap_or_default();
        // Shortly before the next beat it would be a burst with it.
        (pause < left.mul_f64(0.75)).then(|| Instant::now() + pause)
    }

    /// Sleeps until a beat is due, and at least until an instant; `false` if it was stopped or the end came before.
    async fn sleep(&mut self, beat: Beat, at_least: Instant) -> bool {
        loop {
            let now = crate::time::now();
            let due = Duration::try_from(beat.due.duration_since(now)).unwrap_or_default();
            let wait = due.max(at_least.saturating_duration_since(Instant::now()));
            let left = self.shared.end.map(|end| end.saturating_duration_since(Instant::now()));
            if self.is_stopped() || left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            if wait.is_zero() {
                return true;
            }
            let nap = wait.min(NAP).min(left.unwrap_or(NAP));
            tokio::select! {
                () = self.stopped() => return false,
                () = tokio::time::sleep(nap) => {}
            }
            if !self.backlog.is_empty() && nap < wait {
                self.backlog.flush(&self.shared.writer, (&self.name, &self.shown), crate::time::now()).await;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_requested() || self.shared.stop.is_requested()
    }

    async fn stopped(&self) {
        tokio::select! {
            () = self.stop.requested() => {}
            () = self.shared.stop.requested() => {}
        }
    }

    /// The first beat from one on that is still to come and that the source may be asked at, and how many are passed over.
    fn upcoming(&self, after: Beat, not_before: Option<Instant>) -> (Beat, u64) {
        let pause = not_before.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
        let now = crate::time::now();
        let earliest = now.checked_add(pause).unwrap_or(now);
        if after.due >= earliest {
            // A clock that was set back must not silence the source until it has caught up.
            let next = self.grid.after(now);
            return (if after.due > next.plus(1).due { next } else { after }, 0);
        }
        let reached = self.grid.at_or_before(earliest);
        // The beat of this very instant is not late.
        let upcoming = if reached.due == earliest { reached } else { reached.plus(1) };
        (upcoming, self.grid.between(after, upcoming))
    }

    /// Asks once and keeps what came; nothing if it was stopped before that.
    async fn beat(&mut self, beat: Beat, asked_at: Timestamp) -> Option<Answer> {
        let wait = Duration::try_from(beat.plus(1).due.duration_since(asked_at)).unwrap_or_default();
        // A try shortly before the next beat would be a burst with it.
        let no_try_after = Instant::now().checked_add(wait.mul_f64(0.75));
        let no_try_after = no_try_after.map(|after| self.shared.end.map_or(after, |end| end.min(after)));
        let mut is_conditional = self.may_be_conditional(asked_at);
        loop {
            let known = self.known.as_ref().map(|known| known.validators.clone()).unwrap_or_default();
            // The body is compared here, since it may have to be kept although it is the same.
            let known = Validators { digest: None, ..known };
            let known = if is_conditional { known } else { known.without_conditions() };
            let newest = self.known.as_ref().map(|known| known.captured_at);
            let options = FetchOptions { known, newest, no_try_after, clients: self.shared.clients.clone() };
            let asked = self.fetch(&options).await?;
            let not_before = asked.not_before;
            let outcome = match asked.result {
                Ok(Fetched::NotModified(answer)) => match self.unchanged(&answer, true) {
                    Some(unchanged) => self.keep_unchanged(beat, answer.at, unchanged).await,
                    None if is_conditional => {
                        is_conditional = false;
                        continue;
                    }
                    None => self.fail(beat, FailureKind::Other, "it says that nothing is new to who has nothing").await,
                },
                Ok(Fetched::New(capture)) => self.keep_body(beat, capture).await,
                Err(error) => self.keep_failure(beat, error).await,
            };
            return Some(Answer { outcome, not_before });
        }
    }

    async fn fetch(&self, options: &FetchOptions) -> Option<FetchOutcome> {
        let patience = self.collected.patience_at(self.grid.every());
        let limit = self.shared.end.and_then(|end| end.checked_add(super::GRACE)).map(|at| Limit {
            at,
            when: format!("{} s after the end of the capture, and was given up", super::GRACE.as_secs()),
        });
        tokio::select! {
            asked = self.collected.source.fetch_with(options) => Some(asked),
            // A change of the configuration costs no answer that is under way.
            () = self.shared.stop.requested() => None,
            when = until(limit.as_ref()) => Some(source::given_up(&self.shown, when)),
            () = tokio::time::sleep(patience) => {
                Some(source::given_up(&self.shown, &format!("within {} s", patience.as_secs())))
            }
        }
    }

    /// Whether "not modified" is believed: of telemetry within the hour whose file has the body, of timetables for a day.
    fn may_be_conditional(&self, now: Timestamp) -> bool {
        let Some(known) = &self.known else { return false };
        if self.collected.wanted.is_telemetry() {
            return hour(known.captured_at) == hour(now);
        }
        let seen = self.unchanged_at.max(Some(known.captured_at)).filter(|seen| *seen <= now);
        seen.is_some_and(|seen| seen.duration_until(now) < self.collected.unchanged)
    }

    /// What is kept of an answer that has nothing new; nothing if the body has to be kept.
    fn unchanged(&self, answer: &NotModified, is_not_modified: bool) -> Option<Unchanged> {
        let known = self.known.as_ref()?;
        // The first record of an hour that has a body has it itself: the file needs no other. A timetable is found by its date.
        if self.collected.wanted.is_telemetry() && hour(known.captured_at) != hour(answer.at) {
            return None;
        }
        let (status, headers) = (answer.status, answer.headers.clone());
        Some(Unchanged { digest: known.digest, captured_at: known.captured_at, is_not_modified, status, headers })
    }

    async fn keep_unchanged(&mut self, beat: Beat, at: Timestamp, unchanged: Unchanged) -> Outcome {
        let feed_time = self.known.as_ref().and_then(|known| known.feed_time);
        if !unchanged.is_not_modified {
            self.unchanged_at = Some(at);
        }
        let record = NewRecord {
            beat: Some(beat),
            feed_time,
            unreadable: self.unreadable,
            ..self.record(at, NewContent::Unchanged(unchanged))
        };
        match self.keep(record, None).await {
            Some(error) => Outcome::Failed(error),
            None => Outcome::NotModified,
        }
    }

    async fn keep_body(&mut self, beat: Beat, capture: Capture) -> Outcome {
        let most = self.collected.source.max_bytes();
        let looked_at = tokio::task::spawn_blocking(move || (payload::look(&capture, most), capture));
        let (looked, capture) = match looked_at.await {
            Ok(looked) => looked,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime ends.
            Err(_) => std::future::pending().await,
        };
        if looked.is_bomb {
            return self.keep_failure(beat, too_large(&self.shown, most)).await;
        }
        let Capture { captured_at: at, status, digest, .. } = capture;
        if self.known.as_ref().is_some_and(|known| known.digest == digest) {
            let answer = NotModified { at, status, headers: capture.headers.clone() };
            if let Some(unchanged) = self.unchanged(&answer, false) {
                self.adopt_validators(&capture);
                return self.keep_unchanged(beat, at, unchanged).await;
            }
        }
        let (unreadable, said) = looked.unreadable(self.collected.wanted).unzip();
        let (is_wanted, feed_time) = (unreadable.is_none(), looked.feed_time);
        let bytes = capture.body.len() as u64;
        let validators = Validators { unreadable: !is_wanted, ..Validators::of(&capture) };
        let record = NewRecord {
            beat: Some(beat),
            feed_time,
            unreadable,
            payload: Some(looked.identified.payload),
            ..self.record(at, NewContent::Body(capture))
        };
        if let Some(error) = self.keep(record, Some(is_wanted)).await {
            return Outcome::Failed(error);
        }
        self.known = Some(KnownCapture { captured_at: at, digest, validators, feed_time });
        self.unreadable = unreadable;
        Outcome::New { bytes, digest, unreadable: said }
    }

    /// The same bytes may come with another `ETag`.
    fn adopt_validators(&mut self, capture: &Capture) {
        if let Some(known) = &mut self.known {
            let unreadable = known.validators.unreadable;
            known.validators = Validators { unreadable, ..Validators::of(capture) };
        }
    }

    async fn fail(&mut self, beat: Beat, kind: FailureKind, problem: &str) -> Outcome {
        let (url, remedy) = (self.shown.clone(), "Ask whoever runs the source".to_owned());
        let error = CaptureError::Permanent { kind, url, problem: problem.to_owned(), remedy };
        self.keep_failure(beat, error).await
    }

    async fn keep_failure(&mut self, beat: Beat, error: CaptureError) -> Outcome {
        let (kind, problem) = match &error {
            CaptureError::Transient { kind, problem, .. } | CaptureError::Permanent { kind, problem, .. } => {
                (*kind, problem.clone())
            }
            CaptureError::Damaged { .. } | CaptureError::Evidence { .. } => (FailureKind::NotKept, error.to_string()),
        };
        let note = Note::Failed { kind, problem };
        let record = NewRecord { beat: Some(beat), ..self.record(crate::time::now(), NewContent::Note(note)) };
        self.keep(record, None).await;
        Outcome::Failed(error)
    }

    /// Keeps that beats were passed over.
    async fn skip(&mut self, first: Beat, beats: u64, reason: SkipReason) {
        let note = NewContent::Note(Note::Skipped { beats, reason });
        let record = NewRecord { beat: Some(first), ..self.record(crate::time::now(), note) };
        self.keep_beats(record, beats, None).await;
    }

    fn record(&self, at: Timestamp, content: NewContent) -> NewRecord {
        NewRecord { at, url: self.shown.clone(), beat: None, feed_time: None, unreadable: None, payload: None, content }
    }

    /// Keeps the record of one beat; the error if the disk did not take it.
    async fn keep(&mut self, record: NewRecord, readable: Option<bool>) -> Option<CaptureError> {
        let is_of_beat = !matches!(&record.content, NewContent::Note(Note::Started { .. } | Note::Stopped { .. }));
        self.keep_beats(record, u64::from(is_of_beat), readable).await
    }

    /// Keeps a record, and before it that of the beats of which the disk took none.
    async fn keep_beats(&mut self, record: NewRecord, beats: u64, readable: Option<bool>) -> Option<CaptureError> {
        let writer = &self.shared.writer;
        self.backlog.keep(writer, (&self.name, &self.shown), record, (beats, readable)).await
    }
}

/// How long it is waited before the next retry, after so many of them.
fn pause_before(retries: u32) -> Duration {
    let [first, most] = RETRIED_AFTER;
    first.saturating_mul(2_u32.saturating_pow(retries)).min(most)
}

/// Hours since the epoch: that of the file which a record of an instant stands in.
fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<u64> = [0, 1, 5, 6, 40, u32::MAX].map(|retries| pause_before(retries).as_secs()).to_vec();
        assert_eq!(pauses, [60, 120, 1920, 3600, 3600, 3600]);
    }
}
