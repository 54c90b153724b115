//! A run: one pipeline over one partition, through all rooms, and again from the journal where an earlier run was killed.
//!
//! One phase a file, in this order: [`dates`] finds the partition and its [`evidence`]; [`inputs`] and [`run_inputs`] name everything
//! that decides the rows and what rules report, [`beats`] what came of the sources; [`columns`] compares the contracts with what is
//! published, [`comparison`] compares that with the [`last_record`], [`heads`] and [`published`] with the
//! bucket; [`prepare`] decodes, checks, derives and writes into the staging folder, step by step ([`steps`]), node by node of the
//! run graph ([`nodes`]); the journal keeps what is prepared; [`commit`] publishes it, and [`views`] writes what people read
//! ([`overview`] keeps what that tells of all days, [`left`] finds what no pipeline makes any more, [`lost_results`] writes results
//! again that are gone), and [`rebuild`] all of it anew; the [`log`] gets an entry of all that is new. [`vehicles_behind`] tells afterwards whom published pseudonyms stand for, and [`unread`]
//! what captures have that no column is made of. [`selected`] and [`phases`] have the types that lead from one to the next.

mod accounting;
mod acts;
mod beats;
mod capture_lists;
mod changes;
mod columns;
mod commit;
mod comparison;
mod context;
mod dates;
pub mod day_key;
mod empty;
mod error;
mod evidence;
mod fleets;
pub(in crate::pipeline) mod follow;
mod gap;
mod heads;
pub mod imports;
mod inputs;
pub mod last_record;
mod left;
mod lock;
mod log;
mod lost;
mod lost_results;
mod nodes;
mod objects;
mod open;
mod outcome;
mod overview;
mod phases;
mod prepare;
pub(crate) mod private_store;
mod publication;
mod published;
pub mod purge;
mod readable;
mod reading;
mod rebuild;
mod recorded_files;
pub mod releases;
pub(in crate::pipeline) mod replay;
pub mod run_inputs;
pub(in crate::pipeline) mod scratch;
mod selected;
mod steps;
pub mod unread;
pub mod vehicles_behind;
mod views;

pub(crate) use columns::still_published;
pub use columns::{ContractChanges, contract_changes};
pub use context::{ProgressFn, RunContext, refuse_purged};
pub use dates::changes;
pub use error::RunError;
pub use evidence::{capture, collector, date_of, evidence_store};
pub use gap::is_told_without_captures;
pub(in crate::pipeline) use inputs::contract_entries;
pub use lock::Lock;
#[cfg(test)]
pub(crate) use log::Problem;
pub(crate) use log::{AllAsked, Asked, complete_log, ended_by_log};
pub(crate) use lost::{begun_anew, has_run};
pub use lost::{is_lost, published_to, refuse_if_gone, refuse_if_lost};
pub(crate) use objects::lost_objects;
pub use open::open_bucket;
pub use outcome::{Outcome, Report, Run};
pub(crate) use rebuild::rebuild as rebuild_views;

use crate::time::ServiceDate;

/// Runs a pipeline over one date, provisionally if that is not over. Without a date it asks the pipeline's sources first and
/// takes the newest date that is over and has evidence.
pub fn run(run: &RunContext<'_>, date: Option<ServiceDate>) -> Result<Run, RunError> {
    match date {
        Some(date) => dates::run_date(run, date),
        None => dates::run_newest(run),
    }
}
