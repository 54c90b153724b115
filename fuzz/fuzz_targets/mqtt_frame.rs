//! Any bytes as a frame of a broker's messages: those that are found are found again when they are written.
#![no_main]

use fahrtenbuch::capture::mqtt::frames::{Messages, write};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let messages: Vec<_> = Messages::new(data.to_vec().into()).filter_map(Result::ok).collect();
    let mut written = Vec::new();
    messages.iter().for_each(|message| write(&mut written, message));
    let again: Vec<_> = Messages::new(written.into()).map(|message| message.expect("it was just written")).collect();
    assert_eq!(again.len(), messages.len());
    for (message, again) in messages.iter().zip(&again) {
        assert!((&message.topic, &message.payload, message.qos) == (&again.topic, &again.payload, again.qos));
    }
});
