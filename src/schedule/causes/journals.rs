//! The newest runs of each pipeline, out of the journal: a file is read again when it changed.

use std::collections::BTreeMap;
use std::fs;
use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use xxhash_rust::xxh3::Xxh3;

use crate::check::RuleResult;
use crate::contract::Severity;
use crate::ledger::{RunRecord, Status, TableEntry};
use crate::metrics::RowCounts;
use crate::pipeline::journal;
use crate::time::ServiceDate;

/// Dates of a pipeline that are looked at: the four weeks before the newest, and those before them while it is worse than usual.
const DATES: usize = 60;

/// What is remembered of a run.
#[derive(Clone, Debug)]
pub(super) struct RunSummary {
    pub prepared_at: Timestamp,
    pub is_held_back: bool,
    pub is_provisional: bool,
    /// All of it is in the bucket.
    pub is_published: bool,
    /// Rows that the feed had.
    pub rows_in: u64,
    pub has_key: bool,
    /// By name.
    pub tables: BTreeMap<String, RowCounts>,
    /// The current files of the partition, by table, and the bytes of each.
    pub files: Vec<(String, String, u64)>,
    /// Rules that found something or could not run, by severity.
    pub findings: BTreeMap<&'static str, u64>,
    /// Rules of severity `error` that failed, and the rows that each named.
    pub failed: BTreeMap<String, Failed>,
    /// Rules that passed, each as a number.
    pub passed: Vec<u64>,
}

/// A rule that failed, under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub rows: u64,
    /// The rule as a number, contract and id.
    pub rule: u64,
}

/// The runs of a pipeline by date.
pub(super) type Runs = BTreeMap<ServiceDate, RunSummary>;

/// What tells one version of a file from the next.
pub(super) type Stamp = (u64, u64, i64, i64);

/// `None` if it is not there.
pub(super) fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// The journal of a private store.
#[derive(Default)]
pub(super) struct Journals {
    stamps: BTreeMap<PathBuf, Stamp>,
    runs: BTreeMap<String, Runs>,
}

static NO_RUNS: Runs = BTreeMap::new();

impl Journals {
    /// Reads what changed; says whether something did.
    pub(super) fn look<'a>(&mut self, private: &Path, pipelines: impl Iterator<Item = &'a str>) -> bool {
        let (mut stamps, mut runs) = (BTreeMap::new(), BTreeMap::new());
        let mut is_changed = false;
        for pipeline in pipelines {
            let mut before = self.runs.remove(pipeline).unwrap_or_default();
            let mut of = Runs::new();
            for date in journal::dates(private, pipeline).into_iter().rev().take(DATES) {
                let file = journal::path(private, pipeline, date);
                let Some(stamp) = stamp(&file) else { continue };
                let run = match self.stamps.get(&file) == Some(&stamp) {
                    true => before.remove(&date),
                    false => {
                        is_changed = true;
                        // One that cannot be read is done again by a run.
                        journal::read(&file).ok().flatten().map(|entry| RunSummary::of(&entry))
                    }
                };
                stamps.insert(file, stamp);
                of.extend(run.map(|run| (date, run)));
            }
            runs.insert(pipeline.to_owned(), of);
        }
        is_changed |= stamps.len() != self.stamps.len();
        (self.stamps, self.runs) = (stamps, runs);
        is_changed
    }

    #[cfg(test)]
    pub(super) fn set(&mut self, pipeline: &str, runs: Runs) {
        self.runs.insert(pipeline.to_owned(), runs);
    }

    pub(super) fn of(&self, pipeline: &str) -> &Runs {
        self.runs.get(pipeline).unwrap_or(&NO_RUNS)
    }
}

impl RunSummary {
    pub(super) fn of(entry: &journal::Entry) -> Self {
        let record = &entry.record;
        let failed = record
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error && finding.result == RuleResult::Failed);
        let failed = failed.map(|finding| {
            let rule = number(&finding.contract, &finding.rule.0);
            (finding.rule.0.clone(), Failed { rows: finding.rows, rule })
        });
        let passed =
            record.passed.iter().flat_map(|(contract, rules)| rules.iter().map(|rule| number(contract, &rule.0)));
        let files = record
            .tables
            .iter()
            .flat_map(|table| table.files.iter().map(|file| (table.table.clone(), file.path.clone(), file.bytes)));
        Self {
            prepared_at: record.prepared_at,
            is_held_back: record.status == Status::HeldBack,
            is_provisional: record.is_provisional(),
            is_published: entry.published,
            rows_in: record.tables.iter().filter(|table| table.inputs.is_empty()).map(|table| table.rows_in).sum(),
            has_key: record.pseudonym_key.is_some(),
            tables: record.tables.iter().map(|table| (table.table.clone(), counts(table))).collect(),
            files: files.collect(),
            findings: findings(record),
            failed: failed.collect(),
            passed: passed.collect(),
        }
    }

    /// Whether it is of a whole date, and done.
    pub(super) fn is_complete(&self) -> bool {
        self.is_published && !self.is_provisional
    }

    /// Whether a whole date was released by it.
    pub(super) fn is_released(&self) -> bool {
        self.is_complete() && !self.is_held_back
    }
}

fn counts(table: &TableEntry) -> RowCounts {
    let (published, quarantined) = (table.published, table.quarantined);
    RowCounts { published, quarantined, dropped: table.dropped.values().sum() }
}

fn findings(record: &RunRecord) -> BTreeMap<&'static str, u64> {
    let mut findings: BTreeMap<&'static str, u64> = ["error", "warning", "info"].map(|severity| (severity, 0)).into();
    for finding in &record.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        if !matches!(finding.result, RuleResult::Passed | RuleResult::Skipped) {
            *findings.entry(severity).or_default() += 1;
        }
    }
    findings
}

/// A rule as a number: contracts have thousands, and each date has them again.
fn number(contract: &str, rule: &str) -> u64 {
    let mut hash = Xxh3::new();
    hash.write(contract.as_bytes());
    hash.write_u8(0);
    hash.write(rule.as_bytes());
    hash.finish()
}
