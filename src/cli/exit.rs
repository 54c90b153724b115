//! How a command ended.

use std::process::ExitCode;

/// How a command ended, as the exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done,
    /// Done, and something was found.
    Found,
    /// Something was held back by quality.
    HeldBack,
    /// May succeed if tried again.
    Transient,
    /// Will not succeed if tried again.
    Permanent,
    /// Wrong use or configuration.
    Usage,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Transient => 1,
            Self::Usage => 2,
            Self::HeldBack => 3,
            Self::Found => 4,
            Self::Permanent => 42,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_wins() {
        assert_eq!(
            [Exit::Done, Exit::Permanent, Exit::HeldBack, Exit::Transient].into_iter().max(),
            Some(Exit::Permanent)
        );
    }
}
