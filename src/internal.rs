//! What cannot happen, and is told where it does all the same: an empty answer would pass for the truth.

use std::fmt::Display;

/// Ends what is being done. `what` could not be done, for the reason `why`; the command line tells both, and the exit code is
/// that of what will not succeed if tried again.
#[track_caller]
#[expect(clippy::panic, reason = "this is the one place that ends so")]
pub(crate) fn impossible(what: &str, why: impl Display) -> ! {
    panic!("{what}: {why}")
}
