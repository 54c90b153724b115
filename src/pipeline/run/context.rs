//! What all phases of a run share.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::lock::Lock;
use crate::pipeline::{Pipeline, journal};
use crate::publish::bucket::Bucket;
use crate::time::{self, ServiceDate};
use crate::workspace::Workspace;

/// A sign of life: what a run is doing, and how many rows it has seen.
pub type ProgressFn<'a> = &'a dyn Fn(&str, u64);

/// What all phases of a run share.
#[derive(Clone, Copy)]
pub struct RunContext<'a> {
    pub workspace: &'a Workspace,
    pub pipeline: &'a Pipeline,
    pub bucket: &'a Bucket,
    pub lock: &'a Lock,
    pub progress: ProgressFn<'a>,
}

impl RunContext<'_> {
    /// Says which phase begins.
    pub(super) fn stage(&self, name: &str) {
        tracing::info!(stage = name, pipeline = self.pipeline.name, "stage");
        (self.progress)(name, 0);
    }

    /// Where what a run prepares waits.
    pub(super) fn staging(&self, date: ServiceDate) -> PathBuf {
        self.workspace.private.join("staging").join(&self.pipeline.name).join(date.to_string())
    }

    pub(super) fn remove_staging(&self, date: ServiceDate) -> Result<(), RunError> {
        let staging = self.staging(date);
        match std::fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(RunError::private(&staging, "removed", &error))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a date that was destroyed, or is being destroyed: parts of it may still be there, since its neighbours read them.
    pub(super) fn refuse_purged(&self, date: ServiceDate) -> Result<(), RunError> {
        refuse_purged(self.workspace, &self.pipeline.name, date)
    }

    /// The journal's file of a partition.
    pub(super) fn journal(&self, date: ServiceDate) -> PathBuf {
        journal::path(&self.workspace.private, &self.pipeline.name, date)
    }

    /// The date by the clock of the workspace.
    pub(super) fn today(&self) -> ServiceDate {
        ServiceDate::local_date_of(now(), &self.workspace.zone)
    }
}

/// Says of a date of a pipeline that it was destroyed, if it was.
pub fn refuse_purged(workspace: &Workspace, pipeline: &str, date: ServiceDate) -> Result<(), RunError> {
    let private = &workspace.private;
    let purged = Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
    match purged.of(pipeline, date) {
        None => Ok(()),
        Some(purged) => Err(RunError::Purged {
            pipeline: pipeline.to_owned(),
            date,
            day: ServiceDate::local_date_of(purged.at, &workspace.zone),
            why: purged.why(),
            record: purged.record.clone(),
            what: Box::new(purged.what()),
        }),
    }
}

/// Whole seconds: the record says when, not how exactly the clock was read.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(time::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
