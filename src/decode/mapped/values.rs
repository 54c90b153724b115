//! Values: what stands in a document becomes what a column holds, by the unit, time form and table of values of its mapping.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use crate::contract::Kind;
use crate::decode::rows::Cell;
use crate::table::Expected;
use crate::table::single::widen;
use crate::text::Text;
use crate::time::{ServiceDate, ServiceSeconds, local_instant};

/// A value as a document has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// It is not there, null, or an empty text.
    Absent,
    Text(&'a [u8]),
    /// The digits of a number of JSON.
    Number(&'a [u8]),
    Bool(bool),
    /// An instant that nobody wrote: when a message was received, in milliseconds since 1970.
    Millis(i64),
    /// What stands there is no JSON, as `NaN`.
    NoJson(&'a [u8]),
    /// A list or an object, or no list or object on the way to the value.
    Other,
    /// Its key stands twice in its object.
    Twice,
}

/// Why a value gives no cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// What was expected.
    Expected(Expected),
    /// It has no meaning in the table of values.
    Unknown,
    /// A time of 0, which stands for none.
    ZeroTime,
}

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Speed,
    Length,
    Angle,
    Share,
    Duration,
}

/// A unit, and how many of the quantity's first one it is, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub name: &'static str,
    pub quantity: Quantity,
    numerator: f64,
    denominator: f64,
}

const fn unit(name: &'static str, quantity: Quantity, numerator: f64, denominator: f64) -> Unit {
    Unit { name, quantity, numerator, denominator }
}

/// The units that a mapping and a contract can name. The international mile is 1609.344 m, a knot a nautical mile of 1852 m an
/// hour (BIPM, The International System of Units, 9th edition, table 8 and its notes).
pub(super) const UNITS: &[Unit] = &[
    unit("m/s", Quantity::Speed, 1.0, 1.0),
    unit("km/h", Quantity::Speed, 10.0, 36.0),
    unit("mph", Quantity::Speed, 1609.344, 3600.0),
    unit("kn", Quantity::Speed, 1852.0, 3600.0),
    unit("knots", Quantity::Speed, 1852.0, 3600.0),
    unit("m", Quantity::Length, 1.0, 1.0),
    unit("km", Quantity::Length, 1000.0, 1.0),
    unit("mi", Quantity::Length, 1609.344, 1.0),
    unit("deg", Quantity::Angle, 1.0, 1.0),
    unit("%", Quantity::Share, 1.0, 1.0),
    unit("percent", Quantity::Share, 1.0, 1.0),
    unit("fraction", Quantity::Share, 100.0, 1.0),
    unit("s", Quantity::Duration, 1.0, 1.0),
    unit("ms", Quantity::Duration, 1.0, 1000.0),
    unit("min", Quantity::Duration, 60.0, 1.0),
];

impl Unit {
    pub(super) fn find(name: &str) -> Option<Self> {
        UNITS.iter().find(|unit| unit.name == name).copied()
    }

    /// A value of this unit in another one of the same quantity, without the digits that the arithmetic adds.
    fn to(self, other: Self, value: f64) -> f64 {
        if self == other {
            return value;
        }
        let exact = value * (self.numerator * other.denominator) / (self.denominator * other.numerator);
        let rounded = (exact * 1e9).round() / 1e9;
        if rounded.is_finite() { rounded } else { exact }
    }
}

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// `2026-11-24T12:00:00+01:00`; without an offset by the clock of the zone.
    Iso8601,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMillis,
    /// In the conversions of strftime: `%d.%m.%Y %H:%M:%S`.
    Pattern(String),
}

impl TimeForm {
    /// Why every time of this form is an instant by itself, so that no zone is needed.
    pub(super) fn names_the_instant(&self) -> Option<String> {
        match self {
            Self::Iso8601 => None,
            Self::Unix | Self::UnixMillis => Some("a count since 1970 is the same in all zones".to_owned()),
            Self::Pattern(pattern) => {
                // Percent signs that stand for themselves.
                let pattern = pattern.replace("%%", "");
                let told = ["%s", "%z", "%:z", "%Q", "%:Q"].into_iter().find(|told| pattern.contains(told))?;
                Some(format!("'{told}' of the pattern tells it"))
            }
        }
    }
}

