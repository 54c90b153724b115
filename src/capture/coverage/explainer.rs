//! From the records of a source to stretches of beats that one explanation holds for.
//!
//! Records come in the order in which they were written, but a note of skipped beats tells of earlier ones, the clock may have been
//! set, and two collectors may have asked at the same beat. So what the records say is held back for two hours of their time, or
//! until the next beat where that is later, and told in the order of the beats.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::explanation::{Explanation, OffReason};
use crate::capture::FailureKind;
use crate::capture::beat::{Beat, Grid};
use crate::capture::record::{BeatOutcome, BeatRecord, Lifecycle, Note, SkipReason};
use crate::digest::Digest;

/// For how long of the records' time beats are held back. No answer is awaited for longer than an hour, and no source asks to be left
/// alone for longer.
const HELD_BACK_MS: i64 = 2 * 3_600_000;
/// The record of an answer is of a beat that is due at most so long after it, and at most so long and a beat before it: otherwise the
/// clock by which it was asked was wrong.
const CLOCKS_APART_MS: i64 = HELD_BACK_MS;
/// A header time that stands still is that of a frozen feed after two beats, and not before this.
const FROZEN_MS: i64 = 60_000;

/// Beats of one grid, one behind the other, with one explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub(super) first_ms: i64,
    pub(super) every_ms: i64,
    /// At least one.
    pub beats: u64,
    pub explanation: Explanation,
}

impl Stretch {
    /// When the beat is due that is so many behind the first.
    pub fn due(&self, beats: u64) -> Timestamp {
        timestamp(ahead(self.first_ms, self.every_ms, beats))
    }

    /// The newest beat that is due at an instant or before it, where the next one is due after it.
    pub fn beat_at(&self, at: Timestamp) -> Option<Beat> {
        let at_ms = at.as_millisecond();
        let place = beats_before(self.first_ms, self.every_ms, at_ms.saturating_add(1)).checked_sub(1)?;
        let due_ms = ahead(self.first_ms, self.every_ms, place.min(self.beats - 1));
        let every = Duration::from_millis(self.every_ms.unsigned_abs());
        (at_ms < ahead(due_ms, self.every_ms, 1)).then(|| Beat { due: timestamp(due_ms), every })
    }

    /// The beats that are due from an instant (included) until another (not included).
    pub(crate) fn within(mut self, from_ms: i64, until_ms: i64) -> Option<Self> {
        let before = beats_before(self.first_ms, self.every_ms, from_ms).min(self.beats);
        self.first_ms = ahead(self.first_ms, self.every_ms, before);
        self.beats -= before;
        self.beats = self.beats.min(beats_before(self.first_ms, self.every_ms, until_ms));
        (self.beats > 0).then_some(self)
    }

    /// Its first beats, and the others.
    pub fn split(self, beats: u64) -> (Option<Self>, Option<Self>) {
        let beats = beats.min(self.beats);
        let first_ms = ahead(self.first_ms, self.every_ms, beats);
        let parts = (Self { beats, ..self }, Self { first_ms, beats: self.beats - beats, ..self });
        (Some(parts.0).filter(|part| part.beats > 0), Some(parts.1).filter(|part| part.beats > 0))
    }
}

/// How records end.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Beats that are due at or after this do not count.
    pub at: Timestamp,
    /// For how long an answer is awaited, where a collector is at work on the source now.
    pub at_work: Option<Duration>,
}

/// Takes records and gives stretches of beats in the order of time.
pub struct Explainer<'a> {
    give: &'a mut dyn FnMut(Stretch),
    /// What is held back, by when it was due; the second part puts a start before the beats of its instant, and an end behind them.
    held: BTreeMap<(i64, u8), Event>,
    newest_ms: i64,
    /// The first beat that nothing is known of yet, and the grid it is of.
    next_ms: Option<i64>,
    every_ms: i64,
    /// The newest beat that was given.
    last_ms: Option<i64>,
    /// Why no collector is at work from the last event on, and the first beat that it did not see to.
    off: Option<(OffReason, i64)>,
    /// Between which instants records are lost, in their order.
    lost: VecDeque<Range<i64>>,
    /// The newest header time, and the beat at which it was first seen.
    feed_time: Option<(Timestamp, i64)>,
    /// The newest body, and whether it is what the source is to give.
    body: Option<(Digest, bool)>,
    /// Records beyond the first of a beat that is due in the period.
    repeated: u64,
    period: Range<i64>,
    /// Of what is due from here on nothing is known yet.
    now_ms: i64,
    /// The beats of the source, where no record tells them.
    grid: Option<Grid>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Started { next_ms: i64, every_ms: i64 },
    One { every_ms: i64, answer: Answer },
    Many { every_ms: i64, beats: u64, reason: SkipReason },
    Stopped { next_ms: i64, every_ms: i64, reason: OffReason },
}

