//! Ledger: the facts of a run as one record, which an outsider can check and replay.
//!
//! Takes what a run did; makes `ledger/records/<sha256>.json`, named by its own digest. The record says what went in (the
//! digests of evidence, contracts, pipeline and program), what every rule found, where every row went, and which files
//! came out. It holds no row's content beyond samples of public columns, and no personal data. Signatures and the log come
//! to stand around these bytes, not in them. [`quality`] tells of the same facts for other readers.

pub mod quality;

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::{Outcome, RuleResult};
use crate::contract::notices::Change;
use crate::contract::{Contract, RuleId, Severity};
use crate::decision::DecisionEntry;
use crate::decode::Note;
use crate::digest::Digest;
use crate::feed_rules::report::{NoticeResult, Report};
use crate::internal;
use crate::time::ServiceDate;

/// What the record's form is called; changes when a reader must change.
pub const FORMAT: &str = "fahrtenbuch-run/1";

/// One run: one pipeline over one partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub format: String,
    pub pipeline: String,
    pub dataset: String,
    /// The partition: a service date, or the day on which a timetable was captured.
    pub date: ServiceDate,
    pub status: Status,
    pub started_at: Timestamp,
    /// When all rows were checked and written, before anything was published.
    pub prepared_at: Timestamp,
    pub program: Program,
    /// Everything that the run depends on.
    pub inputs: Inputs,
    pub pipeline_file: Digest,
    pub contracts: Vec<ContractEntry>,
    /// The mapping files, by the column whose values they replace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<String, Digest>,
    /// Over what was decided of rows in quarantine, without saying which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Digest>,
    /// The decisions that hold for the partition: who, when and why; of rows only how many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<DecisionEntry>,
    pub evidence: Vec<EvidenceEntry>,
    /// What the captures of a service date gave, by source and kind: `readable`, `cut_off` (read up to a place), or the name of
    /// what is no message, as `html`, `json`, `empty`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, BTreeMap<String, u64>>,
    /// Names the key of the date's pseudonyms without telling it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonym_key: Option<Digest>,
    pub tables: Vec<TableEntry>,
    /// Every rule that named rows or could not run.
    pub findings: Vec<Finding>,
    /// The ids of the rules that named no row, by contract.
    pub passed: BTreeMap<String, Vec<RuleId>>,
    /// Rows that the rules looked at, by contract.
    #[serde(default)]
    pub checked: BTreeMap<String, u64>,
    /// What rules counted that passed though they named rows, or that looked at other rows than those: metrics, and rules
    /// within their limit; by contract.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerated: BTreeMap<String, BTreeMap<RuleId, Counted>>,
    /// What metrics and queries that return a number came to, by contract and rule: later partitions are compared with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, BTreeMap<RuleId, f64>>,
    /// Rules that had nothing to look at, and why, by contract: without an earlier partition there is none to compare with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, BTreeMap<RuleId, String>>,
    /// Tables of the contracts that the feed does not have; their rules had nothing to look at.
    pub absent: Vec<String>,
    pub notes: Vec<NoteEntry>,
    /// What the standard rules of GTFS say of a timetable as a whole, or those of GTFS-Realtime of the snapshots that were
    /// received on the date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Standard>,
}

/// The notices of the standard rules, under the codes of the canonical validators. They tell and do not hold back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// By severity, the worst first, then by code.
    pub notices: Vec<NoticeCount>,
    /// Rules that could not run, and the file that kept each from it.
    pub not_run: Vec<NotRun>,
    /// What the data manager changed in the notices that were found.
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCount {
    pub code: String,
    pub severity: Severity,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    pub rule: String,
    pub because: String,
}

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
            changes: report.changes.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Published,
    /// A blocking rule failed or a rule could not run: nothing of the run was published.
    HeldBack,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub name: String,
    pub version: String,
    /// Of the sources, with `+changes` if they differ from it; `unknown` if it was built without git.
    #[serde(default)]
    pub commit: String,
    /// Of `Cargo.lock`, which names all libraries and their digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_sha256: Option<Digest>,
}

