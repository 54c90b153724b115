//! What a type says of the values of a column beyond its name (ODCS 3.1, "Schema", `logicalTypeOptions`). What no value of the
//! type could fail, or none could meet, is a mistake.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::contract::odcs::dates;
use crate::contract::odcs::section::{Section, Told};
use crate::contract::pattern::{has_flag_x, whole};
use crate::contract::{Kind, Shape};
use crate::time::{ServiceDate, ServiceSeconds};
use crate::yaml::{Node, Problems};

/// What the options say of the values of a column. Bounds are in the numbers that the column's array has.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    /// Exclusive.
    pub above: Option<f64>,
    /// Exclusive.
    pub below: Option<f64>,
    pub multiple_of: Option<f64>,
    pub pattern: Option<String>,
    /// In characters.
    pub min_length: Option<usize>,
    /// In characters.
    pub max_length: Option<usize>,
    /// Whether whole numbers need 64 bits.
    pub is_wide: bool,
    /// Whether numbers have 32 bits.
    pub is_single: bool,
    /// And its line; of columns with one value a row.
    pub format: Option<(String, u32)>,
}

/// The bounds of a column's values, the latter two exclusive.
struct Bounds {
    minimum: Option<f64>,
    maximum: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
}

/// The column whose options are read.
struct Of<'a> {
    name: &'a str,
    kind: Kind,
    /// Whether one value stands in a cell.
    is_value: bool,
    options: Section<'a>,
    /// Bounds without a zone are in this one, and may be written in this form.
    zone: TimeZone,
    format: Option<String>,
}

/// Reads the options of a column by its type.
pub(super) fn read(name: &str, property: &Section<'_>, kind: Kind, shape: &Shape, told: &mut Told) -> Options {
    let Some(node) = property.get("logicalTypeOptions") else { return Options::default() };
    let options = Section::new(node);
    // How many parts a value has, and which, is checked nowhere: no column that is published has any.
    match shape {
        Shape::Value => {}
        Shape::Array(_) => options.accept(&["minItems", "maxItems", "uniqueItems"]),
        Shape::Object(_) => options.accept(&["minProperties", "maxProperties", "required"]),
    }
    let zone = zone(kind, &options, told);
    let format = options.text("format", told);
    let of = Of { name, kind, is_value: *shape == Shape::Value, options, zone, format };
    of.tell_of_other_types(&mut told.fit);
    let mut bound = |key: &'static str| of.bound(key, &mut told.fit);
    let (minimum, maximum) = (bound("minimum"), bound("maximum"));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    of.tell_of_empty_ranges(&Bounds { minimum, maximum, above, below }, &mut told.fit);
    let multiple_of = of.multiple_of(&mut told.fit);
    let (min_length, max_length) = of.lengths(&mut told.fit);
    let pattern = pattern(name, &of.options, told).filter(|_| kind == Kind::Text);
    of.options.end_as("is no option here", told);
    let format = of.format.filter(|_| of.is_value).map(|format| (format, of.options.line_of("format")));
    let (is_wide, is_single) = (false, false);
    Options { minimum, maximum, above, below, multiple_of, pattern, min_length, max_length, is_wide, is_single, format }
}

/// The zone of bounds that name none. What is published are instants, and times of a service date, which have no zone.
fn zone(kind: Kind, options: &Section<'_>, told: &mut Told) -> TimeZone {
    if !matches!(kind, Kind::Instant | Kind::ServiceTime) {
        return TimeZone::UTC;
    }
    let is_zoned = options.get("timezone").map(|_| options.flag("timezone", told));
    let line = options.line_of("timezone");
    match (kind, is_zoned) {
        (Kind::Instant, Some(false)) => {
            let message = "'timezone: false', and timestamps are published as instants in UTC";
            told.fit.add(line, message, "Remove 'timezone', or write true.");
        }
        (Kind::ServiceTime, Some(true)) => {
            let message = "'timezone: true', and a time of a service date has no zone";
            told.fit.add(line, message, "Remove 'timezone', or write false.");
        }
        _ => {}
    }
    let Some(name) = options.text("defaultTimezone", told) else { return TimeZone::UTC };
    TimeZone::get(&name).unwrap_or_else(|_| {
        let line = options.line_of("defaultTimezone");
        told.fit.add(line, format!("'{name}' is no time zone"), "Write a name like 'Europe/Berlin'.");
        TimeZone::UTC
    })
}

