//! An interval of time, as a source's `every` says it: `15 s`, `5 min`, `1 h`, `1 day`, or a number of seconds.

use std::time::Duration;

use crate::capture::beat::{EVERY_LEAST, EVERY_MOST};
use crate::yaml::{Node, Problems};

/// Units and their seconds.
const UNITS: &[(&[&str], u64)] = &[
    (&["", "s", "sec", "second", "seconds"], 1),
    (&["min", "m", "minute", "minutes"], 60),
    (&["h", "hour", "hours"], 3600),
    (&["d", "day", "days"], 86_400),
];

/// Reads an interval between a second and a day.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Duration> {
    read_as("every", node, problems)
}

/// The same of another key.
pub(super) fn read_as(key: &str, node: &Node, problems: &mut Problems) -> Option<Duration> {
    let text = node.scalar().unwrap_or_default();
    let remedy = "Write a time from a second to a day: '15 s', '5 min', '1 h', '1 day'.";
    let every = parse(&text);
    let Some(every) = every else {
        problems.add(node.line, format!("'{key}' is no interval of time"), remedy);
        return None;
    };
    if !(EVERY_LEAST..=EVERY_MOST).contains(&every) {
        problems.add(node.line, format!("'{key}: {text}' is less than a second or more than a day"), remedy);
        return None;
    }
    Some(every)
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let (_, seconds) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    number.parse::<u64>().ok()?.checked_mul(*seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_number_and_a_unit() {
        let seconds = |text: &str| parse(text).map(|every| every.as_secs());
        for (text, expected) in [("15", 15), ("15s", 15), ("5 min", 300), ("1h", 3600), ("1 day", 86_400), ("0 s", 0)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "s", "-1 s", "1.5 s", "1 week", "99999999999999999999 s", "9999999999999999999 days"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
