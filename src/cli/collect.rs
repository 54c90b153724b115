//! `fahrtenbuch collect`

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::capture::collector::{CollectorLock, Outcome, Report, Scheduled, Service, Stop};
use crate::capture::coverage::Class;
use crate::cli::exit::Exit;
use crate::cli::heaps;
use crate::cli::lost::store_is_not_gone;
use crate::cli::opened::{clock_is_set, tell};
use crate::cli::run::failed;
use crate::cli::signals::{HangUp, Signals};
use crate::pipeline::collecting::{Configuration, Look};
use crate::pipeline::run::RunError;
use crate::schedule::observer::BeatCounts;
use crate::workspace;
use crate::workspace::form;
use crate::yaml::Problem;

/// Between two looks at the configuration's files.
const LOOK: Duration = Duration::from_millis(250);

#[derive(clap::Args)]
#[command(after_help = "\
Each source has its beat ('every: 15 s' in the pipeline; a second to a day; without it 15 s, timetables 1 h) and its own
offset within it; what was never kept and is asked seldom, at once. Every beat leaves a record in the evidence: the body, that it is the
same, or why there is none ('fahrtenbuch evidence gaps'). While it runs, 'run' does not ask its sources.

Pipelines' files are looked at all the time (SIGHUP: at once): sources are added, changed and removed without a missed beat
of the others. A file with a mistake is told, and its sources stay as they were. A file that is gone for two seconds takes its
sources with it. A second collector on the same private store
waits until the first has ended. Ctrl-C and SIGTERM end it cleanly.

Examples:
  fahrtenbuch collect                          all pipelines with live sources
  fahrtenbuch collect stadtbus-telemetrie      one of them
  fahrtenbuch collect --for 3600               for an hour")]
pub(super) struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Stop after so many seconds, waiting for another collector included; answers that are awaited then have three more
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    duration: Option<u64>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    collect(root, arguments).unwrap_or_else(|exit| exit)
}

fn collect(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    heaps::share();
    clock_is_set()?;
    let private = workspace::private(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    known(root, &arguments.pipelines)?;
    let stop = Stop::default();
    let signals = Signals::listen(stop.clone()).map_err(no_signals)?;
    let collecting = Collecting {
        root,
        private: &private,
        pipelines: &arguments.pipelines,
        duration: arguments.duration,
        beats: BeatCounts::default(),
    };
    let hang_up = HangUp::listen().map_err(no_signals)?;
    let begin = Instant::now();
    let Some(states) = collecting.run(&stop, hang_up, &|| ())? else {
        println!("stopped while waiting");
        return Ok(Exit::Done);
    };
    let why = signals.received().map_or(String::new(), |name| format!(" by {name}"));
    println!("stopped{why} after {} s", begin.elapsed().as_secs());
    states.tell_sums();
    Ok(Exit::Done)
}

pub(super) fn no_signals(error: std::io::Error) -> Exit {
    eprintln!(
        "error: signals cannot be waited for: {error}. Check the limits of this machine for open files, and try again."
    );
    Exit::Transient
}

/// Refuses names that no pipeline has.
pub(super) fn known(root: &Path, names: &[String]) -> Result<(), Exit> {
    for name in names {
        let exists = ["yaml", "yml"].iter().any(|ending| root.join(format!("pipelines/{name}.{ending}")).is_file());
        if !exists {
            eprintln!("error: there is no pipeline '{name}'");
            return Err(Exit::Usage);
        }
    }
    Ok(())
}

/// What is collected, and for how long.
pub(super) struct Collecting<'a> {
    pub root: &'a Path,
    pub private: &'a Path,
    /// All if none is named.
    pub pipelines: &'a [String],
    /// Seconds.
    pub duration: Option<u64>,
    /// Where what comes of beats is counted.
    pub beats: BeatCounts,
}