/// What one beat gave. Where it left several records, the last of these counts.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Skipped(SkipReason),
    Failed(FailureKind),
    Silent,
    Unchanged { digest: Option<Digest>, feed_time: Option<Timestamp>, is_unreadable: bool },
    Body { digest: Digest, feed_time: Option<Timestamp>, is_unreadable: bool },
}

impl Answer {
    fn rank(&self) -> u8 {
        match self {
            Self::Skipped(_) => 0,
            Self::Failed(_) | Self::Silent => 1,
            Self::Unchanged { .. } => 2,
            Self::Body { .. } => 3,
        }
    }
}

const START: u8 = 0;
const BEAT: u8 = 1;
const STOP: u8 = 2;

impl<'a> Explainer<'a> {
    /// Gives stretches in the order of their time.
    pub fn new(give: &'a mut dyn FnMut(Stretch)) -> Self {
        Self {
            give,
            held: BTreeMap::new(),
            newest_ms: i64::MIN,
            next_ms: None,
            every_ms: 1,
            last_ms: None,
            off: None,
            lost: VecDeque::new(),
            feed_time: None,
            body: None,
            repeated: 0,
            period: i64::MIN..i64::MAX,
            now_ms: i64::MAX,
            grid: None,
        }
    }

    /// Leaves out what is of the future: beats that are due at this instant or after it, and records that were written with a clock
    /// that was ahead of it.
    pub fn known_at(self, now: Timestamp) -> Self {
        Self { now_ms: now.as_millisecond(), ..self }
    }

    /// The beats that count where records are lost and none is left that tells of a beat.
    pub fn on(self, grid: Option<Grid>) -> Self {
        Self { grid, ..self }
    }

    /// The newest body that is known of the source before the first record, and whether it is what the source is to give.
    pub fn knowing(self, body: Option<(Digest, bool)>) -> Self {
        Self { body, ..self }
    }

    /// Counts records beyond one of a beat only of beats that are due from an instant (included) until another (not included).
    pub fn counting(self, from: Timestamp, until: Timestamp) -> Self {
        Self { period: from.as_millisecond()..until.as_millisecond(), ..self }
    }

    /// From an instant until another, records are lost: beats that no record tells of are unexplained there, whatever the records
    /// around them say. Comes in the order of time, and before the records that were written after it.
    pub fn lose(&mut self, from: Timestamp, until: Timestamp) {
        let (from_ms, until_ms) = (from.as_millisecond(), until.as_millisecond());
        match self.lost.back_mut() {
            Some(last) if from_ms <= last.end => last.end = last.end.max(until_ms),
            _ => self.lost.push_back(from_ms..until_ms),
        }
    }

