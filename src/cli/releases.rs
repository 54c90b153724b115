//! `fahrtenbuch releases`

mod differences;
mod list;
mod rollback;

use std::path::Path;

use clap::{Args, Subcommand};

use crate::cli::exit::Exit;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch releases list                                             what is published, by table
  fahrtenbuch releases list stadtbus-telemetrie/vehicle_locations       its versions: when, what, why
  fahrtenbuch releases diff stadtbus-telemetrie/vehicle_locations 41 42
  fahrtenbuch releases rollback stadtbus-telemetrie/vehicle_locations --to 41 --dry-run \\
      --by Datenmanagement --reason 'The clocks of line 4 were wrong'")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List what is published, or the versions of a table: when, by which run, what, and why
    List(list::List),
    /// Tell what differs between two versions of a table
    Diff(differences::Differences),
    /// Make the files of an older version current again, as a new version
    Rollback(rollback::Rollback),
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        match &self.command {
            Command::List(_) | Command::Diff(_) => true,
            Command::Rollback(rollback) => rollback.dry_run,
        }
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::List(list) => list::run(root, list),
        Command::Diff(differences) => differences::run(root, differences),
        Command::Rollback(rollback) => rollback::run(root, rollback),
    };
    done.unwrap_or_else(|exit| exit)
}
