//! How slowly an answer may come: a server that drips keeps nobody waiting without end.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// What an answer may take before any byte of it came.
const GRACE: Duration = Duration::from_secs(60);
/// A second more for each so many bytes that came.
const SLOWEST: u64 = 8 << 10;

/// The pace of one answer.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    grace: Duration,
    received: u64,
}

impl Pace {
    /// Of an answer that is read from now on.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), grace: GRACE, received: 0 }
    }

    /// Waits for more as long as the pace allows; nothing if it was too slow.
    pub(super) async fn wait<T>(&self, more: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.began + self.allowed(), more).await.ok()
    }

    /// So many bytes came.
    pub(super) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    fn allowed(&self) -> Duration {
        self.grace.saturating_add(Duration::from_secs(self.received / SLOWEST))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    /// Reads chunks of so many bytes, one after each pause; how many came before it was given up.
    async fn chunks(bytes: usize, pause: Duration, most: usize) -> usize {
        let mut pace = Pace { grace: Duration::from_millis(300), ..Pace::new() };
        for came in 0..most {
            if pace.wait(sleep(pause)).await.is_none() {
                return came;
            }
            pace.received(bytes);
        }
        most
    }

    #[tokio::test]
    async fn what_drips_is_given_up_and_what_only_takes_long_is_not() {
        // A byte every tenth of a second is given up after the grace, however the tries of the machine went.
        assert!(chunks(1, Duration::from_millis(100), 1000).await <= 3);
        // Twice as fast as it must be, for more than twice the grace.
        assert_eq!(chunks(SLOWEST as usize, Duration::from_millis(100), 8).await, 8);
        assert_eq!(chunks(1, Duration::from_secs(3600), 1).await, 0);
    }
}
