//! What a run knows before it reads a row.

use crate::contract::Severity;
use crate::decode::Note;
use crate::ledger::CheckoutEntry;
use crate::pipeline::run::beats::Beats;
use crate::pipeline::run::comparison::{self, Comparison};
use crate::pipeline::run::context::{RunContext, now};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::gap;
use crate::pipeline::run::inputs::{Begun, Decided, begin, day_key, decisions};
use crate::pipeline::run::last_record::{LastRecord, last_record};
use crate::pipeline::run::run_inputs::RunInputs;
use crate::time::ServiceDate;
use crate::workspace::{Workspace, checkout};

/// Everything that is known before a row is read: evidence, what rules look at beside it, decisions, and with them all inputs.
pub(super) struct Selected {
    pub partition: Partition,
    /// What the rules look at beside the evidence.
    pub inputs: RunInputs,
    pub decided: Decided,
    /// What came of the sources hour by hour, where something is derived of it.
    pub beats: Beats,
    pub begun: Begun,
    /// The record of the partition's last run.
    pub last: Option<LastRecord>,
    /// How many captures were received on the date.
    pub captures: usize,
    /// Nothing was received on the date, and what is missing of it is told all the same if no report belongs to it.
    pub may_be_gap: bool,
    pub is_complete: bool,
}

impl Selected {
    /// # Errors
    /// What the last record of the partition says of its evidence is not what is there, and nobody accepted that.
    pub(super) fn new(run: &RunContext<'_>, mut partition: Partition) -> Result<Self, RunError> {
        let RunContext { workspace, pipeline, bucket, .. } = *run;
        let (started_at, today) = (now(), run.today());
        let is_complete = partition.is_complete;
        let captures = partition.captures(&workspace.zone);
        let accepted = comparison::accepted(workspace, today)?;
        let inputs = RunInputs::find(workspace, pipeline, partition.date, bucket)?;
        let last = last_record(bucket, workspace, pipeline, partition.date)?;
        if let Some(last) = &last {
            let timetable = inputs.timetable_entry();
            let comparison = Comparison { workspace, pipeline, bucket, partition: &partition, timetable, last };
            let (changes, notes) = comparison.changes(&accepted)?;
            if !changes.is_empty() {
                return Err(RunError::Changed(Box::new(changes)));
            }
            partition.notes.extend(notes);
        }
        let decided = decisions(workspace, pipeline, partition.date, &accepted, today)?;
        let may_be_gap = gap::may_be(workspace, pipeline, &partition)?;
        let beats = Beats::of(workspace, pipeline, &partition)?;
        let (checkout, note) = checkout_of(workspace);
        partition.notes.extend(note);
        let key = day_key(run, partition.date)?;
        let mut begun = begin(run, &partition, (&inputs, &beats), &decided, key, started_at)?;
        begun.record.checkout = checkout;
        Ok(Self { partition, inputs, decided, beats, begun, last, captures, may_be_gap, is_complete })
    }

    pub(super) fn date(&self) -> ServiceDate {
        self.partition.date
    }

    /// Whether what the last record says of the quarantine is still so.
    pub(super) fn has_quarantine(&self, run: &RunContext<'_>) -> bool {
        let gone = |last: &LastRecord| last.quarantine_gone(run.workspace, run.pipeline, self.date());
        self.last.as_ref().is_none_or(|last| gone(last).is_empty())
    }
}

/// What the record says of the git checkout that the workspace is, and why it does not say all.
fn checkout_of(workspace: &Workspace) -> (Option<CheckoutEntry>, Option<Note>) {
    let note = |unread: checkout::Unread| {
        let message = format!("the workspace is a git checkout, of which the record does not say all: {unread}");
        Note { rule: "run.checkout_not_read", severity: Severity::Info, message }
    };
    match checkout::look(workspace) {
        Ok(None) => (None, None),
        Ok(Some(found)) => {
            let (clean, unread) = (found.is_clean.ok(), found.is_clean.err());
            (Some(CheckoutEntry { commit: found.commit, clean }), unread.map(note))
        }
        Err(unread) => (None, Some(note(unread))),
    }
}
