//! Writing what people read: the results of a run, the views of its dataset, the catalogue and the home page.
//!
//! The views of other datasets are left alone: the runs of those write them. [`rebuild`] writes those of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::Contract;
use crate::ledger::{ActRecord, RunRecord};
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::left::{self, Left};
use crate::pipeline::run::log::{self, Scope};
use crate::pipeline::run::lost_results;
use crate::pipeline::run::objects;
use crate::pipeline::run::overview::{self, Sources, Written};
use crate::pipeline::run::publication::{self, Ran};
use crate::pipeline::run::releases::{delete_results, delete_withdrawn, left_of_results, left_results, take_out};
use crate::portal::overview::Overview;
use crate::portal::{self, Catalogue, Dataset, File, Recency, Table};
use crate::publication::{self as tables, DATASET};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::view_writer::{Changes, ViewWriter};
use crate::publish::{iceberg, index};
use crate::report::Quality;
use crate::report::results::{self, Listed};
use crate::time::ServiceDate;
use crate::workspace::{Workspace, described};

/// Writes the results of a run, the views of its dataset and the home page, where they do not say this already.
///
/// Another run may commit meanwhile and write its views before ours, which are then old: so this looks again afterwards,
/// until nothing has changed.
pub(super) fn publish_views(run: &RunContext<'_>, record: &RunRecord) -> Result<(), RunError> {
    let RunContext { workspace, pipeline, bucket, .. } = *run;
    let mut writer = ViewWriter::new(bucket);
    let quality = Quality::of(record, &pipeline.checked_contracts());
    portal::results(&workspace.site, &quality).into_iter().try_for_each(|file| writer.put(&file.path, file.bytes))?;
    publication::update(workspace, bucket, &pipeline.dataset, Some(&Ran { record, quality: &quality }));
    Look::of(workspace, bucket, Some((&pipeline.dataset, record.date)))?.publish(&mut writer)
}

/// Writes the views, pages and catalogue of all datasets, the catalogue anew from the versions of the indexes: the bucket or its
/// address is another one. Where there is no address any more, the catalogue is taken away. `is_dry` changes nothing and tells what
/// would be.
pub(super) fn rebuild(workspace: &Workspace, bucket: &Bucket, is_dry: bool) -> Result<Changes, RunError> {
    let mut writer = if is_dry { ViewWriter::dry(bucket) } else { ViewWriter::new(bucket) };
    // Also of datasets that no pipeline has any more.
    let published = bucket.folders("meta")?;
    let pipelines = workspace.pipelines.iter().map(|pipeline| &pipeline.dataset);
    let datasets: BTreeSet<&String> = pipelines.chain(published.iter().filter(|dataset| *dataset != DATASET)).collect();
    for dataset in published.iter().filter(|dataset| *dataset != DATASET) {
        // A withdrawal that was killed may have left something.
        delete_withdrawn(&mut writer, dataset)?;
    }
    for dataset in datasets {
        lost_results::write_again(workspace, &mut writer, dataset, &results::listed(bucket, dataset, None, 0)?)?;
        for date in results::dates(bucket, dataset)? {
            // Of the results only this form has the bucket's address.
            let all = results::read(bucket, dataset, &[date])?.into_iter();
            let files = all.flat_map(|quality| portal::results(&workspace.site, &quality));
            let mut files = files.filter(|file| file.path.ends_with(".ttl"));
            files.try_for_each(|file| writer.put(&file.path, file.bytes))?;
        }
    }
    publication::rebuild(workspace, bucket, &mut writer)?;
    let missing = objects::rebuild(workspace, bucket, &mut writer)?;
    let mut left: BTreeSet<String> = left_results(bucket)?.into_iter().collect();
    for dataset in &published {
        match is_dry {
            true => left.extend(left_of_results(bucket, dataset)?),
            false => take_out(workspace, bucket, dataset, None)?,
        }
    }
    Look::of(workspace, bucket, None)?.publish(&mut writer)?;
    publish_left_publication(workspace, &mut writer)?;
    match is_dry {
        true => left.iter().try_for_each(|name| writer.remove(name))?,
        // After the catalogue, which names them no more.
        false => delete_results(&mut writer)?,
    }
    for logo in portal::former_logos(&workspace.site) {
        if bucket.get(logo)?.is_some() {
            writer.remove(logo)?;
        }
    }
    if workspace.site.base_url.is_none() {
        // After the pages, which name it no more.
        iceberg::remove(&mut writer)?;
    }
    Ok(Changes { missing, ..writer.finish() })
}

