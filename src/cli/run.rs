//! `fahrtenbuch run`

use std::io::IsTerminal;
use std::path::Path;

use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::check::RuleResult;
use crate::cli::exit::Exit;
use crate::cli::opened::{choose, clock_is_set, read_workspace};
use crate::cli::terminal::row_or_rows;
use crate::contract::Severity;
use crate::ledger::{Standard, Status, TableEntry};
use crate::pipeline::Pipeline;
use crate::pipeline::run::{Lock, Outcome, Report, Run, RunContext, RunError, open_bucket, run as run_pipeline};
use crate::report::quality::{CheckedContract, Evaluates, Quality, RuleReport};
use crate::report::words;
use crate::time::ServiceDate;

/// Dates of a range: eleven years.
const MOST_DATES: i32 = 4_000;
/// Findings that are listed below a table.
const LISTED: usize = 12;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch run                                  every pipeline, the newest date that is over
  fahrtenbuch run stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch run stadtbus-telemetrie --date yesterday
  fahrtenbuch run --from 2026-11-01 --to 2026-11-30
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
pub struct Arguments {
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
    /// Write the result as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// A date as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DateArgument {
    On(ServiceDate),
    /// So many days after today, by the calendar of the workspace's zone.
    Relative(i32),
}

impl std::str::FromStr for DateArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "today" | "heute" => Ok(Self::Relative(0)),
            "yesterday" | "gestern" => Ok(Self::Relative(-1)),
            _ => match text.parse() {
                Ok(date) => Ok(Self::On(date)),
                Err(_) => Err(format!("expected a date like 2026-11-24, today or yesterday, found '{text}'")),
            },
        }
    }
}

impl DateArgument {
    fn on(self, today: ServiceDate) -> ServiceDate {
        match self {
            Self::On(date) => date,
            Self::Relative(days) => today.plus_days(days),
        }
    }
}

impl Arguments {
    /// The dates to run; `None` is the newest that is over.
    fn dates(&self, today: ServiceDate) -> Result<Vec<Option<ServiceDate>>, Exit> {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Ok(vec![self.date.map(|date| date.on(today))]);
        };
        let (from, to) = (from.on(today), to.on(today));
        if from > to {
            eprintln!("error: --from {from} is after --to {to}");
            return Err(Exit::Usage);
        }
        let days = to.days_since_epoch() - from.days_since_epoch();
        if days >= MOST_DATES {
            eprintln!("error: {from} to {to} are {} dates. Run at most {MOST_DATES} at a time.", i64::from(days) + 1);
            return Err(Exit::Usage);
        }
        Ok((0..=days).map(|day| Some(from.plus_days(day))).collect())
    }
}

