//! The feeds of the simulated city: the timetable, the realtime feeds, the app's.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;

use crate::digest::Digest;
use crate::simulate::realtime::Feed;
use crate::simulate::serve::http::{Answer, Ending, Request, date};
use crate::simulate::{Simulation, busplus};

pub(super) struct City {
    pub simulation: Simulation,
    pub gtfs: Bytes,
    /// Seconds between changes of the realtime feeds.
    pub interval: i64,
    /// Every other answer stops after its first half.
    pub stall: bool,
    /// Of every four answers one is a 500, one a 503, and one is cut off.
    pub flaky: bool,
    pub requests: AtomicU64,
}

impl City {
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if self.flaky && number % 4 < 2 {
            let status = if number.is_multiple_of(4) { 500 } else { 503 };
            return Answer { fault: Some(if status == 500 { "500" } else { "503" }), ..Answer::plain(status, "flaky") };
        }
        let (body, changed): (Bytes, i64) = match request.path() {
            "/gtfs.zip" => (self.gtfs.clone(), self.simulation.day.zero),
            "/busplus/fahrzeuge" => {
                let at = self.moment();
                match busplus::document(&self.simulation, at) {
                    Some(body) => (body.into(), at),
                    None => return Answer::plain(503, "the feed is down"),
                }
            }
            path => {
                let feed = Feed::ALL.into_iter().find(|feed| path.strip_prefix("/gtfs-rt/") == Some(feed.name()));
                let Some(feed) = feed else { return Answer::plain(404, "there is no such feed") };
                let at = self.moment();
                match self.simulation.snapshot(feed, at) {
                    Some(body) => (body.into(), at),
                    None => return Answer::plain(503, "the feed is down"),
                }
            }
        };
        let digest = Digest::of(&body);
        let (etag, modified) = (format!("\"{}\"", digest.short()), date(changed));
        let is_known = request.knows(&etag, Some(&modified));
        let mut headers = vec![("ETag", etag), ("Last-Modified", modified)];
        let answer =
            Answer { status: 304, headers: Vec::new(), body, ending: Ending::Whole, digest: Some(digest), fault: None };
        if is_known {
            return Answer { headers, body: Bytes::new(), ..answer };
        }
        headers.push(("Content-Type", "application/octet-stream".to_owned()));
        let (ending, fault) = match (self.stall && number.is_multiple_of(2), self.flaky && number % 4 == 2) {
            (true, _) => (Ending::Stall, Some("stall")),
            (false, true) => (Ending::CutOff, Some("cut off")),
            (false, false) => (Ending::Whole, None),
        };
        Answer { status: 200, headers, ending, fault, ..answer }
    }

    /// The simulated moment: the time of day of now, on the simulated date.
    fn moment(&self) -> i64 {
        let now = Timestamp::now().as_second();
        let interval = self.interval.max(1);
        let zero = self.simulation.day.zero;
        (zero + (now - zero).rem_euclid(86_400)).div_euclid(interval) * interval
    }
}
