//! What the names of collected files say: when each was captured, and which source it is of.
//!
//! Nothing is guessed: a name that can be read in two ways is read in none.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};

/// Endings of files that may be captures.
const ENDINGS: &[&str] = &["pb", "pbf", "proto", "protobuf", "bin", "dat", "json", "zip", "gz", "gtfsrt"];
/// Years that a date may be in.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2100;
/// Unix seconds that are taken for a time: from 2005 on, and below the numbers that are dates (`2005010100`).
const UNIX: std::ops::Range<i64> = 1_104_537_600..2_000_000_000;
/// What may stand between a date and a time of day.
const BEFORE_TIME: &[&str] =
    &["T", "t", "_", "-", " ", ".", ":", "_T", "-T", "--", "__", "_-_", " at ", "_at_", "-at-"];
/// Offsets of clocks whose abbreviations are found in names, in minutes.
const ZONES: &[(&str, i32)] =
    &[("UTC", 0), ("GMT", 0), ("CEST", 120), ("CET", 60), ("MESZ", 120), ("MEZ", 60), ("Z", 0), ("z", 0)];

/// A time as a name tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedTime {
    Instant(Timestamp),
    /// Of a clock of which the name tells no zone.
    Local(DateTime),
    Day(Date),
}

/// The ending of a file's name in lower case; nothing where what stands behind the last dot is a part of a time.
pub fn ending(name: &str) -> Option<String> {
    let (_, ending) = name.rsplit_once('.')?;
    let is_ending = ending.starts_with(|c: char| c.is_ascii_alphabetic()) && ending.len() <= 8;
    is_ending.then(|| ending.to_ascii_lowercase())
}

/// Whether files of this ending may be captures.
pub fn is_capture_ending(ending: &str) -> bool {
    ENDINGS.contains(&ending)
}

/// A path without the endings of captures.
pub fn stem(path: &str) -> &str {
    let mut stem = path;
    while let Some((rest, _)) = stem.rsplit_once('.')
        && ending(stem).is_some_and(|ending| is_capture_ending(&ending))
    {
        stem = rest;
    }
    stem
}

/// The time that a path tells, whose folders are divided by `/`: the usual forms in the name, and else a date in the folders
/// with a time in what follows.
///
/// # Errors
/// What is wrong, to stand after the path.
pub fn time(path: &str) -> Result<NamedTime, &'static str> {
    let path = stem(path).replace("%3A", ":").replace("%3a", ":").replace("%2B", "+").replace("%2b", "+");
    // A folder of one fetch, in an hour, in a date: `dt=2026-04-01/hour=…/ts=2026-04-01T00:01:20+00:00/…/feed`.
    let mut folders = path.split('/').rev().skip(1).filter_map(|folder| folder.strip_prefix("ts="));
    if let Some(Ok(at)) = folders.next().map(str::parse::<Timestamp>) {
        return Ok(NamedTime::Instant(at));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut found: Vec<NamedTime> = times(name, true);
    let is_full = |time: &NamedTime| !matches!(time, NamedTime::Day(_));
    if !found.iter().any(is_full) {
        let days = found;
        found = times(&path, false);
        if !found.iter().any(is_full) && !days.is_empty() {
            found = days;
        }
    }
    if found.iter().any(is_full) {
        found.retain(is_full);
    }
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => Err("no time can be read from its name"),
        [time] => Ok(*time),
        _ => Err("its name tells several times"),
    }
}

/// A run of digits.
struct Digits<'a> {
    text: &'a str,
    begin: usize,
    end: usize,
}

impl Digits<'_> {
    fn number(&self) -> i64 {
        self.text.parse().unwrap_or(i64::MAX)
    }
}

