//! The versions of a table's index that the log names: each with the digest of its entry, after the one before it, without a gap.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::chain::{Chain, Logged, changed};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::names::TableId;
use crate::digest::Digest;
use crate::publish::index::{self, ActKind, TableIndex};
use crate::publish::log;
use crate::text::Text;
use crate::time::ServiceDate;

/// Bytes of a version of an index: a hundred years of days have twenty million.
pub(super) const LONGEST: usize = 24 << 20;
/// Bytes that a version has more than twice those of the one before it, at most: it names a few files more.
const GROWTH: usize = 4 << 20;
/// Versions after the last one in the log that are looked at.
const AFTER: u64 = 10_000;

/// A file that a version named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub bytes: u64,
    pub sha256: Digest,
    /// Of a file of a day.
    pub date: Option<ServiceDate>,
    /// The first version that named it, and the last one.
    pub version: u64,
    pub last: u64,
}

/// What a record must say, since a version came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub record: Digest,
    pub id: TableId,
    pub version: u64,
    pub date: ServiceDate,
    /// What a person did; none of a run's release.
    pub act: Option<ActKind>,
    /// The file that the version released.
    pub file: Option<(String, Digest)>,
}

/// What the pages of the log say of an entry beside the entry itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    pub at: Option<Timestamp>,
    pub date: Option<ServiceDate>,
    pub act: &'static str,
}

/// A table as its versions tell it.
#[derive(Debug)]
pub(super) struct Table {
    pub id: TableId,
    /// The newest version that is there and can be read.
    pub newest: Option<TableIndex>,
    /// A fault of one of its versions is told, so that what does not agree with it follows from that.
    pub is_faulty: bool,
    /// The newest version that is there is the last one of the log, whatever is wrong with those before it.
    pub is_newest_sound: bool,
    /// By path.
    pub files: BTreeMap<String, Named>,
    /// Paths that the newest version names which is not the one of the log: what it does not name follows from that.
    pub disputed: Option<BTreeSet<String>>,
}

impl Table {
    /// Whether a file is gone because a version is another one than the log says.
    pub(super) fn is_disputed(&self, path: &str) -> bool {
        self.disputed.as_ref().is_some_and(|named| !named.contains(path))
    }

    /// Whether a withdrawal deleted a file, and no version after it has named it again.
    pub(super) fn is_withdrawn(&self, path: &str) -> bool {
        let tombstones = self.newest.iter().flat_map(|newest| newest.withdrawn.values());
        let of = tombstones.filter(|of| of.files.iter().any(|file| file.path == path)).map(|of| of.version).max();
        of.is_some_and(|version| self.files.get(path).is_none_or(|named| named.last < version))
    }
}

/// What all tables say together.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub all: Vec<Table>,
    pub claims: Vec<Claim>,
    /// By the place of the entry in the log.
    pub details: BTreeMap<u64, Detail>,
}

/// A version whose digest is not that of its entry.
#[derive(Debug)]
struct Mismatch {
    table: usize,
    logged: Logged,
    /// The version after it, which is as the log has it, or the heads of the log name the digest that it has.
    is_confirmed: bool,
}

impl Tables {
    /// Reads all versions of all tables of the log.
    pub(super) fn read(context: &mut Context<'_>, chain: &mut Chain) -> Result<Self, Interrupted> {
        let (mut tables, mut mismatches) = (Self::default(), Vec::new());
        let logged = std::mem::take(&mut chain.tables);
        let (listed, none) = (listed(context)?, BTreeSet::new());
        for (id, entries) in &logged {
            let mut one = OneTable::new(id, tables.all.len());
            let listed = listed.as_ref().map(|all| all.get(id).unwrap_or(&none));
            one.read(context, chain, (entries, listed), &mut tables)?;
            mismatches.append(&mut one.mismatches);
            tables.all.push(one.table);
        }
        context.findings.counts.tables = tables.all.len() as u64;
        tables.blame(context, chain, &mismatches);
        chain.tables = logged;
        Ok(tables)
    }

