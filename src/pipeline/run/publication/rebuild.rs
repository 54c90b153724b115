//! Making the tables of the publication anew, from all versions of all tables, all results and all records.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::writer::{DateRows, Tables};
use super::{decide, deleted, fates_of, rows_of};
use crate::digest::Digest;
use crate::ledger::{ActRecord, Kind, RunRecord};
use crate::pipeline::recorded;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::releases::{Runs, tables};
use crate::publication::{DATASET, DECISIONS, DecisionRow, Fate, RELEASES, ReleaseRow, of_quality, of_record, settle};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, until_committed};
use crate::publish::view_writer::ViewWriter;
use crate::report::results;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What there is to make the tables of.
#[derive(Default)]
struct Found {
    datasets: BTreeSet<String>,
    releases: BTreeMap<ServiceDate, Vec<ReleaseRow>>,
    /// In the order of the versions of each table.
    fates: BTreeMap<ServiceDate, Vec<Fate>>,
    /// The records of `gc`.
    deletions: Vec<ActRecord>,
    /// The newest versions, by dataset and table.
    made_of: BTreeMap<String, u64>,
    /// The runs of a dataset's date.
    runs: BTreeMap<(ServiceDate, String), Vec<Noted>>,
}

/// What is kept of the record of a run.
struct Noted {
    prepared_at: Timestamp,
    key: String,
    inputs: Digest,
    decided: Vec<DecisionRow>,
}

/// Writes the tables of all dates anew, where they say something else; with a writer that leaves the bucket alone, notes what would
/// be written.
pub(in crate::pipeline::run) fn rebuild(
    workspace: &Workspace,
    bucket: &Bucket,
    writer: &mut ViewWriter<'_>,
) -> Result<(), RunError> {
    if !workspace.publication {
        return Ok(());
    }
    let found = Found::look(bucket)?;
    let mut dates: BTreeSet<ServiceDate> = found.releases.keys().copied().collect();
    dates.extend(found.runs.keys().map(|(date, _)| *date));
    let last = dates.last().copied();
    let lacks_decisions = Tables::look(workspace, bucket)?.lacks_decisions();
    for date in dates {
        let written = until_committed((DATASET, RELEASES), || {
            let mut tables = Tables::look(workspace, bucket)?;
            // What cannot be read is written again.
            let (before, is_read) = match tables.rows_of(date) {
                Ok(before) => (before, true),
                Err(RunError::Publish(PublishError::Unmendable { .. })) => (DateRows::default(), false),
                Err(error) => return Err(error),
            };
            let rows = found.rows(bucket, date, &before)?;
            if is_read && rows == before {
                return Ok(Some(Vec::new()));
            }
            if writer.is_dry() {
                tables.would_write(date, &rows, &before)?;
                return Ok(Some(tables.written));
            }
            if !tables.write(date, &rows, &before, &found.made_of)? {
                return Ok(None);
            }
            tables.remember()?;
            Ok::<_, RunError>(Some(tables.written))
        })?;
        written.into_iter().for_each(|name| writer.note(name));
    }
    // Where no date said anything else, nothing was written above, and the table is begun here.
    if let Some(date) = last.filter(|_| lacks_decisions) {
        writer.note(index::index_key(DATASET, DECISIONS, 1));
        if !writer.is_dry() {
            let mut tables = Tables::look(workspace, bucket)?;
            tables.begin_decisions(date)?;
            tables.remember()?;
        }
    }
    Ok(())
}

impl Found {
    fn look(bucket: &Bucket) -> Result<Self, RunError> {
        let mut found = Self::default();
        for dataset in bucket.folders("meta")?.into_iter().filter(|dataset| dataset != DATASET) {
            for table in tables(bucket, &dataset)? {
                found.versions(bucket, &dataset, &table)?;
            }
            found.datasets.insert(dataset);
        }
        for key in bucket.list("ledger/records")? {
            found.record(bucket, key)?;
        }
        // Of a file that two name, the later one deleted it: the first was killed.
        found.deletions.sort_by_key(|record| (record.at, record.to_bytes().0));
        for fate in found.deletions.iter().flat_map(deleted) {
            found.fates.entry(fate.partition_date).or_default().push(fate);
        }
        for runs in found.runs.values_mut() {
            runs.sort_by(|one, other| (one.prepared_at, &one.key).cmp(&(other.prepared_at, &other.key)));
        }
        Ok(found)
    }