/// Between these a count since 1970 is a time: 1973-03-03 and 5138-11-16, where a count of seconds has as many digits as one of
/// milliseconds of 1973.
const FIRST_MILLIS: i64 = 100_000_000_000;
const LAST_MILLIS: i64 = 100_000_000_000_000 - 1;

const MILLIS_LIKE_SECONDS: Expected = Expected::Mapping(
    "milliseconds since 1970, and this looks like seconds: write 'time: unix' in the line of the mapping",
    "Millisekunden seit 1970, und dies sieht nach Sekunden aus: 'time: unix' in der Zeile der Zuordnung",
);
const SECONDS_LIKE_MILLIS: Expected = Expected::Mapping(
    "seconds since 1970, and this looks like milliseconds: write 'time: unix_ms' in the line of the mapping",
    "Sekunden seit 1970, und dies sieht nach Millisekunden aus: 'time: unix_ms' in der Zeile der Zuordnung",
);
const MILLIS_LIKE_MORE: Expected = Expected::Mapping(
    "milliseconds since 1970, and this looks like micro- or nanoseconds, which no 'time' of the mapping reads",
    "Millisekunden seit 1970, und dies sieht nach Mikro- oder Nanosekunden aus, die kein 'time' der Zuordnung liest",
);
const SECONDS_LIKE_MORE: Expected = Expected::Mapping(
    "seconds since 1970, and this looks like micro- or nanoseconds, which no 'time' of the mapping reads",
    "Sekunden seit 1970, und dies sieht nach Mikro- oder Nanosekunden aus, die kein 'time' der Zuordnung liest",
);
const EARLY_MILLIS: Expected = Expected::Mapping(
    "milliseconds since 1970, and this is before 1973: see 'time' in the line of the mapping",
    "Millisekunden seit 1970, und dies ist vor 1973: siehe 'time' in der Zeile der Zuordnung",
);
const EARLY_SECONDS: Expected = Expected::Mapping(
    "seconds since 1970, and this is before 1973: see 'time' in the line of the mapping",
    "Sekunden seit 1970, und dies ist vor 1973: siehe 'time' in der Zeile der Zuordnung",
);

/// What becomes of the values of a column.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    pub kind: Kind,
    /// Whether its numbers have 32 bits.
    pub is_single: bool,
    /// The unit of the document, and that of the column.
    pub units: Option<(Unit, Unit)>,
    pub time: TimeForm,
    /// That of the workspace where the mapping names none.
    pub zone: Option<TimeZone>,
    /// What each value means; others mean nothing.
    pub values: Option<HashMap<String, String>>,
    /// Whether numbers that are texts have a comma in place of the point.
    pub has_comma: bool,
}

impl Conversion {
    /// The cell of a value. `zone` is that of the workspace.
    pub(super) fn cell<'c>(&'c self, value: Value<'c>, zone: &TimeZone) -> Result<Cell<'c>, Wrong> {
        match value {
            Value::Absent => return Ok(Cell::Absent),
            Value::Millis(millis) => return Ok(Cell::Millis(millis)),
            Value::Twice => return Err(Wrong::Expected(Expected::Type("a key that stands once"))),
            Value::Other | Value::NoJson(_) => return Err(Wrong::Expected(self.expected())),
            _ => {}
        }
        let Some(values) = &self.values else { return self.convert(value, zone) };
        let word = match value {
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Text(text) | Value::Number(text) => std::str::from_utf8(text).map_err(|_| Wrong::Unknown)?,
            _ => return Err(Wrong::Unknown),
        };
        let meaning = values.get(word.trim()).ok_or(Wrong::Unknown)?;
        if meaning.is_empty() { Ok(Cell::Absent) } else { self.convert(Value::Text(meaning.as_bytes()), zone) }
    }

