//! An archive, wherever its bytes are: in the folder of the evidence, or kept elsewhere and fetched when they are read.

use std::cmp::Ordering;
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::CaptureError;
use crate::capture::evidence::remote::{self, Remote};
use crate::capture::evidence::stored::Stored;
use crate::durable;

/// The path of an archive in the folder of the evidence, also where it does not lie there any more. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArchiveFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// What it is elsewhere; `None` if it lies at its path.
    stored: Option<Stored>,
    remote: Option<Arc<Remote>>,
}

impl ArchiveFile {
    /// One that lies at its path; `remote` is where it may go.
    pub(super) fn local(path: &Path, remote: Option<&Arc<Remote>>) -> Self {
        Self(Arc::new(Inner { path: path.to_owned(), stored: None, remote: remote.cloned() }))
    }

    /// One that is kept elsewhere; `path` is where it lay.
    pub(super) fn stored(path: &Path, stored: Stored, remote: Option<&Arc<Remote>>) -> Self {
        Self(Arc::new(Inner { path: path.to_owned(), stored: Some(stored), remote: remote.cloned() }))
    }

    pub(super) fn remote(&self) -> Option<&Arc<Remote>> {
        self.0.remote.as_ref()
    }

    pub(super) fn is_local(&self) -> bool {
        self.0.stored.is_none()
    }

    /// Opens it for reading; one that is kept elsewhere is fetched and compared with its digest first.
    ///
    /// Errors: [`CaptureError::Permanent`] with the object's address if it is gone, was changed or lies where nobody looks for it;
    /// [`CaptureError::Transient`] if its store cannot be reached.
    pub(super) fn open(&self) -> Result<File, CaptureError> {
        let path = &self.0.path;
        let Some(stored) = &self.0.stored else {
            let failed = |source| CaptureError::Evidence { file: path.clone(), verb: "read", source };
            return durable::open_to_read(path).map_err(failed);
        };
        match &self.0.remote {
            Some(remote) => remote.fetch(path, stored),
            None => Err(remote::unnamed(path, stored)),
        }
    }
}

impl Deref for ArchiveFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0.path
    }
}

impl AsRef<Path> for ArchiveFile {
    fn as_ref(&self) -> &Path {
        &self.0.path
    }
}

impl PartialEq for ArchiveFile {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ArchiveFile {}

impl PartialOrd for ArchiveFile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArchiveFile {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |of: &Self| of.0.stored.as_ref().map(|stored| stored.sha256);
        // Captures of one archive stand one after the other.
        match Arc::ptr_eq(&self.0, &other.0) {
            true => Ordering::Equal,
            false => self.0.path.cmp(&other.0.path).then_with(|| place(self).cmp(&place(other))),
        }
    }
}
