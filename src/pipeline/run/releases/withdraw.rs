//! Withdrawing dates after an incident: they leave the index, the pages and the catalogue, then the bytes of all their releases are
//! deleted, below `data/`, too. What stays is a tombstone: when, by whom, why, and the digests, by which copies elsewhere are known.
//!
//! First the index, so that nobody is led to a file that is being deleted. Older versions are not rewritten, since each names the
//! digest of the one before it; the newest one says which of them name deleted files ([`TableIndex::hides`]). From the tombstones
//! everything that follows can be done again: by the same command, and by `publish --rebuild`.

use std::collections::{BTreeMap, BTreeSet};

use super::compact::{compact_again, finish};
use super::unfinished::{self, Begun};
use super::withdraw_results::{delete_results, results_of, withdraw_results};
use super::{ActBy, ActContext, ActError, act, current, tables, version};
use crate::digest::Digest;
use crate::ledger::{ActFile, ActRecord, ActTable, Kind, Program};
use crate::pipeline::run::context::now;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{
    self, ActKind, Amended, Amendment, FirstFile, Lifted, Month, TableIndex, TablePartition, Tombstone, amend,
    objects_of, until_committed,
};
use crate::publish::view_writer::ViewWriter;
use crate::report::results;
use crate::time::ServiceDate;

/// What is to leave the public.
#[derive(Clone, Debug)]
pub struct WithdrawRequest {
    pub dataset: String,
    /// All tables of the dataset that have the dates, if none is named.
    pub table: Option<String>,
    pub dates: BTreeSet<ServiceDate>,
    /// The dates that this version of the table changed, too.
    pub release: Option<u64>,
}

/// What a withdrawal changes.
#[derive(Clone, Debug)]
pub struct WithdrawPlan {
    pub dates: BTreeSet<ServiceDate>,
    /// Tables of which something leaves the public.
    pub tables: Vec<Withdrawal>,
    /// Objects whose bytes are still there: of what leaves the public, and of what has left it before.
    pub bytes: Vec<String>,
}

/// What leaves the public of a table.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub table: String,
    /// The newest version.
    pub version: u64,
    pub dates: BTreeMap<ServiceDate, OfDate>,
}

/// The releases of a date.
#[derive(Clone, Debug)]
pub struct OfDate {
    /// The first version that names a file of the date.
    pub from: u64,
    /// Whether the newest version names one.
    pub is_current: bool,
    pub files: BTreeSet<FirstFile>,
}

/// What a withdrawal would change.
///
/// # Errors
/// Nothing of it was ever published, or the bucket cannot be read.
pub fn plan_withdrawal(bucket: &Bucket, request: &WithdrawRequest) -> Result<WithdrawPlan, ActError> {
    let dataset = &request.dataset;
    let names = named(bucket, request)?;
    if names.is_empty() {
        return Err(ActError::Usage(format!(
            "nothing of {dataset} is published. 'fahrtenbuch releases list' tells the tables that are"
        )));
    }
    let dates = dates_of(bucket, request)?;
    let mut plan = WithdrawPlan { dates, tables: Vec::new(), bytes: Vec::new() };
    let mut is_known = false;
    for table in names {
        let newest = current(bucket, dataset, &table)?;
        let due: BTreeSet<ServiceDate> =
            plan.dates.iter().filter(|date| newest.tombstone(**date).is_none()).copied().collect();
        is_known |= due.len() < plan.dates.len();
        let found = releases_of(bucket, &newest, &due)?;
        is_known |= !found.is_empty();
        for date in &plan.dates {
            plan.bytes.extend(objects_of(bucket, TablePartition { dataset, table: &table, date: *date })?);
        }
        plan.bytes.extend(months_with(bucket, &newest, &plan.dates, &found)?);
        if !found.is_empty() {
            plan.tables.push(Withdrawal { table, version: newest.version, dates: found });
        }
    }
    if !is_known {
        let dates: Vec<String> = plan.dates.iter().map(ToString::to_string).collect();
        let what = request.table.as_ref().map_or_else(|| dataset.clone(), |table| format!("{dataset}/{table}"));
        return Err(ActError::Usage(format!(
            "{what} never had a release of {}. 'fahrtenbuch releases list' tells what was released",
            dates.join(", ")
        )));
    }
    plan.bytes.extend(results_with(bucket, request, &plan)?);
    Ok(plan)
}

