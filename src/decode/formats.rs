//! The list of all formats.

use crate::decode::format::Format;
use crate::decode::gtfs::format::Gtfs;
use crate::decode::gtfs_realtime::format::GtfsRealtime;
use crate::decode::mapped::Mapped;

/// All formats that a pipeline can name.
///
/// ```
/// # use fahrtenbuch::decode::{FORMATS, format::Partitioning};
/// let timetables = FORMATS.iter().filter(|format| format.partitioning() == Partitioning::CapturedDay);
/// assert_eq!(timetables.map(|format| format.name()).collect::<Vec<_>>(), ["gtfs"]);
/// ```
pub static FORMATS: &[&dyn Format] = &[&Gtfs, &GtfsRealtime, &Mapped];

/// The format of this name.
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The names of all formats.
pub fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}
