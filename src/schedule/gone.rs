//! Whether a bucket that is not there is lost, or not begun yet.

use std::path::Path;

use crate::pipeline::run::{RunError, published_to};
use crate::publish::PublishError;
use crate::publish::bucket::missing_folder;
use crate::schedule::log::{self, Log};

/// Refuses a bucket whose folder is not there, if something was published to it. Where the private store knows nothing of any
/// bucket, the log of attempts tells whether something was published.
///
/// # Errors
/// [`PublishError::Gone`]; or the private store cannot be read.
pub fn refuse_gone(root: &Path, private: &Path, location: &str, log: &Log) -> Result<(), RunError> {
    let is_published = published_to(root, private, location)?.unwrap_or_else(|| log.has_released());
    if is_published && missing_folder(location).is_some() {
        return Err(PublishError::Gone { bucket: location.to_owned() }.into());
    }
    Ok(())
}

/// The same for who does not have the log: it is read only where the folder is not there.
///
/// # Errors
/// As [`refuse_gone`].
pub fn refuse_gone_bucket(root: &Path, private: &Path, location: &str) -> Result<(), RunError> {
    if missing_folder(location).is_none() {
        return Ok(());
    }
    let path = log::path(private);
    let log = Log::read(private).map_err(|error| RunError::private(&path, "read", &error))?;
    refuse_gone(root, private, location, &log)
}