/// Files of the published results that are there and have rows of dates that leave the public, or have left it.
fn results_with(
    bucket: &Bucket,
    request: &WithdrawRequest,
    plan: &WithdrawPlan,
) -> Result<BTreeSet<String>, PublishError> {
    let mut dates: BTreeSet<ServiceDate> = plan.tables.iter().flat_map(|of| of.dates.keys().copied()).collect();
    for table in tables(bucket, &request.dataset)? {
        let Some(index) = index::current(bucket, &request.dataset, &table)? else { continue };
        dates.extend(plan.dates.iter().filter(|date| index.tombstone(**date).is_some()));
    }
    results_of(bucket, &request.dataset, &dates)
}

/// The tables that a request is about.
fn named(bucket: &Bucket, request: &WithdrawRequest) -> Result<BTreeSet<String>, PublishError> {
    match &request.table {
        Some(table) => Ok(BTreeSet::from([table.clone()])),
        None => tables(bucket, &request.dataset),
    }
}

/// Files of months that are there and have rows of dates that leave the public, or have left it.
fn months_with(
    bucket: &Bucket,
    newest: &TableIndex,
    dates: &BTreeSet<ServiceDate>,
    found: &BTreeMap<ServiceDate, OfDate>,
) -> Result<BTreeSet<String>, PublishError> {
    let mut there = BTreeSet::new();
    for date in dates {
        let files = found.get(date).map(|of| &of.files);
        let files = files.or_else(|| newest.tombstone(*date).map(|tombstone| &tombstone.files));
        let months = files.into_iter().flatten().filter(|file| index::month_of(&file.path).is_some());
        let months: BTreeSet<&String> = months.map(|file| &file.path).collect();
        if !months.is_empty() {
            let folder = index::month_folder(&newest.dataset, &newest.table, Month::of(*date));
            there.extend(bucket.list(&folder)?.into_iter().filter(|name| months.contains(name)));
        }
    }
    Ok(there)
}

/// The dates that are named, and those that a release changed.
fn dates_of(bucket: &Bucket, request: &WithdrawRequest) -> Result<BTreeSet<ServiceDate>, ActError> {
    let mut dates = request.dates.clone();
    if let (Some(release), Some(table)) = (request.release, &request.table) {
        let newest = current(bucket, &request.dataset, table)?;
        let index = version(bucket, &newest, release)?;
        let before = if release > 1 { Some(version(bucket, &newest, release - 1)?) } else { None };
        let changed = super::history::changed_dates(before.as_ref(), &index);
        if changed.is_empty() {
            return Err(ActError::Usage(format!(
                "version {release} of {}/{table} released no file. Name dates with --date",
                request.dataset
            )));
        }
        dates.extend(changed);
    }
    Ok(dates)
}