fn times(text: &str, with_unix: bool) -> Vec<NamedTime> {
    let mut runs: Vec<Digits<'_>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match runs.last_mut() {
            Some(run) if run.end == at => {
                run.end += 1;
                run.text = &text[run.begin..run.end];
            }
            _ => runs.push(Digits { text: &text[at..=at], begin: at, end: at + 1 }),
        }
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < runs.len() {
        let (next, time) = time_at(text, &runs, at, with_unix);
        found.extend(time);
        at = next.max(at + 1);
    }
    found
}

/// The time that begins with a run of digits, and the run behind it.
fn time_at(text: &str, runs: &[Digits<'_>], at: usize, with_unix: bool) -> (usize, Option<NamedTime>) {
    let run = &runs[at];
    let unix = match run.text.len() {
        10 => Some((run.number(), 0)),
        13 => Some((run.number() / 1000, run.number() % 1000)),
        _ => None,
    };
    if let Some((seconds, thousandths)) = unix.filter(|(seconds, _)| with_unix && UNIX.contains(seconds)) {
        let time = Timestamp::new(seconds, thousandths as i32 * 1_000_000).ok();
        return (at + 1, time.map(NamedTime::Instant));
    }
    let between = |one: usize| runs.get(one + 1).map(|next| &text[runs[one].end..next.begin]);
    let is_joint = |text: &str| text.contains('/') || matches!(text, "-" | "_" | ".");
    let digits = run.text;
    let compact =
        |length: usize| (digits.len() == length).then(|| date(&digits[..4], &digits[4..6], &digits[6..8])).flatten();
    if let Some((date, length)) = [12, 14, 17].into_iter().find_map(|length| Some((compact(length)?, length))) {
        let time = clock(&digits[8..length]);
        return (at + 1, time.map(|time| zoned(text, run.end, date.to_datetime(time))));
    }
    let (date, last) = match (compact(8), digits.len()) {
        (Some(date), _) => (date, at),
        (None, 4)
            if runs.len() > at + 2 && between(at).is_some_and(is_joint) && between(at + 1).is_some_and(is_joint) =>
        {
            match date(digits, runs[at + 1].text, runs[at + 2].text) {
                Some(date) => (date, at + 2),
                None => return (at + 1, None),
            }
        }
        _ => return (at + 1, None),
    };
    for begin in last + 1..runs.len() {
        let gap = &text[runs[last].end..runs[begin].begin];
        let is_below = gap.contains('/');
        if !is_below && (begin > last + 1 || !BEFORE_TIME.contains(&gap)) {
            break;
        }
        let with_minutes = gap.ends_with(['T', 't']);
        if let Some((time, end)) = time_of_day(text, runs, begin, with_minutes) {
            return (end, Some(zoned(text, runs[end - 1].end, date.to_datetime(time))));
        }
    }
    (last + 1, Some(NamedTime::Day(date)))
}

/// A time of day that begins with a run of digits, and the run behind it.
fn time_of_day(text: &str, runs: &[Digits<'_>], at: usize, with_minutes: bool) -> Option<(Time, usize)> {
    let digits = runs[at].text;
    let joint = |one: usize| {
        let next = runs.get(one + 1)?;
        let gap = &text[runs[one].end..next.begin];
        (gap.contains('/') || matches!(gap, "-" | "_" | "." | ":" | "h" | "m")).then_some(next)
    };
    let (time, end) = match digits.len() {
        6 | 9 => (clock(digits)?, at + 1),
        // Four digits may as well be a number.
        4 if with_minutes => (clock(digits)?, at + 1),
        2 => {
            let minutes = joint(at).filter(|minutes| minutes.text.len() == 2)?;
            let seconds = joint(at + 1).filter(|seconds| seconds.text.len() == 2);
            let whole = format!("{digits}{}{}", minutes.text, seconds.map_or("", |seconds| seconds.text));
            (clock(&whole)?, at + if seconds.is_some() { 3 } else { 2 })
        }
        _ => return None,
    };
    let has_seconds = digits.len() == 6 || end == at + 3;
    if has_seconds
        && let Some(fraction) = runs.get(end)
        && matches!(&text[runs[end - 1].end..fraction.begin], "." | ",")
        && matches!(fraction.text.len(), 3 | 6 | 9)
    {
        let nanoseconds = format!("{:0<9}", fraction.text).parse().ok()?;
        return Some((time.with().subsec_nanosecond(nanoseconds).build().ok()?, end + 1));
    }
    Some((time, end))
}

/// `HHMM`, `HHMMSS` or `HHMMSSmmm`.
fn clock(digits: &str) -> Option<Time> {
    let part = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |text| text.parse::<i8>().ok());
    let thousandths = digits.get(6..9).map_or(Some(0), |text| text.parse::<i32>().ok())?;
    Time::new(part(0..2)?, part(2..4)?, part(4..6)?, thousandths * 1_000_000).ok()
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let (year, is_two) = (year.parse().ok()?, month.len() == 2 && day.len() == 2);
    (is_two && YEARS.contains(&year)).then(|| Date::new(year, month.parse().ok()?, day.parse().ok()?).ok())?
}

/// A time with the zone that stands behind it, if one does.
fn zoned(text: &str, end: usize, time: DateTime) -> NamedTime {
    let rest = &text[end..];
    let bare = rest.trim_start_matches(['-', '_', ' ']);
    let named = ZONES.iter().find(|(name, _)| {
        let behind = if name.len() == 1 { rest.strip_prefix(name) } else { bare.strip_prefix(name) };
        behind.is_some_and(|behind| !behind.starts_with(|c: char| c.is_alphanumeric()))
    });
    let offset = named.map(|(_, minutes)| *minutes).or_else(|| numeric_offset(rest));
    let instant = offset.and_then(|minutes| Offset::from_seconds(minutes * 60).ok()?.to_timestamp(time).ok());
    instant.map_or(NamedTime::Local(time), NamedTime::Instant)
}

/// `+0100`, `+01:00`, `-05-00`, in minutes. After a minus stands an offset only if it is one that clocks have.
fn numeric_offset(rest: &str) -> Option<i32> {
    let sign = if rest.starts_with('+') { 1 } else { -1 };
    let rest = rest.strip_prefix(['+', '-'])?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '-').unwrap_or(rest.len());
    let digits: String = rest[..end].chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes): (i32, i32) = match digits.len() {
        2 if sign > 0 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    let is_offset = hours <= 14 && minutes % 15 == 0 && minutes < 60 && (sign > 0 || hours > 0);
    is_offset.then_some(sign * (hours * 60 + minutes))
}

