//! What stops a run until a person accepts it: evidence or a key that are other than the last record says.

use std::fmt;

use jiff::Timestamp;

use crate::decision::DecisionEntry;
use crate::digest::Digest;
use crate::ledger::{Captured, EvidenceEntry, capture_lines};
use crate::time::ServiceDate;

/// What is not as the last record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub pipeline: String,
    pub date: ServiceDate,
    pub(super) prepared_at: Timestamp,
    pub evidence: Vec<SourceChange>,
    pub key: Option<KeyChange>,
    /// Decisions that the record names and no file has.
    pub decisions: Vec<DecisionEntry>,
    /// Whether there is evidence of the date.
    pub is_evidence_left: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceChange {
    pub source: String,
    /// What the record says of it.
    pub known: EvidenceEntry,
    pub missing: Vec<Captured>,
    pub extra: Vec<Captured>,
    /// Whether the list of captures is there, so that it is known which ones are meant.
    pub(super) is_listed: bool,
    /// What there is until the last capture that the record knows.
    pub(super) found: usize,
    /// All that there is now.
    pub now: Vec<Captured>,
}

impl SourceChange {
    /// What is accepted by whoever accepts this.
    pub fn accepted(&self) -> (Digest, String) {
        let lines = capture_lines(&self.now);
        (Digest::of(lines.as_bytes()), lines)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    pub known: Digest,
    /// None if there is no key.
    pub now: Option<Digest>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.evidence.is_empty() && self.key.is_none() && self.decisions.is_empty()
    }

    /// What differs, one line each.
    pub fn lines(&self) -> Vec<String> {
        let count = |captures: &[Captured], what: &str| {
            let first = captures.first().map_or_else(String::new, |(at, _)| format!(", the first of {at}"));
            let noun = if captures.len() == 1 { "capture" } else { "captures" };
            (!captures.is_empty()).then(|| format!("{} {noun} {what}{first}", captures.len()))
        };
        let mut lines = Vec::new();
        for change in &self.evidence {
            let known = &change.known;
            let told = if change.is_listed {
                let parts = [
                    count(&change.missing, "that the record names missing"),
                    count(&change.extra, "came in between that the record does not name"),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
            } else {
                let last = known.last.map_or_else(String::new, |last| format!(" until {last}"));
                let (named, found) = (known.captures, change.found);
                format!("the record counts {named} captures{last}, and {found} are there, not all of them the same")
            };
            lines.push(format!("{}: {told}", change.source));
        }
        match &self.key {
            Some(KeyChange { now: None, .. }) => lines.push(format!("the key of {} is gone", self.date)),
            Some(_) => lines.push(format!("the key of {} was replaced: all pseudonyms would be others", self.date)),
            None => {}
        }
        if let Some(first) = self.decisions.first() {
            let ids: Vec<&str> = self.decisions.iter().map(|entry| entry.id.0.as_str()).collect();
            let (what, is) = if ids.len() == 1 { ("decision", "is") } else { ("decisions", "are") };
            lines.push(format!(
                "{} {what} that the record names {is} gone from the private store, or changed: {} ({} by {}, of {})",
                ids.len(),
                ids.join(", "),
                first.kind,
                first.by,
                first.at
            ));
        }
        lines
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pipeline, date, prepared_at, .. } = self;
        writeln!(f, "what is there of {date} is not what its last record, of {prepared_at}, says went in:")?;
        for line in self.lines() {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "Nothing was published. Bring back what is missing, from a backup; or accept what there is, on purpose:\n  \
             fahrtenbuch evidence accept {pipeline} --date {date} --by NAME --reason TEXT"
        )
    }
}
