//! What runs and people changed: the versions of the indexes, those of one record as one change.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Sources, readable};
use crate::digest::Digest;
use crate::pipeline::run::releases::changed_dates;
use crate::portal::overview::{CHANGES, Change, ChangeKind, ChangedTable, Overview};
use crate::publish::PublishError;
use crate::publish::index::{self, ActKind, IndexColumn, Release, TableIndex};
use crate::time::ServiceDate;

/// The newest changes, the newest first, and the versions up to which they tell.
pub(super) fn changes(
    sources: &Sources<'_>,
    kept: Option<&Overview>,
) -> Result<(Vec<Change>, BTreeMap<String, u64>), PublishError> {
    let mut changes = kept.map(|kept| kept.changes.clone()).unwrap_or_default();
    let mut versions = BTreeMap::new();
    let newest: BTreeMap<&str, &TableIndex> =
        sources.tables.iter().map(|table| (table.index.table.as_str(), &table.index)).collect();
    // Tables that are not released any more are left out, as from all pages.
    for change in &mut changes {
        change.tables.retain(|of| newest.get(of.table.as_str()).is_some_and(|index| of.version <= index.version));
    }
    let mut without_record = Vec::new();
    for (table, index) in &newest {
        let done = kept.and_then(|kept| kept.versions.get(*table)).copied().unwrap_or(0).min(index.version);
        for version in new_versions(sources, index, done)? {
            add(&mut changes, &mut without_record, version);
        }
        versions.insert((*table).to_owned(), index.version);
    }
    // A run that takes a table of a date back leaves no file of it that would name the record: the run's other tables do.
    for change in without_record {
        let is_it = |other: &&mut Change| (other.at, &other.dates) == (change.at, &change.dates);
        if let Some(other) = changes.iter_mut().find(is_it) {
            put(other, change.tables);
        }
    }
    changes.retain(|change| !change.tables.is_empty());
    for change in &mut changes {
        hide_withdrawn(change, &newest);
        change.tables.sort_by(|one, other| one.table.cmp(&other.table));
    }
    changes.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| other.record.cmp(&one.record)));
    changes.truncate(CHANGES);
    Ok((changes, versions))
}

/// The versions of a table after `done`, at most as many as are told.
fn new_versions(sources: &Sources<'_>, newest: &TableIndex, done: u64) -> Result<Vec<Version>, PublishError> {
    let TableIndex { dataset, table, version: last, .. } = newest;
    let first = (done + 1).max(last.saturating_sub(CHANGES as u64 - 1));
    let mut found = Vec::new();
    if first > *last {
        return Ok(found);
    }
    let read = |version: u64| readable(index::read_version(sources.bucket, dataset, table, version).map(Some));
    let mut before = match first - 1 {
        0 => None,
        before => match index::known_before(sources.bucket, dataset, table, before)? {
            Some(known) => Some(known),
            None => read(before)?.map(|(index, _)| index),
        },
    };
    for version in first..=*last {
        let next = match index::last_digest(sources.bucket, newest).filter(|_| version == *last) {
            Some(digest) => Some((newest.clone(), digest)),
            None => read(version)?,
        };
        let Some((index, digest)) = next else {
            before = None;
            continue;
        };
        found.extend(Version::of(before.as_ref().filter(|_| version > 1), &index, digest));
        before = Some(index);
    }
    Ok(found)
}

/// A version as a change of one table.
struct Version {
    record: Option<String>,
    change: Change,
}

impl Version {
    /// None of a version that an earlier version of the program wrote, which does not say when.
    fn of(before: Option<&TableIndex>, index: &TableIndex, digest: Digest) -> Option<Self> {
        let Release { date, at, act, .. } = index.release.as_ref()?;
        let mut dates = changed_dates(before, index);
        match act {
            Some(act) => dates.extend(&act.dates),
            // Of what is before the first version that can be read nothing is known.
            None => dates = BTreeSet::from([*date]),
        }
        let kind = match act.as_ref().map(|act| act.kind) {
            Some(ActKind::Rollback) => ChangeKind::Rollback,
            Some(ActKind::Withdrawal) => ChangeKind::Withdrawal,
            Some(ActKind::Lift) => ChangeKind::Lift,
            Some(ActKind::Compaction) => ChangeKind::Compaction,
            None if index.is_provisional() => ChangeKind::ProvisionalRelease,
            None => ChangeKind::Release,
        };
        let record = match act {
            Some(act) => Some(act.record.clone()),
            None => index.file_of(*date).map(|file| file.record.clone()),
        };
        let rows: Vec<u64> = dates.iter().filter_map(|date| Some(index.file_of(*date)?.rows)).collect();
        let names = |columns: &[IndexColumn]| -> BTreeSet<String> {
            columns.iter().filter(|column| !column.gone).map(|column| column.name.clone()).collect()
        };
        let (was, is) = (before.map(|before| names(&before.columns)).unwrap_or_default(), names(&index.columns));
        // A first version has all its columns, and one of an earlier version of the program says none.
        let (added, removed): (Vec<String>, Vec<String>) = match was.is_empty() || is.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => (is.difference(&was).cloned().collect(), was.difference(&is).cloned().collect()),
        };
        let table = ChangedTable {
            table: index.table.clone(),
            version: index.version,
            index_sha256: digest,
            rows: (!rows.is_empty()).then(|| rows.iter().sum()),
            columns_added: added,
            columns_removed: removed,
        };
        let change = Change {
            record: record.clone().unwrap_or_default(),
            at: *at,
            kind,
            dates,
            tables: vec![table],
            by: act.as_ref().map(|act| act.by.clone()),
            reason: act.as_ref().map(|act| act.reason.clone()),
        };
        Some(Self { record, change })
    }
}

/// Adds a version to the change of its record.
fn add(changes: &mut Vec<Change>, without_record: &mut Vec<Change>, version: Version) {
    let Version { record, change } = version;
    let Some(record) = record else {
        without_record.push(change);
        return;
    };
    // A rollback makes a file current again, and names the record of the rollback.
    match changes.iter_mut().find(|other| other.record == record && other.kind == change.kind) {
        Some(other) => {
            // The tables of a run are released one after the other.
            other.at = other.at.min(change.at);
            other.dates.extend(&change.dates);
            put(other, change.tables);
        }
        None => changes.push(change),
    }
}

/// Adds tables to a change, each version once.
fn put(change: &mut Change, tables: Vec<ChangedTable>) {
    for of in tables {
        change.tables.retain(|other| (&other.table, other.version) != (&of.table, of.version));
        change.tables.push(of);
    }
}

/// That something was released of a date which was withdrawn since stays told, without what it was.
fn hide_withdrawn(change: &mut Change, newest: &BTreeMap<&str, &TableIndex>) {
    let dates: BTreeSet<ServiceDate> = change.dates.clone();
    for of in &mut change.tables {
        let Some(index) = newest.get(of.table.as_str()) else { continue };
        let is_hidden = |date| index.withdrawn.get(date).is_some_and(|tombstone| tombstone.hides(of.version));
        if dates.iter().any(is_hidden) {
            of.rows = None;
        }
    }
}
