//! The evidence store: what was captured, by source and hour, in a folder of the private store.
//!
//! `<folder>/<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, hours in UTC. Records are only ever appended, and no byte is
//! ever taken away: what a crash left of a record is moved aside to `<archive>.torn` by the next append. Hours that are over may
//! be sealed ([`seal`]): `.warc.zst`, smaller, with the same records; these may be kept elsewhere ([`upload`]). Readers go on behind
//! what is damaged and say what it was
//! ([`Damage`]). Beside the archives lie `.lock`, which an append holds, and `.state.json`,
//! by which a poll need not read the archive again. Folders that others keep ([`Folder`]) may have other layouts.

mod append;
mod archive;
mod archive_file;
mod beats;
mod export;
mod folder;
mod hours;
mod items;
mod listing;
mod marks;
mod missing;
mod odd;
mod parts;
mod purge;
mod reader;
pub mod remote;
mod remove;
pub mod seal;
pub mod sealed;
mod state;
pub mod stored;
pub mod take_over;
mod torn;
pub mod upload;
mod verify;
mod walk;
mod zstd_frame;

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::record::{BeatRecord, NewRecord};
use crate::capture::source::Validators;
use crate::capture::warc::Header;
use crate::capture::{Capture, CaptureError, payload, warc};
use crate::durable;

pub use append::Written;
pub use archive::Kind;
use archive::{Options, Record};
pub use archive_file::ArchiveFile;
pub use beats::FoundBeat;
pub use export::{Export, Exported, begin as begin_export};
pub use folder::{Folder, is_archive, matches, shown};
use hours::{children, newest_archives};
use items::{Bound, Item, items, newest_of};
use listing::{Bodies, damage, entry_of_ours};
pub use listing::{Damage, Entry, Listing};
pub use marks::Looked;
pub use missing::{Missing, Witness};
pub use odd::Odd;
use parts::Part;
pub use purge::{Destroyed, hour_in};
use reader::Reader;
pub use reader::{read, read_ahead};
use remote::Remote;
pub use state::{Failing, KnownCapture, SourceHealth};
use state::{Newest, State};
pub use verify::{Problem, ProblemKind, Verified};

/// A folder of evidence.
pub struct Store {
    folder: PathBuf,
    /// How archives that are not in our layout are found; `None` if the folder is our own.
    others: Option<Folder>,
    /// By source, the archive of the last append and how long it was then, so that a known end need not be looked for again.
    ends: Mutex<HashMap<String, (PathBuf, u64)>>,
    /// Whether an append waits until the disk has it.
    syncs: bool,
    /// The most bytes of a record's block.
    most: u64,
    /// Where sealed archives are kept elsewhere.
    remote: Option<Arc<Remote>>,
    /// Whether archives count that are links, or in folders that are.
    follows_links: bool,
}

