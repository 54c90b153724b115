use std::fs;

use tempfile::TempDir;

use super::journals::{Failed, RunSummary, Runs};
use super::*;
use crate::capture::CaptureError;
use crate::capture::coverage::Class;
use crate::notify::cause::RunFailure;
use crate::notify::{Delivery, Sent, Trouble, policy};
use crate::pipeline::run::RunError;
use crate::pipeline::{Schedule, Trigger};
use crate::schedule::due::{Due, Job, Later, Stop, Stopped, Why};
use crate::schedule::facts::{DateFacts, Facts, JobKey, Mark, Outcome, PipelineFacts, Released};
use crate::schedule::log::{Begun, Chore, Done, Entry, Log, Writer};
use crate::schedule::said::Said;
use crate::workspace::outline::{self, Needs};

struct Made {
    root: TempDir,
    workspace: Workspace,
    facts: Facts,
    due: Due,
    log: Log,
    beats: BTreeMap<String, BTreeMap<Class, u64>>,
}

fn date(text: &str) -> ServiceDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key(of: &str) -> JobKey {
    JobKey { pipeline: "bus".to_owned(), date: Some(date(of)) }
}

impl Made {
    fn new(more: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let text = "title: T\npublisher: P\nlicence: CC0-1.0\ntime_zone: Europe/Berlin\nbucket: {location: bucket}\nprivate: private\n";
        fs::write(root.path().join("fahrtenbuch.yaml"), format!("{text}{more}")).unwrap();
        fs::create_dir_all(root.path().join("pipelines")).unwrap();
        fs::create_dir_all(root.path().join("private")).unwrap();
        let pipeline =
            "format: gtfs-realtime\nsources:\n  - {name: vp, type: http, url: 'http://127.0.0.1:9/vp', every: 15 s}\n";
        fs::write(root.path().join("pipelines/bus.yaml"), pipeline).unwrap();
        let (workspace, _) = outline::read(root.path(), Needs::Stores).unwrap();
        let facts = Facts::none(workspace.zone.clone());
        Self { root, workspace, facts, due: Due::default(), log: Log::default(), beats: BTreeMap::new() }
    }

    fn known(&self, now: &str) -> Known<'_> {
        let Self { workspace, facts, due, log, beats, .. } = self;
        Known { workspace, facts, due, log, newest_release: None, beats, started: None, now: at(now) }
    }

    /// Writes attempts to the log: the begin of each is ten minutes before its end.
    fn log(&mut self, ended: &[(&str, &str, Outcome)]) {
        let private = self.root.path().join("private");
        let writer = Writer::take(&private).unwrap().unwrap();
        for (of, end, outcome) in ended {
            let begun = Begun { key: key(of), why: "over".to_owned(), evidence: None, settings: Mark(1) };
            writer.add(at(end) - SignedDuration::from_mins(10), Entry::Begun(begun));
            let said = "a text of a feed".to_owned().into();
            let done = Done { key: key(of), outcome: *outcome, exit: Some(1), said, held_by: Vec::new(), seconds: 1.0 };
            writer.add(at(end), Entry::Ended(done));
        }
        self.log.read_on(&private).unwrap();
    }

    fn stop(&mut self, of: &str, outcome: Outcome) {
        self.due.stopped.push(Stopped { key: key(of), why: Stop::Ended(outcome), since: at("2026-11-26T05:00:00Z") });
    }

    fn runs(&self) -> Vec<(Trouble, String)> {
        self.runs_with(&Journals::default(), &Collecting::default())
    }

    fn runs_with(&self, journals: &Journals, collecting: &Collecting) -> Vec<(Trouble, String)> {
        let causes = runs::causes(&self.known("2026-11-26T12:00:00Z"), DoneElsewhere { journals, collecting });
        causes.into_iter().map(|cause| (cause.trouble, cause.since.to_string())).collect()
    }
}

fn failed(dates: &[&str], failure: RunFailure) -> Trouble {
    Trouble::RunFailed { pipeline: "bus".to_owned(), dates: dates.iter().map(|text| date(text)).collect(), failure }
}