/// All releases of dates that the versions of a table name, and what lies in their folders besides.
fn releases_of(
    bucket: &Bucket,
    newest: &TableIndex,
    dates: &BTreeSet<ServiceDate>,
) -> Result<BTreeMap<ServiceDate, OfDate>, ActError> {
    let mut found: BTreeMap<ServiceDate, OfDate> = BTreeMap::new();
    if dates.is_empty() {
        return Ok(found);
    }
    let TableIndex { dataset, table, version, .. } = newest;
    for version in 1..=*version {
        let index = index::read_version(bucket, dataset, table, version)?.0;
        for file in index.files.iter().filter(|file| dates.contains(&file.partition_date)) {
            let new = || OfDate { from: version, is_current: false, files: BTreeSet::new() };
            let of = found.entry(file.partition_date).or_insert_with(new);
            of.files.insert(file.into());
        }
        for month in &index.months {
            let with_rows = found.iter_mut().filter(|(date, _)| month.has(**date));
            with_rows.for_each(|(_, of)| _ = of.files.insert(month.into()));
        }
    }
    for (date, of) in &mut found {
        of.is_current = newest.file_of(*date).is_some();
        // What a run that was killed has left no version names.
        for name in objects_of(bucket, TablePartition { dataset, table, date: *date })? {
            if !of.files.iter().any(|file| file.path == name)
                && let Some(bytes) = bucket.get(&name)?
            {
                let (bytes, sha256) = (bytes.len() as u64, Digest::of(&bytes));
                of.files.insert(FirstFile { path: name, bytes, sha256 });
            }
        }
        // What was withdrawn before and released again is of the same tombstone.
        if let Some(before) = newest.withdrawn.get(date) {
            of.from = of.from.min(before.from);
            of.files.extend(before.files.iter().cloned());
        }
    }
    Ok(found)
}

/// Takes dates out of the public; gives what it found, and how many objects were deleted.
///
/// # Errors
/// As [`plan_withdrawal`]; a run is at work on one of the dates.
pub fn withdraw(
    context: &ActContext<'_>,
    request: &WithdrawRequest,
    who: &ActBy,
) -> Result<(WithdrawPlan, usize), ActError> {
    let _alone = context.lock.acting()?;
    withdraw_alone(context, request, who)
}

/// As [`withdraw`]. The right to act is held.
pub(super) fn withdraw_alone(
    context: &ActContext<'_>,
    request: &WithdrawRequest,
    who: &ActBy,
) -> Result<(WithdrawPlan, usize), ActError> {
    let (bucket, dataset) = (context.bucket, &request.dataset);
    finish(context)?;
    let plan = plan_withdrawal(bucket, request)?;
    let _quiet = context.keep_runs_away(dataset, &plan.dates)?;
    if !plan.tables.is_empty() {
        ActContext::stage("withdrawal", "record");
        let (key, bytes) = record(&plan, dataset, Kind::Withdrawal, who).to_bytes();
        bucket.put_named_by_digest(&key, bytes)?;
        unfinished::begin(context, Begun::new(context, (dataset, request.table.as_deref()), &plan.dates, who, &key))?;
        ActContext::stage("withdrawal", "commit");
        for of in &plan.tables {
            withdraw_table(context, dataset, (&of.table, &plan.dates), who, &key)?;
        }
    }
    ActContext::stage("withdrawal", "views");
    delete_reports(&mut ViewWriter::new(bucket), dataset)?;
    context.publish_views(dataset)?;
    ActContext::stage("withdrawal", "results");
    withdraw_results(context, dataset, &plan.dates)?;
    ActContext::stage("withdrawal", "bytes");
    let mut writer = ViewWriter::new(bucket);
    delete_bytes(&mut writer, dataset)?;
    delete_results(&mut writer)?;
    let deleted = writer.finish().removed.len();
    ActContext::stage("withdrawal", "months");
    for (table, months) in lost_months(bucket, request, &plan.dates)? {
        compact_again(context, (dataset, &table), &months)?;
    }
    unfinished::end(context, (dataset, request.table.as_deref()), &plan.dates)?;
    ActContext::stage("withdrawal", "done");
    Ok((plan, deleted))
}

/// The months that were in one file which had rows of withdrawn dates.
fn lost_months(
    bucket: &Bucket,
    request: &WithdrawRequest,
    dates: &BTreeSet<ServiceDate>,
) -> Result<BTreeMap<String, BTreeSet<Month>>, ActError> {
    let mut lost: BTreeMap<String, BTreeSet<Month>> = BTreeMap::new();
    let names = named(bucket, request)?;
    for table in names {
        let newest = current(bucket, &request.dataset, &table)?;
        let files = dates.iter().filter_map(|date| newest.tombstone(*date)).flat_map(|tombstone| &tombstone.files);
        let months: BTreeSet<Month> = files.filter_map(|file| index::month_of(&file.path)).collect();
        if !months.is_empty() {
            lost.insert(table, months);
        }
    }
    Ok(lost)
}

