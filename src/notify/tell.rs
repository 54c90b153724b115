//! One look: what is due is put into words and sent.

use jiff::Timestamp;

use crate::notify::cause::Cause;
use crate::notify::channel::send;
use crate::notify::policy::{Sent, lines, messages};
use crate::notify::settings::Settings;
use crate::notify::text;

/// Sends what is due by the causes of now and by what was sent before, and gives the lines that the log is to remember, which are of
/// the time `now`. What does not go is logged as a warning.
///
/// Blocks for a minute at most, so it is not to be called inside an async runtime; nothing due takes no time.
pub fn tell(causes: &[Cause], sent: &[(Timestamp, Sent)], settings: &Settings, now: Timestamp) -> Vec<Sent> {
    let due = messages(causes, sent, settings, now);
    if due.is_empty() {
        return Vec::new();
    }
    let outgoing: Vec<text::Outgoing> = due.iter().map(|message| text::write(message, settings, now)).collect();
    let deliveries = send(settings, &outgoing);
    for delivery in &deliveries {
        if let Err(failure) = &delivery.result {
            tracing::warn!(channel = delivery.channel, "a message was not sent: {failure}");
        }
    }
    lines(&due, &deliveries, now)
}
