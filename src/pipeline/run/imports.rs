//! What imports brought into the evidence of a pipeline's sources.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use crate::capture::imports::{self, ImportEntry};
use crate::ledger::{Captured, ImportRef};
use crate::pipeline::run::error::RunError;
use crate::pipeline::{FeedOrigin, Pipeline};
use crate::workspace::Workspace;

/// The folder in which the evidence of a feed is.
pub fn evidence_folder(workspace: &Workspace, from: &FeedOrigin) -> PathBuf {
    match from {
        FeedOrigin::Source(_) | FeedOrigin::Unknown => workspace.private.join("evidence"),
        FeedOrigin::Evidence(folder) => folder.path.clone(),
    }
}

/// The imports of a source of a pipeline.
pub fn imports_of(workspace: &Workspace, pipeline: &Pipeline, source: &str) -> Result<Vec<ImportEntry>, RunError> {
    let Some(feed) = pipeline.feeds.iter().find(|feed| feed.name == source) else { return Ok(Vec::new()) };
    let folder = evidence_folder(workspace, &feed.from);
    imports::read(&folder, source).map_err(|error| RunError::private(&imports::path(&folder, source), "read", &error))
}

/// The captures that imports brought, and which import brought each.
pub(super) fn imported(imports: &[ImportEntry]) -> HashMap<Captured, usize> {
    let of = |(place, import): (usize, &ImportEntry)| {
        import.captures.iter().map(move |capture| ((capture.captured_at, capture.sha256), place)).collect::<Vec<_>>()
    };
    imports.iter().enumerate().flat_map(of).collect()
}

/// The imports that brought some of these captures, as a record names them.
pub fn import_refs(imports: &[ImportEntry], captures: &[Captured]) -> Vec<ImportRef> {
    let imported = imported(imports);
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    let places = captures.iter().filter_map(|capture| imported.get(capture));
    places.for_each(|place| *counts.entry(*place).or_default() += 1);
    let of = |(place, captures): (usize, u64)| {
        let import = &imports[place];
        ImportRef { by: import.by.clone(), at: import.at, from: import.from.clone(), captures }
    };
    counts.into_iter().map(of).collect()
}
