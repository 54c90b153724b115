//! The privacy report, for the data protection officer: what is published of each column, how and why; how long evidence and keys
//! are kept; and how far the vehicles in the published files can be followed, measured as an outsider would.
//!
//! It tells columns, counts and dates: no id, no pseudonym, no position. Reads the contracts, the published files of the last days,
//! and the evidence and keys of these days where they are still there; holds what two days tell of each vehicle.

mod attack;
mod columns;
mod day;
mod html;
mod linkage;
mod text;
mod words;

use serde::Serialize;

pub(crate) use self::columns::{ReceivedTable, Table};
pub(crate) use self::html::write as write_html;
pub(crate) use self::linkage::Linkage;
pub(crate) use self::text::write as write_text;
pub(crate) use self::words::privacy as of_rules;
use crate::pipeline::Pipeline;
use crate::pipeline::run::RunError;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::purge::kept_by_others;
use crate::pipeline::run::unread::{UnreadOfSource, unread};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
pub(crate) use crate::text::Language;
use crate::text::Text;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// The report.
#[derive(Debug, Serialize)]
pub(crate) struct PrivacyReport {
    /// Of the city's data.
    pub title: String,
    /// The day on which it was made.
    pub made_on: ServiceDate,
    pub retention: Kept,
    pub datasets: Vec<DatasetReport>,
}

/// How long is kept what published data can be traced back with.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    /// The period of evidence and keys, which go together.
    pub evidence: Text,
    /// Sources whose evidence others keep, which no purge touches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_by_others: Vec<String>,
    /// Keys that are there.
    pub keys: u64,
    /// The oldest date of which there is a key, and the first day on which that date's evidence and key are destroyed.
    pub oldest: Option<ServiceDate>,
    pub destroyed_on: Option<ServiceDate>,
}

/// A dataset: the pipeline that makes it.
#[derive(Debug, Serialize)]
pub(crate) struct DatasetReport {
    pub dataset: String,
    pub pipeline: String,
    /// What the pipeline says of pseudonyms and of positions that are cut off, in sentences.
    pub privacy: Vec<Text>,
    pub tables: Vec<Table>,
    pub received: Vec<ReceivedTable>,
    /// What the newest captures have and no column is made of.
    pub unread: Vec<UnreadSource>,
    /// Of each table that tells where vehicles were.
    pub linkage: Vec<Linkage>,
}

/// What a source gives and nothing is made of: it stays in the evidence.
#[derive(Debug, Serialize)]
pub(crate) struct UnreadSource {
    pub source: String,
    /// Captures that were looked into, the newest.
    pub captures: usize,
    pub names: Vec<String>,
    /// Whether there are names that are not told.
    pub has_more: bool,
}

impl From<UnreadOfSource> for UnreadSource {
    fn from(of: UnreadOfSource) -> Self {
        let (names, has_more) = of.unread.into_names();
        Self { source: of.source, captures: of.captures, names, has_more }
    }
}

impl PrivacyReport {
    /// Makes the report, with the linkage of the last `days` published dates; without a bucket nothing was published yet.
    ///
    /// # Errors
    /// A published file, the evidence or a key is there, and cannot be read.
    pub(crate) fn of(workspace: &Workspace, bucket: Option<&Bucket>, days: usize) -> Result<Self, RunError> {
        let made_on = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
        let datasets = workspace.pipelines.iter().map(|pipeline| {
            Ok(DatasetReport {
                dataset: pipeline.dataset.clone(),
                pipeline: pipeline.name.clone(),
                privacy: pipeline.release.as_ref().map_or_else(Vec::new, |of| words::privacy(&of.privacy)),
                tables: columns::tables(pipeline, bucket)?,
                received: columns::received(pipeline),
                unread: unread(workspace, pipeline)?.into_iter().map(UnreadSource::from).collect(),
                linkage: match bucket {
                    Some(bucket) => linkage::of_pipeline(workspace, pipeline, bucket, days)?,
                    None => Vec::new(),
                },
            })
        });
        let mut datasets = datasets.collect::<Result<Vec<DatasetReport>, RunError>>()?;
        // What tells of vehicles comes first.
        datasets.sort_by_key(|dataset| !dataset.tables.iter().any(|table| table.is_of_vehicles));
        Ok(Self { title: workspace.site.title.clone(), made_on, retention: kept(workspace), datasets })
    }

    /// Personal columns of which nobody has written down why they are published: `dataset/table.column`.
    pub(crate) fn without_why(&self) -> Vec<String> {
        let tables = self.datasets.iter().flat_map(|of| of.tables.iter().map(move |table| (&of.dataset, table)));
        let columns = tables.flat_map(|(dataset, table)| {
            let lacking = table.columns.iter().filter(|column| column.lacks_why());
            lacking.map(move |column| format!("{dataset}/{}.{}", table.table, column.column))
        });
        columns.collect()
    }
}

/// What is published of each column of a pipeline's tables, and how, as the contracts say it.
///
/// # Errors
/// None, as no bucket is read.
pub(crate) fn tables_of(pipeline: &Pipeline) -> Result<Vec<Table>, PublishError> {
    columns::tables(pipeline, None)
}

fn kept(workspace: &Workspace) -> Kept {
    let dates = day_keys(workspace).dates();
    let oldest = dates.first().copied();
    let retention = &workspace.retention;
    Kept {
        evidence: retention.evidence.text(),
        kept_by_others: kept_by_others(workspace).into_iter().collect(),
        keys: dates.len() as u64,
        oldest,
        destroyed_on: oldest.map(|date| retention.destroyed_on(date)),
    }
}
