//! Carrying out retention: evidence, key and quarantine of dates that are over it are destroyed together, and each leaves a record.
//!
//! All pipelines keep the same dates, since they share sources and keys. Of the evidence go the hours that no date reads that is kept:
//! a service date reads from midnight of the day before, so that the hours of a date that was destroyed go with the next one. Of
//! timetables the newest before the first date that is kept stays, which is in force there. Folders that others keep are not touched.
//!
//! First the intent is on the disk ([`purged`]), with all records; from then on nothing of its dates is read. Then go key, quarantine,
//! evidence and journal, then the records are put into the bucket, and at last the register names the dates. Every step may be
//! repeated: a purge that was killed is finished by the next one, with the same records.

mod doubt;
mod lost;
mod reads;
mod records;
mod subjects;
mod too_old;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;

use jiff::Timestamp;

pub use self::lost::Losses;
pub use self::reads::DestroyedHours;
pub use self::records::Counts;
use self::records::Records;
pub(crate) use self::subjects::kept_by_others;
use self::subjects::{Subject, own_store, subjects};
pub use self::too_old::{NewestBrought, TooOld, too_old};
use crate::capture::collector;
use crate::capture::evidence::{Destroyed, Odd};
use crate::decision;
use crate::durable;
use crate::ledger::{PurgeDecision, PurgeRecord, object_key};
use crate::pipeline::journal;
use crate::pipeline::purged::{self, Intent, Purged};
use crate::pipeline::run::commit::put_record_again;
use crate::pipeline::run::context::now;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::heads;
use crate::pipeline::run::lock::Lock;
use crate::pipeline::run::log::{self, Scope};
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, TablePartition};
use crate::publish::view_writer::ViewWriter;
use crate::quarantine;
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What a purge stands on.
#[derive(Clone, Copy)]
pub struct PurgeContext<'a> {
    pub workspace: &'a Workspace,
    pub bucket: &'a Bucket,
    pub lock: &'a Lock,
}

/// An earlier destruction than the rule's.
pub struct Earlier {
    /// All dates before it go.
    pub before: ServiceDate,
    pub decided: PurgeDecision,
}

/// What a purge destroys.
pub struct Plan {
    /// The first date that is kept.
    pub first_kept: ServiceDate,
    pub records: Vec<PurgeRecord>,
    /// How many captures of the dates of a pipeline are destroyed, and how many wait for the next date, each counted once though two
    /// dates read it.
    pub captures: BTreeMap<Option<String>, Counts>,
    /// Files of evidence, by source.
    pub evidence: BTreeMap<String, Destroyed>,
    /// Sources whose spools go.
    pub spools: Vec<String>,
    /// Sources whose evidence others keep.
    pub others: BTreeSet<String>,
    /// Of timetables: when the one that is in force was captured.
    pub in_force: Vec<(String, Timestamp)>,
    /// Why something was left.
    pub problems: Vec<String>,
    /// What is due and must be left, since it is a link, or a folder in the place of an archive.
    pub left: Vec<Odd>,
    /// Why this clock is not believed, so that nothing is destroyed unless somebody decides it.
    pub doubt: Option<String>,
}

/// What was done.
pub struct Done {
    /// The records of a purge that was killed before, and is finished.
    pub finished: Vec<PurgeRecord>,
    pub plan: Plan,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        let has_files = self.evidence.values().any(|destroyed| destroyed.files > 0);
        self.records.is_empty() && !has_files && self.spools.is_empty()
    }
}

/// The last day before which an earlier destruction may destroy all dates: those whose evidence is complete.
pub fn latest_before(workspace: &Workspace) -> ServiceDate {
    let mut date = ServiceDate::local_date_of(now(), &workspace.zone);
    while ServiceDay::new(date.plus_days(-1), &workspace.zone).evidence.end > now() {
        date = date.plus_days(-1);
    }
    date
}

