//! `schedule:` of a pipeline's file: when its dates are run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use croner::errors::CronError;
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::interval;
use crate::time;
use crate::yaml::{Node, Problems};

const KEYS: &[&str] = &["run", "after", "every", "late", "catch_up"];
/// Days, where the file does not say otherwise.
const LATE: u16 = 3;
const CATCH_UP: u16 = 30;
/// Eleven years.
const MOST_DAYS: u16 = 4_000;
/// Provisional releases come at most so often.
const EVERY_LEAST: Duration = Duration::from_secs(60);
/// What stands for a cron expression.
const WORDS: &[&str] = &["@hourly", "@daily", "@midnight", "@weekly", "@monthly"];
/// Times of a cron expression that are looked at, one behind the other, until one is late enough.
const TIMES: usize = 200;

/// When the dates of a pipeline are run.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub trigger: Trigger,
    /// Days after a date is over during which evidence that comes in later makes a new release.
    pub late: u16,
    /// Days after a date is over during which it is run if it was missed.
    pub catch_up: u16,
    /// Of `after`, or else of `schedule`, in the pipeline's file.
    pub line: u32,
}

/// What lets a date that is over be run.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// The times of a cron expression, by the clock of the workspace's zone. A time that the clock shows twice counts once; one that it
    /// jumps over counts at the jump.
    Times(Times),
    /// That the date was run of this pipeline, at whose times it is run, too.
    After(String),
    /// The same, and the workspace has no such pipeline with times, or it leads back here; without a name where the schedule itself
    /// cannot be read.
    Nowhere(String),
    /// Steady intervals, counted from 1970-01-01 UTC, a day from midnight by the clock of the workspace; dates that are not over are run,
    /// too, and released provisionally.
    Every(Duration),
}

/// A cron expression, or a time of day.
#[derive(Clone, PartialEq)]
pub struct Times {
    /// As the file has it: `04:30`, `30 4 * * 1-5`.
    text: String,
    /// It is large, and schedules are handed around.
    cron: Arc<Cron>,
}

impl Schedule {
    /// Reads `schedule:` of a pipeline's file, whose root is `node`. None if there is none, or if a mistake was told.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let map = node.get("schedule")?;
        let remedy = "Write one of 'run: \"06:30\"', 'run: \"30 6 * * *\"' (cron), 'after: PIPELINE' and 'every: 15 min' below it.";
        if map.pairs().is_empty() {
            let said = format!("'schedule' is {}, expected a map with one of 'run', 'after' and 'every'", map.kind());
            let more = format!("{remedy} 'late: 3 days' and 'catch_up: 30 days' may stand beside it.");
            problems.add(map.line, said, more);
            return None;
        }
        map.only_keys(KEYS, problems);
        let triggers: Vec<&Node> = KEYS[..3].iter().filter_map(|key| map.get(key)).collect();
        if triggers.len() != 1 {
            let said = if triggers.is_empty() { "does not say when" } else { "says it in two ways" };
            problems.add(triggers.last().map_or(map.line, |node| node.line), format!("'schedule' {said}"), remedy);
        }
        let late = days(map, "late", LATE, problems);
        let catch_up = days(map, "catch_up", CATCH_UP, problems);
        let trigger = match (map.get("run"), map.optional_text("after", problems), map.get("every")) {
            (Some(run), ..) => Trigger::Times(Times::read(run, problems)?),
            (None, Some(pipeline), _) => Trigger::After(pipeline),
            (None, None, Some(every)) => Trigger::Every(every_of(every, problems)?),
            (None, None, None) => return None,
        };
        let line = map.get("after").map_or(map.line, |node| node.line);
        (triggers.len() == 1).then_some(Self { trigger, late, catch_up, line })
    }
}

impl Schedule {
    /// What stands for a schedule in which there is a mistake: it has no times.
    pub(super) fn unreadable(map: &Node) -> Self {
        Self { trigger: Trigger::Nowhere(String::new()), late: LATE, catch_up: CATCH_UP, line: map.line }
    }

    /// Whether nobody can tell its times, since what the file says of them is a mistake.
    pub fn is_unreadable(&self) -> bool {
        matches!(&self.trigger, Trigger::Nowhere(other) if other.is_empty())
    }
}

fn every_of(node: &Node, problems: &mut Problems) -> Option<Duration> {
    let every = interval::read(node, problems)?;
    if every < EVERY_LEAST {
        let remedy = "Write a minute or more; each is a run over all of the day.";
        problems.add(node.line, "'every' of a schedule is less than a minute", remedy);
        return None;
    }
    Some(every)
}

