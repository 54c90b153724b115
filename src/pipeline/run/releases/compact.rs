//! Compaction: past months of a table become one file each, so that a question over years asks for few files.
//!
//! A month is due when its last day is over for longer than evidence may come in late (`late:` of the pipeline's schedule), and none of
//! its releases is provisional. Its file is made of those of its days alone ([`parquet::compact`]), and stands for them as long as they
//! are current. Days keep their files and versions: whoever reads these reads what they did before.
//!
//! A month whose file is not in the bucket any more, or has another length, is made again from its days, too.
//!
//! A private note of what is about to be put comes first, then the file, the record, and the version of the index that names it. What
//! is killed before that has published nothing: the next act deletes what the note names and no version does. Everything
//! after it is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ActBy, ActContext, ActError, act, tables};
use crate::ledger::{ActFile, ActMonth, ActPart, ActRecord, ActTable, Kind, Program};
use crate::pipeline::Pipeline;
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{
    self, ActKind, Amended, Amendment, IndexFile, Month, MonthFile, MonthPart, TableIndex, amend, until_committed,
};
use crate::publish::parquet::{self, CompactError, Day, Staged};
use crate::table::Budget;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Days after the end of a month of which nobody says how late evidence may come in.
const LATE: u16 = 7;
/// Days that make it worth while.
const LEAST: usize = 2;
/// Who acts: a rule does.
const BY: &str = "fahrtenbuch compact";

/// Months that may be in one file, and those that may not.
#[derive(Debug, Default)]
pub struct Compactable {
    pub due: Vec<DueMonth>,
    /// Months that are in one file already.
    pub standing: usize,
    /// Tables that cannot be looked at, and files that are damaged.
    pub problems: Vec<String>,
}

/// A month that is to be in one file.
#[derive(Clone, Debug)]
pub struct DueMonth {
    pub dataset: String,
    pub table: String,
    pub month: Month,
    /// Its days, by date.
    pub days: Vec<IndexFile>,
}

/// What a compaction did.
#[derive(Debug, Default)]
pub struct Compacted {
    /// By dataset and table.
    pub made: Vec<((String, String), MonthFile)>,
    /// Months whose days have columns that do not go together: they stay days.
    pub unfit: Vec<String>,
    pub records: Vec<String>,
}

/// What is about to be put into a bucket, in the private store.
#[derive(Default, Serialize, Deserialize)]
struct Note {
    /// The bucket that it is meant for.
    bucket: String,
    files: BTreeSet<String>,
}

fn note_path(workspace: &Workspace) -> PathBuf {
    workspace.private.join("compaction.json")
}

/// The files that a compaction is about to put into a bucket, or was when it was killed.
///
/// # Errors
/// The private store cannot be read.
pub fn unfinished(workspace: &Workspace, bucket: &Bucket) -> Result<BTreeSet<String>, RunError> {
    let path = note_path(workspace);
    let note = match crate::durable::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Note>(&bytes).unwrap_or_default(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Note::default(),
        Err(error) => return Err(RunError::private(&path, "read", &error)),
    };
    Ok(if note.bucket == bucket.location() { note.files } else { BTreeSet::new() })
}

fn write_note(context: &ActContext<'_>, files: &BTreeSet<String>) -> Result<(), RunError> {
    let path = note_path(context.workspace);
    let written = if files.is_empty() {
        crate::durable::remove_file(&path)
    } else {
        let note = Note { bucket: context.bucket.location().to_owned(), files: files.clone() };
        let bytes = serde_json::to_vec(&note).map_err(|error| RunError::internal(error.to_string()))?;
        crate::durable::write(&path, &bytes)
    };
    written.map_err(|error| RunError::private(&path, "written", &error))
}

/// Ends what a compaction that was killed has begun: deletes files of months that no version names, and writes what follows from
/// those that one does. The right to act is held.
pub(super) fn finish(context: &ActContext<'_>) -> Result<(), ActError> {
    let names = unfinished(context.workspace, context.bucket)?;
    let mut by_table: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for name in names {
        let mut parts = name.split('/').skip(1).map(str::to_owned);
        if let (Some(dataset), Some(table)) = (parts.next(), parts.next()) {
            by_table.entry((dataset, table)).or_default().insert(name);
        }
    }
    let datasets: BTreeSet<String> = by_table.keys().map(|(dataset, _)| dataset.clone()).collect();
    for ((dataset, table), mut names) in by_table {
        index::retain_unnamed(context.bucket, &dataset, &table, &mut names)?;
        names.iter().try_for_each(|name| context.bucket.remove(name))?;
    }
    for dataset in datasets {
        context.publish_views(&dataset)?;
    }
    Ok(write_note(context, &BTreeSet::new())?)
}

