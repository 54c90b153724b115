//! Bulk feeds: many vehicle positions of no city, for measuring a collector. `/bulk/1` to `/bulk/<feeds>`.
//!
//! A message of about so many bytes, the same for the same seed, feed and moment; its times are those of the real clock, floored
//! to the interval. It is encoded once; for another moment only times and positions are written over, in their places. Words of
//! the query: `frozen` (the header's time stands still, the positions move on), `unchanged` (nothing moves), `no-etag`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use crate::digest::Digest;
use crate::simulate::dice::Dice;
use crate::simulate::message::Message;
use crate::simulate::serve::http::{Answer, Ending, Request};

/// Of so many requests of a flaky feed ...
const REQUESTS: usize = 1000;
/// ... so many get each fault.
const FAULTS: [(&str, usize); 5] = [("500", 20), ("503", 20), ("cut off", 20), ("closed", 20), ("stall", 2)];
/// Of so many moments of a flaky feed, one has nothing new.
const UNCHANGED: usize = 20;
/// Where an entity has the time of its report, its latitude and its longitude: bytes before its end.
const TIME: usize = 17;
const LATITUDE: usize = 9;
const LONGITUDE: usize = 4;
/// Of a time: a varint from 1978 to 3058.
const TIME_BYTES: usize = 5;

/// What bulk feeds are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub seed: u64,
    pub feeds: usize,
    /// Of each message, at most; it has one vehicle at least.
    pub bytes: usize,
    /// In seconds.
    pub interval: i64,
    pub is_flaky: bool,
}

pub(super) struct Bulk {
    plan: Plan,
    /// When the server began: what stands still has stood still since.
    begun: i64,
    feeds: Vec<Feed>,
}

struct Feed {
    message: Template,
    requests: AtomicU64,
    /// The newest answer, for the next client.
    newest: Mutex<Option<(Content, Bytes, Digest)>>,
}

/// What tells the messages of a feed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    /// Seconds since 1970.
    header_time: i64,
    positions_at: i64,
}

/// A message whose times and positions are to be written over.
struct Template {
    bytes: Vec<u8>,
    /// Where the header and each entity ends.
    header: usize,
    entities: Vec<usize>,
}

impl Bulk {
    pub(super) fn new(plan: Plan, now: Timestamp) -> Self {
        let feed = |number: usize| Feed {
            message: Template::new(number + 1, plan.bytes),
            requests: AtomicU64::new(0),
            newest: Mutex::new(None),
        };
        let feeds = (0..plan.feeds).map(feed).collect();
        Self { plan, begun: floored(now.as_second(), plan.interval), feeds }
    }

    /// The answer of a feed by its number, the first is 1; nothing if there is no such feed.
    pub(super) fn answer(&self, number: &str, request: &Request) -> Option<Answer> {
        let number: usize = number.parse().ok()?;
        let feed = self.feeds.get(number.checked_sub(1)?)?;
        let count = feed.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.plan.is_flaky.then(|| fault(self.plan.seed, number, count)).flatten();
        let (status, ending) = match fault {
            Some("500") => (500, Ending::Whole),
            Some("503") => (503, Ending::Whole),
            Some("cut off") => (200, Ending::CutOff),
            Some("stall") => (200, Ending::Stall),
            Some("closed") => (200, Ending::Closed),
            _ => (200, Ending::Whole),
        };
        if status != 200 {
            let mut answer = Answer::plain(status, "flaky");
            if status == 503 {
                answer.headers.push(("Retry-After", "2".to_owned()));
            }
            return Some(Answer { fault, ..answer });
        }
        let content = self.content(number, request);
        let (body, digest) = self.message(number, content);
        let etag = format!("\"{digest}\"");
        let has_etag = !request.has("no-etag");
        let mut headers = vec![("Content-Type", "application/x-protobuf".to_owned())];
        if has_etag {
            headers.push(("ETag", etag.clone()));
        }
        let (status, body, ending) = if has_etag && fault.is_none() && request.knows(&etag, None) {
            (304, Bytes::new(), Ending::Whole)
        } else {
            (200, body, ending)
        };
        Some(Answer { status, headers, body, ending, digest: Some(digest), fault })
    }

