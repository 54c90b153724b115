//! Opening the bucket that runs publish to.

use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::lock::Lock;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::workspace::{self, Workspace};

/// Opens the workspace's bucket and makes sure that it can be committed to.
pub fn open_bucket(workspace: &Workspace, lock: &mut Lock) -> Result<Bucket, RunError> {
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options)?;
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
