//! What is told of captures one by one: the first of each kind, and of the others how many they are.

use std::collections::BTreeMap;

use crate::contract::Severity;
use crate::decode::Note;

/// Captures of a kind that are told one by one.
const TOLD: u64 = 100;

/// What is wrong with captures, by rule.
#[derive(Debug, Default)]
pub(super) struct CaptureNotes(BTreeMap<&'static str, u64>);

impl CaptureNotes {
    /// The note about a capture, if it is one of the first of its kind. `problem` stands behind its name.
    pub(super) fn note(&mut self, rule: &'static str, capture: &str, problem: &str) -> Option<Note> {
        let count = self.0.entry(rule).or_default();
        *count += 1;
        let message = || format!("'{capture}' {problem}");
        (*count <= TOLD).then(|| Note { rule, severity: Severity::Error, message: message() })
    }

    /// How many others there were, by rule.
    pub(super) fn others(&self) -> impl Iterator<Item = Note> {
        self.0.iter().filter(|(_, count)| **count > TOLD).map(|(rule, count)| Note {
            rule,
            severity: Severity::Error,
            message: format!("{} other captures are like that", count - TOLD),
        })
    }
}