    /// What becomes of values, for people; `None` where a column has what stands in the document.
    pub(super) fn in_words(&self) -> Option<Text> {
        if self.values.is_some() {
            let (en, de) = ("by the table of values of the mapping", "nach der Wertetabelle der Zuordnung");
            return Some(Text::new(format!("translated {en}"), format!("{de} übersetzt")));
        }
        let (from, to) = self.units.filter(|(from, to)| from != to)?;
        Some(Text::new(
            format!("converted from {} to {}", from.name, to.name),
            format!("von {} in {} umgerechnet", from.name, to.name),
        ))
    }

    /// What stands in a column of this kind, for people.
    pub(super) fn expected(&self) -> Expected {
        Expected::Type(match (self.kind, &self.time) {
            (Kind::Date, TimeForm::Pattern(_)) => {
                return Expected::Mapping("a date in the form of the mapping", "ein Datum in der Form der Zuordnung");
            }
            (Kind::Instant, TimeForm::Pattern(_)) => {
                return Expected::Mapping("a time in the form of the mapping", "eine Zeit in der Form der Zuordnung");
            }
            (Kind::Text, _) => "text",
            (Kind::Int32 | Kind::Int64, _) => "a whole number",
            (Kind::Float, _) => "a number",
            (Kind::Boolean, _) => "true or false",
            (Kind::Date, _) => "a date like 2026-11-24",
            (Kind::ServiceTime, _) => "a time like 25:10:00",
            (Kind::Instant, TimeForm::Iso8601) => "a time like 2026-11-24T12:00:00+01:00",
            (Kind::Instant, TimeForm::Unix) => "seconds since 1970",
            (Kind::Instant, TimeForm::UnixMillis) => "milliseconds since 1970",
        })
    }

