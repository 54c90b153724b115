//! The log of all that was published: `ledger/log/v0000000001.json`, `v0000000002.json`, …
//!
//! ```text
//! ledger/log/v0000000001.json       create-only: entries, and the digest of the version before
//! ledger/index.json                 views of it: the newest version of each table,
//! ledger/index/2026-11.json         and what was released in a month
//! ```
//!
//! It is kept as the index of a table is: writing its next version, which no other writer can write, *is* the entry, so no two
//! writers can fork it. An [`Entry`] is a line of text and names the version of a table's index and the record that it came of, by
//! their digests. Entries are never changed and never taken away, not by a withdrawal either. Who has committed something writes the
//! entry afterwards; what was killed between is found by the heads of the newest version, which say up to where each table is logged.

mod chain;
mod entry;
mod heads;

pub(crate) use self::chain::{LogVersion, LoggedHead, Newest, keep, key, newest, parse, put, read};
pub(crate) use self::entry::{Entry, RecordKind};
pub(crate) use self::heads::Heads;
