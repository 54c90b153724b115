//! Opening the bucket that runs publish to.

use std::fs;
use std::path::Path;

use crate::pipeline::journal;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::lock::Lock;
use crate::pipeline::run::log;
use crate::pipeline::run::lost::published_to;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, missing_folder};
use crate::workspace::{self, Workspace};

/// Opens the workspace's bucket and makes sure that it can be committed to. One that is not there is made, if no run has
/// published to it.
///
/// # Errors
/// [`PublishError::Gone`] if one has: an empty bucket in its place would hide that it is lost.
pub fn open_bucket(workspace: &Workspace, lock: &mut Lock) -> Result<Bucket, RunError> {
    let is_begun =
        || Ok::<bool, RunError>(published_to(&workspace.root, &workspace.private, &workspace.bucket)? == Some(true));
    let bucket = if missing_folder(&workspace.bucket).is_some() && !is_begun()? {
        Bucket::make(&workspace.bucket, &workspace.bucket_options)?
    } else {
        Bucket::open(&workspace.bucket, &workspace.bucket_options)?
    };
    // A link or a mount may have come after the workspace was read.
    if bucket.folder().is_some_and(|folder| workspace::lie_in_each_other(folder, &workspace.private)) {
        return Err(RunError::Publish(PublishError::Configuration {
            bucket: workspace.bucket.clone(),
            problem: "it and the private store lie in each other".to_owned(),
            remedy: "Give each a folder of its own.".to_owned(),
        }));
    }
    lock.share(|| {
        bucket.sweep();
        sweep_staging(&workspace.private);
    })?;
    bucket.probe()?;
    heads::tell_versions(workspace, &bucket)?;
    log::refuse_early(workspace, &bucket)?;
    Ok(bucket)
}

/// Removes what runs that were killed have prepared, while no run is at work: what a journal names that is not published is finished by
/// the next run of its date, and stays.
fn sweep_staging(private: &Path) {
    let folders =
        |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    for pipeline in folders(&private.join("staging")) {
        let Some(name) = pipeline.file_name().to_str().map(str::to_owned) else { continue };
        for partition in folders(&pipeline.path()) {
            let Some(date) = partition.file_name().to_str().and_then(|date| date.parse().ok()) else { continue };
            let entry = journal::read(&journal::path(private, &name, date));
            if entry.is_ok_and(|entry| entry.is_none_or(|entry| entry.published)) {
                // What cannot be removed is removed when the date is run again.
                let _ = fs::remove_dir_all(partition.path());
            }
        }
    }
}
