//! `fahrtenbuch run`

mod dates;
mod result;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

pub(super) use self::dates::spans;
use self::dates::{DateArgument, Slice};
use crate::cli::attempted::Attempted;
use crate::cli::exit::Exit;
use crate::cli::opened::{choose, clock_is_set, read_workspace};
use crate::ledger::Status;
use crate::pipeline::Pipeline;
use crate::pipeline::run::releases::{ActContext, finish_withdrawals};
use crate::pipeline::run::{
    Lock, Outcome, Report, Run, RunContext, RunError, open_bucket, refuse_if_lost, run as run_pipeline,
};
use crate::publish::bucket::Bucket;
use crate::schedule::clock;
use crate::schedule::gone::refuse_gone_bucket;
use crate::schedule::log::Log;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Dates of a range: eleven years.
const MOST_DATES: i32 = 4_000;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch run                                  every pipeline, the newest date that is over
  fahrtenbuch run stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch run stadtbus-telemetrie --date yesterday
  fahrtenbuch run --from 2026-11-01 --to 2026-11-30
  fahrtenbuch run --from 2026-11-01 --to 2026-11-30 --slice 4/30    the fifth of them
  fahrtenbuch run --json | jq '.[].record.tables'

Without --date every source is asked once, and then the newest service date is run that is
over and has evidence. A service date is over at 06:00 of the next day, 30 hours after it began.
Reports of its trips that come later, until noon, are in it when it is run after noon.
Of a timetable it is the day on which the newest one was captured. A source that does not answer
is told, and what was captured before is published.

With --date, --from and --to no source is asked. A date that is not over is published, but said
to be provisional. A date without evidence fails alone and is skipped among several. Where no
pipeline is named, a timetable of which none was captured on the date has nothing to do.

Running again with nothing new publishes nothing new. A run that was killed is finished by the
next one.")]
pub(super) struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// The service date to run, as 2026-11-24, today or yesterday; the newest that is over if none is given
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"])]
    date: Option<DateArgument>,
    /// The first of several service dates
    #[arg(long, value_name = "DATE", requires = "to")]
    from: Option<DateArgument>,
    /// The last of several service dates
    #[arg(long, value_name = "DATE", requires = "from")]
    to: Option<DateArgument>,
    /// Run only a part of these dates, for workers that share them: of COUNT in a row the one at INDEX, which begins at 0
    #[arg(long, value_name = "INDEX/COUNT", requires = "to")]
    slice: Option<Slice>,
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write the attempt into the log of the schedule, so that 'plan' knows of it: for other schedulers. It is about one pipeline and one
    /// date
    #[arg(long)]
    attempt: bool,
}

