//! Sealed archives go where `evidence` says, and the local ones go when they are there.
//!
//! In this order: the object is written under a name that nothing has; it is read back and compared; the line of
//! [`stored`]; the removal of the local archive. Whatever ends it in between, the local archive is whole or the object is, and the
//! next upload finishes. Where the store cannot be reached everything waits in the folder ([`waiting`]), and nothing is ever thrown
//! away or not kept for that: what was captured cannot be captured again, and a disk that fills up is told long before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::capture::CaptureError;
use crate::capture::evidence::hours;
use crate::capture::evidence::remote::{self, Listed, Remote, Undone};
use crate::capture::evidence::seal;
use crate::capture::evidence::sealed::{self, Register, Sealed};
use crate::capture::evidence::stored::{self, Stored};
use crate::digest::Digest;
use crate::durable;

/// What was stored of a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Archives, and their bytes.
    pub archives: u64,
    pub bytes: u64,
    /// Archives or objects that stay as they are, and why, for people.
    pub left: Vec<(String, String)>,
    /// Another seal of this source is at work, and nothing was done.
    pub is_busy: bool,
    pub is_stopped: bool,
}

/// Stores the sealed archives of a source and removes the local ones. A failure of the store ends it with an error: what is not
/// stored waits. Holds 8 MiB at most; holds the source's `.lock` only while names change.
pub fn store(evidence: &Path, source: &str, remote: &Remote, stop: &dyn Fn() -> bool) -> Result<Report, CaptureError> {
    let folder = evidence.join(source);
    let mut report = Report::default();
    let mut archives = Vec::new();
    for archive in hours::newest_local(evidence, source) {
        let archive = archive?;
        // What came to the hour is sealed first.
        if let Some(path) = sealed::sealed_name(&archive).filter(|path| is_plain(path) && !archive.exists()) {
            archives.push(path);
        }
    }
    if archives.is_empty() {
        return Ok(report);
    }
    let failed = |file: &Path, verb: &'static str| {
        let file = file.to_owned();
        move |source: io::Error| CaptureError::Evidence { file, verb, source }
    };
    let mine = hours::open_lock(&folder, seal::LOCK).map_err(failed(&folder, "opened"))?;
    if mine.try_lock().is_err() {
        report.is_busy = true;
        return Ok(report);
    }
    let register = Register::read(&folder).map_err(failed(&folder.join(sealed::NAME), "read"))?;
    match remote.recognize(evidence, stop) {
        Ok(()) => {}
        Err(Undone::Failed(error)) => return Err(error),
        Err(Undone::Stopped | Undone::Differs(_)) => {
            report.is_stopped = true;
            return Ok(report);
        }
    }
    for archive in archives.into_iter().rev() {
        if stop() {
            report.is_stopped = true;
            break;
        }
        let job = Job { folder: &folder, archive: &archive, remote, stop };
        match job.run(&register) {
            Ok(bytes) => {
                report.archives += 1;
                report.bytes += bytes;
            }
            Err(Undone::Stopped) => {
                report.is_stopped = true;
                break;
            }
            Err(Undone::Differs(reason)) => {
                let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
                report.left.push((name, reason));
            }
            Err(Undone::Failed(error)) => return Err(error),
        }
    }
    Ok(report)
}

/// Whether something is an archive that lies in its folder: what a link leads to stays where it is.
fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// The storing of one archive.
struct Job<'a> {
    folder: &'a Path,
    archive: &'a Path,
    remote: &'a Remote,
    stop: &'a dyn Fn() -> bool,
}

impl Job<'_> {
    /// The bytes.
    fn run(&self, register: &Register) -> Result<u64, Undone> {
        let failed = |verb: &'static str| {
            move |source: io::Error| CaptureError::Evidence { file: self.archive.to_owned(), verb, source }
        };
        let line: Option<&Sealed> = register.of(self.folder, self.archive).map_err(failed("read"))?;
        let Some(line) = line else {
            return Err(Undone::Differs(format!(
                "{} does not tell of it, or it was changed since: restore it from a backup, or move it out of the evidence folder",
                sealed::NAME
            )));
        };
        let file = self.archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stored = Stored {
            object: object(&file, &line.new_sha256),
            file,
            at: self.remote.location().to_owned(),
            length: line.new_length,
            sha256: line.new_sha256,
            time: crate::time::now(),
        };
        let objects = stored::of_hour(self.archive).map_err(failed("read"))?;
        let is_recorded = objects.iter().any(|other| (&other.object, &other.at) == (&stored.object, &stored.at));
        let key = remote::key(self.archive, &stored.object);
        let of = (stored.length, &stored.sha256);
        if !is_recorded {
            self.remote.put(&key, self.archive, of, self.stop)?;
            self.step();
        }
        self.remote.verify(&key, of, self.stop)?;
        self.step();
        let _lock = hours::lock(self.folder).map_err(failed("locked"))?;
        if !is_recorded {
            stored::add(self.archive.parent().unwrap_or(self.folder), &stored).map_err(failed("recorded"))?;
            self.step();
        }
        durable::remove_file(self.archive).map_err(failed("removed"))?;
        Ok(stored.length)
    }

    /// Between steps that belong together nothing ends it but a crash, of which the tests have one here.
    fn step(&self) {
        let _ = (self.stop)();
    }
}

