//! GTFS Schedule: read once, as columns for the rules that look at a whole feed, and as chunks for publication.
//!
//! One thread inflates a file, cuts blocks of whole records and finds their fields. Another turns each block into columns:
//! ids and text become integer codes ([`Words`]), times seconds, dates days, coordinates floats. What cannot be read is a
//! [`CellFlaw`] with its row, and a file that cannot be read at all has a [`Status`] that says so; nothing of it ends the
//! reading of the other files, because a report has to tell everything that is wrong ([`read`]). It holds all columns in
//! memory, some 30 bytes per stop time.
//!
//! Publication refuses what cannot be published, and its chunks have every flaw. [`decode_whole`] makes them from the same
//! columns, beside the rules that look at them, [`decode`] and [`decode_needed`] straight from the blocks, without holding
//! any of the feed.

mod archive;
mod cells;
mod chunks;
mod columns;
pub(crate) mod format;
mod geojson;
mod header;
mod inflate;
pub mod json;
mod publish;
mod read;
mod reader;
mod source;
mod timetable;
mod unread;
mod words;

pub use cells::{Bits, CellFlaw, Column, EXCERPT, Flaws, Kind, NO_INT};
pub use publish::{decode, decode_needed, decode_whole};
pub use read::read;
pub use source::Package;
pub use timetable::{Failure, FailureKind, HeaderFlaw, Status, Table, Timetable, TimetableReading};
pub use words::{NONE, Words};
