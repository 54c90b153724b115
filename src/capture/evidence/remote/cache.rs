//! What was fetched of archives that are kept elsewhere: files by their digests, out of which the oldest goes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::capture::evidence::stored::Stored;
use crate::digest::Digest;
use crate::durable;

/// What is not whole after this is what a kill left.
const FETCHED_WITHIN: Duration = Duration::from_secs(3600);

/// A folder of the private store with at most so many bytes, or one archive.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    most: u64,
}

impl Cache {
    pub(super) fn new(folder: PathBuf, most: u64) -> Self {
        Self { folder, most }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, sha256: &Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.warc.zst"))
    }

    /// An archive that is there.
    pub(super) fn open(&self, stored: &Stored) -> io::Result<Option<File>> {
        let file = match durable::open_to_read(&self.path(&stored.sha256)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if file.metadata()?.len() != stored.length {
            return Ok(None);
        }
        // It is the newest now. Where that fails it goes earlier.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(file))
    }

    /// Takes an archive that `write` gives whole, or nothing; then the oldest go that are too much.
    pub(super) fn fill(
        &self,
        stored: &Stored,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<File> {
        durable::create_dir_all(&self.folder)?;
        // Room is made first, so that no more than this lies there at any time.
        self.shrink(self.most.saturating_sub(stored.length))?;
        let mut file = durable::temporary_in(&self.folder)?;
        write(&mut file)?;
        // Before it has its name, under which another process may remove it.
        let whole = file.reopen()?;
        file.persist(self.path(&stored.sha256)).map_err(|error| error.error)?;
        Ok(whole)
    }

    pub(super) fn remove(&self, sha256: &Digest) -> io::Result<()> {
        match durable::remove_file(&self.path(sha256)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn shrink(&self, most: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may remove it first.
            let Ok(metadata) = entry.metadata() else { continue };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let is_whole = entry.file_name().as_encoded_bytes().ends_with(b".warc.zst");
            // Others may be fetching it.
            let is_young = || SystemTime::now().duration_since(modified).is_ok_and(|age| age < FETCHED_WITHIN);
            if is_whole || !is_young() {
                files.push((modified, metadata.len(), entry.path()));
            }
        }
        files.sort();
        let mut all: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if all <= most {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => all -= length,
            }
        }
        Ok(())
    }
}
