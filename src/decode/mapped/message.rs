//! What a message of a broker tells beside its payload: columns may be made of its topic, of one level of it, and of when it was
//! received.
//!
//! Topics may have ids of vehicles in them: no text for people shows one, but its [`shape`].

use bytes::Bytes;
use jiff::Timestamp;

use super::values::Value;

const TOPIC: &str = "$topic";
const RECEIVED: &str = "$received";
/// Levels of a topic whose shape is shown.
const SHOWN_LEVELS: usize = 24;

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfMessage {
    /// The whole topic.
    Topic,
    /// What stands between two slashes of it, from 0. A topic that begins with a slash has an empty level 0 (MQTT 5.0, 4.7.1.1).
    Level(u16),
    /// When it was received.
    Received,
}

impl OfMessage {
    /// Reads what a column is made of; `None` where the text speaks of no message.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub(super) fn parse(text: &str) -> Option<Result<Self, (String, String)>> {
        let behind = |name: &str| text.strip_prefix(name);
        if let Some(rest) = behind(TOPIC) {
            let level = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let level = level.filter(|level| level.bytes().all(|byte| byte.is_ascii_digit()));
            return Some(match (rest, level.and_then(|level| level.parse().ok())) {
                ("", _) => Ok(Self::Topic),
                (_, Some(level)) => Ok(Self::Level(level)),
                _ => Err((
                    format!("'{text}' names no level of a topic"),
                    format!(
                        "Write '{TOPIC}[0]' for what stands before the first slash, '{TOPIC}' for all of it, or '$.{}' for a \
                         key of the document.",
                        &text[1..]
                    ),
                )),
            });
        }
        behind(RECEIVED).map(|rest| match rest {
            "" => Ok(Self::Received),
            _ => Err((
                format!("'{text}' is nothing that a message has"),
                format!("Write '{RECEIVED}', or '$.{}' for a key of the document.", &text[1..]),
            )),
        })
    }
}

/// A message whose payload is read.
#[derive(Clone, Debug)]
pub(super) struct MessageHead {
    /// Its place among those of its frame, from 1.
    pub number: u64,
    pub topic: Bytes,
    pub received: Timestamp,
}

impl MessageHead {
    pub(super) fn value(&self, of: OfMessage) -> Value<'_> {
        let level = match of {
            OfMessage::Received => return Value::Millis(self.received.as_millisecond()),
            OfMessage::Topic => Some(&self.topic[..]),
            OfMessage::Level(level) => self.topic.split(|byte| *byte == b'/').nth(usize::from(level)),
        };
        level.filter(|level| !level.is_empty()).map_or(Value::Absent, Value::Text)
    }
}

/// How a topic is made, without what it says: `a` stands for a level of letters, `0` for one of digits, `a0` for any other.
pub(super) fn shape(topic: &[u8]) -> String {
    let of_level = |level: &[u8]| match level {
        [] => "",
        level if level.iter().all(u8::is_ascii_digit) => "0",
        level if level.iter().all(u8::is_ascii_alphabetic) => "a",
        _ => "a0",
    };
    let mut levels: Vec<&str> = topic.split(|byte| *byte == b'/').take(SHOWN_LEVELS + 1).map(of_level).collect();
    if levels.len() > SHOWN_LEVELS {
        levels[SHOWN_LEVELS] = "…";
    }
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_made_of_a_topic_of_a_level_or_of_the_receipt() {
        let head = MessageHead {
            number: 1,
            topic: Bytes::from_static(b"/hfp/v2//0018"),
            received: "2026-11-27T04:00:05.250Z".parse().unwrap(),
        };
        let value = |text: &str| head.value(OfMessage::parse(text).unwrap().unwrap());
        assert_eq!(value("$topic"), Value::Text(b"/hfp/v2//0018"));
        assert_eq!(value("$received"), Value::Millis(1_795_752_005_250));
        for (level, expected) in ["", "hfp", "v2", "", "0018", ""].into_iter().enumerate() {
            let expected = if expected.is_empty() { Value::Absent } else { Value::Text(expected.as_bytes()) };
            assert_eq!(value(&format!("$topic[{level}]")), expected, "{level}");
        }
        for none in ["topic", "$.topic", "$", "$.received", "id", "$[0]"] {
            assert_eq!(OfMessage::parse(none), None, "{none}");
        }
        for wrong in ["$topic[x]", "$topic[]", "$topic[-1]", "$topic[+1]", "$topic[1", "$topic[70000]", "$topic.a"] {
            let (message, remedy) = OfMessage::parse(wrong).unwrap().unwrap_err();
            assert!(message.contains(wrong) && remedy.contains("$topic[0]"), "{message} {remedy}");
        }
        assert!(OfMessage::parse("$received[0]").unwrap().is_err() && OfMessage::parse("$receive").is_none());
    }

    #[test]
    fn a_shape_tells_nothing_of_what_a_topic_says() {
        assert_eq!(shape(b"/hfp/v2/bus/0018/00423//\xc3\xa4"), "/a/a0/a/0/0//a0");
        assert_eq!(shape(b"a"), "a");
        assert_eq!(shape(&b"1/".repeat(30)), format!("{}…", "0/".repeat(24)));
    }
}
