//! Report: what the rules of runs came to, for readers of other forms than the run record.
//!
//! Takes a [`crate::ledger::RunRecord`] and the contracts whose digests it names; makes [`Quality`], and of that
//! `quality.json` for programs and `quality.junit.xml` for CI systems, under `reports/<dataset>/date=YYYY-MM-DD/`.
//! [`results`] finds them again, [`trend`] lays those of several partitions side by side, [`text`] shows that on a terminal;
//! the page of it is the portal's. All of them are views, as `files.json` is: a later run of the partition writes them
//! anew. They hold counts by rule and never a row, and no clock, so the same record and contracts give the same bytes.

mod german;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod quality;
pub(crate) mod results;
mod rule_report;
mod same_run;
pub(crate) mod score;
pub(crate) mod text;
pub(crate) mod trend;
pub(crate) mod words;

pub(crate) use quality::Quality;
pub(crate) use same_run::difference;