    fn versions(&mut self, bucket: &Bucket, dataset: &str, table: &str) -> Result<(), RunError> {
        let Some(newest) = index::current(bucket, dataset, table)? else { return Ok(()) };
        self.made_of.insert(format!("{dataset}/{table}"), newest.version);
        let mut runs = Runs::new(bucket);
        let mut before = None;
        for version in 1..=newest.version {
            let index = index::read_version(bucket, dataset, table, version)?.0;
            for row in rows_of(&mut runs, before.as_ref(), &index)? {
                self.releases.entry(row.partition_date).or_default().push(row);
            }
            let fates = fates_of(before.as_ref(), &index);
            fates.into_iter().for_each(|fate| self.fates.entry(fate.partition_date).or_default().push(fate));
            before = Some(index);
        }
        Ok(())
    }

    /// Notes the record of a run or of `gc`; others say nothing that the versions do not say.
    fn record(&mut self, bucket: &Bucket, key: String) -> Result<(), RunError> {
        let bytes = recorded::read(bucket, &key)?;
        let act = bytes.as_ref().and_then(|bytes| serde_json::from_slice::<ActRecord>(bytes).ok());
        let is_gc = |act: &ActRecord| Kind::of_format(&act.format).is_some_and(|(kind, _)| kind == Kind::Gc);
        if let Some(act) = act.filter(is_gc) {
            if act.dataset != DATASET {
                self.deletions.push(act);
            }
            return Ok(());
        }
        let Some(record) = bytes.and_then(|bytes| serde_json::from_slice::<RunRecord>(&bytes).ok()) else {
            return Ok(());
        };
        let decided = of_record(&record, &key);
        let of = self.runs.entry((record.date, record.dataset)).or_default();
        of.push(Noted { prepared_at: record.prepared_at, key, inputs: record.inputs.sha256, decided });
        Ok(())
    }

    /// The rows of a date. What was written since this looked stays.
    fn rows(&self, bucket: &Bucket, date: ServiceDate, before: &DateRows) -> Result<DateRows, RunError> {
        let mut rows = DateRows::default();
        rows.releases.extend(self.releases.get(&date).into_iter().flatten().cloned());
        let is_later = |row: &&ReleaseRow| {
            let name = format!("{}/{}", row.dataset, row.table_name);
            self.made_of.get(&name).is_none_or(|version| row.version > *version)
        };
        rows.releases.extend(before.releases.iter().filter(is_later).cloned());
        self.fates.get(&date).into_iter().flatten().for_each(|fate| fate.apply(&mut rows.releases));
        settle(&mut rows.releases);
        let mut datasets: BTreeSet<&String> = self.datasets.iter().collect();
        datasets.extend(self.runs.keys().filter(|(of, _)| *of == date).map(|(_, dataset)| dataset));
        for dataset in datasets {
            let runs = self.runs.get(&(date, dataset.clone())).map(Vec::as_slice).unwrap_or_default();
            for quality in results::read(bucket, dataset, &[date])? {
                let run = runs.iter().rev().find(|run| run.inputs == quality.inputs);
                let record = match run {
                    Some(run) => {
                        recorded::said::<RunRecord>(bucket, &run.key)?.map(|record| (record, run.key.as_str()))
                    }
                    None => None,
                };
                rows.results.extend(of_quality(&quality, record.as_ref().map(|(record, key)| (record, *key))));
            }
            for run in runs {
                decide(&mut rows.decisions, dataset, Some(run.decided.clone()), &rows.releases);
            }
        }
        decide(&mut rows.decisions, "", None, &rows.releases);
        rows.results.sort_by_key(|row| (row.dataset.clone(), row.entry));
        Ok(rows)
    }
}