/// A pattern of names in the form of strftime, as `vehicle-positions-%Y%m%dT%H%M%SZ.pb`. `*` at its beginning or end stands for
/// any text; with `/` it is of the folders above, too.
#[derive(Clone, Debug)]
pub struct Pattern {
    core: String,
    is_open_before: bool,
    is_open_behind: bool,
    /// The pattern ends the time with the `Z` of UTC.
    is_utc: bool,
}

impl Pattern {
    /// # Errors
    /// What is wrong with the pattern, for people.
    pub fn new(text: &str) -> Result<Self, String> {
        let (before, core) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
        let (behind, core) = core.strip_suffix('*').map_or((false, core), |rest| (true, rest));
        if core.contains('*') {
            return Err("a '*' may stand at the beginning and at the end only".to_owned());
        }
        let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        let written = strtime::format(core, &sample).map_err(|error| error.to_string())?;
        let read = BrokenDownTime::parse(core, &written).map_err(|error| error.to_string())?;
        if read.timestamp().is_none() && read.to_date().is_err() {
            return Err("it tells no date: %Y, %m and %d, or %s for Unix seconds".to_owned());
        }
        let is_utc = ["%SZ", "%MZ", "%TZ", "%fZ", "%sZ"].iter().any(|end| core.contains(end));
        Ok(Self { core: core.to_owned(), is_open_before: before, is_open_behind: behind, is_utc })
    }

