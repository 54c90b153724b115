//! Import: files that somebody collected become evidence, with the times that their names tell.
//!
//! A [`Plan`] looks at everything first and changes nothing; [`keep()`] then writes who imports what from where
//! ([`crate::capture::imports`]) and appends the bodies as they are. One file is in memory at a time. Importing twice adds
//! nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::evidence::{self, Entry, Store};
use crate::capture::file_names::{self, NamedTime, Pattern};
use crate::capture::imports::{self, ImportEntry, ImportedCapture};
use crate::capture::payload::{Payload, Wanted, identify};
use crate::capture::{Capture, CaptureError, redact, warc};
use crate::digest::Digest;
use crate::durable;
use crate::protobuf::{self, Value};

/// Folders within folders, at the most.
const DEPTH: usize = 32;
/// Problems that are kept; the others are counted.
const SHOWN: usize = 10;
/// How far a feed's own time may be from the one that its file's name tells, in seconds.
const APART: i64 = 900;

/// Where the times of files come from.
#[derive(Clone, Debug)]
pub enum Times {
    /// Their names, in the usual forms or by a pattern.
    Names(Option<Pattern>),
    /// The times of modification that the file system has.
    Files,
}

/// What is asked for.
pub struct Request<'a> {
    pub folder: &'a Path,
    /// The sources that files may be of.
    pub sources: Vec<&'a str>,
    /// All files are of this one of them.
    pub source: Option<usize>,
    pub wanted: Wanted,
    pub times: Times,
    /// Of times in names without one; UTC if none is given.
    pub zone: Option<TimeZone>,
    /// Only captures of archives with this address; `*` stands for any text.
    pub url: Option<&'a str>,
    /// Captures from here on are of the future.
    pub until: Timestamp,
}

/// A capture to be.
pub struct Item {
    /// The place of its source in [`Request::sources`].
    pub source: usize,
    pub at: Timestamp,
    pub digest: Digest,
    from: Origin,
}

enum Origin {
    /// A file, relative to the folder.
    File(PathBuf),
    /// A record of an archive.
    Record(Entry),
}

/// What an import would do.
#[derive(Default)]
pub struct Plan {
    /// In the order of their time.
    pub items: Vec<Item>,
    /// What cannot be imported although it looks as if it should be: the first few with their reasons.
    pub problems: Vec<String>,
    pub problem_count: u64,
    /// Files that are no captures, by what they are.
    pub passed_over: BTreeMap<String, u64>,
    /// Names whose times have no zone.
    pub without_zone: u64,
    /// Names that tell a date and no time of day.
    pub days_only: u64,
    /// Files of which nothing but the number of sources says which one they are of.
    pub by_being_alone: u64,
    /// Messages that tell their own time, those of which it is far from that of the name, and by how many seconds the first is.
    pub stamped: u64,
    pub apart: u64,
    pub first_apart: Option<i64>,
}

impl Plan {
    fn problem(&mut self, path: &str, reason: &str) {
        self.problem_count += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(format!("{}: {reason}", path.escape_debug()));
        }
    }

    fn pass_over(&mut self, what: impl Into<String>) {
        *self.passed_over.entry(what.into()).or_default() += 1;
    }

    /// Whether most names tell another time than the messages themselves, as local times that are taken for UTC do.
    pub fn is_shifted(&self) -> bool {
        self.apart * 2 > self.stamped
    }
}

/// A file of the folder.
struct Found {
    relative: PathBuf,
    /// With `/` between folders, for people and patterns.
    shown: String,
    modified: Option<Timestamp>,
    length: u64,
}

/// Looks at everything in a folder.
pub fn plan(request: &Request<'_>) -> Result<Plan, CaptureError> {
    let mut plan = Plan::default();
    let mut files = Vec::new();
    walk(request.folder, Path::new(""), 0, &mut files, &mut plan)?;
    let binary: HashSet<String> = {
        let names = files.iter().map(|file| file.shown.as_str());
        let binary = names.filter(|name| file_names::ending(name).is_none_or(|ending| ending != "json"));
        binary.map(|name| file_names::stem(name).to_owned()).collect()
    };
    for file in &files {
        look_at(request, file, &binary, &mut plan)?;
    }
    plan.items.sort_by_key(|item| item.at);
    Ok(plan)
}

