//! Why something was not backed up or restored.

use std::io;
use std::path::{Path, PathBuf};

use crate::capture::CaptureError;
use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::workspace::form::FormError;
use crate::yaml::Problem;

/// Why something was not backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Wrong use: a place that may not be one, a store that is not empty.
    #[error("{problem}. {remedy}")]
    Usage { problem: String, remedy: String },
    #[error("the backup at {place}: {problem}. {remedy}")]
    Place { place: String, problem: String, remedy: String, is_transient: bool },
    /// What a backup has is not what it says.
    #[error("the backup at {place} is damaged: {problem}. {remedy}")]
    Damaged { place: String, problem: String, remedy: String },
    #[error("another backup of this private store is at work. Wait until it is done")]
    Busy,
    #[error("{path} could not be {verb}: {source}. Check the disk and the permissions", path = path.display())]
    Io { path: PathBuf, verb: &'static str, source: io::Error },
    #[error("{} changes all the time, and could not be copied. Try again", path.display())]
    Changing { path: PathBuf },
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Workspace(Vec<Problem>),
    #[error("{0}. {remedy}", remedy = .0.remedy())]
    Form(#[from] FormError),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl BackupError {
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage { .. } | Self::Workspace(_) => true,
            Self::Form(error) => !matches!(error, FormError::Io { .. }),
            Self::Run(error) => error.is_configuration(),
            Self::Publish(error) => matches!(error, PublishError::Configuration { .. }),
            _ => false,
        }
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Place { is_transient, .. } => *is_transient,
            Self::Busy | Self::Io { .. } | Self::Changing { .. } => true,
            Self::Form(error) => matches!(error, FormError::Io { .. }),
            Self::Capture(error) => !matches!(error, CaptureError::Permanent { .. } | CaptureError::Damaged { .. }),
            Self::Publish(error) => error.is_transient(),
            Self::Run(error) => error.is_transient(),
            Self::Usage { .. } | Self::Damaged { .. } | Self::Workspace(_) => false,
        }
    }

    pub(crate) fn io(path: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, verb, source }
    }
}
