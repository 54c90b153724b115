//! Writing the tables of the publication: `releases`, `rule_results` and `decisions` of the dates that a run or an act has touched.
//!
//! They follow the commit of a release, which they are about: what fails here fails no release, and is told. Where the rows of the
//! versions end that they were made of, the record of the newest file says ([`PublicationRecord::made_of`]); so whoever comes next
//! writes what somebody who was killed has left, on whichever machine. A run reads the versions after that and the files of its
//! dates, however many dates there are. What was released before this was kept is written by `publish --rebuild` ([`rebuild`]).

mod rebuild;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) use self::rebuild::rebuild;
use self::writer::{DateRows, Tables};
use crate::digest::Digest;
use crate::ledger::{ActFile, ActRecord, ActTable, RunRecord, TableEntry};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::releases::{Runs, changed_dates, of_act, tables};
use crate::publication::{
    DATASET, DecisionRow, Fate, FateKind, RELEASES, RULE_RESULTS, ReleaseRow, of_acts, of_quality, of_record, settle,
};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, Act, ActKind, Month, MonthFile, TableIndex, until_committed};
use crate::report::Quality;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Versions of a table that a run reads of those that nobody has written rows of. After more of them `publish --rebuild` is asked for.
const MOST_LEFT: u64 = 100;

/// A run that is over, published or held back.
pub(super) struct Ran<'a> {
    pub record: &'a RunRecord,
    pub quality: &'a Quality,
}

/// Writes what a run or an act on a dataset has changed. What fails is told, and is done by the next one.
pub(super) fn update(workspace: &Workspace, bucket: &Bucket, dataset: &str, ran: Option<&Ran<'_>>) {
    // These tables are not about themselves.
    if !workspace.publication || dataset == DATASET {
        return;
    }
    if let Err(error) = try_update(workspace, bucket, dataset, (ran, &[]), &BTreeSet::new()) {
        tracing::warn!(
            "the tables of '{DATASET}' do not tell yet what was done now to {dataset}, which is published all the same: {error}. The next \
             run writes them, or 'fahrtenbuch publish --rebuild'"
        );
    }
}

/// As [`update`], for a withdrawal, which must not end before the results of its dates are gone: also where the tables are not to be
/// published any more, and are there.
pub(super) fn remove_results(
    workspace: &Workspace,
    bucket: &Bucket,
    dataset: &str,
    dates: &BTreeSet<ServiceDate>,
) -> Result<(), RunError> {
    if workspace.publication || index::current(bucket, DATASET, RULE_RESULTS)?.is_some() {
        try_update(workspace, bucket, dataset, (None, &[]), dates)?;
    }
    Ok(())
}

/// Writes that superseded files of a dataset are deleted, by the record of it. It comes before their deletion, and whoever is killed
/// between is followed by one with a record of its own, which the rows name then.
pub(super) fn tell_deleted(workspace: &Workspace, bucket: &Bucket, record: &ActRecord) -> Result<(), RunError> {
    try_update(workspace, bucket, &record.dataset, (None, &deleted(record)), &BTreeSet::new())
}

/// What a record of `gc` makes of the files that it names.
fn deleted(record: &ActRecord) -> Vec<Fate> {
    let (key, _) = record.to_bytes();
    let of_table = record.tables.iter().flat_map(|table| table.files.iter().map(move |file| (table, file)));
    let fate = |(table, file): (&ActTable, &ActFile)| {
        Some(Fate {
            partition_date: index::date_of(Path::new(&file.path))
                .or_else(|| index::month_of(&file.path).map(Month::last_day))?,
            dataset: record.dataset.clone(),
            table_name: table.table.clone(),
            path: file.path.clone(),
            sha256: file.sha256,
            until: table.version,
            what: FateKind::Deleted(key.clone()),
        })
    };
    of_table.filter_map(fate).collect()
}

