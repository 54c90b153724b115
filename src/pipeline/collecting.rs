//! What a collector asks, as the workspace's files say it now: read again when they change, file by file.
//!
//! A file that is wrong, or half written, leaves the sources of before as they are. What decides nothing about how sources are asked is
//! not looked at: contracts, rules, releases.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::capture::collector::Scheduled;
use crate::pipeline::{Pipeline, sources_of};
use crate::yaml::{Problem, Problems};

/// A file that is gone is looked for so often again before its sources are.
const GONE_AFTER: u32 = 8;

/// The sources of pipelines, by file.
#[derive(Debug)]
pub struct Configuration {
    root: PathBuf,
    /// The pipelines that are collected; all if none is named.
    names: Vec<String>,
    files: BTreeMap<PathBuf, Read>,
    /// How the files looked when they were looked at last: what changes between two looks is still being written.
    seen: BTreeMap<PathBuf, Stamp>,
    /// Files that are gone, and how often they were looked for.
    missed: BTreeMap<PathBuf, u32>,
    /// The folder could not be listed when it was looked at last.
    is_unreadable: bool,
    /// The file of which each source is asked: the one that had it first.
    owners: BTreeMap<String, PathBuf>,
    /// Sources that another file has otherwise, which was told.
    contradicted: BTreeSet<(PathBuf, String)>,
}

#[derive(Debug)]
struct Read {
    stamp: Stamp,
    /// Those of the newest version without a mistake.
    sources: Vec<Scheduled>,
}

/// What tells one version of a file from the next: inode, length, and when it was changed.
type Stamp = (u64, u64, i64, i64);
const NOT_THERE: Stamp = (0, 0, 0, 0);

/// What a look found.
#[derive(Debug, Default)]
pub struct Look {
    /// Whether the sources may be others than before.
    pub is_changed: bool,
    /// The mistakes of files that changed; their sources stay as they were.
    pub problems: Vec<Problem>,
    /// Files that changed and have mistakes that do not concern their sources.
    pub mistaken: Vec<PathBuf>,
}

impl Configuration {
    pub fn new(root: &Path, names: &[String]) -> Self {
        Self {
            root: root.to_owned(),
            names: names.to_owned(),
            files: BTreeMap::new(),
            seen: BTreeMap::new(),
            missed: BTreeMap::new(),
            is_unreadable: false,
            owners: BTreeMap::new(),
            contradicted: BTreeSet::new(),
        }
    }

    /// The sources of all files, but for those that another file has otherwise.
    pub fn sources(&self) -> Vec<Scheduled> {
        let all =
            self.files.iter().flat_map(|(file, read)| read.sources.iter().map(move |scheduled| (file, scheduled)));
        all.filter(|(file, scheduled)| !self.is_contradicted(file, scheduled))
            .map(|(_, scheduled)| scheduled.clone())
            .collect()
    }

