//! When the spool is synced: rarely enough for a disk, and soon enough for a broker that waits for acknowledgements.
//!
//! A broker sends only so many messages of QoS 1 and 2 before it waits (mosquitto: 20 by MQTT 3.1.1, what the client asks for by
//! 5.0). 3.1.1 does not tell how many. So there are three reasons to sync: half of the window stands unacknowledged; nothing
//! more has come for a moment, which may mean that the window is full; 200 ms have passed. Where acknowledging after such a
//! moment brings no message at once, the broker was not waiting, and the moment grows, up to the 200 ms.

use std::time::{Duration, Instant};

/// A message is on the disk after this time at the latest, plus that of one sync.
pub(super) const LONGEST: Duration = Duration::from_millis(200);
/// The shortest moment without a message after which a window may be full.
const SHORTEST: Duration = Duration::from_millis(5);
/// The smallest window that is met in practice, halved: RabbitMQ has 10, mosquitto 20, EMQX 32.
pub(super) const HALF_OF_UNKNOWN: usize = 8;

pub(super) struct Pace {
    /// So many unacknowledged messages are synced at once.
    half: usize,
    lull: Duration,
    first: Option<Instant>,
    last: Instant,
    unacknowledged: usize,
    /// When messages were last acknowledged after a lull.
    acknowledged: Option<Instant>,
}

impl Pace {
    pub(super) fn new(half: usize, now: Instant) -> Self {
        Self { half, lull: SHORTEST, first: None, last: now, unacknowledged: 0, acknowledged: None }
    }

    pub(super) fn received(&mut self, qos: u8, now: Instant) {
        if let Some(at) = self.acknowledged.take() {
            let was_waiting = now.saturating_duration_since(at) < SHORTEST;
            self.lull = if was_waiting { SHORTEST } else { (self.lull * 2).min(LONGEST) };
        }
        self.first.get_or_insert(now);
        self.last = now;
        self.unacknowledged += usize::from(qos > 0);
    }

    /// When what was received is to be synced; `None` where nothing was.
    pub(super) fn due(&self) -> Option<Instant> {
        let first = self.first?;
        let longest = first + LONGEST;
        Some(match self.unacknowledged {
            0 => longest,
            many if many >= self.half => first,
            _ => longest.min(self.last + self.lull),
        })
    }

    /// What was received is being synced.
    pub(super) fn taken(&mut self) {
        (self.first, self.unacknowledged) = (None, 0);
    }

    pub(super) fn acknowledged(&mut self, now: Instant) {
        // While messages come anyway it cannot be told whether the broker was waiting.
        self.acknowledged = self.first.is_none().then_some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(begin: Instant, milliseconds: u64) -> Instant {
        begin + Duration::from_millis(milliseconds)
    }

    #[test]
    fn half_a_window_is_synced_at_once_and_nothing_later_than_200_ms() {
        let begin = Instant::now();
        let mut pace = Pace::new(8, begin);
        assert_eq!(pace.due(), None);
        pace.received(0, begin);
        assert_eq!(pace.due(), Some(after(begin, 200)));
        for _ in 0..8 {
            pace.received(1, after(begin, 1));
        }
        assert_eq!(pace.due(), Some(begin));
        pace.taken();
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn a_broker_that_waits_is_served_fast_and_one_that_does_not_rarely() {
        let begin = Instant::now();
        let mut pace = Pace::new(8, begin);
        let mut now = 0;
        // A message every 50 ms: the broker never waits.
        for _ in 0..10 {
            pace.received(1, after(begin, now));
            pace.taken();
            pace.acknowledged(after(begin, now + 1));
            now += 50;
        }
        pace.received(1, after(begin, now));
        assert_eq!(pace.due(), Some(after(begin, now + 200)));
        // Then a burst from a window of three.
        for _ in 0..3 {
            pace.received(1, after(begin, now));
            pace.taken();
            pace.acknowledged(after(begin, now));
            now += 1;
        }
        pace.received(1, after(begin, now));
        assert_eq!(pace.due(), Some(after(begin, now + 5)));
    }
}