fn try_update(
    workspace: &Workspace,
    bucket: &Bucket,
    dataset: &str,
    (ran, fates): (Option<&Ran<'_>>, &[Fate]),
    withdrawn: &BTreeSet<ServiceDate>,
) -> Result<(), RunError> {
    tracing::info!(stage = "publication", act = "publication", dataset, "publication");
    until_committed((DATASET, RELEASES), || {
        let mut tables = Tables::look(workspace, bucket)?;
        let made_of = tables.made_of()?;
        let mut left = left(bucket, dataset, &made_of, ran)?;
        let of_left = left.rows.iter().map(|row| row.partition_date);
        let mut dates: BTreeSet<ServiceDate> =
            of_left.chain(left.fates.iter().map(|fate| fate.partition_date)).collect();
        let last = dates.last().copied();
        left.fates.extend_from_slice(fates);
        dates.extend(fates.iter().map(|fate| fate.partition_date));
        dates.extend(ran.map(|ran| ran.record.date));
        dates.extend(withdrawn);
        for date in dates {
            let before = tables.rows_of(date)?;
            let ran = ran.filter(|ran| ran.record.date == date);
            let rows = following(before.clone(), (dataset, date), &left, ran);
            // Until the last date is written, the next one who comes begins where this one did.
            let made_of = if last.is_none_or(|last| date >= last) { &left.made_of } else { &made_of };
            if rows != before && !tables.write(date, &rows, &before, made_of)? {
                return Ok(None);
            }
        }
        tables.remember()?;
        Ok(Some(()))
    })
}

/// What nobody has written rows of.
struct Left {
    rows: Vec<ReleaseRow>,
    /// In the order of the versions.
    fates: Vec<Fate>,
    /// Dates of which something was released before rows were kept: theirs would lack that. By dataset's table.
    unknown: BTreeSet<(String, ServiceDate)>,
    /// Dates that may not be released, since a table of them was withdrawn.
    withdrawn: BTreeSet<ServiceDate>,
    /// With the newest versions of the dataset's tables.
    made_of: BTreeMap<String, u64>,
}

/// The versions of the tables of a dataset after those that rows were made of.
fn left(
    bucket: &Bucket,
    dataset: &str,
    made_of: &BTreeMap<String, u64>,
    ran: Option<&Ran<'_>>,
) -> Result<Left, RunError> {
    let mut left = Left {
        rows: Vec::new(),
        fates: Vec::new(),
        unknown: BTreeSet::new(),
        withdrawn: BTreeSet::new(),
        made_of: made_of.clone(),
    };
    let mut runs = Runs::new(bucket);
    ran.into_iter().for_each(|ran| runs.know(ran.record));
    for table in tables(bucket, dataset)? {
        // A run and an act have just read them.
        let newest = match index::last_read(bucket, dataset, &table)? {
            Some(index) => index,
            None => match index::current(bucket, dataset, &table)? {
                Some(index) => index,
                None => continue,
            },
        };
        left.withdrawn.extend(newest.withdrawn.iter().filter(|(_, of)| of.holds()).map(|(date, _)| *date));
        let name = format!("{dataset}/{table}");
        let mut done = made_of.get(&name).copied().unwrap_or(0).min(newest.version);
        if newest.version - done > MOST_LEFT {
            tracing::warn!(
                "'{DATASET}' lacks what was released of {name} from version {} on: 'fahrtenbuch publish --rebuild' writes it",
                done + 1
            );
            done = newest.version - 1;
        }
        left.made_of.insert(name, newest.version);
        let mut before = match done {
            0 => None,
            done if done == newest.version => continue,
            done => match index::known_before(bucket, dataset, &table, done)? {
                Some(known) => Some(known),
                None => Some(index::read_version(bucket, dataset, &table, done)?.0),
            },
        };
        for version in done + 1..=newest.version {
            let index = match version == newest.version {
                true => newest.clone(),
                false => index::read_version(bucket, dataset, &table, version)?.0,
            };
            for row in rows_of(&mut runs, before.as_ref(), &index)? {
                if before.as_ref().is_some_and(|before| has_history(before, row.partition_date)) {
                    left.unknown.insert((table.clone(), row.partition_date));
                }
                left.rows.push(row);
            }
            left.fates.extend(fates_of(before.as_ref(), &index));
            before = Some(index);
        }
    }
    Ok(left)
}

/// Whether something was released of a date until a version.
fn has_history(index: &TableIndex, date: ServiceDate) -> bool {
    index.file_of(date).is_some() || index.first.contains_key(&date) || index.withdrawn.contains_key(&date)
}

/// What a version changed, one row for each date.
fn rows_of(
    runs: &mut Runs<'_>,
    before: Option<&TableIndex>,
    index: &TableIndex,
) -> Result<Vec<ReleaseRow>, PublishError> {
    let release = index.release.as_ref();
    let act = release.and_then(|release| release.act.as_ref());
    if let Some(act) = act.filter(|act| act.kind == ActKind::Compaction) {
        return Ok(months_of(before, index, act));
    }
    let mut dates = changed_dates(before, index);
    dates.extend(act.iter().flat_map(|act| &act.dates));
    let mut rows = Vec::new();
    for date in dates {
        let is = index.file_of(date);
        let reasons = match act {
            Some(act) => BTreeSet::from([of_act(act.kind)]),
            None => runs.reasons(before, index, date)?,
        };
        let reasons: Vec<&str> = reasons.iter().map(|reason| reason.word()).collect();
        let mut row = ReleaseRow {
            reasons: reasons.join(", "),
            released_at: release.map(|release| release.at),
            ..ReleaseRow::new(date, (&index.dataset, &index.table), index.version)
        };
        if let Some(act) = act {
            row.act = act.kind.word().to_owned();
            (row.role, row.reason) = (Some(act.by.clone()), Some(act.reason.clone()));
            (row.rolled_back_to, row.record) = (act.to, Some(act.record.clone()));
        }
        if let Some(file) = is.filter(|_| act.is_none_or(|act| act.kind == ActKind::Rollback)) {
            if act.is_none() {
                row.act = "release".to_owned();
            }
            row.is_provisional = Some(file.provisional);
            row.path = Some(file.path.clone());
            row.sha256 = Some(file.sha256);
            (row.rows, row.bytes) = (Some(file.rows), Some(file.bytes));
            row.record = row.record.or_else(|| Some(file.record.clone()));
            if let Some(timetable) = file.timetable.clone().flatten() {
                row.timetable_dataset = Some(timetable.dataset);
                row.timetable_date = Some(timetable.partition_date);
                row.timetable_sha256 = Some(timetable.sha256);
            }
            if let Some(run) = runs.run(&file.record)? {
                row.pipeline = Some(run.pipeline);
                row.program_version = Some(run.program.version);
                if let Some(entry) = run.tables.iter().find(|entry| has_file(entry, &file.path)) {
                    row.rows_in = Some(entry.rows_in);
                    row.rows_published = Some(entry.published);
                    row.rows_quarantined = Some(entry.quarantined);
                    row.rows_held_back = Some(entry.held_back);
                    row.rows_dropped = Some(entry.dropped.values().sum());
                }
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Months that a version names and the one before it did not.
fn new_months<'a>(before: Option<&'a TableIndex>, index: &'a TableIndex) -> impl Iterator<Item = &'a MonthFile> {
    let known = before.map(|before| before.months.as_slice()).unwrap_or_default();
    index.months.iter().filter(move |month| !known.iter().any(|of| of.path == month.path))
}

/// The months that a compaction put into one file each, a row for each at its last day.
fn months_of(before: Option<&TableIndex>, index: &TableIndex, act: &Act) -> Vec<ReleaseRow> {
    let row = |month: &MonthFile| ReleaseRow {
        act: act.kind.word().to_owned(),
        reasons: of_act(act.kind).word().to_owned(),
        released_at: index.release.as_ref().map(|release| release.at),
        is_provisional: Some(false),
        path: Some(month.path.clone()),
        sha256: Some(month.sha256),
        rows: Some(month.rows),
        bytes: Some(month.bytes),
        month: Some(month.month.to_string()),
        // No person decided it.
        reason: Some(act.reason.clone()),
        record: Some(act.record.clone()),
        ..ReleaseRow::new(month.month.last_day(), (&index.dataset, &index.table), index.version)
    };
    new_months(before, index).map(row).collect()
}

/// What a version makes of the files of months that others named.
fn fates_of(before: Option<&TableIndex>, index: &TableIndex) -> Vec<Fate> {
    let fate = |month: Month, (path, sha256): (&str, Digest), what| Fate {
        partition_date: month.last_day(),
        path: path.to_owned(),
        dataset: index.dataset.clone(),
        table_name: index.table.clone(),
        sha256,
        until: index.version - 1,
        what,
    };
    let mut fates = Vec::new();
    let act = index.release.as_ref().and_then(|release| release.act.as_ref());
    for act in act.iter().filter(|act| act.kind == ActKind::Withdrawal) {
        let of_dates = act.dates.iter().filter_map(|date| index.withdrawn.get(date));
        for file in of_dates.flat_map(|tombstone| &tombstone.files) {
            let Some(month) = index::month_of(&file.path) else { continue };
            fates.push(fate(month, (&file.path, file.sha256), FateKind::Withdrawn(index.version)));
        }
    }
    let gone = before.into_iter().flat_map(|before| new_months(Some(index), before));
    let superseded = || FateKind::Superseded(index.version);
    fates.extend(gone.map(|of| fate(of.month, (&of.path, of.sha256), superseded())));
    fates
}

/// Whether a run made a file of a table. A feed and its release may both have a table of one name.
fn has_file(entry: &TableEntry, path: &str) -> bool {
    entry.files.iter().any(|file| file.path == path)
}

/// The rows of a date after what is left and a run.
fn following(mut rows: DateRows, (dataset, date): (&str, ServiceDate), left: &Left, ran: Option<&Ran<'_>>) -> DateRows {
    let mut is_known = true;
    let known: BTreeSet<(String, u64)> = rows
        .releases
        .iter()
        .filter(|row| row.dataset == dataset)
        .map(|row| (row.table_name.clone(), row.version))
        .collect();
    for row in left.rows.iter().filter(|row| row.partition_date == date) {
        let of_table = || known.iter().filter(|(table, _)| *table == row.table_name);
        let is_of_left =
            || rows.releases.iter().any(|other| other.month.is_none() && other.is_of_table(dataset, &row.table_name));
        if of_table().any(|(_, version)| *version == row.version) {
            continue;
        }
        // Of the versions that are left, the first one may be the first of the date.
        if !is_of_left() && left.unknown_from(row) {
            tracing::warn!(
                "'{DATASET}' does not tell of {dataset}/{} {date}, which was released before it told of that date: 'fahrtenbuch publish \
                 --rebuild' writes it",
                row.table_name
            );
            is_known = false;
            continue;
        }
        rows.releases.push(row.clone());
    }
    left.fates.iter().filter(|fate| fate.partition_date == date).for_each(|fate| fate.apply(&mut rows.releases));
    settle(&mut rows.releases);
    if left.withdrawn.contains(&date) {
        rows.results.retain(|row| row.dataset != dataset);
    }
    let mut decided = None;
    if let Some(Ran { record, quality }) = ran {
        let (key, _) = record.to_bytes();
        rows.results.retain(|row| row.dataset != dataset);
        rows.results.extend(of_quality(quality, Some((record, &key))));
        rows.results.sort_by_key(|row| (row.dataset.clone(), row.entry));
        decided = Some(of_record(record, &key)).filter(|_| is_known);
    }
    decide(&mut rows.decisions, dataset, decided, &rows.releases);
    rows
}

impl Left {
    /// Whether the date of a row had releases before its version that are none of those that are left.
    fn unknown_from(&self, row: &ReleaseRow) -> bool {
        let first = self.rows.iter().find(|other| {
            other.partition_date == row.partition_date && other.is_of_table(&row.dataset, &row.table_name)
        });
        let is_first = first.is_some_and(|first| first.version == row.version);
        is_first && self.unknown.contains(&(row.table_name.clone(), row.partition_date))
            || !is_first && first.is_some_and(|first| self.unknown_from(first))
    }
}

/// Puts the decisions of a run of a dataset to those that are known of the date; acts follow from the releases.
fn decide(rows: &mut Vec<DecisionRow>, dataset: &str, decided: Option<Vec<DecisionRow>>, releases: &[ReleaseRow]) {
    // Those of acts have a version.
    rows.retain(|row| row.version.is_none());
    if let Some(decided) = decided {
        rows.iter_mut().filter(|row| row.dataset == dataset).for_each(|row| row.is_in_force = false);
        for row in decided {
            let is_it = |other: &&mut DecisionRow| {
                (&other.dataset, &other.decision_id, &other.table_name)
                    == (&row.dataset, &row.decision_id, &row.table_name)
            };
            match rows.iter_mut().find(is_it) {
                Some(known) => known.is_in_force = true,
                None => rows.push(row),
            }
        }
    }
    rows.extend(of_acts(releases));
    rows.sort_by_key(|row| {
        (row.dataset.clone(), row.decided_at, row.decision_id.clone(), row.table_name.clone(), row.version)
    });
}
