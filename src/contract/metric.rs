//! The library metrics of ODCS 3.1: a number over all rows of a table, and what it must be.
//!
//! ```yaml
//! quality:
//!   - metric: nullValues
//!     unit: percent
//!     mustBeLessThan: 1
//! ```
//!
//! | metric | at | counts |
//! |---|---|---|
//! | `rowCount` | table | rows |
//! | `nullValues` | column | rows without a value |
//! | `missingValues` | column | rows without a value, or with one of `arguments.missingValues` |
//! | `invalidValues` | column | values that are none of `arguments.validValues`, or in which `arguments.pattern` does not occur |
//! | `duplicateValues` | column, or table with `arguments.properties` | values, or combinations, that occur more than once; a combination with an absent value is none |
//!
//! Metrics count the rows that pass the rules over rows, because those are published. `mustBeBetween` is exclusive, as the
//! text of the standard has it ("between", with `mustBeGreaterThan` and `mustBeLessThan` beside it); other tools include the
//! two bounds. `mustNotBeBetween` is its opposite.

use crate::contract::rule::{Dimension, OnFail, RuleId, Severity};
use crate::text::{Text, german_number};

/// One metric of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRule {
    /// `stop_times.arrival_time.nullValues`, or the table and the entry's name.
    pub id: RuleId,
    pub line: u32,
    pub metric: Metric,
    pub limit: Limit,
    pub severity: Severity,
    pub dimension: Dimension,
    /// `report` or `block`.
    pub on_fail: OnFail,
    pub description: Option<String>,
    pub description_de: Option<String>,
    /// Why it matters: ODCS `businessImpact`.
    pub why: Option<String>,
    pub why_de: Option<String>,
}

/// What is counted. Columns are places in the contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    RowCount,
    NullValues { column: usize },
    MissingValues { column: usize, missing: Vec<String> },
    InvalidValues { column: usize, valid: Option<Vec<String>>, pattern: Option<String> },
    DuplicateValues { columns: Vec<usize> },
}

impl Metric {
    /// Its name in ODCS.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RowCount => "rowCount",
            Self::NullValues { .. } => "nullValues",
            Self::MissingValues { .. } => "missingValues",
            Self::InvalidValues { .. } => "invalidValues",
            Self::DuplicateValues { .. } => "duplicateValues",
        }
    }
}

/// What a number must be, and what it is counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub threshold: Threshold,
    pub unit: Unit,
}

/// ODCS `unit`: `rows`, `percent`, or our own `percentOfMedian`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The number itself.
    Rows,
    /// Percent of the rows.
    Percent,
    /// Percent of the median of what the partitions before this one came to; at most so many of them.
    PercentOfMedian { partitions: usize },
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.threshold)?;
        match self.unit {
            Unit::Rows => Ok(()),
            Unit::Percent => f.write_str(", in percent of the rows"),
            Unit::PercentOfMedian { partitions } => {
                write!(f, ", in percent of the median of the last {partitions} comparable partitions")
            }
        }
    }
}

/// Whether a number is within its limit.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// And how that is said.
    Known { holds: bool, said: Text },
    /// There is nothing to compare it with, and why.
    Nothing(&'static str),
}

impl Limit {
    /// Whether a number is within the limit. `rows` is what percentages are of, `earlier` what earlier partitions came to,
    /// the newest last.
    pub fn of(self, value: f64, rows: u64, earlier: &[f64]) -> Verdict {
        let known = |value: f64, said: Text| Verdict::Known { holds: self.threshold.holds(value), said };
        let shown = |value: f64, digits: usize| self.threshold.shown(value, digits);
        match self.unit {
            Unit::Rows => {
                let shown = shown(value, 4);
                let de = format!("{}, {}", german_number(&shown), self.threshold.german());
                known(value, Text::new(format!("{shown}, {}", self.threshold), de))
            }
            Unit::Percent if rows == 0 => Verdict::Nothing("a share of no rows is none"),
            Unit::Percent => {
                let percent = value * 100.0 / rows as f64;
                let shown = shown(percent, 2);
                let de = format!("{} %, {} %", german_number(&shown), self.threshold.german());
                known(percent, Text::new(format!("{shown} %, {} %", self.threshold), de))
            }
            Unit::PercentOfMedian { partitions } => {
                let Some(median) = median(&earlier[earlier.len().saturating_sub(partitions)..]) else {
                    return Verdict::Nothing("there is no earlier partition to compare with, or none of such a day");
                };
                // Nothing compared with nothing is as much as ever.
                let percent = match (value, median) {
                    (0.0, 0.0) => 100.0,
                    (_, 0.0) => {
                        return Verdict::Nothing("the median of the earlier partitions is 0: nothing is a share of it");
                    }
                    _ => value * 100.0 / median,
                };
                let (of, value, median) = (earlier.len().min(partitions), plain(value, 4), plain(median, 4));
                let (before, zuvor) = match of {
                    1 => ("the partition before".to_owned(), "der Partition davor".to_owned()),
                    _ => (format!("{of} partitions before"), format!("der {of} Partitionen davor")),
                };
                let shown = shown(percent, 1);
                let en = format!("{value} is {shown} % of {median}, the median of {before}, {} %", self.threshold);
                let [value, shown, median] = [value, shown, median].map(|number| german_number(&number));
                let de =
                    format!("{value} ist {shown} % von {median}, dem Median {zuvor}, {} %", self.threshold.german());
                known(percent, Text::new(en, de))
            }
        }
    }

