//! Verifying a bucket as an outsider: with what is public alone, and at most the publisher's public key and a checkpoint that was kept.
//!
//! ```text
//! ledger/log/v….json ──▶ meta/…/index/v….json ──▶ records ──▶ texts that they name
//!        │                        └──▶ files of data, lists for readers, quality results
//!        └──▶ checkpoint, tiles, a checkpoint that was kept
//! ```
//!
//! Each step looks at what the one before it names, by digest, so that what is told is told where it was changed, and what follows
//! from that is not told again. Nothing that the bucket says is trusted: names lead nowhere else, and no object is read beyond its bound.
//! What cannot be proved this way says `docs/verify.md`.

mod chain;
mod checkpoint;
mod context;
mod fault;
mod files;
mod names;
mod records;
mod reports;
mod tables;
#[cfg(test)]
mod tests;
mod unlogged;
mod views;

pub(crate) use self::checkpoint::Known;
pub(crate) use self::context::{Interrupted, ReadError, Reader};
pub(crate) use self::fault::{Fault, FaultKind, Subject};
pub(crate) use self::reports::CompareResults;

use self::chain::Chain;
use self::context::Context;
use self::fault::Counts;
use self::records::Records;
use self::tables::Tables;
use super::log::checkpoint::Checkpoint;
use super::log::merkle::Hash;
use crate::text::Text;

/// What came of a verification.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// In the order in which they were found.
    pub faults: Vec<Fault>,
    /// What was not looked at, and why.
    pub notes: Vec<Text>,
    pub counts: Counts,
    /// The root of the tree over all entries of the log; nothing if some are lacking.
    pub root: Option<Hash>,
    /// That of the bucket, if it is one.
    pub checkpoint: Option<Checkpoint>,
}

/// Looks at all of a bucket. `compare` says what is wrong with the results of a run.
///
/// # Errors
/// The bucket cannot be read now.
pub(crate) fn verify(reader: &dyn Reader, known: &Known, compare: CompareResults) -> Result<Verified, Interrupted> {
    let mut context = Context::new(reader);
    let mut chain = Chain::read(&mut context)?;
    let checkpoint = checkpoint::check(&mut context, &mut chain, known)?;
    let tables = Tables::read(&mut context, &mut chain)?;
    let unlogged = unlogged::check(&mut context, &chain)?;
    let records = Records::read(&mut context, &chain, &tables)?;
    tables::blame_log(&mut context, &mut chain);
    records::objects(&mut context, &records)?;
    files::check(&mut context, &tables, &records, &unlogged)?;
    reports::check(&mut context, &tables, &records, compare)?;
    views::of_tables(&mut context, &tables)?;
    views::of_log(&mut context, &chain, &tables)?;
    let root = checkpoint::root(&chain, chain.leaves.len() as u64);
    let findings = context.findings;
    Ok(Verified { faults: findings.faults, notes: findings.notes, counts: findings.counts, root, checkpoint })
}
