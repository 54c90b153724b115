//! Any bytes as the archive of a feed.
#![no_main]

use fahrtenbuch::decode::gtfs::Package;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fahrtenbuch_fuzz::look(Package::Archive(data.to_vec().into())));
