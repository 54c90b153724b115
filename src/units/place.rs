//! Where a workspace and the program lie, as units need to know it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use crate::time::ServiceDate;

/// What the files are made of. All paths are absolute.
#[derive(Clone, Debug)]
pub struct Place {
    pub workspace: PathBuf,
    pub private: PathBuf,
    /// Other folders that runs write into: a local bucket, local evidence.
    pub others: Vec<PathBuf>,
    /// The folder that the node exporter reads.
    pub textfile: Option<PathBuf>,
    pub program: PathBuf,
    /// The user of this machine that the services run as.
    pub user: String,
    /// The environment variables that the workspace's files name.
    pub variables: BTreeSet<String>,
    /// Bytes that a run may hold.
    pub memory: usize,
    /// The folder that the files go to.
    pub to: PathBuf,
    /// The first and the last date of the example of a backfill.
    pub dates: (ServiceDate, ServiceDate),
}

/// A path that no unit can name.
#[derive(Debug, Error)]
#[error(
    "the path {path:?} has a line end, another control character or is no UTF-8, which units cannot hold. Give it another name."
)]
pub struct UnfitPath {
    path: PathBuf,
}

impl Place {
    /// The same with paths without `.` and `..`, all of which units can hold.
    pub fn checked(mut self) -> Result<Self, UnfitPath> {
        let paths = [&mut self.workspace, &mut self.private, &mut self.program, &mut self.to];
        for path in paths.into_iter().chain(&mut self.others).chain(&mut self.textfile) {
            if path.to_str().is_none_or(|text| text.contains(char::is_control)) {
                return Err(UnfitPath { path: path.clone() });
            }
            *path = normal(path);
        }
        self.others.sort();
        self.others.dedup();
        Ok(self)
    }

    /// The folder of the files as one writes it in the workspace.
    pub(super) fn to_shown(&self) -> String {
        let inside = self.to.strip_prefix(&self.workspace).unwrap_or(&self.to);
        if inside.as_os_str().is_empty() { ".".to_owned() } else { inside.to_string_lossy().into_owned() }
    }

    /// All folders that runs write into.
    pub(super) fn stores(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.private).chain(&self.others)
    }

    /// Folders that are not below `data` of the workspace, which is what containers keep.
    pub fn outside_data(&self) -> Vec<&Path> {
        let data = self.workspace.join("data");
        self.stores().filter(|folder| !folder.starts_with(&data)).map(PathBuf::as_path).collect()
    }
}

/// Without `.` and `..`, by the letter.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(private: &str) -> Place {
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        Place {
            workspace: PathBuf::from("/srv/./city"),
            private: PathBuf::from(private),
            others: vec![PathBuf::from("/srv/city/x/../data/bucket"), PathBuf::from("/srv/city/data/bucket/")],
            textfile: None,
            program: PathBuf::from("/usr/bin/fahrtenbuch"),
            user: "fahrtenbuch".to_owned(),
            variables: BTreeSet::new(),
            memory: 1 << 30,
            to: PathBuf::from("/srv/city/deploy/"),
            dates: (date, date),
        }
    }

    #[test]
    fn paths_are_plain_and_what_containers_would_lose_is_told() {
        let place = place("/srv/store").checked().unwrap();
        assert_eq!(place.workspace, Path::new("/srv/city"));
        assert_eq!(place.others, [Path::new("/srv/city/data/bucket")]);
        assert_eq!(place.to_shown(), "deploy");
        assert_eq!(place.outside_data(), [Path::new("/srv/store")]);
    }

    #[test]
    fn a_path_that_no_unit_can_hold_is_refused() {
        let error = place("/srv/a\nExecStart=/bin/sh").checked().unwrap_err().to_string();
        assert!(error.contains("\\n") && !error.contains('\n') && error.contains("another name"), "{error}");
    }
}
