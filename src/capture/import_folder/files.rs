//! The files of a folder: which there are, and what each holds.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;

use super::planned::Plan;
use crate::capture::{Capture, CaptureError, warc};
use crate::digest::Digest;
use crate::protobuf::{self, Value};

/// Folders within folders, at the most.
const DEPTH: usize = 32;

/// A file of the folder.
pub(super) struct Found {
    pub(super) relative: PathBuf,
    /// With `/` between folders, for people and patterns.
    pub(super) shown: String,
    pub(super) modified: Option<Timestamp>,
    pub(super) length: u64,
}

pub(super) fn walk(
    root: &Path,
    below: &Path,
    depth: usize,
    files: &mut Vec<Found>,
    plan: &mut Plan,
) -> Result<(), CaptureError> {
    let folder = root.join(below);
    let failed = |source: io::Error| CaptureError::Evidence { file: folder.clone(), verb: "read", source };
    let mut entries = fs::read_dir(&folder).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let relative = below.join(&name);
        let shown = relative.to_string_lossy().into_owned();
        // What systems and tools put beside files, `.DS_Store`, `._a.pb`, is hidden.
        if name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX" {
            plan.pass_over("hidden");
            continue;
        }
        // Does not follow links.
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_dir() && depth < DEPTH {
            walk(root, &relative, depth + 1, files, plan)?;
        } else if metadata.is_file() {
            let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
            files.push(Found { relative, shown, modified, length: metadata.len() });
        } else if metadata.is_symlink() {
            plan.problem(&shown, "it is a symbolic link; copy what it leads to");
        } else {
            plan.problem(&shown, if metadata.is_dir() { "it lies too deep" } else { "it is no file" });
        }
    }
    Ok(())
}

/// A path with the name of the folder itself, which may tell a date or a source.
pub(super) fn with_folder(folder: &Path, shown: &str) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{name}/{shown}")
}

/// Whether a file without a known ending begins as a WARC archive does.
pub(super) fn begins_as_archive(path: &Path) -> bool {
    let mut first = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut first));
    let mut inflated = [0; 5];
    let packed = flate2::read::MultiGzDecoder::new(first.as_slice()).read_exact(&mut inflated);
    read.is_ok() && (first.starts_with(b"WARC/") || packed.is_ok() && &inflated == b"WARC/")
}

/// A file as a capture. A link that took the file's place meanwhile is refused.
pub(super) fn read(root: &Path, relative: &Path, at: Timestamp) -> io::Result<Capture> {
    let path = root.join(relative);
    if !fs::symlink_metadata(&path)?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let mut body = Vec::new();
    fs::File::open(&path)?.take(warc::BLOCK_BYTES).read_to_end(&mut body)?;
    let digest = Digest::of(&body);
    Ok(Capture {
        url: address(relative),
        captured_at: at,
        status: 200,
        headers: Vec::new(),
        body: Bytes::from(body),
        digest,
    })
}

/// `file:` and the path relative to the folder, with what may not stand in a URI percent-encoded (RFC 3986, 2.1).
fn address(relative: &Path) -> String {
    let mut url = "file:".to_owned();
    for &byte in relative.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => url.push(char::from(byte)),
            other => url += &format!("%{other:02X}"),
        }
    }
    url
}

/// The time that a message tells of itself, in Unix seconds.
pub(super) fn feed_time(body: &[u8]) -> Option<i64> {
    let header = protobuf::fields(body).find_map(|field| match field {
        Ok((1, Value::Bytes(header))) => Some(header),
        _ => None,
    })?;
    let time = protobuf::fields(header).find_map(|field| match field {
        Ok((3, Value::Varint(time))) => i64::try_from(time).ok(),
        _ => None,
    });
    time.filter(|time| *time > 0)
}
