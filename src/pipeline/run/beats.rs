//! What came of the sources of a run, hour by hour of the service day: an input of what is derived of it, and of nothing else.
//!
//! Beats are those that `evidence gaps` counts, of the hours in which reports belong to the date: from 3:00 until 3:00 of the next day,
//! so that each beat counts for one date. Notes of failures are no evidence of rows; their digest by source is an input of its own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::capture::coverage::{Explanation, Stretch};
use crate::capture::evidence::{Entry, Store};
use crate::derive::derivation::{SourceHour, SourceHours};
use crate::derive::line_hours::{hour_of, hour_start};
use crate::digest::Digest;
use crate::ledger::Input;
use crate::pipeline::Pipeline;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::Partition;
use crate::pipeline::run::reading::Source;
use crate::time::ServiceDay;
use crate::workspace::Workspace;
use crate::workspace::beats::explain_past;

/// The kind of the input.
const BEATS: &str = "beats";

/// Whether a pipeline derives something of its own runs.
pub(super) fn reads_run(pipeline: &Pipeline) -> bool {
    pipeline.derived.iter().any(|derived| derived.derivation.reads_run())
}

/// The hours of the sources, in the order of the pipeline.
#[derive(Default)]
pub(super) struct Beats {
    names: Vec<Arc<str>>,
    hours: Vec<SourceHour>,
}

/// The beats of an hour.
#[derive(Default)]
struct Hour {
    beats: u64,
    good: u64,
    /// The others by what they came to.
    bad: BTreeMap<String, u64>,
}

impl Beats {
    /// Of a pipeline that derives nothing of them, none.
    ///
    /// # Errors
    /// An archive cannot be read.
    pub(super) fn of(workspace: &Workspace, pipeline: &Pipeline, partition: &Partition) -> Result<Self, RunError> {
        let mut found = Self::default();
        if !reads_run(pipeline) {
            return Ok(found);
        }
        let day = ServiceDay::new(partition.date, &workspace.zone);
        let period = day.reports.start..until(&day, partition);
        for (place, (name, store, entries)) in partition.evidence.iter().enumerate() {
            found.names.push(name.as_str().into());
            let hours = hours(workspace, (store, name, entries), &day, &period)?;
            found.hours.extend(hours.into_iter().map(|of| SourceHour { source: place as u32, ..of }));
        }
        Ok(found)
    }

    /// As the record of a run has them: by the names of its sources, in the order of the pipeline, and the inputs that [`Self::inputs`] gave
    /// it. `None` if an input does not tell its hours, as those of an earlier version of this program.
    pub(super) fn of_inputs<'a>(names: impl Iterator<Item = &'a str>, inputs: &[Input]) -> Option<Self> {
        let mut found = Self::default();
        for (place, name) in names.enumerate() {
            let input = inputs.iter().find(|input| input.kind == BEATS && input.name == name)?;
            let value = input.value.as_ref().filter(|value| Digest::of(value.as_bytes()) == input.sha256)?;
            for line in value.lines() {
                found.hours.push(SourceHour { source: place as u32, ..hour_of_line(line)? });
            }
            found.names.push(name.into());
        }
        Some(found)
    }

    /// What decides rows: of each source a digest of its hours, each a line of the hour, the beats, those that gave what the source is
    /// to give, and what most of the others came to; `-` where there is none.
    pub(super) fn inputs(&self) -> impl Iterator<Item = Input> {
        self.names.iter().enumerate().map(|(place, name)| {
            let hours = self.hours.iter().filter(|of| of.source as usize == place);
            let lines = hours.map(|SourceHour { hour, expected, received, reason, .. }| {
                let expected = expected.map_or_else(|| "-".to_owned(), |beats| beats.to_string());
                format!("{hour} {expected} {received} {}\n", reason.as_deref().unwrap_or("-"))
            });
            Input::of_value(BEATS, name, lines.collect())
        })
    }

    /// With the source of each origin.
    pub(super) fn of_origins(self, origins: &[Source]) -> SourceHours {
        let Self { names, hours } = self;
        if names.is_empty() {
            return SourceHours::default();
        }
        let place = |name: &Arc<str>| names.iter().position(|other| other == name).unwrap_or(usize::MAX) as u32;
        let of_origins = origins.iter().map(|(name, _)| place(name)).collect();
        SourceHours { names, of_origins, hours }
    }
}

/// An hour as a line of an input has it.
fn hour_of_line(line: &str) -> Option<SourceHour> {
    let mut words = line.splitn(4, ' ');
    let hour = words.next()?.parse().ok()?;
    let expected = match words.next()? {
        "-" => None,
        beats => Some(beats.parse().ok()?),
    };
    let received = words.next()?.parse().ok()?;
    let reason = words.next().filter(|word| *word != "-").map(str::to_owned);
    Some(SourceHour { source: 0, hour, expected, received, reason })
}

