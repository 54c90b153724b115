//! The keys that sign: `ledger/keys.json` says what the entries `record key` of the log say, and none signs once the log has ended it.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::checkpoint::{self, Known};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::shown;
use crate::digest::Digest;
use crate::ledger::keys::{KEYS, KeyState, PublicKey, PublicKeys};
use crate::ledger::log::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::log::merkle::Hash;
use crate::ledger::log::note::{Note, Verifier, VerifierKey};
use crate::ledger::{KeyAct, KeyRecord, record_key};
use crate::publish::log::RecordKind;
use crate::text::Text;

/// Bytes of the record of a change, and of the list.
const LONGEST: usize = 256 << 10;

/// A key as the log tells it.
#[derive(Clone, Debug)]
struct LoggedKey {
    public: PublicKey,
    verifier: Option<VerifierKey>,
    /// The place of the entry that ended it.
    ended: Option<u64>,
}

/// The keys that the log names.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    all: Vec<LoggedKey>,
    /// Whether all entries and all records of keys could be read.
    is_whole: bool,
}

impl Keys {
    /// Reads what the log says of keys.
    pub(super) fn read(context: &mut Context<'_>, chain: &Chain) -> Result<Self, Interrupted> {
        let mut keys = Self { all: Vec::new(), is_whole: chain.is_whole && !chain.has_doubtful() };
        for of in chain.records.iter().filter(|of| of.kind == RecordKind::Key) {
            let bytes = match context.get(Subject::Record, &record_key(&of.record), LONGEST)? {
                Got::There(bytes) if Digest::of(&bytes) == of.record => bytes,
                // That is told when records are looked at.
                _ => {
                    keys.is_whole = false;
                    continue;
                }
            };
            match serde_json::from_slice::<KeyRecord>(&bytes) {
                Ok(record) => keys.take(record, of.place),
                Err(_) => keys.is_whole = false,
            }
        }
        context.findings.counts.keys = keys.all.len() as u64;
        Ok(keys)
    }

    /// Takes a change that the entry at a place names.
    fn take(&mut self, record: KeyRecord, place: u64) {
        let KeyRecord { act, name, key, changed_at, replaces, reason, .. } = record;
        let mut end = |key: &str, state: KeyState| {
            let Some(of) = self.all.iter_mut().find(|of| of.public.key == key) else { return };
            of.ended.get_or_insert(place);
            (of.public.state, of.public.until) = (state, Some(changed_at));
            of.public.reason.clone_from(&reason);
        };
        match act {
            KeyAct::Revoke => return end(&key, KeyState::Revoked),
            KeyAct::Rotate => _ = replaces.map(|old| end(&old, KeyState::Rotated)),
            KeyAct::New => {}
        }
        let public = PublicKey { name, key, since: changed_at, until: None, state: KeyState::Active, reason: None };
        self.all.push(LoggedKey { verifier: public.verifier(), public, ended: None });
    }

    /// Compares the list with what the log says. That it says more than a log which ends earlier than somebody says follows from that.
    pub(super) fn compare(&self, context: &mut Context<'_>) -> Result<(), Interrupted> {
        let told = |kind, said| Fault::new(kind, Subject::Keys, KEYS, said);
        let bytes = match context.get(Subject::Keys, KEYS, LONGEST)? {
            Got::There(bytes) => bytes,
            Got::Unreadable => return Ok(()),
            Got::Absent => {
                if let Some(first) = self.all.first() {
                    let name = shown(&first.public.name);
                    context.findings.tell(told(
                        FaultKind::Missing,
                        Text::new(
                            format!("the list of signing keys is not there, and the log has entries of keys ('{name}')"),
                            format!(
                                "die Liste der Signaturschlüssel ist nicht da, und das Protokoll hat Einträge von Schlüsseln ('{name}')"
                            ),
                        ),
                    ));
                }
                return Ok(());
            }
        };
        if let Some(said) = self.problem(&bytes).filter(|_| self.is_whole && !context.findings.has(Subject::Log)) {
            context.findings.tell(told(FaultKind::Changed, said));
        }
        Ok(())
    }

