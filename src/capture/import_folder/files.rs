//! The files of a folder: which there are, and what each holds.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;

use super::planned::Plan;
use super::sidecar::{BYTES, Sidecar, shown};
use crate::capture::{Capture, CaptureError, file_names, warc};
use crate::digest::Digest;
use crate::durable;
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
    let read = durable::open_to_read(path).and_then(|file| file.take(4096).read_to_end(&mut first));
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
    durable::open_to_read(&path)?.take(warc::BLOCK_BYTES).read_to_end(&mut body)?;
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

/// What describes a file beside it: `a.meta` or `a.json` of `a.pb`, or `a.pb.meta`. Nothing if there is none.
///
/// # Errors
/// The name of what cannot be read, and why.
pub(super) fn sidecar(root: &Path, relative: &Path) -> Result<Option<Sidecar>, String> {
    let mut longer = relative.as_os_str().to_owned();
    longer.push(".meta");
    for path in [relative.with_extension("meta"), longer.into(), relative.with_extension("json")] {
        let full = root.join(&path);
        if path == relative || !fs::symlink_metadata(&full).is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let is_meta = path.extension().is_some_and(|ending| ending == "meta");
        let mut bytes = Vec::new();
        let read = durable::open_to_read(&full).and_then(|file| file.take(BYTES).read_to_end(&mut bytes));
        let parsed = read.map_err(|error| error.to_string()).and_then(|_| Sidecar::parse(&bytes));
        match parsed {
            Ok(Some(sidecar)) => return Ok(Some(sidecar)),
            // JSON of the same name may be the message once more.
            Err(problem) if is_meta => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                return Err(format!("{} cannot be used: {problem}", name.escape_debug()));
            }
            Ok(None) | Err(_) => {}
        }
    }
    Ok(None)
}

/// A file with what describes it.
pub(super) fn read_described(root: &Path, relative: &Path, sidecar: Sidecar) -> io::Result<Capture> {
    let capture = read(root, relative, Timestamp::UNIX_EPOCH)?;
    let address = || encoded_address(&relative.to_string_lossy()).unwrap_or(capture.url);
    sidecar.capture(capture.body.into(), address).map_err(io::Error::other)
}

/// The address in a path that has it in base64url, as `base64url=aHR0cA`.
pub(super) fn encoded_address(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let coded = parts.find_map(|part| part.strip_prefix("base64url=").or_else(|| part.strip_prefix("base64_url=")))?;
    file_names::base64url(coded).map(|address| shown(&address))
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
