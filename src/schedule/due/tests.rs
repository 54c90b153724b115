use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::pipeline::Schedule;
use crate::schedule::facts::{ReleaseAct, Released};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn date(text: &str) -> ServiceDate {
    text.parse().unwrap()
}

fn daily(time: &str) -> Schedule {
    Schedule { trigger: Trigger::Times(time.parse().unwrap()), late: 3, catch_up: 30, line: 1 }
}

fn pipeline(schedule: Schedule) -> PipelineFacts {
    PipelineFacts { settings: Mark(1), ..PipelineFacts::of(schedule, false) }
}

fn facts(pipelines: Vec<(&str, PipelineFacts)>) -> Facts {
    let pipelines = pipelines.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
    Facts { pipelines, ..Facts::none(TimeZone::get("Europe/Berlin").unwrap()) }
}

fn captured(mark: u64) -> DateFacts {
    let evidence = Some(Evidence { mark: Mark(mark), since: at("2026-11-24T00:00:00Z") });
    DateFacts { evidence, ..DateFacts::default() }
}

fn ended(outcome: Outcome, begun: &str, mark: u64) -> Option<Attempt> {
    let begun = at(begun);
    let ended = Some(Ended { at: begun.saturating_add(SignedDuration::from_secs(10)).unwrap(), outcome });
    Some(Attempt { begun, ended, evidence: Some(Mark(mark)), settings: Mark(1) })
}

fn now_due(facts: &Facts, now: &str) -> Vec<String> {
    due(facts, at(now)).now.iter().map(|job| format!("{} {}", job.key, job.why.name())).collect()
}

fn later(facts: &Facts, now: &str) -> Vec<String> {
    due(facts, at(now)).later.iter().map(|later| format!("{} {} {}", later.key, later.why.name(), later.at)).collect()
}

#[test]
fn a_date_is_due_at_the_first_time_of_the_schedule_at_which_it_is_over() {
    let mut bus = pipeline(daily("06:30"));
    bus.dates.insert(date("2026-11-24"), captured(1));
    let facts = facts(vec![("bus", bus)]);
    assert_eq!(later(&facts, "2026-11-25T05:29:59Z"), ["bus 2026-11-24 over 2026-11-25T05:30:00Z"]);
    assert_eq!(now_due(&facts, "2026-11-25T05:30:00Z"), ["bus 2026-11-24 over"]);
    // Missed: it is run as soon as somebody looks, until catch_up.
    assert_eq!(now_due(&facts, "2026-12-25T20:00:00Z"), ["bus 2026-11-24 over"]);
    // Then it waits for a person, as long as its evidence is there.
    for now in ["2026-12-26T20:00:00Z", "2027-11-26T20:00:00Z", "2031-11-26T20:00:00Z"] {
        let too_late = due(&facts, at(now));
        assert_eq!((too_late.now.len(), too_late.stopped[0].why), (0, Stop::TooOld), "{now}");
    }
    // Before the end of the service date the time of the schedule does not count.
    let mut early = pipeline(daily("04:30"));
    early.dates.insert(date("2026-11-24"), captured(1));
    let facts = super::tests::facts(vec![("bus", early)]);
    assert_eq!(later(&facts, "2026-11-25T04:00:00Z"), ["bus 2026-11-24 over 2026-11-26T03:30:00Z"]);
}

#[test]
fn what_is_released_is_done_and_evidence_that_comes_late_makes_it_due_once_more_at_the_next_time() {
    let mut bus = pipeline(daily("06:30"));
    let released = Some(Released { is_provisional: false });
    let attempt = ended(Outcome::Published, "2026-11-25T05:30:00Z", 1);
    bus.dates.insert(date("2026-11-24"), DateFacts { released, attempt, ..captured(1) });
    let mut facts = facts(vec![("bus", bus)]);
    for now in ["2026-11-25T06:00:00Z", "2026-11-26T06:00:00Z", "2026-12-20T06:00:00Z"] {
        let due = due(&facts, at(now));
        assert_eq!((due.now.len(), due.later.len(), due.stopped.len()), (0, 0, 0), "{now}");
    }
    let of_date = |facts: &mut Facts, change: &dyn Fn(&mut DateFacts)| {
        change(facts.pipelines.get_mut("bus").unwrap().dates.get_mut(&date("2026-11-24")).unwrap());
    };
    of_date(&mut facts, &|of| of.evidence.as_mut().unwrap().mark = Mark(2));
    assert_eq!(later(&facts, "2026-11-25T10:00:00Z"), ["bus 2026-11-24 late 2026-11-26T05:30:00Z"]);
    assert_eq!(now_due(&facts, "2026-11-26T05:30:00Z"), ["bus 2026-11-24 late"]);
    assert_eq!(now_due(&facts, "2026-11-28T22:59:59Z"), ["bus 2026-11-24 late"]);
    assert!(due(&facts, at("2026-11-28T23:00:00Z")).now.is_empty());
    // The log is lost: it is looked at once more as long as evidence may come late, and not after that.
    of_date(&mut facts, &|of| of.attempt = None);
    assert_eq!(now_due(&facts, "2026-11-26T05:30:00Z"), ["bus 2026-11-24 late"]);
    assert!(due(&facts, at("2026-12-20T06:00:00Z")).now.is_empty());
    // The settings are edited: what is released stays as it is.
    of_date(&mut facts, &|of| of.attempt = ended(Outcome::NothingNew, "2026-11-26T05:30:00Z", 2));
    facts.pipelines.get_mut("bus").unwrap().settings = Mark(7);
    assert!(due(&facts, at("2026-11-26T06:00:00Z")).now.is_empty());
}

