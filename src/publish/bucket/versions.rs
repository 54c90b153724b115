//! What a process knows of things whose versions are numbered objects in a folder: what it has read or written needs no other look.

use std::sync::PoisonError;

use bytes::Bytes;

use super::Bucket;

/// A version of something whose versions are numbered objects in a folder, which are written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::publish) struct Version {
    pub number: u64,
    /// If this process has read it.
    pub bytes: Option<Bytes>,
    /// The bytes of the version before it, if this process has written this one on top of them: versions never change.
    pub before: Option<Bytes>,
}

impl Bucket {
    /// The newest version of a folder that is known.
    pub(in crate::publish) fn known_version(&self, folder: &str) -> Option<Version> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned()
    }

    /// Keeps a version of a folder, if no later one is known.
    pub(in crate::publish) fn keep_version(&self, folder: &str, version: Version) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.get(folder).is_none_or(|known| known.number <= version.number) {
            versions.insert(folder.to_owned(), version);
        }
    }

    /// Forgets what is known of a folder.
    pub(in crate::publish) fn forget_version(&self, folder: &str) {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
    }

    /// The folders below `prefix` of which a version was read or written.
    pub(in crate::publish) fn read_folders(&self, prefix: &str) -> Vec<String> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let read = versions.iter().filter(|(folder, version)| folder.starts_with(prefix) && version.bytes.is_some());
        read.map(|(folder, _)| folder.clone()).collect()
    }
}
