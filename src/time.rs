//! Service dates, GTFS times and UTC instants: the one place where the calendar of a timetable meets the clock.
//!
//! A *service date* is the day a trip belongs to, also after midnight: `25:10:00` on a Friday is ten past one on
//! Saturday. GTFS counts its times from *noon minus twelve hours* of the service date in local time, which is midnight
//! except on the two days a year on which the clock changes
//! (<https://gtfs.org/documentation/schedule/reference/#field-types>, "Time").

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::OnceLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The day that a trip belongs to, in local time. Printed and serialised as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceDate(pub Date);

/// Seconds since noon minus twelve hours of a service date: the value of a GTFS `Time`. May exceed 86,400.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServiceSeconds(pub i32);

/// The service day of a date in a zone: the instants that its reports may come from.
///
/// ```
/// # use fahrtenbuch::time::{ServiceDate, ServiceDay};
/// # use jiff::{Timestamp, tz::TimeZone};
/// let zone = TimeZone::get("Europe/Berlin")?;
/// // A bus at 02:30 still runs on the trips of the day before.
/// let night: Timestamp = "2026-11-25T02:30:00+01:00".parse()?;
/// let day = ServiceDay::of(night, &zone);
/// assert_eq!(day.date.to_string(), "2026-11-24");
/// assert!(day.reports.contains(&night) && day.window.contains(&night));
/// // On the day when the clock is set back, zero of GTFS is not midnight: noon minus twelve hours.
/// let autumn: ServiceDate = "2026-10-25".parse()?;
/// assert_eq!(autumn.zero(&zone).to_string(), "2026-10-24T23:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDay {
    pub date: ServiceDate,
    /// From [`ServiceDate::zero`] until 30 hours later, 06:00 of the next day: when a trip of this date may report
    /// (times beyond 24:00:00 of TIDES and GTFS).
    pub window: Range<Timestamp>,
    /// When a report that names no trip belongs to this date: from 3:00 by the local clock until 3:00 of the next day, since
    /// what runs before belongs to the night. The first 3:00, where the clock shows it twice; where it jumps over it, the jump.
    pub reports: Range<Timestamp>,
    /// When something that is said of this date may be received: from midnight of the day before, by the local clock, for what
    /// is known in advance (a trip cancelled, predictions for the first trips), until noon of the day after, for what comes
    /// late. What names this date and is received at another time is not of its partition: see [`ServiceDates`].
    pub evidence: Range<Timestamp>,
}

impl ServiceDay {
    /// Length of the window.
    pub const HOURS: i64 = 30;
    /// The hour of the local clock at which the night ends.
    const NIGHT_ENDS: i8 = 3;

    pub fn new(date: ServiceDate, zone: &TimeZone) -> Self {
        let zero = date.zero(zone);
        let end = zero.saturating_add(SignedDuration::from_hours(Self::HOURS)).unwrap_or(Timestamp::MAX);
        let reports = Self::night_end(date, zone)..Self::night_end(date.plus_days(1), zone);
        let by_clock = |date: ServiceDate, hour: i8| local_instant(date.0.at(hour, 0, 0, 0), zone);
        // They fail only at the ends of time. The night before and the night after are within, whatever the clock does.
        let begin = by_clock(date.plus_days(-1), 0).unwrap_or(Timestamp::MIN).min(reports.start);
        let evidence = begin..by_clock(date.plus_days(1), 12).unwrap_or(Timestamp::MAX).max(reports.end).max(end);
        Self { date, window: zero..end, reports, evidence }
    }

    /// The service day of an instant of which nothing but the time is known.
    pub fn of(instant: Timestamp, zone: &TimeZone) -> Self {
        let date = ServiceDate::local_date_of(instant, zone);
        let day = Self::new(date, zone);
        if instant < day.reports.start { Self::new(date.plus_days(-1), zone) } else { day }
    }

    /// Whether no report of this date can come any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.window.end
    }

    /// The end of the window as a clock in the zone shows it: `2026-11-27 06:00`.
    pub fn local_end(&self, zone: &TimeZone) -> String {
        zone.to_datetime(self.window.end).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The first instant at which the local clock shows 3:00 or more on a date.
    fn night_end(date: ServiceDate, zone: &TimeZone) -> Timestamp {
        let three = zone.to_ambiguous_zoned_datetime(date.0.at(Self::NIGHT_ENDS, 0, 0, 0));
        let is_gap = matches!(three.offset(), AmbiguousOffset::Gap { .. });
        // Before the gap's end by its clock, so at or after the jump itself. Fails only at the ends of time.
        let instant = three.compatible().map(|zoned| zoned.timestamp()).unwrap_or_default();
        let after = instant.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(instant);
        let jump = is_gap.then(|| zone.preceding(after).next()).flatten();
        jump.map_or(instant, |jump| jump.timestamp())
    }
}

