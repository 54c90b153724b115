//! What was sealed: `<evidence>/<source>/sealed.jsonl`.
//!
//! A line is written, and on the disk, before the sealed archive gets its name, so that a `.warc.zst` is never there without
//! one; the `.warc.gz` goes last. Both are there for a moment: then what the line says is sealed does not count in the
//! `.warc.gz`, and what came after it does. A line that is cut off by a crash says nothing.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digester};
use crate::durable;

/// The file's name, in the folder of a source.
pub const NAME: &str = "sealed.jsonl";

/// An hour that was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The sealed archive, relative to the source's folder: `2026/11/24/bus-20261124T08.warc.zst`.
    pub file: String,
    /// Of the `.warc.gz` that was sealed.
    pub old_sha256: Digest,
    pub old_length: u64,
    /// Of the sealed archive.
    pub new_sha256: Digest,
    pub new_length: u64,
    /// Records of any kind in the sealed archive.
    pub records: u64,
    /// The sealed archive that this one continues: an hour that captures came to after it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_sha256: Option<Digest>,
    pub time: Timestamp,
}

/// An archive that is not sealed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The `.warc.gz`, relative to the source's folder.
    pub file: String,
    /// Its length; one of another length is looked at again.
    pub length: u64,
    /// For people.
    pub left: String,
    pub time: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Sealed(Sealed),
    Left(Left),
}

/// What `sealed.jsonl` says of a source.
#[derive(Debug, Default)]
pub struct Register {
    /// In their order, by the name of the sealed archive.
    sealed: HashMap<String, Vec<Sealed>>,
    left: HashMap<String, Left>,
}

impl Register {
    /// That of a source's folder; empty if nothing was sealed yet.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let text = match durable::read(&folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other?,
        };
        let mut register = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Line::Sealed(sealed)) => register.sealed.entry(sealed.file.clone()).or_default().push(sealed),
                Ok(Line::Left(left)) => drop(register.left.insert(left.file.clone(), left)),
                // A crash cut it off, and what it was to say did not happen.
                Err(_) => {}
            }
        }
        Ok(register)
    }

    /// All lines of each sealed archive, by its name.
    pub(super) fn by_archive(&self) -> impl Iterator<Item = (&String, &Vec<Sealed>)> {
        self.sealed.iter()
    }

    /// The newest line of each sealed archive.
    pub fn newest(&self) -> impl Iterator<Item = &Sealed> {
        self.sealed.values().filter_map(|lines| lines.last())
    }

    /// The line that tells of a sealed archive as it is on the disk, whose bytes are digested only if a line has its length.
    pub(super) fn of(&self, folder: &Path, archive: &Path) -> io::Result<Option<&Sealed>> {
        let length = fs::metadata(archive)?.len();
        let lines = self.sealed.get(&relative(folder, archive)).map(Vec::as_slice).unwrap_or_default();
        let mut digest = None;
        for line in lines.iter().rev().filter(|line| line.new_length == length) {
            if digest.is_none() {
                digest = digest_of(archive, length)?;
            }
            if digest == Some(line.new_sha256) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The line of a sealed archive by its digest.
    pub(super) fn of_digest(&self, folder: &Path, archive: &Path, digest: &Digest) -> Option<&Sealed> {
        let lines = self.sealed.get(&relative(folder, archive))?;
        lines.iter().rev().find(|line| line.new_sha256 == *digest)
    }

    /// The archives that were left as they are.
    pub(super) fn left_files(&self) -> impl Iterator<Item = &str> {
        self.left.keys().map(String::as_str)
    }

    /// Why an archive of this length was left as it is.
    pub(super) fn left(&self, file: &str, length: u64) -> Option<&Left> {
        self.left.get(file).filter(|left| left.length == length)
    }
}

/// Appends that an hour is sealed; it is on the disk afterwards. The caller holds the source's lock.
pub(super) fn add(folder: &Path, sealed: Sealed) -> io::Result<()> {
    append(folder, &Line::Sealed(sealed))
}

/// Appends that an archive is left as it is.
pub(super) fn leave(folder: &Path, left: Left) -> io::Result<()> {
    append(folder, &Line::Left(left))
}

fn append(folder: &Path, line: &Line) -> io::Result<()> {
    append_line(&folder.join(NAME), line)
}

/// Appends a line to a list that is only added to; it is on the disk afterwards. What a crash left of a line before it ends there.
pub(super) fn append_line(path: &Path, line: &impl Serialize) -> io::Result<()> {
    let is_new = !path.try_exists()?;
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    let mut file = durable::open(&mut options, path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut last, length - 1)?;
    }
    let mut text = if last == [b'\n'] { Vec::new() } else { vec![b'\n'] };
    serde_json::to_writer(&mut text, line)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) if is_new => durable::sync_folder(folder),
        _ => Ok(()),
    }
}

/// How many bytes at the beginning of an archive a line says are sealed.
pub(super) fn contained(archive: &Path, line: &Sealed) -> io::Result<u64> {
    let is_its = digest_of(archive, line.old_length)? == Some(line.old_sha256);
    Ok(if is_its { line.old_length } else { 0 })
}

/// The length of an archive, or that which it had when it was sealed.
pub(super) fn length(folder: &Path, archive: &Path) -> u64 {
    if let Ok(metadata) = fs::metadata(archive) {
        return metadata.len();
    }
    let register = Register::read(folder).unwrap_or_default();
    let lines = sealed_name(archive).and_then(|path| register.sealed.get(&relative(folder, &path)));
    lines.and_then(|lines| lines.last()).map_or(0, |line| line.old_length)
}

/// The sealed archive of an hour; `None` for an archive that is not packed, which is never sealed.
pub(super) fn sealed_name(archive: &Path) -> Option<PathBuf> {
    archive.extension().is_some_and(|ending| ending == "gz").then(|| archive.with_extension("zst"))
}

pub(super) fn relative(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned()
}

/// Of the first bytes of a file; `None` if it has fewer.
pub(super) fn digest_of(path: &Path, length: u64) -> io::Result<Option<Digest>> {
    let mut digester = Digester::default();
    let read = io::copy(&mut durable::open_to_read(path)?.take(length), &mut digester)?;
    Ok((read == length).then(|| digester.finish()))
}
