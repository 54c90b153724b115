//! Tests that walk through several rooms, with the program as its users start it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by them")]

mod broken_feeds;
mod cases_csv;
mod cases_reports;
mod cases_windows;
mod cases_zip;
mod collector;
mod command_line;
mod contracts;
mod costs;
mod dates;
mod dependencies;
mod end_to_end;
mod evidence;
mod feed_rules;
mod import;
mod killed;
mod left_out;
mod linking;
mod losses;
mod mapped;
mod measure;
mod mistakes;
mod odcs;
mod one_timetable;
mod private_text;
mod published;
mod quality;
mod quarantine;
mod readable;
mod real_data;
mod realtime_wire;
mod recall;
mod records;
mod requests;
mod rule_days;
mod rules;
mod sample_values;
mod structure;
mod tampering;
mod terminal;
mod tides;
mod trips_observed;
mod validate;
mod world;
