//! What lies in the place of a file of a bucket that is a folder, and is none: a pipe would be waited for without end, and all
//! of them are passed over by listings.

use std::fs;
use std::path::Path;

use super::Bucket;
use crate::durable;
use crate::publish::PublishError;

impl Bucket {
    /// What is wrong with what lies in the place of an object, if that is no file.
    pub(super) fn no_file(&self, key: &str) -> Option<String> {
        let kind = kind_of(&self.folder.as_ref()?.join(key))?;
        Some(format!("it is {kind}, and no file: move it away"))
    }

    /// Refuses what is no file, before it is opened.
    pub(super) fn refuse_no_file(&self, key: &str) -> Result<(), PublishError> {
        let Some(problem) = self.no_file(key) else { return Ok(()) };
        Err(PublishError::Damaged { key: key.to_owned(), problem })
    }

    /// Refuses what lies in a folder in the place of objects whose name `is_one` takes, and is no file. Of a bucket that is no
    /// folder there is nothing of the kind.
    pub(in crate::publish) fn refuse_no_files(
        &self,
        folder: &str,
        is_one: impl Fn(&str) -> bool,
    ) -> Result<(), PublishError> {
        let Some(root) = &self.folder else { return Ok(()) };
        let damaged = |error: std::io::Error| PublishError::Damaged {
            key: folder.to_owned(),
            problem: match error.kind() {
                std::io::ErrorKind::PermissionDenied => unreadable("0755", &error.to_string()),
                _ => format!("it cannot be read as a folder ({error})"),
            },
        };
        let entries = match fs::read_dir(root.join(folder)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(damaged)?,
        };
        for entry in entries {
            let entry = entry.map_err(damaged)?;
            // The kind comes with the name, without a look at the file.
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if is_one(&name) {
                self.refuse_no_file(&name)?;
            }
        }
        Ok(())
    }

    /// The error of a file that was opened to be read: one that the user may not read is damaged for this program.
    pub(super) fn unread(&self, key: &str, error: PublishError) -> PublishError {
        match error {
            PublishError::Configuration { .. } if self.folder.is_some() => {
                PublishError::Damaged { key: key.to_owned(), problem: unreadable("0644", "permission denied") }
            }
            error => error,
        }
    }
}

fn unreadable(mode: &str, error: &str) -> String {
    format!(
        "it may not be read ({error}). If it is whole, make it the property of the user that publishes, with mode {mode}"
    )
}

/// What is there that is no file; nothing if it is one, or nothing is there. Links are followed.
fn kind_of(path: &Path) -> Option<&'static str> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => None,
        Ok(found) => Some(durable::kind(found.file_type())),
        Err(_) => fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_symlink())
            .then_some("a symbolic link that leads nowhere"),
    }
}
