//! The evidence store: what was captured, by source and hour, in a folder of the private store.
//!
//! `<folder>/<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, hours in UTC. Records are only ever appended, and no byte is
//! ever taken away: what a crash left of a record is moved aside to `<archive>.torn` by the next append. Readers go on behind
//! what is damaged and say what it was ([`Damage`]). Beside the archives lie `.lock`, which an append holds, and `.state.json`,
//! by which a poll need not read the archive again. Folders that others keep ([`Folder`]) may have other layouts.

mod archive;
mod folder;
mod listing;
mod state;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ScopedJoinHandle};

use flate2::bufread::GzDecoder;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::source::Validators;
use crate::capture::{Capture, CaptureError, payload, warc};
use crate::durable;

pub use archive::Kind;
use archive::{Counted, Options, Record};
pub use folder::{Folder, is_archive, matches, shown};
pub use listing::{Damage, Entry, Listing};
use listing::{damage, entry};
use state::{Newest, State};

/// A folder of evidence.
pub struct Store {
    folder: PathBuf,
    /// How archives that are not in our layout are found; `None` if the folder is our own.
    others: Option<Folder>,
    /// How long files were after the last append, so that a known end need not be looked for again.
    ends: Mutex<HashMap<PathBuf, u64>>,
    /// Whether an append waits until the disk has it.
    syncs: bool,
    /// The most bytes of a record's block.
    most: u64,
}

/// Reads captures one after the other, each from the file that its entry names.
pub fn read(entries: Vec<Entry>) -> impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static {
    let mut reader = Reader { open: None, most: warc::BLOCK_BYTES };
    entries.into_iter().map(move |entry| reader.read(&entry))
}

/// The same, read ahead on a thread of its own.
pub fn read_ahead(entries: Vec<Entry>) -> impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static {
    Ahead::new(read(entries))
}

