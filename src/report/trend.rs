//! The trend: the results of several partitions side by side, by rule.
//!
//! Takes the [`Quality`] of partitions in the order of their dates; makes a [`Report`], which [`super::text`] and
//! the portal's page show and which serialises for programs.
//!
//! A rule has become worse or better if it came to another result than in the partition before, or if it named a share of
//! rows that differs by at least a quarter and by more than chance has it: three standard errors of the difference of two
//! shares. Otherwise every day would be worse than the day before in half of the rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::quality::{Evaluates, Quality, RuleReport, TableCount};
use super::score;
use crate::check::RuleResult;
use crate::contract::{RuleId, Severity};
use crate::digest::Digest;
use crate::ledger::{Status, is_zero};
use crate::publish::index::TableIndex;
use crate::time::ServiceDate;

/// The trend of one dataset.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub dataset: String,
    pub runs: Vec<RunLine>,
    /// Those of the newest run in its order, then those that only older runs had.
    pub rules: Vec<Trend>,
    /// The notices of the standard rules of GTFS.
    pub notices: Vec<NoticeTrend>,
    /// Rules of the newest run that did not pass, the worst first.
    pub look_at: Vec<Named>,
    /// Rules that came to something worse than in the partition before.
    pub worse: Vec<Named>,
    /// Rules that came to something better.
    pub better: Vec<Named>,
}

/// A partition's run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunLine {
    pub date: ServiceDate,
    pub status: Status,
    /// The date was not over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Nothing was captured on the date, and what is missing was released alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nothing_captured: bool,
    pub inputs: Digest,
    pub score: score::Score,
    pub tables: Vec<TableCount>,
    /// Tables of which an older release is published since a rollback, so that the results are not about what is published.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rolled_back: Vec<RolledBackTable>,
}

/// A table that a person took back to an older release of a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RolledBackTable {
    pub table: String,
    /// The version whose file is published again.
    pub to: u64,
    pub at: Timestamp,
    /// A name or role of `people` in the workspace's configuration.
    pub by: String,
    pub reason: String,
}

/// A rule, as it was in the newest run that had it, and what it came to at every date.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Trend {
    #[serde(flatten)]
    pub rule: RuleReport,
    /// One for each run; nothing where the run did not have the rule.
    pub points: Vec<Option<Point>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    pub result: RuleResult,
    pub rows: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rows_released: u64,
    pub checked: u64,
    pub value: Option<f64>,
    pub conformity: Option<f64>,
}

/// A rule by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Named {
    pub contract: String,
    pub id: RuleId,
}

/// A standard notice and how often it was given at every date; nothing where the standard rules did not run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NoticeTrend {
    pub code: String,
    pub severity: Severity,
    pub counts: Vec<Option<u64>>,
}

impl From<&RuleReport> for Point {
    fn from(result: &RuleReport) -> Self {
        Self {
            result: result.result,
            rows: result.rows,
            rows_released: result.rows_released,
            checked: result.checked,
            value: result.value,
            conformity: score::conformity(result),
        }
    }
}

impl Point {
    /// How bad it is; the worst is the greatest.
    fn badness(&self) -> u8 {
        match self.result {
            RuleResult::Passed | RuleResult::Skipped => 0,
            RuleResult::Warning => 1,
            RuleResult::Failed => 2,
            RuleResult::Error => 3,
        }
    }

    /// The share of rows named.
    fn share(&self) -> f64 {
        1.0 - self.conformity.unwrap_or(1.0)
    }

    /// How bad it is compared with an earlier one.
    fn compared_with(&self, before: &Self) -> Ordering {
        let by_result = self.badness().cmp(&before.badness());
        if by_result.is_ne() || self.checked == 0 || before.checked == 0 {
            return by_result;
        }
        let (now, then) = (self.share(), before.share());
        let (many, few) = (now.max(then), now.min(then));
        let (n, m) = (self.checked as f64, before.checked as f64);
        let all = (now * n + then * m) / (n + m);
        let error = (all * (1.0 - all) * (1.0 / n + 1.0 / m)).sqrt();
        if many < 1.25 * few || many - few <= 3.0 * error {
            return Ordering::Equal;
        }
        now.total_cmp(&then)
    }
}