fn held_back(dates: &[&str]) -> Trouble {
    let dates = dates.iter().map(|text| date(text)).collect();
    Trouble::RunHeldBack { pipeline: "bus".to_owned(), dataset: "bus".to_owned(), dates, rules: Vec::new() }
}

#[test]
fn runs_that_fail_again_and_again_are_one_cause_of_their_pipeline() {
    let mut made = Made::new("");
    for end in ["2026-11-25T05:00:00Z", "2026-11-25T06:00:00Z"] {
        made.log(&[("2026-11-23", end, Outcome::Transient)]);
    }
    assert_eq!(made.runs(), []);
    made.log(&[("2026-11-23", "2026-11-25T07:00:00Z", Outcome::Transient)]);
    let since = "2026-11-25T05:00:00Z".to_owned();
    assert_eq!(made.runs(), [(failed(&["2026-11-23"], RunFailure::Transient), since.clone())]);
    // A person is needed for another date, which is worse.
    made.log(&[("2026-11-24", "2026-11-25T08:00:00Z", Outcome::Permanent)]);
    assert_eq!(made.runs(), [(failed(&["2026-11-23", "2026-11-24"], RunFailure::Permanent), since)]);
    made.log(&[
        ("2026-11-23", "2026-11-26T08:00:00Z", Outcome::Published),
        ("2026-11-24", "2026-11-26T08:00:00Z", Outcome::NothingNew),
    ]);
    assert_eq!(made.runs(), []);
}

#[test]
fn only_a_success_ends_what_failed_not_that_it_is_tried_or_that_evidence_changed() {
    let mut made = Made::new("");
    let begin = "2026-11-24T05:00:00Z".to_owned();
    made.log(&[("2026-11-23", &begin, Outcome::HeldBack)]);
    let held = (held_back(&["2026-11-23"]), begin.clone());
    assert_eq!(made.runs(), std::slice::from_ref(&held));
    // Whatever is due, stopped or at work, and however often: 'every: 5 min' makes it due with each new evidence.
    let (why, now) = (Why::Late, at("2026-11-26T12:00:00Z"));
    made.due.later = vec![Later { key: key("2026-11-23"), why, at: now }];
    assert_eq!(made.runs(), std::slice::from_ref(&held));
    made.due.later.clear();
    made.facts.running.insert(key("2026-11-23"));
    assert_eq!(made.runs(), std::slice::from_ref(&held));
    made.facts.running.clear();
    let minute = |number: i64| (at(&begin) + SignedDuration::from_mins(number)).to_string();
    let two = [(minute(5), Outcome::Transient), (minute(10), Outcome::HeldBack), (minute(15), Outcome::Killed)];
    two.iter().for_each(|(end, outcome)| made.log(&[("2026-11-23", end, *outcome)]));
    assert_eq!(made.runs(), std::slice::from_ref(&held));
    made.log(&[("2026-11-23", &minute(20), Outcome::Usage)]);
    let usage = (failed(&["2026-11-23"], RunFailure::Usage), minute(5));
    assert_eq!(made.runs(), [usage, held.clone()]);
    made.log(&[("2026-11-23", &minute(25), Outcome::HeldBack)]);
    assert_eq!(made.runs().len(), 2);
    // Somebody ran it by hand, which is no attempt.
    let mut journals = Journals::default();
    journals.set("bus", Runs::from([(date("2026-11-23"), run(1))]));
    assert_eq!(made.runs_with(&journals, &Collecting::default()), []);
    // Afterwards it failed once more.
    made.log(&[("2026-11-23", "2026-11-26T06:00:00Z", Outcome::HeldBack)]);
    assert_eq!(made.runs_with(&journals, &Collecting::default()).len(), 2);
    made.log(&[("2026-11-23", "2026-11-26T07:00:00Z", Outcome::NothingNew)]);
    assert_eq!(made.runs(), []);
}

