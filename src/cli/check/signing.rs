//! What `fahrtenbuch check` says of how the log is signed.

use crate::pipeline::signing_keys::{self, Register, SigningError};
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
        Ok(Some(signer)) => {
            let public = signer.key.public().to_string();
            let register = Register::read(&workspace.private).unwrap_or_default();
            let key = register.keys.iter().find(|key| key.key == public);
            let problem = key.and_then(|key| signing_keys::secret_problem(&workspace.private, key));
            let note = problem.map(|problem| format!("of the key that signs the log {problem}"));
            Signing { origin: Some(signer.origin), note, ..Signing::default() }
        }
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
