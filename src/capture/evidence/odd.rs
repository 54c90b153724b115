//! What stands where archives stand and is none: folders, pipes, devices, and links.
//!
//! Nothing but a plain file is opened, since a pipe would be waited for without end. Links to plain files are read; what destroys
//! and what seals leaves them, since the bytes are elsewhere and would stay there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::capture::evidence::listing::Damage;
use crate::capture::evidence::sealed;
use crate::durable::kind;
pub(super) use crate::durable::{A_FOLDER, A_LINK};

/// Something that is left, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    pub path: PathBuf,
    /// For people: `a symbolic link`.
    pub what: &'static str,
}

impl Odd {
    /// What an archive's path is if it is no archive that can be read; links to plain files can be.
    pub(super) fn unreadable(path: &Path) -> io::Result<Option<Self>> {
        let found = match fs::metadata(path) {
            // A link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::symlink_metadata(path),
            other => other,
        };
        let found = match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        Ok((!found.is_file()).then(|| Self { path: path.to_owned(), what: kind(found.file_type()) }))
    }

    /// The same of an hour, which is named by its `.warc.gz`: of that and of the sealed one.
    pub(super) fn unreadable_of(archive: &Path) -> io::Result<Vec<Self>> {
        let mut odd = Vec::new();
        for path in sealed::sealed_name(archive).into_iter().chain([archive.to_owned()]) {
            odd.extend(Self::unreadable(&path)?);
        }
        Ok(odd)
    }

    /// What a path is if what seals and destroys must leave it.
    pub(super) fn not_plain(path: &Path) -> io::Result<Option<Self>> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => {
                let of = other?.file_type();
                Ok((!of.is_file()).then(|| Self { path: path.to_owned(), what: kind(of) }))
            }
        }
    }

    /// As what could not be read of an archive.
    pub(super) fn damage(&self) -> Damage {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let problem = format!("it is {}, and no archive: move it out of the evidence folder", self.what);
        Damage::whole(&self.path, format!("{name} could not be read: {problem}"), problem)
    }
}

/// Whether a path, or a folder between it and the folder of its source, is a link.
pub(super) fn is_linked(source: &Path, archive: &Path) -> bool {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    archive.ancestors().take_while(|path| path.starts_with(source)).any(is_link)
}
