//! From what a run works with to the form of its record.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::v1::{
    ContractEntry, Counted, DecidedEntry, FORMAT, Finding, Input, Inputs, NotRun, NoteEntry, NoticeChange, NoticeCount,
    Program, RunRecord, SampleEntry, Standard, Status, severity_word,
};
use crate::check::{Outcome, RuleResult, Sample};
use crate::contract::notices::Change;
use crate::contract::{Contract, RuleId};
use crate::decision::DecisionEntry;
use crate::decode::Note;
use crate::digest::Digest;
use crate::feed_rules::report::{NoticeResult, Report};
use crate::ledger::PROVISIONAL;
use crate::time::ServiceDate;

impl<S> From<&Report<S>> for Standard {
    fn from(report: &Report<S>) -> Self {
        let count = |result: &NoticeResult| NoticeCount {
            code: result.found.notice.code.to_owned(),
            severity: result.severity,
            count: result.found.total,
        };
        let not_run = |(rule, because): (&str, &str)| NotRun { rule: rule.to_owned(), because: because.to_owned() };
        Self {
            notices: report.results.iter().map(count).collect(),
            not_run: report.incomplete().map(not_run).collect(),
            changes: report.changes.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Change> for NoticeChange {
    fn from(change: &Change) -> Self {
        Self { code: change.code.clone(), severity: change.severity, reason: change.reason.clone() }
    }
}

impl From<&Contract> for ContractEntry {
    fn from(contract: &Contract) -> Self {
        Self { id: contract.id.clone(), version: contract.version.clone(), sha256: contract.digest }
    }
}

impl Finding {
    /// What a rule of the contract `contract` came to.
    pub fn of(contract: &str, outcome: Outcome) -> Self {
        let Outcome { rule, table, dimension, severity, on_fail, result, rows, checked, .. } = outcome;
        let Outcome { value, message, found_de, samples, .. } = outcome;
        let (contract, samples) = (contract.to_owned(), samples.into_iter().map(Into::into).collect());
        Self {
            contract,
            rule,
            table,
            dimension,
            severity,
            on_fail,
            result,
            rows,
            checked,
            value,
            message,
            found_de,
            samples,
        }
    }

    /// Whether it forbids to publish the run.
    pub fn blocks(&self) -> bool {
        self.result.blocks(self.severity, self.on_fail)
    }
}

impl From<Sample> for SampleEntry {
    fn from(sample: Sample) -> Self {
        let Sample { origin, row, column, value } = sample;
        Self { origin, row, column, value }
    }
}

impl From<DecisionEntry> for DecidedEntry {
    fn from(entry: DecisionEntry) -> Self {
        let DecisionEntry { id, kind, target, by, at, until, reason } = entry;
        Self { id: id.0, kind, target, by, at, until, reason }
    }
}

impl From<Note> for NoteEntry {
    fn from(note: Note) -> Self {
        let severity = severity_word(note.severity).to_owned();
        Self { rule: note.rule.to_owned(), severity, message: note.message }
    }
}

/// What a run makes: a date of the dataset of a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct RunTarget<'a> {
    pub pipeline: &'a str,
    pub dataset: &'a str,
    pub date: ServiceDate,
}

/// The note of a run of a date on which nothing was captured: what is missing was released alone.
pub(crate) const NOTHING_CAPTURED: &str = "run.nothing_captured";

impl RunRecord {
    /// The record of a run of this program that has not looked at anything yet. `pipeline_file` is the digest of its file.
    pub fn begun(of: RunTarget<'_>, started_at: Timestamp, inputs: Inputs, pipeline_file: Digest) -> Self {
        Self {
            format: FORMAT.to_owned(),
            pipeline: of.pipeline.to_owned(),
            dataset: of.dataset.to_owned(),
            date: of.date,
            status: Status::Published,
            started_at,
            prepared_at: started_at,
            program: Program::this(),
            checkout: None,
            inputs,
            pipeline_file,
            contracts: Vec::new(),
            mappings: BTreeMap::new(),
            decisions: None,
            decided: Vec::new(),
            evidence: Vec::new(),
            captures: BTreeMap::new(),
            pseudonym_key: None,
            tables: Vec::new(),
            findings: Vec::new(),
            passed: BTreeMap::new(),
            checked: BTreeMap::new(),
            tolerated: BTreeMap::new(),
            values: BTreeMap::new(),
            skipped: BTreeMap::new(),
            absent: Vec::new(),
            notes: Vec::new(),
            standard: None,
        }
    }

    /// Whether the run came before its date was over: a complete release follows.
    pub fn is_provisional(&self) -> bool {
        let is_it = |input: &Input| (input.kind.as_str(), input.name.as_str()) == ("setting", PROVISIONAL);
        self.inputs.data.iter().any(|input| is_it(input) && input.value.as_deref() == Some("true"))
    }

    /// Whether nothing was captured on the date, so that only what is missing was told.
    pub fn is_without_captures(&self) -> bool {
        self.notes.iter().any(|note| note.rule == NOTHING_CAPTURED)
    }

    /// Rows that the data manager released from a rule.
    pub fn released(&self, rule: &RuleId) -> u64 {
        self.tables.iter().filter_map(|entry| entry.released.get(rule)).sum()
    }

    /// Files the outcomes of a contract's rules where they belong.
    pub fn file(&mut self, contract: &Contract, outcomes: Vec<Outcome>) {
        // Rules over rows look at all of them; what looks at less comes after rows were held back.
        let all = outcomes.iter().map(|outcome| outcome.checked).max().unwrap_or(0);
        self.checked.insert(contract.id.clone(), all);
        for rule in &contract.unexecuted {
            let skipped = self.skipped.entry(contract.id.clone()).or_default();
            skipped.insert(rule.id.clone(), format!("not executable: {}", rule.reason));
        }
        for outcome in outcomes {
            let counted = Counted { rows: outcome.rows, checked: outcome.checked };
            if outcome.result == RuleResult::Passed && counted != (Counted { rows: 0, checked: all }) {
                self.tolerated.entry(contract.id.clone()).or_default().insert(outcome.rule.clone(), counted);
            }
            if let Some(value) = outcome.value {
                self.values.entry(contract.id.clone()).or_default().insert(outcome.rule.clone(), value);
            }
            match outcome.result {
                RuleResult::Passed => self.passed.entry(contract.id.clone()).or_default().push(outcome.rule),
                RuleResult::Skipped => {
                    self.skipped.entry(contract.id.clone()).or_default().insert(outcome.rule, outcome.message);
                }
                RuleResult::Warning | RuleResult::Failed | RuleResult::Error => {
                    self.findings.push(Finding::of(&contract.id, outcome));
                }
            }
        }
    }
}
