//! The rules under which it is told what captures of mapped feeds are and have.

use crate::decode::captures::CaptureRules;

pub(super) const CAPTURE_RULES: CaptureRules = CaptureRules {
    unreadable: "mapped.no_document",
    bare_gzip: "mapped.bare_gzip",
    zero_time: "mapped.zero_time",
    early_rows: "mapped.early_rows",
    late_rows: "mapped.late_rows",
    // Such documents do not speak of changes.
    ..CaptureRules::all("mapped.no_document")
};
/// A document that is cut off or damaged.
pub(super) const BROKEN: &str = "mapped.broken_document";
/// Rows that are left out.
pub(super) const DAMAGED: &str = "mapped.damaged_row";
/// Values without a meaning in the table of values.
pub(super) const UNKNOWN: &str = "mapped.unknown_value";
/// Columns whose value stands in no row.
pub(super) const MISSING: &str = "mapped.path_not_found";
/// MQTT messages whose payload is no document.
pub(super) const MESSAGE: &str = "mapped.unreadable_message";
/// MQTT messages that came again.
pub(super) const REPEATED: &str = "mapped.repeated_message";
