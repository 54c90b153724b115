//! Imports: evidence that was brought to the store from elsewhere, and who brought it.
//!
//! `<evidence>/<source>/imports.jsonl` has one import a line. Captures that an import names may lie between those that a run
//! record knows; its next record names the import.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::durable;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportEntry {
    pub at: Timestamp,
    /// A name or role of `people` in the workspace's configuration.
    pub by: String,
    /// Where it came from, for people; stands in the public record.
    pub from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub captures: Vec<ImportedCapture>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedCapture {
    pub captured_at: Timestamp,
    /// Of the body.
    pub sha256: Digest,
}

/// The file of a source's imports.
pub fn path(evidence: &Path, source: &str) -> PathBuf {
    evidence.join(source).join("imports.jsonl")
}

/// All imports of a source, in the order in which they were made; none if there is no file.
pub fn read(evidence: &Path, source: &str) -> io::Result<Vec<ImportEntry>> {
    let path = path(evidence, source);
    let text = match durable::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entry = |(place, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            io::Error::other(format!("line {} is no import: {error}. Mend the line, or remove it", place + 1))
        })
    };
    lines.map(entry).collect()
}

/// Adds an import, before or after its captures are in the store.
pub fn append(evidence: &Path, source: &str, import: &ImportEntry) -> io::Result<()> {
    let path = path(evidence, source);
    let folder = path.parent().unwrap_or(evidence);
    durable::create_dir_all(folder)?;
    let lock = durable::create(&folder.join(".imports.lock"))?;
    lock.lock()?;
    let mut text = match durable::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if text.last().is_some_and(|&byte| byte != b'\n') {
        text.push(b'\n');
    }
    serde_json::to_writer(&mut text, import)?;
    text.push(b'\n');
    durable::write(&path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_appended_and_read_back_and_a_broken_line_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), "bus").unwrap(), []);
        let captures = vec![ImportedCapture { captured_at: Timestamp::UNIX_EPOCH, sha256: Digest::of(b"a") }];
        let import = ImportEntry {
            at: Timestamp::UNIX_EPOCH,
            by: "Leitung".to_owned(),
            from: "the archive of 2025".to_owned(),
            reason: None,
            captures,
        };
        append(folder.path(), "bus", &import).unwrap();
        append(folder.path(), "bus", &import).unwrap();
        assert_eq!(read(folder.path(), "bus").unwrap(), [import.clone(), import]);
        durable::write(&path(folder.path(), "bus"), b"{}\n").unwrap();
        let error = read(folder.path(), "bus").unwrap_err().to_string();
        assert!(error.contains("line 1 is no import: missing field"), "{error}");
    }
}
