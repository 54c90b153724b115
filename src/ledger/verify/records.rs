//! Records: each with the bytes that its name says, and saying of a version of a table what the version says of itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::chain::{Chain, changed};
use super::context::{Context, Got, Interrupted};
use super::fault::{Fault, FaultKind, Subject};
use super::tables::{Claim, Tables};
use crate::digest::Digest;
use crate::ledger::record::Kind;
use crate::ledger::{object_key, objects_of, record_key};
use crate::publish::index::ActKind;
use crate::publish::log::RecordKind;
use crate::text::Text;
use crate::time::ServiceDate;

/// Bytes of a record: one that names thousands of captures, rules and samples has some million.
pub(super) const LONGEST: usize = 16 << 20;

/// What is read of a record, whatever its form.
#[derive(Deserialize)]
struct Said {
    format: String,
    dataset: Option<String>,
    date: Option<ServiceDate>,
    inputs: Option<Sum>,
    #[serde(default)]
    tables: Vec<OfTable>,
    #[serde(default)]
    evidence: Vec<Evidence>,
    /// Of a collection.
    rule: Option<String>,
    at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Sum {
    sha256: Digest,
}

#[derive(Deserialize)]
struct OfTable {
    table: String,
    #[serde(default)]
    files: Vec<OfFile>,
}

#[derive(Deserialize)]
struct OfFile {
    path: String,
    sha256: Digest,
}

#[derive(Deserialize)]
struct Evidence {
    list: Option<String>,
}

/// How a file was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collected {
    pub sha256: Digest,
    /// `retention.superseded: 12 months`.
    pub rule: String,
    /// The day, by UTC.
    pub on: String,
}

/// What records say together.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Texts that records name, and one of the records that does.
    pub objects: BTreeMap<Digest, Digest>,
    /// Of runs of a date of a dataset: the sum over their inputs, which reports name, and their records.
    pub runs: BTreeMap<(String, ServiceDate), Vec<(Digest, Digest)>>,
    /// Files that were deleted by the rule of a workspace, as the log says.
    pub collected: BTreeMap<String, Collected>,
    /// Those that were looked at.
    seen: BTreeSet<Digest>,
}

impl Records {
    /// Reads the records that the log names, and all others where names can be listed.
    pub(super) fn read(context: &mut Context<'_>, chain: &Chain, tables: &Tables) -> Result<Self, Interrupted> {
        let mut records = Self::default();
        let mut claims: BTreeMap<Digest, Vec<&Claim>> = BTreeMap::new();
        for claim in &tables.claims {
            claims.entry(claim.record).or_default().push(claim);
        }
        for (record, claims) in &claims {
            records.one(context, record, claims)?;
        }
        for of in &chain.records {
            let is_known = !records.seen.insert(of.record);
            let key = record_key(&of.record);
            let is_signed = chain.is_signed(of.log_version);
            if is_known || !is_signed && chain.bad.contains(&of.log_version) {
                continue;
            }
            match read(context, &of.record)? {
                Found::Bytes(bytes) => {
                    let said = records.take(&of.record, &bytes);
                    if let Some(said) = said.filter(|_| of.kind == RecordKind::Gc) {
                        records.collect(said);
                    }
                }
                Found::Absent if !is_signed && chain.suspects.contains(&of.log_version) => {
                    context.findings.tell(changed(
                        of.log_version,
                        "an entry names a record that is not there",
                        "ein Eintrag nennt einen Beleg, der nicht da ist",
                    ))
                }
                Found::Absent => context.findings.tell(missing(&key, of.place)),
                Found::Told => {}
            }
        }
        records.listed(context)?;
        context.findings.counts.records = records.seen.len() as u64;
        Ok(records)
    }

    /// A record that versions of tables came of.
    fn one(&mut self, context: &mut Context<'_>, record: &Digest, claims: &[&Claim]) -> Result<(), Interrupted> {
        self.seen.insert(*record);
        let key = record_key(record);
        let Some(first) = claims.first() else { return Ok(()) };
        match read(context, record)? {
            Found::Bytes(bytes) => {
                let said = self.take(record, &bytes);
                let wrong = claims.iter().find(|claim| !said.as_ref().is_some_and(|said| agrees(said, claim)));
                if let Some(claim) = wrong {
                    let (id, version) = (&claim.id, claim.version);
                    let said = Text::new(
                        format!("the record does not say what version {version} of {id} says that came of it"),
                        format!("der Beleg sagt nicht das, was nach Version {version} von {id} aus ihm hervorging"),
                    );
                    context.findings.tell(of_claim(FaultKind::Changed, &key, said, claim));
                }
            }
            Found::Absent => {
                let (id, version) = (&first.id, first.version);
                let said = Text::new(
                    format!("the record of version {version} of {id} is not there"),
                    format!("der Beleg von Version {version} von {id} ist nicht da"),
                );
                context.findings.tell(of_claim(FaultKind::Missing, &key, said, first));
            }
            Found::Told => {}
        }
        Ok(())
    }

    /// Takes what a record says.
    fn take(&mut self, record: &Digest, bytes: &[u8]) -> Option<Said> {
        let said: Said = serde_json::from_slice(bytes).ok()?;
        let (kind, _) = Kind::of_format(&said.format)?;
        if kind == Kind::Run {
            let named = objects_of(bytes).map(|(_, objects)| objects).unwrap_or_default();
            let lists = said.evidence.iter().filter_map(|of| Digest::parse(of.list.as_ref()?.rsplit('/').next()?));
            for object in named.into_iter().chain(lists) {
                self.objects.entry(object).or_insert(*record);
            }
            if let (Some(dataset), Some(date), Some(inputs)) = (&said.dataset, said.date, &said.inputs) {
                self.runs.entry((dataset.clone(), date)).or_default().push((inputs.sha256, *record));
            }
        }
        Some(said)
    }

