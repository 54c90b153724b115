//! Makes a release again in an empty folder, from what its record names, and compares it with what is published.
//!
//! [`request`] finds the records of runs that a release stands on, also where a person went back to it or a month was put into one file;
//! [`then`] brings back the pipeline and the contracts of then; [`crate::pipeline::run::replay`] walks through the phases of a run with the
//! evidence, key and decisions of then; [`compare`] looks at the files, and [`rows`] at what differs in them. It reads the bucket and
//! the private store, and changes neither.

mod again;
mod answer;
mod compare;
mod reason;
mod request;
mod rows;
mod said;
mod then;

pub use self::again::{Replayer, replay};
pub use self::answer::{ActSaid, ComparedFile, PublishedState, Replay, ReplayedMonth, ReplayedRun, Verdict};
pub use self::reason::{Reason, ReplayError};
pub use self::request::Asked;
pub use self::rows::{ChangedColumn, Example, RowDifferences};
pub use self::said::text;
