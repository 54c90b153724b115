//! What the decision about what is due stands on: plain data, gathered elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Schedule, Times};
use crate::publish::index::Month;
use crate::schedule::clock::ClockBehind;
use crate::time::ServiceDate;

/// All that is known of the pipelines that have a schedule.
#[derive(Clone, Debug)]
pub struct Facts {
    /// By which times of day and dates count.
    pub zone: TimeZone,
    /// By name.
    pub pipelines: BTreeMap<String, PipelineFacts>,
    /// Daily jobs that are no runs, by name.
    pub chores: BTreeMap<String, ChoreFacts>,
    /// What of pipelines cannot be told; they have no dates, and all else goes on.
    pub troubles: Vec<Trouble>,
    /// Jobs that are at work now.
    pub running: BTreeSet<JobKey>,
    /// By dataset, what the bucket's index names of it and is not there, as far as was looked.
    pub missing: BTreeMap<String, MissingFiles>,
    /// Datasets of which not every name in the bucket was looked at yet: whether files are missing is not known.
    pub unseen: BTreeSet<String>,
    /// The clock shows an earlier time than what was written down before: nothing is begun.
    pub clock: Option<ClockBehind>,
    /// Jobs that were begun before: every third takes the newest date.
    pub begun: u64,
}

impl Facts {
    /// Of no pipeline and no daily job.
    pub fn none(zone: TimeZone) -> Self {
        Self {
            zone,
            pipelines: BTreeMap::new(),
            chores: BTreeMap::new(),
            troubles: Vec::new(),
            running: BTreeSet::new(),
            missing: BTreeMap::new(),
            unseen: BTreeSet::new(),
            clock: None,
            begun: 0,
        }
    }
}

/// What the newest indexes of a dataset name, and is not in the bucket or has another length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingFiles {
    pub dates: BTreeSet<ServiceDate>,
    /// Months that are in one file, which is not there. Their days may be.
    pub months: BTreeSet<Month>,
}

impl MissingFiles {
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty() && self.months.is_empty()
    }

    /// What is missing of a dataset, and what makes the files of months again.
    pub fn said(&self, dataset: &str) -> String {
        let more = |count: usize, what: &str| match count {
            0 | 1 => String::new(),
            2 => format!(" and 1 later {what}"),
            count => format!(" and {} later {what}s", count - 1),
        };
        let of_dates = self.dates.first().map(|first| format!("of {first}{}", more(self.dates.len(), "date")));
        let months = self.months.first();
        let of_months = months.map(|first| format!("of the month {first}{}", more(self.months.len(), "month")));
        let remedy = match of_months {
            Some(_) => ". 'fahrtenbuch compact' makes the files of months again from those of their days",
            None => "",
        };
        let of: Vec<String> = of_dates.into_iter().chain(of_months).collect();
        format!("{dataset}: files {} that its index names are not in the bucket{remedy}", of.join(" and "))
    }
}

/// Why nobody can tell what of a pipeline is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub pipeline: String,
    pub dataset: String,
    /// What is wrong, with file and remedy.
    pub said: String,
    /// By which an attempt would have ended.
    pub outcome: Outcome,
    pub of: TroubleOf,
}

/// What cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleOf {
    Bucket,
    Evidence,
}

#[derive(Clone, Debug)]
pub struct PipelineFacts {
    pub schedule: Schedule,
    /// A partition is one capture, complete as soon as it is there, as of a timetable.
    pub is_timetable: bool,
    /// Its sources are asked by nobody unless the schedule does.
    pub asks: bool,
    /// The newest attempt to ask its sources, and how many of those failed one behind the other.
    pub asked: Option<Attempt>,
    pub asked_failures: u32,
    /// Of everything that decides how it is run and may be mended by a person: configuration, contracts, mappings, decisions.
    pub settings: Mark,
    /// The dates of which there is evidence, a release or an attempt.
    pub dates: BTreeMap<ServiceDate, DateFacts>,
}

impl PipelineFacts {
    /// Of one of which nothing else is known.
    pub fn of(schedule: Schedule, is_timetable: bool) -> Self {
        Self {
            schedule,
            is_timetable,
            asks: false,
            asked: None,
            asked_failures: 0,
            settings: Mark::default(),
            dates: BTreeMap::new(),
        }
    }
}

/// A daily job that is no run.
#[derive(Clone, Debug)]
pub struct ChoreFacts {
    pub times: Times,
    /// It is at work, and since when.
    pub running_since: Option<Timestamp>,
    /// How it ended the last time, and how many of its tries up to then may succeed if repeated.
    pub ended: Option<Ended>,
    pub failures: u32,
    /// The configuration changed since it was begun the last time.
    pub is_changed: bool,
}

