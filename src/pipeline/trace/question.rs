//! What is asked of a trace, and why it is not answered.

use crate::pipeline::run::RunError;
use crate::pipeline::trace::key::KeyError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What is asked.
pub struct Question<'a> {
    pub workspace: &'a Workspace,
    /// What was published; an empty one where nothing was.
    pub bucket: &'a Bucket,
    pub dataset: &'a str,
    pub table: &'a str,
    /// As it was given, see [`Key::parse`].
    pub key: &'a [String],
    pub date: Option<ServiceDate>,
}

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The question is wrong.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<KeyError> for TraceError {
    fn from(error: KeyError) -> Self {
        Self::Usage(error.to_string())
    }
}
