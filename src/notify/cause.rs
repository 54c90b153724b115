//! What a person must know of. A cause is plain data; the words for it are in [`text`](crate::notify::text).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::publish::index::Month;
use crate::time::ServiceDate;

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub trouble: Trouble,
    /// When it began.
    pub since: Timestamp,
}

/// What is wrong. No text in it may come out of a feed: names are those of the workspace's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A source gives nothing: it does not answer, or answers with errors.
    SourceSilent { source: String, last_body: Option<Timestamp> },
    /// A realtime source gives the same again and again.
    SourceFrozen { source: String },
    /// A source gives much less than it did.
    SourceShrinking { source: String, rows: u64, usual_rows: u64 },
    /// Runs of a pipeline fail.
    RunFailed { pipeline: String, dates: BTreeSet<ServiceDate>, failure: RunFailure },
    /// Runs of a pipeline are held back by quality; `rules` are the first of those that hold back the newest date.
    RunHeldBack { pipeline: String, dataset: String, dates: BTreeSet<ServiceDate>, rules: Vec<String> },
    /// A daily job that is no run fails: `purge`, `backup`.
    ChoreFailed { chore: String, failure: RunFailure },
    /// A disk will be full. `place` is what lies on it, as `private` or `bucket`.
    DiskFilling { place: String, free_bytes: u64, full_at: Option<Timestamp> },
    /// There is no backup, or none of late.
    BackupOld { last: Option<Timestamp> },
    /// Keys of pseudonyms will be destroyed by retention: until then dates can be published again.
    KeyExpiring { dataset: String, dates: BTreeSet<ServiceDate>, on: ServiceDate },
    /// Evidence will be destroyed by retention although a pipeline's dates of it are not published.
    EvidenceExpiring { source: String, pipeline: String, dates: BTreeSet<ServiceDate>, on: ServiceDate },
    /// Rows are in quarantine, and nobody decides.
    QuarantineUndecided { dataset: String, rows: u64, oldest: ServiceDate },
    /// The calendar of the newest timetable ends.
    TimetableEnding { pipeline: String, last_day: ServiceDate },
    /// A rule that passed before has findings.
    RuleFailed { dataset: String, rule: String, date: ServiceDate, findings: u64 },
    /// The score of a dataset fell. Points of 100.
    ScoreFell { dataset: String, date: ServiceDate, before: u8, now: u8 },
    /// Nobody asks the sources.
    CollectorDown,
    /// Nobody starts runs.
    SchedulerDown,
    /// The private store is not there, or is another one.
    PrivateStoreLost,
    /// The clock of the machine shows `now`, and something has a later time.
    ClockBehind { now: Timestamp, newest: Timestamp },
    /// What the bucket has of a dataset cannot be read; of all of them if none is named.
    BucketUnreadable { dataset: String },
    /// Files of the workspace have mistakes, with which no run begins: how many, and where the first of them is.
    ConfigurationWrong { mistakes: usize, file: String, line: u32 },
    /// The evidence of a pipeline cannot be read; `problem` names the file, the reason and the remedy.
    EvidenceUnreadable { pipeline: String, problem: String },
    /// Files that the indexes of a dataset name are not in the bucket: of days, and of months that are in one file.
    FilesMissing { dataset: String, dates: BTreeSet<ServiceDate>, months: BTreeSet<Month> },
    /// A job is at work for much longer than usual: a pipeline's, or a daily one.
    RunHangs { job: String, date: Option<ServiceDate> },
    /// A source's server has another time than this machine, and its evidence follows the server's. Seconds that the server is ahead.
    SourceClock { source: String, seconds: i64 },
    /// The signed log is not confirmed by a witness, or without one by the authority of time stamps: it does not answer, or refuses.
    LogUnconfirmed { witness: Option<String>, refuses: bool },
}

/// How a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFailure {
    /// It was tried again, and may succeed if it is tried once more.
    Transient,
    /// It will not succeed before something is changed.
    Permanent,
    /// The configuration has a mistake.
    Usage,
    /// It was killed, as by want of memory.
    Killed,
    /// It was published, and is not in the bucket.
    Missing,
    /// The same, and its evidence is gone.
    Lost,
}