    /// The time of a path; `None` if it does not fit.
    pub fn time(&self, path: &str) -> Option<NamedTime> {
        let depth = self.core.matches('/').count();
        let begin = path.rmatch_indices('/').nth(depth).map_or(0, |(at, _)| at + 1);
        let text = &path[begin..];
        let places = text.char_indices().map(|(at, _)| at).take(if self.is_open_before { usize::MAX } else { 1 });
        let mut found = places.filter_map(|at| {
            let (read, length) = BrokenDownTime::parse_prefix(&self.core, &text[at..]).ok()?;
            (self.is_open_behind || at + length == text.len()).then_some(read)
        });
        let read = found.next()?;
        if let Ok(instant) = read.to_timestamp() {
            return Some(NamedTime::Instant(instant));
        }
        if read.hour().is_none() {
            return read.to_date().ok().map(NamedTime::Day);
        }
        let local = read.to_datetime().ok()?;
        let utc = self.is_utc.then(|| TimeZone::UTC.to_timestamp(local).ok()).flatten();
        Some(utc.map_or(NamedTime::Local(local), NamedTime::Instant))
    }
}

/// The text that stands in base64url, with or without padding (RFC 4648, 5).
pub fn base64url(coded: &str) -> Option<String> {
    let mut out = Vec::with_capacity(coded.len());
    let (mut bits, mut count) = (0_u32, 0);
    for byte in coded.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(out).ok()
}

/// Words by which the feeds of one network differ.
const FEED_WORDS: &[&str] =
    &["alert", "alerts", "trip", "trips", "tripupdate", "tripupdates", "updates", "vehicle", "vehicles", "positions"];

/// Words that are one whether of one or of many: `feed=TripUpdate-1a2b3c4d` is of `trip-updates`.
const NUMBERS: &[(&str, &str)] = &[
    ("alert", "alerts"),
    ("position", "positions"),
    ("update", "updates"),
    ("tripupdate", "tripupdates"),
    ("vehicleposition", "vehiclepositions"),
];

/// Which of several sources a path or an address is of: the one of whose name the most words stand there one after the other.
/// Of a single source it is unless it names another kind of feed.
pub fn source(path: &str, sources: &[&str]) -> Option<usize> {
    let path = words(stem(path));
    let names: Vec<Vec<String>> = sources.iter().map(|source| words(source)).collect();
    if let [name] = names.as_slice() {
        let is_feed_word = |word: &&String| FEED_WORDS.contains(&word.as_str());
        let mut others = path.iter().filter(is_feed_word).filter(|word| !name.contains(word));
        let is_other = name.iter().any(|word| is_feed_word(&word)) && others.next().is_some();
        let names_it = (1..=name.len()).any(|length| {
            name.windows(length).any(|run| run.iter().any(|word| is_feed_word(&word)) && stands_in(run, &path))
        });
        return (!is_other || names_it).then_some(0);
    }
    let rank = |name: &Vec<String>| {
        let longest = (1..=name.len()).rev().find(|length| name.windows(*length).any(|run| stands_in(run, &path)));
        longest.map(|length| (length, length == name.len()))
    };
    let ranks: Vec<_> = names.iter().map(rank).collect();
    let best = ranks.iter().flatten().max()?;
    let mut places = ranks.iter().enumerate().filter(|(_, rank)| rank.as_ref() == Some(best)).map(|(place, _)| place);
    let place = places.next()?;
    places.next().is_none().then_some(place)
}

fn stands_in(run: &[String], words: &[String]) -> bool {
    words.windows(run.len()).any(|other| other == run) || words.contains(&run.concat())
}

