//! Fahrtenbuch turns a city's mobility feeds into open data that people can trust.
//!
//! The way of the data, one direction and no way back; each room takes the type that the one before it makes:
//!
//! ```text
//! capture ──▶ decode ──▶ check ──▶ derive ──▶ publish ──▶ ledger
//!  bytes      tables     passed     tables      files       record
//!  (kept)                + quarantined
//! ```
//!
//! | room | takes | makes |
//! |---|---|---|
//! | [`capture`] | a source | [`capture::Capture`]: bytes, headers, time, digest, kept as evidence |
//! | [`decode`] | captures | [`decode::Decoded`]: typed Arrow chunks, each row with its origin |
//! | [`contract`] | `schemas/**/*.odcs.yaml` | [`contract::Contract`]: columns, keys, relationships, rules |
//! | [`check`] | chunks and a contract | [`check::Checked`]: passed rows, quarantined rows, findings |
//! | [`feed_rules`] | a whole feed | notices of the rules of a standard: how often each was found, with samples |
//! | [`mod@derive`] | checked rows | the rows to release: service dates, UTC instants, pseudonyms, public columns only |
//! | [`publish`] | rows to release | Parquet files in the bucket, the table index |
//! | [`ledger`] | the facts of a run | the run record |
//! | [`report`] | run records and contracts | quality results, score, trend: JSON, JUnit, text |
//! | [`portal`] | table indexes, contracts, quality results | pages, `datapackage.json`, DQV |
//! | [`pipeline`] | `pipelines/*.yaml` | runs: one pipeline over one partition |
//!
//! Rows that [`check`] holds back wait in [`quarantine`]. Beside the way stand the words that all rooms share:
//! [`table`] (what passes between rooms), [`decision`] (what people decide), [`time`] (service dates and instants), [`geo`]
//! (distances on the globe), [`digest`], [`durable`] (private files), [`yaml`] (the workspace's
//! files, read with line numbers), [`protobuf`] (its wire format), [`spool`] (rows that wait on disk) and [`page`] (the frame of what
//! people read). [`simulate`] invents the city whose feeds the tests and the sample use.

pub mod capture;
pub mod check;
pub mod cli;
pub mod contract;
pub mod decision;
pub mod decode;
pub mod derive;
pub mod digest;
pub mod durable;
pub mod feed_rules;
pub mod geo;
pub mod internal;
pub mod ledger;
pub mod page;
pub mod pipeline;
pub mod portal;
pub mod protobuf;
pub mod publish;
pub mod quarantine;
pub mod report;
pub mod simulate;
pub mod spool;
pub mod table;
pub mod time;
pub mod workspace;
pub mod yaml;
