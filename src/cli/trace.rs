//! `fahrtenbuch trace`

use std::path::Path;

use clap::Args;

use crate::cli::acting::{Target, open};
use crate::cli::exit::{Exit, usage};
use crate::cli::run::failed;
use crate::cli::terminal::harmless;
use crate::pipeline::trace::{Question, TraceError, text, trace};
use crate::text::Language;
use crate::time::ServiceDate;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch trace stadtbus-fahrplan/stops stop_id=zob-1
  fahrtenbuch trace stadtbus-fahrplan/stop_times trip_id=S1-mo-fr-0530-0 stop_sequence=3
  fahrtenbuch trace stadtbus-telemetrie/vehicle_locations event_timestamp=2026-11-24T10:00:55Z --lang de --limit 3

The key names columns of the primary key, as they are published, or has their values in its order; or it names other public columns,
and all rows with these values are told. Without --date it is the newest date with such a row, or those that the key tells.
It reads the evidence, the keys and the quarantine, and prints no id of a vehicle, driver, duty or device. What it says of rows that are
not published, and where they stand, is private all the same.

Exit codes: 0 where a row was found or it is told why there is none; 4 where nothing explains it: the row was never received, or the key
tells no date; 2 where the key is none of the table.")]
pub(super) struct Arguments {
    /// The table
    #[arg(value_name = "DATASET/TABLE")]
    target: Target,
    /// Columns and their values, or the values of the primary key
    #[arg(value_name = "KEY")]
    key: Vec<String>,
    /// Look into this date
    #[arg(long, value_name = "DATE")]
    date: Option<ServiceDate>,
    /// Rows that are told at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// The language of the answer
    #[arg(long = "lang", value_enum, default_value_t = Language::En)]
    language: Language,
    /// Write the answer as JSON, in both languages
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    answer(root, arguments).unwrap_or_else(|exit| exit)
}

fn answer(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let Target { dataset, table: Some(table) } = &arguments.target else {
        return Err(usage("rows are those of a table. Write DATASET/TABLE."));
    };
    let (workspace, bucket) = open(root)?;
    let (key, date) = (arguments.key.as_slice(), arguments.date);
    let question = Question { workspace: &workspace, bucket: &bucket, dataset, table, key, date };
    let trace = trace(&question).map_err(|error| match error {
        TraceError::Usage(message) => usage(&message),
        TraceError::Run(error) => failed(&error, false, None),
    })?;
    if arguments.json {
        // Made of texts, finite numbers and lists, which always serialise.
        println!("{}", serde_json::to_string(&trace).unwrap_or_default());
    } else {
        print!("{}", harmless(&text(&trace, arguments.language, arguments.limit)));
    }
    Ok(if trace.is_explained() { Exit::Done } else { Exit::Found })
}
