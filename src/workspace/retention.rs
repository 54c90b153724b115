//! Retention: how long the private store keeps what a release was made of, as `retention:` in `fahrtenbuch.yaml` says.

use std::fmt;

use jiff::Span;

use crate::text::Text;
use crate::time::ServiceDate;
use crate::yaml::{Node, Problems};

const KEYS: &[&str] = &["evidence", "superseded", "records"];
/// The unit of a period by the words for it, and the most of it that one may have: a thousand years.
const UNITS: &[(&[&str], Unit, u32)] = &[
    (&["day", "days"], Unit::Day, 366_000),
    (&["week", "weeks"], Unit::Week, 52_000),
    (&["month", "months"], Unit::Month, 12_000),
    (&["year", "years"], Unit::Year, 1_000),
];
/// A date is complete at noon of the day after it, and its quarantine is looked at later than that.
const EVIDENCE_LEAST: Period = Period { number: 2, unit: Unit::Day };

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Evidence, key and quarantine of a date, together, counted from the date.
    pub evidence: Period,
    /// Files below `revised/` that were replaced, counted from their replacement.
    pub superseded: Period,
    /// Records of runs and of purges.
    pub records: Period,
}

/// A period by the calendar: `13 months`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    number: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            evidence: Period { number: 13, unit: Unit::Month },
            superseded: Period { number: 12, unit: Unit::Month },
            records: Period { number: 10, unit: Unit::Year },
        }
    }
}

impl Retention {
    /// Reads `retention:` of the configuration, whose root is `node`. What is absent or wrong is what it is by default.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let mut retention = Self::default();
        let Some(map) = node.get("retention") else { return retention };
        if map.pairs().is_empty() {
            let remedy = "Write the periods below it: 'evidence: 13 months'. Without 'retention' that is what holds.";
            problems.add(map.line, format!("'retention' is {}, expected a map", map.kind()), remedy);
        }
        map.only_keys(KEYS, problems);
        let mut read = |key: &str, into: &mut Period| {
            if let Some(node) = map.get(key)
                && let Some(period) = period(key, node, problems)
            {
                *into = period;
            }
        };
        read("evidence", &mut retention.evidence);
        read("superseded", &mut retention.superseded);
        read("records", &mut retention.records);
        let line = |key: &str| map.get(key).map_or(map.line, |node| node.line);
        if !EVIDENCE_LEAST.is_at_most(retention.evidence) {
            let message = format!("'evidence: {}' is less than {EVIDENCE_LEAST}", retention.evidence);
            let remedy = "A date is complete at noon of the day after it: keep its evidence for some days longer.";
            problems.add(line("evidence"), message, remedy);
        }
        if !retention.evidence.is_at_most(retention.records) {
            let Self { evidence, records, .. } = retention;
            let message = format!("records are kept for {records}, evidence for {evidence}");
            let remedy = "Keep records at least as long: they say what went into a release, and prove it when the evidence is gone.";
            problems.add(line(if map.get("records").is_some() { "records" } else { "evidence" }), message, remedy);
        }
        retention
    }

    /// The first date whose evidence is to be kept on a day. It is kept through the day on which it is as old as the period, as
    /// terms of law count (`2026-11-24` and 13 months: through `2027-12-24`; of a month that is shorter, its last day).
    pub fn first_kept(&self, today: ServiceDate) -> ServiceDate {
        let mut first = self.evidence.before(today);
        // Months have different lengths, so that going back and forth may end some days apart.
        while self.evidence.after(first) < today {
            first = first.plus_days(1);
        }
        while self.evidence.after(first.plus_days(-1)) >= today && first.plus_days(-1) < first {
            first = first.plus_days(-1);
        }
        first
    }

    /// The first day on which the evidence and the key of a date are to be destroyed.
    pub fn destroyed_on(&self, date: ServiceDate) -> ServiceDate {
        // Months have different lengths, so that the day is looked for from a few days before.
        let mut day = self.evidence.after(date).plus_days(-3);
        while self.first_kept(day) <= date && day < day.plus_days(1) {
            day = day.plus_days(1);
        }
        day
    }

    /// The rule by which evidence is destroyed, as records name it.
    pub fn evidence_rule(&self) -> String {
        format!("retention.evidence: {}", self.evidence)
    }

    /// The rule by which superseded files are deleted, as records name it.
    pub fn superseded_rule(&self) -> String {
        format!("retention.superseded: {}", self.superseded)
    }
}