/// Writes the views, pages and catalogue of a dataset after something other than a run has changed its indexes.
pub(super) fn refresh(workspace: &Workspace, bucket: &Bucket, dataset: &str) -> Result<(), RunError> {
    publication::update(workspace, bucket, dataset, None);
    let newest = results::dates(bucket, dataset)?.pop();
    let date = newest.unwrap_or_else(|| ServiceDate::local_date_of(crate::time::now(), &workspace.zone));
    let mut writer = ViewWriter::new(bucket);
    Look::of(workspace, bucket, Some((dataset, date)))?.publish(&mut writer)
}

/// Writes that superseded files are deleted into the tables of the publication, whose views follow. What fails is an error: no file may
/// go that these tables name.
pub(super) fn refresh_deleted(workspace: &Workspace, bucket: &Bucket, record: &ActRecord) -> Result<(), RunError> {
    if !workspace.publication || record.dataset == DATASET {
        return Ok(());
    }
    publication::tell_deleted(workspace, bucket, record)?;
    refresh_publication(workspace, bucket)
}

/// Writes the views, pages and catalogue of the tables of the publication; where these are not to be published any more, what tells of
/// those that are there.
pub(super) fn refresh_publication(workspace: &Workspace, bucket: &Bucket) -> Result<(), RunError> {
    let mut writer = ViewWriter::new(bucket);
    if !workspace.publication {
        return publish_left_publication(workspace, &mut writer);
    }
    let date = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
    Look::of(workspace, bucket, Some((DATASET, date)))?.publish(&mut writer)
}

/// Writes what tells of the tables of the publication that are there and not to be published any more.
fn publish_left_publication(workspace: &Workspace, writer: &mut ViewWriter<'_>) -> Result<(), RunError> {
    if workspace.publication {
        return Ok(());
    }
    for table in writer.bucket.folders(&format!("meta/{DATASET}"))? {
        publish_table(workspace, writer, DATASET, &table)?;
    }
    // What withdrew their versions came after the look at the datasets.
    log::complete(workspace, writer, Scope::Seen)
}

/// Writes what tells of a table that no pipeline releases any more.
pub(super) fn publish_table(
    workspace: &Workspace,
    writer: &mut ViewWriter<'_>,
    dataset: &str,
    table: &str,
) -> Result<(), RunError> {
    let Some(index) = index::current(writer.bucket, dataset, table)? else { return Ok(()) };
    index::views(&index).into_iter().try_for_each(|(name, bytes)| writer.put(&name, bytes))?;
    if let Some(url) = &workspace.site.base_url {
        iceberg::publish_table(writer, &index, url.trim_end_matches('/'), false)?;
    }
    Ok(())
}

/// What the views are made from.
struct Look<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    /// The dataset and the date of the run; none if it is about all datasets.
    own: Option<(&'a str, ServiceDate)>,
    /// Datasets that no pipeline makes any more. Whoever comes writes their pages.
    left: Vec<Left>,
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
    /// Datasets of other runs that SQL engines find in the bucket.
    catalogued: BTreeSet<String>,
}

/// How often views are written anew because another run has written others.
const OVERWRITTEN: u32 = 10;

