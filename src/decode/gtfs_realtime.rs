//! GTFS-Realtime: protobuf snapshots become the tables `vehicle_positions`, `trip_updates` and `alerts`.

use crate::capture::{Capture, CaptureError};
use crate::contract::library::Library;
use crate::decode::{DecodeError, Decoded, Limits};
use crate::table::Origin;

/// Decodes a stream of snapshots. `origins` lists them in the order in which `captures` yields them.
pub fn decode(
    _origins: Vec<Origin>,
    _captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    _contracts: &Library,
    _limits: Limits,
) -> Result<Decoded, DecodeError> {
    todo!()
}
