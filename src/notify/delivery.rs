//! Whether a message went out, and if not, why and what to do.

use std::fmt;
use std::time::Duration;

/// What came of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The name of the channel.
    pub channel: String,
    pub result: Result<(), Failure>,
}

/// Why a message did not go out. Printed as a sentence and its remedy; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// What is wrong, in one line.
    pub problem: String,
    /// What to do about it; a sentence in the imperative.
    pub remedy: String,
    /// So long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// May succeed if tried again.
    Transient,
    /// Will not succeed if tried again.
    Permanent,
    /// The channel cannot be used as it is configured here.
    Configuration,
}

impl Failure {
    pub fn new(kind: FailureKind, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, problem: problem.into(), remedy: remedy.into(), retry_after: None }
    }

    pub fn transient(problem: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, problem, "Try again later; check the network and the address if it stays.")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem, self.remedy)
    }
}
