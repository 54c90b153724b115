//! Where backups go: `backup:` in `fahrtenbuch.yaml`.

use std::path::Path;

use crate::capture::evidence::remote::Location;
use crate::object_stores::Options;
use crate::publish::bucket;
use crate::workspace::places::options;
use crate::yaml::{Node, Problems};

const KEYS: &[&str] = &["to", "keys_to"];
const PLACE_KEYS: &[&str] = &["location", "options"];

/// Where the private store is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    pub to: Location,
    /// A place of its own for the keys; without it they are in no backup.
    pub keys_to: Option<Location>,
}

impl Backups {
    /// Reads `backup:` of the configuration, whose root is `node`.
    pub(super) fn read(root: &Path, node: &Node, problems: &mut Problems) -> Option<Self> {
        let map = node.get("backup")?;
        map.only_keys(KEYS, problems);
        let Some(to) = map.get("to") else {
            let remedy = "Add 'to: /mnt/backup', a folder or 's3://bucket/prefix'.";
            problems.add(map.line, "'backup' names no place", remedy);
            return None;
        };
        let keys_to = map.get("keys_to").and_then(|node| place(root, "keys_to", node, problems));
        Some(Self { to: place(root, "to", to, problems)?, keys_to })
    }
}

/// A folder, `s3://bucket/prefix`, or a map of `location` and `options`.
fn place(root: &Path, key: &str, node: &Node, problems: &mut Problems) -> Option<Location> {
    let (text, line) = match node.scalar() {
        Some(text) => (text, node.line),
        None => {
            node.only_keys(PLACE_KEYS, problems);
            let line = node.get("location").map_or(node.line, |node| node.line);
            (node.require_text("location", problems)?, line)
        }
    };
    let options = options(node, "backup", problems).named_in(problems.file(), line);
    let location = location(root, &text, options);
    let location = location.map_err(|(problem, remedy)| {
        problems.add(node.line, format!("'{key}: {text}' is no place for a backup: {problem}"), remedy);
    });
    location.ok()
}

/// A place as it is written. Folders are relative to `root`.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn location(root: &Path, text: &str, options: Options) -> Result<Location, (String, String)> {
    let folder = bucket::local_folder(text)?.map(|folder| {
        let folder = root.join(folder);
        std::path::absolute(&folder).unwrap_or(folder)
    });
    let shown = match &folder {
        Some(folder) => folder.to_string_lossy().trim_end_matches('/').to_owned(),
        None => text.trim_end_matches('/').to_owned(),
    };
    Ok(Location { shown, folder, options })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn read(text: &str) -> (Option<Backups>, Vec<String>) {
        let file = Path::new("/city/fahrtenbuch.yaml");
        let node = yaml::parse(file, text).unwrap();
        let mut problems = Problems::new(file);
        let read = Backups::read(Path::new("/city"), &node, &mut problems);
        (read, problems.found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect())
    }

    #[test]
    fn places_are_read_and_mistakes_are_told_with_their_lines() {
        assert_eq!(read("title: T"), (None, Vec::new()));
        let (backups, found) = read("backup:\n  to: {location: 's3://b/x/', options: {region: de}}\n  keys_to: keys");
        let backups = backups.unwrap();
        assert_eq!((backups.to.shown.as_str(), found.len()), ("s3://b/x", 0));
        assert_eq!(backups.keys_to.unwrap().shown, "/city/keys");
        for (text, told) in [
            ("backup: {}", "1 'backup' names no place"),
            ("backup:\n  too: x\n  to: y", "2 'too' is not known here"),
            ("backup:\n  to: gs://x", "2 'to: gs://x' is no place for a backup: this kind of store is not known"),
            ("backup:\n  to: {location: s3://x, options: {regoin: de}}", "2 'regoin' is no setting of an S3 store"),
        ] {
            assert_eq!(read(text).1, [told], "{text}");
        }
    }
}
