//! What tells one state of evidence, or of the files that decide how something is run, from the next.

use std::collections::BTreeMap;
use std::fs;
use std::hash::Hasher;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use xxhash_rust::xxh3::Xxh3;

use crate::decision;
use crate::pipeline::Pipeline;
use crate::schedule::facts::Mark;
use crate::workspace::{self, Workspace};

/// What of the hours of a span tells one state of their evidence from the next. Behind the newest capture there are notes of the
/// collector alone, that a source did not answer: they are no evidence. Its own hour grows by them as long as it goes on.
pub(super) fn marked(
    hours: &BTreeMap<Timestamp, u64>,
    bodies_until: Timestamp,
    span: &Range<Timestamp>,
    now: Timestamp,
) -> Vec<(Timestamp, u64)> {
    let all = within(hours, span);
    if bodies_until == Timestamp::MIN || bodies_until == Timestamp::MAX {
        return all.collect();
    }
    let last = hour_of(bodies_until);
    let goes_on = last == hour_of(now);
    let state = |(hour, bytes): (Timestamp, u64)| {
        let newest = || u64::try_from(bodies_until.as_nanosecond()).unwrap_or(bytes);
        (hour, if goes_on && hour == last { newest() } else { bytes })
    };
    all.filter(|(hour, _)| *hour <= last).map(state).collect()
}

/// The hour in which an instant is.
pub(super) fn hour_of(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(at)
}

/// The hours that have a part in a span.
pub(super) fn within<'a>(
    hours: &'a BTreeMap<Timestamp, u64>,
    span: &Range<Timestamp>,
) -> impl Iterator<Item = (Timestamp, u64)> + use<'a> {
    let begin = hour_of(span.start);
    hours.range(begin..span.end.max(begin)).map(|(hour, bytes)| (*hour, *bytes))
}

/// What decides how any pipeline is run: the configuration; contracts and mappings; decisions.
pub(super) fn common_settings(workspace: &Workspace) -> [Xxh3; 3] {
    let contracts = ["schemas", "mappings"].into_iter().flat_map(|folder| files_below(&workspace.root.join(folder)));
    let files = [vec![workspace.root.join(workspace::FILE)], contracts.collect(), decision::files(&workspace.private)];
    files.map(|files: Vec<PathBuf>| {
        let mut hash = Xxh3::new();
        files.iter().for_each(|file| stamp(&mut hash, file));
        hash
    })
}

pub(super) fn settings_of([configuration, contracts, decisions]: &[Xxh3; 3], pipeline: &Pipeline) -> Mark {
    let mut configuration = configuration.clone();
    stamp(&mut configuration, &pipeline.file);
    Mark::of_settings([configuration.finish(), contracts.finish(), decisions.finish()])
}

/// Adds what tells one version of a file from the next.
fn stamp(hash: &mut Xxh3, file: &Path) {
    hash.write(file.as_os_str().as_encoded_bytes());
    if let Ok(metadata) = fs::metadata(file) {
        hash.write_u64(metadata.len());
        hash.write_i64(metadata.mtime());
        hash.write_i64(metadata.mtime_nsec());
    }
}

/// All files below a folder, in the order of their paths; links to folders are not followed.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort_unstable();
    found
}

/// Tells one state of the files that say which pipelines there are and when they are run from the next.
pub(in crate::schedule) fn mark_of_configuration(root: &Path) -> Mark {
    let mut hash = Xxh3::new();
    stamp(&mut hash, &root.join(workspace::FILE));
    files_below(&root.join("pipelines")).iter().for_each(|file| stamp(&mut hash, file));
    Mark(hash.finish())
}

/// When the newest of these files was changed.
pub(super) fn configured_at(root: &Path) -> Option<Timestamp> {
    let files = [vec![root.join(workspace::FILE)], files_below(&root.join("pipelines"))];
    let changed = |file: &PathBuf| fs::metadata(file).ok().and_then(|of| Timestamp::try_from(of.modified().ok()?).ok());
    files.iter().flatten().filter_map(changed).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn notes_that_a_source_did_not_answer_change_no_mark() {
        let span = at("2026-11-27T00:00:00Z")..at("2026-11-28T00:00:00Z");
        let hours = |of: &[(&str, u64)]| of.iter().map(|(hour, bytes)| (at(hour), *bytes)).collect::<BTreeMap<_, _>>();
        let until = at("2026-11-27T10:20:00Z");
        let of = |hours: &BTreeMap<_, _>, until, now: &str| marked(hours, until, &span, at(now));
        let before = hours(&[("2026-11-27T09:00:00Z", 900), ("2026-11-27T10:00:00Z", 300)]);
        // The source is dead from 10:20 on: its hour grows by notes, and so do those behind it.
        let dead = hours(&[("2026-11-27T09:00:00Z", 900), ("2026-11-27T10:00:00Z", 400)]);
        assert_eq!(of(&before, until, "2026-11-27T10:21:00Z"), of(&dead, until, "2026-11-27T10:59:00Z"));
        let later = [200, 999].map(|bytes| {
            let more = [("2026-11-27T09:00:00Z", 900), ("2026-11-27T10:00:00Z", 500), ("2026-11-27T11:00:00Z", bytes)];
            of(&hours(&more), until, "2026-11-27T11:30:00Z")
        });
        assert_eq!(later[0], later[1]);
        // It answers once more.
        let (again, now) = (at("2026-11-27T10:40:00Z"), "2026-11-27T10:41:00Z");
        assert_ne!(of(&dead, again, now), of(&dead, until, now));
        // What was brought in before is new, and of what nothing is remembered all counts.
        let brought =
            hours(&[("2026-11-27T08:00:00Z", 100), ("2026-11-27T09:00:00Z", 900), ("2026-11-27T10:00:00Z", 300)]);
        assert_ne!(of(&before, until, now), of(&brought, until, now));
        assert_ne!(of(&before, Timestamp::MAX, now), of(&dead, Timestamp::MAX, now));
    }
}
