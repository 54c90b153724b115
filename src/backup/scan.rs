//! What of a private store and a workspace is backed up, as it is found on the disk.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::pipeline::purged::ROOM_NAME;
use crate::workspace::{self, form};

use super::status;

/// Folders of the private store that can be made again, or that have a place of their own.
const LEFT_FOLDERS: &[&str] =
    &["evidence", "evidence-cache", "keys", "locks", "publication", "staging", form::RESTORING, RESTORED];
/// What a restore that is done leaves, until it is removed.
pub(super) const RESTORED: &str = ".tmp-restored";
/// Files that can be made again: what is remembered between two polls, who collects now, when a backup was made, and
/// the room that is kept for a purge.
const LEFT_FILES: &[&str] = &[".state.json", "owned.json", status::NAME, ROOM_NAME];
/// What a workspace is described by.
const CONFIGURATION: &[&str] = &["pipelines", "schemas", "mappings", "portal"];

/// A file that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// As the manifest names it: `private/…` or `workspace/…`.
    pub name: String,
    pub path: PathBuf,
    pub seen: Seen,
    /// The bits of its permissions.
    mode: u32,
}

/// What was seen of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub inode: u64,
    pub length: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Self { inode: metadata.ino(), length: metadata.len(), modified }
    }
}

/// How a file is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Replaced as a whole: as it is when it is opened.
    Whole,
    /// Only added to, line by line: up to the last line that is whole.
    Lines,
    /// Only added to while its lock is held: as far as it was when that was looked at.
    Prefix,
}

impl Found {
    fn new(name: String, path: PathBuf, metadata: &Metadata) -> Self {
        Self { name, path, seen: Seen::of(metadata), mode: metadata.mode() & 0o777 }
    }

    /// Who may do what with a file of the workspace; nothing of the private store, whose files are for its owner alone.
    pub(super) fn mode(&self) -> Option<u32> {
        self.name.starts_with("workspace/").then_some(self.mode)
    }

    pub(super) fn reading(&self) -> Reading {
        let is = |ending: &str| self.name.ends_with(ending);
        match self.name.starts_with("private/evidence/") {
            true if is(".gz") || is(".warc") || is(".jsonl") => Reading::Prefix,
            _ if is(".jsonl") => Reading::Lines,
            _ => Reading::Whole,
        }
    }
}

/// The private store without evidence and keys, in the order in which it is to be copied: what names others first.
pub(super) fn private(private: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    walk(private, "private", &|name| LEFT_FOLDERS.contains(&name), &mut found)?;
    found.sort_by_key(|found| {
        let place =
            ["private/journal/", "private/quarantine/"].iter().position(|folder| found.name.starts_with(folder));
        (place.unwrap_or(2), found.name.clone())
    });
    Ok(found)
}

/// All of a folder of the private store.
pub(super) fn folder(private: &Path, name: &str) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    walk(&private.join(name), &format!("private/{name}"), &|_| false, &mut found)?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The files of a folder of the private store without those of the folders in it.
pub(super) fn beside(private: &Path, name: &str) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    walk(&private.join(name), &format!("private/{name}"), &|_| true, &mut found)?;
    Ok(found)
}

/// What a workspace is described by.
pub(super) fn configuration(root: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let path = root.join(workspace::FILE);
    let metadata = fs::metadata(&path)?;
    found.push(Found::new(format!("workspace/{}", workspace::FILE), path, &metadata));
    for name in CONFIGURATION {
        walk(&root.join(name), &format!("workspace/{name}"), &|_| false, &mut found)?;
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Locks, and what a write that was killed left.
fn is_left(name: &str) -> bool {
    name == "lock"
        || name.ends_with(".lock")
        || name.starts_with(".tmp")
        || name.contains('#')
        || LEFT_FILES.contains(&name)
}

fn walk(folder: &Path, name: &str, is_left_folder: &dyn Fn(&str) -> bool, found: &mut Vec<Found>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        // A folder that goes while it is looked at has nothing any more.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let Some(file_name) = entry.file_name().to_str().map(str::to_owned) else {
            tracing::warn!("{} has a name that is no text, and is not in the backup: rename it", path.display());
            continue;
        };
        // Links are followed, as all else does.
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let name = format!("{name}/{file_name}");
        if metadata.is_dir() {
            if !is_left_folder(&file_name) {
                walk(&path, &name, &|_| false, found)?;
            }
        } else if metadata.is_file() && !is_left(&file_name) {
            found.push(Found::new(name, path, &metadata));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_others_comes_first_and_what_can_be_made_again_is_left() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "decisions.jsonl",
            ".decisions.lock",
            ".tmpAbc",
            "store.json",
            "backup.json",
            "journal/bus/2026-11-24.json",
            "quarantine/bus/date=2026-11-24/t.parquet",
            "staging/bus/x",
            "locks/runs",
            "keys/2026-11-24.key",
            "evidence/bus/2026/11/24/bus-20261124T08.warc.gz",
            "evidence/bus/.state.json",
            "evidence/bus/.lock",
            "evidence/bus/sealed.jsonl",
            "collector/lock",
            "collector/owned.json",
            "collector/hfp.spool",
            "schedule/log.jsonl",
        ] {
            fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
            fs::write(root.path().join(name), "").unwrap();
        }
        let names = |found: Vec<Found>| found.into_iter().map(|found| found.name).collect::<Vec<_>>();
        let expected = [
            "private/journal/bus/2026-11-24.json",
            "private/quarantine/bus/date=2026-11-24/t.parquet",
            "private/collector/hfp.spool",
            "private/decisions.jsonl",
            "private/schedule/log.jsonl",
            "private/store.json",
        ];
        assert_eq!(names(private(root.path()).unwrap()), expected);
        let evidence = folder(root.path(), "evidence").unwrap();
        assert_eq!(evidence.iter().map(Found::reading).collect::<Vec<_>>(), [Reading::Prefix, Reading::Prefix]);
        assert_eq!(names(folder(root.path(), "keys").unwrap()), ["private/keys/2026-11-24.key"]);
    }
}