impl Trend {
    /// What it came to in the newest run.
    pub(crate) fn newest(&self) -> Option<&Point> {
        self.points.last()?.as_ref()
    }

    /// What it came to before, where it had something to look at.
    pub(crate) fn before(&self) -> Option<&Point> {
        let earlier = &self.points[..self.points.len().saturating_sub(1)];
        earlier.iter().rev().flatten().find(|point| point.result != RuleResult::Skipped)
    }

    /// Whether it named nothing at any date.
    pub(crate) fn always_holds(&self) -> bool {
        self.points.iter().flatten().all(|point| point.result == RuleResult::Passed && point.rows == 0)
    }

    /// Whether it had nothing to look at, at any date.
    pub(crate) fn always_skipped(&self) -> bool {
        self.points.iter().flatten().all(|point| point.result == RuleResult::Skipped)
    }

    /// How large a point is on its way: rows named in percent, or the number.
    pub(crate) fn size(&self, point: &Point) -> Option<f64> {
        match self.rule.asks {
            Evaluates::Number => point.value,
            Evaluates::Rows => point.conformity.map(|conformity| 1.0 - conformity),
        }
    }

    fn changed(&self) -> Ordering {
        match (self.newest(), self.before()) {
            (Some(newest), Some(before)) if newest.result != RuleResult::Skipped => newest.compared_with(before),
            // A new rule that names something is a change for the worse, too: somebody has to look at it.
            (Some(newest), None) if self.points.len() > 1 => newest.badness().cmp(&0),
            _ => Ordering::Equal,
        }
    }
}

impl Report {
    /// Of results in the order of their dates.
    pub(crate) fn of(dataset: &str, results: &[Quality]) -> Self {
        let by_name: Vec<BTreeMap<(&str, &RuleId), &RuleReport>> = results
            .iter()
            .map(|quality| quality.rules.iter().map(|rule| ((rule.contract.as_str(), &rule.id), rule)).collect())
            .collect();
        let mut rules = Vec::new();
        let mut told = BTreeSet::new();
        for quality in results.iter().rev() {
            for rule in &quality.rules {
                let name = (rule.contract.as_str(), &rule.id);
                if told.insert(name) {
                    let points = by_name.iter().map(|of| of.get(&name).map(|result| Point::from(*result))).collect();
                    rules.push(Trend { rule: rule.clone(), points });
                }
            }
        }
        let runs = results.iter().map(|quality| RunLine {
            date: quality.date,
            status: quality.status,
            provisional: quality.provisional,
            nothing_captured: quality.nothing_captured,
            inputs: quality.inputs,
            score: quality.score.clone(),
            tables: quality.tables.clone(),
            rolled_back: Vec::new(),
        });
        let named = |keep: &dyn Fn(&Trend) -> bool| -> Vec<Named> {
            let mut found: Vec<&Trend> = rules.iter().filter(|trend| keep(trend)).collect();
            // The worst first; an `info` after what weighs.
            found.sort_by_key(|trend| {
                let (badness, share) = trend.newest().map_or((0, 0.0), |point| (point.badness(), point.share()));
                let billionths = (share * 1e9) as u64;
                std::cmp::Reverse((badness, trend.rule.blocks(), trend.rule.severity, billionths))
            });
            let name = |trend: &Trend| Named { contract: trend.rule.contract.clone(), id: trend.rule.id.clone() };
            found.into_iter().map(name).collect()
        };
        Self {
            dataset: dataset.to_owned(),
            runs: runs.collect(),
            look_at: named(&|trend| trend.newest().is_some_and(|point| point.badness() > 0)),
            worse: named(&|trend| trend.changed().is_gt()),
            better: named(&|trend| trend.changed().is_lt()),
            notices: notices(results),
            rules,
        }
    }

