//! What is published and not in the log yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::detail::Detail;
use super::pages::Views;
use crate::digest::Digest;
use crate::ledger::{ActRecord, Kind, record_key};
use crate::pipeline::purged::PurgedDate;
use crate::pipeline::signing_keys::Register;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::bucket::headers::digest_in;
use crate::publish::index::{self, TableIndex};
use crate::publish::log::{Entry, LoggedHead, RecordKind};
use crate::publish::view_writer::ViewWriter;

/// An entry that is to be written, and what the pages say of it.
pub(super) struct Pending {
    pub entry: Entry,
    pub detail: Detail,
    /// By which it has its place: when it was released, or a version before it, if the clock went back since.
    order: Timestamp,
}

/// The versions of tables that come after the heads of the log, in the order in which they were released, of those at the same moment
/// by their names: the same whoever finds them.
///
/// # Errors
/// The bucket cannot be read. A table with a damaged version is logged up to there, and told.
pub(super) fn versions(
    bucket: &Bucket,
    tables: &BTreeSet<(String, String)>,
    heads: Option<&BTreeMap<String, LoggedHead>>,
) -> Result<Vec<Pending>, PublishError> {
    let mut all = Vec::new();
    for (dataset, table) in tables {
        let head = heads.and_then(|heads| heads.get(&format!("{dataset}/{table}"))).copied();
        match of_table(bucket, (dataset, table), head, &mut all) {
            Err(
                error @ (PublishError::Damaged { .. } | PublishError::Newer { .. } | PublishError::Vanished { .. }),
            ) => {
                tracing::warn!("what is published of {dataset}/{table} is not whole in the log yet: {error}");
            }
            other => other?,
        }
    }
    let name = |entry: &Entry| match entry {
        Entry::Release { dataset, table, version, .. } => (dataset.clone(), table.clone(), *version),
        Entry::Record { .. } => (String::new(), String::new(), 0),
    };
    all.sort_by_cached_key(|pending: &Pending| (pending.order, name(&pending.entry)));
    Ok(all)
}

fn of_table(
    bucket: &Bucket,
    (dataset, table): (&str, &str),
    head: Option<LoggedHead>,
    all: &mut Vec<Pending>,
) -> Result<(), PublishError> {
    let newest = match index::last_read(bucket, dataset, table)? {
        Some(newest) => newest,
        None => match index::current(bucket, dataset, table)? {
            Some(newest) => newest,
            None => return Ok(()),
        },
    };
    // Another process may have committed and logged a version since this one has looked.
    let newest = match head.is_some_and(|head| head.version > newest.version) {
        true => index::current(bucket, dataset, table)?.unwrap_or(newest),
        false => newest,
    };
    let digest = index::last_digest(bucket, &newest).unwrap_or_else(|| index::digest(&newest));
    if head == Some(LoggedHead { version: newest.version, sha256: digest }) {
        return Ok(());
    }
    let differs = |version: u64| {
        tracing::warn!(
            "version {version} of {dataset}/{table} has other bytes than when it came into the log, or it was taken away and written \
             again: the log says now what is there, too"
        );
    };
    let mut first = head.map_or(0, |head| head.version) + 1;
    if first > newest.version {
        differs(newest.version);
        first = newest.version;
    }
    let mut order = Timestamp::UNIX_EPOCH;
    let mut before: Option<Digest> = head.filter(|head| head.version + 1 == first).map(|head| head.sha256);
    let mut version = first;
    while version <= newest.version {
        let (index, digest) = read(bucket, &newest, digest, version)?;
        if let Some(expected) = before.filter(|expected| index.previous != Some(*expected)) {
            if version > first {
                let key = index::index_key(dataset, table, version);
                let problem = format!("it follows a version with other bytes than {} before it has", expected.short());
                return Err(PublishError::Damaged { key, problem });
            }
            // The version before was exchanged since it came into the log.
            differs(version - 1);
            (before, first, version) = (None, version - 1, version - 1);
            continue;
        }
        before = Some(digest);
        order = order.max(index.release.as_ref().map_or(Timestamp::UNIX_EPOCH, |release| release.at));
        all.push(of_version(&index, digest, order));
        version += 1;
    }
    Ok(())
}

/// A version of a table with its digest: without a look at the bucket, where this process has read or written it.
fn read(
    bucket: &Bucket,
    newest: &TableIndex,
    digest: Digest,
    version: u64,
) -> Result<(TableIndex, Digest), PublishError> {
    let TableIndex { dataset, table, .. } = newest;
    if version == newest.version {
        return Ok((newest.clone(), digest));
    }
    if version + 1 == newest.version
        && let Some(known) = index::known_before(bucket, dataset, table, version)?
        && let Some(previous) = newest.previous
    {
        return Ok((known, previous));
    }
    index::read_version(bucket, dataset, table, version)
}

fn of_version(index: &TableIndex, digest: Digest, order: Timestamp) -> Pending {
    let entry = Entry::Release {
        dataset: index.dataset.clone(),
        table: index.table.clone(),
        version: index.version,
        index: digest,
        record: record_of(index),
    };
    Pending { detail: Detail::of(index), entry, order }
}

