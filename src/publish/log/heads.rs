//! The newest index of a table, which must be the one that the log names: a newer one that was taken away would leave an older version in
//! its place, and nobody would see it.

use super::chain::{LoggedHead, Newest, newest};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, TableIndex};

/// The heads of the newest version of the log, for who reads many tables.
#[derive(Debug, Default)]
pub(crate) struct Heads(std::collections::BTreeMap<String, LoggedHead>);

impl Heads {
    /// Reads them; none where the bucket has no log.
    ///
    /// # Errors
    /// The bucket cannot be read, or the log is damaged.
    pub(crate) fn read(bucket: &Bucket) -> Result<Self, PublishError> {
        match newest(bucket)? {
            Newest::Version(version, _) => Ok(Self(version.heads)),
            Newest::None | Newest::Lost(_) => Ok(Self::default()),
        }
    }

    /// The newest index of a table, which may be newer than the log says: its entry is written after it.
    ///
    /// # Errors
    /// [`PublishError::Damaged`] where it is older than the log says, or has other bytes. The bucket cannot be read.
    pub(crate) fn current(
        &self,
        bucket: &Bucket,
        dataset: &str,
        table: &str,
    ) -> Result<Option<TableIndex>, PublishError> {
        let found = index::current(bucket, dataset, table)?;
        let Some(head) = self.0.get(&format!("{dataset}/{table}")) else { return Ok(found) };
        let there = found.as_ref().map_or(0, |index| index.version);
        let key = index::index_key(dataset, table, head.version);
        if there < head.version {
            let problem = format!("the log names this version, and it is not there: the newest is {there}");
            return Err(PublishError::Damaged { key, problem });
        }
        let digest = match &found {
            Some(index) if index.version == head.version => index::last_digest(bucket, index),
            _ => None,
        };
        let digest = match digest {
            Some(digest) => Some(digest),
            None => index::digest_of_version(bucket, dataset, table, head.version)?,
        };
        if digest != Some(head.sha256) {
            let problem = format!("it has other bytes than the log says: their SHA-256 is not {}", head.sha256);
            return Err(PublishError::Damaged { key, problem });
        }
        Ok(found)
    }
}