#[derive(Clone, Debug, Default)]
pub struct DateFacts {
    /// What of its evidence is there.
    pub evidence: Option<Evidence>,
    /// What of it is current in the bucket.
    pub released: Option<Released>,
    /// The newest attempt at it.
    pub attempt: Option<Attempt>,
    /// Attempts up to the newest that ended without a result and may succeed if repeated, one behind the other.
    pub failures: u32,
    /// When the newest attempt began that released it, or found all of it released.
    pub published: Option<Timestamp>,
    /// How many attempts with the evidence and the settings of the newest said so.
    pub repeats: u32,
    /// The bucket knows that it was released and says that it is not any more: nobody lost it.
    pub is_taken_back: bool,
    /// What a person did to its releases.
    pub act: Option<ReleaseAct>,
}

/// What a person did to the releases of a date, as the indexes tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseAct {
    pub kind: ReleaseActKind,
    pub tables: BTreeSet<String>,
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleaseActKind {
    /// It is not run until somebody lifts this.
    Withdrawn,
    /// It was withdrawn and is to be released again.
    Lifted,
    /// An older release is current again: it is run when its inputs change.
    RolledBack,
}

/// The evidence of a date as it is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Tells one state of it from the next.
    pub mark: Mark,
    /// Of a timetable: when it was captured.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    pub is_provisional: bool,
}

/// Tells one state of something from the next: equal marks, equal states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark(pub u64);

/// What of a mark of settings is that of the configuration, and what that of contracts and mappings; the rest is of decisions.
const CONFIGURATION_BITS: u32 = 22;
const CONTRACTS_BITS: u32 = 21;
const DECISIONS_BITS: u32 = u64::BITS - CONFIGURATION_BITS - CONTRACTS_BITS;

impl Mark {
    /// Of the configuration, the contracts and mappings, and the decisions, by a hash of each.
    pub fn of_settings([configuration, contracts, decisions]: [u64; 3]) -> Self {
        let part = |hash: u64, bits: u32| hash >> (u64::BITS - bits);
        let upper = part(configuration, CONFIGURATION_BITS) << CONTRACTS_BITS | part(contracts, CONTRACTS_BITS);
        Self(upper << DECISIONS_BITS | part(decisions, DECISIONS_BITS))
    }

    /// Which of the three changed from one mark of settings to another.
    fn parts_changed(self, other: Self) -> [bool; 3] {
        let difference = self.0 ^ other.0;
        let (upper, decisions) = (difference >> DECISIONS_BITS, difference << (u64::BITS - DECISIONS_BITS));
        [upper >> CONTRACTS_BITS != 0, upper << (u64::BITS - CONTRACTS_BITS) != 0, decisions != 0]
    }
}

/// What changed since an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub evidence: bool,
    pub configuration: bool,
    /// Or mappings.
    pub contracts: bool,
    pub decisions: bool,
}

impl Changes {
    /// From what an attempt was begun with to what is there now.
    pub fn since(attempt: &Attempt, evidence: Mark, settings: Mark) -> Self {
        let [configuration, contracts, decisions] = attempt.settings.parts_changed(settings);
        Self { evidence: attempt.evidence != Some(evidence), configuration, contracts, decisions }
    }

    /// Something that a person edits.
    pub fn are_of_settings(self) -> bool {
        self.configuration || self.contracts || self.decisions
    }
}

/// What is tried: a pipeline's date, or without one the asking of its sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey {
    pub pipeline: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<ServiceDate>,
}

/// One try of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub begun: Timestamp,
    /// `None` while it is at work, or if nobody lived to see its end.
    pub ended: Option<Ended>,
    pub evidence: Option<Mark>,
    pub settings: Mark,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something was released, or the evidence asked for was kept.
    Published,
    /// All was released before.
    NothingNew,
    /// By quality.
    HeldBack,
    /// There is nothing of the date, or it is not to be run any more.
    Absent,
    /// It may succeed if tried again.
    Transient,
    /// It will not succeed if tried again.
    Permanent,
    /// The configuration is wrong.
    Usage,
    /// It was killed, or the machine went down.
    Killed,
}

impl ReleaseActKind {
    /// The word of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Lifted => "lifted",
            Self::RolledBack => "rolled_back",
        }
    }

    /// What is told of it.
    pub fn said(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn: it is not run until 'fahrtenbuch withdraw --lift' says so",
            Self::Lifted => "withdrawn, and to be released again",
            Self::RolledBack => "rolled back: it is run when its evidence, contracts or decisions change",
        }
    }
}

impl Outcome {
    /// The outcomes that a person must mend: nothing is tried again until something changes.
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::HeldBack | Self::Permanent | Self::Usage)
    }

    pub fn is_success(self) -> bool {
        matches!(self, Self::Published | Self::NothingNew)
    }

    pub fn is_tried_again(self) -> bool {
        matches!(self, Self::Transient | Self::Killed)
    }

    /// The word of the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NothingNew => "nothing_new",
            Self::HeldBack => "held_back",
            Self::Absent => "absent",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Usage => "usage",
            Self::Killed => "killed",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NothingNew => "nothing new",
            Self::HeldBack => "held back",
            Self::Absent => "absent",
            Self::Transient => "failed, may succeed if tried again",
            Self::Permanent => "failed",
            Self::Usage => "wrong configuration",
            Self::Killed => "killed",
        }
    }
}
