//! What is signed of the log, and what somebody kept of it: size and root of the tree over the entries must be theirs.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;

use super::chain::{Chain, changed};
use super::context::{Context, Got, Interrupted, ReadError, Reader};
use super::fault::{Fault, FaultKind, Subject};
use super::names::shown;
use crate::ledger::log::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::log::cosignature::{CosignerKey, cosigned};
use crate::ledger::log::merkle::{self, Hash, Node, Nodes};
use crate::ledger::log::note::{MAX_NOTE, Note, Verifier, VerifierKey};
use crate::ledger::log::tiles::{Content, MAX_BUNDLE, Tile, TileReader, Tiled, entries};
use crate::publish::log;
use crate::text::Text;

pub(super) const KEY: &str = "ledger/checkpoint";

/// What is known of the log without the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// By one of whom the checkpoint must be signed: after a rotation the publisher has several.
    pub keys: Vec<VerifierKey>,
    /// A checkpoint that somebody kept.
    pub since: Option<Checkpoint>,
    /// Nobody has signed that: whoever kept it has given the log any name.
    pub is_since_unsigned: bool,
    /// By whom it must be cosigned.
    pub witnesses: Vec<CosignerKey>,
}

/// The tree over all entries.
struct Leaves<'a>(&'a [Hash]);

impl Nodes for Leaves<'_> {
    type Error = Infallible;

    fn hash(&mut self, node: Node) -> Result<Hash, Infallible> {
        let (from, width) = ((node.index << node.level) as usize, 1_usize << node.level);
        let mut hashes = self.0.get(from..from + width).unwrap_or_default().to_vec();
        while hashes.len() > 1 {
            hashes =
                hashes.chunks(2).map(|pair| pair.iter().copied().reduce(Hash::of_node).unwrap_or(pair[0])).collect();
        }
        Ok(hashes.first().copied().unwrap_or_else(Hash::of_empty_tree))
    }
}

/// The root of the first entries of the log; nothing if they are not all known.
pub(super) fn root(chain: &Chain, size: u64) -> Option<Hash> {
    if !chain.is_whole || size > chain.leaves.len() as u64 {
        return None;
    }
    let Ok(root) = merkle::root(size, &mut Leaves(&chain.leaves));
    Some(root)
}

/// The files of the log in the bucket.
struct Files<'a>(&'a dyn Reader);

impl TileReader for Files<'_> {
    fn read(&mut self, tile: Tile) -> Result<Option<Vec<u8>>, io::Error> {
        let read = self.0.get(&tile.key(), MAX_BUNDLE);
        let error = |error| match error {
            ReadError::Transient(problem) => io::Error::new(io::ErrorKind::Interrupted, problem),
            ReadError::Permanent(problem) | ReadError::Elsewhere(problem) | ReadError::TooLong { problem, .. } => {
                io::Error::other(problem)
            }
        };
        Ok(read.map_err(error)?.map(|bytes| bytes.to_vec()))
    }
}

/// The checkpoint of the bucket.
#[derive(Debug)]
pub(super) struct Opened {
    pub checkpoint: Checkpoint,
    pub note: Note,
    /// Whether the log has the entries that it stands for, in this order.
    pub agrees: bool,
    /// No key has signed it that was given, but one of which the log says that it came after such a key.
    pub is_by_successor: bool,
}

/// What the log says of a checkpoint that no key has signed which was given.
pub(super) type Successor<'a> = &'a dyn Fn(&Note) -> Option<Text>;

/// Looks at the checkpoint of the bucket and at the one that was kept; gives the first, if it is one.
pub(super) fn check(
    context: &mut Context<'_>,
    chain: &mut Chain,
    known: &Known,
    successor: Successor<'_>,
) -> Result<Option<Opened>, Interrupted> {
    let mut ours = read(context, known, successor)?;
    if let Some(ours) = &mut ours {
        let Checkpoint { size, root: expected, .. } = ours.checkpoint;
        ours.agrees = root(chain, size) == Some(expected);
        chain.signed = if ours.agrees { size } else { 0 };
        compare(context, chain, &ours.checkpoint)?;
    }
    if let Some(since) = &known.since {
        compare_since(context, chain, ours.as_ref().map(|ours| &ours.checkpoint), (since, known.is_since_unsigned));
        let ours = ours.as_ref().filter(|ours| ours.checkpoint.size < since.size);
        if ours.is_some() && root(chain, since.size) == Some(since.root) {
            context.findings.tell(rolled_back(since.size));
        }
    }
    Ok(ours)
}