#[test]
fn what_was_released_and_is_not_in_the_bucket_is_told_too() {
    let mut made = Made::new("");
    let since = at("2026-11-26T05:00:00Z");
    for (date, why) in [("2026-11-20", Stop::Missing), ("2026-11-21", Stop::Lost), ("2026-11-22", Stop::TooOld)] {
        made.due.stopped.push(Stopped { key: key(date), why, since });
    }
    assert_eq!(made.runs(), [(failed(&["2026-11-20", "2026-11-21"], RunFailure::Lost), since.to_string())]);
    made.due.stopped[1].why = Stop::Schedule;
    assert_eq!(made.runs(), [(failed(&["2026-11-20", "2026-11-21"], RunFailure::Usage), since.to_string())]);
}

#[test]
fn a_date_whose_evidence_is_destroyed_is_told_no_more_and_one_of_another_workspace_never() {
    let mut made = Made::new("retention: {evidence: 30 days}\n");
    made.log(&[("2026-10-27", "2026-10-28T05:00:00Z", Outcome::Permanent)]);
    let found = |made: &Made, now: &str| {
        let (journals, collecting) = (Journals::default(), Collecting::default());
        runs::causes(&made.known(now), DoneElsewhere { journals: &journals, collecting: &collecting }).len()
    };
    assert_eq!((found(&made, "2026-11-26T12:00:00Z"), found(&made, "2026-11-28T12:00:00Z")), (1, 0));
    // Its file has a mistake now: neither a cause nor well.
    made.workspace.pipelines.clear();
    assert_eq!(found(&made, "2026-11-26T12:00:00Z"), 0);
    let findings = Causes::default().find(&made.known("2026-11-26T12:00:00Z"));
    assert!(!findings.is_well("run_failed:bus") && findings.is_well("private_store_lost"), "{findings:?}");
}

