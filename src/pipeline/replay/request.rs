//! Which records of runs a release stands on.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::ledger::record::Kind;
use crate::ledger::{ActRecord, ActTable, FileEntry, PurgeRecord, RunRecord, record_key};
use crate::pipeline::purged::PurgedWhat;
use crate::pipeline::recorded;
use crate::pipeline::replay::answer::ActSaid;
use crate::pipeline::replay::reason::{Reason, ReplayError};
use crate::pipeline::run::releases::{DueMonth, changed_dates};
use crate::publication::DATASET;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Act, ActKind, IndexFile, Month, MonthFile, TableIndex, Tombstone};
use crate::publish::log::Heads;
use crate::time::ServiceDate;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Version {
        dataset: String,
        table: String,
        version: u64,
    },
    /// The current release of a date.
    Date {
        dataset: String,
        table: String,
        date: ServiceDate,
    },
    Record(Digest),
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version { dataset, table, version } => write!(f, "{dataset}/{table}@{version}"),
            Self::Date { dataset, table, date } => write!(f, "{dataset}/{table} {date}"),
            Self::Record(digest) => f.write_str(&record_key(digest)),
        }
    }
}

/// A file that is to come out again.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub table: String,
    pub file: FileEntry,
}

/// What a release stands on.
#[derive(Default)]
pub(super) struct Found {
    pub act: Option<ActSaid>,
    /// By the key of the record, the files of it that are asked for; all that it names where there are none.
    pub runs: BTreeMap<String, Option<Vec<Expected>>>,
    pub months: Vec<(DueMonth, MonthFile)>,
    pub unable: Vec<Reason>,
}

impl Found {
    fn add(&mut self, table: &str, file: &IndexFile) {
        let entry = FileEntry { path: file.path.clone(), rows: file.rows, bytes: file.bytes, sha256: file.sha256 };
        let of_run = self.runs.entry(file.record.clone()).or_insert_with(|| Some(Vec::new()));
        of_run.get_or_insert_default().push(Expected { table: table.to_owned(), file: entry });
    }
}

/// Finds what a release stands on.
///
/// # Errors
/// There is no such release, or the bucket cannot be read.
pub(super) fn find(bucket: &Bucket, asked: &Asked) -> Result<Found, ReplayError> {
    match asked {
        Asked::Record(digest) => of_record(bucket, &record_key(digest)),
        Asked::Version { dataset, table, .. } | Asked::Date { dataset, table, .. } => {
            let newest = Heads::read(bucket)?.current(bucket, dataset, table)?.ok_or_else(|| {
                ReplayError::Usage(format!(
                    "nothing of {dataset}/{table} is published. 'fahrtenbuch releases list' tells the tables that are"
                ))
            })?;
            if dataset == DATASET {
                return Ok(Found { unable: vec![of_publication()], ..Found::default() });
            }
            match asked {
                Asked::Date { date, .. } => of_date(&newest, *date),
                Asked::Version { version, .. } => of_version(bucket, &newest, *version),
                Asked::Record(_) => Ok(Found::default()),
            }
        }
    }
}

fn of_publication() -> Reason {
    Reason::new(
        "publication",
        "the tables that tell what was published are made of indexes and records, and of no evidence: 'fahrtenbuch publish --rebuild' makes \
         them again, and each row names its record",
        "Die Tabellen darüber, was veröffentlicht wurde, entstehen aus Indexen und Belegen der Läufe und nicht aus Aufzeichnungen der Quellen: \
         'fahrtenbuch publish --rebuild' erzeugt sie neu, und jede Zeile nennt ihren Beleg",
    )
}

fn of_date(newest: &TableIndex, date: ServiceDate) -> Result<Found, ReplayError> {
    let mut found = Found::default();
    match (newest.file_of(date), newest.tombstone(date)) {
        (Some(file), _) => found.add(&newest.table, file),
        (None, Some(tombstone)) => found.unable.push(withdrawn(date, tombstone)),
        (None, None) => {
            let TableIndex { dataset, table, .. } = newest;
            return Err(ReplayError::Usage(format!(
                "{dataset}/{table} has no release of {date}. 'fahrtenbuch releases list {dataset}/{table}' lists its versions"
            )));
        }
    }
    Ok(found)
}

