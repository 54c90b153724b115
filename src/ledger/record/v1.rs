//! `fahrtenbuch-run/1`: the record of a run, exactly as it is written.
//!
//! A record is named by the digest of its bytes, and signatures stand over them. So these structs are the form itself: their
//! names and their order are those of the file, and values of other rooms are written by the words of this file. What the
//! working types are called elsewhere changes nothing here (`tests/facts/run_record_v1.json` is a record that is read and
//! written again to the byte). A field may be added if it is left out where it says nothing, so that older readers and older
//! records stay good; everything else needs a new form, `fahrtenbuch-run/2`, beside this one.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::named::named_bytes;
use crate::check::RuleResult;
use crate::contract::{Dimension, OnFail, RuleId, Severity};
use crate::digest::Digest;
use crate::time::ServiceDate;

/// What the record's form is called; changes when a reader must change.
pub(crate) const FORMAT: &str = "fahrtenbuch-run/1";

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
    /// What git says of the workspace, if it is a checkout. Context, and no input: other commits with the same files are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<CheckoutEntry>,
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
    pub decided: Vec<DecidedEntry>,
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
    /// What the standard rules of GTFS say of a timetable as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Standard>,
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

/// The commit of the workspace's git repository that is checked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutEntry {
    pub commit: String,
    /// Whether the configuration is that of the commit: `fahrtenbuch.yaml`, the files of `pipelines/` and `schemas/`, mapping
    /// files and the service area, with none beside them. Not there if it could not be told; a note says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<bool>,
}

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractEntry {
    pub id: String,
    pub version: String,
    pub sha256: Digest,
}

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

/// Where the rows of a table went: `rows_in` = `published` + `quarantined` + `held_back` + all of
/// `dropped`. Of a table that is derived from several rows, `rows_in` are the rows that were made, and `inputs` says what became of
/// those that they were made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    pub table: String,
    /// The feed's table that it was made from; of a derived table all that it reads, with `, ` between them.
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
    /// Of a derived table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputRows>,
    pub files: Vec<FileEntry>,
}

/// What became of the rows of a table that another one is derived from: `rows` = `used` + all of `unused`. Those of a table of the
/// release are the rows that it published, or would have in a run that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRows {
    /// `feed` or `release`.
    pub of: String,
    pub table: String,
    pub rows: u64,
    /// Rows that a row of the derived table says something of.
    pub used: u64,
    /// The others, by the rule that says why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unused: BTreeMap<RuleId, u64>,
}

impl InputRows {
    /// Whether no row vanished.
    pub fn adds_up(&self) -> bool {
        self.rows == self.used + self.unused.values().sum::<u64>()
    }
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

pub(crate) fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

impl TableEntry {
    /// Whether no row vanished.
    pub fn adds_up(&self) -> bool {
        let sum = self.published + self.quarantined + self.held_back + self.dropped.values().sum::<u64>();
        self.rows_in == sum && self.inputs.iter().all(InputRows::adds_up)
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
    pub rule: RuleId,
    pub table: String,
    #[serde(with = "dimension")]
    pub dimension: Dimension,
    #[serde(with = "severity")]
    pub severity: Severity,
    #[serde(with = "on_fail")]
    pub on_fail: OnFail,
    #[serde(with = "rule_result")]
    pub result: RuleResult,
    /// Rows that the rule named.
    pub rows: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What a metric or a query that returns a number came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the rule asks, or why it could not run.
    pub message: String,
    /// What was found or why it could not run, in German, where `message` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_de: Option<String>,
    /// The first rows named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampleEntry>,
}

/// A row that a rule named. `value` is there only if the column is public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleEntry {
    pub origin: String,
    pub row: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A decision that holds for the partition: who, when and why; of rows only how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedEntry {
    pub id: String,
    pub kind: String,
    pub target: Value,
    pub by: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<ServiceDate>,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NoteEntry {
    pub rule: String,
    pub severity: String,
    pub message: String,
}

/// The notices of the standard rules, under the codes of the canonical GTFS validator. They tell and do not hold back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// By severity, the worst first, then by code.
    pub notices: Vec<NoticeCount>,
    /// Rules that could not run, and the file that kept each from it.
    pub not_run: Vec<NotRun>,
    /// What the data manager changed in the notices that were found.
    pub changes: Vec<NoticeChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCount {
    pub code: String,
    #[serde(with = "severity")]
    pub severity: Severity,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    pub rule: String,
    pub because: String,
}

/// What the data manager changed in a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeChange {
    pub code: String,
    /// `None` switched the notice off.
    #[serde(with = "severity_or_off")]
    pub severity: Option<Severity>,
    pub reason: String,
}

impl RunRecord {
    /// The record's bytes, and the name that they have in the bucket.
    pub fn to_bytes(&self) -> (String, Bytes) {
        named_bytes(self, "writing a run record")
    }
}

/// The words of the record for the values of a working type. They stay what they are when a value gets another name.
macro_rules! words {
    ($module:ident, $type:ty, $($value:ident => $word:literal),+) => {
        mod $module {
            use serde::{Deserialize, Deserializer, Serializer};

            pub(super) fn word(value: $type) -> &'static str {
                match value {
                    $(<$type>::$value => $word),+
                }
            }

            pub(super) fn of_word(word: &str) -> Result<$type, String> {
                match word {
                    $($word => Ok(<$type>::$value),)+
                    other => Err(format!("'{other}' is no word of the record for this")),
                }
            }

            #[allow(dead_code, reason = "not every word stands alone in a field")]
            pub(super) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(word(*value))
            }

            #[allow(dead_code, reason = "not every word stands alone in a field")]
            pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<$type, D::Error> {
                of_word(&String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

words!(severity, crate::contract::Severity, Info => "info", Warning => "warning", Error => "error");
words!(
    dimension, crate::contract::Dimension,
    Accuracy => "accuracy", Completeness => "completeness", Conformity => "conformity", Consistency => "consistency",
    Coverage => "coverage", Timeliness => "timeliness", Uniqueness => "uniqueness"
);
words!(
    on_fail, crate::contract::OnFail,
    Report => "report", Invalidate => "invalidate", Quarantine => "quarantine", Block => "block"
);
words!(
    rule_result, crate::check::RuleResult,
    Passed => "passed", Warning => "warning", Failed => "failed", Error => "error", Skipped => "skipped"
);

/// The word of a severity as a note has it.
pub(super) fn severity_word(of: Severity) -> &'static str {
    severity::word(of)
}

/// A severity, or nothing where a notice is switched off.
mod severity_or_off {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Severity, severity};

    pub(super) fn serialize<S: Serializer>(value: &Option<Severity>, to: S) -> Result<S::Ok, S::Error> {
        value.map(severity::word).serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Severity>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        word.map(|word| severity::of_word(&word)).transpose().map_err(serde::de::Error::custom)
    }
}
