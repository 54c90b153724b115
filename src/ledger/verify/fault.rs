//! What a verification finds: one fault for each cause, with what happened and where, in both languages.

use std::collections::BTreeSet;

use serde::Serialize;

use super::names::TableId;
use crate::text::Text;
use crate::time::ServiceDate;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// It has other bytes than when it was published, or says something else than what it is made of.
    Changed,
    /// It is named, and is not there.
    Missing,
    /// A version is not there, and later ones are.
    Gap,
    /// The newest versions are gone: an older one stands there as the newest.
    RolledBack,
    /// The log is another one than somebody has signed or kept.
    Forked,
    /// It is there, and nothing that is signed or chained names it.
    NotInLog,
    /// It cannot be read, so nothing can be said of it.
    Unreadable,
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// A version of the log, `ledger/log/v….json`.
    Log,
    /// A version of a table's index.
    Index,
    Record,
    /// A file of data.
    File,
    /// The quality results of a run.
    Report,
    /// A text that a record names.
    Object,
    /// What is made from the log or from an index for readers.
    View,
    Checkpoint,
    /// A file of the log for tools of others: hashes or entries.
    Tile,
    /// The proof of a version of a table, to be kept beside a download.
    Proof,
    /// The list of the keys that sign.
    Keys,
    /// A time stamp of a checkpoint, or the checkpoint that was stamped.
    Timestamp,
    /// A catalogue by which engines, harvesters and tools find the data, or a part of it.
    Catalogue,
    /// Archives of a source in the private store; only its publisher can look at them.
    Evidence,
    /// The key of the pseudonyms of a date, in the private store.
    DayKey,
    /// A key that signs, or the list of them, in the private store.
    SigningKey,
    /// Rows that were held back, in the private store.
    Quarantine,
    /// What people decided, in the private store.
    Decisions,
    /// What the private store keeps of runs, of purges and of the scheduler.
    Journal,
}

impl FaultKind {
    /// For people.
    pub(crate) fn words(self) -> Text {
        let (en, de) = match self {
            Self::Changed => ("changed", "geändert"),
            Self::Missing => ("missing", "fehlt"),
            Self::Gap => ("gap", "Lücke"),
            Self::RolledBack => ("rolled back", "zurückgedreht"),
            Self::Forked => ("forked", "abgezweigt"),
            Self::NotInLog => ("not in the log", "nicht im Protokoll"),
            Self::Unreadable => ("unreadable", "nicht lesbar"),
        };
        Text::new(en, de)
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub what: Subject,
    /// From the root of the bucket; of what is private from that of the private store.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Of the table's index, or of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<ServiceDate>,
    /// The record that names what is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    pub said: String,
    pub said_de: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, what: Subject, path: impl Into<String>, said: Text) -> Self {
        let (path, Text { en: said, de: said_de }) = (path.into(), said);
        Self { kind, what, path, dataset: None, table: None, version: None, date: None, record: None, said, said_de }
    }

    pub(super) fn of_table(self, id: &TableId) -> Self {
        Self { dataset: Some(id.dataset.clone()), table: Some(id.table.clone()), ..self }
    }

    pub(super) fn of_version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Of a date of a dataset, and of the record of its run.
    pub(crate) fn of_run(self, dataset: &str, date: ServiceDate, record: Option<&str>) -> Self {
        Self { dataset: Some(dataset.to_owned()), date: Some(date), record: record.map(str::to_owned), ..self }
    }

    pub(super) fn of_date(self, date: Option<ServiceDate>) -> Self {
        Self { date, ..self }
    }
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub log_versions: u64,
    pub entries: u64,
    pub tables: u64,
    pub index_versions: u64,
    pub records: u64,
    pub files: u64,
    /// Of files of data.
    pub bytes: u64,
    pub objects: u64,
    pub reports: u64,
    pub views: u64,
    pub tiles: u64,
    pub proofs: u64,
    /// Signing keys that the log names.
    pub keys: u64,
    pub timestamps: u64,
    /// Files that are gone by a collection which the log names.
    pub collected: u64,
    /// Catalogues, and the parts of that for engines.
    pub catalogues: u64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub faults: Vec<Fault>,
    /// Of which a fault is told already: what else is wrong with them follows from it.
    told: BTreeSet<String>,
    pub notes: Vec<Text>,
    pub counts: Counts,
}

impl Findings {
    /// Tells a fault, unless one of the same object is told.
    pub(super) fn tell(&mut self, fault: Fault) {
        if self.told.insert(fault.path.clone()) {
            self.faults.push(fault);
        }
    }

    pub(super) fn is_told(&self, path: &str) -> bool {
        self.told.contains(path)
    }

    /// Whether entries of the log are not there, or are others than somebody kept or signed: what says more than the log follows from that.
    pub(super) fn lack_entries(&self) -> bool {
        let kinds = [FaultKind::Gap, FaultKind::RolledBack, FaultKind::Forked, FaultKind::Unreadable];
        self.faults.iter().any(|fault| fault.what == Subject::Log && kinds.contains(&fault.kind))
    }

    /// Whether a version of the log is another one than was written, or is not there.
    pub(super) fn is_log_wrong(&self) -> bool {
        self.faults.iter().any(|fault| fault.what == Subject::Log && fault.kind != FaultKind::NotInLog)
    }

    /// Whether a fault of these is told.
    pub(super) fn has(&self, what: Subject) -> bool {
        self.faults.iter().any(|fault| fault.what == what)
    }
}
