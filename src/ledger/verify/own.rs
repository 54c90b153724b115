//! The publisher's own bucket, which may be one that only its owner can read.

use bytes::Bytes;

use super::context::{ReadError, Reader};
use crate::digest::{Digest, Digester};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

impl From<PublishError> for ReadError {
    fn from(error: PublishError) -> Self {
        match error.is_transient() {
            true => Self::Transient(error.to_string()),
            false => Self::Permanent(error.to_string()),
        }
    }
}

impl Reader for Bucket {
    fn get(&self, key: &str, limit: usize) -> Result<Option<Bytes>, ReadError> {
        let mut bytes = Vec::new();
        match self.read_at_most(key, limit as u64, &mut bytes)? {
            Some(length) if length > limit as u64 => {
                Err(ReadError::Permanent(format!("it has {length} bytes, more than {limit}")))
            }
            Some(_) => Ok(Some(bytes.into())),
            None => Ok(None),
        }
    }

    fn digest(&self, key: &str, limit: u64) -> Result<Option<(u64, Digest)>, ReadError> {
        let mut digester = Digester::default();
        let read = self.read_at_most(key, limit, &mut digester)?;
        Ok(read.map(|bytes| (bytes, digester.finish())))
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<String>>, ReadError> {
        Ok(Some(Self::list(self, folder)?))
    }
}
