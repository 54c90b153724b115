//! Parts of an object: its end, where Parquet says what is in the file, and what is found there.

use std::ops::Range;

use bytes::Bytes;
use object_store::{GetOptions, GetRange};

use super::Bucket;
use crate::publish::PublishError;

impl Bucket {
    /// The last bytes of an object, or all if it has fewer; none if there is no such object.
    pub(in crate::publish) fn tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, PublishError> {
        self.part(key, GetRange::Suffix(bytes))
    }

    /// The bytes of an object at some places, which it must have; none if there is no such object.
    pub(in crate::publish) fn range(&self, key: &str, range: Range<u64>) -> Result<Option<Bytes>, PublishError> {
        let length = range.end.saturating_sub(range.start);
        let read = self.part(key, GetRange::Bounded(range))?;
        if let Some(bytes) = read.as_ref().filter(|bytes| bytes.len() as u64 != length) {
            let problem = format!("it ends {} bytes before its footer says", length - bytes.len() as u64);
            return Err(PublishError::Damaged { key: key.to_owned(), problem });
        }
        Ok(read)
    }

    fn part(&self, key: &str, range: GetRange) -> Result<Option<Bytes>, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        self.count(1);
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        let read = self.runtime.block_on(async { self.store.get_opts(&path, options).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.unread(key, self.failed(key, source))),
        }
    }
}
