//! Beats: when a source is asked, on a grid of wall-clock time that no restart moves.
//!
//! A source is asked at all instants `t` for which `t ≡ offset (mod every)`, counted from the Unix epoch. The offset comes from the
//! source's name, so that many sources of one interval are not asked in the same instant, and is the same on every machine and
//! after every restart: that is why the beats of a period can be counted afterwards.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::digest::Digest;

/// The least and the most between two beats.
pub const EVERY_LEAST: Duration = Duration::from_secs(1);
pub const EVERY_MOST: Duration = Duration::from_secs(86_400);

/// When a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    every_ms: i64,
    offset_ms: i64,
}

/// One beat: when it was due, and how long after it the next one is.
///
/// ```
/// use fahrtenbuch::capture::beat::Beat;
///
/// let beat = Beat::parse("2026-11-27T04:00:05.25Z 5s").unwrap();
/// assert_eq!(beat.to_string(), "2026-11-27T04:00:05.25Z 5s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    pub due: Timestamp,
    pub every: Duration,
}

impl Grid {
    /// The grid of a source.
    pub fn new(source: &str, every: Duration) -> Self {
        let digest = Digest::of(source.as_bytes()).0;
        let hash = digest.iter().take(7).fold(0, |hash, byte| hash << 8 | i64::from(*byte));
        let every_ms = Self::every_ms(every);
        Self { every_ms, offset_ms: hash % every_ms }
    }

    /// The grid that has a beat at an instant.
    pub fn from(instant: Timestamp, every: Duration) -> Self {
        let every_ms = Self::every_ms(every);
        Self { every_ms, offset_ms: instant.as_millisecond().rem_euclid(every_ms) }
    }

    /// At least a millisecond.
    fn every_ms(every: Duration) -> i64 {
        i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Milliseconds from the epoch to its first beat.
    pub fn offset_ms(&self) -> u64 {
        self.offset_ms.unsigned_abs()
    }

    pub fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms.unsigned_abs())
    }

    /// The newest beat that is not after an instant.
    pub fn at_or_before(&self, instant: Timestamp) -> Beat {
        let ms = instant.as_millisecond();
        self.beat(ms - (ms - self.offset_ms).rem_euclid(self.every_ms))
    }

    /// The first beat after an instant.
    pub fn after(&self, instant: Timestamp) -> Beat {
        self.beat(self.at_or_before(instant).due.as_millisecond() + self.every_ms)
    }

    /// How many beats lie from one (included) to another (not included) that is not before it.
    pub fn between(&self, from: Beat, until: Beat) -> u64 {
        let ms = until.due.as_millisecond() - from.due.as_millisecond();
        u64::try_from(ms / self.every_ms).unwrap_or(0)
    }

    fn beat(&self, due_ms: i64) -> Beat {
        // Fails only at the ends of time.
        Beat { due: Timestamp::from_millisecond(due_ms).unwrap_or_default(), every: self.every() }
    }
}

impl Beat {
    /// The beat that is so many intervals after this one.
    pub fn plus(&self, beats: u64) -> Self {
        let every = SignedDuration::try_from(self.every).unwrap_or(SignedDuration::MAX);
        let later = i32::try_from(beats).ok().and_then(|beats| every.checked_mul(beats));
        let due = later.and_then(|later| self.due.checked_add(later).ok());
        Self { due: due.unwrap_or(Timestamp::MAX), every: self.every }
    }

    /// As records have it: the instant and the seconds until the next beat.
    pub fn parse(text: &str) -> Option<Self> {
        let (due, every) = text.trim().split_once(' ')?;
        let seconds: f64 = every.strip_suffix('s')?.parse().ok()?;
        let every = Duration::try_from_secs_f64(seconds).ok().filter(|every| !every.is_zero())?;
        Some(Self { due: due.parse().ok()?, every })
    }
}

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}s", self.due, self.every.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_lie_on_one_grid_whenever_it_is_looked_at() {
        let grid = Grid::new("stadtbus-vehicle-positions", Duration::from_secs(15));
        let begin: Timestamp = "2026-11-27T04:00:00Z".parse().unwrap();
        let first = grid.after(begin);
        let mut beat = first;
        for count in 0..1000 {
            assert_eq!(grid.between(first, beat), count);
            assert_eq!(grid.at_or_before(beat.due), beat);
            let next = grid.after(beat.due);
            assert_eq!((next, next.due.duration_since(beat.due)), (beat.plus(1), SignedDuration::from_secs(15)));
            assert_eq!(Beat::parse(&beat.to_string()), Some(beat));
            beat = next;
        }
        // Before the epoch, too.
        let old: Timestamp = "1969-12-31T23:59:59.999Z".parse().unwrap();
        assert!(grid.at_or_before(old).due <= old && grid.after(old).due > old);
    }

    #[test]
    fn fifty_sources_of_one_interval_are_not_asked_at_once() {
        let offsets: Vec<i64> =
            (0..50).map(|n| Grid::new(&format!("bulk-{n}"), Duration::from_secs(5)).offset_ms).collect();
        let in_a_tenth = |from: i64| offsets.iter().filter(|ms| (from..from + 100).contains(*ms)).count();
        assert!((0..50).all(|tenth| in_a_tenth(tenth * 100) <= 6), "{offsets:?}");
    }
}