    fn convert<'c>(&'c self, value: Value<'c>, zone: &TimeZone) -> Result<Cell<'c>, Wrong> {
        if let (Value::Bool(value), Kind::Text | Kind::Boolean) = (value, self.kind) {
            let word = if value { "true" } else { "false" };
            return Ok(if self.kind == Kind::Text { Cell::Name(word) } else { Cell::Bool(value) });
        }
        let (Value::Text(text) | Value::Number(text)) = value else { return Err(Wrong::Expected(self.expected())) };
        if self.kind == Kind::Text {
            return Ok(Cell::Text(text));
        }
        let wrong = Wrong::Expected(self.expected());
        let text = std::str::from_utf8(text).map_err(|_| wrong)?.trim();
        if text.is_empty() {
            return Ok(Cell::Absent);
        }
        let cell = match self.kind {
            Kind::Text => None,
            Kind::Int32 | Kind::Int64 => self.whole(text).map(Cell::Int),
            Kind::Float => self.number(text).map(|number| {
                // Where a number of 32 bits is meant, it is the one that such a feed would have.
                Cell::Float(if self.is_single { widen(number as f32) } else { number })
            }),
            Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(Cell::Bool(true)),
                "false" | "0" => Some(Cell::Bool(false)),
                _ => None,
            },
            Kind::Date => self.date(text).map(Cell::Date),
            Kind::ServiceTime => self.service_time(text).map(Cell::Time),
            Kind::Instant => return self.instant(text, zone).unwrap_or(Err(wrong)),
        };
        cell.ok_or(wrong)
    }

    /// A number in the column's unit. Only digits make one: `NaN` and `inf` are words.
    fn number(&self, text: &str) -> Option<f64> {
        let text = match self.has_comma {
            true if text.contains('.') => return None,
            true => Cow::Owned(text.replace(',', ".")),
            false => Cow::Borrowed(text),
        };
        let is_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let number: f64 = text.parse().ok().filter(|number: &f64| is_numeric && number.is_finite())?;
        Some(self.units.map_or(number, |(from, to)| from.to(to, number)))
    }

    /// A whole number; one that a unit makes is rounded.
    fn whole(&self, text: &str) -> Option<i64> {
        if self.units.is_none()
            && let Ok(whole) = text.parse()
        {
            return Some(whole);
        }
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let number = self.number(text)?;
        let whole = if self.units.is_some() { number.round() } else { number };
        (whole.fract() == 0.0 && whole.abs() <= EXACT).then_some(whole as i64)
    }

    fn date(&self, text: &str) -> Option<ServiceDate> {
        if let TimeForm::Pattern(pattern) = &self.time {
            return strtime::parse(pattern, text).and_then(|time| time.to_date()).ok().map(ServiceDate);
        }
        let date = ServiceDate::from_gtfs(text);
        date.or_else(|| text.parse().ok().filter(|_| text.len() == "2026-11-24".len()))
    }

    fn service_time(&self, text: &str) -> Option<ServiceSeconds> {
        if self.units.is_some() {
            return self.whole(text).and_then(|seconds| i32::try_from(seconds).ok()).map(ServiceSeconds);
        }
        let time = ServiceSeconds::from_gtfs(text.as_bytes());
        time.or_else(|| {
            // Without seconds.
            let is_short = text.bytes().filter(|byte| *byte == b':').count() == 1;
            ServiceSeconds::from_gtfs(format!("{text}:00").as_bytes()).filter(|_| is_short)
        })
    }

    fn instant<'c>(&self, text: &str, zone: &TimeZone) -> Option<Result<Cell<'c>, Wrong>> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let found = match &self.time {
            TimeForm::Unix => return self.count_since_1970(text, 1000),
            TimeForm::UnixMillis => return self.count_since_1970(text, 1),
            TimeForm::Iso8601 => iso8601(text, zone)?,
            TimeForm::Pattern(pattern) => by_pattern(pattern, text, zone)?,
        };
        Some(Ok(Cell::Millis(found.as_millisecond())))
    }

    /// A time that is counted in units of so many milliseconds. Clocks that count in other units are years away from now: what
    /// would be before 1973 or behind 5138 says that.
    fn count_since_1970<'c>(&self, text: &str, unit: i64) -> Option<Result<Cell<'c>, Wrong>> {
        let count = match text.parse::<i64>() {
            Ok(count) => count.saturating_mul(unit),
            Err(_) => {
                let count = self.number(text)? * unit as f64;
                // What is more is more than any year has.
                count.round().clamp(i64::MIN as f64, i64::MAX as f64) as i64
            }
        };
        if count == 0 {
            return Some(Err(Wrong::ZeroTime));
        }
        Some(match (count, unit) {
            (FIRST_MILLIS..=LAST_MILLIS, _) => Ok(Cell::Millis(count)),
            (..FIRST_MILLIS, 1) if count >= FIRST_MILLIS / 1000 => Err(Wrong::Expected(MILLIS_LIKE_SECONDS)),
            (..FIRST_MILLIS, _) => Err(Wrong::Expected(if unit == 1 { EARLY_MILLIS } else { EARLY_SECONDS })),
            (_, 1) => Err(Wrong::Expected(MILLIS_LIKE_MORE)),
            _ if count / 1000 <= LAST_MILLIS => Err(Wrong::Expected(SECONDS_LIKE_MILLIS)),
            _ => Err(Wrong::Expected(SECONDS_LIKE_MORE)),
        })
    }
}

fn iso8601(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    if text.contains('[') {
        return text.parse::<jiff::ZonedDateTime>().ok().map(|zoned| zoned.timestamp());
    }
    // A date alone would be midnight.
    let has_time = text.contains(':') || text.contains(['T', 't']);
    local_instant(text.parse::<DateTime>().ok().filter(|_| has_time)?, zone)
}

fn by_pattern(pattern: &str, text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let time: BrokenDownTime = strtime::parse(pattern, text).ok()?;
    // One that tells its offset, or is a count of seconds.
    let told = time.to_timestamp().ok();
    told.or_else(|| local_instant(time.to_datetime().ok()?, zone))
}