/// The checkpoint of the bucket, if it is one and, where a key is known, signed by it.
fn read(context: &mut Context<'_>, known: &Known, successor: Successor<'_>) -> Result<Option<Opened>, Interrupted> {
    let bytes = match context.get(Subject::Checkpoint, KEY, MAX_NOTE)? {
        Got::There(bytes) => bytes,
        Got::Unreadable => return Ok(None),
        Got::Absent => {
            if !known.keys.is_empty() {
                let said = Text::new(
                    "there is no signed checkpoint, so that nothing is signed by the key",
                    "es gibt keinen unterschriebenen Prüfpunkt: Mit dem Schlüssel ist nichts unterschrieben",
                );
                context.findings.tell(Fault::new(FaultKind::Missing, Subject::Checkpoint, KEY, said));
            } else {
                context.findings.notes.push(Text::new(
                    "the log has no signed checkpoint: nobody's signature was checked",
                    "das Protokoll hat keinen unterschriebenen Prüfpunkt: Keine Unterschrift wurde geprüft",
                ));
            }
            return Ok(None);
        }
    };
    let note = Note::parse(&bytes).map_err(CheckpointError::from);
    let opened = note.and_then(|note| {
        let checkpoint = match known.keys.first() {
            Some(first) => {
                let keys: Vec<&dyn Verifier> = known.keys.iter().map(|key| key as &dyn Verifier).collect();
                Checkpoint::open(&note, first.name(), &keys).map(|(checkpoint, _)| checkpoint)
            }
            None => note.text().parse(),
        };
        Ok((checkpoint?, note))
    });
    match opened {
        Ok((checkpoint, note)) => {
            cosignatures(context, &note, &known.witnesses);
            if known.keys.is_empty() {
                context.findings.notes.push(Text::new(
                    "nobody's signature was checked: give the publisher's public key with --key",
                    "keine Unterschrift wurde geprüft: Geben Sie den öffentlichen Schlüssel der Herausgeberin mit --key an",
                ));
            }
            Ok(Some(Opened { checkpoint, note, agrees: false, is_by_successor: false }))
        }
        Err(error) => {
            let note = Note::parse(&bytes).ok();
            let checkpoint = note.as_ref().and_then(|note| note.text().parse::<Checkpoint>().ok());
            let is_ours = |of: &Checkpoint| known.keys.first().is_some_and(|first| first.name() == of.origin);
            if let (Some(note), Some(checkpoint)) = (note, checkpoint.filter(is_ours))
                && let Some(said) = successor(&note)
            {
                // Nothing can be said of the signature. The log must still be the one that it stands for.
                context.findings.tell(Fault::new(FaultKind::Unreadable, Subject::Checkpoint, KEY, said));
                return Ok(Some(Opened { checkpoint, note, agrees: false, is_by_successor: true }));
            }
            let problem = shown(&error.to_string());
            let said = Text::new(
                format!(
                    "the checkpoint is not one that the publisher signed by a key that you gave: {problem}. If the publisher has another \
                     key by now, ask it for that, and give both"
                ),
                format!(
                    "der Prüfpunkt ist keiner, den die Herausgeberin mit einem der angegebenen Schlüssel unterschrieben hat (Meldung des \
                     Programms: {problem}). Hat sie inzwischen einen anderen Schlüssel, erfragen Sie ihn dort und geben Sie beide an"
                ),
            );
            context.findings.tell(Fault::new(FaultKind::Changed, Subject::Checkpoint, KEY, said));
            Ok(None)
        }
    }
}

/// Looks for the cosignature of each witness that is known.
fn cosignatures(context: &mut Context<'_>, note: &Note, witnesses: &[CosignerKey]) {
    for key in witnesses {
        let name = shown(key.name());
        let fault = match cosigned(note, std::slice::from_ref(key)).map(|found| found.first().map(|of| of.at)) {
            Ok(Some(at)) => {
                context.findings.notes.push(Text::new(
                    format!("the checkpoint was cosigned by {name} at {at}"),
                    format!("der Prüfpunkt wurde von {name} mitunterschrieben, um {at}"),
                ));
                continue;
            }
            Ok(None) => {
                let said = Text::new(
                    format!(
                        "{name} has not cosigned the checkpoint: the witness did not answer the publisher yet, or refused. Ask its \
                         operator"
                    ),
                    format!(
                        "{name} hat den Prüfpunkt nicht mitunterschrieben: Der Zeuge hat der Herausgeberin noch nicht geantwortet oder \
                         sich geweigert. Fragen Sie, wer ihn betreibt"
                    ),
                );
                Fault::new(FaultKind::Missing, Subject::Checkpoint, KEY, said)
            }
            Err(_) => {
                let said = Text::new(
                    format!("the cosignature of {name} is none of this checkpoint"),
                    format!("die Mitunterschrift von {name} gehört nicht zu diesem Prüfpunkt"),
                );
                Fault::new(FaultKind::Changed, Subject::Checkpoint, KEY, said)
            }
        };
        context.findings.tell(fault);
    }
}

