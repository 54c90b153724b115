use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::notify::cause::Trouble;
use crate::notify::delivery::Failure;
use crate::yaml::{self, Problems};

/// A Tuesday at noon in Berlin.
const NOON: &str = "2026-11-24T11:00:00Z";

fn settings(rest: &str, channels: &[&str]) -> Settings {
    let channels: String = channels
        .iter()
        .map(|name| format!("    - {{name: {name}, type: teams, url: 'https://a.example/{name}'}}\n"))
        .collect();
    let text = format!("title: M\ntime_zone: Europe/Berlin\nnotify:\n{rest}  channels:\n{channels}");
    let file = Path::new("fahrtenbuch.yaml");
    let mut problems = Problems::new(file);
    let settings = Settings::read(&yaml::parse(file, &text).unwrap(), &mut problems);
    assert!(problems.found.is_empty(), "{:?}", problems.found);
    settings
}

fn silent(source: &str, since: Timestamp) -> Cause {
    Cause { trouble: Trouble::SourceSilent { source: source.to_owned(), last_body: None }, since }
}

fn collector(since: Timestamp) -> Cause {
    Cause { trouble: Trouble::CollectorDown, since }
}

/// A time with what is wrong, and a log that goes on.
struct Course {
    settings: Settings,
    sent: Vec<(Timestamp, Sent)>,
    now: Timestamp,
    /// Channels that fail now.
    broken: Vec<String>,
    retry_after: Option<std::time::Duration>,
}

impl Course {
    fn new(settings: Settings) -> Self {
        Self { settings, sent: Vec::new(), now: NOON.parse().unwrap(), broken: Vec::new(), retry_after: None }
    }

