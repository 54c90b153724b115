//! `fahrtenbuch schedule`

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::capture::collector::Stop;
use crate::cli::collect::{known, no_signals};
use crate::cli::exit::{Exit, exit_of};
use crate::cli::heaps;
use crate::cli::lost::store_is_not_lost;
use crate::cli::opened::{clock_is_set, read_outline, tell};
use crate::cli::run::failed;
use crate::cli::signals::Signals;
use crate::pipeline::run::RunError;
use crate::schedule::clock::ClockBehind;
use crate::schedule::due::{Due, Job};
use crate::schedule::facts::{Facts, Outcome, Trouble};
use crate::schedule::gather::Gatherer;
use crate::schedule::log::{self, Chore, ClockRight, Done, Entry, Log, Writer};
use crate::schedule::observer::{BeatCounts, FromFacts, Observer};
use crate::schedule::service::{Alive, Event, Looked, Scheduler, SchedulerError};
use crate::schedule::words::local;
use crate::time;
use crate::workspace;
use crate::workspace::outline::Needs;

/// Between two tries to become the scheduler of a store.
const WAIT: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
#[command(after_help = "\
When a pipeline is run stands in its file:

  schedule:
    run: \"06:30\"          # or a cron expression, '30 6 * * 1-5'; or after: PIPELINE; or every: 15 min (provisional releases, too)
    late: 3 days          # evidence that comes in later makes a new release until then
    catch_up: 30 days     # dates that were missed are run until then

What is due is worked out from the evidence, the bucket and the log of attempts, so a machine that slept catches up: the oldest
date first, every third time the newest. Each run is a process of its own. What fails and may succeed is tried again with growing
pauses; what a person must mend waits until something changes. 'fahrtenbuch plan' tells what would be done and why,
'fahrtenbuch up' collects as well.

Examples:
  fahrtenbuch schedule                  for ever; a second scheduler of the private store waits
  fahrtenbuch schedule --once           what is due now, for timers and other schedulers
  fahrtenbuch schedule --once stadtbus-telemetrie
  fahrtenbuch schedule --clock-is-right after a clock that was ahead has been set: what it wrote counts no more

Exit codes of --once: that of the worst that was tried, by the table of 'fahrtenbuch --help'. A damaged index in the bucket, or
damaged evidence, keeps only its pipeline from being run: it is told, all else is done, and the code is 42 (1 where evidence cannot
be read, and may be later). 42 is also that of a private store that is lost, with which nothing is done. A daily job that was tried
counts, too. If the log or the bucket has a time that is more than an hour later than the clock, nothing is done, and the code is 1:
set the clock, or see --clock-is-right.")]
pub(super) struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Do what is due, and end
    #[arg(long)]
    once: bool,
    /// Write down that this machine's clock is right, and end: for when the log or the bucket has later times that a wrong clock wrote,
    /// so that nothing is run until then
    #[arg(long, conflicts_with_all = ["once", "pipelines"])]
    clock_is_right: bool,
    /// Runs at the same time, at the most; each may hold 'limits: memory'
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    schedule(root, arguments).unwrap_or_else(|exit| exit)
}

