//! The rows of `rule_results`: the numbers of a run, one a row, as `quality.json` and the record have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contract::Dimension;
use crate::digest::Digest;
use crate::ledger::{RunRecord, Status};
use crate::report::Quality;
use crate::report::quality::{Evaluates, RuleReport};
use crate::report::score;
use crate::time::ServiceDate;

/// A number of a run. The names are those of the columns, which the contract describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultRow {
    pub partition_date: ServiceDate,
    pub dataset: String,
    pub entry: u64,
    pub kind: String,
    pub table_name: Option<String>,
    pub is_released_table: Option<bool>,
    pub input_table: Option<String>,
    pub rule_id: String,
    pub dimension: Option<String>,
    pub severity: Option<String>,
    pub on_fail: Option<String>,
    pub evaluates: Option<String>,
    pub result: Option<String>,
    pub rows_checked: Option<u64>,
    pub rows_flagged: Option<u64>,
    pub rows_released: Option<u64>,
    pub value: Option<f64>,
    pub conformity: Option<f64>,
    pub requirement: Option<String>,
    pub requirement_de: Option<String>,
    pub reason: Option<String>,
    pub contract_id: Option<String>,
    pub contract_version: Option<String>,
    pub contract_sha256: Option<Digest>,
    pub pipeline: String,
    pub status: Status,
    pub is_provisional: bool,
    pub inputs_sha256: Digest,
    pub program_version: Option<String>,
    pub record: Option<String>,
}

/// The word that a value has in `quality.json`.
fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// The numbers of a run. `record` is its record, with its key, if that is there.
pub(crate) fn of_quality(quality: &Quality, record: Option<(&RunRecord, &str)>) -> Vec<ResultRow> {
    let mut rows = Rows { quality, record, rows: Vec::new() };
    rows.scores();
    rows.counts();
    rows.quality.rules.iter().for_each(|rule| rows.rule(rule));
    for notice in quality.standard.iter().flatten() {
        let row = ResultRow {
            severity: word(notice.severity),
            rows_flagged: Some(notice.count),
            ..rows.row("notice", &notice.code)
        };
        rows.push(row);
    }
    rows.standard();
    rows.quarantine_and_inputs();
    rows.evidence();
    rows.rows
}

struct Rows<'a> {
    quality: &'a Quality,
    record: Option<(&'a RunRecord, &'a str)>,
    rows: Vec<ResultRow>,
}

