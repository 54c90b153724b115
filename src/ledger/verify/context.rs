//! Reading a bucket of somebody else: bounded, and what cannot be read is a fault of its own.

use bytes::Bytes;

use super::fault::{Fault, FaultKind, Findings, Subject};
use super::names::{is_safe, shown};
use crate::digest::Digest;
use crate::text::Text;

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// Trying again may help, so nothing is said of the bucket.
    Transient(String),
    /// It stays so: it is too long, is no file, or may not be read.
    Permanent(String),
    /// It leads to another host, where it is not looked for.
    Elsewhere(String),
    /// It is longer than it can be. So many bytes were read in vain.
    TooLong { problem: String, read: u64 },
}

/// A bucket as a reader has it.
pub(crate) trait Reader {
    /// All of an object that has at most `limit` bytes; nothing if it is not there.
    fn get(&self, key: &str, limit: usize) -> Result<Option<Bytes>, ReadError>;

    /// The size and the digest of an object, which is not held in memory. One that is longer than `limit` is read up to there, and has a
    /// greater size.
    fn digest(&self, key: &str, limit: u64) -> Result<Option<(u64, Digest)>, ReadError>;

    /// The names of all objects below a folder, or of all that there are (`""`); nothing where names cannot be listed, as on the web. A
    /// name that can be none of an object stands there, too, with an escape for what is no text.
    fn list(&self, folder: &str) -> Result<Option<Vec<String>>, ReadError>;
}

/// The bucket could not be read to the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub(crate) struct Interrupted {
    pub key: String,
    pub problem: String,
    /// Whether trying again may help.
    pub is_transient: bool,
}

/// Bytes that are read in vain, of answers without an end, before a server is asked for nothing more.
const MOST_IN_VAIN: u64 = 24 << 20;

/// What came of looking for an object.
#[derive(Debug)]
pub(super) enum Got<T> {
    There(T),
    Absent,
    /// It is told.
    Unreadable,
}

/// The bucket, and what was found.
pub(super) struct Context<'a> {
    pub reader: &'a dyn Reader,
    pub findings: Findings,
    /// Whether anything was there.
    has_read: bool,
    in_vain: u64,
}

impl<'a> Context<'a> {
    pub(super) fn new(reader: &'a dyn Reader) -> Self {
        Self { reader, findings: Findings::default(), has_read: false, in_vain: 0 }
    }

    /// Whether anything of the bucket was there.
    pub(super) fn has_read(&self) -> bool {
        self.has_read
    }

    /// Whether the server sends answers without end, so that it is asked for nothing more.
    pub(super) fn is_given_up(&self) -> bool {
        self.in_vain > MOST_IN_VAIN
    }

    pub(super) fn get(&mut self, what: Subject, key: &str, limit: usize) -> Result<Got<Bytes>, Interrupted> {
        if !is_safe(key) {
            return Ok(Got::Absent);
        }
        let read = self.reader.get(key, limit);
        self.got(what, key, read)
    }

    /// The size and the digest of an object.
    pub(super) fn digest(&mut self, what: Subject, key: &str, limit: u64) -> Result<Got<(u64, Digest)>, Interrupted> {
        if !is_safe(key) {
            return Ok(Got::Absent);
        }
        match self.reader.digest(key, limit) {
            // It has more bytes than it can have; nobody says how many.
            Err(ReadError::TooLong { read, .. }) if !self.is_vain(what, read) => {
                if what != Subject::File {
                    self.in_vain += read;
                }
                Ok(Got::There((limit.saturating_add(1), Digest::of(b""))))
            }
            read => self.got(what, key, read),
        }
    }

    /// Whether reading so much more of an answer in vain is too much. Of a file of data its index says how long it is.
    fn is_vain(&self, what: Subject, read: u64) -> bool {
        what != Subject::File && self.in_vain.saturating_add(read) > MOST_IN_VAIN
    }

    /// All names below a folder, of those that can be keys; nothing where names cannot be listed.
    pub(super) fn list(&mut self, folder: &str) -> Result<Option<Vec<String>>, Interrupted> {
        Ok(self.names(folder)?.map(|names| names.into_iter().filter(|name| is_safe(name)).collect()))
    }

    /// All names of the bucket, also those that are none of a key; nothing where names cannot be listed.
    pub(super) fn all_names(&mut self) -> Result<Option<Vec<String>>, Interrupted> {
        self.names("")
    }

    fn names(&mut self, folder: &str) -> Result<Option<Vec<String>>, Interrupted> {
        let problem = match self.reader.list(folder) {
            Ok(names) => return Ok(names),
            Err(ReadError::Transient(problem)) => {
                return Err(Interrupted { key: folder.to_owned(), problem, is_transient: true });
            }
            Err(ReadError::Permanent(problem) | ReadError::Elsewhere(problem) | ReadError::TooLong { problem, .. }) => {
                shown(&problem)
            }
        };
        let said = Text::new(
            format!("the names in the folder cannot be listed: {problem}"),
            format!("die Namen im Ordner lassen sich nicht auflisten (Meldung des Programms: {problem})"),
        );
        self.findings.tell(Fault::new(FaultKind::Unreadable, Subject::View, folder, said));
        Ok(None)
    }

    fn got<T>(&mut self, what: Subject, key: &str, read: Result<Option<T>, ReadError>) -> Result<Got<T>, Interrupted> {
        let interrupted = |problem, is_transient| Err(Interrupted { key: key.to_owned(), problem, is_transient });
        let problem = match read {
            Ok(Some(there)) => {
                self.has_read = true;
                return Ok(Got::There(there));
            }
            Ok(None) => return Ok(Got::Absent),
            Err(ReadError::Transient(problem)) => return interrupted(problem, true),
            // A bucket of which nothing is at this address.
            Err(ReadError::Elsewhere(problem)) if !self.has_read => return interrupted(problem, false),
            Err(ReadError::TooLong { problem, read }) => {
                self.in_vain = self.in_vain.saturating_add(read);
                problem
            }
            Err(ReadError::Permanent(problem) | ReadError::Elsewhere(problem)) => problem,
        };
        let shown = shown(&problem);
        let said = Text::new(
            format!("it cannot be read: {shown}"),
            format!("das lässt sich nicht lesen (Meldung des Programms: {shown})"),
        );
        self.findings.tell(Fault::new(FaultKind::Unreadable, what, key, said));
        match self.is_given_up() {
            true => interrupted(problem, false),
            false => Ok(Got::Unreadable),
        }
    }
}
