//! What is known of those who are asked to confirm the log: `<private>/keys/signing/asked.json`. Losing it only asks once more.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::ledger::log::cosignature::CosignerKey;
use crate::pipeline::run::error::RunError;
use crate::pipeline::signing_keys::folder;
use crate::workspace::Workspace;

/// How long nobody is asked again who did not answer: a run shall not wait for him each time.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// What is known of one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Entries of the newest checkpoint that was confirmed.
    pub size: u64,
    /// When it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// Why it was not the last time, and since when that has been so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub since: Timestamp,
    pub said: String,
    /// It does not go away by itself: somebody has to look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_refusal: bool,
}

impl Asked {
    /// Whether he may be asked now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let waits = |tried: Timestamp| tried <= now && now.duration_since(tried) < PAUSE;
        self.problem.is_none() || !self.tried.is_some_and(waits)
    }

    pub(super) fn confirmed(&mut self, size: u64, now: Timestamp) {
        *self = Self { size, at: Some(now), tried: Some(now), problem: None };
    }

    pub(super) fn failed(&mut self, said: String, is_refusal: bool, now: Timestamp) {
        self.tried = Some(now);
        let since = self.problem.as_ref().map_or(now, |problem| problem.since);
        self.problem = Some(Problem { since, said, is_refusal });
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AllAsked {
    /// By the key.
    #[serde(default)]
    pub(super) witnesses: BTreeMap<String, Asked>,
    #[serde(default)]
    pub timestamps: Asked,
}

impl AllAsked {
    /// What is known of a witness, by its key.
    pub(crate) fn of_witness(&self, key: &CosignerKey) -> Option<&Asked> {
        self.witnesses.get(&key.to_string())
    }

    /// What cannot be understood is forgotten.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self, RunError> {
        let path = folder(&workspace.private).join("asked.json");
        match durable::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(RunError::private(&path, "read", &error)),
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        }
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<(), RunError> {
        let path = folder(&workspace.private).join("asked.json");
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| durable::write(&path, &text));
        written.map_err(|error| RunError::private(&path, "written", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_answer_is_asked_again_after_a_pause_and_since_when_is_kept() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut asked = Asked::default();
        assert!(asked.is_due(at("2026-11-27T10:00:00Z")));
        asked.failed("down".to_owned(), false, at("2026-11-27T10:00:00Z"));
        assert!(!asked.is_due(at("2026-11-27T10:09:59Z")) && asked.is_due(at("2026-11-27T10:10:00Z")));
        // A clock that was ahead keeps nobody waiting.
        assert!(asked.is_due(at("2026-11-27T09:00:00Z")));
        asked.failed("still down".to_owned(), false, at("2026-11-27T10:10:00Z"));
        let problem = asked.problem.clone().unwrap();
        assert_eq!((problem.since, problem.said.as_str()), (at("2026-11-27T10:00:00Z"), "still down"));
        asked.confirmed(12, at("2026-11-27T10:20:00Z"));
        assert!(asked.is_due(at("2026-11-27T10:20:01Z")) && asked.problem.is_none());
    }
}