impl Collecting<'_> {
    /// Collects until the end, and gives what became of each source; `None` if it was to end while another collector was at work.
    /// `begun` is called when the collector has its store.
    pub(super) fn run(&self, stop: &Stop, hang_up: HangUp, begun: &dyn Fn()) -> Result<Option<States>, Exit> {
        let Self { root, private, .. } = *self;
        let of_private =
            |verb| move |error: std::io::Error| failed(&RunError::private(private, verb, &error), false, None);
        store_is_not_gone(root)?;
        form::open(private).map_err(|error| failed(&error.into(), false, None))?;
        let ends_at = self.duration.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let lock = CollectorLock::take(private, (stop, ends_at), || {
            say(&format!("another collector is at work on {}; waiting until it has ended", private.display()));
        });
        let Some(lock) = lock.map_err(of_private("locked"))? else { return Ok(None) };
        let mut configuration = Configuration::new(root, self.pipelines);
        let Look { problems, mistaken, .. } = configuration.look(true);
        let sources = configuration.sources();
        if sources.is_empty() && !problems.is_empty() {
            tell(&problems);
            return Err(Exit::Usage);
        }
        tell_mistakes(&problems, &mistaken);
        if sources.is_empty() {
            say("no pipeline has a source to ask; waiting for one");
        }
        tell_changes(&[], &sources);
        let spool = workspace::spool(root).map_err(|problems| {
            tell(&problems);
            Exit::Usage
        })?;
        // The service says so, too, and tries again what fails: a full disk keeps no source from being asked.
        let names = sources.iter().map(|scheduled| scheduled.collected.name.clone()).collect();
        let _ = lock.own(&names);
        begun();
        let (configured, configuration_now) = watch::channel(sources);
        let (ended, end) = channel();
        let service = Service {
            private,
            stop: stop.clone(),
            end: ends_at,
            begins_at_once: false,
            lock: Some(&lock),
            spool: spool.as_ref(),
        };
        let is_lost = AtomicBool::new(false);
        let mut states = States::default();
        let done = std::thread::scope(|scope| {
            let watch =
                Watch { configuration, hang_up, configured, lock: &lock, stop: stop.clone(), is_lost: &is_lost };
            scope.spawn(move || watch.run(&end));
            let _ended: Sender<()> = ended;
            service.run(configuration_now, &mut |report| {
                count(&self.beats, report);
                states.tell(report);
            })
        });
        if let Err(error) = done {
            return Err(failed(&error.into(), false, None));
        }
        if is_lost.load(Ordering::Relaxed) {
            return Err(lost(private));
        }
        Ok(Some(states))
    }
}

/// Tells that the private store is not where it was.
fn lost(private: &Path) -> Exit {
    eprintln!(
        "error: the private store {} was moved or its disk is gone; what was kept is where it went. Bring it back, and start the \
         collector again.",
        private.display()
    );
    Exit::Transient
}

/// Looks at the configuration's files, and whether the private store is still there, until the collector ends.
struct Watch<'a> {
    configuration: Configuration,
    hang_up: HangUp,
    configured: watch::Sender<Vec<Scheduled>>,
    lock: &'a CollectorLock,
    stop: Stop,
    is_lost: &'a AtomicBool,
}

impl Watch<'_> {
    fn run(mut self, end: &Receiver<()>) {
        loop {
            match end.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.lock.is_there() {
                self.is_lost.store(true, Ordering::Relaxed);
                self.stop.request();
                return;
            }
            let look = self.configuration.look(self.hang_up.came());
            tell_mistakes(&look.problems, &look.mistaken);
            if look.is_changed {
                let sources = self.configuration.sources();
                let before = self.configured.send_replace(sources.clone());
                if before != sources {
                    say("the configuration changed");
                    tell_changes(&before, &sources);
                }
            }
        }
    }
}

/// Tells sources that are new, asked in another way, or not asked any more; at the beginning all are new, and it is not said.
fn tell_changes(before: &[Scheduled], now: &[Scheduled]) {
    let of_name = |sources: &[Scheduled], name: &str| -> Vec<Scheduled> {
        sources.iter().filter(|other| other.collected.name == name).cloned().collect()
    };
    for scheduled in now.iter().filter(|scheduled| !before.contains(scheduled)) {
        let Scheduled { collected, grid } = scheduled;
        let what = match (before.is_empty(), of_name(before, &collected.name).is_empty()) {
            (true, _) => "",
            (false, true) => " (added)",
            (false, false) => " (changed)",
        };
        let (every, shown) = (grid.every().as_secs_f64(), collected.source.shown());
        say(&format!("{}: every {every} s, {shown}{what}", collected.name));
    }
    let mut gone: Vec<&str> = before.iter().map(|scheduled| scheduled.collected.name.as_str()).collect();
    gone.retain(|name| of_name(now, name).is_empty());
    gone.dedup();
    gone.iter().for_each(|name| say(&format!("{name}: not asked any more (removed)")));
}

