//! The log: each version by the digest that the next one names, the places of its entries, and how far each table is logged.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Findings, Subject};
use super::names::{TableId, shown};
use crate::digest::Digest;
use crate::ledger::log::merkle::Hash;
use crate::publish::PublishError;
use crate::publish::log::{self, Entry, LogVersion, LoggedHead, RecordKind};
use crate::text::Text;

const FOLDER: &str = "ledger/log";
pub(super) const INDEX: &str = "ledger/index.json";
/// Bytes of a version of the log: ten thousand entries and the heads of a city's tables have fewer than four million.
const LONGEST: usize = 8 << 20;
/// Bytes of the view of the log: heads of tables and months.
const LONGEST_VIEW: usize = 4 << 20;
/// Versions of a log that are read where names cannot be listed: a hundred years of a release every hour.
const MOST: u64 = 1_000_000;
/// Versions that are looked for after one that is not there.
const LOOK_AHEAD: u64 = 50;
/// Versions one after the other that are none, after which no more are read.
const MOST_DAMAGED: u64 = 10;
/// Entries of a log, and versions of a table, beyond which a number is none of this program.
const LARGEST: u64 = 1 << 40;

/// An entry of a version of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Logged {
    /// From 0.
    pub place: u64,
    /// The version of the log that has it.
    pub log_version: u64,
    pub version: u64,
    pub index: Digest,
    pub record: Option<Digest>,
}

/// An entry of a record that no version names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoggedRecord {
    pub place: u64,
    pub log_version: u64,
    pub kind: RecordKind,
    pub record: Digest,
}

/// The log as it is read.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Hashes of all entries in their order.
    pub leaves: Vec<Hash>,
    /// No entry is lacking among them.
    pub is_whole: bool,
    pub tables: BTreeMap<TableId, Vec<Logged>>,
    pub records: Vec<LoggedRecord>,
    /// The newest version that is there.
    pub version: u64,
    /// The place of the first entry of each version that is there.
    pub begins: BTreeMap<u64, u64>,
    pub heads: BTreeMap<String, LoggedHead>,
    /// The newest versions by the entries alone, whatever versions say of them.
    pub newest: BTreeMap<String, LoggedHead>,
    /// So many entries are those of a checkpoint, so that no fault of their versions puts them in doubt.
    pub signed: u64,
    /// Versions that say what they said, in another form.
    reformatted: BTreeSet<u64>,
    /// Versions of which a fault is told, so that what does not agree with their entries follows from it.
    pub bad: BTreeSet<u64>,
    /// Versions whose digest is not the one that the next one names: this one was changed, or the next.
    pub suspects: BTreeSet<u64>,
}

/// What the next version must name: the end of this one and its digest.
type Before = Option<(u64, Digest)>;

impl Chain {
    /// Reads all versions.
    pub(super) fn read(context: &mut Context<'_>) -> Result<Self, Interrupted> {
        let mut chain = Self { is_whole: true, ..Self::default() };
        let (listed, view) = (listed(context)?, claimed(context)?);
        let claimed = view.version;
        match listed {
            Some(numbers) => chain.read_listed(context, &numbers)?,
            None => chain.read_on(context, claimed)?,
        }
        // Nothing that follows says what its entries were.
        if chain.reformatted.contains(&chain.version) {
            chain.bad.insert(chain.version);
        }
        // A view that names a later version and no more entries was changed itself.
        let is_longer = view.size > chain.leaves.len() as u64 || !chain.is_whole;
        let first = chain.version + 1;
        if claimed >= first && is_longer {
            let said = Text::new(
                format!(
                    "the log ends with version {}, and {INDEX} names version {claimed}: its end was cut off",
                    first - 1
                ),
                format!(
                    "das Protokoll endet mit Version {}, und {INDEX} nennt Version {claimed}: Sein Ende wurde abgeschnitten",
                    first - 1
                ),
            );
            let fault = Fault::new(FaultKind::RolledBack, Subject::Log, log::key(first), said);
            context.findings.tell(fault.of_version(first));
        }
        let counts = &mut context.findings.counts;
        (counts.log_versions, counts.entries) = (chain.begins.len() as u64, chain.leaves.len() as u64);
        Ok(chain)
    }