    /// Says of versions that do not agree with the log which of the two was changed.
    fn blame(&mut self, context: &mut Context<'_>, chain: &mut Chain, mismatches: &[Mismatch]) {
        let mut told = BTreeSet::new();
        for Mismatch { table, logged, is_confirmed } in mismatches {
            let number = logged.log_version;
            self.all[*table].is_faulty = true;
            let is_signed = chain.is_signed(number);
            if !is_signed && (chain.bad.contains(&number) || context.findings.is_told(&log::key(number))) {
                continue;
            }
            let is_suspect = !is_signed && chain.suspects.remove(&number);
            if is_suspect || *is_confirmed && !is_signed {
                chain.bad.insert(number);
                context.findings.tell(changed(
                    number,
                    "its entries are not those that the versions of indexes and the next version of the log agree on",
                    "ihre Einträge sind nicht die, auf die sich die Versionen der Indexe und die nächste Version des \
                     Protokolls einigen",
                ));
                continue;
            }
            let table = &self.all[*table];
            let path = index::index_key(&table.id.dataset, &table.id.table, logged.version);
            // Versions after a changed one that were made to follow it are of the same cause.
            if told.insert(table.id.clone()) {
                let (id, version, place) = (&table.id, logged.version, logged.place);
                let said = Text::new(
                    format!(
                        "version {version} of the index of {id} has other bytes than entry {place} of the log says"
                    ),
                    format!(
                        "Version {version} des Index von {id} hat andere Bytes, als Eintrag {place} des Protokolls sagt"
                    ),
                );
                context
                    .findings
                    .tell(Fault::new(FaultKind::Changed, Subject::Index, path, said).of_table(id).of_version(version));
            }
        }
    }
}

/// The versions of indexes that a listing names; nothing where names cannot be listed.
fn listed(context: &mut Context<'_>) -> Result<Option<BTreeMap<TableId, BTreeSet<u64>>>, Interrupted> {
    let Some(names) = context.list("meta")? else { return Ok(None) };
    let mut all: BTreeMap<TableId, BTreeSet<u64>> = BTreeMap::new();
    for name in &names {
        let parts: Vec<&str> = name.split('/').collect();
        let ["meta", dataset, table, "index", file] = parts.as_slice() else { continue };
        let number = file.strip_prefix('v').and_then(|file| file.strip_suffix(".json")?.parse().ok());
        let number = number.filter(|number| index::index_key(dataset, table, *number) == *name);
        if let Some((id, number)) = TableId::new(dataset, table).zip(number) {
            all.entry(id).or_default().insert(number);
        }
    }
    Ok(Some(all))
}

/// Says of versions of the log that do not follow each other which was changed. Called when all that their entries name was looked at: what
/// disagrees with it was told then.
pub(super) fn blame_log(context: &mut Context<'_>, chain: &mut Chain) {
    let suspects = std::mem::take(&mut chain.suspects);
    for number in &suspects {
        let next = number + 1;
        let is_told = |number| chain.bad.contains(&number) || context.findings.is_told(&log::key(number));
        if is_told(*number) || is_told(next) {
            continue;
        }
        // One that neither names the one before it nor is named by the one after it, or that nothing names.
        let is_next = suspects.contains(&next) || !chain.begins.contains_key(&(next + 1));
        let (blamed, en, de) = match is_next {
            true => (
                next,
                "it names another digest of the version before it than that has",
                "sie nennt eine andere Prüfsumme der Version vor ihr, als diese hat",
            ),
            false => (
                *number,
                "it has another digest than the version after it names",
                "sie hat eine andere Prüfsumme, als die Version nach ihr nennt",
            ),
        };
        chain.bad.insert(blamed);
        context.findings.tell(changed(blamed, en, de));
    }
}

/// One table while it is read.
struct OneTable {
    table: Table,
    place: usize,
    mismatches: Vec<Mismatch>,
    /// The digest of the version that was read last, and its number.
    before: Option<(u64, Digest)>,
    /// Bytes of the next version at most, by those that were read.
    longest: usize,
    missing: Vec<u64>,
}

impl OneTable {
    fn new(id: &TableId, place: usize) -> Self {
        let table = Table {
            id: id.clone(),
            newest: None,
            is_faulty: false,
            is_newest_sound: false,
            files: BTreeMap::new(),
            disputed: None,
        };
        Self { table, place, mismatches: Vec::new(), before: None, longest: GROWTH, missing: Vec::new() }
    }

