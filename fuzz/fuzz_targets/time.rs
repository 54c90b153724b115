//! Any bytes as a time: what is read must be written back as the same time.
#![no_main]

use fahrtenbuch::time::ServiceSeconds;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(time) = ServiceSeconds::from_gtfs(data) {
        assert_eq!(ServiceSeconds::from_gtfs(time.to_string().as_bytes()), Some(time));
    }
});
