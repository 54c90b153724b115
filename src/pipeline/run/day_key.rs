//! The key of a date's pseudonyms.

use crate::derive::privacy::DayKeys;
use crate::digest::Digest;
use crate::workspace::Workspace;

/// Names a key without telling it.
pub fn key_digest(key: &[u8; 32]) -> Digest {
    Digest::of(&[b"fahrtenbuch pseudonym key ", &key[..]].concat())
}

pub fn day_keys(workspace: &Workspace) -> DayKeys {
    DayKeys::new(workspace.private.join("keys"))
}
