//! Messages that a broker sends again: it did not see the first one acknowledged, which was kept all the same.
//!
//! A message that is marked as a duplicate and equal, topic and payload, to one of the last of its source is that message. Others
//! that say the same are reports like any: what becomes of them is decided where releases are made.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::Xxh3;

use crate::capture::mqtt::frames::Message;

/// So many are remembered, which is what the collector marks duplicates by.
const REMEMBERED: usize = 65_536;

/// The last messages.
#[derive(Default)]
pub(super) struct Repeats {
    order: VecDeque<u64>,
    /// How often each stands in the order.
    counts: FxHashMap<u64, u32>,
}

impl Repeats {
    /// Remembers a message; tells whether it came before.
    pub(super) fn is_repeated(&mut self, source: &str, message: &Message) -> bool {
        // Nobody sends a message of QoS 0 again.
        if message.qos == 0 && !message.is_duplicate {
            return false;
        }
        let mut hasher = Xxh3::new();
        for text in [source.as_bytes(), &message.topic] {
            hasher.update(text);
            // Neither has one.
            hasher.update(&[0]);
        }
        hasher.update(&message.payload);
        let hash = hasher.digest();
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
            && let Some(count) = self.counts.get_mut(&oldest)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
        self.order.push_back(hash);
        let count = self.counts.entry(hash).or_default();
        *count += 1;
        message.is_duplicate && *count > 1
    }

    /// What it occupies.
    pub(super) fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<u64>() + self.counts.capacity() * (size_of::<(u64, u32)>() + 1) * 8 / 7
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(payload: &[u8], qos: u8, is_duplicate: bool) -> Message {
        let (topic, payload) = (Bytes::from_static(b"a/1"), Bytes::copy_from_slice(payload));
        Message { received: jiff::Timestamp::UNIX_EPOCH, qos, is_duplicate, is_retained: false, topic, payload }
    }

    #[test]
    fn only_what_is_marked_and_was_there_is_repeated() {
        let mut repeats = Repeats::default();
        assert!(!repeats.is_repeated("a", &message(b"1", 1, true)), "the first one was lost");
        assert!(!repeats.is_repeated("a", &message(b"1", 1, false)), "a report that says the same");
        assert!(repeats.is_repeated("a", &message(b"1", 1, true)) && repeats.is_repeated("a", &message(b"1", 2, true)));
        assert!(
            !repeats.is_repeated("b", &message(b"1", 1, true)) && !repeats.is_repeated("a", &message(b"2", 1, true))
        );
        assert!(
            !repeats.is_repeated("a", &message(b"3", 0, false)) && !repeats.is_repeated("a", &message(b"3", 1, true))
        );
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut repeats = Repeats::default();
        for number in 0..3 * REMEMBERED {
            assert!(!repeats.is_repeated("a", &message(&number.to_le_bytes(), 1, false)));
        }
        assert!(repeats.order.len() == REMEMBERED && repeats.counts.len() == REMEMBERED && repeats.bytes() < 8 << 20);
        assert!(!repeats.is_repeated("a", &message(&0_usize.to_le_bytes(), 1, true)));
        assert!(repeats.is_repeated("a", &message(&(3 * REMEMBERED - 1).to_le_bytes(), 1, true)));
    }
}
