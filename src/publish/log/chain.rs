//! The versions of the log in the bucket: which is the newest, and writing the next one.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::digest::Digest;
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Version};

/// What the form is called; changes when a reader must change.
const FORMAT: &str = "fahrtenbuch-log/1";
const FOLDER: &str = "ledger/log";
/// How often a listing with a gap is read again: one that is made while others write may miss a name.
const LISTINGS: u64 = 4;

/// Entries that were added at once, exactly as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogVersion {
    pub format: String,
    /// Counts up from 1 without a gap.
    pub version: u64,
    /// Of the bytes of the version before this one; none of the first.
    pub previous: Option<Digest>,
    /// Entries of all versions before this one: the place of its first entry in the log, counted from 0.
    pub size: u64,
    pub entries: Vec<Entry>,
    /// The newest version of each `dataset/table` that is in the log, this version's entries included.
    pub heads: BTreeMap<String, LoggedHead>,
}

/// Up to where the versions of a table are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoggedHead {
    pub version: u64,
    /// Of the bytes of that version of the table's index.
    pub sha256: Digest,
}

impl LogVersion {
    /// The version after `before`, which is the first where there is none, with the digest of the bytes of that.
    pub(crate) fn following(before: Option<&(Self, Digest)>, entries: Vec<Entry>) -> Self {
        let mut heads = before.map(|(before, _)| before.heads.clone()).unwrap_or_default();
        for entry in &entries {
            if let Entry::Release { dataset, table, version, index, .. } = entry {
                heads.insert(format!("{dataset}/{table}"), LoggedHead { version: *version, sha256: *index });
            }
        }
        Self {
            format: FORMAT.to_owned(),
            version: before.map_or(0, |(before, _)| before.version) + 1,
            previous: before.map(|(_, digest)| *digest),
            size: before.map_or(0, |(before, _)| before.end()),
            entries,
            heads,
        }
    }

    /// Entries of the log up to this version.
    pub(crate) fn end(&self) -> u64 {
        self.size + self.entries.len() as u64
    }

    /// Its entries with their places in the log.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (self.size..).zip(&self.entries)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        // Strings, numbers, lists and maps with text keys always serialise.
        let text = serde_json::to_string_pretty(self);
        let mut text = text.unwrap_or_else(|error| crate::internal::impossible("writing the log", error));
        text.push('\n');
        text.into()
    }
}

/// What a look for the newest version finds.
#[derive(Debug)]
pub(crate) enum Newest {
    /// With the digest of its bytes.
    Version(LogVersion, Digest),
    /// There is no log yet.
    None,
    /// The newest version that was known is not there any more; what is there is found by the next look.
    Lost(u64),
}

/// Where a version is in the bucket.
pub(crate) fn key(version: u64) -> String {
    format!("{FOLDER}/v{version:010}.json")
}

fn version_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(FOLDER)?.strip_prefix("/v")?.strip_suffix(".json")?;
    digits.parse().ok().filter(|version| name == key(*version))
}

/// Keeps the bytes of a version that a process before this one has read, so that it needs not be read again.
pub(crate) fn keep(bucket: &Bucket, version: &LogVersion) {
    let kept = Version { number: version.version, bytes: Some(version.to_bytes()), before: None };
    bucket.keep_version(FOLDER, kept);
}

/// The newest version. The one that is known is not read again: a listing from it on tells whether another one follows.
///
/// # Errors
/// The bucket cannot be read; a version is missing, and later ones are there; the newest is damaged.
pub(crate) fn newest(bucket: &Bucket) -> Result<Newest, PublishError> {
    let known = bucket.known_version(FOLDER);
    let begin = known.as_ref().map_or(0, |known| known.number.saturating_sub(1));
    bucket.refuse_no_files(FOLDER, |name| version_of(name).is_some())?;
    let mut missing = 1;
    for round in 0..LISTINGS {
        std::thread::sleep(std::time::Duration::from_millis(50 * round));
        let offset = if begin == 0 { String::new() } else { key(begin) };
        let names = bucket.list_after(FOLDER, &offset)?;
        // In order, as the numbers have leading zeros.
        let versions: Vec<u64> = names.keys().filter_map(|name| version_of(name)).collect();
        if let Some((_, expected)) = versions.iter().zip(begin + 1..).find(|(version, expected)| **version != *expected)
        {
            missing = expected;
            continue;
        }
        return match (versions.last(), known) {
            (None, None) => Ok(Newest::None),
            (None, Some(known)) => {
                bucket.forget_version(FOLDER);
                Ok(Newest::Lost(known.number))
            }
            (Some(newest), Some(Version { number, bytes: Some(bytes), .. })) if *newest == number => {
                parse(&bytes, number).map(|(version, digest)| Newest::Version(version, digest))
            }
            (Some(newest), _) => read(bucket, *newest).map(|(version, digest)| Newest::Version(version, digest)),
        };
    }
    let problem = "this version is missing, and later ones are there".to_owned();
    Err(PublishError::Damaged { key: key(missing), problem })
}