#[test]
fn a_thousand_failures_with_restarts_and_new_evidence_between_them_are_two_messages() {
    let mut made =
        Made::new("notify: {reminder: never, channels: [{name: m, type: teams, url: 'https://a.example/x'}]}\n");
    let begin = at("2026-11-24T05:00:00Z");
    let (mut sent, mut told): (Vec<(Timestamp, Sent)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut causes = Causes::default();
    for number in 0..=1_000 {
        let end = begin + SignedDuration::from_mins(5 * number);
        let outcome = match number {
            1_000 => Outcome::Published,
            _ if number % 3 == 1 => Outcome::Transient,
            _ => Outcome::HeldBack,
        };
        made.log(&[("2026-11-23", &end.to_string(), outcome)]);
        // 'up' began anew.
        if number % 7 == 0 {
            causes = Causes::default();
        }
        made.due.stopped.clear();
        if number % 2 == 0 {
            made.stop("2026-11-23", Outcome::HeldBack);
        }
        let found = causes.find(&made.known(&end.to_string()));
        let messages = crate::notify::messages(&found, &sent, &made.workspace.notify, end);
        for notice in messages.iter().flat_map(|message| &message.notices).filter(|notice| notice.key.contains("run_"))
        {
            told.push(format!("{:?} {}", notice.kind, notice.key));
        }
        let deliveries: Vec<Delivery> =
            messages.iter().map(|message| Delivery { channel: message.channel.clone(), result: Ok(()) }).collect();
        sent.extend(policy::lines(&messages, &deliveries, end).into_iter().map(|line| (end, line)));
    }
    assert_eq!(
        told,
        ["New run_held_back:bus", "New run_failed:bus", "Mended run_failed:bus", "Mended run_held_back:bus"]
    );
}

#[test]
fn a_daily_job_that_fails_is_told_until_it_succeeds() {
    let mut made = Made::new("schedule: {purge: '03:15'}\n");
    let private = made.root.path().join("private");
    let writer = Writer::take(&private).unwrap().unwrap();
    let ended = |made: &mut Made, end: &str, outcome| {
        let (name, said) = ("purge".to_owned(), Said::default());
        writer.add(at(end), Entry::Chore(Chore { name, outcome, said, seconds: 1.0 }));
        made.log.read_on(&private).unwrap();
        made.runs()
    };
    let purge = |failure| Trouble::ChoreFailed { chore: "purge".to_owned(), failure };
    assert_eq!(ended(&mut made, "2026-11-23T03:15:00Z", Outcome::Transient), []);
    assert_eq!(ended(&mut made, "2026-11-23T03:16:00Z", Outcome::Transient), []);
    let since = "2026-11-23T03:15:00Z".to_owned();
    let told = ended(&mut made, "2026-11-23T03:18:00Z", Outcome::Transient);
    assert_eq!(told, [(purge(RunFailure::Transient), since.clone())]);
    assert_eq!(ended(&mut made, "2026-11-24T03:15:00Z", Outcome::Permanent).len(), 1);
    // A failure that may pass is no success.
    let told = ended(&mut made, "2026-11-25T03:15:00Z", Outcome::Transient);
    assert_eq!(told, [(purge(RunFailure::Transient), since)]);
    assert_eq!(ended(&mut made, "2026-11-25T03:16:00Z", Outcome::Published), []);
    let told = ended(&mut made, "2026-11-26T03:15:00Z", Outcome::Usage);
    assert_eq!(told, [(purge(RunFailure::Usage), "2026-11-26T03:15:00Z".to_owned())]);
}

fn run(rows_in: u64) -> RunSummary {
    RunSummary {
        prepared_at: at("2026-11-26T05:00:00Z"),
        is_held_back: false,
        is_provisional: false,
        is_published: true,
        rows_in,
        has_key: false,
        tables: BTreeMap::new(),
        files: Vec::new(),
        findings: BTreeMap::new(),
        failed: BTreeMap::new(),
        passed: Vec::new(),
    }
}

/// Runs of the dates up to 2026-11-26, the newest last.
fn up_to_newest(rows: &[u64]) -> Runs {
    let newest = date("2026-11-26");
    let back = |place: usize| newest.plus_days(place as i32 + 1 - rows.len() as i32);
    rows.iter().enumerate().map(|(place, rows)| (back(place), run(*rows))).collect()
}

#[test]
fn a_source_shrinks_below_half_of_the_same_weekday_or_of_the_week_before() {
    let made = Made::new("");
    let known = made.known("2026-11-27T12:00:00Z");
    let found = |runs: &Runs| {
        let cause = quality::shrinking("vp", runs, &known)?;
        let Trouble::SourceShrinking { rows, usual_rows, .. } = cause.trouble else { return None };
        Some((rows, usual_rows, ServiceDate::local_date_of(cause.since, &made.workspace.zone).to_string()))
    };
    let newest = "2026-11-26".to_owned();
    // Two dates before are too few, three are enough.
    assert_eq!(found(&up_to_newest(&[100, 100, 0])), None);
    assert_eq!(found(&up_to_newest(&[90, 100, 110, 49])), Some((49, 100, newest.clone())));
    assert_eq!(found(&up_to_newest(&[90, 100, 110, 50])), None);
    // On two Thursdays there was as little: the days between say nothing.
    let mut runs = up_to_newest(&[100; 16]);
    for (back, rows) in [(0, 21), (7, 40), (14, 40)] {
        runs.get_mut(&date("2026-11-26").plus_days(-back)).unwrap().rows_in = rows;
    }
    assert_eq!(found(&runs), None);
    runs.get_mut(&date("2026-11-26")).unwrap().rows_in = 19;
    assert_eq!(found(&runs), Some((19, 40, newest.clone())));
    // It began on the first of the dates that have less than usual.
    assert_eq!(found(&up_to_newest(&[100, 100, 100, 100, 1, 2, 3])), Some((3, 100, "2026-11-24".to_owned())));
    // What is provisional is not complete.
    let mut runs = up_to_newest(&[100, 100, 100, 100, 1]);
    runs.get_mut(&date("2026-11-26")).unwrap().is_provisional = true;
    assert_eq!(found(&runs), None);
    assert_eq!(found(&Runs::new()), None);
}

#[test]
fn a_rule_is_told_that_fails_and_passed_on_the_seven_dates_before() {
    let made = Made::new("");
    let known = made.known("2026-11-27T12:00:00Z");
    let failed = |runs: &mut Runs, back: i32| {
        let failed = BTreeMap::from([("t.r".to_owned(), Failed { rows: 5, rule: 7 })]);
        runs.get_mut(&date("2026-11-26").plus_days(-back)).unwrap().failed = failed;
    };
    let keys = |runs: &Runs| quality::rules("bus", runs, &known).iter().map(Cause::key).collect::<Vec<_>>();
    let mut runs = up_to_newest(&[1; 10]);
    failed(&mut runs, 0);
    // Nobody knows that it ever passed.
    assert_eq!(keys(&runs), [""; 0]);
    runs.get_mut(&date("2026-11-25")).unwrap().passed = vec![7];
    assert_eq!(keys(&runs), ["rule_failed:bus/t.r"]);
    failed(&mut runs, 8);
    assert_eq!(keys(&runs), ["rule_failed:bus/t.r"]);
    failed(&mut runs, 7);
    assert_eq!(keys(&runs), [""; 0]);
}

#[test]
fn a_score_falls_by_five_points_against_the_week_before() {
    let made = Made::new("");
    let known = made.known("2026-11-27T12:00:00Z");
    let found = |scores: &[f64]| {
        let dates = scores.iter().enumerate();
        let scores = dates.map(|(place, score)| (date("2026-11-01").plus_days(place as i32), *score)).collect();
        quality::score("bus", &scores, &known).map(|cause| cause.trouble)
    };
    let (dataset, on) = ("bus".to_owned(), date("2026-11-04"));
    let fell = Trouble::ScoreFell { dataset, date: on, before: 98, now: 93 };
    assert_eq!(found(&[98.04, 98.04, 100.0, 93.04]), Some(fell));
    assert_eq!(found(&[98.04, 98.04, 100.0, 93.05]), None);
    assert_eq!((found(&[100.0, 100.0, 0.0]), found(&[])), (None, None));
}

#[test]
fn evidence_of_dates_that_were_never_released_is_told_before_it_goes() {
    let mut made = Made::new("retention: {evidence: 30 days}\n");
    // One that waits for a person, and one that failed and is to be tried again.
    made.log(&[("2026-10-30", "2026-10-31T05:00:00Z", Outcome::HeldBack)]);
    made.stop("2026-11-10", Outcome::Permanent);
    let found = |made: &Made, now: &str| {
        let (journals, collecting) = (Journals::default(), Collecting::default());
        let done = DoneElsewhere { journals: &journals, collecting: &collecting };
        let causes = expiring::causes(&made.known(now), done, &Waiting::new());
        causes.into_iter().map(|cause| (cause.trouble, cause.since)).collect::<Vec<_>>()
    };
    // It is kept through the 29th.
    assert_eq!(found(&made, "2026-11-15T12:00:00Z"), []);
    let (source, pipeline, on) = ("vp".to_owned(), "bus".to_owned(), date("2026-11-30"));
    let trouble = Trouble::EvidenceExpiring { source, pipeline, dates: [date("2026-10-30")].into(), on };
    let going = (trouble, at("2026-11-15T23:00:00Z"));
    assert_eq!(found(&made, "2026-11-16T12:00:00Z"), [going]);
    // Somebody released it.
    let is_provisional = false;
    let released = DateFacts { released: Some(Released { is_provisional }), ..DateFacts::default() };
    made.facts.pipelines.insert("bus".to_owned(), facts(released, "2026-10-30"));
    assert_eq!(found(&made, "2026-11-16T12:00:00Z"), []);
    assert_eq!(found(&made, "2026-12-01T12:00:00Z").len(), 1);
    assert_eq!(found(&made, "2026-12-12T12:00:00Z"), []);
}

fn facts(of: DateFacts, on: &str) -> PipelineFacts {
    let trigger = Trigger::Every(std::time::Duration::from_secs(900));
    let schedule = Schedule { trigger, late: 3, catch_up: 30, line: 1 };
    let dates = BTreeMap::from([(date(on), of)]);
    PipelineFacts { settings: Mark(1), dates, ..PipelineFacts::of(schedule, false) }
}

#[test]
fn monitors_are_told_what_is_due_what_failed_and_what_was_sent() {
    let mut made = Made::new("");
    made.log(&[
        ("2026-11-23", "2026-11-24T05:00:00Z", Outcome::Published),
        ("2026-11-24", "2026-11-25T05:00:00Z", Outcome::HeldBack),
        ("2026-11-25", "2026-11-26T05:00:00Z", Outcome::Transient),
        ("2026-11-25", "2026-11-26T05:20:00Z", Outcome::Transient),
    ]);
    let private = made.root.path().join("private");
    let writer = Writer::take(&private).unwrap().unwrap();
    for (kind, channels, failed) in [("new", vec!["mail"], vec!["ntfy"]), ("new", vec![], vec!["ntfy"])] {
        let sent = serde_json::json!({"cause": "backup_old", "kind": kind, "channels": channels, "failed": failed});
        writer.add(at("2026-11-26T06:00:00Z"), Entry::Message(sent));
    }
    let (name, said) = ("backup".to_owned(), Said::default());
    let chore = Chore { name, outcome: Outcome::Transient, said, seconds: 1.0 };
    writer.add(at("2026-11-26T06:00:00Z"), Entry::Chore(chore));
    made.log.read_on(&private).unwrap();
    let (why, later) = (Why::Again { failures: 2 }, at("2026-11-26T12:30:00Z"));
    made.due.later = vec![
        Later { key: key("2026-11-25"), why, at: later },
        Later { key: key("2026-11-26"), why: Why::Over, at: later },
    ];
    let since = at("2026-11-26T05:30:00Z");
    made.due.now = vec![Job { key: key("2026-11-22"), why: Why::Late, since, evidence: None, settings: Mark(1) }];
    made.stop("2026-11-24", Outcome::HeldBack);
    made.beats.insert("vp".to_owned(), BTreeMap::from([(Class::Body, 3)]));
    made.facts.pipelines.insert(
        "bus".to_owned(),
        facts(DateFacts { released: Some(Released { is_provisional: false }), ..DateFacts::default() }, "2026-11-23"),
    );
    let mut causes = Causes::default();
    let known = made.known("2026-11-26T12:00:00Z");
    let found = causes.find(&known);
    let metrics = causes.metrics(&known, &found.causes);
    let bus = &metrics.pipelines["bus"];
    assert_eq!((bus.last_success, bus.last_complete), (Some(at("2026-11-24T05:00:00Z")), Some(date("2026-11-23"))));
    assert_eq!((bus.due, bus.due_since, bus.running), (2, Some(at("2026-11-26T05:00:00Z")), 0));
    let words =
        |of: &BTreeMap<String, u64>| of.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>();
    assert_eq!(words(&bus.attempts.ended), ["held_back 1", "published 1", "transient 2"]);
    assert_eq!(words(&bus.attempts.failed), ["held_back 1", "transient 1"]);
    assert_eq!(
        (words(&metrics.messages), words(&metrics.message_failures)),
        (vec!["new 1".to_owned()], vec!["ntfy 2".to_owned()])
    );
    assert_eq!(metrics.causes.get("run_held_back"), Some(&1));
    let vp = &metrics.sources["vp"];
    assert_eq!((vp.is_gtfs_realtime, vp.interval, vp.beats[&Class::Body]), (true, Some(15.0), 3));
    assert!(metrics.disks["private"].free > 0 && metrics.spool.is_none() && metrics.last_backup.is_none());
    let first = made.log.chores["backup"].first;
    assert_eq!(first, at("2026-11-26T06:00:00Z"));
}

#[test]
fn a_mistake_in_the_configuration_is_a_cause_with_its_file_and_line() {
    let made = Made::new("");
    let file = made.root.path().join("pipelines/bus.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}schedule: {{run: '25:15'}}\n")).unwrap();
    let (workspace, _) = outline::read(made.root.path(), Needs::Stores).unwrap();
    let wrong = Made { workspace, ..made };
    let found = Causes::default().find(&wrong.known("2026-11-26T12:00:00Z"));
    let expected = Trouble::ConfigurationWrong { mistakes: 1, file: "pipelines/bus.yaml".to_owned(), line: 4 };
    assert!(found.causes.iter().any(|cause| cause.trouble == expected), "{:?}", found.causes);
    // Once it is mended that is told.
    fs::write(&file, text).unwrap();
    let (workspace, _) = outline::read(wrong.root.path(), Needs::Stores).unwrap();
    let mended = Made { workspace, ..wrong };
    let found = Causes::default().find(&mended.known("2026-11-26T12:01:00Z"));
    assert!(found.causes.iter().all(|cause| cause.trouble != expected) && found.is_well("configuration_wrong"));
}