/// `bus-20261124T08-0a1b2c3d4e5f.warc.zst`
fn object(file: &str, sha256: &Digest) -> String {
    match file.split_once(".warc") {
        Some((hour, ending)) => format!("{hour}-{}.warc{ending}", sha256.short()),
        None => format!("{file}-{}", sha256.short()),
    }
}

/// The local name of an object's archive, and the beginning of its digest.
fn archive_of(object: &str) -> Option<(String, &str)> {
    let stem = object.strip_suffix(".warc.zst")?;
    let (hour, digest) = stem.rsplit_once('-')?;
    (digest.len() == 12 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| (format!("{hour}.warc.zst"), digest))
}

/// Local evidence that waits to be sealed and stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub hours: u64,
    pub bytes: u64,
    /// When the oldest of these hours was over.
    pub since: Option<Timestamp>,
}

/// What waits of all sources: hours that are over for [`seal::QUIET`] of which something lies in the folder. Asks the disk only.
pub fn waiting(evidence: &Path, now: Timestamp) -> Result<Waiting, CaptureError> {
    let quiet = SignedDuration::try_from(seal::QUIET).unwrap_or(SignedDuration::ZERO);
    let until = now.saturating_sub(quiet).unwrap_or(Timestamp::MIN);
    let mut waiting = Waiting::default();
    for source in sources(evidence)? {
        for archive in hours::newest_local(evidence, &source) {
            let archive = archive?;
            let Some(end) = seal::end(&archive).filter(|end| *end <= until) else { continue };
            let sealed = sealed::sealed_name(&archive);
            let files = std::iter::once(archive).chain(sealed);
            let bytes: u64 = files.filter_map(|file| fs::metadata(file).ok()).map(|metadata| metadata.len()).sum();
            waiting.hours += 1;
            waiting.bytes += bytes;
            waiting.since = Some(waiting.since.map_or(end, |since| since.min(end)));
        }
    }
    Ok(waiting)
}

fn sources(evidence: &Path) -> Result<Vec<String>, CaptureError> {
    let folders = hours::children(evidence)?.into_iter().filter(|path| path.is_dir());
    Ok(folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
}

/// The local evidence of a private store, and where its sealed archives go.
#[derive(Debug)]
pub struct Spool {
    pub evidence: PathBuf,
    pub remote: Arc<Remote>,
    /// Bytes that may wait without a word.
    pub limit: u64,
    is_over: AtomicBool,
}

impl Spool {
    pub fn new(evidence: PathBuf, remote: Arc<Remote>, limit: u64) -> Self {
        Self { evidence, remote, limit, is_over: AtomicBool::new(false) }
    }

    /// Seals what is due of all sources and stores it; for the collector, which calls it now and then. Tells what was done and
    /// what failed, and once that more waits than may. After a failure of the store nothing more is tried.
    pub fn work_off(&self, now: Timestamp, stop: &dyn Fn() -> bool) {
        let mut is_reachable = true;
        for source in sources(&self.evidence).unwrap_or_default() {
            seal::seal_and_tell(&self.evidence, &source, now, stop);
            if is_reachable && !stop() {
                is_reachable = self.store(&source, stop);
            }
        }
        match waiting(&self.evidence, now) {
            Ok(waiting) => self.tell(&waiting, is_reachable),
            Err(error) => tracing::warn!("the evidence that waits could not be counted: {error}"),
        }
    }

    /// Whether the store could be reached.
    fn store(&self, source: &str, stop: &dyn Fn() -> bool) -> bool {
        match store(&self.evidence, source, &self.remote, stop) {
            Ok(report) => {
                if report.archives > 0 {
                    let (archives, bytes) = (report.archives, report.bytes);
                    tracing::info!(source, archives, bytes, at = self.remote.location(), "stored");
                }
                for (name, reason) in &report.left {
                    tracing::warn!(source, "{name} is not stored: {reason}");
                }
                true
            }
            Err(error) => {
                tracing::warn!(source, "sealed archives were not stored: {error}");
                false
            }
        }
    }

    /// Whether more waits than may.
    pub fn is_over(&self, waiting: &Waiting) -> bool {
        waiting.bytes > self.limit
    }

    fn tell(&self, waiting: &Waiting, is_reachable: bool) {
        let said = said(waiting, self.remote.location());
        let is_over = self.is_over(waiting);
        match (self.is_over.swap(is_over, Ordering::Relaxed), is_over) {
            (false, true) => tracing::error!(
                "{said}, more than 'limits: spool' ({} bytes). Collecting goes on until the disk is full: mend the store, or \
                 make room",
                self.limit
            ),
            (true, false) => tracing::info!("the local evidence is within 'limits: spool' again"),
            _ if !is_reachable => tracing::warn!("{said}"),
            _ => {}
        }
    }
}

/// `17 hours (123 bytes) wait to be stored at s3://…, the oldest since 2026-11-24T09:00:00Z`
pub fn said(waiting: &Waiting, location: &str) -> String {
    let Waiting { hours, bytes, since } = waiting;
    let verb = if *hours == 1 { "1 hour" } else { &format!("{hours} hours") };
    let waits = if *hours == 1 { "waits" } else { "wait" };
    let since = since.map_or_else(String::new, |since| format!(", the oldest since {since}"));
    format!("{verb} of evidence ({bytes} bytes) {waits} to be stored at {location}{since}")
}

/// What a rebuild found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Objects that no line told of.
    pub added: u64,
    /// Objects that a line tells of.
    pub known: u64,
    /// Objects that no archive was found in, and lines without their object; why, for people.
    pub left: Vec<(String, String)>,
}

