//! The keys that sign: `ledger/keys.json` says what the entries `record key` of the log say, and none signs once the log has ended it.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::chain::Chain;
use super::checkpoint::{self, Known};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::shown;
use super::strict;
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
    /// The key whose place it took.
    replaces: Option<String>,
    /// The place of the entry that ended it.
    ended: Option<u64>,
}

/// The keys that the log names.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    all: Vec<LoggedKey>,
    /// Whether all entries of the log are certain.
    is_certain: bool,
    /// Changes of keys whose records are not there, or are others.
    lacking: usize,
}

impl Keys {
    /// Reads what the log says of keys.
    pub(super) fn read(context: &mut Context<'_>, chain: &Chain) -> Result<Self, Interrupted> {
        let mut keys = Self::default();
        keys.settle(chain);
        for of in chain.records.iter().filter(|of| of.kind == RecordKind::Key) {
            let bytes = match context.get(Subject::Record, &record_key(&of.record), LONGEST)? {
                Got::There(bytes) if Digest::of(&bytes) == of.record => bytes,
                // That is told when records are looked at.
                _ => {
                    keys.lacking += 1;
                    continue;
                }
            };
            match serde_json::from_slice::<KeyRecord>(&bytes) {
                Ok(record) => keys.take(record, of.place),
                Err(_) => keys.lacking += 1,
            }
        }
        context.findings.counts.keys = keys.all.len() as u64;
        Ok(keys)
    }

    /// Says anew whether all entries of the log are certain, which its checkpoint may have made them.
    pub(super) fn settle(&mut self, chain: &Chain) {
        self.is_certain = chain.is_whole && !chain.has_doubtful();
    }