    /// Reads the files that changed. Without `at_once` a file is read once it looks the same twice.
    pub fn look(&mut self, at_once: bool) -> Look {
        let mut look = Look::default();
        let now = match self.stamps() {
            Ok(now) => now,
            // Nothing is known of the files, so they stay as they were.
            Err(problem) => {
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    look.problems.push(problem);
                }
                return look;
            }
        };
        self.is_unreadable = false;
        let gone: Vec<PathBuf> = self.files.keys().filter(|file| !now.contains_key(*file)).cloned().collect();
        self.missed.retain(|file, _| !now.contains_key(file));
        for file in gone {
            // It may be written anew: then it is there again soon.
            let missed = self.missed.entry(file.clone()).or_default();
            *missed += 1;
            if at_once || *missed > GONE_AFTER {
                self.missed.remove(&file);
                self.files.remove(&file);
                look.is_changed = true;
            }
        }
        for (file, stamp) in &now {
            let is_read = self.files.get(file).is_some_and(|read| read.stamp == *stamp);
            if is_read || (!at_once && self.seen.get(file) != Some(stamp)) {
                continue;
            }
            let before = self.files.remove(file).map(|read| read.sources).unwrap_or_default();
            let sources = match sources_of(&self.root, file) {
                Ok(sources) => {
                    if Pipeline::read(&self.root, file).is_err() {
                        look.mistaken.push(file.clone());
                    }
                    sources
                }
                Err(mut problems) => {
                    look.problems.append(&mut problems);
                    before.clone()
                }
            };
            look.is_changed |= sources != before;
            self.files.insert(file.clone(), Read { stamp: *stamp, sources });
        }
        self.seen = now;
        if look.is_changed {
            look.problems.extend(self.contradictions());
        }
        look
    }

    /// Finds whose each source is, and gives those that have become others than their owner's: their evidence would stand in one
    /// archive, so they are not asked.
    fn contradictions(&mut self) -> Vec<Problem> {
        let has = |read: &Read, name: &str| read.sources.iter().any(|of| of.collected.name == name);
        let Self { files, owners, .. } = self;
        owners.retain(|name, file| files.get(file).is_some_and(|read| has(read, name)));
        for (file, read) in &*files {
            for scheduled in &read.sources {
                owners.entry(scheduled.collected.name.clone()).or_insert_with(|| file.clone());
            }
        }
        let mut problems = Vec::new();
        let mut contradicted = BTreeSet::new();
        for (file, read) in &self.files {
            for scheduled in read.sources.iter().filter(|scheduled| self.is_contradicted(file, scheduled)) {
                let name = &scheduled.collected.name;
                let of = (file.clone(), name.clone());
                if !self.contradicted.contains(&of) && !contradicted.contains(&of) {
                    let owner = self.owners.get(name).and_then(|owner| owner.file_name()).unwrap_or_default();
                    let message =
                        format!("the source '{name}' is another one than that of the same name in {}", owner.display());
                    let mut of_file = Problems::new(file);
                    of_file.add(0, message, "Give one of them another name; until then this one is not asked.");
                    problems.append(&mut of_file.found);
                }
                contradicted.insert(of);
            }
        }
        self.contradicted = contradicted;
        problems
    }

    /// Whether a source of a file is another one than that of the same name in the file that had it first.
    fn is_contradicted(&self, file: &Path, scheduled: &Scheduled) -> bool {
        let collected = &scheduled.collected;
        let Some(owner) = self.owners.get(&collected.name).filter(|owner| *owner != file) else { return false };
        let owned = self.files.get(owner).into_iter().flat_map(|read| &read.sources);
        let mut owned = owned.filter(|owned| owned.collected.name == collected.name);
        owned.any(|owned| owned.collected.source != collected.source)
    }

    /// The files of the pipelines that are collected, as they look now.
    fn stamps(&self) -> Result<BTreeMap<PathBuf, Stamp>, Problem> {
        let names: BTreeSet<&str> = self.names.iter().map(String::as_str).collect();
        let folder = self.root.join("pipelines");
        let unreadable = |error: std::io::Error| {
            let remedy = "Bring the folder back; until then its sources stay as they were.";
            Problem {
                file: folder.clone(),
                line: 0,
                message: format!("cannot be listed: {error}"),
                remedy: remedy.to_owned(),
            }
        };
        let entries =
            std::fs::read_dir(&folder).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let files = entries.into_iter().map(|entry| entry.path()).filter(|file| {
            let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            is_yaml && (names.is_empty() || names.contains(&*name))
        });
        let stamped = files.filter_map(|file| {
            let stamp = match std::fs::metadata(&file) {
                // A pipe would be waited for without end.
                Ok(metadata) if !metadata.is_file() => return None,
                Ok(metadata) => (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()),
                // A link that leads nowhere: it is told, and its sources stay as they were.
                Err(_) => NOT_THERE,
            };
            Some((file, stamp))
        });
        Ok(stamped.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_stays_that_of_the_file_that_had_it_first() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("pipelines")).unwrap();
        let write = |file: &str, address: &str| {
            let text = format!(
                "format: gtfs-realtime\ncontracts: schemas/gtfs-realtime\nsources:\n  - name: bus\n    type: http\n    url: http://{address}/feed\n"
            );
            std::fs::write(root.path().join("pipelines").join(file), text).unwrap();
        };
        let mut configuration = Configuration::new(root.path(), &[]);
        let mut look = || {
            let problems = configuration.look(true).problems;
            let asked = configuration.sources().iter().map(|of| of.collected.source.shown()).collect::<Vec<_>>();
            (problems.len(), asked.join(" "))
        };
        let [one, other] = ["one.example", "other.example"].map(|host| format!("http://{host}/feed"));
        write("m.yaml", "one.example");
        assert_eq!(look(), (0, one.clone()));
        // Another file names it, too: told once, and not asked.
        write("a.yaml", "other.example");
        assert_eq!(look(), (1, one.clone()));
        write("z.yaml", "one.example");
        assert_eq!(look(), (0, format!("{one} {one}")));
        std::fs::remove_file(root.path().join("pipelines/z.yaml")).unwrap();
        std::fs::remove_file(root.path().join("pipelines/m.yaml")).unwrap();
        assert_eq!(look(), (0, other));
    }
}
