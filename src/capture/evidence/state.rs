//! What is remembered of a source between two polls, so that a poll need not read the archive again.
//!
//! `.state.json` in the source's folder. It is trusted only if the newest archive is the one that it names and as long as it
//! says; else the archive is read. Losing the file loses nothing, so it is replaced as a whole but not synced.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capture::Capture;
use crate::capture::source::Validators;
use crate::digest::Digest;

const NAME: &str = ".state.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The newest archive, relative to the source's folder.
    pub archive: String,
    /// Its length after the last append.
    pub length: u64,
    pub newest: Newest,
}

/// The newest capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    pub url: String,
    pub captured_at: Timestamp,
    pub sha256: Digest,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Whether it was found to be what the source is to give; `None` if nobody looked.
    pub readable: Option<bool>,
}

impl State {
    /// `None` if there is none that can be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(NAME)).ok()?).ok()
    }

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        // Made with mode 0600 by the library.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(folder.join(NAME)).map(|_| ()).map_err(|error| error.error)
    }
}

impl Newest {
    pub(super) fn of(capture: &Capture, readable: Option<bool>) -> Self {
        let header = |name: &str| {
            capture.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        Self {
            url: capture.url.clone(),
            captured_at: capture.captured_at,
            sha256: capture.digest,
            etag: header("etag"),
            last_modified: header("last-modified"),
            readable,
        }
    }

    /// What the next request can be made conditional with. A source whose last answer was not readable is asked without
    /// conditions, since it would answer that nothing has changed.
    pub(super) fn validators(self) -> Validators {
        Validators {
            etag: self.etag,
            last_modified: self.last_modified,
            digest: Some(self.sha256),
            unreadable: self.readable == Some(false),
        }
    }
}