    /// Takes the files of a collection. One that the log does not name explains nothing: anybody can write a record.
    fn collect(&mut self, said: Said) {
        if !matches!(Kind::of_format(&said.format), Some((Kind::Gc, _))) {
            return;
        }
        let (rule, at) = (said.rule.unwrap_or_default(), said.at);
        let on = at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        for file in said.tables.into_iter().flat_map(|table| table.files) {
            let collected = Collected { sha256: file.sha256, rule: rule.clone(), on: on.clone() };
            // The last one is the one by which it went, if one before it was broken off.
            self.collected.insert(file.path, collected);
        }
    }

    /// Records and texts that nothing of the above names, such as those of runs that were held back: their names say what they must be.
    fn listed(&mut self, context: &mut Context<'_>) -> Result<(), Interrupted> {
        for name in context.list("ledger/records")?.unwrap_or_default() {
            let digest =
                name.strip_prefix("ledger/records/").and_then(|name| Digest::parse(name.strip_suffix(".json")?));
            let Some(digest) = digest.filter(|digest| record_key(digest) == name) else { continue };
            if self.seen.insert(digest)
                && let Found::Bytes(bytes) = read(context, &digest)?
            {
                self.take(&digest, &bytes);
            }
        }
        Ok(())
    }
}

enum Found {
    Bytes(bytes::Bytes),
    Absent,
    /// It is no record of this name, which is told.
    Told,
}

/// A record, if it has the bytes that its name says.
fn read(context: &mut Context<'_>, record: &Digest) -> Result<Found, Interrupted> {
    let key = record_key(record);
    Ok(match context.get(Subject::Record, &key, LONGEST)? {
        Got::There(bytes) if Digest::of(&bytes) == *record => Found::Bytes(bytes),
        Got::There(_) => {
            let said = Text::new(
                "the record has other bytes than its name says, which is their digest",
                "der Beleg hat andere Bytes, als sein Name sagt: Der ist ihre Prüfsumme",
            );
            context.findings.tell(Fault::new(FaultKind::Changed, Subject::Record, key, said));
            Found::Told
        }
        Got::Absent => Found::Absent,
        Got::Unreadable => Found::Told,
    })
}

fn missing(key: &str, place: u64) -> Fault {
    let said = Text::new(
        format!("the record that entry {place} of the log names is not there"),
        format!("der Beleg, den Eintrag {place} des Protokolls nennt, ist nicht da"),
    );
    Fault::new(FaultKind::Missing, Subject::Record, key, said)
}

fn of_claim(kind: FaultKind, key: &str, said: Text, claim: &Claim) -> Fault {
    let fault = Fault::new(kind, Subject::Record, key, said);
    fault.of_table(&claim.id).of_version(claim.version).of_date(Some(claim.date))
}

/// Whether a record says what a version says of itself.
fn agrees(said: &Said, claim: &Claim) -> bool {
    let Some((kind, _)) = Kind::of_format(&said.format) else { return false };
    match claim.act {
        Some(act) => {
            let is_kind = match act {
                ActKind::Rollback => kind == Kind::Rollback,
                // With what is withdrawn results are, which are of another dataset; a withdrawal may lift itself at once.
                ActKind::Withdrawal => kind == Kind::Withdrawal,
                ActKind::Lift => kind == Kind::Lift,
                ActKind::Compaction => kind == Kind::Compaction,
            };
            let is_of_dataset = said.dataset.as_ref() == Some(&claim.id.dataset);
            is_kind && (!is_of_dataset || said.tables.iter().any(|table| table.table == claim.id.table))
        }
        None => {
            let Some((path, sha256)) = &claim.file else { return true };
            let is_release = matches!(kind, Kind::Run | Kind::Publication);
            let mut tables = said.tables.iter().filter(|table| table.table == claim.id.table);
            let is_named =
                tables.any(|table| table.files.iter().any(|file| file.path == *path && file.sha256 == *sha256));
            is_release && is_named && said.dataset.as_ref() == Some(&claim.id.dataset) && said.date == Some(claim.date)
        }
    }
}

/// The texts that records name: there, with the bytes that their names say.
pub(super) fn objects(context: &mut Context<'_>, records: &Records) -> Result<(), Interrupted> {
    let listed = context.list("ledger/objects")?.unwrap_or_default();
    let others = listed.iter().filter_map(|name| Digest::parse(name.strip_prefix("ledger/objects/")?));
    let mut all: BTreeMap<Digest, Option<Digest>> = others.map(|digest| (digest, None)).collect();
    all.extend(records.objects.iter().map(|(object, record)| (*object, Some(*record))));
    for (object, record) in &all {
        let key = object_key(object);
        match (context.digest(Subject::Object, &key, LONGEST as u64)?, record) {
            (Got::There((bytes, digest)), _) if digest == *object && bytes <= LONGEST as u64 => {}
            (Got::There(_), _) => {
                let said = Text::new(
                    "the text has other bytes than its name says, which is their digest",
                    "der Text hat andere Bytes, als sein Name sagt: Der ist ihre Prüfsumme",
                );
                context.findings.tell(Fault::new(FaultKind::Changed, Subject::Object, key, said));
            }
            (Got::Absent, Some(record)) => {
                let record = record_key(record);
                let said = Text::new(
                    format!("the text is not there, and {record} names it"),
                    format!("der Text ist nicht da, und {record} nennt ihn"),
                );
                context.findings.tell(Fault::new(FaultKind::Missing, Subject::Object, key, said));
            }
            (Got::Absent | Got::Unreadable, _) => {}
        }
    }
    context.findings.counts.objects = all.len() as u64;
    Ok(())
}
