//! What became of the beats of a source, for the commands that tell it.

use std::time::Duration;

use jiff::Timestamp;

use crate::capture::collector::{Collected, owned};
use crate::capture::coverage::{End, Explainer, Explanation, OffReason, Stretch};
use crate::capture::evidence::{FoundBeat, Store};
use crate::capture::record::{BeatOutcome, SkipReason};
use crate::capture::{CaptureError, FailureKind};
use crate::workspace::Workspace;

/// The longest that an answer is awaited of a source whose configuration is not known.
const SLOWEST: Duration = Duration::from_secs(3660);
/// Until the record of an answer is on the disk, at most.
const RECORDED: Duration = Duration::from_secs(30);

/// What is told beside the beats.
pub(super) struct Explained {
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
pub(super) fn explain(
    workspace: &Workspace,
    (store, source): (&Store, &str),
    (from, until, end): (Timestamp, Timestamp, Timestamp),
    give: &mut dyn FnMut(Stretch),
) -> Result<Explained, CaptureError> {
    let scheduled = workspace.pipelines.iter().flat_map(|pipeline| pipeline.scheduled());
    let scheduled = scheduled.into_iter().find(|scheduled| scheduled.collected.name == source);
    let (collected, grid) = scheduled.map(|scheduled| (scheduled.collected, scheduled.grid)).unzip();
    let is_at_work = owned(&workspace.private).contains(source);
    let patience = collected.as_ref().map_or(SLOWEST, |collected: &Collected| collected.patience() + RECORDED);
    let end = End { at: end, at_work: is_at_work.then_some(patience) };
    let (known, newest_beat) = store.known(source);
    let mut is_collected = newest_beat.is_some();
    let known = known.map(|known| (known.digest, !known.validators.unreadable));
    let mut other_bodies = 0;
    let mut explainer = Explainer::new(give).knowing(known).counting(from, until).known_at(crate::time::now()).on(grid);
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
    Ok(Explained {
        repeated,
        other_bodies,
        is_collected,
        damage: damage.into_iter().map(|damage| damage.message).collect(),
    })
}

/// What an explanation says to people.
pub(super) fn in_words(explanation: Explanation) -> String {
    match explanation {
        Explanation::Body => "bodies were kept".to_owned(),
        Explanation::Unchanged => "the source had nothing new".to_owned(),
        Explanation::Silent => "silent: there was a connection, and nothing came".to_owned(),
        Explanation::Frozen => "the feed is frozen: its header time stood still".to_owned(),
        Explanation::Unreadable => "what came is not what the source is to give".to_owned(),
        Explanation::Failed(kind) => failure_in_words(kind),
        Explanation::Skipped(reason) => match reason {
            SkipReason::Late => "skipped: the answer to an earlier beat was under way, or the machine slept",
            SkipReason::LeftAlone => "skipped: the source asked to be left alone (Retry-After)",
            SkipReason::NotKept => "skipped: the disk took no record",
            SkipReason::Ended => "skipped: the collector ended while the answer was under way",
        }
        .to_owned(),
        Explanation::Off(reason) => match reason {
            OffReason::Stopped => "off: the collector was stopped",
            OffReason::NotConfigured => "off: the configuration did not have the source",
            OffReason::Killed => "off: the collector ended without a word (killed, or the machine went down)",
        }
        .to_owned(),
        Explanation::UnderWay => "the answer is awaited".to_owned(),
        Explanation::Unexplained => {
            "UNEXPLAINED: a collector was at work and left no record, or the record is damaged".to_owned()
        }
    }
}

fn failure_in_words(kind: FailureKind) -> String {
    match kind {
        FailureKind::Refused => "failed: no connection, no such host, or no access".to_owned(),
        FailureKind::TimeOut => "failed: no answer, or not all of it, in time".to_owned(),
        FailureKind::Status(status) => format!("failed: the source answered {status}"),
        FailureKind::Tls => "failed: its certificate is not accepted".to_owned(),
        FailureKind::TooLarge => "failed: more bytes than 'max_bytes'".to_owned(),
        FailureKind::CutOff => "failed: the connection ended within the answer".to_owned(),
        FailureKind::Redirect => "failed: it redirects to where it is not followed".to_owned(),
        FailureKind::Unreadable => "what came is not what the source is to give".to_owned(),
        FailureKind::NotKept => "failed: the body came, and the disk did not take it".to_owned(),
        FailureKind::Other => "failed: see the problem in the record with 'fahrtenbuch evidence show'".to_owned(),
    }
}
