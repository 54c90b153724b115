//! The files of a feed: those of an archive or of a folder.

use std::path::PathBuf;

use bytes::Bytes;

use super::archive::{self, Archive};
use crate::decode::{DecodeError, Limits};

/// Where the files of a feed are.
pub enum Package {
    /// A zip archive.
    Archive(Bytes),
    /// A folder with the files of the archive.
    Folder(PathBuf),
}

pub(super) enum Source {
    // Boxed, because an archive's directory is much larger than a path.
    Archive(Box<Archive>, Vec<archive::File>),
    Folder { path: PathBuf, files: Vec<String> },
}

impl Source {
    pub(super) fn open(name: &str, package: Package, limits: Limits) -> Result<Self, DecodeError> {
        match package {
            Package::Archive(bytes) => {
                let mut archive = archive::open(name, bytes, limits)?;
                let files = archive::files(&mut archive).map_err(|error| {
                    DecodeError::feed(name, format!("a file name is not readable: {error}"), "Zip it again.")
                })?;
                Ok(Self::Archive(Box::new(archive), files))
            }
            Package::Folder(path) => {
                let listed = std::fs::read_dir(&path).and_then(|entries| {
                    let files = entries.collect::<Result<Vec<_>, _>>()?.into_iter();
                    Ok(files.filter(|entry| entry.path().is_file()).collect::<Vec<_>>())
                });
                let unreadable = |source| DecodeError::Io { name: name.to_owned(), source };
                let listed = listed.map_err(unreadable)?;
                // What a feed says is shown, and a feed may come from anybody: it may not say what other files hold.
                let folder = path.canonicalize().map_err(unreadable)?;
                for entry in &listed {
                    if !entry.path().canonicalize().map_err(unreadable)?.starts_with(&folder) {
                        let file = entry.file_name().to_string_lossy().escape_debug().to_string();
                        let problem =
                            format!("'{file}' is a link to a file outside of the folder, which is not followed");
                        return Err(DecodeError::feed(name, &problem, "Put the file itself into the folder."));
                    }
                }
                let names = listed.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
                let mut files: Vec<String> = names.filter(|name| !archive::is_of_a_mac(name)).collect();
                files.sort_unstable();
                Ok(Self::Folder { path, files })
            }
        }
    }

    /// With `/` between folders.
    pub(super) fn paths(&self) -> Vec<&str> {
        match self {
            Self::Archive(_, files) => files.iter().map(|file| file.path.as_str()).collect(),
            Self::Folder { files, .. } => files.iter().map(String::as_str).collect(),
        }
    }
    /// The paths, and the names in the archive or folder.
    pub(super) fn files(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Archive(_, files) => files.iter().map(|file| (file.path.as_str(), file.name.as_str())).collect(),
            Self::Folder { files, .. } => files.iter().map(|file| (file.as_str(), file.as_str())).collect(),
        }
    }
}
