//! The score: how good a dataset was on a date, as one number that anyone can compute again.
//!
//! - A rule over rows counts with the share of rows that conform: 1 - named / checked. A rule over a number, such as a
//!   metric, counts 1 if the number is what it must be, else 0. A rule that could not run counts 0.
//! - Left out are rules that were skipped, and rules over rows that had no row to look at: they say nothing.
//! - A rule weighs by its severity: `error` 2, `warning` 1, `info` 0, for an `info` tells and does not judge. A rule that
//!   could not run weighs 2, whatever its severity: what is not known must not look good.
//! - The score of a dimension is the mean of its rules by weight, in percent. The score of a dataset is the mean of its
//!   dimensions, so that the many rules of one dimension do not drown the few of another.
//! - Scores are rounded down to hundredths, so 100 means that nothing at all was found.
//!
//! The notices of the standard rules of GTFS have no share: they count findings, not rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule_report::{Evaluates, RuleReport};
use crate::check::RuleResult;
use crate::contract::{Dimension, Severity};

/// What the formula is called; changes when scores before and after cannot be compared.
pub(crate) const FORMULA: &str = "fahrtenbuch-score/1";

/// The formula for people.
pub(crate) const FORMULA_EN: &str = "A rule counts with the share of rows that conform: 1 - named / checked. A rule over a \
number counts 1 if it holds, else 0; a rule that could not run counts 0; one that had nothing to look at is left out. \
Rules weigh by severity: error 2 (also every rule that could not run), warning 1, info 0. The score of a dimension is the \
weighted mean of its rules in percent, the score of a dataset the mean of its dimensions. Scores are rounded down to \
hundredths: 100 means that nothing was found.";
pub(crate) const FORMULA_DE: &str = "Eine Regel zählt mit dem Anteil der Zeilen, die sie erfüllen: 1 − benannte / geprüfte. \
Eine Regel über eine Zahl zählt 1, wenn sie gilt, sonst 0; eine Regel, die nicht laufen konnte, zählt 0; eine, die nichts \
zu prüfen hatte, bleibt außen vor. Regeln wiegen nach ihrer Schwere: Fehler (error) 2, ebenso jede Regel, die nicht laufen \
konnte, Warnung (warning) 1, Hinweis (info) 0. Die Punkte einer Dimension sind das gewichtete Mittel ihrer Regeln in Prozent, \
die eines Datensatzes das Mittel seiner Dimensionen. Punkte sind auf Hundertstel abgerundet: 100 heißt, dass nichts \
gefunden wurde.";

/// The scores of a run, in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    pub formula: String,
    /// Nothing if no rule that counts had anything to look at.
    pub dataset: Option<f64>,
    /// Of the dimensions that have rules that count.
    pub dimensions: BTreeMap<Dimension, f64>,
}

/// The share of what a rule looked at that conforms, 0 to 1; nothing if it looked at nothing.
pub(crate) fn conformity(result: &RuleReport) -> Option<f64> {
    match (result.result, result.asks) {
        (RuleResult::Skipped, _) => None,
        (RuleResult::Error, _) => Some(0.0),
        (RuleResult::Passed, Evaluates::Number) => Some(1.0),
        (_, Evaluates::Number) => Some(0.0),
        (_, Evaluates::Rows) if result.checked == 0 => None,
        (_, Evaluates::Rows) => Some(1.0 - result.rows as f64 / result.checked as f64),
    }
}

fn weight(result: &RuleReport) -> f64 {
    match (result.result, result.severity) {
        (RuleResult::Error, _) | (_, Severity::Error) => 2.0,
        (_, Severity::Warning) => 1.0,
        (_, Severity::Info) => 0.0,
    }
}

impl Score {
    pub(crate) fn of(results: &[RuleReport]) -> Self {
        let mut sums: BTreeMap<Dimension, (f64, f64)> = BTreeMap::new();
        for result in results {
            let (Some(conformity), weight) = (conformity(result), weight(result)) else { continue };
            if weight > 0.0 {
                let (sum, weights) = sums.entry(result.dimension).or_default();
                *sum += weight * conformity;
                *weights += weight;
            }
        }
        let exact: BTreeMap<Dimension, f64> =
            sums.into_iter().map(|(dimension, (sum, weights))| (dimension, 100.0 * sum / weights)).collect();
        let mean = exact.values().sum::<f64>() / exact.len() as f64;
        Self {
            formula: FORMULA.to_owned(),
            dataset: (!exact.is_empty()).then(|| floor(mean, 100.0)),
            dimensions: exact.into_iter().map(|(dimension, score)| (dimension, floor(score, 100.0))).collect(),
        }
    }
}

/// Rounds down to so many parts of one, but not because binary fractions miss a number by a hair.
pub(crate) fn floor(value: f64, parts: f64) -> f64 {
    (value * parts + 1e-9).floor() / parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::quality::tests::{quality, result};

    #[test]
    fn a_rule_counts_with_its_share_and_its_weight_and_a_dimension_as_one_of_several() {
        let of = |rows, checked, severity| {
            let found = if rows == 0 { RuleResult::Passed } else { RuleResult::Failed };
            RuleReport { severity, ..result("r", Dimension::Accuracy, found, rows, checked) }
        };
        let complete = RuleReport { dimension: Dimension::Completeness, ..of(0, 10, Severity::Warning) };
        let told = of(9, 10, Severity::Info);
        let score = Score::of(&[of(1, 10, Severity::Error), of(5, 10, Severity::Warning), complete, told]);
        assert_eq!(score.dimensions[&Dimension::Accuracy], 76.66);
        assert_eq!((score.dimensions[&Dimension::Completeness], score.dataset), (100.0, Some(88.33)));
    }

    #[test]
    fn what_could_not_run_counts_nothing_and_what_had_nothing_to_look_at_does_not_count() {
        let broken =
            RuleReport { severity: Severity::Info, ..result("r", Dimension::Accuracy, RuleResult::Error, 0, 5) };
        let empty = result("r", Dimension::Accuracy, RuleResult::Passed, 0, 0);
        let skipped = result("r", Dimension::Coverage, RuleResult::Skipped, 0, 0);
        let number =
            RuleReport { asks: Evaluates::Number, ..result("r", Dimension::Coverage, RuleResult::Passed, 0, 0) };
        assert_eq!(Score::of(&[empty.clone(), skipped.clone()]).dataset, None);
        let score = Score::of(&[broken, empty, skipped, number]);
        assert_eq!(score.dimensions[&Dimension::Accuracy], 0.0);
        assert_eq!(score.dimensions[&Dimension::Coverage], 100.0);
    }

    #[test]
    fn one_row_in_a_hundred_million_is_seen() {
        let one = result("r", Dimension::Accuracy, RuleResult::Failed, 1, 100_000_000);
        assert_eq!(Score::of(&[one]).dataset, Some(99.99));
        assert_eq!(quality().score.formula, FORMULA);
    }
}