/// Commits the withdrawal of the dates of a table, whatever others commit meanwhile.
fn withdraw_table(
    context: &ActContext<'_>,
    dataset: &str,
    (table, dates): (&str, &BTreeSet<ServiceDate>),
    who: &ActBy,
    record: &str,
) -> Result<(), ActError> {
    let bucket = context.bucket;
    until_committed((dataset, table), || {
        let newest = current(bucket, dataset, table)?;
        let due = dates.iter().filter(|date| newest.tombstone(**date).is_none()).copied().collect();
        let found = releases_of(bucket, &newest, &due)?;
        if found.is_empty() {
            return Ok(Some(()));
        }
        let at = now();
        let tombstone = |of: &OfDate| Tombstone {
            at,
            by: who.by.clone(),
            reason: who.reason.clone(),
            record: record.to_owned(),
            from: of.from,
            version: newest.version + 1,
            files: of.files.clone(),
            lifted: None,
        };
        let amendment = Amendment {
            at,
            act: act(ActKind::Withdrawal, found.keys().copied().collect(), who, None, record),
            files: found.keys().map(|date| (*date, None)).collect(),
            rolled_back: BTreeMap::new(),
            withdrawn: found.iter().map(|(date, of)| (*date, tombstone(of))).collect(),
            months: Vec::new(),
        };
        match amend(bucket, (dataset, table), newest.version, &amendment)? {
            Amended::Overtaken => Ok(None),
            Amended::New(index) => {
                context.remember(&index)?;
                Ok::<_, ActError>(Some(()))
            }
        }
    })
}

fn record(plan: &WithdrawPlan, dataset: &str, kind: Kind, who: &ActBy) -> ActRecord {
    let file = |file: &FirstFile| ActFile { path: file.path.clone(), bytes: file.bytes, sha256: file.sha256 };
    let tables = plan.tables.iter().map(|of| ActTable {
        table: of.table.clone(),
        version: of.version,
        to: None,
        dates: of.dates.keys().copied().collect(),
        files: of.dates.values().flat_map(|of| of.files.iter().map(file)).collect(),
        months: Vec::new(),
    });
    ActRecord {
        format: kind.format(1),
        dataset: dataset.to_owned(),
        at: now(),
        program: Program::this(),
        by: Some(who.by.clone()),
        reason: Some(who.reason.clone()),
        rule: None,
        tables: tables.collect(),
    }
}

/// Deletes what is left of all that was withdrawn of a dataset, where a withdrawal that was killed has left some.
pub(in crate::pipeline::run) fn delete_withdrawn(
    writer: &mut ViewWriter<'_>,
    dataset: &str,
) -> Result<(), PublishError> {
    delete_reports(writer, dataset)?;
    delete_bytes(writer, dataset)
}

/// The results of dates that are withdrawn: they have samples of values. Those of the dates' next runs are written anew.
fn delete_reports(writer: &mut ViewWriter<'_>, dataset: &str) -> Result<(), PublishError> {
    let mut dates = BTreeSet::new();
    for table in tables(writer.bucket, dataset)? {
        let index = index::current(writer.bucket, dataset, &table)?;
        let held = index.into_iter().flat_map(|index| index.withdrawn).filter(|(_, tombstone)| tombstone.holds());
        dates.extend(held.map(|(date, _)| date));
    }
    for date in dates {
        for name in writer.bucket.list(&format!("{}/date={date}", results::folder(dataset)))? {
            writer.remove(&name)?;
        }
    }
    Ok(())
}

fn delete_bytes(writer: &mut ViewWriter<'_>, dataset: &str) -> Result<(), PublishError> {
    for table in tables(writer.bucket, dataset)? {
        let Some(index) = index::current(writer.bucket, dataset, &table)? else { continue };
        for name in index::left_of_withdrawn(writer.bucket, &index)? {
            writer.remove(&name)?;
        }
    }
    Ok(())
}

