use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::capture::FailureKind;
use crate::capture::beat::{Beat, Grid};
use crate::capture::record::{BeatOutcome, BeatRecord, Lifecycle, Note, SkipReason};
use crate::digest::Digest;

fn time(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn record(at: Timestamp, beat: Option<Beat>, outcome: BeatOutcome) -> BeatRecord {
    BeatRecord { at, url: "https://example.org/feed".to_owned(), beat, feed_time: None, unreadable: None, outcome }
}

fn body(number: u8) -> BeatOutcome {
    BeatOutcome::Body(Digest([number; 32]))
}

fn unchanged(number: u8) -> BeatOutcome {
    BeatOutcome::Unchanged { digest: Some(Digest([number; 32])), is_not_modified: true }
}

fn failed(kind: FailureKind) -> BeatOutcome {
    BeatOutcome::Note(Note::Failed { kind, problem: String::new() })
}

fn skipped(beats: u64, reason: SkipReason) -> BeatOutcome {
    BeatOutcome::Note(Note::Skipped { beats, reason })
}

fn started() -> BeatOutcome {
    BeatOutcome::Note(Note::Started { reason: Lifecycle::Program })
}

fn stopped(reason: Lifecycle) -> BeatOutcome {
    BeatOutcome::Note(Note::Stopped { reason })
}

/// A record of a beat every 15 s, half a second after it was due.
fn at(due: &str, outcome: BeatOutcome) -> BeatRecord {
    let beat = Beat { due: time(due), every: Duration::from_secs(15) };
    record(beat.due + SignedDuration::from_millis(500), Some(beat), outcome)
}

fn coverage(records: &[BeatRecord], from: Timestamp, until: Timestamp, end: End) -> Coverage {
    let mut coverage = Coverage::new(from, until, 7);
    let mut give = |stretch| coverage.add(stretch);
    let mut explainer = Explainer::new(&mut give);
    records.iter().for_each(|record| explainer.push(record));
    explainer.finish(end);
    coverage
}

/// The explanations of the beats from ten until the records end at a time.
fn explained(records: &[BeatRecord], until: &str, at_work: Option<Duration>) -> Vec<(Explanation, u64)> {
    let end = End { at: time(until), at_work };
    let mut given: Vec<(Explanation, u64)> = Vec::new();
    let mut give = |stretch: Stretch| match given.last_mut() {
        Some((last, beats)) if *last == stretch.explanation => *beats += stretch.beats,
        _ => given.push((stretch.explanation, stretch.beats)),
    };
    let mut explainer = Explainer::new(&mut give);
    records.iter().for_each(|record| explainer.push(record));
    explainer.finish(end);
    given
}

#[test]
fn beats_without_a_record_are_off_where_a_collector_started_behind_them_and_else_unexplained() {
    let before = [at("10:00:00", started()), at("10:00:00", body(1)), at("10:00:15", unchanged(1))];
    let next = at("10:02:00", body(2));
    let records = |between: &[BeatRecord]| [&before[..], between, std::slice::from_ref(&next)].concat();
    let good = [(Explanation::Body, 1), (Explanation::Unchanged, 1)];
    let expected = |gap| [&good[..], &[(gap, 6), (Explanation::Body, 1)]].concat();
    let of = |between: &[BeatRecord]| explained(&records(between), "10:02:01", None);
    assert_eq!(of(&[]), expected(Explanation::Unexplained));
    assert_eq!(of(&[at("10:02:00", started())]), expected(Explanation::Off(OffReason::Killed)));
    // The start that makes up for the beat that is under way is written after that was due.
    let made_up = BeatRecord { at: time("10:02:05"), ..at("10:02:00", started()) };
    assert_eq!(of(&[made_up]), expected(Explanation::Off(OffReason::Killed)));
    for (reason, off) in
        [(Lifecycle::Program, OffReason::Stopped), (Lifecycle::Configuration, OffReason::NotConfigured)]
    {
        let stop = BeatRecord { at: time("10:00:20"), ..at("10:00:30", stopped(reason)) };
        assert_eq!(of(&[stop.clone(), at("10:02:00", started())]), expected(Explanation::Off(off)));
        // The disk took no record of the start.
        assert_eq!(of(&[stop]), expected(Explanation::Off(off)));
    }
}

#[test]
fn what_comes_behind_the_last_record_is_off_under_way_or_unexplained() {
    let records = [at("10:00:00", started()), at("10:00:00", body(1))];
    let last = |until, at_work| explained(&records, until, at_work).last().copied();
    let minute = Some(Duration::from_secs(60));
    assert_eq!(last("10:00:10", minute), Some((Explanation::Body, 1)));
    assert_eq!(last("10:01:00", minute), Some((Explanation::UnderWay, 3)));
    assert_eq!(last("11:00:00", minute), Some((Explanation::Unexplained, 239)));
    assert_eq!(last("11:00:00", None), Some((Explanation::Off(OffReason::Killed), 239)));
    let stop = BeatRecord { at: time("10:00:14"), ..at("10:00:15", stopped(Lifecycle::Program)) };
    let records = [&records[..], &[stop]].concat();
    assert_eq!(explained(&records, "11:00:00", None).last(), Some(&(Explanation::Off(OffReason::Stopped), 239)));
}

#[test]
fn a_header_time_that_stands_still_for_more_than_a_minute_is_a_frozen_feed() {
    let fed = |due: &str, outcome, feed_time: &str| BeatRecord { feed_time: Some(time(feed_time)), ..at(due, outcome) };
    let mut records: Vec<BeatRecord> = vec![fed("10:00:00", body(1), "09:59:50")];
    for (due, outcome) in [
        ("10:00:15", unchanged(1)),
        ("10:00:30", body(2)),
        ("10:00:45", failed(FailureKind::TimeOut)),
        ("10:01:00", unchanged(2)),
        ("10:01:15", unchanged(2)),
        ("10:01:30", body(3)),
    ] {
        records.push(fed(due, outcome, "09:59:50"));
    }
    records.push(fed("10:01:45", body(4), "10:01:40"));
    let expected = [
        (Explanation::Body, 1),
        (Explanation::Unchanged, 1),
        (Explanation::Body, 1),
        (Explanation::Failed(FailureKind::TimeOut), 1),
        (Explanation::Unchanged, 1),
        (Explanation::Frozen, 2),
        (Explanation::Body, 1),
    ];
    assert_eq!(explained(&records, "10:01:50", None), expected);
    // Without a header time nothing is known of it.
    records.iter_mut().for_each(|record| record.feed_time = None);
    assert!(explained(&records, "10:01:50", None).iter().all(|(explanation, _)| *explanation != Explanation::Frozen));
    // Beats that are far from each other: two of them.
    let hourly = |hour: u8, outcome| BeatRecord {
        beat: Some(Beat { due: time(&format!("{hour:02}:00:00")), every: Duration::from_secs(3600) }),
        ..fed(&format!("{hour:02}:00:00"), outcome, "09:00:00")
    };
    let records: Vec<BeatRecord> = (9..13).map(|hour| hourly(hour, unchanged(1))).collect();
    assert_eq!(explained(&records, "12:00:01", None), [(Explanation::Unchanged, 3), (Explanation::Frozen, 1)]);
}

#[test]
fn the_same_as_an_unreadable_body_is_unreadable() {
    let page = BeatRecord { unreadable: Some("html".to_owned()), ..at("10:00:00", body(1)) };
    let records = [page, at("10:00:15", unchanged(1)), at("10:00:30", body(2)), at("10:00:45", unchanged(2))];
    let expected = [(Explanation::Unreadable, 2), (Explanation::Body, 1), (Explanation::Unchanged, 1)];
    assert_eq!(explained(&records, "10:00:50", None), expected);
}

#[test]
fn what_a_source_asked_to_be_left_alone_ends_where_a_new_collector_asks_it_again() {
    let skip = BeatRecord { at: time("10:00:01"), ..at("10:00:15", skipped(239, SkipReason::LeftAlone)) };
    let start = BeatRecord { at: time("10:10:01"), ..at("10:10:15", started()) };
    let records = [at("10:00:00", failed(FailureKind::Status(429))), skip, start, at("10:10:15", body(1))];
    let expected = [
        (Explanation::Failed(FailureKind::Status(429)), 1),
        (Explanation::Skipped(SkipReason::LeftAlone), 40),
        (Explanation::Body, 1),
    ];
    assert_eq!(explained(&records, "10:10:20", None), expected);
}

#[test]
fn a_collector_that_ended_while_a_source_was_left_alone_is_off_from_its_next_beat_on() {
    let skip = BeatRecord { at: time("10:00:01"), ..at("10:00:15", skipped(2, SkipReason::LeftAlone)) };
    for (reason, off) in
        [(Lifecycle::Configuration, OffReason::NotConfigured), (Lifecycle::Program, OffReason::Stopped)]
    {
        let stop = BeatRecord { at: time("10:00:05"), ..at("10:00:45", stopped(reason)) };
        let start = BeatRecord { at: time("10:00:50"), ..at("10:01:00", started()) };
        let records =
            [at("10:00:00", failed(FailureKind::Status(429))), skip.clone(), stop, start, at("10:01:00", body(1))];
        let expected = [
            (Explanation::Failed(FailureKind::Status(429)), 1),
            (Explanation::Skipped(SkipReason::LeftAlone), 2),
            (Explanation::Off(off), 1),
            (Explanation::Body, 1),
        ];
        assert_eq!(explained(&records, "10:01:05", None), expected);
        let expected = [&expected[..3], &[(Explanation::Off(off), 1)]].concat();
        assert_eq!(explained(&records[..3], "10:01:05", None).iter().map(|(_, beats)| beats).sum::<u64>(), 5);
        assert_eq!(explained(&records[..3], "10:01:05", None)[2].0, expected[2].0);
    }
}

#[test]
fn records_beyond_one_of_a_beat_count_where_that_is_due_in_the_period() {
    let second = BeatRecord { at: time("10:00:09"), ..at("10:00:00", failed(FailureKind::Other)) };
    let repeated = |from, until| {
        let mut give = |_| {};
        let mut explainer = Explainer::new(&mut give).counting(time(from), time(until));
        [at("10:00:00", body(1)), second.clone(), at("10:00:15", body(2))].iter().for_each(|of| explainer.push(of));
        explainer.finish(End { at: time("10:01:00"), at_work: None })
    };
    assert_eq!((repeated("10:00:00", "10:00:01"), repeated("10:00:01", "10:01:00")), (1, 0));
}

#[test]
fn a_beat_that_was_asked_at_again_hours_later_counts_by_its_best_answer() {
    let day = Beat { due: time("01:00:00"), every: Duration::from_secs(86_400) };
    let at = |clock: &str, beat: Beat, outcome| record(time(clock), Some(beat), outcome);
    let records = [
        at("01:00:00.5", day, started()),
        at("01:00:01", day, failed(FailureKind::Refused)),
        at("02:00:00", day.plus(1), stopped(Lifecycle::Program)),
        at("11:00:00", day.plus(1), started()),
        at("11:00:00.5", day, failed(FailureKind::Refused)),
        at("12:00:00", day, body(1)),
    ];
    assert_eq!(explained(&records, "20:00:00", Some(Duration::from_secs(60))), [(Explanation::Body, 1)]);
}

#[test]
fn beats_among_lost_records_are_unexplained_whatever_the_records_around_them_say() {
    let lost = |records: &[BeatRecord], spans: &[(&str, &str)], until| {
        let mut given: Vec<(Explanation, u64)> = Vec::new();
        let mut give = |stretch: Stretch| match given.last_mut() {
            Some((last, beats)) if *last == stretch.explanation => *beats += stretch.beats,
            _ => given.push((stretch.explanation, stretch.beats)),
        };
        let mut explainer = Explainer::new(&mut give);
        spans.iter().for_each(|(from, until)| explainer.lose(time(from), time(until)));
        records.iter().for_each(|record| explainer.push(record));
        explainer.finish(End { at: time(until), at_work: None });
        given
    };
    let (lose, killed) = (Explanation::Unexplained, Explanation::Off(OffReason::Killed));
    // Before the first and behind the last one.
    let records = [at("10:05:00", body(1))];
    let spans = [("10:00:00", "10:05:00"), ("10:05:01", "11:00:00")];
    assert_eq!(lost(&records, &spans, "11:01:00"), [(lose, 20), (Explanation::Body, 1), (lose, 219), (killed, 4)]);
    // Before a start that knows nothing of it, and behind an end that is known.
    let stop = BeatRecord { at: time("10:00:14"), ..at("10:00:15", stopped(Lifecycle::Program)) };
    let records = [at("10:00:00", body(1)), stop, at("10:10:00", started()), at("10:10:00", body(2))];
    let expected =
        [(Explanation::Body, 1), (Explanation::Off(OffReason::Stopped), 19), (lose, 20), (Explanation::Body, 1)];
    assert_eq!(lost(&records, &[("10:05:00", "10:10:00")], "10:10:01"), expected);
    // An archive with no readable record before all others.
    let spans = [("08:00:00", "09:00:00")];
    assert_eq!(lost(&[at("10:00:00", started())], &spans, "10:00:00"), [(lose, 240), (killed, 240)]);
}

#[test]
fn what_was_asked_with_a_wrong_clock_counts_at_its_own_time_and_nothing_of_the_future_does() {
    let wrong = |at: &str, outcome: BeatOutcome| {
        let due = time(at).checked_add(SignedDuration::from_hours(47)).unwrap();
        let beat = Beat { due, every: Duration::from_secs(15) };
        // The evidence of bodies follows the server, notes have the time of this machine.
        let is_body = matches!(outcome, BeatOutcome::Body(_) | BeatOutcome::Unchanged { .. });
        let by = SignedDuration::from_millis(500);
        record(if is_body { time(at) + by } else { due + by }, Some(beat), outcome)
    };
    let mut records: Vec<BeatRecord> = vec![wrong("10:00:00", started())];
    records.extend((0..8).map(|n| wrong(&format!("10:0{}:{:02}", n / 4, n % 4 * 15), body(n))));
    records.push(wrong("10:01:50", failed(FailureKind::TimeOut)));
    records.push(wrong("10:02:00", stopped(Lifecycle::Program)));
    records.extend([at("10:03:00", started()), at("10:03:00", body(20)), at("10:03:15", body(21))]);
    records.sort_by_key(|record| record.at);
    let mut given: Vec<(Explanation, u64)> = Vec::new();
    let mut give = |stretch: Stretch| match given.last_mut() {
        Some((last, beats)) if *last == stretch.explanation => *beats += stretch.beats,
        _ => given.push((stretch.explanation, stretch.beats)),
    };
    let mut explainer = Explainer::new(&mut give).known_at(time("10:03:31"));
    records.iter().for_each(|record| explainer.push(record));
    explainer.finish(End { at: time("10:03:31"), at_work: Some(Duration::from_secs(60)) });
    let killed = Explanation::Off(OffReason::Killed);
    assert_eq!(given, [(Explanation::Body, 8), (killed, 4), (Explanation::Body, 2), (Explanation::UnderWay, 1)]);
}

#[test]
fn beats_that_a_machine_slept_through_are_known_afterwards_however_long_it_slept() {
    let skip = BeatRecord { at: time("18:00:07"), ..at("10:00:15", skipped(1919, SkipReason::Late)) };
    let records = [at("10:00:00", body(1)), skip, at("18:00:00", body(2))];
    let expected = [(Explanation::Body, 1), (Explanation::Skipped(SkipReason::Late), 1919), (Explanation::Body, 1)];
    assert_eq!(explained(&records, "18:00:10", None), expected);
}

#[test]
fn numbers_beyond_all_bounds_are_no_panic() {
    let skip = |due| at(due, skipped(u64::MAX, SkipReason::Late));
    let mut records = vec![at("10:00:00", body(1)), skip("10:00:15"), skip("10:00:15"), at("10:00:30", body(2))];
    let beat = Beat { due: Timestamp::MAX, every: Duration::MAX };
    records.push(record(Timestamp::MAX, Some(beat), skipped(u64::MAX, SkipReason::Late)));
    let all = coverage(&records, time("10:00:00"), time("11:00:00"), End { at: time("11:00:00"), at_work: None });
    assert_eq!(all.beats, 240);
}

#[test]
fn gaps_beyond_a_limit_are_counted_and_the_longest_are_told() {
    let begin = time("00:00:00").as_millisecond();
    let mut coverage = Coverage::new(ms(begin), ms(begin + 100_000_000), 5);
    for number in 0..50_000 {
        let beats = if number % 100 == 0 { 3 } else { 1 };
        let explanation = Explanation::Failed(FailureKind::Refused);
        let first_ms = begin + number * 2000;
        coverage.add(Stretch { first_ms, every_ms: 100, beats, explanation });
        coverage.add(Stretch { first_ms: first_ms + 1000, every_ms: 100, beats: 1, explanation: Explanation::Body });
    }
    coverage.limit_spans();
    assert_eq!(coverage.spans.len() as u64 + coverage.spans_left_out, 50_000);
    assert!(coverage.spans.len() <= 20_000 && coverage.spans.is_sorted_by_key(|span| span.from));
    assert_eq!(coverage.spans.iter().filter(|span| span.beats == 3).count(), 500);
    assert_eq!(coverage.of(Class::Failed), 51_000);
}

/// What happens to a collector, in random order.
#[derive(Clone, Debug)]
enum Deed {
    /// So many beats give a body, the same, or fail.
    Ask(u64),
    Skip(u64, SkipReason),
    /// Dies without a word and is started after so many milliseconds.
    Kill(i64),
    Stop(i64),
    /// Ends within an answer, and is started after so many milliseconds.
    End(i64),
    /// From now on with another interval.
    Every(u64),
    /// The clock is set forth or back by so many milliseconds.
    Clock(i64),
    /// The record of a beat is lost.
    Lose,
    /// The newest beat leaves another record that says less.
    Repeat,
}

/// A collector that keeps records and knows itself what became of each beat.
struct Model {
    now: i64,
    grid: Grid,
    next: Beat,
    records: Vec<BeatRecord>,
    /// By when it was due: how much it says, and what.
    truth: BTreeMap<i64, (u8, Explanation)>,
    /// Beats whose record was lost since the last record.
    lost: Vec<i64>,
}

impl Model {
    fn new() -> Self {
        let now = time("10:00:00").as_millisecond();
        let grid = Grid::new("model", Duration::from_secs(15));
        let mut model = Self {
            now,
            grid,
            next: grid.after(ms(now)),
            records: Vec::new(),
            truth: BTreeMap::new(),
            lost: Vec::new(),
        };
        model.keep(model.next, started());
        model
    }

    fn keep(&mut self, beat: Beat, outcome: BeatOutcome) {
        self.lost.clear();
        self.records.push(record(ms(self.now), Some(beat), outcome));
    }

    fn is(&mut self, due: Timestamp, rank: u8, explanation: Explanation) {
        let known = self.truth.entry(due.as_millisecond()).or_insert((rank, explanation));
        if rank > known.0 {
            *known = (rank, explanation);
        }
    }

    /// One beat at its time.
    fn ask(&mut self, number: u64, is_kept: bool) {
        self.now = self.now.max(self.next.due.as_millisecond() + 3);
        let (outcome, rank, explanation) = match number % 5 {
            0 | 1 => (body(1), 4, Explanation::Body),
            2 | 3 => (unchanged(1), 3, Explanation::Unchanged),
            _ => (failed(FailureKind::Refused), 2, Explanation::Failed(FailureKind::Refused)),
        };
        if is_kept {
            self.keep(self.next, outcome);
            self.is(self.next.due, rank, explanation);
        } else {
            self.is(self.next.due, 0, Explanation::Unexplained);
            self.lost.push(self.next.due.as_millisecond());
        }
        self.next = self.next.plus(1);
    }

    /// From now on nothing is asked for so long.
    fn pause(&mut self, pause: i64, off: OffReason) {
        self.now += pause;
        let mut due = self.next;
        while due.due.as_millisecond() < self.now {
            self.is(due.due, 0, Explanation::Off(off));
            due = due.plus(1);
        }
        self.next = self.grid.after(ms(self.now));
        self.keep(self.next, started());
        self.now += 1;
    }

    fn act(&mut self, deed: &Deed) {
        match *deed {
            Deed::Ask(beats) => (0..beats).for_each(|number| self.ask(number + beats, true)),
            Deed::Skip(beats, reason) => {
                let first = self.next;
                self.next = first.plus(beats);
                self.now = self.now.max(self.next.due.as_millisecond() - 7);
                self.keep(first, skipped(beats, reason));
                (0..beats).for_each(|number| self.is(first.plus(number).due, 1, Explanation::Skipped(reason)));
            }
            Deed::Kill(pause) => {
                // Nothing tells beats whose record was lost just before from those that came just after.
                for due in std::mem::take(&mut self.lost) {
                    self.truth.insert(due, (0, Explanation::Off(OffReason::Killed)));
                }
                self.pause(pause, OffReason::Killed);
            }
            Deed::Stop(pause) => {
                self.keep(self.next, stopped(Lifecycle::Program));
                self.pause(pause, OffReason::Stopped);
            }
            Deed::End(pause) => {
                self.now = self.now.max(self.next.due.as_millisecond() + 5);
                self.keep(self.next, skipped(1, SkipReason::Ended));
                self.is(self.next.due, 1, Explanation::Skipped(SkipReason::Ended));
                self.keep(self.next, stopped(Lifecycle::Program));
                self.next = self.next.plus(1);
                self.pause(pause, OffReason::Stopped);
            }
            Deed::Every(seconds) => {
                self.keep(self.next, stopped(Lifecycle::Configuration));
                self.grid = Grid::new("model", Duration::from_secs(seconds));
                self.pause(2, OffReason::NotConfigured);
            }
            Deed::Clock(by) => {
                self.now += by;
                let reached = self.grid.after(ms(self.now));
                if reached.due > self.next.due {
                    let beats = self.grid.between(self.next, reached);
                    self.act(&Deed::Skip(beats, SkipReason::Late));
                } else {
                    self.next = reached;
                }
            }
            Deed::Lose => self.ask(0, false),
            Deed::Repeat => {
                let newest = self.records.last().filter(|record| {
                    !matches!(
                        record.outcome,
                        BeatOutcome::Note(Note::Skipped { .. } | Note::Started { .. } | Note::Stopped { .. })
                    )
                });
                if let Some(beat) = newest.and_then(|record| record.beat) {
                    // It tells of an earlier beat, and nothing of those that were lost behind it.
                    let lost = self.lost.clone();
                    self.keep(beat, skipped(1, SkipReason::Ended));
                    self.lost = lost;
                    self.is(beat.due, 1, Explanation::Skipped(SkipReason::Ended));
                }
            }
        }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1_u64..60).prop_map(Deed::Ask),
        2 => (1_u64..30).prop_map(|beats| Deed::Skip(beats, SkipReason::Late)),
        1 => (1_u64..30).prop_map(|beats| Deed::Skip(beats, SkipReason::NotKept)),
        2 => (1_i64..2_000_000).prop_map(Deed::Kill),
        1 => (1_i64..20_000_000).prop_map(Deed::Stop),
        1 => (1_i64..200_000).prop_map(Deed::End),
        1 => proptest::sample::select(vec![1_u64, 5, 10, 15, 60]).prop_map(Deed::Every),
        1 => Just(Deed::Lose),
        1 => Just(Deed::Repeat),
    ]
}

