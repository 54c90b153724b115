//! Reading an object of which it is known how long it can be.

use std::io::Write;

use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use super::Bucket;
use crate::publish::PublishError;

impl Bucket {
    /// Writes an object's bytes, a few at a time, and gives how many it has; nothing if it is not there. Of one that has more than `most`
    /// bytes nothing is read.
    ///
    /// # Errors
    /// It cannot be read, or not be written.
    pub(crate) fn read_at_most(&self, key: &str, most: u64, out: &mut impl Write) -> Result<Option<u64>, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        self.count(1);
        let failed = |error: std::io::Error| object_store::Error::Generic { store: "bucket", source: error.into() };
        let read = async {
            let object = self.store.get(&path).await?;
            let bytes = object.meta.size;
            if bytes <= most {
                let mut chunks = object.into_stream();
                while let Some(chunk) = chunks.try_next().await? {
                    out.write_all(&chunk).map_err(failed)?;
                }
            }
            Ok(bytes)
        };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.unread(key, self.failed(key, source))),
        }
    }
}