impl Store {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), others: None, ends: Mutex::default(), syncs: true, most: warc::BLOCK_BYTES }
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
            if self.newest_archives(&name).next().transpose()?.is_some() {
                sources.push(name);
            }
        }
        Ok(sources)
    }

    /// Whether a capture is the newest of its source and was found, when it was kept, to be what the source is to give.
    pub fn was_readable(&self, source: &str, entry: &Entry) -> bool {
        let newest = State::read(&self.folder.join(source)).map(|state| state.newest);
        newest.is_some_and(|newest| {
            newest.readable == Some(true) && (newest.sha256, newest.captured_at) == (entry.digest, entry.captured_at)
        })
    }

    /// Keeps a capture in the archive of its time.
    pub fn append(&self, source: &str, capture: &Capture) -> Result<Entry, CaptureError> {
        self.append_judged(source, capture, Some(payload::identify(capture).payload.is_feed()))
    }

    /// Keeps a capture, and whether it was found to be what the source is to give: one that is not makes the next request
    /// unconditional ([`Store::validators`]).
    pub fn append_judged(
        &self,
        source: &str,
        capture: &Capture,
        readable: Option<bool>,
    ) -> Result<Entry, CaptureError> {
        if warc::block_length(capture) > self.most {
            return Err(CaptureError::Permanent {
                url: capture.url.clone(),
                problem: format!("the response has {} bytes, more than evidence keeps of one", capture.body.len()),
                remedy: format!(
                    "Set 'max_bytes' of the source to less than {}, and ask for the feed in parts",
                    self.most
                ),
            });
        }
        let file = self.file(source, capture.captured_at);
        let failed = |verb: &'static str| {
            let file = file.clone();
            move |source: io::Error| CaptureError::Evidence { file, verb, source }
        };
        let folder = self.folder.join(source);
        let parent = file.parent().unwrap_or(&folder);
        durable::create_dir_all(parent).map_err(failed("made"))?;
        let _lock = self.lock(source).map_err(failed("locked"))?;
        let state = State::read(&folder);
        let is_new = !file.try_exists().map_err(failed("read"))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut out = durable::open(&mut options, &file).map_err(failed("opened"))?;
        let mut end = out.metadata().map_err(failed("read"))?.len();
        let of_file = |state: &&State| folder.join(&state.archive) == file;
        let known = self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&file).copied();
        let is_known = known == Some(end) || state.as_ref().filter(of_file).is_some_and(|state| state.length == end);
        if !is_known {
            let options = Options { wants: &|_| false, verify: false, most: self.most };
            let (_, stretches) = archive::scan(&file, 0, &options, &mut |_| ()).map_err(failed("read"))?;
            let was_whole = state.as_ref().filter(of_file).map_or(0, |state| state.length);
            if let Some(torn) = stretches.last().filter(|last| last.kind == Kind::Torn && last.offset >= was_whole) {
                move_aside(&mut out, &file, torn.offset).map_err(failed("mended"))?;
                end = torn.offset;
            }
        }
        let mut written = BufWriter::new(&mut out);
        written.seek(SeekFrom::Start(end)).map_err(failed("written"))?;
        if end == 0 {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            warc::write_info(&mut written, &name, capture.captured_at).map_err(failed("written"))?;
        }
        let offset = written.stream_position().map_err(failed("written"))?;
        warc::write_record(&mut written, capture).map_err(failed("written"))?;
        let length = written.stream_position().map_err(failed("written"))? - offset;
        written.flush().map_err(failed("written"))?;
        drop(written);
        if self.syncs {
            out.sync_data().map_err(failed("written"))?;
            if is_new {
                durable::sync_folder(parent).map_err(failed("written"))?;
            }
            // Losing the state loses nothing, so that a capture that is kept is never told as one that is not.
            let _ = self.remember(source, &file, offset + length, Newest::of(capture, readable), state);
        }
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone(), offset + length);
        Ok(Entry {
            url: capture.url.as_str().into(),
            captured_at: capture.captured_at,
            digest: capture.digest,
            file: file.into(),
            offset,
            length,
            skip: 0,
        })
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
        let archives = self.newest_archives(source).collect::<Result<Vec<_>, _>>()?;
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
        let archives = self.newest_archives(&source);
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

    /// The first capture of a source from `from` on; an error if what may be the first is damaged.
    pub fn first_from(&self, source: &str, from: Timestamp) -> Result<Option<Entry>, CaptureError> {
        let begin = self.file(source, from);
        let mut archives = Vec::new();
        for archive in self.newest_archives(source) {
            let archive = archive?;
            if archive < begin && archive != begin.with_extension("") {
                break;
            }
            archives.push(archive);
        }
        let mut first: Option<Item> = None;
        let mut consider = |listing: Listing| {
            let items = items(listing, Bound::Latest).into_iter().filter(|item| item.at >= from);
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
        Reader { open: None, most: self.most }.read(entry)
    }

    /// What the next request of a source can be made conditional with. Nothing where the newest capture is damaged, so that it
    /// is asked for again.
    pub fn validators(&self, source: &str) -> Result<Validators, CaptureError> {
        let folder = self.folder.join(source);
        let Some(archive) = self.newest_archives(source).next().transpose()? else { return Ok(Validators::default()) };
        let length = fs::metadata(&archive).map_or(0, |metadata| metadata.len());
        let state = State::read(&folder);
        let is_of = |state: &State| folder.join(&state.archive) == archive && state.length == length;
        // What was captured while a clock was wrong must not keep the source from giving its feed again.
        let until = crate::time::future(crate::time::now());
        if let Some(state) = state.clone().filter(is_of).filter(|state| state.newest.captured_at < until) {
            return Ok(state.newest.validators());
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
        let newest = Newest::of(&capture, Some(payload::identify(&capture).payload.is_feed()));
        // The archive is only added to, so that the state holds if nobody has done so meanwhile. What is torn at its end is for
        // the next append to find.
        if entry.file.as_ref() == archive && entry.offset + entry.length == length {
            let _ = self.remember(source, &archive, length, newest.clone(), None);
        }
        Ok(newest.validators())
    }

    /// What there is in a folder that somebody else keeps and why it is no evidence of a source, for people; `None` if some of
    /// it is, or if the folder is our own.
    pub fn explain(&self, source: &str) -> Result<Option<String>, CaptureError> {
        let Some(others) = &self.others else { return Ok(None) };
        if self.newest_archives(source).next().is_some() {
            return Ok(None);
        }
        others.explain(source, self.most)
    }

    /// Writes what is known of a source. A capture older than the newest one leaves that as it is.
    fn remember(&self, source: &str, file: &Path, length: u64, newest: Newest, state: Option<State>) -> io::Result<()> {
        let folder = self.folder.join(source);
        let archive = file.strip_prefix(&folder).unwrap_or(file).to_string_lossy().into_owned();
        let state = match state {
            Some(state) if state.newest.captured_at > newest.captured_at && state.archive == archive => {
                State { length, ..state }
            }
            Some(state) if state.newest.captured_at > newest.captured_at => return Ok(()),
            _ => State { archive, length, newest },
        };
        state.write(&folder)
    }

    /// Adds the captures of an archive in our layout, and what is damaged; one that is not there adds nothing.
    fn add(&self, source: &str, path: &Path, listing: &mut Listing) -> Result<(), CaptureError> {
        let failed = |source: io::Error| CaptureError::Evidence { file: path.to_owned(), verb: "read", source };
        if !path.try_exists().map_err(failed)? {
            return Ok(());
        }
        let file: Arc<Path> = path.into();
        let mut last_url = "".into();
        let mut take = |record: Record| listing.entries.extend(entry(record, &file, &mut last_url));
        let options = Options { wants: &|header| header.no_capture().is_none(), verify: false, most: self.most };
        let (_, mut stretches) = archive::scan(path, 0, &options, &mut take).map_err(failed)?;
        let torn = stretches.last().filter(|last| last.kind == Kind::Torn).map(|last| last.offset);
        if let Some(offset) = torn {
            // Somebody may be writing it; then it is whole once they let go of the lock.
            let lock = File::open(self.folder.join(source).join(".lock"));
            let _lock = lock.and_then(|lock| lock.lock_shared().map(|()| lock));
            stretches.pop();
            let (_, mut rest) = archive::scan(path, offset, &options, &mut take).map_err(failed)?;
            let folder = self.folder.join(source);
            let was_whole = State::read(&folder).filter(|state| folder.join(&state.archive) == path);
            if let Some(last) = rest.last_mut().filter(|last| last.kind == Kind::Torn)
                && was_whole.is_some_and(|state| state.length > last.offset)
            {
                last.kind = Kind::Damaged;
            }
            stretches.append(&mut rest);
        }
        listing.damage.extend(stretches.into_iter().map(|stretch| damage(path, stretch)));
        Ok(())
    }

    /// Waits until no other append is at work on a source, and keeps others from it.
    fn lock(&self, source: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = durable::open(&mut options, &self.folder.join(source).join(".lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// The archives of a source in our layout, newest first; folders are listed as they are needed.
    fn newest_archives(&self, source: &str) -> impl Iterator<Item = Result<PathBuf, CaptureError>> + use<> {
        let root = self.folder.clone();
        let source = source.to_owned();
        let mut stack = vec![root.join(&source)];
        std::iter::from_fn(move || {
            while let Some(path) = stack.pop() {
                if path.is_dir() {
                    match children(&path) {
                        Ok(mut children) => stack.append(&mut children),
                        Err(error) => return Some(Err(error)),
                    }
                } else if folder::is_archive(&path)
                    && folder::layout_source(&root, &path).is_some_and(|other| other == source)
                {
                    return Some(Ok(path));
                }
            }
            None
        })
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
        File::open(archive)?.sync_all()?;
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

/// What stands in a folder, in the order of the names; nothing if it is not there.
fn children(folder: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let failed = |source: io::Error| CaptureError::Evidence { file: folder.to_owned(), verb: "listed", source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut children =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    children.sort_unstable();
    Ok(children)
}

/// Moves what an archive has from a byte on into a file of its own, `<archive>.torn`, or `.torn.2` and so on where that is
/// there, and takes it off the archive only when the disk has it there.
fn move_aside(archive: &mut File, path: &Path, offset: u64) -> io::Result<()> {
    for number in 1_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".torn".to_owned() } else { format!(".torn.{number}") });
        if fs::symlink_metadata(&name).is_ok() {
            continue;
        }
        archive.seek(SeekFrom::Start(offset))?;
        if durable::copy_new(Path::new(&name), archive)? {
            archive.set_len(offset)?;
            return archive.sync_all();
        }
    }
    Err(io::Error::other("there are too many torn ends"))
}

/// A capture, or a stretch that may have been one, with its time.
struct Item {
    at: Timestamp,
    entry: Result<Entry, Damage>,
}

/// Which time a stretch is given, since its own is not known.
#[derive(Clone, Copy)]
enum Bound {
    /// That of the newest capture before it in its archive.
    Earliest,
    /// That of the oldest capture behind it.
    Latest,
}

/// In the order of the files. What a writer has not completed is none.
fn items(listing: Listing, bound: Bound) -> Vec<Item> {
    let damage = listing.damage.into_iter().filter(|damage| damage.kind != Kind::Torn).map(Err);
    let mut items: Vec<Result<Entry, Damage>> = listing.entries.into_iter().map(Ok).chain(damage).collect();
    items.sort_by_cached_key(|item| match item {
        Ok(entry) => (entry.file.to_path_buf(), entry.offset, entry.skip),
        Err(damage) => (damage.file.clone(), damage.offset, u64::MAX),
    });
    let unknown = match bound {
        Bound::Earliest => Timestamp::MIN,
        Bound::Latest => Timestamp::MAX,
    };
    let mut file = PathBuf::new();
    let mut known = unknown;
    let mut timed = move |entry: Result<Entry, Damage>| {
        let of = entry.as_ref().map_or_else(|damage| damage.file.as_path(), |entry| &entry.file);
        if of != file {
            file = of.to_owned();
            known = unknown;
        }
        let at = entry.as_ref().map_or(known, |entry| entry.captured_at);
        known = match bound {
            Bound::Earliest => known.max(at),
            Bound::Latest => known.min(at),
        };
        Item { at, entry }
    };
    match bound {
        Bound::Earliest => items.into_iter().map(timed).collect(),
        Bound::Latest => {
            let mut items: Vec<Item> = items.into_iter().rev().map(&mut timed).collect();
            items.reverse();
            items
        }
    }
}

/// The captures of an archive, newest first, and each damage before what it may have followed.
fn newest_of(listing: Result<Listing, CaptureError>) -> Vec<Result<Item, CaptureError>> {
    let listing = match listing {
        Ok(listing) => listing,
        Err(error) => return vec![Err(error)],
    };
    let mut items = items(listing, Bound::Earliest);
    items.sort_by_key(|item| item.at);
    items.reverse();
    items.into_iter().map(Ok).collect()
}

/// Archives that are listed at once, at most.
const THREADS: usize = 4;
/// Bytes of captures that are read ahead, and how many captures at most.
const AHEAD_BYTES: usize = 1 << 20;
const AHEAD: usize = 256;

/// Reads captures on a thread of their own, while the one before is being worked on. At most [`AHEAD_BYTES`] and one capture
/// more are held beside those that were given out; while a larger capture is worked on nothing is read.
struct Ahead {
    captures: std::vec::IntoIter<Result<Capture, CaptureError>>,
    receiver: Receiver<Vec<Result<Capture, CaptureError>>>,
    reader: Option<JoinHandle<()>>,
}

impl Ahead {
    fn new(mut captures: impl Iterator<Item = Result<Capture, CaptureError>> + Send + 'static) -> Self {
        // Without places: the next batch is read while the one before is worked on, and waits here until that is done.
        let (sender, receiver) = std::sync::mpsc::sync_channel(0);
        let reader = std::thread::spawn(move || {
            loop {
                let (mut batch, mut bytes) = (Vec::new(), 0);
                while batch.len() < AHEAD && bytes < AHEAD_BYTES {
                    let Some(capture) = captures.next() else { break };
                    bytes += capture.as_ref().map_or(0, |capture| capture.body.len());
                    batch.push(capture);
                }
                let is_end = batch.is_empty();
                // Nobody may want more.
                if is_end || sender.send(batch).is_err() {
                    return;
                }
                // An empty batch is taken when those before it are done with.
                if bytes >= 2 * AHEAD_BYTES && sender.send(Vec::new()).is_err() {
                    return;
                }
            }
        });
        Self { captures: Vec::new().into_iter(), receiver, reader: Some(reader) }
    }
}

impl Iterator for Ahead {
    type Item = Result<Capture, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(capture) = self.captures.next() {
                return Some(capture);
            }
            let Ok(batch) = self.receiver.recv() else {
                // Captures that a panic kept back must not look like the end.
                if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
                    resume_unwind(panic);
                }
                return None;
            };
            self.captures = batch.into_iter();
        }
    }
}

/// Reads captures and keeps the file open that it read last.
struct Reader {
    open: Option<(Arc<Path>, Open)>,
    most: u64,
}

enum Open {
    File(BufReader<File>),
    /// A member of many records.
    Member {
        offset: u64,
        inflated: Box<Counted<BufReader<GzDecoder<BufReader<File>>>>>,
    },
}

impl Reader {
    fn read(&mut self, entry: &Entry) -> Result<Capture, CaptureError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                let (file, offset) = (entry.file.to_path_buf(), entry.offset);
                CaptureError::Damaged { file, offset, problem: source.to_string() }
            }
            _ => CaptureError::Evidence { file: entry.file.to_path_buf(), verb: "read", source },
        };
        let capture = self.capture(entry).map_err(failed)?;
        if capture.digest != entry.digest {
            let problem = "the payload is not the one that was captured: its digest differs".to_owned();
            return Err(CaptureError::Damaged { file: entry.file.to_path_buf(), offset: entry.offset, problem });
        }
        Ok(capture)
    }

    fn capture(&mut self, entry: &Entry) -> io::Result<Capture> {
        let open = self.open.take().filter(|(path, _)| *path == entry.file).map(|(_, open)| open);
        let new = || File::open(&entry.file).map(|file| BufReader::with_capacity(1 << 16, file));
        if entry.skip > 0 {
            let mut inflated = match open {
                Some(Open::Member { offset, inflated }) if offset == entry.offset && inflated.count <= entry.skip => {
                    inflated
                }
                _ => {
                    let mut file = new()?;
                    file.seek(SeekFrom::Start(entry.offset))?;
                    let input = BufReader::with_capacity(1 << 15, GzDecoder::new(file));
                    Box::new(Counted { input, count: 0, most: u64::MAX })
                }
            };
            let ahead = entry.skip - inflated.count;
            warc::pass_over(&mut *inflated, ahead)?;
            let capture = warc::read_capture(&mut *inflated, self.most)?;
            self.open = Some((entry.file.clone(), Open::Member { offset: entry.offset, inflated }));
            return Ok(capture);
        }
        let mut file = match open {
            Some(Open::File(file)) => file,
            _ => new()?,
        };
        // Relative, so that what is buffered of the next record is not read twice.
        archive::seek(&mut file, entry.offset)?;
        let mut member = (&mut file).take(entry.length);
        let is_packed = io::BufRead::fill_buf(&mut member)?.first() == Some(&0x1f);
        let capture = if is_packed {
            warc::read_capture(&mut BufReader::new(GzDecoder::new(member)), self.most)?
        } else {
            warc::read_capture(&mut member, self.most)?
        };
        self.open = Some((entry.file.clone(), Open::File(file)));
        Ok(capture)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::digest::Digest;

    fn capture(second: i64, body: &str) -> Capture {
        let body = Bytes::from(body.to_owned());
        Capture {
            url: "https://stadtbus.example/vehicles".into(),
            captured_at: Timestamp::from_second(1_795_510_800 + second).unwrap(),
            status: 200,
            headers: vec![("ETag".into(), "\"a\"".into()), ("Content-Length".into(), body.len().to_string())],
            digest: Digest::of(&body),
            body,
        }
    }

    fn all(store: &Store) -> Listing {
        store
            .list("bus", Timestamp::from_second(1_795_510_000).unwrap(), Timestamp::from_second(1_795_600_000).unwrap())
            .unwrap()
    }

    #[test]
    fn captures_come_back_as_they_were_kept_by_hour_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let kept: Vec<Capture> = (0..300).map(|i| capture(i * 15, &format!("\n\u{5}\n\u{3}2.0 message {i}"))).collect();
        for capture in &kept {
            store.append("bus", capture).unwrap();
        }
        let listing = all(&store);
        assert!(listing.damage.is_empty());
        let read: Vec<Capture> = read(listing.entries.clone()).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, kept);
        assert_eq!(store.validators("bus").unwrap().etag.as_deref(), Some("\"a\""));
        // A page in between has a tag of its own, which no request must name.
        let page = Capture { captured_at: Timestamp::from_second(1_795_520_000).unwrap(), ..capture(0, "<html>") };
        store.append("bus", &page).unwrap();
        let known = store.validators("bus").unwrap();
        assert_eq!((known.are_conditions(), known.digest), (false, Some(page.digest)));
        let files: std::collections::BTreeSet<_> = listing.entries.iter().map(|entry| entry.file.clone()).collect();
        assert_eq!(files.len(), 2);
        let half = store.list("bus", kept[10].captured_at, kept[20].captured_at).unwrap();
        assert_eq!(half.entries.len(), 10);
    }

    #[test]
    fn captures_that_are_read_ahead_come_in_their_order_with_what_failed_in_its_place() {
        let all = |count: usize| {
            (0..count).map(|place| match place % 7 {
                3 => Err(CaptureError::Evidence { file: "x".into(), verb: "read", source: io::Error::other("x") }),
                // Larger than what is read ahead.
                5 => Ok(capture(place as i64, &"x".repeat(3 << 20))),
                _ => Ok(capture(place as i64, "x")),
            })
        };
        let shown = |captures: Vec<Result<Capture, CaptureError>>| -> Vec<Option<(Timestamp, usize)>> {
            captures.into_iter().map(|capture| capture.ok().map(|c| (c.captured_at, c.body.len()))).collect()
        };
        for count in [0, 1, 6, 20] {
            assert_eq!(shown(Ahead::new(all(count)).collect()), shown(all(count).collect()), "{count}");
        }
        let many = || (0..2 * AHEAD + 7).map(|place| Ok(capture(place as i64, "x")));
        assert_eq!(shown(Ahead::new(many()).collect()), shown(many().collect()));
        // Whoever wants no more ends the reading.
        assert!(Ahead::new(many()).next().is_some_and(|capture| capture.is_ok()));
    }

    #[test]
    #[should_panic(expected = "in the reader")]
    fn a_panic_while_reading_ahead_is_not_the_end_of_the_captures() {
        Ahead::new((0..2).map(|place| if place == 1 { panic!("in the reader") } else { Ok(capture(0, "x")) }))
            .for_each(drop);
    }

    #[test]
    fn the_same_captures_give_the_same_bytes() {
        let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
        let files: Vec<Vec<u8>> = folders
            .iter()
            .map(|folder| fs::read(Store::new(folder.path()).append("bus", &capture(0, "x")).unwrap().file).unwrap())
            .collect();
        assert_eq!(files[0], files[1]);
    }

    /// All bytes of a source's archives and of their torn ends, one after the other.
    fn kept_bytes(store: &Store) -> usize {
        let day = store.file("bus", capture(0, "").captured_at);
        let paths = children(day.parent().unwrap()).unwrap();
        paths.iter().map(|path| fs::read(path).unwrap().len()).sum()
    }

    fn bodies(listing: &Listing) -> Vec<String> {
        let captures = read(listing.entries.clone()).collect::<Result<Vec<_>, _>>().unwrap();
        captures.iter().map(|capture| String::from_utf8_lossy(&capture.body).into_owned()).collect()
    }

    fn forget(store: &Store) {
        fs::remove_file(store.folder.join("bus/.state.json")).unwrap();
    }

    #[test]
    fn what_a_crash_left_is_moved_aside_by_the_next_append() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::without_fsync(folder.path());
        let first = store.append("bus", &capture(0, "first")).unwrap();
        let second = store.append("bus", &capture(15, "second")).unwrap();
        let whole = fs::read(&first.file).unwrap();
        let torn = first.file.with_extension("gz.torn");
        for length in 0..whole.len() as u64 {
            fs::write(&first.file, &whole[..length as usize]).unwrap();
            let store = Store::without_fsync(folder.path());
            let listing = all(&store);
            let expected = usize::from(length >= second.offset);
            let at = if length >= second.offset {
                second.offset
            } else if length >= first.offset {
                first.offset
            } else {
                0
            };
            assert_eq!(listing.entries.len(), expected, "{length}");
            let kinds: Vec<_> = listing.damage.iter().map(|damage| (damage.kind, damage.offset)).collect();
            assert_eq!(kinds, if length == at { vec![] } else { vec![(Kind::Torn, at)] }, "{length}");
            store.append("bus", &capture(30, "third")).unwrap();
            let healed = all(&store);
            assert!(healed.damage.is_empty(), "{length}");
            assert_eq!(healed.entries.len(), expected + 1, "{length}");
            assert_eq!(store.open(healed.entries.last().unwrap()).unwrap().body, "third");
            assert_eq!(fs::read(&torn).unwrap_or_default(), &whole[at as usize..length as usize]);
            let _ = fs::remove_file(&torn);
        }
    }

    #[test]
    fn a_torn_end_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let entry = store.append("bus", &capture(0, "x")).unwrap();
        for number in 0..3 {
            let mut archive = fs::read(&entry.file).unwrap();
            archive.extend_from_slice(&[0x1f, 0x8b, 8, 0, number]);
            fs::write(&entry.file, archive).unwrap();
            Store::new(folder.path()).append("bus", &capture(15, "y")).unwrap();
        }
        for (number, name) in ["torn", "torn.2", "torn.3"].iter().enumerate() {
            let path = PathBuf::from(format!("{}.{name}", entry.file.display()));
            assert_eq!(fs::read(&path).unwrap(), [0x1f, 0x8b, 8, 0, number as u8]);
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_acknowledged_record_that_was_cut_is_damage_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.append("bus", &capture(0, "first")).unwrap();
        let second = store.append("bus", &capture(15, "second")).unwrap();
        let whole = fs::read(&second.file).unwrap();
        fs::write(&second.file, &whole[..whole.len() - 20]).unwrap();
        let store = Store::new(folder.path());
        assert_eq!(all(&store).damage[0].kind, Kind::Damaged);
        assert!(matches!(store.latest("bus", Timestamp::MAX), Err(CaptureError::Damaged { .. })));
        store.append("bus", &capture(30, "third")).unwrap();
        assert!(fs::read(&second.file).unwrap().starts_with(&whole[..whole.len() - 20]));
        assert_eq!(bodies(&all(&store)), ["first", "third"]);
    }

    #[test]
    fn one_flipped_byte_costs_one_record_and_the_next_append_costs_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let entries: Vec<Entry> =
            (0..4).map(|i| store.append("bus", &capture(i * 15, &format!("body {i}"))).unwrap()).collect();
        let whole = fs::read(&entries[0].file).unwrap();
        for at in entries[1].offset..entries[2].offset {
            let mut bytes = whole.clone();
            bytes[at as usize] ^= 0x10;
            fs::write(&entries[0].file, &bytes).unwrap();
            let store = Store::new(folder.path());
            let listing = all(&store);
            let read = bodies(&listing);
            // The gzip header's time and system may be anything.
            if read.len() == 4 {
                assert!((4..10).contains(&(at - entries[1].offset)), "{at}");
                continue;
            }
            assert_eq!(read, ["body 0", "body 2", "body 3"], "{at}");
            let [damage] = listing.damage.as_slice() else { panic!("{:?}", listing.damage) };
            assert_eq!(
                (damage.offset, damage.length, damage.kind),
                (entries[1].offset, entries[1].length, Kind::Damaged)
            );
            store.append("bus", &capture(60, "body 4")).unwrap();
            assert!(fs::read(&entries[0].file).unwrap().starts_with(&bytes));
            assert_eq!(bodies(&all(&store)), ["body 0", "body 2", "body 3", "body 4"]);
        }
    }

    #[test]
    fn a_reader_waits_for_an_append_that_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.append("bus", &capture(0, "first")).unwrap();
        let second = store.append("bus", &capture(15, "second")).unwrap();
        let whole = fs::read(&second.file).unwrap();
        fs::write(&second.file, &whole[..whole.len() - 7]).unwrap();
        let lock = store.lock("bus").unwrap();
        let reader = std::thread::spawn({
            let store = Store::new(folder.path());
            move || all(&store)
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!reader.is_finished());
        fs::write(&second.file, &whole).unwrap();
        drop(lock);
        let listing = reader.join().unwrap();
        assert_eq!((listing.entries.len(), listing.damage), (2, Vec::new()));
    }

    #[test]
    fn a_poll_does_not_read_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let entry = Store::new(folder.path()).append("bus", &capture(0, "first")).unwrap();
        // Zeros of the same length, which whoever reads them would take for damage.
        let length = fs::metadata(&entry.file).unwrap().len();
        fs::write(&entry.file, vec![0; length as usize]).unwrap();
        let store = Store::new(folder.path());
        let known = store.validators("bus").unwrap();
        assert_eq!((known.etag.as_deref(), known.digest), (Some("\"a\""), Some(Digest::of(b"first"))));
        assert_eq!(store.append("bus", &capture(15, "second")).unwrap().offset, length);
        assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"second")));
        // Without the state the archive is read, and what is found is remembered.
        forget(&store);
        assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"second")));
        assert_eq!(State::read(&folder.path().join("bus")).unwrap().length, fs::metadata(&entry.file).unwrap().len());
        // A newer archive that somebody put there is seen.
        let newer = Store::without_fsync(folder.path());
        newer.append("bus", &capture(7200, "third")).unwrap();
        assert_eq!(store.validators("bus").unwrap().digest, Some(Digest::of(b"third")));
        // An older capture, as from an import, is not the newest.
        store.append("bus", &capture(3600, "older")).unwrap();
        assert_eq!(Store::new(folder.path()).validators("bus").unwrap().digest, Some(Digest::of(b"third")));
    }

    #[test]
    fn a_source_whose_last_answer_was_not_readable_is_asked_without_conditions() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.append_judged("bus", &capture(0, "<html>"), Some(false)).unwrap();
        let known = store.validators("bus").unwrap();
        assert_eq!((known.are_conditions(), known.digest), (false, Some(Digest::of(b"<html>"))));
    }

    #[test]
    fn damage_at_the_newest_capture_is_an_error_and_never_the_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.append("bus", &capture(0, "yesterday")).unwrap();
        let older = store.append("bus", &capture(86_400, "older")).unwrap();
        let newest = store.append("bus", &capture(86_415, "newest")).unwrap();
        let whole = fs::read(&newest.file).unwrap();
        let flip = |at: u64| {
            let mut bytes = whole.clone();
            bytes[at as usize] ^= 0xff;
            fs::write(&newest.file, bytes).unwrap();
        };
        flip(newest.offset + 30);
        let latest = |until: Timestamp| store.latest("bus", until);
        let error = latest(Timestamp::MAX).unwrap_err();
        let CaptureError::Damaged { file, offset, .. } = &error else { panic!("{error}") };
        assert_eq!((file.as_path(), *offset), (newest.file.as_ref(), newest.offset));
        assert!(error.to_string().contains("Restore the archive from a backup"), "{error}");
        assert!(matches!(store.first_from("bus", newest.captured_at), Err(CaptureError::Damaged { .. })));
        // Who passes over it gets the older ones, over archives.
        let passed: Vec<_> = store.newest_first("bus", Timestamp::MAX).filter_map(Result::ok).collect();
        assert_eq!(
            passed.iter().map(|entry| entry.captured_at).collect::<Vec<_>>(),
            [older.captured_at, capture(0, "").captured_at]
        );
        // What is before the damage is not touched by it.
        assert_eq!(latest(older.captured_at).unwrap().unwrap().captured_at, capture(0, "").captured_at);
        // Damage before the newest is none of it.
        flip(older.offset + 30);
        assert_eq!(latest(Timestamp::MAX).unwrap().unwrap(), newest);
        assert!(matches!(latest(newest.captured_at), Err(CaptureError::Damaged { .. })));
        assert!(matches!(store.first_from("bus", older.captured_at), Err(CaptureError::Damaged { .. })));
        fs::write(&newest.file, &whole).unwrap();
        assert_eq!(store.first_from("bus", older.captured_at).unwrap().unwrap(), older);
    }

    #[test]
    fn a_record_above_the_limit_is_refused_when_it_comes_and_ends_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.append("bus", &capture(0, "first")).unwrap();
        let large = capture(15, &"x".repeat(5_000));
        let entry = store.append("bus", &large).unwrap();
        store.append("bus", &capture(30, "third")).unwrap();
        let small = Store { most: 1_000, ..Store::new(folder.path()) };
        let listing = all(&small);
        assert_eq!(bodies(&listing), ["first", "third"]);
        let kinds: Vec<_> = listing.damage.iter().map(|damage| (damage.kind, damage.offset)).collect();
        assert_eq!(kinds, [(Kind::TooLarge, entry.offset)]);
        let before = kept_bytes(&small);
        let error = small.append("bus", &large).unwrap_err();
        assert!(matches!(error, CaptureError::Permanent { .. }) && error.to_string().contains("max_bytes"), "{error}");
        assert_eq!(kept_bytes(&small), before);
    }

    #[test]
    fn a_body_of_two_gib_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let body = Bytes::from(vec![0; 2 << 30]);
        let large = Capture { body, ..capture(0, "") };
        assert!(matches!(Store::new(folder.path()).append("bus", &large), Err(CaptureError::Permanent { .. })));
        assert!(!folder.path().join("bus").exists());
    }

    #[test]
    fn what_is_kept_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("evidence"));
        let entry = store.append("bus", &capture(0, "Fahrer 4711")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let source = store.folder.join("bus");
        for file in [&entry.file, source.join(".lock").as_path(), source.join(".state.json").as_path()] {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        for folder in entry.file.ancestors().skip(1).take(5) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        assert_eq!(store.sources().unwrap(), ["bus"]);
    }

    #[test]
    fn a_record_is_found_behind_many_beginnings_that_come_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let entry = store.append("bus", &capture(0, &"x".repeat(400))).unwrap();
        let whole = fs::read(&entry.file).unwrap();
        let record = &whole[entry.offset as usize..];
        // Stored, so that the beginnings within it are blocks that swallow each other.
        let mut nested = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0xf0, 0xff, 0x0f, 0];
        nested.extend_from_slice(b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 99999999999\r\n\r\n");
        for beginning in [&GZIP_MAGIC[..], &record[..60], &record[..record.len() - 1], &nested] {
            let mut bytes: Vec<u8> = b"\x1f\x8b\x08".to_vec();
            while bytes.len() < 2 << 20 {
                bytes.extend_from_slice(beginning);
            }
            bytes.extend_from_slice(record);
            fs::write(&entry.file, &bytes).unwrap();
            let clock = std::time::Instant::now();
            let listing = all(&Store::new(folder.path()));
            assert_eq!(listing.entries.len(), 1);
            assert!(clock.elapsed().as_secs() < 30, "{:?}", clock.elapsed());
        }
    }

    const GZIP_MAGIC: [u8; 4] = [0x1f, 0x8b, 8, 0];

    proptest::proptest! {
        /// Bytes are flipped, cut out and put in at random. Each is followed by where it came from, so that it is known which
        /// records no edit has touched: they are read, now and after the next append, and no byte goes.
        #[test]
        fn no_record_that_was_not_touched_is_ever_lost(
            sizes in proptest::collection::vec((0_usize..400, proptest::bool::ANY), 1..7),
            edits in proptest::collection::vec((0_u8..3, 0.0..1.0_f64, 1_usize..120, proptest::num::u8::ANY), 1..6),
            is_forgotten in proptest::bool::ANY,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::without_fsync(folder.path());
            let store = if is_forgotten { store } else { Store::new(folder.path()) };
            let entries: Vec<Entry> = sizes.iter().enumerate().map(|(place, (size, is_stored))| {
                let noise: String = (0..*size).map(|i| char::from(b'a' + (i * i * 7 + i / 3 + place) as u8 % 26)).collect();
                let body = format!("{}{place} {noise}", if *is_stored { "PK" } else { "" });
                store.append("bus", &capture(place as i64 * 15, &body)).unwrap()
            }).collect();
            let mut bytes: Vec<(u8, Option<usize>)> =
                fs::read(&entries[0].file).unwrap().into_iter().enumerate().map(|(at, byte)| (byte, Some(at))).collect();
            for (kind, at, count, byte) in edits {
                let at = (at * bytes.len() as f64) as usize;
                let end = (at + count).min(bytes.len());
                match kind {
                    0 if at < bytes.len() => bytes[at] = (bytes[at].0 ^ byte.max(1), None),
                    1 => drop(bytes.drain(at..end)),
                    // What is put in looks like a beginning now and then.
                    _ => drop(bytes.splice(at..at, (0..count).map(|i| {
                        (if byte < 64 { GZIP_MAGIC[i % 4] } else { byte.wrapping_mul(i as u8) }, None)
                    }))),
                }
            }
            let at_origin = |origin: usize| bytes.iter().position(|(_, from)| *from == Some(origin));
            let untouched: Vec<Timestamp> = entries.iter().filter(|entry| {
                let (offset, length) = (entry.offset as usize, entry.length as usize);
                at_origin(offset).is_some_and(|at| {
                    at + length <= bytes.len() && (0..length).all(|i| bytes[at + i].1 == Some(offset + i))
                })
            }).map(|entry| entry.captured_at).collect();
            let mutated: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
            fs::write(&entries[0].file, &mutated).unwrap();
            let store = Store::new(folder.path());
            let found = |store: &Store| -> Vec<Timestamp> {
                let listing = all(store);
                read(listing.entries).filter_map(Result::ok).map(|capture| capture.captured_at).collect()
            };
            let before = found(&store);
            proptest::prop_assert!(untouched.iter().all(|at| before.contains(at)), "{untouched:?} {before:?}");
            store.append("bus", &capture(900, "appended")).unwrap();
            let after = found(&store);
            proptest::prop_assert!(untouched.iter().all(|at| after.contains(at)), "{untouched:?} {after:?}");
            proptest::prop_assert!(after.contains(&capture(900, "").captured_at));
            let archive = fs::read(&entries[0].file).unwrap();
            let torn = fs::read(entries[0].file.with_extension("gz.torn")).unwrap_or_default();
            let kept = [&mutated[..mutated.len() - torn.len()], &torn].concat();
            proptest::prop_assert!(archive.starts_with(&mutated[..mutated.len() - torn.len()]) && kept == mutated);
        }
    }

    #[test]
    fn evidence_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut entry = store.append("bus", &capture(0, "honest")).unwrap();
        let mut forged = capture(0, "forged");
        forged.digest = Digest::of(b"honest");
        let mut bytes = Vec::new();
        warc::write_record(&mut bytes, &forged).unwrap();
        fs::write(&entry.file, &bytes).unwrap();
        (entry.offset, entry.length) = (0, bytes.len() as u64);
        let error = store.open(&entry).unwrap_err();
        assert!(error.to_string().contains("digest differs"), "{error}");
    }

    #[test]
    fn no_bytes_make_the_scan_panic() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let file = store.file("bus", capture(0, "").captured_at);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        for bytes in [&b""[..], b"\x1f\x8b", b"WARC/1.1\r\n\r\n", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0]] {
            fs::write(&file, bytes).unwrap();
            assert!(all(&store).entries.is_empty());
        }
    }
}