    fn key(&self, version: u64) -> String {
        index::index_key(&self.table.id.dataset, &self.table.id.table, version)
    }

    fn tell(&mut self, context: &mut Context<'_>, kind: FaultKind, version: u64, said: Text) {
        self.table.is_faulty = true;
        let fault = Fault::new(kind, Subject::Index, self.key(version), said);
        context.findings.tell(fault.of_table(&self.table.id).of_version(version));
    }

    fn read(
        &mut self,
        context: &mut Context<'_>,
        chain: &Chain,
        (entries, listed): (&[Logged], Option<&BTreeSet<u64>>),
        tables: &mut Tables,
    ) -> Result<(), Interrupted> {
        let id = self.table.id.clone();
        let mut versions: BTreeMap<u64, &Logged> = BTreeMap::new();
        for logged in entries {
            let version = logged.version;
            if let Some(first) = versions.get(&version).filter(|of| of.index == logged.index)
                && !chain.is_doubtful(logged.log_version)
            {
                let (place, number) = (logged.place, logged.log_version);
                let is_signed = place < chain.signed;
                let (en, de) = match is_signed {
                    true => ("", ""),
                    false => (
                        ", and no checkpoint stands for it. This program never does that: somebody else may have written it",
                        ", und kein Prüfpunkt steht dafür. Dieses Programm tut das nie: Jemand anderes kann sie geschrieben haben",
                    ),
                };
                let said = Text::new(
                    format!(
                        "entry {place} names version {version} of {id} again, which entry {} has named before{en}",
                        first.place
                    ),
                    format!(
                        "Eintrag {place} nennt Version {version} von {id} noch einmal, die schon Eintrag {} nennt{de}",
                        first.place
                    ),
                );
                let fault = Fault::new(FaultKind::Changed, Subject::Log, log::key(number), said);
                context.findings.tell(fault.of_version(number));
                continue;
            }
            match versions.get(&version) {
                Some(other) if other.index != logged.index && chain.is_doubtful(other.log_version) => {}
                Some(other) if other.index != logged.index && chain.is_doubtful(logged.log_version) => continue,
                Some(other) if other.index != logged.index => {
                    let said = Text::new(
                        format!(
                            "version {version} of the index of {id} was exchanged after it came into the log, which has both"
                        ),
                        format!(
                            "Version {version} des Index von {id} wurde ausgetauscht, nachdem sie ins Protokoll kam: Es nennt beide"
                        ),
                    );
                    self.tell(context, FaultKind::Changed, version, said);
                }
                _ => {}
            }
            versions.insert(version, logged);
        }
        let mut expected = 1;
        for (version, logged) in &versions {
            if *version > expected && !chain.has_doubtful() {
                self.tell_unlogged(context, expected)?;
            }
            expected = version + 1;
            self.version(context, chain, logged, tables)?;
        }
        let last = versions.keys().next_back().copied().unwrap_or(0);
        self.tell_missing(context, last);
        let newest = self.table.newest.as_ref().map(|newest| newest.version);
        let is_doubtful = versions.get(&last).is_none_or(|of| chain.is_doubtful(of.log_version));
        self.table.is_newest_sound = newest == Some(last) && !is_doubtful;
        self.after(context, chain, last, listed)
    }

    /// A version that no entry names, before one that an entry names.
    fn tell_unlogged(&mut self, context: &mut Context<'_>, version: u64) -> Result<(), Interrupted> {
        if let Got::There(_) = context.get(Subject::Index, &self.key(version), self.longest)? {
            let id = &self.table.id;
            let said = Text::new(
                format!("version {version} of the index of {id} is there, and the log has no entry of it"),
                format!("Version {version} des Index von {id} ist da, und das Protokoll hat keinen Eintrag davon"),
            );
            self.tell(context, FaultKind::NotInLog, version, said);
        }
        Ok(())
    }