fn walk(root: &Path, below: &Path, depth: usize, files: &mut Vec<Found>, plan: &mut Plan) -> Result<(), CaptureError> {
    let folder = root.join(below);
    let failed = |source: io::Error| CaptureError::Evidence { file: folder.clone(), verb: "read", source };
    let mut entries = fs::read_dir(&folder).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let relative = below.join(&name);
        let shown = relative.to_string_lossy().into_owned();
        // What systems and tools put beside files, `.DS_Store`, `._a.pb`, is hidden.
        if name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX" {
            plan.pass_over("hidden");
            continue;
        }
        // Does not follow links.
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_dir() && depth < DEPTH {
            walk(root, &relative, depth + 1, files, plan)?;
        } else if metadata.is_file() {
            let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
            files.push(Found { relative, shown, modified, length: metadata.len() });
        } else if metadata.is_symlink() {
            plan.problem(&shown, "it is a symbolic link; copy what it leads to");
        } else {
            plan.problem(&shown, if metadata.is_dir() { "it lies too deep" } else { "it is no file" });
        }
    }
    Ok(())
}

fn look_at(request: &Request<'_>, file: &Found, binary: &HashSet<String>, plan: &mut Plan) -> Result<(), CaptureError> {
    let ending = file_names::ending(&file.shown);
    let full = request.folder.join(&file.relative);
    let is_csv = request.wanted == Wanted::Csv && ending.as_deref() == Some("csv");
    let is_known = is_csv || ending.as_deref().is_some_and(file_names::is_capture_ending);
    if evidence::is_archive(&full) || (!is_known && begins_as_archive(&full)) {
        return look_at_archive(request, file, &full, plan);
    }
    if !is_known && ending.is_some() {
        plan.pass_over(format!("*.{}", ending.unwrap_or_default().escape_debug()));
        return Ok(());
    }
    let is_json = ending.as_deref() == Some("json");
    if is_json && request.wanted != Wanted::Json && binary.contains(file_names::stem(&file.shown)) {
        plan.pass_over("JSON beside a file of the same name");
        return Ok(());
    }
    if file.length > warc::BLOCK_BYTES / 2 {
        plan.problem(&file.shown, &format!("it has {} bytes, more than evidence keeps of one capture", file.length));
        return Ok(());
    }
    let capture = match read(request.folder, &file.relative, Timestamp::UNIX_EPOCH) {
        Ok(capture) => capture,
        Err(error) => {
            plan.problem(&file.shown, &format!("it cannot be read: {error}"));
            return Ok(());
        }
    };
    let payload = identify(&capture).payload;
    let path = with_folder(request.folder, &file.shown);
    let named = match (&request.times, file.modified) {
        (Times::Files, Some(modified)) => Ok(NamedTime::Instant(modified)),
        (Times::Files, None) => Err("the file system has no time of it"),
        (Times::Names(Some(pattern)), _) => pattern.time(&path).ok_or("its name does not fit the pattern"),
        (Times::Names(None), _) => file_names::time(&path),
    };
    // What is no feed is kept where its name says that it is a capture.
    let is_told = |request: &Request<'_>| {
        let is_by_name = || request.sources.len() > 1 && file_names::source(&path, &request.sources).is_some();
        named.is_ok() && (request.source.is_some() || is_by_name())
    };
    let is_feed = payload.is_feed() || request.wanted.is(payload);
    if is_json && named.is_err() || ending.is_none() && !is_feed && !is_told(request) {
        plan.pass_over(if is_json { "JSON without a time" } else { "no ending and no feed" });
        return Ok(());
    }
    let other = match request.wanted {
        Wanted::Timetable if payload == Payload::GtfsRealtime => {
            Some("realtime messages, which are of another pipeline")
        }
        wanted if wanted.is_telemetry() && payload == Payload::Gtfs => {
            Some("timetables, which are of another pipeline")
        }
        _ => None,
    };
    if let Some(other) = other {
        plan.pass_over(other);
        return Ok(());
    }
    if payload == Payload::Zip && request.wanted.is_telemetry() {
        plan.problem(&file.shown, "it is a zip archive; unpack it beside the other files first");
        return Ok(());
    }
    let at = named.and_then(|time| instant(request, time, plan));
    let at = match at {
        Ok(at) if at >= request.until => Err("its time is in the future"),
        other => other,
    };
    let source = source_of(request, &path, plan);
    let (at, source) = match (at, source) {
        (Ok(at), Some(source)) => (at, source),
        (Err(reason), _) => {
            plan.problem(&file.shown, reason);
            return Ok(());
        }
        (_, None) => {
            plan.problem(&file.shown, "its name does not tell which source it is of");
            return Ok(());
        }
    };
    if let Some(time) = (payload == Payload::GtfsRealtime).then(|| feed_time(&capture.body)).flatten() {
        plan.stamped += 1;
        let apart = time - at.as_second();
        if apart.abs() > APART {
            plan.apart += 1;
            plan.first_apart.get_or_insert(apart);
        }
    }
    plan.items.push(Item { source, at, digest: capture.digest, from: Origin::File(file.relative.clone()) });
    Ok(())
}