#[test]
fn what_fails_is_tried_again_with_growing_pauses_and_what_needs_a_person_waits_for_a_change() {
    let of = |outcome, failures| {
        let mut bus = pipeline(daily("06:30"));
        let attempt = ended(outcome, "2026-11-25T05:30:00Z", 1);
        bus.dates.insert(date("2026-11-24"), DateFacts { attempt, failures, ..captured(1) });
        facts(vec![("bus", bus)])
    };
    for (failures, expected) in
        [(1, "05:31:10"), (2, "05:32:10"), (3, "05:34:10"), (7, "06:30:10"), (4_000_000, "06:30:10")]
    {
        let later = later(&of(Outcome::Transient, failures), "2026-11-25T05:30:20Z");
        assert_eq!(later, [format!("bus 2026-11-24 again 2026-11-25T{expected}Z")]);
    }
    assert_eq!(now_due(&of(Outcome::Killed, 1), "2026-11-25T05:30:20Z"), ["bus 2026-11-24 again"]);
    assert_eq!(later(&of(Outcome::Killed, 3), "2026-11-25T05:30:20Z"), ["bus 2026-11-24 again 2026-11-25T05:32:10Z"]);
    for outcome in [Outcome::HeldBack, Outcome::Permanent, Outcome::Usage] {
        let mut facts = of(outcome, 0);
        let stopped = due(&facts, at("2026-11-26T06:00:00Z"));
        assert_eq!((stopped.now.len(), stopped.stopped[0].why), (0, Stop::Ended(outcome)));
        let bus = facts.pipelines.get_mut("bus").unwrap();
        bus.dates.get_mut(&date("2026-11-24")).unwrap().evidence.as_mut().unwrap().mark = Mark(2);
        assert_eq!(later(&facts, "2026-11-25T06:00:00Z"), ["bus 2026-11-24 new_evidence 2026-11-26T05:30:00Z"]);
        facts.pipelines.get_mut("bus").unwrap().settings = Mark(2);
        assert_eq!(now_due(&facts, "2026-11-25T06:00:00Z"), ["bus 2026-11-24 mended"]);
    }
    // There was nothing of the date: nobody needs to be told, and it is no failure.
    let absent = due(&of(Outcome::Absent, 0), at("2026-11-26T06:00:00Z"));
    assert_eq!((absent.now.len(), absent.later.len(), absent.stopped.len()), (0, 0, 0));
}

#[test]
fn the_oldest_date_comes_first_and_every_third_time_the_newest() {
    let mut bus = pipeline(daily("06:30"));
    for day in 1..=9 {
        bus.dates.insert(ServiceDate::new(2026, 11, day).unwrap(), captured(1));
    }
    let mut facts = facts(vec![("bus", bus)]);
    let days = |facts: &Facts| -> Vec<String> {
        due(facts, at("2026-11-20T12:00:00Z"))
            .now
            .iter()
            .map(|job| job.key.date.unwrap().to_string()[8..].to_owned())
            .collect()
    };
    assert_eq!(days(&facts), ["01", "02", "09", "03", "04", "08", "05", "06", "07"]);
    facts.begun = 2;
    assert_eq!(days(&facts)[..4], ["09", "01", "02", "08"]);
    let key = JobKey { pipeline: "bus".to_owned(), date: Some(date("2026-11-09")) };
    facts.running.insert(key);
    assert_eq!(days(&facts)[..2], ["08", "01"]);
}

