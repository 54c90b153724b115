//! Causes: what a person must know of, found from what the scheduler knows; and from the same what monitors ask.
//!
//! It is done every minute, so no archive is read. States of sources, the log and the disks are looked at each time, files of the
//! journal when they changed; quarantine, the lengths of archives and what waits to go elsewhere when the journal changed, or after
//! ten minutes; files in the bucket once. What cannot be read tells nothing, and least of all that something is mended.

mod confirmed;
mod disk;
mod expiring;
mod hangs;
mod journals;
mod known;
mod metrics;
mod quality;
mod released;
mod runs;
mod sources;
mod store;
mod undecided;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use self::confirmed::Confirmer;
use self::disk::Disk;
use self::journals::Journals;
pub use self::known::Known;
use self::metrics::Looked;
use self::released::Releases;
use self::runs::DoneElsewhere;
use self::sources::Collecting;
use self::store::Identity;
use self::undecided::{Quarantine, Waiting};
use crate::capture::collector::Collector;
use crate::capture::evidence::upload;
use crate::metrics::{Metrics, SpoolMetrics};
use crate::notify::{Cause, CauseKind, Findings, Trouble};
use crate::pipeline::Pipeline;
use crate::publish::bucket::local_folder;
use crate::schedule::facts::{self, MissingFiles, TroubleOf};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::yaml::Problem;

/// What is costly is looked at again after this.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// What is remembered from one look to the next.
#[derive(Default)]
pub struct Causes {
    /// When this looked first.
    watched_since: Option<Timestamp>,
    journals: Journals,
    quarantine: Quarantine,
    releases: Releases,
    identity: Identity,
    slow: Option<Slow>,
    collecting: Collecting,
    disks: Vec<Disk>,
    confirmers: Vec<Confirmer>,
    /// The newest captures of sources of which nothing is remembered.
    newest: BTreeMap<String, Option<Timestamp>>,
    /// Of causes that have no beginning of their own: when they were found first, by key.
    found: BTreeMap<String, Timestamp>,
}

/// What is costly.
struct Slow {
    at: Timestamp,
    day: ServiceDate,
    waiting: Waiting,
    /// Bytes of evidence that a day brings to the private store.
    evidence_per_day: Option<u64>,
    /// Bytes of evidence that wait to go elsewhere.
    spool: Option<u64>,
}

impl Causes {
    /// All causes that are there now, and what is known to be well.
    pub fn find(&mut self, known: &Known<'_>) -> Findings {
        self.look(known);
        let watched_since = *self.watched_since.get_or_insert(known.now);
        let mut causes = sources::causes(&self.collecting, watched_since, known.now);
        let done = DoneElsewhere { journals: &self.journals, collecting: &self.collecting };
        causes.extend(runs::causes(known, done));
        causes.extend(self.of_datasets(known));
        causes.extend(disk::causes(&self.disks, self.spool(known).as_ref(), known.now));
        causes.extend(store::backups(known).and_then(|backups| store::backup_old(&backups, known.now)));
        causes.extend(self.identity.lost(known, &self.journals));
        causes.extend(configuration(&known.workspace.root, &known.workspace.mistakes, known.now));
        causes.extend(hangs::causes(known));
        causes.extend(confirmed::causes(&self.confirmers, known.now));
        let missing = known.facts.missing.iter().map(|(dataset, missing)| {
            let MissingFiles { dates, months } = missing.clone();
            known::cause(Trouble::FilesMissing { dataset: dataset.clone(), dates, months }, known.now)
        });
        causes.extend(missing);
        let unreadable = |trouble: &facts::Trouble| match trouble.of {
            TroubleOf::Bucket => Trouble::BucketUnreadable { dataset: trouble.dataset.clone() },
            TroubleOf::Evidence => Trouble::EvidenceUnreadable {
                pipeline: trouble.pipeline.clone(),
                problem: trouble.said.trim_end_matches('.').to_owned(),
            },
        };
        causes.extend(known.facts.troubles.iter().map(|trouble| known::cause(unreadable(trouble), known.now)));
        let behind = known.facts.clock.as_ref();
        let behind = behind.map(|behind| Trouble::ClockBehind { now: behind.now, newest: behind.newest });
        causes.extend(behind.map(|trouble| known::cause(trouble, known.now)));
        if let Some(slow) = &self.slow {
            causes.extend(expiring::causes(known, done, &slow.waiting));
            causes.extend(undecided::causes(&slow.waiting, known.now));
        }
        self.begin(&mut causes);
        let mut well = self.well(known);
        let is_lost = causes.iter().any(|cause| cause.kind() == CauseKind::PrivateStoreLost);
        well.extend((!is_lost).then(|| (CauseKind::PrivateStoreLost, String::new())));
        Findings { causes, well: Some(well) }
    }

