//! Where backups go: `backup:` in `fahrtenbuch.yaml`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::capture::evidence::remote::Location;
use crate::object_stores::Options;
use crate::publish::bucket;
use crate::workspace::places::{meet, options};
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

    /// Tells places that a backup would refuse.
    pub(super) fn tell_mistake(&self, node: &Node, others: &Others<'_>, problems: &mut Problems) {
        if let Some((problem, remedy)) = mistake(&self.to, self.keys_to.as_ref(), others) {
            problems.add(node.get("backup").map_or(node.line, |map| map.line), problem, remedy);
        }
    }
}

/// What else a workspace has a place for.
pub struct Others<'a> {
    pub root: &'a Path,
    pub private: &'a Path,
    pub bucket: Option<Location>,
    /// Where sealed evidence goes.
    pub evidence: Option<&'a Location>,
}

/// Why backups may not go to places, and what to do: anybody reads one, or it has what is to be kept apart from it.
pub fn mistake(to: &Location, keys_to: Option<&Location>, others: &Others<'_>) -> Option<(String, &'static str)> {
    let Others { root, private, bucket, evidence } = others;
    let private = Location {
        shown: private.display().to_string(),
        folder: Some(private.to_path_buf()),
        options: Options::default(),
    };
    let of_place = |place: &Location| {
        let shown = &place.shown;
        if bucket.as_ref().is_some_and(|bucket| meet(place, bucket)) {
            return Some(format!("{shown} and the public bucket lie in each other: it would be published"));
        }
        if meet(place, &private) {
            return Some(format!("{shown} and the private store lie in each other: both would be lost at once"));
        }
        let is_above = |folder: &PathBuf| root.starts_with(folder) || is_same(folder, root);
        place.folder.as_ref().is_some_and(is_above).then(|| format!("the workspace lies in {shown}"))
    };
    let of_keys = |keys_to: &Location| {
        let mut apart = [Some(to), *evidence].into_iter().flatten();
        let other = apart.find(|other| meet(keys_to, other))?;
        Some(format!(
            "the keys at {} and the evidence at {} lie in each other: together they undo pseudonyms",
            keys_to.shown, other.shown
        ))
    };
    let of_evidence = || {
        let is_there = evidence.is_some_and(|evidence| meet(to, evidence));
        is_there.then(|| format!("{} and the place of 'evidence' lie in each other", to.shown))
    };
    let problem = [Some(to), keys_to].into_iter().flatten().find_map(of_place);
    let problem = problem.or_else(|| keys_to.and_then(of_keys)).or_else(of_evidence)?;
    Some((problem, "Name a place of its own, as a folder of another disk or 's3://bucket/prefix'."))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
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
    fn places_that_a_backup_would_refuse_are_mistakes() {
        let root = Path::new("/city");
        let place = |text: &str| location(root, text, Options::default()).unwrap();
        let evidence = place("/mnt/evidence");
        let others = Others {
            root,
            private: Path::new("/city/data/private"),
            bucket: Some(place("data/bucket")),
            evidence: Some(&evidence),
        };
        let told = |to: &str, keys_to: Option<&str>| {
            mistake(&place(to), keys_to.map(place).as_ref(), &others).map(|(problem, _)| problem)
        };
        assert_eq!(told("/mnt/backup", Some("/mnt/keys")), None);
        for (to, keys_to, problem) in [
            ("data/private/backup", None, "the private store lie in each other"),
            ("data/bucket", None, "it would be published"),
            ("/mnt/backup", Some("/mnt/backup"), "undo pseudonyms"),
            ("/mnt/backup", Some("/mnt/evidence/keys"), "undo pseudonyms"),
            ("/mnt/evidence", None, "'evidence' lie in each other"),
            ("/", None, "lie in each other"),
        ] {
            assert!(told(to, keys_to).is_some_and(|told| told.contains(problem)), "{to}");
        }
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
