//! A file that a record names beside the one that was made again: by digest first, then by rows.

use std::path::Path;

use crate::contract::Contract;
use crate::durable;
use crate::pipeline::Pipeline;
use crate::pipeline::replay::answer::{ComparedFile, PublishedState, Verdict};
use crate::pipeline::replay::reason::ReplayError;
use crate::pipeline::replay::request::Expected;
use crate::pipeline::replay::rows::{RowDifferences, differences};
use crate::pipeline::run::RunError;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::compare::same_rows;
use crate::publish::index;
use crate::publish::parquet::Staged;

/// Where files are compared.
pub(super) struct Comparison<'a> {
    pub bucket: &'a Bucket,
    pub pipeline: &'a Pipeline,
    /// For a copy of a file of a bucket that is elsewhere.
    pub scratch: &'a Path,
}

/// What the bucket has of a file.
pub(super) fn state(
    bucket: &Bucket,
    (dataset, table): (&str, &str),
    path: &str,
    bytes: u64,
    sha256: &crate::digest::Digest,
) -> Result<PublishedState, PublishError> {
    if bucket.damage_of(path, bytes, sha256)?.is_none() {
        return Ok(PublishedState::Whole);
    }
    let is_there = bucket.sizes(path.rsplit_once('/').map_or("", |(folder, _)| folder))?.contains_key(path);
    if is_there {
        return Ok(PublishedState::Changed);
    }
    let current = index::current(bucket, dataset, table)?;
    let is_named = current.is_some_and(|index| {
        // Of what was withdrawn the first publication is named for ever, and is gone.
        let is_first = index.first.iter().any(|(date, first)| first.path == path && !index.is_deleted(*date, path));
        is_first
            || index.files.iter().any(|file| file.path == path)
            || index.months.iter().any(|month| month.path == path)
    });
    Ok(if is_named { PublishedState::Missing } else { PublishedState::Gone })
}

impl Comparison<'_> {
    pub(super) fn file(&self, expected: &Expected, made: Option<&Staged>) -> Result<ComparedFile, ReplayError> {
        let Expected { table, file } = expected;
        let of = (self.pipeline.dataset.as_str(), table.as_str());
        let published = state(self.bucket, of, &file.path, file.bytes, &file.sha256)?;
        let mut compared = ComparedFile {
            table: table.clone(),
            path: file.path.clone(),
            verdict: Verdict::NotMade,
            published,
            sha256: file.sha256,
            replayed_sha256: made.map(|made| made.digest),
            rows: file.rows,
            replayed_rows: made.map(|made| made.rows),
            differences: None,
        };
        let Some(made) = made else { return Ok(compared) };
        compared.verdict = if made.digest == file.sha256 { Verdict::Equal } else { Verdict::Differs };
        let is_to_look_into = match published {
            PublishedState::Whole => compared.verdict != Verdict::Equal,
            PublishedState::Changed => true,
            PublishedState::Gone | PublishedState::Missing => false,
        };
        if is_to_look_into {
            let (is_same, differences) = self.rows(table, &file.path, made)?;
            compared.differences = differences;
            if is_same && compared.verdict == Verdict::Differs {
                compared.verdict = Verdict::SameRows;
            }
        }
        Ok(compared)
    }

    /// Whether the rows are the same, and what differs; nothing of a file that is no Parquet any more.
    fn rows(&self, table: &str, path: &str, made: &Staged) -> Result<(bool, Option<RowDifferences>), ReplayError> {
        let open = || -> Result<_, ReplayError> {
            let published = self.bucket.open_file(path, &self.scratch.join("published.parquet"))?;
            let made =
                durable::open_to_read(&made.path).map_err(|error| RunError::private(&made.path, "read", &error))?;
            Ok((published, made))
        };
        let (published, replayed) = open()?;
        if same_rows(published, replayed).unwrap_or(false) {
            return Ok((true, None));
        }
        let (published, replayed) = open()?;
        let released = self.pipeline.released();
        let contract = released.iter().find(|contract| contract.table == table);
        Ok((false, differences(&published, &replayed, &contract.map_or_else(Vec::new, |of| key(of))).ok()))
    }
}

/// The names of the columns of a table's primary key.
fn key(contract: &Contract) -> Vec<String> {
    contract.names(&contract.primary_key).into_iter().map(|name| name.to_string()).collect()
}
