//! The answers of a catalogue that name datasets and tables (REST catalogue of Iceberg, `/v1/…`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::paths::{FOLDER, address, key};
use super::table::has;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::TableIndex;
use crate::publish::view_writer::ViewWriter;

/// The datasets that the bucket's catalogue has. One request.
pub(crate) fn datasets(bucket: &Bucket) -> Result<BTreeSet<String>, PublishError> {
    bucket.folders(&address("namespaces"))
}

/// What the catalogue says of a dataset. Its tables come before it, so that what is named is there.
pub(crate) fn dataset<'a>(
    writer: &mut ViewWriter<'_>,
    name: &str,
    tables: impl Iterator<Item = &'a TableIndex>,
) -> Result<(), PublishError> {
    of_dataset(name, tables).iter().try_for_each(|(name, answer)| put(writer, name, answer))
}

/// What the catalogue says first: that it is one, and which datasets it has.
pub(crate) fn home(writer: &mut ViewWriter<'_>, datasets: &BTreeSet<String>) -> Result<(), PublishError> {
    of_home(datasets).iter().try_for_each(|(name, answer)| put(writer, name, answer))
}

/// The answers about a dataset, by address.
pub(crate) fn of_dataset<'a>(name: &str, tables: impl Iterator<Item = &'a TableIndex>) -> [(String, Value); 2] {
    let named: BTreeSet<&str> = tables.filter(|index| has(index)).map(|index| index.table.as_str()).collect();
    let named = named.iter().map(|table| json!({ "namespace": [name], "name": table }));
    let namespace = address(&format!("namespaces/{name}"));
    [
        (format!("{namespace}/tables"), json!({ "identifiers": named.collect::<Vec<_>>() })),
        (namespace, json!({ "namespace": [name], "properties": {} })),
    ]
}

/// The answers that come first, by address.
pub(crate) fn of_home(datasets: &BTreeSet<String>) -> [(String, Value); 2] {
    let datasets: Vec<[&String; 1]> = datasets.iter().map(|name| [name]).collect();
    [
        (address("namespaces"), json!({ "namespaces": datasets })),
        (address("config"), json!({ "defaults": {}, "overrides": {} })),
    ]
}

/// Takes the catalogue away: what clients ask first, then what it leads to.
pub(crate) fn remove(writer: &mut ViewWriter<'_>) -> Result<(), PublishError> {
    let first = ["config", "namespaces"].map(|name| key(writer.bucket, &address(name)));
    let place = |name: &String| {
        let place = first.iter().position(|first| first == name).unwrap_or(first.len());
        // Manifests last: answers name them.
        (!name.starts_with(&address("")), place, name.split('/').count(), name.clone())
    };
    let mut names = writer.bucket.list(FOLDER)?;
    names.sort_by_key(place);
    names.iter().try_for_each(|name| writer.remove(name))
}

fn put(writer: &mut ViewWriter<'_>, address: &str, answer: &Value) -> Result<(), PublishError> {
    let key = key(writer.bucket, address);
    writer.put(&key, answer.to_string().into())
}
