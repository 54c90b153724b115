//! What became of the beats of a source of a workspace.

use std::time::Duration;

use jiff::Timestamp;

use crate::capture::CaptureError;
use crate::capture::beat::Grid;
use crate::capture::collector::{Collected, owned};
use crate::capture::coverage::{End, Explainer, Stretch};
use crate::capture::evidence::{FoundBeat, Store};
use crate::capture::record::BeatOutcome;
use crate::workspace::Workspace;

/// The longest that an answer is awaited of a source whose configuration is not known.
const SLOWEST: Duration = Duration::from_secs(3660);
/// Until the record of an answer is on the disk, at most.
const RECORDED: Duration = Duration::from_secs(30);

/// What is told beside the beats.
pub struct Explained {
    /// Records beyond the first of a beat of the period.
    pub repeated: u64,
    /// Bodies of the period that no beat asked for: asked by hand, by a run, or imported.
    pub other_bodies: u64,
    /// Whether a collector has asked the source at a beat, in this period or around it.
    pub is_collected: bool,
    /// What of the archives is damaged, for people.
    pub damage: Vec<String>,
}

/// Gives the beats of a source from an instant (included) until another (not included), and those around them, in the order of
/// time; none is given that is due now or later.
///
/// # Errors
/// An archive cannot be read.
pub fn explain(
    workspace: &Workspace,
    (store, source): (&Store, &str),
    (from, until, end): (Timestamp, Timestamp, Timestamp),
    give: &mut dyn FnMut(Stretch),
) -> Result<Explained, CaptureError> {
    let (collected, grid) = scheduled(workspace, source);
    let is_at_work = owned(&workspace.private).contains(source);
    let patience = collected.as_ref().map_or(SLOWEST, |collected: &Collected| collected.patience() + RECORDED);
    let end = End { at: end, at_work: is_at_work.then_some(patience) };
    let (known, newest_beat) = store.known(source);
    let known = known.map(|known| (known.digest, !known.validators.unreadable));
    let explainer = Explainer::new(give).knowing(known).counting(from, until).known_at(crate::time::now()).on(grid);
    let mut explained = read(explainer, (store, source), (from, until, end))?;
    explained.is_collected |= newest_beat.is_some();
    Ok(explained)
}

/// Gives the beats of a source of a period that is over, as [`explain`] does, from its records alone: whenever it is asked, the same
/// records come to the same. Behind the last of them no collector counts as at work, and of a body from before the first of them it is
/// not known whether it was what the source is to give.
///
/// # Errors
/// An archive cannot be read.
pub fn explain_past(
    workspace: &Workspace,
    (store, source): (&Store, &str),
    (from, until): (Timestamp, Timestamp),
    give: &mut dyn FnMut(Stretch),
) -> Result<(), CaptureError> {
    let (_, grid) = scheduled(workspace, source);
    let explainer = Explainer::new(give).counting(from, until).on(grid);
    read(explainer, (store, source), (from, until, End { at: until, at_work: None })).map(|_| ())
}

/// How a source is collected, and at which beats.
fn scheduled(workspace: &Workspace, source: &str) -> (Option<Collected>, Option<Grid>) {
    let scheduled = workspace.pipelines.iter().flat_map(|pipeline| pipeline.scheduled());
    let scheduled = scheduled.into_iter().find(|scheduled| scheduled.collected.name == source);
    scheduled.map_or((None, None), |scheduled| (Some(scheduled.collected), Some(scheduled.grid)))
}

/// Lets an explainer take the records of a period and those around it.
fn read(
    mut explainer: Explainer<'_>,
    (store, source): (&Store, &str),
    (from, until, end): (Timestamp, Timestamp, End),
) -> Result<Explained, CaptureError> {
    let (mut is_collected, mut other_bodies) = (false, 0);
    let damage = store.each_beat_record(source, from, until, &mut |found| match found {
        FoundBeat::Lost(from, until) => explainer.lose(from, until),
        FoundBeat::Record(record) => {
            let is_body = matches!(record.outcome, BeatOutcome::Body(_));
            other_bodies += u64::from(is_body && record.beat.is_none() && (from..until).contains(&record.at));
            is_collected |= record.beat.is_some();
            explainer.push(record);
        }
    })?;
    let repeated = explainer.finish(end);
    let damage = damage.into_iter().map(|damage| damage.message).collect();
    Ok(Explained { repeated, other_bodies, is_collected, damage })
}