/// The months that are due to be compacted now.
///
/// # Errors
/// The bucket cannot be read. A table whose index cannot be read is a problem of it.
pub fn compactable(workspace: &Workspace, bucket: &Bucket) -> Result<Compactable, ActError> {
    let mut found = Compactable::default();
    let datasets = datasets(workspace);
    for dataset in datasets {
        for table in tables(bucket, dataset)? {
            match index::current(bucket, dataset, &table) {
                Ok(Some(index)) => {
                    let lost = lost(bucket, &index)?;
                    found.standing += index.parted().0.len() - lost.len();
                    found.due.extend(due(&index, last_due(workspace, dataset, &table), &lost));
                }
                Ok(None) => {}
                Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. })) => {
                    found.problems.push(format!("{dataset}/{table} is left as it is: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

/// The datasets whose months may be in one file each: those of the pipelines, and that which tells of them.
fn datasets(workspace: &Workspace) -> BTreeSet<&str> {
    let own = workspace.publication.then_some(DATASET);
    workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).chain(own).collect()
}

/// The last date that evidence does not come in late for any more.
fn last_due(workspace: &Workspace, dataset: &str, table: &str) -> ServiceDate {
    let pipelines = workspace.pipelines.iter().filter(|pipeline| pipeline.dataset == dataset);
    let pipelines = pipelines.filter(|pipeline| pipeline.released().iter().any(|contract| contract.table == table));
    // The rows of the publication come with those that they are about.
    let pipelines: Vec<&Pipeline> = match dataset == DATASET {
        true => workspace.pipelines.iter().collect(),
        false => pipelines.collect(),
    };
    let late =
        pipelines.into_iter().map(|pipeline| pipeline.schedule.as_ref().map_or(LATE, |schedule| schedule.late)).max();
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    today.plus_days(-1 - i32::from(late.unwrap_or(LATE)))
}

/// The months of a table whose file is not there any more, or has another length.
fn lost(bucket: &Bucket, index: &TableIndex) -> Result<BTreeSet<Month>, PublishError> {
    let months = index.parted().0;
    if months.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sizes = bucket.sizes(&format!("revised/{}/{}", index.dataset, index.table))?;
    let is_lost = |month: &&MonthFile| sizes.get(&month.path) != Some(&month.bytes);
    Ok(months.into_iter().filter(is_lost).map(|month| month.month).collect())
}

/// The months of a table that end at a date or before it, and are not in one file; those whose file is lost are, whenever they end.
fn due(index: &TableIndex, last: ServiceDate, lost: &BTreeSet<Month>) -> Vec<DueMonth> {
    let of_month =
        |one: &&IndexFile, other: &&IndexFile| Month::of(one.partition_date) == Month::of(other.partition_date);
    let (standing, _) = index.parted();
    let is_standing = |month| standing.iter().any(|of| of.month == month) && !lost.contains(&month);
    let days = index.files.iter().filter(|file| !is_standing(Month::of(file.partition_date)));
    let days: Vec<&IndexFile> = days.collect();
    let months = days.chunk_by(of_month).filter(|days| {
        let is_due = |day: &&IndexFile| !day.provisional && Month::of(day.partition_date).last_day() <= last;
        let is_lost = days.first().is_some_and(|day| lost.contains(&Month::of(day.partition_date)));
        is_lost || days.len() >= LEAST && days.iter().all(is_due)
    });
    let months = months.filter_map(|days| {
        Some(DueMonth {
            dataset: index.dataset.clone(),
            table: index.table.clone(),
            month: Month::of(days.first()?.partition_date),
            days: days.iter().map(|day| (*day).clone()).collect(),
        })
    });
    months.collect()
}

/// Puts the months that are due into one file each.
///
/// # Errors
/// The bucket or the private store cannot be read or written; a row group takes more than `limits: memory`.
pub fn compact(context: &ActContext<'_>) -> Result<(Compactable, Compacted), ActError> {
    {
        let _alone = context.lock.acting()?;
        finish(context)?;
    }
    let mut found = compactable(context.workspace, context.bucket)?;
    let mut done = Compacted::default();
    let mut by_table: BTreeMap<(String, String), BTreeSet<Month>> = BTreeMap::new();
    for due in std::mem::take(&mut found.due) {
        by_table.entry((due.dataset, due.table)).or_default().insert(due.month);
    }
    let mut order: Vec<(String, String)> = by_table.into_keys().collect();
    // What tells of the others changes with each of them.
    order.sort_by_key(|(dataset, _)| dataset.as_str() == DATASET);
    for (dataset, table) in order {
        // Whoever withdraws waits for one table at most.
        let _alone = context.lock.acting()?;
        finish(context)?;
        let last = last_due(context.workspace, &dataset, &table);
        let is_due = |month: Month, is_lost| is_lost || month.last_day() <= last;
        compact_table(context, (&dataset, &table), is_due, &mut done, &mut found.problems)?;
    }
    ActContext::stage("compaction", "done");
    Ok((found, done))
}

/// Compacts again the months of a table that lost their file when one of their dates was withdrawn. The right to act is held.
pub(super) fn compact_again(
    context: &ActContext<'_>,
    table: (&str, &str),
    months: &BTreeSet<Month>,
) -> Result<(), ActError> {
    let (mut done, mut problems) = (Compacted::default(), Vec::new());
    compact_table(context, table, |month, _| months.contains(&month), &mut done, &mut problems)?;
    problems.iter().chain(&done.unfit).for_each(|problem| tracing::warn!("{problem}"));
    Ok(())
}

fn compact_table(
    context: &ActContext<'_>,
    (dataset, table): (&str, &str),
    is_wanted: impl Fn(Month, bool) -> bool,
    done: &mut Compacted,
    problems: &mut Vec<String>,
) -> Result<(), ActError> {
    let bucket = context.bucket;
    let Some(index) = index::current(bucket, dataset, table)? else { return Ok(()) };
    let lost = lost(bucket, &index)?;
    let all = due(&index, ServiceDate(jiff::civil::Date::MAX), &lost);
    let (mut made, mut note) = (Vec::new(), BTreeSet::new());
    for due in all.into_iter().filter(|due| is_wanted(due.month, lost.contains(&due.month))) {
        let stays = if lost.contains(&due.month) { "cannot be put into one file again" } else { "stays in days" };
        let staging = context.workspace.private.join("staging").join("@compaction");
        let staged = make(context, &due, &staging);
        match staged {
            Ok(Made::File(staged)) => {
                let path = index::path_of_month(dataset, table, due.month, &staged.digest);
                note.insert(path.clone());
                write_note(context, &note)?;
                ActContext::stage("compaction", "put");
                bucket.put_file(&path, &staged.path, &staged.digest)?;
                made.push(MonthFile {
                    month: due.month,
                    path,
                    sha256: staged.digest,
                    bytes: staged.bytes,
                    rows: staged.rows,
                    parts: due.days.iter().map(MonthPart::from).collect(),
                });
            }
            Ok(Made::Unfit(why)) => done.unfit.push(format!("{dataset}/{table} {} {stays}: {why}", due.month)),
            Ok(Made::Damaged(why)) => problems.push(format!("{dataset}/{table} {} {stays}: {why}", due.month)),
            Err(error) => return Err(error),
        }
        // What is left goes with what killed runs have left.
        let _ = fs::remove_dir_all(&staging);
    }
    if made.is_empty() {
        return Ok(());
    }
    ActContext::stage("compaction", "record");
    let rule = rule(context.workspace, dataset, table);
    let (key, bytes) = record(&made, (dataset, table), index.version, rule.clone()).to_bytes();
    bucket.put_named_by_digest(&key, bytes)?;
    ActContext::stage("compaction", "commit");
    let who = ActBy { by: BY.to_owned(), reason: rule };
    let named = commit(context, (dataset, table), &made, &who, &key)?;
    // A date was revised or withdrawn meanwhile: what was made of what it was before must not stay.
    let mut unnamed: BTreeSet<String> = made.iter().map(|month| month.path.clone()).collect();
    unnamed.retain(|path| !named.iter().any(|month| month.path == *path));
    index::retain_unnamed(bucket, dataset, table, &mut unnamed)?;
    unnamed.iter().try_for_each(|path| bucket.remove(path))?;
    ActContext::stage("compaction", "views");
    context.publish_views(dataset)?;
    write_note(context, &BTreeSet::new())?;
    done.records.push(key);
    done.made.extend(named.into_iter().map(|month| ((dataset.to_owned(), table.to_owned()), month)));
    Ok(())
}

/// What became of a month.
pub(in crate::pipeline) enum Made {
    File(Staged),
    Unfit(String),
    Damaged(String),
}

fn make(context: &ActContext<'_>, due: &DueMonth, staging: &Path) -> Result<Made, ActError> {
    make_month(context.bucket, context.workspace.memory, due, staging)
}

/// Makes the file of a month in `staging`.
///
/// # Errors
/// The bucket cannot be read, `staging` cannot be written, or a row group takes more than `memory`.
pub(in crate::pipeline) fn make_month(
    bucket: &Bucket,
    memory: usize,
    due: &DueMonth,
    staging: &Path,
) -> Result<Made, ActError> {
    let DueMonth { dataset, table, month, days } = due;
    crate::durable::create_dir_all(staging).map_err(|error| RunError::private(staging, "made", &error))?;
    let mut opened = Vec::with_capacity(days.len());
    for file in days {
        if let Some(damage) = bucket.damage_of(&file.path, file.bytes, &file.sha256)? {
            index::is_still_named(bucket, &file.path)?;
            return Ok(Made::Damaged(format!("'{}': {damage}", file.path)));
        }
        let copy = staging.join(format!("{}.parquet", file.partition_date));
        let date = file.partition_date;
        opened.push(Day { date, file: index::open_named(bucket, &file.path, &copy)? });
    }
    let metadata = vec![("fahrtenbuch.month".to_owned(), month.to_string())];
    let budget = Budget::new(memory);
    match parquet::compact(staging, table, opened, metadata, &budget) {
        Ok(staged) => Ok(Made::File(staged)),
        Err(CompactError::Unfit(why)) => Ok(Made::Unfit(why)),
        Err(CompactError::Publish(error)) => {
            tracing::warn!("{dataset}/{table} {month} was not compacted");
            Err(error.into())
        }
    }
}

/// Names the files of months whose days are still those that they were made of; gives them.
fn commit(
    context: &ActContext<'_>,
    (dataset, table): (&str, &str),
    made: &[MonthFile],
    who: &ActBy,
    record: &str,
) -> Result<Vec<MonthFile>, ActError> {
    let bucket = context.bucket;
    until_committed((dataset, table), || {
        let Some(newest) = index::current(bucket, dataset, table)? else { return Ok(Some(Vec::new())) };
        let months: Vec<MonthFile> = made.iter().filter(|month| month.stands_for(&newest.files)).cloned().collect();
        let new: Vec<MonthFile> = months.iter().filter(|month| !newest.months.contains(month)).cloned().collect();
        if new.is_empty() {
            return Ok(Some(months));
        }
        let dates = new.iter().flat_map(|month| month.parts.iter().map(|part| part.partition_date)).collect();
        let amendment = Amendment {
            at: now(),
            act: act(ActKind::Compaction, dates, who, None, record),
            files: BTreeMap::new(),
            rolled_back: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
            months: new,
        };
        match amend(bucket, (dataset, table), newest.version, &amendment)? {
            Amended::Overtaken => Ok(None),
            Amended::New(index) => {
                context.remember(&index)?;
                Ok::<_, ActError>(Some(months))
            }
        }
    })
}

fn rule(workspace: &Workspace, dataset: &str, table: &str) -> String {
    format!(
        "months that ended on {} or before it are over, late evidence included",
        last_due(workspace, dataset, table)
    )
}

fn record(made: &[MonthFile], (dataset, table): (&str, &str), version: u64, rule: String) -> ActRecord {
    let months = made.iter().map(|month| ActMonth {
        month: month.month.to_string(),
        file: ActFile { path: month.path.clone(), bytes: month.bytes, sha256: month.sha256 },
        parts: month
            .parts
            .iter()
            .map(|part| ActPart { partition_date: part.partition_date, sha256: part.sha256 })
            .collect(),
    });
    let months = months.collect();
    let table =
        ActTable { table: table.to_owned(), version, to: None, dates: BTreeSet::new(), files: Vec::new(), months };
    ActRecord {
        format: Kind::Compaction.format(1),
        dataset: dataset.to_owned(),
        at: now(),
        program: Program::this(),
        by: None,
        reason: None,
        rule: Some(rule),
        tables: vec![table],
    }
}

/// Makes the files of all months again from those of their days, and compares them; gives how many are the same, and what is wrong
/// with the others.
///
/// # Errors
/// The bucket cannot be read.
pub fn replay_months(context: &ActContext<'_>) -> Result<(usize, Vec<String>), ActError> {
    let (workspace, bucket) = (context.workspace, context.bucket);
    let datasets = datasets(workspace);
    let (mut same, mut problems) = (0, Vec::new());
    let folder = workspace.private.join("staging").join("@replay");
    for dataset in datasets {
        for table in tables(bucket, dataset)? {
            let Some(index) = index::current(bucket, dataset, &table)? else { continue };
            for month in index.parted().0 {
                let days = index.files.iter().filter(|file| Month::of(file.partition_date) == month.month);
                let (dataset, table, days) = (dataset.to_owned(), table.clone(), days.cloned().collect());
                let due = DueMonth { dataset, table, month: month.month, days };
                let made = make(context, &due, &folder)?;
                let damage = bucket.damage_of(&month.path, month.bytes, &month.sha256)?;
                match (made, damage) {
                    (_, Some(damage)) => problems.push(format!("'{}': {damage}", month.path)),
                    (Made::File(staged), None) if staged.digest == month.sha256 => same += 1,
                    (Made::File(staged), None) => problems.push(format!(
                        "'{}' was made otherwise: its days make a file with the SHA-256 {}",
                        month.path, staged.digest
                    )),
                    (Made::Unfit(why) | Made::Damaged(why), None) => problems.push(format!("'{}': {why}", month.path)),
                }
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }
    Ok((same, problems))
}
