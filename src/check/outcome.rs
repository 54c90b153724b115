//! What a rule comes to over a table: its [`Outcome`], and the [`RuleResultBuilder`] that collects it while rows come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::rules::RuleSpec;
use crate::check::sql::NoResult;
use crate::contract::metric::{Limit, Verdict};
use crate::contract::{Contract, Dimension, OnFail, RuleId, Severity};
use crate::text::Text;

/// Samples kept per rule.
pub(super) const SAMPLES: usize = 5;

/// One rule's result over one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub rule: RuleId,
    pub table: String,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub result: RuleResult,
    /// Rows that the rule flagged.
    pub rows: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What a metric or a query that returns a number came to; of a rule that is compared with earlier partitions, its
    /// rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the rule requires and what was found, or why it could not run.
    pub message: String,
    /// What was found or why it could not run, in German, where `message` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_de: Option<String>,
    /// The first rows flagged, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

impl Outcome {
    /// Whether this outcome forbids to publish the run.
    pub fn blocks(&self) -> bool {
        self.result.blocks(self.severity, self.on_fail)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleResult {
    /// No row was flagged.
    Passed,
    /// Rows were flagged by a rule of severity `warning` or `info`.
    Warning,
    /// Rows were flagged by a rule of severity `error`.
    Failed,
    /// The rule could not run.
    Error,
    /// There was nothing to look at: the table is absent or has no rows, or a table that the rule compares with is not part of
    /// the run. A rule about how much there is (`rowCount`, coverage, a number that no rows do not reach) fails instead.
    Skipped,
}

impl RuleResult {
    /// Whether a rule of this severity that came to this forbids to publish the run: it did not pass and blocks, or it could
    /// not run and is of severity `error`, whatever it does to rows. One of severity `warning` or `info` that could not run
    /// is reported, and holds nothing back.
    pub fn blocks(self, severity: Severity, on_fail: OnFail) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Failed | Self::Warning => on_fail == OnFail::Block,
            Self::Passed | Self::Skipped => false,
        }
    }
}

/// A row that a rule flagged. `value` is there only if the column is public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub origin: String,
    pub row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The outcomes of a table that the feed does not have: every rule skipped.
pub fn absent(contract: &Contract) -> Vec<Outcome> {
    let specs = crate::check::rules::specs(contract);
    let skipped = |spec| RuleResultBuilder::default().with_result(spec, &contract.table, 0, RuleResult::Skipped);
    specs.into_iter().map(skipped).collect()
}

/// The outcome of looking for private texts in a release: by column how many different texts are private ones of the run,
/// and how many look like a plate, an address or a telephone number. See `derive::privacy::texts`.
pub fn private_text(contract: &Contract, published: u64, found: &BTreeMap<&str, (u64, u64)>) -> Outcome {
    const REQUIRES: &str = "no published text is a private one of this run, or looks like a number plate, a MAC address, a \
                            telephone number or an e-mail address";
    let said = found
        .iter()
        .map(|(column, (equal, looks))| format!("{column} has {equal} that are private and {looks} that look so"));
    let german = found
        .iter()
        .map(|(column, (equal, looks))| format!("{column} hat {equal} private und {looks}, die danach aussehen"));
    let found_de = (!found.is_empty()).then(|| {
        format!(
            "kein veröffentlichter Text ist ein privater dieses Laufs oder sieht aus wie ein Kennzeichen, eine MAC-Adresse, \
             eine Telefonnummer oder eine E-Mail-Adresse: {}. Spalte als privat einstufen, Quelle oder Zuordnung berichtigen \
             oder im Vertrag mit allowsPrivateText und Grund erlauben",
            german.collect::<Vec<_>>().join(", ")
        )
    });
    let message = match found.is_empty() {
        true => REQUIRES.to_owned(),
        false => format!(
            "{REQUIRES}: {}. Classify the column as private, mend the source or a mapping, or let the contract allow it with \
             the custom property allowsPrivateText and a reason",
            said.collect::<Vec<_>>().join(", ")
        ),
    };
    let result = match published {
        0 => RuleResult::Skipped,
        _ if found.is_empty() => RuleResult::Passed,
        _ => RuleResult::Failed,
    };
    Outcome {
        rule: RuleId(format!("{}.private_text", contract.table)),
        table: contract.table.clone(),
        dimension: Dimension::Conformity,
        severity: Severity::Error,
        on_fail: OnFail::Block,
        result,
        rows: found.values().map(|(equal, looks)| equal + looks).sum(),
        checked: published,
        value: None,
        message,
        found_de,
        samples: Vec::new(),
    }
}

/// How many rows of a table came, and how many of them passed the rules over rows.
#[derive(Clone, Copy)]
pub(super) struct RowCounts {
    pub came: u64,
    pub passed: u64,
}

/// A rule of the table that is checked, with what it has found so far.
pub(super) struct TableRule {
    /// Its place among the rules of the table, by which a verdict names it.
    pub place: u32,
    pub spec: RuleSpec,
    pub found: RuleResultBuilder,
}

impl TableRule {
    pub(super) fn new(place: usize, spec: RuleSpec) -> Self {
        Self { place: place as u32, spec, found: RuleResultBuilder::default() }
    }

