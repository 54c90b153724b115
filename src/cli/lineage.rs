//! `fahrtenbuch lineage`

use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::acting::{is_known, open};
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::digest::Digest;
use crate::ledger::RunRecord;
use crate::ledger::lineage::{Run, events, signed, statement};
use crate::pipeline::lineage::{current, one};
use crate::pipeline::run::RunError;
use crate::pipeline::signing_keys;
use crate::time::ServiceDate;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch lineage                                          of all current files, an event a line
  fahrtenbuch lineage stadtbus-telemetrie --date 2026-11-24
  fahrtenbuch lineage stadtbus-telemetrie --format in-toto > statements.jsonl
  fahrtenbuch lineage --record 4f1c… --format dsse             signed by the key of the log

Each form is made of the published record alone; docs/lineage.md says what stands where.")]
pub(super) struct Arguments {
    /// A dataset; all of them if none is given
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    /// Only of this date
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Only of the run with this record, whether its files are current or not
    #[arg(long, value_name = "SHA256", conflicts_with_all = ["dataset", "date"], value_parser = parse_digest)]
    record: Option<Digest>,
    /// Events of OpenLineage, two for each run; an in-toto statement with SLSA provenance; or that, signed, in a DSSE envelope
    #[arg(long, value_enum, default_value_t = Format::Openlineage)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Openlineage,
    InToto,
    /// The statement in a DSSE envelope, signed by the key of the log
    Dsse,
}

fn parse_digest(text: &str) -> Result<Digest, String> {
    let hex = text.trim_start_matches("ledger/records/").trim_end_matches(".json");
    Digest::parse(hex).ok_or_else(|| "expected the 64 hex digits that name a record".to_owned())
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    print_all(root, arguments).unwrap_or_else(|exit| exit)
}

fn print_all(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let (workspace, bucket) = open(root)?;
    let of_bucket = |error| failed(&RunError::from(error), false, None);
    let records: Vec<(Digest, RunRecord)> = match arguments.record {
        Some(digest) => {
            let found = one(&bucket, digest).map_err(of_bucket)?;
            let none =
                || usage(&format!("the record {digest} is not of a run, but of something that people or rules did."));
            vec![found.ok_or_else(none)?]
        }
        None => {
            if let Some(dataset) = &arguments.dataset {
                is_known(&workspace, dataset)?;
            }
            current(&bucket, arguments.dataset.as_deref(), arguments.date).map_err(of_bucket)?
        }
    };
    if records.is_empty() {
        let of = arguments.date.map(|date| format!(" of {date}")).unwrap_or_default();
        return Err(usage(&format!("nothing{of} is published. 'fahrtenbuch releases list' says what is.")));
    }
    let key = match arguments.format {
        Format::Dsse => {
            let signer = signing_keys::signer(&workspace).map_err(|error| failed(&error.into(), false, None))?;
            let remedy = "a signed statement needs a signing key. Make one with 'fahrtenbuch key new', or use '--format in-toto'.";
            Some(signer.ok_or_else(|| usage(remedy))?.key)
        }
        Format::Openlineage | Format::InToto => None,
    };
    let namespace = workspace.site.base_url.as_deref().unwrap_or("fahrtenbuch").trim_end_matches('/');
    for (digest, record) in &records {
        let run = Run { namespace, record, digest: *digest };
        let lines: Vec<Value> = match (arguments.format, &key) {
            (Format::Openlineage, _) => events(run),
            (_, None) => vec![statement(run)],
            (_, Some(key)) => vec![signed(&statement(run), key)],
        };
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(Exit::Done)
}
