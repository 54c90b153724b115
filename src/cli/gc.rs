//! `fahrtenbuch gc`

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::acting::{not_done, open, open_to_act};
use crate::cli::attempted;
use crate::cli::exit::Exit;
use crate::cli::opened::clock_is_set;
use crate::cli::terminal::count;
use crate::pipeline::run::releases::{ActContext, Collected, Garbage, Superseded, collect, garbage};
use crate::report::words::grouped;

/// Files that are listed.
const SHOWN: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
Deletes files below revised/ that later releases have replaced for longer than 'retention: superseded' in fahrtenbuch.yaml (12 months
unless it says otherwise). What the newest version names stays, and so do the files of the newest sixty complete releases of a
table, which the catalogue tells of. Below data/ nothing is deleted. Each deletion stands in the ledger (fahrtenbuch-gc/1) and its log.

Exit codes: 0 done, also if nothing was due; 4 if something was left that somebody should look at; 1 if the bucket does not answer.

Examples:
  fahrtenbuch gc --dry-run
  fahrtenbuch gc                 as a daily job: 'schedule: {gc: \"04:45\"}' in fahrtenbuch.yaml")]
pub(super) struct Arguments {
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write into the log of the schedule that it was tried, so that 'plan' knows of it: for other schedulers
    #[arg(long, conflicts_with = "dry_run")]
    attempt: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.dry_run
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    if arguments.attempt {
        return attempted::chore(root, "gc").unwrap_or_else(|exit| exit);
    }
    ended(root, arguments).unwrap_or_else(|exit| exit)
}

fn ended(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let (workspace, bucket) = open(root)?;
    let (mut garbage, collected) = if arguments.dry_run {
        (garbage(&workspace, &bucket).map_err(|error| not_done(&error))?, Collected::default())
    } else {
        let (lock, bucket) = open_to_act(&workspace)?;
        let context = ActContext { workspace: &workspace, bucket: &bucket, lock: &lock };
        collect(&context).map_err(|error| not_done(&error))?
    };
    let due = std::mem::take(&mut garbage.due).into_values().flatten();
    let files: Vec<Superseded> = due.chain(collected.deleted.iter().cloned()).collect();
    for problem in &garbage.problems {
        eprintln!("warning: {problem}");
    }
    match arguments.json {
        true => println!("{}", to_json(&files, &garbage, &collected, arguments.dry_run)),
        false => show(&files, &garbage, arguments.dry_run),
    }
    Ok(if garbage.problems.is_empty() { Exit::Done } else { Exit::Found })
}

fn freed(files: &[Superseded]) -> u64 {
    files.iter().map(|of| of.file.bytes).sum()
}

fn to_json(files: &[Superseded], garbage: &Garbage, collected: &Collected, is_dry_run: bool) -> Value {
    let listed = files.iter().map(|of| {
        json!({"path": of.file.path, "bytes": of.file.bytes, "sha256": of.file.sha256, "version": of.version,
            "superseded_at": of.at})
    });
    json!({
        "dry_run": is_dry_run,
        "files": listed.collect::<Value>(),
        "bytes": freed(files),
        "kept": {"files": garbage.kept, "bytes": garbage.kept_bytes},
        "records": collected.records,
        "problems": garbage.problems,
    })
}

fn show(files: &[Superseded], garbage: &Garbage, is_dry_run: bool) {
    let would = if is_dry_run { "would be deleted" } else { "deleted" };
    for of in files.iter().take(SHOWN) {
        println!("  {would}: {}, superseded {}", of.file.path, of.at);
    }
    if files.len() > SHOWN {
        println!("  and {} more, which --json names", files.len() - SHOWN);
    }
    let (deleted, bytes) = (count(files.len() as u64, "file", "files"), grouped(freed(files), ","));
    let kept = count(garbage.kept as u64, "superseded file stays", "superseded files stay");
    println!("{deleted} {would}, {bytes} bytes; {kept}");
}
