//! Derive: checked rows become the rows to release.
//!
//! Takes checked batches of the feed's tables, of the release's, and tables of a timetable; makes batches of published tables. A
//! [`Derivation`] shapes them: [`telemetry`] makes each table of the release row by row from one of the feed's (service
//! date, UTC instants, TIDES columns, pseudonyms, one row per position), those of [`DERIVATIONS`] make tables from several.
//! [`privacy`] then takes off every column that the contract does not classify as public. Every row that a derivation does not
//! use is counted under the id of the rule that says why.

mod changes;
mod coverage;
pub mod derivation;
pub mod derivations;
mod error;
mod geometry;
pub mod line_hours;
pub mod mistakes;
pub mod privacy;
pub mod reports;
mod service_dates;
pub mod telemetry;
#[cfg(test)]
pub mod testing;
mod trips_observed;

pub use derivation::Derivation;
pub use derivations::DERIVATIONS;
pub use error::DeriveError;
