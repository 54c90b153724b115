//! What a person must do: since when, what is lost if nothing happens, and the command.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::capture::coverage::{Class, Sign};
use crate::schedule::due::{Stop, Stopped};
use crate::schedule::facts::{JobKey, Outcome};
use crate::schedule::log::Tried;
use crate::schedule::status::data::{ChoreStatus, Inputs, Need, SourceStatus, Status, Undecided};
use crate::schedule::status::words::{bytes, job, length, local, same};
use crate::text::Text;
use crate::time::ServiceDay;

/// Tries one behind the other, an hour of them, after which somebody should look.
const FAILURES: u32 = 7;
/// A source that has given nothing for so long is silent, and for so many beats.
const SILENT: SignedDuration = SignedDuration::from_hours(1);
const SILENT_BEATS: u64 = 4;
/// A job that waits for so long waits for a scheduler.
const WAITS: SignedDuration = SignedDuration::from_hours(3);
/// A disk that is full sooner is told.
const FULL: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Dates that are named one by one.
const NAMED: usize = 3;

/// All of it, the gravest first: what is being lost, then what waits.
pub(super) fn needs(status: &Status, inputs: &Inputs<'_>) -> Vec<Need> {
    let mut needs = Vec::new();
    needs.extend(disk(status));
    let nobody_collects = nobody_collects(status);
    // Where nobody asks, each source would be silent.
    if nobody_collects.is_none() && status.collector == Some(true) {
        needs.extend(status.sources.iter().filter_map(|source| silent(source, status.now)));
    }
    needs.extend(nobody_collects);
    needs.extend(nobody_schedules(status));
    needs.extend(stopped(inputs));
    needs.extend(failing(inputs));
    needs.extend(chores(status));
    needs.extend(undecided(status));
    needs
}

fn command(words: &[&str]) -> Vec<String> {
    std::iter::once("fahrtenbuch").chain(words.iter().copied()).map(str::to_owned).collect()
}

fn disk(status: &Status) -> Vec<Need> {
    let mut needs = Vec::new();
    let disk = &status.disk;
    let lost = Text::new(
        "when it is full, nothing more is kept of any source; those hours cannot be had again",
        "ist sie voll, wird von keiner Quelle mehr etwas aufbewahrt; diese Stunden sind nicht wiederzubekommen",
    );
    if let Some(at) = disk.full_at.filter(|at| at.duration_since(status.now) < FULL) {
        let (free, at) = (bytes(disk.free.unwrap_or_default()), local(at, &status.zone));
        needs.push(Need {
            kind: "disk_filling",
            about: "private".to_owned(),
            since: None,
            what: Text::new(
                format!("the disk of the private store will be full on {}: {} are free", at.en, free.en),
                format!("die Platte der privaten Ablage ist am {} voll: {} sind frei", at.de, free.de),
            ),
            lost: lost.clone(),
            command: command(&["evidence", "seal"]),
        });
    }
    if let Some(spool) = disk.spool.as_ref().filter(|spool| spool.waiting_bytes > spool.limit) {
        let (waiting, limit) = (bytes(spool.waiting_bytes), bytes(spool.limit));
        needs.push(Need {
            kind: "disk_filling",
            about: "spool".to_owned(),
            since: spool.since,
            what: Text::new(
                format!("{} of evidence wait for {}, more than 'limits: spool' ({})", waiting.en, spool.at, limit.en),
                format!("{} Belege warten auf {}, mehr als 'limits: spool' ({})", waiting.de, spool.at, limit.de),
            ),
            lost,
            command: command(&["evidence", "seal"]),
        });
    }
    needs
}

fn nobody_collects(status: &Status) -> Option<Need> {
    // Whoever has never started a collector asks in another way.
    if status.collector != Some(false) || !status.sources.iter().any(|source| source.every.is_some()) {
        return None;
    }
    Some(Need {
        kind: "collector_down",
        about: String::new(),
        since: status.sources.iter().filter_map(|source| source.newest_beat).max(),
        what: Text::new(
            "nobody asks the sources: no collector is at work",
            "niemand fragt die Quellen: kein Erfasser läuft",
        ),
        lost: Text::new(
            "nothing is kept of any source; those hours cannot be had again",
            "von keiner Quelle wird etwas aufbewahrt; diese Stunden sind nicht wiederzubekommen",
        ),
        command: command(&["up"]),
    })
}

fn nobody_schedules(status: &Status) -> Option<Need> {
    if status.scheduler == Some(true) {
        return None;
    }
    let waiting = |since: &Timestamp| status.now.duration_since(*since) >= WAITS;
    let jobs: Vec<Timestamp> = status.due.iter().map(|job| job.since).filter(waiting).collect();
    let (since, count) = (*jobs.iter().min()?, jobs.len());
    Some(Need {
        kind: "scheduler_down",
        about: String::new(),
        since: Some(since),
        what: Text::new(
            format!(
                "{count} due {} for a scheduler, and none is at work",
                if count == 1 { "job waits" } else { "jobs wait" }
            ),
            format!(
                "{count} {} auf einen Planer, und keiner läuft",
                if count == 1 { "fälliger Auftrag wartet" } else { "fällige Aufträge warten" }
            ),
        ),
        lost: Text::new(
            "nothing is published; dates older than 'catch_up' are not made up for",
            "nichts wird veröffentlicht; Tage, die älter sind als 'catch_up', werden nicht nachgeholt",
        ),
        command: command(&["up"]),
    })
}

