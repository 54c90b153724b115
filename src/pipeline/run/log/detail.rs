//! What the pages say of an entry beside the entry itself, as the version or the record that it names has it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, TableIndex};
use crate::time::ServiceDate;

/// What a page says of an entry beside the entry itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    pub at: Option<Timestamp>,
    pub date: Option<ServiceDate>,
    /// Of a record.
    pub pipeline: Option<String>,
    /// Of a release.
    pub act: String,
}

impl Detail {
    pub(super) fn of(index: &TableIndex) -> Self {
        let release = index.release.as_ref();
        let act = release.and_then(|release| release.act.as_ref());
        Self {
            at: release.map(|release| release.at),
            date: release.map(|release| release.date),
            pipeline: None,
            act: act.map_or("release", |act| act.kind.word()).to_owned(),
        }
    }
}

/// Of a record that no version names, whatever its kind: when, and of what.
#[derive(Deserialize)]
struct About {
    purged_at: Option<Timestamp>,
    changed_at: Option<Timestamp>,
    /// Of a collection.
    at: Option<Timestamp>,
    date: Option<ServiceDate>,
    pipeline: Option<String>,
}

/// What the pages say of a version that is in the bucket.
pub(super) fn of_version(
    bucket: &Bucket,
    (dataset, table): (&str, &str),
    version: u64,
) -> Result<Detail, PublishError> {
    Ok(Detail::of(&index::read_version(bucket, dataset, table, version)?.0))
}

/// What the pages say of a record that is in the bucket; nothing of one that is gone or damaged.
pub(super) fn of_record(bucket: &Bucket, record: &Digest) -> Result<Detail, PublishError> {
    let bytes = bucket.get(&crate::ledger::record_key(record))?;
    let about = bytes.and_then(|bytes| serde_json::from_slice::<About>(&bytes).ok());
    Ok(about.map_or_else(Detail::default, |about| Detail {
        at: about.purged_at.or(about.changed_at).or(about.at),
        date: about.date,
        pipeline: about.pipeline,
        act: String::new(),
    }))
}
