//! A look at one pipeline: what it goes by, and what the log and the bucket say of its dates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::capture::evidence::Store;
use crate::pipeline::Pipeline;
use crate::schedule::facts::{DateFacts, Evidence, JobKey, Outcome, ReleaseActKind};
use crate::schedule::in_bucket::InBucket;
use crate::schedule::log::{Log, Tried};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What a look at a pipeline goes by.
pub(super) struct Look<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) pipeline: &'a Pipeline,
    pub(super) log: &'a Log,
    pub(super) in_bucket: &'a Arc<InBucket>,
    /// The first date whose evidence is looked at whether it was released or not.
    pub(super) first: ServiceDate,
    pub(super) now: Timestamp,
}

/// What a feed has.
pub(super) struct FeedHours<'a> {
    pub(super) store: Store,
    pub(super) folder: PathBuf,
    pub(super) source: &'a str,
    /// Bytes by hour.
    pub(super) hours: BTreeMap<Timestamp, u64>,
    /// When the newest capture came: of what is behind it there may be notes alone.
    pub(super) bodies_until: Timestamp,
}

impl Look<'_> {
    pub(super) fn tried(&self, date: ServiceDate) -> Option<&Tried> {
        self.log.tried(&JobKey { pipeline: self.pipeline.name.clone(), date: Some(date) })
    }

    pub(super) fn is_whole(&self, date: ServiceDate) -> bool {
        let is_lifted = self.in_bucket.acts.get(&date).is_some_and(|act| act.kind == ReleaseActKind::Lifted);
        !is_lifted && self.in_bucket.released.get(&date).is_some_and(|released| !released.is_provisional)
    }

    /// Whether a release of a date is current, or nobody is to make one: it was taken back, or there was nothing of it.
    pub(super) fn may_be_run(&self, date: ServiceDate) -> bool {
        if self.is_whole(date) {
            return false;
        }
        let Some(tried) = self.tried(date) else { return true };
        let outcome = tried.attempt.ended.as_ref().map(|ended| ended.outcome);
        outcome != Some(Outcome::Absent) && !(tried.published.is_some() && self.in_bucket.taken_back.contains(&date))
    }

    /// The dates before the first that is looked at in any case that were released by the log, and are not in the bucket.
    pub(super) fn missing_before(&self) -> Vec<ServiceDate> {
        let of = self.log.of(&self.pipeline.name).filter(|(_, tried)| tried.published.is_some());
        let dates = of.filter_map(|(key, _)| key.date).take_while(|date| *date < self.first);
        dates.filter(|date| self.may_be_run(*date)).collect()
    }

    /// What is known of each date: of those with evidence, the newest release, and what was tried and is not over and done.
    pub(super) fn dates(&self, evidence: BTreeMap<ServiceDate, Evidence>) -> BTreeMap<ServiceDate, DateFacts> {
        let mut dates: BTreeMap<ServiceDate, DateFacts> = BTreeMap::new();
        for (date, evidence) in evidence {
            dates.entry(date).or_default().evidence = Some(evidence);
        }
        let released = &self.in_bucket.released;
        self.in_bucket.acts.keys().for_each(|date| _ = dates.entry(*date).or_default());
        let whole = released.iter().rev().find(|(_, released)| !released.is_provisional);
        for (date, _) in released.iter().next_back().into_iter().chain(whole) {
            dates.entry(*date).or_default();
        }
        for (key, tried) in self.log.of(&self.pipeline.name) {
            let Some(date) = key.date else { continue };
            let is_success = tried.attempt.ended.as_ref().is_some_and(|ended| ended.outcome.is_success());
            if date < self.first && is_success && !dates.contains_key(&date) && !self.may_be_run(date) {
                continue;
            }
            let of = dates.entry(date).or_default();
            of.attempt = Some(tried.attempt.clone());
            (of.failures, of.published, of.repeats) = (tried.failures, tried.published, tried.repeats);
        }
        for (date, of) in &mut dates {
            of.released = released.get(date).copied();
            of.is_taken_back = self.in_bucket.taken_back.contains(date);
            of.act = self.in_bucket.acts.get(date).cloned();
            if let Some(act) = of.act.as_ref().filter(|act| act.kind == ReleaseActKind::Lifted) {
                match of.published.is_some_and(|begun| begun >= act.at) {
                    // It was run since, and a table that is still not there has no rows.
                    true => of.act = None,
                    false => of.released = None,
                }
            }
        }
        dates
    }
}
