//! Objects whose names are made of their digests.

use bytes::Bytes;

use super::Bucket;
use crate::publish::PublishError;

impl Bucket {
    /// Writes an object whose name is made of its digest, such as a record, in one request if it is new. What is there under that name
    /// and has other bytes is damaged, and is replaced.
    pub fn put_named_by_digest(&self, key: &str, bytes: Bytes) -> Result<(), PublishError> {
        match self.put_new(key, bytes.clone())? {
            true => Ok(()),
            false => self.put(key, bytes),
        }
    }
}