/// Whether a pattern can tell a time, or only a date where that is asked for.
pub(super) fn is_pattern(pattern: &str, is_date: bool) -> bool {
    let Ok(sample) = "2026-11-24T12:34:56+01:00[Europe/Berlin]".parse::<jiff::ZonedDateTime>() else { return false };
    let Ok(text) = strtime::format(pattern, &sample) else { return false };
    let Ok(read) = strtime::parse(pattern, &text) else { return false };
    if is_date {
        return read.to_date().is_ok();
    }
    // A date alone is read as midnight.
    let found = by_pattern(pattern, &text, &TimeZone::UTC).map(|found| TimeZone::UTC.to_datetime(found).hour());
    found.is_some_and(|hour| hour == 12 || hour == 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(kind: Kind) -> Conversion {
        let time = TimeForm::Iso8601;
        Conversion { kind, is_single: false, units: None, time, zone: None, values: None, has_comma: false }
    }

    fn units(kind: Kind, from: &str, to: &str) -> Conversion {
        Conversion { units: Unit::find(from).zip(Unit::find(to)), ..conversion(kind) }
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn of<'c>(conversion: &'c Conversion, text: &'c str) -> Result<Cell<'c>, Wrong> {
        conversion.cell(Value::Text(text.as_bytes()), &berlin())
    }

    #[test]
    fn units_become_those_of_the_contract() {
        for (from, to, value, expected) in [
            ("km/h", "m/s", "36", 10.0),
            ("km/h", "m/s", "29.88", 8.3),
            ("mph", "m/s", "10", 4.4704),
            ("knots", "m/s", "10", 5.144444444),
            ("km", "m", "1.5", 1500.0),
            ("mi", "m", "1", 1609.344),
            ("m", "km", "1500", 1.5),
            ("deg", "deg", "12.25", 12.25),
            ("m/s", "m/s", "8.123456789012", 8.123456789012),
        ] {
            assert_eq!(of(&units(Kind::Float, from, to), value), Ok(Cell::Float(expected)), "{value} {from}");
        }
        assert_eq!(of(&units(Kind::Int32, "fraction", "%"), "0.426"), Ok(Cell::Int(43)));
        assert_eq!(of(&units(Kind::Int32, "percent", "%"), "42.4"), Ok(Cell::Int(42)));
        assert_eq!(of(&units(Kind::ServiceTime, "min", "s"), "90"), Ok(Cell::Time(ServiceSeconds(5400))));
    }

    #[test]
    fn numbers_are_numbers_only() {
        let (float, whole) = (conversion(Kind::Float), conversion(Kind::Int64));
        for text in ["NaN", "nan", "inf", "-Infinity", "1e999", "8,3", "0x10", "--1", "1_000", "acht"] {
            assert_eq!(of(&float, text), Err(Wrong::Expected(Expected::Type("a number"))), "{text}");
            assert_eq!(of(&whole, text), Err(Wrong::Expected(Expected::Type("a whole number"))), "{text}");
        }
        assert_eq!(of(&float, " 8.3 "), Ok(Cell::Float(8.3)));
        assert_eq!(of(&whole, "8.0"), Ok(Cell::Int(8)));
        assert_eq!(of(&whole, "8.5"), Err(Wrong::Expected(Expected::Type("a whole number"))));
        assert_eq!(of(&whole, "9223372036854775807"), Ok(Cell::Int(i64::MAX)));
        assert_eq!(of(&whole, "92233720368547758080"), Err(Wrong::Expected(Expected::Type("a whole number"))));
        let comma = Conversion { has_comma: true, ..conversion(Kind::Float) };
        assert_eq!(of(&comma, "48,47"), Ok(Cell::Float(48.47)));
        assert_eq!(of(&comma, "1.048,47"), Err(Wrong::Expected(Expected::Type("a number"))));
        let single = Conversion { is_single: true, ..conversion(Kind::Float) };
        assert_eq!(of(&single, "48.470000001"), Ok(Cell::Float(48.47)));
    }

    #[test]
    fn times_of_each_form_are_instants() {
        let pattern = |text: &str| TimeForm::Pattern(text.to_owned());
        let noon = Cell::Millis(1_795_518_000_000);
        for (time, text, expected) in [
            (TimeForm::Iso8601, "2026-11-24T12:00:00+01:00", noon),
            (TimeForm::Iso8601, "2026-11-24T11:00:00Z", noon),
            (TimeForm::Iso8601, "2026-11-24 12:00:00", noon),
            (TimeForm::Iso8601, "2026-11-24T12:00", noon),
            (TimeForm::Iso8601, "2026-11-24T12:00[Europe/Berlin]", noon),
            (TimeForm::Iso8601, "2026-11-24T06:00[America/New_York]", noon),
            (TimeForm::Iso8601, "2026-11-24T12:00:00.250", Cell::Millis(1_795_518_000_250)),
            (TimeForm::Unix, "1795518000", noon),
            (TimeForm::Unix, "1795518000.25", Cell::Millis(1_795_518_000_250)),
            (TimeForm::UnixMillis, "1795518000000", noon),
            (pattern("%d.%m.%Y %H:%M:%S"), "24.11.2026 12:00:00", noon),
            (pattern("%d.%m.%Y %H:%M %z"), "24.11.2026 13:00 +0200", noon),
            // The first of two, and behind the jump.
            (TimeForm::Iso8601, "2026-10-25T02:30:00", Cell::Millis(1_792_888_200_000)),
            (TimeForm::Iso8601, "2026-03-29T02:30:00", Cell::Millis(1_774_747_800_000)),
        ] {
            let conversion = Conversion { time, ..conversion(Kind::Instant) };
            assert_eq!(of(&conversion, text), Ok(expected), "{text}");
        }
        let iso = conversion(Kind::Instant);
        for text in ["2026-11-24", "gestern", "1795518000", "2026-11-31T12:00:00"] {
            assert_eq!(of(&iso, text), Err(Wrong::Expected(iso.expected())), "{text}");
        }
        let unix = Conversion { time: TimeForm::Unix, ..conversion(Kind::Instant) };
        assert_eq!(of(&unix, "0"), Err(Wrong::ZeroTime));
        for text in ["2026-11-24T12:00:00", "NaN", "1e999", "gestern"] {
            assert_eq!(of(&unix, text), Err(Wrong::Expected(Expected::Type("seconds since 1970"))), "{text}");
        }
        let other = Conversion { zone: Some(TimeZone::get("Europe/London").unwrap()), ..conversion(Kind::Instant) };
        assert_eq!(of(&other, "2026-11-24T11:00:00"), Ok(noon));
    }

    #[test]
    fn a_clock_that_counts_in_another_unit_is_told() {
        let of_form = |time: TimeForm, text: &str| {
            let conversion = Conversion { time, ..conversion(Kind::Instant) };
            match of(&conversion, text) {
                Err(Wrong::Expected(expected)) => expected.en().to_owned(),
                other => format!("{other:?}"),
            }
        };
        for (time, text, told) in [
            (TimeForm::UnixMillis, "1795518000", "looks like seconds: write 'time: unix'"),
            (TimeForm::UnixMillis, "1795518000.25", "looks like seconds: write 'time: unix'"),
            (TimeForm::UnixMillis, "1795518000000000", "looks like micro- or nanoseconds"),
            (TimeForm::UnixMillis, "43200000", "is before 1973"),
            (TimeForm::UnixMillis, "-1795518000000", "is before 1973"),
            (TimeForm::Unix, "1795518000000", "looks like milliseconds: write 'time: unix_ms'"),
            (TimeForm::Unix, "1795518000000.5", "looks like milliseconds: write 'time: unix_ms'"),
            (TimeForm::Unix, "1.795518e12", "looks like milliseconds: write 'time: unix_ms'"),
            (TimeForm::Unix, "1795518000000000", "looks like micro- or nanoseconds"),
            (TimeForm::Unix, "1795518000000000000", "looks like micro- or nanoseconds"),
            (TimeForm::Unix, "9223372036854775807", "looks like micro- or nanoseconds"),
            (TimeForm::Unix, "1e300", "looks like micro- or nanoseconds"),
            (TimeForm::Unix, "43200", "is before 1973"),
            (TimeForm::Unix, "-9223372036854775808", "is before 1973"),
        ] {
            let found = of_form(time, text);
            // Only what speaks of the mapping is shown with the finding.
            assert!(found.contains(told) && found.contains("the mapping"), "{text}: {found}");
        }
        for (time, text, millis) in [
            (TimeForm::Unix, "100000000", FIRST_MILLIS),
            (TimeForm::Unix, "4102444800", 4_102_444_800_000),
            (TimeForm::UnixMillis, "4102444800000", 4_102_444_800_000),
        ] {
            assert_eq!(of_form(time, text), format!("Ok(Millis({millis}))"), "{text}");
        }
    }

    #[test]
    fn patterns_tell_a_whole_time() {
        assert!(is_pattern("%d.%m.%Y %H:%M:%S", false) && is_pattern("%s", false) && is_pattern("%d.%m.%Y", true));
        assert!(!is_pattern("%d.%m.%Y", false) && !is_pattern("%H:%M", true) && !is_pattern("%Q%", false));
    }

    #[test]
    fn dates_and_service_times_have_the_forms_that_people_write() {
        let (date, time) = (conversion(Kind::Date), conversion(Kind::ServiceTime));
        let day: ServiceDate = "2026-11-24".parse().unwrap();
        assert_eq!((of(&date, "20261124"), of(&date, "2026-11-24")), (Ok(Cell::Date(day)), Ok(Cell::Date(day))));
        assert_eq!(of(&date, "2026-11-24T12:00"), Err(Wrong::Expected(Expected::Type("a date like 2026-11-24"))));
        let german = Conversion { time: TimeForm::Pattern("%d.%m.%Y".into()), ..conversion(Kind::Date) };
        assert_eq!(of(&german, "24.11.2026"), Ok(Cell::Date(day)));
        for (text, seconds) in [("25:10:00", 90_600), ("5:10", 18_600)] {
            assert_eq!(of(&time, text), Ok(Cell::Time(ServiceSeconds(seconds))), "{text}");
        }
        assert_eq!(of(&time, "5"), Err(Wrong::Expected(Expected::Type("a time like 25:10:00"))));
    }

    #[test]
    fn a_table_of_values_gives_each_word_its_meaning_and_no_other() {
        let values = [("gruen", "MANY_SEATS_AVAILABLE"), ("1", "EMPTY"), ("unbekannt", ""), ("true", "FULL")];
        let values = values.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        let colours = Conversion { values: Some(values), ..conversion(Kind::Text) };
        assert_eq!(of(&colours, "gruen"), Ok(Cell::Text(b"MANY_SEATS_AVAILABLE")));
        assert_eq!(of(&colours, "unbekannt"), Ok(Cell::Absent));
        assert_eq!(of(&colours, "lila"), Err(Wrong::Unknown));
        assert_eq!(colours.cell(Value::Number(b"1"), &berlin()), Ok(Cell::Text(b"EMPTY")));
        assert_eq!(colours.cell(Value::Bool(true), &berlin()), Ok(Cell::Text(b"FULL")));
        assert_eq!(colours.cell(Value::Absent, &berlin()), Ok(Cell::Absent));
        assert_eq!(colours.cell(Value::Other, &berlin()), Err(Wrong::Expected(Expected::Type("text"))));
        assert_eq!(colours.cell(Value::Text(b"\xff"), &berlin()), Err(Wrong::Unknown));
    }
}
