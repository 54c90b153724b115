//! Where the stores of a workspace lie, and that none lies in another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::evidence::remote::Location;
use crate::publish::bucket;
use crate::yaml::{Node, Problems};

const EVIDENCE_KEYS: &[&str] = &["location", "options"];

/// The other places of a workspace.
pub(super) struct Others<'a> {
    pub root: &'a Path,
    pub private: &'a Path,
    /// The `bucket` of the configuration.
    pub bucket: Option<&'a Node>,
}

/// `evidence: s3://bucket/prefix`, a folder, or a map of `location` and `options`.
pub(super) fn evidence(node: &Node, others: &Others<'_>, problems: &mut Problems) -> Option<Location> {
    let (location, line) = match node.scalar() {
        Some(text) => (text, node.line),
        None => {
            node.only_keys(EVIDENCE_KEYS, problems);
            let line = node.get("location").map_or(node.line, |node| node.line);
            (node.require_text("location", problems)?, line)
        }
    };
    let options = options(node, problems);
    let folder = match bucket::local_folder(&location) {
        Ok(folder) => folder.map(|folder| others.root.join(folder)),
        Err((problem, remedy)) => {
            problems.add(line, format!("the evidence cannot go to '{location}': {problem}"), remedy);
            return None;
        }
    };
    if folder.is_some() && node.get("options").is_some() {
        let line = node.get("options").map_or(line, |node| node.line);
        problems.add(line, "a folder has no 'options'", "Take them out, or write 's3://bucket/prefix'.");
    }
    // One path, from wherever the program is called.
    let folder = folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
    let shown = match &folder {
        Some(folder) => folder.to_string_lossy().trim_end_matches('/').to_owned(),
        None => location.trim_end_matches('/').to_owned(),
    };
    let found = Location { shown, folder, options };
    if found.folder.as_ref().is_some_and(|folder| lie_in_each_other(folder, others.private)) {
        let remedy =
            "Name a folder outside of it, as on another disk; without 'evidence' all stays in the private store.";
        problems.add(line, "'evidence' and the private store lie in each other", remedy);
    }
    if others.bucket.is_some_and(|bucket| meets_bucket(&found, bucket, others.root)) {
        let remedy = "Give it a bucket or a folder of its own that nobody else may read.";
        problems.add(line, "'evidence' and the public bucket lie in each other: evidence would be published", remedy);
    }
    Some(found)
}

fn options(node: &Node, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for (key, value) in node.get("options").map_or(&[][..], Node::pairs) {
        match (key.scalar(), value.scalar()) {
            (Some(name), Some(value)) => {
                if let Some((message, remedy)) = bucket::unknown_option(&name) {
                    problems.add(key.line, message, remedy);
                }
                options.insert(name, value);
            }
            _ => problems.add(key.line, "an option of 'evidence' is no text", "Write 'endpoint: https://...'."),
        }
    }
    options
}

fn meets_bucket(evidence: &Location, bucket: &Node, root: &Path) -> bool {
    let Some(location) = bucket.get("location").and_then(Node::scalar) else { return false };
    match (bucket::local_folder(&location), &evidence.folder) {
        (Ok(Some(public)), Some(folder)) => lie_in_each_other(&root.join(public), folder),
        (Ok(None), None) => {
            let endpoint = |node: Option<&Node>| {
                let endpoint = node.and_then(|options| options.get("endpoint")).and_then(Node::scalar);
                endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_ascii_lowercase())
            };
            let own = evidence.options.get("endpoint").map(|own| own.trim_end_matches('/').to_ascii_lowercase());
            let parts = |address: &str| -> Vec<String> {
                address.split('/').skip(2).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            let (one, other) = (parts(&location), parts(&evidence.shown));
            // The same name at another endpoint is another bucket.
            endpoint(bucket.get("options")) == own && one.iter().zip(&other).all(|(one, other)| one == other)
        }
        _ => false,
    }
}

/// Whether one of two folders lies in the other, or is it; links and `..` are followed, also where a folder is not there yet.
pub(crate) fn lie_in_each_other(one: &Path, other: &Path) -> bool {
    let (one, other) = (resolved(one), resolved(other));
    // The same folder may also be mounted in two places.
    let is = |path: &Path, of: &Path| {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
        path == of || id(path).is_some_and(|own| id(of) == Some(own))
    };
    one.ancestors().any(|above| is(above, &other)) || other.ancestors().any(|above| is(above, &one))
}

/// A path without links and `..`.
fn resolved(path: &Path) -> PathBuf {
    let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut rest = parts(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let mut done = PathBuf::new();
    // As many as Linux follows.
    let mut links = 40;
    while let Some(part) = rest.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        match std::fs::read_link(&next) {
            // An absolute one begins anew, since it has a root to join.
            Ok(target) if links > 0 => {
                links -= 1;
                rest.extend(parts(&target));
            }
            _ => done = next,
        }
    }
    done
}