    /// Takes the next record in the order of their time; one without a beat says nothing here.
    pub fn push(&mut self, record: &BeatRecord) {
        let at_ms = record.at.as_millisecond();
        let Some(Beat { due, every }) = record.beat else {
            self.newest_ms = self.newest_ms.max(at_ms);
            return;
        };
        let every_ms = millis(every);
        let is_answer = matches!(record.outcome, BeatOutcome::Body(_) | BeatOutcome::Unchanged { .. });
        let due_ms = match due.as_millisecond() {
            due_ms if is_answer => beat_of(at_ms, due_ms, every_ms),
            due_ms => due_ms,
        };
        if at_ms.min(due_ms) >= self.now_ms {
            return;
        }
        self.newest_ms = self.newest_ms.max(at_ms);
        let (feed_time, is_unreadable) = (record.feed_time, record.unreadable.is_some());
        let one = |answer| (due_ms, BEAT, Event::One { every_ms, answer });
        let (key, rank, event) = match &record.outcome {
            BeatOutcome::Body(digest) => one(Answer::Body { digest: *digest, feed_time, is_unreadable }),
            BeatOutcome::Unchanged { digest, .. } => {
                one(Answer::Unchanged { digest: *digest, feed_time, is_unreadable })
            }
            BeatOutcome::Note(Note::Failed { kind, .. }) => one(Answer::Failed(*kind)),
            BeatOutcome::Note(Note::Silent) => one(Answer::Silent),
            BeatOutcome::Note(Note::Skipped { beats: 1, reason }) => one(Answer::Skipped(*reason)),
            BeatOutcome::Note(Note::Skipped { beats, reason }) => {
                (due_ms, BEAT, Event::Many { every_ms, beats: *beats, reason: *reason })
            }
            // From when it works it counts by its own grid. A beat that it makes up for was due before.
            BeatOutcome::Note(Note::Started { .. }) => {
                (at_ms.min(due_ms), START, Event::Started { next_ms: due_ms, every_ms })
            }
            BeatOutcome::Note(Note::Stopped { reason }) => {
                let reason = match reason {
                    Lifecycle::Program => OffReason::Stopped,
                    Lifecycle::Configuration => OffReason::NotConfigured,
                };
                (at_ms.min(due_ms), STOP, Event::Stopped { next_ms: due_ms, every_ms, reason })
            }
        };
        self.hold((key, rank), event);
        // A beat may be asked at again until the next one is due.
        self.settle(self.newest_ms.saturating_sub(HELD_BACK_MS.max(every_ms)));
    }

    /// Ends the records; gives how many told of a beat that another record told of.
    pub fn finish(mut self, end: End) -> u64 {
        self.settle(i64::MAX);
        if let (None, Some(grid), Some(lost)) = (self.next_ms, self.grid, self.lost.front()) {
            let first = grid.after(timestamp(lost.start.saturating_sub(1)));
            (self.next_ms, self.every_ms) = (Some(first.due.as_millisecond()), millis(grid.every()));
        }
        let end_ms = end.at.as_millisecond();
        let waited = self.next_ms.map_or(0, |next| end_ms.saturating_sub(next));
        let explanation = match (self.off.map(|(reason, _)| reason), end.at_work) {
            (_, Some(patience)) if u128::try_from(waited).unwrap_or(0) <= patience.as_millis() => Explanation::UnderWay,
            (None, Some(_)) => Explanation::Unexplained,
            (off, _) => Explanation::Off(off.unwrap_or(OffReason::Killed)),
        };
        self.fill(end_ms, explanation);
        self.repeated
    }

    /// Holds an event back. Of several of one beat that counts which says most.
    fn hold(&mut self, key: (i64, u8), event: Event) {
        let mut occupied = match self.held.entry(key) {
            Entry::Vacant(place) => {
                place.insert(event);
                return;
            }
            Entry::Occupied(place) => place,
        };
        match (*occupied.get(), event) {
            (Event::One { answer: old, .. }, Event::One { answer: new, .. }) => {
                self.repeated += u64::from(self.period.contains(&key.0));
                if new.rank() > old.rank() {
                    occupied.insert(event);
                }
            }
            (Event::One { .. }, Event::Many { .. }) => self.hold_rest(key.0, event, 1),
            (Event::Many { .. }, Event::One { .. }) => {
                let many = occupied.insert(event);
                self.hold_rest(key.0, many, 1);
            }
            (Event::Many { every_ms: old, beats, .. }, Event::Many { every_ms: new, beats: others, .. }) => {
                if ahead(key.0, new, others) > ahead(key.0, old, beats) {
                    occupied.insert(event);
                }
            }
            // The newest start or end of an instant.
            _ => drop(occupied.insert(event)),
        }
    }

    /// Holds back what is left of skipped beats behind the first ones.
    fn hold_rest(&mut self, due_ms: i64, event: Event, done: u64) {
        let Event::Many { every_ms, beats, reason } = event else { return };
        let Some(beats) = beats.checked_sub(done).filter(|beats| *beats > 0) else { return };
        let due_ms = ahead(due_ms, every_ms, done);
        // At the end of time there is no beat behind the last.
        if due_ms < i64::MAX {
            self.hold((due_ms, BEAT), Event::Many { every_ms, beats, reason });
        }
    }

