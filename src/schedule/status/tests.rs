use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::beats::{hour_of, hours_of};
use super::disk::{a_day, full_at};
use super::language::Language;
use super::page::page;
use super::words::{bytes, length, verdict};
use super::*;
use crate::capture::coverage::Class;
use crate::notify::text::tests::every_trouble;
use crate::notify::{Cause, Trouble};
use crate::schedule::due::{Due, Stop, Stopped};
use crate::schedule::facts::{JobKey, Outcome};
use crate::schedule::said::{self, HeldBy, Said};
use crate::text::Text;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key(pipeline: &str, date: &str) -> JobKey {
    JobKey { pipeline: pipeline.to_owned(), date: Some(date.parse().unwrap()) }
}

fn counts(of: &[(Class, u64)]) -> Option<[u64; Class::ALL.len()]> {
    let mut counts = [0; Class::ALL.len()];
    of.iter().for_each(|(class, beats)| counts[*class as usize] = *beats);
    Some(counts)
}

/// A source with a gap of six hours, an hour with failures, and two that were not looked at.
fn held_back() -> Said {
    said::held_back(&[HeldBy { rule: crate::contract::RuleId("<t.rows>".to_owned()), rows: 0, is_error: false }])
}

fn source() -> SourceStatus {
    let span = at("2026-11-20T23:00:00Z")..at("2026-11-27T09:30:00Z");
    let hours = hours_of(span).into_iter().enumerate().map(|(place, begin)| {
        let counts = match place {
            0..=1 => None,
            50..=55 => counts(&[(Class::Off, 240)]),
            60 => counts(&[(Class::Failed, 200), (Class::Body, 40)]),
            61 => counts(&[(Class::Frozen, 240)]),
            _ => counts(&[(Class::Body, 180), (Class::Unchanged, 60)]),
        };
        Hour { begin, counts }
    });
    SourceStatus {
        name: "stadtbus-vehicle-positions".to_owned(),
        every: Some(15),
        newest_body: Some(at("2026-11-27T09:29:48Z")),
        newest_beat: Some(at("2026-11-27T09:29:45Z")),
        last_good: Some(at("2026-11-27T09:29:45Z")),
        hours: hours.collect(),
    }
}

fn pipeline() -> PipelineStatus {
    let states = [
        DateState::TooOld,
        DateState::Nothing,
        DateState::Published,
        DateState::Published,
        DateState::HeldBack,
        DateState::Failed,
        DateState::Again,
        DateState::Due,
        DateState::Running,
        DateState::Provisional,
        DateState::Waiting,
    ];
    let first: crate::time::ServiceDate = "2026-11-17".parse().unwrap();
    let date = |(place, state): (usize, DateState)| DateStatus {
        date: first.plus_days(i32::try_from(place).unwrap()),
        state,
        at: (state == DateState::HeldBack).then(|| at("2026-11-22T05:30:00Z")),
        said: if state == DateState::HeldBack { held_back() } else { Said::default() },
    };
    PipelineStatus {
        name: "stadtbus-telemetrie".to_owned(),
        is_scheduled: true,
        is_known: true,
        newest: Some(Release { date: first.plus_days(3), is_provisional: false, at: Some(at("2026-11-21T05:31:00Z")) }),
        dates: states.into_iter().enumerate().map(date).collect(),
    }
}

fn need() -> Need {
    Need {
        kind: "run_held_back",
        about: "stadtbus-telemetrie".to_owned(),
        since: Some(at("2026-11-21T05:30:00Z")),
        what: Text::new("stadtbus-telemetrie 2026-11-21: held back", "stadtbus-telemetrie 2026-11-21: zurückgehalten"),
        lost: Text::new("the date stays unpublished", "der Tag bleibt unveröffentlicht"),
        command: ["fahrtenbuch", "quality", "results", "stadtbus"].map(str::to_owned).to_vec(),
        said: Some(held_back()),
        ways: Some(Text::new("mend the rule or the data", "ändern Sie Regel oder Daten")),
    }
}