/// A number of days: `3 days`, `1 day`, `3`.
fn days(map: &Node, key: &str, default: u16, problems: &mut Problems) -> u16 {
    let Some(node) = map.get(key) else { return default };
    let text = node.scalar().unwrap_or_default();
    let (number, unit) =
        text.trim().split_at(text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(text.trim().len()));
    let is_days = matches!(unit.trim(), "" | "day" | "days" | "d");
    let weeks = matches!(unit.trim(), "week" | "weeks").then_some(7).or(is_days.then_some(1));
    let read = number.parse::<u16>().ok().zip(weeks).and_then(|(number, factor)| number.checked_mul(factor));
    read.filter(|days| *days <= MOST_DAYS).unwrap_or_else(|| {
        let remedy = format!("Write a number of days up to {MOST_DAYS}: '{default} days'.");
        problems.add(node.line, format!("'{key}: {text}' is no number of days"), &remedy);
        default
    })
}

impl FromStr for Times {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let expression = match time_of_day(text) {
            Some((hour, minute)) => format!("{minute} {hour} * * *"),
            // YAML 1.1 reads 04:30 without quotes as a number of base sixty; here it is a text all the same.
            None if text.split_whitespace().count() == 5 || WORDS.contains(&text) => text.to_owned(),
            None => {
                return Err("it is neither a time of day nor a cron expression of five fields, nor '@daily'".to_owned());
            }
        };
        let cron = Cron::from_str(&expression).map_err(|error| error.to_string())?;
        let times = Self { text: text.to_owned(), cron: Arc::new(cron) };
        // An expression may be of days that no calendar has: 30 February.
        let begin = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0);
        times.next_by_clock(begin).map(|_| ()).ok_or("no day of the calendar has such a time")?;
        Ok(times)
    }
}

fn time_of_day(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: u8| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u8>().ok().filter(|number| is_number && *number <= most)
    };
    Some((number(hour, 23)?, number(minute, 59).filter(|_| minute.len() == 2)?))
}

impl Times {
    /// Reads the times that a node of a file has.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(text) = node.scalar() else {
            let remedy = "Write one text: several times of a day are a cron expression, as '\"15 12,13 * * *\"'.";
            problems.add(node.line, format!("the times are {}, and no text", node.kind()), remedy);
            return None;
        };
        let times = text.parse::<Self>();
        if let Err(problem) = &times {
            // Errors of expressions end with a full stop of their own.
            let problem = problem.trim_end_matches('.');
            let remedy = "Write a time of day, '\"06:30\"', or a cron expression of five fields (minute, hour, day of the month, month, \
                          weekday), '\"30 6 * * 1-5\"', or one of '@hourly', '@daily', '@weekly' and '@monthly'.";
            problems.add(node.line, format!("the time '{text}' cannot be read: {problem}"), remedy);
        }
        times.ok()
    }

    /// The first time at or after an instant; none at the end of time.
    pub fn first_from(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // What the clock shows may be an hour that comes twice, so one begins before it.
        let mut clock = zone.to_datetime(from.saturating_sub(SignedDuration::from_hours(3)).ok()?);
        for _ in 0..TIMES {
            clock = self.next_by_clock(clock)?;
            let instant = time::first_local_instant(clock, zone)?;
            if instant >= from {
                return Some(instant);
            }
            clock = clock.checked_add(1.second()).ok()?;
        }
        None
    }

    /// The first time by a clock at or after one.
    fn next_by_clock(&self, from: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&Clock(from), true).ok().map(|clock| clock.0)
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a clock on the wall shows, which knows nothing of zones: so each time of a cron expression is there once.
#[derive(Clone)]
struct Clock(DateTime);

