//! The facts that the metrics tell.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::capture::coverage::Class;
use crate::time::ServiceDate;

/// What a monitor asks. What is not known is absent, never zero.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// When these facts were gathered.
    pub now: Timestamp,
    /// When the process began; absent where it ends at once, as of `schedule --once`.
    pub started: Option<Timestamp>,
    /// By the name of the pipeline.
    pub pipelines: BTreeMap<String, PipelineMetrics>,
    /// By the name of the source.
    pub sources: BTreeMap<String, SourceMetrics>,
    /// Where evidence goes elsewhere.
    pub spool: Option<SpoolMetrics>,
    /// By what lies there: `private`, `bucket`.
    pub disks: BTreeMap<String, DiskMetrics>,
    /// The end of the last backup that was made.
    pub last_backup: Option<Timestamp>,
    /// What a person must know of now, by the kind of the cause: `source_silent`.
    pub causes: BTreeMap<String, u64>,
    /// Messages that were sent, by their kind: `new`, `reminder`, `mended`. Only ever grows.
    pub messages: BTreeMap<String, u64>,
    /// Messages that a channel did not take, by the name of the channel. Only ever grows.
    pub message_failures: BTreeMap<String, u64>,
}

impl Metrics {
    /// Nothing is known but the time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            started: None,
            pipelines: BTreeMap::new(),
            sources: BTreeMap::new(),
            spool: None,
            disks: BTreeMap::new(),
            last_backup: None,
            causes: BTreeMap::new(),
            messages: BTreeMap::new(),
            message_failures: BTreeMap::new(),
        }
    }
}

/// A pipeline and the newest of its runs.
#[derive(Clone, Debug, Default)]
pub struct PipelineMetrics {
    /// The end of the newest attempt that published, or found nothing new.
    pub last_success: Option<Timestamp>,
    /// The newest service date that is published complete.
    pub last_complete: Option<ServiceDate>,
    /// Dates that are due, those that run or wait for another try among them.
    pub due: u64,
    /// Since when the date is due that waits longest.
    pub due_since: Option<Timestamp>,
    pub running: u64,
    pub attempts: MetricAttempts,
    /// Rows of the newest run, by table.
    pub rows: BTreeMap<String, RowCounts>,
    /// Rules of the newest run that found something, by severity: `error`, `warning`, `info`.
    pub findings: BTreeMap<String, u64>,
}

/// Attempts by their outcome, in the words of the log: `published`, `held back`, `transient`.
#[derive(Clone, Debug, Default)]
pub struct MetricAttempts {
    /// All that the log knows of. Only ever grows.
    pub ended: BTreeMap<String, u64>,
    /// Dates whose newest attempt failed or was held back.
    pub failed: BTreeMap<String, u64>,
}

/// Where the rows of a table went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    pub published: u64,
    pub quarantined: u64,
    pub dropped: u64,
}

/// A source that is collected.
#[derive(Clone, Debug, Default)]
pub struct SourceMetrics {
    /// Whether its format is GTFS-Realtime.
    pub is_gtfs_realtime: bool,
    /// Seconds between two beats; absent of a source that sends by itself.
    pub interval: Option<f64>,
    /// Beats since an instant that moves only where the counts begin at zero again: the start of the process, or midnight.
    /// Those that are under way are not counted.
    pub beats: BTreeMap<Class, u64>,
    /// When it last gave what it is to give, new or unchanged; of a source that sends by itself, when it was last connected.
    pub last_good: Option<Timestamp>,
    /// The newest header time of its feed (GTFS-Realtime `FeedHeader.timestamp`).
    pub header_time: Option<Timestamp>,
}

/// Evidence that waits in the private store to go where `evidence` says.
#[derive(Clone, Copy, Debug)]
pub struct SpoolMetrics {
    /// Bytes that wait.
    pub waiting: u64,
    /// Bytes that may wait.
    pub limit: u64,
}

/// The disk below a folder.
#[derive(Clone, Copy, Debug)]
pub struct DiskMetrics {
    /// Bytes that an unprivileged user may still write.
    pub free: u64,
    /// Bytes by which the folder grows in a day; absent as long as nobody has seen a day.
    pub per_day: Option<u64>,
}