impl Arguments {
    /// The dates to run; `None` is the newest that is over.
    fn dates(&self, today: ServiceDate) -> Result<Vec<Option<ServiceDate>>, Exit> {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Ok(vec![self.date.map(|date| date.on(today))]);
        };
        let (from, to) = (from.on(today), to.on(today));
        if from > to {
            eprintln!("error: --from {from} is after --to {to}. Turn them around.");
            return Err(Exit::Usage);
        }
        let days = to.days_since_epoch() - from.days_since_epoch();
        if days >= MOST_DATES {
            eprintln!("error: {from} to {to} are {} dates. Run at most {MOST_DATES} at a time.", i64::from(days) + 1);
            return Err(Exit::Usage);
        }
        let dates = (0..=days).map(|day| Some(from.plus_days(day))).collect();
        Ok(match self.slice {
            Some(slice) => slice.of(dates),
            None => dates,
        })
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    if let Err(exit) = clock_is_set() {
        return exit;
    }
    let prepared = read_workspace(root).and_then(|workspace| {
        let today = ServiceDate::local_date_of(crate::time::now(), &workspace.zone);
        Ok((arguments.dates(today)?, workspace))
    });
    let (dates, workspace) = match prepared {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    if dates.is_empty() {
        eprintln!("note: the range has no date at this index of --slice: nothing to do");
    }
    let pipelines = match choose(&workspace, &arguments.pipelines) {
        Ok(pipelines) => pipelines,
        Err(exit) => return exit,
    };
    if let Err(error) = refuse_if_lost(&workspace) {
        return failed(&error, arguments.json, None);
    }
    // Whoever runs a date by hand has asked for it.
    if let Ok(log) = Log::read(&workspace.private)
        && let Some(behind) = clock::behind(crate::time::now(), &log, std::iter::empty()).filter(|_| !arguments.attempt)
    {
        eprintln!("warning: {behind}.");
    }
    let attempt = match (arguments.attempt, pipelines.as_slice(), dates.as_slice()) {
        (true, [pipeline], [Some(date)]) => match Attempted::begin(&workspace, &pipeline.name, Some(*date)) {
            Ok(attempt) => Some(attempt),
            Err(error) => return failed(&error, arguments.json, Some(&pipeline.name)),
        },
        (true, ..) => {
            eprintln!("error: --attempt is about one pipeline and one date");
            return Exit::Usage;
        }
        (false, ..) => None,
    };
    let opened = refuse_gone_bucket(&workspace.root, &workspace.private, &workspace.bucket)
        .and_then(|()| Lock::take(&workspace))
        .and_then(|mut lock| open_bucket(&workspace, &mut lock).map(|bucket| (lock, bucket)));
    let (lock, bucket) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let exit = failed(&error, arguments.json, None);
            let ended = attempt.map(|attempt| attempt.end(exit, &json!({"error": error.to_string()})));
            return ended.and_then(Result::err).map_or(exit, |error| exit.max(failed(&error, arguments.json, None)));
        }
    };
    finish_withdrawals(&ActContext { workspace: &workspace, bucket: &bucket, lock: &lock });
    let mut runs = Runs {
        workspace: &workspace,
        bucket: &bucket,
        lock: &lock,
        arguments,
        exit: Exit::Done,
        results: Vec::new(),
        is_published: false,
    };
    for pipeline in pipelines {
        runs.dates(pipeline, &dates);
    }
    if let Some(attempt) = attempt
        && let Err(error) = attempt.end(runs.exit, runs.results.first().unwrap_or(&Value::Null))
    {
        return failed(&error, arguments.json, None);
    }
    if arguments.json {
        println!("{}", Value::from(runs.results));
    } else if runs.is_published {
        println!(
            "open {}/index.html",
            workspace.site.base_url.as_deref().unwrap_or(bucket.location()).trim_end_matches('/')
        );
    }
    runs.exit
}

/// Runs, one after the other, and what came of them.
struct Runs<'a> {
    workspace: &'a Workspace,
    bucket: &'a Bucket,
    lock: &'a Lock,
    arguments: &'a Arguments,
    /// The worst of all runs.
    exit: Exit,
    /// One object for each run.
    results: Vec<Value>,
    is_published: bool,
}

