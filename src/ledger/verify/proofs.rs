//! The proofs to be kept beside downloads: each proves the entry of its version, in a checkpoint of this log.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Chain, Logged};
use super::checkpoint;
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::keys::Trusted;
use super::names::{TableId, shown};
use crate::ledger::log::merkle::{Hash, check_inclusion};
use crate::ledger::log::proof::{MAX_FILE, Proof, proof_key};
use crate::publish::log::Entry;
use crate::text::Text;

/// Looks at the proofs of all versions that are signed, and at those that no entry names where names can be listed.
pub(super) fn check(context: &mut Context<'_>, chain: &Chain, trusted: &Trusted<'_>) -> Result<(), Interrupted> {
    let mut expected = BTreeSet::new();
    for (id, entries) in &chain.tables {
        let mut versions: BTreeMap<u64, Vec<&Logged>> = BTreeMap::new();
        for of in entries {
            versions.entry(of.version).or_default().push(of);
        }
        for (version, entries) in versions {
            let key = proof_key(&id.dataset, &id.table, version);
            // Those after the checkpoint get theirs with the next one.
            if entries.iter().any(|of| of.place < trusted.size && !chain.is_doubtful(of.log_version)) {
                one(context, (id, &entries), trusted, &key)?;
            }
            expected.insert(key);
        }
    }
    for name in context.list("meta")?.unwrap_or_default() {
        if name.contains("/proofs/") && !expected.contains(&name) {
            let said = Text::new(
                "the log has no entry of the version that the proof is of",
                "das Protokoll hat keinen Eintrag der Version, von der der Nachweis ist",
            );
            context.findings.tell(Fault::new(FaultKind::NotInLog, Subject::Proof, name, said));
        }
    }
    Ok(())
}

/// Looks at the entries that the checkpoint does not stand for. A run that was killed leaves them so, and then no proof is of a later
/// checkpoint: that is signed before. Where one is, an older checkpoint took the place of the newest.
pub(super) fn check_end(context: &mut Context<'_>, chain: &Chain, trusted: &Trusted<'_>) -> Result<(), Interrupted> {
    let (size, signed) = (chain.leaves.len() as u64, trusted.size);
    if signed >= size {
        return Ok(());
    }
    for (id, entries) in &chain.tables {
        let Some(last) = entries.iter().max_by_key(|of| of.place).filter(|of| of.place >= signed) else { continue };
        let Got::There(bytes) =
            context.get(Subject::Proof, &proof_key(&id.dataset, &id.table, last.version), MAX_FILE)?
        else {
            continue;
        };
        let later = Proof::parse(&bytes).ok().and_then(|proof| trusted.checkpoint(&proof.checkpoint).ok());
        if let Some(later) = later.filter(|later| later.size > signed) {
            context.findings.tell(checkpoint::rolled_back(later.size));
            return Ok(());
        }
    }
    let of_unsigned = trusted.of_unsigned();
    let said = Text::new(
        format!(
            "the log has {size} entries, and the checkpoint stands for {signed}: those from {signed} on are not signed. {}",
            of_unsigned.en
        ),
        format!(
            "das Protokoll hat {size} Einträge, und der Prüfpunkt steht für {signed}: Die ab {signed} sind nicht unterschrieben. {}",
            of_unsigned.de
        ),
    );
    context.findings.tell(Fault::new(FaultKind::NotInLog, Subject::Checkpoint, checkpoint::KEY, said));
    Ok(())
}

/// Looks at the proof of a version, of which the log has these entries: more than one if it was exchanged.
fn one(
    context: &mut Context<'_>,
    (id, entries): (&TableId, &[&Logged]),
    trusted: &Trusted<'_>,
    key: &str,
) -> Result<(), Interrupted> {
    let version = entries.first().map_or(0, |of| of.version);
    let (kind, said) = match context.get(Subject::Proof, key, MAX_FILE)? {
        Got::Unreadable => return Ok(()),
        Got::Absent => (
            FaultKind::Missing,
            Text::new(
                format!("the proof of version {version} of {id}, which is signed, is not there"),
                format!("der Nachweis von Version {version} von {id}, die unterschrieben ist, ist nicht da"),
            ),
        ),
        Got::There(bytes) => {
            context.findings.counts.proofs += 1;
            let Some(problem) = problem(&bytes, (id, entries), trusted) else { return Ok(()) };
            (
                FaultKind::Changed,
                Text::new(
                    format!("the proof does not prove version {version} of {id}: {}", problem.en),
                    format!("der Nachweis belegt Version {version} von {id} nicht: {}", problem.de),
                ),
            )
        }
    };
    context.findings.tell(Fault::new(kind, Subject::Proof, key, said).of_table(id).of_version(version));
    Ok(())
}

/// What is wrong with a proof.
fn problem(bytes: &[u8], (id, entries): (&TableId, &[&Logged]), trusted: &Trusted<'_>) -> Option<Text> {
    let of_error = |error: &dyn std::fmt::Display| {
        let problem = shown(&error.to_string());
        Some(Text::new(problem.clone(), format!("Meldung des Programms: {problem}")))
    };
    let proof = match Proof::parse(bytes) {
        Ok(proof) => proof,
        Err(error) => return of_error(&error),
    };
    if proof.extra.is_some() {
        return Some(Text::new(
            "it has extra data, which this program never writes and nobody signed",
            "er hat zusätzliche Daten, die dieses Programm nie schreibt und die niemand unterschrieben hat",
        ));
    }
    let Some(of) = entries.iter().find(|of| of.place == proof.index) else {
        let (found, expected) = (proof.index, entries.first().map_or(0, |of| of.place));
        return Some(Text::new(
            format!("it is of entry {found}, and the version is entry {expected}"),
            format!("er ist von Eintrag {found}, und die Version ist Eintrag {expected}"),
        ));
    };
    let checkpoint = match trusted.checkpoint(&proof.checkpoint) {
        Ok(checkpoint) => checkpoint,
        Err(problem) => return Some(problem),
    };
    let TableId { dataset, table } = id.clone();
    let entry = Entry::Release { dataset, table, version: of.version, index: of.index, record: of.record };
    let leaf = Hash::of_leaf(entry.to_string().as_bytes());
    let included = check_inclusion(&proof.hashes, (proof.index, leaf), (checkpoint.size, checkpoint.root));
    included.err().and_then(|error| of_error(&error))
}
