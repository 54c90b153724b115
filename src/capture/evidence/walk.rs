//! The files of a folder of evidence that are not in our layout.
//!
//! Many sources may share one folder, and each looks for what is its own. So that this folder is not listed once for each of them, what
//! a folder in it has is remembered until the folder changes: another source, and the next look, asks each folder for the time of its
//! last change alone.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::capture::CaptureError;

/// Folders within folders, at the most.
const DEPTH: usize = 16;
/// Names of one folder, and of all folders below a root, that are remembered at the most. What has more is listed each time.
const REMEMBERED: [usize; 2] = [1_000, 100_000];
/// What was changed so shortly before may be changed again in the same tick of its clock.
const TICK: Duration = Duration::from_secs(2);

/// What is in a folder and below.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Files that are not in our layout and not hidden, in the order of their paths.
    pub others: Vec<PathBuf>,
    /// Whether there are archives in our layout.
    pub has_layout: bool,
}

/// What is directly in a folder.
#[derive(Debug, Default)]
struct Listed {
    changed: Duration,
    folders: Vec<PathBuf>,
    /// Where they lead to may change without the folder.
    links: Vec<PathBuf>,
    others: Vec<PathBuf>,
    has_layout: bool,
}

/// By the path of a folder.
type Known = HashMap<PathBuf, Arc<Listed>>;

/// What is remembered, by the root of the evidence.
static KNOWN: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<Known>>>>> = LazyLock::new(Mutex::default);

/// Looks at all folders at any depth. Symbolic links are followed, each folder once. `is_layout` tells the archives in our layout.
pub(super) fn walk(root: &Path, is_layout: &dyn Fn(&Path) -> bool) -> Result<Walked, CaptureError> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).entry(root.to_owned()).or_default().clone();
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut before = std::mem::take(&mut *known);
    let mut remembered = 0;
    let mut walked = Walked::default();
    let mut seen = HashSet::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let metadata = match fs::metadata(&folder) {
            // It went meanwhile, or there is none yet.
            Err(_) if depth > 0 => continue,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            other => other.map_err(failed(&folder))?,
        };
        if !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        let changed = changed(&metadata);
        let listed = match before.remove(&folder).filter(|listed| listed.changed == changed) {
            Some(listed) => listed,
            None => Arc::new(list(&folder, changed, is_layout).map_err(failed(&folder))?),
        };
        let mut add = |path: &PathBuf, is_folder: bool| match is_folder {
            true if depth < DEPTH => folders.push((path.clone(), depth + 1)),
            true => {}
            false => walked.others.push(path.clone()),
        };
        listed.folders.iter().for_each(|path| add(path, true));
        listed.others.iter().for_each(|path| add(path, false));
        walked.has_layout |= listed.has_layout;
        for path in &listed.links {
            match fs::metadata(path) {
                Ok(found) if found.is_dir() => add(path, true),
                Ok(found) if found.is_file() && is_layout(path) => walked.has_layout = true,
                Ok(found) if found.is_file() && !is_hidden(path) => add(path, false),
                _ => {}
            }
        }
        let names = listed.folders.len() + listed.links.len() + listed.others.len();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let is_quiet = now.checked_sub(changed).is_some_and(|age| age > TICK);
        if is_quiet && names <= REMEMBERED[0] && remembered + names < REMEMBERED[1] {
            remembered += names + 1;
            known.insert(folder, listed);
        }
    }
    walked.others.sort_unstable();
    Ok(walked)
}

/// When a folder was changed last, which nobody can set.
fn changed(folder: &Metadata) -> Duration {
    let (seconds, nanoseconds) = (folder.ctime().max(0), folder.ctime_nsec().max(0));
    Duration::new(seconds.unsigned_abs(), u32::try_from(nanoseconds).unwrap_or_default())
}

fn list(folder: &Path, changed: Duration, is_layout: &dyn Fn(&Path) -> bool) -> io::Result<Listed> {
    let mut listed = Listed { changed, ..Listed::default() };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            listed.folders.push(path);
        } else if kind.is_symlink() {
            listed.links.push(path);
        } else if kind.is_file() && is_layout(&path) {
            listed.has_layout = true;
        } else if kind.is_file() && !is_hidden(&path) {
            listed.others.push(path);
        }
    }
    Ok(listed)
}

/// A hidden file is of the store that keeps the folder.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn failed(folder: &Path) -> impl Fn(io::Error) -> CaptureError + '_ {
    move |source| CaptureError::Evidence { file: folder.to_owned(), verb: "read", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_listed_once_until_it_changes_and_what_changes_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let gone = root.path().to_owned();
        let path = |name: &str| gone.join(name);
        fs::create_dir_all(path("bus/2026")).unwrap();
        let names = ["bus/2026/a.warc.gz", "bus/b.warc", "bus/.hidden", "bus/2026/layout.warc.gz", "c.txt"];
        names.iter().for_each(|name| fs::write(path(name), "x").unwrap());
        let listings = std::cell::Cell::new(0);
        let is_layout = |path: &Path| {
            listings.set(listings.get() + 1);
            path.ends_with("layout.warc.gz")
        };
        let walk = || walk(root.path(), &is_layout).unwrap();
        let found = |names: &[&str]| Walked { others: names.iter().map(|name| path(name)).collect(), has_layout: true };
        let all = ["bus/2026/a.warc.gz", "bus/b.warc", "c.txt"];
        assert_eq!(walk(), found(&all));
        std::thread::sleep(TICK + Duration::from_millis(200));
        // Once more, since it was too young to be remembered.
        assert_eq!(walk(), found(&all));
        listings.set(0);
        assert_eq!((walk(), listings.get()), (found(&all), 0));
        // One folder changes, and no other is listed again.
        fs::write(path("bus/2026/d.warc.gz"), "x").unwrap();
        fs::remove_file(path("bus/b.warc")).unwrap();
        assert_eq!(walk(), found(&["bus/2026/a.warc.gz", "bus/2026/d.warc.gz", "c.txt"]));
        assert_eq!(listings.get(), 4);
        // A link leads elsewhere, which its folder does not tell; one into itself ends.
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), path("link")).unwrap();
        std::os::unix::fs::symlink(root.path(), elsewhere.path().join("round")).unwrap();
        assert_eq!(walk().others.len(), 3);
        fs::write(elsewhere.path().join("e.warc"), "x").unwrap();
        assert_eq!(walk().others.last(), Some(&path("link/e.warc")));
        drop(root);
        assert_eq!(super::walk(&gone, &|_| false).unwrap(), Walked::default());
    }
}
