//! What keeps runs of one private store out of each other's way.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use crate::durable;
use crate::pipeline::run::error::RunError;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What keeps runs of one private store out of each other's way: many runs share the store, each partition is worked on by
/// one of them.
pub struct Lock {
    folder: PathBuf,
    /// Locked as long as it is open: for this run alone at first if it came first, then shared by all runs.
    runs: File,
    alone: bool,
}

impl Lock {
    pub fn take(workspace: &Workspace) -> Result<Self, RunError> {
        let folder = workspace.private.join("locks");
        let failed = |error: &dyn std::fmt::Display| RunError::private(&folder, "locked", error);
        durable::make_private(&workspace.private).map_err(|error| failed(&error))?;
        durable::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let runs = durable::create(&folder.join("runs")).map_err(|error| failed(&error))?;
        let alone = runs.try_lock().is_ok();
        if !alone {
            runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(Self { folder, runs, alone })
    }

    /// Does what may be done only while no other run is at work, if none is, and lets the others in.
    pub(super) fn share(&mut self, alone: impl FnOnce()) -> Result<(), RunError> {
        if std::mem::take(&mut self.alone) {
            alone();
            let failed = |error: &dyn std::fmt::Display| RunError::private(&self.folder, "locked", error);
            self.runs.unlock().map_err(|error| failed(&error))?;
            self.runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The lock of a partition, held as long as the file is open.
    pub fn partition(&self, pipeline: &str, date: ServiceDate) -> Result<File, RunError> {
        let path = self.folder.join(format!("{pipeline}@{date}"));
        let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "locked", error);
        let file = durable::create(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy { pipeline: pipeline.to_owned(), date }),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}
