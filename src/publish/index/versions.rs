//! The versions of an index: which is the newest, and whether one is missing.

use super::paths::{index_key, version_of, versions_folder};
use super::table_index::{self, TableIndex};
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Version};

/// How often a listing with a gap is read again: one that is made while others commit may miss a name.
const LISTINGS: u64 = 4;

/// The newest index of a table. A gap in the version numbers is an error.
pub fn current(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<TableIndex>, PublishError> {
    Ok(newest(bucket, dataset, table)?.map(|(index, _)| index))
}

/// The index of a table that this process has read last, without a look at the bucket; none if there was none.
pub fn last_read(bucket: &Bucket, dataset: &str, table: &str) -> Result<Option<TableIndex>, PublishError> {
    Ok(last_verified(bucket, dataset, table)?.map(|(index, _)| index))
}

/// The tables of which this process has read or written an index, by dataset and table.
pub fn read_tables(bucket: &Bucket) -> Vec<(String, String)> {
    let folders = bucket.read_folders("meta/").into_iter();
    let table = |folder: String| {
        let (dataset, table) = folder.strip_prefix("meta/")?.strip_suffix("/index")?.split_once('/')?;
        Some((dataset.to_owned(), table.to_owned()))
    };
    folders.filter_map(table).collect()
}

/// The same with its digest.
pub(super) fn last_verified(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    match bucket.known_version(&versions_folder(dataset, table)) {
        Some(Version { number, bytes: Some(bytes), .. }) => parsed(&bytes, dataset, table, number).map(Some),
        _ => Ok(None),
    }
}

/// The digest of the bytes of an index, if it is the version that this process has read last, without a look at the bucket.
pub fn last_digest(bucket: &Bucket, index: &TableIndex) -> Option<Digest> {
    let known = bucket.known_version(&versions_folder(&index.dataset, &index.table));
    let known = known.filter(|known| known.number == index.version)?;
    Some(Digest::of(&known.bytes?))
}

/// The digest of a version of an index; none if there is no such version.
pub fn digest_of_version(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    version: u64,
) -> Result<Option<Digest>, PublishError> {
    Ok(bucket.get(&index_key(dataset, table, version))?.map(|bytes| Digest::of(&bytes)))
}

/// Versions before the newest known one that are listed, too, so that one that was taken away is missed. With them a listing
/// is one request, however many versions there were before.
pub(super) const WINDOW: u64 = 900;

/// Tells of the newest version of a table that was seen before, so that it needs not be looked for among all.
pub fn remember_version(bucket: &Bucket, dataset: &str, table: &str, version: u64) {
    bucket.keep_version(&versions_folder(dataset, table), Version { number: version, bytes: None, before: None });
}

/// The first version that is missing in a part of a listing of `meta/<dataset>`, which begins after the name `after`.
pub fn missing_version<'a>(after: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let number = |name: &str| {
        let (folder, _) = name.rsplit_once('/')?;
        Some((folder.to_owned(), version_of(folder, name)?))
    };
    let mut before = number(after);
    for name in names {
        let Some((folder, version)) = number(name) else { continue };
        let expected = match before {
            Some((other, version)) if other == folder => version + 1,
            _ => 1,
        };
        if version != expected {
            return Some(format!("{folder}/v{expected:010}.json"));
        }
        before = Some((folder, version));
    }
    None
}

/// Refuses a version in whose place something else lies: a listing passes it over, and the one before it would be the newest.
fn refuse_no_files(bucket: &Bucket, folder: &str) -> Result<(), PublishError> {
    bucket.refuse_no_files(folder, |name| version_of(folder, name).is_some())
}

/// The newest version, in a listing whose numbers have no gap: of those after `known`, which was there before. Without it,
/// or if that is not there any more, of all.
fn listed_version(bucket: &Bucket, dataset: &str, table: &str, known: u64) -> Result<Option<u64>, PublishError> {
    let folder = versions_folder(dataset, table);
    refuse_no_files(bucket, &folder)?;
    let mut begin = known.saturating_sub(WINDOW);
    let mut missing = 1;
    for round in 0..LISTINGS {
        std::thread::sleep(std::time::Duration::from_millis(50 * round));
        let offset = if begin == 0 { String::new() } else { index_key(dataset, table, begin) };
        let names = bucket.list_after(&folder, &offset)?;
        // In order, as the numbers have leading zeros.
        let versions: Vec<u64> = names.keys().filter_map(|name| version_of(&folder, name)).collect();
        if begin > 0 && versions.last().is_none_or(|newest| *newest < known) {
            begin = 0;
            continue;
        }
        match versions.iter().zip(begin + 1..).find(|(version, expected)| **version != *expected) {
            None => return Ok(versions.last().copied()),
            Some((_, expected)) => missing = expected,
        }
    }
    Err(missing_error(index_key(dataset, table, missing)))
}

