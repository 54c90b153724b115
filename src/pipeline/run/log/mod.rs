//! Completing the log: whatever is published and not in it yet is written to it, and its views follow.
//!
//! A commit of a table and the entry of it in the log are two writes, and a run may be killed between. So nobody writes the entry of
//! what he has just committed: whoever publishes compares the newest version of each table with the heads of the log ([`pending`]), and
//! writes all that is missing, of whomever it is. A bucket that is older than the log gets all versions of all its tables that way, in
//! the order of their release. The log is written create-only; if another writer was faster, this looks again and writes what is then
//! still missing.
//!
//! Where the private store has a signing key, tiles, checkpoint and proofs follow ([`signed`]).
//!
//! A run that has committed makes six requests for it (a listing, the version of the log, the page of the month, read and written, the
//! index, and the listing that finds what others wrote meanwhile), one that has committed nothing makes one: what it would read
//! besides, the [`state`] in the private store tells.

mod compared;
mod detail;
mod ended;
mod pages;
mod pending;
mod scope;
mod signed;
mod state;

use std::collections::BTreeSet;

pub(crate) use self::ended::{ended_by_log, refuse_early};
use self::pages::Views;
use self::pending::Pending;
pub(super) use self::scope::Scope;
use self::signed::Before;
#[cfg(test)]
pub(crate) use self::signed::asked::Problem;
pub(crate) use self::signed::asked::{AllAsked, Asked};
use self::state::State;
use crate::digest::Digest;
use crate::ledger::ActRecord;
use crate::ledger::keys::{KEYS, PublicKeys};
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::{self, Register, SigningError};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::publish::log::{self, LogVersion, Newest};
use crate::publish::view_writer::ViewWriter;
use crate::workspace::Workspace;

/// How often the log is tried to be written while others write it.
const ROUNDS: u64 = 100;
/// Entries of a version at most, so that the first one of an old bucket is no file of many megabytes.
const MOST_ENTRIES: usize = 10_000;

/// Writes to the log what is published and not in it yet, and the views of the log. A dry writer is told what would be written.
///
/// # Errors
/// The bucket or the private store cannot be read or written; the log is damaged. A table whose versions cannot be read is left for the
/// next run, and told.
pub(super) fn complete(workspace: &Workspace, writer: &mut ViewWriter<'_>, scope: Scope) -> Result<(), RunError> {
    complete_with(workspace, writer, scope, None)
}

/// Writes to the log that superseded files are deleted, before the first of them is: `record` is in the bucket.
///
/// # Errors
/// As of [`complete`]: then nothing may be deleted, for nobody could tell a file that a rule has taken from one that somebody removed.
pub(super) fn complete_collected(workspace: &Workspace, bucket: &Bucket, record: &ActRecord) -> Result<(), RunError> {
    complete_with(workspace, &mut ViewWriter::new(bucket), Scope::Seen, Some(record))
}

fn complete_with(
    workspace: &Workspace,
    writer: &mut ViewWriter<'_>,
    scope: Scope,
    collected: Option<&ActRecord>,
) -> Result<(), RunError> {
    let mut state = State::read(workspace, writer.bucket)?;
    let before = state.clone();
    let is_dry = writer.is_dry();
    let completed = Completion { workspace, bucket: writer.bucket, scope, collected }.run(writer, &mut state);
    // What is known of the log is kept also if its views could not be written.
    if state != before && !is_dry {
        state.write(workspace)?;
    }
    completed
}

/// Writes to the log what is not in it yet, and signs it: for who has changed the keys.
pub(crate) fn complete_log(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    complete(workspace, &mut ViewWriter::new(bucket), Scope::Seen)
}

struct Completion<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    scope: Scope,
    /// What is to be deleted now.
    collected: Option<&'a ActRecord>,
}

