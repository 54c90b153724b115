//! A private store that is lost, or is another one, is told, and never answered with a new key.
//!
//! A store that has run nothing yet, in front of a bucket with releases that are within retention, is not the one that made them;
//! nor are keys complete of which there is none, where the journal names one. Both stop a run, until somebody decides to go on
//! without (`restore --begin-anew`). A new store in front of an empty bucket, and one whose keys are there, is what it is.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::decision::{self, About};
use crate::pipeline::Pipeline;
use crate::pipeline::journal;
use crate::pipeline::purged;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::publish::bucket::{Bucket, is_place_of};
use crate::publish::index;
use crate::time::ServiceDate;
use crate::workspace::{Workspace, form};

/// Stops a run in a store that has run nothing, if the bucket has releases of its datasets.
pub(super) fn refuse_lost_store(run: &RunContext<'_>) -> Result<(), RunError> {
    let RunContext { workspace, bucket, .. } = *run;
    refuse(workspace, bucket, run.today())
}

/// The same, before anything is made, for who begins runs or only tells of them. A bucket that cannot be read says nothing of it.
pub fn refuse_if_lost(workspace: &Workspace) -> Result<(), RunError> {
    if has_run(workspace) {
        return Ok(());
    }
    let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options);
    match bucket.map_err(RunError::from).and_then(|bucket| refuse(workspace, &bucket, today)) {
        Err(error @ RunError::LostStore { .. }) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether a store is lost, or its keys are, and nobody has decided yet to go on without: as every run would find.
///
/// # Errors
/// The bucket or the private store cannot be read.
pub fn is_lost(workspace: &Workspace) -> Result<bool, RunError> {
    let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
    let of_store = || {
        if has_run(workspace) {
            return Ok(());
        }
        refuse(workspace, &Bucket::open(&workspace.bucket, &workspace.bucket_options)?, today)
    };
    // Who reads a workspace without its contracts does not know which pipelines release: their journals say so.
    match of_store().and_then(|()| refuse_without_keys(workspace, |_| true)) {
        Ok(()) => Ok(false),
        Err(RunError::LostStore { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The same for who keeps evidence, which nobody else keeps: only where there is no store at all, so that another one would be made.
pub fn refuse_if_gone(workspace: &Workspace) -> Result<(), RunError> {
    if form::is_there(&workspace.private) { Ok(()) } else { refuse_if_lost(workspace) }
}

fn refuse(workspace: &Workspace, bucket: &Bucket, today: ServiceDate) -> Result<(), RunError> {
    let private = &workspace.private;
    if has_run(workspace) || bucket.page("meta", "", 1)?.sizes.is_empty() {
        return Ok(());
    }
    let first_kept = workspace.retention.first_kept(today);
    let mut newest: Option<(ServiceDate, &str)> = None;
    let mut unread = None;
    for pipeline in &workspace.pipelines {
        for table in bucket.folders(&format!("meta/{}", pipeline.dataset))? {
            match index::current(bucket, &pipeline.dataset, &table) {
                Ok(index) => {
                    let date = index.and_then(|index| index.files.iter().map(|file| file.partition_date).max());
                    newest = newest.max(date.map(|date| (date, pipeline.dataset.as_str())));
                }
                Err(error) => unread = Some(error),
            }
        }
    }
    // Of dates that are over the retention nothing needs to be here.
    let Some((date, dataset)) = newest.filter(|(date, _)| *date >= first_kept) else {
        return unread.map_or(Ok(()), |error| Err(error.into()));
    };
    if begun_anew(workspace)?.is_some() {
        return Ok(());
    }
    Err(RunError::LostStore {
        problem: format!(
            "the bucket {} has releases of {dataset} until {date}, and the private store {} knows nothing of them: it was lost, \
             or it is another one",
            bucket.location(),
            private.display()
        ),
    })
}

/// Stops a run that would make a key, if there is none at all, and the journal names one.
pub(super) fn refuse_lost_keys(run: &RunContext<'_>) -> Result<(), RunError> {
    refuse_without_keys(run.workspace, |pipeline| pipeline.release.is_some())
}

fn refuse_without_keys(workspace: &Workspace, may_have_key: fn(&Pipeline) -> bool) -> Result<(), RunError> {
    let private = &workspace.private;
    if !day_keys(workspace).dates().is_empty() {
        return Ok(());
    }
    let mut newest: Option<(Timestamp, ServiceDate)> = None;
    for pipeline in workspace.pipelines.iter().filter(|pipeline| may_have_key(pipeline)) {
        for date in journal::dates(private, &pipeline.name).into_iter().rev() {
            let path = journal::path(private, &pipeline.name, date);
            let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
            let record = entry.filter(|entry| entry.published).map(|entry| entry.record);
            if let Some(record) = record.filter(|record| record.pseudonym_key.is_some()) {
                newest = newest.max(Some((record.prepared_at, date)));
                break;
            }
        }
    }
    let Some((prepared_at, date)) = newest else { return Ok(()) };
    if begun_anew(workspace)?.is_some_and(|at| at >= prepared_at) {
        return Ok(());
    }
    let keys = private.join("keys");
    Err(RunError::LostStore {
        problem: format!("{} has no key, and {date} was published with one: the keys were lost", keys.display()),
    })
}

/// Whether a store has run, made or destroyed anything.
pub(crate) fn has_run(workspace: &Workspace) -> bool {
    let private = &workspace.private;
    let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_json = |entry: fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "json");
    let mut journals = names(&private.join("journal"));
    journals.any(|pipeline| names(&pipeline.path()).any(is_json))
        || !day_keys(workspace).dates().is_empty()
        || purged::path(private).exists()
}

/// Whether runs have published something to a bucket, by what the private store keeps of each; nothing if it knows of none at all. A
/// bucket in the workspace `root` is the one that it had before the workspace was moved or restored.
///
/// # Errors
/// What it keeps cannot be read.
pub fn published_to(root: &Path, private: &Path, location: &str) -> Result<Option<bool>, RunError> {
    let folder = private.join("journal");
    let pipelines = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        pipelines => pipelines.map_err(|error| RunError::private(&folder, "read", &error))?,
    };
    let mut found = None;
    for pipeline in pipelines.flatten() {
        let name = pipeline.file_name().to_string_lossy().into_owned();
        let mut is_known = heads::has_published((root, private), &name, location)?;
        if is_known != Some(true) {
            for date in journal::dates(private, &name) {
                let path = journal::path(private, &name, date);
                let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
                let published =
                    entry.filter(|entry| entry.published).map(|entry| is_place_of(&entry.bucket, root, location));
                is_known = is_known.max(published);
                if is_known == Some(true) {
                    break;
                }
            }
        }
        found = found.max(is_known);
        if found == Some(true) {
            break;
        }
    }
    Ok(found)
}

/// When somebody decided last to go on without the store that made the releases.
pub(crate) fn begun_anew(workspace: &Workspace) -> Result<Option<Timestamp>, RunError> {
    let lines = decision::read_of(&decision::path(&workspace.private), &workspace.people)?;
    let is_it = |line: &&decision::Line| matches!(line.decision.about, About::BeginAnew(_)) && !line.is_undone;
    Ok(lines.iter().filter(is_it).map(|line| line.decision.at).max())
}
