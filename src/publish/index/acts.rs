//! What people did to releases, as an index tells it: a rollback, a withdrawal, and that a withdrawn date may be released again.
//!
//! A run changes one date and needs no word. A person may change several at once, and says why: the version has an [`Act`], and
//! what follows from it stays until it is over: [`RolledBack`] until the date's next release, [`Tombstone`] for ever.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::time::ServiceDate;

/// Why a version was written that no run wrote: a person decided it, or a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub kind: ActKind,
    /// All that it changed.
    pub dates: BTreeSet<ServiceDate>,
    /// A name or role of `people` in the workspace's configuration; of a compaction, which is by a rule, this program.
    pub by: String,
    pub reason: String,
    /// Of a rollback: the version whose files are current again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The key of the record: `ledger/records/<sha256>.json`.
    pub record: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActKind {
    /// Files of an older version are current again.
    Rollback,
    /// Dates have left the public.
    Withdrawal,
    /// Withdrawn dates may be released again.
    Lift,
    /// The days of past months are in one file each, too. No date has another file than before.
    Compaction,
}

impl ActKind {
    /// The word of an index.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Withdrawal => "withdrawal",
            Self::Lift => "lift",
            Self::Compaction => "compaction",
        }
    }
}

/// A file of a table, wherever it stands: below `data/` or `revised/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
}

/// A date whose older release is current again, until the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolledBack {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
    pub record: String,
    /// The version whose file is current again.
    pub to: u64,
    /// What was current before; none if the date had no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<FirstFile>,
    /// Digests of the data inputs of what was rolled back: a run with the same would make the same again, and makes nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub data_inputs: BTreeSet<Digest>,
}

/// A date that has left the public. It stays when the date may be released again: that its first bytes are gone is no damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
    pub record: String,
    /// The first version that named a file of the date. Those from it on, up to `version`, are not presented as readable.
    pub from: u64,
    /// The version that withdrew it.
    pub version: u64,
    /// Of all releases of the date, and of its month where that has rows of it. Their bytes are deleted.
    pub files: BTreeSet<FirstFile>,
    /// That it may be released again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Lifted>,
}

/// Who lifted a withdrawal, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifted {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
    pub record: String,
}

impl Tombstone {
    /// Whether the date may not be released.
    pub fn holds(&self) -> bool {
        self.lifted.is_none()
    }

    /// Whether older releases of the date left the public, and the newest stays: who withdrew them lifted it at once.
    pub fn is_of_older(&self) -> bool {
        self.lifted.as_ref().is_some_and(|lifted| lifted.record == self.record)
    }

    /// Whether a version of the index names files whose bytes this deleted.
    pub fn hides(&self, version: u64) -> bool {
        (self.from..self.version).contains(&version)
    }
}
