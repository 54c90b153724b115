//! What a date's run says compared with those before it: fewer rows, a rule that failed, a worse score.

use std::collections::BTreeMap;

use super::journals::{RunSummary, Runs};
use super::known::{Known, cause};
use crate::notify::{Cause, Trouble};
use crate::time::ServiceDate;

/// Weeks of which the same weekday counts, and how many of those there must be.
const WEEKS: i32 = 4;
const WEEKS_LEAST: usize = 2;
/// Dates before that count otherwise, and how many there must be.
const BEFORE: usize = 7;
const BEFORE_LEAST: usize = 3;
/// Points by which a score falls.
const POINTS: f64 = 5.0;

/// A source gives much less than usual. `source` names it where the pipeline has one, else the pipeline itself.
pub(super) fn shrinking(source: &str, runs: &Runs, known: &Known<'_>) -> Option<Cause> {
    let rows: BTreeMap<ServiceDate, u64> =
        runs.iter().filter(|(_, run)| run.is_complete()).map(|(date, run)| (*date, run.rows_in)).collect();
    let (&newest, &now) = rows.last_key_value()?;
    let usual = less_than_usual(&rows, newest)?;
    let before = rows.keys().rev().take_while(|date| less_than_usual(&rows, **date).is_some());
    let since = before.last().copied().unwrap_or(newest);
    let trouble = Trouble::SourceShrinking { source: source.to_owned(), rows: now, usual_rows: usual };
    Some(cause(trouble, known.begin_of(since)))
}

/// The usual rows, if a date has less than half of them.
fn less_than_usual(rows: &BTreeMap<ServiceDate, u64>, date: ServiceDate) -> Option<u64> {
    let of = |values: Vec<u64>, least: usize| (values.len() >= least).then(|| median(values.iter().map(|v| *v as f64)));
    let weekdays = (1..=WEEKS).filter_map(|week| rows.get(&date.plus_days(-7 * week)).copied()).collect();
    let before = || rows.range(..date).rev().take(BEFORE).map(|(_, rows)| *rows).collect();
    let usual = of(weekdays, WEEKS_LEAST).or_else(|| of(before(), BEFORE_LEAST)).flatten()?;
    let now = *rows.get(&date)? as f64;
    (now * 2.0 < usual).then_some(usual.round() as u64)
}

/// The middle value; the mean of the two in the middle. `None` of nothing.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get((values.len().max(1) - 1) / 2)?, values.get(values.len() / 2)?);
    Some(low.midpoint(*high))
}

/// Rules that failed of the newest complete date, and passed before.
pub(super) fn rules(dataset: &str, runs: &Runs, known: &Known<'_>) -> Vec<Cause> {
    let mut complete = runs.iter().rev().filter(|(_, run)| run.is_complete());
    let Some((date, newest)) = complete.next() else { return Vec::new() };
    let before: Vec<&RunSummary> = complete.take(BEFORE).map(|(_, run)| run).collect();
    let is_new = |rule: u64| {
        let failed = |run: &&RunSummary| run.failed.values().any(|failed| failed.rule == rule);
        !before.iter().any(failed) && before.iter().any(|run| run.passed.contains(&rule))
    };
    let found = newest.failed.iter().filter(|(_, failed)| is_new(failed.rule)).map(|(rule, failed)| {
        let (dataset, rule) = (dataset.to_owned(), rule.clone());
        cause(Trouble::RuleFailed { dataset, rule, date: *date, findings: failed.rows }, known.begin_of(*date))
    });
    found.collect()
}

/// The newest score is worse than those before it.
pub(super) fn score(dataset: &str, scores: &BTreeMap<ServiceDate, f64>, known: &Known<'_>) -> Option<Cause> {
    let (&date, &now) = scores.last_key_value()?;
    let before: Vec<f64> = scores.range(..date).rev().take(BEFORE).map(|(_, score)| *score).collect();
    let before = (before.len() >= BEFORE_LEAST).then(|| median(before.into_iter())).flatten()?;
    // Hundredths have no exact binary form.
    let has_fallen = before - now >= POINTS - 1e-9;
    let points = |score: f64| score.clamp(0.0, 100.0).floor() as u8;
    let (dataset, before, now) = (dataset.to_owned(), points(before), points(now));
    has_fallen.then(|| cause(Trouble::ScoreFell { dataset, date, before, now }, known.begin_of(date)))
}

/// Dates whose scores are compared: the newest complete one, and those before it.
pub(super) fn dates_of_scores(runs: &Runs) -> Vec<ServiceDate> {
    let mut dates: Vec<ServiceDate> =
        runs.iter().rev().filter(|(_, run)| run.is_complete()).map(|(date, _)| *date).take(BEFORE + 1).collect();
    dates.reverse();
    dates
}