#[test]
fn a_pipeline_that_comes_after_another_waits_for_its_dates() {
    let plan = |first: DateFacts, running: bool| {
        let (mut one, mut two) = (pipeline(daily("06:30")), pipeline(daily("00:00")));
        two.schedule.trigger = Trigger::After("z-plan".to_owned());
        one.is_timetable = true;
        let evidence = Some(Evidence { mark: Mark(1), since: at("2026-11-25T03:00:00Z") });
        one.dates.insert(date("2026-11-25"), DateFacts { evidence, ..first });
        two.dates.insert(date("2026-11-24"), captured(1));
        let mut facts = facts(vec![("z-plan", one), ("bus", two)]);
        if running {
            facts.running.insert(JobKey { pipeline: "z-plan".to_owned(), date: Some(date("2026-11-25")) });
        }
        now_due(&facts, "2026-11-25T05:30:00Z")
    };
    assert_eq!(plan(captured(1), false), ["z-plan 2026-11-25 captured"]);
    assert!(plan(captured(1), true).is_empty());
    let done = DateFacts { attempt: ended(Outcome::Published, "2026-11-25T05:30:00Z", 1), ..captured(1) };
    assert_eq!(plan(done, false), ["bus 2026-11-24 over"]);
    // One that fails again and again keeps nothing waiting.
    let attempt = ended(Outcome::Transient, "2026-11-25T05:00:00Z", 1);
    let failing = DateFacts { attempt, failures: 1, ..captured(1) };
    assert_eq!(plan(failing, false), ["bus 2026-11-24 over", "z-plan 2026-11-25 again"]);
}

#[test]
fn provisional_releases_come_while_evidence_comes_and_the_whole_date_after_them() {
    let schedule = Schedule { trigger: Trigger::Every(Duration::from_secs(900)), ..daily("06:30") };
    let with = |of: DateFacts| {
        let mut bus = pipeline(schedule.clone());
        bus.dates.insert(date("2026-11-24"), of);
        facts(vec![("bus", bus)])
    };
    assert_eq!(now_due(&with(captured(1)), "2026-11-24T10:01:00Z"), ["bus 2026-11-24 provisional"]);
    let released = Some(Released { is_provisional: true });
    let attempt = ended(Outcome::Published, "2026-11-24T10:00:01Z", 1);
    let told = with(DateFacts { released, attempt: attempt.clone(), ..captured(2) });
    assert_eq!(later(&told, "2026-11-24T10:01:00Z"), ["bus 2026-11-24 provisional 2026-11-24T10:15:00Z"]);
    assert_eq!(now_due(&told, "2026-11-25T05:00:00Z"), ["bus 2026-11-24 over"]);
    let quiet = with(DateFacts { released, attempt, ..captured(1) });
    assert_eq!(later(&quiet, "2026-11-24T10:01:00Z"), ["bus 2026-11-24 over 2026-11-25T05:00:00Z"]);
    // What is held back while it runs is looked at when it is over.
    let held = with(DateFacts { attempt: ended(Outcome::HeldBack, "2026-11-24T10:00:01Z", 1), ..captured(1) });
    assert_eq!(now_due(&held, "2026-11-25T05:00:00Z"), ["bus 2026-11-24 over"]);
}

#[test]
fn a_timetable_that_nobody_collects_is_asked_for_at_its_times_and_released_at_once() {
    let mut plan = pipeline(daily("05:30"));
    (plan.is_timetable, plan.asks) = (true, true);
    let mut facts = facts(vec![("plan", plan)]);
    assert_eq!(now_due(&facts, "2026-11-25T05:00:00Z"), ["plan: asking its sources asking"]);
    facts.pipelines.get_mut("plan").unwrap().asked = ended(Outcome::Published, "2026-11-25T05:00:00Z", 0);
    assert_eq!(later(&facts, "2026-11-25T05:01:00Z"), ["plan: asking its sources asking 2026-11-26T04:30:00Z"]);
    let evidence = Some(Evidence { mark: Mark(1), since: at("2026-11-25T05:00:00Z") });
    let of_date = DateFacts { evidence, ..DateFacts::default() };
    facts.pipelines.get_mut("plan").unwrap().dates.insert(date("2026-11-25"), of_date);
    assert_eq!(now_due(&facts, "2026-11-25T05:01:00Z"), ["plan 2026-11-25 captured"]);
    // By a clock that is a little behind that of the one who asked.
    let ahead = Some(Evidence { mark: Mark(1), since: at("2026-11-25T05:00:09Z") });
    facts.pipelines.get_mut("plan").unwrap().dates.get_mut(&date("2026-11-25")).unwrap().evidence = ahead;
    assert_eq!(now_due(&facts, "2026-11-25T05:00:05Z"), ["plan 2026-11-25 captured"]);
    facts.pipelines.get_mut("plan").unwrap().dates.get_mut(&date("2026-11-25")).unwrap().evidence = evidence;
    // What was captured has the second, and the log more.
    facts.pipelines.get_mut("plan").unwrap().asked = ended(Outcome::Published, "2026-11-25T05:00:00.7Z", 0);
    assert_eq!(now_due(&facts, "2026-11-25T05:01:00Z"), ["plan 2026-11-25 captured"]);
}

