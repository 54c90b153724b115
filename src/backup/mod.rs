//! Backups of what cannot be made again, and bringing them back.
//!
//! ```text
//! <place>/place.json                     whose place it is, and whether it has keys
//! <place>/backups/20261127T120000Z.json  what a backup has: names, lengths, digests; create-only, and written last
//! <place>/objects/ab/ab01…               the bytes, by their SHA-256
//! ```
//!
//! Evidence, journal, quarantine, decisions, what was destroyed, the schedule's log and the configuration go to one place, the keys
//! to another one or nowhere: whoever has both can undo pseudonyms. Evidence that `evidence:` keeps elsewhere, and that others keep, is
//! named and not copied. What can be made again is left out: staging, caches, locks.
//!
//! **Any moment can be restored**, while a collector and runs are at work, since what is named is copied after what names it: the
//! journal first, then quarantine, decisions and keys, then spools, then evidence. What comes later than the journal is what a run
//! that goes on would find, too. A file that is only added to is copied as far as it was whole when its source was quiet. Purges
//! wait until a backup is done, so that no date is in one in part.
//!
//! What was purged does not live on: after each backup the names and the objects of dates that were destroyed go from all older ones.

mod copy;
mod error;
mod expire;
mod key_count;
mod manifest;
mod place;
mod restore;
mod scan;
mod status;
mod verify;
mod write;

pub use self::error::BackupError;
pub use self::expire::Expired;
pub use self::key_count::KeyCount;
pub use self::manifest::{Holds, Manifest};
pub use self::place::Place;
pub use self::restore::{Restore, Restored, restore};
pub use self::status::{LastBackup, last};
pub use self::verify::{Listed, Verified, list, verify};
pub use self::write::{Backup, Report, backup};