impl Period {
    fn span(self) -> Span {
        let number = i64::from(self.number);
        let span = Span::new();
        // Whatever is too much for a span ends at the ends of time.
        let made = match self.unit {
            Unit::Day => span.try_days(number),
            Unit::Week => span.try_weeks(number),
            Unit::Month => span.try_months(number),
            Unit::Year => span.try_years(number),
        };
        made.unwrap_or_default()
    }

    /// For people, in German and English.
    pub fn text(self) -> Text {
        let german = match (self.unit, self.number) {
            (Unit::Day, 1) => "Tag",
            (Unit::Day, _) => "Tage",
            (Unit::Week, 1) => "Woche",
            (Unit::Week, _) => "Wochen",
            (Unit::Month, 1) => "Monat",
            (Unit::Month, _) => "Monate",
            (Unit::Year, 1) => "Jahr",
            (Unit::Year, _) => "Jahre",
        };
        Text::new(self.to_string(), format!("{} {german}", self.number))
    }

    /// The date so much later.
    pub fn after(self, date: ServiceDate) -> ServiceDate {
        ServiceDate(date.0.saturating_add(self.span()))
    }

    /// The date so much earlier.
    pub fn before(self, date: ServiceDate) -> ServiceDate {
        ServiceDate(date.0.saturating_sub(self.span()))
    }

    /// Whether it ends no later than another that begins on the same day: of no leap year, and of the longest months.
    fn is_at_most(self, other: Self) -> bool {
        ServiceDate::new(2001, 7, 1).is_none_or(|begin| self.after(begin) <= other.after(begin))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = UNITS.iter().find(|(_, unit, _)| *unit == self.unit).map_or(&[""][..], |(words, ..)| words);
        let word = if self.number == 1 { words.first() } else { words.last() };
        write!(f, "{} {}", self.number, word.copied().unwrap_or_default())
    }
}

