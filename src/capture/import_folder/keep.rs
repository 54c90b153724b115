//! Keeps what is planned, and who imports it from where.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::files::{read, read_described, sidecar};
use super::merge::{Merge, Merged};
use super::packed::{self, Form};
use super::piece::Piece;
use super::planned::{Hour, Item, Origin, Plan, Request};
use crate::capture::evidence::{self, Entry, Store, take_over};
use crate::capture::imports::{self, ImportEntry, ImportedCapture};
use crate::capture::payload::identify;
use crate::capture::{Capture, CaptureError, redact};
use crate::digest::Digest;
use crate::durable;

/// Records of another store that are taken over with one entry of the list of imports, at least.
const AT_ONCE: usize = 20_000;
/// Bytes that are packed before they are appended.
const BYTES_AT_ONCE: usize = 4 << 20;

/// What an import of one source did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub new: u64,
    /// Captures of the same time and body that were there.
    pub known: u64,
    /// Captures of another store that add nothing but another time.
    pub left_out: u64,
    /// Records of another store that are no captures.
    pub beats: u64,
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
    let items: Vec<&Item> = plan.items.iter().filter(|item| item.source == place).collect();
    let hours: Vec<&Hour> = plan.hours.iter().filter(|hour| hour.source == place).collect();
    if items.is_empty() && hours.is_empty() {
        return Ok(Kept::default());
    }
    // Two imports at once would both add what neither has found.
    let _lock = by.map(|_| lock(&evidence.join(source))).transpose()?;
    let store = store.deferring_fsync();
    let destination = Writing { evidence, source, store: &store, by };
    let mut kept = keep_items(items, request, &destination)?;
    merge_hours(&hours, request, &destination, &mut kept)?;
    Ok(kept)
}

/// Where captures are kept, and who imports them; nobody if it is only told what would be kept.
struct Writing<'a> {
    evidence: &'a Path,
    source: &'a str,
    store: &'a Store,
    by: Option<&'a By<'a>>,
}

impl Writing<'_> {
    /// Writes who imports which captures: before them, so that an import that is cut off leaves none that nobody brought, and
    /// the next one adds the others.
    fn announce(&self, by: &By<'_>, captures: Vec<ImportedCapture>) -> Result<(), CaptureError> {
        if captures.is_empty() {
            return Ok(());
        }
        let import = ImportEntry {
            at: by.at,
            by: by.by.to_owned(),
            from: by.from.to_owned(),
            reason: by.reason.map(str::to_owned),
            captures,
        };
        let written = imports::append(self.evidence, self.source, &import);
        written.map_err(|error| failed(&self.evidence.join(self.source), "written", error))
    }
}

fn keep_items(mut items: Vec<&Item>, request: &Request<'_>, to: &Writing<'_>) -> Result<Kept, CaptureError> {
    let planned = items.len();
    let mut there = known(to.store, to.source, &items)?;
    items.retain(|item| there.insert((item.at, item.digest)));
    let mut kept = Kept {
        new: items.len() as u64,
        known: (planned - items.len()) as u64,
        first: items.first().map(|item| item.at),
        last: items.last().map(|item| item.at),
        ..Kept::default()
    };
    let Some(by) = to.by.filter(|_| !items.is_empty()) else { return Ok(kept) };
    to.announce(by, items.iter().map(|item| ImportedCapture { captured_at: item.at, sha256: item.digest }).collect())?;
    kept.unreadable = append(request, to.source, &items, to.store)?;
    Ok(kept)
}

/// Takes over what archives of another store have and this one has not, hour by hour.
fn merge_hours(hours: &[&Hour], request: &Request<'_>, to: &Writing<'_>, kept: &mut Kept) -> Result<(), CaptureError> {
    let mut merge = Merge::new(to.store, to.source, request.url, hours);
    let mut waiting: Vec<Merged> = Vec::new();
    for hour in hours {
        let merged = merge.hour(hour)?;
        kept.new += merged.captures.len() as u64;
        kept.known += merged.known;
        kept.left_out += merged.left_out;
        kept.beats += (merged.records.len() - merged.captures.len()) as u64;
        for (at, _) in &merged.captures {
            kept.first = Some(kept.first.map_or(*at, |first| first.min(*at)));
            kept.last = Some(kept.last.map_or(*at, |last| last.max(*at)));
        }
        if to.by.is_some() && !merged.records.is_empty() {
            waiting.push(merged);
        }
        if waiting.iter().map(|merged| merged.records.len()).sum::<usize>() >= AT_ONCE {
            take_over_all(std::mem::take(&mut waiting), to)?;
        }
    }
    take_over_all(waiting, to)
}

fn take_over_all(merged: Vec<Merged>, to: &Writing<'_>) -> Result<(), CaptureError> {
    let Some(by) = to.by else { return Ok(()) };
    let captures = merged.iter().flat_map(|merged| &merged.captures);
    to.announce(by, captures.map(|(at, digest)| ImportedCapture { captured_at: *at, sha256: *digest }).collect())?;
    let mut archives: BTreeSet<PathBuf> = BTreeSet::new();
    for merged in merged {
        let (mut packed, mut hour) = (Vec::new(), None);
        for (record, refers_to) in &merged.records {
            let of = record.at.as_second().div_euclid(3600);
            if let Some((begun, at)) = hour.filter(|(begun, _)| *begun != of || packed.len() >= BYTES_AT_ONCE) {
                archives.insert(to.store.take_over(to.source, at, &std::mem::take(&mut packed))?);
                hour = Some((begun, at)).filter(|_| begun == of);
            }
            hour.get_or_insert((of, record.at));
            packed.append(&mut take_over::copy(&merged.archive, record, *refers_to)?);
        }
        if let Some((_, at)) = hour {
            archives.insert(to.store.take_over(to.source, at, &packed)?);
        }
    }
    archives.iter().try_for_each(|archive| evidence::sync(archive))
}

fn changed() -> io::Error {
    io::Error::other("it was changed while it was imported")
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
    store: &Store,
) -> Result<BTreeMap<&'static str, u64>, CaptureError> {
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
    let mut packed: BTreeMap<(&Path, Form), BTreeMap<u64, &Item>> = BTreeMap::new();
    for item in items {
        match &item.from {
            Origin::Record(entry) => records.push(entry.clone()),
            Origin::Packed(relative, form, place) => {
                packed.entry((relative, *form)).or_default().insert(*place, item);
            }
            Origin::File(relative, is_described) => {
                let unread = |error: io::Error| failed(&request.folder.join(relative), "read", error);
                let described = || match sidecar(request.folder, relative).map_err(io::Error::other)? {
                    Some(sidecar) => read_described(request.folder, relative, sidecar),
                    None => Err(io::Error::other("what describes it is not there any more")),
                };
                let capture = if *is_described { described() } else { read(request.folder, relative, item.at) };
                let capture = capture.map_err(unread)?;
                if (capture.captured_at, capture.digest) != (item.at, item.digest) {
                    return Err(unread(changed()));
                }
                add(&capture)?;
            }
        }
    }
    for ((relative, form), mut wanted) in packed {
        let path = request.folder.join(relative);
        let mut place = 0;
        packed::read(form, &path, &mut |piece| {
            let Piece::Capture(capture) = piece else { return Ok(()) };
            let item = wanted.remove(&place);
            place += 1;
            match item {
                Some(item) if (item.at, item.digest) == (capture.captured_at, capture.digest) => add(&capture),
                Some(_) => Err(failed(&path, "read", changed())),
                None => Ok(()),
            }
        })?;
        if !wanted.is_empty() {
            return Err(failed(&path, "read", changed()));
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