    /// What the look says of each subject of the workspace that can be well; if it is a cause, too, it is not.
    fn well(&self, known: &Known<'_>) -> BTreeSet<(CauseKind, String)> {
        let workspace = known.workspace;
        let mut well: BTreeSet<_> = sources::well(&self.collecting, known.now).into_iter().collect();
        let mut add = |kind, subject: &str| {
            well.insert((kind, subject.to_owned()));
        };
        // Whoever looks schedules, and has read the bucket.
        add(CauseKind::SchedulerDown, "");
        add(CauseKind::BucketUnreadable, "");
        add(CauseKind::ClockBehind, "");
        add(CauseKind::ConfigurationWrong, "");
        let done = DoneElsewhere { journals: &self.journals, collecting: &self.collecting };
        let open = runs::open(known, done);
        for pipeline in &workspace.pipelines {
            let (name, dataset, runs) = (&pipeline.name, &pipeline.dataset, self.journals.of(&pipeline.name));
            if known.facts.troubles.iter().all(|trouble| trouble.pipeline != *name) {
                if !open.contains(name.as_str()) {
                    add(CauseKind::RunFailed, name);
                }
                add(CauseKind::RunHeldBack, name);
                // Where its index cannot be read nobody has looked for its files and its evidence.
                if !known.facts.unseen.contains(dataset) {
                    add(CauseKind::FilesMissing, dataset);
                }
                add(CauseKind::EvidenceUnreadable, name);
            }
            add(CauseKind::BucketUnreadable, dataset);
            add(CauseKind::RunHangs, name);
            pipeline.feeds.iter().for_each(|feed| add(CauseKind::EvidenceExpiring, &feed.name));
            if self.slow.is_some() && !self.quarantine.unread.contains(dataset) {
                add(CauseKind::KeyExpiring, dataset);
                add(CauseKind::QuarantineUndecided, dataset);
            }
            if runs.values().any(journals::RunSummary::is_complete) {
                add(CauseKind::SourceShrinking, source_of(pipeline));
                add(CauseKind::RuleFailed, dataset);
            }
            if self.releases.scores(dataset).is_some() {
                add(CauseKind::ScoreFell, dataset);
            }
            if self.releases.last_day(runs).is_some() {
                add(CauseKind::TimetableEnding, name);
            }
        }
        workspace.chores.iter().for_each(|chore| {
            if !runs::is_open_chore(chore.name, known) {
                add(CauseKind::ChoreFailed, chore.name);
            }
            add(CauseKind::RunHangs, chore.name);
        });
        self.disks.iter().for_each(|disk| add(CauseKind::DiskFilling, disk.place));
        let confirming = self.confirmers.iter().filter(|confirmer| confirmer.is_well());
        confirming.for_each(|confirmer| add(CauseKind::LogUnconfirmed, confirmer.subject()));
        if self.spool(known).is_some() {
            add(CauseKind::DiskFilling, "spool");
        }
        if store::backups(known).is_some_and(|backups| backups.last.is_some()) {
            add(CauseKind::BackupOld, "");
        }
        well
    }

    /// What monitors ask, with the causes that [`Causes::find`] found at the same look.
    pub fn metrics(&mut self, known: &Known<'_>, causes: &[Cause]) -> Metrics {
        if self.slow.is_none() {
            self.look(known);
        }
        let last_backup = crate::backup::last(&known.workspace.private).ok().flatten().map(|last| last.at);
        let (collecting, journals, disks, spool) =
            (&self.collecting, &self.journals, self.disks.as_slice(), self.spool(known));
        metrics::metrics(known, &Looked { collecting, journals, disks, spool, last_backup }, causes)
    }