/// The error of a version that is gone.
pub fn missing_error(key: String) -> PublishError {
    PublishError::Damaged { key, problem: "this version is missing, and later ones are there".to_owned() }
}

/// The newest index, looked for in the window before the newest version that is known, and read.
pub(super) fn newest_verified(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    let folder = versions_folder(dataset, table);
    let known = bucket.known_version(&folder).map_or(0, |version| version.number);
    let Some(version) = listed_version(bucket, dataset, table, known)? else {
        bucket.forget_version(&folder);
        return Ok(None);
    };
    if version < known {
        bucket.forget_version(&folder);
    }
    read_version(bucket, dataset, table, version).map(Some)
}

/// The newest index: the one that this process has read, if no version follows it.
pub(super) fn newest(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
) -> Result<Option<(TableIndex, Digest)>, PublishError> {
    let folder = versions_folder(dataset, table);
    let Some(Version { number, bytes: Some(bytes), .. }) = bucket.known_version(&folder) else {
        return newest_verified(bucket, dataset, table);
    };
    refuse_no_files(bucket, &folder)?;
    let later = bucket.list_after(&folder, &index_key(dataset, table, number))?;
    if later.keys().any(|name| version_of(&folder, name).is_some()) {
        return newest_verified(bucket, dataset, table);
    }
    parsed(&bytes, dataset, table, number).map(Some)
}

/// The version before the newest one, without a look at the bucket, if this process has written the newest one on top of it.
pub fn known_before(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    version: u64,
) -> Result<Option<TableIndex>, PublishError> {
    match bucket.known_version(&versions_folder(dataset, table)) {
        Some(Version { number, before: Some(bytes), .. }) if number == version + 1 => {
            Ok(Some(parsed(&bytes, dataset, table, version)?.0))
        }
        _ => Ok(None),
    }
}

/// Whether this process has written a version, so that its views are not written yet, or are those of an earlier one.
pub fn is_written_here(bucket: &Bucket, index: &TableIndex) -> bool {
    let known = bucket.known_version(&versions_folder(&index.dataset, &index.table));
    known.is_some_and(|known| known.number == index.version && known.before.is_some())
}

/// A version of an index, which must be there.
pub fn read_version(
    bucket: &Bucket,
    dataset: &str,
    table: &str,
    version: u64,
) -> Result<(TableIndex, Digest), PublishError> {
    let key = index_key(dataset, table, version);
    let bytes = bucket.get(&key)?;
    let bytes = bytes.ok_or_else(|| PublishError::Damaged { key, problem: "it disappeared".to_owned() })?;
    let read = parsed(&bytes, dataset, table, version)?;
    let folder = versions_folder(dataset, table);
    // One that this process has written is known together with what it was written on.
    if bucket.known_version(&folder).is_none_or(|known| known.number != version || known.bytes.as_ref() != Some(&bytes))
    {
        bucket.keep_version(&folder, Version { number: version, bytes: Some(bytes), before: None });
    }
    Ok(read)
}

fn parsed(bytes: &[u8], dataset: &str, table: &str, version: u64) -> Result<(TableIndex, Digest), PublishError> {
    let damaged = |problem: String| PublishError::Damaged { key: index_key(dataset, table, version), problem };
    let index: TableIndex = serde_json::from_slice(bytes).map_err(|error| match table_index::unknown_field(bytes) {
        // What an earlier program does not know it would leave out of the next version.
        Some(field) => PublishError::Newer {
            key: index_key(dataset, table, version),
            problem: format!("it has a field that this version does not know, '{field}'"),
        },
        None => damaged(error.to_string()),
    })?;
    if (index.version, index.dataset.as_str(), index.table.as_str()) != (version, dataset, table) {
        let says = format!("it says that it is version {} of {}/{}", index.version, index.dataset, index.table);
        return Err(damaged(says));
    }
    if let Some(path) = names(&index).find(|path| !is_in_bucket(path)) {
        return Err(damaged(format!("it names '{}', which is no file of the bucket", path.escape_debug())));
    }
    Ok((index, Digest::of(bytes)))
}

/// The files that an index names.
fn names(index: &TableIndex) -> impl Iterator<Item = &str> {
    let days = index.files.iter().map(|file| file.path.as_str());
    let first = index.first.values().map(|first| first.path.as_str());
    days.chain(first).chain(index.months.iter().map(|month| month.path.as_str()))
}

/// Whether a path stays in the bucket, wherever it is joined to.
fn is_in_bucket(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']))
}
