//! Objects that are written once: whose names are made of their digests, and versions.

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

    /// Writes an object that is written once, such as a version; `false` if another writer was faster and has written other bytes.
    ///
    /// A store may write an object and lose the answer: the request is then tried again and finds the object there, or it fails.
    /// So what is there under this name is looked at, or what is out would be taken for that of another writer.
    pub(in crate::publish) fn put_once(&self, key: &str, bytes: &Bytes) -> Result<bool, PublishError> {
        match self.put_new(key, bytes.clone()) {
            Ok(true) => Ok(true),
            Ok(false) => Ok(self.get(key)?.as_ref() == Some(bytes)),
            Err(error) if error.is_transient() => match self.get(key) {
                Ok(there) if there.as_ref() == Some(bytes) => Ok(true),
                // The first error says what went wrong.
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }
}