/// Whether the clocks of two zones show the same in the year that begins with a date.
pub fn is_same_clock(one: &TimeZone, other: &TimeZone, from: ServiceDate) -> bool {
    let (begin, end) = (from.zero(one), from.plus_days(366).zero(one));
    let changes = |zone: &TimeZone| -> Vec<Timestamp> {
        zone.following(begin).map(|change| change.timestamp()).take_while(|at| *at < end).collect()
    };
    let is_same = |at: &Timestamp| one.to_offset(*at) == other.to_offset(*at);
    [vec![begin], changes(one), changes(other)].concat().iter().all(is_same)
}

/// The instant of a time by the clock of a zone. One that the clock shows twice is the first; one that it jumps over is as long
/// after the jump as it would be after the hour that is missing. `None` at the ends of time.
pub fn local_instant(clock: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_zoned_datetime(clock).compatible().ok().map(|zoned| zoned.timestamp())
}

/// The first instant at which the clock of a zone shows a time, or has just jumped over it. `None` at the ends of time.
pub fn first_local_instant(clock: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let instant = ambiguous.compatible().ok()?;
    let after = instant.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(instant);
    let jump = is_gap.then(|| zone.preceding(after).next()).flatten();
    Some(jump.map_or(instant, |jump| jump.timestamp()))
}

/// What a report says of its service date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dated {
    pub start_date: Option<ServiceDate>,
    pub start_time: Option<ServiceSeconds>,
    /// When it was made, by its own clock or that of its snapshot.
    pub made: Option<Timestamp>,
}

/// The partition of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    To(ServiceDate),
    /// It is of a date whose evidence does not reach to the time when it was received, so no partition can have it. It is
    /// counted as dropped in the partition of the date on which it was received.
    Stray {
        of: ServiceDate,
        counted_in: ServiceDate,
    },
}

impl Assigned {
    /// The one partition that counts the report.
    pub fn partition(self) -> ServiceDate {
        match self {
            Self::To(date) | Self::Stray { counted_in: date, .. } => date,
        }
    }
}

/// Assigns reports to service dates: each to exactly one partition, whichever dates are run, in whichever order. Remembers
/// the days that it met, since neighbours in a feed are of few dates.
pub struct ServiceDates {
    zone: TimeZone,
    days: Vec<ServiceDay>,
}

impl ServiceDates {
    /// Days that are remembered: a feed speaks of fewer at a time.
    const REMEMBERED: usize = 16;
    /// A trip that begins so shortly before or after it is seen is the one that is meant.
    const NEAR: SignedDuration = SignedDuration::from_hours(6);
    /// A trip that would have begun longer ago than this is the one of the next date.
    const PAST: SignedDuration = SignedDuration::from_hours(12);
    /// A report that was made longer ago than this has a wrong clock, or repeats what nobody asks for any more.
    const OLD: SignedDuration = SignedDuration::from_hours(24);

    pub fn new(zone: TimeZone) -> Self {
        Self { zone, days: Vec::new() }
    }

    /// The partition of a report that was received at an instant.
    ///
    /// Its `start_date` says whose it is; without one its `start_time`, by the trip of that time that is nearest;
    /// without both the time when it was made, by [`ServiceDay::reports`]. Nothing is made after it was received, and what was
    /// made more than a day before is taken as of the time when it was received: its clock tells nothing.
    pub fn assign(&mut self, received: Timestamp, dated: Dated) -> Assigned {
        let made = dated.made.map_or(received, |made| made.min(received));
        let date = match (dated.start_date, dated.start_time) {
            (Some(date), _) => date,
            (None, Some(time)) => self.date_of_start(time, made),
            (None, None) => self.reported(made).date,
        };
        if self.day(date).evidence.contains(&received) {
            return Assigned::To(date);
        }
        let counted_in = self.reported(received).date;
        match dated.start_date {
            None if received.duration_since(made) > Self::OLD => Assigned::To(counted_in),
            _ => Assigned::Stray { of: date, counted_in },
        }
    }

    /// The day on which something was received or made.
    pub fn reported(&mut self, at: Timestamp) -> &ServiceDay {
        let place = self.days.iter().position(|day| day.reports.contains(&at));
        self.remember(place, |zone| ServiceDay::of(at, zone))
    }

    pub fn day(&mut self, date: ServiceDate) -> &ServiceDay {
        let place = self.days.iter().position(|day| day.date == date);
        self.remember(place, |zone| ServiceDay::new(date, zone))
    }

    fn remember(&mut self, place: Option<usize>, make: impl FnOnce(&TimeZone) -> ServiceDay) -> &ServiceDay {
        let place = place.unwrap_or_else(|| {
            if self.days.len() == Self::REMEMBERED {
                self.days.clear();
            }
            self.days.push(make(&self.zone));
            self.days.len() - 1
        });
        &self.days[place]
    }