    /// What the rule came to over a table of which so many rows came.
    pub(super) fn outcome(self, table: &str, came: u64) -> Outcome {
        self.found.outcome(self.spec, table, came)
    }
}

/// What a rule has found so far.
#[derive(Default)]
pub(super) struct RuleResultBuilder {
    /// Rows flagged.
    pub rows: u64,
    pub samples: Vec<Sample>,
    /// Why the rule could not run.
    pub broken: Option<Text>,
    /// Why there was nothing to look at.
    pub skipped: Option<String>,
    /// Of a rule with a limit: whether it holds. Without one a rule holds if it flags no row.
    pub holds: Option<bool>,
    /// What is added to what the rule requires.
    pub said: Option<Text>,
    /// Of a metric or a query that returns a number.
    pub value: Option<f64>,
    /// How many rows were looked at, if not all.
    pub checked: Option<u64>,
}

impl RuleResultBuilder {
    /// Whether there is room for another sample.
    pub(super) fn wants_sample(&self) -> bool {
        self.samples.len() < SAMPLES
    }

    /// Compares a number with its limit.
    pub(super) fn compare(&mut self, limit: Limit, value: f64, rows: u64, earlier: &[f64]) {
        match limit.of(value, rows, earlier) {
            Verdict::Known { holds, said } => (self.holds, self.said) = (Some(holds), Some(said)),
            Verdict::Nothing(why) => self.skipped = Some(why.to_owned()),
        }
    }

    pub(super) fn no_result(&mut self, why: NoResult) {
        match why {
            NoResult::Broken(why) => {
                let why = NoResult::without_plan(&why);
                // What an engine says of a query it says in English.
                self.broken = Some(Text::new(
                    format!("the rule could not run: {why}"),
                    format!("die Regel konnte nicht laufen: {why}"),
                ));
            }
            NoResult::Skipped(why) => self.skipped = Some(why),
        }
    }

    /// A rule that finds no row to look at does not pass: there was nothing that could have been wrong. If it does not hold all
    /// the same, it is about what is not there, and fails. `seen` are the rows that it looks at.
    pub(super) fn skip_without_rows(&mut self, came: u64, seen: u64) {
        if seen == 0 && self.rows == 0 && self.holds != Some(false) && self.skipped.is_none() {
            self.skipped = Some(match came {
                0 => "the table has no rows".to_owned(),
                _ => "no row passed the rules that come before".to_owned(),
            });
        }
    }

    /// What the rule came to, `checked` being the rows that it looked at unless it knows better.
    pub(super) fn outcome(self, spec: RuleSpec, table: &str, checked: u64) -> Outcome {
        let holds = self.holds.unwrap_or(self.rows == 0);
        let result = match spec.severity {
            _ if self.broken.is_some() => RuleResult::Error,
            _ if self.skipped.is_some() => RuleResult::Skipped,
            _ if holds => RuleResult::Passed,
            Severity::Error => RuleResult::Failed,
            _ => RuleResult::Warning,
        };
        self.with_result(spec, table, checked, result)
    }

    fn with_result(self, spec: RuleSpec, table: &str, checked: u64, result: RuleResult) -> Outcome {
        let checked = if result == RuleResult::Skipped { 0 } else { self.checked.unwrap_or(checked) };
        let (message, found_de) = match (self.broken, self.skipped, self.said) {
            (Some(why), ..) => (why.en, Some(why.de)),
            (None, Some(why), _) => (why, None),
            (None, None, Some(said)) => (format!("{}: {}", spec.message.trim_end_matches('.'), said.en), Some(said.de)),
            (None, None, None) => (spec.message, None),
        };
        Outcome {
            rule: spec.id,
            table: table.to_owned(),
            dimension: spec.dimension,
            severity: spec.severity,
            on_fail: spec.on_fail,
            result,
            rows: self.rows,
            checked,
            value: self.value.map(recorded),
            message,
            found_de,
            samples: self.samples,
        }
    }
}

/// A number as records keep it: with six places behind the point, which JSON gives back as they were written.
fn recorded(value: f64) -> f64 {
    if value.abs() < 1e9 { (value * 1e6).round() / 1e6 } else { value.round() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::contract;

    #[test]
    fn only_an_error_holds_a_run_back_because_it_could_not_run() {
        let every = [OnFail::Report, OnFail::Invalidate, OnFail::Quarantine, OnFail::Block];
        for (severity, holds_back) in [(Severity::Error, true), (Severity::Warning, false), (Severity::Info, false)] {
            for on_fail in every {
                assert_eq!(RuleResult::Error.blocks(severity, on_fail), holds_back, "{severity:?} {on_fail:?}");
                assert_eq!(RuleResult::Warning.blocks(severity, on_fail), on_fail == OnFail::Block);
                assert!(!RuleResult::Skipped.blocks(severity, on_fail));
            }
        }
    }

    #[test]
    fn the_outcomes_of_an_absent_table_are_skipped() {
        assert!(absent(&contract("")).iter().all(|outcome| outcome.result == RuleResult::Skipped && outcome.rows == 0));
    }
}