/// The beats from one instant until another by explanation, as the model knows them.
fn truth(model: &Model, from: i64, until: i64) -> BTreeMap<Explanation, u64> {
    let mut by = BTreeMap::new();
    for (_, (_, explanation)) in model.truth.range(from..until) {
        *by.entry(*explanation).or_default() += 1;
    }
    by
}

fn sorted(model: &Model) -> Vec<BeatRecord> {
    let mut records = model.records.clone();
    records.sort_by_key(|record| record.at);
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_beat_of_any_period_is_explained_as_it_was(
        deeds in proptest::collection::vec(deed(), 1..25),
        bounds in (0_i64..1000, 0_i64..1000),
    ) {
        let mut model = Model::new();
        deeds.iter().for_each(|deed| model.act(deed));
        model.ask(0, true);
        let begin = time("10:00:00").as_millisecond();
        let at = |share: i64| begin + (model.now + 20_000 - begin) * share / 1000;
        let (from, until) = (at(bounds.0.min(bounds.1)), at(bounds.0.max(bounds.1) + 1));
        let end = End { at: ms(until.min(model.now)), at_work: None };
        let found = coverage(&sorted(&model), ms(from), ms(until), end);
        prop_assert_eq!(&found.by, &truth(&model, from, until));
        prop_assert_eq!(found.beats, found.by.values().sum::<u64>());
        prop_assert_eq!(found.beats, found.cells.iter().flatten().sum::<u64>());
        let gaps: u64 = found.spans.iter().map(|span| span.beats).sum();
        prop_assert_eq!(gaps, found.beats - found.of(Class::Body) - found.of(Class::Unchanged));
        prop_assert!(found.spans.windows(2).all(|pair| pair[0].until <= pair[1].from || pair[0].from < pair[1].from));
    }

    /// A clock that is set forth skips beats; one that is set back lets beats be asked a second time.
    #[test]
    fn a_clock_that_is_set_loses_and_doubles_no_beat(
        deeds in proptest::collection::vec((deed(), -400_000_i64..400_000), 1..12),
    ) {
        let mut model = Model::new();
        let mut latest = model.now;
        for (deed, by) in &deeds {
            // Two grids, and records that are lost, have no one truth where beats are asked twice.
            if !matches!(deed, Deed::Every(_) | Deed::Lose | Deed::Kill(_) | Deed::Stop(_) | Deed::End(_)) {
                model.act(deed);
                latest = latest.max(model.now);
                model.act(&Deed::Clock(*by));
                latest = latest.max(model.now);
            }
        }
        // The time that the clock showed before comes again.
        model.act(&Deed::Clock(latest - model.now));
        model.ask(0, true);
        let (first, last) = (time("08:00:00").as_millisecond(), *model.truth.keys().next_back().unwrap());
        let end = End { at: ms(last), at_work: None };
        let found = coverage(&sorted(&model), ms(first), ms(last + 1), end);
        let beats = model.truth.len() as u64;
        prop_assert_eq!(found.beats, beats, "{:?}", found.by);
        prop_assert_eq!(found.of(Class::Off), 0);
        let good = |by: &BTreeMap<Explanation, u64>| by.get(&Explanation::Body).copied().unwrap_or_default();
        prop_assert_eq!(good(&found.by), good(&truth(&model, first, last + 1)));
    }
}
