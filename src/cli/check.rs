//! `fahrtenbuch check`

use std::path::Path;

use crate::cli::{Exit, tell};
use crate::workspace::Workspace;

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
    let problems = read.as_ref().err().cloned().unwrap_or_default();
    if arguments.json {
        println!("{}", serde_json::json!({ "mistakes": problems }));
    } else if let Ok(workspace) = &read {
        let contracts: usize = workspace.pipelines.iter().map(|pipeline| pipeline.contracts.contracts.len()).sum();
        println!("{} pipelines and the {contracts} contracts of their feeds: no mistakes", workspace.pipelines.len());
    } else {
        tell(&problems);
    }
    if problems.is_empty() { Exit::Done } else { Exit::Usage }
}