/// What a purge would destroy now, which changes nothing.
pub fn plan(workspace: &Workspace, bucket: &Bucket, earlier: Option<&Earlier>) -> Result<Plan, RunError> {
    let first_not_due = workspace.retention.first_kept(ServiceDate::local_date_of(now(), &workspace.zone));
    let first_kept = earlier.map_or(first_not_due, |earlier| earlier.before);
    let known = read(workspace)?;
    let subjects = subjects(workspace, first_kept)?;
    let is_destroyed = |source: &str, hour: &Range<Timestamp>| is_due(&subjects, source, hour);
    let decided = earlier.map(|earlier| &earlier.decided);
    let records = Records { workspace, bucket, first_kept, first_not_due, decided, is_destroyed: &is_destroyed };
    let (mut all, mut captures) = (Vec::new(), BTreeMap::new());
    for subject in &subjects {
        // What else has a key is of no pipeline.
        let mut keys = BTreeSet::new();
        if subject.pipeline.is_none() {
            keys.extend(day_keys(workspace).dates().into_iter().filter(|date| *date < first_kept));
            let named = all.iter().filter(|record: &&PurgeRecord| record.pseudonym_key.is_some());
            named.for_each(|record| _ = keys.remove(&record.date));
        }
        let made = records.of(subject, &known, &keys)?;
        captures.insert(subject.pipeline.map(|pipeline| pipeline.name.clone()), made.counts);
        all.extend(made.records);
    }
    let store = own_store(workspace);
    let mut evidence = BTreeMap::new();
    let mut left = Vec::new();
    for source in store.folders()? {
        left.append(&mut store.left(&source, &|hour| is_due(&subjects, &source, hour))?);
        let destroyed = store.destroyable(&source, &|hour| is_due(&subjects, &source, hour))?;
        if destroyed.files > 0 {
            evidence.insert(source, destroyed);
        }
    }
    let doubt = match earlier {
        Some(_) => None,
        None => doubt::doubt(workspace, &subjects, &known, first_kept, &all)?,
    };
    let in_force =
        subjects.iter().filter_map(|subject| Some((subject.pipeline?.name.clone(), subject.reads.in_force?)));
    Ok(Plan {
        first_kept,
        records: all,
        captures,
        evidence,
        spools: spools(workspace, &subjects)?,
        others: subjects.iter().flat_map(|subject| subject.others.clone()).collect(),
        in_force: in_force.collect(),
        problems: subjects.iter().filter_map(|subject| subject.problem.clone()).collect(),
        left,
        doubt,
    })
}

/// Finishes what an earlier purge began, then destroys what is due.
pub fn purge(run: &PurgeContext<'_>, earlier: Option<&Earlier>) -> Result<Done, RunError> {
    let private = &run.workspace.private;
    let _mine = run.lock.purging()?;
    let failed =
        |verb: &'static str| move |error: io::Error| RunError::private(&private.join("purging.json"), verb, &error);
    let begun = purged::intent(private).map_err(failed("read"))?;
    if let Some(begun) = &begun {
        carry_out(run, begun)?;
    }
    let plan = plan(run.workspace, run.bucket, earlier)?;
    if let Some(doubt) = plan.doubt {
        return Err(RunError::ClockDoubted(doubt));
    }
    if !plan.is_empty() {
        let intent = Intent { first_kept: plan.first_kept, records: plan.records.clone() };
        stage("intent");
        purged::begin(private, &intent).map_err(failed("written"))?;
        carry_out(run, &intent)?;
    }
    purged::keep_room(private);
    // Also of a purge before this one that was killed here.
    stage("log");
    if let Err(error) = log::complete(run.workspace, &mut ViewWriter::new(run.bucket), Scope::Seen) {
        tracing::warn!(
            "the records of what was destroyed are not in the log yet: {error}. The next run writes them to it"
        );
    }
    Ok(Done { finished: begun.map(|begun| begun.records).unwrap_or_default(), plan })
}

fn stage(name: &str) {
    tracing::info!(stage = name, "purge");
}

fn read(workspace: &Workspace) -> Result<Purged, RunError> {
    let private = &workspace.private;
    Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))
}

/// Whether an hour of a source is read by nothing that is kept.
fn is_due(subjects: &[Subject<'_>], source: &str, hour: &Range<Timestamp>) -> bool {
    let mut users = subjects.iter().filter(|subject| subject.sources.iter().any(|own| own == source));
    users.all(|subject| subject.reads.is_over(hour))
}

/// The sources whose spools nobody has written to since before what is kept, and of which no collector is at work.
fn spools(workspace: &Workspace, subjects: &[Subject<'_>]) -> Result<Vec<String>, RunError> {
    let folder = workspace.private.join("collector");
    let owned = collector::owned(&workspace.private);
    let mut old = Vec::new();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let Some(source) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".spool")).map(str::to_owned)
        else {
            continue;
        };
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let changed = changed.map_err(|error| RunError::private(&entry.path(), "read", &error))?;
        let Ok(changed) = Timestamp::try_from(changed) else { continue };
        let users = subjects.iter().filter(|subject| subject.sources.contains(&source) || subject.pipeline.is_none());
        if !owned.contains(&source) && users.map(|subject| subject.reads.from).all(|from| changed < from) {
            old.push(source);
        }
    }
    old.sort_unstable();
    Ok(old)
}