    /// The entries up to a version that cannot be read are not all known.
    fn lose(&mut self, number: u64) {
        self.bad.insert(number);
        self.is_whole = false;
    }

    /// Reads the versions that a listing names: as much as is there, whatever its names say.
    fn read_listed(&mut self, context: &mut Context<'_>, numbers: &BTreeSet<u64>) -> Result<(), Interrupted> {
        let mut before: Before = Some((0, Digest([0; 32])));
        let mut rest = numbers.iter().copied().peekable();
        while let Some(number) = rest.next_if(|number| *number == self.version + 1) {
            before = self.version(context, number, before)?.1;
        }
        let rest: Vec<u64> = rest.collect();
        // What was put there under a later number makes no gap of all that are before it.
        let mut last = None;
        for number in rest.iter().rev() {
            if self.may_follow(context, *number)? {
                last = Some(*number);
                break;
            }
        }
        for number in rest {
            if last.is_none_or(|last| number > last) {
                context.findings.tell(unlogged(number));
                continue;
            }
            if number > self.version + 1 {
                before = None;
            }
            before = self.version(context, number, before)?.1;
        }
        Ok(())
    }

    /// Whether a version after a gap can be one of this log: it says that entries are before it, as many as the versions there are at least.
    fn may_follow(&self, context: &mut Context<'_>, number: u64) -> Result<bool, Interrupted> {
        let Got::There(bytes) = context.get(Subject::Log, &log::key(number), LONGEST)? else { return Ok(true) };
        let least = self.leaves.len() as u64 + (number - self.version - 1);
        Ok(log::parse(&bytes, number).is_ok_and(|(read, _)| (least..LARGEST).contains(&read.size)))
    }

    /// Reads versions one after the other, where names cannot be listed.
    fn read_on(&mut self, context: &mut Context<'_>, claimed: u64) -> Result<(), Interrupted> {
        let mut before: Before = Some((0, Digest([0; 32])));
        let mut damaged = 0;
        for number in 1..=MOST {
            let (is_there, after) = self.version(context, number, before)?;
            before = after;
            if is_there {
                // Who answers whatever is asked is no log.
                damaged = if before.is_none() { damaged + 1 } else { 0 };
                if damaged > MOST_DAMAGED {
                    break;
                }
            } else if number >= claimed.min(self.version + LOOK_AHEAD) {
                break;
            }
        }
        Ok(())
    }

    /// Reads a version, and tells that those before it are not there which are not. Whether it is there, and what the next one must name.
    fn version(
        &mut self,
        context: &mut Context<'_>,
        number: u64,
        before: Before,
    ) -> Result<(bool, Before), Interrupted> {
        let got = context.get(Subject::Log, &log::key(number), LONGEST)?;
        if !matches!(got, Got::Absent) && number > self.version + 1 {
            self.tell_gap(context, self.version + 1, number - 1);
        }
        Ok(match got {
            Got::There(bytes) => {
                let after = self.add(context, number, &bytes, before);
                self.version = number;
                (true, after)
            }
            Got::Unreadable => {
                self.lose(number);
                self.version = number;
                (true, None)
            }
            Got::Absent => (false, None),
        })
    }

    /// Tells that versions are not there, and later ones are.
    fn tell_gap(&mut self, context: &mut Context<'_>, first: u64, last: u64) {
        self.lose(first);
        let said = match last - first {
            0 => Text::new(
                format!("version {first} of the log is not there, and later ones are"),
                format!("Version {first} des Protokolls ist nicht da, spätere sind es"),
            ),
            _ => Text::new(
                format!("versions {first} to {last} of the log are not there, and later ones are"),
                format!("die Versionen {first} bis {last} des Protokolls sind nicht da, spätere sind es"),
            ),
        };
        let fault = Fault::new(FaultKind::Gap, Subject::Log, log::key(first), said);
        context.findings.tell(fault.of_version(first));
    }