fn schedule(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    heaps::share();
    clock_is_set()?;
    let private = workspace::private(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    if arguments.clock_is_right {
        return clock_is_right(root, &private);
    }
    known(root, &arguments.pipelines)?;
    let stop = Stop::default();
    let signals = Signals::listen(stop.clone()).map_err(no_signals)?;
    store_is_not_lost(root)?;
    let Some(writer) = writer(&private, &stop, arguments.once)? else {
        println!(
            "{}",
            if arguments.once { "another scheduler is at work; it does what is due" } else { "stopped while waiting" }
        );
        return Ok(Exit::Done);
    };
    let scheduler = Scheduler {
        root: root.to_owned(),
        names: arguments.pipelines.clone(),
        stop,
        parallel: usize::from(arguments.jobs),
        once: arguments.once,
        alive: Alive::default(),
    };
    let mut teller = Teller::default();
    let finder = FromFacts::new(BeatCounts::default(), (!arguments.once).then(time::now));
    let worst = observed(&scheduler, &private, Arc::new(writer), (&mut teller, finder), |_| Ok(()))?;
    if let Some(name) = signals.received() {
        println!("stopped by {name}");
    }
    if arguments.once && teller.begun == 0 {
        teller.tell_idle();
    }
    Ok(if arguments.once { worst.map_or(Exit::Done, exit_of) } else { Exit::Done })
}

/// Writes down that times which are to come were written by a wrong clock. A scheduler that is at work reads it.
fn clock_is_right(root: &Path, private: &Path) -> Result<Exit, Exit> {
    let workspace = read_outline(root, Needs::Stores)?;
    let of_log =
        |verb| move |error: io::Error| failed(&RunError::private(&log::path(private), verb, &error), false, None);
    let known = Log::read(private).map_err(of_log("read"))?;
    let now = time::now();
    let facts = Gatherer::default().gather(&workspace, &known, &BTreeSet::new(), now);
    let facts = facts.map_err(|error| failed(&error, false, None))?;
    let Some(ClockBehind { newest, .. }) = facts.clock else {
        println!("neither the log nor the bucket has a later time than this machine's clock, which shows {now:.0}");
        return Ok(Exit::Done);
    };
    log::add(private, now, Entry::ClockRight(ClockRight { until: newest })).map_err(of_log("written"))?;
    println!("written down: it is {now:.0}, and times up to {newest:.0} were written by a wrong clock");
    Ok(Exit::Done)
}

/// Runs a scheduler, tells what it does, and lets others be told. `beside` starts what lives as long as it.
pub(super) fn observed<T>(
    scheduler: &Scheduler,
    private: &Path,
    writer: Arc<Writer>,
    (teller, finder): (&mut Teller, FromFacts),
    beside: impl FnOnce(&Observer) -> Result<T, Exit>,
) -> Result<Option<Outcome>, Exit> {
    let mut observer = Observer::new(Box::new(finder), writer.clone());
    let beside = beside(&observer)?;
    let worst = scheduler.run(&writer, &mut |event| {
        teller.tell(&event);
        match &event {
            Event::Looked(looked) => observer.look(looked, scheduler.once),
            Event::Unknown(error) => observer.unknown(error, workspace::outline::notify(&scheduler.root).ok()),
            _ => {}
        }
    });
    drop(beside);
    observer.finish(&scheduler.stop);
    let written = writer.flush().map_err(|error| RunError::private(&log::path(private), "written", &error));
    match written {
        // Whoever begins again looks at the bucket, so that no release is repeated.
        Err(error) if !scheduler.once => {
            let error = error.to_string();
            let error = error.trim_end_matches('.');
            eprintln!(
                "warning: {error}. What was tried and told of late is not in it, and may be tried or told again."
            );
        }
        Err(error) => {
            return Err(worst.err().map_or_else(|| failed(&error, false, None), |error| of_scheduler(&error)));
        }
        Ok(()) => {}
    }
    worst.map_err(|error| of_scheduler(&error))
}

/// The right to schedule; it is waited for unless this is done once. None if somebody else has it, or all is to end.
pub(super) fn writer(private: &Path, stop: &Stop, once: bool) -> Result<Option<Writer>, Exit> {
    let path = log::lock_path(private);
    let failed = |error: io::Error| failed(&RunError::private(&path, "locked", &error), false, None);
    let mut is_told = false;
    while !stop.is_requested() {
        match Writer::take(private).map_err(failed)? {
            Some(writer) => return Ok(Some(writer)),
            None if once => return Ok(None),
            None if !is_told => {
                println!("another scheduler is at work on {}; waiting until it has ended", private.display());
                is_told = true;
            }
            None => {}
        }
        std::thread::sleep(WAIT);
    }
    Ok(None)
}

fn of_scheduler(error: &SchedulerError) -> Exit {
    match error {
        SchedulerError::Configuration(problems) => {
            tell(problems);
            Exit::Usage
        }
        // Told with the look that found it.
        SchedulerError::Run(RunError::ClockBehind(_)) => Exit::Transient,
        SchedulerError::Run(error) => failed(error, false, None),
    }
}

/// Tells what a scheduler does, what is new of it.
#[derive(Default)]
pub(super) struct Teller {
    /// Jobs that were begun.
    pub begun: u64,
    /// What was last said of what comes next.
    next: Option<String>,
    unknown: Option<String>,
    /// Whether it was said that the clock is behind.
    is_clock_behind: bool,
    /// What was said of pipelines of which nobody can tell what is due.
    troubles: Vec<Trouble>,
}

impl Teller {
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Begins(Job { key, why, .. }) => {
                self.begun += 1;
                println!("{key} begins: {why}");
            }
            Event::Ended(Done { key, outcome, said, seconds, .. }) => {
                let line = format!("{key}: {said} ({seconds:.1} s)");
                match outcome {
                    Outcome::Published | Outcome::NothingNew | Outcome::Absent => println!("{line}"),
                    Outcome::HeldBack => eprintln!("warning: {line}"),
                    _ => eprintln!("error: {line}"),
                }
            }
            Event::ChoreEnded(Chore { name, outcome, said, seconds }) => {
                self.begun += 1;
                match outcome {
                    Outcome::Published => println!("{name}: {said} ({seconds:.1} s)"),
                    _ => eprintln!("error: {name}: {said} ({seconds:.1} s)"),
                }
            }
            Event::Mistakes(problems) => {
                problems.iter().for_each(|problem| eprintln!("{problem}"));
                eprintln!(
                    "warning: with a mistake in the configuration no run can begin. What was read before of the files that have one goes on \
                     being used, and people are told."
                );
            }
            Event::Unknown(error) => {
                let said = error.to_string();
                if self.unknown.as_ref() != Some(&said) {
                    eprintln!("error: what is due cannot be worked out: {said}");
                    self.unknown = Some(said);
                }
            }
            Event::Looked(looked) => {
                self.unknown = None;
                self.looked(looked);
            }
        }
    }

    /// Nothing was begun: since nothing was due, or what kept it from being known.
    fn tell_idle(&self) {
        let unknown: Vec<&str> = self.troubles.iter().map(|trouble| trouble.pipeline.as_str()).collect();
        if unknown.is_empty() {
            println!("nothing was due");
            return;
        }
        eprintln!(
            "error: nothing was begun: what is due of {} cannot be worked out, for the reason above. Mend that, and try again; \
             of all other pipelines nothing was due.",
            unknown.join(", ")
        );
    }

    /// Each trouble once, and when it is over.
    fn troubles(&mut self, troubles: &[Trouble]) {
        for Trouble { pipeline, said, .. } in troubles.iter().filter(|trouble| !self.troubles.contains(trouble)) {
            let said = said.trim_end_matches('.');
            eprintln!("error: {pipeline}: what is due of it cannot be worked out: {said}. All else goes on.");
        }
        for before in &self.troubles {
            if !troubles.iter().any(|now| now.pipeline == before.pipeline) {
                println!("{}: what is due of it can be worked out again", before.pipeline);
            }
        }
        self.troubles = troubles.to_vec();
    }

    /// What comes next, if it is something else than was said.
    fn looked(&mut self, &Looked { workspace, facts, due, .. }: &Looked<'_>) {
        self.troubles(&facts.troubles);
        match &facts.clock {
            Some(behind) if !self.is_clock_behind => eprintln!("error: {behind}"),
            None if self.is_clock_behind => println!("the clock is no longer behind what was written down"),
            _ => {}
        }
        self.is_clock_behind = facts.clock.is_some();
        if self.is_clock_behind {
            return;
        }
        if !facts.running.is_empty() {
            return;
        }
        let said = next_said(facts, due, &workspace.zone);
        if self.next.as_ref() != Some(&said) {
            println!("{said}");
            self.next = Some(said);
        }
    }
}

