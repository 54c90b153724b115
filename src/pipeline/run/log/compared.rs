//! How far the entries of keys in the log were compared with the keys of this store.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::pipeline::signing_keys::Register;

/// Up to which version of the log its entries of keys were compared with which register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compared {
    pub version: u64,
    changes: usize,
    /// Of the records of these changes.
    sha256: Digest,
}

impl Compared {
    pub(super) fn new(version: u64, register: &Register) -> Self {
        Self { version, changes: register.changes.len(), sha256: digest(register, register.changes.len()) }
    }

    /// Whether the register has all that it had then. One that was brought back from a copy may have less, or other things.
    pub(super) fn is_of(&self, register: &Register) -> bool {
        register.changes.len() >= self.changes && digest(register, self.changes) == self.sha256
    }
}

fn digest(register: &Register, changes: usize) -> Digest {
    let records = register.changes.iter().take(changes).map(|change| change.to_bytes().0);
    Digest::of(records.collect::<Vec<_>>().join("\n").as_bytes())
}
