//! How much is compared with the log.

/// Which tables are compared with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline::run) enum Scope {
    /// Those that this process has looked at.
    Seen,
    /// All that are in the bucket; the views of the log, its tiles and its proofs are made anew, too.
    All,
}
