//! What every rule has: an id, a dimension, a severity, and what happens to the rows that it flags.

use serde::{Deserialize, Serialize};

/// A rule's stable name, unique in the workspace: `vehicle_locations.position_in_service_area`,
/// `stop_times.stop_id.foreign_key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub String);

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// The seven dimensions of quality of ODCS 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    Accuracy,
    Completeness,
    Conformity,
    Consistency,
    Coverage,
    Timeliness,
    Uniqueness,
}

/// What happens when a rule flags rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFail {
    /// Tell, and publish the rows as they are.
    Report,
    /// Null the columns that the rule names; the row and its other facts live on.
    Invalidate,
    /// Hold the rows back, with the rule's id.
    Quarantine,
    /// Publish nothing of this run.
    Block,
}