/// What kind of cause one is: what `off` and `on` name, and what keys begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    SourceSilent,
    SourceFrozen,
    SourceShrinking,
    RunFailed,
    RunHeldBack,
    ChoreFailed,
    DiskFilling,
    BackupOld,
    KeyExpiring,
    EvidenceExpiring,
    QuarantineUndecided,
    TimetableEnding,
    RuleFailed,
    ScoreFell,
    CollectorDown,
    SchedulerDown,
    PrivateStoreLost,
    ClockBehind,
    BucketUnreadable,
    ConfigurationWrong,
    EvidenceUnreadable,
    FilesMissing,
    RunHangs,
    SourceClock,
    LogUnconfirmed,
}

/// All kinds by their names.
pub const KINDS: &[(&str, CauseKind)] = &[
    ("source_silent", CauseKind::SourceSilent),
    ("source_frozen", CauseKind::SourceFrozen),
    ("source_shrinking", CauseKind::SourceShrinking),
    ("run_failed", CauseKind::RunFailed),
    ("run_held_back", CauseKind::RunHeldBack),
    ("chore_failed", CauseKind::ChoreFailed),
    ("disk_filling", CauseKind::DiskFilling),
    ("backup_old", CauseKind::BackupOld),
    ("key_expiring", CauseKind::KeyExpiring),
    ("evidence_expiring", CauseKind::EvidenceExpiring),
    ("quarantine_undecided", CauseKind::QuarantineUndecided),
    ("timetable_ending", CauseKind::TimetableEnding),
    ("rule_failed", CauseKind::RuleFailed),
    ("score_fell", CauseKind::ScoreFell),
    ("collector_down", CauseKind::CollectorDown),
    ("scheduler_down", CauseKind::SchedulerDown),
    ("private_store_lost", CauseKind::PrivateStoreLost),
    ("clock_behind", CauseKind::ClockBehind),
    ("bucket_unreadable", CauseKind::BucketUnreadable),
    ("configuration_wrong", CauseKind::ConfigurationWrong),
    ("evidence_unreadable", CauseKind::EvidenceUnreadable),
    ("files_missing", CauseKind::FilesMissing),
    ("run_hangs", CauseKind::RunHangs),
    ("source_clock", CauseKind::SourceClock),
    ("log_unconfirmed", CauseKind::LogUnconfirmed),
];

impl CauseKind {
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub fn of_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Whether messages about it are sent unless the settings say otherwise.
    pub fn is_on_by_default(self) -> bool {
        !matches!(self, Self::RuleFailed | Self::ScoreFell)
    }
}

impl Cause {
    /// A disk that is full so soon does not wait for the morning.
    const URGENT_DISK: SignedDuration = SignedDuration::from_hours(24);

    pub fn kind(&self) -> CauseKind {
        match self.trouble {
            Trouble::SourceSilent { .. } => CauseKind::SourceSilent,
            Trouble::SourceFrozen { .. } => CauseKind::SourceFrozen,
            Trouble::SourceShrinking { .. } => CauseKind::SourceShrinking,
            Trouble::RunFailed { .. } => CauseKind::RunFailed,
            Trouble::RunHeldBack { .. } => CauseKind::RunHeldBack,
            Trouble::ChoreFailed { .. } => CauseKind::ChoreFailed,
            Trouble::DiskFilling { .. } => CauseKind::DiskFilling,
            Trouble::BackupOld { .. } => CauseKind::BackupOld,
            Trouble::KeyExpiring { .. } => CauseKind::KeyExpiring,
            Trouble::EvidenceExpiring { .. } => CauseKind::EvidenceExpiring,
            Trouble::QuarantineUndecided { .. } => CauseKind::QuarantineUndecided,
            Trouble::TimetableEnding { .. } => CauseKind::TimetableEnding,
            Trouble::RuleFailed { .. } => CauseKind::RuleFailed,
            Trouble::ScoreFell { .. } => CauseKind::ScoreFell,
            Trouble::CollectorDown => CauseKind::CollectorDown,
            Trouble::SchedulerDown => CauseKind::SchedulerDown,
            Trouble::PrivateStoreLost => CauseKind::PrivateStoreLost,
            Trouble::ClockBehind { .. } => CauseKind::ClockBehind,
            Trouble::BucketUnreadable { .. } => CauseKind::BucketUnreadable,
            Trouble::ConfigurationWrong { .. } => CauseKind::ConfigurationWrong,
            Trouble::EvidenceUnreadable { .. } => CauseKind::EvidenceUnreadable,
            Trouble::FilesMissing { .. } => CauseKind::FilesMissing,
            Trouble::RunHangs { .. } => CauseKind::RunHangs,
            Trouble::SourceClock { .. } => CauseKind::SourceClock,
            Trouble::LogUnconfirmed { .. } => CauseKind::LogUnconfirmed,
        }
    }