    fn wait(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    /// Looks once, all that is no cause being well; what went out, and what was tried in vain.
    fn look(&mut self, causes: &[Cause]) -> (Vec<Message>, Vec<Message>) {
        self.look_at(&causes.to_vec().into())
    }

    fn look_at(&mut self, found: &Findings) -> (Vec<Message>, Vec<Message>) {
        let found = messages(found, &self.sent, &self.settings, self.now);
        let is_broken = |message: &Message| self.broken.contains(&message.channel);
        let deliver = |message: &Message| {
            let failure = || Failure { retry_after: self.retry_after, ..Failure::transient("broken") };
            let result = if is_broken(message) { Err(failure()) } else { Ok(()) };
            Delivery { channel: message.channel.clone(), result }
        };
        let deliveries: Vec<Delivery> = found.iter().map(deliver).collect();
        let lines = lines(&found, &deliveries, self.now);
        // As the log writes and reads them.
        let again = |line: Sent| serde_json::from_str(&serde_json::to_string(&line).unwrap()).unwrap();
        self.sent.extend(lines.into_iter().map(|line| (self.now, again(line))));
        found.into_iter().partition(|message| !self.broken.contains(&message.channel))
    }

    /// What went out by one channel: `new source_silent:a`.
    fn told(&mut self, causes: &[Cause]) -> Vec<String> {
        self.told_of(&causes.to_vec().into())
    }

    fn told_of(&mut self, found: &Findings) -> Vec<String> {
        let (out, _) = self.look_at(found);
        out.iter()
            .flat_map(|message| &message.notices)
            .map(|notice| format!("{} {}", serde_json::to_value(notice.kind).unwrap().as_str().unwrap(), notice.key))
            .collect()
    }
}

#[test]
fn a_line_of_the_log_has_the_agreed_shape() {
    let mut course = Course::new(settings("", &["mail"]));
    let now = course.now;
    course.told(&[silent("stadtbus-vp", now)]);
    let line = serde_json::to_string(&course.sent[0].1).unwrap();
    assert_eq!(line, r#"{"cause":"source_silent:stadtbus-vp","kind":"new","channels":["mail"],"failed":[]}"#);
}

#[test]
fn a_cause_that_came_again_in_quiet_hours_is_told_at_their_end_although_it_rests() {
    let mut course = Course::new(settings("  quiet: 20:00-20:30\n", &["mail"]));
    let cause = [silent("a", course.now)];
    course.now = "2026-11-24T18:52:00Z".parse().unwrap();
    assert_eq!(course.told(&cause), ["new source_silent:a"]);
    course.wait(2);
    assert_eq!(course.told(&[]), ["mended source_silent:a"]);
    course.wait(9);
    assert_eq!(course.told(&cause), [""; 0]);
    course.now = "2026-11-24T19:29:00Z".parse().unwrap();
    assert_eq!(course.told(&cause), [""; 0]);
    course.wait(1);
    assert_eq!(course.told(&cause), ["new source_silent:a"]);
    // That it is mended and comes once more is one too many until it has rested.
    course.wait(1);
    assert_eq!((course.told(&[]), course.told(&cause)), (vec![], vec![]));
}

#[test]
fn what_rests_is_told_at_the_end_of_quiet_hours_that_began_before_it_did() {
    // The hours were written down while somebody was told.
    let mut course = Course::new(settings("", &["mail"]));
    let cause = [silent("a", course.now)];
    course.now = "2026-11-24T21:22:00Z".parse().unwrap();
    assert_eq!(course.told(&cause), ["new source_silent:a"]);
    course.wait(2);
    assert_eq!(course.told(&[]), ["mended source_silent:a"]);
    course.settings = settings("  quiet: 20:00-22:37\n", &["mail"]);
    course.wait(9);
    assert_eq!(course.told(&cause), [""; 0]);
    course.wait(4);
    assert_eq!(course.told(&cause), ["new source_silent:a"]);
}

#[test]
fn what_nothing_is_known_of_is_not_mended() {
    let mut course = Course::new(settings("", &["mail"]));
    let begin = course.now;
    let known = |causes: &[Cause], well: &[&str]| {
        let well = well.iter().filter_map(|key| of_key(key)).map(|(kind, subject)| (kind, subject.to_owned()));
        Findings { causes: causes.to_vec(), well: Some(well.collect()) }
    };
    let (a, b) = (silent("a", begin), silent("b", begin));
    assert_eq!(course.told_of(&known(&[a.clone(), b.clone()], &[])), ["new source_silent:a", "new source_silent:b"]);
    let rule = "rule_failed:bus/t.speed";
    for _ in 0..1_000 {
        // A store that cannot be read, a process that has just begun; and in between it is there.
        course.wait(7);
        assert_eq!(course.told_of(&known(&[], &["source_silent:c", "source_frozen:a"])), [""; 0]);
        course.wait(1);
        let told = course.told_of(&known(&[a.clone(), b.clone()], &["source_silent:a"]));
        assert!(told.iter().all(|told| told.starts_with("reminder ")), "{told:?}");
    }
    course.wait(1);
    assert_eq!(course.told_of(&known(&[b], &["source_silent:a"])), ["mended source_silent:a"]);
    assert_eq!(course.told_of(&known(&[], &["source_silent:a", "source_silent:b"])), ["mended source_silent:b"]);
    assert!(known(&[], &["rule_failed:bus"]).is_well(rule) && !known(&[], &["rule_failed:tram"]).is_well(rule));
    assert!(!known(&[], &[]).is_well("of_another_version:a"));
}

#[test]
fn what_was_sent_while_a_clock_was_ahead_stops_no_message() {
    let mut course = Course::new(settings("", &["mail"]));
    let real = course.now;
    // For an hour the clock was nine years ahead.
    course.now = "2035-11-24T11:00:00Z".parse().unwrap();
    let cause = [silent("a", real)];
    assert_eq!(course.told(&cause), ["new source_silent:a"]);
    course.broken = vec!["mail".to_owned()];
    course.wait(60);
    assert_eq!(course.told(&[silent("a", real), silent("b", real)]), [""; 0]);
    course.broken.clear();
    course.now = real + SignedDuration::from_hours(1);
    assert_eq!(
        course.told(&[silent("a", real), silent("b", real)]),
        ["new source_silent:b", "reminder source_silent:a"]
    );
    // From then on as ever: one reminder after a day (or two, for what was reminded of once), none before.
    let mut told = Vec::new();
    for _ in 0..(3 * 24) {
        course.wait(60);
        told.extend(course.told(&[silent("a", real), silent("b", real)]));
    }
    assert_eq!(told, ["reminder source_silent:b", "reminder source_silent:a", "reminder source_silent:b"]);
    assert_eq!(course.told(&[]), ["mended source_silent:a", "mended source_silent:b"]);
}

#[test]
fn a_thousand_failures_of_one_cause_make_two_messages() {
    let mut course = Course::new(settings("", &["mail"]));
    let begin = course.now;
    let mut told = Vec::new();
    for number in 0..1_000 {
        course.wait(1);
        // Its numbers change all the time.
        let mut cause = silent("a", begin);
        cause.trouble = Trouble::SourceSilent {
            source: "a".to_owned(),
            last_body: Some(begin + SignedDuration::from_secs(number)),
        };
        told.extend(course.told(&[cause]));
    }
    course.wait(1);
    told.extend(course.told(&[]));
    told.extend(course.told(&[]));
    assert_eq!(told, ["new source_silent:a", "mended source_silent:a"]);
}

#[test]
fn many_causes_at_once_are_one_message_with_the_urgent_ones_first() {
    let mut course = Course::new(settings("", &["mail"]));
    let now = course.now;
    let mut causes: Vec<Cause> = (0..500).map(|number| silent(&format!("s{number}"), now)).collect();
    causes.push(collector(now));
    causes.push(collector(now));
    let (out, _) = course.look(&causes);
    assert_eq!((out.len(), out[0].notices.len()), (1, 501));
    assert_eq!(out[0].notices[0].key, "collector_down");
    assert!(course.told(&causes).is_empty());
}

#[test]
fn a_reminder_comes_after_a_day_and_then_more_and_more_rarely() {
    let mut course = Course::new(settings("", &["mail"]));
    let begin = course.now;
    let mut days = Vec::new();
    for minutes in (0..40 * 24 * 60).step_by(30) {
        course.now = begin + SignedDuration::from_mins(minutes);
        for told in course.told(&[silent("a", begin)]) {
            days.push((told.split(' ').next().unwrap().to_owned(), minutes / 1440));
        }
    }
    let days: Vec<(&str, i64)> = days.iter().map(|(kind, day)| (kind.as_str(), *day)).collect();
    let reminders = [1, 3, 7, 14, 21, 28, 35].map(|day| ("reminder", day));
    assert_eq!(days, [&[("new", 0)], &reminders[..]].concat());
    let mut never = Course::new(settings("  reminder: never\n", &["mail"]));
    assert_eq!(never.told(&[silent("a", begin)]).len(), 1);
    never.wait(100 * 24 * 60);
    assert!(never.told(&[silent("a", begin)]).is_empty());
}

#[test]
fn in_quiet_hours_only_what_is_urgent_goes_out_and_the_rest_at_their_end() {
    let mut course = Course::new(settings("  quiet: 20:00-07:00\n", &["mail"]));
    // 22:00 in Berlin.
    course.now = "2026-11-24T21:00:00Z".parse().unwrap();
    let now = course.now;
    let (a, b, down) = (silent("a", now), silent("b", now), collector(now));
    assert_eq!(course.told(&[a.clone(), b.clone(), down.clone()]), ["new collector_down"]);
    course.wait(60);
    // The collector is back and 'a' is mended before anybody was told.
    assert!(course.told(std::slice::from_ref(&b)).is_empty());
    course.now = "2026-11-25T05:59:00Z".parse().unwrap();
    assert!(course.told(std::slice::from_ref(&b)).is_empty());
    course.wait(1);
    assert_eq!(course.told(std::slice::from_ref(&b)), ["new source_silent:b", "mended collector_down"]);
}

#[test]
fn a_disk_that_is_full_within_a_day_does_not_wait_for_the_morning() {
    let mut course = Course::new(settings("  quiet: 20:00-07:00\n", &["mail"]));
    course.now = "2026-11-24T21:00:00Z".parse().unwrap();
    let now = course.now;
    let disk = |hours: i64| {
        let full_at = Some(now + SignedDuration::from_hours(hours));
        Cause { trouble: Trouble::DiskFilling { place: "private".to_owned(), free_bytes: 1, full_at }, since: now }
    };
    assert!(course.told(&[disk(25)]).is_empty());
    assert_eq!(course.told(&[disk(23)]), ["new disk_filling:private"]);
}

#[test]
fn a_cause_that_flaps_does_not_flood() {
    let mut course = Course::new(settings("", &["mail"]));
    let begin = course.now;
    let mut told = Vec::new();
    for minute in 0..7 * 24 * 60 {
        course.now = begin + SignedDuration::from_mins(minute);
        let causes = if minute % 2 == 0 { vec![silent("a", course.now)] } else { Vec::new() };
        told.extend(course.told(&causes).into_iter().map(|told| (minute, told)));
    }
    // A day has no more than seven, the first two at once.
    assert_eq!((told[0].0, told[1].0), (0, 1));
    for (minute, _) in &told {
        let of_a_day = told.iter().filter(|(other, _)| (*minute..*minute + 24 * 60).contains(other)).count();
        assert!(of_a_day <= 7, "{told:?}");
    }
    let is_alternating = told.windows(2).all(|pair| pair[0].1 != pair[1].1);
    assert!(is_alternating, "{told:?}");
    // What it is in the end is told.
    for _ in 0..24 * 60 {
        course.wait(1);
        told.extend(course.told(&[]).into_iter().map(|one| (0, one)));
    }
    assert_eq!(told.last().unwrap().1, "mended source_silent:a");
}

#[test]
fn a_channel_that_fails_is_tried_again_with_growing_pauses_and_others_repeat_nothing() {
    let mut course = Course::new(settings("", &["mail", "phone"]));
    course.broken = vec!["phone".to_owned()];
    let begin = course.now;
    let (mut tries, mut mails) = (Vec::new(), 0);
    for minute in 0..6 * 60 {
        course.now = begin + SignedDuration::from_mins(minute);
        let (out, failed) = course.look(&[silent("a", begin)]);
        mails += out.len();
        tries.extend(failed.iter().map(|_| minute));
    }
    assert_eq!(mails, 1);
    assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]);
    course.broken.clear();
    course.wait(60);
    let (out, _) = course.look(&[silent("a", begin)]);
    assert_eq!((out.len(), out[0].channel.as_str()), (1, "phone"));
    assert!(course.look(&[silent("a", begin)]).0.is_empty());
    // A try has one line, however many causes it would have told.
    assert_eq!(course.sent.iter().filter(|(_, sent)| !sent.failed.is_empty()).count(), tries.len());
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_for_an_hour_at_most() {
    for (asked, minutes) in [(600, 10), (86_400, 60), (5, 1)] {
        let mut course = Course::new(settings("", &["phone"]));
        (course.broken, course.retry_after) = (vec!["phone".to_owned()], Some(std::time::Duration::from_secs(asked)));
        let cause = [silent("a", course.now)];
        assert_eq!(course.look(&cause).1.len(), 1);
        course.wait(minutes - 1);
        assert!(course.look(&cause).1.is_empty(), "{asked}");
        course.wait(1);
        assert_eq!(course.look(&cause).1.len(), 1, "{asked}");
    }
}

#[test]
fn what_is_off_is_not_told_and_not_mended_by_being_turned_off() {
    let mut course = Course::new(settings("", &["mail"]));
    let now = course.now;
    let rule = Cause {
        trouble: Trouble::ScoreFell {
            dataset: "d".to_owned(),
            date: "2026-11-23".parse().unwrap(),
            before: 99,
            now: 90,
        },
        since: now,
    };
    assert_eq!(course.told(&[rule.clone(), silent("a", now)]), ["new source_silent:a"]);
    course.settings = settings("  off: [source_silent]\n  on: [score_fell]\n", &["mail"]);
    assert_eq!(course.told(&[rule, silent("a", now)]), ["new score_fell:d"]);
    // A key of a program to come says nothing to this one.
    let sent = Sent {
        cause: "comet:x".to_owned(),
        kind: Kind::New,
        channels: vec!["mail".to_owned()],
        failed: vec![],
        not_before: None,
    };
    course.sent.push((now, sent));
    course.settings = settings("", &["mail"]);
    assert_eq!(course.told(&[]), ["mended source_silent:a"]);
}

#[test]
fn a_clock_that_was_ahead_binds_nobody() {
    let mut course = Course::new(settings("", &["mail"]));
    let right = course.now;
    course.now = "2030-01-01T12:00:00Z".parse().unwrap();
    assert_eq!(course.told(&[silent("a", right)]).len(), 1);
    course.broken = vec!["mail".to_owned()];
    course.look(&[]);
    course.broken.clear();
    course.now = right;
    assert_eq!(course.told(&[]), ["mended source_silent:a"]);
    assert!(course.told(&[]).is_empty());
}

/// Minutes until the next look, which of three causes there are, and whether the second channel works.
fn steps() -> impl Strategy<Value = Vec<(u16, [bool; 3], bool)>> {
    prop::collection::vec((1..400_u16, any::<[bool; 3]>(), any::<bool>()), 1..80)
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(steps in steps()) {
        let text = "  quiet: 20:00-07:00\n";
        let mut course = Course::new(settings(text, &["one", "two"]));
        let mut alone = Course::new(settings(text, &["one"]));
        let mut told: BTreeMap<(String, String), Vec<(Timestamp, Kind)>> = BTreeMap::new();
        for (minutes, present, works) in steps {
            course.wait(i64::from(minutes));
            alone.now = course.now;
            let now = course.now;
            let all = [silent("a", now), silent("b", now), collector(now)];
            let causes: Vec<Cause> = all.into_iter().zip(present).filter(|(_, is)| *is).map(|(cause, _)| cause).collect();
            course.broken = if works { Vec::new() } else { vec!["two".to_owned()] };
            let (out, _) = course.look(&causes);
            // A channel is as it would be alone.
            let of_one: Vec<Message> = out.iter().filter(|message| message.channel == "one").cloned().collect();
            prop_assert_eq!(&of_one, &alone.look(&causes).0);
            for message in out {
                for notice in &message.notices {
                    let is_new_urgent = notice.is_urgent && notice.kind == Kind::New;
                    prop_assert!(is_new_urgent || !course.settings.is_quiet(now));
                    prop_assert_eq!(notice.cause.is_none(), notice.kind == Kind::Mended);
                    let before = told.entry((message.channel.clone(), notice.key.clone())).or_default();
                    let was_open = before.last().is_some_and(|(_, kind)| *kind != Kind::Mended);
                    prop_assert_eq!(was_open, notice.kind != Kind::New);
                    prop_assert_eq!(before.len(), notice.number);
                    before.push((now, notice.kind));
                    let of_a_day = before.iter().filter(|(at, _)| now.duration_since(*at) < DAY).count();
                    prop_assert!(of_a_day <= 7);
                }
            }
        }
        // When all is well for two days everybody knows it.
        course.broken.clear();
        for _ in 0..48 {
            course.wait(60);
            course.look(&[]);
        }
        for channel in ["one", "two"] {
            let history = History::of(channel, &course.sent);
            prop_assert!(history.told.values().all(|told| told.last().is_some_and(|(_, kind)| *kind == Kind::Mended)));
        }
    }
}
