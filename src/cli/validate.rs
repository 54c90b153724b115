//! `fahrtenbuch validate`

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::source::{Fetched, Policy, Source, Validators};
use crate::cli::exit::Exit;
use crate::cli::opened::tell;
use crate::contract::Severity;
use crate::contract::library::Library;
use crate::decode::Limits;
use crate::decode::gtfs::{Package, read};
use crate::feed_rules;
use crate::feed_rules::gtfs::{self, Options, Report};
use crate::feed_rules::report::Circumstances;
use crate::output_file::{self, Readers};
use crate::time::ServiceDate;
use crate::workspace;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch validate gtfs.zip
  fahrtenbuch validate https://example.de/gtfs.zip --country DE --output report
  fahrtenbuch validate gtfs.zip --format json --fail-on warning > report.json
  unzip -d feed gtfs.zip && fahrtenbuch validate feed
  curl -s https://example.de/gtfs.zip | fahrtenbuch validate -

The codes, severities and counts are those of the canonical GTFS validator; 'fahrtenbuch rules explain CODE' tells what
one means. If the workspace has schemas/gtfs, its contracts hold, and its notices.yaml changes severities.")]
pub(super) struct Arguments {
    /// A zip archive, a folder with its files, a URL, or - for standard input
    #[arg(value_name = "FEED")]
    feed: String,
    /// The day on which the feed is looked at; today unless given
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<ServiceDate>,
    /// Of the feed's telephone numbers, ISO 3166-1 such as DE; without it they are not looked at
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Write report.json, report.html and report.sarif into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What to write to standard output
    #[arg(short, long, value_enum, default_value_t = Form::Table)]
    format: Form,
    /// Exit with 3 if there is a notice of at least this severity
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "SEVERITY")]
    fail_on: FailOn,
    /// Memory for the feed and its rules, such as '512 MiB'; unless given, 'limits: memory' of the workspace, or 4 GiB without one
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<usize>,
}

/// Of a feed that is looked at outside of a workspace, bytes. A country's takes one or two gigabytes.
const MEMORY: usize = 4 << 30;

fn memory(text: &str) -> Result<usize, String> {
    workspace::bytes(text).ok_or_else(|| "this is no size. Write one like '512 MiB' or '2 GiB'".to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Json,
    Html,
    Sarif,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let clock = Instant::now();
    let contracts = match contracts(root) {
        Ok(contracts) => contracts,
        Err(exit) => return exit,
    };
    let validated_at = Timestamp::now();
    let options = Options {
        date: arguments.date.unwrap_or_else(|| ServiceDate::local_date_of(validated_at, &TimeZone::system())),
        country: arguments.country.as_ref().map(|code| code.to_uppercase()),
        changes: contracts.changes.clone(),
    };
    let memory = match arguments.memory.map_or_else(|| workspace::memory(root), |bytes| Ok(Some(bytes))) {
        Ok(bytes) => bytes.unwrap_or(MEMORY),
        Err(problems) => {
            tell(&problems);
            return Exit::Usage;
        }
    };
    let package = match package(&arguments.feed, memory) {
        Ok(package) => package,
        Err((exit, message)) => {
            eprintln!("error: {message}");
            return exit;
        }
    };
    let archive = if let Package::Archive(bytes) = &package { bytes.len() } else { 0 };
    let limits = Limits { held_bytes: memory.saturating_sub(archive), ..Limits::default() };
    let timetable = match read(&arguments.feed, package, &contracts, limits) {
        Ok(timetable) => timetable,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::Permanent;
        }
    };
    tracing::info!(seconds = clock.elapsed().as_secs_f64(), "read");
    let report = gtfs::validate(timetable, &options);
    let how = Circumstances {
        input: arguments.feed.clone(),
        validated_at: Timestamp::from_second(validated_at.as_second()).unwrap_or(validated_at),
        seconds: clock.elapsed().as_secs_f64(),
        country: options.country.clone(),
        output: arguments.output.as_ref().map(|folder| folder.display().to_string()),
    };
    if let Err(error) = write(&report, &how, arguments) {
        eprintln!("error: the report could not be written: {error}. Check the disk, the folder and its permissions.");
        return Exit::Transient;
    }
    tracing::info!(seconds = clock.elapsed().as_secs_f64(), "done");
    let least = match arguments.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Info => Severity::Info,
    };
    let exit = if report.count(least) > 0 { Exit::HeldBack } else { Exit::Done };
    // The columns of a large feed are many allocations; the system takes them back faster.
    std::mem::forget(report);
    exit
}

