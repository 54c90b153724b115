//! The signed log: tiles, checkpoint and proofs of what the versions of the log say.
//!
//! ```text
//! ledger/tile/0/000.p/12, ledger/tile/entries/000.p/12      C2SP tlog-tiles; an entry is the line of the log without its line feed
//! ledger/checkpoint                                         C2SP tlog-checkpoint, in a signed note
//! meta/<dataset>/<table>/proofs/v0000000001.tlog-proof      C2SP tlog-proof, of the entry of each version of a table
//! ```
//!
//! All of it follows from the versions of the log and the key, and is made again by `publish --rebuild`. Nothing is written before it is
//! certain that the log goes on from what this key has signed before: from what the private store remembers ([`last`]) and from the
//! checkpoint in the bucket, if it is signed by a key of ours. Tiles are there before the checkpoint that needs them. A partial tile goes
//! when the full one is there.
//!
//! A release costs its proof, and a run besides the checkpoint and two or three tiles.

pub(crate) mod asked;
mod last;
mod outside;
mod tree;

use std::time::Instant;

use bytes::Bytes;

use self::last::{Last, forked};
use self::outside::Outside;
use self::tree::Tree;
use super::scope::Scope;
use crate::digest::Digest;
use crate::ledger::log::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::log::merkle::ProofError;
use crate::ledger::log::note::{Note, NoteError, SignatureLine, Verifier};
use crate::ledger::log::proof::{Proof, proof_key};
use crate::ledger::log::tiles::edge;
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::{self, Signer};
use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Seen};
use crate::publish::log::{self, Entry, LogVersion, Newest};
use crate::publish::view_writer::ViewWriter;
use crate::workspace::Workspace;

/// What the log says of itself.
const CHECKPOINT: &str = "ledger/checkpoint";
/// How often the checkpoint is tried to be written while others write it.
const ROUNDS: usize = 10;

/// What was signed before the log is looked at: whoever signs writes the log first, so that what is found then is at least as long.
pub(super) struct Before(Option<Last>);

impl Before {
    pub(super) fn read(workspace: &Workspace) -> Result<Self, RunError> {
        // A key that cannot be used is told when it is to sign: what was released is in the log all the same.
        match signing_keys::signer(workspace) {
            Ok(Some(signer)) => Ok(Self(Last::read(workspace, &signer.origin)?)),
            _ => Ok(Self(None)),
        }
    }

    /// Refuses a log that is shorter than what was signed, before anything is added to it.
    pub(super) fn refuse_shorter(&self, newest: Option<&(LogVersion, Digest)>) -> Result<(), RunError> {
        let Some(last) = &self.0 else { return Ok(()) };
        let (version, size) = newest.map_or((0, 0), |(newest, _)| (newest.version, newest.end()));
        if version < last.version || size < last.size { Err(last.shorter(size)) } else { Ok(()) }
    }
}

/// Brings tiles, checkpoint and proofs up to the log. Without a key nothing is done.
///
/// # Errors
/// [`RunError::Forked`] if the log does not go on from what was signed: then nothing was written. The key cannot be used. The bucket or
/// the private store cannot be read or written.
pub(super) fn bring_up(
    workspace: &Workspace,
    writer: &mut ViewWriter<'_>,
    newest: &(LogVersion, Digest),
    scope: Scope,
) -> Result<(), RunError> {
    if signing_keys::signer(workspace)?.is_none() {
        return Ok(());
    }
    let begun = Instant::now();
    let _alone = match writer.is_dry() {
        true => None,
        false => Some(signing_keys::lock(&workspace.private)?),
    };
    // Whoever had the right to sign before may have rotated the key, after which the old one signs nothing more.
    let Some(signer) = signing_keys::signer(workspace)? else { return Ok(()) };
    let last = Last::read(workspace, &signer.origin)?;
    if scope == Scope::Seen
        && last.as_ref().is_some_and(|last| last.is_done(newest))
        && (writer.is_dry() || !Outside::read(workspace)?.is_due(newest.0.end()))
    {
        return Ok(());
    }
    // Another run may have written and signed more since.
    let newest = match &last {
        Some(last) if last.version > newest.0.version => match log::newest(writer.bucket)? {
            Newest::Version(version, digest) if version.version >= last.version => (version, digest),
            _ => return Err(last.shorter(newest.0.end())),
        },
        _ => newest.clone(),
    };
    let bucket = writer.bucket;
    let asked = bucket.requests();
    let signing = Signing { workspace, bucket, signer, last, newest, scope };
    let proofs = signing.run(writer)?;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(proofs, ms, asked = bucket.requests() - asked, "signed the log");
    Ok(())
}

struct Signing<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    signer: Signer,
    last: Option<Last>,
    newest: (LogVersion, Digest),
    scope: Scope,
}