fn status() -> Status {
    let days = (21..28).map(|day| (jiff::civil::date(2026, 11, day), 40_000_000 * u64::try_from(day - 20).unwrap()));
    Status {
        now: at("2026-11-27T09:30:00Z"),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        title: "Stadtbus & <Söhne>".to_owned(),
        collector: Some(true),
        scheduler: Some(false),
        needs: vec![need()],
        running: vec![Running { key: key("stadtbus-telemetrie", "2026-11-25"), since: at("2026-11-27T09:29:00Z") }],
        due: vec![DueJob {
            key: key("stadtbus-telemetrie", "2026-11-24"),
            since: at("2026-11-25T05:30:00Z"),
            why: "over",
            said: "the date is over and was not released".to_owned(),
        }],
        next: vec![NextJob {
            key: key("stadtbus-telemetrie", "2026-11-27"),
            at: at("2026-11-28T05:30:00Z"),
            why: "over",
            said: "the date is over and was not released".to_owned(),
        }],
        due_chores: vec!["backup".to_owned()],
        next_chore: Some(NextChore { name: "purge".to_owned(), at: at("2026-11-28T02:15:00Z") }),
        pipelines: vec![pipeline()],
        sources: vec![source()],
        chores: vec![ChoreStatus {
            name: "purge".to_owned(),
            at: at("2026-11-27T02:15:03Z"),
            outcome: Outcome::Published,
            failures: 0,
            good: Some(at("2026-11-27T02:15:03Z")),
            said: "3 hours destroyed".to_owned().into(),
        }],
        undecided: vec![Undecided {
            dataset: "stadtbus-telemetrie".to_owned(),
            rows: 12,
            oldest: "2026-11-01".parse().unwrap(),
            under_a_week: 2,
            under_four_weeks: 10,
            older: 0,
        }],
        disk: Disk {
            evidence: days.collect(),
            a_day: Some(140_000_000),
            free: Some(20_000_000_000),
            size: Some(64_000_000_000),
            full_at: Some(at("2027-04-19T06:00:00Z")),
            spool: None,
        },
    }
}

#[test]
fn the_text_begins_with_the_verdict_and_says_what_to_do() {
    insta::assert_snapshot!(text::text(&status()));
}

#[test]
fn the_json_keeps_its_form() {
    let mut status = status();
    status.sources[0].hours.truncate(3);
    insta::assert_snapshot!(serde_json::to_string_pretty(&status).unwrap());
}

#[test]
fn the_pages_need_nothing_else_and_each_links_to_the_other() {
    let (german, english) = (page(&status(), Language::De), page(&status(), Language::En));
    insta::assert_snapshot!("page_in_english", english.replace("><", ">\n<"));
    for (page, other, language) in [(&german, "href=\"en.html\"", "de"), (&english, "href=\"index.html\"", "en")] {
        assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(other));
        for foreign in ["<script", "http:", "https:", "<img", "@import", "url(", "<link"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        let held =
            if language == "de" { "zurückgehalten wegen &lt;t.rows&gt;" } else { "held back by &lt;t.rows&gt;" };
        assert!(page.contains("Stadtbus &amp; &lt;Söhne&gt;") && page.contains(held), "{language}");
    }
    // Each is in one language, also what the log has in English, and its dates.
    assert!(!german.contains("held back") && german.contains("Worum Sie sich kümmern müssen"));
    assert!(
        german.contains("stadtbus-telemetrie vom 27.11.2026")
            && german.contains("kein Takt, oder noch nicht angesehen")
    );
    for said in ["Diese Seite ist nicht öffentlich.", "Wenn nichts geschieht", "kein Erfasser lief", "140 MB", "Sa 21."]
    {
        assert!(german.contains(said), "{said}");
    }
    for said in ["This page is private.", "If nothing happens", "no collector was at work", "not looked at yet"] {
        assert!(english.contains(said), "{said}");
    }
}

