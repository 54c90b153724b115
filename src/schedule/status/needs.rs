//! What a person must do: since when, what is lost if nothing happens, and the command. It is what messages tell, in their words, and
//! what only who looks here wants to know.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::log::note::Verifier as _;
use crate::notify::text::{run_of, said};
use crate::notify::{Cause, CauseKind, Trouble};
use crate::pipeline::run::AllAsked;
use crate::schedule::due::{Stop, Stopped};
use crate::schedule::facts::JobKey;
use crate::schedule::log::Tried;
use crate::schedule::said::{Said, ways_out};
use crate::schedule::status::data::{Inputs, Need, Status};
use crate::schedule::status::language::Language;
use crate::schedule::status::words::day;
use crate::text::{Text, days};

/// A job that waits for so long waits for a scheduler.
const WAITS: SignedDuration = SignedDuration::from_hours(3);
/// Dates that are named one by one.
const NAMED: usize = 3;

/// The kinds, the gravest first: what is being lost, then what waits.
const ORDER: [CauseKind; 25] = [
    CauseKind::PrivateStoreLost,
    CauseKind::ClockBehind,
    CauseKind::DiskFilling,
    CauseKind::CollectorDown,
    CauseKind::ConfigurationWrong,
    CauseKind::SourceSilent,
    CauseKind::SourceFrozen,
    CauseKind::EvidenceExpiring,
    CauseKind::KeyExpiring,
    CauseKind::SchedulerDown,
    CauseKind::BucketUnreadable,
    CauseKind::EvidenceUnreadable,
    CauseKind::FilesMissing,
    CauseKind::RunHangs,
    CauseKind::RunFailed,
    CauseKind::RunHeldBack,
    CauseKind::ChoreFailed,
    CauseKind::BackupOld,
    CauseKind::SourceShrinking,
    CauseKind::TimetableEnding,
    CauseKind::QuarantineUndecided,
    CauseKind::SourceClock,
    CauseKind::LogUnconfirmed,
    CauseKind::RuleFailed,
    CauseKind::ScoreFell,
];

/// All of it, the gravest first. Kinds that are off unless somebody turns them on are told here where they are on.
pub(super) fn needs(status: &Status, inputs: &Inputs<'_>) -> Vec<Need> {
    let is_told = |kind: CauseKind| kind.is_on_by_default() || inputs.workspace.notify.is_on(kind);
    let mut causes: Vec<Cause> = inputs.causes.iter().filter(|cause| is_told(cause.kind())).cloned().collect();
    let last_beat = status.sources.iter().filter_map(|source| source.newest_beat).max();
    let mut is_since_known = true;
    for more in nobody_collects(status, last_beat).into_iter().chain(nobody_schedules(status, inputs)) {
        if !causes.iter().any(|cause| cause.kind() == more.kind()) {
            is_since_known &= more.kind() != CauseKind::CollectorDown || last_beat.is_some();
            causes.push(more);
        }
    }
    causes.sort_by_key(|cause| ORDER.iter().position(|kind| *kind == cause.kind()));
    let mut needs: Vec<Need> = causes.iter().map(|cause| of_cause(cause, inputs)).collect();
    // Without a beat in the days that are looked at it is not known since when nobody collects, so no time is told.
    let collects = needs.iter_mut().filter(|need| !is_since_known && need.kind == CauseKind::CollectorDown.name());
    collects.for_each(|need| need.since = None);
    if let Some(need) = never_scheduled(status, inputs) {
        let rank = |kind: CauseKind| ORDER.iter().position(|other| *other == kind);
        let place = causes.partition_point(|cause| rank(cause.kind()) < rank(CauseKind::SchedulerDown));
        needs.insert(place, need);
    }
    needs.extend(too_old(inputs));
    needs
}

fn of_cause(cause: &Cause, inputs: &Inputs<'_>) -> Need {
    let words = said(cause, &inputs.workspace.zone);
    let without_stop = |text: &str| text.strip_suffix('.').unwrap_or(text).to_owned();
    Need {
        kind: cause.kind().name(),
        about: cause.subject(),
        since: Some(cause.since),
        what: words.what,
        lost: Text::new(without_stop(&words.loss.en), without_stop(&words.loss.de)),
        command: in_words(&words.command),
        said: newest_said(cause, inputs),
        ways: ways(cause, inputs),
    }
}

/// A command, word by word: names and dates have no spaces.
fn in_words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

/// What the newest of the tries said that a cause is about.
fn newest_said(cause: &Cause, inputs: &Inputs<'_>) -> Option<Said> {
    let of_job = |pipeline: &str, date| {
        let tried: Option<&Tried> = inputs.log.tried(&JobKey { pipeline: pipeline.to_owned(), date });
        tried.map(|tried| tried.said.clone())
    };
    let said = match &cause.trouble {
        Trouble::RunFailed { pipeline, dates, .. } | Trouble::RunHeldBack { pipeline, dates, .. } => {
            of_job(pipeline, dates.last().copied())
        }
        Trouble::BucketUnreadable { dataset } => {
            let mut troubles = inputs.facts.troubles.iter();
            troubles.find(|trouble| trouble.dataset == *dataset).map(|trouble| trouble.said.clone().into())
        }
        Trouble::ConfigurationWrong { .. } => {
            inputs.workspace.mistakes.first().map(|mistake| mistake.to_string().into())
        }
        Trouble::LogUnconfirmed { witness, .. } => said_of_log(witness.as_deref(), inputs),
        Trouble::ChoreFailed { chore, .. } => inputs.log.chores.get(chore).map(|done| done.chore.said.clone()),
        _ => None,
    };
    said.filter(|said: &Said| !said.is_empty())
}