/// The record of the run or act that wrote a version; none where no file tells it: a run that took the table away, or an earlier version
/// of this program.
fn record_of(index: &TableIndex) -> Option<Digest> {
    let release = index.release.as_ref()?;
    let key = match &release.act {
        Some(act) => &act.record,
        None => &index.file_of(release.date)?.record,
    };
    Digest::parse(digest_in(key.rsplit('/').next()?)?)
}

/// Destructions that the private store knows of and the log does not. Those whose record is not in this bucket are of another one.
pub(super) fn purges(
    bucket: &Bucket,
    registered: &[PurgedDate],
    views: &Views<'_>,
) -> Result<Vec<Pending>, PublishError> {
    let mut all: Vec<Pending> = Vec::new();
    for purged in registered {
        let name = purged.record.rsplit('/').next().unwrap_or_default();
        let Some(record) = digest_in(name).and_then(Digest::parse) else { continue };
        let entry = Entry::Record { kind: RecordKind::Purge, record };
        if all.iter().any(|pending| pending.entry == entry) || views.has_record(Some(purged.at), &record)? {
            continue;
        }
        if bucket.get(&purged.record)?.is_none() {
            continue;
        }
        let detail = Detail {
            at: Some(purged.at),
            date: Some(purged.date),
            pipeline: purged.pipeline.clone(),
            act: String::new(),
        };
        all.push(Pending { entry, detail, order: purged.at });
    }
    all.sort_by_cached_key(|pending| (pending.order, pending.entry.to_string()));
    Ok(all)
}

/// The deletion of superseded files that is to begin, unless the log has it.
pub(super) fn collected(record: Option<&ActRecord>, views: &Views<'_>) -> Result<Option<Pending>, PublishError> {
    let Some(record) = record else { return Ok(None) };
    let digest = Digest::of(&record.to_bytes().1);
    Ok((!views.has_record(Some(record.at), &digest)?).then(|| of_collection(record, digest)))
}

fn of_collection(record: &ActRecord, digest: Digest) -> Pending {
    let detail = Detail { at: Some(record.at), date: None, pipeline: None, act: String::new() };
    Pending { entry: Entry::Record { kind: RecordKind::Gc, record: digest }, detail, order: record.at }
}

/// Deletions of superseded files that the log does not have: of an earlier version of this program, which kept their records beside it.
/// A record of which no file is gone that no other one explains was put by a run that was killed before it deleted anything.
pub(super) fn collected_before(bucket: &Bucket, views: &Views<'_>) -> Result<Vec<Pending>, PublishError> {
    let mut explained: BTreeSet<String> = BTreeSet::new();
    let paths = |record: &ActRecord| {
        let files = record.tables.iter().flat_map(|table| &table.files);
        files.map(|file| file.path.clone()).collect::<Vec<String>>()
    };
    for digest in views.collections() {
        explained.extend(collection(bucket, digest)?.iter().flat_map(paths));
    }
    let (mut left, mut all) = (Vec::new(), Vec::new());
    for key in bucket.list("ledger/records")? {
        let name = key.rsplit('/').next().unwrap_or_default();
        let Some(digest) = digest_in(name).and_then(Digest::parse).filter(|digest| !views.names(digest)) else {
            continue;
        };
        let Some(record) = collection(bucket, &digest)? else { continue };
        match views.has_record(Some(record.at), &digest)? {
            true => explained.extend(paths(&record)),
            false => left.push((record, digest)),
        }
    }
    if left.is_empty() {
        return Ok(all);
    }
    let there = bucket.sizes("revised")?;
    left.sort_by_key(|(record, digest)| (record.at, *digest));
    for (record, digest) in left {
        let of_record = paths(&record);
        if of_record.iter().any(|path| !there.contains_key(path) && !explained.contains(path)) {
            explained.extend(of_record);
            all.push(of_collection(&record, digest));
        }
    }
    Ok(all)
}

/// A record of the deletion of superseded files; nothing where it is gone, damaged, or another one.
fn collection(bucket: &Bucket, digest: &Digest) -> Result<Option<ActRecord>, PublishError> {
    let bytes = bucket.get(&record_key(digest))?.filter(|bytes| Digest::of(bytes) == *digest);
    let record: Option<ActRecord> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(record.filter(|record| matches!(Kind::of_format(&record.format), Some((Kind::Gc, _)))))
}

/// Changes of the signing keys that the log does not have, whose records are put into the bucket.
pub(super) fn keys(
    writer: &mut ViewWriter<'_>,
    register: &Register,
    known: usize,
    views: &Views<'_>,
) -> Result<Vec<Pending>, PublishError> {
    let mut all = Vec::new();
    // Where the register has fewer it was brought back from a backup, and all count.
    let new = register.changes.get(known..).unwrap_or(&register.changes);
    for change in new {
        let (key, bytes) = change.to_bytes();
        let record = Digest::of(&bytes);
        if views.has_record(Some(change.changed_at), &record)? {
            continue;
        }
        match writer.is_dry() {
            true => writer.note(key),
            false => writer.bucket.put_named_by_digest(&key, bytes)?,
        }
        let detail = Detail { at: Some(change.changed_at), date: None, pipeline: None, act: String::new() };
        let entry = Entry::Record { kind: RecordKind::Key, record };
        all.push(Pending { entry, detail, order: change.changed_at });
    }
    Ok(all)
}