    /// A version that the log names.
    fn version(
        &mut self,
        context: &mut Context<'_>,
        chain: &Chain,
        logged: &Logged,
        tables: &mut Tables,
    ) -> Result<(), Interrupted> {
        let (version, key) = (logged.version, self.key(logged.version));
        let bytes = match context.get(Subject::Index, &key, self.longest)? {
            Got::There(bytes) => bytes,
            Got::Absent if chain.is_doubtful(logged.log_version) => {
                self.table.is_faulty = true;
                return Ok(());
            }
            Got::Absent => {
                self.missing.push(version);
                return Ok(());
            }
            Got::Unreadable => {
                self.table.is_faulty = true;
                return Ok(());
            }
        };
        context.findings.counts.index_versions += 1;
        self.longest = self.longest.max(2 * bytes.len() + GROWTH).min(LONGEST);
        let digest = Digest::of(&bytes);
        let before = self.before.replace((version, digest));
        let parsed: Result<TableIndex, _> = serde_json::from_slice(&bytes);
        let is_right = digest == logged.index;
        if is_right
            && let Some(last) = self.mismatches.last_mut()
            && last.logged.version + 1 == version
            && let Ok(index) = &parsed
        {
            last.is_confirmed = before.is_some_and(|(_, digest)| index.previous == Some(digest));
        }
        if !is_right {
            let head = chain.heads.get(&self.table.id.to_string());
            let is_confirmed = head.is_some_and(|head| head.version == version && head.sha256 == digest);
            self.mismatches.push(Mismatch { table: self.place, logged: *logged, is_confirmed });
        }
        let index = match parsed {
            Ok(index) => index,
            Err(_) if !is_right => return Ok(()),
            Err(error) => {
                let said = Text::new(
                    format!(
                        "version {version} of the index cannot be understood ({error}): a newer version of this program may \
                         have written it"
                    ),
                    format!(
                        "Version {version} des Index ist nicht zu verstehen (Meldung des Programms: {error}): Eine neuere Version dieses Programms \
                         kann sie geschrieben haben"
                    ),
                );
                self.tell(context, FaultKind::Unreadable, version, said);
                return Ok(());
            }
        };
        if is_right {
            self.right(context, &index, logged, before, tables);
            self.take(index);
        } else {
            let months = index.months.into_iter().map(|month| month.path);
            self.table.disputed = Some(index.files.into_iter().map(|file| file.path).chain(months).collect());
        }
        Ok(())
    }

    /// Looks at a version that has the bytes of its entry.
    fn right(
        &mut self,
        context: &mut Context<'_>,
        index: &TableIndex,
        logged: &Logged,
        before: Option<(u64, Digest)>,
        tables: &mut Tables,
    ) {
        let (id, version) = (self.table.id.clone(), logged.version);
        let is_of_table =
            (index.dataset.as_str(), index.table.as_str(), index.version) == (&*id.dataset, &*id.table, version);
        let follows = match before {
            Some((number, digest)) if number + 1 == version => {
                // A version before it that is not the one of the log is told as that.
                self.mismatches.last().is_some_and(|last| last.logged.version == number)
                    || index.previous == Some(digest)
            }
            _ => (version == 1) == index.previous.is_none(),
        };
        if !is_of_table || !follows {
            let said = Text::new(
                format!("version {version} of the index of {id} does not follow the one before it"),
                format!("Version {version} des Index von {id} folgt nicht auf die davor"),
            );
            self.tell(context, FaultKind::Changed, version, said);
        }
        let release = index.release.as_ref();
        let act = release.and_then(|release| release.act.as_ref());
        tables.details.insert(
            logged.place,
            Detail {
                at: release.map(|release| release.at),
                date: release.map(|release| release.date),
                act: act.map_or("release", |act| act.kind.word()),
            },
        );
        let (Some(release), Some(record)) = (release, logged.record) else { return };
        let file = index.file_of(release.date).filter(|_| act.is_none());
        let named = act.map(|act| &act.record).or_else(|| file.map(|file| &file.record));
        if named.is_some_and(|named| *named != crate::ledger::record_key(&record)) {
            context.findings.tell(changed(
                logged.log_version,
                "an entry names another record than the version of the index that it names",
                "ein Eintrag nennt einen anderen Beleg als die Version des Index, die er nennt",
            ));
            return;
        }
        tables.claims.push(Claim {
            record,
            id,
            version,
            date: release.date,
            act: act.map(|act| act.kind),
            file: file.map(|file| (file.path.clone(), file.sha256)),
        });
    }