/// Lets withdrawn dates be released again, by the next run; gives the dates by table. What was deleted stays deleted.
///
/// # Errors
/// None of the dates was withdrawn, or the bucket cannot be read or written.
pub fn lift(
    context: &ActContext<'_>,
    request: &WithdrawRequest,
    who: &ActBy,
    is_dry: bool,
) -> Result<BTreeMap<String, BTreeSet<ServiceDate>>, ActError> {
    let (bucket, dataset) = (context.bucket, &request.dataset);
    let _alone = context.lock.acting()?;
    let names = named(bucket, request)?;
    let mut lifted = BTreeMap::new();
    let mut is_known = false;
    for table in &names {
        let newest = current(bucket, dataset, table)?;
        is_known |= request.dates.iter().any(|date| newest.withdrawn.contains_key(date));
        let dates: BTreeSet<ServiceDate> =
            request.dates.iter().filter(|date| newest.tombstone(**date).is_some()).copied().collect();
        if !dates.is_empty() {
            lifted.insert(table.clone(), dates);
        }
    }
    if !is_known {
        return Err(ActError::Usage(format!(
            "none of these dates of {dataset} was withdrawn. 'fahrtenbuch releases list {dataset}' tells those that were"
        )));
    }
    if is_dry || lifted.is_empty() {
        return Ok(lifted);
    }
    // Afterwards nobody can tell what is left of it from what is released anew.
    withdraw_results(context, dataset, &lifted.values().flatten().copied().collect())?;
    let mut writer = ViewWriter::new(bucket);
    delete_withdrawn(&mut writer, dataset)?;
    delete_results(&mut writer)?;
    ActContext::stage("lift", "record");
    let mut of_tables = Vec::new();
    for (table, dates) in &lifted {
        let version = current(bucket, dataset, table)?.version;
        let of = ActTable {
            table: table.clone(),
            version,
            to: None,
            dates: dates.clone(),
            files: Vec::new(),
            months: Vec::new(),
        };
        of_tables.push(of);
    }
    let none = WithdrawPlan { dates: BTreeSet::new(), tables: Vec::new(), bytes: Vec::new() };
    let (key, bytes) = ActRecord { tables: of_tables, ..record(&none, dataset, Kind::Lift, who) }.to_bytes();
    bucket.put_named_by_digest(&key, bytes)?;
    ActContext::stage("lift", "commit");
    for (table, dates) in &lifted {
        lift_table(context, dataset, (table, dates), who, &key)?;
    }
    ActContext::stage("lift", "views");
    context.publish_views(dataset)?;
    ActContext::stage("lift", "done");
    Ok(lifted)
}

fn lift_table(
    context: &ActContext<'_>,
    dataset: &str,
    (table, dates): (&str, &BTreeSet<ServiceDate>),
    who: &ActBy,
    record: &str,
) -> Result<(), ActError> {
    until_committed((dataset, table), || {
        let newest = current(context.bucket, dataset, table)?;
        let at = now();
        let lifted = || Lifted { at, by: who.by.clone(), reason: who.reason.clone(), record: record.to_owned() };
        let held = dates.iter().filter_map(|date| Some((*date, newest.tombstone(*date)?)));
        let withdrawn: BTreeMap<ServiceDate, Tombstone> =
            held.map(|(date, of)| (date, Tombstone { lifted: Some(lifted()), ..of.clone() })).collect();
        if withdrawn.is_empty() {
            return Ok(Some(()));
        }
        let amendment = Amendment {
            at,
            act: act(ActKind::Lift, withdrawn.keys().copied().collect(), who, None, record),
            files: BTreeMap::new(),
            rolled_back: BTreeMap::new(),
            withdrawn,
            months: Vec::new(),
        };
        match amend(context.bucket, (dataset, table), newest.version, &amendment)? {
            Amended::Overtaken => Ok(None),
            Amended::New(index) => {
                context.remember(&index)?;
                Ok::<_, ActError>(Some(()))
            }
        }
    })
}
