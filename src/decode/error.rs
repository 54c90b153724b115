//! Why a feed could not be decoded.

use crate::capture::CaptureError;
use crate::table::BudgetExceeded;

/// A feed that cannot be decoded. The message names the file, the row where there is one, and the remedy.
///
/// All of these are final (exit code 42): the same bytes fail again.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("{name}: {problem}. {remedy}")]
    Feed { name: String, problem: String, remedy: String },
    #[error("{name}, row {row}: {problem}. {remedy}")]
    Row { name: String, row: u64, problem: String, remedy: String },
    /// Reading the evidence failed; this one may succeed if tried again.
    #[error("{name} could not be read: {source}. Check the disk and the permissions, and try again")]
    Io { name: String, source: std::io::Error },
    /// The capture itself could not be had.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

impl DecodeError {
    /// A capture that could not be read from the evidence. The same bytes fail again if they are not those that were kept.
    pub(crate) fn of_evidence(name: &str, error: &CaptureError) -> Self {
        match error {
            CaptureError::Damaged { .. } => {
                Self::feed(name, error.to_string(), "Nothing was published: the capture is not the one that was kept")
            }
            // What is kept elsewhere is gone or was changed.
            CaptureError::Permanent { .. } => Self::feed(name, error.to_string(), "Nothing was published"),
            error => Self::Io { name: name.to_owned(), source: std::io::Error::other(error.to_string()) },
        }
    }

    pub(crate) fn feed(name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Feed { name: name.to_owned(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn row(name: &str, row: u64, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Row { name: name.to_owned(), row, problem: problem.into(), remedy: remedy.into() }
    }
}
