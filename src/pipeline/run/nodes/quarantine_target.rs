//! Where the rows of one table are held back, what was decided of them, and which of those held before are not any more.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::Timestamp;

use crate::check::Quarantined;
use crate::contract::Severity;
use crate::decode::Note;
use crate::ledger::LeftQuarantine;
use crate::pipeline::journal::HeldFile;
use crate::pipeline::run::error::RunError;
use crate::quarantine::decisions::{Decider, Decisions, Effect};
use crate::quarantine::reconciliation::{Reconciliation, ReconciliationError};
use crate::quarantine::{Identity, RowId, Stage, Writer};
use crate::table::Budget;

/// Where a run keeps the rows that it holds back.
pub(in crate::pipeline::run) struct QuarantineFolder {
    /// Where the files wait until the run is prepared.
    pub staging: PathBuf,
    /// Where they come to stand, and those of the run before are.
    pub folder: PathBuf,
    pub run: String,
    pub held_at: Timestamp,
}

/// The quarantine of one table.
pub(in crate::pipeline::run) struct QuarantineTarget {
    table: String,
    folder: PathBuf,
    /// Of rows of the feed, and of rows of the release.
    identities: [Arc<Identity>; 2],
    writers: [Writer; 2],
    decisions: Arc<Decisions>,
    /// Rows that decisions were about.
    decided: BTreeSet<RowId>,
    pub reconciliation: Reconciliation,
}

impl QuarantineTarget {
    /// Looks at what is in quarantine. Where that cannot be read, nothing can be said of it, which is noted.
    pub(crate) fn new(
        table: &str,
        identities: [Arc<Identity>; 2],
        decisions: Arc<Decisions>,
        place: &QuarantineFolder,
        budget: &Budget,
    ) -> (Self, Option<Note>) {
        let writers = Stage::BOTH.map(|stage| {
            let path = place.staging.join(stage.file(table));
            Writer::new(path, &place.run, place.held_at)
        });
        let (reconciliation, note) = reconcile(&identities, table, place, budget);
        let (table, folder, decided) = (table.to_owned(), place.folder.clone(), BTreeSet::new());
        (Self { table, folder, identities, writers, decisions, decided, reconciliation }, note)
    }

    /// The decisions about rows of a check.
    pub(crate) fn decider(&self, stage: Stage) -> Decider {
        Decider::new(self.decisions.clone(), self.identities[stage as usize].clone())
    }

    /// The id of a row of a check, and what was decided of it.
    pub(crate) fn decided_of(&self, stage: Stage, rows: &RecordBatch, row: usize) -> (RowId, Option<Effect>) {
        let id = self.identities[stage as usize].of(rows, row);
        (id, self.decisions.get(id).cloned())
    }

    pub(crate) fn hold(&mut self, stage: Stage, held: &Quarantined) -> Result<(), RunError> {
        let identity = &self.identities[stage as usize];
        let ids: Vec<RowId> = (0..held.rows.num_rows()).map(|row| identity.of(&held.rows, row)).collect();
        self.reconciliation.held(stage, &held.rows, &ids);
        Ok(self.writers[stage as usize].push(identity, &held.rows, &ids, &held.rules)?)
    }

    /// Decisions were about these rows of a check.
    pub(crate) fn decided(&mut self, stage: Stage, rows: BTreeSet<RowId>) {
        if !rows.is_empty() {
            self.reconciliation.decided(stage);
        }
        self.decided.extend(rows);
    }

    pub(crate) fn spare_decisions(&self) -> Option<Note> {
        let spare = self.decisions.rows().filter(|row| !self.decided.contains(row)).count();
        spare_decisions(&self.table, spare)
    }

    /// Closes the files. `dropped` rows were dropped by rules and decisions. Tells which rows left, and how many entered.
    pub(crate) fn finish(self, dropped: u64) -> Result<(Vec<HeldFile>, (LeftQuarantine, u64)), RunError> {
        let mut files = Vec::new();
        for (stage, writer) in Stage::BOTH.into_iter().zip(self.writers) {
            files.push(HeldFile { staged: writer.finish()?, file: self.folder.join(stage.file(&self.table)) });
        }
        Ok((files, self.reconciliation.finish(dropped)))
    }
}

/// Reads what the quarantine of a table has before the run, or notes why that is not known.
fn reconcile(
    identities: &[Arc<Identity>; 2],
    table: &str,
    place: &QuarantineFolder,
    budget: &Budget,
) -> (Reconciliation, Option<Note>) {
    let [feed, release] = identities;
    let mut reconciliation = Reconciliation::new(feed.clone(), release.clone());
    for stage in Stage::BOTH {
        let Err(error) = reconciliation.read(stage, &place.folder.join(stage.file(table)), budget) else { continue };
        tracing::warn!("the quarantine of '{table}': {error}");
        let (rule, problem) = match error {
            ReconciliationError::TooMany => ("quarantine.too_many_rows", error.to_string()),
            ReconciliationError::Quarantine(_) => ("quarantine.unreadable", "it could not be read".to_owned()),
        };
        let message = format!("the quarantine of '{table}': {problem}. Which of its rows left it is not known");
        let note = Note { rule, severity: Severity::Warning, message };
        return (Reconciliation::new(feed.clone(), release.clone()), Some(note));
    }
    (reconciliation, None)
}

/// Tells that decisions were about rows that no rule holds any more.
pub(in crate::pipeline::run) fn spare_decisions(table: &str, count: usize) -> Option<Note> {
    let (decisions, rows) = if count == 1 { ("decision", "a row") } else { ("decisions", "rows") };
    (count > 0).then(|| Note {
        rule: "quarantine.decision_without_row",
        severity: Severity::Warning,
        message: format!(
            "{count} {decisions} about '{table}' had nothing to do: no rule holds {rows} like that, because the evidence, \
             a rule or a mapping has changed"
        ),
    })
}
