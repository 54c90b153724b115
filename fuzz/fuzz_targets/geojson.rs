//! Any bytes as `locations.geojson`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fahrtenbuch_fuzz::look(fahrtenbuch_fuzz::with("locations.geojson", data)));