/// Compares the log with the checkpoint of the bucket.
fn compare(context: &mut Context<'_>, chain: &mut Chain, ours: &Checkpoint) -> Result<(), Interrupted> {
    let size = chain.leaves.len() as u64;
    // What the log lacks is told, and no root can be computed without it.
    if !chain.is_whole {
        return Ok(());
    }
    let is_told = chain.has_doubtful() || context.findings.lack_entries();
    if ours.size > size {
        if !is_told {
            context.findings.tell(shorter(chain, "the signed checkpoint", "der unterschriebene Prüfpunkt", ours.size));
        }
        return Ok(());
    }
    if root(chain, ours.size) != Some(ours.root) {
        if !is_told {
            let fault = differs(context, chain, ours)?;
            context.findings.tell(fault);
        }
        return Ok(());
    }
    tiles(context, chain, ours.size)
}

/// The log is shorter than somebody says.
fn shorter(chain: &Chain, who: &str, who_de: &str, expected: u64) -> Fault {
    let size = chain.leaves.len();
    let said = Text::new(
        format!("the log has {size} entries, and {who} has {expected}: its end was cut off"),
        format!("das Protokoll hat {size} Einträge, und {who_de} hat {expected}: Sein Ende wurde abgeschnitten"),
    );
    let next = chain.version + 1;
    Fault::new(FaultKind::RolledBack, Subject::Log, log::key(next), said).of_version(next)
}

/// What was changed in a log whose root is not the signed one: the version of the first entry that the tiles have otherwise.
fn differs(context: &mut Context<'_>, chain: &mut Chain, ours: &Checkpoint) -> Result<Fault, Interrupted> {
    let mut tiled = Tiled::new(ours.size, Files(context.reader));
    // Tiles that are not those of the checkpoint tell nothing.
    let is_signed = tiled.root().is_ok_and(|root| root == ours.root);
    let place = (0..ours.size).take_while(|_| is_signed).find(|place| {
        let there = chain.leaves.get(*place as usize);
        tiled.leaf(*place).is_ok_and(|leaf| there != Some(&leaf))
    });
    let Some(place) = place else {
        let said = Text::new(
            "the checkpoint has another root than the log: it is of another log, or the log was written anew",
            "der Prüfpunkt hat eine andere Wurzel als das Protokoll: Er gehört zu einem anderen, oder das Protokoll wurde neu \
             geschrieben",
        );
        return Ok(Fault::new(FaultKind::Forked, Subject::Checkpoint, KEY, said));
    };
    let number = chain.version_at(place);
    chain.bad.insert(number);
    // Those after it follow it: somebody has written them anew, too.
    if !chain.suspects.contains(&number) && number != chain.version {
        let said = Text::new(
            format!("from entry {place} on the log is another one than the signed checkpoint stands for"),
            format!(
                "ab Eintrag {place} ist das Protokoll ein anderes als das, wofür der unterschriebene Prüfpunkt steht"
            ),
        );
        return Ok(Fault::new(FaultKind::Forked, Subject::Log, log::key(number), said).of_version(number));
    }
    let en = format!("entry {place} is another one than the signed checkpoint stands for");
    Ok(changed(
        number,
        &en,
        &format!("Eintrag {place} ist ein anderer als der, für den der unterschriebene Prüfpunkt steht"),
    ))
}

/// Compares the log with a checkpoint that somebody kept.
fn compare_since(
    context: &mut Context<'_>,
    chain: &Chain,
    ours: Option<&Checkpoint>,
    (since, is_unsigned): (&Checkpoint, bool),
) {
    // What is told of the log is why it does not agree.
    let is_told = chain.has_doubtful() || context.findings.lack_entries();
    if is_told && chain.is_whole {
        return;
    }
    if let Some(ours) = ours.filter(|ours| ours.origin != since.origin) {
        let (found, expected) = (shown(&ours.origin), shown(&since.origin));
        if is_unsigned {
            context.findings.notes.push(Text::new(
                format!("the log is called '{found}', and the kept checkpoint, which nobody signed, names '{expected}': size and root were compared"),
                format!(
                    "das Protokoll heißt '{found}', und der aufbewahrte Prüfpunkt, den niemand unterschrieben hat, nennt '{expected}': Größe und \
                     Wurzel wurden verglichen"
                ),
            ));
        }
        let said = Text::new(
            format!("the log is called '{found}', and the kept checkpoint is of '{expected}'"),
            format!("das Protokoll heißt '{found}', und der aufbewahrte Prüfpunkt ist von '{expected}'"),
        );
        if !is_unsigned {
            context.findings.tell(Fault::new(FaultKind::Forked, Subject::Checkpoint, KEY, said));
            return;
        }
    }
    let size = if chain.is_whole { chain.leaves.len() as u64 } else { ours.map_or(0, |ours| ours.size) };
    if since.size > size {
        if !is_told {
            let fault = shorter(chain, "the kept checkpoint", "der aufbewahrte Prüfpunkt", since.size);
            context.findings.tell(fault);
        }
        return;
    }
    let tiled = || Tiled::new(size, Files(context.reader)).root_at(since.size).ok();
    let Some(root) = root(chain, since.size).or_else(tiled) else {
        context.findings.notes.push(Text::new(
            "the kept checkpoint could not be compared: the log is not whole, and its tiles do not help",
            "der aufbewahrte Prüfpunkt ließ sich nicht vergleichen: Das Protokoll ist nicht vollständig, und seine Kacheln \
             helfen nicht",
        ));
        return;
    };
    if root != since.root {
        let number = chain.version_at(since.size.saturating_sub(1));
        let said = Text::new(
            format!(
                "the first {} entries of the log are others than those of the kept checkpoint: their root is {root}, and \
                 the kept one is {}. It is another log, written anew, or the root was not kept as it was",
                since.size, since.root
            ),
            format!(
                "die ersten {} Einträge des Protokolls sind andere als die des aufbewahrten Prüfpunkts: Ihre Wurzel ist {root}, \
                 die aufbewahrte {}. Es ist ein anderes, neu geschriebenes Protokoll, oder die Wurzel wurde nicht so aufbewahrt, wie sie war",
                since.size, since.root
            ),
        );
        context.findings.tell(Fault::new(FaultKind::Forked, Subject::Log, log::key(number), said).of_version(number));
    }
}

