//! Capture: bytes come in from a source and are kept as they came, before anything looks into them.
//!
//! Takes a [`source::Source`]; makes [`Capture`]s and appends them to the [`evidence::Store`], as WARC 1.1 records, one
//! gzip member each, one file per source and hour. A run reads evidence, never the network twice. Holds one response at
//! a time, bounded by the source's `max_bytes`.

pub mod beat;
pub mod collector;
pub mod coverage;
pub mod evidence;
mod failure;
pub mod file_names;
pub(crate) mod http_date;
pub mod import_folder;
pub mod imports;
pub mod mqtt;
pub mod payload;
pub mod record;
pub mod redact;
pub mod source;
pub mod warc;

use bytes::Bytes;
use jiff::Timestamp;

pub use self::failure::FailureKind;
use crate::digest::Digest;

/// One response as received.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Where it was asked for: `https://...`, `s3://...`, `file:...` (without credentials).
    pub url: String,
    /// When the response was complete, by the server's clock where this machine's is wrong.
    pub captured_at: Timestamp,
    /// The HTTP status; 200 for files and objects.
    pub status: u16,
    /// The response's headers in their order, names as received.
    pub headers: Vec<(String, String)>,
    /// The body after transfer decoding, before content decoding: as it came.
    pub body: Bytes,
    /// Of `body`.
    pub digest: Digest,
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// May succeed if tried again (exit code 1): the network, a 5xx, a stall.
    #[error("{url}: {problem}. {remedy}")]
    Transient { kind: FailureKind, url: String, problem: String, remedy: String },
    /// Will not succeed if tried again (exit code 42): a 404, too large, a file that is not there.
    #[error("{url}: {problem}. {remedy}")]
    Permanent { kind: FailureKind, url: String, problem: String, remedy: String },
    /// Evidence that was kept is not what it was (exit code 42).
    #[error(
        "{file} is damaged at byte {offset}: {problem}. Restore the archive from a backup; or accept that what stood there is \
         lost: move the archive out of the evidence folder, and the captures before it count",
        file = file.display()
    )]
    Damaged { file: std::path::PathBuf, offset: u64, problem: String },
    /// The evidence store itself failed.
    #[error("the evidence file {file} could not be {verb}: {source}. Check the disk and the permissions", file = file.display())]
    Evidence { file: std::path::PathBuf, verb: &'static str, source: std::io::Error },
}

impl CaptureError {
    /// The kind of failure as records name it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Transient { kind, .. } | Self::Permanent { kind, .. } => kind.name(),
            Self::Damaged { .. } | Self::Evidence { .. } => FailureKind::NotKept.name(),
        }
    }
}
