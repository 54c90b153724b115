//! Jobs that are at work for much longer than usual.

use super::known::{Known, cause};
use crate::notify::{Cause, Trouble};
use crate::schedule::hanging::{hanging, hanging_chores};

pub(super) fn causes(known: &Known<'_>) -> Vec<Cause> {
    let warn = known.workspace.runs.warn;
    let of = |job: String, date, since| cause(Trouble::RunHangs { job, date }, since);
    let runs = hanging(known.facts, known.log, warn, known.now);
    // Of several of a pipeline the one that hangs for the longest time.
    let mut causes: Vec<Cause> = Vec::new();
    for (key, since) in runs {
        match causes.iter_mut().find(|other| other.subject() == key.pipeline) {
            Some(other) if other.since <= since => {}
            Some(other) => *other = of(key.pipeline, key.date, since),
            None => causes.push(of(key.pipeline, key.date, since)),
        }
    }
    let chores = hanging_chores(known.facts, known.log, warn, known.now);
    causes.extend(chores.into_iter().map(|(name, since)| of(name, None, since)));
    causes
}