fn silent(source: &SourceStatus, now: Timestamp) -> Option<Need> {
    let every = source.every?;
    let beats = SignedDuration::from_secs(i64::try_from(every.saturating_mul(SILENT_BEATS)).unwrap_or(i64::MAX));
    let newest = source.last_good.max(source.newest_body);
    let first = || source.hours.iter().find(|hour| hour.counts.is_some_and(|counts| counts.iter().sum::<u64>() > 0));
    let since = newest.or_else(|| first().map(|hour| hour.begin))?;
    if now.duration_since(since) < SILENT.max(beats) {
        return None;
    }
    let sign = source.hours.iter().rev().find_map(|hour| Sign::of(&hour.counts?));
    let (kind, en, de) = match sign {
        Some(Sign::Gap(Class::Frozen)) => {
            ("source_frozen", "is frozen: its header time stands still", "ist eingefroren: ihre Kopfzeit steht still")
        }
        Some(Sign::Gap(Class::Unreadable)) => ("source_silent", "gives what cannot be read", "liefert nichts Lesbares"),
        Some(Sign::Gap(Class::Silent)) => {
            ("source_silent", "is connected and sends nothing", "ist verbunden und sendet nichts")
        }
        // It was good within the hours that were looked at; the newest are not read yet.
        Some(Sign::All | Sign::Most | Sign::Half)
            if source.last_good.is_some_and(|at| now.duration_since(at) < SILENT * 2) =>
        {
            return None;
        }
        _ => (
            "source_silent",
            "gives nothing: it does not answer, or with errors",
            "liefert nichts: sie antwortet nicht oder mit Fehlern",
        ),
    };
    let lasts = length(now.duration_since(since));
    Some(Need {
        kind,
        about: source.name.clone(),
        since: Some(since),
        what: Text::new(
            format!("the source {} {en}, for {}", source.name, lasts.en),
            format!("die Quelle {} {de}, seit {}", source.name, lasts.de.replace("Tage", "Tagen")),
        ),
        lost: Text::new(
            "its positions of this time: nobody else keeps them",
            "ihre Meldungen aus dieser Zeit: sonst bewahrt sie niemand auf",
        ),
        command: command(&["evidence", "gaps", &source.name]),
    })
}

/// What is stopped, by pipeline and reason.
fn stopped(inputs: &Inputs<'_>) -> Vec<Need> {
    let mut groups: BTreeMap<(u8, &str), Vec<&Stopped>> = BTreeMap::new();
    for one in &inputs.due.stopped {
        let rank = match one.why {
            Stop::Ended(Outcome::Usage) => 0,
            Stop::Ended(Outcome::HeldBack) => 2,
            Stop::Ended(Outcome::Absent) => continue,
            Stop::Ended(_) => 1,
            Stop::TooOld => 3,
            Stop::Schedule => 4,
            Stop::Missing => 5,
            Stop::Lost => 6,
        };
        groups.entry((rank, &one.key.pipeline)).or_default().push(one);
    }
    groups.into_iter().filter_map(|((rank, pipeline), group)| of_group(inputs, (rank, pipeline), &group)).collect()
}

fn of_group(inputs: &Inputs<'_>, (rank, pipeline): (u8, &str), group: &[&Stopped]) -> Option<Need> {
    let first = group.first()?;
    let dates = named(group);
    let (kind, en, de) = match rank {
        0 => ("run_failed", "failed: the configuration is wrong", "gescheitert: die Konfiguration ist falsch"),
        1 => (
            "run_failed",
            "failed, and will not succeed if tried again",
            "gescheitert, und eine Wiederholung hilft nicht",
        ),
        2 => ("run_held_back", "held back by quality", "wegen der Qualität zurückgehalten"),
        4 => (
            "run_failed",
            "nobody knows when to run it: 'after' of its schedule cannot be followed",
            "niemand weiß, wann er laufen soll: 'after' in seinem Zeitplan führt nirgendwohin",
        ),
        5 => (
            "run_failed",
            "published more than once, and not in the bucket",
            "mehr als einmal veröffentlicht und nicht im Bucket",
        ),
        6 => (
            "run_failed",
            "published once, not in the bucket any more, and its evidence is gone",
            "einst veröffentlicht, nicht mehr im Bucket, und seine Belege sind fort",
        ),
        _ => ("run_failed", "older than 'catch_up' and never published", "älter als 'catch_up' und nie veröffentlicht"),
    };
    let command = match (rank, first.key.date) {
        (0 | 4, _) => command(&["check"]),
        (2, Some(date)) => {
            let of_name = inputs.workspace.pipelines.iter().find(|other| other.name == pipeline);
            let dataset = of_name.map_or(pipeline, |of_name| &of_name.dataset);
            command(&["quality", "results", dataset, "--date", &date.to_string()])
        }
        _ => first.key.command(),
    };
    Some(Need {
        kind,
        about: pipeline.to_owned(),
        since: group.iter().map(|stopped| stopped.since).min(),
        what: Text::new(format!("{pipeline} {}: {en}", dates.en), format!("{pipeline} {}: {de}", dates.de)),
        lost: Text::new(
            if group.len() == 1 {
                "the date stays unpublished, for good when 'retention' destroys its evidence"
            } else {
                "the dates stay unpublished, for good when 'retention' destroys their evidence"
            },
            if group.len() == 1 {
                "der Tag bleibt unveröffentlicht, endgültig, wenn 'retention' seine Belege vernichtet"
            } else {
                "die Tage bleiben unveröffentlicht, endgültig, wenn 'retention' ihre Belege vernichtet"
            },
        ),
        command,
    })
}

