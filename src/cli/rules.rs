//! `fahrtenbuch rules`

mod explain;
mod list;
mod preview;
mod shared;
mod test;

use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::time::ServiceDate;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch rules list                                     every rule there is
  fahrtenbuch rules explain vehicle_locations.frozen_gps     what it asks, why, how, and its tests
  fahrtenbuch rules test                                     every test of every rule
  fahrtenbuch rules try vehicle_locations.speed_possible     an edited rule on the newest partition: what would change")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the rules: those of the workspace's contracts and the standard rules of GTFS and GTFS-Realtime
    #[command(after_help = "\
Examples:
  fahrtenbuch rules list --table vehicle_locations
  fahrtenbuch rules list --json | jq '.own[] | select(.severity == \"error\")'")]
    List {
        /// Only the rules of a table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell what a rule asks and why, and how it is tested; of a standard notice, what it means and how to mend it
    #[command(after_help = "\
Examples:
  fahrtenbuch rules explain vehicle_locations.frozen_gps
  fahrtenbuch rules explain stop_too_far_from_shape
  fahrtenbuch rules explain E018")]
    Explain { id: String },
    /// Run the tests of rules, which stand in schemas/**/tests/<rule id>.yaml
    #[command(after_help = "\
Examples:
  fahrtenbuch rules test
  fahrtenbuch rules test vehicle_locations      those whose id contains this
  fahrtenbuch rules test --json

Exit code 2 if a test fails.")]
    Test {
        /// Only rules whose id contains this
        filter: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a rule, as it stands in the workspace now, over published and quarantined data, and tell what would change
    #[command(after_help = "\
Examples:
  fahrtenbuch rules try vehicle_locations.speed_possible
  fahrtenbuch rules try vehicle_locations.speed_possible --date 2026-11-24
  fahrtenbuch rules try vehicle_locations.speed_possible data/bucket/data/stadtbus-telemetrie/vehicle_locations/partition_date=2026-11-24/part-….parquet

Nothing is changed. Values that rules nulled before are absent in what was published.")]
    Try {
        rule: String,
        /// A Parquet file, published or of the quarantine; without one, the newest partition
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The partition
        #[arg(long, value_name = "DATE")]
        date: Option<ServiceDate>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::List { table, json } => list::list(root, table.as_deref(), *json),
        Command::Explain { id } => explain::explain(root, id),
        Command::Test { filter, json } => test::test(root, filter.as_deref(), *json),
        Command::Try { rule, file, date, json } => preview::try_on(root, rule, file.as_deref(), *date, *json),
    }
}