fn of_version(bucket: &Bucket, newest: &TableIndex, version: u64) -> Result<Found, ReplayError> {
    let TableIndex { dataset, table, version: last, .. } = newest;
    if version == 0 || version > *last {
        return Err(ReplayError::Usage(format!(
            "{dataset}/{table} has no version {version}: the newest is {last}. 'fahrtenbuch releases list {dataset}/{table}' lists them"
        )));
    }
    let read = |version| Ok::<_, ReplayError>(index::read_version(bucket, dataset, table, version)?.0);
    let index = read(version)?;
    let before = if version > 1 { Some(read(version - 1)?) } else { None };
    let mut found = Found::default();
    let release = index.release.as_ref();
    let act = release.and_then(|release| Some((release.at, release.act.as_ref()?)));
    found.act = act.map(|(at, act)| ActSaid { at: Some(at), ..said(act) });
    if let Some((_, Act { kind: ActKind::Compaction, .. })) = act {
        let known = |month: &&MonthFile| before.as_ref().is_none_or(|before| !before.months.contains(month));
        found.months =
            index.months.iter().filter(known).map(|month| (due(&index, month.month), month.clone())).collect();
        return Ok(found);
    }
    for date in changed_dates(before.as_ref(), &index) {
        match (index.file_of(date), index.withdrawn.get(&date)) {
            (Some(file), _) => found.add(table, file),
            (None, Some(tombstone)) => found.unable.push(withdrawn(date, tombstone)),
            (None, None) => found.unable.push(Reason::new(
                "taken_back",
                format!("from this version on {date} has no file: the run found that the date has no such table, or went back to before it had one"),
                format!("Seit dieser Version hat {date} keine Datei: Der Lauf fand, dass der Tag keine solche Tabelle hat, oder es ging zurück zu davor"),
            )),
        }
    }
    if let (Some(act), true) = (&found.act, found.runs.is_empty() && found.unable.is_empty()) {
        found.unable.push(no_release(&act.kind));
    }
    Ok(found)
}

fn said(act: &Act) -> ActSaid {
    ActSaid {
        kind: act.kind.word().to_owned(),
        at: None,
        by: Some(act.by.clone()),
        reason: Some(act.reason.clone()),
        to: act.to,
        dates: act.dates.iter().copied().collect(),
        record: act.record.clone(),
    }
}

fn due(index: &TableIndex, month: Month) -> DueMonth {
    let days = index.files.iter().filter(|file| Month::of(file.partition_date) == month).cloned().collect();
    DueMonth { dataset: index.dataset.clone(), table: index.table.clone(), month, days }
}

fn withdrawn(date: ServiceDate, tombstone: &Tombstone) -> Reason {
    let Tombstone { by, at, reason, record, .. } = tombstone;
    Reason::new(
        "withdrawn",
        format!(
            "{date} was withdrawn at {at} by {by}: {reason}. The record {record} names the files that were deleted"
        ),
        format!(
            "{date} wurde am {at} von {by} zurückgezogen: {reason}. Der Beleg {record} nennt die Dateien, die gelöscht wurden"
        ),
    )
}

fn no_release(kind: &str) -> Reason {
    Reason::new(
        "no_release",
        format!("a {kind} makes no file: there is nothing to make again. Ask for the release that it is about"),
        format!(
            "'{kind}' erzeugt keine Datei: Es gibt nichts nachzubilden. Fragen Sie nach der Veröffentlichung, um die es geht"
        ),
    )
}

fn of_record(bucket: &Bucket, key: &str) -> Result<Found, ReplayError> {
    let Some(bytes) = recorded::read(bucket, key)? else {
        // Nobody can ask for what never was; other bytes under the name of a digest are a fault of the ledger.
        if bucket.get(key)?.is_none() {
            return Err(ReplayError::Usage(format!("the bucket has no record '{key}'")));
        }
        return Ok(Found { unable: vec![changed(key)], ..Found::default() });
    };
    let format = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let format = format.as_ref().and_then(|value| value["format"].as_str()).unwrap_or_default();
    let mut found = Found::default();
    match Kind::of_format(format).map(|(kind, _)| kind) {
        Some(Kind::Run) => _ = found.runs.insert(key.to_owned(), None),
        Some(Kind::Purge) => found.unable.push(purge(key, &bytes)),
        Some(Kind::Publication) => found.unable.push(of_publication()),
        Some(kind @ (Kind::Rollback | Kind::Withdrawal | Kind::Lift | Kind::Gc | Kind::Compaction)) => {
            of_act(bucket, (key, kind), &bytes, &mut found)?;
        }
        Some(Kind::Decision | Kind::Import | Kind::KeyChange) | None => found.unable.push(Reason::new(
            "record",
            format!("'{key}' is the record of no release ('{format}')"),
            format!("'{key}' ist der Beleg keiner Veröffentlichung ('{format}')"),
        )),
    }
    Ok(found)
}

