//! Why a release cannot be made again, or only in part, in German and English.

use serde::Serialize;

use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::text::Text;

/// Something that is to be said of a release that is made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A word for programs.
    pub kind: &'static str,
    #[serde(flatten)]
    pub said: Text,
}

impl Reason {
    pub(in crate::pipeline) fn new(kind: &'static str, en: impl Into<String>, de: impl Into<String>) -> Self {
        Self { kind, said: Text::new(en, de) }
    }
}

/// Why a run was not made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The question is wrong.
    #[error("{0}")]
    Usage(String),
    /// What it was made of is gone.
    #[error("{}", .0.said.en)]
    Unable(Box<Reason>),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<Reason> for ReplayError {
    fn from(reason: Reason) -> Self {
        Self::Unable(Box::new(reason))
    }
}

impl From<PublishError> for ReplayError {
    fn from(error: PublishError) -> Self {
        Self::Run(error.into())
    }
}
