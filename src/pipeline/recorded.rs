//! Records as a bucket has them.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::ledger::record_key;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// The bytes of a record. None if it is gone; and as a record is named by its digest, other bytes of its name are none.
pub(crate) fn read(bucket: &Bucket, key: &str) -> Result<Option<Bytes>, PublishError> {
    Ok(bucket.get(key)?.filter(|bytes| key == record_key(&Digest::of(bytes))))
}

/// What a record says, if it is there and is one of this form.
pub(crate) fn said<T: DeserializeOwned>(bucket: &Bucket, key: &str) -> Result<Option<T>, PublishError> {
    Ok(read(bucket, key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