/// One mistake is one message, and not one more for each pipeline and daily job that ends by it.
#[test]
fn what_ends_by_a_mistake_in_the_configuration_is_no_cause_beside_it() {
    let mut made = Made::new("");
    made.log(&[("2026-11-25", "2026-11-26T05:00:00Z", Outcome::Usage)]);
    let private = made.root.path().join("private");
    let writer = Writer::take(&private).unwrap().unwrap();
    let (name, said) = ("purge".to_owned(), Said::default());
    let purge = Chore { name, outcome: Outcome::Usage, said, seconds: 1.0 };
    writer.add(at("2026-11-26T06:00:00Z"), Entry::Chore(purge));
    made.log.read_on(&private).unwrap();
    let file = made.root.path().join("fahrtenbuch.yaml");
    let good = fs::read_to_string(&file).unwrap() + "schedule: {purge: '03:15'}\n";
    let mut look = |text: &str| {
        fs::write(&file, text).unwrap();
        made.workspace = outline::read(made.root.path(), Needs::Stores).unwrap().0;
        let found = Causes::default().find(&made.known("2026-11-26T12:00:00Z"));
        let keys = ["chore_failed:purge", "configuration_wrong", "run_failed:bus"];
        keys.map(|key| (found.causes.iter().any(|cause| cause.key() == key), found.is_well(key)))
    };
    // Whatever else ends as wrong use is told.
    let [purge, wrong, run] = look(&good);
    assert_eq!((purge.0, wrong.0, run.0), (true, false, true));
    // Nothing of it is mended by the mistake either.
    assert_eq!(look(&format!("{good}limits: {{memory: much}}\n")), [(false, false), (true, true), (false, false)]);
    // Nor by its end, before it is known how what is tried again ends.
    fs::write(&file, &good).unwrap();
    made.workspace = outline::read(made.root.path(), Needs::Stores).unwrap().0;
    made.facts.running.insert(key("2026-11-25"));
    made.due.chores.push("purge".to_owned());
    let found = Causes::default().find(&made.known("2026-11-26T12:00:00Z"));
    let told: Vec<String> = found.causes.iter().map(Cause::key).filter(|key| key.contains("failed")).collect();
    assert_eq!(told, [""; 0]);
    assert!(!found.is_well("run_failed:bus") && !found.is_well("chore_failed:purge"));
}

