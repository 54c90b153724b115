//! `fahrtenbuch watch`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::capture::collector::Stop;
use crate::cli::collect::no_signals;
use crate::cli::exit::Exit;
use crate::cli::opened::{clock_is_set, tell};
use crate::cli::signals::Signals;
use crate::cli::terminal::count;
use crate::notify::{CauseKind, Heartbeat, Sent, Teller};
use crate::publish::PublishError;
use crate::schedule::causes::configuration as wrong_configuration;
use crate::schedule::watch::{Overdue, Watched, Watcher, findings, scheduled};
use crate::schedule::words::local;
use crate::time;
use crate::workspace::outline::{self, Public};
use crate::yaml::Problem;

/// Between two looks at whether this is to end.
const TURN: Duration = Duration::from_millis(250);

#[derive(clap::Args)]
#[command(after_help = "\
It needs fahrtenbuch.yaml, pipelines/ and the bucket, and no private store: run it on another machine than 'fahrtenbuch up'. A date
is overdue two hours after its time in the schedule ('every': two intervals). It is told by the channels of 'notify:', and the dead
man's switch ('notify: heartbeat: watch:') is pinged: all is well, or '/fail' with what is overdue. When this ends, the pings stay
away. Whether there is evidence of a date only the private store knows: of a pipeline that never released anything nothing is
overdue with --once; without it, dates are that began after the watch did. One that cannot be read hides no other.

Files that an index names and that are not in the bucket are told, too: a look compares a thousand names of a dataset, the next one goes on.

Exit codes of --once: 0 if nothing is overdue or gone, 4 if something is, 1 if the bucket is not there or does not answer, 42 if an index in
it is damaged, 2 if the configuration has a mistake. What is overdue is told also with 1 and 42.

Examples:
  fahrtenbuch watch
  fahrtenbuch watch --once")]
pub(super) struct Arguments {
    /// Look once, tell nobody else, and end
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.once
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    watch(root, arguments).unwrap_or_else(|exit| exit)
}

fn watch(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let public = read(root)?;
    if scheduled(&public) == 0 {
        println!("no pipeline with service dates has a 'schedule': nothing can be overdue");
    }
    if arguments.once {
        return Ok(once(&public));
    }
    let stop = Stop::default();
    let signals = Signals::listen(stop.clone()).map_err(no_signals)?;
    let mut watching = Watching {
        public,
        root: root.to_owned(),
        mistakes: Vec::new(),
        wrong_since: None,
        watcher: Watcher::default(),
        teller: Teller::default(),
        sent: Vec::new(),
        said: None,
    };
    while !stop.is_requested() {
        // What changed of the configuration counts from now on; what is wrong in it leaves that of before, and is told.
        match outline::public(root) {
            Ok(public) => (watching.public, watching.mistakes) = (public, Vec::new()),
            Err(mistakes) => watching.mistakes = mistakes,
        }
        let next = Instant::now() + Duration::from_secs(arguments.every);
        watching.turn(&stop);
        while Instant::now() < next && !stop.is_requested() {
            std::thread::sleep(TURN);
            watching.sent.extend(watching.teller.ended(Duration::ZERO));
        }
    }
    if let Some(name) = signals.received() {
        println!("stopped by {name}");
    }
    Ok(Exit::Done)
}

fn read(root: &Path) -> Result<Public, Exit> {
    outline::public(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })
}

fn once(public: &Public) -> Exit {
    let watched = match Watcher::default().look(public, time::now()) {
        Ok(watched) => watched,
        Err(error) => {
            eprintln!("error: {error}");
            return of_error(&error);
        }
    };
    let mut exit = if watched.overdue.is_empty() && watched.missing.is_empty() { Exit::Done } else { Exit::Found };
    lines(public, &watched).iter().for_each(|line| println!("{line}"));
    for unread in &watched.unread {
        eprintln!("error: {}: {}", unread.pipeline, unread.error);
        exit = exit.max(of_error(&unread.error));
    }
    watched.nothing.iter().for_each(|pipeline| println!("{}", nothing(pipeline)));
    if exit == Exit::Done && watched.nothing.is_empty() && scheduled(public) > 0 {
        println!("all is in time: {}", count(scheduled(public) as u64, "pipeline", "pipelines"));
    }
    exit
}

