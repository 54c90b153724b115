//! What is collected for a pipeline, read without its contracts: a mistake in a rule must not keep positions from being kept.

use std::path::Path;
use std::time::Duration;

use crate::capture::collector::{Collected, REALTIME_UNCHANGED, Scheduled, TIMETABLE_UNCHANGED};
use crate::capture::source::Source;
use crate::decode::format::Partitioning;
use crate::pipeline::config::{format, max_bytes, sources};
use crate::pipeline::{Feed, FeedOrigin, Pipeline};
use crate::yaml::{self, Problem, Problems};

/// Between two beats where a source does not say otherwise.
const REALTIME_EVERY: Duration = Duration::from_secs(15);
const TIMETABLE_EVERY: Duration = Duration::from_secs(3600);

/// Reads the sources of a pipeline's file that are asked, and nothing else of it.
///
/// # Errors
/// The mistakes in what decides how they are asked.
pub(crate) fn sources_of(root: &Path, file: &Path) -> Result<Vec<Scheduled>, Vec<Problem>> {
    let node = yaml::read(file)?;
    let mut problems = Problems::new(file);
    let format = format(&mut problems, &node);
    let feeds = sources::feeds(root, &node, max_bytes(format), &mut problems);
    match format {
        Some(format) if problems.found.is_empty() => Ok(scheduled(&feeds, format.wanted(&node), format.partitioning())),
        _ => Err(problems.found),
    }
}

impl Pipeline {
    /// Its sources that are asked.
    pub fn scheduled(&self) -> Vec<Scheduled> {
        scheduled(&self.feeds, self.decoder.wanted(), self.partitioning())
    }
}

fn scheduled(feeds: &[Feed], wanted: crate::capture::payload::Wanted, partitioning: Partitioning) -> Vec<Scheduled> {
    let (unchanged, every) = match partitioning {
        Partitioning::CapturedDay => (TIMETABLE_UNCHANGED, TIMETABLE_EVERY),
        Partitioning::ServiceDay => (REALTIME_UNCHANGED, REALTIME_EVERY),
    };
    let live = feeds.iter().filter_map(|feed| match &feed.from {
        FeedOrigin::Source(source) => Some((feed, source.clone())),
        FeedOrigin::Evidence(_) | FeedOrigin::Unknown => None,
    });
    live.map(|(feed, source)| {
        let collected = Collected { name: feed.name.clone(), source, wanted, unchanged };
        // What sends by itself has the beats of its frames.
        let sends = matches!(collected.source, Source::Mqtt { .. });
        if sends { Scheduled::of_frames(collected) } else { Scheduled::new(collected, feed.every.unwrap_or(every)) }
    })
    .collect()
}