/// The contracts of the workspace, or those that come with the program.
fn contracts(root: &Path) -> Result<Library, Exit> {
    let folder = root.join("schemas/gtfs");
    let standard = Library::gtfs();
    if !folder.is_dir() {
        return Ok(standard);
    }
    let own = Library::read(&folder).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    let problems = feed_rules::unknown_codes(&own, &folder);
    if !problems.is_empty() {
        tell(&problems);
        return Err(Exit::Usage);
    }
    Ok(standard.overlaid(own))
}

/// The files of a feed; an archive takes at most `memory` bytes.
fn package(feed: &str, memory: usize) -> Result<Package, (Exit, String)> {
    let most = Policy::default().max_bytes.min(memory as u64);
    if feed == "-" {
        let mut bytes = Vec::new();
        return match io::stdin().lock().take(most + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > most => Err((
                Exit::Permanent,
                format!("standard input gave more than {most} bytes. Raise --memory if this is right."),
            )),
            Ok(_) => Ok(Package::Archive(bytes.into())),
            Err(error) => Err((Exit::Transient, format!("standard input could not be read: {error}"))),
        };
    }
    if feed.starts_with("http://") || feed.starts_with("https://") {
        let url = url::Url::parse(feed).map_err(|error| {
            (
                Exit::Usage,
                format!("u_r_i_syntax_error: '{feed}' is no URL ({error}). Write the full address with https://."),
            )
        })?;
        let source = Source::Http {
            url: url.into(),
            headers: Vec::new(),
            policy: Policy { max_bytes: most, ..Policy::default() },
        };
        return match source.fetch(&Validators::default()) {
            Ok(Fetched::New(capture)) => Ok(Package::Archive(capture.body)),
            Ok(Fetched::NotModified(_)) => Err((Exit::Transient, format!("{feed} gave nothing"))),
            Err(error) => Err((Exit::Transient, error.to_string())),
        };
    }
    let path = Path::new(feed);
    if path.is_dir() {
        return Ok(Package::Folder(path.to_owned()));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > memory as u64) {
        let problem = format!("{feed} is larger than the {memory} bytes that it may take. Raise --memory.");
        return Err((Exit::Permanent, problem));
    }
    #[allow(clippy::disallowed_methods, reason = "the user names it: the output of another command may be meant")]
    let bytes = std::fs::read(path).map_err(|error| {
        (Exit::Usage, format!("{feed} could not be read: {error}. Name a zip archive, a folder or a URL."))
    })?;
    Ok(Package::Archive(Bytes::from(bytes)))
}

fn write(report: &Report, how: &Circumstances, arguments: &Arguments) -> io::Result<()> {
    if let Some(folder) = &arguments.output {
        std::fs::create_dir_all(folder)?;
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            let written = output_file::write(&file, text.as_bytes(), Readers::AsUsual);
            written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
        };
        write("report.json", pretty(&report.json(how))?)?;
        write("report.sarif", pretty(&report.sarif(how))?)?;
        write("report.html", report.html(how))?;
    }
    let text = match arguments.format {
        Form::Table => report.table(),
        Form::Json => pretty(&report.json(how))?,
        Form::Sarif => pretty(&report.sarif(how))?,
        Form::Html => report.html(how),
    };
    print!("{text}");
    Ok(())
}

fn pretty(value: &serde_json::Value) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
