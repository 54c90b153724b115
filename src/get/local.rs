//! The folder that files are fetched into.
//!
//! What is not whole yet has a name that begins with a point, which no reader of a folder opens: `.part-….parquet.partial`, and beside
//! it the ETag by which it goes on.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::GetError;
use super::list::{Listed, Span, TableName};
use crate::digest::{Digest, Digester};
use crate::durable;
use crate::output_file;
use crate::time::ServiceDate;

/// The folder of a table, kept from other calls as long as this lives.
#[derive(Debug)]
pub(super) struct TableFolder {
    pub path: PathBuf,
    _lock: File,
}

/// Where a file and its beginnings are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub folder: PathBuf,
    pub file: PathBuf,
    pub partial: PathBuf,
    pub tag: PathBuf,
}

impl TableFolder {
    pub(super) fn open(to: &Path, name: &TableName) -> Result<Self, GetError> {
        let path = to.join(&name.dataset).join(&name.table);
        let failed = |error: io::Error| GetError::local(&path, &error);
        fs::create_dir_all(&path).map_err(failed)?;
        let place = path.join(".lock");
        refuse_others(&place)?;
        let lock = durable::open_plain(File::options().create(true).append(true), &place).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(GetError::transient(path.display().to_string(), "another 'fahrtenbuch get' is at work there"))
            }
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn places(&self, file: &Listed) -> Places {
        let folder = self.path.join(&file.folder);
        let hidden = |ending: &str| folder.join(format!(".{}.{ending}", file.name));
        Places { file: folder.join(&file.name), partial: hidden("partial"), tag: hidden("etag"), folder }
    }

    /// Files of dates between these that the list does not name, in folders that it does not name either: what was withdrawn,
    /// or was never of this table.
    pub(super) fn unlisted(&self, files: &[Listed], dates: [Option<ServiceDate>; 2]) -> Vec<PathBuf> {
        let named: std::collections::BTreeSet<&str> = files.iter().map(|file| file.folder.as_str()).collect();
        let mut unlisted = Vec::new();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let folder = entry.file_name().to_string_lossy().into_owned();
            let [since, until] = dates;
            let is_asked_for = Span::of_folder(&folder).is_some_and(|span| span.meets(since, until));
            if is_asked_for && !named.contains(folder.as_str()) {
                unlisted.extend(parts(&entry.path()));
            }
        }
        unlisted.sort();
        unlisted
    }
}

/// The files of this program in a folder: `part-<12 hex digits>.parquet`.
pub(super) fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_part = |name: &str| {
        let digits = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
        digits.is_some_and(|digits| digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    entries.filter(|entry| is_part(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Digests a file, and tells its bytes.
pub(super) fn digested(path: &Path) -> io::Result<(Digester, u64)> {
    let mut file = durable::open_to_read(path)?;
    let (mut digester, mut bytes) = (Digester::default(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((digester, bytes));
        }
        digester.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Whether a file has these bytes.
pub(super) fn is_right(path: &Path, bytes: u64, sha256: &Digest) -> bool {
    let has_size = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes);
    has_size && digested(path).is_ok_and(|(digester, _)| digester.finish() == *sha256)
}

/// Refuses what is no file in the place of one: a pipe would be waited for without end, and a link leads elsewhere.
pub(super) fn refuse_others(place: &Path) -> Result<(), GetError> {
    const REMEDY: &str = "Then call it again, or choose another folder with --to";
    output_file::refuse_others(place).map_err(|error| match error.kind() {
        io::ErrorKind::Other => GetError::usage(place.display().to_string(), error.to_string(), REMEDY),
        _ => GetError::local(place, &error),
    })
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<(), GetError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(GetError::local(path, &error)),
        _ => Ok(()),
    }
}
