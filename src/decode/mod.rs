//! Decode: captured bytes become typed chunks of rows.
//!
//! Takes captures and the contracts of the format's tables; makes [`Decoded`], one stream of [`Step`]s over all tables of the
//! feed. Holds a bounded number of chunks at a time, never a whole table: it works chunk by chunk. One folder per format, and
//! one line of [`FORMATS`]; what a format is says [`format::Format`]. Formats of messages make their rows with a
//! [`rows::RowBuilder`], and [`captures`] has what is told of them whatever the format. [`gtfs`] also gives the columns of a
//! whole feed, for the rules that look at all of it.

mod capture_notes;
pub mod captures;
pub(crate) mod csv;
mod decoded;
mod error;
pub mod format;
pub mod formats;
pub mod gtfs;
pub mod gtfs_realtime;
mod limits;
mod mapped;
mod partition;
pub mod rows;
pub mod snapshot;
pub mod unread;

pub use self::decoded::{Decoded, Head, Note, Step, Steps};
pub use self::error::DecodeError;
pub use self::formats::FORMATS;
pub use self::limits::Limits;