    /// Takes the entries of a version, and tells what is wrong with it.
    fn add(&mut self, context: &mut Context<'_>, number: u64, bytes: &[u8], before: Before) -> Before {
        let read = match log::parse(bytes, number) {
            Ok((read, _)) if read.size < LARGEST => read,
            Ok(_) => {
                self.lose(number);
                context.findings.tell(changed(
                    number,
                    "its size is none of a log",
                    "ihre Größe ist keine eines Protokolls",
                ));
                return None;
            }
            Err(error) => {
                self.lose(number);
                context.findings.tell(unparsed(number, &error));
                return None;
            }
        };
        // As it was written: another form of the same entries puts the versions around it in no doubt.
        let written = read.to_bytes();
        let digest = Digest::of(&written);
        let mut problem = self.problem(&read, number, before);
        if let Some((_, previous)) = before
            && number > 1
            && read.previous != Some(previous)
        {
            self.suspects.insert(number - 1);
        }
        if before.is_none() {
            self.is_whole = false;
        }
        // What a version says of its place is looked at above; one that is wrong spoils no other.
        let begin = before.map_or(read.size, |(end, _)| end);
        self.begins.insert(number, begin);
        for (place, entry) in (begin..).zip(&read.entries) {
            self.leaves.push(Hash::of_leaf(entry.to_string().as_bytes()));
            if !self.file(place, number, entry) {
                let problem_of_entry = ("an entry names no table of this program", "ein Eintrag nennt keine Tabelle");
                problem = problem.or(Some(problem_of_entry));
            }
        }
        let heads_are_known = before.is_some() && !self.bad.contains(&(number - 1));
        if heads_are_known && self.heads != read.heads {
            problem = problem.or(Some((
                "the newest versions of tables that it names are not those of its entries",
                "die neuesten Versionen der Tabellen, die sie nennt, sind nicht die ihrer Einträge",
            )));
        }
        self.heads.clone_from(&read.heads);
        if let Some((en, de)) = problem {
            self.bad.insert(number);
            context.findings.tell(changed(number, en, de));
        } else if written != bytes {
            self.reformatted.insert(number);
            context.findings.tell(changed(
                number,
                "it is not written as this program writes it",
                "sie ist nicht so geschrieben, wie dieses Programm sie schreibt",
            ));
        }
        Some((begin + read.entries.len() as u64, digest))
    }

    /// What is wrong with a version by itself and after the one before.
    fn problem(&self, read: &LogVersion, number: u64, before: Before) -> Option<(&'static str, &'static str)> {
        if before.is_some_and(|(end, _)| read.size != end) {
            return Some((
                "the place of its first entry is not the one after the last entry before it",
                "der Platz ihres ersten Eintrags ist nicht der nach dem letzten Eintrag davor",
            ));
        }
        if read.entries.is_empty() {
            return Some(("it has no entries", "sie hat keine Einträge"));
        }
        if (number == 1) != read.previous.is_none() {
            return Some(("only the first version names none before it", "nur die erste Version nennt keine vor ihr"));
        }
        None
    }

    /// Files an entry with its table; whether it can be.
    fn file(&mut self, place: u64, log_version: u64, entry: &Entry) -> bool {
        match entry {
            Entry::Release { dataset, table, version, index, record } => {
                let id = TableId::new(dataset, table).filter(|_| (1..LARGEST).contains(version));
                let Some(id) = id else { return false };
                let head = LoggedHead { version: *version, sha256: *index };
                self.heads.insert(id.to_string(), head);
                self.newest.insert(id.to_string(), head);
                let logged = Logged { place, log_version, version: *version, index: *index, record: *record };
                self.tables.entry(id).or_default().push(logged);
            }
            Entry::Record { kind, record } => {
                self.records.push(LoggedRecord { place, log_version, kind: *kind, record: *record });
            }
        }
        true
    }

    /// Whether all entries of a version are those of a checkpoint.
    pub(super) fn is_signed(&self, number: u64) -> bool {
        let end = self.begins.range(number + 1..).next().map_or(self.leaves.len() as u64, |(_, begin)| *begin);
        self.is_whole && end <= self.signed
    }

