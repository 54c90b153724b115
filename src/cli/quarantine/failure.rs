//! Why a command over the quarantine did not do what it should.

use crate::decision::DecisionError;
use crate::pipeline::run::RunError;
use crate::quarantine::QuarantineError;

/// Why a command did not do what it should.
pub(super) enum Failure {
    Usage(String),
    Quarantine(QuarantineError),
    Decision(DecisionError),
    Run(RunError),
}

impl From<DecisionError> for Failure {
    fn from(error: DecisionError) -> Self {
        Self::Decision(error)
    }
}

impl From<QuarantineError> for Failure {
    fn from(error: QuarantineError) -> Self {
        Self::Quarantine(error)
    }
}