/// Makes the lines of a source anew from a listing of the store. Objects that no line tells of are read and compared with the
/// digest in their names; a line whose object is gone stays, and is told.
pub fn rebuild(evidence: &Path, source: &str, remote: &Remote) -> Result<Rebuilt, CaptureError> {
    let folder = evidence.join(source);
    let mut listed = remote.list(source)?;
    listed.sort_by(|one, other| (one.written, &one.key).cmp(&(other.written, &other.key)));
    let mut days: BTreeMap<PathBuf, Vec<Listed>> = BTreeMap::new();
    let mut rebuilt = Rebuilt::default();
    for object in listed {
        match evidence.join(&object.key).parent() {
            Some(day) => days.entry(day.to_owned()).or_default().push(object),
            None => rebuilt.left.push((object.key, "it is no sealed archive".to_owned())),
        }
    }
    for archive in hours::newest_archives(evidence, source) {
        days.entry(archive?.parent().unwrap_or(&folder).to_owned()).or_default();
    }
    for (day, objects) in days {
        rebuild_day(evidence, &day, objects, remote, &mut rebuilt)?;
    }
    Ok(rebuilt)
}

fn rebuild_day(
    evidence: &Path,
    day: &Path,
    objects: Vec<Listed>,
    remote: &Remote,
    rebuilt: &mut Rebuilt,
) -> Result<(), CaptureError> {
    let path = day.join(stored::NAME);
    let failed = |verb: &'static str| {
        let file = path.clone();
        move |source: io::Error| CaptureError::Evidence { file, verb, source }
    };
    let known = stored::in_day(day).map_err(failed("read"))?;
    let of_here = |stored: &&Stored| stored.at == remote.location();
    for stored in known.iter().filter(of_here) {
        let key = remote::key(&day.join(&stored.file), &stored.object);
        if !objects.iter().any(|object| object.key == key) {
            rebuilt.left.push((key, "the store does not have it any more: restore it from a backup".to_owned()));
        }
    }
    for object in objects {
        let name = object.key.rsplit('/').next().unwrap_or_default();
        let named = archive_of(name).filter(|(file, _)| hours::is_of_layout(evidence, &day.join(file)));
        let Some((file, begin)) = named else {
            rebuilt.left.push((object.key, "its name is not that of a sealed archive".to_owned()));
            continue;
        };
        if known.iter().filter(of_here).any(|stored| stored.object == name && stored.length == object.length) {
            rebuilt.known += 1;
            continue;
        }
        let sha256 = match remote.digest(&object.key, object.length, &|| false) {
            Ok(sha256) if sha256.short() == begin => sha256,
            Ok(_) | Err(Undone::Differs(_)) => {
                rebuilt.left.push((object.key, "it was changed: its digest is not that of its name".to_owned()));
                continue;
            }
            Err(Undone::Failed(error)) => return Err(error),
            // Nobody stops it.
            Err(Undone::Stopped) => return Ok(()),
        };
        let (at, time) = (remote.location().to_owned(), crate::time::now());
        let stored = Stored { file, object: name.to_owned(), at, length: object.length, sha256, time };
        durable::create_dir_all(day).map_err(failed("made"))?;
        let folder = day.ancestors().nth(3).unwrap_or(day);
        let _lock = hours::lock(folder).map_err(failed("locked"))?;
        stored::add(day, &stored).map_err(failed("written"))?;
        rebuilt.added += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
