//! Any text as a date: what is read must be written back, also by way of its number.
#![no_main]

use fahrtenbuch::time::ServiceDate;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Some(date) = ServiceDate::from_gtfs(data) {
        assert_eq!(date.to_gtfs(), data);
        assert_eq!(ServiceDate::from_days_since_epoch(date.days_since_epoch()), Some(date));
    }
});