const LOCK: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/lock.rs"));

impl Program {
    /// This program.
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("FAHRTENBUCH_COMMIT").to_owned(),
            lock_sha256: LOCK.map(Digest::of),
        }
    }

    /// All of it in one line.
    fn line(&self) -> String {
        let lock = self.lock_sha256.map_or_else(|| "unknown".to_owned(), |lock| lock.to_string());
        format!("{} {} commit {} lock {lock}", self.name, self.version, self.commit)
    }
}

/// The setting among the inputs of a run before its date is over.
pub const PROVISIONAL: &str = "provisional";

/// One thing that a run depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    pub kind: String,
    pub name: String,
    /// Of a file, of a list of captures, or of `value`.
    pub sha256: Digest,
    /// What was digested, where it is a short text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Input {
    pub fn new(kind: &str, name: &str, sha256: Digest) -> Self {
        // Each input is one line of what is digested.
        let name = name.replace(['\n', '\r'], " ");
        Self { kind: kind.to_owned(), name, sha256, value: None }
    }

    /// A setting or a number: its digest is that of the text.
    pub fn of_value(kind: &str, name: &str, value: String) -> Self {
        Self { value: Some(value.clone()), ..Self::new(kind, name, Digest::of(value.as_bytes())) }
    }

    pub fn of_program(program: &Program) -> Self {
        Self::of_value("program", &program.name, program.line())
    }
}

/// Everything that a run depends on. *Data inputs* decide the rows and columns that are published; *rule inputs* only what
/// rules report, and whether they block. A run whose inputs are all those of the run before it is not done again.
///
/// `data_sha256` and `rules_sha256` are the SHA-256 over one line `<kind> <name> <sha256>` for each input of the list, each
/// ended by a line feed, in the order of their bytes. `sha256` is that over the lines `data <data_sha256>` and
/// `rules <rules_sha256>`; it names the run in its reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    pub sha256: Digest,
    pub data_sha256: Digest,
    pub rules_sha256: Digest,
    pub data: Vec<Input>,
    pub rules: Vec<Input>,
}

impl Inputs {
    pub fn of(data: Vec<Input>, rules: Vec<Input>) -> Self {
        let sorted = |mut inputs: Vec<Input>| {
            let line = |input: &Input| format!("{} {} {}\n", input.kind, input.name, input.sha256);
            inputs.sort_by_cached_key(line);
            let lines: String = inputs.iter().map(line).collect();
            (Digest::of(lines.as_bytes()), inputs)
        };
        let ((data_sha256, data), (rules_sha256, rules)) = (sorted(data), sorted(rules));
        let sha256 = Digest::of(format!("data {data_sha256}\nrules {rules_sha256}\n").as_bytes());
        Self { sha256, data_sha256, rules_sha256, data, rules }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractEntry {
    pub id: String,
    pub version: String,
    pub sha256: Digest,
}

impl From<&Contract> for ContractEntry {
    fn from(contract: &Contract) -> Self {
        Self { id: contract.id.clone(), version: contract.version.clone(), sha256: contract.digest }
    }
}

/// One response that is kept as evidence: when it came, and the digest of its body.
pub type Captured = (Timestamp, Digest);

/// What a source gave. The digest is over one line `<captured_at> <sha256>` for each capture, in their order; of a timetable,
/// which is one capture, it is that of the capture's body, since what it says does not depend on when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceEntry {
    pub source: String,
    pub captures: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub sha256: Digest,
    /// Where the lines are in the bucket; the object's name is the digest of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// Which of the captures were not made by this program, but brought to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ImportRef>,
}

/// An import, as far as its captures are evidence of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRef {
    pub by: String,
    pub at: Timestamp,
    pub from: String,
    /// Of the run's evidence.
    pub captures: u64,
}

