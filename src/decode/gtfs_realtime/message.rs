//! A message: its header, which may stand anywhere, and how far it is read; or what it is instead.

use bytes::Bytes;
use jiff::Timestamp;

use crate::capture::Capture;
use crate::capture::payload::{self, Payload, Wanted};
use crate::decode::Limits;
use crate::decode::captures::{Contents, Read};
use crate::decode::partition::Skips;
use crate::decode::snapshot::{self, Trips};
use crate::protobuf::{Broken, Value, fields};

/// A message on its way.
pub(super) struct Message {
    pub body: Bytes,
    /// For the body, and the trips that its entities name.
    pub booked: usize,
    pub origin: u32,
    pub captured_at: Timestamp,
    pub header: Header,
    /// The trips that its entities name.
    pub trips: Trips,
    /// Where the next field begins.
    pub at: usize,
    pub entities: u64,
    /// Rows of all messages before this one.
    pub rows_before: u64,
    /// Entities are looked through before they give rows, since one of them was damaged.
    pub is_careful: bool,
    pub first_damaged: u64,
    pub first_oversized: Option<(u64, u64)>,
    pub contents: Contents,
    /// What keeps it from being whole.
    pub problem: Option<String>,
}

impl Message {
    /// Looks for the header, which may stand anywhere, and counts the entities; or says what the capture gives if it is not read on.
    pub(super) fn outline(capture: Capture, origin: u32, limits: &Limits, skips: Option<&Skips>) -> Result<Self, Read> {
        let nothing = |kind: &'static str, said: String| Read::Nothing { kind, said };
        let most = limits.message_bytes;
        if capture.body.len() > most {
            return Err(nothing(
                "too_large",
                format!("has {} bytes, of which at most {most} are read", capture.body.len()),
            ));
        }
        let unpacked = payload::unpacked(&capture, most).map_err(|said| nothing("encoded", said))?;
        if skips.is_some_and(|skips| skips.is_of_others(capture.captured_at, &unpacked.body)) {
            let contents = Contents { is_bare_gzip: unpacked.is_bare_gzip, ..Contents::default() };
            return Err(Read::Message(contents));
        }
        let body = unpacked.body;
        let all = body.len();
        let mut header = Header::default();
        let mut entities = 0_usize;
        let mut broken = None;
        for field in fields(&body) {
            match field {
                Ok((1, Value::Bytes(part))) => {
                    if header.read(part).is_err() {
                        broken = Some(Broken { offset: 0 });
                        header.is_there = false;
                        break;
                    }
                }
                Ok((2, Value::Bytes(_))) => entities += 1,
                Ok(_) => {}
                Err(problem) => broken = Some(problem),
            }
        }
        let problem = match (broken, header.is_there) {
            (None, true) => None,
            (None, false) => Some("has no feed header, so it is no GTFS-Realtime message".to_owned()),
            (Some(Broken { offset }), true) => {
                Some(format!("is cut off or damaged at byte {offset} of {all}; the entities before it were read"))
            }
            (Some(Broken { offset }), false) => {
                Some(format!("is no GTFS-Realtime message, or damaged at byte {offset} of {all}, before its header"))
            }
        };
        if let Some(problem) = problem.as_ref().filter(|_| !header.is_there && (broken.is_some() || entities == 0)) {
            let identified = payload::identify(&capture);
            return Err(match identified.payload {
                Payload::Unknown | Payload::GtfsRealtime => nothing("other", problem.clone()),
                payload => nothing(payload.name(), identified.said(Wanted::Message)),
            });
        }
        let most = limits.message_entities;
        if entities > most {
            return Err(nothing("too_large", format!("has {entities} entities; of more than {most} none is read")));
        }
        let contents = Contents {
            is_bare_gzip: unpacked.is_bare_gzip,
            is_differential: header.is_differential,
            zero_times: u64::from(header.timestamp == Some(0)),
            ..Contents::default()
        };
        Ok(Self {
            booked: body.len() + entities * Trips::BYTES,
            trips: Trips::new(body.clone()),
            body,
            origin,
            captured_at: capture.captured_at,
            header,
            at: 0,
            entities: 0,
            rows_before: 0,
            is_careful: false,
            first_damaged: 0,
            first_oversized: None,
            contents,
            problem,
        })
    }

    /// What the feed rules look at.
    pub(super) fn header(&self) -> snapshot::Header {
        snapshot::Header { captured_at: self.captured_at, timestamp: self.header.timestamp() }
    }
}

/// What a feed header says.
#[derive(Default)]
pub(super) struct Header {
    is_there: bool,
    is_differential: bool,
    /// POSIX time in seconds.
    timestamp: Option<u64>,
}

impl Header {
    /// POSIX time in seconds; 0 stands for none.
    pub(super) fn timestamp(&self) -> Option<u64> {
        self.timestamp.filter(|seconds| *seconds != 0)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.is_there = true;
        for field in fields(bytes) {
            match field? {
                // Other numbers are no value of this enum, and an earlier one stays.
                (2, Value::Varint(value)) if matches!(value as u32, 0 | 1) => self.is_differential = value as u32 == 1,
                (3, Value::Varint(seconds)) => self.timestamp = Some(seconds),
                _ => {}
            }
        }
        Ok(())
    }
}