#[test]
fn files_are_not_told_as_being_there_again_before_all_names_were_looked_at() {
    let mut made = Made::new("");
    let is_well = |made: &Made| {
        let found = Causes::default().find(&made.known("2026-11-26T12:00:00Z"));
        found.is_well("files_missing:bus")
    };
    assert!(is_well(&made));
    made.facts.unseen.insert("bus".to_owned());
    assert!(!is_well(&made));
}

/// As the table of exit codes has it: what is damaged will not be better at the next try, what cannot be read may be.
#[test]
fn damaged_evidence_is_permanent_and_evidence_that_cannot_be_read_may_be_later() {
    let made = Made::new("");
    let file = std::path::PathBuf::from("evidence/vp/a.warc.gz");
    let outcome = |error| {
        let found = crate::schedule::trouble::trouble(&made.workspace.pipelines[0], RunError::Capture(error)).unwrap();
        assert!(found.of == TroubleOf::Evidence && found.said.contains("a.warc.gz"), "{found:?}");
        found.outcome
    };
    let damaged = CaptureError::Damaged { file: file.clone(), offset: 7, problem: "no record".to_owned() };
    let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let unreadable = CaptureError::Evidence { file, verb: "read", source };
    assert_eq!([outcome(damaged), outcome(unreadable)], [Outcome::Permanent, Outcome::Transient]);
}
