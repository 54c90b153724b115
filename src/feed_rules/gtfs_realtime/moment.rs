//! What a rule of GTFS-Realtime looks at: a snapshot, the one before, and the timetable.

use std::sync::Arc;

use jiff::Timestamp;

use crate::decode::gtfs::Words;
use crate::decode::snapshot::{Header, Snapshot};
use crate::feed_rules::rule::Subject;

/// A snapshot, and what is known beside it.
pub struct Moment {
    pub now: Snapshot,
    /// Of the snapshot before, from the same source; the first has none.
    pub before: Option<Header>,
    /// The trips of the timetable, or why there are none.
    pub timetable: Result<Arc<TripIds>, String>,
}

/// What a rule needs.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    pub timetable: bool,
}

impl Subject for Moment {
    type Needs = Needs;
    type Part = Shown;

    fn blocker(&self, needs: &Needs) -> Option<String> {
        self.timetable.as_ref().err().filter(|_| needs.timetable).cloned()
    }
}

/// A part of an example: snapshots come in their order, ten seconds apart.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// The trips of the timetable.
    Timetable(&'static [&'static str]),
    /// A snapshot with this header timestamp, 0 for none; and the trips that its entities name, each with its
    /// `schedule_relationship`.
    At(u64, &'static [(&'static str, Option<&'static str>)]),
    /// A snapshot with this header timestamp, 0 for none, that was captured so many seconds later.
    Late(u64, i64),
}

impl Shown {
    /// What the program looks at.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (timestamp, late, trips) = match *self {
            Self::Timetable(_) => return None,
            Self::At(timestamp, trips) => (timestamp, 0, trips),
            Self::Late(timestamp, late) => (timestamp, late, &[][..]),
        };
        let captured_at = Timestamp::from_second(timestamp.cast_signed() + late).unwrap_or_default();
        Some(Snapshot::of(Header { captured_at, timestamp: Some(timestamp).filter(|t| *t != 0) }, trips))
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Timetable(ids) => vec![format!("trips.txt: {}", ids.join(", "))],
            Self::Late(timestamp, late) => {
                vec![format!("snapshot with header timestamp {timestamp}, captured {late} seconds later")]
            }
            Self::At(timestamp, trips) => {
                let trip = |(id, relationship): &(&str, Option<&str>)| {
                    format!("  entity with trip_id {id}, {}", relationship.unwrap_or("no schedule_relationship"))
                };
                std::iter::once(format!("snapshot with header timestamp {timestamp}"))
                    .chain(trips.iter().map(trip))
                    .collect()
            }
        }
    }
}

/// The ids of all trips of a timetable, of whatever date.
#[derive(Default)]
pub struct TripIds(Words);

impl TripIds {
    pub fn of<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let mut words = Words::default();
        ids.for_each(|id| _ = words.intern(id.as_bytes()));
        Self(words)
    }

    pub fn has(&self, id: &[u8]) -> bool {
        self.0.find(id).is_some()
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.0.bytes_with(0, 0)
    }
}
