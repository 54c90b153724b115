//! What `publication/rule_results` says: scores, what rules found, and in which words they stood.

use std::collections::{BTreeMap, BTreeSet};

use super::sums::{Span, Sum, Values, sort};
use crate::audit_report::figure::{Cell, Key};
use crate::audit_report::figures;
use crate::audit_report::tables::{Line, Tables, View};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

#[derive(Default)]
struct Score {
    days: i64,
    sum: f64,
    least: Option<f64>,
}

#[derive(Default)]
struct Outcome {
    rules: BTreeSet<(String, String)>,
    checks: i64,
    by_result: [i64; 6],
}

/// In the order of the figure; a warning of a rule that only remarks is an `info`.
const RESULTS: [&str; 6] = ["passed", "failed", "error", "warning", "info", "skipped"];
const FOUND: [&str; 3] = ["warning", "failed", "error"];

#[derive(Default)]
struct Flagged {
    days: Span,
    flagged: Sum,
    checked: Sum,
    /// As the newest date has it.
    requirement: Option<(ServiceDate, String, String)>,
}

#[derive(Default)]
struct OfContract {
    days: Span,
    rules: BTreeSet<String>,
}

#[derive(Default)]
struct Counts {
    programs: BTreeMap<String, Span>,
    evidence: BTreeMap<(String, String), (Span, Sum)>,
    dropped: BTreeMap<(String, String), (Span, Sum)>,
    scores: BTreeMap<(String, String), Score>,
    daily: Vec<Vec<Cell>>,
    outcomes: BTreeMap<String, Outcome>,
    flagged: BTreeMap<[String; 3], Flagged>,
    contracts: BTreeMap<(String, Option<String>, Option<String>), OfContract>,
    /// By contract and rule: requirement in English and in German, severity and what follows.
    texts: BTreeMap<(String, String), BTreeMap<[String; 4], Span>>,
}

impl Counts {
    fn add(&mut self, line: &Line<'_>) {
        let date = line.date();
        if let Some(version) = line.text("program_version") {
            // Few versions, and many rows.
            if !self.programs.get(version).is_some_and(|days| days.0.contains(&date)) {
                self.programs.entry(version.to_owned()).or_default().add(date);
            }
        }
        let of_rule = || (line.dataset().to_owned(), line.word("rule_id").to_owned());
        match line.word("kind") {
            "evidence" => {
                let (days, captures) = self.evidence.entry(of_rule()).or_default();
                days.add(date);
                captures.add(line.count("rows_flagged"));
            }
            "dropped" => {
                if let Some(rows) = line.count("rows_flagged").filter(|rows| *rows > 0) {
                    let (days, sum) = self.dropped.entry(of_rule()).or_default();
                    days.add(date);
                    sum.add(Some(rows));
                }
            }
            "score" => self.score(line, date),
            "rule" => self.rule(line, date),
            _ => {}
        }
    }

    fn score(&mut self, line: &Line<'_>, date: ServiceDate) {
        let Some(value) = line.number("value") else { return };
        let dimension = line.text("dimension");
        let of = self.scores.entry((line.dataset().to_owned(), dimension.unwrap_or_default().to_owned())).or_default();
        of.days += 1;
        of.sum += value;
        of.least = Some(of.least.map_or(value, |least| least.min(value)));
        if dimension.is_none() {
            self.daily.push(vec![line.dataset().into(), date.to_string().into(), value.into()]);
        }
    }

    fn rule(&mut self, line: &Line<'_>, date: ServiceDate) {
        let (dataset, contract, rule) = (line.dataset(), line.word("contract_id"), line.word("rule_id"));
        let result = line.word("result");
        let outcome = self.outcomes.entry(dataset.to_owned()).or_default();
        outcome.checks += 1;
        outcome.rules.insert((contract.to_owned(), rule.to_owned()));
        let told = if result == "warning" && line.word("severity") == "info" { "info" } else { result };
        if let Some(place) = RESULTS.iter().position(|known| *known == told) {
            outcome.by_result[place] += 1;
        }
        let en = line.word("requirement");
        let de = line.text("requirement_de").unwrap_or(en);
        if FOUND.contains(&result) {
            let of = self.flagged.entry([dataset, contract, rule].map(str::to_owned)).or_default();
            of.days.add(date);
            of.flagged.add(line.count("rows_flagged"));
            of.checked.add(line.count("rows_checked"));
            if of.requirement.as_ref().is_none_or(|(newest, ..)| *newest < date) {
                of.requirement = Some((date, en.to_owned(), de.to_owned()));
            }
        }
        let text = |name: &str| line.text(name).map(str::to_owned);
        let key = (contract.to_owned(), text("contract_version"), text("contract_sha256"));
        let of = self.contracts.entry(key).or_default();
        of.days.add(date);
        if !of.rules.contains(rule) {
            of.rules.insert(rule.to_owned());
        }
        let words = [en, de, line.word("severity"), line.word("on_fail")].map(str::to_owned);
        let texts = self.texts.entry((contract.to_owned(), rule.to_owned())).or_default();
        texts.entry(words).or_default().add(date);
    }
}

