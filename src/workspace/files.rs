//! Which files of pipelines and folders of contracts a workspace has.

use std::path::{Path, PathBuf};

use crate::yaml::{Problem, Problems};

/// The configuration's file, at the root of the workspace.
pub const FILE: &str = "fahrtenbuch.yaml";

/// The files of pipelines, in their order.
pub(super) fn pipeline_files(root: &Path, found: &mut Vec<Problem>) -> Vec<PathBuf> {
    let folder = root.join("pipelines");
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => {
            let mut problems = Problems::new(&folder);
            problems.add(0, format!("cannot be listed: {error}"), "Make the folder; each feed is one file in it.");
            found.append(&mut problems.found);
            Vec::new()
        }
    };
    // A pipe would be waited for without end; a link that leads nowhere is told when it is read.
    files.retain(|file| std::fs::metadata(file).map_or(true, |metadata| metadata.is_file()));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    files.sort();
    files
}

/// The folders under `schemas/` that hold contracts, also those that no pipeline names yet.
pub fn contract_folders(root: &Path) -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        if entries.iter().any(|path| path.to_string_lossy().ends_with(".odcs.yaml")) {
            found.push(folder.to_owned());
        }
        entries.iter().filter(|path| path.is_dir()).for_each(|path| visit(path, found));
    }
    let mut found = Vec::new();
    visit(&root.join("schemas"), &mut found);
    found.sort();
    found
}
