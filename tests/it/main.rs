//! Tests that walk through several rooms, with the program as its users start it.

mod broken_feeds;
mod command_line;
mod contracts;
mod end_to_end;
mod killed;
mod left_out;
mod mistakes;
mod quality;
mod quarantine;
mod real_data;
mod recall;
mod rules;
mod tampering;
mod tides;
mod validate;
mod world;
