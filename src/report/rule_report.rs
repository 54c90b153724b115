//! What one rule came to in a run.

use serde::{Deserialize, Serialize};

use crate::check::RuleResult;
use crate::contract::{Dimension, OnFail, RuleId, Severity};
use crate::ledger::is_zero;

/// What a rule came to. A rule is known by its contract and its id: a feed and its release may both have a table `alerts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleReport {
    pub id: RuleId,
    pub table: String,
    pub contract: String,
    pub contract_version: String,
    /// Whether the table is one that is published; otherwise it is the feed's, which another one is made from.
    pub released: bool,
    pub dimension: Dimension,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub asks: Evaluates,
    pub result: RuleResult,
    /// Rows that the rule named.
    pub rows: u64,
    /// Of those, rows that the data manager released: it did not hold them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_released: u64,
    /// Rows that it looked at.
    pub checked: u64,
    /// What a metric came to, or a query that returns a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What must be true.
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_de: Option<String>,
    /// What was found, where that says more than the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The same in German, without what must be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_de: Option<String>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Evaluates {
    /// Every row by itself, so that some may conform and others not.
    Rows,
    /// One number over the table, which is what it must be or not.
    Number,
}

impl RuleReport {
    /// Whether it is one of those that keep a run from being published.
    pub(crate) fn blocks(&self) -> bool {
        self.result.blocks(self.severity, self.on_fail)
    }
}
