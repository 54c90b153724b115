//! The names of what belongs to the catalogue.

use crate::publish::bucket::Bucket;

/// Where all of it is.
pub(crate) const FOLDER: &str = "iceberg";
/// How all addresses begin.
const ADDRESSES: &str = "iceberg/v1/";

/// An address of the catalogue, by what comes after its version.
pub(super) fn address(name: &str) -> String {
    format!("{ADDRESSES}{name}")
}

/// The address of a table.
pub(crate) fn table_address(dataset: &str, table: &str) -> String {
    address(&format!("namespaces/{dataset}/tables/{table}"))
}

/// Where a table's manifests are.
pub(super) fn folder(dataset: &str, table: &str) -> String {
    format!("iceberg/tables/{dataset}/{table}")
}

/// The name of an address in a bucket. In a folder it ends in `.json`, for a file cannot be the folder of others, too.
pub(super) fn key(bucket: &Bucket, address: &str) -> String {
    let ending = if bucket.folder().is_some() { ".json" } else { "" };
    format!("{address}{ending}")
}
