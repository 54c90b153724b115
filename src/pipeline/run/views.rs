//! Writing what people read: the results of a run, the views of its dataset, and the home page.
//!
//! The views of other datasets are left alone: the runs of those write them.

use std::collections::BTreeMap;

use crate::ledger::RunRecord;
use crate::pipeline::Pipeline;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::portal::{self, Catalogue, Dataset, File, Table};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::report::Quality;
use crate::report::results::{self, Listed};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Writes the results of a run, the views of its dataset and the home page, where they do not say this already.
///
/// Another run may commit meanwhile and write its views before ours, which are then old: so this looks again afterwards,
/// until nothing has changed.
pub(super) fn publish_views(run: &RunContext<'_>, record: &RunRecord) -> Result<(), RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let put = |file: File| bucket.put(&file.path, file.bytes);
    portal::results(&workspace.site, &Quality::of(record, &pipeline.checked_contracts()))
        .into_iter()
        .try_for_each(put)?;
    let look = Look { workspace, bucket, own: &pipeline.dataset, date: record.date };
    let mut seen = look.seen()?;
    loop {
        let catalogue = look.catalogue(&seen)?;
        for own in catalogue.datasets.iter().filter(|of| of.name == pipeline.dataset) {
            portal::dataset(&catalogue.site, own).into_iter().try_for_each(put)?;
        }
        // Without all datasets it would hide one.
        if seen.unread.is_empty() {
            portal::home(&catalogue).into_iter().try_for_each(put)?;
        }
        let now = look.seen()?;
        if now == seen {
            for problem in seen.unread.values() {
                tracing::warn!("the home page and the catalogue stay as they were: {problem}");
            }
            return Ok(());
        }
        seen = now;
    }
}

/// What the views are made from.
struct Look<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    /// The dataset of the run.
    own: &'a str,
    /// Of the run.
    date: ServiceDate,
}

/// What there is in the bucket of the datasets of a workspace, without its content.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The newest versions, by dataset and table.
    versions: BTreeMap<(String, String), Option<u64>>,
    /// The newest results, by dataset.
    results: BTreeMap<String, Listed>,
    /// Other datasets than the run's that have a damaged index, and what is wrong with it.
    unread: BTreeMap<String, String>,
}

impl Look<'_> {
    /// How many results of a dataset its pages show: the trend of the run's own, the newest of others.
    fn shown(&self, dataset: &str) -> usize {
        if dataset == self.own { results::SHOWN } else { 1 }
    }

    fn seen(&self) -> Result<Seen, PublishError> {
        let mut seen = Seen { versions: BTreeMap::new(), results: BTreeMap::new(), unread: BTreeMap::new() };
        // The newest dates of the datasets, as far as their tables tell.
        let mut newest = BTreeMap::from([(self.own, self.date)]);
        for pipeline in &self.workspace.pipelines {
            let dataset = &pipeline.dataset;
            // Most tables that a timetable may have it has not: they have no folder.
            let folders = self.bucket.folders(&format!("meta/{dataset}"))?;
            for contract in pipeline.released().iter().filter(|contract| folders.contains(&contract.table)) {
                let index = match index::current(self.bucket, dataset, &contract.table) {
                    Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. })) if dataset != self.own => {
                        seen.unread.insert(dataset.clone(), error.to_string());
                        continue;
                    }
                    index => index?,
                };
                if let Some(date) = index.as_ref().and_then(|index| Some(index.files.last()?.partition_date)) {
                    let of = newest.entry(dataset).or_insert(date);
                    *of = date.max(*of);
                }
                seen.versions.insert((dataset.clone(), contract.table.clone()), index.map(|index| index.version));
            }
        }
        for dataset in self.workspace.pipelines.iter().map(|pipeline| &pipeline.dataset) {
            let newest = newest.get(dataset.as_str()).copied();
            let listed = results::listed(self.bucket, dataset, newest, self.shown(dataset))?;
            seen.results.insert(dataset.clone(), listed);
        }
        Ok(seen)
    }

    /// What the look has seen, with its content. The indexes were read by it.
    fn catalogue(&self, seen: &Seen) -> Result<Catalogue, PublishError> {
        let mut datasets: Vec<Dataset> = Vec::new();
        let is_read = |pipeline: &&Pipeline| !seen.unread.contains_key(&pipeline.dataset);
        for pipeline in self.workspace.pipelines.iter().filter(is_read) {
            let name = &pipeline.dataset;
            let place = match datasets.iter().position(|of| of.name == *name) {
                Some(place) => place,
                None => {
                    let dates: Vec<ServiceDate> = seen.results.get(name).map(Listed::dates).unwrap_or_default();
                    let results =
                        results::read(self.bucket, name, &dates[dates.len().saturating_sub(self.shown(name))..])?;
                    datasets.push(Dataset { name: name.clone(), tables: Vec::new(), results });
                    datasets.len() - 1
                }
            };
            for contract in pipeline.released() {
                if let Some(index) = index::last_read(self.bucket, name, &contract.table)? {
                    datasets[place].tables.push(Table { contract, index });
                }
            }
        }
        Ok(Catalogue { site: self.workspace.site.clone(), datasets })
    }
}
