//! Commands that refuse to go on with a private store that is lost, before anything is made.

use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::pipeline::run::{Lock, RunError, refuse_if_gone, refuse_if_lost};
use crate::workspace::Workspace;
use crate::workspace::outline::{self, Needs};

/// For who begins runs, or tells of them.
pub(super) fn store_is_not_lost(root: &Path) -> Result<(), Exit> {
    check(root, refuse_if_lost)
}

/// For who keeps evidence: a store that is there is filled, whatever else it has lost.
pub(super) fn store_is_not_gone(root: &Path) -> Result<(), Exit> {
    check(root, refuse_if_gone)
}

/// The lock of a private store, for all others. Taking it makes a store that is not there, after which one that was lost would look
/// like one that is there.
pub(super) fn take_lock(workspace: &Workspace) -> Result<Lock, RunError> {
    refuse_if_gone(workspace)?;
    Lock::take(workspace)
}

/// A workspace whose stores have mistakes is refused elsewhere.
fn check(root: &Path, refuse: fn(&Workspace) -> Result<(), RunError>) -> Result<(), Exit> {
    let Ok((workspace, _)) = outline::read(root, Needs::Stores) else { return Ok(()) };
    refuse(&workspace).map_err(|error| failed(&error, false, None))
}
