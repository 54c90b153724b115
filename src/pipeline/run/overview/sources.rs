//! What an overview is made of, and what is asked of it again and again.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::portal::Table;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{IndexFile, TableIndex};
use crate::report::Quality;
use crate::report::results::Listed;
use crate::time::ServiceDate;

/// What an overview is made of.
pub(in crate::pipeline::run) struct Sources<'a> {
    pub bucket: &'a Bucket,
    pub dataset: &'a str,
    pub zone: &'a TimeZone,
    /// Bytes that may be held.
    pub memory: usize,
    /// With their newest indexes.
    pub tables: &'a [Table],
    /// The newest results, which were read already.
    pub results: &'a [Quality],
    /// At least the newest dates that have results.
    pub listed: &'a Listed,
    /// Dates that are looked at whatever is kept of them: that of the run, and those whose results have just changed.
    pub dates: BTreeSet<ServiceDate>,
    /// Whether what is kept counts nothing.
    pub is_anew: bool,
}

/// The newest file of a table.
pub(super) fn newest_file(index: &TableIndex) -> Option<&IndexFile> {
    index.files.last()
}

/// Whether a table has a column now.
pub(super) fn has(index: &TableIndex, name: &str) -> bool {
    index.columns.iter().any(|column| !column.gone && column.name == name)
}

/// What a file has, or nothing if it cannot be read: a page must not keep today's data from being published, and `check --bucket` tells
/// of the damage.
pub(super) fn readable<T>(read: Result<Option<T>, PublishError>) -> Result<Option<T>, PublishError> {
    match read {
        Err(
            error @ (PublishError::Damaged { .. }
            | PublishError::Newer { .. }
            | PublishError::Vanished { .. }
            | PublishError::Budget(_)),
        ) => {
            tracing::warn!("the pages leave out what cannot be read: {error}");
            Ok(None)
        }
        read => read,
    }
}
