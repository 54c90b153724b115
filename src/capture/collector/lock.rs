//! Who collects into a private store: one process at a time, and which sources are its own.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Stop;
use crate::durable;

/// Between two tries to take the lock that another collector has.
const WAIT: std::time::Duration = std::time::Duration::from_millis(100);
const LOCK: &str = "lock";
const OWNED: &str = "owned.json";

/// The right to collect into a private store, until it is dropped or the process ends.
#[derive(Debug)]
pub struct CollectorLock {
    folder: PathBuf,
    lock: File,
}

impl CollectorLock {
    /// Takes the lock; waits while another collector has it, of which `wait` is told once. `None` if it was stopped, or `end` came,
    /// meanwhile.
    pub fn take(
        private: &Path,
        (stop, end): (&Stop, Option<Instant>),
        wait: impl FnOnce(),
    ) -> io::Result<Option<Self>> {
        let folder = private.join("collector");
        durable::create_dir_all(&folder)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = durable::open(&mut options, &folder.join(LOCK))?;
        let mut wait = Some(wait);
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(Self { folder, lock })),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock)
                    if stop.is_requested() || end.is_some_and(|end| Instant::now() >= end) =>
                {
                    return Ok(None);
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(wait) = wait.take() {
                wait();
            }
            let left = end.map_or(WAIT, |end| end.saturating_duration_since(Instant::now()));
            std::thread::sleep(WAIT.min(left));
        }
    }

    /// Whether the folder is still the one that was locked: a store that was moved away, or a disk that is gone, leaves another in its
    /// place, which nobody has locked.
    pub fn is_there(&self) -> bool {
        self.place().is_there()
    }

    /// What finds out the same on another thread.
    pub(super) fn place(&self) -> Place {
        Place { lock: self.folder.join(LOCK), held: inode(self.lock.metadata()) }
    }

    /// Says which sources are collected, so that runs do not ask them, too.
    pub fn own(&self, sources: &BTreeSet<String>) -> io::Result<()> {
        if !self.is_there() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the private store was moved"));
        }
        let bytes = serde_json::to_vec(sources).map_err(io::Error::other)?;
        let file = self.folder.join(OWNED);
        match durable::write(&file, &bytes) {
            // A full disk takes no other file, but the one that says the same can say it anew.
            Err(error) if durable::read(&file).is_ok_and(|there| there == bytes) => {
                let touched = durable::open(OpenOptions::new().write(true), &file);
                touched.and_then(|file| file.set_modified(std::time::SystemTime::now())).map_err(|_| error)
            }
            written => written,
        }
    }
}

/// Where the lock of a collector lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    lock: PathBuf,
    /// Device and inode of the file that is locked.
    held: Option<(u64, u64)>,
}

impl Place {
    /// As [`CollectorLock::is_there`].
    pub(super) fn is_there(&self) -> bool {
        self.held.is_some() && inode(std::fs::metadata(&self.lock)) == self.held
    }
}

fn inode(metadata: io::Result<std::fs::Metadata>) -> Option<(u64, u64)> {
    metadata.map(|found| (found.dev(), found.ino())).ok()
}

/// The names of the sources that a collector asks now; none if no collector is at work.
pub fn owned(private: &Path) -> BTreeSet<String> {
    if work(private) != Some(true) {
        return BTreeSet::new();
    }
    let bytes = crate::durable::read(&private.join("collector").join(OWNED)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Whether a collector is at work on a private store now; `None` if none ever was.
pub fn work(private: &Path) -> Option<bool> {
    let lock = durable::open_to_read(&private.join("collector").join(LOCK)).ok()?;
    Some(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// When a collector said last which sources are its own, by the clock of the disk; `None` if none ever did.
pub fn owned_since(private: &Path) -> Option<jiff::Timestamp> {
    let metadata = std::fs::metadata(private.join("collector").join(OWNED)).ok()?;
    jiff::Timestamp::new(metadata.mtime(), 0).ok()
}
