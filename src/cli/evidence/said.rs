//! What the commands about evidence say alike.

use std::path::Path;

use crate::capture::collector::Collector;
use crate::capture::evidence::{Missing, upload};
use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::time;
use crate::workspace::Workspace;

/// The command's name for the same workspace.
pub(super) fn program(workspace: &Workspace) -> String {
    match workspace.root == Path::new(".") {
        true => "fahrtenbuch".to_owned(),
        false => format!("fahrtenbuch -C {}", workspace.root.display()),
    }
}

/// Tells what waits to go where 'evidence' says, if something does.
pub(super) fn waits(workspace: &Workspace) -> Result<(), Exit> {
    let Some(remote) = &workspace.evidence else { return Ok(()) };
    let waiting = upload::waiting(&Collector::evidence(&workspace.private), time::now());
    let waiting = waiting.map_err(|error| failed(&error.into(), false, None))?;
    if waiting.hours > 0 {
        let said = upload::said(&waiting, remote.location());
        match waiting.bytes > workspace.spool {
            true => eprintln!("warning: {said}, more than 'limits: spool' ({} bytes)", workspace.spool),
            false => eprintln!("{said}"),
        }
    }
    Ok(())
}

/// Tells in one line that archives of a source are gone.
pub(super) fn tell_gone(source: &str, gone: &[Missing]) {
    let Some(first) = gone.first() else { return };
    let archives = match gone.len() {
        1 => format!("an archive is gone, {}", first.name),
        several => format!("{several} archives are gone, the first {}", first.name),
    };
    eprintln!(
        "warning: {source}: {archives}. Restore what is gone from a backup; 'fahrtenbuch evidence verify {source}' names it."
    );
}
