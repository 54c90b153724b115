//! Opening the bucket that runs publish to.

use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::lock::Lock;
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
    let is_begun = || Ok::<bool, RunError>(published_to(&workspace.private, &workspace.bucket)? == Some(true));
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
    lock.share(|| bucket.sweep())?;
    bucket.probe()?;
    heads::tell_versions(workspace, &bucket)?;
    Ok(bucket)
}
