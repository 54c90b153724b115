//! The table index: which files are the current ones. A public bucket gives no listing, so readers find files here.
//!
//! ```text
//! data/<dataset>/<table>/partition_date=2026-11-24/part-<12>.parquet     the first complete publication of a date
//! revised/<dataset>/<table>/partition_date=2026-11-24/part-<12>.parquet  provisional ones, and every later one
//! revised/<dataset>/<table>/month=2026-11/part-<12>.parquet              the days of a past month in one file
//! meta/<dataset>/<table>/index/v0000000001.json                          create-only, one per release
//! meta/<dataset>/<table>/files.json  index.csv                           views of the newest index
//! iceberg/…                                                              a catalogue over the same files
//! ```
//!
//! Writing a version of the index *is* the release. Below `data/` and `revised/` lies nothing but Parquet, and a folder
//! below `data/` has at most one file of a date, so readers may open it as a whole. The views are made from the newest
//! index and may be made again at any time. They do not depend on the order in which dates were released, apart from the
//! version number, the time of the release and the names of records.
//!
//! A version may also be what a person did ([`Act`]): a rollback names older files again, a withdrawal names those of a date no
//! more and leaves a [`Tombstone`]; or a compaction, which names past months in one file each ([`MonthFile`]). Versions are never rewritten: which of the older ones name deleted files the newest one says.

mod acts;
mod amend;
mod columns;
mod commit;
mod evolution;
mod months;
mod orphans;
mod paths;
mod table_index;
mod verified;
mod versions;
mod views;
mod withdrawn;

pub use self::acts::{Act, ActKind, FirstFile, Lifted, RolledBack, Tombstone};
pub use self::amend::{Amended, Amendment, amend, until_committed};
pub use self::columns::{ColumnType, EarlierColumn, IndexColumn};
pub use self::commit::{Change, Commit, commit, commit_after, commit_empty};
pub use self::evolution::{Evolution, MadePrivate, evolution, names_of};
pub use self::months::{Month, MonthFile, MonthPart, month_folder, month_of, path_of_month};
pub use self::orphans::{remove_orphans, retain_unnamed, stranger};
pub use self::paths::{TablePartition, date_of, index_key, meta_folder, partition_folder, path_of_release};
pub use self::table_index::{ContractRef, IndexFile, Release, TableIndex, UsedTimetable, digest};
pub use self::verified::{Verified, verified};
pub use self::versions::{
    current, digest_of_version, is_written_here, known_before, last_digest, last_read, missing_error, missing_version,
    read_tables, read_version, remember_version,
};
pub use self::views::views;
pub use self::withdrawn::{is_still_named, left_of_withdrawn, objects_of, open_named};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
