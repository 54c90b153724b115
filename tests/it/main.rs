//! Tests that walk through several rooms, with the program as its users start it.

mod broken_feeds;
mod collector;
mod command_line;
mod contracts;
mod dates;
mod end_to_end;
mod evidence;
mod import;
mod killed;
mod left_out;
mod linking;
mod losses;
mod mistakes;
mod private_text;
mod published;
mod quality;
mod quarantine;
mod readable;
mod real_data;
mod recall;
mod rules;
mod tampering;
mod terminal;
mod tides;
mod validate;
mod world;