    /// Whether earlier partitions must be known.
    pub fn needs_history(self) -> bool {
        matches!(self.unit, Unit::PercentOfMedian { .. })
    }
}

/// A number with at most so many digits behind the point, and none that say nothing.
fn plain(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The eight operators of ODCS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    Be(f64),
    NotBe(f64),
    GreaterThan(f64),
    GreaterOrEqualTo(f64),
    LessThan(f64),
    LessOrEqualTo(f64),
    /// Exclusive.
    Between(f64, f64),
    NotBetween(f64, f64),
}

impl Threshold {
    /// Whether a number is what it must be.
    pub fn holds(self, value: f64) -> bool {
        let between = |low: f64, high: f64| low < value && value < high;
        match self {
            Self::Be(wanted) => value == wanted,
            Self::NotBe(other) => value != other,
            Self::GreaterThan(bound) => value > bound,
            Self::GreaterOrEqualTo(bound) => value >= bound,
            Self::LessThan(bound) => value < bound,
            Self::LessOrEqualTo(bound) => value <= bound,
            Self::Between(low, high) => between(low, high),
            Self::NotBetween(low, high) => !between(low, high),
        }
    }

    /// A number for people: with so many digits behind the point at the most, and more only where it would otherwise seem to
    /// be on the other side of the limit.
    fn shown(self, value: f64, digits: usize) -> String {
        let rounded = (digits..=12).map(|digits| plain(value, digits));
        let is_as_good =
            |text: &String| text.parse().is_ok_and(|rounded: f64| self.holds(rounded) == self.holds(value));
        rounded.into_iter().find(is_as_good).unwrap_or_else(|| value.to_string())
    }
}

impl Threshold {
    /// What a number must be, in German; it ends with the number, which a unit may follow.
    fn german(self) -> String {
        let number = |value: f64| german_number(&value.to_string());
        match self {
            Self::Be(value) => format!("muss gleich sein {}", number(value)),
            Self::NotBe(value) => format!("darf nicht gleich sein {}", number(value)),
            Self::GreaterThan(bound) => format!("muss größer sein als {}", number(bound)),
            Self::GreaterOrEqualTo(bound) => format!("muss mindestens so groß sein wie {}", number(bound)),
            Self::LessThan(bound) => format!("muss kleiner sein als {}", number(bound)),
            Self::LessOrEqualTo(bound) => format!("darf höchstens so groß sein wie {}", number(bound)),
            Self::Between(low, high) => {
                format!("muss größer sein als {} und kleiner als {}", number(low), number(high))
            }
            Self::NotBetween(low, high) => {
                format!("darf nicht liegen zwischen {} und {}", number(low), number(high))
            }
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Be(value) => write!(f, "must be {value}"),
            Self::NotBe(value) => write!(f, "must not be {value}"),
            Self::GreaterThan(bound) => write!(f, "must be greater than {bound}"),
            Self::GreaterOrEqualTo(bound) => write!(f, "must be at least {bound}"),
            Self::LessThan(bound) => write!(f, "must be less than {bound}"),
            Self::LessOrEqualTo(bound) => write!(f, "must be at most {bound}"),
            Self::Between(low, high) => write!(f, "must be between {low} and {high}, exclusive"),
            Self::NotBetween(low, high) => write!(f, "must not be between {low} and {high}, exclusive"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_but_never_to_the_other_side_of_the_limit() {
        let said = |threshold: Threshold, unit: Unit, value: f64, rows: u64, earlier: &[f64]| match (Limit {
            threshold,
            unit,
        })
        .of(value, rows, earlier)
        {
            Verdict::Known { said, .. } => said.en,
            Verdict::Nothing(why) => why.to_owned(),
        };
        let percent = |value, rows| said(Threshold::LessThan(20.0), Unit::Percent, value, rows, &[]);
        assert_eq!(percent(7.0, 7), "100 %, must be less than 20 %");
        assert_eq!(percent(1.0, 3), "33.33 %, must be less than 20 %");
        assert_eq!(percent(199_999.0, 1_000_000), "19.9999 %, must be less than 20 %");
        assert_eq!(percent(0.0, 0), "a share of no rows is none");
        let rows = |threshold, value| said(threshold, Unit::Rows, value, 9, &[]);
        assert_eq!(rows(Threshold::LessThan(0.3), 1.0 / 3.0), "0.3333, must be less than 0.3");
        assert_eq!(rows(Threshold::Be(0.0), 1e-6), "0.000001, must be 0");
        let median = Unit::PercentOfMedian { partitions: 7 };
        let halved = |value, earlier: &[f64]| said(Threshold::GreaterThan(50.0), median, value, 9, earlier);
        let long = "17824 is 29.9 % of 59602, the median of 3 partitions before, must be greater than 50 %";
        assert_eq!(halved(17_824.0, &[59_602.0, 59_700.0, 59_500.0]), long);
        assert!(halved(5.0, &[0.0]).contains("median of the earlier partitions is 0"));
    }
}
