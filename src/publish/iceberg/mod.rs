//! A catalogue of all tables that SQL engines attach: the answers of an Iceberg REST catalogue, as files that any web server gives.
//!
//! ```text
//! iceberg/v1/config                                           what clients ask first
//! iceberg/v1/namespaces                                       the datasets
//! iceberg/v1/namespaces/<dataset>                             that it is there
//! iceberg/v1/namespaces/<dataset>/tables                      its tables
//! iceberg/v1/namespaces/<dataset>/tables/<table>              the table's metadata, with its snapshots
//! iceberg/tables/<dataset>/<table>/v0000000007-<12>.avro      the manifest list of a snapshot, which is a version of the index
//! iceberg/tables/<dataset>/<table>/v0000000007-0-<12>.avro    its manifest
//! ```
//!
//! An address is an object and begins others, too, which a folder cannot have: there its file ends in `.json`. All is made from the
//! indexes of tables by functions that know no clock, so that the same releases make the same bytes, step by step or all at once.
//! Iceberg wants absolute addresses: without `base_url` there is no catalogue, and under another one all is made anew.
//!
//! Who reads while that is done: what a table's answer names is there before the answer, and manifests have other names under
//! another address, so that each answer is of one address as a whole; whoever holds an older answer finds its manifests gone
//! and asks again. A catalogue that is taken away goes from its first answer on: an engine is told that there is none, and finds
//! no half of it.

mod avro;
mod catalog;
mod manifest;
mod metadata;
mod paths;
mod schema;
mod stale;
mod table;

pub(crate) use self::catalog::{dataset, datasets, home, of_dataset, of_home, remove};
pub(crate) use self::metadata::keeps;
pub(crate) use self::paths::{FOLDER, table_address};
pub(crate) use self::stale::{Stale, stale};
pub(crate) use self::table::{Expected, ExpectedFile, expected, has, publish_table};

#[cfg(test)]
mod tests;
