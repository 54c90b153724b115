//! `fahrtenbuch validate`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::source::{Fetched, Policy, Source, Validators};
use crate::cli::terminal::Harmless;
use crate::cli::{Exit, tell};
use crate::contract::Severity;
use crate::contract::library::Library;
use crate::decode::Limits;
use crate::decode::timetable::{self, Package};
use crate::feed_rules;
use crate::feed_rules::gtfs::{self, Options, Report};
use crate::feed_rules::report::Circumstances;
use crate::time::ServiceDate;

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
pub struct Arguments {
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

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
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
    let package = match package(&arguments.feed) {
        Ok(package) => package,
        Err((exit, message)) => {
            eprintln!("error: {message}");
            return exit;
        }
    };
    let timetable = match timetable::read(&arguments.feed, package, &contracts, Limits::default()) {
        Ok(timetable) => timetable,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::Final;
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
        eprintln!("error: the report could not be written: {error}");
        return Exit::Passing;
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

fn package(feed: &str) -> Result<Package, (Exit, String)> {
    if feed == "-" {
        let mut bytes = Vec::new();
        let most = Policy::default().max_bytes;
        return match std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > most => {
                Err((Exit::Final, format!("standard input gave more than {most} bytes")))
            }
            Ok(_) => Ok(Package::Archive(bytes.into())),
            Err(error) => Err((Exit::Passing, format!("standard input could not be read: {error}"))),
        };
    }
    if feed.starts_with("http://") || feed.starts_with("https://") {
        let url = url::Url::parse(feed).map_err(|error| {
            (
                Exit::Usage,
                format!("u_r_i_syntax_error: '{feed}' is no URL ({error}). Write the full address with https://."),
            )
        })?;
        let source = Source::Http { url: url.into(), headers: Vec::new(), policy: Policy::default() };
        return match source.fetch(&Validators::default()) {
            Ok(Fetched::New(capture)) => Ok(Package::Archive(capture.body)),
            Ok(Fetched::NotModified) => Err((Exit::Passing, format!("{feed} gave nothing"))),
            Err(error) => Err((Exit::Passing, error.to_string())),
        };
    }
    let path = Path::new(feed);
    if path.is_dir() {
        return Ok(Package::Folder(path.to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        (Exit::Usage, format!("{feed} could not be read: {error}. Name a zip archive, a folder or a URL."))
    })?;
    Ok(Package::Archive(Bytes::from(bytes)))
}

fn write(report: &Report, how: &Circumstances, arguments: &Arguments) -> std::io::Result<()> {
    if let Some(folder) = &arguments.output {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.json"), pretty(&report.json(how))?)?;
        std::fs::write(folder.join("report.sarif"), pretty(&report.sarif(how))?)?;
        std::fs::write(folder.join("report.html"), report.html(how))?;
    }
    let text = match arguments.format {
        Form::Table => report.table(),
        Form::Json => pretty(&report.json(how))?,
        Form::Sarif => pretty(&report.sarif(how))?,
        Form::Html => report.html(how),
    };
    let mut out = Harmless::new(std::io::stdout().lock());
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn pretty(value: &serde_json::Value) -> std::io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
