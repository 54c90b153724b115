//! The rules under which it is told what captures of GTFS-Realtime are and have.

use crate::decode::captures::CaptureRules;

pub(in crate::decode) const CAPTURE_RULES: CaptureRules = CaptureRules {
    unreadable: "gtfs_realtime.no_message",
    bare_gzip: "gtfs_realtime.bare_gzip",
    differential: "gtfs_realtime.differential",
    deleted: "gtfs_realtime.deleted_entity",
    zero_time: "gtfs_realtime.zero_time",
    early_rows: "gtfs_realtime.early_rows",
    late_rows: "gtfs_realtime.late_rows",
};
