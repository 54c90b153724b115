//! What a verification of the private store has found so far.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::verify::Fault;
use crate::text::Text;

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub archives: u64,
    pub archive_bytes: u64,
    /// Dates of pipelines whose last record was compared with what is there.
    pub dates: u64,
    /// Captures that their records name.
    pub captures: u64,
    /// Dates of pipelines that were destroyed by rule, or earlier as somebody decided.
    pub purged: u64,
    /// Captures that records name and that were destroyed with another date.
    pub purged_captures: u64,
    pub day_keys: u64,
    pub signing_keys: u64,
    pub quarantine_rows: u64,
    pub decisions: u64,
    pub journal: u64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub faults: Vec<Fault>,
    /// What is no fault, or was not looked at, and why.
    pub notes: Vec<Text>,
    pub counts: Counts,
    /// The places of faults, by the file that each is about.
    places: BTreeMap<String, usize>,
}

impl Findings {
    /// Tells a fault, unless one of the same file is told.
    pub(crate) fn tell(&mut self, fault: Fault) {
        if !self.places.contains_key(&fault.path) {
            self.places.insert(fault.path.clone(), self.faults.len());
            self.faults.push(fault);
        }
    }

    /// The fault of a file whose name begins so, with whatever folders before it.
    pub(super) fn of_file(&mut self, source: &str, stem: &str) -> Option<&mut Fault> {
        let from = format!("evidence/{source}/");
        let mut names = self.places.range(from.clone()..).take_while(|(path, _)| path.starts_with(&from));
        let place = names.find(|(path, _)| path.rsplit('/').next().is_some_and(|name| name.starts_with(stem)))?;
        let place = *place.1;
        self.faults.get_mut(place)
    }
}

pub(crate) fn text(en: impl Into<String>, de: impl Into<String>) -> Text {
    Text::new(en, de)
}