#[test]
fn when_a_captured_timetable_is_due_does_not_depend_on_whether_a_collector_is_at_work_now() {
    let mut plan = pipeline(daily("05:30"));
    plan.is_timetable = true;
    let evidence = Some(Evidence { mark: Mark(1), since: at("2026-11-25T21:20:00Z") });
    plan.dates.insert(date("2026-11-25"), DateFacts { evidence, ..DateFacts::default() });
    let collected = facts(vec![("plan", plan.clone())]);
    assert_eq!(later(&collected, "2026-11-25T22:00:00Z"), ["plan 2026-11-25 captured 2026-11-26T04:30:00Z"]);
    // The collector has ended; what it captured was not asked for by the schedule.
    plan.asks = true;
    plan.asked = ended(Outcome::Published, "2026-11-25T04:30:00Z", 0);
    let killed = facts(vec![("plan", plan)]);
    assert_eq!(now_due(&killed, "2026-11-25T22:00:00Z"), [""; 0]);
    assert!(
        later(&killed, "2026-11-25T22:00:00Z").contains(&"plan 2026-11-25 captured 2026-11-26T04:30:00Z".to_owned())
    );
}

#[test]
fn daily_jobs_are_done_once_at_their_time_and_tried_again_when_they_fail() {
    let mut facts = facts(vec![]);
    let ended = |at_: &str, outcome| Some(Ended { at: at(at_), outcome });
    let mut due_at = |ended_: Option<Ended>, failures, now: &str| {
        let chore = ChoreFacts {
            times: "03:15".parse().unwrap(),
            running_since: None,
            ended: ended_,
            failures,
            is_changed: false,
        };
        facts.chores.insert("purge".to_owned(), chore);
        !due(&facts, at(now)).chores.is_empty()
    };
    assert!(due_at(None, 0, "2026-11-24T12:00:00Z"));
    let done = ended("2026-11-24T12:00:05Z", Outcome::Published);
    assert!(!due_at(done.clone(), 0, "2026-11-25T02:14:59Z"));
    assert!(due_at(done, 0, "2026-11-25T02:15:00Z"));
    let failed = ended("2026-11-25T02:15:10Z", Outcome::Transient);
    assert!(!due_at(failed.clone(), 2, "2026-11-25T02:17:09Z"));
    assert!(due_at(failed, 2, "2026-11-25T02:17:10Z"));
    assert!(!due_at(ended("2026-11-25T02:15:10Z", Outcome::Usage), 0, "2026-11-25T22:17:10Z"));
}

/// It may have been killed after the commit: the views of the release are missing then, whatever the age of the date.
#[test]
fn what_was_killed_is_tried_again_also_where_the_date_is_released_and_late_evidence_counts_no_more() {
    let released = Some(Released { is_provisional: false });
    let attempt = Some(Attempt { ended: None, ..ended(Outcome::Killed, "2026-12-10T12:00:00Z", 1).unwrap() });
    let seen = ended(Outcome::Killed, "2026-12-10T12:00:00Z", 1);
    for attempt in [attempt, seen] {
        let killed = of_date(DateFacts { attempt, released, failures: 1, ..captured(1) });
        assert_eq!(now_due(&killed, "2026-12-10T12:01:00Z"), ["bus 2026-11-24 again"]);
        // It is done: nobody has to see to it when it is too old to be tried again.
        let long_after = "2027-06-10T12:00:00Z";
        assert_eq!((now_due(&killed, long_after), stopped(&killed, long_after)), (vec![], vec![]));
    }
    let failed = ended(Outcome::Transient, "2026-12-10T12:00:00Z", 1);
    let failed = of_date(DateFacts { attempt: failed, released, failures: 1, ..captured(1) });
    assert_eq!(now_due(&failed, "2026-12-10T14:00:00Z"), [""; 0]);
}