fn of_error(error: &PublishError) -> Exit {
    match error {
        PublishError::Configuration { .. } => Exit::Usage,
        error if error.is_transient() => Exit::Transient,
        _ => Exit::Permanent,
    }
}

fn nothing(pipeline: &str) -> String {
    format!("{pipeline}: nothing is released yet; whether there is evidence that should be is not known from here")
}

/// What is overdue, in lines.
fn lines(public: &Public, watched: &Watched) -> Vec<String> {
    let line = |overdue: &Overdue| {
        let first = overdue.dates.first().map(ToString::to_string).unwrap_or_default();
        let more = match overdue.dates.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} later)"),
        };
        let since = local(overdue.since, &public.zone);
        let newest = match (overdue.newest, overdue.provisional) {
            (Some(newest), None) => format!("the newest is {newest}"),
            (Some(newest), Some(provisional)) => format!("the newest is {newest}, provisionally {provisional}"),
            (None, Some(provisional)) => format!("the newest is {provisional}, provisionally"),
            (None, None) => "there is no release".to_owned(),
        };
        format!("{}: {first} should have been released at {since}{more}; {newest}", overdue.pipeline)
    };
    let missing = watched.missing.iter().map(|(dataset, (missing, _))| missing.said(dataset));
    watched.overdue.iter().map(line).chain(missing).collect()
}

/// Looks again and again, and tells what changes.
struct Watching {
    public: Public,
    root: PathBuf,
    /// Of the configuration as it is now, which is not `public`.
    mistakes: Vec<Problem>,
    wrong_since: Option<Timestamp>,
    watcher: Watcher,
    teller: Teller,
    /// What people were told since this began.
    sent: Vec<(Timestamp, Sent)>,
    /// What was said last.
    said: Option<String>,
}

impl Watching {
    fn turn(&mut self, stop: &Stop) {
        let now = time::now();
        let (mut found, mut problems, well) = match self.watcher.look(&self.public, now) {
            Ok(watched) => {
                let unread = watched.unread.iter().map(|unread| format!("{}: {}", unread.pipeline, unread.error));
                let problems = lines(&self.public, &watched).into_iter().chain(unread).collect();
                let nothing: Vec<String> = watched.nothing.iter().map(|pipeline| nothing(pipeline)).collect();
                let well = if nothing.is_empty() { "all is in time".to_owned() } else { nothing.join("\n") };
                (findings(&watched), problems, well)
            }
            Err(error) => {
                (self.watcher.unreadable(now), vec![format!("the bucket cannot be read: {error}")], String::new())
            }
        };
        // What a mistake says may quote what is nobody's elsewhere.
        let place = |mistake: &Problem| {
            let file = mistake.file.strip_prefix(&self.root).unwrap_or(&mistake.file).display();
            format!("the configuration has a mistake in {file}:{}; 'fahrtenbuch check' says which", mistake.line)
        };
        problems.extend(self.mistakes.iter().map(place));
        self.wrong_since = (!self.mistakes.is_empty()).then(|| self.wrong_since.unwrap_or(now));
        let since = self.wrong_since.unwrap_or(now);
        found.causes.extend(wrong_configuration(&self.root, &self.mistakes, since));
        if let Some(well) = &mut found.well {
            well.insert((CauseKind::ConfigurationWrong, String::new()));
        }
        self.sent.extend(self.teller.ended(Duration::ZERO));
        self.teller.begin(&found, &self.sent, &self.public.notify, now);
        let is_well = problems.is_empty();
        if is_well {
            problems.push(well);
        }
        let said = problems.join("\n");
        if self.said.as_ref() != Some(&said) {
            if is_well { println!("{said}") } else { eprintln!("warning: {said}") }
        }
        if let Some(heartbeat) = Heartbeat::of_watch(&self.public.notify).map(|heartbeat| heartbeat.until(stop)) {
            if is_well {
                heartbeat.success(None, &said)
            } else {
                heartbeat.fail(None, &said)
            };
        }
        self.said = Some(said);
    }
}
