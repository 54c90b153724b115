//! `fahrtenbuch releases diff`

use std::path::Path;

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use serde_json::{Value, json};

use crate::cli::acting::{Target, not_done, open};
use crate::cli::exit::{Exit, usage};
use crate::cli::terminal::listing;
use crate::pipeline::run::releases::{Diff, DiffEntry, diff};
use crate::publish::index::IndexFile;
use crate::report::words::grouped;

/// Dates that are listed.
const SHOWN: usize = 40;

#[derive(Args)]
pub(super) struct Differences {
    /// The table
    #[arg(value_name = "DATASET/TABLE")]
    target: Target,
    /// A version
    #[arg(value_name = "A")]
    from: u64,
    /// Another one
    #[arg(value_name = "B")]
    to: u64,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(root: &Path, arguments: &Differences) -> Result<Exit, Exit> {
    let Target { dataset, table: Some(table) } = &arguments.target else {
        return Err(usage("versions are those of a table. Write DATASET/TABLE."));
    };
    let (_, bucket) = open(root)?;
    let diff = diff(&bucket, (dataset, table), arguments.from, arguments.to).map_err(|error| not_done(&error))?;
    match arguments.json {
        true => println!("{}", to_json(&diff)),
        false => show(&diff),
    }
    Ok(Exit::Done)
}

fn to_json(diff: &Diff) -> Value {
    let file = |file: &Option<IndexFile>, is_gone: bool| {
        file.as_ref().map(|file| {
            json!({"path": file.path, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256,
                "provisional": file.provisional, "withdrawn": is_gone})
        })
    };
    let dates = diff.dates.iter().map(|of| {
        json!({"date": of.date, "change": of.change(), "from": file(&of.from, of.is_from_gone),
            "to": file(&of.to, of.is_to_gone)})
    });
    let changed = diff.columns_changed.iter();
    let changed = changed.map(|(name, from, to)| json!({"name": name, "from": from, "to": to}));
    json!({
        "from": diff.from,
        "to": diff.to,
        "dates": dates.collect::<Value>(),
        "same": diff.same,
        "columns": {"added": diff.columns_added, "gone": diff.columns_gone, "changed": changed.collect::<Value>()},
    })
}

fn show(diff: &Diff) {
    let Diff { from, to, dates, same, .. } = diff;
    if !dates.is_empty() {
        let mut table = listing(["date", "change", "rows before", "rows after", "difference", "bytes after"]);
        dates.iter().take(SHOWN).for_each(|of| _ = table.add_row(row(of)));
        println!("{table}");
    }
    if dates.len() > SHOWN {
        println!("  and {} more dates, which --json names", dates.len() - SHOWN);
    }
    let count = |change: &str| dates.iter().filter(|of| of.change() == change).count();
    println!(
        "from version {from} to {to}: {} added, {} replaced, {} removed, {same} the same",
        count("added"),
        count("replaced"),
        count("removed")
    );
    for (what, names) in [("new columns", &diff.columns_added), ("columns that are gone", &diff.columns_gone)] {
        if !names.is_empty() {
            println!("{what}: {}", names.join(", "));
        }
    }
    for (name, from, to) in &diff.columns_changed {
        println!("column {name}: {from} before, {to} after");
    }
}

fn row(of: &DiffEntry) -> Vec<Cell> {
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let rows = |file: &Option<IndexFile>| file.as_ref().map_or(0, |file| file.rows);
    let shown = |file: &Option<IndexFile>, is_gone: bool| match file {
        Some(file) if is_gone => format!("{} (withdrawn)", grouped(file.rows, ",")),
        Some(file) => grouped(file.rows, ","),
        None => "–".to_owned(),
    };
    let (before, after) = (rows(&of.from), rows(&of.to));
    let sign = if after < before { "−" } else { "+" };
    let bytes = of.to.as_ref().map_or_else(|| "–".to_owned(), |file| grouped(file.bytes, ","));
    vec![
        Cell::new(of.date.to_string()),
        Cell::new(of.change()),
        right(shown(&of.from, of.is_from_gone)),
        right(shown(&of.to, of.is_to_gone)),
        right(format!("{sign}{}", grouped(after.abs_diff(before), ","))),
        right(bytes),
    ]
}