/// A date that was published at 05:30, and what the bucket has of it.
fn published(repeats: u32, released: Option<Released>) -> DateFacts {
    let begun = "2026-11-25T05:30:00Z";
    let attempt = ended(Outcome::Published, begun, 1);
    DateFacts { attempt, released, repeats, published: Some(at(begun)), ..captured(1) }
}

fn of_date(of: DateFacts) -> Facts {
    let mut bus = pipeline(daily("06:30"));
    bus.dates.insert(date("2026-11-24"), of);
    facts(vec![("bus", bus)])
}

/// What is stopped, and why.
fn stopped(facts: &Facts, now: &str) -> Vec<Stop> {
    due(facts, at(now)).stopped.iter().map(|stopped| stopped.why).collect()
}

#[test]
fn what_was_released_and_is_not_in_the_bucket_is_run_once_and_then_with_growing_pauses() {
    let once = of_date(published(1, None));
    // However old it is.
    for now in ["2026-11-25T06:00:00Z", "2026-12-20T06:00:00Z", "2029-11-25T06:00:00Z"] {
        assert_eq!(now_due(&once, now), ["bus 2026-11-24 missing"], "{now}");
    }
    // What is left of it is a provisional release.
    let provisional = of_date(published(1, Some(Released { is_provisional: true })));
    assert_eq!(now_due(&provisional, "2026-12-20T06:00:00Z"), ["bus 2026-11-24 missing"]);
    // That did not bring it back: a person must see why.
    for (repeats, hours) in [(2, 24), (3, 48), (4, 96), (40, 32 * 24)] {
        let again = of_date(published(repeats, None));
        let end = at("2026-11-25T05:30:10Z").saturating_add(SignedDuration::from_hours(hours)).unwrap();
        let before = end.saturating_sub(SignedDuration::from_secs(1)).unwrap().to_string();
        assert_eq!((now_due(&again, &before), stopped(&again, &before)), (vec![], vec![Stop::Missing]), "{repeats}");
        assert_eq!(now_due(&again, &end.to_string()), ["bus 2026-11-24 missing"], "{repeats}");
    }
    // Other evidence, or other settings, may bring it back.
    let mut changed = of_date(published(2, None));
    changed.pipelines.get_mut("bus").unwrap().settings = Mark(9);
    assert_eq!(now_due(&changed, "2026-11-25T06:00:00Z"), ["bus 2026-11-24 missing"]);
    // The bucket says that it was taken back: nobody lost it.
    let taken_back = of_date(DateFacts { is_taken_back: true, ..published(1, None) });
    let due_ = due(&taken_back, at("2026-12-20T06:00:00Z"));
    assert_eq!((due_.now.len(), due_.later.len(), due_.stopped.len()), (0, 0, 0));
    // What somebody withdrew waits for somebody, whatever comes in; what went back is as good as released.
    let act = |kind| {
        let tables = ["t".to_owned()].into();
        Some(ReleaseAct { kind, tables, at: at("2026-11-26T00:00:00Z"), by: "D".to_owned(), reason: "r".to_owned() })
    };
    for of in [published(1, None), captured(7)] {
        let withdrawn = of_date(DateFacts { act: act(ReleaseActKind::Withdrawn), ..of });
        let due_ = due(&withdrawn, at("2026-11-26T06:00:00Z"));
        assert_eq!((due_.now.len(), due_.later.len(), due_.stopped.len()), (0, 0, 0));
    }
    let whole = published(1, Some(Released { is_provisional: false }));
    let back = of_date(DateFacts { act: act(ReleaseActKind::RolledBack), ..whole });
    assert_eq!(now_due(&back, "2026-11-26T06:00:00Z"), Vec::<String>::new());
    let lifted = of_date(DateFacts { act: act(ReleaseActKind::Lifted), ..published(1, None) });
    assert_eq!(now_due(&lifted, "2026-11-26T06:00:00Z"), ["bus 2026-11-24 missing"]);
    // Nothing can be run of it.
    let lost = of_date(DateFacts { evidence: None, ..published(1, None) });
    assert_eq!(
        (now_due(&lost, "2026-12-20T06:00:00Z"), stopped(&lost, "2026-12-20T06:00:00Z")),
        (vec![], vec![Stop::Lost])
    );
    // A try that failed is repeated, also of a date that is old.
    let failed =
        DateFacts { attempt: ended(Outcome::Transient, "2027-11-25T05:30:00Z", 1), failures: 1, ..published(1, None) };
    assert_eq!(now_due(&of_date(failed), "2027-11-25T06:00:00Z"), ["bus 2026-11-24 again"]);
    // There is nothing of it any more.
    let absent = DateFacts { attempt: ended(Outcome::Absent, "2026-11-26T05:30:00Z", 1), ..published(1, None) };
    let due_ = due(&of_date(absent), at("2026-12-20T06:00:00Z"));
    assert_eq!((due_.now.len(), due_.later.len(), due_.stopped.len()), (0, 0, 0));
}