/// A version, which must be there, with the digest of its bytes.
pub(crate) fn read(bucket: &Bucket, version: u64) -> Result<(LogVersion, Digest), PublishError> {
    if let Some(Version { number, bytes: Some(bytes), .. }) = bucket.known_version(FOLDER)
        && number == version
    {
        return parse(&bytes, version);
    }
    let key = key(version);
    let bytes = bucket.get(&key)?;
    let bytes = bytes.ok_or_else(|| PublishError::Damaged { key, problem: "it disappeared".to_owned() })?;
    let read = parse(&bytes, version)?;
    bucket.keep_version(FOLDER, Version { number: version, bytes: Some(bytes), before: None });
    Ok(read)
}

/// Reads the bytes of a version; gives their digest, too.
pub(crate) fn parse(bytes: &[u8], version: u64) -> Result<(LogVersion, Digest), PublishError> {
    /// What every form has.
    #[derive(Deserialize)]
    struct Form {
        format: String,
    }
    let damaged = |problem: String| PublishError::Damaged { key: key(version), problem };
    let form: Form = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if form.format != FORMAT {
        let problem = format!("its form is '{}', and this version knows '{FORMAT}'", form.format.escape_debug());
        return Err(PublishError::Newer { key: key(version), problem });
    }
    let read: LogVersion = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if read.version != version {
        return Err(damaged(format!("it says that it is version {}", read.version)));
    }
    Ok((read, Digest::of(bytes)))
}

/// Writes a version; `false` if another writer was faster.
pub(crate) fn put(bucket: &Bucket, version: &LogVersion) -> Result<bool, PublishError> {
    let (key, bytes) = (key(version.version), version.to_bytes());
    let is_new = bucket.put_once(&key, &bytes)?;
    if is_new {
        bucket.keep_version(FOLDER, Version { number: version.version, bytes: Some(bytes), before: None });
    }
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: u64) -> Entry {
        let index = Digest::of(&version.to_le_bytes());
        Entry::Release { dataset: "bus".to_owned(), table: "t".to_owned(), version, index, record: None }
    }

    fn found(bucket: &Bucket) -> Option<(LogVersion, Digest)> {
        match newest(bucket).unwrap() {
            Newest::Version(version, digest) => Some((version, digest)),
            Newest::None => None,
            Newest::Lost(version) => panic!("version {version} is lost"),
        }
    }

    #[test]
    fn versions_follow_each_other_and_only_one_writer_writes_the_next() {
        let bucket = Bucket::in_memory();
        assert!(found(&bucket).is_none());
        let first = LogVersion::following(None, vec![entry(1), entry(2)]);
        assert!(put(&bucket, &first).unwrap());
        let before = found(&bucket).unwrap();
        assert_eq!((before.0.end(), before.1), (2, Digest::of(&first.to_bytes())));
        let second = LogVersion::following(Some(&before), vec![entry(3)]);
        assert_eq!((second.version, second.size, second.previous), (2, 2, Some(before.1)));
        assert_eq!(second.heads["bus/t"].version, 3);
        assert!(put(&bucket, &second).unwrap());
        // The same again is the answer that was lost; other entries are another writer's.
        assert!(put(&bucket, &second).unwrap());
        assert!(!put(&bucket, &LogVersion::following(Some(&before), vec![entry(4)])).unwrap());
        assert_eq!(found(&bucket).unwrap().0, second);
        assert_eq!(read(&bucket, 1).unwrap().0, first);
    }

    #[test]
    fn a_newest_version_that_was_taken_away_is_lost_and_what_is_left_is_found_then() {
        let bucket = Bucket::in_memory();
        let first = LogVersion::following(None, vec![entry(1)]);
        put(&bucket, &first).unwrap();
        let second = LogVersion::following(found(&bucket).as_ref(), vec![entry(2)]);
        put(&bucket, &second).unwrap();
        bucket.remove(&key(2)).unwrap();
        assert!(matches!(newest(&bucket).unwrap(), Newest::Lost(2)));
        assert_eq!(found(&bucket).unwrap().0, first);
        put(&bucket, &second).unwrap();
        bucket.remove(&key(1)).unwrap();
        bucket.forget_version(FOLDER);
        let error = newest(&bucket).unwrap_err().to_string();
        assert!(error.contains("ledger/log/v0000000001.json") && error.contains("missing"), "{error}");
    }

    #[test]
    fn a_form_that_is_not_known_is_newer_and_a_field_that_is_not_known_is_damage() {
        let bucket = Bucket::in_memory();
        let text = LogVersion::following(None, vec![entry(1)]).to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        bucket.put(&key(1), text.replace("fahrtenbuch-log/1", "fahrtenbuch-log/2").into()).unwrap();
        assert!(matches!(newest(&bucket), Err(PublishError::Newer { .. })));
        bucket.put(&key(1), text.replace("\"size\"", "\"sizes\": 0, \"size\"").into()).unwrap();
        assert!(matches!(newest(&bucket), Err(PublishError::Damaged { .. })));
    }
}