#[test]
fn the_hours_of_a_week_are_told_in_stretches_that_add_up() {
    let status = status();
    let source = &status.sources[0];
    let stretches = picture::stretches(source, status.now);
    assert_eq!(stretches.len(), 7);
    assert!(stretches.windows(2).all(|pair| pair[0].until == pair[1].from));
    assert_eq!(stretches.last().unwrap().until, status.now);
    let beats: u64 = stretches.iter().map(|stretch| stretch.beats).sum();
    assert_eq!(beats, 240 * (source.hours.len() as u64 - 2));
}

#[test]
fn nothing_that_needs_a_person_is_all_well() {
    let status = Status { needs: Vec::new(), ..status() };
    let said = "All is well: the newest release is of 2026-11-20, the newest body came 12 s ago, next is stadtbus-telemetrie \
                2026-11-27 at 2026-11-28 06:30.";
    assert_eq!(verdict(&status).en, said);
    let two = Status { needs: vec![need(), need()], ..status };
    assert!(
        verdict(&two).en.starts_with("2 things need you: ")
            && verdict(&two).de.starts_with("Um 2 Dinge müssen Sie sich kümmern: ")
    );
}

#[test]
fn a_day_is_a_whole_one_and_the_first_may_have_begun_late() {
    let day = |day| jiff::civil::date(2026, 11, day);
    let today = day(27);
    assert_eq!(a_day(&[(day(26), 0), (today, 5)], today), None);
    assert_eq!(a_day(&[(day(26), 7), (today, 500)], today), Some(7));
    assert_eq!(a_day(&[(day(23), 0), (day(24), 1), (day(25), 10), (day(26), 20), (today, 500)], today), Some(15));
    let now = at("2026-11-27T00:00:00Z");
    assert_eq!(full_at(now, 150, 100), Some(at("2026-11-28T12:00:00Z")));
    assert_eq!((full_at(now, 0, 100), full_at(now, u64::MAX, 1)), (Some(now), None));
}

#[test]
fn hours_are_those_of_utc_and_numbers_have_three_figures() {
    assert_eq!(hour_of(at("1969-12-31T23:30:00Z")), at("1969-12-31T23:00:00Z"));
    let hours = hours_of(at("2026-11-27T08:30:00Z")..at("2026-11-27T10:00:00Z"));
    assert_eq!(hours, [at("2026-11-27T08:00:00Z"), at("2026-11-27T09:00:00Z")]);
    let said: Vec<String> =
        [0, 999, 1_000, 99_950, 999_499, 999_500, 1_234_567_890].map(|size| bytes(size).de).to_vec();
    assert_eq!(said, ["0 Byte", "999 Byte", "1,00 kB", "100 kB", "999 kB", "1,00 MB", "1,23 GB"]);
    let lengths = [119, 120, 7_200, 172_800].map(|seconds| length(SignedDuration::from_secs(seconds)).de);
    assert_eq!(lengths, ["119 s", "2 min", "2 h", "2 Tage"]);
}

/// What a person must do of a status and causes, by kind and what it is about.
fn needs_of(causes: &[Cause], due: &Due, change: impl FnOnce(&mut Status)) -> Vec<Need> {
    let folder = tempfile::tempdir().unwrap();
    let text = "title: T\npublisher: P\nlicence: CC0\ntime_zone: Europe/Berlin\nbucket:\n  location: b\n";
    std::fs::write(folder.path().join("fahrtenbuch.yaml"), text).unwrap();
    let (workspace, _) =
        crate::workspace::outline::read(folder.path(), crate::workspace::outline::Needs::Stores).unwrap();
    let facts = crate::schedule::facts::Facts::none(TimeZone::get("Europe/Berlin").unwrap());
    let mut status = Status { needs: Vec::new(), due: Vec::new(), undecided: Vec::new(), ..status() };
    change(&mut status);
    let (log, now) = Default::default();
    let inputs = Inputs { workspace: &workspace, facts: &facts, due, log: &log, causes, now };
    needs::needs(&status, &inputs)
}

