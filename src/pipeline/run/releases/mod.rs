//! What people do to releases: look at them, go back to an older one, withdraw a date; and what a rule deletes of them.
//!
//! Every act is a new version of the index by the commit of a run ([`index::amend`]), with a record in the ledger that is put
//! before it. Views, pages and the catalogue follow. One act is at work at a time in a private store, and none on a date that a
//! run is at work on. All steps may be repeated: an act that was killed is finished by the same command,
//! a withdrawal by any that writes to the bucket.

mod compact;
mod diff;
mod finishing;
mod gc;
mod history;
mod rollback;
mod unfinished;
mod withdraw;
mod withdraw_results;

use std::collections::BTreeSet;
use std::fs::File;

pub use self::compact::{Compactable, Compacted, DueMonth, compact, compactable, replay_months, unfinished};
pub(in crate::pipeline) use self::compact::{Made, make_month};
pub use self::diff::{Diff, DiffEntry, diff};
pub use self::finishing::finish_withdrawals;
pub use self::gc::{Collected, Garbage, Superseded, collect, garbage};
pub(in crate::pipeline) use self::history::changed_dates;
pub use self::history::{Listed, Reason, history};
pub(super) use self::history::{Runs, of_act};
pub use self::rollback::{RollbackChange, RollbackPlan, RollbackRequest, plan_rollback, rollback};
pub use self::unfinished::{Begun, begun_withdrawals};
pub(super) use self::withdraw::delete_withdrawn;
pub use self::withdraw::{OfDate, WithdrawPlan, WithdrawRequest, Withdrawal, lift, plan_withdrawal, withdraw};
pub(super) use self::withdraw_results::{delete_results, left_of_results, left_results, take_out};
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::lock::Lock;
use crate::pipeline::run::views;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Act, ActKind, Commit, TableIndex};
use crate::publish::view_writer::ViewWriter;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What an act stands on.
#[derive(Clone, Copy)]
pub struct ActContext<'a> {
    pub workspace: &'a Workspace,
    pub bucket: &'a Bucket,
    pub lock: &'a Lock,
}

/// Who acts, and why. Both are published.
#[derive(Clone, Debug)]
pub struct ActBy {
    pub by: String,
    pub reason: String,
}

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Run(#[from] RunError),
    /// What was asked for is not there.
    #[error("{0}")]
    Usage(String),
    /// It cannot be done, and will not be if tried again.
    #[error("{0}")]
    Refused(String),
}

impl From<PublishError> for ActError {
    fn from(error: PublishError) -> Self {
        Self::Run(error.into())
    }
}

impl ActContext<'_> {
    /// Says which step begins.
    fn stage(act: &str, name: &str) {
        tracing::info!(stage = name, act, "act");
    }

    /// The pipelines of a dataset.
    fn pipelines<'a>(&'a self, dataset: &'a str) -> impl Iterator<Item = &'a Pipeline> {
        self.workspace.pipelines.iter().filter(move |pipeline| pipeline.dataset == dataset)
    }

    /// Keeps runs away from dates of a dataset.
    fn keep_runs_away(&self, dataset: &str, dates: &BTreeSet<ServiceDate>) -> Result<Vec<File>, RunError> {
        let mut held = Vec::new();
        for pipeline in self.pipelines(dataset) {
            for date in dates {
                held.push(self.lock.partition(&pipeline.name, *date)?);
            }
        }
        Ok(held)
    }

    /// Keeps the new version as the newest that is known, so that it is missed if it is taken away.
    fn remember(&self, index: &TableIndex) -> Result<(), RunError> {
        let releases = |pipeline: &&Pipeline| pipeline.released().iter().any(|of| of.table == index.table);
        for pipeline in self.pipelines(&index.dataset).filter(releases) {
            heads::remember(self.workspace, pipeline, self.bucket, &[Commit::New(index.clone())])?;
        }
        Ok(())
    }

    /// Writes the views, pages and catalogue of the tables of the publication.
    fn publish_publication(&self) -> Result<(), RunError> {
        views::refresh_publication(self.workspace, self.bucket)
    }

    /// Writes the views, pages and catalogue of a dataset, also of tables that no pipeline releases any more.
    fn publish_views(&self, dataset: &str) -> Result<(), RunError> {
        views::refresh(self.workspace, self.bucket, dataset)?;
        let mut writer = ViewWriter::new(self.bucket);
        let released = self.pipelines(dataset).flat_map(Pipeline::released);
        let released: BTreeSet<String> = released.map(|contract| contract.table.clone()).collect();
        for table in tables(self.bucket, dataset)?.difference(&released) {
            views::publish_table(self.workspace, &mut writer, dataset, table)?;
        }
        Ok(())
    }
}

/// The newest index of a table, which must be there.
fn current(bucket: &Bucket, dataset: &str, table: &str) -> Result<TableIndex, ActError> {
    let index = index::current(bucket, dataset, table)?;
    index.ok_or_else(|| {
        ActError::Usage(format!(
            "nothing of {dataset}/{table} is published. 'fahrtenbuch releases list' tells the tables that are"
        ))
    })
}

/// A version of a table, which must be there.
fn version(bucket: &Bucket, newest: &TableIndex, version: u64) -> Result<TableIndex, ActError> {
    let TableIndex { dataset, table, version: last, .. } = newest;
    if version == 0 || version > *last {
        return Err(ActError::Usage(format!(
            "{dataset}/{table} has no version {version}: the newest is {last}. 'fahrtenbuch releases list {dataset}/{table}' lists them"
        )));
    }
    Ok(index::read_version(bucket, dataset, table, version)?.0)
}

/// The tables of a dataset that were published, in their order.
pub fn tables(bucket: &Bucket, dataset: &str) -> Result<BTreeSet<String>, PublishError> {
    bucket.folders(&format!("meta/{dataset}"))
}

fn act(kind: ActKind, dates: BTreeSet<ServiceDate>, who: &ActBy, to: Option<u64>, record: &str) -> Act {
    Act { kind, dates, by: who.by.clone(), reason: who.reason.clone(), to, record: record.to_owned() }
}