fn purge(key: &str, bytes: &[u8]) -> Reason {
    let Ok(record) = serde_json::from_slice::<PurgeRecord>(bytes) else { return unreadable(key) };
    let what = PurgedWhat::from(&record);
    let (gone, kept) = (what.destroyed(), what.kept());
    let PurgeRecord { date, purged_at, rule, decided, .. } = record;
    let (en, de) = match (rule, decided) {
        (Some(rule), _) => (format!("by '{rule}'"), format!("nach der Regel '{rule}'")),
        (None, Some(of)) => {
            (format!("as {} decided: {}", of.by, of.reason), format!("auf Entscheidung von {}: {}", of.by, of.reason))
        }
        (None, None) => {
            ("by a rule that it does not name".to_owned(), "nach einer Regel, die er nicht nennt".to_owned())
        }
    };
    let of = record.pipeline.map_or_else(String::new, |pipeline| format!("{pipeline} "));
    Reason::new(
        "purged",
        format!(
            "'{key}' is the record of a destruction: {} of {of}{date} were destroyed at {purged_at} {en}{}",
            gone.en, kept.en
        ),
        format!(
            "'{key}' belegt eine Vernichtung: {} von {of}{date} wurden am {purged_at} vernichtet, {de}{}",
            gone.de, kept.de
        ),
    )
}

/// A record is named by the digest of its bytes.
fn changed(key: &str) -> Reason {
    Reason::new(
        "record",
        format!(
            "the record '{key}' was changed: its bytes are not those whose digest its name is. Bring it back from a backup of the bucket; \
             'fahrtenbuch verify' tells what else is not what it was"
        ),
        format!(
            "Der Beleg '{key}' wurde geändert: Seine Bytes sind nicht die, deren Prüfsumme sein Name ist. Holen Sie ihn aus einer Sicherung \
             des Buckets zurück; 'fahrtenbuch verify' sagt, was noch anders ist, als es war"
        ),
    )
}

pub(super) fn unreadable(key: &str) -> Reason {
    Reason::new(
        "record",
        format!("the record '{key}' is gone, was changed, or has a form that this program does not know"),
        format!("Der Beleg '{key}' fehlt, wurde geändert oder hat eine Form, die dieses Programm nicht kennt"),
    )
}

/// What a record of an act is about: the files that are current again, or the months that are in one file.
fn of_act(bucket: &Bucket, (key, kind): (&str, Kind), bytes: &[u8], found: &mut Found) -> Result<(), ReplayError> {
    let Ok(record) = serde_json::from_slice::<ActRecord>(bytes) else {
        found.unable.push(unreadable(key));
        return Ok(());
    };
    let word = format!("{kind:?}").to_lowercase();
    let reason = record.reason.clone().or_else(|| record.rule.clone());
    found.act = Some(ActSaid {
        kind: word.clone(),
        at: Some(record.at),
        by: record.by.clone(),
        reason,
        to: record.tables.iter().find_map(|table| table.to),
        dates: record.tables.iter().flat_map(|table| table.dates.iter().copied()).collect(),
        record: key.to_owned(),
    });
    for of in &record.tables {
        match kind {
            Kind::Rollback => rolled_back(bucket, &record.dataset, of, found)?,
            Kind::Compaction => compacted(bucket, &record.dataset, of, found)?,
            _ => {}
        }
    }
    if found.runs.is_empty() && found.months.is_empty() && found.unable.is_empty() {
        found.unable.push(no_release(&word));
    }
    Ok(())
}

/// The version whose files are current again names the records of these.
fn rolled_back(bucket: &Bucket, dataset: &str, of: &ActTable, found: &mut Found) -> Result<(), ReplayError> {
    let Some(to) = of.to.filter(|to| *to > 0) else { return Ok(()) };
    let index = index::read_version(bucket, dataset, &of.table, to)?.0;
    for file in index.files.iter().filter(|file| of.files.iter().any(|other| other.path == file.path)) {
        found.add(&of.table, file);
    }
    Ok(())
}

/// The version after the one that was the newest names the months, and the days that they were made of.
fn compacted(bucket: &Bucket, dataset: &str, of: &ActTable, found: &mut Found) -> Result<(), ReplayError> {
    let Some(newest) = index::current(bucket, dataset, &of.table)? else { return Ok(()) };
    // Somebody else may have written a version in between.
    for version in of.version..=newest.version.min(of.version.saturating_add(100)) {
        if version == 0 {
            continue;
        }
        let index = index::read_version(bucket, dataset, &of.table, version)?.0;
        let is_its = |month: &&MonthFile| of.months.iter().any(|other| other.file.path == month.path);
        let months: Vec<&MonthFile> = index.months.iter().filter(is_its).collect();
        if !months.is_empty() {
            found.months.extend(months.into_iter().map(|month| (due(&index, month.month), month.clone())));
            return Ok(());
        }
    }
    Ok(())
}

/// The record of a run.
pub(super) fn run_record(bucket: &Bucket, key: &str) -> Result<Option<RunRecord>, ReplayError> {
    let is_run = |record: &RunRecord| Kind::of_format(&record.format).is_some_and(|(kind, _)| kind == Kind::Run);
    Ok(recorded::said::<RunRecord>(bucket, key)?.filter(is_run))
}
