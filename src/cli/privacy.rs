//! `fahrtenbuch privacy`

use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::opened::{bucket_to_read, read_workspace, write_output};
use crate::cli::run::failed;
use crate::output_file::Readers;
use crate::privacy_report::{Language, PrivacyReport, write_html, write_text};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Tell the data protection officer what is published of each column, how and why, and how far vehicles can be followed
    Report(ReportArguments),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch privacy report
  fahrtenbuch privacy report --lang de --output datenschutz.html
  fahrtenbuch privacy report --json | jq '.datasets[].linkage'

It reads contracts, published files, and the evidence and keys of the last days; it holds no id, no pseudonym and no position. With
--output it is a page that prints well.")]
struct ReportArguments {
    /// The language of the report
    #[arg(long = "lang", value_enum, default_value_t = Language::De)]
    language: Language,
    /// Write a page to this file
    #[arg(long, value_name = "FILE.html", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// Write the report as JSON, in both languages
    #[arg(long)]
    json: bool,
    /// Published dates over which vehicles are followed
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let Command::Report(arguments) = &arguments.command;
    report(root, arguments).unwrap_or_else(|exit| exit)
}

fn report(root: &Path, arguments: &ReportArguments) -> Result<Exit, Exit> {
    let workspace = read_workspace(root)?;
    let bucket = bucket_to_read(&workspace).map_err(|error| failed(&error, false, None))?;
    let report = PrivacyReport::of(&workspace, bucket.as_ref(), usize::from(arguments.days));
    let report = report.map_err(|error| failed(&error, false, None))?;
    match &arguments.output {
        Some(file) => {
            write_output(&workspace, file, &write_html(&report, arguments.language), Readers::AsUsual)?;
        }
        None if arguments.json => {
            // Made of texts, finite numbers and lists, which always serialise.
            println!("{}", serde_json::to_string(&report).unwrap_or_default());
        }
        None => print!("{}", write_text(&report, arguments.language)),
    }
    Ok(Exit::Done)
}