/// Dates in a row as one: `2026-11-01 to 2026-11-05, 2026-11-08`. In order.
fn spans(dates: &[ServiceDate]) -> String {
    let mut spans: Vec<(ServiceDate, ServiceDate)> = Vec::new();
    for date in dates {
        match spans.last_mut() {
            Some((_, last)) if last.plus_days(1) == *date => *last = *date,
            _ => spans.push((*date, *date)),
        }
    }
    let shown = spans.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
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
    let pipelines = match choose(&workspace, &arguments.pipelines) {
        Ok(pipelines) => pipelines,
        Err(exit) => return exit,
    };
    let opened =
        Lock::take(&workspace).and_then(|mut lock| open_bucket(&workspace, &mut lock).map(|bucket| (lock, bucket)));
    let (lock, bucket) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(&error, arguments.json, None),
    };
    let mut exit = Exit::Done;
    let mut results = Vec::new();
    let is_range = arguments.from.is_some();
    let mut is_published = false;
    for pipeline in pipelines {
        let mut skipped = Vec::new();
        for date in &dates {
            let bar = progress(pipeline, arguments.json);
            let watch = |stage: &str, rows: u64| {
                bar.set_message(stage.to_owned());
                bar.set_position(rows);
            };
            let context =
                RunContext { workspace: &workspace, pipeline, bucket: &bucket, lock: &lock, progress: &watch };
            let result = run_pipeline(&context, *date);
            bar.finish_and_clear();
            let not_run = |date: Option<ServiceDate>, status: &str, reason: String, warnings: &[String]| {
                serde_json::json!({
                    "pipeline": pipeline.name,
                    "date": date,
                    "status": status,
                    (if status == "failed" { "error" } else { "reason" }): reason,
                    "warnings": warnings,
                })
            };
            match result {
                Ok(Run { outcome, warnings }) => {
                    for warning in &warnings {
                        eprintln!("warning: {}: {warning}", pipeline.name);
                    }
                    match outcome {
                        Outcome::Done(report) => {
                            match report.record.status {
                                Status::HeldBack => exit = exit.max(Exit::HeldBack),
                                Status::Published => is_published = true,
                            }
                            if arguments.json {
                                results.push(json(&report, &warnings));
                            } else {
                                show(&report, &pipeline.checked_contracts(), bucket.location());
                            }
                        }
                        Outcome::NotDue { date, reason } => {
                            if !arguments.json {
                                println!("{}: {reason}\n", pipeline.name);
                            }
                            results.push(not_run(Some(date), "skipped", reason, &warnings));
                        }
                    }
                }
                Err(error) if is_range && error.is_absent() => {
                    skipped.extend(*date);
                    results.push(not_run(*date, "skipped", error.to_string(), &[]));
                }
                // Nobody asked for the timetable of this date by name.
                Err(RunError::NoNewTimetable { date, valid, .. }) if arguments.pipelines.is_empty() => {
                    let reason = format!(
                        "no timetable was captured on {date}; the newest until then is of {valid}: nothing to do"
                    );
                    if !arguments.json {
                        println!("{}: {reason}\n", pipeline.name);
                    }
                    results.push(not_run(Some(date), "skipped", reason, &[]));
                }
                Err(error) => {
                    exit = exit.max(failed(&error, arguments.json, Some(&pipeline.name)));
                    results.push(not_run(*date, "failed", error.to_string(), &[]));
                }
            }
        }
        if !skipped.is_empty() && !arguments.json {
            let (count, all) = (skipped.len(), dates.len());
            println!("{}: {count} of {all} dates have no evidence: {}; skipped\n", pipeline.name, spans(&skipped));
        }
    }
    if is_published && !arguments.json {
        println!(
            "open {}/index.html",
            workspace.site.base_url.as_deref().unwrap_or(bucket.location()).trim_end_matches('/')
        );
    }
    if arguments.json {
        println!("{}", serde_json::Value::from(results));
    }
    exit
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

