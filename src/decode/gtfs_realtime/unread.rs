//! What of a message no column is made of: fields of the standard that are not read, and extensions of a producer.

use std::collections::BTreeSet;

use crate::capture::{Capture, payload};
use crate::decode::Limits;
use crate::decode::unread::Unread;
use crate::protobuf::{Value, fields};

/// A field of a message that is read: its number, and the message that it holds if it holds one.
type Known = (u32, Option<&'static Message>);

/// A message as far as it is read.
struct Message {
    name: &'static str,
    fields: &'static [Known],
}

const fn plain(number: u32) -> Known {
    (number, None)
}

const fn of(number: u32, message: &'static Message) -> Known {
    (number, Some(message))
}

/// Each as it is read by the file of this folder that is about it.
static FEED: Message = Message { name: "FeedMessage", fields: &[of(1, &HEADER), of(2, &ENTITY)] };
static HEADER: Message = Message { name: "FeedHeader", fields: &[plain(1), plain(2), plain(3)] };
static ENTITY: Message =
    Message { name: "FeedEntity", fields: &[plain(1), plain(2), of(3, &UPDATE), of(4, &POSITION), of(5, &ALERT)] };
static TRIP: Message =
    Message { name: "TripDescriptor", fields: &[plain(1), plain(2), plain(3), plain(4), plain(5), plain(6)] };
static VEHICLE: Message = Message { name: "VehicleDescriptor", fields: &[plain(1), plain(2), plain(3)] };
static POSITION: Message = Message {
    name: "VehiclePosition",
    fields: &[
        of(1, &TRIP),
        of(2, &PLACE),
        plain(3),
        plain(4),
        plain(5),
        plain(6),
        plain(7),
        of(8, &VEHICLE),
        plain(9),
        plain(10),
        of(11, &CARRIAGE),
    ],
};
static PLACE: Message = Message { name: "Position", fields: &[plain(1), plain(2), plain(3), plain(4), plain(5)] };
static CARRIAGE: Message =
    Message { name: "CarriageDetails", fields: &[plain(1), plain(2), plain(3), plain(4), plain(5)] };
static UPDATE: Message = Message {
    name: "TripUpdate",
    fields: &[of(1, &TRIP), of(2, &STOP), of(3, &VEHICLE), plain(4), plain(5), of(6, &PROPERTIES)],
};
static PROPERTIES: Message = Message { name: "TripProperties", fields: &[plain(1), plain(2), plain(3)] };
static STOP: Message =
    Message { name: "StopTimeUpdate", fields: &[plain(1), of(2, &EVENT), of(3, &EVENT), plain(4), plain(5), plain(7)] };
static EVENT: Message = Message { name: "StopTimeEvent", fields: &[plain(1), plain(2), plain(3)] };
static ALERT: Message = Message {
    name: "Alert",
    fields: &[
        of(1, &RANGE),
        of(2, &RANGE),
        of(3, &RANGE),
        of(5, &SELECTOR),
        plain(6),
        plain(7),
        of(8, &TEXT),
        of(10, &TEXT),
        of(11, &TEXT),
        plain(14),
    ],
};
static RANGE: Message = Message { name: "TimeRange", fields: &[plain(1), plain(2)] };
static SELECTOR: Message =
    Message { name: "EntitySelector", fields: &[plain(1), plain(2), plain(3), of(4, &TRIP), plain(5), plain(6)] };
static TEXT: Message = Message { name: "TranslatedString", fields: &[of(1, &TRANSLATION)] };
static TRANSLATION: Message = Message { name: "Translation", fields: &[plain(1), plain(2)] };

/// The fields that a message has and that are not read: `VehiclePosition: field 1001`. They have numbers and no names.
pub(super) fn unread(capture: &Capture, limits: Limits) -> Unread {
    let mut found = BTreeSet::new();
    if let Ok(unpacked) = payload::unpacked(capture, limits.message_bytes) {
        look(&FEED, &unpacked.body, &mut found);
    }
    let mut unread = Unread::default();
    for (message, number) in found {
        unread.add_ours(format!("{message}: field {number}"));
    }
    unread
}

/// Messages that are known stand in each other a few times only.
fn look(message: &'static Message, bytes: &[u8], found: &mut BTreeSet<(&'static str, u32)>) {
    // What is broken ends here, as it does where it is read.
    for (number, value) in fields(bytes).map_while(Result::ok) {
        match (message.fields.iter().find(|(known, _)| *known == number), value) {
            (Some((_, Some(inner))), Value::Bytes(part)) => look(inner, part, found),
            (Some(_), _) => {}
            (None, _) => {
                found.insert((message.name, number));
            }
        }
    }
}
