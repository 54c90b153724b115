//! `fahrtenbuch evidence seal`

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use crate::capture::collector::Collector;
use crate::capture::evidence::Store;
use crate::capture::evidence::seal::{self, Due, Report};
use crate::cli::evidence::said::usage;
use crate::cli::exit::Exit;
use crate::cli::run::failed;
use crate::time::{self, ServiceDate};
use crate::workspace::Workspace;
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence seal
  fahrtenbuch evidence seal stadtbus-vehicle-positions --before 2026-11-01

An hour that is over for ten minutes is packed from '.warc.gz', one member a record, to '.warc.zst',
frames of 30 to 60 records (proposed by the IIPC for WARC; fastwarc reads it). What was written is
read back and compared with the old archive before that is removed; 'sealed.jsonl' beside the
archives of a source tells the digests of both. Ended at any moment, nothing is lost. An archive
that is damaged stays as it is.";

#[derive(Args)]
pub(super) struct Seal {
    /// The sources; all if none is given
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Only hours that were over when this date began
    #[arg(long, value_name = "DATE")]
    before: Option<ServiceDate>,
}

pub(super) fn run(workspace: &Workspace, arguments: &Seal) -> Result<Exit, Exit> {
    let folder = Collector::evidence(&workspace.private);
    let known = Store::new(&folder).sources().map_err(|error| failed(&error.into(), false, None))?;
    for source in &arguments.sources {
        if !known.contains(source) {
            let remedy = suggestion(source, &known.iter().map(String::as_str).collect::<Vec<_>>());
            return Err(usage(&format!("there is no evidence of a source '{source}'. {remedy}")));
        }
    }
    let quiet = SignedDuration::try_from(seal::QUIET).unwrap_or_default();
    let over = time::now().saturating_sub(quiet).unwrap_or_default();
    let until = arguments.before.map_or(over, |date| date.zero(&workspace.zone).min(over));
    let mut is_busy = false;
    let sources = if arguments.sources.is_empty() { &known } else { &arguments.sources };
    for source in sources {
        // Asked for by hand, so that an import of a moment ago is sealed too.
        let due = Due { until, quiet: Duration::ZERO, again: true, stop: &|| false };
        let report = seal::seal(&folder, source, &due).map_err(|error| failed(&error.into(), false, None))?;
        is_busy |= report.is_busy;
        print(source, &report);
    }
    if sources.is_empty() {
        println!("there is no evidence");
    }
    Ok(if is_busy { Exit::Transient } else { Exit::Done })
}

fn print(source: &str, report: &Report) {
    for (archive, reason) in &report.left {
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        eprintln!("warning: {source}: {name} stays as it is: {reason}");
    }
    let Report { hours, before, after, .. } = report;
    match hours {
        _ if report.is_busy => eprintln!("warning: {source}: another process is sealing it; try again when it is done"),
        0 => println!("{source}: nothing to seal"),
        1 => println!("{source}: 1 hour sealed, {before} bytes before, {after} after"),
        _ => println!("{source}: {hours} hours sealed, {before} bytes before, {after} after"),
    }
}
