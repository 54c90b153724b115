//! What was signed last, by which this store knows a log that was forked or cut: `<private>/keys/signing/signed.json`.
//!
//! It is on the disk before anybody sees the signature, and it is backed up with the keys: a signer that forgot it would sign anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::durable;
use crate::ledger::log::merkle::{Hash, ProofError};
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::{folder, is_no_file};
use crate::publish::log::LogVersion;
use crate::workspace::Workspace;

/// What was signed last of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// Entries.
    pub size: u64,
    root: String,
    /// The version of the log that it ends with, and the digest of its bytes.
    pub version: u64,
    pub sha256: Digest,
    /// The checkpoint as it was signed.
    pub checkpoint: String,
    /// The version up to which every release has its proof.
    pub proofs: u64,
}

impl Last {
    pub(super) fn new(newest: &(LogVersion, Digest), root: Hash, checkpoint: String, proofs: u64) -> Self {
        let (newest, sha256) = (&newest.0, newest.1);
        Self { size: newest.end(), root: root.to_string(), version: newest.version, sha256, checkpoint, proofs }
    }

    pub(super) fn root(&self) -> Option<Hash> {
        self.root.parse().ok()
    }

    /// Whether nothing is left to do for this version of the log.
    pub(super) fn is_done(&self, newest: &(LogVersion, Digest)) -> bool {
        (self.version, self.sha256, self.proofs) == (newest.0.version, newest.1, newest.0.version)
    }

    /// What was signed last of the log of this name. What cannot be understood is an error: without it nothing may be signed.
    pub(super) fn read(workspace: &Workspace, origin: &str) -> Result<Option<Self>, RunError> {
        Ok(all(workspace)?.remove(origin))
    }

    pub(super) fn write(&self, workspace: &Workspace, origin: &str) -> Result<(), RunError> {
        let mut all = all(workspace)?;
        all.insert(origin.to_owned(), self.clone());
        let path = folder(&workspace.private).join("signed.json");
        let text = serde_json::to_vec_pretty(&all).map_err(std::io::Error::from);
        let written = text.and_then(|text| durable::write(&path, &text));
        written.map_err(|error| RunError::private(&path, "written", &error))
    }

    /// The error where the log has become shorter than what was signed.
    pub(super) fn shorter(&self, size: u64) -> RunError {
        forked(&ProofError::Shorter { old: self.size, size })
    }
}

/// The error of a log that does not go on from what was signed.
pub(super) fn forked(error: &ProofError) -> RunError {
    RunError::Forked { problem: error.to_string() }
}

/// Of all logs that this store has signed, by their names.
fn all(workspace: &Workspace) -> Result<BTreeMap<String, Last>, RunError> {
    let path = folder(&workspace.private).join("signed.json");
    let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "read", error);
    match durable::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) if is_no_file(&error) => Err(unreadable(&path, &error)),
        other => {
            serde_json::from_slice(&other.map_err(|error| failed(&error))?).map_err(|error| unreadable(&path, &error))
        }
    }
}

/// Trying again does not help.
fn unreadable(path: &std::path::Path, error: &dyn std::fmt::Display) -> RunError {
    RunError::Unreadable {
        what: format!("{} does not say what was signed last", path.display()),
        found: error.to_string(),
        remedy: "Bring it back from a backup of the keys: without it a log that was forked would be signed",
    }
}