    fn content(&self, number: usize, request: &Request) -> Content {
        let Plan { seed, interval, is_flaky, .. } = self.plan;
        let mut moment = floored(request.at.as_second(), interval);
        let stands = |moment: i64| Dice::new(seed, &format!("bulk moment {number} {moment}")).below(UNCHANGED) == 0;
        while is_flaky && moment > self.begun && stands(moment) {
            moment -= interval;
        }
        let or_begun = |stands: bool| if stands { self.begun } else { moment };
        let unchanged = request.has("unchanged");
        Content { header_time: or_begun(unchanged || request.has("frozen")), positions_at: or_begun(unchanged) }
    }

    fn message(&self, number: usize, content: Content) -> (Bytes, Digest) {
        let feed = &self.feeds[number - 1];
        let mut newest = feed.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body, digest)) = newest.as_ref().filter(|(known, ..)| *known == content) {
            return (body.clone(), *digest);
        }
        let body = Bytes::from(feed.message.fill(self.plan.seed, number, content));
        let digest = Digest::of(&body);
        *newest = Some((content, body.clone(), digest));
        (body, digest)
    }
}

/// A real message of vehicle positions, of about so many bytes.
pub(super) fn message(bytes: usize, now: Timestamp) -> Bytes {
    let at = now.as_second();
    Template::new(0, bytes).fill(0, 0, Content { header_time: at, positions_at: at }).into()
}

fn floored(seconds: i64, interval: i64) -> i64 {
    seconds.div_euclid(interval) * interval
}

/// The fault of a request, by the number of the feed and how many requests it had before.
fn fault(seed: u64, number: usize, count: u64) -> Option<&'static str> {
    let mut drawn = Dice::new(seed, &format!("bulk fault {number} {count}")).below(REQUESTS);
    for (fault, share) in FAULTS {
        match drawn.checked_sub(share) {
            None => return Some(fault),
            Some(rest) => drawn = rest,
        }
    }
    None
}

impl Template {
    fn new(number: usize, bytes: usize) -> Self {
        // Any time that takes as many bytes as those of today.
        let time = 1 << 30;
        let mut header = Message::default();
        header.text(1, "2.0").int(2, 0).int(3, time);
        let mut message = Message::default();
        message.message(1, &header);
        let header = message.len();
        let mut entities = Vec::new();
        loop {
            let vehicle = entities.len() + 1;
            let id = format!("bulk-{number}-{vehicle}");
            let mut descriptor = Message::default();
            descriptor.text(1, &id).text(2, &format!("{vehicle:04}"));
            let mut trip = Message::default();
            trip.text(1, &format!("trip-{number}-{vehicle}")).text(5, &format!("{}", vehicle % 40 + 1));
            let mut position = Message::default();
            position.float(1, 0.0).float(2, 0.0);
            let mut report = Message::default();
            // The position stands last, so that its bytes are found.
            report.message(8, &descriptor).message(1, &trip).int(5, time).message(2, &position);
            let mut entity = Message::default();
            entity.text(1, &id).message(4, &report);
            if !entities.is_empty() && message.len() + entity.len() + 4 > bytes {
                break;
            }
            message.message(2, &entity);
            entities.push(message.len());
        }
        Self { bytes: message.into_bytes(), header, entities }
    }

    fn fill(&self, seed: u64, number: usize, content: Content) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let mut put = |place: usize, value: &[u8]| bytes[place..place + value.len()].copy_from_slice(value);
        put(self.header - TIME_BYTES, &varint(content.header_time));
        let mut random = fastrand::Rng::with_seed(seed ^ (content.positions_at as u64) << 20 ^ number as u64);
        for &end in &self.entities {
            put(end - TIME, &varint(content.positions_at - random.i64(0..15)));
            put(end - LATITUDE, &(48.3 + random.f32() * 0.4).to_le_bytes());
            put(end - LONGITUDE, &(7.7 + random.f32() * 0.4).to_le_bytes());
        }
        bytes
    }
}

/// A time as a varint, which takes five bytes from 1978 to 3058.
fn varint(time: i64) -> [u8; TIME_BYTES] {
    std::array::from_fn(|place| {
        let seven = (time >> (7 * place)) as u8 & 0x7f;
        if place + 1 < TIME_BYTES { seven | 0x80 } else { seven }
    })
}
