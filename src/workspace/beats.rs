//! What became of the beats of a source of a workspace.

use std::time::Duration;

use jiff::Timestamp;

use crate::capture::CaptureError;
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
    /// What of the archives is damaged, for people.
    pub damage: Vec<String>,
}

/// Gives the beats of a source from an instant (included) until another (not included), and those around them, in the order of
/// time; none is given that is due at the end or after it.
///
/// # Errors
/// An archive cannot be read.
pub fn explain(
    workspace: &Workspace,
    (store, source): (&Store, &str),
    (from, until, end): (Timestamp, Timestamp, Timestamp),
    give: &mut dyn FnMut(Stretch),
) -> Result<Explained, CaptureError> {
    let scheduled = workspace.pipelines.iter().flat_map(|pipeline| pipeline.scheduled());
    let collected = scheduled.map(|scheduled| scheduled.collected).find(|collected| collected.name == source);
    let is_at_work = owned(&workspace.private).contains(source);
    let patience = collected.as_ref().map_or(SLOWEST, |collected: &Collected| collected.patience() + RECORDED);
    let end = End { at: end, at_work: is_at_work.then_some(patience) };
    let known = store.known(source).0.map(|known| (known.digest, !known.validators.unreadable));
    let mut other_bodies = 0;
    let mut explainer = Explainer::new(give).knowing(known).counting(from, until);
    let damage = store.each_beat_record(source, from, until, &mut |found| match found {
        FoundBeat::Lost(from, until) => explainer.lose(from, until),
        FoundBeat::Record(record) => {
            let is_body = matches!(record.outcome, BeatOutcome::Body(_));
            other_bodies += u64::from(is_body && record.beat.is_none() && (from..until).contains(&record.at));
            explainer.push(record);
        }
    })?;
    let repeated = explainer.finish(end);
    Ok(Explained { repeated, other_bodies, damage: damage.into_iter().map(|damage| damage.message).collect() })
}
