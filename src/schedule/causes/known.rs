//! What causes and metrics are found from.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::capture::coverage::Class;
use crate::notify::{Cause, Trouble};
use crate::schedule::due::Due;
use crate::schedule::facts::Facts;
use crate::schedule::log::Log;
use crate::time::{ServiceDate, local_instant};
use crate::workspace::Workspace;

/// What the scheduler knows at a look.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// May be an outline: contracts are not looked at.
    pub workspace: &'a Workspace,
    pub facts: &'a Facts,
    pub due: &'a Due,
    pub log: &'a Log,
    /// The newest date of which the bucket has a current file; `None` if there is none, or nobody looked.
    pub newest_release: Option<ServiceDate>,
    /// Beats by source and what came of them, as the collector of this process reported them; empty without one.
    pub beats: &'a BTreeMap<String, BTreeMap<Class, u64>>,
    /// When the process began; `None` where it ends at once.
    pub started: Option<Timestamp>,
    pub now: Timestamp,
}

impl Known<'_> {
    pub(super) fn today(&self) -> ServiceDate {
        ServiceDate::local_date_of(self.now, &self.workspace.zone)
    }

    /// The beginning of a date by the clock of the workspace.
    pub(super) fn begin_of(&self, date: ServiceDate) -> Timestamp {
        local_instant(date.0.at(0, 0, 0, 0), &self.workspace.zone).unwrap_or(self.now)
    }
}

pub(super) fn cause(trouble: Trouble, since: Timestamp) -> Cause {
    Cause { trouble, since }
}

/// How long ago something was.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at)
}
