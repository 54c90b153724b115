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
//! | room | takes | makes | may hold |
//! |---|---|---|---|
//! | [`capture`] | a source, asked once or at steady beats | [`capture::Capture`]: bytes, headers, time, digest, kept as evidence; of every beat what came of it | a body a source |
//! | [`decode`] | captures | [`decode::Decoded`]: typed Arrow chunks, each row with its origin | some chunks, a message; of a timetable its columns |
//! | [`contract`] | `schemas/**/*.odcs.yaml` | [`contract::Contract`]: columns, keys, relationships, rules | all contracts |
//! | [`check`] | chunks and a contract | [`check::Checked`]: passed rows, quarantined rows, findings | keys; rows that wait, on disk where they are many |
//! | [`feed_rules`] | a whole feed, or a snapshot with the one before | notices of the rules of a standard: how often each was found, with samples | the columns of a timetable |
//! | [`mod@derive`] | checked rows of the feed, of the release, of the timetable | the rows to release: service dates, UTC instants, pseudonyms, public columns only; tables made of tables | what it may meet again |
//! | [`quarantine`] | rows held back | the private table of them | rows that were held before |
//! | [`publish`] | rows to release | Parquet files in the bucket, the table index | a row group, runs of sorted rows on disk |
//! | [`ledger`] | the facts of a run | the run record | the record |
//! | [`report`] | run records and contracts | quality results, score, trend: JSON, JUnit, text | the results of a dataset |
//! | `publication` | versions of indexes, quality results, public records | the rows of `releases`, `rule_results` and `decisions` | those of a date |
//! | [`portal`] | table indexes, contracts, quality results | pages, among them the pictures of the trend, `datapackage.json`, DCAT, DQV | a page |
//! | [`pipeline`] | `pipelines/*.yaml` | runs: one pipeline over one partition | nothing of its own |
//! | [`schedule`] | pipelines, evidence, what is released and what was tried | runs that are due, as processes of their own | what is due |
//! | [`metrics`] | facts about pipelines, sources and disks | text for Prometheus: a file, a small server | the text |
//! | [`units`] | where a workspace lies | files for systemd, Kubernetes, containers and Airflow | the files |
//! | [`serve`] | a bucket that is a folder | the same over HTTP, as a bucket in a cloud has it | a chunk of a file a client |
//! | [`get`] | the address of a bucket | its current files, each with the digest that the list names | a chunk of each of four files |
//! | [`bucket_check`] | a bucket and its address | what its store and its readers cannot do, in sentences | two small objects |
//! | [`privacy_report`] | contracts, published files, and the evidence and keys where they are there | what is published of each column, how and why, and how far vehicles can be followed: page, text, JSON | what a day tells of each vehicle |
//! | `audit_report` | published tables, and what the workspace says of itself | the report of a year for the funding body: page, CSV, queries | sums, what each day and rule came to |
//! | `process_document` | what the workspace says | the process document: who, what, from whom, how long | the page |
//! | [`backup`] | the private store and the configuration | backups in a place elsewhere, and the store again | the names of what a backup has, a part of a file |
//!
//! What may be held is bounded by `limits: memory` and booked on one [`table::Budget`] a run, or is small for any feed.
//!
//! Beside the way stand the words that all rooms share: [`table`] (what passes between rooms), [`decision`] (what people
//! decide), [`time`] (service dates and instants), [`geo`] (distances on the globe), [`digest`], [`durable`] (private files),
//! [`output_file`] (files that a user named),
//! [`notify`] (messages to people, by e-mail and other channels), [`yaml`] (the workspace's files, read with line numbers), [`protobuf`] (its wire format), [`spool`] (rows that wait on disk),
//! `licences` (which licence a release may have), [`text`] (sentences in German and English) and [`page`] (the frame of what people read). [`simulate`] invents the city whose feeds the tests and the sample use.
//!
//! Where a new thing goes, and nothing else changes:
//!
//! | thing | place | list |
//! |---|---|---|
//! | a format of feeds | a folder of [`decode`] that implements [`decode::format::Format`] and [`decode::format::Decoder`] | [`decode::FORMATS`] |
//! | a table made of others | a file of [`mod@derive`] that implements [`derive::derivation::DerivationType`], and its contract | [`derive::derivations::DERIVATIONS`] |
//! | a rule of GTFS or of GTFS-Realtime | a file of [`feed_rules::gtfs`] or [`feed_rules::gtfs_realtime`], with its notices and examples | `RULES` there |
//! | a rule of a city | its contract, with a test | none |
//! | what a run does | a phase, one file of [`pipeline::run`] | none |
//! | a command | a file of [`cli`] | its enum of commands |
//!
//! Files import downwards: no two import each other, and a room imports only those that stand before it on the way or beside it
//! (`tests/it/structure.rs`).

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests know what they made"))]

pub(crate) mod audit_report;
pub mod backup;
pub mod bucket_check;
pub mod capture;
pub mod check;
pub mod cli;
pub mod contract;
pub(crate) mod decision;
pub mod decode;
pub mod derive;
pub mod digest;
pub(crate) mod durable;
pub mod feed_rules;
pub(crate) mod geo;
pub mod get;
pub(crate) mod internal;
pub(crate) mod ledger;
pub(crate) mod licences;
pub mod metrics;
pub mod notify;
pub mod object_stores;
pub(crate) mod output_file;
pub(crate) mod page;
pub mod pipeline;
pub(crate) mod portal;
pub(crate) mod privacy_report;
pub(crate) mod process_document;
pub(crate) mod protobuf;
pub(crate) mod publication;
pub mod publish;
pub(crate) mod quarantine;
pub(crate) mod report;
pub mod schedule;
pub mod serve;
pub mod simulate;
pub(crate) mod spool;
pub mod table;
pub mod text;
pub mod time;
pub mod units;
pub mod workspace;
pub mod yaml;