/// Where a record is in the bucket, which is named by the digest of its bytes.
pub fn record_key(digest: &Digest) -> String {
    format!("ledger/records/{digest}.json")
}

/// Where an object of the ledger is in the bucket, which is named by the digest of its bytes.
pub fn object_key(digest: &Digest) -> String {
    format!("ledger/objects/{digest}")
}

/// The lines of a list of captures. It has no personal data.
pub fn capture_lines(captures: &[Captured]) -> String {
    captures.iter().map(|(captured_at, digest)| format!("{captured_at} {digest}\n")).collect()
}

/// Reads the lines of a list of captures.
pub fn parse_captures(lines: &str) -> Option<Vec<Captured>> {
    let line = |line: &str| {
        let (captured_at, digest) = line.split_once(' ')?;
        Some((captured_at.parse().ok()?, Digest::parse(digest)?))
    };
    lines.lines().map(line).collect()
}

impl EvidenceEntry {
    pub fn of(source: &str, captures: &[Captured]) -> Self {
        let sha256 = Digest::of(capture_lines(captures).as_bytes());
        Self {
            source: source.to_owned(),
            captures: captures.len() as u64,
            first: captures.first().map(|(captured_at, _)| *captured_at),
            last: captures.last().map(|(captured_at, _)| *captured_at),
            sha256,
            list: Some(object_key(&sha256)),
            imports: Vec::new(),
        }
    }

    /// The digest of the list of captures.
    pub fn list_digest(&self) -> Option<Digest> {
        Digest::parse(self.list.as_ref()?.rsplit('/').next()?)
    }
}

/// Where the rows of a table went: `rows_in` = `published` + `quarantined` + `held_back` + all of
/// `dropped`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    pub table: String,
    /// The feed's table that it was made from.
    pub from: String,
    pub rows_in: u64,
    pub published: u64,
    pub quarantined: u64,
    /// Rows that nothing is wrong with, of a run that was held back as a whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back: u64,
    pub dropped: BTreeMap<RuleId, u64>,
    /// Rows that were published although a rule named them, because the data manager released them; by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<RuleId, u64>,
    /// Values that mapping files replaced before the check, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapped: BTreeMap<String, u64>,
    /// Rows that were in quarantine before this run and are not any more.
    #[serde(default, skip_serializing_if = "LeftQuarantine::is_none")]
    pub left_quarantine: LeftQuarantine,
    /// Rows of `quarantined` that were not there before this run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub entered_quarantine: u64,
    pub files: Vec<FileEntry>,
}

/// Where rows went that left the quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftQuarantine {
    pub published: u64,
    /// By rules and decisions.
    pub dropped: u64,
    /// The feed of the run does not have them any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Of a run that was held back as a whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back: u64,
}

impl LeftQuarantine {
    pub fn rows(&self) -> u64 {
        self.published + self.dropped + self.gone + self.held_back
    }

    fn is_none(&self) -> bool {
        self.rows() == 0
    }
}

fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

impl TableEntry {
    /// Whether no row vanished.
    pub fn adds_up(&self) -> bool {
        self.rows_in == self.published + self.quarantined + self.held_back + self.dropped.values().sum::<u64>()
    }
}

/// A current file of the partition: one that the run made, or one of an earlier run that has the same rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: Digest,
}

/// How many rows a rule named, of how many that it looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub rows: u64,
    pub checked: u64,
}

/// What a rule found, and the contract whose rule it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub contract: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NoteEntry {
    pub rule: String,
    pub severity: String,
    pub message: String,
}

impl From<Note> for NoteEntry {
    fn from(note: Note) -> Self {
        let severity = format!("{:?}", note.severity).to_lowercase();
        Self { rule: note.rule.to_owned(), severity, message: note.message }
    }
}

