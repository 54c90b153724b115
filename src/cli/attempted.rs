//! An attempt that another scheduler than ours makes, in the log of the schedule.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::capture::collector::Stop;
use crate::cli::exit::Exit;
use crate::cli::lost::store_is_not_gone;
use crate::cli::opened::tell;
use crate::cli::signals::Signals;
use crate::cli::terminal::{Stderr, Stdout};
use crate::pipeline::run::RunError;
use crate::schedule::clock;
use crate::schedule::facts::JobKey;
use crate::schedule::gather::Gatherer;
use crate::schedule::log::{self, Begun, Entry, Log};
use crate::schedule::runner::{self, ENDS_WITH, done_of};
use crate::time::{self, ServiceDate};
use crate::workspace::{self, Workspace};

/// Has the system end this process by SIGTERM once its parent is gone, where that wanted so. Another process than the one that is named
/// is nobody's business: the variable was inherited.
///
/// # Errors
/// The parent is gone already.
#[cfg(target_os = "linux")]
pub(super) fn end_with_parent() -> Result<(), Exit> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    let parent = std::env::var(ENDS_WITH).ok().and_then(|parent| Pid::from_raw(parent.parse().ok()?));
    if parent.is_none() || parent != getppid() {
        return Ok(());
    }
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::debug!("this process goes on where its parent is killed: {error}");
    }
    // It may have been killed before the system was asked.
    if getppid() == parent { Ok(()) } else { Err(Exit::Transient) }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn end_with_parent() -> Result<(), Exit> {
    Ok(())
}

/// An attempt that has begun.
pub(super) struct Attempted {
    private: PathBuf,
    key: JobKey,
    begun: Instant,
}

impl Attempted {
    /// Writes that the run of a date begins, and by which evidence and settings; without a date, that the sources are asked.
    pub(super) fn begin(workspace: &Workspace, pipeline: &str, date: Option<ServiceDate>) -> Result<Self, RunError> {
        let private = workspace.private.clone();
        let key = JobKey { pipeline: pipeline.to_owned(), date };
        let log = Log::read(&private).map_err(|error| of_log(&private, "read", &error))?;
        let facts = Gatherer::default().gather(workspace, &log, &BTreeSet::new(), time::now())?;
        if let Some(behind) = facts.clock {
            return Err(RunError::ClockBehind(behind.to_string()));
        }
        let pipeline = facts.pipelines.get(pipeline);
        let evidence = pipeline.and_then(|pipeline| pipeline.dates.get(&date?)?.evidence).map(|evidence| evidence.mark);
        let settings = pipeline.map(|pipeline| pipeline.settings).unwrap_or_default();
        let begun = Begun { key: key.clone(), why: "asked for".to_owned(), evidence, settings };
        log::add(&private, time::now(), Entry::Begun(begun)).map_err(|error| of_log(&private, "written", &error))?;
        Ok(Self { private, key, begun: Instant::now() })
    }

    /// Writes how it ended.
    pub(super) fn end(self, exit: Exit, result: &Value) -> Result<(), RunError> {
        let Self { private, key, begun } = self;
        let done = done_of(key, Some(i32::from(exit.code())), result, begun.elapsed().as_secs_f64());
        log::add(&private, time::now(), Entry::Ended(done)).map_err(|error| of_log(&private, "written", &error))
    }
}

/// Does a daily job as a process of its own, by the arguments of this one without `--attempt`, and writes down how it ended. A signal
/// that ends this one ends that, too.
pub(super) fn chore(root: &Path, name: &str) -> Result<Exit, Exit> {
    let private = workspace::private(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    // Writing down how it ended would make another store.
    store_is_not_gone(root)?;
    let log = Log::read(&private).map_err(|error| {
        eprintln!("error: {}", of_log(&private, "read", &error));
        Exit::Transient
    })?;
    if let Some(behind) = clock::behind(time::now(), &log, std::iter::empty()) {
        eprintln!("error: {behind}");
        return Err(Exit::Transient);
    }
    let not_started = |error: std::io::Error| {
        eprintln!(
            "error: the process could not be started: {error}. Check the memory and the limits of this machine, and try again."
        );
        Exit::Transient
    };
    let mut command = Command::new(std::env::current_exe().map_err(not_started)?);
    command.args(std::env::args_os().skip(1).filter(|argument| argument != "--attempt"));
    let stop = Stop::default();
    let _signals = Signals::listen(stop.clone()).map_err(not_started)?;
    let (chore, code, [out, errors]) = runner::chore(name, command, &stop).map_err(not_started)?;
    // Whoever does not want to read it any more has it in the log.
    let _ = Stdout.write_all(&out);
    let _ = Stderr.write_all(&errors);
    let exit = code.and_then(Exit::of_code).unwrap_or(Exit::Transient);
    log::add(&private, time::now(), Entry::Chore(chore)).map_err(|error| {
        eprintln!("error: {}", of_log(&private, "written", &error));
        exit.max(Exit::Transient)
    })?;
    Ok(exit)
}

fn of_log(private: &Path, verb: &'static str, error: &std::io::Error) -> RunError {
    RunError::private(&log::path(private), verb, error)
}
