//! What the commands about evidence say alike.

use std::path::Path;

use crate::cli::exit::Exit;
use crate::workspace::Workspace;

pub(super) fn usage(message: &str) -> Exit {
    eprintln!("error: {message}");
    Exit::Usage
}

/// The command's name for the same workspace.
pub(super) fn program(workspace: &Workspace) -> String {
    match workspace.root == Path::new(".") {
        true => "fahrtenbuch".to_owned(),
        false => format!("fahrtenbuch -C {}", workspace.root.display()),
    }
}
