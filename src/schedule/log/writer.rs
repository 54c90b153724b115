//! Who writes the log. What the disk does not take, as a full one, is kept in memory and written as soon as it does: losing it may
//! repeat a message, never a release, so that no run has to wait for the disk.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Entry, Line, Log, lock_path, path};
use crate::durable;
use crate::workspace::form;

/// Lines that are kept in memory at the most: the oldest are lost first.
const KEPT: usize = 100_000;

/// The right to schedule the jobs of a private store and to write its log, held as long as this lives.
#[derive(Debug)]
pub struct Writer {
    private: PathBuf,
    /// What the disk has not taken yet, in its order.
    pending: Mutex<VecDeque<Line>>,
    _lock: File,
}

impl Writer {
    /// Takes the right, if nobody has it.
    pub fn take(private: &Path) -> io::Result<Option<Self>> {
        form::open(private).map_err(|error| io::Error::other(error.to_string()))?;
        durable::create_dir_all(path(private).parent().unwrap_or(private))?;
        let lock = durable::create(&lock_path(private))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { private: private.to_owned(), pending: Mutex::default(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Adds a line. It is on the disk afterwards, or in memory until the disk takes it.
    pub fn add(&self, at: Timestamp, entry: Entry) {
        let mut pending = self.pending();
        pending.push_back(Line { at, entry });
        if let Err(error) = self.write(&mut pending)
            && pending.len() == 1
        {
            tracing::warn!(
                "{} could not be written: {error}. What it is to say is kept in memory, and written as soon as that is possible. \
                 Make room on the disk, or mend what keeps it from being written.",
                path(&self.private).display()
            );
        }
        while pending.len() > KEPT {
            pending.pop_front();
        }
    }

    /// Writes what the disk has not taken.
    ///
    /// # Errors
    /// It does not take it now either; it stays in memory.
    pub fn flush(&self) -> io::Result<()> {
        self.write(&mut self.pending())
    }

    fn write(&self, pending: &mut VecDeque<Line>) -> io::Result<()> {
        let is_late = pending.len() > 1;
        while let Some(line) = pending.front() {
            append(&path(&self.private), line)?;
            pending.pop_front();
        }
        if is_late {
            tracing::info!("{} is written again, and has what was kept in memory", path(&self.private).display());
        }
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log of a private store, with what its writer has in memory.
#[derive(Debug, Default)]
pub struct KnownLog {
    disk: Log,
    /// With what is in memory alone, if something is.
    whole: Option<Log>,
}

impl KnownLog {
    /// Reads the log of a private store; an empty one if there is none.
    pub fn read(private: &Path) -> io::Result<Self> {
        Ok(Self { disk: Log::read(private)?, whole: None })
    }

    /// Reads what was added since, after what is in memory was tried to be written. One that cannot be read stays as it was known, with
    /// what is in memory.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn look(&mut self, writer: &Writer) -> io::Result<()> {
        // As long as this is held nothing goes from memory to the disk, so that no line is read twice or not at all.
        let mut pending = writer.pending();
        // Whoever added it has told that it failed.
        let _ = writer.write(&mut pending);
        let read = self.disk.read_on(&writer.private);
        self.whole = (!pending.is_empty()).then(|| {
            let mut whole = self.disk.clone();
            pending.iter().for_each(|line| whole.add(line.clone()));
            whole
        });
        read
    }

    pub fn log(&self) -> &Log {
        self.whole.as_ref().unwrap_or(&self.disk)
    }
}

/// Adds a line to the log of a private store, for who tries a job without being its scheduler.
///
/// # Errors
/// The log cannot be written.
pub fn add(private: &Path, at: Timestamp, entry: Entry) -> io::Result<()> {
    form::open(private).map_err(|error| io::Error::other(error.to_string()))?;
    let path = path(private);
    durable::create_dir_all(path.parent().unwrap_or(private))?;
    append(&path, &Line { at, entry })
}

/// Adds a line, one at a time. One that is not whole on the disk is taken back.
fn append(path: &Path, line: &Line) -> io::Result<()> {
    let turn = durable::create(&path.with_file_name("append"))?;
    turn.lock()?;
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).read(true);
    let mut file = durable::open(&mut options, path)?;
    // What a crash left of a line before this one ends here.
    let length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut last, length - 1)?;
        if last != [b'\n'] {
            line.insert(0, b'\n');
        }
    }
    if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
        // It is written again: what stays of it would be read twice, or be a line that says nothing.
        let _ = file.set_len(length);
        return Err(error);
    }
    if length == 0 { durable::sync_folder(path.parent().unwrap_or(Path::new("."))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::facts::{JobKey, Mark};
    use crate::schedule::log::Begun;

    #[test]
    fn what_the_disk_does_not_take_is_known_at_once_and_written_as_soon_as_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path();
        let writer = Writer::take(private).unwrap().unwrap();
        let mut known = KnownLog::read(private).unwrap();
        let begin = |second| {
            let key = JobKey { pipeline: "bus".to_owned(), date: Some("2026-11-24".parse().unwrap()) };
            let begun = Begun { key, why: "over".to_owned(), evidence: None, settings: Mark(second) };
            writer.add(Timestamp::from_second(second as i64).unwrap(), Entry::Begun(begun));
        };
        begin(0);
        // No line can be written, as on a full disk.
        let turn = path(private).with_file_name("append");
        fs::remove_file(&turn).unwrap();
        fs::create_dir(&turn).unwrap();
        begin(1);
        writer.add(Timestamp::UNIX_EPOCH, Entry::Message(serde_json::json!({"cause": "disk_filling:private"})));
        for _ in 0..2 {
            known.look(&writer).unwrap();
            assert_eq!((known.log().begun, known.log().messages.len()), (2, 1));
        }
        assert!(writer.flush().is_err());
        assert_eq!(Log::read(private).unwrap().begun, 1);
        fs::remove_dir(&turn).unwrap();
        known.look(&writer).unwrap();
        assert_eq!((known.log().begun, known.log().messages.len()), (2, 1));
        writer.flush().unwrap();
        let again = Log::read(private).unwrap();
        assert_eq!((again.begun, again.messages.len()), (2, 1));
    }
}