impl Signing<'_> {
    /// Gives how many proofs were written.
    fn run(&self, writer: &mut ViewWriter<'_>) -> Result<usize, RunError> {
        let seen = self.bucket.look(CHECKPOINT)?;
        let theirs = self.ours(seen.as_ref())?;
        let mut tree = self.tree(seen.as_ref(), theirs.as_ref())?;
        for (size, root) in [
            self.last.as_ref().and_then(|last| Some((last.size, last.root()?))),
            theirs.map(|theirs| (theirs.size, theirs.root)),
        ]
        .into_iter()
        .flatten()
        {
            if size > tree.size {
                return Err(forked(&ProofError::Shorter { old: size, size: tree.size }));
            }
            if tree.is_whole && tree.root_at(size)? != root {
                return Err(forked(&if size == tree.size {
                    ProofError::TwoRoots { size }
                } else {
                    ProofError::Forked
                }));
            }
        }
        tracing::info!(stage = "log-tiles", "log");
        for (tile, bytes) in std::mem::take(&mut tree.files) {
            match tree.is_whole {
                true => writer.put(&tile.key(), bytes.into())?,
                false => writer.put_changed(&tile.key(), bytes.into())?,
            }
        }
        let checkpoint = Checkpoint::new(&self.signer.origin, tree.size, tree.root);
        let note = checkpoint.sign(&self.signer.key).map_err(|error| RunError::internal(error.to_string()))?;
        let note = self.with_cosignatures(note, seen.as_ref());
        let proofs = self.last.as_ref().map_or(0, |last| last.proofs);
        let mut signed = Last::new(&self.newest, tree.root, note.to_string(), proofs);
        tracing::info!(stage = "log-signed", "log");
        if !writer.is_dry() {
            signed.write(self.workspace, &self.signer.origin)?;
        }
        tracing::info!(stage = "log-checkpoint", "log");
        self.publish(writer, (&checkpoint, &note), seen)?;
        tracing::info!(stage = "log-confirmed", "log");
        let note = self.confirm(writer, &mut tree, (&checkpoint, note), &mut signed)?;
        tracing::info!(stage = "log-proofs", "log");
        let written = self.proofs(writer, &mut tree, &note)?;
        if !writer.is_dry() {
            signed.proofs = signed.version;
            signed.write(self.workspace, &self.signer.origin)?;
            self.remove_partial(writer)?;
        }
        Ok(written)
    }

    /// The checkpoint in the bucket, if a key of ours signed it. What else is there is replaced: it binds nobody.
    fn ours(&self, seen: Option<&Seen>) -> Result<Option<Checkpoint>, RunError> {
        let Some(seen) = seen else { return Ok(None) };
        let known: Vec<&dyn Verifier> = self.signer.known.iter().map(|key| key as &dyn Verifier).collect();
        let opened = Note::parse(&seen.bytes)
            .map_err(CheckpointError::from)
            .and_then(|note| Checkpoint::open(&note, &self.signer.origin, &known));
        match opened {
            Ok((checkpoint, _)) => Ok(Some(checkpoint)),
            Err(CheckpointError::Note(NoteError::Unknown { .. })) if self.is_last(seen) => Ok(None),
            Err(error) => {
                tracing::warn!("'{CHECKPOINT}' in the bucket is replaced: {error}");
                Ok(None)
            }
        }
    }

    /// Whether a checkpoint is the one that was signed last, also where its key was revoked since.
    fn is_last(&self, seen: &Seen) -> bool {
        self.last.as_ref().is_some_and(|last| last.checkpoint.as_bytes() == seen.bytes)
    }

    /// The tree of the log: grown where it goes on from what was signed last, else of the whole log.
    fn tree(&self, seen: Option<&Seen>, theirs: Option<&Checkpoint>) -> Result<Tree<'_>, RunError> {
        let is_known = theirs.is_none() || seen.is_some_and(|seen| self.is_last(seen));
        if let Some(last) = self.last.as_ref().filter(|_| is_known && self.scope == Scope::Seen)
            && let Some(new) = self.lines_after(last)?
            && let Some(tree) = Tree::grown(self.bucket, last, &new)?
        {
            return Ok(tree);
        }
        Tree::whole(self.bucket, &self.newest.0)
    }

    /// The entries since what was signed last; nothing where the log does not go on from it, version by version.
    fn lines_after(&self, last: &Last) -> Result<Option<Vec<String>>, RunError> {
        let (mut lines, mut before, mut size) = (Vec::new(), last.sha256, last.size);
        for version in last.version + 1..=self.newest.0.version {
            let (of, digest) = log::read(self.bucket, version)?;
            if (of.previous, of.size) != (Some(before), size) {
                return Ok(None);
            }
            lines.extend(of.entries.iter().map(ToString::to_string));
            (before, size) = (digest, of.end());
        }
        Ok((before == self.newest.1).then_some(lines))
    }

    /// The note with what witnesses have given for the same text before.
    fn with_cosignatures(&self, mut note: Note, seen: Option<&Seen>) -> Note {
        let last = self.last.as_ref().map(|last| last.checkpoint.as_bytes());
        let older = last.into_iter().chain(seen.map(|seen| &seen.bytes[..]));
        let older = older.filter_map(|bytes| Note::parse(bytes).ok());
        let witnesses = || self.workspace.signing.witnesses.iter().map(|witness| &witness.key);
        let same = older.filter(|older| older.text() == note.text());
        let lines: Vec<SignatureLine> = same.flat_map(|older| older.signatures().to_vec()).collect();
        for line in lines {
            if witnesses().any(|key| line.is_of(key) && key.accepts(note.text(), line.signature())) {
                note.add_line(line);
            }
        }
        note
    }

    /// Asks outsiders to confirm the checkpoint, and publishes what they gave. Who does not answer stops nothing.
    fn confirm(
        &self,
        writer: &mut ViewWriter<'_>,
        tree: &mut Tree<'_>,
        (checkpoint, mut note): (&Checkpoint, Note),
        signed: &mut Last,
    ) -> Result<Note, RunError> {
        if writer.is_dry() {
            return Ok(note);
        }
        let mut outside = Outside::read(self.workspace)?;
        let lines = outside.cosign((checkpoint, &mut note), |old| tree.consistency(old))?;
        if lines > 0 {
            signed.checkpoint = note.to_string();
            signed.write(self.workspace, &self.signer.origin)?;
            self.publish(writer, (checkpoint, &note), self.bucket.look(CHECKPOINT)?)?;
        }
        outside.stamp(self.bucket, writer, (checkpoint.size, &note))?;
        outside.keep()?;
        Ok(note)
    }

    /// Writes the checkpoint, unless one of a larger log is there.
    fn publish(
        &self,
        writer: &mut ViewWriter<'_>,
        (checkpoint, note): (&Checkpoint, &Note),
        mut seen: Option<Seen>,
    ) -> Result<(), RunError> {
        let bytes = Bytes::from(note.to_string());
        for _ in 0..ROUNDS {
            if seen.as_ref().is_some_and(|seen| seen.bytes == bytes) {
                return Ok(());
            }
            if let Some(there) = self.ours(seen.as_ref())? {
                there.agrees_with(checkpoint).map_err(|error| RunError::Forked { problem: error.to_string() })?;
                // The key has signed more elsewhere; the next one who signs compares all of it.
                if there.size > checkpoint.size {
                    return Ok(());
                }
            }
            if writer.is_dry() || self.bucket.replace(CHECKPOINT, seen.as_ref(), bytes.clone())? {
                writer.note(CHECKPOINT.to_owned());
                return Ok(());
            }
            seen = self.bucket.look(CHECKPOINT)?;
        }
        Err(PublishError::Contended { key: CHECKPOINT.to_owned() }.into())
    }

    /// Writes the proofs of releases that have none; where all is made anew, also in the place of those that do not hold.
    fn proofs(&self, writer: &mut ViewWriter<'_>, tree: &mut Tree<'_>, note: &Note) -> Result<usize, RunError> {
        let done = match self.scope {
            Scope::All => 0,
            Scope::Seen => self.last.as_ref().map_or(0, |last| last.proofs),
        };
        let mut written = 0;
        for version in done + 1..=self.newest.0.version {
            let (of, _) = log::read(self.bucket, version)?;
            for (index, entry) in of.numbered() {
                let Entry::Release { dataset, table, version, .. } = entry else { continue };
                let key = proof_key(dataset, table, *version);
                if self.scope == Scope::All && self.holds(&key, index, entry)? {
                    continue;
                }
                let proof = Proof::new(index, tree.inclusion(index)?, note.clone());
                writer.put_changed(&key, proof.to_string().into())?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Whether a proof in the bucket proves its entry.
    fn holds(&self, key: &str, index: u64, entry: &Entry) -> Result<bool, RunError> {
        let known: Vec<&dyn Verifier> = self.signer.known.iter().map(|key| key as &dyn Verifier).collect();
        let found = match self.bucket.get(key) {
            Err(PublishError::Damaged { .. }) => return Ok(false),
            other => other?,
        };
        let proof = found.and_then(|bytes| Proof::parse(&bytes).ok()).filter(|proof| proof.index == index);
        let line = entry.to_string();
        Ok(proof.is_some_and(|proof| proof.verify(line.as_bytes(), &self.signer.origin, &known).is_ok()))
    }

    /// Removes the partial tiles of which the full one is there now.
    fn remove_partial(&self, writer: &mut ViewWriter<'_>) -> Result<(), RunError> {
        let (old, size) = (self.last.as_ref().map_or(0, |last| last.size), self.newest.0.end());
        let now = edge(size);
        for tile in edge(old) {
            let is_partial = now.iter().any(|other| (other.content(), other.index()) == (tile.content(), tile.index()));
            if !is_partial {
                let folder = format!("{}.p", tile.full().key());
                self.bucket.list(&folder)?.iter().try_for_each(|name| writer.remove(name))?;
            }
        }
        Ok(())
    }
}