    /// Explains the beats that were due before an instant.
    fn settle(&mut self, until_ms: i64) {
        while let Some(first) = self.held.first_entry().filter(|first| first.key().0 < until_ms) {
            let ((key, _), event) = first.remove_entry();
            match event {
                Event::One { every_ms, answer } => self.one(key, every_ms, answer),
                Event::Many { .. } => self.many(key, event, until_ms),
                Event::Started { next_ms, every_ms } => {
                    self.begin(next_ms, every_ms);
                    self.fill(key, Explanation::Off(self.off.map_or(OffReason::Killed, |(reason, _)| reason)));
                    (self.next_ms, self.every_ms, self.off) = (Some(next_ms), every_ms, None);
                }
                Event::Stopped { next_ms, every_ms, reason } => {
                    self.begin(next_ms, every_ms);
                    self.fill_gap(key);
                    if self.next_ms.is_none() {
                        (self.next_ms, self.every_ms) = (Some(next_ms), every_ms);
                    }
                    self.off = Some((reason, next_ms));
                }
            }
        }
    }

    fn one(&mut self, due_ms: i64, every_ms: i64, answer: Answer) {
        if self.last_ms.is_some_and(|last| due_ms <= last) {
            self.repeated += u64::from(self.period.contains(&due_ms));
            return;
        }
        self.begin(due_ms, every_ms);
        self.fill_gap(due_ms);
        let explanation = self.explain(due_ms, every_ms, answer);
        self.at_work_at(due_ms);
        self.give(Stretch { first_ms: due_ms, every_ms, beats: 1, explanation });
    }

    /// Skipped beats, up to the next event.
    fn many(&mut self, due_ms: i64, event: Event, until_ms: i64) {
        let Event::Many { every_ms, beats, reason } = event else { return };
        if let Some(last) = self.last_ms.filter(|last| due_ms <= *last) {
            let known = beats_before(due_ms, every_ms, last.saturating_add(1));
            self.hold_rest(due_ms, event, known);
            return;
        }
        self.begin(due_ms, every_ms);
        self.fill_gap(due_ms);
        let next = self.held.first_key_value().map(|(key, event)| (key.0, *event));
        let limit = next.as_ref().map_or(until_ms, |(key, _)| (*key).min(until_ms));
        let some = beats_before(due_ms, every_ms, limit).clamp(1, beats);
        self.at_work_at(ahead(due_ms, every_ms, some - 1));
        self.give(Stretch { first_ms: due_ms, every_ms, beats: some, explanation: Explanation::Skipped(reason) });
        // What was passed over beforehand ends where the collector does, and where another one starts that knows nothing of it.
        let is_cut = reason == SkipReason::LeftAlone
            && next.is_some_and(|(key, event)| {
                key == limit && matches!(event, Event::Started { .. } | Event::Stopped { .. })
            });
        if !is_cut {
            self.hold_rest(due_ms, event, some);
        }
    }

    fn explain(&mut self, due_ms: i64, every_ms: i64, answer: Answer) -> Explanation {
        let (feed_time, is_unreadable, good) = match answer {
            Answer::Skipped(reason) => return Explanation::Skipped(reason),
            Answer::Silent => return Explanation::Silent,
            Answer::Failed(FailureKind::Unreadable) => return Explanation::Unreadable,
            Answer::Failed(kind) => return Explanation::Failed(kind),
            Answer::Unchanged { digest, feed_time, is_unreadable } => {
                let known = self.body.is_some_and(|(body, is_readable)| Some(body) == digest && !is_readable);
                (feed_time, is_unreadable || known, Explanation::Unchanged)
            }
            Answer::Body { digest, feed_time, is_unreadable } => {
                self.body = Some((digest, !is_unreadable));
                (feed_time, is_unreadable, Explanation::Body)
            }
        };
        let since = match (self.feed_time, feed_time) {
            (Some((known, since)), Some(time)) if known == time => since,
            _ => due_ms,
        };
        self.feed_time = feed_time.map(|time| (time, since));
        let patience = every_ms.saturating_mul(2).max(FROZEN_MS);
        match (is_unreadable, due_ms.saturating_sub(since) > patience) {
            (true, _) => Explanation::Unreadable,
            (false, true) => Explanation::Frozen,
            (false, false) => good,
        }
    }

    /// A record tells of a beat. One that a collector passed over before it ended says nothing of who is at work now.
    fn at_work_at(&mut self, due_ms: i64) {
        self.off = self.off.filter(|(_, first_off)| due_ms < *first_off);
    }

