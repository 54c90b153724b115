//! Feed rules: what the standards ask of a feed as a whole.
//!
//! Takes what is looked at (a GTFS feed with all its tables) and makes notices: how often each was found, with samples.
//! One folder per standard.

pub mod gtfs;
pub mod notice;
pub mod report;
pub mod rule;
