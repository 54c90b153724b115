//! The end of an object, where Parquet says what is in the file.

use bytes::Bytes;
use object_store::{GetOptions, GetRange};

use super::Bucket;
use crate::publish::PublishError;

impl Bucket {
    /// The last bytes of an object, or all if it has fewer; none if there is no such object.
    pub(in crate::publish) fn tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        self.count(1);
        let options = GetOptions { range: Some(GetRange::Suffix(bytes)), ..GetOptions::default() };
        let read = self.runtime.block_on(async { self.store.get_opts(&path, options).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.unread(key, self.failed(key, source))),
        }
    }
}