impl RunRecord {
    /// The record of a run of this program that has not looked at anything yet. `pipeline_file` is the digest of its file.
    pub fn begun(
        pipeline: &str,
        dataset: &str,
        date: ServiceDate,
        started_at: Timestamp,
        inputs: Inputs,
        pipeline_file: Digest,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            pipeline: pipeline.to_owned(),
            dataset: dataset.to_owned(),
            date,
            status: Status::Published,
            started_at,
            prepared_at: started_at,
            program: Program::this(),
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

    /// Rows that the data manager released from a rule.
    pub fn released(&self, rule: &RuleId) -> u64 {
        self.tables.iter().filter_map(|entry| entry.released.get(rule)).sum()
    }

    /// Files the outcomes of a contract's rules where they belong.
    pub fn file(&mut self, contract: &Contract, outcomes: Vec<Outcome>) {
        // Rules over rows look at all of them; what looks at less comes after rows were held back.
        let all = outcomes.iter().map(|outcome| outcome.checked).max().unwrap_or(0);
        self.checked.insert(contract.id.clone(), all);
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
                    self.findings.push(Finding { contract: contract.id.clone(), outcome });
                }
            }
        }
    }

    /// The record's bytes, and the name that they have in the bucket.
    pub fn to_bytes(&self) -> (String, Bytes) {
        // A record has only texts, numbers, lists and maps with text keys, which always serialise.
        let text = serde_json::to_string_pretty(self);
        let mut text = text.unwrap_or_else(|error| internal::impossible("writing a run record", error));
        text.push('\n');
        let key = record_key(&Digest::of(text.as_bytes()));
        (key, text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record that says nothing yet.
    pub fn record() -> RunRecord {
        let digest = Digest::of(b"");
        let inputs = Inputs { sha256: digest, ..Inputs::of(Vec::new(), Vec::new()) };
        let date = "2026-11-24".parse().unwrap();
        RunRecord {
            status: Status::HeldBack,
            tables: vec![TableEntry {
                table: "t".to_owned(),
                from: "t".to_owned(),
                rows_in: 20,
                published: 0,
                quarantined: 1,
                held_back: 18,
                dropped: BTreeMap::from([(RuleId("t.same".to_owned()), 1)]),
                released: BTreeMap::new(),
                mapped: BTreeMap::new(),
                left_quarantine: LeftQuarantine::default(),
                entered_quarantine: 0,
                files: Vec::new(),
            }],
            ..RunRecord::begun("bus", "bus", date, Timestamp::UNIX_EPOCH, inputs, digest)
        }
    }

    #[test]
    fn the_digests_of_the_inputs_follow_from_the_lists() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let data = vec![
            Input::of_value("setting", "time_zone", "Europe/Berlin".to_owned()),
            Input::new("evidence", "bus\nx", digest("a")),
        ];
        let inputs = Inputs::of(data, vec![Input::new("contract", "b", digest("b"))]);
        let lines = format!("evidence bus x {}\nsetting time_zone {}\n", digest("a"), digest("Europe/Berlin"));
        assert_eq!(inputs.data_sha256, digest(&lines));
        assert_eq!(inputs.rules_sha256, digest(&format!("contract b {}\n", digest("b"))));
        let both = format!("data {}\nrules {}\n", inputs.data_sha256, inputs.rules_sha256);
        assert_eq!(inputs.sha256, digest(&both));
    }

    #[test]
    fn a_list_of_captures_reads_back_and_its_name_is_its_digest() {
        let captures = [(Timestamp::UNIX_EPOCH, Digest::of(b"a")), (Timestamp::UNIX_EPOCH, Digest::of(b"b"))];
        let entry = EvidenceEntry::of("bus", &captures);
        assert_eq!(parse_captures(&capture_lines(&captures)).unwrap(), captures);
        assert_eq!((entry.list_digest(), entry.captures), (Some(entry.sha256), 2));
        assert_eq!(parse_captures("gestern"), None);
    }
}
