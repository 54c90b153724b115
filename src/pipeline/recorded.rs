//! Records as a bucket has them.

use bytes::Bytes;

use crate::digest::Digest;
use crate::ledger::record_key;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// The bytes of a record. None if it is gone; and as a record is named by its digest, other bytes of its name are none.
pub(crate) fn read(bucket: &Bucket, key: &str) -> Result<Option<Bytes>, PublishError> {
    Ok(bucket.get(key)?.filter(|bytes| key == record_key(&Digest::of(bytes))))
}