fn kinds(change: impl FnOnce(&mut Status)) -> Vec<&'static str> {
    needs_of(&[], &Due::default(), change).into_iter().map(|need| need.kind).collect()
}

/// One cause of each kind.
fn causes() -> Vec<Cause> {
    let since = at("2026-11-26T05:00:00Z");
    every_trouble().into_iter().map(|trouble| Cause { trouble, since }).collect()
}

#[test]
fn what_needs_a_person_is_what_messages_tell_in_the_same_words() {
    let causes = causes();
    let needs = needs_of(&causes, &Due::default(), |_| ());
    // Those two are off unless somebody turns them on.
    let told = causes.iter().filter(|cause| cause.kind().is_on_by_default());
    let keys: BTreeSet<String> = told.clone().map(Cause::key).collect();
    let key = |need: &Need| {
        if need.about.is_empty() { need.kind.to_owned() } else { format!("{}:{}", need.kind, need.about) }
    };
    assert_eq!(needs.iter().map(key).collect::<BTreeSet<_>>(), keys);
    for cause in told {
        let said = crate::notify::text::said(cause, &TimeZone::get("Europe/Berlin").unwrap());
        let need = needs.iter().find(|need| key(need) == cause.key()).unwrap();
        assert_eq!((&need.what, need.command.join(" ")), (&said.what, said.command));
        assert_eq!((format!("{}.", need.lost.en), format!("{}.", need.lost.de)), (said.loss.en, said.loss.de));
    }
    // What is being lost comes first.
    assert_eq!(needs[0].kind, "private_store_lost");
}

#[test]
fn no_time_is_told_since_when_nobody_asks_where_it_is_not_known() {
    let beats = |newest| {
        let change = |status: &mut Status| {
            status.collector = Some(false);
            status.scheduler = Some(true);
            status.sources.iter_mut().for_each(|source| source.newest_beat = newest);
        };
        let need = needs_of(&[], &Due::default(), change).into_iter().find(|need| need.kind == "collector_down");
        need.unwrap().since
    };
    let newest = at("2026-11-27T08:00:00Z");
    assert_eq!((beats(Some(newest)), beats(None)), (Some(newest), None));
    // So it is with a timetable that the schedule is to ask for: what has passed is the time of the schedule.
    let mut status = status();
    status.due[0].why = "asking";
    status.due[0].said = "no collector asks its sources".to_owned();
    let told = text::text(&status);
    assert!(told.contains("no collector asks its sources, its schedule's time was 2026-11-25 06:30"), "{told}");
    let german = page(&status, Language::De);
    assert!(german.contains("kein Erfasser fragt seine Quellen, nach dem Zeitplan dran: "), "{german}");
}

#[test]
fn a_scheduler_is_missed_since_it_was_last_seen_and_not_since_a_job_was_due() {
    let folder = tempfile::tempdir().unwrap();
    let (logged, now) = (at("2026-11-27T12:00:00Z"), at("2026-11-27T16:00:00Z"));
    assert_eq!(needs::last_seen(folder.path(), None, now), None);
    assert_eq!(needs::last_seen(folder.path(), Some(logged), now), Some(logged));
    // It wrote its page long after its last job.
    std::fs::create_dir(folder.path().join("status")).unwrap();
    let page = std::fs::File::create(folder.path().join("status/index.html")).unwrap();
    let killed = at("2026-11-27T15:59:00Z");
    let seconds = std::time::Duration::from_secs(u64::try_from(killed.as_second()).unwrap());
    page.set_modified(std::time::UNIX_EPOCH + seconds).unwrap();
    assert_eq!(needs::last_seen(folder.path(), Some(logged), now), Some(killed));
    // A clock that was ahead says nothing.
    assert_eq!(needs::last_seen(folder.path(), Some(at("2026-12-24T00:00:00Z")), now), Some(killed));
}

