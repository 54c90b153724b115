//! Going back to an older release: a new version of the index that names the older version's files.
//!
//! Nothing is deleted or renumbered. What the newest version has of dates that the older one has not stays as it is. A file is
//! looked at before it is current again: it must be there with its digest. A date that was withdrawn does not come back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ActBy, ActContext, ActError, act, current, version};
use crate::digest::Digest;
use crate::ledger::{ActFile, ActRecord, ActTable, Kind, Program};
use crate::pipeline::journal;
use crate::pipeline::recorded;
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{
    ActKind, Amended, Amendment, FirstFile, IndexFile, RolledBack, TableIndex, amend, until_committed,
};
use crate::time::ServiceDate;

/// Files that a refusal names.
const NAMED: usize = 5;

/// Which table goes back to which version.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    pub dataset: String,
    pub table: String,
    pub to: u64,
    /// All that the version has, if empty.
    pub dates: BTreeSet<ServiceDate>,
}

/// What a rollback changes.
#[derive(Clone, Debug)]
pub struct RollbackPlan {
    /// The newest version.
    pub version: u64,
    pub to: u64,
    pub changes: Vec<RollbackChange>,
    /// Dates that have the older version's file already.
    pub unchanged: Vec<ServiceDate>,
    /// Dates that the older version does not have: they stay.
    pub newer: Vec<ServiceDate>,
    /// Dates that were withdrawn: they stay away.
    pub withdrawn: Vec<ServiceDate>,
}

/// What changes of a date.
#[derive(Clone, Debug)]
pub struct RollbackChange {
    pub date: ServiceDate,
    pub from: Option<IndexFile>,
    pub to: IndexFile,
}

/// What a rollback would change; it is refused if a file is not there.
///
/// # Errors
/// There is no such version; a file that is to be current again is gone or damaged; a date was withdrawn.
pub fn plan_rollback(bucket: &Bucket, request: &RollbackRequest) -> Result<RollbackPlan, ActError> {
    let RollbackRequest { dataset, table, to, dates } = request;
    let newest = current(bucket, dataset, table)?;
    let older = version(bucket, &newest, *to)?;
    let mut plan = RollbackPlan {
        version: newest.version,
        to: *to,
        changes: Vec::new(),
        unchanged: Vec::new(),
        newer: Vec::new(),
        withdrawn: Vec::new(),
    };
    let all = || older.files.iter().chain(&newest.files).map(|file| file.partition_date).collect();
    let wanted = if dates.is_empty() { all() } else { dates.clone() };
    for date in wanted {
        let Some(file) = older.file_of(date) else {
            if !dates.is_empty() {
                return Err(ActError::Usage(format!(
                    "version {to} of {dataset}/{table} has no file of {date}. 'fahrtenbuch releases list {dataset}/{table}' tells \
                     which versions released it; what is to leave the public goes by 'fahrtenbuch withdraw'"
                )));
            }
            plan.newer.push(date);
            continue;
        };
        if newest.tombstone(date).is_some() || newest.is_deleted(date, &file.path) {
            if !dates.is_empty() {
                return Err(ActError::Refused(withdrawn(&newest, file)));
            }
            plan.withdrawn.push(date);
            continue;
        }
        match newest.file_of(date) {
            Some(there) if there == file => plan.unchanged.push(date),
            from => plan.changes.push(RollbackChange { date, from: from.cloned(), to: file.clone() }),
        }
    }
    let is_all_withdrawn = plan.changes.is_empty() && plan.unchanged.is_empty();
    if let Some(file) = plan.withdrawn.first().filter(|_| is_all_withdrawn).and_then(|date| older.file_of(*date)) {
        return Err(ActError::Refused(withdrawn(&newest, file)));
    }
    refuse_unfit(bucket, &plan)?;
    Ok(plan)
}

fn withdrawn(newest: &TableIndex, file: &IndexFile) -> String {
    let date = file.partition_date;
    let tombstone = newest.withdrawn.get(&date);
    let why = tombstone.map_or_else(String::new, |of| format!(" by {} ({}): {}", of.by, of.at, of.reason));
    let remedy = match tombstone.is_some_and(|of| !of.holds()) {
        true => format!("that was lifted, and the next run of {date} releases it anew"),
        false => format!("'fahrtenbuch withdraw --lift' lets {date} be released anew by a run"),
    };
    format!("'{}' was withdrawn{why}. What was withdrawn does not come back by a rollback; {remedy}", file.path)
}

/// Refuses what is no release to go back to: a provisional one in the place of a complete one, files that are gone or damaged.
fn refuse_unfit(bucket: &Bucket, plan: &RollbackPlan) -> Result<(), ActError> {
    let is_half =
        |change: &&RollbackChange| change.to.provisional && change.from.as_ref().is_some_and(|from| !from.provisional);
    if let Some(change) = plan.changes.iter().find(is_half) {
        return Err(ActError::Refused(format!(
            "version {} has of {} only a provisional release, and a complete one was made since. Choose a later version, or other \
             dates with --date",
            plan.to, change.date
        )));
    }
    let mut unfit = Vec::new();
    for RollbackChange { to, .. } in &plan.changes {
        if let Some(damage) = bucket.damage_of(&to.path, to.bytes, &to.sha256)? {
            unfit.push(format!("'{}': {damage}", to.path));
        }
    }
    if unfit.is_empty() {
        return Ok(());
    }
    let more = unfit.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    unfit.truncate(NAMED);
    Err(ActError::Refused(format!(
        "version {} cannot be current again: {}{more}. What 'gc' deleted is gone by 'retention: superseded'; bring it back from a \
         backup of the bucket, choose another version, or name other dates with --date",
        plan.to,
        unfit.join(", ")
    )))
}

