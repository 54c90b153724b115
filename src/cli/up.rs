//! `fahrtenbuch up`

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::capture::collector::Stop;
use crate::cli::collect::{Collecting, no_signals};
use crate::cli::exit::Exit;
use crate::cli::heaps;
use crate::cli::opened::{clock_is_set, tell};
use crate::cli::schedule::{Teller, observed, writer};
use crate::cli::signals::{HangUp, Signals};
use crate::metrics::{ListenAddress, Server};
use crate::schedule::observer::{BeatCounts, FromFacts, Observer, Pulse, tell_service_manager};
use crate::schedule::service::{Alive, Scheduler};
use crate::time;
use crate::workspace;

/// Between two tries to schedule.
const AGAIN: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
#[command(after_help = "\
It is 'fahrtenbuch collect' and 'fahrtenbuch schedule' in one process; runs are processes of their own. Start it and forget it:
'fahrtenbuch units' writes a service of systemd and others. A second one on the same private store waits until the first has ended.
Ctrl-C and SIGTERM end it cleanly; what a run leaves then is finished by the next one.

Example:
  fahrtenbuch up")]
pub(super) struct Arguments {
    /// Runs at the same time, at the most; each may hold 'limits: memory'
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Where Prometheus asks for metrics, as 9117 (this machine only) or 0.0.0.0:9117 (everybody)
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<ListenAddress>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    up(root, arguments).unwrap_or_else(|exit| exit)
}

fn up(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    heaps::share();
    clock_is_set()?;
    let private = workspace::private(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    let stop = Stop::default();
    let signals = Signals::listen(stop.clone()).map_err(no_signals)?;
    let hang_up = HangUp::listen().map_err(no_signals)?;
    let beats = BeatCounts::default();
    let both = Both {
        beats: beats.clone(),
        root,
        private: &private,
        stop: &stop,
        jobs: arguments.jobs,
        listen: arguments.listen,
        collects: AtomicBool::new(false),
    };
    let collecting = Collecting { root, private: &private, pipelines: &[], duration: None, beats: beats.clone() };
    tell_service_manager(&[NotifyState::Ready]);
    let (collected, scheduled) = std::thread::scope(|scope| {
        let scheduler = scope.spawn(|| {
            let ended = both.schedule();
            stop.request();
            ended
        });
        let collected = collecting.run(&stop, hang_up, &|| both.collects.store(true, Ordering::Release));
        stop.request();
        let scheduled = scheduler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (collected, scheduled)
    });
    tell_service_manager(&[NotifyState::Stopping]);
    if let Some(name) = signals.received() {
        println!("stopped by {name}");
    }
    if let Some(states) = collected? {
        states.tell_sums();
    }
    scheduled.map(|()| Exit::Done)
}

/// What the scheduler shares with the collector.
struct Both<'a> {
    root: &'a Path,
    private: &'a Path,
    stop: &'a Stop,
    jobs: u16,
    listen: Option<ListenAddress>,
    beats: BeatCounts,
    /// The collector is at work: then it asks the sources.
    collects: AtomicBool,
}

impl Both<'_> {
    /// Schedules until all is to end. What fails at the beginning is whoever begins it told, by its end. A scheduler that was at work is
    /// tried again where that may succeed: the collector goes on meanwhile, since what it does not ask is lost for ever.
    fn schedule(&self) -> Result<(), Exit> {
        let mut was_at_work = false;
        loop {
            let begun = Instant::now();
            let ended = self.schedule_once();
            was_at_work |= begun.elapsed() >= AGAIN;
            match ended {
                Err(Exit::Transient) if was_at_work && !self.stop.is_requested() => {}
                ended => return ended,
            }
            eprintln!(
                "warning: nothing is scheduled until that is mended; it is tried again every {} s",
                AGAIN.as_secs()
            );
            self.stop.sleep(AGAIN);
            if self.stop.is_requested() {
                return Ok(());
            }
        }
    }

    fn schedule_once(&self) -> Result<(), Exit> {
        while !self.collects.load(Ordering::Acquire) {
            if self.stop.is_requested() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let Some(writer) = writer(self.private, self.stop, false)? else { return Ok(()) };
        let alive = Alive::default();
        let scheduler = Scheduler {
            root: self.root.to_owned(),
            names: Vec::new(),
            stop: self.stop.clone(),
            parallel: usize::from(self.jobs),
            once: false,
            alive: alive.clone(),
        };
        let mut teller = Teller::default();
        let finder = FromFacts::new(self.beats.clone(), Some(time::now()));
        let settings = workspace::outline::notify(self.root).ok();
        // What lives beside the scheduler ends with it, also where the collector goes on.
        let over = Stop::default();
        std::thread::scope(|scope| {
            let beside = |observer: &Observer| {
                let server = self.listen.map(|address| serve(address, observer)).transpose()?;
                let (beating, verdict) = (observer.beating(), observer.verdict());
                if let Some(settings) = &settings {
                    beating.set(settings);
                }
                let pulse = Pulse { alive, stop: over.clone(), verdict, beating };
                let pinging = pulse.clone();
                scope.spawn(move || pinging.ping());
                scope.spawn(move || pulse.watchdog());
                Ok(server)
            };
            let ended = observed(&scheduler, self.private, Arc::new(writer), (&mut teller, finder), beside);
            over.request();
            ended.map(|_| ())
        })
    }
}

/// Starts the server of the metrics.
fn serve(address: ListenAddress, observer: &Observer) -> Result<Server, Exit> {
    let metrics = observer.metrics();
    let content = move || metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let server = Server::start(address, content).map_err(|error| {
        eprintln!("error: {} cannot be listened on: {error}. Choose another address with --listen.", address.0);
        Exit::Usage
    })?;
    println!("metrics: http://{}/metrics", server.address());
    Ok(server)
}
