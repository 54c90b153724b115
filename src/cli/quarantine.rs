//! `fahrtenbuch quarantine`

mod decide;
mod failure;
mod held;
mod list;
mod partition;
mod show;

use std::path::Path;

use clap::{ArgGroup, Args, Subcommand};

use self::decide::{Action, Decide};
use self::failure::Failure;
use self::list::List;
use self::show::Show;
use crate::cli::exit::Exit;
use crate::cli::opened::read_workspace;
use crate::cli::run::failed;
use crate::decision::DecisionError;
use crate::quarantine::QuarantineError;

#[derive(Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch quarantine list
  fahrtenbuch quarantine show stadtbus-telemetrie/vehicle_locations --date 2026-11-24

Rows leave the quarantine with a new release when what held them is mended and the partition
is run again: a rule, a mapping file of ids (see 'mappings' of a pipeline), or a decision to
release or discard them.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell how many rows each rule holds back
    List(List),
    /// Show rows that are held back, with their private columns
    Show(Show),
    /// Let rows pass although rules named them, with the next run
    #[command(group(ArgGroup::new("which").required(true).args(["rule", "row", "all"])), after_help = RELEASE)]
    Release(Decide),
    /// Drop rows for good, with the next run
    #[command(group(ArgGroup::new("which").required(true).args(["rule", "row", "all"])), after_help = DISCARD)]
    Discard(Decide),
}

const RELEASE: &str = "\
Examples:
  fahrtenbuch quarantine release stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --rule vehicle_locations.primary_key --by Datenmanagement \\
      --reason 'Two receivers in one bus, both are right'
  fahrtenbuch quarantine release stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --row 5f0c1d2e3a4b5c6d --by Datenmanagement --reason 'It was a test drive'

With --rule, rows pass that rule; what other rules hold, they hold on. With --row and --all,
rows pass all rules that hold them. A rule that names a row later holds it again.

Name and reason are published in the run record; the rows are not. To take a decision back, see
'fahrtenbuch decisions list' and 'fahrtenbuch decisions undo'.";

const DISCARD: &str = "\
Examples:
  fahrtenbuch quarantine discard stadtbus-telemetrie/vehicle_locations --date 2026-11-24 \\
      --rule vehicle_locations.primary_key --by Datenmanagement \\
      --reason 'The same report twice'

Name and reason are published in the run record; the rows are not. To take a decision back, see
'fahrtenbuch decisions list' and 'fahrtenbuch decisions undo'.";

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        matches!(self.command, Command::List(_) | Command::Show(_))
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    let done = match &arguments.command {
        Command::List(list) => list::list(&workspace, list),
        Command::Show(show) => show::show(&workspace, show),
        Command::Release(decide) => decide::decide(&workspace, decide, Action::Release),
        Command::Discard(decide) => decide::decide(&workspace, decide, Action::Discard),
    };
    let (message, exit) = match done {
        Ok(()) => return Exit::Done,
        Err(Failure::Usage(message)) => (message, Exit::Usage),
        Err(Failure::Quarantine(error)) => {
            let exit = match error {
                QuarantineError::File { .. } => Exit::Transient,
                QuarantineError::Content { .. } => Exit::Permanent,
            };
            (error.to_string(), exit)
        }
        Err(Failure::Decision(error)) => {
            let exit = match error {
                DecisionError::File { .. } => Exit::Transient,
                DecisionError::Line { .. } | DecisionError::Person { .. } => Exit::Usage,
            };
            (error.to_string(), exit)
        }
        Err(Failure::Run(error)) => return failed(&error, false, None),
    };
    eprintln!("error: {message}");
    exit
}
