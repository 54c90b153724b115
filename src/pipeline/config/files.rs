//! Reads the files that a pipeline's file names, and gathers the mistakes of all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::contract::library::Library;
use crate::yaml::public::public_text;
use crate::yaml::{Node, Problem, Problems};

/// The mistakes of a pipeline's file, and those of the files that it names.
pub(super) struct Files<'a> {
    /// Paths are relative to the workspace.
    pub root: &'a Path,
    pub problems: Problems,
    pub found: Vec<Problem>,
}

impl<'a> Files<'a> {
    pub(super) fn new(root: &'a Path, file: &Path) -> Self {
        Self { root, problems: Problems::new(file), found: Vec::new() }
    }

    /// The contracts that a node names.
    pub(super) fn library(&mut self, node: &Node) -> Option<Library> {
        node.require_text("contracts", &mut self.problems)?;
        let folder = self.contracts(node)?;
        match Library::read(&folder) {
            Ok(library) => {
                if library.contracts.is_empty() {
                    let line = node.get("contracts").map_or(node.line, |node| node.line);
                    self.problems.add(
                        line,
                        format!("there is no contract in {}", folder.display()),
                        "Add '<table>.odcs.yaml'.",
                    );
                }
                Some(library)
            }
            Err(mut mistakes) => {
                self.found.append(&mut mistakes);
                None
            }
        }
    }

    /// The folder of the contracts that a node names, if it names one that is there.
    pub(super) fn contracts(&mut self, node: &Node) -> Option<PathBuf> {
        let named = node.get("contracts")?;
        let folder = self.root.join(named.scalar()?);
        if folder.is_dir() {
            return Some(folder);
        }
        let message = format!("the folder of contracts {} is not there", folder.display());
        let remedy =
            "Bring it back (git, a backup), name another one, or take those of this program: 'fahrtenbuch init DIR'.";
        self.problems.add(named.line, message, remedy);
        None
    }

    /// The public text of the pipeline's file.
    pub(super) fn public_text(&mut self, text: &str) -> Arc<str> {
        let public = public_text(text).unwrap_or_else(|secret| {
            self.problems.add(secret.line, secret.message(), secret.remedy());
            String::new()
        });
        public.into()
    }

    /// All mistakes: those of other files first.
    pub(super) fn all(self) -> Vec<Problem> {
        let Self { mut problems, mut found, .. } = self;
        found.append(&mut problems.found);
        found
    }
}
