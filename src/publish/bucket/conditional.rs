//! Replacing an object only while it is as it was read, so that of two who write at once the later one finds the other's bytes.

use bytes::Bytes;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion};

use super::Bucket;
use crate::publish::PublishError;

/// An object as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub bytes: Bytes,
    /// By which the store knows these bytes; none where it has no such thing.
    version: Option<UpdateVersion>,
}

impl Bucket {
    /// An object's bytes, if it exists, to be replaced by [`Bucket::replace`].
    pub(crate) fn look(&self, key: &str) -> Result<Option<Seen>, PublishError> {
        if self.folder.is_some() {
            return Ok(self.get(key)?.map(|bytes| Seen { bytes, version: None }));
        }
        let path = self.path(key)?;
        self.count(1);
        let read = self.runtime.block_on(async {
            let found = self.store.get(&path).await?;
            let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
            let version = e_tag.is_some().then_some(UpdateVersion { e_tag, version });
            Ok::<_, object_store::Error>(Seen { bytes: found.bytes().await?, version })
        });
        match read {
            Ok(seen) => Ok(Some(seen)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed(key, source)),
        }
    }

    /// Writes an object in the place of what was seen there; `false` if something else is there now.
    ///
    /// A folder, and a store without conditional writes (`If-Match`), cannot tell: who writes there at once keeps the others out by a
    /// lock.
    pub(crate) fn replace(&self, key: &str, seen: Option<&Seen>, bytes: Bytes) -> Result<bool, PublishError> {
        let Some(seen) = seen else { return self.put_new(key, bytes) };
        if let Some(version) = &seen.version {
            let mode = PutMode::Update(version.clone());
            let options = PutOptions { mode, attributes: self.attributes(key), ..PutOptions::default() };
            let path = self.path(key)?;
            self.count(1);
            match self.runtime.block_on(self.store.put_opts(&path, bytes.clone().into(), options)) {
                Ok(_) => return Ok(true),
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. }
                    | object_store::Error::NotFound { .. },
                ) => return Ok(false),
                Err(object_store::Error::NotImplemented { .. }) => {}
                Err(source) => return Err(self.failed(key, source)),
            }
        }
        self.overwrite(key, bytes).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_by_another_writer_is_not_overwritten() {
        let bucket = Bucket::in_memory();
        let put = |seen: Option<&Seen>, text: &'static str| {
            bucket.replace("ledger/checkpoint", seen, Bytes::from_static(text.as_bytes())).unwrap()
        };
        assert!(bucket.look("ledger/checkpoint").unwrap().is_none());
        assert!(put(None, "one"));
        assert!(!put(None, "other"));
        let seen = bucket.look("ledger/checkpoint").unwrap().unwrap();
        assert!(put(Some(&seen), "two"));
        assert!(!put(Some(&seen), "three"));
        assert_eq!(bucket.look("ledger/checkpoint").unwrap().unwrap().bytes, "two");
        bucket.remove("ledger/checkpoint").unwrap();
        assert!(!put(Some(&seen), "three"));
    }
}
