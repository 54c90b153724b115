//! `fahrtenbuch quality`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::cli::opened::{bucket_to_read, choose, read_workspace, write_output};
use crate::cli::run::failed;
use crate::ledger::Status;
use crate::output_file::Readers;
use crate::pipeline::run::RunError;
use crate::portal::quality_page;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, TableIndex};
use crate::report::results::{self, Form};
use crate::report::trend::Report;
use crate::report::{json, score, text};
use crate::time::ServiceDate;
use crate::workspace::{Workspace, described};
use crate::yaml::suggestion;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the trend by rule and the scores of datasets: what to look at, and what has become worse
    Report(ReportArguments),
    /// Print the results of one run, for CI systems and catalogues
    Results(ResultsArguments),
}

#[derive(clap::Args)]
#[command(after_help = format!("\
Examples:
  fahrtenbuch quality report
  fahrtenbuch quality report stadtbus-telemetrie --from 2026-11-01 --to 2026-11-30
  fahrtenbuch quality report --format html --output quality.html
  fahrtenbuch quality report --format json | jq '.[].look_at'

The score: {}", score::FORMULA_EN))]
struct ReportArguments {
    /// The dataset; all if none is given
    dataset: Option<String>,
    /// The first partition; without it and --to, the newest 14 are shown
    #[arg(long, value_name = "DATE")]
    from: Option<ServiceDate>,
    /// The last partition
    #[arg(long, value_name = "DATE")]
    to: Option<ServiceDate>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
    Html,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quality results stadtbus-telemetrie --format junit > report.xml
  fahrtenbuch quality results stadtbus-telemetrie --date 2026-11-24 --format json | jq .score

They are those that the run has put into the bucket. The exit code is 3 if the run was held back.")]
struct ResultsArguments {
    /// The pipeline whose run it was
    pipeline: String,
    /// The partition; the newest if none is given
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// How to write the results
    #[arg(long, value_enum, default_value_t = ResultsFormat::Json)]
    format: ResultsFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum ResultsFormat {
    Json,
    Junit,
    Dqv,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let done = read_workspace(root).and_then(|workspace| match &arguments.command {
        Command::Report(arguments) => report(&workspace, arguments),
        Command::Results(arguments) => results(&workspace, arguments),
    });
    done.unwrap_or_else(|exit| exit)
}

fn report(workspace: &Workspace, arguments: &ReportArguments) -> Result<Exit, Exit> {
    let mut datasets: Vec<&str> = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str()).collect();
    datasets.dedup();
    if let Some(dataset) = &arguments.dataset {
        if !datasets.contains(&dataset.as_str()) {
            eprintln!("error: there is no dataset '{dataset}'. {}", suggestion(dataset, &datasets));
            return Err(Exit::Usage);
        }
        datasets.retain(|known| known == dataset);
    }
    let bucket = open(workspace)?;
    let mut reports = Vec::new();
    for dataset in datasets {
        let dates = told(results::dates(&bucket, dataset))?;
        let wanted = |date: &ServiceDate| {
            arguments.from.is_none_or(|from| from <= *date) && arguments.to.is_none_or(|to| *date <= to)
        };
        let mut dates: Vec<ServiceDate> = dates.into_iter().filter(wanted).collect();
        if arguments.from.is_none() {
            dates.drain(..dates.len().saturating_sub(results::SHOWN));
        }
        let found = told(results::read(&bucket, dataset, &dates))?;
        if !found.is_empty() {
            let indexes = told(indexes(workspace, &bucket, dataset))?;
            reports.push(Report::of(dataset, &found).with_rollbacks(&indexes));
        }
    }
    if reports.is_empty() {
        eprintln!("error: there are no results in {}. Make some with 'fahrtenbuch run'.", bucket.location());
        return Err(Exit::Permanent);
    }
    let text = match arguments.format {
        ReportFormat::Text => text::write(&reports),
        ReportFormat::Html => {
            let about = |report: &Report| described::about(&workspace.pipelines, &report.dataset);
            let reports: Vec<_> = reports.iter().map(|report| (about(report), report)).collect();
            quality_page::write(&workspace.site, &reports)
        }
        // Made of texts, finite numbers, lists and maps with text keys, which always serialise.
        ReportFormat::Json => serde_json::to_string(&reports).unwrap_or_default() + "\n",
    };
    #[allow(clippy::disallowed_methods, reason = "the user names it: a pipe or a terminal may be meant")]
    match &arguments.output {
        None => print!("{text}"),
        Some(file) => write_output(workspace, file, &text, Readers::AsUsual)?,
    }
    Ok(Exit::Done)
}

/// The newest indexes of the tables that a dataset has published.
fn indexes(workspace: &Workspace, bucket: &Bucket, dataset: &str) -> Result<Vec<TableIndex>, PublishError> {
    let pipelines = workspace.pipelines.iter().filter(|pipeline| pipeline.dataset == dataset);
    let tables: BTreeSet<String> =
        pipelines.flat_map(|pipeline| pipeline.released()).map(|contract| contract.table.clone()).collect();
    let folders = bucket.folders(&format!("meta/{dataset}"))?;
    let there = tables.into_iter().filter(|table| folders.contains(table));
    there.filter_map(|table| index::current(bucket, dataset, &table).transpose()).collect()
}

fn results(workspace: &Workspace, arguments: &ResultsArguments) -> Result<Exit, Exit> {
    let pipelines = choose(workspace, std::slice::from_ref(&arguments.pipeline))?;
    let dataset = pipelines.first().map_or(arguments.pipeline.as_str(), |pipeline| pipeline.dataset.as_str());
    let bucket = open(workspace)?;
    let date = match arguments.date {
        Some(date) => Some(date),
        None => told(results::dates(&bucket, dataset))?.last().copied(),
    };
    let read = |form| -> Result<Option<bytes::Bytes>, Exit> {
        date.map_or(Ok(None), |date| told(bucket.get(&results::path(dataset, date, form))))
    };
    let form = match arguments.format {
        ResultsFormat::Json => Form::Json,
        ResultsFormat::Junit => Form::Junit,
        ResultsFormat::Dqv => Form::Dqv,
    };
    let (Some(own), Some(printed)) = (read(Form::Json)?, read(form)?) else {
        let of = date.map_or_else(String::new, |date| format!(" of {date}"));
        eprintln!("error: there are no results{of} in {}. Make some with 'fahrtenbuch run'.", bucket.location());
        return Err(Exit::Permanent);
    };
    print!("{}", String::from_utf8_lossy(&printed));
    let quality = json::read(&own).map_err(|problem| {
        eprintln!("error: the results in {} cannot be read: {problem}. Restore them from a backup of the bucket, or make some with 'fahrtenbuch run'.", bucket.location());
        Exit::Permanent
    })?;
    Ok(if quality.status == Status::HeldBack { Exit::HeldBack } else { Exit::Done })
}

fn open(workspace: &Workspace) -> Result<Bucket, Exit> {
    let bucket = bucket_to_read(workspace).map_err(|error| failed(&error, false, None))?;
    bucket.ok_or_else(|| {
        eprintln!("error: there are no results in {}. Make some with 'fahrtenbuch run'.", workspace.bucket);
        Exit::Permanent
    })
}

fn told<T>(result: Result<T, PublishError>) -> Result<T, Exit> {
    result.map_err(|error| failed(&RunError::from(error), false, None))
}