impl Rows<'_> {
    fn push(&mut self, row: ResultRow) {
        let entry = self.rows.len() as u64 + 1;
        self.rows.push(ResultRow { entry, ..row });
    }

    fn row(&self, kind: &str, id: &str) -> ResultRow {
        let Quality { dataset, date, pipeline, status, provisional, inputs, .. } = self.quality;
        ResultRow {
            partition_date: *date,
            dataset: dataset.clone(),
            entry: 0,
            kind: kind.to_owned(),
            table_name: None,
            is_released_table: None,
            input_table: None,
            rule_id: id.to_owned(),
            dimension: None,
            severity: None,
            on_fail: None,
            evaluates: None,
            result: None,
            rows_checked: None,
            rows_flagged: None,
            rows_released: None,
            value: None,
            conformity: None,
            requirement: None,
            requirement_de: None,
            reason: None,
            contract_id: None,
            contract_version: None,
            contract_sha256: None,
            pipeline: pipeline.clone(),
            status: *status,
            is_provisional: *provisional,
            inputs_sha256: *inputs,
            program_version: self.record.map(|(record, _)| record.program.version.clone()),
            record: self.record.map(|(_, key)| key.to_owned()),
        }
    }

    fn scores(&mut self) {
        let score = &self.quality.score;
        let all = score.dataset.map(|score| (None, score)).into_iter();
        let of_dimensions = score.dimensions.iter().map(|(dimension, score)| (Some(*dimension), *score));
        let scores: Vec<(Option<Dimension>, f64)> = all.chain(of_dimensions).collect();
        for (dimension, value) in scores {
            let row = ResultRow {
                dimension: dimension.and_then(word),
                value: Some(value),
                ..self.row("score", &score.formula)
            };
            self.push(row);
        }
    }

    fn counts(&mut self) {
        for table in &self.quality.tables {
            let numbers = [
                ("in", table.rows_in),
                ("published", table.published),
                ("quarantined", table.quarantined),
                ("held_back", table.held_back),
            ];
            let numbers = numbers.map(|(name, rows)| ("rows", name.to_owned(), rows)).into_iter();
            let dropped = table.dropped.iter().map(|(rule, rows)| ("dropped", rule.0.clone(), *rows));
            for (kind, name, rows) in numbers.chain(dropped).collect::<Vec<_>>() {
                let row = ResultRow {
                    table_name: Some(table.table.clone()),
                    rows_flagged: Some(rows),
                    ..self.row(kind, &name)
                };
                self.push(row);
            }
        }
    }

    fn rule(&mut self, rule: &RuleReport) {
        let contracts = self.record.map(|(record, _)| record.contracts.as_slice()).unwrap_or_default();
        let contract = contracts.iter().find(|entry| entry.id == rule.contract);
        let row = ResultRow {
            table_name: Some(rule.table.clone()),
            is_released_table: Some(rule.released),
            dimension: word(rule.dimension),
            severity: word(rule.severity),
            on_fail: word(rule.on_fail),
            evaluates: word(rule.asks),
            result: word(rule.result),
            rows_checked: Some(rule.checked),
            rows_flagged: Some(rule.rows).filter(|_| rule.asks == Evaluates::Rows),
            rows_released: Some(rule.rows_released),
            value: rule.value,
            conformity: score::conformity(rule),
            requirement: Some(rule.description.clone()),
            requirement_de: rule.description_de.clone(),
            contract_id: Some(rule.contract.clone()),
            contract_version: Some(rule.contract_version.clone()),
            contract_sha256: contract.map(|entry| entry.sha256),
            reason: self.record.and_then(|(record, _)| record.skipped.get(&rule.contract)?.get(&rule.id).cloned()),
            ..self.row("rule", &rule.id.0)
        };
        self.push(row);
    }

    /// What the standard rules say beside their notices.
    fn standard(&mut self) {
        let Some((record, _)) = self.record else { return };
        let Some(standard) = &record.standard else { return };
        for of in &standard.not_run {
            let row = ResultRow { reason: Some(of.because.clone()), ..self.row("notice_not_run", &of.rule) };
            self.push(row);
        }
        for of in &standard.changes {
            let severity = of.severity.and_then(word);
            let row = ResultRow { severity, reason: Some(of.reason.clone()), ..self.row("notice_change", &of.code) };
            self.push(row);
        }
    }

    /// What only the record counts of a table: values that were mapped, rows that came into the quarantine and left it, and what
    /// became of the rows that a derived table was made of; then tables that the feed lacks, and of notes how many: what they say
    /// may name a row.
    fn quarantine_and_inputs(&mut self) {
        let Some((record, _)) = self.record else { return };
        for entry in &record.tables {
            let left = &entry.left_quarantine;
            let moves = [
                ("entered_quarantine", "entered", entry.entered_quarantine),
                ("left_quarantine", "published", left.published),
                ("left_quarantine", "dropped", left.dropped),
                ("left_quarantine", "gone", left.gone),
                ("left_quarantine", "held_back", left.held_back),
            ];
            let moves = moves.into_iter().map(|(kind, name, rows)| (kind, name.to_owned(), rows, None));
            let mapped = entry.mapped.iter().map(|(column, values)| ("mapped", column.clone(), *values, None));
            let inputs = entry.inputs.iter().flat_map(|input| {
                let of = format!("{}/{}", input.of, input.table);
                let sums = [("rows", input.rows), ("used", input.used)];
                let sums = sums.map(|(name, rows)| ("input", name.to_owned(), rows, Some(of.clone())));
                let unused = input.unused.iter();
                let unused = unused.map(|(rule, rows)| ("input_unused", rule.0.clone(), *rows, Some(of.clone())));
                sums.into_iter().chain(unused).collect::<Vec<_>>()
            });
            let numbers: Vec<_> = moves.filter(|(_, _, rows, _)| *rows > 0).chain(mapped).chain(inputs).collect();
            for (kind, name, rows, input_table) in numbers {
                let row = ResultRow {
                    table_name: Some(entry.table.clone()),
                    input_table,
                    rows_flagged: Some(rows),
                    ..self.row(kind, &name)
                };
                self.push(row);
            }
        }
        for table in &record.absent {
            let row = ResultRow { table_name: Some(table.clone()), ..self.row("absent", "absent") };
            self.push(row);
        }
        let mut notes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        record.notes.iter().for_each(|note| *notes.entry((&note.rule, &note.severity)).or_default() += 1);
        for ((rule, severity), count) in notes {
            let severity = Some(severity.to_owned());
            let row = ResultRow { severity, rows_flagged: Some(count), ..self.row("note", rule) };
            self.push(row);
        }
    }

    fn evidence(&mut self) {
        let Some((record, _)) = self.record else { return };
        for of in &record.evidence {
            let row = ResultRow { rows_flagged: Some(of.captures), ..self.row("evidence", &of.source) };
            self.push(row);
        }
        for (source, kinds) in &record.captures {
            for (kind, count) in kinds {
                let name = format!("{source} {kind}");
                let row = ResultRow { rows_flagged: Some(*count), ..self.row("captures", &name) };
                self.push(row);
            }
        }
    }
}