    /// What the list does not say as the log does.
    fn problem(&self, bytes: &[u8]) -> Option<Text> {
        let Some(list) = PublicKeys::parse(bytes) else {
            return Some(Text::new("it is no list of signing keys", "das ist keine Liste von Signaturschlüsseln"));
        };
        let mut logged: BTreeMap<&str, &PublicKey> =
            self.all.iter().map(|of| (of.public.key.as_str(), &of.public)).collect();
        for key in &list.keys {
            let name = shown(&key.name);
            match logged.remove(key.key.as_str()) {
                Some(expected) if expected == key => {}
                Some(expected) => {
                    let (is, was) = (key.state.word(), expected.state.word());
                    return Some(Text::new(
                        format!(
                            "of the key '{name}' it says something else than the entries of the log: it is '{is}' here and '{was}' there, \
                             or since, until or reason differ"
                        ),
                        format!(
                            "vom Schlüssel '{name}' sagt sie etwas anderes als die Einträge des Protokolls: Er ist hier '{is}' und dort \
                             '{was}', oder Beginn, Ende oder Grund sind andere"
                        ),
                    ));
                }
                None => {
                    return Some(Text::new(
                        format!("it names the key '{name}', of which the log has no entry"),
                        format!("sie nennt den Schlüssel '{name}', von dem das Protokoll keinen Eintrag hat"),
                    ));
                }
            }
        }
        logged.values().next().map(|key| {
            let name = shown(&key.name);
            Text::new(
                format!("it lacks the key '{name}', of which the log has an entry"),
                format!("ihr fehlt der Schlüssel '{name}', von dem das Protokoll einen Eintrag hat"),
            )
        })
    }

    /// Those that have signed a note.
    fn signers<'a>(&'a self, note: &'a Note) -> impl Iterator<Item = &'a LoggedKey> {
        self.all.iter().filter(|of| of.verifier.as_ref().is_some_and(|key| has_signed(key, note)))
    }

    /// Looks at who signed the checkpoint of the bucket.
    pub(super) fn check_signers(&self, context: &mut Context<'_>, note: &Note, size: u64) {
        if !self.is_whole || self.all.is_empty() {
            return;
        }
        let said = match self.signers(note).next() {
            None => Text::new(
                "the checkpoint is signed by no key of which the log has an entry",
                "der Prüfpunkt ist von keinem Schlüssel unterschrieben, von dem das Protokoll einen Eintrag hat",
            ),
            Some(_) => match self.ended(note, size) {
                Some(said) => said,
                None => return,
            },
        };
        context.findings.tell(Fault::new(FaultKind::Changed, Subject::Checkpoint, checkpoint::KEY, said));
    }

    /// What is wrong with a checkpoint that only keys have signed which the log had ended before it.
    fn ended(&self, note: &Note, size: u64) -> Option<Text> {
        let mut last = None;
        for of in self.signers(note) {
            let place = of.ended.filter(|place| *place < size)?;
            last = Some((of, place));
        }
        let (of, place) = last?;
        let (name, state) = (shown(&of.public.name), of.public.state.word());
        Some(Text::new(
            format!(
                "it is signed by the key '{name}' alone, which was {state} by entry {place} of the log: that is before this checkpoint, which \
                 has {size} entries"
            ),
            format!(
                "nur der Schlüssel '{name}' hat ihn unterschrieben, und den hat Eintrag {place} des Protokolls beendet ({state}): Das war vor \
                 diesem Prüfpunkt mit {size} Einträgen"
            ),
        ))
    }
}

fn has_signed(key: &VerifierKey, note: &Note) -> bool {
    let mut lines = note.signatures().iter();
    lines.any(|line| line.is_of(key) && key.accepts(note.text(), line.signature()))
}

/// What is certain of the log: it is the one that its checkpoint stands for.
pub(super) struct Trusted<'a> {
    pub origin: &'a str,
    /// Entries that are signed.
    pub size: u64,
    known: &'a Known,
    keys: &'a Keys,
    /// The roots that the log had after each of its versions, by its size.
    roots: BTreeMap<u64, Hash>,
}