impl Of<'_> {
    fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Int32 | Kind::Int64 | Kind::Float)
    }

    /// Options that are about values of another type.
    fn tell_of_other_types(&self, problems: &mut Problems) {
        let held = held(self.kind);
        for key in ["timezone", "defaultTimezone"] {
            if !matches!(self.kind, Kind::Instant | Kind::ServiceTime) && self.options.get(key).is_some() {
                let message = format!("'{key}' is about timestamps and times, and '{}' holds {held}", self.name);
                problems.add(self.options.line_of(key), message, "Remove it.");
            }
        }
        for key in ["pattern", "minLength", "maxLength"] {
            if self.kind != Kind::Text && self.options.get(key).is_some() {
                let message = format!("'{key}' is about texts, and '{}' holds {held}", self.name);
                let instead = if self.is_number() { ", or write 'minimum' and 'maximum'" } else { "" };
                problems.add(self.options.line_of(key), message, format!("Remove it{instead}."));
            }
        }
        if !self.is_number() && self.options.get("multipleOf").is_some() {
            let message = format!("'multipleOf' is about numbers, and '{}' holds {held}", self.name);
            problems.add(self.options.line_of("multipleOf"), message, "Remove it.");
        }
    }

    fn bound(&self, key: &'static str, problems: &mut Problems) -> Option<f64> {
        let node = self.options.get(key)?;
        if matches!(self.kind, Kind::Text | Kind::Boolean) {
            let message = format!("'{key}' is about what has an order, and '{}' holds {}", self.name, held(self.kind));
            problems.add(node.line, message, "Remove it, or write 'values' or a SQL rule.");
            return None;
        }
        let bound = bound(node, self.kind, &self.zone, self.format.as_deref());
        if bound.is_none() {
            let (what, remedy) = match self.kind {
                Kind::Date => ("no date".to_owned(), "Write a date like '2026-11-24'."),
                Kind::Instant => ("no instant".to_owned(), "Write an instant like '2026-11-24T08:00:00Z'."),
                Kind::ServiceTime => ("no time".to_owned(), "Write a time like '25:10:00'."),
                _ if node.number().is_some() => ("no finite number".to_owned(), "Write a number."),
                _ => (format!("{}, expected a number", node.kind()), "Write a number."),
            };
            let message = match self.is_number() {
                true => format!("'{key}' is {what}"),
                false => format!("'{key}' is {what}, and '{}' holds {}", self.name, held(self.kind)),
            };
            problems.add(node.line, message, remedy);
        }
        bound
    }

    fn tell_of_empty_ranges(&self, bounds: &Bounds, problems: &mut Problems) {
        let Bounds { minimum, maximum, above, below } = *bounds;
        let mut tell = |key: &str, message: String| problems.add(self.options.line_of(key), message, "Swap the two.");
        if minimum.zip(maximum).is_some_and(|(low, high)| low > high) {
            tell("minimum", "'minimum' is greater than 'maximum'".to_owned());
        }
        for (key, low, other, high) in [
            ("exclusiveMinimum", above, "exclusiveMaximum", below),
            ("minimum", minimum, "exclusiveMaximum", below),
            ("exclusiveMinimum", above, "maximum", maximum),
        ] {
            if low.zip(high).is_some_and(|(low, high)| low >= high) {
                tell(key, format!("nothing lies between '{key}' and '{other}'"));
            }
        }
    }

    fn number(&self, key: &'static str, problems: &mut Problems) -> Option<f64> {
        let node = self.options.get(key)?;
        let number = node.number().filter(|number| number.is_finite());
        if number.is_none() {
            problems.add(node.line, format!("'{key}' is {}, expected a number", node.kind()), "Write a number.");
        }
        number
    }

    fn multiple_of(&self, problems: &mut Problems) -> Option<f64> {
        let step = self.number("multipleOf", problems)?;
        let line = self.options.line_of("multipleOf");
        if step <= 0.0 {
            let remedy = "Write the step between values, such as 5 or 0.1.";
            problems.add(line, "'multipleOf' is not above zero", remedy);
        } else if step == 1.0 && matches!(self.kind, Kind::Int32 | Kind::Int64) {
            problems.add(line, "every whole number is a multiple of 1", "Remove 'multipleOf'.");
        }
        Some(step)
    }

    /// The least and the greatest length, in characters.
    fn lengths(&self, problems: &mut Problems) -> (Option<usize>, Option<usize>) {
        let (least, most) = (self.number("minLength", problems), self.number("maxLength", problems));
        let mut tell = |key: &str, message: String, remedy| problems.add(self.options.line_of(key), message, remedy);
        for (key, length) in [("minLength", least), ("maxLength", most)] {
            if length.is_some_and(|length| length < 0.0 || length.fract() != 0.0) {
                tell(key, format!("'{key}' is not a count of characters"), "Write a whole number from 0.");
            }
        }
        if least == Some(0.0) && self.kind == Kind::Text {
            let message = "every text has at least 0 characters".to_owned();
            tell("minLength", message, "Remove 'minLength', or write 1.");
        }
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            tell("minLength", "'minLength' is greater than 'maxLength'".to_owned(), "Swap the two.");
        }
        (least.map(|length| length as usize), most.map(|length| length as usize))
    }
}

