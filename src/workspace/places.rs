//! Where the stores of a workspace lie, and that none lies in another.

use std::path::{Path, PathBuf};

use crate::capture::evidence::remote::Location;
use crate::object_stores::Options;
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
    let options = options(node, "evidence", problems).named_in(problems.file(), line);
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

pub(super) fn options(node: &Node, section: &str, problems: &mut Problems) -> Options {
    let mut options = Options::default();
    for (key, value) in node.get("options").map_or(&[][..], Node::pairs) {
        match (key.scalar(), value.scalar()) {
            (Some(name), Some(value)) => {
                if let Some((message, remedy)) = bucket::unknown_option(&name) {
                    problems.add(key.line, message, remedy);
                }
                options.values.insert(name, value);
            }
            _ => {
                let message = format!("an option of '{section}' is no text");
                problems.add(key.line, message, "Write 'endpoint: https://...'.");
            }
        }
    }
    options
}

fn meets_bucket(evidence: &Location, bucket: &Node, root: &Path) -> bool {
    let Some(location) = bucket.get("location").and_then(Node::scalar) else { return false };
    let folder = match bucket::local_folder(&location) {
        Ok(folder) => folder.map(|folder| root.join(folder)),
        Err(_) => return false,
    };
    let endpoint = bucket.get("options").and_then(|options| options.get("endpoint")).and_then(Node::scalar);
    let values = endpoint.map(|endpoint| ("endpoint".to_owned(), endpoint)).into_iter().collect();
    let options = Options { values, named: None };
    meet(evidence, &Location { shown: location, folder, options })
}

/// Whether one of two places lies in the other, or is it.
pub(crate) fn meet(one: &Location, other: &Location) -> bool {
    match (&one.folder, &other.folder) {
        (Some(one), Some(other)) => lie_in_each_other(one, other),
        (None, None) => {
            let endpoint = |of: &Location| {
                of.options.values.get("endpoint").map(|endpoint| endpoint.trim_end_matches('/').to_ascii_lowercase())
            };
            let parts = |of: &Location| -> Vec<String> {
                of.shown.split('/').skip(2).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            // The same name at another endpoint is another bucket.
            endpoint(one) == endpoint(other) && parts(one).iter().zip(&parts(other)).all(|(one, other)| one == other)
        }
        _ => false,
    }
}

/// Whether one of two folders lies in the other, or is it; links and `..` are followed, also where a folder is not there yet.
pub(crate) fn lie_in_each_other(one: &Path, other: &Path) -> bool {
    let (one, other) = (resolved(one), resolved(other));
    one.ancestors().any(|above| is_same(above, &other)) || other.ancestors().any(|above| is_same(above, &one))
}

/// Whether two resolved paths are one: the same folder may also be mounted in two places.
fn is_same(path: &Path, of: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    path == of || id(path).is_some_and(|own| id(of) == Some(own))
}

/// Whether a file or a folder is a folder, or lies in it; links and `..` are followed, also where it is not there yet.
pub(crate) fn lies_in(path: &Path, folder: &Path) -> bool {
    let (path, folder) = (resolved(path), resolved(folder));
    path.ancestors().any(|above| is_same(above, &folder))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// What is told of `evidence`, with its line, beside a private store in `data/private`.
    fn mistakes(bucket: &str, evidence: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("fahrtenbuch.yaml");
        let node = yaml::parse(&file, &format!("bucket:\n  {bucket}\nevidence: {evidence}\n")).unwrap();
        let mut problems = Problems::new(&file);
        let private = root.path().join("data/private");
        let others = Others { root: root.path(), private: &private, bucket: node.get("bucket") };
        evidence_of(&node, &others, &mut problems);
        problems.found.iter().map(|p| format!("{} {}. {}", p.line, p.message, p.remedy)).collect()
    }

    fn evidence_of(node: &Node, others: &Others<'_>, problems: &mut Problems) {
        evidence(node.get("evidence").unwrap(), others, problems);
    }

    #[test]
    fn evidence_never_goes_where_it_would_be_published_or_into_the_private_store() {
        for (bucket, evidence, told) in [
            ("location: data/bucket", "data/bucket/evidence", "would be published"),
            ("location: data/bucket", "data", "would be published"),
            ("location: data/bucket", "data/bucket/../bucket", "would be published"),
            ("location: s3://offen", "s3://offen/belege", "would be published"),
            ("location: s3://offen/", "s3://offen", "would be published"),
            ("location: s3://offen/a/b", "s3://offen/a", "would be published"),
            ("location: s3://offen/a", "s3://offen/a/b", "would be published"),
            ("location: data/bucket", "data/private/evidence", "lie in each other"),
            ("location: data/bucket", ".", "lie in each other"),
        ] {
            let found = mistakes(bucket, evidence);
            assert!(
                found.iter().any(|mistake| mistake.starts_with("3 ") && mistake.contains(told)),
                "{evidence}: {found:?}"
            );
        }
        let endpoint =
            |name: &str| format!("{{location: 's3://offen', options: {{endpoint: 'https://{name}.example'}}}}");
        let bucket = "location: s3://offen\n  options: {endpoint: 'https://a.example/'}";
        assert_eq!(mistakes(bucket, &endpoint("a")).len(), 1);
        assert_eq!(mistakes(bucket, &endpoint("b")), Vec::<String>::new());
        for (bucket, evidence) in [
            ("location: data/bucket", "/mnt/archive"),
            ("location: data/bucket", "data/belege"),
            ("location: data/bucket", "s3://belege/a"),
            ("location: s3://offen/a", "s3://offen/ab"),
            ("location: s3://offen", "data/belege"),
        ] {
            assert_eq!(mistakes(bucket, evidence), Vec::<String>::new(), "{evidence}");
        }
    }

    #[test]
    fn what_is_mistyped_in_evidence_is_told_with_its_line_and_a_remedy() {
        for (evidence, line, told) in [
            ("s3:/belege", 3, "Write 's3://belege'"),
            ("gs://belege", 3, "this kind of store is not known. Write a folder or 's3://bucket/prefix'."),
            ("s3://", 3, "it names no bucket"),
            ("\n  option: {}", 4, "'option' is not known here"),
            ("\n  options: {}", 4, "'location' is missing"),
            ("\n  location: s3://a\n  options:\n    alow_http: true", 6, "Did you mean 'allow_http'"),
            ("\n  location: s3://a\n  options:\n    endpoint: [a]", 6, "is no text"),
            ("\n  location: belege\n  options: {region: de}", 5, "a folder has no 'options'"),
        ] {
            let found = mistakes("location: data/bucket", evidence);
            let is_told = |mistake: &String| mistake.starts_with(&format!("{line} ")) && mistake.contains(told);
            assert!(found.iter().any(is_told), "{evidence}: {found:?}");
        }
    }
}
