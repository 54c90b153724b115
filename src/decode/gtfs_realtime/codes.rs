//! The code lists of GTFS-Realtime: numbers and their names, as its reference has them.

use crate::decode::rows::Cell;

/// The value of an enum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Code {
    #[default]
    Absent,
    Name(&'static str),
    /// A number without a name.
    Number(i32),
}

impl Code {
    /// Reads the number of a code list. One without a name does not replace a name that stands before it.
    pub(super) fn read(&mut self, names: &[(u64, &'static str)], value: u64) {
        let value = value as i32;
        match names.iter().find(|(number, _)| *number as i32 == value) {
            Some((_, name)) => *self = Code::Name(name),
            None if !matches!(self, Code::Name(_)) => *self = Code::Number(value),
            None => {}
        }
    }

    pub(super) fn name(self) -> Option<&'static str> {
        if let Code::Name(name) = self { Some(name) } else { None }
    }
}

impl From<Code> for Cell<'_> {
    fn from(code: Code) -> Self {
        match code {
            Code::Absent => Cell::Absent,
            Code::Name(name) => Cell::Name(name),
            Code::Number(number) => Cell::Int(i64::from(number)),
        }
    }
}

pub(super) const STOP_STATUS: &[(u64, &str)] = &[(0, "INCOMING_AT"), (1, "STOPPED_AT"), (2, "IN_TRANSIT_TO")];
pub(super) const CONGESTION: &[(u64, &str)] = &[
    (0, "UNKNOWN_CONGESTION_LEVEL"),
    (1, "RUNNING_SMOOTHLY"),
    (2, "STOP_AND_GO"),
    (3, "CONGESTION"),
    (4, "SEVERE_CONGESTION"),
];
pub(super) const OCCUPANCY: &[(u64, &str)] = &[
    (0, "EMPTY"),
    (1, "MANY_SEATS_AVAILABLE"),
    (2, "FEW_SEATS_AVAILABLE"),
    (3, "STANDING_ROOM_ONLY"),
    (4, "CRUSHED_STANDING_ROOM_ONLY"),
    (5, "FULL"),
    (6, "NOT_ACCEPTING_PASSENGERS"),
    (7, "NO_DATA_AVAILABLE"),
    (8, "NOT_BOARDABLE"),
];
pub(super) const TRIP_RELATIONSHIP: &[(u64, &str)] = &[
    (0, "SCHEDULED"),
    (1, "ADDED"),
    (2, "UNSCHEDULED"),
    (3, "CANCELED"),
    (5, "REPLACEMENT"),
    (6, "DUPLICATED"),
    (7, "DELETED"),
    (8, "NEW"),
];
pub(super) const STOP_RELATIONSHIP: &[(u64, &str)] =
    &[(0, "SCHEDULED"), (1, "SKIPPED"), (2, "NO_DATA"), (3, "UNSCHEDULED")];
pub(super) const CAUSE: &[(u64, &str)] = &[
    (1, "UNKNOWN_CAUSE"),
    (2, "OTHER_CAUSE"),
    (3, "TECHNICAL_PROBLEM"),
    (4, "STRIKE"),
    (5, "DEMONSTRATION"),
    (6, "ACCIDENT"),
    (7, "HOLIDAY"),
    (8, "WEATHER"),
    (9, "MAINTENANCE"),
    (10, "CONSTRUCTION"),
    (11, "POLICE_ACTIVITY"),
    (12, "MEDICAL_EMERGENCY"),
    (13, "SPECIAL_EVENT"),
];
pub(super) const EFFECT: &[(u64, &str)] = &[
    (1, "NO_SERVICE"),
    (2, "REDUCED_SERVICE"),
    (3, "SIGNIFICANT_DELAYS"),
    (4, "DETOUR"),
    (5, "ADDITIONAL_SERVICE"),
    (6, "MODIFIED_SERVICE"),
    (7, "OTHER_EFFECT"),
    (8, "UNKNOWN_EFFECT"),
    (9, "STOP_MOVED"),
    (10, "NO_EFFECT"),
    (11, "ACCESSIBILITY_ISSUE"),
];
pub(super) const SEVERITY_LEVEL: &[(u64, &str)] =
    &[(1, "UNKNOWN_SEVERITY"), (2, "INFO"), (3, "WARNING"), (4, "SEVERE")];