/// Whether nobody has written other overviews since.
fn are_kept(bucket: &Bucket, overviews: &[Written]) -> Result<bool, PublishError> {
    for written in overviews {
        if !written.is_kept(bucket)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Seen {
    /// The dates whose results are others than in an earlier look, by dataset.
    fn changed_results(&self, earlier: &Self) -> BTreeMap<String, BTreeSet<ServiceDate>> {
        let changed = self.results.iter().filter_map(|(dataset, listed)| {
            Some((dataset.clone(), listed.changed_since(earlier.results.get(dataset)?)))
        });
        changed.collect()
    }
}

impl<'a> Look<'a> {
    fn of(
        workspace: &'a Workspace,
        bucket: &'a Bucket,
        own: Option<(&'a str, ServiceDate)>,
    ) -> Result<Self, PublishError> {
        Ok(Self { workspace, bucket, own, left: left::datasets(workspace, bucket)? })
    }

    /// Whether the views of a dataset are written.
    fn is_own(&self, dataset: &str) -> bool {
        // The tables of the publication are everybody's.
        dataset == DATASET || self.own.is_none_or(|(own, _)| dataset == own) || self.is_left(dataset)
    }

    fn is_left(&self, dataset: &str) -> bool {
        self.left.iter().any(|left| left.dataset == dataset)
    }

    /// The datasets with the contracts of their tables: those of the pipelines, those that no pipeline makes any more, and that of the
    /// publication itself.
    fn sources(&self) -> Vec<(&str, Vec<Arc<Contract>>)> {
        let pipelines = self.workspace.pipelines.iter();
        let own = self.workspace.publication.then(|| (DATASET, tables::contracts().to_vec()));
        let left = self.left.iter().map(|left| (left.dataset.as_str(), left.contracts.clone()));
        pipelines.map(|pipeline| (pipeline.dataset.as_str(), pipeline.released())).chain(left).chain(own).collect()
    }

    /// How many results of a dataset its pages show: the trend of those whose pages are written, the newest of others.
    fn shown(&self, dataset: &str) -> usize {
        if self.is_own(dataset) { results::SHOWN } else { 1 }
    }

    fn publish(&self, writer: &mut ViewWriter<'_>) -> Result<(), RunError> {
        let mut seen = self.seen()?;
        let mut changed_results = BTreeMap::new();
        if let Some((dataset, _)) = self.own.filter(|(dataset, _)| *dataset != DATASET) {
            let listed = seen.results.get(dataset).cloned().unwrap_or_default();
            let dates = lost_results::write_again(self.workspace, writer, dataset, &listed)?;
            if !dates.is_empty() {
                changed_results.insert(dataset.to_owned(), dates);
                seen = self.seen()?;
            }
        }
        let mut is_first = true;
        for round in 1.. {
            let mut catalogue = self.catalogue(&seen)?;
            // Before the pages, which tell what they say.
            let overviews = self.overviews(writer, &mut catalogue, (&seen, is_first), &changed_results)?;
            // The views of a version that was just written are those of an earlier one.
            let mut changed = BTreeSet::new();
            let all = catalogue.datasets.iter().flat_map(|of| &of.tables).map(|table| &table.index);
            for index in all.filter(|index| is_first && index::is_written_here(self.bucket, index)) {
                changed.extend(portal::told_by_version(index));
            }
            let put = |file: File| match changed.contains(&file.path) {
                true => writer.put_changed(&file.path, file.bytes),
                false => writer.put(&file.path, file.bytes),
            };
            let own = catalogue.datasets.iter().filter(|of| self.is_own(&of.name));
            let own = own.flat_map(|own| portal::dataset(&catalogue.site, own));
            // Without all datasets it would hide one.
            let home = if seen.unread.is_empty() { portal::home(&catalogue) } else { Vec::new() };
            own.chain(home).try_for_each(put)?;
            if let Some(url) = &catalogue.site.base_url {
                self.publish_catalogue(writer, &catalogue, url, (&seen, is_first))?;
            }
            is_first = false;
            let now = self.seen()?;
            // Two workspaces that make other tables of one dataset would write after each other for ever.
            let is_kept = round >= OVERWRITTEN || writer.is_dry() || are_kept(self.bucket, &overviews)?;
            if now == seen && is_kept {
                for problem in seen.unread.values() {
                    tracing::warn!("the home page and the catalogue stay as they were: {problem}");
                }
                break;
            }
            changed_results = now.changed_results(&seen);
            seen = now;
        }
        log::complete(self.workspace, writer, if self.own.is_none() { Scope::All } else { Scope::Seen })
    }

    /// Brings what is told of all days of the datasets whose views are written up to date; that of others is read.
    fn overviews(
        &self,
        writer: &mut ViewWriter<'_>,
        catalogue: &mut Catalogue,
        (seen, is_first): (&Seen, bool),
        changed: &BTreeMap<String, BTreeSet<ServiceDate>>,
    ) -> Result<Vec<Written>, PublishError> {
        let no_results = Listed::default();
        let mut all = Vec::new();
        for of in &mut catalogue.datasets {
            if !self.is_own(&of.name) {
                of.overview = overview::kept(self.bucket, &of.name)?;
                continue;
            }
            let own = self.own.filter(|(name, _)| *name == of.name).map(|(_, date)| date);
            let sources = Sources {
                bucket: self.bucket,
                dataset: &of.name,
                zone: &self.workspace.zone,
                memory: self.workspace.memory,
                tables: &of.tables,
                results: &of.results,
                listed: seen.results.get(&of.name).unwrap_or(&no_results),
                dates: own.into_iter().chain(changed.get(&of.name).into_iter().flatten().copied()).collect(),
                is_anew: self.own.is_none() && is_first,
            };
            let written = overview::update(&sources, writer)?;
            of.overview = written.overview.clone();
            all.push(written);
        }
        Ok(all)
    }

    /// Writes what SQL engines attach: tables first, then what names them.
    fn publish_catalogue(
        &self,
        writer: &mut ViewWriter<'_>,
        catalogue: &Catalogue,
        url: &str,
        (seen, is_first): (&Seen, bool),
    ) -> Result<(), PublishError> {
        let base = url.trim_end_matches('/');
        let mut named = seen.catalogued.clone();
        for own in catalogue.datasets.iter().filter(|of| self.is_own(&of.name)) {
            let indexes = || own.tables.iter().map(|table| &table.index);
            if !indexes().any(iceberg::has) {
                continue;
            }
            for index in indexes() {
                iceberg::publish_table(writer, index, base, self.own.is_none() && is_first)?;
            }
            iceberg::dataset(writer, &own.name, indexes())?;
            named.insert(own.name.clone());
        }
        iceberg::home(writer, &named)
    }

    fn seen(&self) -> Result<Seen, PublishError> {
        let mut seen = Seen {
            versions: BTreeMap::new(),
            results: BTreeMap::new(),
            unread: BTreeMap::new(),
            catalogued: BTreeSet::new(),
        };
        // The newest dates of the datasets, as far as their tables tell.
        let mut newest: BTreeMap<&str, ServiceDate> = self.own.into_iter().collect();
        for left in &self.left {
            if let Some(problem) = &left.problem {
                seen.unread.insert(left.dataset.clone(), problem.clone());
            }
        }
        for (dataset, contracts) in self.sources() {
            // Most tables that a timetable may have it has not: they have no folder.
            let folders = self.bucket.folders(&format!("meta/{dataset}"))?;
            for contract in contracts.iter().filter(|contract| folders.contains(&contract.table)) {
                let index = match index::current(self.bucket, dataset, &contract.table) {
                    Err(error @ (PublishError::Damaged { .. } | PublishError::Newer { .. }))
                        if !self.is_own(dataset) || self.is_left(dataset) && self.own.is_some() =>
                    {
                        seen.unread.insert(dataset.to_owned(), error.to_string());
                        continue;
                    }
                    index => index?,
                };
                if let Some(date) = index.as_ref().and_then(|index| Some(index.files.last()?.partition_date)) {
                    let of = newest.entry(dataset).or_insert(date);
                    *of = date.max(*of);
                }
                seen.versions.insert((dataset.to_owned(), contract.table.clone()), index.map(|index| index.version));
            }
        }
        let pipelines = self.workspace.pipelines.iter().map(|pipeline| &pipeline.dataset);
        for dataset in pipelines.chain(self.left.iter().map(|left| &left.dataset)) {
            let newest = newest.get(dataset.as_str()).copied();
            let listed = results::listed(self.bucket, dataset, newest, self.shown(dataset))?;
            seen.results.insert(dataset.clone(), listed);
        }
        if self.workspace.site.base_url.is_some() && self.own.is_some() {
            seen.catalogued = iceberg::datasets(self.bucket)?;
            seen.catalogued.retain(|name| !self.is_own(name));
        }
        Ok(seen)
    }

    /// What the look has seen, with its content. The indexes were read by it.
    fn catalogue(&self, seen: &Seen) -> Result<Catalogue, PublishError> {
        let mut datasets: Vec<Dataset> = Vec::new();
        for (name, contracts) in self.sources().into_iter().filter(|(name, _)| !seen.unread.contains_key(*name)) {
            let place = match datasets.iter().position(|of| of.name == name) {
                Some(place) => place,
                None => {
                    let dates: Vec<ServiceDate> = seen.results.get(name).map(Listed::dates).unwrap_or_default();
                    let results =
                        results::read(self.bucket, name, &dates[dates.len().saturating_sub(self.shown(name))..])?;
                    let left = self.left.iter().find(|left| left.dataset == name);
                    let pipelines = || described::about(&self.workspace.pipelines, name);
                    let about = left.map_or_else(pipelines, |left| left.about.clone());
                    datasets.push(Dataset {
                        name: name.to_owned(),
                        about,
                        tables: Vec::new(),
                        results,
                        overview: Overview::of(name),
                        recency: Recency::default(),
                    });
                    datasets.len() - 1
                }
            };
            for contract in contracts {
                if let Some(index) = index::last_read(self.bucket, name, &contract.table)? {
                    datasets[place].tables.push(Table { contract, index });
                }
            }
        }
        let Workspace { site, zone, .. } = self.workspace;
        for of in &mut datasets {
            of.recency = Recency::of(site, &of.name, &of.about, &of.tables, zone);
        }
        Ok(Catalogue { site: site.clone(), datasets })
    }
}
