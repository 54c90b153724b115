//! When a private store was backed up last: `<private>/backup.json`.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;

/// The file's name in the private store.
pub(super) const NAME: &str = "backup.json";

/// The newest backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// When it began.
    pub at: Timestamp,
    /// The place, and its manifest there.
    pub place: String,
    pub manifest: String,
    /// Where the keys went; nothing if they are in no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_place: Option<String>,
}

/// The newest backup of a private store; nothing if there was none, or if the file cannot be understood any more.
pub fn last(private: &Path) -> io::Result<Option<LastBackup>> {
    match durable::read(&private.join(NAME)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn keep(private: &Path, last: &LastBackup) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(last)?;
    bytes.push(b'\n');
    durable::write(&private.join(NAME), &bytes)
}