pub fn failed(error: &RunError, _json: bool, pipeline: Option<&str>) -> Exit {
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

fn json(report: &Report, warnings: &[String]) -> serde_json::Value {
    serde_json::json!({
        "pipeline": report.record.pipeline,
        "date": report.record.date,
        "status": report.record.status,
        "nothing_new": report.is_nothing_new(),
        "provisional": !report.is_complete,
        "warnings": warnings,
        "releases": report.commits,
        "record_key": report.record_key,
        "seconds": report.seconds,
        "record": report.record,
    })
}

/// The final table of a pipeline, and what its rules found.
fn show(report: &Report, asked: &[CheckedContract], bucket: &str) {
    let record = &report.record;
    let provisional = if report.is_complete { "" } else { " (provisional: the date is not over)" };
    println!("{} {}{provisional}", record.pipeline, record.date);
    if report.is_nothing_new() && report.is_repeated {
        println!("  nothing new: the same evidence, contracts and program were published before\n");
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "table",
        "rows in",
        "published",
        "quarantined",
        "dropped",
        "findings",
        "files",
        "bytes",
        "seconds",
    ]);
    let number = |value: u64| Cell::new(grouped(value)).set_alignment(CellAlignment::Right);
    let mut total = [0; 7];
    for entry in &record.tables {
        let findings =
            record.findings.iter().filter(|finding| finding.table == entry.table || finding.table == entry.from);
        let row = [
            entry.rows_in,
            entry.published,
            entry.quarantined,
            entry.dropped.values().sum(),
            findings.count() as u64,
            entry.files.len() as u64,
            entry.files.iter().map(|file| file.bytes).sum(),
        ];
        total.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        table.add_row([Cell::new(&entry.table)].into_iter().chain(row.map(number)));
    }
    let seconds = Cell::new(format!("{:.2}", report.seconds)).set_alignment(CellAlignment::Right);
    table.add_row([Cell::new("all")].into_iter().chain(total.map(number)).chain([seconds]));
    println!("{table}");
    for entry in &record.tables {
        left_quarantine(entry);
    }
    // By contract and rule, as in the record, with what they are called in results.
    let quality = Quality::of(record, asked);
    let is_finding =
        |rule: &&RuleReport| matches!(rule.result, RuleResult::Error | RuleResult::Failed | RuleResult::Warning);
    let mut findings: Vec<&RuleReport> = quality.rules.iter().filter(is_finding).collect();
    // What could not run comes first, then what weighs most.
    findings.sort_by_key(|rule| (rule.result != RuleResult::Error, std::cmp::Reverse(rule.severity)));
    for rule in findings.into_iter().take(LISTED) {
        let result = match rule.result {
            RuleResult::Error => "ERROR",
            RuleResult::Failed => "failed",
            _ if rule.severity == Severity::Info => "info",
            _ => "warning",
        };
        let what = match (rule.result, rule.asks) {
            (RuleResult::Error, _) | (_, Evaluates::Number) => String::new(),
            (_, Evaluates::Rows) => format!("{} {}, ", grouped(rule.rows), row_or_rows(rule.rows)),
        };
        let (_, then) = words::then(rule, quality.status, &quality.tables);
        println!("  {result:7} {}: {what}{} ({then})", rule.id, rule.message.as_ref().unwrap_or(&rule.description));
    }
    if record.findings.len() > LISTED {
        println!("  and {} more findings, see the record", record.findings.len() - LISTED);
    }
    for note in record.notes.iter().take(LISTED) {
        println!("  {:7} {}: {}", note.severity, note.rule, note.message);
    }
    if record.notes.len() > LISTED {
        println!("  and {} more notes, see the record", record.notes.len() - LISTED);
    }
    for (source, kinds) in record.captures.iter().filter(|(_, kinds)| kinds.keys().any(|kind| kind != "readable")) {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
        println!("  captures of {source}: {}", kinds.join(", "));
    }
    if let Some(standard) = &record.standard {
        print_standard_notices(standard);
    }
    match record.status {
        Status::HeldBack => println!("  HELD BACK: nothing was published, what was published before stays"),
        Status::Published if report.is_nothing_new() => {
            println!("  nothing new: the rows and columns of every table are those that were published before");
        }
        Status::Published if report.finished_earlier => println!("  finished what an earlier run had begun"),
        Status::Published => {}
    }
    println!("  record: {bucket}/{}\n", report.record_key);
}

/// Rows that were held back before and are not any more, or are now.
fn left_quarantine(entry: &TableEntry) {
    let left = &entry.left_quarantine;
    if left.rows() == 0 {
        return;
    }
    let parts = [
        (left.published, "published"),
        (left.dropped, "dropped"),
        (left.gone, "not in the feed any more"),
        (left.held_back, "held back with the run"),
    ];
    let parts: Vec<String> =
        (parts.iter().filter(|(rows, _)| *rows > 0)).map(|(rows, what)| format!("{} {what}", grouped(*rows))).collect();
    let rows = row_or_rows(left.rows());
    println!("  {}: {} {rows} left the quarantine, {}", entry.table, grouped(left.rows()), parts.join(", "));
}

/// What the standard rules of GTFS and GTFS-Realtime say: how much of each severity, and the notices by name.
fn print_standard_notices(standard: &Standard) {
    if standard.notices.is_empty() && standard.not_run.is_empty() {
        println!("  standard rules: no notices");
        return;
    }
    for notice in standard.notices.iter().take(LISTED) {
        let severity = format!("{:?}", notice.severity).to_lowercase();
        println!("  {severity:7} {}: {} times", crate::feed_rules::told(&notice.code), grouped(notice.count));
    }
    if standard.notices.len() > LISTED {
        println!("  and {} more kinds of notices, see the record", standard.notices.len() - LISTED);
    }
    if !standard.not_run.is_empty() {
        println!("  {} standard rules did not run to their end, see the record", standard.not_run.len());
    }
}

/// 1234567 as 1,234,567.
fn grouped(value: u64) -> String {
    words::grouped(value, ",")
}