    /// Whether all changes of keys are known.
    fn is_whole(&self) -> bool {
        self.is_certain && self.lacking == 0
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
            KeyAct::Rotate => _ = replaces.as_ref().map(|old| end(old, KeyState::Rotated)),
            KeyAct::New => {}
        }
        let public = PublicKey { name, key, since: changed_at, until: None, state: KeyState::Active, reason: None };
        self.all.push(LoggedKey { verifier: public.verifier(), public, replaces, ended: None });
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
        if let Some(said) = self.problem(&bytes).filter(|_| self.is_certain && !context.findings.lack_entries()) {
            context.findings.tell(told(FaultKind::Changed, said));
        }
        Ok(())
    }

    /// What the list does not say as the log does.
    fn problem(&self, bytes: &[u8]) -> Option<Text> {
        let Some(list) = PublicKeys::parse(bytes) else {
            return Some(Text::new("it is no list of signing keys", "das ist keine Liste von Signaturschlüsseln"));
        };
        if strict::value(bytes).is_none_or(|value| serde_json::to_value(&list).ok() != Some(value)) {
            return Some(Text::new(
                "it has fields that no list of signing keys has, or one of them twice",
                "sie hat Felder, die keine Liste von Signaturschlüsseln hat, oder eines doppelt",
            ));
        }
        let mut unknown = 0;
        let mut logged: BTreeMap<&str, &PublicKey> =
            self.all.iter().map(|of| (of.public.key.as_str(), &of.public)).collect();
        for key in &list.keys {
            let name = shown(&key.name);
            match logged.remove(key.key.as_str()) {
                Some(expected) if expected == key => {}
                // A change whose record is gone may have made it, or ended it.
                Some(expected) if self.lacking > 0 && expected.state == KeyState::Active && is_same(expected, key) => {}
                None if unknown < self.lacking => unknown += 1,
                Some(expected) => {
                    let (is, was) = (key.state.word(), expected.state.word());
                    let (ist, war) = (german(key.state), german(expected.state));
                    return Some(Text::new(
                        format!(
                            "of the key '{name}' it says something else than the entries of the log: it is '{is}' here and '{was}' there, \
                             or since, until or reason differ"
                        ),
                        format!(
                            "vom Schlüssel '{name}' sagt sie etwas anderes als die Einträge des Protokolls: Er ist hier „{ist}“ und dort \
                             „{war}“, oder Beginn, Ende oder Grund sind andere"
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

    /// What the log says of a checkpoint that no key has signed which was given: that one of these was rotated or revoked, and the key
    /// that signed came after it. Whoever can write the bucket can have written that, too, so that it proves nothing.
    pub(super) fn successor(&self, note: &Note, known: &Known) -> Option<Text> {
        let is_given = |key: &str| known.keys.iter().any(|given| given.to_string() == key);
        let signer = self.signers(note).next()?;
        let name = shown(&signer.public.name);
        let mut of = signer;
        for _ in 0..self.all.len() {
            let Some(before) = of.replaces.as_deref() else { break };
            if is_given(before) {
                let (old, on) = (self.name_of(before), of.public.since.strftime("%Y-%m-%d"));
                return Some(Text::new(
                    format!(
                        "the checkpoint is signed by the key '{name}', and not by one that you gave. The log says that '{old}', which you gave, \
                         was rotated on {on} and that '{name}' came after it. Nothing that your key has signed proves that: ask the publisher \
                         whether {} is its key, and give both with --key",
                        shown(&signer.public.key)
                    ),
                    format!(
                        "der Prüfpunkt ist vom Schlüssel '{name}' unterschrieben und von keinem der angegebenen. Das Protokoll sagt, dass '{old}', \
                         den Sie angegeben haben, am {on} gewechselt wurde und '{name}' auf ihn folgte. Nichts, was Ihr Schlüssel unterschrieben \
                         hat, beweist das: Fragen Sie bei der Herausgeberin, ob {} ihr Schlüssel ist, und geben Sie beide mit --key an",
                        shown(&signer.public.key)
                    ),
                ));
            }
            of = self.all.iter().find(|key| key.public.key == before)?;
        }
        let revoked = self.all.iter().find(|of| of.public.state == KeyState::Revoked && is_given(&of.public.key))?;
        let (old, on) = (shown(&revoked.public.name), revoked.public.until?.strftime("%Y-%m-%d"));
        Some(Text::new(
            format!(
                "the checkpoint is signed by the key '{name}', and not by one that you gave. The log says that '{old}', which you gave, was \
                 revoked on {on}. Ask the publisher for its new key, and give both with --key"
            ),
            format!(
                "der Prüfpunkt ist vom Schlüssel '{name}' unterschrieben und von keinem der angegebenen. Das Protokoll sagt, dass '{old}', den \
                 Sie angegeben haben, am {on} widerrufen wurde. Erfragen Sie bei der Herausgeberin den neuen und geben Sie beide mit --key an"
            ),
        ))
    }

    fn name_of(&self, key: &str) -> String {
        let of = self.all.iter().find(|of| of.public.key == key);
        shown(of.map_or(key, |of| &of.public.name))
    }

    /// Looks at who signed the checkpoint of the bucket.
    pub(super) fn check_signers(&self, context: &mut Context<'_>, note: &Note, size: u64) {
        if !self.is_certain || self.all.is_empty() {
            return;
        }
        let said = match self.signers(note).next() {
            None if !self.is_whole() => return,
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
        let (name, state, zustand) = (shown(&of.public.name), of.public.state.word(), german(of.public.state));
        Some(Text::new(
            format!(
                "it is signed by the key '{name}' alone, which was {state} by entry {place} of the log: that is before this checkpoint, which \
                 has {size} entries"
            ),
            format!(
                "nur der Schlüssel '{name}' hat ihn unterschrieben, und den hat Eintrag {place} des Protokolls beendet ({zustand}): Das war vor \
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
    by_known: Cell<u64>,
    /// The roots that the log had after each of its versions, by its size.
    roots: BTreeMap<u64, Hash>,
}

impl<'a> Trusted<'a> {
    pub(super) fn new(chain: &Chain, checkpoint: &'a Checkpoint, known: &'a Known, keys: &'a Keys) -> Self {
        let ends = chain.begins.values().copied().chain([chain.leaves.len() as u64]);
        let roots = roots(&chain.leaves, &ends.collect::<Vec<u64>>());
        Self { origin: &checkpoint.origin, size: checkpoint.size, known, keys, by_known: Cell::new(0), roots }
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
        let is_known = self.known.keys.iter().any(|key| has_signed(key, note));
        let is_signed = is_known || self.keys.signers(note).next().is_some();
        // Without a key, and with a log that names none, nobody's signature can be checked.
        let can_be_checked = !self.known.keys.is_empty() || !self.keys.all.is_empty();
        if can_be_checked && !is_signed {
            return Err(Text::new(
                "its checkpoint is signed by no key that you gave or that the log names",
                "sein Prüfpunkt ist von keinem Schlüssel unterschrieben, den Sie angegeben haben oder den das Protokoll nennt",
            ));
        }
        match self.keys.ended(note, checkpoint.size).filter(|_| self.keys.is_certain) {
            Some(problem) => Err(problem),
            None => {
                if is_known {
                    self.by_known.set(self.by_known.get().max(checkpoint.size));
                }
                Ok(checkpoint)
            }
        }
    }

    /// So many entries of this log were signed by a key that was given, as far as checkpoints were looked at.
    pub(super) fn signed_by_known(&self) -> u64 {
        self.by_known.get()
    }

    /// What is to be said of entries that no checkpoint stands for.
    pub(super) fn of_unsigned(&self) -> Text {
        let keys = self.keys;
        let last = keys.all.iter().filter_map(|of| Some((of.ended?, of))).max_by_key(|(place, _)| *place);
        match last.filter(|_| keys.is_whole() && keys.all.iter().all(|of| of.ended.is_some())) {
            Some((place, of)) => {
                let (name, state, zustand) = (shown(&of.public.name), of.public.state.word(), german(of.public.state));
                Text::new(
                    format!(
                        "The key '{name}' was {state} by entry {place}, and the log has no key left that may sign: nobody vouches for them \
                         until the publisher makes a new one"
                    ),
                    format!(
                        "Den Schlüssel '{name}' hat Eintrag {place} beendet ({zustand}), und das Protokoll hat keinen mehr, der unterschreiben \
                         darf: Niemand bürgt für sie, bis die Herausgeberin einen neuen macht"
                    ),
                )
            }
            None if !self.known.keys.is_empty() || self.known.since.is_some() => Text::new(
                "Nobody vouches for them: a run that was killed leaves them so, and so does somebody else who wrote them. If they are \
                 not signed after the publisher's next run either, ask it",
                "Niemand bürgt für sie: So hinterlässt sie ein abgebrochener Lauf, und ebenso jemand anderes, der sie geschrieben hat. Sind \
                 sie auch nach dem nächsten Lauf der Herausgeberin nicht unterschrieben, fragen Sie dort",
            ),
            None => {
                Text::new("The publisher's next run signs them", "Der nächste Lauf der Herausgeberin unterschreibt sie")
            }
        }
    }
}

/// Whether it is the same key, whatever has become of it.
fn is_same(one: &PublicKey, other: &PublicKey) -> bool {
    (&one.name, &one.key, one.since) == (&other.name, &other.key, other.since)
}

fn german(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "aktiv",
        KeyState::Rotated => "gewechselt",
        KeyState::Revoked => "widerrufen",
    }
}

fn of_error(error: &CheckpointError) -> Text {
    let problem = shown(&error.to_string());
    Text::new(
        format!("its checkpoint is none: {problem}"),
        format!("sein Prüfpunkt ist keiner (Meldung des Programms: {problem})"),
    )
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
