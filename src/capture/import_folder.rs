//! Import: files that somebody collected become evidence, with the times that their names tell.
//!
//! A [`Plan`] looks at everything first and changes nothing; [`keep()`] then writes who imports what from where
//! ([`crate::capture::imports`]) and appends the bodies as they are. One body is in memory at a time. Importing twice adds
//! nothing. Archives of another store are merged: a body that both machines captured in the same beat is kept once.

mod files;
mod keep;
mod look;
mod look_packed;
mod merge;
mod message_json;
mod newest;
mod packed;
mod piece;
mod planned;
mod rows;
mod sidecar;
mod tar;
mod told;

pub use self::keep::{By, Destination, Kept, keep};
pub use self::look::plan;
pub use self::newest::newest;
pub use self::planned::{Item, Plan, Request, Times};