/// Goes back; gives the plan and the new version, which there is none of if all dates have the older files already.
///
/// # Errors
/// As [`plan_rollback`]; a run is at work on one of the dates.
pub fn rollback(
    context: &ActContext<'_>,
    request: &RollbackRequest,
    who: &ActBy,
) -> Result<(RollbackPlan, Option<TableIndex>), ActError> {
    let RollbackRequest { dataset, table, .. } = request;
    let bucket = context.bucket;
    let _alone = context.lock.acting()?;
    let done = until_committed((dataset, table), || {
        let plan = plan_rollback(bucket, request)?;
        let dates: BTreeSet<ServiceDate> = plan.changes.iter().map(|change| change.date).collect();
        if dates.is_empty() {
            return Ok(Some((plan, None)));
        }
        let _quiet = context.keep_runs_away(dataset, &dates)?;
        ActContext::stage("rollback", "record");
        let (key, bytes) = record(&plan, request, who, &dates).to_bytes();
        bucket.put_named_by_digest(&key, bytes)?;
        let amendment = amendment(context, &plan, request, who, (dates, &key))?;
        ActContext::stage("rollback", "commit");
        match amend(bucket, (dataset, table), plan.version, &amendment)? {
            Amended::Overtaken => Ok(None),
            Amended::New(index) => {
                context.remember(&index)?;
                Ok::<_, ActError>(Some((plan, Some(index))))
            }
        }
    })?;
    ActContext::stage("rollback", "views");
    context.publish_views(dataset)?;
    ActContext::stage("rollback", "done");
    Ok(done)
}

fn record(plan: &RollbackPlan, request: &RollbackRequest, who: &ActBy, dates: &BTreeSet<ServiceDate>) -> ActRecord {
    let files = plan.changes.iter().map(|RollbackChange { to, .. }| ActFile {
        path: to.path.clone(),
        bytes: to.bytes,
        sha256: to.sha256,
    });
    let table = ActTable {
        table: request.table.clone(),
        version: plan.version,
        to: Some(plan.to),
        dates: dates.clone(),
        files: files.collect(),
        months: Vec::new(),
    };
    ActRecord {
        format: Kind::Rollback.format(1),
        dataset: request.dataset.clone(),
        at: now(),
        program: Program::this(),
        by: Some(who.by.clone()),
        reason: Some(who.reason.clone()),
        rule: None,
        tables: vec![table],
    }
}

fn amendment(
    context: &ActContext<'_>,
    plan: &RollbackPlan,
    request: &RollbackRequest,
    who: &ActBy,
    (dates, record): (BTreeSet<ServiceDate>, &str),
) -> Result<Amendment, ActError> {
    let at = now();
    let mut rolled_back = BTreeMap::new();
    for change in &plan.changes {
        let replaced = change.from.as_ref();
        let data_inputs = data_inputs(context, request, change)?;
        let of_date = RolledBack {
            at,
            by: who.by.clone(),
            reason: who.reason.clone(),
            record: record.to_owned(),
            to: plan.to,
            replaced: replaced.map(FirstFile::from),
            data_inputs,
        };
        rolled_back.insert(change.date, of_date);
    }
    Ok(Amendment {
        at,
        act: act(ActKind::Rollback, dates, who, Some(plan.to), record),
        files: plan.changes.iter().map(|change| (change.date, Some(change.to.clone()))).collect(),
        rolled_back,
        withdrawn: BTreeMap::new(),
        months: Vec::new(),
    })
}

/// The data inputs of what is rolled back: those of the record that the index names, and of the last run, which may have found
/// the same rows with other inputs.
fn data_inputs(
    context: &ActContext<'_>,
    request: &RollbackRequest,
    change: &RollbackChange,
) -> Result<BTreeSet<Digest>, ActError> {
    #[derive(Deserialize)]
    struct OfRun {
        inputs: OfInputs,
    }
    #[derive(Deserialize)]
    struct OfInputs {
        data_sha256: Digest,
    }
    let mut digests = BTreeSet::new();
    if let Some(from) = &change.from {
        let run: Option<OfRun> = recorded::said(context.bucket, &from.record)?;
        digests.extend(run.map(|run| run.inputs.data_sha256));
    }
    let private = &context.workspace.private;
    for pipeline in context.pipelines(&request.dataset) {
        if !pipeline.released().iter().any(|contract| contract.table == request.table) {
            continue;
        }
        let path = journal::path(private, &pipeline.name, change.date);
        let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
        let entry = entry.filter(|entry| entry.published && context.bucket.is_at(&entry.bucket));
        digests.extend(entry.map(|entry| entry.record.inputs.data_sha256));
    }
    Ok(digests)
}
