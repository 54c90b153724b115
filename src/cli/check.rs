//! `fahrtenbuch check`

use std::path::Path;

use crate::cli::{Exit, tell};
use crate::contract::cases;
use crate::contract::library::Library;
use crate::workspace::{Workspace, contract_folders};
use crate::yaml::Problem;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch check
  fahrtenbuch -C /srv/offenburg check --json")]
pub struct Arguments {
    /// Write the mistakes as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
    let read = Workspace::read(root);
    let mut problems = read.as_ref().err().cloned().unwrap_or_default();
    problems.extend(tests(root));
    problems.sort();
    if arguments.json {
        println!("{}", serde_json::json!({ "mistakes": problems }));
    } else if let (Ok(workspace), true) = (&read, problems.is_empty()) {
        let contracts: usize = workspace.pipelines.iter().map(|pipeline| pipeline.contracts.contracts.len()).sum();
        println!("{} pipelines and the {contracts} contracts of their feeds: no mistakes", workspace.pipelines.len());
    } else {
        tell(&problems);
    }
    if problems.is_empty() { Exit::Done } else { Exit::Usage }
}

/// Mistakes in the tests of rules, and rules that lack one.
fn tests(root: &Path) -> Vec<Problem> {
    let mut found = Vec::new();
    for folder in contract_folders(root) {
        // What keeps a folder from being read was told already.
        let Ok(library) = Library::read(&folder) else { continue };
        let (tests, mut problems) = cases::read_all(&folder, &library);
        found.extend(cases::untested(&folder, &library, &tests, &problems));
        found.append(&mut problems);
    }
    found
}
