//! What a store says of an object, for those who look at what a store can do.

use object_store::{Attribute, GetOptions, ObjectStoreExt};

use super::Bucket;
use crate::publish::PublishError;

/// What a store says of an object without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub bytes: u64,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
}

impl Bucket {
    /// Asks the store for what it says of an object; nothing if there is none.
    pub fn described(&self, key: &str) -> Result<Option<Described>, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        self.count(1);
        let object = match self.runtime.block_on(self.store.get_opts(&path, options)) {
            Ok(object) => object,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(self.failed(key, source)),
        };
        let text = |attribute: Attribute| object.attributes.get(&attribute).map(|value| value.to_string());
        let (content_type, cache_control) = (text(Attribute::ContentType), text(Attribute::CacheControl));
        Ok(Some(Described { bytes: object.meta.size, content_type, cache_control }))
    }

    /// The bytes of a part of an object.
    pub fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes, PublishError> {
        let path = self.path(key)?;
        self.refuse_no_file(key)?;
        self.count(1);
        self.run(key, self.store.get_range(&path, range))
    }
}