    /// What it is about, by its name in the workspace; empty where there is only one.
    pub fn subject(&self) -> String {
        match &self.trouble {
            Trouble::SourceSilent { source, .. }
            | Trouble::SourceFrozen { source }
            | Trouble::SourceShrinking { source, .. }
            | Trouble::SourceClock { source, .. }
            | Trouble::EvidenceExpiring { source, .. } => source.clone(),
            Trouble::RunFailed { pipeline, .. }
            | Trouble::RunHeldBack { pipeline, .. }
            | Trouble::EvidenceUnreadable { pipeline, .. }
            | Trouble::TimetableEnding { pipeline, .. } => pipeline.clone(),
            Trouble::KeyExpiring { dataset, .. }
            | Trouble::QuarantineUndecided { dataset, .. }
            | Trouble::ScoreFell { dataset, .. }
            | Trouble::FilesMissing { dataset, .. }
            | Trouble::BucketUnreadable { dataset } => dataset.clone(),
            Trouble::ChoreFailed { chore, .. } => chore.clone(),
            Trouble::RunHangs { job, .. } => job.clone(),
            Trouble::RuleFailed { dataset, rule, .. } => format!("{dataset}/{rule}"),
            Trouble::DiskFilling { place, .. } => place.clone(),
            Trouble::LogUnconfirmed { witness, .. } => witness.clone().unwrap_or_default(),
            Trouble::BackupOld { .. }
            | Trouble::CollectorDown
            | Trouble::SchedulerDown
            | Trouble::PrivateStoreLost
            | Trouble::ClockBehind { .. }
            | Trouble::ConfigurationWrong { .. } => String::new(),
        }
    }

    /// The same as long as it is the same cause, whatever its numbers do: `source_silent:stadtbus-vp`, `backup_old`.
    pub fn key(&self) -> String {
        let (kind, subject) = (self.kind().name(), self.subject());
        if subject.is_empty() { kind.to_owned() } else { format!("{kind}:{subject}") }
    }

    /// Whether it may wake somebody: what is lost meanwhile no later run brings back, and whoever is told can do something
    /// about it. A source that is silent is somebody else's to mend, and a run can wait.
    pub fn is_urgent(&self, now: Timestamp) -> bool {
        match &self.trouble {
            Trouble::CollectorDown | Trouble::PrivateStoreLost => true,
            Trouble::DiskFilling { full_at, .. } => {
                full_at.is_some_and(|at| at.duration_since(now) < Self::URGENT_DISK)
            }
            _ => false,
        }
    }
}

/// What was found at a look: what is wrong, and what is known to be well. Of all else nothing is known, as where a file cannot be
/// read or a process has just begun: it is no cause, and what was told of it is not mended.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub causes: Vec<Cause>,
    /// By kind and subject; of rules the dataset. `None` if all that is no cause is well.
    pub well: Option<BTreeSet<(CauseKind, String)>>,
}

impl Findings {
    /// Whether what a key says is known to be well, if it is no cause.
    pub fn is_well(&self, key: &str) -> bool {
        let Some((kind, subject)) = of_key(key) else { return false };
        // A dataset's rules are looked at together; names of datasets have no '/'.
        let subject = match kind {
            CauseKind::RuleFailed => subject.split('/').next().unwrap_or_default(),
            _ => subject,
        };
        self.well.as_ref().is_none_or(|well| well.contains(&(kind, subject.to_owned())))
    }
}

impl From<Vec<Cause>> for Findings {
    /// All that is no cause is well.
    fn from(causes: Vec<Cause>) -> Self {
        Self { causes, well: None }
    }
}

/// The kind and the subject of a key; `None` for one of another version of the program.
pub fn of_key(key: &str) -> Option<(CauseKind, &str)> {
    let (kind, subject) = key.split_once(':').unwrap_or((key, ""));
    CauseKind::of_name(kind).map(|kind| (kind, subject))
}
