//! How a command ended.

use std::process::ExitCode;

use crate::schedule::facts::Outcome;

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
    /// Of one of our codes; none of another.
    pub fn of_code(code: i32) -> Option<Self> {
        let all = [Self::Done, Self::Transient, Self::Usage, Self::HeldBack, Self::Found, Self::Permanent];
        all.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

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

/// Tells what is wrong with how a command was called, or with what it was called for.
pub(super) fn usage(message: &str) -> Exit {
    eprintln!("error: {message}");
    Exit::Usage
}

/// By which a command ends whose worst attempt ended so.
pub(super) fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Published | Outcome::NothingNew | Outcome::Absent => Exit::Done,
        Outcome::HeldBack => Exit::HeldBack,
        Outcome::Transient | Outcome::Killed => Exit::Transient,
        Outcome::Permanent => Exit::Permanent,
        Outcome::Usage => Exit::Usage,
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
