//! Pipelines: which feed becomes which tables, and the runs that do it.
//!
//! A pipeline is one YAML file and describes one feed ([`Pipeline`]); `graph` says how its tables follow from each other; [`run`] walks
//! one partition of it through the rooms.

pub mod collecting;
mod config;
pub(crate) mod graph;
pub mod journal;
pub(crate) mod lineage;
pub mod mapping;
pub mod purged;
pub(crate) mod recorded;
pub mod replay;
pub mod rule_preview;
pub mod run;
pub(crate) mod signing_keys;
pub mod trace;

pub use config::Pipeline;
pub(crate) use config::collected::sources_of;
pub(crate) use config::outline::outline;
pub use config::release::{Release, VehicleIds};
pub use config::schedule::{Schedule, Times, Trigger};
pub(crate) use config::source_terms::{Named, SourceTerms};
pub use config::sources::{Feed, FeedOrigin};
