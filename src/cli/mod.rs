//! The command line: arguments become calls of the library, results become words and exit codes.

#[macro_use]
mod terminal;

mod acting;
mod attempted;
mod backup;
mod capture;
mod check;
mod collect;
mod compact;
mod decisions;
mod evidence;
mod exit;
mod gc;
mod get;
mod heaps;
mod init;
mod key;
mod lineage;
mod lost;
mod notify;
mod opened;
mod plan;
mod privacy;
mod publish;
mod quality;
mod quarantine;
mod releases;
mod replay;
mod report;
mod restore;
mod rules;
mod run;
mod schedule;
mod serve;
mod signals;
mod simulate;
mod status;
mod trace;
mod units;
mod up;
mod validate;
mod verify;
mod watch;
mod withdraw;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::cli::exit::Exit;
use crate::cli::terminal::{Harmless, Stderr, Stdout, end_of_output};

const EXIT_CODES: &str = "\
Exit codes:
   0  done; also: nothing was due, dates without evidence were skipped
   1  failed, and may succeed if tried again
   2  wrong use or configuration
   3  held back by quality: nothing of a run was published
   4  done, and something was found or is not as it should be ('verify', 'trace',
      'replay', 'check', 'evidence verify', 'evidence export', 'evidence purge',
      'backup verify', 'compact', 'gc', 'status --fail', 'watch --once')
  42  failed, and will not succeed if tried again";

/// Turns a city's mobility feeds into open data that people can trust.
#[derive(Parser)]
#[command(name = "fahrtenbuch", version, about, after_help = EXIT_CODES, propagate_version = true)]
struct Arguments {
    /// The workspace: the folder with fahrtenbuch.yaml
    #[arg(short = 'C', long, global = true, default_value = ".", env = "FAHRTENBUCH_WORKSPACE", value_name = "DIR")]
    workspace: PathBuf,
    /// Tell more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// How to write the log, which goes to standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// The time at which the clock of this process begins, for tests and rehearsals
    #[arg(long, global = true, hide = true, env = "FAHRTENBUCH_NOW", value_name = "TIME")]
    now: Option<jiff::Timestamp>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run pipelines: capture, check and publish one date or several
    Run(run::Arguments),
    /// Ask the sources of pipelines once, or again and again, and keep what they answer as evidence
    Capture(capture::Arguments),
    /// Ask sources at steady beats for years, and keep what came of every beat as evidence
    Collect(collect::Arguments),
    /// Collect, and run what is due: the one thing to start
    Up(up::Arguments),
    /// Run what is due by the schedules of pipelines, when it is due
    Schedule(schedule::Arguments),
    /// Tell what would be run next, and why
    Plan(plan::Arguments),
    /// Tell what is due, running, failed and held back, what to do, and how much disk a day takes
    Status(status::Arguments),
    /// Look at the bucket from elsewhere, and tell when releases stay away
    Watch(watch::Arguments),
    /// Write anew what can be made from the indexes: views, pages, the catalogue
    Publish(publish::Arguments),
    /// List releases, compare them, go back to an older one
    Releases(releases::Arguments),
    /// Take dates out of the public after an incident, and delete all of their bytes
    Withdraw(withdraw::Arguments),
    /// Put the days of past months into one file each, for questions over years
    Compact(compact::Arguments),
    /// Delete superseded files by 'retention'
    Gc(gc::Arguments),
    /// Read the whole workspace and tell every mistake at once
    Check(check::Arguments),
    /// Look at a GTFS feed with every rule of the canonical validator, and write a report
    Validate(validate::Arguments),
    /// List, explain, test and try the rules
    Rules(rules::Arguments),
    /// Tell how good the data is: the results of runs, the trend by rule, scores
    Quality(quality::Arguments),
    /// Tell what is published of each column, how and why, and how far vehicles can be followed
    Privacy(privacy::Arguments),
    /// Write the report of a year for the body that funds the data
    Report(report::Arguments),
    /// List, show, release and discard the rows that were held back
    Quarantine(quarantine::Arguments),
    /// Follow a published row back to its place in the evidence, or tell why a row is not there
    Trace(trace::Arguments),
    /// Print what runs did in the forms of other tools: OpenLineage, in-toto with SLSA provenance
    Lineage(lineage::Arguments),
    /// Make a release again from what its record names, and compare it to the byte
    Replay(replay::Arguments),
    /// Explain, list, show, verify, export, import and accept evidence
    Evidence(evidence::Arguments),
    /// Serve a bucket that is a folder over HTTP, as a bucket in a cloud would be
    Serve(serve::Arguments),
    /// Fetch the current files of a table of somebody's bucket, check and continue them
    Get(get::Arguments),
    /// Look at somebody's bucket with its public log: whether what was published is still what was published
    Verify(verify::Arguments),
    /// Back up what of the private store cannot be made again
    Backup(backup::Arguments),
    /// Bring a private store back from a backup, or go on without one
    Restore(restore::Arguments),
    /// List what was decided, and undo it
    Decisions(decisions::Arguments),
    /// Make, list, rotate and revoke the keys by which the log is signed
    Key(key::Arguments),
    /// Try the channels by which people are told of what is wrong, and list them
    Notify(notify::Arguments),
    /// Write what starts this program elsewhere: systemd, Kubernetes, containers, Airflow, alert rules
    Units(units::Arguments),
    /// Make a new workspace with commented files
    Init(init::Arguments),
    /// Invent a city bus network: its timetable, its realtime feeds, its faults and the truth
    Simulate(simulate::Arguments),
    /// Write the completions of a shell to standard output
    #[command(after_help = "Example:\n  fahrtenbuch completions bash > /etc/bash_completion.d/fahrtenbuch")]
    Completions { shell: clap_complete::Shell },
}