/// The dates, the first of them by name.
fn named(group: &[&Stopped]) -> Text {
    let dates: Vec<String> = group.iter().filter_map(|stopped| stopped.key.date).map(|date| date.to_string()).collect();
    match dates.len().checked_sub(NAMED) {
        Some(more @ 1..) => {
            let first = dates[..NAMED].join(", ");
            Text::new(format!("{first} and {more} more"), format!("{first} und {more} weitere"))
        }
        _ => same(dates.join(", ")),
    }
}

/// What was tried again and again.
fn failing(inputs: &Inputs<'_>) -> Vec<Need> {
    let is_failing = |key: &JobKey| inputs.log.tried(key).is_some_and(|tried| tried.failures >= FAILURES);
    let stopped = |key: &JobKey| inputs.due.stopped.iter().any(|stopped| stopped.key == *key);
    let jobs = inputs.log.all().filter(|(key, _)| is_failing(key) && !stopped(key));
    let of_pipeline = jobs.filter(|(key, _)| inputs.facts.pipelines.contains_key(&key.pipeline));
    let need = |(key, tried): (&JobKey, &Tried)| {
        let newest = tried.attempt.ended.as_ref().map_or(tried.attempt.begun, |ended| ended.at);
        let is_stale = inputs.now.duration_since(newest) > SignedDuration::from_hours(30 * 24);
        (!is_stale).then(|| Need {
            kind: "run_failed",
            about: key.pipeline.clone(),
            since: key.date.map(|date| ServiceDay::new(date, &inputs.facts.zone).window.end),
            what: Text::new(
                format!("{key} has failed {} times: {}", tried.failures, tried.said),
                format!("{} ist {}-mal gescheitert: {}", job(key).de, tried.failures, tried.said),
            ),
            lost: Text::new(
                "nothing yet: it is tried again every hour; after 'catch_up' it is not",
                "noch nichts: es wird stündlich wiederholt; nach 'catch_up' nicht mehr",
            ),
            command: key.command(),
        })
    };
    of_pipeline.filter_map(need).collect()
}

/// Daily jobs that a person must mend.
fn chores(status: &Status) -> Vec<Need> {
    let is_bad = |chore: &&ChoreStatus| chore.outcome.needs_a_person() || chore.failures >= FAILURES;
    let need = |chore: &ChoreStatus| {
        let (en, de) = match chore.name.as_str() {
            "backup" => (
                "a dead disk takes everything since the last backup",
                "eine tote Platte nimmt alles seit der letzten Sicherung mit",
            ),
            "purge" => {
                ("evidence is kept longer than 'retention' allows", "Belege bleiben länger, als 'retention' erlaubt")
            }
            _ => ("what it does is not done", "was sie tut, geschieht nicht"),
        };
        Need {
            kind: "chore_failed",
            about: chore.name.clone(),
            since: Some(chore.at),
            what: Text::new(
                format!("the daily job '{}' failed: {}", chore.name, chore.said),
                format!("die tägliche Arbeit '{}' ist gescheitert: {}", chore.name, chore.said),
            ),
            lost: Text::new(en, de),
            command: if chore.name == "purge" { command(&["evidence", "purge"]) } else { command(&[&chore.name]) },
        }
    };
    status.chores.iter().filter(is_bad).map(need).collect()
}

fn undecided(status: &Status) -> Vec<Need> {
    let old = status.undecided.iter().filter(|undecided| undecided.older > 0);
    let need = |undecided: &Undecided| Need {
        kind: "quarantine_undecided",
        about: undecided.dataset.clone(),
        since: None,
        what: Text::new(
            format!(
                "{} rows of {} are in quarantine for four weeks or longer, the oldest of {}, and nobody has decided",
                undecided.older, undecided.dataset, undecided.oldest
            ),
            format!(
                "{} Zeilen von {} sind seit vier Wochen oder länger in Quarantäne, die ältesten vom {}, und niemand hat entschieden",
                undecided.older, undecided.dataset, undecided.oldest
            ),
        ),
        lost: Text::new(
            "the rows stay unpublished, and go with their evidence when 'retention' destroys it",
            "die Zeilen bleiben unveröffentlicht und gehen mit ihren Belegen, wenn 'retention' sie vernichtet",
        ),
        command: command(&["quarantine", "list", &undecided.dataset]),
    };
    old.map(need).collect()
}