fn instant(request: &Request<'_>, named: NamedTime, plan: &mut Plan) -> Result<Timestamp, &'static str> {
    let local = match named {
        NamedTime::Instant(instant) => return Ok(instant),
        NamedTime::Local(local) => {
            plan.without_zone += 1;
            local
        }
        NamedTime::Day(_) if request.wanted.is_telemetry() => {
            return Err("its name tells a date and no time of day");
        }
        NamedTime::Day(date) => {
            plan.days_only += 1;
            date.at(0, 0, 0, 0)
        }
    };
    let zone = request.zone.clone().unwrap_or(TimeZone::UTC);
    let instant = zone.to_ambiguous_timestamp(local).unambiguous();
    instant.map_err(|_| "its time was twice or never on the clocks of the zone, which were changed in that night")
}

fn source_of(request: &Request<'_>, path: &str, plan: &mut Plan) -> Option<usize> {
    let found = request.source.or_else(|| file_names::source(path, &request.sources))?;
    if request.source.is_none() && request.sources.len() == 1 {
        plan.by_being_alone += 1;
    }
    Some(found)
}

fn look_at_archive(request: &Request<'_>, file: &Found, full: &Path, plan: &mut Plan) -> Result<(), CaptureError> {
    let listing = evidence::captures(full)?;
    for damage in listing.damage {
        plan.problem(&file.shown, &damage.message);
    }
    let is_wanted = |entry: &Entry| request.url.is_none_or(|pattern| evidence::matches(pattern, &entry.url));
    let entries: Vec<Entry> = listing.entries.into_iter().filter(is_wanted).collect();
    let addresses: BTreeSet<String> = entries.iter().map(|entry| evidence::shown(&entry.url)).collect();
    let list = || addresses.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    if entries.is_empty() {
        plan.pass_over("WARC archives without such captures");
        return Ok(());
    }
    if request.source.is_some() && request.url.is_none() && addresses.len() > 1 {
        let reason = format!("it has captures of several addresses ({}); say with --url which ones are meant", list());
        plan.problem(&file.shown, &reason);
        return Ok(());
    }
    // What archives of one address are of, their names may tell; else each address must.
    let mut of_address: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for address in &addresses {
        let path = with_folder(request.folder, &file.shown);
        let by_url = file_names::source(address, &request.sources).filter(|_| request.sources.len() > 1);
        let by_name = || (addresses.len() == 1).then(|| source_of(request, &path, plan)).flatten();
        let source = request.source.or(by_url).or_else(by_name);
        if source.is_none() {
            let reason = format!("neither its name nor the address {address} tells which source it is of");
            plan.problem(&file.shown, &reason);
        }
        of_address.insert(address.clone(), source);
    }
    for entry in entries {
        let Some(source) = of_address.get(&evidence::shown(&entry.url)).copied().flatten() else { continue };
        if entry.captured_at >= request.until {
            plan.problem(&file.shown, &format!("a capture of {} is in the future", entry.captured_at));
            continue;
        }
        plan.items.push(Item { source, at: entry.captured_at, digest: entry.digest, from: Origin::Record(entry) });
    }
    Ok(())
}

/// A path with the name of the folder itself, which may tell a date or a source.
fn with_folder(folder: &Path, shown: &str) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{name}/{shown}")
}

/// Whether a file without a known ending begins as a WARC archive does.
fn begins_as_archive(path: &Path) -> bool {
    let mut first = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut first));
    let mut inflated = [0; 5];
    let packed = flate2::read::MultiGzDecoder::new(first.as_slice()).read_exact(&mut inflated);
    read.is_ok() && (first.starts_with(b"WARC/") || packed.is_ok() && &inflated == b"WARC/")
}

