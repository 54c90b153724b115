//! Verifying a bucket as an outsider: with what is public alone, and at most the publisher's public key and a checkpoint that was kept.
//!
//! ```text
//! ledger/log/v….json ──▶ meta/…/index/v….json ──▶ records ──▶ texts that they name
//!        │                        └──▶ files of data, lists for readers, quality results
//!        └──▶ signing keys, checkpoint, tiles, proofs, time stamps, a checkpoint that was kept
//! ```
//!
//! Each step looks at what the one before it names, by digest, so that what is told is told where it was changed, and what follows
//! from that is not told again. Nothing that the bucket says is trusted: names lead nowhere else, and no object is read beyond its bound.
//! What cannot be proved this way says `docs/verify.md`.

mod catalogues;
mod chain;
mod checkpoint;
mod context;
mod fault;
mod files;
mod keys;
mod names;
mod own;
mod pages;
mod proofs;
mod records;
mod reports;
mod rows;
mod stamps;
mod strays;
mod strict;
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
use self::checkpoint::Opened;
use self::context::Context;
use self::fault::Counts;
use self::keys::{Keys, Trusted};
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
    /// Whether a key that is known has signed it, and the log is the one that it stands for.
    pub is_signed: bool,
    /// The address of the bucket by its catalogues.
    pub leads_to: Option<String>,
    /// Whether anything was there at all.
    pub is_there: bool,
}

/// Looks at all of a bucket. `compare` says what is wrong with the results of a run.
///
/// # Errors
/// The bucket cannot be read, or not now.
pub(crate) fn verify(reader: &dyn Reader, known: &Known, compare: CompareResults) -> Result<Verified, Interrupted> {
    let mut context = Context::new(reader);
    let (root, opened, leads_to) = match look(&mut context, known, compare) {
        Ok(found) => found,
        Err(_) if context.is_given_up() => {
            context.findings.notes.push(Text::new(
                "the server sends answers without an end: it was asked for nothing more, and the rest was not looked at",
                "der Server schickt Antworten ohne Ende: Er wurde nicht weiter gefragt, der Rest ist nicht geprüft",
            ));
            (None, None, None)
        }
        Err(interrupted) => return Err(interrupted),
    };
    let is_there = context.has_read();
    let findings = context.findings;
    let is_signed = !known.keys.is_empty()
        && opened.as_ref().is_some_and(|opened| opened.agrees)
        && !findings.is_log_wrong()
        && !findings
            .faults
            .iter()
            .any(|of| of.what == Subject::Checkpoint && !matches!(of.kind, FaultKind::Missing | FaultKind::NotInLog));
    let checkpoint = opened.map(|opened| opened.checkpoint);
    Ok(Verified {
        faults: findings.faults,
        notes: findings.notes,
        counts: findings.counts,
        root,
        checkpoint,
        is_signed,
        leads_to,
        is_there,
    })
}

/// What is found beside faults: the root of the log, the checkpoint, and the address that catalogues give.
type Looked = (Option<Hash>, Option<Opened>, Option<String>);

/// Looks at all of it.
fn look(context: &mut Context<'_>, known: &Known, compare: CompareResults) -> Result<Looked, Interrupted> {
    let mut chain = Chain::read(context)?;
    let mut keys = Keys::read(context, &chain)?;
    let opened = checkpoint::check(context, &mut chain, known, &|note| keys.successor(note, known))?;
    keys.settle(&chain);
    keys.compare(context)?;
    // A log that was cut or changed may lack the entries of keys: who signed is judged by a whole one.
    if let Some(opened) = opened.as_ref().filter(|_| !context.findings.lack_entries()) {
        keys.check_signers(context, &opened.note, opened.checkpoint.size);
    }
    let tables = Tables::read(context, &mut chain)?;
    let unlogged = unlogged::check(context, &chain, tables.all.iter().map(|table| table.files.len()).sum())?;
    let records = Records::read(context, &chain, &tables)?;
    tables::blame_log(context, &mut chain);
    chain.doubt_told(&context.findings);
    records::objects(context, &records)?;
    files::check(context, &tables, &records, &unlogged)?;
    reports::check(context, &tables, &records, compare)?;
    strays::check(context)?;
    // Of a log that is another one than somebody kept, proofs and stamps of the one that was are told with it.
    let is_log_right = !context.findings.lack_entries();
    if let Some(opened) = opened.as_ref().filter(|opened| opened.agrees && is_log_right) {
        let trusted = Trusted::new(&chain, &opened.checkpoint, known, &keys);
        proofs::check_end(context, &chain, &trusted)?;
        proofs::check(context, &chain, &trusted)?;
        stamps::check(context, &tables, &trusted)?;
        let signed = trusted.signed_by_known();
        if opened.is_by_successor && signed > 0 {
            context.findings.notes.push(Text::new(
                format!("a key that you gave has signed the first {signed} entries of this log, as proofs and stamped checkpoints say"),
                format!(
                    "ein Schlüssel, den Sie angegeben haben, hat die ersten {signed} Einträge dieses Protokolls unterschrieben: Das sagen Nachweise \
                     und gestempelte Prüfpunkte"
                ),
            ));
        }
    }
    views::of_tables(context, &tables)?;
    pages::check(context, &chain, &tables)?;
    let leads_to = catalogues::check(context, &tables)?;
    Ok((checkpoint::root(&chain, chain.leaves.len() as u64), opened, leads_to))
}
