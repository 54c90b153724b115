//! The status: what is due, running, failed and held back, since when, what to do, and how much disk a day takes.
//!
//! [`Status`] is plain data. [`Gatherer`] makes it, from what a scheduler knows and from the private store; [`text`] says it on a
//! terminal, [`page`] as a page for the data manager, and [`Keeper`] keeps that page in the private store.

mod beats;
mod data;
mod disk;
mod gather;
mod keep;
pub mod language;
mod needs;
pub mod page;
mod picture;
mod runs;
pub mod text;
mod undecided;
mod words;

pub use self::beats::Effort;
pub use self::data::{
    ChoreStatus, DateState, DateStatus, Disk, DueJob, Hour, Inputs, Need, NextChore, NextJob, PipelineStatus, Release,
    Running, SourceStatus, SpoolStatus, Status, Undecided,
};
pub use self::gather::{Gatherer, running};
pub use self::keep::{Keeper, write};

#[cfg(test)]
mod tests;