/// Reads the arguments of the process and does what they say.
pub fn main() -> ExitCode {
    print_panics();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // An argument is a text of somebody else, too, and a mistake repeats it.
        Err(error) if error.use_stderr() => {
            eprintln!("{}", error.render().to_string().trim_end());
            return Exit::Usage.into();
        }
        // Help and the version, in colours on a terminal.
        Err(help) => {
            return match help.print().and_then(|()| Stdout.flush()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    eprintln!("error: the output could not be written: {error}. Check where it goes, and try again.");
                    Exit::Transient.into()
                }
                _ => Exit::Done.into(),
            };
        }
    };
    log(arguments.verbose, arguments.log_format);
    if let Some(now) = arguments.now {
        crate::time::set_clock(now);
    }
    // What cannot happen ends a command with one of our exit codes; the hook has told it.
    let is_product = arguments.command.is_for_its_output();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        attempted::end_with_parent().map_or_else(|exit| exit, |()| run_command(arguments))
    }));
    end_of_output(done.unwrap_or(Exit::Permanent), is_product).into()
}

impl Command {
    /// Whether what is printed is what the command is for. The others do something and tell of it.
    fn is_for_its_output(&self) -> bool {
        match self {
            Self::Plan(_)
            | Self::Status(_)
            | Self::Check(_)
            | Self::Validate(_)
            | Self::Rules(_)
            | Self::Quality(_)
            | Self::Trace(_)
            | Self::Lineage(_)
            | Self::Verify(_)
            | Self::Replay(_)
            | Self::Privacy(_) => true,
            Self::Completions { .. } => true,
            Self::Quarantine(quarantine) => quarantine.is_for_its_output(),
            Self::Evidence(evidence) => evidence.is_for_its_output(),
            Self::Decisions(decisions) => decisions.is_for_its_output(),
            Self::Notify(notify) => notify.is_for_its_output(),
            Self::Key(key) => key.is_for_its_output(),
            Self::Backup(backup) => backup.is_for_its_output(),
            Self::Publish(publish) => publish.is_for_its_output(),
            Self::Watch(watch) => watch.is_for_its_output(),
            Self::Get(get) => get.is_for_its_output(),
            Self::Releases(releases) => releases.is_for_its_output(),
            Self::Withdraw(withdraw) => withdraw.is_for_its_output(),
            Self::Compact(compact) => compact.is_for_its_output(),
            Self::Gc(gc) => gc.is_for_its_output(),
            Self::Run(_) | Self::Capture(_) | Self::Collect(_) | Self::Up(_) | Self::Schedule(_) => false,
            Self::Serve(_)
            | Self::Restore(_)
            | Self::Units(_)
            | Self::Init(_)
            | Self::Simulate(_)
            | Self::Report(_) => false,
        }
    }
}

