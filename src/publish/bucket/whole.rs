//! Published files that are read whole: they must be what the index says, or what is told of them would be of something else.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::Bucket;
use crate::digest::{Digest, Digester};
use crate::publish::PublishError;

impl Bucket {
    /// As [`Self::open_file`], of a file that an index names: it is there, and its bytes are those that the index has the digest of.
    ///
    /// # Errors
    /// [`PublishError::Damaged`] where it is not there or has other bytes; the bucket cannot be read.
    pub(crate) fn open_whole(
        &self,
        key: &str,
        (bytes, digest): (u64, &Digest),
        copy: &Path,
    ) -> Result<File, PublishError> {
        let damaged = |problem: String| PublishError::Damaged { key: key.to_owned(), problem };
        self.path(key)?;
        if !self.sizes(key.rsplit_once('/').map_or("", |(folder, _)| folder))?.contains_key(key) {
            return Err(damaged("it is not there, and its index names it".to_owned()));
        }
        let mut file = self.open_file(key, copy)?;
        let failed = |error: std::io::Error| damaged(format!("it cannot be read: {error}"));
        let found = file.metadata().map_err(failed)?.len();
        if found != bytes {
            return Err(damaged(format!("it has other bytes than its index says: {found} of them instead of {bytes}")));
        }
        let mut digester = Digester::default();
        std::io::copy(&mut file, &mut digester).map_err(failed)?;
        let found = digester.finish();
        if found != *digest {
            return Err(damaged(format!(
                "it has other bytes than its index says: their SHA-256 is {found} instead of {digest}"
            )));
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(file)
    }

    /// Refuses a file that is not what an index says of it, without reading it where the store keeps digests.
    ///
    /// # Errors
    /// As of [`Self::open_whole`].
    pub(crate) fn refuse_other(&self, key: &str, (bytes, digest): (u64, &Digest)) -> Result<(), PublishError> {
        match self.damage_of(key, bytes, digest)? {
            None => Ok(()),
            Some(problem) => {
                let problem = format!("it has other bytes than its index says: {problem}");
                Err(PublishError::Damaged { key: key.to_owned(), problem })
            }
        }
    }
}
