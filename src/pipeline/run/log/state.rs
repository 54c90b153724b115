//! What the private store knows of the log, so that a run needs not read it again: `<private>/publication/log.json`. It may be lost.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compared::Compared;
use super::pages::LogIndex;
use crate::durable;
use crate::pipeline::purged::{self, PurgedDate};
use crate::pipeline::run::error::RunError;
use crate::publish::bucket::Bucket;
use crate::publish::log::LogVersion;
use crate::workspace::Workspace;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub bucket: String,
    /// The newest version of the log that this store has seen.
    pub newest: Option<LogVersion>,
    /// `ledger/index.json`, as this store has written or found it last.
    pub views: Option<LogIndex>,
    /// Bytes of the register of what was destroyed, whose dates are in the log.
    #[serde(default)]
    pub purges: u64,
    /// How many changes of the signing keys are in the log.
    #[serde(default)]
    pub keys: usize,
    /// Which of the log's entries of keys this store has compared with its own.
    #[serde(default)]
    pub key_entries: Option<Compared>,
    /// It was looked, and nobody has signed the log.
    #[serde(default)]
    pub is_unsigned: bool,
}

/// Dates of the register of what was destroyed that may not be in the log.
pub(super) struct Registered {
    pub dates: Vec<PurgedDate>,
    /// Of the whole register.
    pub bytes: u64,
}

fn path(private: &Path) -> PathBuf {
    private.join("publication").join("log.json")
}

impl State {
    /// What is known of this bucket. A file that cannot be understood knows nothing.
    pub(super) fn read(workspace: &Workspace, bucket: &Bucket) -> Result<Self, RunError> {
        let path = path(&workspace.private);
        let kept: Option<Self> = match durable::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(RunError::private(&path, "read", &error)),
        };
        let none = || Self { bucket: bucket.place(), ..Self::default() };
        Ok(kept.filter(|kept| bucket.is_at(&kept.bucket)).unwrap_or_else(none))
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<(), RunError> {
        let path = path(&workspace.private);
        let written =
            serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|bytes| durable::write(&path, &bytes));
        written.map_err(|error| RunError::private(&path, "written", &error))
    }

    /// What was added to the register since all of it was in the log.
    pub(super) fn registered_purges(&self, workspace: &Workspace) -> Result<Registered, RunError> {
        let of = purged::registered_after(&workspace.private, self.purges);
        let (dates, bytes) =
            of.map_err(|error| RunError::private(&purged::path(&workspace.private), "read", &error))?;
        Ok(Registered { dates, bytes })
    }
}
