//! What `fahrtenbuch check` says of how the log is signed.

use crate::pipeline::signing_keys::{self, SigningError};
use crate::workspace::{FILE, Workspace};
use crate::yaml::Problem;

/// What is said.
#[derive(Default)]
pub(super) struct Signing {
    /// Of the log that is signed.
    pub origin: Option<String>,
    pub note: Option<String>,
    pub mistake: Option<Problem>,
}

/// Looks whether the log is signed. A key that cannot be used is a mistake; that there is none is not.
pub(super) fn look(workspace: &Workspace) -> Signing {
    match signing_keys::signer(workspace) {
        Ok(Some(signer)) => Signing { origin: Some(signer.origin), ..Signing::default() },
        Ok(None) => {
            let note = "the log of releases is not signed, so that nobody can prove later what was published when: 'fahrtenbuch key new' \
                        makes a key, see docs/keys.md";
            Signing { note: Some(note.to_owned()), ..Signing::default() }
        }
        Err(error) => Signing { mistake: Some(problem(workspace, &error)), ..Signing::default() },
    }
}

fn problem(workspace: &Workspace, error: &SigningError) -> Problem {
    Problem {
        file: workspace.root.join(FILE),
        line: workspace.signing.line,
        message: "the log cannot be signed".to_owned(),
        remedy: format!("{error}."),
    }
}
