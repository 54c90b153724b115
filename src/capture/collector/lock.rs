//! Who collects into a private store: one process at a time, and which sources are its own.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
    /// Takes the lock; waits while another collector has it, of which `wait` is told once. `None` if it was stopped meanwhile.
    pub fn take(private: &Path, stop: &Stop, wait: impl FnOnce()) -> io::Result<Option<Self>> {
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
                Err(TryLockError::WouldBlock) if stop.is_requested() => return Ok(None),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(wait) = wait.take() {
                wait();
            }
            std::thread::sleep(WAIT);
        }
    }

    /// Whether the folder is still the one that was locked: a store that was moved away, or a disk that is gone, leaves another in its
    /// place, which nobody has locked.
    pub fn is_there(&self) -> bool {
        let inode = |metadata: io::Result<std::fs::Metadata>| metadata.map(|found| (found.dev(), found.ino())).ok();
        let held = inode(self.lock.metadata());
        held.is_some() && inode(std::fs::metadata(self.folder.join(LOCK))) == held
    }

    /// Says which sources are collected, so that runs do not ask them, too.
    pub fn own(&self, sources: &BTreeSet<String>) -> io::Result<()> {
        let bytes = serde_json::to_vec(sources).map_err(io::Error::other)?;
        durable::write(&self.folder.join(OWNED), &bytes)
    }
}

/// The names of the sources that a collector asks now; none if no collector is at work.
pub fn owned(private: &Path) -> BTreeSet<String> {
    if !is_at_work(private) {
        return BTreeSet::new();
    }
    let bytes = std::fs::read(private.join("collector").join(OWNED)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// When a collector said last which sources are its own, by the clock of the disk; `None` if none ever did.
pub fn owned_since(private: &Path) -> Option<jiff::Timestamp> {
    let metadata = std::fs::metadata(private.join("collector").join(OWNED)).ok()?;
    jiff::Timestamp::new(metadata.mtime(), 0).ok()
}

/// Whether a collector is at work on a private store.
pub fn is_at_work(private: &Path) -> bool {
    let lock = File::open(private.join("collector").join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