    fn look(&mut self, known: &Known<'_>) {
        let workspace = known.workspace;
        self.collecting = sources::look(known, &mut self.newest);
        let names = workspace.pipelines.iter().map(|pipeline| pipeline.name.as_str());
        let is_changed = self.journals.look(&workspace.private, names);
        let is_old = |slow: &Slow| known.now.duration_since(slow.at).abs() >= AGAIN || slow.day != known.today();
        if is_changed || self.slow.as_ref().is_none_or(is_old) {
            self.releases.look(known, &self.journals);
            self.slow = Some(Slow {
                at: known.now,
                day: known.today(),
                waiting: self.quarantine.look(known),
                evidence_per_day: evidence_per_day(workspace, known.now),
                spool: waiting_for_elsewhere(workspace, known.now),
            });
        }
        let per_day = self.slow.as_ref().and_then(|slow| slow.evidence_per_day);
        let private = disk::look("private", &workspace.private, per_day);
        let bucket = local_folder(&workspace.bucket).ok().flatten().and_then(|folder| {
            let all = workspace.pipelines.iter().map(|pipeline| self.journals.of(&pipeline.name));
            disk::look("bucket", &folder, disk::releases_per_day(all))
        });
        self.disks = private.into_iter().chain(bucket).collect();
        self.confirmers = confirmed::look(known);
    }

    fn spool(&self, known: &Known<'_>) -> Option<SpoolMetrics> {
        let waiting = self.slow.as_ref()?.spool?;
        Some(SpoolMetrics { waiting, limit: known.workspace.spool })
    }

    /// What the runs and releases of each pipeline say.
    fn of_datasets(&self, known: &Known<'_>) -> Vec<Cause> {
        let mut causes = Vec::new();
        for pipeline in &known.workspace.pipelines {
            let runs = self.journals.of(&pipeline.name);
            causes.extend(quality::shrinking(source_of(pipeline), runs, known));
            causes.extend(quality::rules(&pipeline.dataset, runs, known));
            let scores = self.releases.scores(&pipeline.dataset);
            causes.extend(scores.and_then(|scores| quality::score(&pipeline.dataset, scores, known)));
            let last = pipeline.is_timetable().then(|| self.releases.last_day(runs)).flatten();
            causes.extend(last.and_then(|last| released::timetable(&pipeline.name, last, known)));
        }
        causes
    }

    /// Gives causes that have no beginning of their own the time at which they were found first.
    fn begin(&mut self, causes: &mut [Cause]) {
        let mut found = BTreeMap::new();
        for cause in causes {
            if matches!(
                cause.kind(),
                CauseKind::DiskFilling
                    | CauseKind::PrivateStoreLost
                    | CauseKind::BucketUnreadable
                    | CauseKind::EvidenceUnreadable
                    | CauseKind::FilesMissing
                    | CauseKind::SourceClock
                    | CauseKind::ClockBehind
                    | CauseKind::ConfigurationWrong
            ) {
                let key = cause.key();
                cause.since = self.found.get(&key).copied().unwrap_or(cause.since);
                found.insert(key, cause.since);
            }
        }
        self.found = found;
    }
}

/// Mistakes in the files of a workspace that is used with them: where the first one is. What it says may quote a name or an address, so
/// messages do not have it.
pub fn configuration(root: &Path, mistakes: &[Problem], now: Timestamp) -> Option<Cause> {
    let first = mistakes.first()?;
    let file = first.file.strip_prefix(root).unwrap_or(&first.file).display().to_string();
    Some(known::cause(Trouble::ConfigurationWrong { mistakes: mistakes.len(), file, line: first.line }, now))
}

/// The source of a pipeline where it has one, else the pipeline.
fn source_of(pipeline: &Pipeline) -> &str {
    match pipeline.feeds.as_slice() {
        [feed] => &feed.name,
        _ => &pipeline.name,
    }
}

/// Where evidence goes elsewhere it stays on the disk for a while only.
fn evidence_per_day(workspace: &Workspace, now: Timestamp) -> Option<u64> {
    let stays = workspace.evidence.is_none();
    stays.then(|| disk::evidence_per_day(&Collector::evidence(&workspace.private), now)).flatten()
}

/// `None` if evidence stays in the private store.
fn waiting_for_elsewhere(workspace: &Workspace, now: Timestamp) -> Option<u64> {
    workspace.evidence.as_ref()?;
    upload::waiting(&Collector::evidence(&workspace.private), now).ok().map(|waiting| waiting.bytes)
}

#[cfg(test)]
mod tests;
