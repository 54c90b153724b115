//! What commands about releases need alike: what they are about, who acts and why, and how they fail.

use std::path::Path;
use std::str::FromStr;

use clap::Args;

use crate::cli::decisions::who;
use crate::cli::exit::{Exit, usage};
use crate::cli::lost::take_lock;
use crate::cli::opened::{bucket_to_read, read_workspace};
use crate::cli::run::failed;
use crate::pipeline::run::releases::{ActBy, ActContext, ActError, finish_withdrawals};
use crate::pipeline::run::{Lock, open_bucket};
use crate::publish::bucket::Bucket;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

/// A dataset, or one of its tables.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) dataset: String,
    pub(super) table: Option<String>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The names become paths.
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '.']);
        let (dataset, table) = match text.split_once('/') {
            Some((dataset, table)) => (dataset, Some(table)),
            None => (text, None),
        };
        match is_name(dataset) && table.is_none_or(is_name) {
            true => Ok(Self { dataset: dataset.to_owned(), table: table.map(str::to_owned) }),
            false => Err("expected a dataset, like stadtbus-telemetrie, or one of its tables, like \
                          stadtbus-telemetrie/vehicle_locations"
                .to_owned()),
        }
    }
}

/// Who acts and why, as arguments.
#[derive(Args)]
pub(super) struct Actor {
    /// Who decides: one of 'people' in fahrtenbuch.yaml; the name is published
    #[arg(long, value_name = "NAME", env = "FAHRTENBUCH_BY")]
    by: Option<String>,
    /// Why; it is published, so name no person and no vehicle in it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Actor {
    pub(super) fn check(&self, workspace: &Workspace) -> Result<ActBy, Exit> {
        let by = who(workspace, self.by.as_deref()).map_err(|message| usage(&message))?;
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err(usage("a decision needs a reason. Write it after --reason."));
        }
        Ok(ActBy { by, reason: reason.to_owned() })
    }
}

/// Tells why an act was not done, and how the command ends.
pub(super) fn not_done(error: &ActError) -> Exit {
    match error {
        ActError::Run(error) => failed(error, false, None),
        ActError::Usage(message) => usage(&format!("{message}.")),
        ActError::Refused(message) => {
            eprintln!("error: {message}.");
            Exit::Permanent
        }
    }
}

/// The workspace and its bucket, which is only read.
pub(super) fn open(root: &Path) -> Result<(Workspace, Bucket), Exit> {
    let workspace = read_workspace(root)?;
    let bucket = bucket_to_read(&workspace).map_err(|error| failed(&error, false, None))?;
    let begin = || usage(&format!("nothing is published in {} yet. Begin with 'fahrtenbuch run'.", workspace.bucket));
    let bucket = bucket.ok_or_else(begin)?;
    Ok((workspace, bucket))
}

/// The lock of the private store, and the bucket to commit to, of which withdrawals that were killed are finished.
pub(super) fn open_to_act(workspace: &Workspace) -> Result<(Lock, Bucket), Exit> {
    let (lock, bucket) = open_to_withdraw(workspace)?;
    finish_withdrawals(&ActContext { workspace, bucket: &bucket, lock: &lock });
    Ok((lock, bucket))
}

/// The same for a withdrawal, which may be one of these.
pub(super) fn open_to_withdraw(workspace: &Workspace) -> Result<(Lock, Bucket), Exit> {
    let of_run = |error| failed(&error, false, None);
    let mut lock = take_lock(workspace).map_err(of_run)?;
    let bucket = open_bucket(workspace, &mut lock).map_err(of_run)?;
    Ok((lock, bucket))
}

/// Makes sure that a pipeline of the workspace has a dataset.
pub(super) fn is_known(workspace: &Workspace, dataset: &str) -> Result<(), Exit> {
    let known: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
    match known.contains(&dataset) {
        true => Ok(()),
        false => Err(usage(&format!("no pipeline has the dataset '{dataset}'. {}", suggestion(dataset, &known)))),
    }
}