    /// The first beat that a record tells of: where records before it are lost, its grid reaches back to them.
    fn begin(&mut self, due_ms: i64, every_ms: i64) {
        if self.next_ms.is_none()
            && let Some(lost) = self.lost.front().filter(|lost| lost.start < due_ms)
        {
            let back = (i128::from(due_ms) - i128::from(lost.start)).div_euclid(i128::from(every_ms));
            let first_ms = i128::from(due_ms) - back * i128::from(every_ms);
            (self.next_ms, self.every_ms) = (i64::try_from(first_ms).ok(), every_ms);
        }
    }

    /// Explains the beats of the grid before an instant that no record tells of.
    fn fill_gap(&mut self, until_ms: i64) {
        self.fill(until_ms, self.off.map_or(Explanation::Unexplained, |(reason, _)| Explanation::Off(reason)));
    }

    fn fill(&mut self, until_ms: i64, explanation: Explanation) {
        let Some(first_ms) = self.next_ms.filter(|next| *next < until_ms) else { return };
        let every_ms = self.every_ms;
        // A grid that a start has set may begin before what is known already.
        let known = self.last_ms.map_or(0, |last| beats_before(first_ms, every_ms, last.saturating_add(1)));
        let first_ms = ahead(first_ms, every_ms, known);
        let beats = beats_before(first_ms, every_ms, until_ms);
        let mut rest = Some(Stretch { first_ms, every_ms, beats, explanation }).filter(|stretch| stretch.beats > 0);
        while let Some(stretch) = rest {
            while self.lost.front().is_some_and(|lost| lost.end <= stretch.first_ms) {
                self.lost.pop_front();
            }
            let (part, others) = self.split_at_loss(stretch);
            part.into_iter().for_each(|part| self.give(part));
            rest = others;
        }
    }

    /// The first beats of a stretch, which lie before records that are lost or among them, and the others.
    fn split_at_loss(&self, stretch: Stretch) -> (Option<Stretch>, Option<Stretch>) {
        let Stretch { first_ms, every_ms, explanation, .. } = stretch;
        let Some(lost) = self.lost.front() else { return (Some(stretch), None) };
        let is_lost = lost.start <= first_ms;
        let limit = if is_lost { lost.end } else { lost.start };
        let explanation = match explanation {
            Explanation::Off(_) if is_lost => Explanation::Unexplained,
            other => other,
        };
        let (part, others) = stretch.split(beats_before(first_ms, every_ms, limit));
        (part.map(|part| Stretch { explanation, ..part }), others)
    }

    fn give(&mut self, stretch: Stretch) {
        let Stretch { first_ms, every_ms, beats, .. } = stretch;
        self.every_ms = every_ms;
        self.last_ms = Some(ahead(first_ms, every_ms, beats - 1));
        self.next_ms = Some(ahead(first_ms, every_ms, beats));
        if let Some(known) = stretch.within(i64::MIN, self.now_ms) {
            (self.give)(known);
        }
    }
}

/// When the beat was due that an answer is of. A clock that was wrong has asked it at a beat that was far from its time: then it is of
/// the beat of the same grid at its time.
fn beat_of(at_ms: i64, due_ms: i64, every_ms: i64) -> i64 {
    let late = at_ms.saturating_sub(due_ms);
    if (-CLOCKS_APART_MS..=CLOCKS_APART_MS.saturating_add(every_ms)).contains(&late) {
        return due_ms;
    }
    let beats = (i128::from(at_ms) - i128::from(due_ms)).div_euclid(i128::from(every_ms));
    i64::try_from(i128::from(due_ms) + beats * i128::from(every_ms)).unwrap_or(due_ms)
}

/// At least one.
fn millis(every: Duration) -> i64 {
    i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// How many beats, of which the first is due at an instant, are due before another.
fn beats_before(first_ms: i64, every_ms: i64, until_ms: i64) -> u64 {
    let wide = i128::from(until_ms) - i128::from(first_ms);
    u64::try_from((wide + i128::from(every_ms) - 1).div_euclid(i128::from(every_ms))).unwrap_or(0)
}

/// When the beat is due that is so many behind one.
fn ahead(first_ms: i64, every_ms: i64, beats: u64) -> i64 {
    let ms = i128::from(first_ms).saturating_add(i128::from(every_ms).saturating_mul(i128::from(beats)));
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn timestamp(ms: i64) -> Timestamp {
    let begin = Timestamp::UNIX_EPOCH;
    begin.checked_add(SignedDuration::from_millis(ms)).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