/// The fault of a checkpoint that an older one took the place of.
pub(super) fn rolled_back(size: u64) -> Fault {
    let said = Text::new(
        format!("an older checkpoint took its place: one of {size} entries was signed"),
        format!("an seiner Stelle steht ein älterer: Es wurde einer mit {size} Einträgen unterschrieben"),
    );
    Fault::new(FaultKind::RolledBack, Subject::Checkpoint, KEY, said)
}

/// Looks at the files by which tools of others read the log.
fn tiles(context: &mut Context<'_>, chain: &Chain, size: u64) -> Result<(), Interrupted> {
    let mut seen = BTreeSet::new();
    for tile in Tile::all(size) {
        seen.insert(tile);
        if !is_there(context, chain, tile)? {
            // A full one takes the place of partial ones, also of those of an earlier checkpoint.
            let has_full = !tile.is_full() && seen.insert(tile.full()) && is_there(context, chain, tile.full())?;
            if !has_full {
                let said = Text::new(
                    "a file of the log, which its checkpoint stands for, is not there",
                    "eine Datei des Protokolls, für die sein Prüfpunkt steht, ist nicht da",
                );
                context.findings.tell(Fault::new(FaultKind::Missing, Subject::Tile, tile.key(), said));
            }
        }
    }
    // Partial ones of earlier checkpoints, by which whoever has such a checkpoint reads the log.
    for name in context.list("ledger/tile")?.unwrap_or_default() {
        let tile = name.strip_prefix("ledger/").and_then(|name| name.parse::<Tile>().ok());
        if let Some(tile) = tile.filter(|tile| seen.insert(*tile)) {
            is_there(context, chain, tile)?;
        }
    }
    Ok(())
}

/// Whether there is something in the place of a file of the log. That it has other bytes is told.
fn is_there(context: &mut Context<'_>, chain: &Chain, tile: Tile) -> Result<bool, Interrupted> {
    let key = tile.key();
    let there = match context.get(Subject::Tile, &key, MAX_BUNDLE)? {
        Got::There(there) => there,
        Got::Unreadable => return Ok(true),
        Got::Absent => return Ok(false),
    };
    context.findings.counts.tiles += 1;
    if !is_right(chain, tile, &there) {
        let said = Text::new(
            "a file of the log does not have the entries or hashes that the log has",
            "eine Datei des Protokolls hat nicht die Einträge oder Prüfsummen, die das Protokoll hat",
        );
        context.findings.tell(Fault::new(FaultKind::Changed, Subject::Tile, key, said));
    }
    Ok(true)
}

/// Whether a file of the log has what the log has.
fn is_right(chain: &Chain, tile: Tile, there: &[u8]) -> bool {
    let first = tile.index() * 256;
    let places = first..first + u64::from(tile.width());
    match tile.content() {
        Content::Entries => entries(tile, there).is_ok_and(|entries| {
            entries
                .iter()
                .zip(places)
                .all(|(entry, place)| chain.leaves.get(place as usize) == Some(&Hash::of_leaf(entry)))
        }),
        Content::Hashes(level) => {
            let mut leaves = Leaves(&chain.leaves);
            let mut expected = Vec::with_capacity(there.len());
            for index in places {
                let Ok(hash) = leaves.hash(Node { level: 8 * u32::from(level), index });
                expected.extend_from_slice(&hash.0);
            }
            expected == there
        }
    }
}