fn tell_mistakes(problems: &[Problem], mistaken: &[PathBuf]) {
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    if !problems.is_empty() {
        eprintln!("warning: where a file has a mistake, its sources stay as they were");
    }
    for file in mistaken {
        eprintln!(
            "warning: {} has mistakes that do not concern its sources, which are collected; 'fahrtenbuch check' tells them",
            file.display()
        );
    }
}

/// A line of what goes on: in a terminal with the time, which elsewhere (journal, log collectors) is whoever keeps the lines' to add.
fn say(text: &str) {
    println!("{}{text}", now_in_terminal(std::io::stdout().is_terminal()));
}

fn say_error(text: &str) {
    eprintln!("{}{text}", now_in_terminal(std::io::stderr().is_terminal()));
}

/// `2026-11-27T07:28:05Z `
fn now_in_terminal(is_terminal: bool) -> String {
    if is_terminal { format!("{} ", crate::time::now().strftime("%Y-%m-%dT%H:%M:%SZ")) } else { String::new() }
}

fn count(beats: &BeatCounts, report: &Report) {
    let class = match &report.outcome {
        Outcome::New { unreadable: Some(_), .. } => Class::Unreadable,
        Outcome::New { .. } => Class::Body,
        Outcome::NotModified => Class::Unchanged,
        Outcome::Failed(_) => Class::Failed,
    };
    let mut beats = beats.lock().unwrap_or_else(PoisonError::into_inner);
    let of = beats.entry(report.name.clone()).or_default();
    *of.entry(class).or_default() += 1;
    if report.skipped > 0 {
        *of.entry(Class::Skipped).or_default() += report.skipped;
    }
}

/// What was last told of each source: only what changes is told again.
#[derive(Default)]
pub(super) struct States(BTreeMap<String, State>);

#[derive(Default)]
struct State {
    /// What is told of it now; the kind of a failure.
    told: Option<String>,
    failed_in_a_row: u64,
    asked: u64,
    kept: u64,
    unchanged: u64,
    failed: u64,
    skipped: u64,
}

impl States {
    fn tell(&mut self, report: &Report) {
        let name = &report.name;
        let state = self.0.entry(name.clone()).or_default();
        state.asked += 1;
        state.skipped += report.skipped;
        let (kind, said) = match &report.outcome {
            Outcome::New { unreadable: Some(said), .. } => {
                state.kept += 1;
                (said.clone(), format!("kept, but it {said}"))
            }
            Outcome::New { .. } => {
                state.kept += 1;
                (String::new(), "kept".to_owned())
            }
            // Who has nothing new has what was told before.
            Outcome::NotModified => {
                state.unchanged += 1;
                (String::new(), "nothing new".to_owned())
            }
            Outcome::Failed(error) => {
                state.failed += 1;
                (error.kind_name().to_owned(), error.to_string())
            }
        };
        let is_failed = matches!(report.outcome, Outcome::Failed(_));
        if state.told.as_ref() != Some(&kind) {
            match (is_failed, state.failed_in_a_row) {
                (true, _) => say_error(&format!("error: {name}: {said}")),
                (false, 0) => say(&format!("{name}: {said}")),
                (false, 1) => say(&format!("{name}: {said}, after a failure")),
                (false, failures) => say(&format!("{name}: {said}, after {failures} failures")),
            }
            state.told = Some(kind);
        }
        state.failed_in_a_row = if is_failed { state.failed_in_a_row + 1 } else { 0 };
        if report.skipped > 0 {
            let why = match report.is_left_alone {
                true => "the source asked to be left alone".to_owned(),
                false => format!("the last ask took {} s", report.took.as_secs()),
            };
            let beats = if report.skipped == 1 { "beat is" } else { "beats are" };
            say_error(&format!("warning: {name}: {} {beats} skipped, {why}", report.skipped));
        }
    }

    pub(super) fn tell_sums(&self) {
        for (name, State { asked, kept, unchanged, failed, skipped, .. }) in &self.0 {
            println!(
                "{name}: asked {asked} times, {kept} kept, {unchanged} unchanged, {failed} failed, {skipped} beats skipped"
            );
        }
    }
}
