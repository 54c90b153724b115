//! What of an hour counts: its objects elsewhere, its sealed archive, and of its `.warc.gz` what is in none of them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::capture::evidence::archive_file::ArchiveFile;
use crate::capture::evidence::remote::Remote;
use crate::capture::evidence::sealed::{self, Register, Sealed};
use crate::capture::evidence::stored::{self, Stored};

/// An archive of an hour that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub file: ArchiveFile,
    /// Where what counts of it begins; the records before it are in the parts before.
    pub from: u64,
    /// Nothing says what of the archive is in the parts before: its captures count where those do not have them.
    pub may_repeat: bool,
    /// 0 of what is kept elsewhere.
    inode: u64,
}

/// What counts of an hour of a source's folder, which is named by its `.warc.gz`, in the order in which it was sealed.
///
/// What is no plain file, nor a link to one, is no part of it ([`super::odd`]).
pub(super) fn parts(folder: &Path, archive: &Path, remote: Option<&Arc<Remote>>) -> io::Result<Vec<Part>> {
    // In this order: the sealed archive is there before the other goes, and the line before the sealed archive goes.
    let other = metadata(archive)?;
    let Some(path) = sealed::sealed_name(archive) else {
        let part = |other: fs::Metadata| local(archive, remote, &other);
        return Ok(other.map(part).into_iter().collect());
    };
    let found = metadata(&path)?;
    let objects = stored::of_hour(archive)?;
    let mut copy = None;
    if let Some(found) = found.as_ref() {
        copy = copied(&path, found.len(), &objects)?.map(|stored| stored.sha256);
    }
    let mut parts = Vec::new();
    for stored in &objects {
        parts.push(match &found {
            Some(found) if copy == Some(stored.sha256) => local(&path, remote, found),
            _ => {
                let file = ArchiveFile::stored(&path, stored.clone(), remote);
                Part { file, from: 0, may_repeat: false, inode: 0 }
            }
        });
    }
    if let (Some(found), None) = (&found, copy) {
        parts.push(local(&path, remote, found));
    }
    let Some(other) = other else { return Ok(parts) };
    let mut part = local(archive, remote, &other);
    if !parts.is_empty() {
        let register = Register::read(folder)?;
        match lines(&register, folder, &path, &objects)? {
            Some(lines) => part.from = contained(archive, &lines)?,
            None => part.may_repeat = true,
        }
    }
    if part.from < other.len() {
        parts.push(part);
    }
    Ok(parts)
}

/// The lines that tell what was sealed into the parts of an hour; `None` if one of them has none.
pub(super) fn lines<'a>(
    register: &'a Register,
    folder: &Path,
    sealed: &Path,
    objects: &[Stored],
) -> io::Result<Option<Vec<&'a Sealed>>> {
    let mut lines = Vec::new();
    for stored in objects {
        match register.of_digest(folder, sealed, &stored.sha256) {
            Some(line) => lines.push(line),
            None => return Ok(None),
        }
    }
    let Some(found) = metadata(sealed)? else { return Ok(Some(lines)) };
    if copied(sealed, found.len(), objects)?.is_none() {
        match register.of(folder, sealed)? {
            Some(line) => lines.push(line),
            None => return Ok(None),
        }
    }
    Ok(Some(lines))
}

/// How many bytes at the beginning of a `.warc.gz` are sealed, by the lines of its hour.
pub(super) fn contained(archive: &Path, lines: &[&Sealed]) -> io::Result<u64> {
    let mut most = 0;
    for line in lines {
        most = most.max(sealed::contained(archive, line)?);
    }
    Ok(most)
}

/// The object whose copy a sealed archive is. Its bytes are digested only if an object has its length.
pub(super) fn copied<'a>(sealed: &Path, length: u64, objects: &'a [Stored]) -> io::Result<Option<&'a Stored>> {
    let mut alike = objects.iter().filter(|stored| stored.length == length).peekable();
    if alike.peek().is_none() {
        return Ok(None);
    }
    let digest = sealed::digest_of(sealed, length)?;
    Ok(alike.find(|stored| Some(stored.sha256) == digest))
}

fn local(path: &Path, remote: Option<&Arc<Remote>>, metadata: &fs::Metadata) -> Part {
    Part { file: ArchiveFile::local(path, remote), from: 0, may_repeat: false, inode: metadata.ino() }
}

fn metadata(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => Ok(Some(other?).filter(fs::Metadata::is_file)),
    }
}
