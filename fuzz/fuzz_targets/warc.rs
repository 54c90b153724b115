//! Any bytes as a record of evidence, unpacked.
#![no_main]

use std::io::BufReader;

use fahrtenbuch::capture::warc;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = warc::read_capture(&mut BufReader::new(data), 1 << 20);
    let mut input = BufReader::new(data);
    while let Ok(Some(header)) = warc::read_header(&mut input) {
        if warc::read_content(&header, &mut input, true).is_err() || warc::skip_line_ends(&mut input).is_err() {
            break;
        }
    }
});