/// A file as a capture. A link that took the file's place meanwhile is refused.
fn read(root: &Path, relative: &Path, at: Timestamp) -> io::Result<Capture> {
    let path = root.join(relative);
    if !fs::symlink_metadata(&path)?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let mut body = Vec::new();
    fs::File::open(&path)?.take(warc::BLOCK_BYTES).read_to_end(&mut body)?;
    let digest = Digest::of(&body);
    Ok(Capture {
        url: address(relative),
        captured_at: at,
        status: 200,
        headers: Vec::new(),
        body: Bytes::from(body),
        digest,
    })
}

/// `file:` and the path relative to the folder, with what may not stand in a URI percent-encoded (RFC 3986, 2.1).
fn address(relative: &Path) -> String {
    let mut url = "file:".to_owned();
    for &byte in relative.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => url.push(char::from(byte)),
            other => url += &format!("%{other:02X}"),
        }
    }
    url
}

/// The time that a message tells of itself, in Unix seconds.
fn feed_time(body: &[u8]) -> Option<i64> {
    let header = protobuf::fields(body).find_map(|field| match field {
        Ok((1, Value::Bytes(header))) => Some(header),
        _ => None,
    })?;
    let time = protobuf::fields(header).find_map(|field| match field {
        Ok((3, Value::Varint(time))) => i64::try_from(time).ok(),
        _ => None,
    });
    time.filter(|time| *time > 0)
}

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

/// Keeps what is planned for one source in the folder of evidence that its pipeline reads. Without somebody who imports,
/// it only tells what would be kept.
pub fn keep(
    plan: &Plan,
    request: &Request<'_>,
    place: usize,
    evidence: &Path,
    store: Store,
    by: Option<&By<'_>>,
) -> Result<Kept, CaptureError> {
    let source = request.sources[place];
    let mut items: Vec<&Item> = plan.items.iter().filter(|item| item.source == place).collect();
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(Kept::default()) };
    let failed = |verb: &'static str| {
        let file = evidence.join(source);
        move |source: io::Error| CaptureError::Evidence { file, verb, source }
    };
    // Two imports at once would both add what neither has found.
    let _lock = match by {
        Some(_) => {
            durable::create_dir_all(&evidence.join(source)).map_err(failed("made"))?;
            let lock = durable::create(&evidence.join(source).join(".importing.lock")).map_err(failed("locked"))?;
            lock.lock().map_err(failed("locked"))?;
            Some(lock)
        }
        None => None,
    };
    let behind = last.at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let begin = Timestamp::from_second(first.at.as_second()).unwrap_or(first.at);
    let mut there: HashSet<(Timestamp, Digest)> = HashSet::new();
    for entry in store.list(source, begin, behind)?.entries {
        there.insert((entry.captured_at, entry.digest));
        // Names tell seconds; the capture of a collector that ran beside is more exact.
        there.extend(Timestamp::from_second(entry.captured_at.as_second()).map(|second| (second, entry.digest)).ok());
    }
    let planned = items.len();
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
    imports::append(evidence, source, &import).map_err(failed("written"))?;
    let store = store.deferring_fsync();
    let mut archives: BTreeSet<PathBuf> = BTreeSet::new();
    let mut add = |capture: &Capture| -> Result<(), CaptureError> {
        let payload = identify(capture).payload;
        if !request.wanted.is(payload) {
            *kept.unreadable.entry(payload.name()).or_default() += 1;
        }
        archives.insert(store.append(source, capture)?.file.to_path_buf());
        Ok(())
    };
    let mut records: Vec<Entry> = Vec::new();
    for item in &items {
        match &item.from {
            Origin::Record(entry) => records.push(entry.clone()),
            Origin::File(relative) => {
                let path = || request.folder.join(relative);
                let capture = read(request.folder, relative, item.at).map_err(|source| CaptureError::Evidence {
                    file: path(),
                    verb: "read",
                    source,
                })?;
                if capture.digest != item.digest {
                    let source = io::Error::other("it was changed while it was imported");
                    return Err(CaptureError::Evidence { file: path(), verb: "read", source });
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
    Ok(kept)
}
