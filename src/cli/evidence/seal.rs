//! `fahrtenbuch evidence seal`

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use crate::capture::CaptureError;
use crate::capture::collector::Collector;
use crate::capture::evidence::Store;
use crate::capture::evidence::remote::Remote;
use crate::capture::evidence::seal::{self, Due, Report};
use crate::capture::evidence::upload::{self, Rebuilt};
use crate::cli::evidence::said::waits;
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::time::{self, ServiceDate};
use crate::workspace::Workspace;
use crate::yaml::suggestion;

pub(super) const HELP: &str = "\
Examples:
  fahrtenbuch evidence seal
  fahrtenbuch evidence seal stadtbus-vehicle-positions --before 2026-11-01
  fahrtenbuch evidence seal --rebuild

An hour that is over for ten minutes is packed from '.warc.gz', one member a record, to '.warc.zst',
frames of 30 to 60 records (proposed by the IIPC for WARC; fastwarc reads it). What was written is
read back and compared with the old archive before that is removed; 'sealed.jsonl' beside the
archives of a source tells the digests of both. Ended at any moment, nothing is lost. An archive
that is damaged stays as it is.

Where fahrtenbuch.yaml has 'evidence: s3://bucket/prefix' (or a folder), sealed archives go there:
each is written under a name with its digest, read back and compared, and told of in 'stored.jsonl'
beside it before the local one is removed. Runs fetch what they need. Where the store cannot be
reached all of it waits in the private store.";

#[derive(Args)]
pub(super) struct Seal {
    /// The sources; all if none is given
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Only hours that were over when this date began
    #[arg(long, value_name = "DATE")]
    before: Option<ServiceDate>,
    /// Where 'stored.jsonl' was lost: find what is kept elsewhere by listing it; reads what no line tells of
    #[arg(long, conflicts_with = "before")]
    rebuild: bool,
}

pub(super) fn run(workspace: &Workspace, arguments: &Seal) -> Result<Exit, Exit> {
    let folder = Collector::evidence(&workspace.private);
    let of_capture = |error: CaptureError| failed(&error.into(), false, None);
    let mut known = Store::new(&folder).sources().map_err(of_capture)?;
    if arguments.rebuild {
        let Some(remote) = &workspace.evidence else {
            return Err(usage(
                "fahrtenbuch.yaml has no 'evidence', so that nothing is kept elsewhere. Write where it is.",
            ));
        };
        known.extend(remote.sources().map_err(of_capture)?);
        known.sort();
        known.dedup();
    }
    for source in &arguments.sources {
        if !known.contains(source) {
            let remedy = suggestion(source, &known.iter().map(String::as_str).collect::<Vec<_>>());
            return Err(usage(&format!("there is no evidence of a source '{source}'. {remedy}")));
        }
    }
    let sources = if arguments.sources.is_empty() { &known } else { &arguments.sources };
    if sources.is_empty() {
        println!("there is no evidence");
    }
    match &workspace.evidence {
        Some(remote) if arguments.rebuild => rebuild(&folder, sources, remote),
        remote => {
            let is_busy = seal_all(workspace, &folder, sources, arguments.before)?;
            let is_left = match remote {
                Some(remote) => store_all(workspace, &folder, sources, remote)?,
                None => false,
            };
            Ok(if is_busy || is_left { Exit::Transient } else { Exit::Done })
        }
    }
}

/// Whether another process was at work.
fn seal_all(
    workspace: &Workspace,
    folder: &Path,
    sources: &[String],
    before: Option<ServiceDate>,
) -> Result<bool, Exit> {
    let quiet = SignedDuration::try_from(seal::QUIET).unwrap_or_default();
    let over = time::now().saturating_sub(quiet).unwrap_or_default();
    let until = before.map_or(over, |date| date.zero(&workspace.zone).min(over));
    let mut is_busy = false;
    for source in sources {
        // Asked for by hand, so that an import of a moment ago is sealed too.
        let due = Due { until, quiet: Duration::ZERO, again: true, stop: &|| false };
        let report = seal::seal(folder, source, &due).map_err(|error| failed(&error.into(), false, None))?;
        is_busy |= report.is_busy;
        print(source, &report);
    }
    Ok(is_busy)
}

/// Whether something that is to go elsewhere stays for now.
fn store_all(workspace: &Workspace, folder: &Path, sources: &[String], remote: &Remote) -> Result<bool, Exit> {
    let mut is_left = false;
    for source in sources {
        let report = match upload::store(folder, source, remote, &|| false) {
            Ok(report) => report,
            Err(error) => {
                waits(workspace)?;
                return Err(failed(&error.into(), false, None));
            }
        };
        for (name, reason) in &report.left {
            eprintln!("warning: {source}: {name} is not stored: {reason}");
        }
        if report.is_busy {
            eprintln!("warning: {source}: another process is sealing it; try again when it is done");
        }
        is_left |= report.is_busy || !report.left.is_empty();
        if report.archives > 0 {
            let (count, bytes) = (report.archives, report.bytes);
            let archives = if count == 1 { "archive" } else { "archives" };
            println!("{source}: {count} {archives} stored at {}, {bytes} bytes", remote.location());
        }
    }
    waits(workspace)?;
    Ok(is_left)
}

fn rebuild(folder: &Path, sources: &[String], remote: &Remote) -> Result<Exit, Exit> {
    let mut is_left = false;
    for source in sources {
        let rebuilt = upload::rebuild(folder, source, remote).map_err(|error| failed(&error.into(), false, None))?;
        let Rebuilt { added, known, left } = rebuilt;
        for (object, reason) in &left {
            eprintln!("error: {}/{object}: {reason}", remote.location());
        }
        is_left |= !left.is_empty();
        println!("{source}: {added} archives found that no line told of, {known} that one tells of");
    }
    Ok(if is_left { Exit::Permanent } else { Exit::Done })
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
