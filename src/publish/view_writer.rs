//! Writes what may be made again at any time, or only tells what would be written.

use bytes::Bytes;

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Writes views of what is released. Notes the names of what it changes.
pub(crate) struct ViewWriter<'a> {
    pub bucket: &'a Bucket,
    /// Whether it leaves the bucket alone.
    is_dry: bool,
    written: Vec<String>,
    removed: Vec<String>,
}

/// What a [`ViewWriter`] has changed, or would have: names in the bucket, in the order in which they were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub written: Vec<String>,
    pub removed: Vec<String>,
    /// What records name and nobody has: texts of earlier states of the workspace.
    pub missing: Vec<String>,
}

impl<'a> ViewWriter<'a> {
    pub(crate) fn new(bucket: &'a Bucket) -> Self {
        Self { bucket, is_dry: false, written: Vec::new(), removed: Vec::new() }
    }

    /// One that leaves the bucket alone.
    pub(crate) fn dry(bucket: &'a Bucket) -> Self {
        Self { is_dry: true, ..Self::new(bucket) }
    }

    /// Writes an object, if it does not say this already.
    pub(crate) fn put(&mut self, key: &str, bytes: Bytes) -> Result<(), PublishError> {
        if self.bucket.get(key)?.is_some_and(|there| there == bytes) {
            return Ok(());
        }
        if !self.is_dry {
            self.bucket.overwrite(key, bytes)?;
        }
        self.written.push(key.to_owned());
        Ok(())
    }

    /// Writes an object that cannot say this yet, without a look at it.
    pub(crate) fn put_changed(&mut self, key: &str, bytes: Bytes) -> Result<(), PublishError> {
        if !self.is_dry {
            self.bucket.overwrite(key, bytes)?;
        }
        self.written.push(key.to_owned());
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: &str) -> Result<(), PublishError> {
        if !self.is_dry {
            self.bucket.remove(key)?;
        }
        self.removed.push(key.to_owned());
        Ok(())
    }

    /// Whether it leaves the bucket alone.
    pub(crate) fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Notes the name of something that was written otherwise, or would be.
    pub(crate) fn note(&mut self, key: String) {
        self.written.push(key);
    }

    pub(crate) fn finish(self) -> Changes {
        Changes { written: self.written, removed: self.removed, missing: Vec::new() }
    }
}
