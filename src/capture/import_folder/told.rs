//! Which beats the records of a store tell of.

use jiff::{SignedDuration, Timestamp};

use crate::capture::beat::Beat;
use crate::capture::evidence::take_over::Record;
use crate::capture::record::Note;

/// The times of the beats that were asked or passed over, in their order and none within another.
pub(super) struct Told(Vec<(Timestamp, Timestamp)>);

impl Told {
    pub(super) fn new<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut spans: Vec<(Timestamp, Timestamp)> = records.filter_map(span).collect();
        spans.sort_unstable();
        let mut told: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(spans.len());
        for (from, until) in spans {
            match told.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => told.push((from, until)),
            }
        }
        Self(told)
    }

    /// Whether these records tell what a record of another store says: of passed over beats, of all of them; of a collector that began
    /// or ended, that there was one at work. `None` of a record that no beat left.
    pub(super) fn tells_of(&self, record: &Record) -> Option<bool> {
        let beat = record.beat?;
        Some(match record.note {
            // At its first beat another one may have been at work for long.
            Some(Note::Started { .. }) => {
                let every = record.every.unwrap_or(SignedDuration::ZERO);
                self.has(beat.due.saturating_sub(every).unwrap_or(Timestamp::MIN))
            }
            Some(Note::Stopped { .. }) => self.has(beat.due),
            Some(Note::Skipped { beats, .. }) => self.has_all(beat.due, beat.plus(beats - 1).due),
            _ => self.has(beat.due),
        })
    }

    fn has(&self, at: Timestamp) -> bool {
        self.has_all(at, at)
    }

    fn has_all(&self, first: Timestamp, last: Timestamp) -> bool {
        let behind = self.0.partition_point(|(from, _)| *from <= first);
        behind.checked_sub(1).and_then(|place| self.0.get(place)).is_some_and(|(_, until)| last < *until)
    }
}

/// From when its first beat is due until the one behind its last is.
fn span(record: &Record) -> Option<(Timestamp, Timestamp)> {
    let beat: Beat = record.beat?;
    let beats = match record.note {
        Some(Note::Started { .. } | Note::Stopped { .. }) => return None,
        Some(Note::Skipped { beats, .. }) => beats,
        _ => 1,
    };
    Some((beat.due, beat.plus(beats).due))
}
