//! Keeps what is planned, and who imports it from where.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::files::read;
use super::planned::{Item, Origin, Plan, Request};
use crate::capture::evidence::{self, Entry, Store};
use crate::capture::imports::{self, ImportEntry, ImportedCapture};
use crate::capture::payload::identify;
use crate::capture::{Capture, CaptureError, redact};
use crate::digest::Digest;
use crate::durable;

/// What an import of one source did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub new: u64,
    /// Captures of the same time and body that were there.
    pub known: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// New captures that are no feed, by what they are.
    pub unreadable: BTreeMap<&'static str, u64>,
}

/// Who imports, and from where, as the record of a run names it.
pub struct By<'a> {
    pub by: &'a str,
    pub from: &'a str,
    pub reason: Option<&'a str>,
    pub at: Timestamp,
}

/// The source whose captures are kept, and where.
pub struct Destination<'a> {
    /// The place of the source in [`Request::sources`].
    pub place: usize,
    /// The folder of evidence that its pipeline reads.
    pub evidence: &'a Path,
    /// The store in that folder.
    pub store: Store,
}

/// Keeps what is planned for one source in the folder of evidence that its pipeline reads. Without somebody who imports,
/// it only tells what would be kept.
pub fn keep(
    plan: &Plan,
    request: &Request<'_>,
    to: Destination<'_>,
    by: Option<&By<'_>>,
) -> Result<Kept, CaptureError> {
    let Destination { place, evidence, store } = to;
    let source = request.sources[place];
    let mut items: Vec<&Item> = plan.items.iter().filter(|item| item.source == place).collect();
    if items.is_empty() {
        return Ok(Kept::default());
    }
    // Two imports at once would both add what neither has found.
    let _lock = by.map(|_| lock(&evidence.join(source))).transpose()?;
    let planned = items.len();
    let mut there = known(&store, source, &items)?;
    items.retain(|item| there.insert((item.at, item.digest)));
    let mut kept = Kept {
        new: items.len() as u64,
        known: (planned - items.len()) as u64,
        first: items.first().map(|item| item.at),
        last: items.last().map(|item| item.at),
        unreadable: BTreeMap::new(),
    };
    let Some(by) = by.filter(|_| !items.is_empty()) else { return Ok(kept) };
    let captures = items.iter().map(|item| ImportedCapture { captured_at: item.at, sha256: item.digest }).collect();
    let import = ImportEntry {
        at: by.at,
        by: by.by.to_owned(),
        from: by.from.to_owned(),
        reason: by.reason.map(str::to_owned),
        captures,
    };
    // Before its captures: an import that is cut off leaves none that nobody brought, and the next one adds the others.
    imports::append(evidence, source, &import).map_err(|error| failed(&evidence.join(source), "written", error))?;
    kept.unreadable = append(request, source, &items, store)?;
    Ok(kept)
}

fn failed(file: &Path, verb: &'static str, source: io::Error) -> CaptureError {
    CaptureError::Evidence { file: file.to_owned(), verb, source }
}

/// The lock of a source's folder, which is made if there is none.
fn lock(folder: &Path) -> Result<File, CaptureError> {
    durable::create_dir_all(folder).map_err(|error| failed(folder, "made", error))?;
    let lock = durable::create(&folder.join(".importing.lock")).map_err(|error| failed(folder, "locked", error))?;
    lock.lock().map_err(|error| failed(folder, "locked", error))?;
    Ok(lock)
}

/// The captures that the store has of the time of the items, which are in the order of theirs.
fn known(store: &Store, source: &str, items: &[&Item]) -> Result<HashSet<(Timestamp, Digest)>, CaptureError> {
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(HashSet::new()) };
    let behind = last.at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let begin = Timestamp::from_second(first.at.as_second()).unwrap_or(first.at);
    let mut there: HashSet<(Timestamp, Digest)> = HashSet::new();
    for entry in store.list(source, begin, behind)?.entries {
        there.insert((entry.captured_at, entry.digest));
        // Names tell seconds; the capture of a collector that ran beside is more exact.
        there.extend(Timestamp::from_second(entry.captured_at.as_second()).map(|second| (second, entry.digest)).ok());
    }
    Ok(there)
}

/// Appends the captures of items to a store; gives those that are no feed, by what they are.
fn append(
    request: &Request<'_>,
    source: &str,
    items: &[&Item],
    store: Store,
) -> Result<BTreeMap<&'static str, u64>, CaptureError> {
    let store = store.deferring_fsync();
    let mut unreadable = BTreeMap::new();
    let mut archives: BTreeSet<PathBuf> = BTreeSet::new();
    let mut add = |capture: &Capture| -> Result<(), CaptureError> {
        let payload = identify(capture).payload;
        if !request.wanted.is(payload) {
            *unreadable.entry(payload.name()).or_default() += 1;
        }
        archives.insert(store.append(source, capture)?.file.to_path_buf());
        Ok(())
    };
    let mut records: Vec<Entry> = Vec::new();
    for item in items {
        match &item.from {
            Origin::Record(entry) => records.push(entry.clone()),
            Origin::File(relative) => {
                let unread = |error: io::Error| failed(&request.folder.join(relative), "read", error);
                let capture = read(request.folder, relative, item.at).map_err(unread)?;
                if capture.digest != item.digest {
                    return Err(unread(io::Error::other("it was changed while it was imported")));
                }
                add(&capture)?;
            }
        }
    }
    // In their order in the archives, so that none is inflated twice.
    records.sort_by(|one, other| (&one.file, one.offset, one.skip).cmp(&(&other.file, other.offset, other.skip)));
    for capture in evidence::read(records) {
        let mut capture = capture?;
        if let Ok(url) = url::Url::parse(&capture.url) {
            capture.url = redact::url(&url);
        }
        add(&capture)?;
    }
    archives.iter().try_for_each(|archive| evidence::sync(archive))?;
    Ok(unreadable)
}
