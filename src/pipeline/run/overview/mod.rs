//! Keeps what the pages tell of all days of a dataset, see [`Overview`].
//!
//! A run reads it, looks at what has changed since and writes it again, so that a day more costs the same however many there are. What
//! follows from the bucket alone (days, tables, hours) is the same in whichever order dates were run; changes and versions are in the
//! order in which they were released.
//!
//! Another run may write it meanwhile. Who finds other bytes than it has read before it writes begins anew ([`update`]), and who finds
//! other bytes than its own afterwards looks again ([`Written::is_kept`]). A date that is lost all the same is looked at by the
//! next run, since its files are of other records than is said, or its results are among the newest; only of an older date that was
//! run again and held back, while another run wrote in the same moment, the results before that stay until the date is run again or
//! `publish --rebuild` makes all anew.

mod changes;
mod days;
mod hours;
mod network;
mod previews;
mod sources;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(super) use self::sources::Sources;
use self::sources::readable;
use crate::portal::overview::{self, MapContent, Overview};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::view_writer::ViewWriter;

/// How often it is made anew while others write it.
const ROUNDS: usize = 10;

/// An overview that was written, or was there.
pub(super) struct Written {
    pub overview: Overview,
    /// None of a dataset of which there is nothing to tell yet.
    bytes: Option<Bytes>,
}

/// Brings the overview of a dataset up to date.
pub(super) fn update(sources: &Sources<'_>, writer: &mut ViewWriter<'_>) -> Result<Written, PublishError> {
    let key = overview::path(sources.dataset);
    let mut there = sources.bucket.get(&key)?;
    for round in 1.. {
        let before = there.as_deref().and_then(|bytes| read(bytes, sources.dataset));
        let overview = next(sources, before.as_ref(), writer)?;
        let text = overview.write();
        let bytes: Bytes =
            text.unwrap_or_else(|error| crate::internal::impossible("writing an overview", error)).into();
        let is_empty = overview.days.is_empty() && overview.versions.is_empty();
        if there.as_ref() == Some(&bytes) || (there.is_none() && is_empty) {
            return Ok(Written { overview, bytes: there });
        }
        // Reading the files took a while.
        let now = sources.bucket.get(&key)?;
        if now == there || round == ROUNDS {
            writer.put_changed(&key, bytes.clone())?;
            return Ok(Written { overview, bytes: Some(bytes) });
        }
        there = now;
    }
    Ok(Written { overview: Overview::of(sources.dataset), bytes: None })
}

impl Written {
    /// Whether nobody has written another one since.
    pub(super) fn is_kept(&self, bucket: &Bucket) -> Result<bool, PublishError> {
        Ok(bucket.get(&overview::path(&self.overview.dataset))? == self.bytes)
    }
}

/// The overview of a dataset as it is kept, whatever has changed since.
pub(super) fn kept(bucket: &Bucket, dataset: &str) -> Result<Overview, PublishError> {
    let there = bucket.get(&overview::path(dataset))?;
    Ok(there.and_then(|bytes| read(&bytes, dataset)).unwrap_or_else(|| Overview::of(dataset)))
}

fn read(bytes: &[u8], dataset: &str) -> Option<Overview> {
    Overview::read(bytes).filter(|read| read.dataset == dataset)
}

/// What follows what was there before. Where all is made anew, this is used for days alone of which nothing else tells any more.
fn next(
    sources: &Sources<'_>,
    before: Option<&Overview>,
    writer: &mut ViewWriter<'_>,
) -> Result<Overview, PublishError> {
    let kept = before.filter(|_| !sources.is_anew);
    let mut overview = Overview::of(sources.dataset);
    overview.days = days::days(sources, before.map(|before| &before.days))?;
    (overview.changes, overview.versions) = changes::changes(sources, kept)?;
    overview.tables = previews::previews(sources, kept.map(|kept| &kept.tables))?;
    overview.hours = hours::hours(sources, kept.and_then(|kept| kept.hours.as_ref()))?;
    overview.map = map(sources, kept.and_then(|kept| kept.map.as_ref()), writer)?;
    Ok(overview)
}

/// What the map shows, drawn anew where a file that it is drawn from is another one.
fn map(
    sources: &Sources<'_>,
    kept: Option<&MapContent>,
    writer: &mut ViewWriter<'_>,
) -> Result<Option<MapContent>, PublishError> {
    let Sources { bucket, dataset, tables, memory, .. } = *sources;
    readable(network::map((bucket, dataset), tables, memory, kept, writer))
}