    /// The date of a trip of which the time of its start is known, seen at an instant: of the trip that begins within six hours
    /// of it; else of that of the day; else, where that one would have begun more than half a day ago, of that of the next.
    fn date_of_start(&mut self, time: ServiceSeconds, at: Timestamp) -> ServiceDate {
        let today = self.reported(at).date;
        let since_start = |date: ServiceDate| at.duration_since(date.instant(time, &self.zone));
        let days = time.0.div_euclid(86_400);
        let near =
            (-1 - days..=1).map(|days| today.plus_days(days)).find(|date| since_start(*date).abs() <= Self::NEAR);
        near.unwrap_or_else(|| if since_start(today) > Self::PAST { today.plus_days(1) } else { today })
    }
}

/// How far the clock of one machine may be ahead of another's. What is later than this is of the future.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// How far the clock was set off, for tests and rehearsals.
static CLOCK_SHIFT: OnceLock<SignedDuration> = OnceLock::new();

/// The time now: the one clock of a run, its captures and its records.
pub fn now() -> Timestamp {
    let shift = CLOCK_SHIFT.get().copied().unwrap_or_default();
    Timestamp::now().saturating_add(shift).unwrap_or(Timestamp::MAX)
}

/// Whether the clock of this process was set off.
pub fn is_clock_set_off() -> bool {
    CLOCK_SHIFT.get().is_some()
}

/// Lets the clock of this process begin at another time; it goes on from there. Only the first call counts.
pub fn set_clock(begin: Timestamp) {
    let _ = CLOCK_SHIFT.set(begin.duration_since(Timestamp::now()));
}

/// The end of the time that evidence can be of. Evidence from later was captured while a clock was wrong.
pub fn future(now: Timestamp) -> Timestamp {
    now.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX)
}

impl ServiceDate {
    /// A date of the Gregorian calendar; `None` if there is no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// Reads the eight digits of a GTFS `Date` (`YYYYMMDD`).
    pub fn from_gtfs(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 8 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Self::new(text[0..4].parse().ok()?, text[4..6].parse().ok()?, text[6..8].parse().ok()?)
    }

    /// The eight digits of a GTFS `Date`.
    pub fn to_gtfs(self) -> String {
        format!("{:04}{:02}{:02}", self.0.year(), self.0.month(), self.0.day())
    }

    /// Days since 1970-01-01: the value of an Arrow `Date32`.
    pub fn days_since_epoch(self) -> i32 {
        // Jiff's dates span the years -9999 to 9999, whose days fit into 32 bits.
        (self.0 - Date::constant(1970, 1, 1)).get_days()
    }

    /// The date that an Arrow `Date32` stands for; `None` outside the years -9999 to 9999.
    pub fn from_days_since_epoch(days: i32) -> Option<Self> {
        Date::constant(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok().map(Self)
    }

    /// The date `days` later (earlier if negative); stays within the years that exist.
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(Span::new().try_days(days).unwrap_or_default()))
    }

    /// Noon minus twelve hours in `zone`: the instant from which GTFS times of this date count.
    pub fn zero(self, zone: &TimeZone) -> Timestamp {
        let noon = self.0.at(12, 0, 0, 0);
        let noon = zone.to_ambiguous_zoned_datetime(noon).compatible().map(|zoned| zoned.timestamp());
        // Fails only within a day of the ends of time, years -9999 and 9999.
        noon.unwrap_or_default().saturating_add(Span::new().hours(-12)).unwrap_or_default()
    }

    /// The UTC instant of a GTFS time of this service date.
    pub fn instant(self, seconds: ServiceSeconds, zone: &TimeZone) -> Timestamp {
        self.zero(zone).saturating_add(Span::new().seconds(i64::from(seconds.0))).unwrap_or_default()
    }

    /// The local calendar date of an instant.
    pub fn local_date_of(instant: Timestamp, zone: &TimeZone) -> Self {
        Self(zone.to_datetime(instant).date())
    }
}

impl ServiceSeconds {
    /// Reads a GTFS `Time`: `H:MM:SS` or `HH:MM:SS`, hours beyond 24 allowed (up to 999), minutes and seconds below 60.
    pub fn from_gtfs(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i32::from(byte - b'0'));
        let (hours, rest) = text.split_at_checked(text.len().checked_sub(6)?)?;
        if hours.is_empty() || hours.len() > 3 || rest[0] != b':' || rest[3] != b':' {
            return None;
        }
        let hours = hours.iter().try_fold(0, |sum, &byte| Some(sum * 10 + digit(byte)?))?;
        let minutes = digit(rest[1])? * 10 + digit(rest[2])?;
        let seconds = digit(rest[4])? * 10 + digit(rest[5])?;
        (minutes < 60 && seconds < 60).then_some(Self(hours * 3600 + minutes * 60 + seconds))
    }
}

impl fmt::Display for ServiceSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60, self.0 % 60)
    }
}

impl fmt::Display for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ServiceDate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The parser passes over a time and a zone behind a date: who writes one means something else.
        let is_date = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte));
        let date = text.parse().ok().filter(|_| is_date).map(Self);
        date.ok_or_else(|| format!("expected a date like 2026-11-24 and no time behind it, found '{text}'"))
    }
}

impl Serialize for ServiceDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ServiceDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
