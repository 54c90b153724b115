//! The status as plain data. Serialized it is what `fahrtenbuch status --json` writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::capture::coverage::Class;
use crate::notify::Cause;
use crate::schedule::due::Due;
use crate::schedule::facts::{Facts, JobKey, Outcome};
use crate::schedule::log::Log;
use crate::schedule::said::Said;
use crate::text::Text;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What a scheduler knows, or a command has found out.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub workspace: &'a Workspace,
    pub facts: &'a Facts,
    pub due: &'a Due,
    pub log: &'a Log,
    /// What is wrong, as messages tell it.
    pub causes: &'a [Cause],
    pub now: Timestamp,
}

/// All that a data manager wants to know of a workspace at a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    pub now: Timestamp,
    /// By whose clock days count; not in the JSON.
    #[serde(skip)]
    pub zone: TimeZone,
    /// Of the workspace.
    pub title: String,
    /// Whether a collector is at work; `None` if none ever was.
    pub collector: Option<bool>,
    /// Whether a scheduler is at work; `None` if none ever was.
    pub scheduler: Option<bool>,
    /// What a person must do, the gravest first.
    pub needs: Vec<Need>,
    pub running: Vec<Running>,
    /// In the order in which they would be begun.
    pub due: Vec<DueJob>,
    /// By the time.
    pub next: Vec<NextJob>,
    /// Daily jobs that are due, and the first of those that come.
    pub due_chores: Vec<String>,
    pub next_chore: Option<NextChore>,
    pub pipelines: Vec<PipelineStatus>,
    pub sources: Vec<SourceStatus>,
    /// Daily jobs that are no runs, as far as they have ended.
    pub chores: Vec<ChoreStatus>,
    /// Rows in quarantine without a decision, by dataset.
    pub undecided: Vec<Undecided>,
    pub disk: Disk,
}

/// Something that a person must do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Need {
    /// `run_held_back`, `source_silent`, …: the kinds that messages have, too.
    pub kind: &'static str,
    /// The pipeline, the source, the dataset; empty if it is about the whole workspace.
    pub about: String,
    pub since: Option<Timestamp>,
    #[serde(serialize_with = "both")]
    pub what: Text,
    /// What is lost if nothing happens.
    #[serde(serialize_with = "both")]
    pub lost: Text,
    /// What to type.
    pub command: Vec<String>,
    /// What the newest try said, if it is about tries.
    #[serde(flatten)]
    pub said: Option<Said>,
    /// How to go on, where there are several ways.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "both_if_any")]
    pub ways: Option<Text>,
}

fn both_if_any<S: Serializer>(text: &Option<Text>, to: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => both(text, to),
        None => to.serialize_none(),
    }
}

fn both<S: Serializer>(text: &Text, to: S) -> Result<S::Ok, S::Error> {
    BTreeMap::from([("de", &text.de), ("en", &text.en)]).serialize(to)
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    #[serde(flatten)]
    pub key: JobKey,
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DueJob {
    #[serde(flatten)]
    pub key: JobKey,
    pub since: Timestamp,
    /// A word of `plan --json`: `over`, `again`, …
    pub why: &'static str,
    pub said: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextJob {
    #[serde(flatten)]
    pub key: JobKey,
    pub at: Timestamp,
    pub why: &'static str,
    pub said: String,
}

/// A daily job that comes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextChore {
    pub name: String,
    pub at: Timestamp,
}

/// The newest end of a daily job that is no run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChoreStatus {
    pub name: String,
    pub at: Timestamp,
    pub outcome: Outcome,
    /// Tries one behind the other that may succeed if repeated.
    pub failures: u32,
    /// When it last ended well.
    pub good: Option<Timestamp>,
    #[serde(flatten)]
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineStatus {
    pub name: String,
    pub is_scheduled: bool,
    /// Whether what the bucket has of it, and its evidence, could be read.
    pub is_known: bool,
    /// The newest date of which a release is current.
    pub newest: Option<Release>,
    /// The last two weeks of service dates, in their order; empty without a schedule.
    pub dates: Vec<DateStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    pub date: ServiceDate,
    pub is_provisional: bool,
    /// When an attempt released it, if the log knows.
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DateStatus {
    pub date: ServiceDate,
    pub state: DateState,
    /// When the newest attempt ended, or began.
    pub at: Option<Timestamp>,
    /// What the newest attempt said.
    #[serde(flatten)]
    pub said: Said,
}

/// How it stands with a date of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DateState {
    Published,
    /// What there is of a date that is not over.
    Provisional,
    Running,
    HeldBack,
    /// A person must mend it.
    Failed,
    /// It failed, and is tried again.
    Again,
    Due,
    /// It is not over, or its time has not come.
    Waiting,
    /// Older than `catch_up` and never released.
    TooOld,
    /// There is nothing of it.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatus {
    pub name: String,
    /// Seconds between two beats; `None` if the configuration does not have it (any more).
    pub every: Option<u64>,
    /// The newest capture that was kept, whoever asked.
    pub newest_body: Option<Timestamp>,
    /// The newest beat that left a record.
    pub newest_beat: Option<Timestamp>,
    /// The newest beat that gave a good body, or nothing new, as far as the week was looked at.
    pub last_good: Option<Timestamp>,
    /// From the local midnight six days ago until now.
    pub hours: Vec<Hour>,
}

/// An hour of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    pub begin: Timestamp,
    /// Beats by class, in the order of [`Class::ALL`]; `None` if the hour was not looked at yet.
    pub counts: Option<[u64; Class::ALL.len()]>,
}

impl Serialize for Hour {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            begin: &'a Timestamp,
            beats: Option<BTreeMap<&'static str, u64>>,
        }
        let named = |counts: &[u64; Class::ALL.len()]| {
            let beats = Class::ALL.iter().zip(counts).filter(|(_, beats)| **beats > 0);
            beats.map(|(class, beats)| (class.name(), *beats)).collect()
        };
        Written { begin: &self.begin, beats: self.counts.as_ref().map(named) }.serialize(to)
    }
}

/// Rows of a dataset in quarantine of which nobody has decided, by the age of their dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecided {
    pub dataset: String,
    pub rows: u64,
    pub oldest: ServiceDate,
    /// Of dates that are less than a week old, of less than four, and of four or more.
    pub under_a_week: u64,
    pub under_four_weeks: u64,
    pub older: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Disk {
    /// Bytes of evidence by local date, the last seven: as they lie on the disk, sealed or not.
    pub evidence: Vec<(Date, u64)>,
    /// Bytes of a whole day, on average.
    pub a_day: Option<u64>,
    /// Of the file system that the private store is on.
    pub free: Option<u64>,
    pub size: Option<u64>,
    /// When it is full, if every day takes as much. `None` if it is not known, or later than in ten years.
    pub full_at: Option<Timestamp>,
    /// Where evidence goes elsewhere: what waits here.
    pub spool: Option<SpoolStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpoolStatus {
    /// Where it goes.
    pub at: String,
    /// `limits: spool`, bytes.
    pub limit: u64,
    pub waiting_bytes: u64,
    pub waiting_hours: u64,
    /// When the oldest of these hours was over.
    pub since: Option<Timestamp>,
    /// When the limit is reached if nothing is taken, at the pace of a day.
    pub over_at: Option<Timestamp>,
}
