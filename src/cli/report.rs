//! `fahrtenbuch report`

use std::path::{Path, PathBuf};

use crate::audit_report::{AuditError, AuditReport, files};
use crate::cli::exit::Exit;
use crate::cli::opened::{bucket_to_read, read_workspace, refuse_stores, unwritten, write_output};
use crate::cli::run::failed;
use crate::output_file::Readers;
use crate::process_document;
use crate::text::Language;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write the report of a year for the body that funds the data: extent, completeness, quality, outages, changes, decisions
    Audit(AuditArguments),
    /// Write the process document: who is responsible, what is collected from whom, how it is processed, kept and destroyed
    Process(ProcessArguments),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch report audit --year 2026
  fahrtenbuch report audit --year 2026 --lang en --into audit

It writes a page that prints on A4 (report.de.html), figures.csv with the query of each number and the digests of the tables that it
stands on, a CSV of each figure that is a table, and preamble.sql, after which the queries run as they stand in DuckDB. It reads the
bucket and the workspace, and not the private store.")]
struct AuditArguments {
    /// The year of the service dates
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(2000..=2999))]
    year: i16,
    /// The language of the report
    #[arg(long = "lang", value_enum, default_value_t = Language::De)]
    language: Language,
    /// The folder for its files; 'audit-YYYY' unless said otherwise
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  fahrtenbuch report process --lang de --output verfahren.html

It is made from the workspace alone. What is missing stands there as not stated: 'fahrtenbuch check --for audit' names file and line.")]
struct ProcessArguments {
    /// The language of the document
    #[arg(long = "lang", value_enum, default_value_t = Language::De)]
    language: Language,
    /// The file for the page; 'process.de.html' or 'process.en.html' unless said otherwise
    #[arg(long, value_name = "FILE.html")]
    output: Option<PathBuf>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::Audit(arguments) => audit(root, arguments),
        Command::Process(arguments) => process(root, arguments),
    };
    done.unwrap_or_else(|exit| exit)
}

fn process(root: &Path, arguments: &ProcessArguments) -> Result<Exit, Exit> {
    let workspace = read_workspace(root)?;
    let language = arguments.language;
    let page = process_document::write(&workspace, language).map_err(|error| told(&error.into()))?;
    let file = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("process.{}.html", language.code())));
    write_output(&workspace, &file, &page, Readers::AsUsual)?;
    println!("{} has the process document: open it in a browser, or print it.", file.display());
    Ok(Exit::Done)
}

fn audit(root: &Path, arguments: &AuditArguments) -> Result<Exit, Exit> {
    let workspace = read_workspace(root)?;
    let folder = arguments.into.clone().unwrap_or_else(|| PathBuf::from(format!("audit-{}", arguments.year)));
    refuse_stores(&workspace, &folder)?;
    let bucket = bucket_to_read(&workspace).map_err(|error| failed(&error, false, None))?;
    let report = AuditReport::of(&workspace, bucket.as_ref(), arguments.year).map_err(|error| told(&error))?;
    std::fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
    for file in files(&report, arguments.language) {
        write_output(&workspace, &folder.join(&file.name), &file.text, Readers::AsUsual)?;
    }
    let page = folder.join(format!("report.{}.html", arguments.language.code()));
    println!("{} has the report of {}: open it in a browser, or print it.", page.display(), arguments.year);
    Ok(Exit::Done)
}

fn told(error: &AuditError) -> Exit {
    eprintln!("error: {error}");
    if error.is_configuration() {
        Exit::Usage
    } else if error.is_transient() {
        Exit::Transient
    } else {
        Exit::Permanent
    }
}
