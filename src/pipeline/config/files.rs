//! Reads the files that a pipeline's file names, and gathers the mistakes of all of them.

use std::path::Path;

use crate::contract::library::Library;
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
        let folder = self.root.join(node.require_text("contracts", &mut self.problems)?);
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

    /// All mistakes: those of other files first.
    pub(super) fn all(self) -> Vec<Problem> {
        let Self { mut problems, mut found, .. } = self;
        found.append(&mut problems.found);
        found
    }
}