#[test]
fn what_a_clock_wrote_that_was_ahead_counts_as_forgotten() {
    let wrong = "2036-11-25T05:30:00Z";
    let now = "2026-11-25T06:00:00Z";
    // Asking.
    let mut plan = pipeline(daily("05:30"));
    (plan.is_timetable, plan.asks) = (true, true);
    for outcome in [Outcome::Published, Outcome::Transient] {
        plan.asked = ended(outcome, wrong, 0);
        plan.asked_failures = 3;
        assert_eq!(now_due(&facts(vec![("plan", plan.clone())]), now), ["plan: asking its sources asking"]);
    }
    // Daily jobs.
    let mut chores = facts(vec![]);
    let ended_ = Some(Ended { at: at(wrong), outcome: Outcome::Transient });
    let chore = ChoreFacts {
        times: "03:15".parse().unwrap(),
        running_since: None,
        ended: ended_,
        failures: 9,
        is_changed: false,
    };
    chores.chores.insert("purge".to_owned(), chore);
    assert_eq!(due(&chores, at(now)).chores, ["purge"]);
    // Dates: each is tried once, whatever it was said to be.
    for outcome in [Outcome::Transient, Outcome::Killed, Outcome::HeldBack, Outcome::Published, Outcome::Absent] {
        let of = DateFacts { attempt: ended(outcome, wrong, 1), failures: 5, ..captured(1) };
        assert_eq!(now_due(&of_date(of), now), ["bus 2026-11-24 over"], "{outcome:?}");
    }
    let released = Some(Released { is_provisional: false });
    let of = DateFacts { attempt: ended(Outcome::Published, wrong, 1), released, ..captured(1) };
    assert_eq!(now_due(&of_date(of), now), ["bus 2026-11-24 late"]);
    // A clock that goes a little wrong, as all do, is not meant.
    let of = DateFacts { attempt: ended(Outcome::Absent, "2026-11-25T06:00:30Z", 1), ..captured(1) };
    assert_eq!(now_due(&of_date(of), now), [""; 0]);
    // Nothing is since a time that is to come.
    let of = DateFacts { attempt: ended(Outcome::HeldBack, wrong, 1), evidence: None, ..DateFacts::default() };
    assert!(due(&of_date(of), at(now)).stopped.iter().all(|stopped| stopped.since <= at(now)));
}

#[test]
fn catch_up_counts_from_the_day_on_which_a_date_became_due() {
    let mut bus = pipeline(Schedule { catch_up: 7, ..daily("06:30") });
    bus.schedule.trigger = Trigger::Times("0 4 1 * *".parse().unwrap());
    for day in 1..=30 {
        bus.dates.insert(ServiceDate::new(2026, 11, day).unwrap(), captured(1));
    }
    let facts = facts(vec![("bus", bus)]);
    assert_eq!(due(&facts, at("2026-12-01T02:59:59Z")).later.len(), 30);
    // The service date of the 30th is over after four o'clock, and comes a month later.
    for now in ["2026-12-01T03:00:00Z", "2026-12-08T22:59:59Z"] {
        let due = due(&facts, at(now));
        assert_eq!((due.now.len(), due.later.len(), due.stopped.len()), (29, 1, 0), "{now}");
    }
    let over = due(&facts, at("2026-12-08T23:00:00Z"));
    assert_eq!((over.now.len(), over.later.len(), over.stopped.len()), (0, 1, 29));
    assert_eq!(now_due(&facts, "2027-01-01T03:00:00Z"), ["bus 2026-11-30 over"]);
}

