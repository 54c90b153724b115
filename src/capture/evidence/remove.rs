//! Removing an hour for good, wherever it is: what keeps evidence no longer than it may be kept calls this.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::Store;
use super::{hours, remote, seal, stored};
use crate::capture::CaptureError;
use crate::durable;

/// What was removed of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files in the folder, torn ends among them.
    pub files: u64,
    /// Objects elsewhere.
    pub objects: u64,
    pub bytes: u64,
}

impl Store {
    /// Removes all that there is of the hour of a time: objects elsewhere, also those that no line tells of, what was fetched of
    /// them, the local archives and their torn ends, and last the lines. What is not there is no error, so that one that was cut
    /// off is done again. `sealed.jsonl` keeps its lines: lengths and digests.
    ///
    /// Errors: if an object elsewhere cannot be removed, as while its store cannot be reached; then the lines are still there.
    pub fn remove_hour(&self, source: &str, at: Timestamp) -> Result<Removed, CaptureError> {
        let (archive, folder) = (self.file(source, at), self.folder.join(source));
        let day = archive.parent().unwrap_or(&folder);
        let failed = |verb: &'static str| {
            let file = archive.clone();
            move |source: io::Error| CaptureError::Evidence { file, verb, source }
        };
        let hour = stored::hour(&archive).unwrap_or_default().to_owned();
        // 'bus-20261124T08' is followed by '.' or by '-' and the digest.
        let is_its = |name: &str| name.strip_prefix(&hour).is_some_and(|rest| rest.starts_with(['.', '-']));
        if !folder.is_dir() {
            return Ok(Removed::default());
        }
        let mine = hours::open_lock(&folder, seal::LOCK).map_err(failed("locked"))?;
        mine.lock().map_err(failed("locked"))?;
        let _lock = hours::lock(&folder).map_err(failed("locked"))?;
        let mut removed = self.remove_objects(&archive, &is_its)?;
        for path in hours::children(day)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_its(&name) {
                removed.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
                removed.files += 1;
                durable::remove_file(&path).map_err(failed("removed"))?;
            }
        }
        stored::forget(&archive).map_err(failed("removed"))?;
        Ok(removed)
    }

    fn remove_objects(&self, archive: &Path, is_its: &dyn Fn(&str) -> bool) -> Result<Removed, CaptureError> {
        let mut removed = Removed::default();
        let failed = |source: io::Error| CaptureError::Evidence { file: archive.to_owned(), verb: "read", source };
        let objects = stored::of_hour(archive).map_err(failed)?;
        let Some(remote) = &self.remote else {
            return match objects.first() {
                // The error says which place is not named.
                Some(object) => Err(remote::unnamed(archive, object)),
                None => Ok(removed),
            };
        };
        if let Some(object) = objects.iter().find(|object| object.at != remote.location()) {
            return Err(remote::unnamed(archive, object));
        }
        let day = remote::key(archive, "");
        let day = day.trim_end_matches('/');
        for object in remote.list(day)? {
            if is_its(object.key.rsplit('/').next().unwrap_or_default()) {
                remote.remove(&object.key)?;
                removed.objects += 1;
                removed.bytes += object.length;
            }
        }
        remote.sweep(day, is_its)?;
        objects.iter().try_for_each(|object| remote.forget(&object.sha256))?;
        Ok(removed)
    }
}
