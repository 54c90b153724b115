//! Which sealed archives are kept elsewhere: `stored.jsonl` beside the archives of a date.
//!
//! A line is written, and on the disk, when the object was read back and found to be the archive; the local copy goes after it. An
//! hour has a line for each of its objects: captures that come to it later are sealed and stored as an object more. A line that is
//! cut off by a crash says nothing, and then the local copy is still there.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capture::evidence::sealed;
use crate::digest::Digest;
use crate::durable;

/// The file's name, in the folder of a date.
pub const NAME: &str = "stored.jsonl";

/// A sealed archive that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stored {
    /// Its name while it lay in the folder of its date: `bus-20261124T08.warc.zst`.
    pub file: String,
    /// The name of the object in the same folder of the store, which has the beginning of the digest:
    /// `bus-20261124T08-0a1b2c3d4e5f.warc.zst`.
    pub object: String,
    /// The store: `s3://bucket/prefix` or an absolute path.
    pub at: String,
    pub length: u64,
    pub sha256: Digest,
    pub time: Timestamp,
}

/// What a date's folder has elsewhere, the newest line of each object, in the order of the objects' first lines.
pub(super) fn in_day(day: &Path) -> io::Result<Vec<Stored>> {
    let text = match durable::read(&day.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut objects: Vec<Stored> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(stored) = serde_json::from_slice::<Stored>(line) else { continue };
        match objects.iter_mut().find(|other| other.object == stored.object) {
            Some(other) => *other = stored,
            None => objects.push(stored),
        }
    }
    Ok(objects)
}

/// The objects of an hour, which is named by any of its archives.
pub(super) fn of_hour(archive: &Path) -> io::Result<Vec<Stored>> {
    let (Some(day), Some(hour)) = (archive.parent(), hour(archive)) else { return Ok(Vec::new()) };
    let mut objects = in_day(day)?;
    objects.retain(|stored| self::hour(Path::new(&stored.file)) == Some(hour));
    Ok(objects)
}

/// Appends that an archive is kept elsewhere; it is on the disk afterwards. The caller holds the source's lock.
pub(super) fn add(day: &Path, stored: &Stored) -> io::Result<()> {
    sealed::append_line(&day.join(NAME), stored)
}

/// Takes an hour's lines away. The caller holds the source's lock.
pub(super) fn forget(archive: &Path) -> io::Result<()> {
    let (Some(day), Some(hour)) = (archive.parent(), hour(archive)) else { return Ok(()) };
    let all = in_day(day)?;
    let is_other = |stored: &&Stored| self::hour(Path::new(&stored.file)) != Some(hour);
    let others: Vec<&Stored> = all.iter().filter(is_other).collect();
    if others.len() == all.len() {
        return Ok(());
    }
    if others.is_empty() {
        return durable::remove_file(&day.join(NAME));
    }
    let mut text = Vec::new();
    for stored in others {
        serde_json::to_writer(&mut text, stored)?;
        text.push(b'\n');
    }
    durable::write(&day.join(NAME), &text)
}

/// The name of an archive without its ending: `bus-20261124T08`.
pub(super) fn hour(archive: &Path) -> Option<&str> {
    archive.file_name()?.to_str()?.split(".warc").next()
}
