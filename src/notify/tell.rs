//! One look: what is due is put into words and sent.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use jiff::Timestamp;

use crate::notify::cause::Findings;
use crate::notify::channel::send;
use crate::notify::delivery::{Delivery, Failure};
use crate::notify::policy::{Message, Sent, lines, messages};
use crate::notify::settings::Settings;
use crate::notify::text;

/// Sends what is due by what was found now and by what was sent before, and gives the lines that the log is to remember, which are
/// of the time `now`. What does not go is logged as a warning.
///
/// Blocks for a minute at most, so it is not to be called inside an async runtime; nothing due takes no time.
pub fn tell(found: &Findings, sent: &[(Timestamp, Sent)], settings: &Settings, now: Timestamp) -> Vec<Sent> {
    let mut teller = Teller::default();
    teller.begin(found, sent, settings, now);
    teller.finish().into_iter().map(|(_, line)| line).collect()
}

/// Tells people, each channel by itself: one that hangs delays no other, and nobody who calls this.
pub struct Teller {
    /// Channels that a message is on its way to.
    under_way: BTreeSet<String>,
    sender: Sender<Told>,
    told: Receiver<Told>,
}

/// What was sent to a channel, when that began, and what came of it.
struct Told {
    at: Timestamp,
    message: Message,
    delivery: Delivery,
}

impl Default for Teller {
    fn default() -> Self {
        let (sender, told) = channel();
        Self { under_way: BTreeSet::new(), sender, told }
    }
}

impl Teller {
    /// Begins to send what is due, but for channels that a message is on its way to.
    pub fn begin(&mut self, found: &Findings, sent: &[(Timestamp, Sent)], settings: &Settings, now: Timestamp) {
        for message in messages(found, sent, settings, now) {
            if !self.under_way.insert(message.channel.clone()) {
                continue;
            }
            let (outgoing, settings) = (text::write(&message, settings, now), settings.clone());
            let (sender, name) = (self.sender.clone(), message.channel.clone());
            let unsent = Told {
                at: now,
                message: message.clone(),
                delivery: Delivery { channel: name.clone(), result: Err(Failure::transient("no thread for it")) },
            };
            let work = move || {
                let delivery = send(&settings, &[outgoing]).into_iter().next();
                // Whoever began it may have ended.
                let _ = sender.send(Told { delivery: delivery.unwrap_or(unsent.delivery), ..unsent });
            };
            if let Err(error) = std::thread::Builder::new().name("tell".to_owned()).spawn(work) {
                tracing::warn!(channel = name, "a message was not sent: no thread for it ({error})");
                self.under_way.remove(&name);
            }
        }
    }

    /// Whether a message is on its way.
    pub fn is_at_work(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// What the log is to remember of messages that have ended, with the time of each. Waits so long for one.
    pub fn ended(&mut self, wait: Duration) -> Vec<(Timestamp, Sent)> {
        let mut ended = Vec::new();
        let first = if self.is_at_work() { self.told.recv_timeout(wait).ok() } else { None };
        let mut next = first;
        while let Some(Told { at, message, delivery }) = next {
            self.under_way.remove(&message.channel);
            if let Err(failure) = &delivery.result {
                tracing::warn!(channel = delivery.channel, "a message was not sent: {failure}");
            }
            ended.extend(lines(&[message], &[delivery], at).into_iter().map(|line| (at, line)));
            next = self.told.try_recv().ok();
        }
        ended
    }

    /// Waits for all that is on its way, a minute at most, and gives what the log is to remember.
    pub fn finish(&mut self) -> Vec<(Timestamp, Sent)> {
        let mut ended = Vec::new();
        while self.is_at_work() {
            ended.extend(self.ended(Duration::from_secs(1)));
        }
        ended
    }
}