impl Store {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (ends, most) = (Mutex::default(), warc::BLOCK_BYTES);
        Self { folder: folder.into(), others: None, ends, syncs: true, most, remote: None, follows_links: true }
    }

    /// The same, with the store that its sealed archives are kept in.
    pub fn with_remote(self, remote: Option<Arc<Remote>>) -> Self {
        Self { remote, ..self }
    }

    /// The same with nothing that links lead to: what can be destroyed.
    pub fn without_links(self) -> Self {
        Self { follows_links: false, ..self }
    }

    /// All records that asking a source left from `from` (included) until `until` (not included), in the order of their time.
    pub fn records(&self, source: &str, from: Timestamp, until: Timestamp) -> Result<Vec<BeatRecord>, CaptureError> {
        let mut records = Vec::new();
        let (first, last) = (self.file(source, from).with_extension(""), self.file(source, until));
        for archive in newest_archives(&self.folder, source) {
            let archive = archive?;
            if archive > last {
                continue;
            }
            if archive < first {
                break;
            }
            records.append(&mut self.beat_records(source, &archive)?);
        }
        records.retain(|record| (from..until).contains(&record.at));
        // Stable: records of one instant keep the order in which they came.
        records.sort_by_key(|record| record.at);
        Ok(records)
    }

    /// What is known of a source without reading its archives: its newest capture, and when the newest beat was due that left a
    /// record.
    pub fn known(&self, source: &str) -> (Option<KnownCapture>, Option<Timestamp>) {
        let Some(state) = State::read(&self.folder.join(source)) else { return (None, None) };
        (state.newest.map(Newest::known), state.beat)
    }

    /// Whether a source gives what it is to give, without reading its archives; `None` of one of which nothing is remembered.
    pub fn health(&self, source: &str) -> Option<SourceHealth> {
        State::read(&self.folder.join(source)).map(|state| state.health())
    }

    /// Appends without waiting for the disk, which takes most of the time where there are thousands of them. For evidence that
    /// can be made again, as that of a simulated day.
    pub fn without_fsync(folder: impl Into<PathBuf>) -> Self {
        Self { syncs: false, ..Self::new(folder) }
    }

    /// Leaves it to the caller to put what is appended onto the disk ([`sync`]), once for many captures.
    pub fn deferring_fsync(self) -> Self {
        Self { syncs: false, ..self }
    }

    /// A folder that somebody else keeps.
    pub fn of_folder(folder: &Folder) -> Self {
        Self { others: Some(folder.clone()), ..Self::new(&folder.path) }
    }

    /// The sources that there are archives of in our layout, in the order of their names.
    pub fn sources(&self) -> Result<Vec<String>, CaptureError> {
        let mut sources = Vec::new();
        for path in children(&self.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if newest_archives(&self.folder, &name).next().transpose()?.is_some() {
                sources.push(name);
            }
        }
        Ok(sources)
    }

    /// Whether a capture is the newest of its source and was found, when it was kept, to be what the source is to give.
    pub fn was_readable(&self, source: &str, entry: &Entry) -> bool {
        let newest = State::read(&self.folder.join(source)).and_then(|state| state.newest);
        newest.is_some_and(|newest| {
            newest.readable == Some(true) && (newest.sha256, newest.captured_at) == (entry.digest, entry.captured_at)
        })
    }

    /// Keeps a capture in the archive of its time.
    pub fn append(&self, source: &str, capture: &Capture) -> Result<Entry, CaptureError> {
        let payload = payload::identify(capture).payload;
        let record = NewRecord { payload: Some(payload), ..NewRecord::of(capture.clone()) };
        let written = self.write(source, &record, Some(payload.is_feed()))?;
        let place = written.place();
        self.finish(written)?;
        let (file, offset, length) = place;
        let url = capture.url.as_str().into();
        let (captured_at, digest) = (capture.captured_at, capture.digest);
        Ok(Entry { url, captured_at, digest, file, offset, length, skip: 0, is_revisit: false })
    }

    /// The captures of a source from `from` (included) until `until` (not included).
    pub fn list(&self, source: &str, from: Timestamp, until: Timestamp) -> Result<Listing, CaptureError> {
        let mut listing = Listing::default();
        let mut hour = from;
        let mut files = Vec::new();
        while hour < until {
            files.push(self.file(source, hour));
            hour = hour.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        }
        files.push(self.file(source, until));
        files.dedup();
        let add_all = |files: &[PathBuf]| {
            let mut listing = Listing::default();
            for file in files {
                self.add(source, file, &mut listing)?;
                // Another writer's, which is not packed.
                self.add(source, &file.with_extension(""), &mut listing)?;
            }
            Ok::<_, CaptureError>(listing)
        };
        // Each archive is inflated to its end, so several are read at once.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let parts = std::thread::scope(|scope| {
            let parts = files.chunks(files.len().div_ceil(threads));
            let parts: Vec<_> = parts.map(|files| scope.spawn(|| add_all(files))).collect();
            let joined = |part: ScopedJoinHandle<'_, _>| part.join().unwrap_or_else(|panic| resume_unwind(panic));
            parts.into_iter().map(joined).collect::<Vec<Result<Listing, CaptureError>>>()
        });
        for part in parts {
            let mut part = part?;
            listing.entries.append(&mut part.entries);
            listing.damage.append(&mut part.damage);
        }
        if let Some(others) = &self.others {
            others.add(source, &|at| (from..until).contains(&at), self.most, &mut listing)?;
        }
        listing.entries.retain(|entry| (from..until).contains(&entry.captured_at));
        // Stable: captures of one instant keep the order in which they came.
        listing.entries.sort_by_key(|entry| entry.captured_at);
        Ok(listing)
    }

    /// Whether a file that holds evidence of a source may hold some of a span of time: its archives are of one hour each, those
    /// of others of any.
    pub fn may_hold(&self, source: &str, file: &Path, span: &std::ops::Range<Timestamp>) -> bool {
        let hour = |file: &Path| file.to_string_lossy().split(".warc").next().unwrap_or_default().to_owned();
        let [first, last] = [span.start, span.end].map(|at| hour(&self.file(source, at)));
        !file.starts_with(self.folder.join(source)) || (first..=last).contains(&hour(file))
    }

    /// Gives what each archive has of a source from `from` (included) until `until` (not included), one archive after the other
    /// in the order of their hours; what others keep in archives of other names comes last and at once.
    pub fn by_archive(
        &self,
        source: &str,
        from: Timestamp,
        until: Timestamp,
        take: &mut dyn FnMut(Listing),
    ) -> Result<(), CaptureError> {
        let mut give = |mut listing: Listing| {
            listing.entries.retain(|entry| (from..until).contains(&entry.captured_at));
            take(listing);
        };
        let (first, last) = (self.file(source, from).with_extension(""), self.file(source, until));
        let archives = newest_archives(&self.folder, source).collect::<Result<Vec<_>, _>>()?;
        for archive in archives.iter().rev().filter(|archive| (&first..=&last).contains(archive)) {
            let mut listing = Listing::default();
            self.add(source, archive, &mut listing)?;
            give(listing);
        }
        if let Some(others) = &self.others {
            let mut listing = Listing::default();
            others.add(source, &|at| (from..until).contains(&at), self.most, &mut listing)?;
            give(listing);
        }
        Ok(())
    }

    /// The ends of archives that were moved aside after a crash.
    pub fn torn(&self, source: &str) -> Result<Vec<PathBuf>, CaptureError> {
        let mut torn = Vec::new();
        let mut folders = vec![self.folder.join(source)];
        while let Some(folder) = folders.pop() {
            for path in children(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().contains(".warc.gz.torn") {
                    torn.push(path);
                }
            }
        }
        torn.sort_unstable();
        Ok(torn)
    }

    /// The captures of a source that were there before `until`, newest first. Archives are read one by one as they are needed.
    ///
    /// Where something is damaged that may have been a capture, an error ([`CaptureError::Damaged`]) stands in its place: an
    /// older capture is the newest one only for who passes over it. What a writer has not completed yet is passed over.
    pub fn newest_first(
        &self,
        source: &str,
        until: Timestamp,
    ) -> Box<dyn Iterator<Item = Result<Entry, CaptureError>> + '_> {
        let source = source.to_owned();
        let in_time = move |item: &Result<Item, CaptureError>| item.as_ref().map_or(true, |item| item.at < until);
        let result = |item: Result<Item, CaptureError>| item.and_then(|item| item.entry.map_err(Damage::error));
        let others = self.others.as_ref().map(|others| {
            let mut listing = Listing::default();
            others.add(&source, &|at| at < until, self.most, &mut listing).map(|()| listing)
        });
        let others = match others.transpose() {
            Ok(others) => others.unwrap_or_default(),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let last = self.file(&source, until);
        let archives = newest_archives(&self.folder, &source);
        let archives = archives.filter(move |archive| archive.as_ref().map_or(true, |archive| *archive <= last));
        let listed = archives.map(move |archive| {
            let archive = archive?;
            let mut listing = Listing::default();
            self.add(&source, &archive, &mut listing).map(|()| listing)
        });
        if others == Listing::default() {
            return Box::new(listed.flat_map(newest_of).filter(in_time).map(result));
        }
        // The names of others' archives say nothing of their times.
        let mut items: Vec<_> = listed.flat_map(newest_of).chain(newest_of(Ok(others))).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.as_ref().map_or(Timestamp::MAX, |item| item.at)));
        Box::new(items.into_iter().filter(in_time).map(result))
    }

    /// The newest capture of a source that was there before `until`; an error if what is newest is damaged.
    pub fn latest(&self, source: &str, until: Timestamp) -> Result<Option<Entry>, CaptureError> {
        self.newest_first(source, until).next().transpose()
    }

    /// The same without revisits: the newest capture that brought something.
    pub fn latest_body(&self, source: &str, until: Timestamp) -> Result<Option<Entry>, CaptureError> {
        let is_body = |entry: &Result<Entry, CaptureError>| entry.as_ref().map_or(true, |entry| !entry.is_revisit);
        self.newest_first(source, until).find(is_body).transpose()
    }

    /// The first capture of a source from `from` on; an error if what may be the first is damaged.
    pub fn first_from(&self, source: &str, from: Timestamp) -> Result<Option<Entry>, CaptureError> {
        self.first_of(source, from, true)
    }

    /// The same without revisits.
    pub fn first_body_from(&self, source: &str, from: Timestamp) -> Result<Option<Entry>, CaptureError> {
        self.first_of(source, from, false)
    }

    fn first_of(&self, source: &str, from: Timestamp, with_revisits: bool) -> Result<Option<Entry>, CaptureError> {
        let begin = self.file(source, from);
        let mut archives = Vec::new();
        for archive in newest_archives(&self.folder, source) {
            let archive = archive?;
            if archive < begin && archive != begin.with_extension("") {
                break;
            }
            archives.push(archive);
        }
        let mut first: Option<Item> = None;
        let mut consider = |listing: Listing| {
            let is_wanted = |entry: &Entry| with_revisits || !entry.is_revisit;
            let is_one = |item: &Item| item.at >= from && item.entry.as_ref().map_or(true, is_wanted);
            let items = items(listing, Bound::Latest).into_iter().filter(is_one);
            let earliest = items.min_by_key(|item| item.at);
            let earlier = |item: &Item| first.as_ref().is_none_or(|first| item.at < first.at);
            if let Some(item) = earliest.filter(earlier) {
                first = Some(item);
            }
            first.is_some()
        };
        for archive in archives.iter().rev() {
            let mut listing = Listing::default();
            self.add(source, archive, &mut listing)?;
            if consider(listing) {
                break;
            }
        }
        if let Some(others) = &self.others {
            let mut listing = Listing::default();
            others.add(source, &|at| at >= from, self.most, &mut listing)?;
            consider(listing);
        }
        first.map(|item| item.entry.map_err(Damage::error)).transpose()
    }

    /// Reads a capture back and makes sure that it is what was kept.
    pub fn open(&self, entry: &Entry) -> Result<Capture, CaptureError> {
        Reader::new(self.most).read(entry)
    }

    /// What the next request of a source can be made conditional with. Nothing where the newest capture is damaged, so that it
    /// is asked for again.
    pub fn validators(&self, source: &str) -> Result<Validators, CaptureError> {
        let folder = self.folder.join(source);
        let Some(archive) = newest_archives(&self.folder, source).next().transpose()? else {
            return Ok(Validators::default());
        };
        let length = sealed::length(&folder, &archive);
        let state = State::read(&folder);
        let is_of = |state: &State| folder.join(&state.archive) == archive && state.length == length;
        // What was captured while a clock was wrong must not keep the source from giving its feed again.
        let until = crate::time::future(crate::time::now());
        let newest = state.clone().filter(is_of).and_then(|state| state.newest);
        if let Some(newest) = newest.filter(|newest| newest.captured_at < until) {
            return Ok(newest.validators());
        }
        let entry = match self.latest(source, until) {
            Ok(Some(entry)) => entry,
            Ok(None) | Err(CaptureError::Damaged { .. }) => return Ok(Validators::default()),
            Err(error) => return Err(error),
        };
        let capture = match self.open(&entry) {
            Err(CaptureError::Damaged { .. }) => return Ok(Validators::default()),
            other => other?,
        };
        let (identified, feed_time) = payload::identify_with_time(&capture);
        let newest = Newest::of(&capture, feed_time, Some(identified.payload.is_feed()));
        // The archive is only added to, so that the state holds if nobody has done so meanwhile. What is torn at its end is for
        // the next append to find.
        if *entry.file == *archive && entry.offset + entry.length == length {
            let _ = State::of(&folder, &archive, length, Some(newest.clone())).after(state).write(&folder);
        }
        Ok(newest.validators())
    }

    /// What there is in a folder that somebody else keeps and why it is no evidence of a source, for people; `None` if some of
    /// it is, or if the folder is our own.
    pub fn explain(&self, source: &str) -> Result<Option<String>, CaptureError> {
        let Some(others) = &self.others else { return Ok(None) };
        if newest_archives(&self.folder, source).next().is_some() {
            return Ok(None);
        }
        others.explain(source, self.most)
    }

    /// Adds the captures of an hour in our layout, and what is damaged; an archive that is not there adds nothing.
    fn add(&self, source: &str, path: &Path, listing: &mut Listing) -> Result<(), CaptureError> {
        let folder = self.folder.join(source);
        let failed = |source: io::Error| CaptureError::Evidence { file: path.to_owned(), verb: "read", source };
        let mut parts = self.parts(source, path).map_err(failed)?;
        listing.damage.extend(odd::Odd::unreadable_of(path).map_err(failed)?.iter().map(odd::Odd::damage));
        loop {
            let mut found = Listing::default();
            // Where the bodies are that revisits behind them in the hour name.
            let mut bodies = HashMap::new();
            let added = parts.iter().try_for_each(|part| self.add_part(&folder, part, &mut bodies, &mut found));
            // Sealed meanwhile: then what was read may be half of one form and half of the other.
            let now = self.parts(source, path).map_err(failed)?;
            if now == parts {
                listing.entries.append(&mut found.entries);
                listing.damage.append(&mut found.damage);
                return added;
            }
            parts = now;
        }
    }

    /// What counts of an hour.
    fn parts(&self, source: &str, archive: &Path) -> io::Result<Vec<Part>> {
        let folder = self.folder.join(source);
        let mut parts = parts::parts(&folder, archive, self.remote.as_ref())?;
        if !self.follows_links {
            parts.retain(|part| !part.file.is_local() || !odd::is_linked(&folder, &part.file));
        }
        Ok(parts)
    }

    fn add_part(
        &self,
        folder: &Path,
        part: &Part,
        bodies: &mut Bodies,
        listing: &mut Listing,
    ) -> Result<(), CaptureError> {
        let path: &Path = &part.file;
        let failed = |source: io::Error| CaptureError::Evidence { file: path.to_owned(), verb: "read", source };
        let sealed: HashSet<_> = match part.may_repeat {
            true => listing.entries.iter().map(|entry| (entry.captured_at, entry.digest)).collect(),
            false => HashSet::new(),
        };
        let mut last_url = "".into();
        let mut take = |record: Record| {
            let is_new = record.place.offset >= part.from;
            let entry = entry_of_ours(record, &part.file, &mut last_url, bodies);
            let is_wanted = |entry: &Entry| is_new && !sealed.contains(&(entry.captured_at, entry.digest));
            listing.entries.extend(entry.filter(is_wanted));
        };
        let wants = |header: &Header| header.no_capture().is_none() || header.is_revisit();
        let options = Options { wants: &wants, verify: false, most: self.most };
        let (_, mut stretches) = archive::scan_file(part.file.open()?, path, 0, &options, &mut take).map_err(failed)?;
        let torn = stretches.last().filter(|last| last.kind == Kind::Torn).map(|last| last.offset);
        let is_sealed = path.extension().is_some_and(|ending| ending == "zst");
        if let (true, Some(last)) = (is_sealed && torn.is_some(), stretches.last_mut()) {
            // It was whole when it got its name.
            last.kind = Kind::Damaged;
        } else if let Some(offset) = torn {
            // Somebody may be writing it; then it is whole once they let go of the lock.
            let lock = durable::open_to_read(&folder.join(".lock"));
            let _lock = lock.and_then(|lock| lock.lock_shared().map(|()| lock));
            stretches.pop();
            let (_, mut rest) = archive::scan(path, offset, &options, &mut take).map_err(failed)?;
            let was_whole = State::read(folder).filter(|state| folder.join(&state.archive) == path);
            if let Some(last) = rest.last_mut().filter(|last| last.kind == Kind::Torn)
                && was_whole.is_some_and(|state| state.length > last.offset)
            {
                last.kind = Kind::Damaged;
            }
            stretches.append(&mut rest);
        }
        stretches.retain(|stretch| stretch.offset >= part.from);
        listing.damage.extend(stretches.into_iter().map(|stretch| damage(path, stretch)));
        Ok(())
    }

    fn file(&self, source: &str, at: Timestamp) -> PathBuf {
        let time = TimeZone::UTC.to_datetime(at);
        let day = format!("{:04}/{:02}/{:02}", time.year(), time.month(), time.day());
        let name =
            format!("{source}-{:04}{:02}{:02}T{:02}.warc.gz", time.year(), time.month(), time.day(), time.hour());
        self.folder.join(source).join(day).join(name)
    }
}

/// Puts an archive and its name onto the disk.
pub fn sync(archive: &Path) -> Result<(), CaptureError> {
    let sync = || {
        durable::open_to_read(archive)?.sync_all()?;
        durable::sync_folder(archive.parent().unwrap_or(Path::new(".")))
    };
    sync().map_err(|source| CaptureError::Evidence { file: archive.to_owned(), verb: "written", source })
}

/// All captures of one archive, whoever wrote it, and what is damaged. Digests are checked.
pub fn captures(archive: &Path) -> Result<Listing, CaptureError> {
    let mut listing = Listing::default();
    folder::scan(archive, &folder::is_capture, warc::BLOCK_BYTES, &mut listing)?;
    Ok(listing)
}

/// Archives that are listed at once, at most.
const THREADS: usize = 4;

#[cfg(test)]
mod tests;
