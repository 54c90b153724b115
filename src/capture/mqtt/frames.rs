//! Frames: the messages of some seconds as one body of evidence, in a form that needs no library.
//!
//! A message is a line, its topic, its payload, and a line end:
//!
//! ```text
//! <received, RFC 3339 with milliseconds> <qos> <dup 0|1> <retain 0|1> <bytes of topic> <bytes of payload>\n
//! <topic><payload>\n
//! ```
//!
//! `dup` is 1 where the broker says that it sends a message again, and where a message came again after a connection that
//! ended before it was acknowledged.

use bytes::Bytes;
use jiff::Timestamp;

use crate::capture::Capture;
use crate::digest::Digest;

/// The media type of a frame.
pub const CONTENT_TYPE: &str = "application/vnd.fahrtenbuch.mqtt";
/// Longer lines are none of a frame.
const LINE_BYTES: usize = 128;

/// One message as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// To the millisecond.
    pub received: Timestamp,
    pub qos: u8,
    pub is_duplicate: bool,
    pub is_retained: bool,
    pub topic: Bytes,
    pub payload: Bytes,
}

/// The messages of ten seconds or a megabyte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When its first and its last message were received.
    pub began: Timestamp,
    pub ended: Timestamp,
    pub messages: u64,
    pub body: Bytes,
    /// It was given out before by a process that ended before it knew that the frame was kept: evidence of the source with the same
    /// digest is this frame.
    pub may_be_kept: bool,
}

impl Frame {
    /// The frame as it is kept. `url` is the address of the broker as it is shown.
    pub fn capture(&self, url: &str) -> Capture {
        Capture {
            url: url.to_owned(),
            captured_at: self.ended,
            status: 200,
            headers: vec![("Content-Type".to_owned(), CONTENT_TYPE.to_owned())],
            body: self.body.clone(),
            digest: Digest::of(&self.body),
        }
    }
}

/// Whether a capture is a frame, by the address that it came from.
pub fn is_frame(url: &str) -> bool {
    url.starts_with("mqtt://") || url.starts_with("mqtts://")
}

/// Appends a message to a body.
pub fn write(out: &mut Vec<u8>, message: &Message) {
    let line = format!(
        "{:.3} {} {} {} {} {}\n",
        message.received,
        message.qos,
        u8::from(message.is_duplicate),
        u8::from(message.is_retained),
        message.topic.len(),
        message.payload.len()
    );
    out.reserve(line.len() + message.topic.len() + message.payload.len() + 1);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(&message.topic);
    out.extend_from_slice(&message.payload);
    out.push(b'\n');
}

/// A place in a frame where no message stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has no MQTT message at byte {at} of {all}")]
pub struct NoMessage {
    pub at: usize,
    pub all: usize,
}

/// The messages of a frame. A stretch where none stands is told once, and the messages behind it follow: a line that is one, with as
/// many bytes as it says and a line end behind them.
pub struct Messages {
    body: Bytes,
    at: usize,
}

impl Messages {
    pub fn new(body: Bytes) -> Self {
        Self { body, at: 0 }
    }

