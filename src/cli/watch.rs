//! `fahrtenbuch watch`

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::capture::collector::Stop;
use crate::cli::collect::no_signals;
use crate::cli::exit::Exit;
use crate::cli::opened::{clock_is_set, tell};
use crate::cli::signals::Signals;
use crate::notify::{self, Heartbeat, Sent};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::schedule::watch::{Overdue, causes, overdue, scheduled};
use crate::schedule::words::local;
use crate::time;
use crate::workspace::outline::{self, Public};

/// Between two looks at whether this is to end.
const TURN: Duration = Duration::from_millis(250);

#[derive(clap::Args)]
#[command(after_help = "\
It needs fahrtenbuch.yaml, pipelines/ and the bucket, and no private store: run it on another machine than 'fahrtenbuch up'. A date
is overdue two hours after its time in the schedule. It is told by the channels of 'notify:', and the dead man's switch
('notify: heartbeat: watch:') is pinged: all is well, or '/fail' with what is overdue. When this ends, the pings stay away.

Examples:
  fahrtenbuch watch
  fahrtenbuch watch --once          0 if all is in time, 4 if something is overdue, 1 if the bucket cannot be read")]
pub(super) struct Arguments {
    /// Look once, tell nobody else, and end
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
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
        return Ok(match look(&public, time::now()) {
            Ok(overdue) => {
                show(&public, &overdue);
                if overdue.is_empty() { Exit::Done } else { Exit::Found }
            }
            Err(error) => {
                eprintln!("error: {error}");
                if error.is_transient() { Exit::Transient } else { Exit::Permanent }
            }
        });
    }
    let stop = Stop::default();
    let signals = Signals::listen(stop.clone()).map_err(no_signals)?;
    let mut watcher = Watcher { public, sent: Vec::new(), said: None };
    while !stop.is_requested() {
        // What changed of the configuration counts from now on; what is wrong in it leaves that of before.
        if let Ok(public) = outline::public(root) {
            watcher.public = public;
        }
        watcher.turn();
        let next = Instant::now() + Duration::from_secs(arguments.every);
        while Instant::now() < next && !stop.is_requested() {
            std::thread::sleep(TURN);
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

fn look(public: &Public, now: Timestamp) -> Result<Vec<Overdue>, PublishError> {
    overdue(public, &Bucket::open(&public.bucket, &public.bucket_options)?, now)
}

/// What is overdue, in lines.
fn lines(public: &Public, overdue: &[Overdue]) -> Vec<String> {
    let line = |overdue: &Overdue| {
        let newest = overdue.newest.map_or("nothing".to_owned(), |date| date.to_string());
        let first = overdue.dates.first().map(ToString::to_string).unwrap_or_default();
        let since = local(overdue.since, &public.zone);
        format!("{}: {first} should have been released at {since}; the newest is {newest}", overdue.pipeline)
    };
    overdue.iter().map(line).collect()
}

fn show(public: &Public, overdue: &[Overdue]) {
    match overdue {
        [] => println!("all is in time: {} pipelines", scheduled(public)),
        overdue => lines(public, overdue).iter().for_each(|line| println!("{line}")),
    }
}

/// Looks again and again, and tells what changes.
struct Watcher {
    public: Public,
    /// What people were told since this began.
    sent: Vec<(Timestamp, Sent)>,
    /// What was said last.
    said: Option<String>,
}

impl Watcher {
    fn turn(&mut self) {
        let now = time::now();
        let heartbeat = Heartbeat::of_watch(&self.public.notify);
        let (said, is_well) = match look(&self.public, now) {
            Ok(overdue) => {
                let causes = causes(&overdue, scheduled(&self.public));
                let told = notify::tell(&causes, &self.sent, &self.public.notify, now);
                self.sent.extend(told.into_iter().map(|line| (now, line)));
                let lines = lines(&self.public, &overdue);
                let said = if lines.is_empty() { "all is in time".to_owned() } else { lines.join("\n") };
                (said, lines.is_empty())
            }
            Err(error) => (format!("the bucket cannot be read: {error}"), false),
        };
        if self.said.as_ref() != Some(&said) {
            if is_well { println!("{said}") } else { eprintln!("warning: {said}") }
        }
        if let Some(heartbeat) = heartbeat {
            if is_well {
                heartbeat.success(None, &said)
            } else {
                heartbeat.fail(None, &said)
            };
        }
        self.said = Some(said);
    }
}
