//! How a record is written, whatever its form.

use bytes::Bytes;
use serde::Serialize;

use crate::digest::Digest;
use crate::internal;
use crate::ledger::record_key;

/// A record's bytes, and the name that they have in the bucket. `what` is said if it cannot be written, which does not happen: it
/// has only texts, numbers, lists, sets and maps with text keys, which always serialise.
pub(super) fn named_bytes(record: &impl Serialize, what: &str) -> (String, Bytes) {
    let text = serde_json::to_string_pretty(record);
    let mut text = text.unwrap_or_else(|error| internal::impossible(what, error));
    text.push('\n');
    (record_key(&Digest::of(text.as_bytes())), text.into())
}