#[test]
fn what_comes_after_a_pipeline_that_cannot_be_followed_is_stopped() {
    let mut bus = pipeline(daily("06:30"));
    bus.schedule.trigger = Trigger::Nowhere("plan".to_owned());
    bus.dates.insert(date("2026-11-24"), captured(1));
    let mut tram = bus.clone();
    tram.schedule.trigger = Trigger::After("bus".to_owned());
    let facts = facts(vec![("bus", bus.clone()), ("tram", tram)]);
    let due_ = due(&facts, at("2026-11-26T06:00:00Z"));
    assert_eq!((due_.now.len(), due_.later.len()), (0, 0));
    assert_eq!(stopped(&facts, "2026-11-26T06:00:00Z"), [Stop::Schedule, Stop::Schedule]);
    // One that is not scheduled here, as others are named, keeps nothing from being run.
    bus.schedule.trigger = Trigger::After("plan".to_owned());
    assert_eq!(now_due(&super::tests::facts(vec![("bus", bus)]), "2026-11-26T06:00:00Z"), ["bus 2026-11-24 over"]);
}

#[test]
fn intervals_of_a_day_begin_at_midnight_by_the_clock() {
    let schedule = Schedule { trigger: Trigger::Every(Duration::from_secs(86_400)), ..daily("06:30") };
    let mut bus = pipeline(schedule);
    bus.dates.insert(date("2026-10-24"), captured(1));
    let facts = facts(vec![("bus", bus)]);
    // Over at four o'clock of the day on which the clock is set back.
    assert_eq!(later(&facts, "2026-10-25T06:00:00Z"), ["bus 2026-10-24 over 2026-10-25T23:00:00Z"]);
    let midnight = |from: &str| {
        let (name, pipeline) = facts.pipelines.first_key_value().unwrap();
        let of = OfPipeline { facts: &facts, name, pipeline, now: at(from) };
        of.first_from(at(from)).unwrap().to_string()
    };
    assert_eq!(midnight("2026-10-24T22:00:00Z"), "2026-10-24T22:00:00Z");
    assert_eq!(midnight("2026-10-24T22:00:00.001Z"), "2026-10-25T23:00:00Z");
    assert_eq!(midnight("2026-03-28T23:00:01Z"), "2026-03-29T22:00:00Z");
}

#[test]
fn what_changed_is_said() {
    let settings = |parts: [u64; 3]| Mark::of_settings(parts.map(|part| part << 50));
    let attempt =
        Attempt { settings: settings([1, 2, 3]), ..ended(Outcome::HeldBack, "2026-11-25T05:30:00Z", 1).unwrap() };
    let said = |evidence, parts| Why::Mended(Changes::since(&attempt, Mark(evidence), settings(parts))).to_string();
    let since = "the newest try published nothing, and since then";
    assert_eq!(said(2, [1, 2, 3]), format!("{since} new evidence came in"));
    assert_eq!(said(1, [9, 2, 3]), format!("{since} the configuration changed"));
    assert_eq!(said(1, [1, 9, 3]), format!("{since} contracts or mappings changed"));
    assert_eq!(said(1, [1, 2, 9]), format!("{since} decisions changed"));
    assert_eq!(
        said(2, [9, 2, 9]),
        format!("{since} new evidence came in, and the configuration and decisions changed")
    );
    assert_eq!(Changes::since(&attempt, Mark(1), settings([1, 2, 3])), Changes::default());
}

#[test]
fn the_time_of_the_next_daily_job_is_known() {
    let mut facts = facts(vec![]);
    for (name, ended_at, outcome) in
        [("purge", "2026-11-24T02:15:10Z", Outcome::Published), ("backup", "2026-11-24T12:00:00Z", Outcome::Transient)]
    {
        let ended = Some(Ended { at: at(ended_at), outcome });
        let chore =
            ChoreFacts { times: "03:15".parse().unwrap(), running_since: None, ended, failures: 1, is_changed: false };
        facts.chores.insert(name.to_owned(), chore);
    }
    let next = due(&facts, at("2026-11-24T12:00:01Z")).next_chore;
    assert_eq!(next, Some((at("2026-11-24T12:01:00Z"), "backup".to_owned())));
}