impl Completion<'_> {
    fn run(&self, writer: &mut ViewWriter<'_>, state: &mut State) -> Result<(), RunError> {
        if let Some(newest) = &state.newest {
            log::keep(self.bucket, newest);
        }
        let mut views = Views::new(self.bucket);
        let (mut is_anew, is_dry) = (self.scope == Scope::All, writer.is_dry());
        for round in 0..ROUNDS {
            std::thread::sleep(std::time::Duration::from_millis(5 * (round / 4)));
            let signed = Before::read(self.workspace)?;
            let mut newest = self.newest(state)?;
            signed.refuse_shorter(newest.as_ref())?;
            if let Some((newest, _)) = &newest {
                ended::refuse(self.workspace, self.bucket, state, (newest.version, is_dry))?;
            }
            // Before anything is added: they tell which records are in the log.
            if let Some((newest, _)) = &newest {
                if is_anew {
                    views.remake(writer, newest)?;
                    state.views = views.state();
                } else if state.views.as_ref().is_none_or(|views| views.log.version != newest.version) {
                    tracing::info!(stage = "log-views", "log");
                    views.bring_up(writer, newest, state.views.as_ref())?;
                    state.views = views.state();
                }
                is_anew = false;
            }
            let registered = state.registered_purges(self.workspace)?;
            let heads = newest.as_ref().map(|(newest, _)| &newest.heads);
            let mut all = pending::versions(self.bucket, &self.tables(newest.is_none())?, heads)?;
            all.extend(pending::purges(self.bucket, &registered.dates, &views)?);
            let register = Register::read(&self.workspace.private)?;
            all.extend(pending::keys(writer, &register, state.keys, &views)?);
            all.extend(pending::collected(self.collected, &views)?);
            if self.scope == Scope::All {
                all.extend(pending::collected_before(self.bucket, &views)?);
            }
            if all.is_empty() {
                state.purges = registered.bytes;
                return self.sign(writer, state, &register, newest.as_ref());
            }
            while !all.is_empty() {
                let part: Vec<Pending> = all.drain(..all.len().min(MOST_ENTRIES)).collect();
                let next = LogVersion::following(newest.as_ref(), part.iter().map(|of| of.entry.clone()).collect());
                if writer.is_dry() {
                    writer.note(log::key(next.version));
                    return Ok(());
                }
                tracing::info!(stage = "log", version = next.version, entries = next.entries.len(), "log");
                if !log::put(self.bucket, &next)? {
                    break;
                }
                views.know((next.size..).zip(part.into_iter().map(|of| of.detail)));
                let digest = Digest::of(&next.to_bytes());
                newest = Some((next, digest));
            }
        }
        Err(PublishError::Contended { key: "ledger/log".to_owned() }.into())
    }

    /// Whether the log was signed by keys that this store does not have: it says so itself, or, where it has forgotten all or is a new
    /// one, the bucket does.
    fn was_signed(&self, state: &mut State) -> Result<bool, RunError> {
        if state.keys > 0 {
            return Ok(true);
        }
        if !state.is_unsigned {
            state.is_unsigned = self.bucket.get(KEYS)?.is_none();
        }
        Ok(!state.is_unsigned)
    }

    /// Publishes the public keys, then what one of them signs.
    fn sign(
        &self,
        writer: &mut ViewWriter<'_>,
        state: &mut State,
        register: &Register,
        newest: Option<&(LogVersion, Digest)>,
    ) -> Result<(), RunError> {
        if register.keys.is_empty() && self.was_signed(state)? && !writer.is_dry() {
            let path = signing_keys::folder(&self.workspace.private);
            return Err(SigningError::Gone { path }.into());
        }
        if !register.keys.is_empty() && (self.scope == Scope::All || state.keys != register.changes.len()) {
            let there = self.bucket.get(KEYS)?.and_then(|bytes| PublicKeys::parse(&bytes));
            let mut all = register.clone();
            there.iter().for_each(|there| all.adopt(there));
            writer.put(KEYS, all.public().to_bytes())?;
        }
        state.keys = register.changes.len();
        match newest {
            Some(newest) => signed::bring_up(self.workspace, writer, newest, self.scope),
            None => Ok(()),
        }
    }

    /// The newest version of the log. One that this store has seen and that is gone is told: whoever has seen it, too, has another log
    /// than the one that goes on now.
    fn newest(&self, state: &mut State) -> Result<Option<(LogVersion, Digest)>, PublishError> {
        loop {
            match log::newest(self.bucket)? {
                Newest::Version(version, digest) => {
                    state.newest = Some(version.clone());
                    return Ok(Some((version, digest)));
                }
                Newest::None => {
                    state.newest = None;
                    return Ok(None);
                }
                Newest::Lost(version) => {
                    tracing::warn!(
                        "version {version} of the log in the bucket ('ledger/log/'), which this store has seen, is gone. The log goes on \
                         from what is there; bring the bucket back from a backup if nobody emptied it on purpose, or who has seen that \
                         version will find two logs"
                    );
                    *state = State { bucket: state.bucket.clone(), ..State::default() };
                }
            }
        }
    }

    /// The tables that are compared with the log: all, if there is no log yet.
    fn tables(&self, is_first: bool) -> Result<BTreeSet<(String, String)>, PublishError> {
        let mut tables: BTreeSet<(String, String)> = index::read_tables(self.bucket).into_iter().collect();
        if is_first || self.scope == Scope::All {
            for dataset in self.bucket.folders("meta")? {
                let of = self.bucket.folders(&format!("meta/{dataset}"))?;
                tables.extend(of.into_iter().map(|table| (dataset.clone(), table)));
            }
        }
        Ok(tables)
    }
}
