//! `schedule:` of the configuration: daily jobs that are no runs.

use crate::pipeline::Times;
use crate::yaml::{Node, Problems};

const KEYS: &[&str] = &["purge", "backup", "compact", "gc"];

/// A daily job that is no run.
#[derive(Clone, Debug, PartialEq)]
pub struct Chore {
    /// `purge`, `backup`, `compact` or `gc`.
    pub name: &'static str,
    pub times: Times,
    /// Of the program: what it is called with.
    pub arguments: Vec<String>,
}

/// Reads `schedule:` of the configuration, whose root is `node`. What is wrong in them is told, and is not there.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Vec<Chore> {
    let Some(map) = node.get("schedule") else { return Vec::new() };
    if map.pairs().is_empty() {
        let remedy = "Write 'purge: \"03:15\"' and 'backup: \"02:30\"' below it; when pipelines are run stands in their own files.";
        problems.add(map.line, format!("'schedule' is {}, expected a map", map.kind()), remedy);
    }
    map.only_keys(KEYS, problems);
    let mut chores = Vec::new();
    if let Some(times) = map.get("purge").and_then(|node| Times::read(node, problems)) {
        chores.push(Chore { name: "purge", times, arguments: vec!["evidence".to_owned(), "purge".to_owned()] });
    }
    if let Some(times) = map.get("backup").and_then(|node| Times::read(node, problems)) {
        if node.get("backup").is_none() {
            let line = map.get("backup").map_or(map.line, |node| node.line);
            let remedy = "Add 'backup: {to: /mnt/backup, keys_to: /mnt/keys}', each a folder or 's3://name/prefix'.";
            problems.add(line, "the backup has a time and no place", remedy);
        }
        chores.push(Chore { name: "backup", times, arguments: vec!["backup".to_owned()] });
    }
    for name in ["compact", "gc"] {
        if let Some(times) = map.get(name).and_then(|node| Times::read(node, problems)) {
            chores.push(Chore { name, times, arguments: vec![name.to_owned()] });
        }
    }
    chores
}
