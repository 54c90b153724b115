//! What a contract promises of its table as a service: `slaProperties` of ODCS 3.1.
//!
//! ```yaml
//! slaProperties:
//!   - {property: latency, value: 60, unit: s, element: vehicle_locations.event_timestamp}
//! ```
//!
//! | property | what is looked at | holds if |
//! |---|---|---|
//! | `freshness` | the newest value of the element, a timestamp | it is at most so much older than the last capture of the run, or than the end of the last trip planned before it |
//! | `latency` | for each row the time from the element to the capture that it came in | it is at most so long for 95 percent of the rows |
//! | `completeness` | the slots of five minutes of the service date, from the first to the last planned time of the timetable, or reported time without one | at least so many percent of them have a value of the element |
//! | `retention` | the table's released partitions | none is older than that, seen from this one |
//!
//! They are looked at over the rows that pass, as metrics are, and tell; they hold nothing back. Other properties of an
//! agreement (price, support, availability of a server) say nothing of the data and are left to people.

use crate::contract::rule::RuleId;

/// One promise.
#[derive(Clone, Debug, PartialEq)]
pub struct SlaTerm {
    /// `vehicle_locations.sla.latency`.
    pub id: RuleId,
    pub line: u32,
    pub kind: SlaKind,
    pub description: Option<String>,
}

/// Columns are places in the contract.
#[derive(Clone, Debug, PartialEq)]
pub enum SlaKind {
    Freshness { column: usize, seconds: i64 },
    Latency { column: usize, seconds: i64 },
    Completeness { column: usize, percent: f64 },
    Retention { days: i64 },
}
