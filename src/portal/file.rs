//! What the portal makes.

use bytes::Bytes;

/// A file of the bucket that may be made again at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// From the root of the bucket.
    pub path: String,
    pub bytes: Bytes,
}

impl File {
    pub(super) fn new(path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }
}
