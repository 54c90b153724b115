//! What a backup has: `backups/<time>.json`.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::internal;

/// What the form is called; changes when a reader must change.
pub(super) const FORMAT: &str = "fahrtenbuch-backup/1";
/// The number of the form.
const NUMBER: u64 = 1;
/// Where manifests lie in a place.
pub(super) const FOLDER: &str = "backups";

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// All but the keys.
    Data,
    Keys,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    /// When it began, to the second.
    pub at: Timestamp,
    /// The id of the private store.
    pub store: String,
    pub holds: Holds,
    /// The version of the program that wrote it.
    pub program: String,
    /// The private store as it is configured: relative to the workspace, or absolute.
    pub private: String,
    /// Where the keys went; nothing if they are in no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_at: Option<String>,
    /// Evidence that is kept elsewhere, and not here: as `evidence` has it, and folders of pipelines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<String>,
    pub files: Vec<KeptFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// `private/…` or `workspace/…`.
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
    /// Nanoseconds of its last change since 1970; a file that has this and its length is not read again. Not there for one that
    /// was written to while it was copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// Who may read and write a file of the workspace, as `chmod` counts: 420 is 0644. Those of the private store are its owner's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

impl Manifest {
    pub(super) fn to_bytes(&self) -> Bytes {
        // Texts, numbers and lists always serialise.
        let text = serde_json::to_vec(self);
        text.unwrap_or_else(|error| internal::impossible("writing the manifest of a backup", error)).into()
    }

    /// The name of its object.
    pub(super) fn key(&self) -> String {
        key(self.at)
    }
}

/// `backups/20261127T120000Z.json`: without characters that file systems of other systems refuse.
pub(super) fn key(at: Timestamp) -> String {
    format!("{FOLDER}/{}.json", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// The time in the name of a manifest.
pub(super) fn time_of(key: &str) -> Option<Timestamp> {
    let name = key.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", name).ok()?;
    jiff::tz::TimeZone::UTC.to_ambiguous_timestamp(time).unambiguous().ok()
}

/// The object of some bytes.
pub(super) fn object(sha256: &Digest) -> String {
    let hex = sha256.to_string();
    format!("objects/{}/{hex}", &hex[..2])
}

/// The form of something that a later program wrote, if one did.
pub(super) fn is_newer(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Any {
        format: String,
    }
    let any: Any = serde_json::from_slice(bytes).ok()?;
    let number: u64 = any.format.strip_prefix("fahrtenbuch-backup/")?.parse().ok()?;
    (number > NUMBER).then_some(any.format)
}

/// Whether a name leads to where it says: below one of the two folders, and nowhere else.
pub(super) fn is_safe(path: &str) -> bool {
    let mut parts = path.split('/');
    let root = parts.next();
    let mut rest = parts.peekable();
    matches!(root, Some("private" | "workspace"))
        && rest.peek().is_some()
        && rest.all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_manifest_tells_its_time() {
        let at: Timestamp = "2026-11-27T12:00:07Z".parse().unwrap();
        assert_eq!(key(at), "backups/20261127T120007Z.json");
        assert_eq!(time_of(&key(at)), Some(at));
        assert_eq!(time_of("backups/x.json"), None);
    }

    #[test]
    fn names_that_climb_are_none() {
        for name in ["private/evidence/a", "workspace/fahrtenbuch.yaml"] {
            assert!(is_safe(name), "{name}");
        }
        for name in ["private", "private/", "private/../x", "/etc/passwd", "other/x", "private/./x", "workspace//x"] {
            assert!(!is_safe(name), "{name}");
        }
    }

    #[test]
    fn a_later_form_is_told() {
        assert_eq!(
            is_newer(b"{\"format\": \"fahrtenbuch-backup/2\", \"x\": 1}").as_deref(),
            Some("fahrtenbuch-backup/2")
        );
        assert_eq!(is_newer(b"{\"format\": \"fahrtenbuch-backup/1\"}"), None);
    }
}
