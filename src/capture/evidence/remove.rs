//! Removing what of an hour is kept elsewhere, and what was fetched of it; the files in the folder are [`super::purge`]'s.

use std::io;

use jiff::Timestamp;

use super::Store;
use super::{remote, stored};
use crate::capture::CaptureError;

/// What was removed of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub objects: u64,
    pub bytes: u64,
}

impl Store {
    /// Removes the objects of the hour of a time, also those that no line tells of, what was fetched of them, and last the lines. What
    /// is not there is no error, so that one that was cut off is done again. The caller holds both locks of the source.
    ///
    /// Errors: if an object cannot be removed, as while its store cannot be reached; then the lines are still there.
    pub(super) fn remove_elsewhere(&self, source: &str, at: Timestamp) -> Result<Removed, CaptureError> {
        let archive = &self.file(source, at);
        let mut removed = Removed::default();
        let failed = |source: io::Error| CaptureError::Evidence { file: archive.clone(), verb: "destroyed", source };
        let objects = stored::of_hour(archive).map_err(failed)?;
        let Some(remote) = &self.remote else {
            return objects.first().map_or(Ok(removed), |object| Err(remote::unnamed(archive, object)));
        };
        if let Some(object) = objects.iter().find(|object| object.at != remote.location()) {
            return Err(remote::unnamed(archive, object));
        }
        let hour = stored::hour(archive).unwrap_or_default();
        // 'bus-20261124T08' is followed by '.' or by '-' and the digest.
        let is_its = |name: &str| name.strip_prefix(hour).is_some_and(|rest| rest.starts_with(['.', '-']));
        let day = remote::key(archive, "");
        let day = day.trim_end_matches('/');
        for object in remote.list(day)? {
            if is_its(object.key.rsplit('/').next().unwrap_or_default()) {
                remote.remove(&object.key)?;
                removed.objects += 1;
                removed.bytes += object.length;
            }
        }
        remote.sweep(day, &is_its)?;
        objects.iter().try_for_each(|object| remote.forget(&object.sha256))?;
        stored::forget(archive).map_err(failed)?;
        Ok(removed)
    }
}
