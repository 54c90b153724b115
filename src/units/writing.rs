//! Files of units on the disk.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::durable;
use crate::output_file::{self, Readers};
use crate::units::kind::UnitFile;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    New,
    /// One was there, and is replaced.
    Replaced,
    /// The same is there.
    Same,
    /// Another one is there, and stays.
    LeftAlone,
}

/// Why a file was not written.
#[derive(Debug, Error)]
#[error("{} could not be written: {source}. Check the disk and the permissions, or name another folder", .path.display())]
pub struct UnwrittenUnit {
    path: PathBuf,
    source: io::Error,
}

/// Writes a file below `folder`. One that is there stays unless `force`.
pub fn write(folder: &Path, file: &UnitFile, force: bool) -> Result<Written, UnwrittenUnit> {
    let path = folder.join(&file.path);
    written(&path, file.text.as_bytes(), force).map_err(|source| UnwrittenUnit { path, source })
}

fn written(path: &Path, text: &[u8], force: bool) -> io::Result<Written> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match durable::open_plain(OpenOptions::new().write(true).create_new(true), path) {
        Ok(mut file) => {
            file.write_all(text)?;
            Ok(Written::New)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A link leads to a file; what is none would be waited for or destroyed.
            if durable::read(path)? == text {
                Ok(Written::Same)
            } else if force {
                output_file::write(path, text, Readers::AsUsual)?;
                Ok(Written::Replaced)
            } else {
                Ok(Written::LeftAlone)
            }
        }
        Err(error) => Err(error),
    }
}
