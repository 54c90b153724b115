//! Any bytes as a message of GTFS-Realtime.
#![no_main]

use fahrtenbuch::capture::Capture;
use fahrtenbuch::decode::{Limits, gtfs_realtime};
use fahrtenbuch::digest::Digest;
use fahrtenbuch::table::{Budget, Origin};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let captured_at = jiff::Timestamp::UNIX_EPOCH;
    let capture = Capture {
        url: "file:fuzz".to_owned(),
        captured_at,
        status: 200,
        headers: Vec::new(),
        body: data.to_vec().into(),
        digest: Digest::of(data),
    };
    let origins = vec![Origin { name: "fuzz".to_owned(), captured_at }];
    let captures = Box::new(std::iter::once(Ok(capture)));
    let limits = Limits::within(64 << 20);
    let budget = Budget::new(64 << 20);
    fahrtenbuch_fuzz::walk(gtfs_realtime::decode(origins, captures, &fahrtenbuch_fuzz::REALTIME, limits, budget));
});
