//! Metrics: what a monitor asks of this program, as Prometheus reads it.
//!
//! [`Metrics`] is plain data, which whoever knows the facts fills in. It becomes text by [`Metrics::exposition`], which goes into a
//! file of the node exporter ([`textfile`]) or out by HTTP ([`Server`]). Names, units and what each number counts stand in
//! `docs/operations.md`; the alert rules over them in `deploy/prometheus/`.

mod exposition;
mod facts;
mod server;
mod settings;
pub mod textfile;

pub use self::facts::{DiskMetrics, MetricAttempts, Metrics, PipelineMetrics, RowCounts, SourceMetrics, SpoolMetrics};
pub use self::server::{ListenAddress, Server, serve};
pub use self::settings::Settings;
