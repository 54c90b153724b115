//! A folder of the private store for what a command needs that keeps nothing.

use std::path::Path;

use tempfile::TempDir;

use crate::durable;
use crate::pipeline::run::error::RunError;
use crate::workspace::Workspace;

const PREFIX: &str = ".scratch-";
/// The age at which nobody uses such a folder any more.
const LEFT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// A folder that goes when it is not needed any more.
pub(in crate::pipeline) struct Scratch(TempDir);

impl Scratch {
    pub(in crate::pipeline) fn new(workspace: &Workspace) -> Result<Self, RunError> {
        let staging = workspace.private.join("staging");
        let failed = |error: std::io::Error| RunError::private(&staging, "written", &error);
        durable::create_dir_all(&staging).map_err(failed)?;
        sweep(&staging);
        Ok(Self(tempfile::Builder::new().prefix(PREFIX).tempdir_in(&staging).map_err(failed)?))
    }

    pub(in crate::pipeline) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Removes what a process left that was killed.
fn sweep(staging: &Path) {
    for entry in std::fs::read_dir(staging).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > LEFT) {
            // What cannot be removed is tried again the next time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
