//! GTFS-Realtime: protobuf snapshots become the tables `vehicle_positions`, `trip_updates` and `alerts`.
//!
//! A row of `vehicle_positions` is one vehicle entity; of `trip_updates` one stop time update (or a trip update without
//! any); of `alerts` one informed entity in one period. Presence is kept: what a snapshot does not say is null, also where
//! the standard names a default. Enums are their names; a number without a name stays a number. A time of 0 is none.
//!
//! Everything that the encoding allows is read as the libraries of protobuf read it: fields in any order, messages in several
//! parts, unknown fields. An entity that is damaged, or whose rows would take more than [`Limits::entity_bytes`], is left out
//! whole; those behind it are read. Rows are given out between entities and booked on the run's [`Budget`] before they are
//! made, so that a message of any kind takes a bounded number of bytes.
//!
//! Field numbers and names: <https://gtfs.org/documentation/realtime/proto/>, version 2.0, as of July 2026.

mod alert;
mod codes;
mod descriptors;
pub(crate) mod format;
mod message;
pub(super) mod rules;
mod sheet;
mod stream;
mod tables;
#[cfg(test)]
mod tests;
mod trip_update;
mod unread;
mod vehicle;

use self::stream::Stream;
use self::tables::Tables;
pub use self::tables::{columns, is_single};
use crate::capture::{Capture, CaptureError, payload};
use crate::contract::library::Library;
pub use crate::decode::captures::{Contents, Only, Read, SOURCE, Strays};
use crate::decode::format::DecodeInput;
use crate::decode::partition::Skips;
use crate::decode::{DecodeError, Decoded, Limits};
use crate::protobuf::{Value, fields};
use crate::table::{Budget, Origin};

/// Decodes a stream of snapshots. `origins` lists them in the order in which `captures` yields them.
///
/// A snapshot that is broken or cut off gives its whole entities up to there and a note; it does not end the stream. Of every
/// snapshot a [`Step::Read`] says what it gave, and what it says as a whole. The message and the rows that are being made are booked on `budget`.
pub fn decode(
    origins: Vec<Origin>,
    captures: Box<dyn Iterator<Item = Result<Capture, CaptureError>> + Send>,
    contracts: &Library,
    limits: Limits,
    budget: Budget,
) -> Result<Decoded, DecodeError> {
    let tables = Tables::new(contracts, &budget, None)?;
    Ok(Stream::new(origins.into(), captures, limits, tables, budget).decoded())
}

/// The same, but with the rows of one partition alone. All captures must be of the evidence of its date.
pub fn decode_only(input: DecodeInput<'_>) -> Result<Decoded, DecodeError> {
    let DecodeInput { origins, captures, contracts, limits, budget, only } = input;
    let tables = Tables::new(contracts, &budget, Some(&only))?;
    Ok(Stream::new(origins.into(), captures, limits, tables, budget).skipping(Skips::new(&only)).decoded())
}

/// Whether a capture is a message with a vehicle's position. What is broken has none.
pub fn has_positions(capture: &Capture, limits: Limits) -> bool {
    let Ok(unpacked) = payload::unpacked(capture, limits.message_bytes) else { return false };
    let is_position =
        |entity: &[u8]| fields(entity).flatten().any(|field| matches!(field, (vehicle::FIELD, Value::Bytes(_))));
    fields(&unpacked.body).flatten().any(|field| matches!(field, (2, Value::Bytes(entity)) if is_position(entity)))
}