/// What comes next, in a sentence.
fn next_said(facts: &Facts, due: &Due, zone: &TimeZone) -> String {
    let later = due.later.first().map(|later| (later.at, later.key.to_string()));
    let next = later.into_iter().chain(due.next_chore.clone()).min();
    let next = next.map(|(at, what)| format!("next: {what} at {}", local(at, zone)));
    if facts.pipelines.is_empty() {
        return "no pipeline has a 'schedule'; waiting for one".to_owned();
    }
    if let Some(job) = due.now.first() {
        return format!("still due: {}, {}", job.key, job.why);
    }
    let has_evidence = facts.pipelines.values().flat_map(|of| of.dates.values()).any(|date| date.evidence.is_some());
    match (next, has_evidence) {
        (next, false) if due.later.is_empty() => {
            let next = next.map_or_else(String::new, |next| format!("; {next}"));
            format!(
                "there is no evidence yet that a pipeline could be run with; what is captured is run by its schedule{next}"
            )
        }
        (Some(next), _) => next,
        (None, _) => "all that has evidence is done, and what is captured is run by its schedule".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pipeline::{Schedule, Trigger};
    use crate::schedule::facts::{DateFacts, Evidence, Mark, PipelineFacts};

    #[test]
    fn before_the_first_evidence_it_says_that_there_is_none_and_not_that_nothing_has_a_time() {
        let schedule = Schedule { trigger: Trigger::Every(Duration::from_secs(120)), late: 3, catch_up: 30, line: 1 };
        let pipelines = BTreeMap::from([("bus".to_owned(), PipelineFacts::of(schedule, false))]);
        let mut facts = Facts { pipelines, ..Facts::none(TimeZone::UTC) };
        let due = Due::default();
        assert!(next_said(&facts, &due, &TimeZone::UTC).starts_with("there is no evidence yet"));
        let at: jiff::Timestamp = "2026-11-28T03:15:00Z".parse().unwrap();
        let purge = Due { next_chore: Some((at, "purge".to_owned())), ..Due::default() };
        let said = next_said(&facts, &purge, &TimeZone::UTC);
        assert!(
            said.starts_with("there is no evidence yet") && said.ends_with("; next: purge at 2026-11-28 03:15"),
            "{said}"
        );
        let evidence = Some(Evidence { mark: Mark(1), since: at });
        let date = DateFacts { evidence, ..DateFacts::default() };
        facts.pipelines.get_mut("bus").unwrap().dates.insert("2026-11-27".parse().unwrap(), date);
        assert_eq!(next_said(&facts, &purge, &TimeZone::UTC), "next: purge at 2026-11-28 03:15");
    }
}
