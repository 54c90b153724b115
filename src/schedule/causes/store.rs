//! Whether there is a backup, and whether the private store is the one that it was.

use std::fs;
use std::os::unix::fs::MetadataExt;

use jiff::{SignedDuration, Timestamp};

use super::journals::Journals;
use super::known::{Known, ago, cause};
use crate::backup;
use crate::durable;
use crate::notify::{Cause, Trouble};
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::{begun_anew, has_run};
use crate::time::future;
use crate::workspace::{FILE, form};

/// A backup may be so old.
const BACKUP_AGE: SignedDuration = SignedDuration::from_hours(48);

/// The backups of a store that has a place for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backups {
    /// When the newest began, as far as no wrong clock said so.
    pub last: Option<Timestamp>,
    /// Since when there is a place for them, as far as that is known.
    pub place_since: Timestamp,
    /// A backup was tried, and none was ever made.
    pub has_failed: bool,
}

/// `None` if there is no place for backups, or what is known of them cannot be read.
pub(super) fn backups(known: &Known<'_>) -> Option<Backups> {
    known.workspace.backup.as_ref()?;
    let last = backup::last(&known.workspace.private).ok()?.map(|last| last.at).filter(|at| *at < future(known.now));
    let tried = known.log.chores.get("backup");
    let changed = fs::metadata(known.workspace.root.join(FILE)).ok();
    let changed = changed.and_then(|file| Timestamp::new(file.mtime(), 0).ok()).filter(|at| *at <= known.now);
    let first = tried.map(|tried| tried.first);
    let place_since = first.into_iter().chain(changed).min().unwrap_or(known.now);
    Some(Backups { last, place_since, has_failed: tried.is_some_and(|tried| tried.good.is_none()) })
}

/// The first try that failed is told at once: until then there was none at all.
pub(super) fn backup_old(backups: &Backups, now: Timestamp) -> Option<Cause> {
    let since = backups.last.unwrap_or(backups.place_since);
    let is_old = ago(since, now) > BACKUP_AGE || (backups.last.is_none() && backups.has_failed);
    is_old.then(|| cause(Trouble::BackupOld { last: backups.last }, since))
}

/// What the private store was when it was looked at first.
#[derive(Default)]
pub(super) struct Identity(Option<String>);

impl Identity {
    /// Says that the store is lost: it is not there, or is another one than at the first look; or it has run nothing, or has no key,
    /// although releases say that it did.
    pub(super) fn lost(&mut self, known: &Known<'_>, journals: &Journals) -> Option<Cause> {
        let private = &known.workspace.private;
        let id = durable::read(&private.join(form::NAME)).ok().and_then(|bytes| {
            let form: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            Some(form["id"].as_str()?.to_owned())
        });
        let is_other = self.0.is_some() && self.0 != id;
        if self.0.is_none() {
            self.0 = id;
        }
        // One that never was is made by the first who needs it.
        let is_lost = is_other || self.has_nothing(known) || self.has_no_keys(known, journals);
        is_lost.then(|| cause(Trouble::PrivateStoreLost, known.now))
    }

    fn has_nothing(&self, known: &Known<'_>) -> bool {
        let workspace = known.workspace;
        let first_kept = workspace.retention.first_kept(known.today());
        known.newest_release.is_some_and(|date| date >= first_kept)
            && !has_run(workspace)
            && begun_anew(workspace).ok().flatten().is_none()
    }

    fn has_no_keys(&self, known: &Known<'_>, journals: &Journals) -> bool {
        let workspace = known.workspace;
        let first_kept = workspace.retention.first_kept(known.today());
        let with_key = |name: &str| {
            let runs = journals.of(name).range(first_kept..).filter(|(_, run)| run.is_published && run.has_key);
            runs.map(|(_, run)| run.prepared_at).max()
        };
        let newest = workspace.pipelines.iter().filter_map(|pipeline| with_key(&pipeline.name)).max();
        newest.is_some_and(|newest| {
            day_keys(workspace).dates().is_empty()
                && begun_anew(workspace).ok().flatten().is_none_or(|anew| anew < newest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_old_after_two_days_or_if_the_first_one_failed() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let of = |last: Option<i64>, has_failed| Backups { last: last.map(at), place_since: at(0), has_failed };
        let second = SignedDuration::from_secs(1);
        assert_eq!(backup_old(&of(Some(10), false), at(58)), None);
        let old = backup_old(&of(Some(10), false), at(58) + second).unwrap();
        assert_eq!((old.trouble, old.since), (Trouble::BackupOld { last: Some(at(10)) }, at(10)));
        assert_eq!(backup_old(&of(None, false), at(48)), None);
        assert_eq!(backup_old(&of(None, false), at(48) + second).unwrap().since, at(0));
        // Where one was made by hand, the next has time.
        assert!(backup_old(&of(None, true), at(1)).is_some() && backup_old(&of(Some(0), true), at(1)).is_none());
    }
}