/// Does what an intent says; all of it may have been done before.
fn carry_out(run: &PurgeContext<'_>, intent: &Intent) -> Result<(), RunError> {
    let PurgeContext { workspace, bucket, lock } = *run;
    let private = &workspace.private;
    // Runs that began before the intent are waited for by trying again; those after it find it.
    for record in &intent.records {
        if let Some(pipeline) = &record.pipeline {
            drop(lock.partition(pipeline, record.date)?);
        }
    }
    let subjects = subjects(workspace, intent.first_kept)?;
    let dates: BTreeSet<ServiceDate> = intent.records.iter().map(|record| record.date).collect();
    stage("key");
    for date in &dates {
        let keys = private.join("keys");
        day_keys(workspace).destroy(*date).map_err(|error| RunError::private(&keys, "destroyed", &error))?;
    }
    stage("quarantine");
    destroy_quarantine(workspace, intent, &subjects)?;
    stage("evidence");
    let store = own_store(workspace);
    for source in store.folders()? {
        store.destroy(&source, &|hour| is_due(&subjects, &source, hour))?;
    }
    for source in spools(workspace, &subjects)? {
        let spool = private.join("collector").join(format!("{source}.spool"));
        durable::remove_file(&spool).map_err(|error| RunError::private(&spool, "destroyed", &error))?;
    }
    stage("journal");
    for record in &intent.records {
        if let Some(subject) = of_record(&subjects, record) {
            for name in &subject.journals {
                destroy_journal(run, subject, name, record.date)?;
            }
        }
    }
    stage("record");
    for record in &intent.records {
        let (key, bytes) = record.to_bytes();
        bucket.put(&key, bytes)?;
    }
    stage("register");
    purged::end(private, intent).map_err(|error| RunError::private(&purged::path(private), "written", &error))?;
    stage("done");
    Ok(())
}

/// The subject of a record; what no pipeline names if its pipeline is gone since.
fn of_record<'s, 'a>(subjects: &'s [Subject<'a>], record: &PurgeRecord) -> Option<&'s Subject<'a>> {
    let is_its = |subject: &&Subject<'_>| subject.pipeline.map(|pipeline| &pipeline.name) == record.pipeline.as_ref();
    subjects.iter().find(is_its).or(subjects.last())
}

/// Rows, what was decided of them, and what a run that was killed left in staging.
fn destroy_quarantine(workspace: &Workspace, intent: &Intent, subjects: &[Subject<'_>]) -> Result<(), RunError> {
    let private = &workspace.private;
    let mut by_dataset: BTreeMap<&str, BTreeSet<ServiceDate>> = BTreeMap::new();
    for record in &intent.records {
        let Some(subject) = of_record(subjects, record) else { continue };
        for dataset in &subject.datasets {
            quarantine::destroy::destroy(private, dataset, record.date)?;
            by_dataset.entry(dataset).or_default().insert(record.date);
        }
        for name in &subject.journals {
            let staging = private.join("staging").join(name).join(record.date.to_string());
            match fs::remove_dir_all(&staging) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(RunError::private(&staging, "destroyed", &error));
                }
                _ => {}
            }
        }
    }
    for file in decision::files(private) {
        let dataset = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default().to_string_lossy();
        if let Some(dates) = by_dataset.get(&*dataset).filter(|_| file != decision::path(private)) {
            decision::forget(&file, &|date| dates.contains(&date))?;
        }
    }
    Ok(())
}

/// Takes a date out of the journal. What the bucket has lost of it is put there first: the journal is the last that has it.
fn destroy_journal(
    run: &PurgeContext<'_>,
    subject: &Subject<'_>,
    name: &str,
    date: ServiceDate,
) -> Result<(), RunError> {
    let PurgeContext { workspace, bucket, .. } = *run;
    let private = &workspace.private;
    let path = journal::path(private, name, date);
    let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
    match entry.filter(|entry| bucket.is_at(&entry.bucket)) {
        Some(entry) if entry.published => {
            put_record_again(bucket, &entry)?;
            for digest in entry.record.evidence.iter().filter_map(|of| of.list_digest()) {
                if let Some(lines) = journal::read_list(private, name, date, &digest) {
                    bucket.put(&object_key(&digest), lines.into())?;
                }
            }
        }
        // Files of a run that was killed, which nobody can finish any more.
        Some(entry) => {
            let mut tables: BTreeSet<String> = entry.files.iter().map(|file| file.table.clone()).collect();
            if let Some(pipeline) = subject.pipeline {
                tables.extend(heads::published(workspace, pipeline, bucket)?);
            }
            for table in &tables {
                let partition = TablePartition { dataset: entry.record.dataset.as_str(), table, date };
                index::remove_orphans(bucket, partition, None, &entry.unfinished())?;
            }
        }
        None => {}
    }
    journal::destroy(private, name, date).map_err(|error| RunError::private(&path, "destroyed", &error))
}
