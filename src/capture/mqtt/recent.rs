//! The last messages by the digest of their topic and payload: those of former connections are known when they come again.
//!
//! A broker says itself what it sends again (`DUP`), but for what it forgot: one that was killed begins anew with the messages
//! that it last saved, and does not know which of them were acknowledged since.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::Xxh3;

/// So many are remembered: half a minute of 2,000 a second.
const REMEMBERED: usize = 65_536;

#[derive(Clone, Copy)]
struct Last {
    connection: u64,
    /// Counts messages.
    number: u64,
}

#[derive(Default)]
pub(super) struct Recent {
    order: VecDeque<u64>,
    last: FxHashMap<u64, Last>,
    /// That of the next message.
    number: u64,
}

impl Recent {
    /// Remembers a message; tells whether the same came on an earlier connection.
    pub(super) fn is_known(&mut self, topic: &[u8], payload: &[u8], connection: u64) -> bool {
        let mut hasher = Xxh3::new();
        hasher.update(topic);
        // A topic has none.
        hasher.update(&[0]);
        hasher.update(payload);
        let hash = hasher.digest();
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            let number = self.number - REMEMBERED as u64;
            if self.last.get(&oldest).is_some_and(|last| last.number == number) {
                self.last.remove(&oldest);
            }
        }
        self.order.push_back(hash);
        let before = self.last.insert(hash, Last { connection, number: self.number });
        self.number += 1;
        before.is_some_and(|before| before.connection < connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_on_an_earlier_connection_is_known_and_only_for_a_while() {
        let mut recent = Recent::default();
        assert!(!recent.is_known(b"a", b"1", 1) && !recent.is_known(b"a", b"1", 1));
        assert!(recent.is_known(b"a", b"1", 2));
        // It came on this one by now.
        assert!(!recent.is_known(b"a", b"1", 2));
        assert!(!recent.is_known(b"a", b"2", 2) && !recent.is_known(b"a1", b"", 2));
        for number in 0..REMEMBERED {
            assert!(!recent.is_known(b"b", &number.to_le_bytes(), 3));
        }
        assert!(!recent.is_known(b"a", b"2", 4));
        assert_eq!((recent.order.len(), recent.last.len()), (REMEMBERED, REMEMBERED));
    }
}