/// A time without a zone; one with a zone's name alone is none, since the name would be passed over.
fn local_time(text: &str) -> Option<DateTime> {
    text.parse().ok().filter(|_| !text.contains('['))
}

/// A bound in the numbers that the column's array has: days, milliseconds and seconds. It is written as in ISO 8601, or in
/// the format that the column names.
fn bound(node: &Node, kind: Kind, zone: &TimeZone, format: Option<&str>) -> Option<f64> {
    let text = node.scalar()?;
    let text = text.trim();
    let instant = |local: DateTime| zone.to_timestamp(local).ok();
    match kind {
        Kind::Date => {
            let written = || dates::parsed(text, format?)?.to_date().ok().map(ServiceDate);
            let date = text.parse::<ServiceDate>().ok().or_else(written);
            date.map(|date| f64::from(date.days_since_epoch()))
        }
        Kind::Instant => {
            let written = || {
                let broken = dates::parsed(text, format?)?;
                let local = || broken.to_datetime().or_else(|_| broken.to_date().map(|date| date.at(0, 0, 0, 0)));
                broken.to_timestamp().ok().or_else(|| instant(local().ok()?))
            };
            let time = text.parse::<Timestamp>().ok();
            let time = time.or_else(|| local_time(text).and_then(instant)).or_else(written);
            time.map(|time| time.as_millisecond() as f64)
        }
        // In seconds, too, as the column is stored.
        Kind::ServiceTime => ServiceSeconds::from_gtfs(text.as_bytes())
            .map(|time| f64::from(time.0))
            .or_else(|| node.int().map(|seconds| seconds as f64))
            .or_else(|| {
                let time = dates::parsed(text, format?)?.to_time().ok()?;
                Some(f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second()))
            }),
        _ => node.number().filter(|number| number.is_finite()),
    }
}

/// What a column of a kind holds, in the plural.
pub(super) fn held(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "texts",
        Kind::Int32 | Kind::Int64 => "whole numbers",
        Kind::Float => "numbers",
        Kind::Boolean => "true and false",
        Kind::Date => "dates",
        Kind::ServiceTime => "times",
        Kind::Instant => "timestamps",
    }
}

/// A pattern that is readable alone and as that of a whole value.
fn pattern(name: &str, options: &Section<'_>, told: &mut Told) -> Option<String> {
    let pattern = options.text("pattern", told)?;
    let line = options.line_of("pattern");
    if let Err(error) = regex::Regex::new(&pattern) {
        let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let message = format!("the pattern of '{name}' is not readable: {reason}");
        told.fit.add(line, message, "Mend the expression.");
    } else if has_flag_x(&pattern) || whole(&pattern).is_none() {
        let message =
            format!("the pattern of '{name}' has the flag x, with which blanks and comments are not part of it");
        let remedy = "Write it without '(?x)', blanks and comments; say in 'description' what it means.";
        told.fit.add(line, message, remedy);
    }
    Some(pattern)
}
