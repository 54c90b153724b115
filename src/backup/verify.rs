//! Which backups a place has, and whether one of them is whole.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::BackupError;
use super::manifest::{self, KeptFile, Manifest, object};
use super::place::Place;

/// A backup as a list has it.
#[derive(Debug)]
pub struct Listed {
    pub at: Timestamp,
    pub files: u64,
    pub bytes: u64,
    pub program: String,
}

/// What a look at the newest backup found.
#[derive(Debug)]
pub struct Verified {
    pub at: Timestamp,
    pub files: u64,
    pub bytes: u64,
    /// What is gone or has other bytes, for people.
    pub problems: Vec<String>,
}

/// The names of a place's manifests, the newest last.
pub(super) fn keys(place: &Place) -> Result<Vec<String>, BackupError> {
    let listed = place.list(manifest::FOLDER)?.into_keys();
    let mut keys: Vec<String> = listed.filter(|key| manifest::time_of(key).is_some()).collect();
    keys.sort_unstable();
    Ok(keys)
}

/// A manifest.
pub(super) fn read(place: &Place, key: &str) -> Result<Manifest, BackupError> {
    let remedy = "Take an older backup with --at, and back up again";
    let damaged = |problem: String| place.damaged(format!("'{key}' {problem}"), remedy);
    let bytes = place.get(key)?.ok_or_else(|| damaged("disappeared".to_owned()))?;
    if let Some(found) = manifest::is_newer(&bytes) {
        return Err(place.newer(&found));
    }
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("cannot be read: {error}")))?;
    match manifest.files.iter().find(|file| !manifest::is_safe(&file.path)) {
        Some(file) => Err(damaged(format!("names a file that is none of a backup: '{}'", file.path))),
        None => Ok(manifest),
    }
}

/// The newest manifest, and its name. One that cannot be read is told, and passed over: a new backup does not depend on it.
pub(super) fn newest(place: &Place) -> Result<Option<(String, Manifest)>, BackupError> {
    for key in keys(place)?.into_iter().rev() {
        match read(place, &key) {
            Ok(manifest) => return Ok(Some((key, manifest))),
            Err(error @ BackupError::Damaged { .. }) => tracing::warn!("{error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The backups of a place, the newest last.
pub fn list(place: &Place) -> Result<Vec<Listed>, BackupError> {
    let mut listed = Vec::new();
    for key in keys(place)? {
        match read(place, &key) {
            Ok(manifest) => listed.push(Listed {
                at: manifest.at,
                files: manifest.files.len() as u64,
                bytes: manifest.files.iter().map(|file| file.bytes).sum(),
                program: manifest.program,
            }),
            Err(error @ BackupError::Damaged { .. }) => tracing::warn!("{error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}

/// Reads everything that the newest backup of a place names; nothing if there is no backup.
pub fn verify(place: &Place) -> Result<Option<Verified>, BackupError> {
    let Some(key) = keys(place)?.pop() else { return Ok(None) };
    let manifest = read(place, &key)?;
    let mut verified = Verified {
        at: manifest.at,
        files: manifest.files.len() as u64,
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        problems: Vec::new(),
    };
    // Each object once, whatever names it.
    let objects: BTreeMap<String, &KeptFile> = manifest.files.iter().map(|file| (object(&file.sha256), file)).collect();
    for (key, file) in objects {
        if let Some(problem) = problem(place, &key, file)? {
            verified.problems.push(problem);
        }
    }
    Ok(Some(verified))
}

/// What is wrong with the object of a file.
fn problem(place: &Place, key: &str, file: &KeptFile) -> Result<Option<String>, BackupError> {
    Ok(match place.digest(key)? {
        Some(found) if found == (file.bytes, file.sha256) => None,
        Some((bytes, _)) if bytes != file.bytes => {
            Some(format!("{}: '{key}' has {bytes} bytes instead of {}", file.path, file.bytes))
        }
        Some((_, found)) => Some(format!("{}: '{key}' has the SHA-256 {found}", file.path)),
        None => Some(format!("{}: '{key}' is gone", file.path)),
    })
}
