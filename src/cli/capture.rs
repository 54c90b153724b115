//! `fahrtenbuch capture`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::capture::collector::{Beat, Collector, Outcome, Report};
use crate::cli::attempted::Attempted;
use crate::cli::collect::no_signals;
use crate::cli::exit::Exit;
use crate::cli::lost::store_is_not_gone;
use crate::cli::opened::{choose, clock_is_set, read_workspace};
use crate::cli::run::failed;
use crate::cli::signals::Signals;
use crate::pipeline::Pipeline;
use crate::pipeline::run::collector;

#[derive(clap::Args)]
#[command(after_help = "\
What is no feed, as an HTML page with status 200, is kept as evidence, too, and said to be one. It is no timetable, and the
next request comes without conditions.

'fahrtenbuch collect' is what runs for years; this is for trying sources out by hand.

Examples:
  fahrtenbuch capture                                       ask every source once
  fahrtenbuch capture stadtbus-telemetrie --every 15        ask every 15 seconds until stopped
  fahrtenbuch capture stadtbus-telemetrie --every 15 --for 3600

All sources are asked at the same time, each by itself: one that is dead or slow does not delay the others. A beat that
comes before the last answer is skipped. The exit code is that of the worst failure; Ctrl-C and SIGTERM end it cleanly.")]
pub(super) struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Ask again every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    every: Option<u64>,
    /// Stop after so many seconds; answers that are awaited then have three more
    #[arg(long = "for", value_name = "SECONDS", requires = "every", value_parser = clap::value_parser!(u64).range(1..))]
    duration: Option<u64>,
    /// Write the attempt into the log of the schedule, so that 'plan' knows of it: for other schedulers. It is about one pipeline
    #[arg(long, conflicts_with = "every")]
    attempt: bool,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    if let Err(exit) = clock_is_set() {
        return exit;
    }
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    let pipelines = match choose(&workspace, &arguments.pipelines) {
        Ok(pipelines) => pipelines,
        Err(exit) => return exit,
    };
    if let Err(exit) = store_is_not_gone(root) {
        return exit;
    }
    let collector = match collector(&workspace, &pipelines) {
        Ok(collector) => collector,
        Err(error) => return failed(&error, false, None),
    };
    let attempt = match (arguments.attempt, pipelines.as_slice()) {
        (true, [pipeline]) => match Attempted::begin(&workspace, &pipeline.name, None) {
            Ok(attempt) => Some(attempt),
            Err(error) => return failed(&error, false, Some(&pipeline.name)),
        },
        (true, _) => {
            eprintln!("error: --attempt is about one pipeline");
            return Exit::Usage;
        }
        (false, _) => None,
    };
    let Some(every) = arguments.every else {
        return once(&collector, &pipelines, attempt);
    };
    let signals = match Signals::listen(collector.stop()) {
        Ok(signals) => signals,
        Err(error) => return no_signals(error),
    };
    let begin = Instant::now();
    let beat = Beat { every: Duration::from_secs(every), duration: arguments.duration.map(Duration::from_secs) };
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let done = collector.every(beat, &mut |report| {
        counts.entry(report.name.clone()).or_default().add(report);
        tell(report, &pipelines, false);
    });
    if let Err(error) = done {
        return failed(&error.into(), false, None);
    }
    let why = signals.received().map_or(String::new(), |name| format!(" by {name}"));
    println!("stopped{why} after {} s", begin.elapsed().as_secs());
    for (name, counts) in &counts {
        println!("{name}: {counts}");
    }
    counts.values().map(|counts| counts.worst).max().unwrap_or(Exit::Done)
}

/// Asks each source once; the exit code is that of the worst failure.
fn once(collector: &Collector, pipelines: &[&Pipeline], attempt: Option<Attempted>) -> Exit {
    let reports = collector.once();
    reports.iter().for_each(|report| tell(report, pipelines, true));
    let worst = reports.iter().map(exit).max().unwrap_or(Exit::Done);
    let Some(attempt) = attempt else { return worst };
    let failures = reports.iter().filter_map(|report| match &report.outcome {
        Outcome::Failed(error) => Some(format!("{}: {error}", report.name)),
        Outcome::New { .. } | Outcome::NotModified => None,
    });
    let failures: Vec<String> = failures.collect();
    let result = if failures.is_empty() { Value::Null } else { json!({"error": failures.join("; ")}) };
    match attempt.end(worst, &result) {
        Ok(()) => worst,
        Err(error) => failed(&error, false, None),
    }
}

fn exit(report: &Report) -> Exit {
    match &report.outcome {
        Outcome::Failed(_) if report.outcome.is_transient() => Exit::Transient,
        Outcome::Failed(_) => Exit::Permanent,
        Outcome::New { .. } | Outcome::NotModified => Exit::Done,
    }
}

/// What came of an ask; that nothing is new only if it is asked once.
fn tell(report: &Report, pipelines: &[&Pipeline], once: bool) {
    let name = &report.name;
    match &report.outcome {
        Outcome::New { unreadable: Some(said), .. } => println!("{name}: kept, but it {said}"),
        Outcome::New { .. } => println!("{name}: kept"),
        Outcome::NotModified if once => println!("{name}: nothing new"),
        Outcome::NotModified => {}
        Outcome::Failed(error) => {
            let of = pipelines.iter().filter(|pipeline| pipeline.feeds.iter().any(|feed| feed.name == *name));
            let of: Vec<&str> = of.map(|pipeline| pipeline.name.as_str()).collect();
            eprintln!("error: {}: {name}: {error}", of.join(", "));
        }
    }
    if report.skipped > 0 {
        let beats = if report.skipped == 1 { "beat is" } else { "beats are" };
        let why = match report.is_left_alone {
            true => "the source asked to be left alone".to_owned(),
            false => format!("the last ask took {} s", report.took.as_secs()),
        };
        eprintln!("warning: {name}: {} {beats} skipped, {why}", report.skipped);
    }
}

/// What came of a source's asks.
struct Counts {
    asked: u64,
    kept: u64,
    failed: u64,
    skipped: u64,
    worst: Exit,
}

impl Default for Counts {
    fn default() -> Self {
        Self { asked: 0, kept: 0, failed: 0, skipped: 0, worst: Exit::Done }
    }
}

impl Counts {
    fn add(&mut self, report: &Report) {
        self.asked += 1;
        self.kept += u64::from(matches!(report.outcome, Outcome::New { .. }));
        self.failed += u64::from(matches!(report.outcome, Outcome::Failed(_)));
        self.skipped += report.skipped;
        self.worst = self.worst.max(exit(report));
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, kept, failed, skipped, .. } = self;
        write!(f, "asked {asked} times, {kept} kept, {failed} failed, {skipped} beats skipped")
    }
}
