//! What keeps runs of one private store out of each other's way.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::durable;
use crate::pipeline::run::error::RunError;
use crate::time::ServiceDate;
use crate::workspace::{Workspace, form};

/// What keeps runs of one private store out of each other's way: many runs share the store, each partition is worked on by
/// one of them.
pub struct Lock {
    folder: PathBuf,
    /// Locked as long as it is open: for this run alone at first if it came first, then shared by all runs.
    runs: File,
    alone: bool,
}

impl Lock {
    /// Waits until no run is alone in the private store of the workspace.
    pub fn take(workspace: &Workspace) -> Result<Self, RunError> {
        Self::take_in(&workspace.private)
    }

    fn take_in(private: &Path) -> Result<Self, RunError> {
        let folder = private.join("locks");
        let failed = |error: &dyn std::fmt::Display| RunError::private(&folder, "locked", error);
        form::open(private)?;
        durable::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let runs = durable::create(&folder.join("runs")).map_err(|error| failed(&error))?;
        let alone = runs.try_lock().is_ok();
        if !alone {
            runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(Self { folder, runs, alone })
    }

    /// Does what may be done only while no other run is at work, if none is, and lets the others in.
    pub fn share(&mut self, alone: impl FnOnce()) -> Result<(), RunError> {
        if std::mem::take(&mut self.alone) {
            alone();
            let failed = |error: &dyn std::fmt::Display| RunError::private(&self.folder, "locked", error);
            self.runs.unlock().map_err(|error| failed(&error))?;
            self.runs.lock_shared().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The right to destroy, which one process has at a time; it is waited for.
    pub fn purging(&self) -> Result<File, RunError> {
        self.one_at_a_time("purge")
    }

    /// The right to go back to releases, to withdraw them and to delete superseded ones; it is waited for.
    pub fn acting(&self) -> Result<File, RunError> {
        self.one_at_a_time("releases")
    }

    fn one_at_a_time(&self, name: &str) -> Result<File, RunError> {
        // No partition is called so: its name has a date.
        let path = self.folder.join(name);
        let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "locked", error);
        let file = durable::create(&path).map_err(|error| failed(&error))?;
        file.lock().map_err(|error| failed(&error))?;
        Ok(file)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(folder: &std::path::Path) -> Lock {
        Lock::take_in(folder).unwrap()
    }

    #[test]
    fn a_partition_is_worked_on_by_one_run_and_others_are_free() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = lock(folder.path());
        one.share(|| {}).unwrap();
        let other = lock(folder.path());
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let mine = one.partition("bus", date).unwrap();
        assert!(matches!(other.partition("bus", date), Err(RunError::Busy { .. })));
        other.partition("bus", date.plus_days(1)).unwrap();
        other.partition("rail", date).unwrap();
        drop(mine);
        other.partition("bus", date).unwrap();
    }

    #[test]
    fn what_is_done_alone_is_done_once_and_only_by_the_run_that_came_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut done = 0;
        let mut first = lock(folder.path());
        first.share(|| done += 1).unwrap();
        first.share(|| done += 1).unwrap();
        let mut second = lock(folder.path());
        second.share(|| done += 10).unwrap();
        assert_eq!(done, 1);
        drop((first, second));
        lock(folder.path()).share(|| done += 100).unwrap();
        assert_eq!(done, 101);
    }
}