#[test]
fn what_only_who_looks_here_wants_to_know_is_told_beside() {
    assert_eq!(kinds(|_| ()), [""; 0]);
    assert_eq!(kinds(|status| status.collector = Some(false)), ["collector_down"]);
    // Whoever never started one asks in another way.
    assert_eq!(kinds(|status| status.collector = None), [""; 0]);
    let waiting = super::tests::status().due;
    assert_eq!(kinds(|status| status.due.clone_from(&waiting)), ["scheduler_down"]);
    // Where none has run yet, the job's time may have been before the workspace was: no time is told, and how to start one.
    let waits = &waiting;
    let new = |status: &mut Status| (status.due, status.scheduler) = (waits.clone(), None);
    let needs = needs_of(&[], &Due::default(), new);
    let need = needs.first().unwrap();
    assert_eq!((need.kind, need.since, need.command.join(" ").as_str()), ("scheduler_down", None, "fahrtenbuch up"));
    assert!(need.what.en.starts_with("No scheduler has run yet") && need.what.de.contains("noch kein Planer"));
    let at_work = |status: &mut Status| (status.due, status.scheduler) = (waiting, Some(true));
    assert_eq!(kinds(at_work), [""; 0]);
    // Once, if it is a cause, too.
    let down = Cause { trouble: Trouble::CollectorDown, since: at("2026-11-26T05:00:00Z") };
    let needs = needs_of(std::slice::from_ref(&down), &Due::default(), |status| status.collector = Some(false));
    assert_eq!((needs.len(), needs[0].since), (1, Some(down.since)));
    let stopped = |date, why| Stopped { key: key("stadtbus-telemetrie", date), why, since: at("2026-09-02T05:00:00Z") };
    let too_old = ["2026-09-01", "2026-09-02", "2026-11-24"].map(|date| stopped(date, Stop::TooOld)).to_vec();
    let due = Due { stopped: too_old, ..Due::default() };
    let needs = needs_of(&causes(), &due, |_| ());
    let never = needs.last().unwrap();
    assert_eq!(
        never.what.en,
        "stadtbus-telemetrie was never published for 2026-09-01 and 2026-09-02: older than 'catch_up'"
    );
    assert_eq!(never.command.join(" "), "fahrtenbuch run stadtbus-telemetrie --from 2026-09-01 --to 2026-09-02");
}

#[test]
fn where_there_is_nothing_yet_nobody_is_told_that_all_is_well() {
    let status = Status { needs: Vec::new(), next: Vec::new(), ..status() };
    let mut begun = status.clone();
    begun.pipelines[0].newest = None;
    assert_eq!(verdict(&begun).en, "Nothing is published yet: the newest body came 12 s ago.");
    assert_eq!(verdict(&begun).de, "Noch ist nichts veröffentlicht: die neueste Antwort kam vor 12 s.");
    assert!(page(&begun, Language::En).contains("class=\"verdict none\""));
    begun.sources[0].newest_body = None;
    assert_eq!(verdict(&begun).en, "There is nothing yet, no evidence and no release.");
    begun.sources.clear();
    begun.pipelines.clear();
    assert_eq!(verdict(&begun).de, "Noch gibt es nichts, weder Belege noch Veröffentlichungen.");
    // Whoever has no schedule has evidence, and is told that nothing runs by itself.
    let mut collects = status.clone();
    (collects.pipelines[0].newest, collects.pipelines[0].is_scheduled) = (None, false);
    assert_eq!(
        verdict(&collects).en,
        "All is well: the newest body came 12 s ago, no pipeline has a 'schedule', so runs are begun by hand."
    );
}
