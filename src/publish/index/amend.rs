//! A version of the index that a person has written: the same create-only write as that of a run's release.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::acts::{Act, RolledBack, Tombstone};
use super::commit::{ROUNDS, put_version, release_after};
use super::months::MonthFile;
use super::paths::meta_folder;
use super::table_index::{IndexFile, TableIndex};
use super::versions::newest;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

/// What is to change in the newest version.
#[derive(Clone, Debug)]
pub struct Amendment {
    pub at: Timestamp,
    pub act: Act,
    /// What the dates are to have: a file, or none.
    pub files: BTreeMap<ServiceDate, Option<IndexFile>>,
    pub rolled_back: BTreeMap<ServiceDate, RolledBack>,
    pub withdrawn: BTreeMap<ServiceDate, Tombstone>,
    /// Months that are in one file now.
    pub months: Vec<MonthFile>,
}

/// What became of an amendment.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one is made for each act, and taken apart at once")]
pub enum Amended {
    /// A new version is out.
    New(TableIndex),
    /// Another version than the one that it was made for is the newest.
    Overtaken,
}

/// Writes a version that follows `version` and no other: if somebody has committed meanwhile, the amendment is to be thought over.
///
/// # Errors
/// The bucket cannot be read or written.
pub fn amend(
    bucket: &Bucket,
    (dataset, table): (&str, &str),
    version: u64,
    amendment: &Amendment,
) -> Result<Amended, PublishError> {
    let Some((before, digest)) = newest(bucket, dataset, table)? else { return Ok(Amended::Overtaken) };
    if before.version != version {
        return Ok(Amended::Overtaken);
    }
    let date = amendment.act.dates.last().copied().or_else(|| Some(before.release.as_ref()?.date));
    let mut release = date.map(|date| release_after(&before, date, amendment.at));
    if let Some(release) = &mut release {
        release.act = Some(amendment.act.clone());
    }
    let mut index = TableIndex { version: version + 1, release, previous: Some(digest), ..before };
    for (date, file) in &amendment.files {
        index.files.retain(|other| other.partition_date != *date);
        index.files.extend(file.clone());
        index.rolled_back.remove(date);
    }
    index.files.sort_by_key(|file| file.partition_date);
    index.rolled_back.extend(amendment.rolled_back.clone());
    index.withdrawn.extend(amendment.withdrawn.clone());
    index.months.retain(|old| !amendment.months.iter().any(|new| new.month == old.month));
    index.months.extend(amendment.months.clone());
    index.months.sort_by_key(|month| month.month);
    index.drop_stale_months();
    Ok(if put_version(bucket, &index)? { Amended::New(index) } else { Amended::Overtaken })
}

/// Does something again and again until nobody has committed between its look and its write.
///
/// # Errors
/// Those of `attempt`; others commit all the time.
pub fn until_committed<T, E: From<PublishError>>(
    (dataset, table): (&str, &str),
    mut attempt: impl FnMut() -> Result<Option<T>, E>,
) -> Result<T, E> {
    for round in 0..ROUNDS {
        std::thread::sleep(std::time::Duration::from_millis(5 * round));
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(PublishError::Contended { key: meta_folder(dataset, table) }.into())
}
