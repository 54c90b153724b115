//! Metrics as text: Prometheus' exposition format, version 0.0.4.
//!
//! Families stand in the order below and samples in that of their labels, so that the same facts are the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use crate::capture::coverage::Class;
use crate::metrics::facts::{Metrics, PipelineMetrics, SourceMetrics};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Samples of one name: their labels, and their values.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Family {
    fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, help, samples: Vec::new() }
    }

    fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, help, samples: Vec::new() }
    }

    fn with<const N: usize>(mut self, labels: [(&'static str, &str); N], value: impl Into<Option<f64>>) -> Self {
        self.add(labels, value);
        self
    }

    /// Adds a sample whose value is known.
    fn add<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: impl Into<Option<f64>>) {
        let Some(value) = value.into() else { return };
        self.samples.push((labels.map(|(name, value)| (name, value.to_owned())).to_vec(), value));
    }

    /// A sample for each count, whose key is the value of the label.
    fn counts(mut self, label: &'static str, counts: &BTreeMap<String, u64>) -> Self {
        counts.iter().for_each(|(key, count)| self.add([(label, key)], number(*count)));
        self
    }

    /// Samples of each pipeline.
    fn of_pipelines(mut self, metrics: &Metrics, add: impl Fn(&mut Self, &str, &PipelineMetrics)) -> Self {
        metrics.pipelines.iter().for_each(|(name, pipeline)| add(&mut self, name, pipeline));
        self
    }

    /// Samples of each source.
    fn of_sources(mut self, metrics: &Metrics, add: impl Fn(&mut Self, &str, &SourceMetrics)) -> Self {
        metrics.sources.iter().for_each(|(name, source)| add(&mut self, name, source));
        self
    }

    fn write(&self, text: &mut String) {
        if self.samples.is_empty() {
            return;
        }
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // A string takes all that is written to it.
        let _ = writeln!(text, "# HELP {} {}", self.name, escaped(self.help, false));
        let _ = writeln!(text, "# TYPE {} {kind}", self.name);
        for (labels, value) in &self.samples {
            text.push_str(self.name);
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true))).collect();
            if !labels.is_empty() {
                let _ = write!(text, "{{{}}}", labels.join(","));
            }
            let _ = writeln!(text, " {value}");
        }
    }
}

/// The text of a help or of a label as the format has it.
fn escaped(text: &str, is_label: bool) -> Cow<'_, str> {
    if !text.contains(['\\', '\n', '"']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    Cow::Owned(if is_label { text.replace('"', "\\\"") } else { text })
}

/// The outcome of an attempt as a label: `held back` is `held_back`.
fn word(outcome: &str) -> String {
    outcome.replace(' ', "_")
}

/// Exact up to 2^53, as all numbers of Prometheus are.
#[allow(clippy::cast_precision_loss, reason = "the format has no other numbers")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Seconds since 1970, to the millisecond.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of 200,000 years are exact")]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1_000.0
}

/// The name of OpenDataVBB's gtfs-rt-metrics-service for what came of a fetch; nothing where nothing was fetched.
fn fetch_status(class: Class) -> Option<&'static str> {
    match class {
        Class::Body => Some("success_changed"),
        Class::Unchanged | Class::Frozen => Some("success_unchanged"),
        Class::Failed => Some("fetch_failure"),
        Class::Unreadable => Some("parse_failure"),
        Class::Silent | Class::Skipped | Class::Off | Class::UnderWay | Class::Unexplained => None,
    }
}