fn period(key: &str, node: &Node, problems: &mut Problems) -> Option<Period> {
    let remedy = format!("Write a number of days, weeks, months or years: '{key}: 13 months'.");
    let Some(text) = node.scalar() else {
        problems.add(node.line, format!("'{key}' is {}, expected a period", node.kind()), remedy);
        return None;
    };
    let text = text.trim();
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest.trim_start()));
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (number, word) = rest.split_at(digits);
    let word = word.trim();
    let unit = UNITS.iter().find(|(words, ..)| words.contains(&word));
    let message = match (number, unit) {
        ("", _) => format!("'{key}: {text}' is no period"),
        (_, None) if word.is_empty() => format!("'{key}: {text}' has no unit"),
        (_, None) => format!("'{key}: {text}' has no unit that is known: '{word}'"),
        (number, Some((_, unit, most))) => match number.parse::<u32>() {
            Ok(0) => format!("'{key}: {text}' keeps nothing"),
            _ if sign == "-" => format!("'{key}: {text}' is less than nothing"),
            Ok(number) if number <= *most => return Some(Period { number, unit: *unit }),
            _ => format!("'{key}: {text}' is more than a thousand years"),
        },
    };
    problems.add(node.line, message, remedy);
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml;

    fn read(text: &str) -> (Retention, Vec<String>) {
        let file = Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, text).unwrap();
        let mut problems = Problems::new(file);
        let retention = Retention::read(&node, &mut problems);
        (retention, problems.found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect())
    }

    fn date(text: &str) -> ServiceDate {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_set_is_thirteen_months_twelve_months_and_ten_years() {
        for text in ["title: T", "retention:\n  evidence: 13 months", "retention: {records: 10 years}"] {
            assert_eq!(read(text), (Retention::default(), Vec::new()), "{text}");
        }
        assert_eq!(Retention::default().evidence_rule(), "retention.evidence: 13 months");
        let (retention, problems) = read("retention:\n  evidence: 1 year\n  superseded: 30days\n  records: 52 weeks");
        assert_eq!(problems, ["4 records are kept for 52 weeks, evidence for 1 year"]);
        assert_eq!(retention.superseded.to_string(), "30 days");
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        for (text, expected) in [
            ("retention:\n  evidence: 0 months", "2 'evidence: 0 months' keeps nothing"),
            ("retention:\n  evidence: -3 months", "2 'evidence: -3 months' is less than nothing"),
            ("retention:\n  evidence: 13 moons", "2 'evidence: 13 moons' has no unit that is known: 'moons'"),
            ("retention:\n  evidence: 13", "2 'evidence: 13' has no unit"),
            ("retention:\n  evidence: months", "2 'evidence: months' is no period"),
            ("retention:\n  evidence: 1.5 months", "2 'evidence: 1.5 months' has no unit that is known: '.5 months'"),
            ("retention:\n  evidence: [13]", "2 'evidence' is a list, expected a period"),
            ("retention:\n  evidence:", "2 'evidence' is nothing, expected a period"),
            ("retention:\n  superseded: 1001 years", "2 'superseded: 1001 years' is more than a thousand years"),
            ("retention:\n  records: 99999999999 days", "2 'records: 99999999999 days' is more than a thousand years"),
            ("retention:\n  evidence: 1 day", "2 'evidence: 1 day' is less than 2 days"),
            ("retention:\n  evidence: 11 years", "2 records are kept for 10 years, evidence for 11 years"),
            ("retention:\n  records: 12 months", "2 records are kept for 12 months, evidence for 13 months"),
            ("retention:\n  evidences: 13 months", "2 'evidences' is not known here"),
            ("retention: 13 months", "1 'retention' is text, expected a map"),
        ] {
            assert_eq!(read(text).1, [expected], "{text}");
        }
    }

    #[test]
    fn a_date_is_kept_through_the_day_on_which_it_is_thirteen_months_old() {
        let retention = Retention::default();
        for (today, first) in [
            ("2027-12-24", "2026-11-24"),
            ("2027-12-25", "2026-11-25"),
            // A term that would end on the 30th of February ends on its last day: the 29th to the 31st go together.
            ("2027-02-28", "2026-01-28"),
            ("2027-03-01", "2026-02-01"),
            ("2028-02-29", "2027-01-29"),
            ("2028-03-01", "2027-02-01"),
            ("2027-03-31", "2026-03-01"),
        ] {
            let first_kept = retention.first_kept(date(today));
            // The day before the first one is over, whatever the lengths of the months.
            assert!(retention.evidence.after(first_kept) >= date(today), "{today}");
            assert!(retention.evidence.after(first_kept.plus_days(-1)) < date(today), "{today}");
            assert_eq!(first_kept, date(first), "{today}");
            assert!(retention.destroyed_on(first_kept) > date(today), "{today}");
            assert!(retention.destroyed_on(first_kept.plus_days(-1)) <= date(today), "{today}");
        }
    }

    #[test]
    fn every_day_goes_once_and_none_comes_back() {
        let retention = Retention::default();
        let mut before = retention.first_kept(date("2024-01-01"));
        for day in 1..1500 {
            let first = retention.first_kept(date("2024-01-01").plus_days(day));
            assert!(first >= before, "{day}");
            before = first;
        }
        assert_eq!(retention.first_kept(ServiceDate::new(-9999, 1, 1).unwrap()).0.year(), -9999);
    }
}