    /// Takes the files of a version, which is the newest so far.
    fn take(&mut self, index: TableIndex) {
        let version = index.version;
        let days = index.files.iter().map(|file| (&file.path, file.bytes, file.sha256, Some(file.partition_date)));
        let months = index.months.iter().map(|month| (&month.path, month.bytes, month.sha256, None));
        for (path, bytes, sha256, date) in days.chain(months) {
            match self.table.files.get_mut(path) {
                Some(named) => named.last = version,
                None => {
                    let named = Named { bytes, sha256, date, version, last: version };
                    self.table.files.insert(path.clone(), named);
                }
            }
        }
        self.table.newest = Some(index);
    }

    /// Versions that are in the log and not there: the newest were rolled back, others are gaps.
    fn tell_missing(&mut self, context: &mut Context<'_>, last: u64) {
        let missing: BTreeSet<u64> = std::mem::take(&mut self.missing).into_iter().collect();
        let mut end = last + 1;
        while end > 1 && missing.contains(&(end - 1)) {
            end -= 1;
        }
        let id = self.table.id.clone();
        if end <= last {
            let said = Text::new(
                format!(
                    "the log has {last} versions of {id}, and those from {end} on are gone: an older one stands as the newest"
                ),
                format!(
                    "das Protokoll hat {last} Versionen von {id}, und die ab {end} sind weg: Eine ältere steht als neueste da"
                ),
            );
            self.tell(context, FaultKind::RolledBack, end, said);
        }
        let mut gaps = missing.into_iter().filter(|version| *version < end).peekable();
        while let Some(first) = gaps.next() {
            let mut last = first;
            while let Some(next) = gaps.next_if_eq(&(last + 1)) {
                last = next;
            }
            let said = match last - first {
                0 => Text::new(
                    format!("version {first} of the index of {id} is not there, and later ones are"),
                    format!("Version {first} des Index von {id} ist nicht da, spätere sind es"),
                ),
                _ => Text::new(
                    format!("versions {first} to {last} of the index of {id} are not there, and later ones are"),
                    format!("die Versionen {first} bis {last} des Index von {id} sind nicht da, spätere sind es"),
                ),
            };
            self.tell(context, FaultKind::Gap, first, said);
        }
    }

    /// Versions after the last one in the log: those that follow it, and where names can be listed those after a hole, too.
    fn after(
        &mut self,
        context: &mut Context<'_>,
        chain: &Chain,
        last: u64,
        listed: Option<&BTreeSet<u64>>,
    ) -> Result<(), Interrupted> {
        let id = self.table.id.clone();
        let mut count = 0;
        while count < AFTER && listed.is_none_or(|all| all.contains(&(last + 1 + count))) {
            let Got::There(bytes) = context.get(Subject::Index, &self.key(last + 1 + count), self.longest)? else {
                break;
            };
            count += 1;
            let parsed: Option<TableIndex> = serde_json::from_slice(&bytes).ok();
            if let Some(index) = parsed.filter(|index| index.version == last + count && index.dataset == id.dataset) {
                self.take(index);
            }
        }
        let after = listed.into_iter().flat_map(|all| all.range(last + 1..));
        let first = after.clone().next().copied().unwrap_or(last + 1);
        let count = count.max(after.count() as u64);
        if count == 0 {
            return Ok(());
        }
        self.table.is_newest_sound &= first > last + 1;
        // The log was cut, or lost what named them: that is told.
        if chain.has_doubtful() || context.findings.lack_entries() {
            self.table.is_faulty = true;
            return Ok(());
        }
        let said = Text::new(
            format!("version {first} of the index of {id} is there ({count} in all), and the log has no entry of it"),
            format!(
                "Version {first} des Index von {id} ist da (insgesamt {count}), und das Protokoll hat keinen Eintrag davon"
            ),
        );
        self.tell(context, FaultKind::NotInLog, first, said);
        Ok(())
    }
}