impl Metrics {
    /// The media type of [`exposition`](Self::exposition).
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// The metrics as Prometheus reads them.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        let families = [self.process(), self.schedule(), self.runs(), self.collector(), self.feeds(), self.living()];
        families.iter().flatten().for_each(|family| family.write(&mut text));
        text
    }

    fn process(&self) -> Vec<Family> {
        let version = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("FAHRTENBUCH_COMMIT"))];
        vec![
            Family::gauge("fahrtenbuch_build_info", "The program; always 1").with(version, 1.0),
            Family::gauge("fahrtenbuch_start_time_seconds", "When the process began, in seconds since 1970")
                .with([], self.started.map(seconds)),
            Family::gauge(
                "fahrtenbuch_updated_timestamp_seconds",
                "When these numbers were gathered, in seconds since 1970",
            )
            .with([], seconds(self.now)),
        ]
    }

    fn schedule(&self) -> Vec<Family> {
        let date = |date: crate::time::ServiceDate| f64::from(date.days_since_epoch()) * DAY;
        let success = "End of the newest attempt that published or found nothing new, in seconds since 1970";
        let complete = "Newest service date that is published complete, as 00:00 UTC of the date in seconds since 1970";
        let since = "Since when the date is due that waits longest, in seconds since 1970";
        let failed = "Service dates whose newest attempt failed or was held back, by its outcome";
        vec![
            Family::gauge("fahrtenbuch_last_success_timestamp_seconds", success)
                .of_pipelines(self, |family, name, of| family.add([("pipeline", name)], of.last_success.map(seconds))),
            Family::gauge("fahrtenbuch_last_complete_date_timestamp_seconds", complete)
                .of_pipelines(self, |family, name, of| family.add([("pipeline", name)], of.last_complete.map(date))),
            Family::gauge("fahrtenbuch_partitions_due", "Service dates that are due")
                .of_pipelines(self, |family, name, of| family.add([("pipeline", name)], number(of.due))),
            Family::gauge("fahrtenbuch_oldest_due_timestamp_seconds", since)
                .of_pipelines(self, |family, name, of| family.add([("pipeline", name)], of.due_since.map(seconds))),
            Family::gauge("fahrtenbuch_runs_running", "Runs that are under way")
                .of_pipelines(self, |family, name, of| family.add([("pipeline", name)], number(of.running))),
            Family::counter("fahrtenbuch_attempts_total", "Attempts that ended, by their outcome").of_pipelines(
                self,
                |family, name, of| {
                    for (outcome, count) in &of.attempts.ended {
                        family.add([("pipeline", name), ("outcome", &word(outcome))], number(*count));
                    }
                },
            ),
            Family::gauge("fahrtenbuch_partitions_failed", failed).of_pipelines(self, |family, name, of| {
                for (outcome, count) in &of.attempts.failed {
                    family.add([("pipeline", name), ("outcome", &word(outcome))], number(*count));
                }
            }),
        ]
    }

    fn runs(&self) -> Vec<Family> {
        let rows = Family::gauge("fahrtenbuch_rows", "Rows of the newest run, by where they went");
        let findings = "Rules of the newest run that found something, by severity";
        vec![
            rows.of_pipelines(self, |family, name, of| {
                for (table, rows) in &of.rows {
                    let states =
                        [("dropped", rows.dropped), ("published", rows.published), ("quarantined", rows.quarantined)];
                    for (state, count) in states {
                        family.add([("pipeline", name), ("table", table), ("state", state)], number(count));
                    }
                }
            }),
            Family::gauge("fahrtenbuch_rule_findings", findings).of_pipelines(self, |family, name, of| {
                for (severity, count) in &of.findings {
                    family.add([("pipeline", name), ("severity", severity)], number(*count));
                }
            }),
        ]
    }

    fn collector(&self) -> Vec<Family> {
        let good = "When the source last gave what it is to give, new or unchanged, in seconds since 1970";
        let age =
            "Seconds since the header time of the feed, or since the source last gave something where it has none";
        let now = seconds(self.now);
        vec![
            Family::counter("fahrtenbuch_beats_total", "Beats of the collector that are over, by what came of them")
                .of_sources(self, |family, name, of| {
                    // What is under way is counted when it is over: a counter never falls.
                    for class in Class::ALL.into_iter().filter(|class| *class != Class::UnderWay) {
                        let count = of.beats.get(&class).copied().unwrap_or_default();
                        family.add([("source", name), ("outcome", class.name())], number(count));
                    }
                }),
            Family::gauge("fahrtenbuch_source_interval_seconds", "Seconds between two beats")
                .of_sources(self, |family, name, of| family.add([("source", name)], of.interval)),
            Family::gauge("fahrtenbuch_source_last_good_timestamp_seconds", good)
                .of_sources(self, |family, name, of| family.add([("source", name)], of.last_good.map(seconds))),
            Family::gauge("fahrtenbuch_feed_age_seconds", age).of_sources(self, |family, name, of| {
                let newest = of.header_time.or(of.last_good).map(|time| now - seconds(time));
                family.add([("source", name)], newest);
            }),
        ]
    }

    /// The metrics that OpenDataVBB's gtfs-rt-metrics-service has of a feed, under its names and with its words, for the dashboards that
    /// are made for it; `source` is ours.
    fn feeds(&self) -> Vec<Family> {
        let fetches = "How often the GTFS-Realtime feed was fetched, by what came of it";
        let header = "FeedHeader.timestamp of the newest GTFS-Realtime message, in seconds since 1970";
        vec![
            Family::counter("gtfs_rt_feed_fetches_total", fetches).of_sources(self, |family, name, of| {
                let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
                for class in Class::ALL.into_iter().filter(|_| of.is_gtfs_realtime) {
                    let Some(status) = fetch_status(class) else { continue };
                    *counts.entry(status).or_default() += of.beats.get(&class).copied().unwrap_or_default();
                }
                for (status, count) in counts {
                    family.add([("source", name), ("status", status)], number(count));
                }
            }),
            Family::gauge("gtfs_rt_feed_timestamp_seconds", header).of_sources(self, |family, name, of| {
                let header = of.header_time.filter(|_| of.is_gtfs_realtime);
                family.add([("source", name)], header.map(seconds));
            }),
        ]
    }

    fn living(&self) -> Vec<Family> {
        let spool = self.spool;
        let mut free =
            Family::gauge("fahrtenbuch_disk_free_bytes", "Bytes that may still be written to the disk of a folder");
        let mut growth = Family::gauge("fahrtenbuch_disk_growth_bytes", "Bytes by which a folder grows in a day");
        for (place, disk) in &self.disks {
            free.add([("place", place)], number(disk.free));
            growth.add([("place", place)], disk.per_day.map(number));
        }
        vec![
            Family::gauge("fahrtenbuch_spool_bytes", "Bytes of evidence that wait to be stored elsewhere")
                .with([], spool.map(|spool| number(spool.waiting))),
            Family::gauge("fahrtenbuch_spool_limit_bytes", "Bytes of evidence that may wait")
                .with([], spool.map(|spool| number(spool.limit))),
            free,
            growth,
            Family::gauge("fahrtenbuch_last_backup_timestamp_seconds", "End of the last backup, in seconds since 1970")
                .with([], self.last_backup.map(seconds)),
            Family::gauge("fahrtenbuch_causes", "What a person must know of now, by kind")
                .counts("cause", &self.causes),
            Family::counter("fahrtenbuch_messages_total", "Messages that were sent, by their kind")
                .counts("kind", &self.messages),
            Family::counter("fahrtenbuch_message_failures_total", "Messages that a channel did not take")
                .counts("channel", &self.message_failures),
        ]
    }
}
