//! Withdrawals that were killed: what is still to be done of them, in the private store.
//!
//! A withdrawal is noted before its first commit and forgotten at its end. Commands that write to the bucket finish what a
//! note names and a version of an index does, so that what is withdrawn does not stay public until a person comes back. One that was
//! killed before its first commit has withdrawn nothing, and is forgotten: its bytes cannot be brought back, so a person is to ask again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ActBy, ActContext, tables};
use crate::pipeline::run::error::RunError;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// A withdrawal that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The bucket that it is about.
    bucket: String,
    pub dataset: String,
    /// All tables of the dataset if none is named.
    pub table: Option<String>,
    pub dates: BTreeSet<ServiceDate>,
    pub by: String,
    pub reason: String,
    /// Of the withdrawal, by which its tombstones are known.
    record: String,
}

impl Begun {
    pub(super) fn new(
        context: &ActContext<'_>,
        (dataset, table): (&str, Option<&str>),
        dates: &BTreeSet<ServiceDate>,
        who: &ActBy,
        record: &str,
    ) -> Self {
        Self {
            bucket: context.bucket.location().to_owned(),
            dataset: dataset.to_owned(),
            table: table.map(str::to_owned),
            dates: dates.clone(),
            by: who.by.clone(),
            reason: who.reason.clone(),
            record: record.to_owned(),
        }
    }

    /// Whether a version of an index says that something of it is withdrawn.
    ///
    /// # Errors
    /// An index cannot be read.
    pub fn is_committed(&self, bucket: &Bucket) -> Result<bool, PublishError> {
        for table in tables(bucket, &self.dataset)? {
            let Some(index) = index::current(bucket, &self.dataset, &table)? else { continue };
            let mut held = self.dates.iter().filter_map(|date| index.tombstone(*date));
            if held.any(|tombstone| tombstone.record == self.record) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a person would type.
    pub fn what(&self) -> String {
        let table = self.table.as_ref().map(|table| format!("/{table}")).unwrap_or_default();
        let dates: Vec<String> = self.dates.iter().map(|date| format!("--date {date}")).collect();
        format!("{}{table} {}", self.dataset, dates.join(" "))
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.private.join("withdrawals.json")
}

fn read(workspace: &Workspace) -> Result<Vec<Begun>, RunError> {
    let path = path(workspace);
    let failed = |error: &dyn std::fmt::Display| RunError::private(&path, "read", error);
    match crate::durable::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(&error)),
    }
}

fn write(workspace: &Workspace, all: &[Begun]) -> Result<(), RunError> {
    let path = path(workspace);
    let written = if all.is_empty() {
        crate::durable::remove_file(&path)
    } else {
        let bytes = serde_json::to_vec(all).map_err(|error| RunError::internal(error.to_string()))?;
        crate::durable::write(&path, &bytes)
    };
    written.map_err(|error| RunError::private(&path, "written", &error))
}

/// The withdrawals of a bucket that were begun and are not at their end: they were killed, or are at work.
///
/// # Errors
/// The private store cannot be read.
pub fn begun_withdrawals(workspace: &Workspace, bucket: &Bucket) -> Result<Vec<Begun>, RunError> {
    let mut all = read(workspace)?;
    all.retain(|begun| begun.bucket == bucket.location());
    Ok(all)
}

/// As [`begun_withdrawals`].
pub(super) fn all(context: &ActContext<'_>) -> Result<Vec<Begun>, RunError> {
    begun_withdrawals(context.workspace, context.bucket)
}

/// Notes a withdrawal that is about to be committed. The right to act is held, here and below.
pub(super) fn begin(context: &ActContext<'_>, begun: Begun) -> Result<(), RunError> {
    let mut all = read(context.workspace)?;
    all.push(begun);
    write(context.workspace, &all)
}

/// Forgets what a withdrawal of dates has done, which came to its end.
pub(super) fn end(
    context: &ActContext<'_>,
    (dataset, table): (&str, Option<&str>),
    dates: &BTreeSet<ServiceDate>,
) -> Result<(), RunError> {
    let is_done = |begun: &Begun| {
        begun.bucket == context.bucket.location()
            && begun.dataset == dataset
            && (table.is_none() || table == begun.table.as_deref())
            && begun.dates.is_subset(dates)
    };
    let mut all = read(context.workspace)?;
    let before = all.len();
    all.retain(|begun| !is_done(begun));
    if all.len() < before { write(context.workspace, &all) } else { Ok(()) }
}
