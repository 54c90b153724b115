//! Whether the catalogue in a bucket is the one of the address that is configured.

use std::fmt;

use serde_json::Value;

use super::paths::{address, key, table_address};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Why a catalogue is to be written anew, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// There is one, and no address is configured: no run writes it any more.
    Left,
    /// Releases are there, and none of them is in a catalogue.
    Missing,
    /// It has a dataset under another address: runs move only the datasets that they release.
    Moved { dataset: String, from: String, to: String },
    /// Something of it is gone or damaged.
    Damaged { key: String },
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str(
                "the bucket still has a catalogue for SQL engines below iceberg/, which grows old: 'bucket: base_url' is not set in \
                 fahrtenbuch.yaml. 'fahrtenbuch publish --rebuild' takes it away; or set 'base_url' again",
            ),
            Self::Missing => f.write_str(
                "'bucket: base_url' is set, and the bucket has no catalogue for SQL engines. 'fahrtenbuch publish --rebuild' makes it",
            ),
            Self::Moved { dataset, from, to } => write!(
                f,
                "the catalogue for SQL engines has {dataset} under {from}, and 'bucket: base_url' is {to}. 'fahrtenbuch publish \
                 --rebuild' writes all of it anew",
            ),
            Self::Damaged { key } => write!(
                f,
                "'{key}' of the catalogue for SQL engines is gone or damaged. 'fahrtenbuch publish --rebuild' writes it anew",
            ),
        }
    }
}

/// What is wrong with the catalogue of a bucket for an address. One request, and two for each of its datasets: the tables of a
/// dataset are moved together, so one of them tells of all.
pub(crate) fn stale(bucket: &Bucket, base_url: Option<&str>) -> Result<Option<Stale>, PublishError> {
    let key_of = |name: &str| key(bucket, &address(name));
    let Some(there) = bucket.get(&key_of("namespaces"))? else {
        let has_releases = || Ok::<bool, PublishError>(!bucket.page("meta", "", 1)?.sizes.is_empty());
        return Ok(if base_url.is_some() && has_releases()? { Some(Stale::Missing) } else { None });
    };
    let Some(base) = base_url.map(|url| url.trim_end_matches('/')) else { return Ok(Some(Stale::Left)) };
    let damaged = |key: String| Ok(Some(Stale::Damaged { key }));
    let there: Value = serde_json::from_slice(&there).unwrap_or_default();
    let Some(datasets) = there["namespaces"].as_array() else { return damaged(key_of("namespaces")) };
    for dataset in datasets.iter().map(|names| names[0].as_str().unwrap_or_default()) {
        let tables = key_of(&format!("namespaces/{dataset}/tables"));
        let Some(answer) = answer(bucket, &tables)? else { return damaged(tables) };
        let Some(table) = answer["identifiers"][0]["name"].as_str() else { continue };
        let own = table_address(dataset, table);
        let name = key(bucket, &own);
        let location = self::answer(bucket, &name)?;
        let location = location.as_ref().and_then(|answer| answer["metadata-location"].as_str());
        let Some(from) = location.and_then(|location| location.strip_suffix(&format!("/{own}"))) else {
            return damaged(name);
        };
        if from != base {
            let (dataset, from, to) = (dataset.to_owned(), from.to_owned(), base.to_owned());
            return Ok(Some(Stale::Moved { dataset, from, to }));
        }
    }
    Ok(None)
}

/// An answer of the catalogue, if it is there and can be understood.
fn answer(bucket: &Bucket, key: &str) -> Result<Option<Value>, PublishError> {
    Ok(bucket.get(key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
