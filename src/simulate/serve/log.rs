//! The log of the server: a line of JSON for each request, written when its answer has ended.
//!
//! `{"request":7,"at":"2026-11-27T04:00:05.253Z","ended":"…","path":"/bulk/3","status":200,"bytes":100000,"complete":true,
//! "sha256":"…","fault":null}`: `at` is when the request's head was read, `bytes` are those of the body that the socket took,
//! `complete` says that it took all of them. Of a 304, `sha256` is the digest of the body that it stands for; of an error,
//! null. `status` is null where nothing was said. Lines with `event` are no requests: `reset` says that the client closed a
//! connection without having read all of the answer to `request`, `cut` that the network is down from `at` until `until`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::digest::Digest;

/// The log of a server that may have none.
pub(super) struct Log {
    file: Option<Mutex<File>>,
    requests: AtomicU64,
}

impl Log {
    /// Appends to a file, or writes nothing.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        #[allow(clippy::disallowed_methods, reason = "the user names it: a pipe or a terminal may be meant")]
        let open = |path: &Path| File::options().create(true).append(true).open(path);
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("the log {} cannot be written: {error}", path.display()))
        };
        let file = path.map(|path| open(path).map_err(|error| named(path, error))).transpose()?;
        Ok(Self { file: file.map(Mutex::new), requests: AtomicU64::new(0) })
    }

    /// The line of a request, which is written when it is dropped.
    pub(super) fn line(self: &Arc<Self>, path: &str, at: Timestamp) -> Line {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let (log, path) = (self.clone(), path.to_owned());
        Line { log, request, at, path, status: None, bytes: 0, is_complete: false, digest: None, fault: None }
    }

    /// The client did not read all of the answer to a request.
    pub(super) fn reset(&self, request: u64) {
        self.write(&json!({ "event": "reset", "at": moment(Timestamp::now()), "request": request }));
    }

    /// The network is down from now on for so long.
    pub(super) fn cut(&self, from: Timestamp, length: Duration) {
        let until = from.saturating_add(length).unwrap_or(from);
        self.write(&json!({ "event": "cut", "at": moment(from), "until": moment(until) }));
    }

    /// One write a line, so that a reader and a kill find whole lines.
    fn write(&self, value: &Value) {
        let Some(file) = &self.file else { return };
        let line = format!("{value}\n");
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written {
            tracing::error!("the log of the simulator cannot be written: {error}");
        }
    }
}

/// To the millisecond.
fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// What is known of an answer so far. Dropped where the answer ends, also by a network cut.
pub(super) struct Line {
    log: Arc<Log>,
    pub request: u64,
    at: Timestamp,
    path: String,
    pub status: Option<u16>,
    /// Of the body.
    pub bytes: u64,
    pub is_complete: bool,
    pub digest: Option<Digest>,
    pub fault: Option<&'static str>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Self { request, at, path, status, bytes, is_complete, digest, fault, .. } = self;
        self.log.write(&json!({
            "request": request,
            "at": moment(*at),
            "ended": moment(Timestamp::now()),
            "path": path,
            "status": status,
            "bytes": bytes,
            "complete": is_complete,
            "sha256": digest.map(|digest| digest.to_string()),
            "fault": fault,
        }));
    }
}