#[test]
fn many_jobs_are_put_in_order_in_time_that_grows_with_their_number() {
    let mut facts = facts(vec![]);
    let first = date("2022-01-01");
    for number in 0..100 {
        let mut bus = pipeline(Schedule { catch_up: 4_000, ..daily("06:30") });
        if number % 2 == 1 {
            bus.schedule.trigger = Trigger::After(format!("p{:03}", number - 1));
        }
        bus.dates = (0..1_000).map(|day| (first.plus_days(day), captured(1))).collect();
        facts.pipelines.insert(format!("p{number:03}"), bus);
    }
    let begin = std::time::Instant::now();
    let due = due(&facts, at("2026-11-24T12:00:00Z"));
    // Those that come after others wait for them.
    assert_eq!(due.now.len(), 50_000);
    // Each against each would be ten thousand million.
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

/// What was published when, and what must have been.
struct World {
    published: BTreeMap<JobKey, Vec<Timestamp>>,
    /// Of which there was evidence, and whose time had come while somebody was awake.
    must: Vec<JobKey>,
}

/// A world in which jobs end as they are told: what the scheduler would do, minute by minute or in leaps.
fn simulate(zone: &str, begin: &str, days: i64, (step, seed): (i64, u64)) -> World {
    let zone = TimeZone::get(zone).unwrap();
    let mut dice = fastrand::Rng::with_seed(seed);
    let begin = at(begin);
    let mut now = begin;
    let end = begin.saturating_add(SignedDuration::from_hours(24 * days)).unwrap();
    let mut facts = facts(vec![("bus", pipeline(daily("02:30"))), ("tram", pipeline(daily("06:30")))]);
    facts.pipelines.get_mut("tram").unwrap().schedule.trigger = Trigger::After("bus".to_owned());
    facts.zone = zone.clone();
    let mut published: BTreeMap<JobKey, Vec<Timestamp>> = BTreeMap::new();
    let mut last = begin;
    while now < end {
        last = now;
        let today = ServiceDay::of(now, &zone).date;
        for (_, pipeline) in facts.pipelines.iter_mut() {
            pipeline.dates.entry(today).or_insert_with(|| captured(1));
        }
        while let Some(job) = due(&facts, now).now.first().cloned() {
            let of = facts.pipelines.get_mut(&job.key.pipeline).unwrap().dates.get_mut(&job.key.date.unwrap()).unwrap();
            let outcome = if dice.u8(0..10) == 0 { Outcome::Killed } else { Outcome::Published };
            of.failures = if outcome == Outcome::Killed { of.failures + 1 } else { 0 };
            of.attempt = Some(Attempt {
                begun: now,
                ended: Some(Ended { at: now, outcome }),
                evidence: job.evidence,
                settings: job.settings,
            });
            if outcome == Outcome::Published {
                of.released = Some(Released { is_provisional: false });
                published.entry(job.key).or_default().push(now);
            }
            facts.begun += 1;
        }
        // Now and then the machine sleeps for days.
        let sleeps = dice.u8(0..100) == 0;
        now = now.saturating_add(SignedDuration::from_secs(step * if sleeps { 200 } else { 1 })).unwrap();
    }
    // At the last time that somebody was awake.
    let awake = last.saturating_sub(SignedDuration::from_hours(48)).unwrap();
    let all = facts.pipelines.iter().flat_map(|(name, of)| of.dates.keys().map(|date| (name.clone(), *date)));
    let must = all.filter(|(_, date)| ServiceDay::new(*date, &zone).is_over(awake));
    let must = must.map(|(pipeline, date)| JobKey { pipeline, date: Some(date) }).collect();
    World { published, must }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_date_is_published_once_however_the_scheduler_sleeps_and_whatever_the_clock_does(
        seed in any::<u64>(), step in 300_i64..3_000, place in 0_usize..4
    ) {
        let (zone, begin) = [
            ("Europe/Berlin", "2026-03-20T00:00:00Z"), ("Europe/Berlin", "2026-10-15T00:00:00Z"),
            ("Australia/Sydney", "2026-03-25T00:00:00Z"), ("Australia/Sydney", "2026-09-25T00:00:00Z"),
        ][place];
        let World { published, must } = simulate(zone, begin, 25, (step, seed));
        for (key, times) in &published {
            prop_assert_eq!(times.len(), 1, "{} {:?}", key, times);
        }
        for key in must {
            prop_assert!(published.contains_key(&key), "{} was not published", key);
        }
    }
}

#[test]
fn a_daily_job_that_ended_by_a_mistake_is_due_once_the_configuration_changed_and_another_waits_for_its_time() {
    let now = at("2026-11-26T12:00:00Z");
    let is_due = |outcome, is_changed| {
        let ended = Some(Ended { at: at("2026-11-26T03:15:05Z"), outcome });
        let chore = ChoreFacts { times: "03:15".parse().unwrap(), running_since: None, ended, failures: 0, is_changed };
        let facts = Facts { chores: [("gc".to_owned(), chore)].into(), ..facts(vec![]) };
        due(&facts, now).chores == ["gc"]
    };
    assert_eq!([is_due(Outcome::Usage, true), is_due(Outcome::Usage, false)], [true, false]);
    assert_eq!([is_due(Outcome::Published, true), is_due(Outcome::Permanent, true)], [false, false]);
}
