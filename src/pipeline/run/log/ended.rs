//! Keys that the log has ended and that this store still has as good ones: it was brought back from a copy that is older than the change.
//!
//! Such a store signs nothing: a key that was revoked because it was stolen would sign again, and `ledger/keys.json` would say that it is
//! good. What it has looked at of the log, the [`State`] keeps, so that a run reads only what others wrote since.

use super::compared::Compared;
use super::state::State;
use crate::digest::Digest;
use crate::ledger::keys::{KEYS, KeyState, PublicKeys};
use crate::ledger::{KeyAct, KeyRecord, record_key};
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::{self, Ended, Register};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::log::{self, Entry, Newest, RecordKind};
use crate::workspace::Workspace;

/// Refuses to go on where the log has ended the key that signs, and takes over what it says of other keys. `newest` is the version of the
/// log up to which it is looked.
///
/// # Errors
/// [`RunError::EndedKey`]. The bucket or the private store cannot be read or written.
pub(super) fn refuse(
    workspace: &Workspace,
    bucket: &Bucket,
    state: &mut State,
    (newest, is_dry): (u64, bool),
) -> Result<(), RunError> {
    let register = Register::read(&workspace.private)?;
    if register.keys.is_empty() {
        return Ok(());
    }
    let done = state.key_entries.as_ref().filter(|done| done.is_of(&register)).map_or(0, |done| done.version);
    if done >= newest {
        return Ok(());
    }
    let ended = said_since(bucket, &register, (done, newest))?;
    if let Some(ended) = ended.iter().find(|ended| signing_keys::signs(workspace, &register, &ended.key)) {
        return Err(refused(ended));
    }
    if !is_dry && !ended.is_empty() {
        signing_keys::take_ends(workspace, &ended)?;
    }
    state.key_entries = Some(Compared::new(newest, &register));
    Ok(())
}

/// As [`refuse`], before anything is committed: the log is read only where the list of keys in the bucket gives a reason to.
///
/// # Errors
/// As of [`refuse`].
pub(crate) fn refuse_early(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    let register = Register::read(&workspace.private)?;
    if register.keys.is_empty() {
        return Ok(());
    }
    let Some(there) = bucket.get(KEYS)?.and_then(|bytes| PublicKeys::parse(&bytes)) else { return Ok(()) };
    let is_doubtful = there
        .keys
        .iter()
        .any(|key| key.state != KeyState::Active && signing_keys::signs(workspace, &register, &key.key));
    if !is_doubtful {
        return Ok(());
    }
    let Newest::Version(newest, _) = log::newest(bucket)? else { return Ok(()) };
    refuse(workspace, bucket, &mut State::read(workspace, bucket)?, (newest.version, true))
}

/// Keys that this store has as good ones and that the log has ended, for who changes keys.
///
/// # Errors
/// The bucket or the private store cannot be read.
pub(crate) fn ended_by_log(workspace: &Workspace, bucket: &Bucket) -> Result<Vec<Ended>, RunError> {
    let register = Register::read(&workspace.private)?;
    if register.keys.is_empty() {
        return Ok(Vec::new());
    }
    let Newest::Version(newest, _) = log::newest(bucket)? else { return Ok(Vec::new()) };
    let state = State::read(workspace, bucket)?;
    let done = state.key_entries.filter(|done| done.is_of(&register)).map_or(0, |done| done.version);
    said_since(bucket, &register, (done, newest.version))
}

fn refused(ended: &Ended) -> RunError {
    RunError::EndedKey { name: ended.name.clone(), state: ended.state.word(), at: ended.at.to_string() }
}

/// What versions of the log say that ended keys of the register, in the order of the log.
fn said_since(bucket: &Bucket, register: &Register, (done, newest): (u64, u64)) -> Result<Vec<Ended>, RunError> {
    let (mut ended, mut is_whole) = (Vec::new(), true);
    let known: Vec<Digest> = register.changes.iter().map(|change| Digest::of(&change.to_bytes().1)).collect();
    for version in done + 1..=newest {
        let (of, _) = log::read(bucket, version)?;
        for entry in &of.entries {
            let Entry::Record { kind: RecordKind::Key, record } = entry else { continue };
            if known.contains(record) {
                continue;
            }
            let bytes = match bucket.get(&record_key(record)) {
                Err(PublishError::Damaged { .. }) => None,
                other => other?,
            };
            let bytes = bytes.filter(|bytes| Digest::of(bytes) == *record);
            match bytes.and_then(|bytes| serde_json::from_slice::<KeyRecord>(&bytes).ok()) {
                Some(record) => ended.extend(end_of(record)),
                None => is_whole = false,
            }
        }
    }
    if !is_whole {
        tracing::warn!(
            "records of changes of keys that the log names are not in the bucket, or are damaged: '{KEYS}' is asked instead"
        );
        let there = bucket.get(KEYS)?.and_then(|bytes| PublicKeys::parse(&bytes));
        let keys = there.into_iter().flat_map(|there| there.keys).filter(|key| key.state != KeyState::Active);
        ended.extend(keys.map(|key| Ended {
            name: key.name,
            key: key.key,
            state: key.state,
            at: key.until.unwrap_or(key.since),
            reason: key.reason,
        }));
    }
    ended.retain(|ended| register.keys.iter().any(|key| key.key == ended.key && ended.is_news_of(key)));
    Ok(ended)
}

/// The key that a change ended.
fn end_of(record: KeyRecord) -> Option<Ended> {
    let KeyRecord { act, name, key, changed_at: at, replaces, reason, .. } = record;
    match act {
        KeyAct::New => None,
        KeyAct::Rotate => replaces.map(|key| Ended { name: String::new(), key, state: KeyState::Rotated, at, reason }),
        KeyAct::Revoke => Some(Ended { name, key, state: KeyState::Revoked, at, reason }),
    }
}