/// Until when the hours of a date count: to its end, or until its newest capture where it is not over, so that a run of the same
/// evidence finds the same.
fn until(day: &ServiceDay, partition: &Partition) -> Timestamp {
    if partition.is_complete {
        return day.reports.end;
    }
    let entries = partition.evidence.iter().flat_map(|(.., entries)| entries).map(|entry| entry.captured_at);
    let newest = entries.filter(|at| day.reports.contains(at)).max().unwrap_or(day.reports.start);
    newest.saturating_add(SignedDuration::from_millis(1)).unwrap_or(newest).min(day.reports.end)
}

/// What came of a source in each hour of a period.
fn hours(
    workspace: &Workspace,
    (store, name, entries): (&Store, &str, &[Entry]),
    day: &ServiceDay,
    period: &Range<Timestamp>,
) -> Result<Vec<SourceHour>, RunError> {
    let zero = day.window.start.as_millisecond();
    let [from, until] = [period.start, period.end].map(Timestamp::as_millisecond);
    let Some(first) = hour_of(zero, from).filter(|_| from < until) else { return Ok(Vec::new()) };
    let Some(last) = hour_of(zero, until - 1) else { return Ok(Vec::new()) };
    let mut found: Vec<Hour> = (first..=last).map(|_| Hour::default()).collect();
    let mut give = |stretch: Stretch| {
        let Some(stretch) = stretch.within(from, until) else { return };
        let place = |at: Timestamp| hour_of(zero, at.as_millisecond()).unwrap_or(first);
        for hour in place(stretch.due(0))..=place(stretch.due(stretch.beats - 1)) {
            let part = stretch.within(hour_start(zero, hour), hour_start(zero, hour + 1));
            let of_hour = usize::try_from(hour - first).ok().and_then(|at| found.get_mut(at));
            if let (Some(Stretch { beats, explanation, .. }), Some(of_hour)) = (part, of_hour) {
                of_hour.beats += beats;
                match explanation.is_good() {
                    true => of_hour.good += beats,
                    false => *of_hour.bad.entry(word(explanation)).or_default() += beats,
                }
            }
        }
    };
    explain_past(workspace, (store, name), (period.start, period.end), &mut give)?;
    let mut captures = vec![0; found.len()];
    for entry in entries.iter().filter(|entry| period.contains(&entry.captured_at)) {
        let hour = hour_of(zero, entry.captured_at.as_millisecond()).map(|hour| hour - first);
        if let Some(captures) = hour.and_then(|at| captures.get_mut(usize::try_from(at).ok()?)) {
            *captures += 1;
        }
    }
    let of = |(hour, (of, captures)): (i32, (Hour, u64))| {
        let is_known = of.beats > 0;
        // Of two that are as many the first by name.
        let worst = of.bad.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(&one.0)));
        SourceHour {
            source: 0,
            hour,
            expected: is_known.then_some(of.beats),
            received: if is_known { of.good } else { captures },
            reason: worst.map(|(word, _)| word),
        }
    };
    Ok((first..).zip(found.into_iter().zip(captures)).map(of).collect())
}

/// What a beat came to, as it is published.
fn word(explanation: Explanation) -> String {
    match explanation {
        Explanation::Off(reason) => format!("off_{}", reason.name()),
        other => other.class().name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_come_back_from_the_inputs_of_a_record_and_not_from_changed_ones() {
        let hour = |source, hour, expected, reason: Option<&str>| SourceHour {
            source,
            hour,
            expected,
            received: 3,
            reason: reason.map(str::to_owned),
        };
        let hours = vec![hour(0, 3, Some(4), Some("off_killed")), hour(0, 26, None, None), hour(1, 3, Some(3), None)];
        let beats = Beats { names: vec!["a".into(), "b".into()], hours: hours.clone() };
        let mut inputs: Vec<Input> = beats.inputs().collect();
        let of = |inputs: &[Input]| Beats::of_inputs(["a", "b"].into_iter(), inputs);
        let found = of(&inputs).unwrap();
        assert_eq!((found.names, found.hours), (beats.names, hours));
        inputs[0].value = Some("3 4 4 -\n".to_owned());
        assert!(of(&inputs).is_none());
        inputs[0] = Input::of_value(BEATS, "a", "three\n".to_owned());
        assert!(of(&inputs).is_none());
        assert!(of(&inputs[1..]).is_none());
    }
}