fn run_command(arguments: Arguments) -> Exit {
    let workspace = arguments.workspace;
    match arguments.command {
        Command::Run(run) => run::run(&workspace, &run),
        Command::Capture(capture) => capture::run(&workspace, &capture),
        Command::Collect(collect) => collect::run(&workspace, &collect),
        Command::Up(up) => up::run(&workspace, &up),
        Command::Schedule(schedule) => schedule::run(&workspace, &schedule),
        Command::Plan(plan) => plan::run(&workspace, &plan),
        Command::Status(status) => status::run(&workspace, &status),
        Command::Watch(watch) => watch::run(&workspace, &watch),
        Command::Publish(publish) => publish::run(&workspace, &publish),
        Command::Releases(releases) => releases::run(&workspace, &releases),
        Command::Withdraw(withdraw) => withdraw::run(&workspace, &withdraw),
        Command::Compact(compact) => compact::run(&workspace, &compact),
        Command::Gc(gc) => gc::run(&workspace, &gc),
        Command::Check(check) => check::run(&workspace, &check),
        Command::Validate(validate) => validate::run(&workspace, &validate),
        Command::Rules(rules) => rules::run(&workspace, &rules),
        Command::Quality(quality) => quality::run(&workspace, &quality),
        Command::Privacy(privacy) => privacy::run(&workspace, &privacy),
        Command::Report(report) => report::run(&workspace, &report),
        Command::Quarantine(quarantine) => quarantine::run(&workspace, &quarantine),
        Command::Trace(trace) => trace::run(&workspace, &trace),
        Command::Lineage(lineage) => lineage::run(&workspace, &lineage),
        Command::Replay(replay) => replay::run(&workspace, &replay),
        Command::Evidence(evidence) => evidence::run(&workspace, &evidence),
        Command::Serve(serve) => serve::run(&workspace, &serve),
        Command::Get(get) => get::run(&get),
        Command::Verify(verify) => verify::run(&workspace, &verify),
        Command::Backup(backup) => backup::run(&workspace, &backup),
        Command::Restore(restore) => restore::run(&workspace, &restore),
        Command::Decisions(decisions) => decisions::run(&workspace, &decisions),
        Command::Key(key) => key::run(&workspace, &key),
        Command::Notify(notify) => notify::run(&workspace, &notify),
        Command::Units(units) => units::run(&workspace, &units),
        Command::Init(init) => init::run(&init),
        Command::Simulate(simulate) => simulate::run(&simulate),
        Command::Completions { shell } => {
            // The generator panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut self::Arguments::command(), "fahrtenbuch", &mut script);
            let _ = Stdout.write_all(&script);
            Exit::Done
        }
    }
}

/// What a panic prints. Libraries tell values of rows when they panic, so of theirs only the place is printed.
fn print_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        let Some(place) = panic.location() else { return };
        // A library's path is that of the registry it came from, of which the last parts say which it is.
        let parts: Vec<&str> = place.file().split(['/', '\\']).collect();
        let file = parts.get(parts.len().saturating_sub(4)..).unwrap_or_default().join("/");
        let said = if place.file().starts_with("src") { format!(": {said}") } else { String::new() };
        eprintln!("internal error at {file}:{}{said}. Please report it.", place.line());
    }));
}

fn log(verbose: u8, format: LogFormat) {
    let level = ["warn", "info", "debug", "trace"][usize::from(verbose.min(3))];
    // The libraries below tell more than a data manager wants to know.
    let default = format!("warn,fahrtenbuch={level}");
    let filter = EnvFilter::try_from_env("FAHRTENBUCH_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // Colours are control characters, which the log does not hold.
    let writer = || Harmless::new(Stderr);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    // It tells its own errors by a macro that panics where standard error is full.
    let builder = builder.log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
