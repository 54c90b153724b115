//! The sources that commands about evidence know: those of pipelines, and those with evidence that no pipeline names any more.

use jiff::Timestamp;

use crate::capture::evidence::Store;
use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::pipeline::run::{RunError, date_of, evidence_store};
use crate::pipeline::{FeedOrigin, Pipeline};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::suggestion;

/// A source and its evidence.
pub(super) struct Source<'a> {
    pub name: String,
    /// `None` if none names it.
    pub pipeline: Option<&'a Pipeline>,
    pub store: Store,
}

impl Source<'_> {
    /// The date of whose partition a capture is evidence first; the local date where no pipeline names the source.
    pub(super) fn date_of(&self, workspace: &Workspace, at: Timestamp) -> ServiceDate {
        match self.pipeline {
            Some(pipeline) => date_of(workspace, pipeline, at),
            None => ServiceDate::local_date_of(at, &workspace.zone),
        }
    }

    /// Whether its evidence is our own.
    pub(super) fn is_own(&self) -> bool {
        let mut feeds = self.pipeline.iter().flat_map(|pipeline| &pipeline.feeds);
        feeds.all(|feed| feed.name != self.name || feed.from.folder().is_none())
    }

    /// For messages: the pipeline's name.
    pub(super) fn pipeline_name(&self) -> Option<&str> {
        self.pipeline.map(|pipeline| pipeline.name.as_str())
    }
}

/// All of them; those that several pipelines name once for each.
pub(super) fn sources(workspace: &Workspace) -> Result<Vec<Source<'_>>, Exit> {
    let own = || evidence_store(workspace, &FeedOrigin::Unknown);
    let feeds = workspace.pipelines.iter().flat_map(|pipeline| pipeline.feeds.iter().map(move |feed| (pipeline, feed)));
    let mut sources: Vec<Source<'_>> = feeds
        .map(|(pipeline, feed)| {
            let store = evidence_store(workspace, &feed.from);
            Source { name: feed.name.clone(), pipeline: Some(pipeline), store }
        })
        .collect();
    let kept = own().known_sources().map_err(|error| failed(&error.into(), false, None))?;
    let left: Vec<String> = kept.into_iter().filter(|name| sources.iter().all(|source| source.name != *name)).collect();
    sources.extend(left.into_iter().map(|name| Source { name, pipeline: None, store: own() }));
    Ok(sources)
}

/// Tells of the sources that could not be read, behind what is told of the others. The exit code is that of the worst error.
pub(super) fn tell_unread(unread: &[(String, RunError)]) -> Exit {
    let exits = unread.iter().map(|(source, error)| failed(error, false, Some(source)));
    exits.max().unwrap_or(Exit::Done)
}

/// What to write in the place of a name that no source has, nor a pipeline where those may be named, too.
pub(super) fn suggested(name: &str, sources: &[Source<'_>], has_pipelines: bool) -> String {
    let pipelines = sources.iter().filter_map(|source| source.pipeline_name()).filter(|_| has_pipelines);
    let mut names: Vec<&str> = pipelines.chain(sources.iter().map(|source| source.name.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    suggestion(name, &names)
}
