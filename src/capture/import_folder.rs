//! Import: files that somebody collected become evidence, with the times that their names tell.
//!
//! A [`Plan`] looks at everything first and changes nothing; [`keep()`] then writes who imports what from where
//! ([`crate::capture::imports`]) and appends the bodies as they are. One file is in memory at a time. Importing twice adds
//! nothing.

mod files;
mod keep;
mod look;
mod planned;

pub use self::keep::{By, Destination, Kept, keep};
pub use self::look::plan;
pub use self::planned::{Item, Plan, Request, Times};