impl<'a> Trusted<'a> {
    pub(super) fn new(chain: &Chain, checkpoint: &'a Checkpoint, known: &'a Known, keys: &'a Keys) -> Self {
        let ends = chain.begins.values().copied().chain([chain.leaves.len() as u64]);
        let roots = roots(&chain.leaves, &ends.collect::<Vec<u64>>());
        Self { origin: &checkpoint.origin, size: checkpoint.size, known, keys, roots }
    }

    /// A checkpoint that was made earlier, or what is wrong with it.
    pub(super) fn checkpoint(&self, note: &Note) -> Result<Checkpoint, Text> {
        let checkpoint = note.text().parse::<Checkpoint>().map_err(|error| of_error(&error))?;
        if checkpoint.origin != self.origin {
            let (found, expected) = (shown(&checkpoint.origin), shown(self.origin));
            return Err(Text::new(
                format!("its checkpoint is of the log '{found}', and this one is '{expected}'"),
                format!("sein Prüfpunkt ist vom Protokoll '{found}', und dieses heißt '{expected}'"),
            ));
        }
        if self.roots.get(&checkpoint.size) != Some(&checkpoint.root) {
            let size = checkpoint.size;
            return Err(Text::new(
                format!("its checkpoint of {size} entries is none of this log: the log never had this root"),
                format!("sein Prüfpunkt mit {size} Einträgen ist keiner dieses Protokolls: Es hatte diese Wurzel nie"),
            ));
        }
        let is_signed =
            self.known.keys.iter().any(|key| has_signed(key, note)) || self.keys.signers(note).next().is_some();
        // Without a key, and with a log that names none, nobody's signature can be checked.
        let can_be_checked = !self.known.keys.is_empty() || !self.keys.all.is_empty();
        if can_be_checked && !is_signed {
            return Err(Text::new(
                "its checkpoint is signed by no key that you gave or that the log names",
                "sein Prüfpunkt ist von keinem Schlüssel unterschrieben, den Sie angegeben haben oder den das Protokoll nennt",
            ));
        }
        match self.keys.ended(note, checkpoint.size).filter(|_| self.keys.is_whole) {
            Some(problem) => Err(problem),
            None => Ok(checkpoint),
        }
    }
}

fn of_error(error: &CheckpointError) -> Text {
    let problem = shown(&error.to_string());
    Text::new(format!("its checkpoint is none: {problem}"), format!("sein Prüfpunkt ist keiner: {problem}"))
}

/// The roots of the trees over the first leaves, for all these numbers of leaves, in one walk: the trees of a power of two that the
/// leaves so far make up stand beside each other, and a root joins them from the right.
fn roots(leaves: &[Hash], sizes: &[u64]) -> BTreeMap<u64, Hash> {
    let mut roots: BTreeMap<u64, Hash> = BTreeMap::new();
    let wanted: std::collections::BTreeSet<u64> = sizes.iter().copied().collect();
    let mut peaks: Vec<(u32, Hash)> = Vec::new();
    if wanted.contains(&0) {
        roots.insert(0, Hash::of_empty_tree());
    }
    for (leaf, size) in leaves.iter().zip(1..) {
        let mut peak = (0, *leaf);
        while let Some((level, left)) = peaks.pop_if(|(level, _)| *level == peak.0) {
            peak = (level + 1, Hash::of_node(left, peak.1));
        }
        peaks.push(peak);
        if wanted.contains(&size)
            && let Some(root) =
                peaks.iter().rev().map(|(_, hash)| *hash).reduce(|right, left| Hash::of_node(left, right))
        {
            roots.insert(size, root);
        }
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::log::merkle::tests::{by_definition, leaves};

    #[test]
    fn roots_of_all_sizes_in_one_walk_are_those_of_the_definition() {
        let leaves = leaves(70);
        let sizes: Vec<u64> = (0..=70).collect();
        let found = roots(&leaves, &sizes);
        for size in sizes {
            assert_eq!(found[&size], by_definition(&leaves[..size as usize]), "{size}");
        }
        assert_eq!(roots(&leaves, &[7]).len(), 1);
    }
}
