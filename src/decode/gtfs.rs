//! GTFS Schedule: a zip archive of CSV files becomes one table per file.

use bytes::Bytes;

use crate::contract::library::Library;
use crate::decode::{DecodeError, Decoded, Limits};
use crate::table::Origin;

/// Opens a GTFS archive held in memory. `name` is for messages; `origin` says when it was captured.
pub fn decode(
    _name: &str,
    _archive: Bytes,
    _origin: &Origin,
    _contracts: &Library,
    _limits: Limits,
) -> Result<Decoded, DecodeError> {
    todo!()
}
