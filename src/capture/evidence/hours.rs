//! The hours of a source: the archives in our layout, and the lock that keeps writers of one source apart.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::capture::CaptureError;
use crate::capture::evidence::{folder, stored};
use crate::durable;

/// The archives of a source in our layout, newest first; folders are listed as they are needed. An hour that is sealed, or kept
/// elsewhere, is named as it was before, `.warc.gz`, once, whether that file is there or not: [`super::parts::parts`] says what
/// counts.
pub(super) fn newest_archives(
    root: &Path,
    source: &str,
) -> impl Iterator<Item = Result<PathBuf, CaptureError>> + use<> {
    newest(root, source, &|folder| {
        let mut all = children(folder)?;
        let failed =
            |source: io::Error| CaptureError::Evidence { file: folder.join(stored::NAME), verb: "read", source };
        let elsewhere = stored::in_day(folder).map_err(failed)?;
        if !elsewhere.is_empty() {
            all.extend(elsewhere.iter().map(|stored| folder.join(&stored.file)));
            all.sort_unstable();
            all.dedup();
        }
        Ok(all)
    })
}

/// The same without the hours of which nothing lies in the folder.
pub(super) fn newest_local(root: &Path, source: &str) -> impl Iterator<Item = Result<PathBuf, CaptureError>> + use<> {
    newest(root, source, &children)
}

fn newest(
    root: &Path,
    source: &str,
    children: &'static (dyn Fn(&Path) -> Result<Vec<PathBuf>, CaptureError> + Sync),
) -> impl Iterator<Item = Result<PathBuf, CaptureError>> + use<> {
    let root = root.to_owned();
    let source = source.to_owned();
    let mut stack = vec![root.join(&source)];
    let mut last = PathBuf::new();
    std::iter::from_fn(move || {
        while let Some(path) = stack.pop() {
            let is_its = || {
                folder::is_archive(&path) && folder::layout_source(&root, &path).is_some_and(|other| other == source)
            };
            if path.is_dir() && !is_its() {
                match children(&path) {
                    Ok(mut children) => stack.append(&mut children),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            }
            if !is_its() {
                continue;
            }
            let is_sealed = path.extension().is_some_and(|ending| ending == "zst");
            let hour = if is_sealed { path.with_extension("gz") } else { path };
            if hour != last {
                last.clone_from(&hour);
                return Some(Ok(hour));
            }
        }
        None
    })
}

/// Whether a path is that of an archive in our layout.
pub(super) fn is_of_layout(root: &Path, archive: &Path) -> bool {
    folder::layout_source(root, archive).is_some()
}

/// Whether a path may be that of an archive in our layout, wherever its evidence is.
pub(super) fn is_ours(archive: &Path) -> bool {
    archive.ancestors().nth(5).is_some_and(|root| is_of_layout(root, archive))
}

/// What stands in a folder, in the order of the names; nothing if it is not there.
pub(super) fn children(folder: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let failed = |source: io::Error| CaptureError::Evidence { file: folder.to_owned(), verb: "listed", source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut children =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    children.sort_unstable();
    Ok(children)
}

/// Waits until no other append is at work on the source of a folder, and keeps others from it.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let lock = open_lock(folder, ".lock")?;
    lock.lock()?;
    Ok(lock)
}

pub(super) fn open_lock(folder: &Path, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    durable::open(&mut options, &folder.join(name))
}
