//! Copying files into a place: each once, by its digest, and read back.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use super::error::BackupError;
use super::manifest::{KeptFile, Manifest, object};
use super::place::{Object, Place};
use super::scan::{Found, Reading, Seen};
use crate::digest::{Digest, Digester};
use crate::durable;

/// A file that was changed so short a time ago may change again without another time of its change.
const FRESH: Duration = Duration::from_secs(2);

/// What came of a file.
pub(super) enum Copied {
    Kept(KeptFile),
    /// It is gone.
    Gone,
    /// It is another file than the one that was found, or shorter: look again.
    Changed,
}

/// Copies files into a place.
pub(super) struct Copier<'a> {
    place: &'a Place,
    /// The files of the newest backup, by name.
    before: HashMap<String, KeptFile>,
    /// Digests whose objects were read back.
    verified: BTreeSet<Digest>,
    /// Objects that are there.
    objects: HashMap<String, u64>,
    /// What was copied, and its bytes.
    pub new_objects: u64,
    pub new_bytes: u64,
}

impl<'a> Copier<'a> {
    pub(super) fn new(place: &'a Place, newest: Option<Manifest>) -> Result<Self, BackupError> {
        let objects = place.list("objects")?.into_iter().map(|(key, Object { bytes, .. })| (key, bytes)).collect();
        let before: HashMap<String, KeptFile> = newest
            .map(|manifest| manifest.files)
            .unwrap_or_default()
            .into_iter()
            .map(|file| (file.path.clone(), file))
            .collect();
        let verified = before.values().map(|file| file.sha256).collect();
        Ok(Self { place, before, verified, objects, new_objects: 0, new_bytes: 0 })
    }

    /// Makes sure that the place has a file.
    pub(super) fn keep(&mut self, found: &Found) -> Result<Copied, BackupError> {
        if let Some(kept) = self.unchanged(found) {
            return Ok(Copied::Kept(kept));
        }
        let failed = |error| BackupError::io(&found.path, "read")(error);
        let mut file = match durable::open_to_read(&found.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Gone),
            other => other.map_err(failed)?,
        };
        let seen = Seen::of(&file.metadata().map_err(failed)?);
        let length = match found.reading() {
            Reading::Whole if found.name.starts_with("private/evidence/") && seen != found.seen => {
                return Ok(Copied::Changed);
            }
            Reading::Whole => seen.length,
            Reading::Prefix if seen.inode != found.seen.inode || seen.length < found.seen.length => {
                return Ok(Copied::Changed);
            }
            Reading::Prefix => found.seen.length,
            Reading::Lines => whole_lines(&mut file).map_err(failed)?,
        };
        let mut digester = Digester::default();
        let read = io::copy(&mut (&file).take(length), &mut digester).map_err(failed)?;
        if read < length {
            return Ok(Copied::Changed);
        }
        let sha256 = digester.finish();
        if !self.has(&sha256, length)? {
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let put = self.place.put_stream(&object(&sha256), &mut (&file).take(length))?.map_err(failed)?;
            if put != (length, sha256) {
                // It was written over, and so was the object; what it has now is of no name.
                self.place.remove(&object(&sha256))?;
                return Ok(Copied::Changed);
            }
            self.read_back(&sha256, length)?;
            self.new_objects += 1;
            self.new_bytes += length;
        }
        let is_still = found.reading() == Reading::Whole || seen.length == length;
        let modified = (is_still && !is_fresh(&file)).then_some(seen.modified);
        let kept = KeptFile { path: found.name.clone(), bytes: length, sha256, modified, mode: found.mode() };
        // Where a source is looked at again, this one need not be read again.
        self.before.insert(kept.path.clone(), kept.clone());
        Ok(Copied::Kept(kept))
    }

    /// The entry of the newest backup, if the file is as it was then.
    fn unchanged(&self, found: &Found) -> Option<KeptFile> {
        let before = self.before.get(&found.name)?;
        let is_same = before.bytes == found.seen.length && before.modified == Some(found.seen.modified);
        let is_there = || self.objects.get(&object(&before.sha256)) == Some(&before.bytes);
        (is_same && is_there()).then(|| KeptFile { mode: found.mode(), ..before.clone() })
    }

    /// Whether the place has these bytes: those that no backup names, as of one that was killed, are read.
    fn has(&mut self, sha256: &Digest, length: u64) -> Result<bool, BackupError> {
        if self.objects.get(&object(sha256)) != Some(&length) {
            return Ok(false);
        }
        if self.verified.contains(sha256) {
            return Ok(true);
        }
        let is_it = self.place.digest(&object(sha256))? == Some((length, *sha256));
        if is_it {
            self.verified.insert(*sha256);
        }
        Ok(is_it)
    }

    fn read_back(&mut self, sha256: &Digest, length: u64) -> Result<(), BackupError> {
        let key = object(sha256);
        match self.place.digest(&key)? {
            Some(found) if found == (length, *sha256) => {
                self.verified.insert(*sha256);
                self.objects.insert(key, length);
                Ok(())
            }
            found => {
                let found = found.map_or_else(|| "is gone".to_owned(), |(_, found)| format!("has the SHA-256 {found}"));
                Err(self.place.damaged(
                    format!("'{key}' was written, and read back it {found}"),
                    "Check the disk or the store, and back up again",
                ))
            }
        }
    }
}

/// Where the last line that is whole ends. What a crash cut off says nothing.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut buffer = vec![0; 64 << 10];
    while end > 0 {
        let begin = end.saturating_sub(buffer.len() as u64);
        file.seek(SeekFrom::Start(begin))?;
        let part = &mut buffer[..(end - begin) as usize];
        file.read_exact(part)?;
        if let Some(last) = memchr::memrchr(b'\n', part) {
            end = begin + last as u64 + 1;
            break;
        }
        end = begin;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(end)
}

fn is_fresh(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age < FRESH))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_left() {
        let long = "x".repeat(200 << 10);
        for (text, expected) in [
            (String::new(), 0),
            ("cut".to_owned(), 0),
            ("a\nb\n".to_owned(), 4),
            ("a\nb".to_owned(), 2),
            (format!("a\n{long}"), 2),
            (format!("{long}\n{long}"), (200 << 10) + 1),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(whole_lines(&mut file).unwrap(), expected);
        }
    }
}
