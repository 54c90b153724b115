//! `fahrtenbuch compact`

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::acting::{not_done, open, open_to_act};
use crate::cli::attempted;
use crate::cli::exit::Exit;
use crate::cli::opened::clock_is_set;
use crate::cli::terminal::count;
use crate::pipeline::run::releases::{
    ActContext, Compactable, Compacted, DueMonth, compact, compactable, replay_months,
};
use crate::report::words::grouped;

/// Months that are listed.
const SHOWN: usize = 20;

#[derive(clap::Args)]
#[command(after_help = "\
A question over years asks for every file of a table. This puts the days of each past month into one more file below revised/, in
month=YYYY-MM/, which the catalogue for SQL engines names in their place. The days stay as they are, for all who read files. A month
is due when it is over for longer than evidence may come in late ('late' of the pipeline's schedule; 7 days without one). When one
of its days is revised or withdrawn, the month's file is named no more, and it is made again; so is one that is gone from the bucket or
has another length. It is made of the files of the days alone: --replay makes all of them again and compares the bytes. The older files
of a month go by 'fahrtenbuch gc'.

Killed at any moment, it has published nothing or is finished by the next time.

Exit codes: 0 done, also if nothing was due; 4 if a file of a day or month is damaged, or an index cannot be read; 1 if the bucket
does not answer; 42 if a row group takes more than 'limits: memory'.

Examples:
  fahrtenbuch compact --dry-run
  fahrtenbuch compact                 as a daily job: 'schedule: {compact: \"04:15\"}' in fahrtenbuch.yaml")]
pub(super) struct Arguments {
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Make the files of all months again from those of their days, and compare them; nothing is published
    #[arg(long, conflicts_with = "dry_run")]
    replay: bool,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    /// Write into the log of the schedule that it was tried, so that 'plan' knows of it: for other schedulers
    #[arg(long, conflicts_with_all = ["dry_run", "replay"])]
    attempt: bool,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        self.dry_run || self.replay
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    if arguments.attempt {
        return attempted::chore(root, "compact").unwrap_or_else(|exit| exit);
    }
    ended(root, arguments).unwrap_or_else(|exit| exit)
}

fn ended(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    clock_is_set()?;
    let (workspace, bucket) = open(root)?;
    if arguments.dry_run {
        let found = compactable(&workspace, &bucket).map_err(|error| not_done(&error))?;
        return Ok(tell(arguments, &found, &Compacted::default()));
    }
    let (lock, bucket) = open_to_act(&workspace)?;
    let context = ActContext { workspace: &workspace, bucket: &bucket, lock: &lock };
    if arguments.replay {
        let (same, problems) = replay_months(&context).map_err(|error| not_done(&error))?;
        problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
        match arguments.json {
            true => println!("{}", json!({"same": same, "problems": problems})),
            false => println!("{} made again with the same bytes", count(same as u64, "month was", "months were")),
        }
        return Ok(if problems.is_empty() { Exit::Done } else { Exit::Found });
    }
    let (found, done) = compact(&context).map_err(|error| not_done(&error))?;
    Ok(tell(arguments, &found, &done))
}

fn tell(arguments: &Arguments, found: &Compactable, done: &Compacted) -> Exit {
    found.problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    match arguments.json {
        true => println!("{}", to_json(arguments.dry_run, found, done)),
        false => show(arguments.dry_run, found, done),
    }
    if found.problems.is_empty() { Exit::Done } else { Exit::Found }
}

fn to_json(is_dry_run: bool, found: &Compactable, done: &Compacted) -> Value {
    let due = found.due.iter().map(|DueMonth { dataset, table, month, days }| {
        json!({"dataset": dataset, "table": table, "month": month, "days": days.len(),
            "rows": days.iter().map(|day| day.rows).sum::<u64>(), "bytes": days.iter().map(|day| day.bytes).sum::<u64>()})
    });
    let made = done.made.iter().map(|((dataset, table), of)| {
        json!({"dataset": dataset, "table": table, "month": of.month, "path": of.path, "days": of.parts.len(),
            "rows": of.rows, "bytes": of.bytes, "sha256": of.sha256})
    });
    json!({
        "dry_run": is_dry_run,
        "due": due.collect::<Value>(),
        "made": made.collect::<Value>(),
        "standing": found.standing,
        "unfit": done.unfit,
        "records": done.records,
        "problems": found.problems,
    })
}

fn show(is_dry_run: bool, found: &Compactable, done: &Compacted) {
    done.unfit.iter().for_each(|why| println!("  {why}"));
    if is_dry_run {
        for DueMonth { dataset, table, month, days } in found.due.iter().take(SHOWN) {
            println!("  would be one file: {dataset}/{table} {month}, {}", count(days.len() as u64, "day", "days"));
        }
    }
    for ((dataset, table), of) in done.made.iter().take(SHOWN) {
        let (days, bytes) = (count(of.parts.len() as u64, "day", "days"), grouped(of.bytes, ","));
        println!("  {dataset}/{table} {}: {days} in one file, {bytes} bytes", of.month);
    }
    let all = found.due.len().max(done.made.len());
    if all > SHOWN {
        println!("  and {} more, which --json names", all - SHOWN);
    }
    let would = if is_dry_run { "would be compacted" } else { "compacted" };
    let standing = count(found.standing as u64, "month was", "months were");
    println!("{} {would}; {standing} in one file before", count(all as u64, "month", "months"));
}
