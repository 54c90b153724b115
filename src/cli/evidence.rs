//! `fahrtenbuch evidence`

mod explained;
mod export;
mod gaps;
mod import;
mod instant;
mod list;
mod purge;
mod said;
mod seal;
mod show;
mod source;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};

use crate::cli::attempted;
use crate::cli::decisions::Decider;
use crate::cli::evidence::said::program;
use crate::cli::exit::Exit;
use crate::cli::lost::take_lock;
use crate::cli::opened::{choose, read_outline, read_workspace};
use crate::cli::run::failed;
use crate::decision::{self, About, AcceptedDecisions, AcceptedEvidence, AcceptedKey};
use crate::pipeline::journal;
use crate::pipeline::run::day_key::{day_keys, key_digest};
use crate::pipeline::run::{RunContext, RunError, changes, open_bucket};
use crate::time::ServiceDate;
use crate::workspace::Workspace;
use crate::workspace::outline::Needs;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Explain every beat of a period: bodies, unchanged, frozen, failed, skipped, off
    #[command(after_help = gaps::HELP)]
    Gaps(gaps::Gaps),
    /// Turn files that somebody collected into evidence, with the times that their names tell
    #[command(after_help = import::HELP)]
    Import(import::Import),
    /// Tell what there is of each source and date
    #[command(after_help = list::HELP)]
    List(list::List),
    /// Show one capture: its headers, what it is, its digest
    #[command(after_help = show::HELP)]
    Show(show::Show),
    /// Pack hours that are over into archives of a quarter to a ninth of the bytes, with the same records
    #[command(after_help = seal::HELP)]
    Seal(seal::Seal),
    /// Read every archive to its end and tell what is damaged, missing or changed
    #[command(after_help = verify::HELP)]
    Verify(verify::Verify),
    /// Write the records of a source as plain WARC 1.1, for other tools
    #[command(after_help = export::HELP)]
    Export(export::Export),
    /// Destroy what is older than retention allows, and leave a record of it
    #[command(after_help = purge::HELP)]
    Purge(purge::Purge),
    /// Use what there is of a date although its last record says something else
    #[command(after_help = ACCEPT)]
    Accept(Accept),
}

const ACCEPT: &str = "\
Example:
  fahrtenbuch evidence accept stadtbus-telemetrie --date 2026-11-24 --by Datenmanagement \\
      --reason 'A disk of the archive failed'

A run is refused where captures that the last record of its date names are gone, where others
came in between, or where the key of the date is another one. This accepts what there is now:
a later loss is refused again. Where the key is gone, a new one is made, and all pseudonyms of
the date change. Name and reason are published in the run record. To take it back, see
'fahrtenbuch decisions'.";

#[derive(Args)]
struct Accept {
    /// The pipeline
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// The date of the partition
    #[arg(long, value_name = "DATE")]
    date: ServiceDate,
    #[command(flatten)]
    decider: Decider,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        match &self.command {
            Command::Gaps(_) | Command::List(_) | Command::Show(_) | Command::Verify(_) => true,
            Command::Import(import) => import.dry_run,
            Command::Purge(purge) => purge.dry_run,
            Command::Seal(_) | Command::Export(_) | Command::Accept(_) => false,
        }
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    if matches!(&arguments.command, Command::Purge(purge) if purge.attempt) {
        return attempted::chore(root, "purge").unwrap_or_else(|exit| exit);
    }
    let read = match &arguments.command {
        Command::Accept(_) => read_workspace(root),
        Command::Import(import) => read_outline(root, Needs::Importing(import.pipeline())),
        Command::Purge(_) => read_outline(root, Needs::Destroying),
        _ => read_outline(root, Needs::Stores),
    };
    let workspace = match read {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    match &arguments.command {
        Command::Gaps(gaps) => gaps::run(&workspace, gaps).unwrap_or_else(|exit| exit),
        Command::Verify(verify) => verify::run(&workspace, verify).unwrap_or_else(|exit| exit),
        Command::Export(export) => export::run(&workspace, export).unwrap_or_else(|exit| exit),
        Command::Import(import) => import::run(&workspace, import).unwrap_or_else(|exit| exit),
        Command::List(list) => list::run(&workspace, list).unwrap_or_else(|exit| exit),
        Command::Show(show) => show::run(&workspace, show).unwrap_or_else(|exit| exit),
        Command::Seal(seal) => seal::run(&workspace, seal).unwrap_or_else(|exit| exit),
        Command::Purge(purge) => purge::run(&workspace, purge).unwrap_or_else(|exit| exit),
        Command::Accept(accept) => self::accept(&workspace, accept).unwrap_or_else(|exit| exit),
    }
}

fn accept(workspace: &Workspace, arguments: &Accept) -> Result<Exit, Exit> {
    let pipeline = choose(workspace, std::slice::from_ref(&arguments.pipeline))?;
    let Some(pipeline) = pipeline.first() else { return Err(Exit::Usage) };
    let decided = arguments.decider.check(workspace).map_err(|message| {
        eprintln!("error: {message}");
        Exit::Usage
    })?;
    let failed = |error: RunError| failed(&error, false, Some(&pipeline.name));
    let mut lock = take_lock(workspace).map_err(failed)?;
    let bucket = open_bucket(workspace, &mut lock).map_err(failed)?;
    let date = arguments.date;
    let _mine = lock.partition(&pipeline.name, date).map_err(failed)?;
    let context = RunContext { workspace, pipeline, bucket: &bucket, lock: &lock, progress: &|_, _| {} };
    let changes = changes(&context, date).map_err(failed)?;
    let Some(changes) = changes.filter(|changes| !changes.is_empty()) else {
        println!("{} {date}: there is nothing to accept", pipeline.name);
        return Ok(Exit::Done);
    };
    let mut decisions = Vec::new();
    for change in &changes.evidence {
        let (accepted, lines) = change.accepted();
        let kept = journal::keep_list(&workspace.private, &pipeline.name, date, &accepted, &lines);
        kept.map_err(|error| failed(RunError::private(&workspace.private.join("journal"), "written", &error)))?;
        decisions.push(decided.about(About::AcceptEvidence(AcceptedEvidence {
            pipeline: pipeline.name.clone(),
            date,
            source: change.source.clone(),
            known: change.known.sha256,
            accepted,
            missing: change.missing.len() as u64,
            extra: change.extra.len() as u64,
        })));
    }
    if let Some(change) = &changes.key {
        let keys = day_keys(workspace).key(date);
        let key =
            keys.map_err(|error| failed(RunError::private(&workspace.private.join("keys"), "written", &error)))?;
        decisions.push(decided.about(About::AcceptKey(AcceptedKey {
            pipeline: pipeline.name.clone(),
            date,
            known: change.known,
            accepted: key_digest(&key),
        })));
    }
    if !changes.decisions.is_empty() {
        decisions.push(decided.about(About::AcceptDecisions(AcceptedDecisions {
            pipeline: pipeline.name.clone(),
            date,
            missing: changes.decisions.iter().map(|entry| entry.id.clone()).collect(),
        })));
    }
    let ids =
        decision::append(&decision::path(&workspace.private), &decisions).map_err(|error| failed(error.into()))?;
    println!("{} {date}: accepted", pipeline.name);
    for (line, id) in changes.lines().iter().zip(&ids) {
        println!("  {line}  ({id})");
    }
    if !changes.is_evidence_left {
        println!("Nothing is left to run: what was published of {date} stays, and runs pass the date over");
        return Ok(Exit::Done);
    }
    println!("It takes effect with the next run:\n  {} run {} --date {date}", program(workspace), pipeline.name);
    Ok(Exit::Done)
}