/// The words of a name in lower case: letters and numbers are words of their own, and so are those of `VehiclePositions`.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for letter in text.chars() {
        let goes_on = last.is_alphanumeric()
            && last.is_numeric() == letter.is_numeric()
            && !(last.is_lowercase() && letter.is_uppercase());
        if letter.is_alphanumeric() {
            match words.last_mut() {
                Some(word) if goes_on => word.extend(letter.to_lowercase()),
                _ => words.push(letter.to_lowercase().collect()),
            }
        }
        last = letter;
    }
    for word in &mut words {
        if let Some((_, one)) = NUMBERS.iter().find(|(other, _)| other == word) {
            *word = (*one).to_owned();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Result<NamedTime, &'static str> {
        Ok(NamedTime::Instant(text.parse().unwrap()))
    }

    fn local(text: &str) -> Result<NamedTime, &'static str> {
        Ok(NamedTime::Local(text.parse().unwrap()))
    }

    #[test]
    fn the_usual_forms_of_times_are_read_from_names() {
        let ten = "2026-11-24T10:00:00Z";
        for name in [
            "20261124T100000Z.pb",
            "vehicle-positions-20261124T100000Z.pb",
            "vp_2026-11-24T10-00-00Z.pb.gz",
            "2026-11-24T10:00:00Z",
            "2026-11-24T10%3A00%3A00Z.pb",
            "2026-11-24_10:00:00_UTC.pb",
            "2026-11-24T11:00:00+01:00.pb",
            "20261124T110000+0100.pb",
            "20261124-110000-MEZ.pb",
            "20261124T050000-0500.pb",
            "1795514400.pb",
            "bus5-1795514400000.pb",
            "a/1795514400-20261124T100000Z.pb",
            "2025-01-01/20261124T100000Z.pb",
        ] {
            assert_eq!(time(name), instant(ten), "{name}");
        }
        assert_eq!(time("1795514400123.pb"), instant("2026-11-24T10:00:00.123Z"));
        assert_eq!(time("20261124T100000.250Z.pb"), instant("2026-11-24T10:00:00.25Z"));
        for name in [
            "20261124100000.pb",
            "2026-11-24_10:00:00.pb",
            "2026-11-24 10.00.00.pb",
            "2026_11_24_10_00_00",
            "20261124_100000-0001.pb",
            "202611241000.pb",
            "20261124T1000.pb",
            "2026/11/24/100000.pb",
            "2026/11/24/10/00/00.pb",
            "2026/11/24/10/vp-00-00.pb",
            "2026/11/24/vehicle-positions-10-00-00.pb",
            "2026-11-24/line5-100000.pb",
            "20261124/vehicle-positions/100000.pb",
            "year=2026/month=11/day=24/hour=10/00-00.pb",
        ] {
            assert_eq!(time(name), local("2026-11-24T10:00:00"), "{name}");
        }
        assert_eq!(time("2026/11/24/100000Z.pb"), instant(ten));
        assert_eq!(time("gtfs-2026-11-24.zip"), Ok(NamedTime::Day("2026-11-24".parse().unwrap())));
        // Neither the day nor the number is a time of day.
        assert_eq!(time("20261124-0001.pb"), Ok(NamedTime::Day("2026-11-24".parse().unwrap())));
    }

    #[test]
    fn collectors_that_keep_an_archive_name_their_times_so() {
        for (name, expected) in [
            ("2026-05-07T19:45:01+02:00.gtfs-rt.pbf", "2026-05-07T17:45:01Z"),
            ("2026-05-07T19:45:01-05:00.gtfs-rt.pbf", "2026-05-08T00:45:01Z"),
            (
                "vehicle_positions/date=2025-01-15/hour=2025-01-15T14:00:00Z/base64url=aHR0/2025-01-15T14:20:00.123Z.pb",
                "2025-01-15T14:20:00.123Z",
            ),
            (
                "2022-01-01T00-00-03Z_https_cdn.mbta.com_realtime_VehiclePositions_enhanced.json.gz",
                "2022-01-01T00:00:03Z",
            ),
            (
                "vehicle_positions/dt=2026-04-01/hour=2026-04-01T00:00:00+00:00/ts=2026-04-01T00:01:20+00:00/base64_url=aHR0/feed",
                "2026-04-01T00:01:20Z",
            ),
        ] {
            assert_eq!(time(name), instant(expected), "{name}");
        }
        assert_eq!(base64url("aHR0cHM6Ly9hLmIvPz8-"), Some("https://a.b/??>".to_owned()));
        assert_eq!((base64url("aHR0cA=="), base64url("a+b")), (Some("http".to_owned()), None));
    }

    #[test]
    fn what_is_no_time_or_several_is_told() {
        for name in ["vp.pb", "100000.pb", "12345678.pb", "20261324T100000Z.pb", "9999999999.pb", "2026/13/24/a.pb"] {
            assert_eq!(time(name), Err("no time can be read from its name"), "{name}");
        }
        assert_eq!(time("20261124T100000Z-20261124T100015Z.pb"), Err("its name tells several times"));
        assert!(matches!(time("20261124T256000Z.pb"), Ok(NamedTime::Day(_))));
    }

    #[test]
    fn a_pattern_tells_the_time_of_names_that_fit() {
        let time = |pattern: &str, path: &str| Pattern::new(pattern).unwrap().time(path);
        let ten = instant("2026-11-24T10:00:00Z").ok();
        assert_eq!(time("vp-%Y%m%dT%H%M%SZ.pb", "x/vp-20261124T100000Z.pb"), ten);
        assert_eq!(time("vp-%Y%m%dT%H%M%S%z.pb", "vp-20261124T110000+0100.pb"), ten);
        assert_eq!(time("*-%s.pb", "bus-7-1795514400.pb"), ten);
        assert_eq!(time("%d.%m.%Y/%H.%M.%S*", "a/24.11.2026/10.00.00-7.pb"), local("2026-11-24T10:00:00").ok());
        assert_eq!(time("vp-%Y%m%dT%H%M%SZ.pb", "tu-20261124T100000Z.pb"), None);
        assert_eq!(time("vp-%Y%m%dT%H%M%SZ.pb", "vp-20261124T100000Z.pb.1"), None);
        assert!(Pattern::new("vp-%H%M.pb").unwrap_err().contains("no date"));
        assert!(Pattern::new("vp-%Y*%m%d.pb").is_err() && Pattern::new("%Q%!").is_err());
    }

    #[test]
    fn a_source_is_known_by_its_name_or_a_part_that_no_other_has() {
        let three = ["stadtbus-vehicle-positions", "stadtbus-trip-updates", "stadtbus-alerts"];
        for (path, expected) in [
            ("stadtbus-alerts/1.pb", Some(2)),
            ("vehicle-positions-20261124T100000Z.pb", Some(0)),
            ("VehiclePositions.pb", Some(0)),
            ("tripupdates/1.pb", Some(1)),
            ("stadtbus/trip_update_1.pb", Some(1)),
            ("raw/provider=a/feed=Alert-1a2b3c4d/date=2026-11-24/14-1790000000.tar.zst", Some(2)),
            ("raw/provider=a/feed=VehiclePosition-1a2b3c4d/date=2026-11-24/14-1790000000.tar.zst", Some(0)),
            ("stadtbus/1.pb", None),
            ("vehicle-alerts/1.pb", None),
            ("1.pb", None),
        ] {
            assert_eq!(source(path, &three), expected, "{path}");
        }
        assert_eq!(source("bus-1.pb", &["bus", "bus-alerts"]), Some(0));
        assert_eq!(source("bus-alerts-1.pb", &["bus", "bus-alerts"]), Some(1));
        let one = ["stadtbus-vehicle-positions"];
        assert_eq!((source("1.pb", &one), source("vehicle/1.pb", &one)), (Some(0), Some(0)));
        assert_eq!(source("trip-updates-1.pb", &one), None);
    }
}
