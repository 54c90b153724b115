//! What the newest captures of a pipeline's sources have and no column is made of.

use crate::capture::CaptureError;
use crate::capture::evidence::{self, Entry};
use crate::decode::Limits;
use crate::decode::unread::Unread;
use crate::pipeline::Pipeline;
use crate::pipeline::run::context::now;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::evidence_store;
use crate::time;
use crate::workspace::Workspace;

/// Captures of a source that are looked into. A source changes what it says with a new version of its program, for all captures to come.
const LOOKED_INTO: usize = 4;

/// What is not read of a source; of how many captures that is known.
pub struct UnreadOfSource {
    pub source: String,
    pub captures: usize,
    pub unread: Unread,
}

/// Looks into the newest captures of each source.
///
/// # Errors
/// The evidence cannot be read.
pub fn unread(workspace: &Workspace, pipeline: &Pipeline) -> Result<Vec<UnreadOfSource>, RunError> {
    let limits = Limits::within(workspace.memory);
    let of_feed = |feed: &crate::pipeline::Feed| {
        let store = evidence_store(workspace, &feed.from);
        let captures = if pipeline.is_timetable() { 1 } else { LOOKED_INTO };
        let newest = store.newest_first(&feed.name, time::future(now())).filter(|entry| match entry {
            Ok(entry) => !entry.is_revisit,
            // What is damaged is told where its date is run.
            Err(error) => !matches!(error, CaptureError::Damaged { .. }),
        });
        let entries = newest.take(captures).collect::<Result<Vec<Entry>, _>>()?;
        let mut found =
            UnreadOfSource { source: feed.name.clone(), captures: entries.len(), unread: Unread::default() };
        for capture in evidence::read(entries) {
            found.unread.extend(pipeline.decoder.unread(&capture?, &pipeline.contracts, limits));
        }
        Ok(found)
    };
    pipeline.feeds.iter().map(of_feed).collect()
}
