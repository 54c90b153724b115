//! The transparency log, without a bucket: trees and proofs (RFC 6962), tiles, notes, checkpoints and time stamps as bytes.
//!
//! What a bucket holds below `ledger/tile/`, as `ledger/checkpoint` and as proofs is made and checked by these functions, which
//! read no file and ask no server. The formats are those of C2SP (`tlog-tiles`, `signed-note`, `tlog-checkpoint`, `tlog-proof`,
//! `tlog-cosignature`, `tlog-witness`) and of RFC 3161, so that other people's tools read and check the log. All that is read
//! may come from a stranger: lengths are bounded, and what is wrong is told in words.

pub(crate) mod checkpoint;
pub(crate) mod cosignature;
#[cfg_attr(not(test), expect(dead_code, reason = "who checks the log uses the rest"))]
pub(crate) mod merkle;
#[cfg_attr(not(test), expect(dead_code, reason = "who checks the log uses the rest"))]
pub(crate) mod note;
pub(crate) mod proof;
#[cfg_attr(not(test), expect(dead_code, reason = "who checks the log uses the rest"))]
pub(crate) mod tiles;
pub(crate) mod timestamp;
pub(crate) mod witness;

#[cfg(test)]
mod second_opinion;
