//! How patient and how careful a source is asked: its timeouts, tries and limits. A run that asks by itself waits at most a minute for
//! a message, see [`Collected`](crate::capture::collector::Collected).

use std::time::Duration;

/// The most that a body may have where the source does not say otherwise: what a WARC record holds.
pub const MAX_BYTES: u64 = 2 << 30;
/// The same for sources of GTFS-Realtime, whose decoder reads no larger message.
pub const MAX_REALTIME_BYTES: u64 = 256 << 20;

/// How patient and how careful a source is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub connect_timeout: Duration,
    /// No byte for this long is a stall.
    pub read_timeout: Duration,
    /// For one try: redirects and the whole response.
    pub total_timeout: Duration,
    /// Tries in all.
    pub tries: u32,
    /// The wait before the second try; doubles with each, with full jitter, up to a minute. `Retry-After` is honoured.
    pub backoff: Duration,
    /// Of a body. One that is larger is refused while it arrives.
    pub max_bytes: u64,
    pub max_redirects: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(300),
            tries: 4,
            backoff: Duration::from_secs(1),
            max_bytes: MAX_BYTES,
            max_redirects: 5,
        }
    }
}
