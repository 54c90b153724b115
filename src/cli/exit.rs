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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Transient => 1,
            Exit::Usage => 2,
            Exit::HeldBack => 3,
            Exit::Found => 4,
            Exit::Permanent => 42,
        })
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
