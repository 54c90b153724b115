//! Results of runs that are gone from the bucket. The pages tell days by them, so a lost one would shorten what they tell: it is written
//! again from the record of the run, which says the same. Where no record is left, the pages keep what they knew of the day
//! ([`super::overview`]), and say that its results are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ledger::RunRecord;
use crate::pipeline::run::left;
use crate::pipeline::{Pipeline, journal, recorded};
use crate::portal;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::publish::view_writer::ViewWriter;
use crate::report::Quality;
use crate::report::quality::CheckedContract;
use crate::report::results::Listed;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Writes the results of a dataset again that a listing lacks; gives their dates.
pub(super) fn write_again(
    workspace: &Workspace,
    writer: &mut ViewWriter<'_>,
    dataset: &str,
    listed: &Listed,
) -> Result<BTreeSet<ServiceDate>, PublishError> {
    let bucket = writer.bucket;
    let pipelines = || workspace.pipelines.iter().filter(|pipeline| pipeline.dataset == dataset);
    let mut records: BTreeMap<ServiceDate, BTreeSet<String>> = BTreeMap::new();
    let (mut held, mut withdrawn) = (BTreeSet::new(), BTreeSet::new());
    for contract in pipelines().flat_map(Pipeline::released) {
        let index = match index::last_read(bucket, dataset, &contract.table)? {
            Some(index) => Some(index),
            None => index::current(bucket, dataset, &contract.table)?,
        };
        let Some(index) = index else { continue };
        for file in &index.files {
            records.entry(file.partition_date).or_default().insert(file.record.clone());
        }
        held.extend(index.withdrawn.iter().filter(|(_, of)| of.holds()).map(|(date, _)| *date));
        withdrawn.extend(index.withdrawn.keys().copied());
    }
    // A run that was held back has no file. What was withdrawn comes back by a run alone.
    for pipeline in pipelines() {
        let dates = journal::dates(&workspace.private, &pipeline.name).into_iter();
        for date in dates.filter(|date| !withdrawn.contains(date)) {
            records.entry(date).or_default();
        }
    }
    let there: BTreeSet<ServiceDate> = listed.dates().into_iter().collect();
    // A store may leave out the date with which a listing begins.
    let is_lost = |date: &ServiceDate| {
        !there.contains(date) && !held.contains(date) && listed.since().is_none_or(|since| *date > since)
    };
    records.retain(|date, _| is_lost(date));
    let mut written = BTreeSet::new();
    for (date, keys) in records {
        let Some((pipeline, record)) = newest(workspace, bucket, (dataset, date), &keys)? else { continue };
        let quality = Quality::of(&record, &contracts(bucket, pipeline, &record)?);
        for file in portal::results(&workspace.site, &quality) {
            writer.put(&file.path, file.bytes)?;
        }
        tracing::warn!(dataset, %date, "the results of the run were gone from the bucket, and are written again from its record");
        written.insert(date);
    }
    Ok(written)
}

/// The record of the newest run of a date, by the journal and by the files of the date.
fn newest<'a>(
    workspace: &'a Workspace,
    bucket: &Bucket,
    (dataset, date): (&str, ServiceDate),
    keys: &BTreeSet<String>,
) -> Result<Option<(&'a Pipeline, RunRecord)>, PublishError> {
    let mut found: Option<(&Pipeline, RunRecord)> = None;
    let mut consider = |pipeline, record: RunRecord| {
        let is_of = (record.dataset.as_str(), record.date) == (dataset, date);
        if is_of && found.as_ref().is_none_or(|(_, other)| other.prepared_at < record.prepared_at) {
            found = Some((pipeline, record));
        }
    };
    for pipeline in workspace.pipelines.iter().filter(|pipeline| pipeline.dataset == dataset) {
        // What cannot be read there is done again by a run.
        let path = journal::path(&workspace.private, &pipeline.name, date);
        let entry = journal::read(&path).ok().flatten();
        if let Some(entry) = entry.filter(|entry| entry.published && bucket.is_at(&entry.bucket)) {
            consider(pipeline, entry.record);
        }
        for key in keys {
            let record: Option<RunRecord> = recorded::said(bucket, key)?;
            if let Some(record) = record.filter(|record| record.pipeline == pipeline.name) {
                consider(pipeline, record);
            }
        }
    }
    Ok(found)
}

/// The contracts that the tables of a run were checked against: where the workspace has another text of one by now, that of the bucket.
fn contracts(bucket: &Bucket, pipeline: &Pipeline, record: &RunRecord) -> Result<Vec<CheckedContract>, PublishError> {
    let mut checked = pipeline.checked_contracts();
    for of in &mut checked {
        let entry = record.contracts.iter().find(|entry| entry.id == of.contract.id);
        if let Some(entry) = entry.filter(|entry| entry.sha256 != of.contract.digest) {
            let then = left::contract(bucket, &entry.sha256, &of.contract.table)?;
            of.contract = then.map_or_else(|| of.contract.clone(), Arc::new);
        }
    }
    Ok(checked)
}