/// Why a witness, or without one the authority of time stamps, did not confirm the log the last time.
fn said_of_log(witness: Option<&str>, inputs: &Inputs<'_>) -> Option<Said> {
    let asked = AllAsked::read(inputs.workspace).ok()?;
    let of = match witness {
        None => Some(&asked.timestamps),
        Some(name) => {
            let mut witnesses = inputs.workspace.signing.witnesses.iter();
            let witness = witnesses.find(|witness| witness.key.name() == name)?;
            asked.of_witness(&witness.key)
        }
    };
    of?.problem.as_ref().map(|problem| problem.said.clone().into())
}

/// How to go on with what is held back, by the rules that held the newest date back.
fn ways(cause: &Cause, inputs: &Inputs<'_>) -> Option<Text> {
    let Trouble::RunHeldBack { pipeline, dates, .. } = &cause.trouble else { return None };
    let key = JobKey { pipeline: pipeline.clone(), date: dates.last().copied() };
    Some(ways_out(inputs.log.tried(&key).map_or(&[][..], |tried| &tried.held_by)))
}

/// None is at work now, however short that is; whoever has never started one asks in another way.
fn nobody_collects(status: &Status, since: Option<Timestamp>) -> Option<Cause> {
    if status.collector != Some(false) || !status.sources.iter().any(|source| source.every.is_some()) {
        return None;
    }
    Some(Cause { trouble: Trouble::CollectorDown, since: since.unwrap_or(status.now) })
}

/// Jobs wait, and nobody begins them any more.
fn nobody_schedules(status: &Status, inputs: &Inputs<'_>) -> Option<Cause> {
    let waiting = waiting_since(status)?;
    let is_down = status.scheduler != Some(true) && !is_new(status, inputs);
    let since = last_seen(&inputs.workspace.private, inputs.log.newest, inputs.now).unwrap_or(waiting);
    is_down.then_some(Cause { trouble: Trouble::SchedulerDown, since })
}

/// When a scheduler was last at work, by what it wrote: its page, which it writes every minute, and its log.
pub(super) fn last_seen(private: &Path, logged: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let page = fs::metadata(private.join("status").join(Language::De.file())).ok();
    let page = page.and_then(|file| Timestamp::new(file.mtime(), 0).ok());
    page.into_iter().chain(logged).filter(|at| *at <= now).max()
}

/// Since when the job waits that waits longest, if it is long enough to tell.
fn waiting_since(status: &Status) -> Option<Timestamp> {
    let is_long = |since: &Timestamp| status.now.duration_since(*since) >= WAITS;
    status.due.iter().map(|job| job.since).filter(is_long).min()
}

/// Whether no scheduler was ever there, neither ours nor another one, which writes its attempts down.
fn is_new(status: &Status, inputs: &Inputs<'_>) -> bool {
    status.scheduler.is_none() && inputs.log.all().next().is_none()
}

/// Jobs wait in a workspace in which no scheduler has run. Their time may have been before the workspace was, so none is told.
fn never_scheduled(status: &Status, inputs: &Inputs<'_>) -> Option<Need> {
    waiting_since(status).filter(|_| is_new(status, inputs))?;
    Some(Need {
        kind: CauseKind::SchedulerDown.name(),
        about: String::new(),
        since: None,
        what: Text::new(
            "No scheduler has run yet: nothing is published until one is started",
            "Es lief noch kein Planer: nichts wird veröffentlicht, bis einer gestartet ist",
        ),
        lost: Text::new(
            "Days stay unpublished. The evidence is kept, and the scheduler catches up when it runs",
            "Tage bleiben unveröffentlicht. Die Belege sind da; der Planer holt alles nach, sobald er läuft",
        ),
        command: in_words("fahrtenbuch up"),
        said: None,
        ways: None,
    })
}

/// Dates that were never released, and that nobody tries any more: what failed until then is a cause.
fn too_old(inputs: &Inputs<'_>) -> Vec<Need> {
    let is_told = |key: &JobKey| {
        let of = |cause: &Cause| match &cause.trouble {
            Trouble::RunFailed { pipeline, dates, .. } | Trouble::RunHeldBack { pipeline, dates, .. } => {
                *pipeline == key.pipeline && key.date.is_some_and(|date| dates.contains(&date))
            }
            _ => false,
        };
        inputs.causes.iter().any(of)
    };
    let mut groups: BTreeMap<&str, Vec<&Stopped>> = BTreeMap::new();
    for stopped in inputs.due.stopped.iter().filter(|stopped| stopped.why == Stop::TooOld && !is_told(&stopped.key)) {
        groups.entry(&stopped.key.pipeline).or_default().push(stopped);
    }
    let need = |(pipeline, group): (&str, Vec<&Stopped>)| {
        let dates = named(&group);
        let command = run_of(pipeline, &group.iter().filter_map(|stopped| stopped.key.date).collect())?;
        Some(Need {
            kind: "run_failed",
            about: pipeline.to_owned(),
            since: group.iter().map(|stopped| stopped.since).min(),
            what: Text::new(
                format!("{pipeline} was never published for {}: older than 'catch_up'", dates.en),
                format!("{pipeline} wurde für {} nie veröffentlicht: älter als 'catch_up'", dates.de),
            ),
            lost: Text::new(
                "They stay unpublished, for good when 'retention' destroys their evidence",
                "Sie bleiben unveröffentlicht, endgültig, wenn 'retention' ihre Belege vernichtet",
            ),
            command: in_words(&command),
            said: None,
            ways: None,
        })
    };
    groups.into_iter().filter_map(need).collect()
}

/// The dates, the first of them by name.
fn named(group: &[&Stopped]) -> Text {
    let first = group.iter().filter_map(|stopped| stopped.key.date).take(NAMED).map(day);
    days(first.collect(), group.len().saturating_sub(NAMED))
}