    /// Whether the entries of a version may be others than were written.
    pub(super) fn is_doubtful(&self, number: u64) -> bool {
        (self.bad.contains(&number) || self.suspects.contains(&number)) && !self.is_signed(number)
    }

    /// Whether there is such a version, so that an entry may be lacking.
    pub(super) fn has_doubtful(&self) -> bool {
        self.bad.iter().chain(&self.suspects).any(|number| !self.is_signed(*number))
    }

    /// Takes versions that were told to be others than were written for such: what follows from their entries is not certain.
    pub(super) fn doubt_told(&mut self, findings: &Findings) {
        let told = findings.faults.iter().filter(|of| of.what == Subject::Log && of.kind == FaultKind::Changed);
        let told = told.filter_map(|of| of.version).filter(|number| !self.reformatted.contains(number));
        self.bad.extend(told);
    }

    /// The version of the log that has the entry at a place.
    pub(super) fn version_at(&self, place: u64) -> u64 {
        self.begins.iter().rev().find(|(_, begin)| **begin <= place).map_or(1, |(version, _)| *version)
    }
}

/// The fault of a version of the log that has other bytes than it was written with.
pub(super) fn changed(number: u64, en: &str, de: &str) -> Fault {
    let said = Text::new(
        format!("version {number} of the log was changed: {en}"),
        format!("Version {number} des Protokolls wurde geändert: {de}"),
    );
    Fault::new(FaultKind::Changed, Subject::Log, log::key(number), said).of_version(number)
}

/// The fault of a version that cannot follow those that are there.
fn unlogged(number: u64) -> Fault {
    let said = Text::new(
        "a file has the name of a version of the log, and is none that can follow those that are there",
        "eine Datei heißt wie eine Version des Protokolls und ist keine, die auf die vorhandenen folgen kann",
    );
    Fault::new(FaultKind::NotInLog, Subject::Log, log::key(number), said).of_version(number)
}

fn unparsed(number: u64, error: &PublishError) -> Fault {
    match error {
        PublishError::Newer { problem, .. } => {
            let said = Text::new(
                format!(
                    "version {number} of the log was written by a newer version of this program ({problem}): use that"
                ),
                format!(
                    "Version {number} des Protokolls stammt von einer neueren Version dieses Programms (Meldung des Programms: {problem}): \
                     Nehmen Sie diese"
                ),
            );
            Fault::new(FaultKind::Unreadable, Subject::Log, log::key(number), said).of_version(number)
        }
        error => {
            let problem = match error {
                PublishError::Damaged { problem, .. } => shown(problem),
                other => shown(&other.to_string()),
            };
            let en = format!("it cannot be understood ({problem})");
            changed(number, &en, &format!("sie ist nicht zu verstehen (Meldung des Programms: {problem})"))
        }
    }
}

/// The versions that a listing names; nothing where names cannot be listed.
fn listed(context: &mut Context<'_>) -> Result<Option<BTreeSet<u64>>, Interrupted> {
    let Some(names) = context.list(FOLDER)? else { return Ok(None) };
    let number = |name: &String| {
        let digits = name.strip_prefix(FOLDER)?.strip_prefix("/v")?.strip_suffix(".json")?;
        digits.parse().ok().filter(|number| *number > 0 && *name == log::key(*number))
    };
    Ok(Some(names.iter().filter_map(number).collect()))
}

/// What the view of the log says of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Claimed {
    version: u64,
    size: u64,
}

/// How long the log is by its view; nothing without one.
fn claimed(context: &mut Context<'_>) -> Result<Claimed, Interrupted> {
    #[derive(Deserialize)]
    struct View {
        log: Claimed,
    }
    let Got::There(bytes) = context.get(Subject::View, INDEX, LONGEST_VIEW)? else { return Ok(Claimed::default()) };
    Ok(serde_json::from_slice::<View>(&bytes).map_or_else(|_| Claimed::default(), |view| view.log))
}
