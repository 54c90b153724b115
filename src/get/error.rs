//! Why something could not be fetched.

use std::io;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// What was fetched so far is kept, and goes on from there.
    #[error("{what}: {problem}. Try again: what is there is not fetched twice")]
    Transient { what: String, problem: String },
    #[error("{what}: {problem}. {remedy}")]
    Permanent { what: String, problem: String, remedy: String },
    /// It was asked for in a way that cannot be answered.
    #[error("{what}: {problem}. {remedy}")]
    Usage { what: String, problem: String, remedy: String },
}

impl GetError {
    pub(super) fn transient(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Transient { what: what.into(), problem: problem.into() }
    }

    pub(super) fn permanent(what: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Permanent { what: what.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(super) fn usage(what: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A file of this machine that cannot be read or written.
    pub(super) fn local(path: &Path, error: &io::Error) -> Self {
        let what = path.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => {
                Self::usage(what, error.to_string(), "Choose another folder with --to")
            }
            _ => Self::transient(what, error.to_string()),
        }
    }
}