    /// With what the newest indexes of the dataset's tables say of rollbacks.
    pub(crate) fn with_rollbacks<'a>(mut self, indexes: impl IntoIterator<Item = &'a TableIndex>) -> Self {
        for index in indexes {
            for run in &mut self.runs {
                let Some(back) = index.rolled_back.get(&run.date) else { continue };
                run.rolled_back.push(RolledBackTable {
                    table: index.table.clone(),
                    to: back.to,
                    at: back.at,
                    by: back.by.clone(),
                    reason: back.reason.clone(),
                });
            }
        }
        self
    }

    /// The trend of a rule.
    pub(crate) fn trend(&self, name: &Named) -> Option<&Trend> {
        self.rules.iter().find(|trend| trend.rule.contract == name.contract && trend.rule.id == name.id)
    }

    /// The trends of rules.
    pub(crate) fn trends<'a>(&'a self, names: &'a [Named]) -> impl Iterator<Item = &'a Trend> {
        names.iter().filter_map(|name| self.trend(name))
    }
}

fn notices(results: &[Quality]) -> Vec<NoticeTrend> {
    let of = |quality: &'_ Quality| quality.standard.clone();
    let mut severities: BTreeMap<String, Severity> = BTreeMap::new();
    for notice in results.iter().filter_map(of).flatten() {
        severities.insert(notice.code, notice.severity);
    }
    let count = |quality: &Quality, code: &str| {
        let notices = quality.standard.as_ref()?;
        Some(notices.iter().filter(|notice| notice.code == code).map(|notice| notice.count).sum())
    };
    let mut notices: Vec<NoticeTrend> = severities
        .into_iter()
        .map(|(code, severity)| NoticeTrend {
            counts: results.iter().map(|quality| count(quality, &code)).collect(),
            code,
            severity,
        })
        .collect();
    notices.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Dimension;
    use crate::report::quality::tests::{on, result};

    fn names(found: &[Named]) -> Vec<&str> {
        found.iter().map(|named| named.id.0.as_str()).collect()
    }

    #[test]
    fn the_report_tells_what_is_bad_and_what_has_become_worse() {
        let rule = |id, found, rows| result(id, Dimension::Accuracy, found, rows, 100);
        let before = vec![
            rule("gone", RuleResult::Failed, 1),
            rule("better", RuleResult::Failed, 9),
            rule("worse", RuleResult::Warning, 1),
            rule("same", RuleResult::Warning, 3),
            rule("fewer", RuleResult::Warning, 60),
            rule("broken", RuleResult::Passed, 0),
        ];
        let now = vec![
            rule("better", RuleResult::Passed, 0),
            rule("worse", RuleResult::Warning, 30),
            // One row more is chance.
            rule("same", RuleResult::Warning, 4),
            rule("fewer", RuleResult::Warning, 2),
            rule("broken", RuleResult::Error, 0),
            rule("new", RuleResult::Failed, 1),
        ];
        let report = Report::of("bus", &[on("2026-11-23", before), on("2026-11-24", now)]);
        assert_eq!(names(&report.look_at), ["broken", "new", "worse", "same", "fewer"]);
        assert_eq!(names(&report.worse), ["broken", "new", "worse"]);
        assert_eq!(names(&report.better), ["fewer", "better"]);
        let gone = report.trend(&Named { contract: "c".into(), id: RuleId("gone".into()) }).unwrap();
        assert!(gone.points[0].is_some() && gone.newest().is_none());
        assert_eq!(report.rules.len(), 7);
    }

    #[test]
    fn a_partition_in_which_a_rule_was_skipped_is_not_what_the_next_is_compared_with() {
        let rule = |found, rows| vec![result("r", Dimension::Accuracy, found, rows, 100)];
        let all = [
            on("2026-11-22", rule(RuleResult::Warning, 5)),
            on("2026-11-23", rule(RuleResult::Skipped, 0)),
            on("2026-11-24", rule(RuleResult::Warning, 5)),
        ];
        let report = Report::of("bus", &all);
        assert!(report.worse.is_empty() && report.better.is_empty() && report.look_at.len() == 1);
        assert!(Report::of("bus", &all[2..]).worse.is_empty());
    }
}
