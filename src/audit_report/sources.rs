//! What the workspace says of itself: purpose, sources and their rights, what is done for privacy, how long what is kept. Words, and
//! no number that is counted.

use crate::pipeline::run::purge::kept_by_others;
use crate::pipeline::{Named, Pipeline};
use crate::privacy_report;
use crate::publish::PublishError;
use crate::text::Text;
use crate::workspace::Workspace;

/// What the workspace says.
#[derive(Debug)]
pub(crate) struct Described {
    pub title: String,
    pub publisher: String,
    pub licence: String,
    pub base_url: Option<String>,
    pub introduction: Option<Text>,
    pub people: Vec<String>,
    pub evidence_kept: Text,
    /// Sources whose captures others keep, which no purge touches.
    pub kept_by_others: Vec<String>,
    pub datasets: Vec<Dataset>,
}

/// A dataset: the pipeline that makes it.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub name: String,
    pub description: Option<Text>,
    pub sources: Vec<Source>,
    pub privacy: Vec<Text>,
    pub columns: Vec<Column>,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub rights: Option<String>,
    pub attribution: Option<String>,
}

/// A column that tells of persons, or of a vehicle that a person drives.
#[derive(Debug)]
pub(crate) struct Column {
    /// `table.column`
    pub name: String,
    pub is_published: bool,
    pub how: Text,
}

/// German, and English where there is some.
fn both(de: Option<&String>, en: Option<&String>) -> Option<Text> {
    let (de, en) = (de.or(en)?, en.or(de)?);
    Some(Text::new(en.trim(), de.trim()))
}

impl Described {
    pub(super) fn of(workspace: &Workspace) -> Result<Self, PublishError> {
        let site = &workspace.site;
        let datasets = workspace.pipelines.iter().map(Dataset::of).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            title: site.title.clone(),
            publisher: site.publisher.clone(),
            licence: site.licence.clone(),
            base_url: site.base_url.clone(),
            introduction: both(site.portal.introduction.as_ref(), site.portal.introduction_en.as_ref()),
            people: workspace.people.clone(),
            evidence_kept: workspace.retention.evidence.text(),
            kept_by_others: kept_by_others(workspace).into_iter().collect(),
            datasets,
        })
    }
}

impl Dataset {
    fn of(pipeline: &Pipeline) -> Result<Self, PublishError> {
        let sources = pipeline.feeds.iter().map(|feed| Source {
            name: feed.name.clone(),
            rights: feed.terms.licence.as_ref().map(|licence| match licence {
                Named::Known(licence) => licence.id.to_owned(),
                Named::Other(name) => name.clone(),
            }),
            attribution: feed.terms.attribution.clone(),
        });
        let tables = privacy_report::tables_of(pipeline)?;
        let columns = tables.iter().flat_map(|table| {
            let personal = table.columns.iter().filter(|column| column.personal || !column.published);
            personal.map(|column| Column {
                name: format!("{}.{}", table.table, column.column),
                is_published: column.published,
                how: column.how.clone(),
            })
        });
        Ok(Self {
            name: pipeline.dataset.clone(),
            description: both(pipeline.description.as_ref(), pipeline.description_en.as_ref()),
            sources: sources.collect(),
            privacy: pipeline.release.as_ref().map_or_else(Vec::new, |of| privacy_report::of_rules(&of.privacy)),
            columns: columns.collect(),
        })
    }
}