impl CronDateTime for Clock {
    fn to_civil(&self) -> CivilDateTime {
        let at = self.0;
        let unsigned = |number: i8| u32::from(number.unsigned_abs());
        let date = CivilDate::from_ymd_opt(i32::from(at.year()), unsigned(at.month()), unsigned(at.day()));
        let time = CivilTime::from_hms_opt(unsigned(at.hour()), unsigned(at.minute()), unsigned(at.second()));
        match (date, time) {
            (Some(date), Some(time)) => CivilDateTime::new(date, time),
            _ => crate::internal::impossible("reading a clock", format!("{at} is no time of a calendar")),
        }
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let small = |number: u32| i8::try_from(number).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let [month, day, hour, minute, second] =
            [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()].map(small);
        let clock = DateTime::new(year, month?, day?, hour?, minute?, second?, 0);
        clock.map(|clock| Resolution::Single(Self(clock))).map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Schedule>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, text).unwrap();
        let node = crate::yaml::read(&file).unwrap();
        let mut problems = Problems::new(&file);
        let schedule = Schedule::read(&node, &mut problems);
        (schedule, problems.found.iter().map(|p| format!("{} {} {}", p.line, p.message, p.remedy)).collect())
    }

    #[test]
    fn a_schedule_is_a_time_an_expression_another_pipeline_or_an_interval() {
        let trigger = |text: &str| {
            let (schedule, problems) = read(&format!("schedule:\n  {text}\n"));
            assert_eq!(problems, [""; 0], "{text}");
            schedule.unwrap().trigger
        };
        assert!(matches!(trigger("run: \"04:30\""), Trigger::Times(times) if times.to_string() == "04:30"));
        assert!(matches!(trigger("run: 04:30"), Trigger::Times(times) if times.to_string() == "04:30"));
        assert!(matches!(trigger("run: '30 4 * * 1-5'"), Trigger::Times(_)));
        assert!(matches!(trigger("run: '@daily'"), Trigger::Times(_)));
        assert_eq!(trigger("after: fahrplan"), Trigger::After("fahrplan".to_owned()));
        assert_eq!(trigger("every: 15 min"), Trigger::Every(Duration::from_secs(900)));
        assert_eq!(read("format: gtfs\n"), (None, vec![]));
        let (schedule, _) = read("schedule:\n  run: '6:05'\n  late: 2 weeks\n  catch_up: 1 day\n");
        assert_eq!(schedule.map(|schedule| (schedule.late, schedule.catch_up)), Some((14, 1)));
    }

    #[test]
    fn mistakes_in_a_schedule_are_told_with_their_lines() {
        for (text, expected) in [
            ("schedule: daily\n", "1 'schedule' is text"),
            ("schedule:\n  late: 3 days\n", "2 'schedule' does not say when"),
            ("schedule:\n  run: '04:30'\n  after: x\n", "3 'schedule' says it in two ways"),
            ("schedule:\n  run: '24:30'\n", "2 the time '24:30' cannot be read"),
            ("schedule:\n  run: ['12:15', '13:00']\n", "2 the times are a list, and no text"),
            ("schedule:\n  run: '4:3'\n", "2 the time '4:3' cannot be read"),
            ("schedule:\n  run: '61 4 * * *'\n", "2 the time '61 4 * * *' cannot be read"),
            ("schedule:\n  run: '0 4 30 2 *'\n", "2 the time '0 4 30 2 *' cannot be read: no day"),
            ("schedule:\n  run: '0 30 4 * * *'\n", "2 the time '0 30 4 * * *' cannot be read: it is neither"),
            ("schedule:\n  every: 10 s\n", "2 'every' of a schedule is less than a minute"),
            ("schedule:\n  run: '04:30'\n  late: long\n", "3 'late: long' is no number of days"),
            ("schedule:\n  run: '04:30'\n  catchup: 3\n", "3 'catchup' is not known here"),
            ("schedule:\n  run: '04:30'\n  catch_up: 99999 days\n", "3 'catch_up: 99999 days' is no number"),
        ] {
            let (_, problems) = read(text);
            assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{text}: {problems:?}");
        }
    }

    fn first(times: &str, from: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let times: Times = times.parse().unwrap();
        times.first_from(from.parse().unwrap(), &zone).unwrap().to_string()
    }

    #[test]
    fn a_time_counts_once_on_days_when_the_clock_changes() {
        let berlin = "Europe/Berlin";
        assert_eq!(first("04:30", "2026-11-24T03:30:00Z", berlin), "2026-11-24T03:30:00Z");
        assert_eq!(first("04:30", "2026-11-24T03:30:00.001Z", berlin), "2026-11-25T03:30:00Z");
        // 02:30 is jumped over on 2026-03-29, and twice there on 2026-10-25.
        assert_eq!(first("02:30", "2026-03-28T12:00:00Z", berlin), "2026-03-29T01:00:00Z");
        assert_eq!(first("02:30", "2026-03-29T01:00:00.001Z", berlin), "2026-03-30T00:30:00Z");
        assert_eq!(first("02:30", "2026-10-24T12:00:00Z", berlin), "2026-10-25T00:30:00Z");
        assert_eq!(first("02:30", "2026-10-25T00:45:00Z", berlin), "2026-10-26T01:30:00Z");
        let sydney = "Australia/Sydney";
        assert_eq!(first("02:30", "2026-10-03T12:00:00Z", sydney), "2026-10-03T16:00:00Z");
        assert_eq!(first("02:30", "2026-04-04T12:00:00Z", sydney), "2026-04-04T15:30:00Z");
        assert_eq!(first("02:30", "2026-04-04T15:45:00Z", sydney), "2026-04-05T16:30:00Z");
        assert_eq!(first("0 6 * * 1", "2026-11-24T12:00:00Z", berlin), "2026-11-30T05:00:00Z");
        // Every hour, also through both days of change.
        assert_eq!(first("0 * * * *", "2026-10-25T01:30:00Z", berlin), "2026-10-25T02:00:00Z");
        assert_eq!(first("0 0 29 2 *", "2026-11-24T12:00:00Z", berlin), "2028-02-28T23:00:00Z");
    }
}