    /// The message that stands at a place, and the place behind it.
    fn message(&self, at: usize) -> Option<(Message, usize)> {
        let rest = self.body.get(at..)?;
        let end = memchr::memchr(b'\n', &rest[..rest.len().min(LINE_BYTES)])?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let mut fields = line.split(' ');
        let received = fields.next()?.parse().ok()?;
        let qos = fields.next()?.parse().ok().filter(|qos| *qos <= 2)?;
        let mut flag = || match fields.next()? {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        let (is_duplicate, is_retained) = (flag()?, flag()?);
        let (topic, payload): (usize, usize) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let begin = at + end + 1;
        let middle = begin.checked_add(topic)?;
        let end = middle.checked_add(payload)?;
        if fields.next().is_some() || self.body.get(end) != Some(&b'\n') {
            return None;
        }
        let (topic, payload) = (self.body.slice(begin..middle), self.body.slice(middle..end));
        Some((Message { received, qos, is_duplicate, is_retained, topic, payload }, end + 1))
    }

    /// Where the next message behind a damaged place stands, or the end. Looks at a line end and the line behind it, once for each.
    fn next_behind(&self, at: usize) -> usize {
        let rest = self.body.get(at..).unwrap_or_default();
        let mut begins = memchr::memchr_iter(b'\n', rest).map(|end| at + end + 1);
        begins.find(|begin| self.message(*begin).is_some()).unwrap_or(self.body.len())
    }
}

impl Iterator for Messages {
    type Item = Result<Message, NoMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        let (at, all) = (self.at, self.body.len());
        if at >= all {
            return None;
        }
        match self.message(at) {
            Some((message, behind)) => {
                self.at = behind;
                Some(Ok(message))
            }
            None => {
                self.at = self.next_behind(at);
                Some(Err(NoMessage { at, all }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn message(payload: &[u8]) -> Message {
        Message {
            received: "2026-11-27T04:00:05.250Z".parse().unwrap(),
            qos: 1,
            is_duplicate: true,
            is_retained: false,
            topic: Bytes::from_static("a/ö".as_bytes()),
            payload: Bytes::copy_from_slice(payload),
        }
    }

    #[test]
    fn a_message_is_a_line_and_its_bytes() {
        let mut body = Vec::new();
        write(&mut body, &message(b"{}\n\xff"));
        assert_eq!(body, b"2026-11-27T04:00:05.250Z 1 1 0 4 4\na/\xc3\xb6{}\n\xff\n");
    }

    #[test]
    fn what_was_written_is_read_and_damage_is_told_with_its_place() {
        let written = [message(b""), message(b"1 2\n3"), message(&[0; 300])];
        let mut body = Vec::new();
        written.iter().for_each(|message| write(&mut body, message));
        let read: Result<Vec<_>, _> = Messages::new(body.clone().into()).collect();
        assert_eq!(read.unwrap(), written);
        let first = 34 + 1 + 4 + 1;
        for cut in 1..body.len() {
            let read: Vec<_> = Messages::new(body[..cut].to_vec().into()).collect();
            let whole = read.iter().filter(|message| message.is_ok()).count();
            assert!(read.len() - whole <= 1 && whole < 3, "{cut}");
            if cut < first {
                assert_eq!(read, [Err(NoMessage { at: 0, all: cut })], "{cut}");
            }
        }
        // Damage in the middle takes no message but the one that it is in.
        for (place, byte) in [(4, b'x'), (26, b'9'), (34, b' '), (first + 30, b'x')] {
            let mut damaged = body.clone();
            damaged[place] = byte;
            let read: Vec<_> = Messages::new(damaged.into()).collect();
            let whole: Vec<_> = read.iter().filter_map(|message| message.as_ref().ok()).collect();
            let lost = usize::from(place > first);
            let left: Vec<_> = written.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, one)| one).collect();
            assert!(read.len() == 3 && whole == left, "{place}: {read:?}");
        }
        let huge = b"2026-11-27T04:00:05.250Z 1 1 0 18446744073709551615 9\n".to_vec();
        assert_eq!(Messages::new(huge.into()).collect::<Vec<_>>().len(), 1);
    }

    /// As the fuzz target of frames: those that are found are found again when they are written.
    fn are_found_again(data: &[u8]) {
        let messages: Vec<_> = Messages::new(data.to_vec().into()).filter_map(Result::ok).collect();
        let mut written = Vec::new();
        messages.iter().for_each(|message| write(&mut written, message));
        let again: Result<Vec<_>, _> = Messages::new(written.into()).collect();
        assert_eq!(again.unwrap(), messages);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(data in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            are_found_again(&data);
        }

        #[test]
        fn a_frame_with_any_bytes_in_it_is_read_to_its_end(
            payloads in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..40), 0..6),
            edits in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 0..6),
            cut in 0_usize..40,
        ) {
            let mut body = Vec::new();
            payloads.iter().for_each(|payload| write(&mut body, &message(payload)));
            for (place, byte) in edits {
                let place = place % body.len().max(1);
                body.get_mut(place).into_iter().for_each(|old| *old = byte);
            }
            body.truncate(body.len().saturating_sub(cut));
            are_found_again(&body);
        }
    }
}