pub(super) fn count(bucket: &Bucket, tables: &Tables, values: &mut Values) -> Result<(), PublishError> {
    let mut counts = Counts::default();
    tables.visit(bucket, View::RuleResults, |line| counts.add(line))?;
    let programs = counts.programs.into_iter();
    let programs = programs.map(|(version, days)| vec![version.into(), days.first(), days.last(), days.days()]);
    values.insert(Key::Programs, programs.collect());
    let sums = |of: BTreeMap<(String, String), (Span, Sum)>| {
        let rows = of.into_iter();
        let rows = rows
            .map(|((dataset, name), (days, sum))| vec![dataset.into(), name.into(), days.days(), sum.total().into()]);
        rows.collect::<Vec<Vec<Cell>>>()
    };
    values.insert(Key::Evidence, sums(counts.evidence));
    let mut dropped = sums(counts.dropped);
    sort(&mut dropped, &[(3, true), (0, false), (1, false)]);
    values.insert(Key::Dropped, dropped);
    let scores = counts.scores.into_iter().map(|((dataset, dimension), of)| {
        let least = of.least.map_or(Cell::Null, Cell::Number);
        vec![dataset.into(), dimension.into(), of.days.into(), (of.sum / of.days as f64).into(), least]
    });
    values.insert(Key::Scores, scores.collect());
    sort(&mut counts.daily, &[(0, false), (1, false)]);
    values.insert(Key::DailyScores, counts.daily);
    let outcomes = counts.outcomes.into_iter().map(|(dataset, of)| {
        let counts = of.by_result.map(Cell::Count);
        [dataset.into(), of.rules.len().into(), of.checks.into()].into_iter().chain(counts).collect()
    });
    values.insert(Key::Outcomes, outcomes.collect());
    values.insert(Key::FlaggedCount, vec![vec![counts.flagged.len().into()]]);
    values.insert(Key::FlaggedRules, flagged(counts.flagged));
    let (ids, texts) = (counts.contracts.keys().map(|(id, ..)| id), counts.contracts.keys());
    let ids: BTreeSet<&String> = ids.collect();
    let texts = texts.filter_map(|(id, _, sha256)| Some((id, sha256.as_ref()?))).collect::<BTreeSet<_>>().len();
    values.insert(Key::ContractCount, vec![vec![ids.len().into(), counts.texts.len().into(), texts.into()]]);
    values.insert(Key::Contracts, contracts(counts.contracts));
    values.insert(Key::RuleTexts, changed(counts.texts));
    Ok(())
}

fn flagged(of: BTreeMap<[String; 3], Flagged>) -> Vec<Vec<Cell>> {
    let rows = of.into_iter().map(|([dataset, contract, rule], of)| {
        let (en, de) = of.requirement.map(|(_, en, de)| (en, de)).unwrap_or_default();
        vec![
            dataset.into(),
            contract.into(),
            rule.into(),
            en.into(),
            de.into(),
            of.days.days(),
            of.flagged.total().into(),
            of.checked.total().into(),
        ]
    });
    let mut rows: Vec<_> = rows.collect();
    sort(&mut rows, &[(5, true), (6, true), (0, false), (1, false), (2, false)]);
    rows.truncate(figures::FLAGGED_RULES);
    rows
}

fn contracts(of: BTreeMap<(String, Option<String>, Option<String>), OfContract>) -> Vec<Vec<Cell>> {
    let rows = of.into_iter().map(|((id, version, sha256), of)| {
        vec![
            id.into(),
            version.into(),
            sha256.into(),
            of.days.first(),
            of.days.last(),
            of.days.days(),
            of.rules.len().into(),
        ]
    });
    let mut rows: Vec<_> = rows.collect();
    sort(&mut rows, &[(0, false), (3, false), (1, false), (2, false)]);
    rows
}

/// Rules that have more than one text.
fn changed(of: BTreeMap<(String, String), BTreeMap<[String; 4], Span>>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for ((contract, rule), texts) in of.into_iter().filter(|(_, texts)| texts.len() > 1) {
        for (words, days) in texts {
            let mut row: Vec<Cell> = vec![contract.as_str().into(), rule.as_str().into()];
            row.extend(words.map(Cell::from));
            row.extend([days.first(), days.last(), days.days()]);
            rows.push(row);
        }
    }
    sort(&mut rows, &[0, 1, 6, 7, 2, 3, 4, 5].map(|column| (column, false)));
    rows
}