impl Runs<'_> {
    /// Runs a pipeline's dates, and tells of those that have no evidence.
    fn dates(&mut self, pipeline: &Pipeline, dates: &[Option<ServiceDate>]) {
        let (mut skipped, mut withdrawn) = (Vec::new(), Vec::new());
        let mut destroyed: BTreeMap<(ServiceDate, [String; 3]), Vec<ServiceDate>> = BTreeMap::new();
        for date in dates {
            let bar = progress(pipeline, self.arguments.json);
            let watch = |stage: &str, rows: u64| {
                bar.set_message(stage.to_owned());
                bar.set_position(rows);
            };
            let Self { workspace, bucket, lock, .. } = *self;
            let context = RunContext { workspace, pipeline, bucket, lock, progress: &watch };
            let result = run_pipeline(&context, *date);
            bar.finish_and_clear();
            match result {
                Ok(run) => self.ran(pipeline, run),
                Err(error) if self.arguments.from.is_some() && error.is_absent() => {
                    match &error {
                        RunError::Purged { date, day, why, what, .. } => {
                            let said = [what.destroyed().en, why.clone(), what.kept().en];
                            destroyed.entry((*day, said)).or_default().push(*date);
                        }
                        RunError::Withdrawn { date, .. } => withdrawn.push(*date),
                        _ => skipped.extend(*date),
                    }
                    self.results.push(not_run(pipeline, *date, "skipped", error.to_string(), &[]));
                }
                // Nobody asked for the timetable of this date by name.
                Err(RunError::NoNewTimetable { date, valid, .. }) if self.arguments.pipelines.is_empty() => {
                    let reason = format!(
                        "no timetable was captured on {date}; the newest until then is of {valid}: nothing to do"
                    );
                    self.not_due(pipeline, date, reason, &[]);
                }
                Err(error) => {
                    self.exit = self.exit.max(failed(&error, self.arguments.json, Some(&pipeline.name)));
                    self.results.push(not_run(pipeline, *date, "failed", error.to_string(), &[]));
                }
            }
        }
        if !self.arguments.json {
            tell_skipped(&pipeline.name, dates.len(), (&skipped, &withdrawn), &destroyed);
        }
    }

    /// Tells what a run came to.
    fn ran(&mut self, pipeline: &Pipeline, Run { outcome, warnings }: Run) {
        for warning in &warnings {
            eprintln!("warning: {}: {warning}", pipeline.name);
        }
        match outcome {
            Outcome::Done(report) => self.done(pipeline, &report, &warnings),
            Outcome::NotDue { date, reason } => self.not_due(pipeline, date, reason, &warnings),
        }
    }

    fn done(&mut self, pipeline: &Pipeline, report: &Report, warnings: &[String]) {
        match report.record.status {
            Status::HeldBack => self.exit = self.exit.max(Exit::HeldBack),
            Status::Published => self.is_published = true,
        }
        if self.arguments.json || self.arguments.attempt {
            self.results.push(result::json(report, warnings));
        }
        if !self.arguments.json {
            result::show(report, &pipeline.checked_contracts(), self.bucket.location());
        }
    }

    fn not_due(&mut self, pipeline: &Pipeline, date: ServiceDate, reason: String, warnings: &[String]) {
        if !self.arguments.json {
            println!("{}: {reason}\n", pipeline.name);
        }
        self.results.push(not_run(pipeline, Some(date), "skipped", reason, warnings));
    }
}

/// Tells which of several dates were not run: those without evidence, those that were withdrawn, and those that were destroyed by
/// day and rule.
fn tell_skipped(
    pipeline: &str,
    all: usize,
    (skipped, withdrawn): (&[ServiceDate], &[ServiceDate]),
    destroyed: &BTreeMap<(ServiceDate, [String; 3]), Vec<ServiceDate>>,
) {
    for ((day, [what, why, kept]), dates) in destroyed {
        let (count, dates) = (dates.len(), spans(dates));
        // Where all was destroyed, the date was.
        let what = if kept.is_empty() { String::new() } else { format!("{what} of ") };
        println!(
            "{pipeline}: {what}{count} of {all} dates were destroyed on {day} {why}{kept}, and cannot be run again: {dates}; skipped\n"
        );
    }
    if !withdrawn.is_empty() {
        let (count, dates) = (withdrawn.len(), spans(withdrawn));
        println!(
            "{pipeline}: {count} of {all} dates were withdrawn and are not run until that is lifted: {dates}; skipped\n"
        );
    }
    if !skipped.is_empty() {
        println!("{pipeline}: {} of {all} dates have no evidence: {}; skipped\n", skipped.len(), spans(skipped));
    }
}

/// A run that did not take place, as JSON.
fn not_run(pipeline: &Pipeline, date: Option<ServiceDate>, status: &str, reason: String, warnings: &[String]) -> Value {
    json!({
        "pipeline": pipeline.name,
        "date": date,
        "status": status,
        (if status == "failed" { "error" } else { "reason" }): reason,
        "warnings": warnings,
    })
}

/// A bar on a terminal, nothing in a log.
fn progress(pipeline: &Pipeline, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_prefix(pipeline.name.clone());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}, {human_pos} rows, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

pub(super) fn failed(error: &RunError, _json: bool, pipeline: Option<&str>) -> Exit {
    match pipeline {
        Some(pipeline) => eprintln!("error: {pipeline}: {error}"),
        None => eprintln!("error: {error}"),
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        tracing::debug!("because of: {cause}");
        source = cause.source();
    }
    if error.is_configuration() {
        Exit::Usage
    } else if error.is_transient() {
        Exit::Transient
    } else {
        Exit::Permanent
    }
}
