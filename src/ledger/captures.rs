//! Lists of captures, as a record names them and the bucket has them.

use jiff::Timestamp;

use super::object_key;
use super::record::v1::EvidenceEntry;
use crate::digest::Digest;

/// One response that is kept as evidence: when it came, and the digest of its body.
pub(crate) type Captured = (Timestamp, Digest);

/// The lines of a list of captures. It has no personal data.
pub(crate) fn capture_lines(captures: &[Captured]) -> String {
    captures.iter().map(|(captured_at, digest)| format!("{captured_at} {digest}\n")).collect()
}

/// Reads the lines of a list of captures.
pub(crate) fn parse_captures(lines: &str) -> Option<Vec<Captured>> {
    let line = |line: &str| {
        let (captured_at, digest) = line.split_once(' ')?;
        Some((captured_at.parse().ok()?, Digest::parse(digest)?))
    };
    lines.lines().map(line).collect()
}

impl EvidenceEntry {
    pub fn of(source: &str, captures: &[Captured]) -> Self {
        let sha256 = Digest::of(capture_lines(captures).as_bytes());
        Self {
            source: source.to_owned(),
            captures: captures.len() as u64,
            first: captures.first().map(|(captured_at, _)| *captured_at),
            last: captures.last().map(|(captured_at, _)| *captured_at),
            sha256,
            list: Some(object_key(&sha256)),
            imports: Vec::new(),
        }
    }

    /// The digest of the list of captures.
    pub fn list_digest(&self) -> Option<Digest> {
        Digest::parse(self.list.as_ref()?.rsplit('/').next()?)
    }
}
